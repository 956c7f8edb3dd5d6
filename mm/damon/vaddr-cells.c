// SPDX-License-Identifier: GPL-2.0
/*
 * Probing where upper page tables do not tell enough.
 *
 * A range in doubt is divided into cells of equal size, and in each a random page
 * is probed: what is known of accesses to it is forgotten, and an aggregation
 * later it is looked at again.  A cell stands for a region in this, the same
 * functions do it (vaddr-walk.c), and so reclaim loses nothing; but what is found
 * is a hint, and counts nothing.  In doubt are
 *
 *	chunks		at a border where regions are going to be cut: what of
 *			the chunk was touched?
 *	mixed regions	seen accessed in some samples and not in others, and of
 *			at most MAX_MIXED: which part of them?
 *	other ranges	as vaddr-hints.c wants; what is next to them is not known,
 *			and for want of better taken for not touched
 *
 * What was probed is not in doubt again before the result was used.  How many
 * mixed regions are divided at a time adapts: twice as many as the last time if
 * those had half as many borders, else half as many, one at least.  So memory
 * that is accessed at random, where nothing is to be found, costs little.
 */

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "vaddr.h"

/* Cells of a chunk, or mixed region. */
#define CELLS		16

/* Largest region to divide into cells. */
#define MAX_MIXED	(4 * PMD_SIZE)

/* Ranges to divide at a time. */
#define MAX_DOUBTS	128

/**
 * struct doubt - A range to divide into cells.
 * @range:	the range
 * @nr:		how many
 * @alone:	what is next to the range is not known
 */
struct doubt {
	struct damon_addr_range range;
	unsigned int nr;
	bool alone;
};

/**
 * struct damon_va_cells - The cells of a target.
 * @mm:		the address space they are in; only compared
 * @target:	has the cells, as regions; they are deferred if their range was alone
 * @nr_mixed:	how many mixed regions have been divided
 * @max_mixed:	and how many may be at the next time
 * @nr:		number of @doubts
 * @doubts:	ranges to make cells of
 */
struct damon_va_cells {
	const struct mm_struct *mm;
	struct damon_target_run target;
	unsigned int nr_mixed;
	unsigned int max_mixed;
	unsigned int nr;
	struct doubt doubts[MAX_DOUBTS];
};

static void add_doubt(struct damon_va_cells *cells, const struct doubt *new)
{
	struct doubt *last = cells->doubts + cells->nr - 1;

	if (cells->nr && last->range.end == new->range.start &&
	    last->alone == new->alone) {
		last->range.end = new->range.end;
		last->nr += new->nr;
	} else if (cells->nr < MAX_DOUBTS) {
		cells->doubts[cells->nr++] = *new;
	}
}

/*
 * Have [@start, @end), next to which nothing is known, divided into @nr cells,
 * if there is room.
 */
void damon_va_doubt(struct damon_va_cells *cells, unsigned long start,
		    unsigned long end, unsigned int nr)
{
	const struct doubt new = { { start, end }, nr, true };

	add_doubt(cells, &new);
}

static void report_cell(const struct damon_target *probed,
			const struct damon_region *cell, struct damon_hints *h)
{
	unsigned long start = cell->ar.start, end = cell->ar.end;

	if (cell->deferred &&
	    (cell == probed->regions || cell[-1].ar.end != start))
		damon_hint(h, start - PAGE_SIZE, start, false);
	damon_hint(h, start, end, cell->nr_accesses);
	if (cell->deferred &&
	    (cell + 1 == damon_regions_end(probed) || cell[1].ar.start != end))
		damon_hint(h, end, end + PAGE_SIZE, false);
}

static void adapt_max_mixed(struct damon_va_cells *cells, unsigned int borders)
{
	if (!cells->nr_mixed)
		return;
	if (borders >= cells->nr_mixed / 2)
		cells->max_mixed = min(2 * cells->nr_mixed, MAX_DOUBTS);
	else
		cells->max_mixed = cells->nr_mixed / 2;
}

/* What the probes found in @t; @h has nothing else yet. */
void damon_va_report_cells(struct damon_va_cells *cells,
			   const struct damon_target *t, struct damon_hints *h)
{
	struct damon_target *probed = &cells->target.t;
	const struct damon_region *cell;

	if (!probed->nr_regions)
		return;
	damon_va_check(probed);
	for (cell = probed->regions; cell < damon_regions_end(probed); cell++)
		report_cell(probed, cell, h);
	damon_hints_filter(h, t);
	adapt_max_mixed(cells, h->nr);
}

static void doubt_chunks(struct damon_va_cells *cells, const struct damon_hints *h)
{
	unsigned long last_start = ULONG_MAX;
	unsigned int i;

	for (i = 0; i < h->nr; i++) {
		const struct damon_addr_range *range = &h->borders[i].touched;

		if (range->start == last_start ||
		    range->end - range->start <= PMD_SIZE / CELLS)
			continue;
		last_start = range->start;
		add_doubt(cells, &(struct doubt) { *range, CELLS });
	}
}

/* Whether a part of @r has just been probed. */
static bool is_probed(const struct damon_va_cells *cells, const struct damon_region *r)
{
	const struct damon_region *low = cells->target.t.regions;
	unsigned int nr = cells->target.t.nr_regions;

	while (nr) {
		const struct damon_region *mid = low + nr / 2;

		if (mid->ar.start < r->ar.end && mid->ar.end > r->ar.start)
			return true;
		if (mid->ar.end <= r->ar.start) {
			low = mid + 1;
			nr -= nr / 2 + 1;
		} else {
			nr /= 2;
		}
	}
	return false;
}

static bool is_mixed(const struct damon_region *r, unsigned int samples)
{
	unsigned long sz = r->ar.end - r->ar.start;

	return r->last_nr_accesses &&
	       r->last_nr_accesses < samples - samples / 10 &&
	       sz > PAGE_SIZE && sz <= MAX_MIXED;
}

/* Begins anywhere, so that in the long run it is the turn of each. */
static void doubt_mixed(struct damon_ctx *ctx, const struct damon_target *t,
			struct damon_va_cells *cells)
{
	unsigned int max = max(cells->max_mixed, 1), nr = t->nr_regions, i, first;
	unsigned int samples = damon_nr_samples_per_aggr(&ctx->attrs);
	const struct damon_region *r;

	cells->nr_mixed = 0;
	if (!nr)
		return;
	first = damon_rand(ctx, 0, nr);
	for (i = 0; i < nr && cells->nr_mixed < max; i++) {
		r = t->regions + (first + i) % nr;
		if (!is_mixed(r, samples) || is_probed(cells, r))
			continue;
		add_doubt(cells, &(struct doubt) { r->ar, CELLS });
		cells->nr_mixed++;
	}
}

static int compare_doubts(const void *a, const void *b)
{
	unsigned long x = ((const struct doubt *)a)->range.start;
	unsigned long y = ((const struct doubt *)b)->range.start;

	return x < y ? -1 : x > y;
}

static void divide(struct damon_target *t, const struct doubt *d,
		   unsigned long start)
{
	unsigned long pages = (d->range.end - start) >> PAGE_SHIFT;
	unsigned long i, nr = min_t(unsigned long, d->nr, pages);

	for (i = 0; i < nr; i++) {
		t->regions[t->nr_regions++] = (struct damon_region) {
			.ar.start = start + (pages * i / nr << PAGE_SHIFT),
			.ar.end = start + (pages * (i + 1) / nr << PAGE_SHIFT),
			.deferred = d->alone,
		};
	}
}

/* Drop the doubts that exceed @max cells.  Returns how many cells the rest has. */
static unsigned long limit_doubts(struct damon_va_cells *cells, unsigned long max)
{
	unsigned long nr = 0;
	unsigned int i;

	for (i = 0; i < cells->nr && nr + cells->doubts[i].nr <= max; i++)
		nr += cells->doubts[i].nr;
	cells->nr = i;
	return nr;
}

static void divide_all(struct damon_va_cells *cells, unsigned long max)
{
	struct damon_target *t = &cells->target.t;
	unsigned long nr = limit_doubts(cells, max);
	unsigned long end = 0;
	unsigned int i;

	t->nr_regions = 0;
	if (!nr || damon_regions_reserve(t, nr))
		return;
	sort(cells->doubts, cells->nr, sizeof(*cells->doubts), compare_doubts, NULL);
	for (i = 0; i < cells->nr; i++) {
		const struct doubt *d = &cells->doubts[i];

		if (d->range.end > end)
			divide(t, d, max(d->range.start, end));
		end = max(end, d->range.end);
	}
}

/* Make cells of all doubts, as far as the budget goes, and probe them. */
void damon_va_make_cells(struct damon_ctx *ctx, struct damon_target *t,
			 struct damon_va_cells *cells, const struct damon_hints *h)
{
	doubt_chunks(cells, h);
	doubt_mixed(ctx, t, cells);
	divide_all(cells, h->budget / DAMON_VA_LEAF_COST);
	if (cells->target.t.nr_regions)
		damon_va_prepare(ctx, &cells->target.t);
}

/* The cells of @t, without any if it has got another mm; NULL without memory. */
struct damon_va_cells *damon_va_get_cells(struct damon_target *t,
					  const struct mm_struct *mm)
{
	struct damon_va_target *vt = damon_va_target(t);
	struct damon_va_cells *cells = vt->cells;

	if (!cells)
		cells = kzalloc(sizeof(*cells), GFP_KERNEL | __GFP_NOWARN);
	if (!cells)
		return NULL;
	vt->cells = cells;
	if (cells->mm != mm)
		damon_regions_free(&cells->target.t);
	cells->mm = mm;
	cells->nr = 0;
	cells->target.t.pid = t->pid;
	cells->target.ops_data = vt;
	return cells;
}

void damon_va_forget_cells(struct damon_va_target *vt)
{
	if (!vt->cells)
		return;
	damon_regions_free(&vt->cells->target.t);
	kfree(vt->cells);
	vt->cells = NULL;
}
