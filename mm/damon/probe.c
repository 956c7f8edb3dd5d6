// SPDX-License-Identifier: GPL-2.0
/*
 * Probes: whether samples have attributes.
 *
 * A region has a count of hits for each probe, in the order of the list: of the
 * running aggregation and of the one before, at most 255.  With N samples in
 * an aggregation and weights w, the score of a region is
 *
 *	sum over probes of hits * w, at most N * sum of w
 *
 * which is why N may be 255 at most, and that limit has to fit unsigned int,
 * where any probe has a weight.
 *
 * To add a type of filters: its line in enum damon_filter_type, its row here.
 *
 * Probes are in use by the kdamond only.
 */

#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "folio.h"
#include "internal.h"
#include "kinds.h"

static bool is_anon(const struct damon_filter *f, struct folio *folio)
{
	return folio_test_anon(folio);
}

static bool is_of_memcg(const struct damon_filter *f, struct folio *folio)
{
	return damon_folio_of_memcg(folio, f->memcg_id);
}

const struct damon_filter_kind damon_filter_kinds[] = {
	[DAMON_FILTER_TYPE_ANON] = { "anon", is_anon },
	[DAMON_FILTER_TYPE_MEMCG] = { "memcg", is_of_memcg, .of_memcg = true },
};

static_assert(ARRAY_SIZE(damon_filter_kinds) == NR_DAMON_FILTER_TYPES);

/**
 * damon_filter_name() - Keyword of a type of filters of probes.
 * @type:	an &enum damon_filter_type
 *
 * Return: the keyword, or NULL when there is no such type.
 */
const char *damon_filter_name(unsigned int type)
{
	return type < NR_DAMON_FILTER_TYPES ? damon_filter_kinds[type].name : NULL;
}

/**
 * damon_filter_has_memcg() - Tell whether a type of filters is about cgroups.
 * @type:	the type
 *
 * Return: true if &damon_filter.memcg_id matters.
 */
bool damon_filter_has_memcg(enum damon_filter_type type)
{
	return damon_filter_kinds[type].of_memcg;
}

/**
 * damon_new_probe() - Make a probe without weight and filters.
 *
 * Context: may sleep.
 * Return: the probe, or NULL when memory is short.
 */
struct damon_probe *damon_new_probe(void)
{
	struct damon_probe *probe = kzalloc(sizeof(*probe), GFP_KERNEL);

	if (!probe)
		return NULL;
	INIT_LIST_HEAD(&probe->filters);
	INIT_LIST_HEAD(&probe->list);
	return probe;
}

/**
 * damon_add_probe() - Append a probe to a context, which destroys it from then on.
 * @ctx:	the context
 * @probe:	a probe that is in no context
 *
 * Context: @ctx does not run, or its kdamond.
 */
void damon_add_probe(struct damon_ctx *ctx, struct damon_probe *probe)
{
	list_add_tail(&probe->list, &ctx->probes);
}

/**
 * damon_destroy_probe() - Unlink and free a probe with its filters.
 * @probe:	the probe, in a context or not
 *
 * Context: its context does not run, or the kdamond.
 */
void damon_destroy_probe(struct damon_probe *probe)
{
	struct damon_filter *f, *next;

	damon_for_each_filter_safe(f, next, probe)
		damon_destroy_filter(f);
	list_del(&probe->list);
	kfree(probe);
}

/**
 * damon_new_filter() - Make a filter of a probe, with all arguments 0.
 * @type:	what to look at
 * @matching:	decide about what is of the type, rather than what is not
 * @allow:	it is a hit, rather than none
 *
 * Context: may sleep.
 * Return: the filter, or NULL when memory is short.
 */
struct damon_filter *damon_new_filter(enum damon_filter_type type,
				      bool matching, bool allow)
{
	struct damon_filter *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (!f)
		return NULL;
	f->type = type;
	f->matching = matching;
	f->allow = allow;
	INIT_LIST_HEAD(&f->list);
	return f;
}

/**
 * damon_add_filter() - Append a filter to a probe, which destroys it from then on.
 * @probe:	the probe
 * @f:		a filter that is in no probe
 *
 * Context: the context of @probe does not run, or its kdamond.
 */
void damon_add_filter(struct damon_probe *probe, struct damon_filter *f)
{
	list_add_tail(&f->list, &probe->filters);
}

/**
 * damon_destroy_filter() - Unlink and free a filter of a probe.
 * @f:	the filter, in a probe or not
 *
 * Context: its context does not run, or the kdamond.
 */
void damon_destroy_filter(struct damon_filter *f)
{
	list_del(&f->list);
	kfree(f);
}

static bool filters_valid(const struct damon_probe *probe)
{
	const struct damon_filter *f;

	damon_for_each_filter(f, probe) {
		if (f->type >= NR_DAMON_FILTER_TYPES)
			return false;
	}
	return true;
}

/* Whether a context can run with the probes of @ctx and @attrs. */
bool damon_probes_valid(const struct damon_ctx *ctx,
			const struct damon_attrs *attrs)
{
	unsigned int nr_samples = damon_nr_samples_per_aggr(attrs);
	const struct damon_probe *probe;
	unsigned int nr = 0, max = 0, most;

	damon_for_each_probe(probe, ctx) {
		if (++nr > DAMON_MAX_PROBES || !filters_valid(probe) ||
		    check_mul_overflow(probe->weight, nr_samples, &most) ||
		    check_add_overflow(max, most, &max))
			return false;
	}
	return !max || nr_samples <= U8_MAX;
}

/**
 * damon_probes_copy() - Copy the probes of a context.
 * @ctx:	the context
 * @probes:	list to append them to
 *
 * Context: may sleep.
 * Return: 0, or -ENOMEM; what is on @probes is to be freed then, too.
 */
int damon_probes_copy(const struct damon_ctx *ctx, struct list_head *probes)
{
	const struct damon_probe *probe;
	const struct damon_filter *f;
	struct damon_filter *new_f;
	struct damon_probe *new;

	damon_for_each_probe(probe, ctx) {
		new = damon_new_probe();
		if (!new)
			return -ENOMEM;
		list_add_tail(&new->list, probes);
		new->weight = probe->weight;
		damon_for_each_filter(f, probe) {
			new_f = kmemdup(f, sizeof(*f), GFP_KERNEL);
			if (!new_f)
				return -ENOMEM;
			damon_add_filter(new, new_f);
		}
	}
	return 0;
}

void damon_probes_free(struct list_head *probes)
{
	struct damon_probe *probe, *next;

	list_for_each_entry_safe(probe, next, probes, list)
		damon_destroy_probe(probe);
}

/* What the regions of @ctx are compared by. */
struct damon_score damon_score(const struct damon_ctx *ctx)
{
	unsigned int nr_samples = damon_nr_samples_per_aggr(&ctx->attrs);
	struct damon_score score = {};
	const struct damon_probe *probe;
	unsigned int i = 0;

	damon_for_each_probe(probe, ctx) {
		score.max += probe->weight * nr_samples;
		score.weights[i++] = probe->weight;
	}
	score.by_probes = score.max;
	if (!score.by_probes)
		score.max = nr_samples;
	return score;
}

static bool is_hit(const struct damon_probe *probe, struct folio *folio)
{
	const struct damon_filter *f;
	bool matches;

	damon_for_each_filter(f, probe) {
		matches = folio && damon_filter_kinds[f->type].match(f, folio);
		if (matches == f->matching)
			return f->allow;
	}
	return list_empty(&probe->filters) ||
	       !list_last_entry(&probe->filters, struct damon_filter, list)->allow;
}

/**
 * damon_count_probe_hits() - Ask all probes about a sample.
 * @ctx:	the context
 * @r:		the region that was sampled
 * @folio:	what was sampled, NULL if it is not on an LRU list
 *
 * For operations sets to use in &damon_operations.apply_probes.
 */
void damon_count_probe_hits(const struct damon_ctx *ctx, struct damon_region *r,
			    struct folio *folio)
{
	const struct damon_probe *probe;
	unsigned char *hits = r->probe_hits;

	damon_for_each_probe(probe, ctx) {
		if (*hits < U8_MAX)
			*hits += is_hit(probe, folio);
		hits++;
	}
}

/**
 * damon_probe_hits_mvsum() - Hits of a probe over the last aggregation interval.
 * @idx:	number of the probe, less than DAMON_MAX_PROBES
 * @r:		the region
 * @ctx:	its context
 *
 * As damon_nr_accesses_mvsum(), for hits; at most 255.
 *
 * Context: kdamond.
 */
unsigned char damon_probe_hits_mvsum(int idx, const struct damon_region *r,
				     struct damon_ctx *ctx)
{
	unsigned int left_bp = damon_window_left_bp(damon_run(ctx));

	return min_t(unsigned int, U8_MAX,
		     damon_mvsum(r->probe_hits[idx], r->last_probe_hits[idx],
				 left_bp));
}

/**
 * damon_probe_hits_wsum() - Hits of all probes, by their weights.
 * @r:		the region
 * @last:	of the last complete aggregation, rather than the running one
 * @ctx:	the context of @r
 *
 * Context: kdamond.
 */
unsigned int damon_probe_hits_wsum(const struct damon_region *r, bool last,
				   struct damon_ctx *ctx)
{
	const unsigned char *hits = last ? r->last_probe_hits : r->probe_hits;
	const struct damon_probe *probe;
	unsigned int sum = 0;

	damon_for_each_probe(probe, ctx)
		sum += probe->weight * *hits++;
	return sum;
}
