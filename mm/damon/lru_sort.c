// SPDX-License-Identifier: GPL-2.0
/*
 * damon_lru_sort: have the LRU lists reflect accesses, so that reclaim finds
 * what is cold.
 *
 * Two schemes, one that activates hot memory and one that deactivates cold
 * memory, share the time quota.  With a goal for the active share of memory
 * each works until the share is there, and the two overlap by 2/10000 so that
 * they do not rest on both sides of it.
 */

#include <linux/damon.h>
#include <linux/err.h>
#include <linux/init.h>

#include <kunit/visibility.h>

#include "lru_sort.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "damon_lru_sort."

static struct damon_lru_sort_params params = {
	.sched = DAMON_SCHED_DEFAULTS(200, 150, 50),
	.hot_permil = 500,
	.cold_min_age = 120 * USEC_PER_SEC,
};

/* Of the hot and of the cold scheme. */
static struct damos_stat stats[2];

/* What differs between the two schemes. */
struct side {
	enum damos_action action;
	struct damos_access_pattern pattern;
	enum damos_quota_goal_metric metric;
	unsigned long target_bp;
	bool rejects_young;
};

static unsigned int hot_accesses(const struct damon_lru_sort_params *p)
{
	const struct damon_attrs attrs = damon_sched_attrs(&p->sched);
	u64 nr = damon_nr_samples_per_aggr(&attrs);

	nr *= min_t(unsigned long, p->hot_permil, U32_MAX);
	return min_t(u64, div_u64(nr, 1000), UINT_MAX);
}

static int add_details(struct damos *s, const struct side *side,
		       const struct damon_lru_sort_params *p)
{
	struct damos_quota_goal *goal;
	struct damos_filter *filter;

	if (p->active_mem_bp) {
		goal = damos_new_quota_goal(side->metric, side->target_bp);
		if (!goal)
			return -ENOMEM;
		damos_add_quota_goal(&s->quota, goal);
	}
	if (p->filter_young) {
		filter = damos_new_filter(DAMOS_FILTER_TYPE_YOUNG,
					  side->rejects_young, false);
		if (!filter)
			return -ENOMEM;
		damos_add_filter(s, filter);
	}
	return 0;
}

static int add_scheme(struct damon_ctx *ctx, const struct side *side,
		      const struct damon_lru_sort_params *p)
{
	const struct damos_quota quota = {
		.reset_interval = p->sched.quota_reset_ms,
		.ms = p->sched.quota_ms / 2,
		.weight_nr_accesses = 1,
		.weight_age = 1,
	};
	struct damos *s;

	s = damon_new_scheme(&side->pattern, side->action, 0, &quota,
			     &p->sched.wmarks, NUMA_NO_NODE);
	if (!s)
		return -ENOMEM;
	damon_add_scheme(ctx, s);
	return add_details(s, side, p);
}

static struct side hot_side(const struct damon_lru_sort_params *p)
{
	return (struct side) {
		.action = DAMOS_LRU_PRIO,
		.pattern = {
			.min_sz_region = PAGE_SIZE,
			.max_sz_region = ULONG_MAX,
			.min_nr_accesses = hot_accesses(p),
			.max_nr_accesses = UINT_MAX,
			.max_age_region = UINT_MAX,
		},
		.metric = DAMOS_QUOTA_ACTIVE_MEM_BP,
		.target_bp = p->active_mem_bp,
	};
}

static struct side cold_side(const struct damon_lru_sort_params *p)
{
	return (struct side) {
		.action = DAMOS_LRU_DEPRIO,
		.pattern = {
			.min_sz_region = PAGE_SIZE,
			.max_sz_region = ULONG_MAX,
			.min_age_region = damon_sched_age(&p->sched,
							  p->cold_min_age),
			.max_age_region = UINT_MAX,
		},
		.metric = DAMOS_QUOTA_INACTIVE_MEM_BP,
		.target_bp = 10000 - p->active_mem_bp + 2,
		.rejects_young = true,
	};
}

VISIBLE_IF_KUNIT int
damon_lru_sort_add_schemes(struct damon_ctx *ctx,
			   const struct damon_lru_sort_params *p)
{
	struct side hot, cold;

	if (!p->sched.attrs.sample_interval ||
	    !damon_sched_attrs(&p->sched).aggr_interval ||
	    p->active_mem_bp > 10000)
		return -EINVAL;
	hot = hot_side(p);
	cold = cold_side(p);
	return add_scheme(ctx, &hot, p) ?: add_scheme(ctx, &cold, p);
}

static int build(struct damon_ctx *ctx)
{
	return damon_sched_fill(ctx, &params.sched) ?:
	       damon_lru_sort_add_schemes(ctx, &params);
}

static struct damon_module lru_sort = {
	.build = build, .stats = stats, .nr_stats = ARRAY_SIZE(stats),
	.region = &params.sched.region,
};

module_param_cb(enabled, &damon_module_enabled_ops, &lru_sort, 0600);
module_param_cb(kdamond_pid, &damon_module_pid_ops, &lru_sort, 0400);
module_param_cb(commit_inputs, &damon_module_commit_ops, &lru_sort, 0600);
DAMON_SCHED_PARAMS;
module_param_named(hot_thres_access_freq, params.hot_permil, ulong, 0600);
module_param_named(cold_min_age, params.cold_min_age, ulong, 0600);
module_param_named(active_mem_bp, params.active_mem_bp, ulong, 0600);
module_param_named(filter_young_pages, params.filter_young, bool, 0600);
module_param_named(nr_lru_sort_tried_hot_regions, stats[0].nr_tried, ulong, 0400);
module_param_named(bytes_lru_sort_tried_hot_regions, stats[0].sz_tried, ulong, 0400);
module_param_named(nr_lru_sorted_hot_regions, stats[0].nr_applied, ulong, 0400);
module_param_named(bytes_lru_sorted_hot_regions, stats[0].sz_applied, ulong, 0400);
module_param_named(nr_hot_quota_exceeds, stats[0].qt_exceeds, ulong, 0400);
module_param_named(nr_lru_sort_tried_cold_regions, stats[1].nr_tried, ulong, 0400);
module_param_named(bytes_lru_sort_tried_cold_regions, stats[1].sz_tried, ulong, 0400);
module_param_named(nr_lru_sorted_cold_regions, stats[1].nr_applied, ulong, 0400);
module_param_named(bytes_lru_sorted_cold_regions, stats[1].sz_applied, ulong, 0400);
module_param_named(nr_cold_quota_exceeds, stats[1].qt_exceeds, ulong, 0400);

static int __init damon_lru_sort_init(void)
{
	return damon_module_init(&lru_sort);
}
device_initcall(damon_lru_sort_init);
