// SPDX-License-Identifier: GPL-2.0
/*
 * Contexts: time, the registry of operations sets, the life of kdamonds, and
 * what they find out about a simulated address space.
 */

#include "fake.h"

/* Registry */

struct registry_case {
	const char *why;
	unsigned int id;
	const char *name;
	bool registered;
};

static const struct registry_case registry_cases[] = {
	{ "vaddr", DAMON_OPS_VADDR, "vaddr", IS_ENABLED(CONFIG_DAMON_VADDR) },
	{ "fvaddr", DAMON_OPS_FVADDR, "fvaddr", IS_ENABLED(CONFIG_DAMON_VADDR) },
	{ "one beyond the last", NR_DAMON_OPS },
	{ "far beyond", UINT_MAX },
};

static void registry_test(struct kunit *test)
{
	const struct registry_case *c = test->param_value;
	const struct damon_operations ops = { .id = c->id };
	struct damon_ctx *ctx = test_ctx(test);

	KUNIT_EXPECT_EQ(test, damon_is_registered_ops(c->id), c->registered);
	KUNIT_EXPECT_STREQ(test, damon_ops_name(c->id) ?: "", c->name ?: "");
	KUNIT_EXPECT_EQ(test, damon_select_ops(ctx, c->id), c->registered ? 0 : -EINVAL);
	KUNIT_EXPECT_EQ(test, !!ctx->ops.check_accesses, c->registered);
	if (!c->registered && c->id < NR_DAMON_OPS)
		return;
	KUNIT_EXPECT_EQ(test, damon_register_ops(&ops), -EINVAL);
	/* Still the set of before. */
	KUNIT_EXPECT_EQ(test, damon_select_ops(ctx, c->id), c->registered ? 0 : -EINVAL);
	KUNIT_EXPECT_EQ(test, !!ctx->ops.check_accesses, c->registered);
}

/* Time */

struct intervals_case {
	const char *why;
	unsigned long sample_interval;
	unsigned long us;
	unsigned long intervals;
	unsigned int samples;		/* with @us as the aggregation interval */
};

static const struct intervals_case intervals_cases[] = {
	{ "defaults", 5000, 100000, 20, 20 },
	{ "rounded down", 3, 11, 3, 3 },
	{ "none", 5000, 0, 1, 1 },
	{ "less than one", 5000, 4999, 1, 1 },
	{ "sampling without interval", 0, 20, 20, 20 },
	{ "neither", 0, 0, 1, 1 },
	{ "for ever, and not in the past", 1, ULONG_MAX, LONG_MAX, UINT_MAX },
	{ "for ever, sampling without interval", 0, ULONG_MAX, LONG_MAX, UINT_MAX },
	{ "half of it", 2, ULONG_MAX, LONG_MAX, MIN(LONG_MAX, UINT_MAX) },
	{ "once", ULONG_MAX, ULONG_MAX, 1, 1 },
};

static void intervals_test(struct kunit *test)
{
	const struct intervals_case *c = test->param_value;
	struct damon_ctx *ctx = test_ctx(test);
	unsigned long now[] = { 0, LONG_MAX, ULONG_MAX };
	unsigned int i;

	ctx->attrs.sample_interval = c->sample_interval;
	ctx->attrs.aggr_interval = c->us;
	KUNIT_EXPECT_EQ(test, damon_nr_intervals(ctx, c->us), c->intervals);
	KUNIT_EXPECT_EQ(test, damon_nr_samples_per_aggr(&ctx->attrs),
			c->samples);
	for (i = 0; i < ARRAY_SIZE(now); i++)
		KUNIT_EXPECT_EQ_MSG(test, !c->intervals,
				    time_after_eq(now[i], now[i] + c->intervals),
				    "from %lu", now[i]);
}

struct window_case {
	const char *why;
	unsigned long passed;
	unsigned long next_aggregation;
	unsigned long aggr_interval;	/* 1 us samples */
	unsigned int nr_accesses;
	unsigned int last_nr_accesses;
	unsigned int expected;
	bool aggregated;		/* in this round */
};

static const struct window_case window_cases[] = {
	{ "window begins", 0, 10, 10, 0, 7, 7 },
	{ "window begins, running counter not zero", 0, 10, 10, 4, 7, 7 },
	{ "eight of ten passed", 8, 10, 10, 3, 10, 5 },
	{ "one of ten passed", 1, 10, 10, 1, 10, 10 },
	{ "window complete", 10, 10, 10, 3, 10, 3 },
	{ "window overdue", 12, 10, 10, 3, 10, 3 },
	{ "window complete, the next scheduled", 10, 20, 10, 3, 10, 3, true },
	{ "no window", 5, 5, 0, 3, 10, 3 },
	{ "clock wraps within", ULONG_MAX - 1, 8, 20, 2, 20, 12 },
	{ "a third, rounded down", 2, 3, 3, 1, 10000, 3334 },
	{ "half of the longest window", LONG_MAX / 2 + 1, LONG_MAX, ULONG_MAX, 1, 20, 10 },
};

static void window_test(struct kunit *test)
{
	const struct window_case *c = test->param_value;
	const struct damon_region r = {
		.nr_accesses = c->nr_accesses,
		.last_nr_accesses = c->last_nr_accesses,
	};
	struct damon_ctx *ctx = test_ctx(test);

	ctx->attrs.sample_interval = 1;
	ctx->attrs.aggr_interval = c->aggr_interval;
	damon_run(ctx)->passed = c->passed;
	damon_run(ctx)->next_aggregation = c->next_aggregation;
	damon_run(ctx)->aggregated = c->aggregated;
	KUNIT_EXPECT_EQ(test, damon_nr_accesses_mvsum(&r, ctx), c->expected);
}

struct rand_case {
	const char *why;
	unsigned long start;
	unsigned long end;
};

static const struct rand_case rand_cases[] = {
	{ "ten", 0, 10 },
	{ "one", 7, 8 },
	{ "not from zero", 100, 103 },
	{ "all but one", 0, ULONG_MAX },
	{ "at the end", ULONG_MAX - 5, ULONG_MAX },
#if BITS_PER_LONG == 64
	{ "32 bits", 1UL << 40, (1UL << 40) + U32_MAX },
	{ "more than 32 bits", 1UL << 40, (1UL << 40) + (1UL << 32) },
	{ "56 bits", 4096, 1UL << 56 },
#endif
};

/* Each of up to sixteen parts of the span is drawn. */
static void rand_test(struct kunit *test)
{
	const struct rand_case *c = test->param_value;
	unsigned long last = c->end - 1 - c->start, part = last / 16 + 1;
	unsigned long nr_parts = last / part + 1, drawn = 0, x;
	struct damon_ctx *ctx = test_ctx(test);
	unsigned int i, nr_low = 0;

	for (i = 0; i < 10000; i++) {
		x = damon_rand(ctx, c->start, c->end);
		KUNIT_ASSERT_GE(test, x, c->start);
		KUNIT_ASSERT_LT(test, x, c->end);
		__set_bit((x - c->start) / part, &drawn);
		nr_low += x - c->start < part;
	}
	KUNIT_EXPECT_EQ(test, drawn, GENMASK(nr_parts - 1, 0));
	/* No part is preferred. */
	KUNIT_EXPECT_LE(test, nr_low, 2 * 10000 / nr_parts);
	KUNIT_EXPECT_GE(test, nr_low, 10000 / nr_parts / 2);
}

/* Life */

static void start_stop_test(struct kunit *test)
{
	struct damon_ctx *ctx = fake_ctx(test);
	int nr_running = damon_nr_running_ctxs(), i;

	KUNIT_EXPECT_TRUE(test, damon_initialized());
	for (i = 1; i <= 3; i++) {
		KUNIT_EXPECT_FALSE(test, damon_is_running(ctx));
		KUNIT_EXPECT_EQ(test, damon_kdamond_pid(ctx), -EINVAL);
		start(test, ctx);
		KUNIT_EXPECT_TRUE(test, damon_is_running(ctx));
		KUNIT_EXPECT_GT(test, damon_kdamond_pid(ctx), 0);
		KUNIT_EXPECT_EQ(test, damon_nr_running_ctxs(), nr_running + 1);
		KUNIT_EXPECT_EQ(test, damon_start(&ctx, 1, false), -EBUSY);
		KUNIT_EXPECT_TRUE(test, damon_is_running(ctx));
		wait_for(test, &fake.nr_update, 2 * i);
		damon_stop(&ctx, 1);
		damon_stop(&ctx, 1);
		KUNIT_EXPECT_EQ(test, damon_nr_running_ctxs(), nr_running);
		KUNIT_EXPECT_TRUE(test, damon_targets_empty(ctx));
		KUNIT_EXPECT_EQ(test, atomic_read(&fake.nr_init), i);
		KUNIT_EXPECT_EQ(test, atomic_read(&fake.nr_cleanup), i);
		KUNIT_EXPECT_EQ(test, atomic_read(&fake.nr_cleaned_targets), i);
		test_add_target(test, ctx, 0, 1000, 6);
	}
}

static void stop_in_long_sleep_test(struct kunit *test)
{
	static const unsigned long intervals[] = { 30 * USEC_PER_SEC, ULONG_MAX };
	unsigned long begin = jiffies;
	struct damon_ctx *ctx;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(intervals); i++) {
		ctx = fake_ctx(test);
		ctx->attrs.sample_interval = intervals[i];
		ctx->attrs.aggr_interval = intervals[i];
		start(test, ctx);
		msleep(20);
		damon_stop(&ctx, 1);
	}
	KUNIT_EXPECT_LT(test, jiffies - begin, PATIENCE);
}

static void start_refused_test(struct kunit *test)
{
	struct damon_ctx *ctxs[] = { fake_ctx(test), fake_ctx(test), fake_ctx(test) };
	int nr_running = damon_nr_running_ctxs();

	ctxs[1]->min_region_sz = 3;
	KUNIT_EXPECT_EQ(test, damon_start(ctxs, 3, false), -EINVAL);
	KUNIT_EXPECT_EQ(test, damon_nr_running_ctxs(), nr_running);

	ctxs[1]->min_region_sz = 1;
	start(test, ctxs[1]);
	KUNIT_EXPECT_EQ(test, damon_start(ctxs, 3, false), -EBUSY);
	KUNIT_EXPECT_FALSE(test, damon_is_running(ctxs[0]));
	KUNIT_EXPECT_TRUE(test, damon_is_running(ctxs[1]));
	KUNIT_EXPECT_FALSE(test, damon_is_running(ctxs[2]));
	KUNIT_EXPECT_EQ(test, damon_nr_running_ctxs(), nr_running + 1);
}

struct exclusive_case {
	const char *why;
	bool first;
	bool second;
	int err;
};

static const struct exclusive_case exclusive_cases[] = {
	{ "neither is exclusive", false, false, 0 },
	{ "something runs already", false, true, -EBUSY },
	{ "something exclusive runs", true, false, -EBUSY },
	{ "both are exclusive", true, true, -EBUSY },
};

static void exclusive_test(struct kunit *test)
{
	const struct exclusive_case *c = test->param_value;
	struct damon_ctx *ctxs[] = { fake_ctx(test), fake_ctx(test), fake_ctx(test) };

	if (damon_nr_running_ctxs())
		kunit_skip(test, "other contexts run");
	KUNIT_ASSERT_EQ(test, damon_start(ctxs, 2, c->first), 0);
	KUNIT_EXPECT_EQ(test, damon_start(&ctxs[2], 1, c->second), c->err);
	KUNIT_EXPECT_EQ(test, damon_is_running(ctxs[2]), !c->err);
	KUNIT_EXPECT_TRUE(test, damon_is_running(ctxs[0]) && damon_is_running(ctxs[1]));

	/* Exclusive until the last of them ends. */
	damon_stop(ctxs, 1);
	if (c->err && c->first)
		KUNIT_EXPECT_EQ(test, damon_start(&ctxs[2], 1, false), -EBUSY);
	damon_stop(ctxs, 3);
	KUNIT_EXPECT_EQ(test, damon_nr_running_ctxs(), 0);
	test_add_target(test, ctxs[2], 0, 1000, 6);
	KUNIT_EXPECT_EQ(test, damon_start(&ctxs[2], 1, c->second), 0);
}

static void ends_with_target_test(struct kunit *test)
{
	struct damon_ctx *ctx = fake_ctx(test);
	atomic_t count = ATOMIC_INIT(0);
	struct damon_call_control call = { .fn = count_call, .data = &count };

	start(test, ctx);
	wait_for(test, &fake.nr_aggregations, 1);
	WRITE_ONCE(fake.gone, true);
	wait_for_end(test, ctx);
	KUNIT_EXPECT_TRUE(test, damon_targets_empty(ctx));
	KUNIT_EXPECT_EQ(test, damon_call(ctx, &call), -ECANCELED);
	KUNIT_EXPECT_EQ(test, atomic_read(&count), 0);

	WRITE_ONCE(fake.gone, false);
	test_add_target(test, ctx, 0, 1000, 6);
	start(test, ctx);
	KUNIT_EXPECT_EQ(test, damon_call(ctx, &call), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&count), 1);
}

static void no_target_test(struct kunit *test)
{
	struct damon_ctx *ctx = fake_ctx(test);

	damon_destroy_targets(ctx);
	start(test, ctx);
	wait_for_end(test, ctx);

	/* Without a hook that tells, there is always a valid one. */
	ctx->ops.target_valid = NULL;
	start(test, ctx);
	wait_for(test, &fake.nr_aggregations, 3);
	KUNIT_EXPECT_TRUE(test, damon_is_running(ctx));
}

/* Results */

static atomic_t nr_wrong;

/* Called when as many aggregations are complete as were counted. */
static void check_known(struct damon_ctx *ctx)
{
	unsigned int age = atomic_read(&fake.nr_aggregations);
	struct damon_target *t;
	struct damon_region *r;

	damon_for_each_target(t, ctx) {
		if (damon_nr_regions(t) != 6)
			atomic_inc(&nr_wrong);
		damon_for_each_region(r, t) {
			bool hot = every_second(r->ar.start);

			/* The first aggregation changed what is hot. */
			if (damon_sz_region(r) != 1000 || r->nr_accesses ||
			    r->last_nr_accesses != (hot ? SAMPLES : 0) ||
			    r->age != age - hot)
				atomic_inc(&nr_wrong);
		}
	}
}

/* Where nothing is to be adapted, results are what was done, to the sample. */
static void known_accesses_test(struct kunit *test)
{
	struct damon_ctx *ctx = fake_ctx(test);

	atomic_set(&nr_wrong, 0);
	fake.report = check_known;
	start(test, ctx);
	wait_for(test, &fake.nr_aggregations, 10);
	damon_stop(&ctx, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_wrong), 0);
}

#define SPACE_SZ	SZ_1G
#define HOT_SZ		SZ_64M

static unsigned long hot_start;
static atomic_t nr_good;

static bool in_hot_area(unsigned long addr)
{
	return addr - READ_ONCE(hot_start) < HOT_SZ;
}

static unsigned long overlap(const struct damon_region *r, unsigned long start,
			     unsigned long end)
{
	start = max(start, r->ar.start);
	end = min(end, r->ar.end);
	return start < end ? end - start : 0;
}

/* Counts aggregations in a row that found the hot area, within a tenth. */
static void judge(struct damon_ctx *ctx)
{
	unsigned long hot = 0, found = 0, start = READ_ONCE(hot_start), nr = 0;
	struct damon_target *t;
	struct damon_region *r;

	damon_for_each_target(t, ctx) {
		nr += damon_nr_regions(t);
		damon_for_each_region(r, t) {
			if (r->last_nr_accesses < SAMPLES / 2)
				continue;
			hot += damon_sz_region(r);
			found += overlap(r, start, start + HOT_SZ);
		}
	}
	if (nr < ctx->attrs.min_nr_regions || nr > ctx->attrs.max_nr_regions)
		atomic_inc(&nr_wrong);
	if (found >= HOT_SZ / 10 * 9 && hot - found <= HOT_SZ / 10)
		atomic_inc(&nr_good);
	else
		atomic_set(&nr_good, 0);
}

/* The number of regions is within its bounds in every round. */
static int check_nr_regions(void *data)
{
	struct damon_ctx *ctx = data;
	struct damon_target *t;
	unsigned int nr = 0;

	damon_for_each_target(t, ctx)
		nr += damon_nr_regions(t);
	if (nr < ctx->attrs.min_nr_regions || nr > ctx->attrs.max_nr_regions)
		atomic_inc(&nr_wrong);
	return 0;
}

static struct damon_call_control check_call = {
	.fn = check_nr_regions, .repeat = true,
};

static void moving_hot_area_test(struct kunit *test)
{
	static const unsigned long starts[] = { 400 * SZ_1M, 100 * SZ_1M, 960 * SZ_1M };
	struct damon_ctx *ctx = test_ctx(test);
	unsigned int i;

	ctx->ops = fake_ops;
	ctx->attrs = (struct damon_attrs) { 200, SAMPLES * 200, 60000000, 10, 200 };
	test_add_target(test, ctx, 0, SPACE_SZ, 1);
	fake.is_hot = in_hot_area;
	fake.report = judge;
	check_call.data = ctx;
	atomic_set(&nr_wrong, 0);
	hot_start = starts[0];
	start(test, ctx);
	KUNIT_ASSERT_EQ(test, damon_call(ctx, &check_call), 0);
	for (i = 0; i < ARRAY_SIZE(starts); i++) {
		WRITE_ONCE(hot_start, starts[i]);
		atomic_set(&nr_good, 0);
		wait_for(test, &nr_good, 5);
	}
	damon_stop(&ctx, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_wrong), 0);
}

KUNIT_ARRAY_PARAM_DESC(registry, registry_cases, why);
KUNIT_ARRAY_PARAM_DESC(intervals, intervals_cases, why);
KUNIT_ARRAY_PARAM_DESC(window, window_cases, why);
KUNIT_ARRAY_PARAM_DESC(rand, rand_cases, why);
KUNIT_ARRAY_PARAM_DESC(exclusive, exclusive_cases, why);

static struct kunit_case core_test_cases[] = {
	KUNIT_CASE_PARAM(registry_test, registry_gen_params),
	KUNIT_CASE_PARAM(intervals_test, intervals_gen_params),
	KUNIT_CASE_PARAM(window_test, window_gen_params),
	KUNIT_CASE_PARAM(rand_test, rand_gen_params),
	KUNIT_CASE(start_stop_test),
	KUNIT_CASE(stop_in_long_sleep_test),
	KUNIT_CASE(start_refused_test),
	KUNIT_CASE_PARAM(exclusive_test, exclusive_gen_params),
	KUNIT_CASE(ends_with_target_test),
	KUNIT_CASE(no_target_test),
	KUNIT_CASE(known_accesses_test),
	KUNIT_CASE(moving_hot_area_test),
	{}
};

static struct kunit_suite core_test_suite = {
	.name = "damon-core",
	.init = fake_forget,
	.test_cases = core_test_cases,
};

kunit_test_suite(core_test_suite);
