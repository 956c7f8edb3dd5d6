// SPDX-License-Identifier: GPL-2.0
/*
 * The regions of one target.
 *
 * They are one array, sorted by address; regions are disjoint and never
 * empty, and what lies between them is not monitored.  Every change is a
 * single pass that writes a compact array:
 *
 * - merging writes behind its reading position, in place (merge.c);
 * - cutting writes at the start of the array what it reads at the end (rewrite.c);
 * - fitting to new ranges writes a fresh array and swaps it in.
 *
 * So a failed allocation never loses a region, and nothing moves while nothing
 * changes.
 *
 * nr_accesses counts the positive samples of the running aggregation,
 * last_nr_accesses those of the one before.  Their moving sum, for use at any
 * time within an aggregation of which left/10000 is still to come, is
 *
 *	nr_accesses + last_nr_accesses * left / 10000
 *
 * which assumes that the accesses of the last aggregation were spread evenly.
 * probe_hits and last_probe_hits are the like for probes (probe.c).
 *
 * The owner of the target serialises all calls.
 */

#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "internal.h"

static struct damon_region fresh_region(unsigned long start, unsigned long end)
{
	return (struct damon_region) {
		.ar = { .start = start, .end = end },
		.sampling_addr = start,
	};
}

/* With CONFIG_DAMON_DEBUG_SANITY: complain about what regions may not be. */
void damon_regions_check(struct damon_target *t)
{
	const struct damon_region *r;
	unsigned long last_end = 0;

	if (!IS_ENABLED(CONFIG_DAMON_DEBUG_SANITY))
		return;
	damon_for_each_region(r, t) {
		WARN_ONCE(r->ar.start >= r->ar.end, "empty region %lu-%lu\n",
			  r->ar.start, r->ar.end);
		WARN_ONCE(r->ar.start < last_end, "region %lu-%lu overlaps %lu\n",
			  r->ar.start, r->ar.end, last_end);
		last_end = r->ar.end;
	}
	WARN_ONCE(t->nr_regions > damon_target_run(t)->capacity,
		  "%u regions in too little room\n", t->nr_regions);
}

/*
 * What does not fit a slab comes by the page, not by the power of two.  It may be
 * much, on behalf of a user who wants too many regions: no process is to die for it.
 */
static struct damon_region *alloc_regions(size_t nr)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_NOWARN;
	size_t sz;

	if (check_mul_overflow(nr, sizeof(struct damon_region), &sz) ||
	    sz > INT_MAX)
		return NULL;
	if (sz <= KMALLOC_MAX_CACHE_SIZE)
		return kmalloc(sz, gfp);
	if (PFN_UP(sz) > si_mem_available())
		return NULL;
	return __vmalloc(sz, gfp | __GFP_RETRY_MAYFAIL);
}

static void install_regions(struct damon_target *t, struct damon_region *regions,
			    unsigned int nr_regions, unsigned int capacity)
{
	kvfree(t->regions);
	t->regions = regions;
	t->nr_regions = nr_regions;
	damon_target_run(t)->capacity = capacity;
}

/* Have room for @nr_wanted regions; -ENOMEM leaves all as it was. */
int damon_regions_reserve(struct damon_target *t, size_t nr_wanted)
{
	size_t capacity = damon_target_run(t)->capacity;
	struct damon_region *regions;

	if (nr_wanted <= capacity)
		return 0;
	capacity = max(nr_wanted, capacity + capacity / 2);
	regions = alloc_regions(capacity);
	if (!regions)
		return -ENOMEM;
	if (t->nr_regions)
		memcpy(regions, t->regions, t->nr_regions * sizeof(*regions));
	install_regions(t, regions, t->nr_regions, capacity);
	return 0;
}

/* Give a target without regions those of another one. */
int damon_regions_copy(struct damon_target *to, const struct damon_target *from)
{
	int err = damon_regions_reserve(to, from->nr_regions);

	if (err)
		return err;
	if (from->nr_regions)
		memcpy(to->regions, from->regions,
		       from->nr_regions * sizeof(*to->regions));
	to->nr_regions = from->nr_regions;
	return 0;
}

void damon_regions_swap(struct damon_target *a, struct damon_target *b)
{
	swap(a->regions, b->regions);
	swap(a->nr_regions, b->nr_regions);
	swap(damon_target_run(a)->capacity, damon_target_run(b)->capacity);
}

/* Size of all regions. */
unsigned long damon_regions_sz(const struct damon_target *t)
{
	const struct damon_region *r;
	unsigned long sz = 0;

	damon_for_each_region(r, t)
		sz += damon_sz_region(r);
	return sz;
}

/* The running aggregation becomes the last one. */
void damon_regions_close_window(struct damon_target *t)
{
	struct damon_region *r;

	damon_for_each_region(r, t) {
		r->last_nr_accesses = r->nr_accesses;
		r->nr_accesses = 0;
		memcpy(r->last_probe_hits, r->probe_hits, sizeof(r->probe_hits));
		memset(r->probe_hits, 0, sizeof(r->probe_hits));
	}
}

void damon_regions_free(struct damon_target *t)
{
	install_regions(t, NULL, 0, 0);
}

static struct damon_addr_range rounded(const struct damon_addr_range *range,
				       unsigned long min_region_sz)
{
	return (struct damon_addr_range) {
		.start = ALIGN_DOWN(range->start, min_region_sz),
		.end = ALIGN(range->end, min_region_sz),
	};
}

static bool ranges_valid(const struct damon_addr_range *ranges,
			 unsigned int nr_ranges, unsigned long min_region_sz)
{
	unsigned long last_end = 0;
	unsigned int i;

	for (i = 0; i < nr_ranges; i++) {
		struct damon_addr_range range = rounded(&ranges[i], min_region_sz);

		if (range.start >= range.end || range.start < last_end)
			return false;
		last_end = range.end;
	}
	return true;
}

static void keep_sample_inside(struct damon_region *r)
{
	r->sampling_addr = clamp(r->sampling_addr, r->ar.start, r->ar.end - 1);
}

/*
 * Write the regions that cover @to: those from @r on that intersect @range,
 * the outer two stretched or trimmed, holes between them filled.
 */
static struct damon_region *fit_range(const struct damon_target *t,
				      const struct damon_region *r,
				      const struct damon_addr_range *range,
				      struct damon_addr_range to,
				      struct damon_region *out)
{
	struct damon_region *first = out;

	damon_for_each_region_from(r, t) {
		if (r->ar.start >= range->end)
			break;
		if (out > first && out[-1].ar.end < r->ar.start) {
			*out = fresh_region(out[-1].ar.end, r->ar.start);
			out++;
		}
		*out++ = *r;
	}
	if (out == first)
		*out++ = fresh_region(to.start, to.end);
	first->ar.start = to.start;
	out[-1].ar.end = to.end;
	keep_sample_inside(first);
	keep_sample_inside(out - 1);
	return out;
}

/*
 * A range has at most its regions, of which the first may be the last of the
 * range before it, and the holes between them; or one fresh region.
 */
static size_t max_fitted(const struct damon_target *t, unsigned int nr_ranges)
{
	if (!t->nr_regions)
		return nr_ranges;
	return 2 * ((size_t)t->nr_regions + nr_ranges);
}

/* Exchange the regions of @t for the first @nr of @scratch, without the rest. */
static int keep_regions(struct damon_target *t, struct damon_region *scratch,
			unsigned int nr)
{
	struct damon_region *regions = alloc_regions(nr);

	if (!regions) {
		kvfree(scratch);
		return -ENOMEM;
	}
	memcpy(regions, scratch, nr * sizeof(*regions));
	kvfree(scratch);
	install_regions(t, regions, nr, nr);
	damon_regions_check(t);
	return 0;
}

/**
 * damon_set_regions() - Fit the regions of a target to ranges.
 * @t:			the target
 * @ranges:		what the regions are to cover, by ascending address
 * @nr_ranges:		number of @ranges
 * @min_region_sz:	starts are rounded down, ends up to multiples of this
 *			power of two
 *
 * Regions that intersect a range keep their counters, also where they are cut
 * by its borders; a region that intersects several ranges is continued in each
 * of them.  Regions outside the ranges are dropped.
 *
 * Context: may sleep; @t must not be in use by a kdamond other than the
 * caller.
 * Return: 0; -EINVAL when a range is empty after rounding or not wholly behind
 * the one before it; -ENOMEM.  Nothing has changed after an error.
 */
int damon_set_regions(struct damon_target *t,
		      const struct damon_addr_range *ranges,
		      unsigned int nr_ranges, unsigned long min_region_sz)
{
	const struct damon_region *r = t->regions;
	const struct damon_region *end = r + t->nr_regions;
	struct damon_region *regions, *out;
	unsigned int i;

	if (!is_power_of_2(min_region_sz) ||
	    !ranges_valid(ranges, nr_ranges, min_region_sz))
		return -EINVAL;

	regions = alloc_regions(max_fitted(t, nr_ranges));
	if (!regions)
		return -ENOMEM;

	out = regions;
	for (i = 0; i < nr_ranges; i++) {
		while (r < end && r->ar.end <= ranges[i].start)
			r++;
		out = fit_range(t, r, &ranges[i],
				rounded(&ranges[i], min_region_sz), out);
	}
	return keep_regions(t, regions, out - regions);
}
