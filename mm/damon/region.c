// SPDX-License-Identifier: GPL-2.0
/*
 * The regions of one target.
 *
 * They are one array, sorted by address; regions are disjoint and never
 * empty, and what lies between them is not monitored.  Every change is a
 * single pass that writes a compact array:
 *
 * - merging writes behind its reading position, in place;
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
 * probe_hits and last_probe_hits are the like for probes (probe.c); they take
 * the place of accesses where regions are compared if the score says so.
 *
 * Counts differ by chance where only some samples find an access.  Two counts a and b
 * of n samples each, of memory that is accessed alike, differ with a variance of
 *
 *	(a + b) (2n - a - b) / 2n
 *
 * Regions merge if the square of the difference is at most 2/3 of that, too, as the mean of
 * both tells more than either; not if they are compared by probes.  That the one was
 * accessed in no sample, or in each, and the other was not, is never by chance.
 *
 * A blind cut that was in vain is made less often: when the parts merge again, the region
 * rests for 1, 3, and at most 7 aggregations.  When they turn out to differ, or its count
 * changes by more than the threshold and chance, or to or from 0, it need not rest; its age
 * begins anew also for what is by chance.
 *
 * The owner of the target serialises all calls.
 */

#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "internal.h"

/* Blind cuts in vain that are counted: a region rests for 2^n - 1 aggregations. */
#define MAX_CALM	3

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

static unsigned int weighted_sum(const unsigned char *hits,
				 const unsigned int *weights)
{
	unsigned int i, sum = 0;

	for (i = 0; i < DAMON_MAX_PROBES; i++)
		sum += hits[i] * weights[i];
	return sum;
}

static unsigned int score_of(const struct damon_region *r,
			     const struct damon_score *score)
{
	return score->by_probes ? weighted_sum(r->probe_hits, score->weights) :
				  r->nr_accesses;
}

static unsigned int last_score_of(const struct damon_region *r,
				  const struct damon_score *score)
{
	return score->by_probes ?
	       weighted_sum(r->last_probe_hits, score->weights) :
	       r->last_nr_accesses;
}

static unsigned int next_age(const struct damon_region *r,
			     const struct damon_score *score,
			     unsigned int threshold)
{
	unsigned int now = score_of(r, score), last = last_score_of(r, score);

	if (abs_diff(now, last) > threshold || !now != !last)
		return 0;
	return r->age < UINT_MAX ? r->age + 1 : UINT_MAX;
}

/* Whether counts of two aggregations, or regions, may differ by chance alone. */
static bool is_chance(const struct damon_score *score, u64 a, u64 b)
{
	u64 diff = abs_diff(a, b), sum = a + b, nr = score->max;

	if (score->by_probes || !nr || a > nr || b > nr)
		return false;
	return diff * diff <= mul_u64_u64_div_u64(sum, 2 * nr - sum, 3 * nr);
}

/* Cut it again as soon as it may be. */
static void stir(struct damon_region *r)
{
	r->calm = 0;
	r->rest = 0;
}

/* One more aggregation with a change of more than @threshold, or without; wakes who has one. */
void damon_regions_age(struct damon_target *t, const struct damon_score *score,
		       unsigned int threshold)
{
	struct damon_region *r;

	damon_for_each_region(r, t) {
		r->age = next_age(r, score, threshold);
		if (!r->age && !is_chance(score, r->nr_accesses, r->last_nr_accesses))
			stir(r);
	}
}

/**
 * struct means - What is counted of a region that is being merged.
 * @nr_accesses:	&damon_region.nr_accesses in 1/2^32, and so are all
 * @age:		&damon_region.age
 * @probe_hits:		&damon_region.probe_hits
 *
 * Were each merge to round down, many in a row would lose whole counts.
 */
struct means {
	u64 nr_accesses;
	u64 age;
	u64 probe_hits[DAMON_MAX_PROBES];
};

static struct means means_of(const struct damon_region *r)
{
	struct means m = {
		.nr_accesses = (u64)r->nr_accesses << 32,
		.age = (u64)r->age << 32,
	};
	unsigned int i;

	for (i = 0; i < DAMON_MAX_PROBES; i++)
		m.probe_hits[i] = (u64)r->probe_hits[i] << 32;
	return m;
}

/* Rounds down, but for what is lost in some thousand merges. */
static unsigned int whole(u64 mean)
{
	return (mean + (1 << 12)) >> 32;
}

static u64 weighted_mean(u64 a, unsigned long sz_a, u64 b, unsigned long sz_b)
{
	u64 sz = (u64)sz_a + sz_b;

	if (a < b)
		return a + mul_u64_u64_div_u64(b - a, sz_b, sz);
	return b + mul_u64_u64_div_u64(a - b, sz_a, sz);
}

static bool is_alike(const struct damon_region *left,
		     const struct damon_region *right,
		     const struct damon_score *score, unsigned int threshold)
{
	return abs_diff(score_of(left, score), score_of(right, score)) <= threshold ||
	       is_chance(score, left->nr_accesses, right->nr_accesses);
}

/* Two parts of one region turned out to be alike, or not. */
static void judge_guess(struct damon_region *left, struct damon_region *right,
			bool alike)
{
	if (!alike) {
		stir(left);
		stir(right);
		return;
	}
	right->calm = min(right->calm + 1, MAX_CALM);
	right->rest = (1 << right->calm) - 1;
	left->calm = max(left->calm, right->calm);
	left->rest = max(left->rest, right->rest);
}

/* @m is of @left. */
static void absorb(struct damon_region *left, struct means *m,
		   const struct damon_region *right)
{
	unsigned long sz_left = damon_sz_region(left);
	unsigned long sz_right = damon_sz_region(right);
	const struct means n = means_of(right);
	unsigned int i;

	m->nr_accesses = weighted_mean(m->nr_accesses, sz_left, n.nr_accesses,
				       sz_right);
	left->nr_accesses = whole(m->nr_accesses);
	for (i = 0; i < DAMON_MAX_PROBES; i++) {
		m->probe_hits[i] = weighted_mean(m->probe_hits[i], sz_left,
						 n.probe_hits[i], sz_right);
		left->probe_hits[i] = whole(m->probe_hits[i]);
	}
	m->age = weighted_mean(m->age, sz_left, n.age, sz_right);
	left->age = whole(m->age);
	left->calm = min(left->calm, right->calm);
	left->rest = min(left->rest, right->rest);
	left->ar.end = right->ar.end;
}

/**
 * damon_regions_merge() - Merge adjacent regions that are accessed alike.
 * @t:		whose regions
 * @score:	what they are compared by
 * @threshold:	largest difference of scores between regions to merge, but for what is
 *		by chance
 * @sz_limit:	largest size of a merged region
 *
 * A merged region has the size-weighted means of counts and age of all that went
 * into it, rounded down, and goes on merging with what follows.
 */
void damon_regions_merge(struct damon_target *t, const struct damon_score *score,
			 unsigned int threshold, unsigned long sz_limit)
{
	struct damon_region *left = NULL, *r;
	struct means means = {};

	damon_for_each_region(r, t) {
		bool adjacent = left && left->ar.end == r->ar.start;
		bool alike = adjacent && is_alike(left, r, score, threshold);

		/* The other part may not be monitored any more. */
		if (r->guessed && adjacent)
			judge_guess(left, r, alike);
		r->guessed = false;
		if (alike && r->ar.end - left->ar.start <= sz_limit) {
			absorb(left, &means, r);
			continue;
		}
		left = left ? left + 1 : r;
		*left = *r;
		means = means_of(r);
	}
	if (left)
		t->nr_regions = left - t->regions + 1;
	damon_regions_check(t);
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
