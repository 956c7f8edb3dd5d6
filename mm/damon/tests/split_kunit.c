// SPDX-License-Identifier: GPL-2.0
/*
 * Where blind cuts are made: not again and again where they are in vain, and first where
 * parts are likely to differ.
 */

#include "regions.h"

/* Cuts made blindly that have not been judged yet. */
static unsigned int nr_guesses(const struct damon_target *t)
{
	const struct damon_region *r;
	unsigned int nr = 0;

	damon_for_each_region(r, t)
		nr += r->guessed;
	return nr;
}

static void take_20_samples(struct damon_ctx *ctx)
{
	ctx->attrs.sample_interval = 1;
	ctx->attrs.aggr_interval = 20;
}

/* Rest */

/* One aggregation of a region of 1000 in samples of 20, or of its parts. */
enum step {
	SAME = '.',	/* as many accesses as the last time, in all parts */
	MORE = '+',	/* ten more, in all parts */
	CHANCE = '~',	/* two more, in all parts */
	DIFFER = '/',	/* in the last part ten more than in the others */
};

struct rest_case {
	const char *why;
	const char *steps;
	const char *cut;	/* x where something was cut at the end */
};

static const struct rest_case rest_cases[] = {
	{ "idle: each 2nd, 4th, 8th time", "................................",
	  "x.x...x.......x.......x.......x." },
	{ "another count wakes it", "........+.........", "x.x...x..x.x...x.." },
	{ "while it rests longest", "................+.", "x.x...x.......x..x" },
	{ "a change by chance does not", "........+.~~......", "x.x...x..x.x...x.." },
	{ "parts that differ do", "............../.....", "x.x...x.......xx.x.." },
};

static void take_step(struct damon_ctx *ctx, enum step step)
{
	struct damon_target *t = only_target(ctx);
	struct damon_region *r;

	damon_for_each_region(r, t) {
		r->nr_accesses = r->last_nr_accesses +
				 (step == MORE ? 10 : step == CHANCE ? 2 : 0);
		if (step == DIFFER && r == damon_last_region(t))
			r->nr_accesses += 10;
	}
	damon_merge_regions(damon_run(ctx), 1);
	damon_regions_close_window(t);
	damon_split_regions(damon_run(ctx));
}

static void rest_test(struct kunit *test)
{
	const struct rest_case *c = test->param_value;
	struct damon_ctx *ctx = regions_ctx(test, 1, 100000, 1000, 1);
	struct damon_run *run = damon_run(ctx);
	char cut[40] = {};
	unsigned int i;

	take_20_samples(ctx);
	run->adapt.sz_limit = NO_LIMIT;
	/* So that it has been cut in two by now. */
	damon_split_regions(run);
	for (i = 0; c->steps[i]; i++) {
		cut[i] = nr_guesses(only_target(ctx)) ? 'x' : '.';
		take_step(ctx, c->steps[i]);
	}
	KUNIT_EXPECT_STREQ(test, cut, c->cut);
}

/* Slivers */

struct sliver_case {
	const char *why;
	unsigned long sz;		/* of each other one of 30 regions; else 1000 */
	unsigned long max_nr_regions;
	unsigned int nr_accesses;	/* of 20, in the last aggregation */
	bool cut;
};

static const struct sliver_case sliver_cases[] = {
	{ "few regions: all", 10, 1000, 20, true },
	{ "a quarter of the maximum: half a share, of 15990 in 120", 66, 120, 20, true },
	{ "less than half", 65, 120, 20, false },
	{ "also of what is mixed", 65, 120, 10, false },
	{ "not accessed: all", 10, 120, 0, true },
	{ "half of the maximum: a share, of 19980 in 60", 332, 60, 20, true },
	{ "less than one", 331, 60, 20, false },
	{ "above half", 97, 50, 20, false },
};

/* Of each other region, which starts at odd multiples of @unit, those of size @sz. */
static unsigned int nr_of_sz(const struct damon_target *t, unsigned long unit,
			     unsigned long sz)
{
	const struct damon_region *r;
	unsigned int nr = 0;

	damon_for_each_region(r, t)
		nr += r->ar.start % (2 * unit) == unit && damon_sz_region(r) == sz;
	return nr;
}

/* One in @step, from the second on, to @sz. */
static void shrink(struct damon_target *t, unsigned long sz, unsigned int step)
{
	unsigned int i;

	for (i = 1; i < t->nr_regions; i += step)
		t->regions[i].ar.end = t->regions[i].ar.start + sz;
}

static struct damon_ctx *accessed_ctx(struct kunit *test, unsigned long unit,
				      unsigned long max_nr_regions,
				      unsigned int nr_accesses)
{
	struct damon_ctx *ctx = regions_ctx(test, 30, unit, max_nr_regions, 1);
	struct damon_region *r;

	take_20_samples(ctx);
	damon_for_each_region(r, only_target(ctx))
		r->last_nr_accesses = nr_accesses;
	return ctx;
}

static void sliver_test(struct kunit *test)
{
	const struct sliver_case *c = test->param_value;
	unsigned int phase;

	for (phase = 0; phase < 2; phase++) {
		struct damon_ctx *ctx = accessed_ctx(test, 1000, c->max_nr_regions,
						     c->nr_accesses);
		struct damon_target *t = only_target(ctx);

		shrink(t, c->sz, 2);
		damon_run(ctx)->adapt.split_phase = phase;
		damon_split_regions(damon_run(ctx));
		KUNIT_EXPECT_GT(test, damon_nr_regions(t), 30);
		KUNIT_EXPECT_EQ(test, nr_of_sz(t, 1000, c->sz), c->cut ? 0 : 15);
	}
}

/* Of 1508460 bytes in 400 shares, the share for 30 regions is 564. */
static void mixed_sliver_test(struct kunit *test)
{
	unsigned long sz;

	for (sz = 563; sz <= 564; sz++) {
		struct damon_ctx *ctx = accessed_ctx(test, 100000, 400, 10);
		struct damon_target *t = only_target(ctx);

		shrink(t, sz, 2);
		damon_split_mixed(damon_run(ctx));
		KUNIT_EXPECT_GE(test, damon_nr_regions(t), 60);
		KUNIT_EXPECT_EQ(test, nr_of_sz(t, 100000, sz), sz < 564 ? 15 : 0);
	}
}

/* A part is not judged by who is next to where the other part was. */
static void orphan_test(struct kunit *test)
{
	struct damon_ctx *ctx = accessed_ctx(test, 1000, 1000, 0);
	struct damon_target *t = only_target(ctx);
	struct damon_region *r;

	shrink(t, 100, 2);
	damon_for_each_region(r, t) {
		r->guessed = r->ar.start % 2000 == 0;
		r->calm = 1;
	}
	damon_merge_regions(damon_run(ctx), 1);
	damon_for_each_region(r, t) {
		KUNIT_EXPECT_FALSE(test, r->guessed);
		KUNIT_EXPECT_EQ(test, r->calm, 1);
		KUNIT_EXPECT_EQ(test, r->rest, 0);
	}
}

/* However many regions there are. */
static void grow_test(struct kunit *test)
{
	unsigned long max;

	for (max = 31; max < 150; max++) {
		struct damon_ctx *ctx = accessed_ctx(test, 1000, max, 20);

		damon_split_regions(damon_run(ctx));
		KUNIT_EXPECT_GT_MSG(test, damon_total_regions(ctx), 30, "of %lu", max);
		KUNIT_EXPECT_LE_MSG(test, damon_total_regions(ctx), max, "of %lu", max);
	}
}

/* What one target accesses does not keep another one from being cut. */
static void small_target_test(struct kunit *test)
{
	struct damon_ctx *ctx = accessed_ctx(test, 1000, 120, 20);
	struct damon_target *small = test_add_target(test, ctx, 0, 20, 1);

	small->regions[0].last_nr_accesses = 10;
	damon_split_regions(damon_run(ctx));
	KUNIT_EXPECT_GT(test, damon_nr_regions(small), 1);
}

/* Spare regions */

struct spare_case {
	const char *why;
	unsigned int nr;
	unsigned long sz;
	unsigned long min_region_sz;
	unsigned long max_nr_regions;
	unsigned int last_nr_accesses[2];	/* of even and odd regions, of 20 */
	unsigned char calm;
	unsigned int least, most;
};

static const struct spare_case spare_cases[] = {
	{ "all mixed, a share each", 10, 1000, 1, 1000, { 10, 1 }, 0, 250, 250 },
	{ "each other mixed, in 32 at most", 10, 1000, 1, 1000, { 19, 0 }, 0, 165, 165 },
	{ "in half as many after one in vain", 10, 1000, 1, 1000, { 19, 0 }, 1, 85, 85 },
	{ "in four after many", 10, 1000, 1, 1000, { 19, 0 }, 3, 25, 25 },
	{ "a share that is less than that", 10, 1000, 1, 120, { 10, 10 }, 3, 30, 30 },
	{ "none", 10, 1000, 1, 1000, { 20, 0 }, 0, 10, 10 },
	{ "up to a quarter, in three", 10, 1000, 1, 120, { 10, 10 }, 0, 30, 30 },
	{ "up to a quarter, in two", 10, 1000, 1, 119, { 10, 10 }, 0, 20, 20 },
	{ "a quarter already", 10, 1000, 1, 40, { 10, 10 }, 0, 10, 10 },
	{ "too small", 10, 8, 8, 1000, { 10, 10 }, 0, 10, 10 },
	{ "as far as they can be cut", 10, 24, 8, 1000, { 10, 10 }, 0, 11, 30 },
};

static void spare_test(struct kunit *test)
{
	const struct spare_case *c = test->param_value;
	struct damon_ctx *ctx = regions_ctx(test, c->nr, c->sz, c->max_nr_regions,
					    c->min_region_sz);
	struct damon_target *t = only_target(ctx);
	unsigned int i;

	take_20_samples(ctx);
	for (i = 0; i < c->nr; i++) {
		t->regions[i].last_nr_accesses = c->last_nr_accesses[i % 2];
		t->regions[i].calm = c->calm;
	}
	damon_split_mixed(damon_run(ctx));
	KUNIT_EXPECT_GE(test, damon_total_regions(ctx), c->least);
	KUNIT_EXPECT_LE(test, damon_total_regions(ctx), c->most);
	expect_whole(test, t, c->nr * c->sz, c->min_region_sz, c->why);
}

/* A region of 1000 among 29 smaller ones, all mixed, of which there are a quarter or more. */
struct large_case {
	const char *why;
	unsigned long sz;		/* of the others */
	unsigned long max_nr_regions;
	unsigned char calm;
	unsigned int expected;
};

static const struct large_case large_cases[] = {
	{ "four times the mean, up to half of the maximum", 225, 100, 0, 50 },
	{ "less", 226, 100, 0, 30 },
	{ "in less parts after cuts in vain", 225, 100, 3, 33 },
	{ "a quarter", 225, 120, 0, 60 },
	{ "half of the maximum already", 225, 60, 0, 30 },
	{ "two more", 225, 64, 0, 32 },
};

static void large_test(struct kunit *test)
{
	const struct large_case *c = test->param_value;
	struct damon_ctx *ctx = accessed_ctx(test, 1000, c->max_nr_regions, 10);
	struct damon_target *t = only_target(ctx);

	shrink(t, c->sz, 1);
	t->regions[0].calm = c->calm;
	damon_split_mixed(damon_run(ctx));
	KUNIT_EXPECT_EQ(test, damon_nr_regions(t), c->expected);
	KUNIT_EXPECT_EQ(test, damon_last_region(t)->ar.end, 29000 + c->sz);
	KUNIT_EXPECT_EQ(test, damon_regions_sz(t), 1000 + 29 * c->sz);
}

/* What is at rest, or too small, leaves its share unused. */
static void shares_test(struct kunit *test)
{
	struct damon_ctx *ctx = accessed_ctx(test, 1000, 400, 10);
	struct damon_target *t = only_target(ctx);
	unsigned int i;

	for (i = 0; i < 20; i++)
		t->regions[i].rest = 1;
	damon_split_mixed(damon_run(ctx));
	KUNIT_EXPECT_EQ(test, damon_nr_regions(t), 30 + 10 * ((100 - 30) / 30));
}

/* What has just been cut in many parts is left alone in the same aggregation. */
static void fresh_parts_test(struct kunit *test)
{
	struct damon_ctx *ctx = accessed_ctx(test, 1000, 1000, 10);
	struct damon_run *run = damon_run(ctx);

	damon_split_mixed(run);
	KUNIT_EXPECT_EQ(test, damon_total_regions(ctx), 240);
	damon_split_regions(run);
	KUNIT_EXPECT_EQ(test, damon_total_regions(ctx), 240);
	damon_split_regions(run);
	KUNIT_EXPECT_GT(test, damon_total_regions(ctx), 240);
}

struct spread_case {
	const char *why;
	unsigned int nr;
	unsigned long sz;
	unsigned long min_region_sz;
	unsigned long max_nr_regions;
	unsigned int expected;
};

static const struct spread_case spread_cases[] = {
	{ "a quarter of the maximum", 1, 100000, 1, 1000, 250 },
	{ "several regions", 4, 25000, 1, 1000, 250 },
	{ "of at least the smallest size", 1, 4096 * 16, 4096, 1000, 16 },
	{ "a quarter is less than there are", 10, 1000, 1, 39, 10 },
	{ "a quarter of nothing", 3, 1000, 1, 3, 3 },
	{ "no region", 0, 0, 1, 1000, 0 },
	{ "largest maximum", 1, 64, 1, ULONG_MAX, 64 },
};

static void spread_test(struct kunit *test)
{
	const struct spread_case *c = test->param_value;
	struct damon_ctx *ctx = regions_ctx(test, c->nr, c->sz, c->max_nr_regions,
					    c->min_region_sz);

	damon_spread_regions(damon_run(ctx));
	KUNIT_EXPECT_EQ(test, damon_total_regions(ctx), c->expected);
	expect_whole(test, only_target(ctx), c->nr * c->sz, c->min_region_sz, c->why);
}

/* Two targets with as many bytes as there are, or more. */
struct spread_space_case {
	const char *why;
	unsigned long sz[2];
	unsigned long max_nr_regions;
	unsigned int expected;
};

static const struct spread_space_case spread_space_cases[] = {
	{ "all there is, a quarter is one", { ULONG_MAX - 4095, 4095 }, 4, 2 },
	{ "all there is, a quarter is almost two", { ULONG_MAX - 4095, 4095 }, 7, 2 },
	{ "all there is, a quarter is two", { ULONG_MAX - 4095, 4095 }, 8, 2 },
	{ "all there is, a quarter is three", { ULONG_MAX - 4095, 4095 }, 12, 3 },
	{ "twice that, a quarter is one", { ULONG_MAX, ULONG_MAX }, 4, 2 },
	{ "twice that, a quarter is almost two", { ULONG_MAX, ULONG_MAX }, 7, 2 },
	{ "twice that, a quarter is two", { ULONG_MAX, ULONG_MAX }, 8, 2 },
	{ "twice that, a quarter is three", { ULONG_MAX, ULONG_MAX }, 12, 3 },
};

static void spread_space_test(struct kunit *test)
{
	const struct spread_space_case *c = test->param_value;
	struct damon_ctx *ctx = regions_ctx(test, 1, c->sz[0], c->max_nr_regions, 4096);
	struct damon_target *second = test_add_target(test, ctx, 0, c->sz[1], 1);

	damon_spread_regions(damon_run(ctx));
	KUNIT_EXPECT_EQ(test, damon_total_regions(ctx), c->expected);
	expect_whole(test, only_target(ctx), c->sz[0], 1, c->why);
	expect_whole(test, second, c->sz[1], 1, c->why);
}

/* Above half of the maximum, where not all can be cut. */
static void mixed_first_test(struct kunit *test)
{
	struct damon_ctx *ctx = regions_ctx(test, 60, 1000, 70, 1);
	struct damon_target *t = only_target(ctx);
	struct damon_region *r;
	unsigned int i;

	take_20_samples(ctx);
	for (i = 0; i < 60; i++)
		t->regions[i].last_nr_accesses = i % 10 == 5 ? 10 : i % 2 * 20;
	damon_split_regions(damon_run(ctx));
	KUNIT_EXPECT_GT(test, damon_nr_regions(t), 66);
	KUNIT_EXPECT_LE(test, damon_nr_regions(t), 70);
	damon_for_each_region(r, t) {
		if (r->last_nr_accesses == 10)
			KUNIT_EXPECT_LT(test, damon_sz_region(r), 1000);
	}
}

KUNIT_ARRAY_PARAM_DESC(rest, rest_cases, why);
KUNIT_ARRAY_PARAM_DESC(sliver, sliver_cases, why);
KUNIT_ARRAY_PARAM_DESC(spare, spare_cases, why);
KUNIT_ARRAY_PARAM_DESC(large, large_cases, why);
KUNIT_ARRAY_PARAM_DESC(spread, spread_cases, why);
KUNIT_ARRAY_PARAM_DESC(spread_space, spread_space_cases, why);

static struct kunit_case split_test_cases[] = {
	KUNIT_CASE_PARAM(rest_test, rest_gen_params),
	KUNIT_CASE_PARAM(sliver_test, sliver_gen_params),
	KUNIT_CASE(mixed_sliver_test),
	KUNIT_CASE(orphan_test),
	KUNIT_CASE(grow_test),
	KUNIT_CASE(small_target_test),
	KUNIT_CASE_PARAM(spare_test, spare_gen_params),
	KUNIT_CASE_PARAM(large_test, large_gen_params),
	KUNIT_CASE(shares_test),
	KUNIT_CASE(fresh_parts_test),
	KUNIT_CASE_PARAM(spread_test, spread_gen_params),
	KUNIT_CASE_PARAM(spread_space_test, spread_space_gen_params),
	KUNIT_CASE(mixed_first_test),
	{}
};

static struct kunit_suite split_test_suite = {
	.name = "damon-split",
	.test_cases = split_test_cases,
};

kunit_test_suite(split_test_suite);
