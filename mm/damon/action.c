// SPDX-License-Identifier: GPL-2.0
/*
 * The actions of schemes, and which regions they are for first.
 *
 * Where a quota allows for only some regions, those of the highest priority
 * are chosen.  Hotness, 0 to 99, is the mean of two shares, by the weights of
 * the quota, and coldness is the rest to 99:
 *
 *	frequency	accesses of the samples, 0 to 100
 *	age		how long the region has been as it is, on a logarithmic
 *			scale: with n = min(1 + log2 of the seconds, 32), 0 below
 *			a second, (32 + n) of 64 for what is accessed and
 *			(32 - n) for what is not, as 0 to 100
 *
 * To add an action: its line in enum damos_action with a line of kernel-doc,
 * its row here, and what carries it out in the operations sets that can.
 */

#include <linux/bits.h>
#include <linux/log2.h>

#include "internal.h"
#include "kinds.h"

#define MAX_AGE_LOG	32
/* Whatever is that old has the largest share. */
#define LONG_AGGR_US	BIT_ULL(51)

const struct damos_action_kind damos_action_kinds[] = {
	[DAMOS_WILLNEED] = { "willneed" },
	[DAMOS_COLD] = { "cold" },
	[DAMOS_PAGEOUT] = { "pageout", .priority = DAMOS_COLD_FIRST },
	[DAMOS_HUGEPAGE] = { "hugepage" },
	[DAMOS_NOHUGEPAGE] = { "nohugepage" },
	[DAMOS_COLLAPSE] = { "collapse" },
	[DAMOS_LRU_PRIO] = { "lru_prio", .priority = DAMOS_HOT_FIRST },
	[DAMOS_LRU_DEPRIO] = { "lru_deprio", .priority = DAMOS_COLD_FIRST },
	[DAMOS_MIGRATE_HOT] = { "migrate_hot", .priority = DAMOS_HOT_FIRST },
	[DAMOS_MIGRATE_COLD] = { "migrate_cold", .priority = DAMOS_COLD_FIRST },
	[DAMOS_STAT] = { "stat", .keeps_age = true },
};

static_assert(ARRAY_SIZE(damos_action_kinds) == NR_DAMOS_ACTIONS);

/**
 * damos_action_name() - Keyword of an action.
 * @action:	an &enum damos_action
 *
 * Return: the keyword, or NULL when there is no such action.
 */
const char *damos_action_name(unsigned int action)
{
	return action < NR_DAMOS_ACTIONS ? damos_action_kinds[action].name : NULL;
}

/* 0 to 100, of what is, or is not, @accessed. */
static unsigned int age_share(const struct damon_attrs *attrs,
			      unsigned int age, bool accessed)
{
	u64 aggr_us = min_t(u64, attrs->aggr_interval, LONG_AGGR_US);
	u64 sec = mul_u64_u64_div_u64(age, aggr_us, USEC_PER_SEC);
	int n = sec ? min(ilog2(sec) + 1, MAX_AGE_LOG) : 0;

	return (MAX_AGE_LOG + (accessed ? n : -n)) * 100 / (2 * MAX_AGE_LOG);
}

static unsigned int hotness(const struct damon_attrs *attrs, unsigned int age,
			    unsigned int nr_accesses, const struct damos_quota *q)
{
	u64 weights = (u64)q->weight_nr_accesses + q->weight_age;
	u64 share = div_u64((u64)nr_accesses * 100,
			    damon_nr_samples_per_aggr(attrs));
	u64 hot = share * q->weight_nr_accesses +
		  (u64)age_share(attrs, age, share) * q->weight_age;

	if (weights)
		hot = div64_u64(hot, weights);
	return min_t(u64, hot * DAMOS_MAX_SCORE / 100, DAMOS_MAX_SCORE);
}

/**
 * damos_priority() - Priority of a region for a scheme.
 * @ctx:	the context of both
 * @r:		the region
 * @s:		the scheme
 *
 * For operations sets to use as &damon_operations.get_scheme_score.
 *
 * Return: 0 to DAMOS_MAX_SCORE.
 */
int damos_priority(struct damon_ctx *ctx, struct damon_region *r,
		   struct damos *s)
{
	enum damos_priority which = damos_action_kinds[s->action].priority;
	unsigned int hot;

	if (which == DAMOS_ALIKE)
		return DAMOS_MAX_SCORE;
	hot = hotness(&ctx->attrs, r->age, damon_nr_accesses_mvsum(r, ctx),
		      &s->quota);
	return which == DAMOS_HOT_FIRST ? hot : DAMOS_MAX_SCORE - hot;
}
