// SPDX-License-Identifier: GPL-2.0
/*
 * Watermarks: when a scheme is active, and what a kdamond does while none is.
 */

#include "../kinds.h"
#include "schemes.h"

struct active_case {
	const char *why;
	unsigned long value;
	bool was, is;
};

/* High 800, mid 500, low 200. */
static const struct active_case active_cases[] = {
	{ "above, active", 801, true, false },
	{ "above, inactive", 801, false, false },
	{ "high, active", 800, true, true },
	{ "high, inactive", 800, false, false },
	{ "middle, active", 500, true, true },
	{ "middle, inactive", 500, false, false },
	{ "below the middle, active", 499, true, true },
	{ "below the middle, inactive", 499, false, true },
	{ "low, active", 200, true, true },
	{ "low, inactive", 200, false, true },
	{ "below, active", 199, true, false },
	{ "below, inactive", 199, false, false },
	{ "nothing", 0, true, false },
	{ "most", ULONG_MAX, true, false },
};

static void active_test(struct kunit *test)
{
	const struct active_case *c = test->param_value;
	const struct damos_watermarks w = { .high = 800, .mid = 500, .low = 200 };

	KUNIT_EXPECT_EQ(test, damos_wmarks_active(&w, c->value, c->was), c->is);
}

/* Free memory is neither of these. */
#define ALWAYS	{ DAMOS_WMARK_FREE_MEM_RATE, 5000, 1001, 1001, 0 }
#define NEVER	{ DAMOS_WMARK_FREE_MEM_RATE, 5000, 0, 0, 0 }
#define SELDOM	{ DAMOS_WMARK_FREE_MEM_RATE, 7000, 5000, 4000, 3000 }
#define AT_ONCE	{ DAMOS_WMARK_FREE_MEM_RATE, 0, 0, 0, 0 }
#define NONE	{ DAMOS_WMARK_NONE, 9, 0, 0, 0 }

struct wait_case {
	const char *why;
	struct damos_watermarks wmarks[3];
	unsigned int nr;
	unsigned long wait;
	unsigned int active;		/* bits */
};

static const struct wait_case wait_cases[] = {
	{ "no scheme", {}, 0, 0, 0 },
	{ "no watermarks", { NONE }, 1, 0, 1 },
	{ "active", { ALWAYS }, 1, 0, 1 },
	{ "inactive", { NEVER }, 1, 5000, 0 },
	{ "shortest", { SELDOM, NEVER }, 2, 5000, 0 },
	{ "shortest first", { NEVER, SELDOM }, 2, 5000, 0 },
	{ "one is active", { NEVER, ALWAYS, SELDOM }, 3, 0, 2 },
	{ "one has none", { NEVER, SELDOM, NONE }, 3, 0, 4 },
	{ "none to wait", { AT_ONCE, SELDOM }, 2, 0, 0 },
};

static void wait_test(struct kunit *test)
{
	const struct wait_case *c = test->param_value;
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s[3];
	unsigned int i;

	for (i = 0; i < c->nr; i++) {
		s[i] = add_any(test, ctx, DAMOS_STAT);
		s[i]->wmarks = c->wmarks[i];
	}
	KUNIT_EXPECT_EQ(test, damos_check_wmarks(ctx), c->wait);
	for (i = 0; i < c->nr; i++)
		KUNIT_EXPECT_EQ(test, damos_run(s[i])->active, !!(c->active & BIT(i)));
}

/* A share of memory, whatever there is of it. */
static void free_mem_rate_test(struct kunit *test)
{
	unsigned long rate = damos_wmark_kinds[DAMOS_WMARK_FREE_MEM_RATE].measure();

	KUNIT_EXPECT_GT(test, rate, 0);
	KUNIT_EXPECT_LE(test, rate, 1000);
}

/* A kdamond with nothing active */

static atomic_t nr_samples, nr_checks;

static unsigned int count_samples(struct damon_ctx *ctx)
{
	atomic_inc(&nr_samples);
	return fake_check(ctx);
}

static int count_checks(struct damon_ctx *ctx)
{
	atomic_inc(&nr_checks);
	return 0;
}

static int last_check(struct damon_ctx *ctx)
{
	return atomic_inc_return(&nr_checks) == 3 ? -EIO : 0;
}

static struct damon_ctx *gated_ctx(struct kunit *test)
{
	static const struct damos_watermarks never = NEVER;
	struct damon_ctx *ctx = fake_ctx(test);

	add_any(test, ctx, DAMOS_STAT)->wmarks = never;
	ctx->ops.check_accesses = count_samples;
	ctx->callback.after_wmarks_check = count_checks;
	atomic_set(&nr_samples, 0);
	atomic_set(&nr_checks, 0);
	return ctx;
}

static struct damos *only_scheme(struct damon_ctx *ctx)
{
	return list_first_entry(&ctx->schemes, struct damos, list);
}

static int open_gate(void *data)
{
	only_scheme(data)->wmarks.metric = DAMOS_WMARK_NONE;
	damos_run(only_scheme(data))->active = true;
	return 0;
}

static int shut_gate(void *data)
{
	static const struct damos_watermarks never = NEVER;

	only_scheme(data)->wmarks = never;
	return 0;
}

static void see_nothing(void *data, struct damon_ctx *ctx, struct damon_target *t,
			struct damon_region *r, struct damos *s, unsigned long sz_filter_passed)
{
}

static void gated_test(struct kunit *test)
{
	struct damon_ctx *ctx = gated_ctx(test);
	struct damon_call_control open = { .fn = open_gate, .data = ctx };
	struct damon_call_control shut = { .fn = shut_gate, .data = ctx };
	struct damos_walk_control walk = { .walk_fn = see_nothing };
	struct damos *s = only_scheme(ctx);
	int seen;

	start(test, ctx);
	wait_for(test, &nr_checks, 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_samples), 0);
	KUNIT_EXPECT_EQ(test, damos_walk(ctx, &walk), -ECANCELED);
	KUNIT_EXPECT_EQ(test, damos_walk(ctx, &walk), -ECANCELED);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_samples), 0);

	KUNIT_EXPECT_EQ(test, damon_call(ctx, &open), 0);
	wait_for(test, &nr_samples, 2 * SAMPLES);
	KUNIT_EXPECT_EQ(test, damos_walk(ctx, &walk), 0);

	KUNIT_EXPECT_EQ(test, damon_call(ctx, &shut), 0);
	seen = atomic_read(&nr_checks);
	wait_for(test, &nr_checks, seen + 1);
	seen = atomic_read(&nr_samples);
	wait_for(test, &nr_checks, atomic_read(&nr_checks) + 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_samples), seen);
	damon_stop(&ctx, 1);
	KUNIT_EXPECT_GT(test, s->stat.nr_tried, 0);
}

static void hook_ends_test(struct kunit *test)
{
	struct damon_ctx *ctx = gated_ctx(test);

	ctx->callback.after_wmarks_check = last_check;
	start(test, ctx);
	wait_for_end(test, ctx);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_checks), 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_samples), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake.nr_cleanup), 1);
}

/* The longest sleep is no reason to wait for the end of it. */
static void stop_test(struct kunit *test)
{
	struct damon_ctx *ctx = gated_ctx(test);
	unsigned long before = jiffies;

	only_scheme(ctx)->wmarks.interval = ULONG_MAX;
	start(test, ctx);
	usleep_range(3000, 4000);
	damon_stop(&ctx, 1);
	KUNIT_EXPECT_TRUE(test, time_before(jiffies, before + PATIENCE));
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_samples), 0);
}

KUNIT_ARRAY_PARAM_DESC(active, active_cases, why);
KUNIT_ARRAY_PARAM_DESC(wait, wait_cases, why);

static struct kunit_case wmarks_test_cases[] = {
	KUNIT_CASE_PARAM(active_test, active_gen_params),
	KUNIT_CASE_PARAM(wait_test, wait_gen_params),
	KUNIT_CASE(free_mem_rate_test),
	KUNIT_CASE(gated_test),
	KUNIT_CASE(hook_ends_test),
	KUNIT_CASE(stop_test),
	{}
};

static struct kunit_suite wmarks_test_suite = {
	.name = "damon-wmarks",
	.init = passes_begin,
	.test_cases = wmarks_test_cases,
};

kunit_test_suite(wmarks_test_suite);
