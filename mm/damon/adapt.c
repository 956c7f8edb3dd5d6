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
 *			score, rather than the count, if probes have weights
 *	size limit	total size / min_nr_regions, at least the minimum
 *			region size M, a multiple of M.  No merge exceeds it,
 *			and larger regions are cut down to it while there are
 *			less than max_nr_regions; so there are min_nr_regions
 *			regions, unless M is in the way.  Many small regions far
 *			apart, which cannot merge, may exceed max_nr_regions
 *	cuts		with at most half of max_nr_regions regions, each is
 *			cut in two, or in three when the last split changed
 *			nothing in the end and there is room.  With more, one
 *			in k that can be cut is, so that the total grows but
 *			stays in the limit: k = max / (max - now), or as many
 *			as there are if that is less, and which one rotates
 *
 * A cut is at a random tenth of the region, rounded down to a multiple of M.
 * Where memory is short fewer cuts are made.
 *
 * Everything here runs in the kdamond.
 */

#include "internal.h"

static unsigned long nr_regions(const struct damon_ctx *ctx)
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

/* Have min_nr_regions, by cutting what is larger than the size limit. */
void damon_limit_regions(struct damon_run *run)
{
	unsigned long max = run->ctx.attrs.max_nr_regions;
	unsigned long nr = nr_regions(&run->ctx);
	unsigned long limit;
	struct damon_rewrite w;
	struct damon_target *t;

	damon_update_size_limit(run);
	limit = run->adapt.sz_limit;
	damon_for_each_target(t, &run->ctx) {
		size_t wanted = nr_pieces(t, limit) - t->nr_regions;

		if (!wanted || nr >= max)
			continue;
		damon_rewrite_begin(&w, t, t->nr_regions + min(wanted, max - nr));
		while (damon_rewrite_next(&w)) {
			while (nr < max && damon_rewrite_cut(&w, limit))
				nr++;
		}
	}
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

	while (nr_regions(&run->ctx) > run->ctx.attrs.max_nr_regions &&
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
	if (damon_rewrite_cut(w, second))
		first -= second;
	damon_rewrite_cut(w, first);
}

static void split_all(struct damon_ctx *ctx, unsigned int nr_pieces)
{
	struct damon_rewrite w;
	struct damon_target *t;

	damon_for_each_target(t, ctx) {
		damon_rewrite_begin(&w, t, (size_t)t->nr_regions * nr_pieces);
		while (damon_rewrite_next(&w))
			cut_at_random(ctx, &w, nr_pieces);
	}
}

static unsigned long nr_cuttable(const struct damon_ctx *ctx)
{
	const struct damon_target *t;
	const struct damon_region *r;
	unsigned long nr = 0;

	damon_for_each_target(t, ctx) {
		damon_for_each_region(r, t)
			nr += damon_sz_region(r) >= 2 * ctx->min_region_sz;
	}
	return nr;
}

/* Cut one in @step of the regions that can be cut, beginning at @phase. */
static void split_some(struct damon_ctx *ctx, unsigned long step,
		       unsigned long phase)
{
	unsigned long min_sz = ctx->min_region_sz;
	struct damon_rewrite w;
	struct damon_target *t;
	struct damon_region *r;

	damon_for_each_target(t, ctx) {
		damon_rewrite_begin(&w, t, t->nr_regions +
				    DIV_ROUND_UP((size_t)t->nr_regions, step));
		while ((r = damon_rewrite_next(&w))) {
			unsigned long sz = damon_sz_region(r);

			if (sz < 2 * min_sz || phase++ % step)
				continue;
			damon_rewrite_cut(&w, clamp(random_part(ctx, sz), min_sz,
						    sz - min_sz));
		}
	}
}

/* Cut regions, to learn whether their parts are accessed differently. */
void damon_split_regions(struct damon_run *run)
{
	struct damon_adapt *adapt = &run->adapt;
	unsigned long max = run->ctx.attrs.max_nr_regions;
	unsigned long nr = nr_regions(&run->ctx);
	bool stuck = nr == adapt->last_nr_regions;
	unsigned long step;

	adapt->last_nr_regions = nr;
	if (nr >= max)
		return;
	if (nr <= max / 2) {
		split_all(&run->ctx, stuck && nr < max / 3 ? 3 : 2);
		return;
	}
	step = min(max / (max - nr), nr_cuttable(&run->ctx));
	split_some(&run->ctx, max(step, 1), adapt->split_phase++);
}
