// SPDX-License-Identifier: GPL-2.0
/*
 * The proportional step, and the tuning of intervals with it.
 */

#include "../feedback.h"
#include "fake.h"
#include "snapshot.h"

/* The step */

struct step_case {
	const char *why;
	unsigned long input;
	unsigned long score;
	unsigned long expected;
};

static const struct step_case step_cases[] = {
	{ "reference: far below", 900000, 200, 1782000 },
	{ "reference: below", 900000, 2000, 1620000 },
	{ "reference: far above", 900000, 250000000, 10000 },
	{ "met", 900000, 10000, 900000 },
	{ "just below", 20000, 9999, 20002 },
	{ "just above", 20000, 10001, 19998 },
	{ "half as much again", 900000, 15000, 450000 },
	{ "just not twice", 900000000, 19999, 90000 },
	{ "twice", 900000000, 20000, 10000 },
	{ "nothing", 900000, 0, 1800000 },
	{ "score as large as can be", ULONG_MAX, ULONG_MAX, 10000 },
	{ "least input, above", 10000, 10001, 10000 },
	{ "below the least input, above", 5, 15000, 10000 },
	{ "below the least input, met", 5, 10000, 5 },
	{ "no input, met", 0, 10000, 0 },
	{ "one, nothing", 1, 0, 2 },
	{ "largest input, met", ULONG_MAX, 10000, ULONG_MAX },
	{ "largest input, below", ULONG_MAX, 9999, ULONG_MAX },
	{ "largest input, nothing", ULONG_MAX, 0, ULONG_MAX },
	{ "largest input, just above", ULONG_MAX, 10001, ULONG_MAX - ULONG_MAX / 10000 },
	{ "largest input, just not twice", ULONG_MAX, 19999,
	  ULONG_MAX - ULONG_MAX / 10000 * 9999 },
	{ "most that can double", ULONG_MAX / 2 / 10000 * 10000, 0,
	  ULONG_MAX / 2 / 10000 * 20000 },
	{ "least that cannot", ULONG_MAX / 2 + 10001, 0, ULONG_MAX },
};

static void step_test(struct kunit *test)
{
	const struct step_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, feedback_step(c->input, c->score), c->expected);
}

/* A score below the goal raises, one above lowers, a farther one does so more. */
static void step_order_test(struct kunit *test)
{
	static const unsigned long inputs[] = {
		10000, 10001, 900000, 100000000, ULONG_MAX / 10000, ULONG_MAX / 2, ULONG_MAX,
	};
	unsigned long score, next, last;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(inputs); i++) {
		last = ULONG_MAX;
		for (score = 0; score <= 20001; score++) {
			next = feedback_step(inputs[i], score);
			KUNIT_ASSERT_LE(test, next, last);
			KUNIT_ASSERT_GE(test, next, 10000);
			if (score <= 10000)
				KUNIT_ASSERT_GE(test, next, inputs[i]);
			else
				KUNIT_ASSERT_LE(test, next, inputs[i]);
			last = next;
		}
	}
}

/* The factor */

struct factor_case {
	const char *why;
	unsigned long score;
	unsigned long expected;
};

static const struct factor_case factor_cases[] = {
	{ "nothing: doubles", 0, 20000 },
	{ "next to nothing", 1, 19999 },
	{ "half", 5000, 15000 },
	{ "just below", 9999, 10001 },
	{ "met: remains", 10000, 10000 },
	{ "just above", 10001, 9999 },
	{ "a little above", 10002, 9999 },
	{ "half as much again", 15000, 7500 },
	{ "just not twice", 19999, 5000 },
	{ "twice: halves", 20000, 5000 },
	{ "largest: halves", ULONG_MAX, 5000 },
};

static void factor_test(struct kunit *test)
{
	const struct factor_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, damon_intervals_factor(c->score), c->expected);
}

/* One correction */

struct tune_case {
	const char *why;
	unsigned long sample_from, aggr_from;
	struct damon_intervals_goal goal;
	unsigned long sample_to, aggr_to;
	unsigned int nr_targets;		/* alike; 0 for none */
	const struct region_row *rows;
};

static const struct region_row half_seen[] = { { 0, 1000, 10 }, { 1000, 2000, 0 }, {} };
static const struct region_row all_seen[] = { { 0, 1000, 10 }, { 1000, 2000, 10 }, {} };
static const struct region_row none_seen[] = { { 0, 1000, 0 }, { 1000, 2000, 0 }, {} };
static const struct region_row large_seen[] = { { 0, 3000, 10 }, { 3000, 4000, 0 }, {} };
static const struct region_row small_seen[] = { { 0, 3000, 0 }, { 3000, 4000, 10 }, {} };
static const struct region_row half_the_time[] = { { 0, 3000, 5 }, { 3000, 4000, 5 }, {} };
static const struct region_row space_half_the_time[] = { { 0, ULONG_MAX, 5 }, {} };
static const struct region_row no_regions[] = { {} };
#if BITS_PER_LONG == 64
static const struct region_row many_samples[] = { { 0, 1000, INT_MAX }, {} };
static const struct region_row space_many_samples[] = { { 0, ULONG_MAX, INT_MAX }, {} };
#endif

static const struct tune_case tune_cases[] = {
	{ "met", 1000, 10000, { 5000, 1, 0, ULONG_MAX }, 1000, 10000, 1, half_seen },
	{ "met in all", 1000, 10000, { 10000, 1, 0, ULONG_MAX }, 1000, 10000, 1, all_seen },
	{ "half of the goal", 1000, 10000, { 10000, 1, 0, ULONG_MAX }, 1500, 15000, 1, half_seen },
	{ "twice the goal", 1000, 10000, { 2500, 1, 0, ULONG_MAX }, 500, 5000, 1, half_seen },
	{ "four times the goal", 1000, 10000, { 1250, 1, 0, ULONG_MAX }, 500, 5000, 1, half_seen },
	{ "nothing seen", 1000, 10000, { 5000, 1, 0, ULONG_MAX }, 2000, 20000, 1, none_seen },
	{ "nothing wanted, some seen", 1000, 10000, { 0, 1, 0, ULONG_MAX },
	  500, 5000, 1, half_seen },
	{ "nothing wanted nor seen", 1000, 10000, { 0, 1, 0, ULONG_MAX },
	  2000, 20000, 1, none_seen },
	{ "more than all wanted", 1000, 10000, { ULONG_MAX, 1, 0, ULONG_MAX },
	  1000, 10000, 1, all_seen },
	{ "more than all wanted, half seen", 1000, 10000, { ULONG_MAX, 1, 0, ULONG_MAX },
	  1500, 15000,
	  1, half_seen },
	{ "minimum", 1000, 10000, { 2500, 1, 800, 1200 }, 800, 8000, 1, half_seen },
	{ "maximum", 1000, 10000, { 10000, 1, 800, 1200 }, 1200, 12000, 1, half_seen },
	{ "one value", 1000, 10000, { 10000, 1, 1000, 1000 }, 1000, 10000, 1, half_seen },
	{ "rounded down", 7, 70, { 2500, 1, 0, ULONG_MAX }, 3, 30, 1, half_seen },
	{ "ratio not whole", 1000, 10999, { 10000, 1, 0, ULONG_MAX }, 1500, 15000, 1, half_seen },
	{ "no target", 1000, 10000, { 5000, 1, 0, ULONG_MAX }, 2000, 20000 },
	{ "no region", 1000, 10000, { 5000, 1, 0, ULONG_MAX }, 2000, 20000, 1,
	  no_regions },
	{ "by size", 1000, 10000, { 7500, 1, 0, ULONG_MAX }, 1000, 10000, 1, large_seen },
	{ "by size, small one seen", 1000, 10000, { 7500, 1, 0, ULONG_MAX },
	  1666, 16660, 1, small_seen },
	{ "over all targets", 1000, 10000, { 5000, 1, 0, ULONG_MAX },
	  1000, 10000, 3, half_the_time },
	{ "longest doubles to the most", ULONG_MAX / 2 + 1, ULONG_MAX, { 5000, 1, 0, ULONG_MAX },
	  ULONG_MAX, ULONG_MAX, 1, none_seen },
	{ "only the aggregation is too long", ULONG_MAX / 10, ULONG_MAX, { 5000, 1, 0, ULONG_MAX },
	  ULONG_MAX / 10 * 2, ULONG_MAX, 1, none_seen },
	{ "all there is", 1000, 10000, { 10000, 1, 0, ULONG_MAX }, 1500, 15000, 1,
	  space_half_the_time },
	{ "more than there is", 1000, 10000, { 10000, 1, 0, ULONG_MAX }, 1500, 15000, 8,
	  space_half_the_time },
#if BITS_PER_LONG == 64
	{ "most samples", 1000, 1000UL * UINT_MAX, { 10000, 1, 0, ULONG_MAX },
	  1500, 1500UL * UINT_MAX,
	  1, many_samples },
	{ "most samples of all there is", 1000, 1000UL * UINT_MAX, { 10000, 1, 0, ULONG_MAX },
	  1500, 1500UL * UINT_MAX, 1, space_many_samples },
	{ "most samples of more than there is", 1000, 1000UL * UINT_MAX, { 10000, 1, 0, ULONG_MAX },
	  1500, 1500UL * UINT_MAX, 8, space_many_samples },
#endif
};

/* At the end of an aggregation */
static struct damon_ctx *tuned_ctx(struct kunit *test, unsigned long sample_interval,
				   unsigned long aggr_interval,
				   const struct damon_intervals_goal *goal)
{
	const struct damon_attrs attrs = {
		sample_interval, aggr_interval, 1000000, 3, 1000, *goal,
	};
	struct damon_ctx *ctx = test_ctx(test);

	KUNIT_ASSERT_EQ(test, damon_set_attrs(ctx, &attrs), 0);
	damon_run(ctx)->passed = 5;
	damon_run(ctx)->next_aggregation = 5;
	damon_run(ctx)->next_tune = 5;
	return ctx;
}

static void tune_test(struct kunit *test)
{
	const struct tune_case *c = test->param_value;
	struct damon_ctx *ctx = tuned_ctx(test, c->sample_from, c->aggr_from, &c->goal);
	unsigned long samples = damon_nr_samples_per_aggr(&ctx->attrs);
	const struct damon_attrs to = {
		c->sample_to, c->aggr_to, 1000000, 3, 1000, c->goal,
	};
	struct damon_target *t;
	unsigned int i;

	for (i = 0; i < c->nr_targets; i++)
		set_rows(test, test_add_target(test, ctx, 0, 1, 0), c->rows);
	damon_tune_intervals(damon_run(ctx));
	if (c->sample_from == c->sample_to)
		KUNIT_EXPECT_EQ(test, ctx->attrs.aggr_interval, c->aggr_from);
	else
		KUNIT_EXPECT_EQ(test, ctx->attrs.aggr_interval, to.aggr_interval);
	KUNIT_EXPECT_EQ(test, ctx->attrs.sample_interval, to.sample_interval);
	KUNIT_EXPECT_EQ(test, ctx->attrs.ops_update_interval, to.ops_update_interval);
	KUNIT_EXPECT_EQ(test, damon_run(ctx)->aggr_samples, samples);
	KUNIT_EXPECT_EQ(test, damon_run(ctx)->next_tune, 5 + samples);
	damon_for_each_target(t, ctx)
		expect_rows(test, t, c->rows, false, c->why);
}

/* Counts of the complete aggregation remain, ages are converted. */
static void tuned_results_test(struct kunit *test)
{
	static const struct damon_intervals_goal goal = { 2500, 3, 0, ULONG_MAX };
	static const struct region_row from[] = {
		{ 0, 1000, 10, 6, 20 }, { 1000, 2000, 0, 3, 7 }, {},
	};
	static const struct region_row to[] = {
		{ 0, 1000, 10, 6, 40 }, { 1000, 2000, 0, 3, 14 }, {},
	};
	struct damon_ctx *ctx = tuned_ctx(test, 1000, 10000, &goal);
	struct damon_target *t = test_add_target(test, ctx, 0, 1, 0);

	set_rows(test, t, from);
	damon_tune_intervals(damon_run(ctx));
	KUNIT_EXPECT_EQ(test, ctx->attrs.sample_interval, 500);
	KUNIT_EXPECT_EQ(test, damon_run(ctx)->next_tune, 5 + 3 * 10);
	expect_rows(test, t, to, true, "halved");
}

/* What is ahead is not put off. */

struct ahead_case {
	const char *why;
	struct damon_intervals_goal goal;
	const struct region_row *rows;
	unsigned long apply_us;
	unsigned long update, apply;		/* intervals ahead, before */
	unsigned long update_to, apply_to;	/* and after */
};

/* An update comes every 1000 intervals of 1000 us, or 500 of 2000, or 2000 of 500. */
static const struct ahead_case ahead_cases[] = {
	{ "grow, just begun", { 5000, 1, 0, ULONG_MAX }, none_seen, 50000, 1000, 50, 500, 25 },
	{ "grow, one too many", { 5000, 1, 0, ULONG_MAX }, none_seen, 50000, 501, 26, 500, 25 },
	{ "grow, as many", { 5000, 1, 0, ULONG_MAX }, none_seen, 50000, 500, 25, 500, 25 },
	{ "grow, nearly over", { 5000, 1, 0, ULONG_MAX }, none_seen, 50000, 1, 2, 1, 2 },
	{ "grow, now", { 5000, 1, 0, ULONG_MAX }, none_seen, 50000, 0, 0, 0, 0 },
	{ "grow, to more than it takes", { 5000, 1, 0, ULONG_MAX }, none_seen, 1500, 3, 1, 3, 1 },
	{ "grow, each aggregation", { 5000, 1, 0, ULONG_MAX }, none_seen, 0, 1000, 10, 500, 10 },
	{ "shrink, just begun", { 2500, 1, 0, ULONG_MAX }, half_seen, 50000, 1000, 50, 1000, 50 },
	{ "shrink, nearly over", { 2500, 1, 0, ULONG_MAX }, half_seen, 50000, 1, 2, 1, 2 },
	{ "shrink, now", { 2500, 1, 0, ULONG_MAX }, half_seen, 50000, 0, 0, 0, 0 },
	{ "shrink, each aggregation", { 2500, 1, 0, ULONG_MAX }, half_seen, 0, 7, 3, 7, 3 },
	{ "at the minimum", { 2500, 1, 1000, 1200 }, half_seen, 50000, 1000, 50, 1000, 50 },
	{ "at the minimum, nearly over", { 2500, 1, 1000, 1200 }, half_seen, 50000, 1, 2, 1, 2 },
	{ "at the maximum", { 5000, 1, 800, 1000 }, none_seen, 50000, 1000, 50, 1000, 50 },
	{ "at the maximum, nearly over", { 5000, 1, 800, 1000 }, none_seen, 50000, 1, 2, 1, 2 },
};

static struct damos *add_scheme(struct kunit *test, struct damon_ctx *ctx,
				unsigned long apply_us)
{
	const struct damos_access_pattern nothing = {};
	struct damos *s = new_scheme(&nothing, apply_us);

	KUNIT_ASSERT_NOT_NULL(test, s);
	damon_add_scheme(ctx, s);
	return s;
}

static void expect_ahead(struct kunit *test, const struct ahead_case *c,
			 unsigned long passed)
{
	struct damon_ctx *ctx = tuned_ctx(test, 1000, 10000, &c->goal);
	struct damos_run *s = damos_run(add_scheme(test, ctx, c->apply_us));
	struct damon_run *run = damon_run(ctx);

	set_rows(test, test_add_target(test, ctx, 0, 1, 0), c->rows);
	run->passed = passed;
	run->next_aggregation = passed;
	run->next_update = passed + c->update;
	s->next_apply = passed + c->apply;
	damon_tune_intervals(run);
	KUNIT_EXPECT_EQ(test, run->passed, passed);
	KUNIT_EXPECT_EQ(test, run->next_aggregation, passed);
	KUNIT_EXPECT_EQ(test, run->next_update - passed, c->update_to);
	KUNIT_EXPECT_EQ(test, s->next_apply - passed, c->apply_to);
}

/* The clock may wrap meanwhile. */
static void ahead_test(struct kunit *test)
{
	expect_ahead(test, test->param_value, 5);
	expect_ahead(test, test->param_value, ULONG_MAX);
}

/* Each aggregation, intervals become longer and shorter by turns. */
static void never_put_off_test(struct kunit *test)
{
	static const struct damon_intervals_goal goal = { 5000, 1, 0, ULONG_MAX };
	struct damon_ctx *ctx = tuned_ctx(test, 1000, 10000, &goal);
	struct damos_run *s = damos_run(add_scheme(test, ctx, 400000));
	struct damon_target *t = test_add_target(test, ctx, 0, 1, 0);
	struct damon_run *run = damon_run(ctx);
	unsigned int i;

	damon_schedule(run);
	for (i = 0; i < 40; i++) {
		set_rows(test, t, i % 2 ? none_seen : all_seen);
		run->passed += 10;
		damon_tune_intervals(run);
		KUNIT_EXPECT_LE(test, run->next_update, max(run->passed, 5 + 1000));
		KUNIT_EXPECT_LE(test, s->next_apply, max(run->passed, 5 + 400));
	}
	KUNIT_EXPECT_EQ(test, s->next_apply, run->passed);
}

struct pinned_case {
	const char *why;
	struct damon_intervals_goal goal;
};

/* Counts are 2 of 30. */
static const struct pinned_case pinned_cases[] = {
	{ "at the minimum", { 100, 1, 1000, 2000 } },
	{ "at the maximum", { 10000, 1, 500, 1000 } },
	{ "one value, less wanted", { 100, 1, 1000, 1000 } },
	{ "one value, more wanted", { 10000, 1, 1000, 1000 } },
};

/* What cannot be tuned stays as it is, and so do results. */
static void pinned_test(struct kunit *test)
{
	static const struct region_row rows[] = {
		{ 0, 1000, 2, 2, 7 }, { 1000, 2000, 2, 29, 1 }, {},
	};
	const struct pinned_case *c = test->param_value;
	struct damon_ctx *ctx = tuned_ctx(test, 1000, 30000, &c->goal);
	struct damon_run *run = damon_run(ctx);
	struct snapshot *before;

	damos_run(add_scheme(test, ctx, 50000))->next_apply = 40;
	set_rows(test, test_add_target(test, ctx, 0, 1, 0), rows);
	before = snapshot(test, ctx, 0);
	damon_tune_intervals(run);
	KUNIT_EXPECT_EQ(test, run->next_tune, 5 + 30);
	run->next_tune = 5;
	expect_same(test, before, snapshot(test, ctx, 0), c->why);
}

/* Convergence: accesses come once every so many us, wherever one looks. */

struct converge_case {
	const char *why;
	unsigned long access_us;
	unsigned long access_bp;
	unsigned long begin, least, most;
};

static const struct converge_case converge_cases[] = {
	{ "from far below", 400000, 2500, 100, 96000, 104000 },
	{ "from below", 400000, 2500, 70000, 96000, 104000 },
	{ "from above", 400000, 2500, 300000, 96000, 104000 },
	{ "from far above", 400000, 2500, 4000000, 96000, 104000 },
	{ "most of it", 400000, 9000, 1000, 355000, 365000 },
	{ "very little", 4000000, 400, 1000, 150000, 170000 },
};

static void converge_test(struct kunit *test)
{
	const struct converge_case *c = test->param_value;
	const struct damon_intervals_goal goal = { c->access_bp, 1, 0, ULONG_MAX };
	struct damon_ctx *ctx = tuned_ctx(test, c->begin, 1000 * c->begin, &goal);
	struct damon_target *t = test_add_target(test, ctx, 0, 1 << 20, 10);
	struct damon_run *run = damon_run(ctx);
	struct damon_region *r;
	unsigned int round;

	for (round = 0; round < 60; round++) {
		unsigned long us = ctx->attrs.sample_interval;

		KUNIT_ASSERT_EQ(test, ctx->attrs.aggr_interval, 1000 * us);
		damon_for_each_region(r, t)
			r->nr_accesses = min(div64_ul(1000 * (u64)us, c->access_us), 1000);
		run->passed = run->next_aggregation;
		damon_tune_intervals(run);
		/* At most halved, rounded down, and at most doubled. */
		KUNIT_ASSERT_GE(test, ctx->attrs.sample_interval, us / 2);
		KUNIT_ASSERT_LE(test, ctx->attrs.sample_interval, 2 * us);
	}
	KUNIT_EXPECT_GE(test, ctx->attrs.sample_interval, c->least);
	KUNIT_EXPECT_LE(test, ctx->attrs.sample_interval, c->most);
}

/* While it runs */

#define ACCESS_US	4000UL
#define AGGR_SAMPLES	20

static unsigned long since_access_us;

static unsigned int cadence_check(struct damon_ctx *ctx)
{
	unsigned int max_nr_accesses = 0;
	struct damon_target *t;
	struct damon_region *r;
	bool accessed;

	since_access_us += ctx->attrs.sample_interval;
	accessed = since_access_us >= ACCESS_US;
	if (accessed)
		since_access_us %= ACCESS_US;
	damon_for_each_target(t, ctx) {
		damon_for_each_region(r, t) {
			damon_update_region_access_rate(r, accessed);
			max_nr_accesses = max(max_nr_accesses, r->nr_accesses);
		}
	}
	return max_nr_accesses;
}

struct retune {
	struct damon_ctx *ctx;
	struct damon_attrs attrs;	/* as they are now */
	struct damon_intervals_goal goal;
	bool set;
	unsigned long tune_in;
};

static int retune(void *data)
{
	struct retune *retune = data;
	struct damon_run *run = damon_run(retune->ctx);
	int err = 0;

	retune->attrs = retune->ctx->attrs;
	if (retune->set) {
		retune->attrs.intervals_goal = retune->goal;
		err = damon_set_attrs(retune->ctx, &retune->attrs);
	}
	retune->tune_in = run->next_tune - run->passed;
	return err;
}

static void call_retune(struct kunit *test, struct retune *retune_data)
{
	struct damon_call_control call = { .fn = retune, .data = retune_data };

	KUNIT_ASSERT_EQ(test, damon_call(retune_data->ctx, &call), 0);
	KUNIT_ASSERT_EQ(test, call.return_code, 0);
}

static void wait_aggregations(struct kunit *test, int nr)
{
	wait_for(test, &fake.nr_aggregations, atomic_read(&fake.nr_aggregations) + nr);
}

static void running_test(struct kunit *test)
{
	struct damon_ctx *ctx = fake_ctx(test);
	struct retune now = { .ctx = ctx }, begin;
	unsigned long deadline = jiffies + PATIENCE;

	ctx->attrs = (struct damon_attrs) { 200, AGGR_SAMPLES * 200, 5000, 6, 6 };
	ctx->ops.check_accesses = cadence_check;
	since_access_us = 0;
	start(test, ctx);
	wait_aggregations(test, 3);
	call_retune(test, &now);
	KUNIT_EXPECT_EQ(test, now.attrs.sample_interval, 200);

	begin = (struct retune) {
		.ctx = ctx, .set = true, .goal = { 2500, 2, 100, 100000 },
	};
	call_retune(test, &begin);
	KUNIT_EXPECT_EQ(test, begin.tune_in, 2 * AGGR_SAMPLES);
	do {
		KUNIT_ASSERT_TRUE(test, time_before(jiffies, deadline));
		wait_aggregations(test, 2);
		call_retune(test, &now);
		KUNIT_ASSERT_EQ(test, now.attrs.aggr_interval,
				AGGR_SAMPLES * now.attrs.sample_interval);
		KUNIT_ASSERT_LE(test, now.tune_in, 2 * AGGR_SAMPLES);
	} while (now.attrs.sample_interval < ACCESS_US * 22 / 100 ||
		 now.attrs.sample_interval > ACCESS_US * 28 / 100);

	begin.goal.aggrs = 0;
	call_retune(test, &begin);
	wait_aggregations(test, 6);
	call_retune(test, &now);
	KUNIT_EXPECT_EQ(test, now.attrs.sample_interval, begin.attrs.sample_interval);
}

static atomic_t nr_lost;

/* Everything is hot; so says the aggregation that was just complete. */
static void count_lost(struct damon_ctx *ctx)
{
	struct damon_target *t;
	struct damon_region *r;

	damon_for_each_target(t, ctx) {
		damon_for_each_region(r, t) {
			if (r->last_nr_accesses < SAMPLES)
				atomic_inc(&nr_lost);
		}
	}
}

static bool always(unsigned long addr)
{
	return true;
}

/* Starts all intervals anew when an aggregation is complete. */
static int reset_intervals(struct damon_ctx *ctx)
{
	struct damon_attrs attrs = ctx->attrs;

	attrs.ops_update_interval ^= 1;
	return damon_set_attrs(ctx, &attrs);
}

static void complete_when_tuned_test(struct kunit *test)
{
	struct damon_ctx *ctx = fake_ctx(test);

	ctx->attrs = (struct damon_attrs) {
		800, SAMPLES * 800, 5000, 6, 6, { 5000, 1, 100, 800 },
	};
	ctx->callback.after_aggregation = reset_intervals;
	fake.is_hot = always;
	fake.report = count_lost;
	atomic_set(&nr_lost, 0);
	start(test, ctx);
	wait_aggregations(test, 5);
	damon_stop(&ctx, 1);
	KUNIT_EXPECT_LT(test, ctx->attrs.sample_interval, 800);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_lost), 0);
}

KUNIT_ARRAY_PARAM_DESC(step, step_cases, why);
KUNIT_ARRAY_PARAM_DESC(factor, factor_cases, why);
KUNIT_ARRAY_PARAM_DESC(tune, tune_cases, why);
KUNIT_ARRAY_PARAM_DESC(ahead, ahead_cases, why);
KUNIT_ARRAY_PARAM_DESC(pinned, pinned_cases, why);
KUNIT_ARRAY_PARAM_DESC(converge, converge_cases, why);

static struct kunit_case intervals_test_cases[] = {
	KUNIT_CASE_PARAM(step_test, step_gen_params),
	KUNIT_CASE(step_order_test),
	KUNIT_CASE_PARAM(factor_test, factor_gen_params),
	KUNIT_CASE_PARAM(tune_test, tune_gen_params),
	KUNIT_CASE(tuned_results_test),
	KUNIT_CASE_PARAM(ahead_test, ahead_gen_params),
	KUNIT_CASE(never_put_off_test),
	KUNIT_CASE_PARAM(pinned_test, pinned_gen_params),
	KUNIT_CASE_PARAM(converge_test, converge_gen_params),
	KUNIT_CASE(running_test),
	KUNIT_CASE(complete_when_tuned_test),
	{}
};

static struct kunit_suite intervals_test_suite = {
	.name = "damon-intervals",
	.init = fake_forget,
	.test_cases = intervals_test_cases,
};

kunit_test_suite(intervals_test_suite);
