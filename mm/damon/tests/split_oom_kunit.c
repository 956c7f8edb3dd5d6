// SPDX-License-Identifier: GPL-2.0
/*
 * Splits of regions where memory is short.
 */

#include <linux/damon.h>

#include "fail.h"
#include "helpers.h"
#include "regions.h"

/* Regions that cannot be cut stay whole. */
static void split_oom_test(struct kunit *test)
{
	static const struct region_row rows[] = {
		{ 0, 1000, 3, 5, 7 }, { 1000, 3000, 0, 9, 11 }, {},
	};
	struct damon_ctx *ctx = test_ctx(test);
	struct damon_target *t = test_add_target(test, ctx, 0, 1, 0);

	fail_begin(test);
	ctx->min_region_sz = 1;
	set_rows(test, t, rows);
	damon_target_run(t)->capacity = 2;
	fail_nth(1);
	damon_split_regions(damon_run(ctx));
	KUNIT_EXPECT_TRUE(test, fail_end());
	expect_rows(test, t, rows, true, "not split");
	fail_nth(1);
	damon_limit_regions(damon_run(ctx));
	KUNIT_EXPECT_TRUE(test, fail_end());
	expect_rows(test, t, rows, true, "not limited");
	damon_limit_regions(damon_run(ctx));
	KUNIT_EXPECT_EQ(test, damon_nr_regions(t), 11);
}

static const struct region_row parents[] = {
	{ 0, 1000, 3, 5, 7 }, { 1000, 3000, 0, 9, 11 }, { 4000, 5000, 1, 1, 0 }, {},
};

/* Every other sixteenth was touched. */
static void hint_stripes(struct damon_ctx *ctx, struct damon_target *t,
			 struct damon_hints *h)
{
	unsigned long i, sz = damon_last_region(t)->ar.end / 16;

	for (i = 0; i < 16 && damon_hint(h, i * sz, (i + 1) * sz, i % 2); i++)
		;
	h->from = 0;
}

struct split_walk_case {
	const char *why;
	void (*split)(struct damon_run *run);
	unsigned long min_nr_regions, max_nr_regions;
	unsigned int least;		/* allocations */
};

/* Of two targets with three regions each. */
static const struct split_walk_case split_walk_cases[] = {
	{ "all", damon_split_regions, 3, 1000, 2 },
	{ "some", damon_split_regions, 3, 10, 2 },
	{ "mixed", damon_split_mixed, 3, 1000, 2 },
	{ "spread", damon_spread_regions, 3, 200, 2 },
	{ "spread, more than fit a slab", damon_spread_regions, 3, 8000, 2 },
	{ "limit", damon_limit_regions, 50, 1000, 2 },
	{ "limit, more than fit a slab", damon_limit_regions, 1000, 2000, 2 },
	{ "hints, and their buffer", damon_split_by_hints, 3, 1000, 3 },
};

static struct damon_ctx *split_walk_ctx(struct kunit *test,
					const struct split_walk_case *c)
{
	struct damon_ctx *ctx = test_ctx(test);
	unsigned int i, j;

	ctx->attrs = (struct damon_attrs) {
		1, 20, 1000, c->min_nr_regions, c->max_nr_regions, .split_hints = true,
	};
	ctx->min_region_sz = 1;
	ctx->ops.split_hints = hint_stripes;
	for (i = 0; i < 2; i++) {
		struct damon_target *t = test_add_target(test, ctx, 0, 1, 0);

		set_rows(test, t, parents);
		for (j = 0; j < t->nr_regions; j++)
			t->regions[j].last_probe_hits[i] = j + 1;
	}
	return ctx;
}

static void expect_counters(struct kunit *test, const struct damon_region *r,
			    unsigned int row, unsigned int target, const char *why)
{
	const struct region_row *whole = &parents[row];

	KUNIT_ASSERT_EQ_MSG(test, r->nr_accesses, whole->nr_accesses, "%s", why);
	KUNIT_ASSERT_EQ_MSG(test, r->last_nr_accesses, whole->last_nr_accesses, "%s", why);
	KUNIT_ASSERT_EQ_MSG(test, r->age, whole->age, "%s", why);
	KUNIT_ASSERT_EQ_MSG(test, r->last_probe_hits[target], row + 1, "%s", why);
}

/* The parts are, one after the other, what the rows are. */
static void expect_parts(struct kunit *test, struct damon_target *t, unsigned int target,
			 const char *why)
{
	unsigned long at = parents[0].start;
	struct damon_region *r;
	unsigned int row = 0;

	damon_for_each_region(r, t) {
		KUNIT_ASSERT_EQ_MSG(test, r->ar.start, at, "%s", why);
		KUNIT_ASSERT_GT_MSG(test, r->ar.end, at, "%s", why);
		KUNIT_ASSERT_LE_MSG(test, r->ar.end, parents[row].end, "%s", why);
		expect_counters(test, r, row, target, why);
		at = r->ar.end;
		if (at == parents[row].end)
			at = parents[++row].start;
	}
	KUNIT_EXPECT_EQ_MSG(test, row, nr_rows(parents), "%s", why);
	KUNIT_EXPECT_EQ_MSG(test, damon_regions_sz(t), 4000, "%s", why);
}

/* Returns the number of regions after a split whose @n-th allocation fails. */
static unsigned long split_walk_step(struct kunit *test, const struct split_walk_case *c,
				     unsigned int n, bool *failed)
{
	struct damon_ctx *ctx = split_walk_ctx(test, c);
	unsigned int target = 0;
	struct damon_target *t;
	unsigned long nr;

	fail_nth(n);
	c->split(damon_run(ctx));
	*failed = fail_end();
	damon_hints_free(damon_run(ctx));
	damon_for_each_target(t, ctx)
		expect_parts(test, t, target++, c->why);
	nr = damon_total_regions(ctx);
	kunit_release_action(test, test_free_ctx, ctx);
	return nr;
}

/* Where the n-th allocation fails, for n = 1, 2, ... until none does, less is cut. */
static void split_walk_test(struct kunit *test)
{
	const struct split_walk_case *c = test->param_value;
	unsigned long nr, nr_all;
	bool failed = true;
	unsigned int n;

	fail_begin(test);
	nr_all = split_walk_step(test, c, UINT_MAX / 2, &failed);
	KUNIT_ASSERT_FALSE(test, failed);
	KUNIT_EXPECT_GT(test, nr_all, 6);
	KUNIT_EXPECT_LE(test, nr_all, c->max_nr_regions);
	for (n = 1; ; n++) {
		nr = split_walk_step(test, c, n, &failed);
		if (!failed)
			break;
		KUNIT_EXPECT_GE(test, nr, 6);
		KUNIT_EXPECT_LE(test, nr, c->max_nr_regions);
	}
	KUNIT_EXPECT_GE(test, n - 1, c->least);
	KUNIT_EXPECT_EQ(test, nr, nr_all);
}

/* Once there is room, aggregations allocate nothing. */
static void steady_oom_test(struct kunit *test)
{
	struct damon_ctx *ctx = test_ctx(test);
	struct damon_target *t = test_add_target(test, ctx, 0, 1 << 20, 4);
	struct damon_region *r;
	unsigned int i;
	bool failed;

	fail_begin(test);
	ctx->min_region_sz = 1;
	ctx->ops.split_hints = hint_stripes;
	for (i = 0; i < 2000; i++) {
		damon_for_each_region(r, t)
			r->nr_accesses = damon_rand(ctx, 0, i % 7 ? 2 : 20);
		if (i == 1000)
			fail_nth(1);
		damon_merge_regions(damon_run(ctx), 1);
		damon_limit_regions(damon_run(ctx));
		damon_regions_close_window(t);
		damon_split_by_hints(damon_run(ctx));
		damon_split_regions(damon_run(ctx));
	}
	failed = fail_end();
	KUNIT_EXPECT_NOT_NULL(test, damon_run(ctx)->hints);
	damon_hints_free(damon_run(ctx));
	KUNIT_EXPECT_FALSE(test, failed);
	KUNIT_EXPECT_GT(test, damon_nr_regions(t), 10);
}

KUNIT_ARRAY_PARAM_DESC(split_walk, split_walk_cases, why);

static struct kunit_case split_oom_test_cases[] = {
	KUNIT_CASE(split_oom_test),
	KUNIT_CASE_PARAM(split_walk_test, split_walk_gen_params),
	KUNIT_CASE(steady_oom_test),
	{}
};

static struct kunit_suite split_oom_test_suite = {
	.name = "damon-split-oom",
	.test_cases = split_oom_test_cases,
};

kunit_test_suite(split_oom_test_suite);
