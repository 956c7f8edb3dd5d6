// SPDX-License-Identifier: GPL-2.0
/*
 * Split hints: borders of the access pattern that sampling would not find.
 *
 * In each round one page stands for a region.  So a hot spot that is small
 * against its region hardly ever shows: of 20 samples in 1 GiB, one in 50 tries
 * hits a spot of 1 MiB.  Blind cuts do not help, as both parts are seen as idle
 * and merge again.  An operations set may know better at little cost, like
 * page tables that tell of all their entries at once whether any was used.
 *
 * Once an aggregation, before regions are split, the operations set reports
 * ranges, each touched since it was last looked at, or not.  Where two such
 * ranges meet there is a border.  The region around it is cut there if it
 *
 *	was seen accessed	for it reaches into memory that is not
 *	was not			for the touched range has something to show;
 *				unless another region in that range was seen
 *				accessed, which explains it
 *
 * where "seen" is by the samples of the aggregation that has just been completed.
 * A cut is like any other: both parts keep age and counts, have a whole
 * aggregation to be sampled in, and merge again if they turn out to be alike.
 * Hints count nothing.
 *
 * There is a budget of CHECKS for each region that may be, shared by the targets of a
 * context, and a limit of MAX_BORDERS in a pass over a target.  What a check
 * is, and costs, is up to the operations set: about a page-table entry looked
 * at.  It stops where either is used up and goes on there next time.  No more than
 * max_nr_regions regions come of it.
 *
 * Everything here runs in the kdamond.
 */

#include <linux/slab.h>
#include <linux/sort.h>

#include "internal.h"

/* Checks in an aggregation, for each of max_nr_regions. */
#define CHECKS		8

/* Borders to note in one pass over a target. */
#define MAX_BORDERS	256

/**
 * damon_hint() - Report whether a range was touched.
 * @h:		what the hook was given
 * @start:	start of the range
 * @end:	its end
 * @touched:	whether any of it was, since that was last asked
 *
 * Ranges that share a border come one after the other, by ascending address.
 *
 * Context: from &damon_operations.split_hints.
 * Return: whether there is room for more.
 */
bool damon_hint(struct damon_hints *h, unsigned long start, unsigned long end,
		bool touched)
{
	struct damon_addr_range range = { start, end };

	if (start == h->last.end && touched != h->last_touched &&
	    h->nr < h->max)
		h->borders[h->nr++] = (struct damon_border) {
			.addr = start,
			.touched = touched ? range : h->last,
		};
	h->last = range;
	h->last_touched = touched;
	return h->nr < h->max;
}

/**
 * damon_hints_spend() - Pay for checks.
 * @h:		what the hook was given
 * @checks:	how many
 *
 * Return: whether there is budget left.
 */
bool damon_hints_spend(struct damon_hints *h, unsigned long checks)
{
	h->budget -= min(h->budget, checks);
	return h->budget;
}

static int compare_borders(const void *a, const void *b)
{
	unsigned long x = ((const struct damon_border *)a)->addr;
	unsigned long y = ((const struct damon_border *)b)->addr;

	return x < y ? -1 : x > y;
}

/* Mostly they are sorted as they come. */
static void sort_borders(struct damon_hints *h)
{
	unsigned int i;

	for (i = 1; i < h->nr; i++) {
		if (h->borders[i].addr < h->borders[i - 1].addr)
			break;
	}
	if (i < h->nr)
		sort(h->borders, h->nr, sizeof(*h->borders), compare_borders, NULL);
}

/* Whether samples found an access to what overlaps @range, around @r. */
static bool is_seen(const struct damon_target *t, const struct damon_region *r,
		    const struct damon_addr_range *range)
{
	const struct damon_region *other;

	for (other = r; other < damon_regions_end(t) &&
	     other->ar.start < range->end; other++) {
		if (other->last_nr_accesses)
			return true;
	}
	for (other = r; other > t->regions &&
	     other[-1].ar.end > range->start; other--) {
		if (other[-1].last_nr_accesses)
			return true;
	}
	return false;
}

static bool is_wanted(const struct damon_target *t, const struct damon_region *r,
		      const struct damon_border *b)
{
	return r->ar.start < b->addr &&
	       (r->last_nr_accesses || !is_seen(t, r, &b->touched));
}

/**
 * damon_hints_filter() - Sort the borders, and drop those not to cut at.
 * @h:		the borders
 * @t:		the target they are about
 */
void damon_hints_filter(struct damon_hints *h, const struct damon_target *t)
{
	const struct damon_region *r = t->regions, *end = damon_regions_end(t);
	unsigned int i, nr = 0;

	sort_borders(h);
	for (i = 0; i < h->nr; i++) {
		while (r < end && r->ar.end <= h->borders[i].addr)
			r++;
		if (r < end && is_wanted(t, r, &h->borders[i]))
			h->borders[nr++] = h->borders[i];
	}
	h->nr = nr;
}

/* Cut the region at hand at what borders are in it.  Returns the first behind it. */
static const struct damon_border *cut_region(struct damon_rewrite *w,
					     const struct damon_border *b,
					     const struct damon_border *end,
					     unsigned long min_region_sz)
{
	for (; b < end && b->addr < damon_rewrite_cur(w)->ar.end; b++) {
		struct damon_region *r = damon_rewrite_cur(w);
		unsigned long addr = ALIGN_DOWN(b->addr, min_region_sz);

		if (addr <= r->ar.start)
			continue;
		r->calm = 0;
		r->rest = 0;
		damon_rewrite_cut(w, addr - r->ar.start);
	}
	return b;
}

static void cut_regions(struct damon_ctx *ctx, struct damon_target *t,
			const struct damon_hints *h)
{
	const struct damon_border *b = h->borders, *end = b + h->nr;
	struct damon_rewrite w;

	if (!h->nr)
		return;
	damon_rewrite_begin(&w, t, (size_t)t->nr_regions + h->nr);
	while (damon_rewrite_next(&w))
		b = cut_region(&w, b, end, ctx->min_region_sz);
}

static void split_target(struct damon_ctx *ctx, struct damon_target *t,
			 struct damon_hints *h, unsigned long room)
{
	struct damon_target_run *run = damon_target_run(t);

	h->from = run->hints_from;
	/* Nothing ends where the first range starts. */
	h->last = (struct damon_addr_range) { ULONG_MAX, ULONG_MAX };
	h->last_touched = false;
	h->nr = 0;
	h->max = min(MAX_BORDERS, room);
	ctx->ops.split_hints(ctx, t, h);
	run->hints_from = h->from;
	damon_hints_filter(h, t);
	cut_regions(ctx, t, h);
}

static void split_targets(struct damon_ctx *ctx, struct damon_hints *h)
{
	unsigned long max = ctx->attrs.max_nr_regions;
	unsigned long budget = min(max, ULONG_MAX / CHECKS) * CHECKS;
	unsigned long nr_targets = list_count_nodes(&ctx->adaptive_targets);
	struct damon_target *t;

	damon_for_each_target(t, ctx) {
		unsigned long nr = damon_total_regions(ctx);

		if (nr >= max)
			return;
		h->budget = budget / nr_targets--;
		budget -= h->budget;
		split_target(ctx, t, h, max - nr);
		budget += h->budget;
	}
}

/**
 * damon_split_by_hints() - Cut regions where touched memory ends.
 * @run:	the context, between two aggregations
 *
 * Without memory nothing is cut.
 */
void damon_split_by_hints(struct damon_run *run)
{
	struct damon_ctx *ctx = &run->ctx;

	if (!ctx->attrs.split_hints || !ctx->ops.split_hints)
		return;
	if (!run->hints)
		run->hints = kmalloc(struct_size(run->hints, borders, MAX_BORDERS),
				     GFP_KERNEL | __GFP_NOWARN);
	if (run->hints)
		split_targets(ctx, run->hints);
}

/* Free the room that damon_split_by_hints() keeps for the next time. */
void damon_hints_free(struct damon_run *run)
{
	kfree(run->hints);
	run->hints = NULL;
}
