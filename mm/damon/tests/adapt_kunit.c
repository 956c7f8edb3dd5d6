// SPDX-License-Identifier: GPL-2.0
/*
 * Adaptive regions: size limit, merging down to the largest number of regions,
 * splitting within it.
 */

#include "regions.h"

struct limit_case {
	const char *why;
	unsigned long sz;		/* of each region */
	unsigned int nr;
	unsigned long min_region_sz;
	unsigned long min_nr_regions;
	unsigned long sz_limit;
	unsigned int expected;
};

#define ALL_PAGES	(ULONG_MAX - 4095)

static const struct limit_case limit_cases[] = {
	{ "as many as there are bytes", 10, 1, 1, 10, 1, 10 },
	{ "more than there are bytes", 10, 1, 1, 15, 1, 10 },
	{ "rounded up to the smallest size", 10, 1, 2, 2, 6, 2 },
	{ "the smallest size comes first", 10, 1, 2, 10, 2, 5 },
	{ "rest is last", 100, 1, 1, 3, 33, 4 },
	{ "regions at the limit stay", 10, 10, 1, 10, 10, 10 },
	{ "small regions stay", 10, 20, 1, 10, 20, 20 },
	{ "each region for itself", 25, 4, 1, 10, 10, 12 },
	{ "smaller than the smallest size", 3, 2, 4096, 10, 4096, 2 },
	{ "no region", 0, 0, 4096, 10, 4096, 0 },
	{ "all of the address space", ALL_PAGES, 1, 4096, 3,
	  ALIGN(ALL_PAGES / 3, 4096), 3 },
	{ "all of it, in many regions", ALL_PAGES, 1, 4096, 1000,
	  ALIGN(ALL_PAGES / 1000, 4096), 1000 },
	{ "all of it, by a huge smallest size", ALL_PAGES, 1, ULONG_MAX / 2 + 1, 10,
	  ULONG_MAX / 2 + 1, 2 },
};

static void limit_test(struct kunit *test)
{
	const struct limit_case *c = test->param_value;
	struct damon_ctx *ctx = regions_ctx(test, c->nr, c->sz, 1000, c->min_region_sz);
	struct damon_target *t = only_target(ctx);
	struct damon_region *r;

	ctx->attrs.min_nr_regions = c->min_nr_regions;
	damon_limit_regions(damon_run(ctx));
	KUNIT_EXPECT_EQ(test, damon_run(ctx)->adapt.sz_limit, c->sz_limit);
	KUNIT_EXPECT_EQ(test, damon_nr_regions(t), c->expected);
	expect_whole(test, t, c->nr * c->sz, 1, c->why);
	damon_for_each_region(r, t) {
		KUNIT_EXPECT_LE(test, damon_sz_region(r), c->sz_limit);
		if (r->ar.end % c->sz)
			KUNIT_EXPECT_EQ(test, damon_sz_region(r), c->sz_limit);
	}
}

static void limit_counts_all_targets_test(struct kunit *test)
{
	struct damon_ctx *ctx = regions_ctx(test, 1, 100, 1000, 1);
	struct damon_target *t = test_add_target(test, ctx, 0, 900, 1);

	ctx->attrs.min_nr_regions = 10;
	damon_limit_regions(damon_run(ctx));
	KUNIT_EXPECT_EQ(test, damon_nr_regions(only_target(ctx)), 1);
	KUNIT_EXPECT_EQ(test, damon_nr_regions(t), 9);

	/* Together they are more than there are numbers. */
	test_add_target(test, ctx, 0, ALL_PAGES, 1);
	test_add_target(test, ctx, 0, ALL_PAGES, 1);
	damon_limit_regions(damon_run(ctx));
	KUNIT_EXPECT_EQ(test, damon_run(ctx)->adapt.sz_limit, ULONG_MAX / 10);
	KUNIT_EXPECT_EQ(test, damon_total_regions(ctx), 30);
}

/* The maximum comes before the minimum, where both round up. */
static void limit_within_maximum_test(struct kunit *test)
{
	struct damon_ctx *ctx = regions_ctx(test, 1, 90, 5, 1);

	test_add_target(test, ctx, 0, 10, 1);
	ctx->attrs.min_nr_regions = 5;
	damon_limit_regions(damon_run(ctx));
	KUNIT_EXPECT_EQ(test, damon_run(ctx)->adapt.sz_limit, 20);
	KUNIT_EXPECT_EQ(test, damon_total_regions(ctx), 5);
	expect_whole(test, only_target(ctx), 90, 1, "cut four times");
}

struct merge_case {
	const char *why;
	unsigned int threshold;
	unsigned long samples;
	unsigned long max_nr_regions;
	unsigned long sz_limit;
	unsigned int nr_accesses[MAX_ROWS];	/* of regions of 10 bytes */
	unsigned int nr;
	unsigned int expected;
};

static const struct merge_case merge_cases[] = {
	{ "within the maximum: by the threshold", 2, 20, 4, NO_LIMIT,
	  { 0, 2, 10, 12, 20 }, 5, 3 },
	{ "doubled until they fit, no further", 0, 20, 3, NO_LIMIT,
	  { 0, 1, 9, 10, 19, 20 }, 6, 3 },
	{ "zero becomes one", 0, 20, 1, NO_LIMIT, { 5, 6 }, 2, 1 },
	{ "doubled several times", 1, 20, 2, NO_LIMIT, { 0, 7, 20, 20 }, 4, 2 },
	{ "16 is not enough, 20 is tried", 1, 20, 1, NO_LIMIT, { 0, 20 }, 2, 1 },
	{ "the last step is the number of samples", 3, 20, 1, NO_LIMIT, { 0, 20 }, 2, 1 },
	{ "odd number of samples", 5, 11, 1, NO_LIMIT, { 0, 11 }, 2, 1 },
	{ "one sample", 0, 1, 1, NO_LIMIT, { 0, 1 }, 2, 1 },
	{ "threshold at the number of samples already", 20, 20, 1, 10,
	  { 5, 5, 5 }, 3, 3 },
	{ "the size limit holds", 2, 20, 3, 20,
	  { 0, 5, 10, 15, 20, 0, 5, 10, 15, 20 }, 10, 6 },
	{ "ends where nothing can merge", 0, ULONG_MAX, 3, 10,
	  { 1, 1, 1, 1, 1 }, 5, 5 },
	{ "counts near their maximum", 0, UINT_MAX, 1, NO_LIMIT,
	  { 0, UINT_MAX }, 2, 1 },
};

static void merge_test(struct kunit *test)
{
	const struct merge_case *c = test->param_value;
	struct damon_ctx *ctx = regions_ctx(test, c->nr, 10, c->max_nr_regions, 1);
	struct damon_target *t = only_target(ctx);
	unsigned int i;

	ctx->attrs.sample_interval = 1;
	ctx->attrs.aggr_interval = c->samples;
	damon_run(ctx)->adapt.sz_limit = c->sz_limit;
	for (i = 0; i < c->nr; i++)
		t->regions[i].nr_accesses = c->nr_accesses[i];
	damon_merge_regions(damon_run(ctx), c->threshold);
	KUNIT_EXPECT_EQ(test, damon_total_regions(ctx), c->expected);
	expect_whole(test, t, 10 * c->nr, 10, c->why);
}

/* However often merging is tried, an aggregation is one year of age. */
static void merge_ages_once_test(struct kunit *test)
{
	struct damon_ctx *ctx = regions_ctx(test, 2, 10, 1, 1);
	struct damon_region *r = only_target(ctx)->regions;

	ctx->attrs.sample_interval = 1;
	ctx->attrs.aggr_interval = 20;
	damon_run(ctx)->adapt.sz_limit = NO_LIMIT;
	r[0] = (struct damon_region) { r[0].ar, 0, 4, 4, 6 };
	r[1] = (struct damon_region) { r[1].ar, 0, 20, 4, 30 };
	damon_merge_regions(damon_run(ctx), 8);
	KUNIT_EXPECT_EQ(test, damon_total_regions(ctx), 1);
	KUNIT_EXPECT_EQ(test, only_target(ctx)->regions->nr_accesses, 12);
	/* 4 to 20 is more than 8, though not more than 16: (7 + 0) / 2. */
	KUNIT_EXPECT_EQ(test, only_target(ctx)->regions->age, 3);
}

struct split_case {
	const char *why;
	unsigned int nr;
	unsigned long sz;
	unsigned long min_region_sz;
	unsigned long max_nr_regions;
	unsigned long last_nr_regions;
	unsigned int least;
	unsigned int most;
};

static const struct split_case split_cases[] = {
	{ "at the maximum", 10, 100, 1, 10, 0, 10, 10 },
	{ "above the maximum", 11, 100, 1, 10, 11, 11, 11 },
	{ "one below the maximum", 9, 100, 1, 10, 0, 10, 10 },
	{ "above half, k = 2", 6, 100, 1, 10, 0, 9, 9 },
	{ "above half, k = 3", 7, 100, 1, 10, 0, 10, 10 },
	{ "above half, k = 5", 8, 100, 1, 10, 0, 10, 10 },
	{ "above half of an odd number", 6, 100, 1, 11, 0, 9, 9 },
	{ "half of the maximum: all in two", 5, 100, 1, 10, 0, 10, 10 },
	{ "all in two", 20, 100, 1, 1000, 0, 40, 40 },
	{ "the last split was undone: all in three", 20, 100, 1, 1000, 20, 60, 60 },
	{ "something else than the last split", 20, 100, 1, 1000, 21, 40, 40 },
	{ "undone, but a third of the maximum", 20, 100, 1, 60, 20, 40, 40 },
	{ "undone, just less than a third", 20, 100, 1, 63, 20, 60, 60 },
	{ "one region in up to two", 1, 22, 1, 1000, 0, 2, 2 },
	{ "one region in up to three", 1, 220, 1, 1000, 1, 3, 3 },
	{ "three regions in up to three, most parts too small", 3, 20, 4, 1000, 3, 3, 9 },
	{ "smallest size", 4, 4, 4, 1000, 0, 4, 4 },
	{ "twice the smallest size", 4, 8, 4, 1000, 0, 4, 4 },
	{ "twice the smallest size, above half", 8, 8, 4, 10, 0, 10, 10 },
	{ "less than that, above half", 8, 7, 4, 10, 0, 8, 8 },
	{ "bytes", 8, 1, 1, 1000, 8, 8, 8 },
	{ "no region", 0, 0, 1, 1000, 0, 0, 0 },
	{ "near the end of the address space", 2, ULONG_MAX / 2 - 4095, 4096, 1000, 2, 6, 6 },
};

static void split_test(struct kunit *test)
{
	const struct split_case *c = test->param_value;
	struct damon_ctx *ctx = regions_ctx(test, c->nr, c->sz, c->max_nr_regions,
					    c->min_region_sz);
	struct damon_run *run = damon_run(ctx);
	unsigned long unit = c->sz % c->min_region_sz ? 1 : c->min_region_sz;

	run->adapt.last_nr_regions = c->last_nr_regions;
	damon_split_regions(run);
	KUNIT_EXPECT_GE(test, damon_total_regions(ctx), c->least);
	KUNIT_EXPECT_LE(test, damon_total_regions(ctx), c->most);
	expect_whole(test, only_target(ctx), c->nr * c->sz, unit, c->why);
	KUNIT_EXPECT_EQ(test, run->adapt.last_nr_regions, c->nr);
}

static void split_some_progresses_test(struct kunit *test)
{
	struct damon_ctx *ctx = regions_ctx(test, 760, 100, 1500, 1);
	unsigned int nr, last = 760;

	while (last < 1500) {
		damon_split_regions(damon_run(ctx));
		nr = damon_total_regions(ctx);
		KUNIT_ASSERT_GT(test, nr, last);
		KUNIT_ASSERT_LE(test, nr, 1500);
		last = nr;
	}
	expect_whole(test, only_target(ctx), 76000, 1, "760 regions");
}

/* From any number of regions, whichever of them is the next to split. */
static void split_some_any_phase_test(struct kunit *test)
{
	struct damon_ctx *ctx = test_ctx(test);
	unsigned int i, phase, a, b, nr;

	ctx->min_region_sz = 1;
	ctx->attrs.max_nr_regions = 20;
	for (i = 0; i < 200; i++) {
		nr = 11 + i % 9;
		phase = i / 9;
		a = damon_nr_regions(test_add_target(test, ctx, 0, 100, nr / 2));
		b = damon_nr_regions(test_add_target(test, ctx, 0, 100, nr - nr / 2));
		KUNIT_ASSERT_EQ(test, a + b, nr);
		damon_run(ctx)->adapt.split_phase = phase;
		damon_split_regions(damon_run(ctx));
		KUNIT_EXPECT_GT_MSG(test, damon_total_regions(ctx), nr, "%u regions, phase %u",
				    nr, phase);
		KUNIT_EXPECT_LE_MSG(test, damon_total_regions(ctx), 20, "%u regions, phase %u",
				    nr, phase);
		damon_destroy_targets(ctx);
	}
}

/* In the long run no region is left out. */
static void split_some_rotates_test(struct kunit *test)
{
	struct damon_ctx *ctx = regions_ctx(test, 8, 100, 10, 1);
	struct damon_target *t = only_target(ctx);
	unsigned long was_cut = 0;
	struct damon_region *r;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		damon_split_regions(damon_run(ctx));
		damon_for_each_region(r, t) {
			if (r->ar.start % 100)
				__set_bit(r->ar.start / 100, &was_cut);
		}
		damon_destroy_target(t, ctx);
		t = test_add_target(test, ctx, 0, 100, 8);
	}
	KUNIT_EXPECT_EQ(test, was_cut, 0xff);
}

/* Cuts are at any tenth but the outer ones. */
static void split_anywhere_test(struct kunit *test)
{
	struct damon_ctx *ctx = regions_ctx(test, 1000, 100, 3000, 1);
	struct damon_target *t = only_target(ctx);
	unsigned long tenths = 0;
	unsigned int i;

	damon_split_regions(damon_run(ctx));
	KUNIT_ASSERT_EQ(test, damon_nr_regions(t), 2000);
	for (i = 0; i < 2000; i += 2) {
		KUNIT_EXPECT_EQ(test, damon_sz_region(&t->regions[i]) % 10, 0);
		__set_bit(damon_sz_region(&t->regions[i]) / 10, &tenths);
	}
	KUNIT_EXPECT_EQ(test, tenths, 0x3fe);
}

static void split_keeps_counters_test(struct kunit *test)
{
	struct damon_ctx *ctx = regions_ctx(test, 20, 1000, 1000, 1);
	struct damon_region *r, *end;
	struct damon_target *t = only_target(ctx);

	damon_for_each_region(r, t) {
		r->nr_accesses = r->ar.start / 1000;
		r->last_nr_accesses = r->nr_accesses + 1;
		r->age = r->nr_accesses + 2;
	}
	damon_run(ctx)->adapt.last_nr_regions = 20;
	damon_split_regions(damon_run(ctx));
	KUNIT_EXPECT_EQ(test, damon_nr_regions(t), 60);
	end = t->regions + t->nr_regions;
	for (r = t->regions; r < end; r++) {
		KUNIT_EXPECT_EQ(test, r->nr_accesses, r->ar.start / 1000);
		KUNIT_EXPECT_EQ(test, r->last_nr_accesses, r->nr_accesses + 1);
		KUNIT_EXPECT_EQ(test, r->age, r->nr_accesses + 2);
	}
}

/* What an aggregation does to regions that are all accessed differently. */
static void aggregate(struct damon_ctx *ctx)
{
	struct damon_target *t;
	struct damon_region *r;

	damon_for_each_target(t, ctx) {
		damon_for_each_region(r, t)
			r->nr_accesses = damon_rand(ctx, 0, 21);
	}
	damon_merge_regions(damon_run(ctx), 2);
	damon_limit_regions(damon_run(ctx));
	damon_split_regions(damon_run(ctx));
}

struct bounds_case {
	const char *why;
	unsigned long sz;
	unsigned long min_region_sz;
	unsigned long min;
	unsigned long max;
	unsigned int nr_late;		/* aggregations before the bounds hold */
	unsigned int least;
	unsigned int most;
};

/*
 * One after the other, in the same context.  A merge still has the size limit
 * that the bounds before had, so the second one is the first to meet the new.
 */
static const struct bounds_case bounds_cases[] = {
	{ "few regions at the start", 1 << 20, 1, 10, 1000, 0, 10, 1000 },
	{ "maximum lowered", 1 << 20, 1, 3, 7, 2, 3, 7 },
	{ "minimum raised", 1 << 20, 1, 500, 1000, 1, 500, 1000 },
	{ "minimum and maximum close to each other", 1 << 20, 1, 90, 100, 2, 90, 182 },
	{ "as many as there are", 64, 4, 16, 16, 1, 16, 16 },
	{ "a maximum of more than there are", 64, 4, 10, 1000, 1, 8, 16 },
};

static void bounds_test(struct kunit *test)
{
	struct damon_ctx *ctx = test_ctx(test);
	const struct bounds_case *c = bounds_cases;
	struct damon_target *t = NULL;
	unsigned int i;

	for (; c < bounds_cases + ARRAY_SIZE(bounds_cases); c++) {
		ctx->attrs.min_nr_regions = c->min;
		ctx->attrs.max_nr_regions = c->max;
		ctx->min_region_sz = c->min_region_sz;
		if (!t || damon_regions_sz(t) != c->sz) {
			damon_destroy_targets(ctx);
			t = test_add_target(test, ctx, 0, c->sz, 1);
			damon_limit_regions(damon_run(ctx));
		}
		for (i = 0; i < c->nr_late + 20; i++) {
			if (i >= c->nr_late) {
				KUNIT_EXPECT_GE_MSG(test, t->nr_regions, c->least, "%s", c->why);
				KUNIT_EXPECT_LE_MSG(test, t->nr_regions, c->most, "%s", c->why);
			}
			expect_whole(test, t, c->sz, c->min_region_sz, c->why);
			aggregate(ctx);
		}
	}
}

KUNIT_ARRAY_PARAM_DESC(limit, limit_cases, why);
KUNIT_ARRAY_PARAM_DESC(merge, merge_cases, why);
KUNIT_ARRAY_PARAM_DESC(split, split_cases, why);

static struct kunit_case adapt_test_cases[] = {
	KUNIT_CASE_PARAM(limit_test, limit_gen_params),
	KUNIT_CASE(limit_counts_all_targets_test),
	KUNIT_CASE(limit_within_maximum_test),
	KUNIT_CASE_PARAM(merge_test, merge_gen_params),
	KUNIT_CASE(merge_ages_once_test),
	KUNIT_CASE_PARAM(split_test, split_gen_params),
	KUNIT_CASE(split_some_progresses_test),
	KUNIT_CASE(split_some_any_phase_test),
	KUNIT_CASE(split_some_rotates_test),
	KUNIT_CASE(split_anywhere_test),
	KUNIT_CASE(split_keeps_counters_test),
	KUNIT_CASE(bounds_test),
	{}
};

static struct kunit_suite adapt_test_suite = {
	.name = "damon-adapt",
	.test_cases = adapt_test_cases,
};

kunit_test_suite(adapt_test_suite);
