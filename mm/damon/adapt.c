// SPDX-License-Identifier: GPL-2.0
/*
 * Adaptive regions: as many as the access pattern needs, within limits.
 *
 * Once an aggregation, regions whose access counts differ by no more than a
 * threshold are merged, and what is left is cut at random places.  Parts that
 * turn out to be accessed differently stay apart, others merge again.
 *
 *	threshold	a tenth of the largest access count.  While more than
 *			max_nr_regions regions are left it doubles, up to the
 *			number of samples, at which everything merges.  Of the
 *			score, rather than the count, if probes have weights.
 *			What may differ by chance alone merges as well (merge.c)
 *	size limit	total size / min_nr_regions, at least the minimum
 *			region size M, a multiple of M.  No merge exceeds it,
 *			and larger regions are cut down to it while there are
 *			less than max_nr_regions; so there are min_nr_regions
 *			regions, unless M is in the way.  Many small regions far
 *			apart, which cannot merge, may exceed max_nr_regions
 *	cuts		with at most half of max_nr_regions regions, each that
 *			may be cut is cut in two, or in three when the last split
 *			changed nothing in the end and there is room.  With more, one
 *			in k that can be cut is, so that the total grows but
 *			stays in the limit: k = max / (max - now), or as many
 *			as there are if that is less, and which one rotates.
 *			Mixed regions that are not smaller than the mean of those
 *			come before any other; the small ones are left alone, or
 *			what is accessed in some samples everywhere would be cut
 *			into slivers, whose counts differ by chance
 *	mixed		regions that were accessed in some samples and not in
 *			others: their parts are likely to differ.  As long as there
 *			are less than a quarter of max_nr_regions, they are cut in up
 *			to MAX_PARTS parts, or half as many for each cut in vain, and
 *			those are not cut again in the same aggregation.  Of what is
 *			spare each has the same share; that of slivers and of those
 *			at rest is not used.  From then on, up to half of
 *			max_nr_regions, only those of at least LARGE times the mean
 *			size of all that are mixed are cut: if all else is known,
 *			something may hide there
 *	slivers		the more regions there are, the larger one has to be to be
 *			worth a cut.  With half of max_nr_regions that is an even
 *			share of what of its target was accessed, this size over
 *			max_nr_regions; with more or less, in proportion, but
 *			never more than the size over the number of regions, so
 *			that something can be cut, unless it rests.  Else memory
 *			whose pages differ from one to the next takes all regions
 *			for a few of its pages
 *	rest		a region that was cut in vain is left alone for a while
 *			(merge.c)
 *	begin		of what nothing is known, a quarter of max_nr_regions of
 *			equal size are made, which then merge
 *
 * A cut is at a random tenth of the region, rounded down to a multiple of M.
 * Where memory is short fewer cuts are made.
 *
 * Everything here runs in the kdamond.
 */

#include "internal.h"

/* Share of max_nr_regions to have at the beginning, or for what is mixed. */
#define FRESH_SHARE	4

/* Parts that a region that is likely to be mixed is cut in, at most. */
#define MAX_PARTS	32UL

/* Times the mean size of what is mixed, from which on a region is large. */
#define LARGE		4

/* Number of regions of all targets. */
unsigned long damon_total_regions(const struct damon_ctx *ctx)
{
	const struct damon_target *t;
	unsigned long nr = 0;

	damon_for_each_target(t, ctx)
		nr += t->nr_regions;
	return nr;
}

/* Size of all regions, at most ULONG_MAX. */
static unsigned long total_sz(const struct damon_ctx *ctx)
{
	const struct damon_target *t;
	unsigned long sz = 0;

	damon_for_each_target(t, ctx) {
		if (check_add_overflow(sz, damon_regions_sz(t), &sz))
			return ULONG_MAX;
	}
	return sz;
}

/* Follow a change of regions or attributes. */
void damon_update_size_limit(struct damon_run *run)
{
	const struct damon_ctx *ctx = &run->ctx;
	unsigned long limit = total_sz(ctx) / ctx->attrs.min_nr_regions;

	run->adapt.sz_limit = ALIGN(max(limit, ctx->min_region_sz),
				    ctx->min_region_sz);
}

static size_t nr_pieces(const struct damon_target *t, unsigned long sz_limit)
{
	const struct damon_region *r;
	size_t nr = 0;

	damon_for_each_region(r, t)
		nr += (damon_sz_region(r) - 1) / sz_limit + 1;
	return nr;
}

/* Cut what is larger than @limit, while there are less than @max regions. */
static void cut_down(struct damon_ctx *ctx, unsigned long limit, unsigned long max,
		     bool (*cut)(struct damon_rewrite *w, unsigned long sz))
{
	unsigned long nr = damon_total_regions(ctx);
	struct damon_rewrite w;
	struct damon_target *t;

	damon_for_each_target(t, ctx) {
		size_t wanted = nr_pieces(t, limit) - t->nr_regions;

		if (!wanted || nr >= max)
			continue;
		damon_rewrite_begin(&w, t, t->nr_regions + min(wanted, max - nr));
		while (damon_rewrite_next(&w)) {
			while (nr < max && cut(&w, limit))
				nr++;
		}
	}
}

/* Have min_nr_regions, by cutting what is larger than the size limit. */
void damon_limit_regions(struct damon_run *run)
{
	damon_update_size_limit(run);
	cut_down(&run->ctx, run->adapt.sz_limit, run->ctx.attrs.max_nr_regions,
		 damon_rewrite_cut);
}

/* Of what nothing is known yet, begin with small regions. */
void damon_spread_regions(struct damon_run *run)
{
	unsigned long nr = run->ctx.attrs.max_nr_regions / FRESH_SHARE;
	unsigned long limit;

	if (nr < 2)
		return;
	limit = max(total_sz(&run->ctx) / nr, run->ctx.min_region_sz);
	cut_down(&run->ctx, ALIGN(limit, run->ctx.min_region_sz), nr,
		 damon_rewrite_guess);
}

static void merge_all(struct damon_run *run, const struct damon_score *score,
		      unsigned int threshold)
{
	struct damon_target *t;

	damon_for_each_target(t, &run->ctx)
		damon_regions_merge(t, score, threshold, run->adapt.sz_limit);
}

/* Age the regions by a finished aggregation, and merge those alike. */
void damon_merge_regions(struct damon_run *run, unsigned int threshold)
{
	const struct damon_score score = damon_score(&run->ctx);
	struct damon_target *t;

	damon_for_each_target(t, &run->ctx)
		damon_regions_age(t, &score, threshold);
	merge_all(run, &score, threshold);

	while (damon_total_regions(&run->ctx) > run->ctx.attrs.max_nr_regions &&
	       threshold < score.max) {
		threshold = threshold < score.max / 2 ? max(2 * threshold, 1) :
							score.max;
		merge_all(run, &score, threshold);
	}
}

/* Where to cut a region of size @sz. */
static unsigned long random_part(struct damon_ctx *ctx, unsigned long sz)
{
	return ALIGN_DOWN(mult_frac(sz, damon_rand(ctx, 1, 10), 10),
			  ctx->min_region_sz);
}

/* Cut the region at hand in up to three: a second cut goes into its start. */
static void cut_at_random(struct damon_ctx *ctx, struct damon_rewrite *w,
			  unsigned int nr_pieces)
{
	unsigned long sz = damon_sz_region(damon_rewrite_cur(w));
	unsigned long first, second = 0;

	if (sz <= 2 * ctx->min_region_sz)
		return;
	first = random_part(ctx, sz) ?: sz;
	if (nr_pieces > 2 && first > 2 * ctx->min_region_sz)
		second = random_part(ctx, first);
	if (damon_rewrite_guess(w, second))
		first -= second;
	damon_rewrite_guess(w, first);
}

/* Whether it is not yet time to cut the region again. */
static bool is_resting(struct damon_region *r)
{
	if (!r->rest)
		return false;
	r->rest--;
	return true;
}

static unsigned long accessed_sz(const struct damon_target *t)
{
	const struct damon_region *r;
	unsigned long sz = 0;

	damon_for_each_region(r, t) {
		if (r->last_nr_accesses)
			sz += damon_sz_region(r);
	}
	return sz;
}

/* Find what is not worth a cut while there are @nr regions. */
static void find_slivers(struct damon_ctx *ctx, unsigned long nr)
{
	unsigned long max = ctx->attrs.max_nr_regions, sz, least;
	struct damon_target *t;

	damon_for_each_target(t, ctx) {
		sz = accessed_sz(t);
		least = mul_u64_u64_div_u64(sz, nr, max);
		least = min(least / max * 2, sz / max(nr, 1));
		damon_target_run(t)->least_cut = max(least, 2 * ctx->min_region_sz);
	}
}

static bool is_sliver(struct damon_target *t, const struct damon_region *r)
{
	return damon_sz_region(r) < damon_target_run(t)->least_cut;
}

static size_t nr_to_cut(struct damon_target *t)
{
	const struct damon_region *r;
	size_t nr = 0;

	damon_for_each_region(r, t)
		nr += !r->rest && !is_sliver(t, r);
	return nr;
}

static void split_all(struct damon_ctx *ctx, unsigned int nr_pieces)
{
	struct damon_rewrite w;
	struct damon_region *r;
	struct damon_target *t;

	damon_for_each_target(t, ctx) {
		damon_rewrite_begin(&w, t, t->nr_regions +
				    nr_to_cut(t) * (nr_pieces - 1));
		while ((r = damon_rewrite_next(&w))) {
			if (!is_resting(r) && !is_sliver(t, r))
				cut_at_random(ctx, &w, nr_pieces);
		}
	}
}

/* Between never and always accessed, that is, likely to have parts that differ. */
static bool is_mixed(const struct damon_region *r, unsigned int samples)
{
	return r->last_nr_accesses && r->last_nr_accesses < samples;
}

/**
 * struct choice - Which regions to cut, of those that can be.
 * @least_sz:	least size to be cut
 * @min_sz:	least size of a part
 * @samples:	in an aggregation
 * @mixed:	be it those that are mixed, or those that are not
 * @step:	one in so many
 * @phase:	which of them is the next
 */
struct choice {
	unsigned long least_sz;
	unsigned long min_sz;
	unsigned int samples;
	bool mixed;
	unsigned long step;
	unsigned long phase;
};

static bool is_eligible(const struct choice *c, struct damon_target *t,
			const struct damon_region *r)
{
	return !r->rest && !is_sliver(t, r) && damon_sz_region(r) >= c->least_sz &&
	       is_mixed(r, c->samples) == c->mixed;
}

struct sum {
	unsigned long nr;
	u64 sz;
};

static void add(struct sum *sum, const struct damon_region *r)
{
	sum->nr++;
	sum->sz += damon_sz_region(r);
}

static void add_eligible(struct sum *sum, struct damon_target *t, const struct choice *c)
{
	const struct damon_region *r;

	damon_for_each_region(r, t) {
		if (is_eligible(c, t, r))
			add(sum, r);
	}
}

static struct sum eligible(const struct damon_ctx *ctx, const struct choice *c)
{
	struct damon_target *t;
	struct sum sum = {};

	damon_for_each_target(t, ctx)
		add_eligible(&sum, t, c);
	return sum;
}

static unsigned long mean_sz(const struct damon_ctx *ctx, const struct choice *c)
{
	const struct sum sum = eligible(ctx, c);

	return sum.nr ? div64_ul(sum.sz, sum.nr) : 0;
}

/* Returns how many were cut. */
static unsigned long split_some(struct damon_ctx *ctx, struct choice *c)
{
	unsigned long nr = 0;
	struct damon_rewrite w;
	struct damon_target *t;
	struct damon_region *r;

	damon_for_each_target(t, ctx) {
		damon_rewrite_begin(&w, t, t->nr_regions +
				    DIV_ROUND_UP((size_t)t->nr_regions, c->step));
		while ((r = damon_rewrite_next(&w))) {
			unsigned long sz = damon_sz_region(r);

			if (!is_eligible(c, t, r) || c->phase++ % c->step)
				continue;
			nr += damon_rewrite_guess(&w, clamp(random_part(ctx, sz),
							    c->min_sz,
							    sz - c->min_sz));
		}
	}
	return nr;
}

static void let_rest(struct damon_ctx *ctx)
{
	struct damon_target *t;
	struct damon_region *r;

	damon_for_each_target(t, ctx) {
		damon_for_each_region(r, t)
			is_resting(r);
	}
}

/* As many as there is room for, first of what is mixed. */
static void split_best(struct damon_run *run, unsigned long nr)
{
	struct damon_ctx *ctx = &run->ctx;
	unsigned long max = ctx->attrs.max_nr_regions, room = max - nr;
	struct choice c = {
		.min_sz = ctx->min_region_sz, .mixed = true,
		.samples = damon_nr_samples_per_aggr(&ctx->attrs),
		.phase = run->adapt.split_phase++,
	};
	unsigned long step, nr_others;

	c.least_sz = mean_sz(ctx, &c);
	c.step = DIV_ROUND_UP(eligible(ctx, &c).nr, room) ?: 1;
	room -= split_some(ctx, &c);
	c.mixed = false;
	c.least_sz = 0;
	nr_others = eligible(ctx, &c).nr;
	if (room && nr_others) {
		step = min(max / room, nr_others);
		c.step = max(step, DIV_ROUND_UP(nr_others, room));
		split_some(ctx, &c);
	}
	let_rest(ctx);
}

/*
 * Cut the region at hand in up to @nr parts of about the same size, which are not cut
 * again in this aggregation.
 */
static void cut_in_many(struct damon_ctx *ctx, struct damon_rewrite *w,
			unsigned long nr)
{
	nr = min(nr, MAX_PARTS >> damon_rewrite_cur(w)->calm);
	damon_rewrite_cur(w)->rest = nr > 1;
	for (; nr > 1; nr--) {
		unsigned long part = damon_sz_region(damon_rewrite_cur(w)) / nr;

		part = mult_frac(part, damon_rand(ctx, 5, 16), 10);
		damon_rewrite_guess(w, ALIGN_DOWN(part, ctx->min_region_sz));
	}
}

/* Of all that is mixed, also what is at rest. */
static struct sum mixed(const struct damon_ctx *ctx, unsigned int samples)
{
	const struct damon_target *t;
	const struct damon_region *r;
	struct sum sum = {};

	damon_for_each_target(t, ctx) {
		damon_for_each_region(r, t) {
			if (is_mixed(r, samples))
				add(&sum, r);
		}
	}
	return sum;
}

/* Cut each of @c in up to @nr_cuts + 1 parts. */
static void split_in_many(struct damon_ctx *ctx, const struct choice *c,
			  unsigned long nr_cuts)
{
	struct damon_rewrite w;
	struct damon_target *t;

	damon_for_each_target(t, ctx) {
		struct sum sum = {};

		add_eligible(&sum, t, c);
		damon_rewrite_begin(&w, t, t->nr_regions + nr_cuts * sum.nr);
		while (damon_rewrite_next(&w)) {
			if (is_eligible(c, t, damon_rewrite_cur(&w)))
				cut_in_many(ctx, &w, nr_cuts + 1);
		}
	}
}

/* Use what regions are spare for those whose parts are likely to differ. */
void damon_split_mixed(struct damon_run *run)
{
	struct damon_ctx *ctx = &run->ctx;
	struct choice c = {
		.mixed = true,
		.samples = damon_nr_samples_per_aggr(&ctx->attrs),
	};
	unsigned long most = ctx->attrs.max_nr_regions / FRESH_SHARE;
	unsigned long nr = damon_total_regions(ctx), nr_cuts;
	struct sum sum;

	if (nr >= 2 * most)
		return;
	find_slivers(ctx, nr);
	sum = mixed(ctx, c.samples);
	if (sum.nr && nr >= most) {
		most *= 2;
		c.least_sz = min_t(u64, LARGE * div64_ul(sum.sz, sum.nr), ULONG_MAX);
		sum = eligible(ctx, &c);
	}
	if (!sum.nr)
		return;
	nr_cuts = min((most - nr) / sum.nr, MAX_PARTS - 1);
	if (nr_cuts)
		split_in_many(ctx, &c, nr_cuts);
}

/* Cut regions, to learn whether their parts are accessed differently. */
void damon_split_regions(struct damon_run *run)
{
	struct damon_adapt *adapt = &run->adapt;
	unsigned long max = run->ctx.attrs.max_nr_regions;
	unsigned long nr = damon_total_regions(&run->ctx);
	bool stuck = nr == adapt->last_nr_regions;

	adapt->last_nr_regions = nr;
	if (nr >= max)
		return;
	find_slivers(&run->ctx, nr);
	if (nr <= max / 2)
		split_all(&run->ctx, stuck && nr < max / 3 ? 3 : 2);
	else
		split_best(run, nr);
}
