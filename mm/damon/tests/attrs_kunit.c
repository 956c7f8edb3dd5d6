// SPDX-License-Identifier: GPL-2.0
/*
 * Monitoring attributes: which are valid, what becomes of results and of the
 * schedule when they change.
 */

#include "fake.h"

/* Validation */

struct valid_case {
	const char *why;
	struct damon_attrs attrs;
	int err;
};

static const struct valid_case valid_cases[] = {
	{ "defaults", { 5000, 100000, 1000000, 10, 1000 }, 0 },
	{ "fewest regions", { 5000, 100000, 1000000, 3, 3 }, 0 },
	{ "fewer regions", { 5000, 100000, 1000000, 2, 1000 }, -EINVAL },
	{ "one region", { 5000, 100000, 1000000, 1, 1000 }, -EINVAL },
	{ "no region", { 5000, 100000, 1000000, 0, 0 }, -EINVAL },
	{ "limits cross", { 5000, 100000, 1000000, 10, 9 }, -EINVAL },
	{ "aggregates too often", { 5000, 4999, 1000000, 10, 1000 }, -EINVAL },
	{ "one sample", { 5000, 5000, 1000000, 10, 1000 }, 0 },
	{ "no aggregation interval", { 1, 0, 1000000, 10, 1000 }, -EINVAL },
	{ "no update interval", { 5000, 100000, 0, 10, 1000 }, 0 },
	{ "no intervals", { 0, 0, 0, 10, 1000 }, 0 },
	{ "ones", { 1, 1, 1, 10, 1000 }, 0 },
	{ "largest", { ULONG_MAX, ULONG_MAX, ULONG_MAX, ULONG_MAX, ULONG_MAX }, 0 },
	{ "goal", { 5000, 100000, 0, 10, 1000, { 400, 3, 4000, 6000 } }, 0 },
	{ "goal at its minimum", { 5000, 100000, 0, 10, 1000, { 400, 3, 5000, 6000 } }, 0 },
	{ "goal at its maximum", { 5000, 100000, 0, 10, 1000, { 400, 3, 4000, 5000 } }, 0 },
	{ "goal of one value", { 5000, 100000, 0, 10, 1000, { 400, 3, 5000, 5000 } }, 0 },
	{ "below the goal", { 5000, 100000, 0, 10, 1000, { 400, 3, 5001, 6000 } }, -EINVAL },
	{ "above the goal", { 5000, 100000, 0, 10, 1000, { 400, 3, 4000, 4999 } }, -EINVAL },
	{ "goal crosses", { 5000, 100000, 0, 10, 1000, { 400, 3, 6000, 4000 } }, -EINVAL },
	{ "rarest goal", { 5000, 100000, 0, 10, 1000, { 400, ULONG_MAX, 0, ULONG_MAX } }, 0 },
	{ "without goal", { 5000, 100000, 0, 10, 1000, { 400, 0, 6000, 4000 } }, 0 },
	{ "no share", { 5000, 100000, 0, 10, 1000, { 0, 1, 5000, 5000 } }, 0 },
	{ "more than all", { 5000, 100000, 0, 10, 1000, { ULONG_MAX, 1, 0, 5000 } }, 0 },
};

static const struct region_row some_results[] = {
	{ 0, 1000, 3, 5, 7 }, { 1000, 5000, 11, 13, 17 }, {},
};

static void valid_test(struct kunit *test)
{
	const struct valid_case *c = test->param_value;
	struct damon_ctx *ctx = test_ctx(test);
	struct damon_target *t = test_add_target(test, ctx, 0, 1000, 1);
	struct damon_run *before;

	before = kunit_kmalloc(test, sizeof(*before), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, before);
	set_rows(test, t, some_results);
	damon_run(ctx)->next_tune = 7;
	memcpy(before, damon_run(ctx), sizeof(*before));

	KUNIT_EXPECT_EQ(test, damon_set_attrs(ctx, &c->attrs), c->err);
	if (c->err) {
		KUNIT_EXPECT_MEMEQ(test, damon_run(ctx), before, sizeof(*before));
		expect_rows(test, t, some_results, true, c->why);
		ctx->attrs = c->attrs;
		KUNIT_EXPECT_EQ(test, damon_start(&ctx, 1, false), c->err);
		return;
	}
	KUNIT_EXPECT_TRUE(test, damon_attrs_equal(&ctx->attrs, &c->attrs));
	KUNIT_EXPECT_EQ(test, damon_run(ctx)->aggr_samples,
			damon_nr_samples_per_aggr(&c->attrs));
}

/* Conversion */

struct results {
	unsigned int nr_accesses;
	unsigned int last_nr_accesses;
	unsigned int age;
};

struct convert_case {
	const char *why;
	unsigned long sample_from, aggr_from;
	unsigned long sample_to, aggr_to;
	struct results from, to;
	unsigned long passed, next_aggregation;
};

static const struct convert_case convert_cases[] = {
	{ "reference: both longer", 10, 1000, 100, 10000, { 15, 15, 20 }, { 15, 15, 2 } },
	{ "reference: more samples", 10, 1000, 1, 1000, { 15, 15, 2 }, { 150, 150, 2 } },
	{ "reference: both shorter", 10, 1000, 1, 100, { 150, 150, 2 }, { 150, 150, 20 } },
	{ "fewer samples", 1, 1000, 100, 1000, { 159, 990, 2 }, { 1, 9, 2 } },
	{ "same", 10, 1000, 10, 1000, { 15, 99, 20 }, { 15, 99, 20 } },
	{ "ratio rounded down", 1, 20001, 1, 20001, { 2, 3, 1 }, { 0, 2, 1 } },

	{ "just begun", 10, 1000, 1, 1000, { 1, 15, 2 }, { 0, 150, 2 }, 0, 100 },
	{ "not quite complete", 10, 1000, 1, 1000, { 9, 15, 2 }, { 0, 150, 2 }, 99, 100 },
	{ "complete", 10, 1000, 1, 1000, { 9, 15, 2 }, { 90, 150, 2 }, 100, 100 },
	{ "overdue", 10, 1000, 1, 1000, { 9, 15, 2 }, { 90, 150, 2 }, 101, 100 },
	{ "begun, clock wraps", 10, 1000, 1, 1000, { 9, 15, 2 }, { 0, 150, 2 }, ULONG_MAX, 1 },
	{ "complete, clock wrapped", 10, 1000, 1, 1000, { 9, 15, 2 }, { 90, 150, 2 },
	  1, ULONG_MAX },
	{ "begun, far from complete", 10, 1000, 1, 1000, { 9, 15, 2 }, { 0, 150, 2 },
	  5, LONG_MAX },

	{ "sampling was 0", 0, 1000, 1, 100, { 9, 15, 2 }, { 9, 15, 2 }, 1, 100 },
	{ "all was 0", 0, 0, 1, 100, { 9, 15, 2 }, { 9, 15, 2 }, 1, 100 },
	{ "sampling becomes 0", 1, 1000, 0, 100, { 9, 15, 2 }, { 9, 15, 2 }, 1, 100 },
	{ "all becomes 0", 1, 1000, 0, 0, { 9, 15, 2 }, { 9, 15, 2 }, 1, 100 },

	{ "most samples", 1, UINT_MAX, 2, UINT_MAX, { UINT_MAX, UINT_MAX, 1 },
	  { INT_MAX, INT_MAX, 1 } },
	{ "most to one", 1, UINT_MAX, UINT_MAX, UINT_MAX, { UINT_MAX, UINT_MAX - 1, 1 },
	  { 1, 0, 1 } },
	{ "one to most", 5, 5, 1, UINT_MAX, { 1, 1, 1 }, { UINT_MAX, UINT_MAX, 0 } },
	{ "most to ten thousand", 1, UINT_MAX, 1, 10000, { UINT_MAX, UINT_MAX / 2, 0 },
	  { 10000, 4999, 0 } },
	{ "longest", 1, ULONG_MAX, 1, ULONG_MAX, { UINT_MAX, UINT_MAX / 2, UINT_MAX },
	  { UINT_MAX, 2147054150, UINT_MAX } },
	{ "longest to one", 1, ULONG_MAX, 1, 1, { 0, 1, 3 }, { 0, 0, UINT_MAX } },
	/* Counts of long aggregations, left as they were by an interval of 0. */
	{ "more than sampled", 5, 5, 1, 1U << 29, { 1U << 31, 1U << 31, 0 },
	  { UINT_MAX, UINT_MAX, 0 } },

	{ "oldest", 10, 1000, 10, 1000, { 0, 0, UINT_MAX }, { 0, 0, UINT_MAX } },
	{ "older than possible", 10, 1000, 10, 999, { 0, 0, UINT_MAX }, { 0, 0, UINT_MAX } },
	{ "oldest becomes half", 1, 1000, 1, 2000, { 0, 0, UINT_MAX }, { 0, 0, INT_MAX } },
	{ "oldest becomes young", 1, 1, 1, ULONG_MAX, { 0, 0, UINT_MAX - 1 }, {} },
	{ "ages longest", 1, ULONG_MAX, 1, ULONG_MAX - 1, { 0, 0, 3 }, { 0, 0, 3 } },
	{ "ages longest, shorter", 1, ULONG_MAX - 1, 1, ULONG_MAX, { 0, 0, 3 }, { 0, 0, 2 } },
};

static void convert_test(struct kunit *test)
{
	const struct convert_case *c = test->param_value;
	struct damon_attrs attrs = { c->sample_to, c->aggr_to, 0, 10, 1000 };
	const struct region_row from[] = {
		{ 0, 10, c->from.nr_accesses, c->from.last_nr_accesses, c->from.age }, {},
	};
	const struct region_row to[] = {
		{ 0, 10, c->to.nr_accesses, c->to.last_nr_accesses, c->to.age }, {},
	};
	struct damon_ctx *ctx = test_ctx(test);
	struct damon_target *first = test_add_target(test, ctx, 0, 10, 1);
	struct damon_target *last = test_add_target(test, ctx, 0, 10, 1);

	set_rows(test, first, from);
	set_rows(test, last, from);
	test_add_target(test, ctx, 0, 10, 0);
	ctx->attrs.sample_interval = c->sample_from;
	ctx->attrs.aggr_interval = c->aggr_from;
	damon_run(ctx)->passed = c->passed;
	damon_run(ctx)->next_aggregation = c->next_aggregation;
	KUNIT_ASSERT_EQ(test, damon_set_attrs(ctx, &attrs), 0);
	expect_rows(test, first, to, true, c->why);
	expect_rows(test, last, to, true, c->why);
}

/* Schedule */

struct schedule_case {
	const char *why;
	unsigned long passed;
	struct damon_attrs attrs;
	unsigned long apply_interval_us;
	unsigned long aggregation, update, apply;	/* from now on */
};

static const struct schedule_case schedule_cases[] = {
	{ "defaults", 0, { 5000, 100000, 1000000, 3, 9 }, 0, 20, 200, 20 },
	{ "own apply interval", 7, { 5000, 100000, 1000000, 3, 9 }, 14999, 20, 200, 2 },
	{ "long apply interval", 7, { 5000, 10000, 1000000, 3, 9 }, 60000, 2, 200, 12 },
	{ "clock wraps", ULONG_MAX - 4, { 5000, 100000, 1000000, 3, 9 }, 0, 20, 200, 20 },
	{ "sampling of 0", 1, { 0, 20, 40, 3, 9 }, 0, 20, 40, 20 },
	{ "all 0", 1, { 0, 0, 0, 3, 9 }, 0, 1, 1, 1 },
	{ "ones", 1, { 1, 1, 1, 3, 9 }, 1, 1, 1, 1 },
	{ "update every round", 1, { 9, 99, 8, 3, 9 }, 0, 11, 1, 11 },
	{ "never", 5, { 1, ULONG_MAX, ULONG_MAX, 3, 9 }, ULONG_MAX,
	  LONG_MAX, LONG_MAX, LONG_MAX },
	{ "never, clock wraps", ULONG_MAX, { 0, ULONG_MAX, ULONG_MAX, 3, 9 }, 0,
	  LONG_MAX, LONG_MAX, LONG_MAX },
	{ "longest", 5, { ULONG_MAX, ULONG_MAX, ULONG_MAX, 3, 9 }, 1, 1, 1, 1 },
};

static void schedule_test(struct kunit *test)
{
	const struct schedule_case *c = test->param_value;
	const struct damos_access_pattern nothing = {};
	struct damon_ctx *ctx = test_ctx(test);
	struct damon_run *run = damon_run(ctx);
	struct damos *s;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		s = new_scheme(&nothing, c->apply_interval_us);
		KUNIT_ASSERT_NOT_NULL(test, s);
		damon_add_scheme(ctx, s);
	}
	run->passed = c->passed;
	KUNIT_ASSERT_EQ(test, damon_set_attrs(ctx, &c->attrs), 0);
	KUNIT_EXPECT_EQ(test, run->passed, c->passed);
	KUNIT_EXPECT_EQ(test, run->next_aggregation - c->passed, c->aggregation);
	KUNIT_EXPECT_EQ(test, run->next_update - c->passed, c->update);
	damon_for_each_scheme(s, ctx)
		KUNIT_EXPECT_EQ(test, damos_run(s)->next_apply - c->passed, c->apply);
}

struct tuning_case {
	const char *why;
	unsigned long aggrs_from, aggrs_to;
	unsigned long passed;
	unsigned long aggr_interval;	/* 10 us samples */
	bool left_alone;
	unsigned long next_tune;	/* from now on */
};

static const struct tuning_case tuning_cases[] = {
	{ "begins", 0, 3, 500, 100, false, 30 },
	{ "begins, clock wraps", 0, 3, ULONG_MAX - 5, 100, false, 30 },
	{ "goes on", 3, 3, 500, 100, true },
	{ "goes on with another ratio", 3, 5, 500, 200, true },
	{ "begins, never due", 0, ULONG_MAX, 500, 100, false, LONG_MAX },
	{ "begins, just not never", 0, LONG_MAX / 10, 500, 100, false, LONG_MAX / 10 * 10 },
	{ "begins, product wraps", 0, 1UL << (BITS_PER_LONG - 1), 500, 20, false, LONG_MAX },
	{ "begins, one sample", 0, 1, 0, 10, false, 1 },
};

static void tuning_test(struct kunit *test)
{
	const struct tuning_case *c = test->param_value;
	struct damon_attrs attrs = {
		10, c->aggr_interval, 0, 3, 9, { 400, c->aggrs_to, 10, 10 },
	};
	struct damon_ctx *ctx = test_ctx(test);
	struct damon_run *run = damon_run(ctx);

	ctx->attrs = attrs;
	ctx->attrs.intervals_goal.aggrs = c->aggrs_from;
	run->passed = c->passed;
	run->next_tune = 77;
	KUNIT_ASSERT_EQ(test, damon_set_attrs(ctx, &attrs), 0);
	if (c->left_alone)
		KUNIT_EXPECT_EQ(test, run->next_tune, 77);
	else
		KUNIT_EXPECT_EQ(test, run->next_tune - c->passed, c->next_tune);
}

/* By a commit */

struct commit_case {
	const char *why;
	struct damon_attrs attrs;
	bool starts_anew;
};

#define SOME_GOAL	{ 400, 3, 1, 20 }

static const struct damon_attrs before_commit = { 10, 100, 1000, 3, 9, SOME_GOAL, false };

static const struct commit_case commit_cases[] = {
	{ "same", { 10, 100, 1000, 3, 9, SOME_GOAL, false }, false },
	{ "hints", { 10, 100, 1000, 3, 9, SOME_GOAL, true }, false },
	{ "sampling interval", { 20, 100, 1000, 3, 9, SOME_GOAL, false }, true },
	{ "aggregation interval", { 10, 200, 1000, 3, 9, SOME_GOAL, false }, true },
	{ "update interval", { 10, 100, 2000, 3, 9, SOME_GOAL, false }, true },
	{ "minimum", { 10, 100, 1000, 4, 9, SOME_GOAL, false }, true },
	{ "maximum", { 10, 100, 1000, 3, 8, SOME_GOAL, false }, true },
	{ "goal", { 10, 100, 1000, 3, 9, { 401, 3, 1, 20 }, false }, true },
	{ "hints and maximum", { 10, 100, 1000, 3, 8, SOME_GOAL, true }, true },
};

/* In the middle of an aggregation, whose count tells whether it goes on. */
static void commit_test(struct kunit *test)
{
	static const struct region_row rows[] = { { 0, 10, 3, 5, 2 }, {} };
	const struct commit_case *c = test->param_value;
	struct damon_ctx *ctx = test_ctx(test), *src = test_ctx(test);
	struct damon_target *t = test_add_target(test, ctx, 0, 10, 1);

	set_rows(test, t, rows);
	ctx->attrs = before_commit;
	damon_run(ctx)->passed = 5;
	damon_run(ctx)->next_aggregation = 7;
	src->attrs = c->attrs;
	test_add_target(test, src, 0, 10, 0);
	KUNIT_ASSERT_EQ(test, damon_commit_ctx(ctx, src), 0);
	KUNIT_EXPECT_MEMEQ(test, &ctx->attrs.intervals_goal, &c->attrs.intervals_goal,
			   sizeof(c->attrs.intervals_goal));
	KUNIT_EXPECT_EQ(test, ctx->attrs.sample_interval, c->attrs.sample_interval);
	KUNIT_EXPECT_EQ(test, ctx->attrs.max_nr_regions, c->attrs.max_nr_regions);
	KUNIT_EXPECT_EQ(test, ctx->attrs.split_hints, c->attrs.split_hints);
	KUNIT_EXPECT_EQ(test, t->regions->nr_accesses, c->starts_anew ? 0 : 3);
	KUNIT_EXPECT_EQ(test, damon_run(ctx)->next_aggregation == 7, !c->starts_anew);
}

/* Change while it runs */

static const struct damon_attrs running_attrs = {
	1000, SAMPLES * 1000, 5000, 6, 6,
};

static struct damon_ctx *running_ctx(struct kunit *test)
{
	struct damon_ctx *ctx = fake_ctx(test);

	ctx->attrs = running_attrs;
	start(test, ctx);
	return ctx;
}

struct change {
	struct damon_ctx *ctx;
	struct damon_attrs attrs;
	unsigned long passed;
};

static int change_attrs(void *data)
{
	const struct change *change = data;

	if (change->passed)
		damon_run(change->ctx)->passed = change->passed;
	return damon_set_attrs(change->ctx, &change->attrs);
}

static void change(struct kunit *test, struct change *change)
{
	struct damon_call_control call = { .fn = change_attrs, .data = change };

	KUNIT_ASSERT_EQ(test, damon_call(change->ctx, &call), 0);
	KUNIT_ASSERT_EQ(test, call.return_code, 0);
}

static int read_passed(void *data)
{
	struct change *change = data;

	change->passed = damon_run(change->ctx)->passed;
	return 0;
}

static void expect_progress(struct kunit *test)
{
	wait_for(test, &fake.nr_aggregations, atomic_read(&fake.nr_aggregations) + 4);
	wait_for(test, &fake.nr_update, atomic_read(&fake.nr_update) + 4);
}

static void clock_wraps_test(struct kunit *test)
{
	struct damon_ctx *ctx = running_ctx(test);
	struct change wrap = { ctx, running_attrs, ULONG_MAX - 3 * SAMPLES / 2 };
	struct damon_call_control call = { .fn = read_passed, .data = &wrap };

	change(test, &wrap);
	expect_progress(test);
	KUNIT_ASSERT_EQ(test, damon_call(ctx, &call), 0);
	KUNIT_EXPECT_LT(test, wrap.passed, LONG_MAX);

	/* The same where it becomes negative. */
	wrap.passed = LONG_MAX - 3 * SAMPLES / 2;
	change(test, &wrap);
	expect_progress(test);
}

static void running_intervals_test(struct kunit *test)
{
	const struct damon_attrs attrs[] = {
		{ 0, 0, 0, 6, 6 },
		{ 1, 1, 1, 6, 6 },
		{ 0, 100, ULONG_MAX, 6, 6 },
		{ 1, ULONG_MAX, 0, 6, 6 },
		running_attrs,
	};
	struct damon_ctx *ctx = running_ctx(test);
	struct change to = { .ctx = ctx };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		to.attrs = attrs[i];
		change(test, &to);
		if (attrs[i].aggr_interval != ULONG_MAX)
			wait_for(test, &fake.nr_aggregations,
				 atomic_read(&fake.nr_aggregations) + 4);
		if (attrs[i].ops_update_interval != ULONG_MAX)
			wait_for(test, &fake.nr_update, atomic_read(&fake.nr_update) + 4);
	}
}

KUNIT_ARRAY_PARAM_DESC(valid, valid_cases, why);
KUNIT_ARRAY_PARAM_DESC(convert, convert_cases, why);
KUNIT_ARRAY_PARAM_DESC(schedule, schedule_cases, why);
KUNIT_ARRAY_PARAM_DESC(tuning, tuning_cases, why);
KUNIT_ARRAY_PARAM_DESC(commit, commit_cases, why);

static struct kunit_case attrs_test_cases[] = {
	KUNIT_CASE_PARAM(valid_test, valid_gen_params),
	KUNIT_CASE_PARAM(convert_test, convert_gen_params),
	KUNIT_CASE_PARAM(schedule_test, schedule_gen_params),
	KUNIT_CASE_PARAM(tuning_test, tuning_gen_params),
	KUNIT_CASE_PARAM(commit_test, commit_gen_params),
	KUNIT_CASE(clock_wraps_test),
	KUNIT_CASE(running_intervals_test),
	{}
};

static struct kunit_suite attrs_test_suite = {
	.name = "damon-attrs",
	.init = fake_forget,
	.test_cases = attrs_test_cases,
};

kunit_test_suite(attrs_test_suite);
