// SPDX-License-Identifier: GPL-2.0
/*
 * Sampling physical memory: one pass over the regions of a target.
 *
 * A pass visits the old samples, to check them, the new ones, to prepare them,
 * or both.  Regions are sorted, hence each kind of sample is, and a pass merges
 * the two: its unit is a folio, or a frame where there is none.  These go up.
 * Of all samples in a folio the old ones come first, and are answered by one
 * check; for all new ones it is made old once.
 *
 * The new sample of a region replaces the old one where it is stored, although
 * it may be in an earlier folio.  That is safe: the old sample to be checked
 * next is also held in struct walk, and no later region can have its new sample
 * in an earlier folio than that.
 */

#include <linux/memory_hotplug.h>
#include <linux/mm.h>

#include "folio.h"
#include "paddr.h"
#include "sample.h"

/* No sample; the numbers of all frames are less. */
#define NONE	ULONG_MAX

/**
 * struct walk - A pass on its way.
 * @unit:	&damon_ctx.addr_unit
 * @check:	the region to check next, @end if no more
 * @prepare:	the region to prepare next, @end if no more
 * @end:	behind the last region
 * @old:	frame of the sample of @check, or NONE
 * @new_addr:	new sample of @prepare
 * @new:	its frame, or NONE
 * @rnd:	state of the random number generator, not 0
 * @anon:	where the last folio of the usual kind was found
 */
struct walk {
	unsigned long unit;
	struct damon_region *check;
	struct damon_region *prepare;
	struct damon_region *end;
	unsigned long old;
	unsigned long new_addr;
	unsigned long new;
	u64 rnd;
	struct damon_anon anon;
};

static unsigned long frame(const struct walk *w, unsigned long addr)
{
	return min(damon_pa_pfn(damon_pa_phys(addr, w->unit)), NONE - 1);
}

static void load_old(struct walk *w)
{
	w->old = w->check < w->end ? frame(w, w->check->sampling_addr) : NONE;
}

static void load_new(struct walk *w)
{
	w->new = NONE;
	if (w->prepare == w->end)
		return;
	w->new_addr = damon_sample_next(w->prepare, &w->rnd);
	w->new = frame(w, w->new_addr);
}

/* Goes on to the first old sample from @end on. */
static void count_below(struct walk *w, unsigned long end, bool young)
{
	while (w->old < end) {
		damon_update_region_access_rate(w->check++, young);
		load_old(w);
	}
}

/* Goes on to the first new sample from @end on. */
static void take_below(struct walk *w, unsigned long end)
{
	while (w->new < end) {
		w->prepare++->sampling_addr = w->new_addr;
		load_new(w);
	}
}

/* Returns whether the frame is a small anonymous folio that is mapped once. */
static bool visit_usual(struct walk *w, unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);
	struct damon_age old = {}, new = { .clear = true };

	if (!page)
		return false;
	if (w->old == pfn) {
		if (!damon_anon_age(&w->anon, page, &old))
			return false;
		count_below(w, pfn + 1, old.young);
	}
	if (w->new == pfn) {
		if (!damon_anon_age(&w->anon, page, &new))
			return false;
		take_below(w, pfn + 1);
	}
	return true;
}

static void visit_folio(struct walk *w, struct folio *folio)
{
	unsigned long end = folio_pfn(folio) + folio_nr_pages(folio);

	if (w->old < end)
		count_below(w, end, damon_folio_young(folio));
	if (w->new < end)
		damon_folio_mkold(folio);
	take_below(w, end);
}

/* Where there is no folio, nothing is accessed. */
static void visit_any(struct walk *w, unsigned long pfn)
{
	struct folio *folio = damon_folio_get_sample(pfn);

	if (folio) {
		damon_anon_release(&w->anon);
		visit_folio(w, folio);
		folio_put(folio);
	}
	count_below(w, pfn + 1, false);
	take_below(w, pfn + 1);
}

static void walk(struct walk *w)
{
	unsigned long pfn;

	load_old(w);
	load_new(w);
	while ((pfn = min(w->old, w->new)) != NONE) {
		if (!visit_usual(w, pfn))
			visit_any(w, pfn);
		if (need_resched() || damon_anon_contended(&w->anon)) {
			damon_anon_release(&w->anon);
			cond_resched();
		}
	}
	damon_anon_release(&w->anon);
}

/* Count accesses to the samples of @t. */
void damon_pa_check(struct damon_ctx *ctx, struct damon_target *t)
{
	struct damon_region *end = damon_regions_end(t);
	struct walk w = {
		.unit = ctx->addr_unit,
		.check = t->regions, .prepare = end, .end = end,
	};

	walk(&w);
}

/* Choose new samples, and forget past accesses to them. */
void damon_pa_prepare(struct damon_ctx *ctx, struct damon_target *t)
{
	struct damon_region *end = damon_regions_end(t);
	struct walk w = {
		.unit = ctx->addr_unit, .rnd = damon_sample_seed(ctx),
		.check = end, .prepare = t->regions, .end = end,
	};

	walk(&w);
}

/* Both of the above, in this order for any folio. */
void damon_pa_check_and_prepare(struct damon_ctx *ctx, struct damon_target *t)
{
	struct damon_region *end = damon_regions_end(t);
	struct walk w = {
		.unit = ctx->addr_unit, .rnd = damon_sample_seed(ctx),
		.check = t->regions, .prepare = t->regions, .end = end,
	};

	walk(&w);
}
