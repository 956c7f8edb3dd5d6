// SPDX-License-Identifier: GPL-2.0
/*
 * Where in a round callbacks and hooks are called, what a refusal of them
 * does, and that a paused context calls none.
 *
 * What is called is written down as letters.
 */

#include "fake.h"

#define LOG_SZ		96
#define NR_SAMPLES	2

/* Of the kdamond while there is one */
static struct {
	char letters[LOG_SZ + 1];
	unsigned int nr;
	char refused;			/* letter */
	unsigned int at;		/* which time, from 1; 0 for all */
	unsigned int seen;
} log;

static int note(char letter)
{
	if (log.nr < LOG_SZ)
		log.letters[log.nr++] = letter;
	if (letter != log.refused)
		return 0;
	log.seen++;
	return !log.at || log.seen == log.at ? -EPERM : 0;
}

static void init(struct damon_ctx *ctx)
{
	note('i');
}

static void update(struct damon_ctx *ctx)
{
	note('u');
}

static void prepare(struct damon_ctx *ctx)
{
	note('p');
}

static unsigned int check(struct damon_ctx *ctx)
{
	note('c');
	return 0;
}

static unsigned long act(struct damon_ctx *ctx, struct damon_target *t, struct damon_region *r,
			 struct damos *s, unsigned long *sz_filter_passed)
{
	note('A');
	*sz_filter_passed += 1;
	return 0;
}

static void cleanup_target(struct damon_target *t)
{
	note('T');
}

static void reset_aggregated(struct damon_ctx *ctx)
{
	note('r');
	atomic_inc(&fake.nr_aggregations);
}

static void cleanup(struct damon_ctx *ctx)
{
	note('e');
}

static const struct damon_operations noting_ops = {
	.pidless = true,
	.init = init,
	.update = update,
	.prepare_access_checks = prepare,
	.check_accesses = check,
	.apply_scheme = act,
	.cleanup_target = cleanup_target,
	.reset_aggregated = reset_aggregated,
	.cleanup = cleanup,
};

static int before_start(struct damon_ctx *ctx)
{
	return note('S');
}

static int after_sampling(struct damon_ctx *ctx)
{
	return note('s');
}

static int after_aggregation(struct damon_ctx *ctx)
{
	return note('a');
}

static int before_damos_apply(struct damon_ctx *ctx, struct damon_target *t,
			      struct damon_region *r, struct damos *s)
{
	return note('v');
}

/* Targets are still there, their regions are not. */
static void before_terminate(struct damon_ctx *ctx)
{
	struct damon_target *t;
	unsigned int nr = 0;

	damon_for_each_target(t, ctx)
		nr += 1 + damon_nr_regions(t);
	note(nr == 1 ? 't' : '!');
}

static const struct damon_callback noting_callback = {
	.before_start = before_start,
	.after_sampling = after_sampling,
	.after_aggregation = after_aggregation,
	.before_damos_apply = before_damos_apply,
	.before_terminate = before_terminate,
};

/* Three regions that neither split nor merge, all for one scheme. */
static struct damon_ctx *noting_ctx(struct kunit *test)
{
	static const struct damos_access_pattern all = {
		0, ULONG_MAX, 0, UINT_MAX, 0, UINT_MAX,
	};
	struct damos *s = new_scheme(&all, 0);
	struct damon_ctx *ctx = test_ctx(test);

	KUNIT_ASSERT_NOT_NULL(test, s);
	ctx->attrs = (struct damon_attrs) {
		.sample_interval = 1000,
		.aggr_interval = NR_SAMPLES * 1000,
		.ops_update_interval = 4000,
		.min_nr_regions = 3,
		.max_nr_regions = 3,
	};
	ctx->min_region_sz = 1024;
	ctx->ops = noting_ops;
	ctx->callback = noting_callback;
	test_add_target(test, ctx, 0, 1024, 3);
	damon_add_scheme(ctx, s);
	return ctx;
}

struct refuse_case {
	const char *why;
	char letter;
	unsigned int at;
	const char *expected;
};

#define ROUND_1		"psc"
#define ROUND_2		"pscavAvAvAr"

static const struct refuse_case refuse_cases[] = {
	{ "before_start", 'S', 1, "iSteT" },
	{ "first after_sampling", 's', 1, "iSpsteT" },
	{ "second after_sampling", 's', 2, "iS" ROUND_1 "psteT" },
	{ "third after_sampling", 's', 3, "iS" ROUND_1 ROUND_2 "psteT" },
	{ "first after_aggregation", 'a', 1, "iS" ROUND_1 "pscateT" },
	{ "second after_aggregation", 'a', 2, "iS" ROUND_1 ROUND_2 ROUND_1 "pscateT" },
	{ "after_sampling after an update", 's', 5,
	  "iS" ROUND_1 ROUND_2 ROUND_1 ROUND_2 "upsteT" },
};

static void refuse_test(struct kunit *test)
{
	const struct refuse_case *c = test->param_value;
	struct damon_ctx *ctx = noting_ctx(test);

	log.refused = c->letter;
	log.at = c->at;
	start(test, ctx);
	wait_for_end(test, ctx);
	KUNIT_EXPECT_STREQ(test, log.letters, c->expected);

	/* And again. */
	test_add_target(test, ctx, 0, 1024, 3);
	memset(&log, 0, sizeof(log));
	log.refused = c->letter;
	log.at = c->at;
	start(test, ctx);
	wait_for_end(test, ctx);
	KUNIT_EXPECT_STREQ(test, log.letters, c->expected);
}

/* A refusal of after_sampling does not wait for the samples. */
static void before_sleep_test(struct kunit *test)
{
	struct damon_ctx *ctx = noting_ctx(test);

	ctx->attrs.sample_interval = 60 * USEC_PER_SEC;
	ctx->attrs.aggr_interval = 60 * USEC_PER_SEC;
	log.refused = 's';
	log.at = 1;
	start(test, ctx);
	wait_for_end(test, ctx);
	KUNIT_EXPECT_STREQ(test, log.letters, "iSpsteT");
}

/* What is missing is not called, and does not shift the rest. */
static void few_hooks_test(struct kunit *test)
{
	struct damon_ctx *ctx = noting_ctx(test);

	ctx->ops = (struct damon_operations) { .check_accesses = check };
	ctx->callback = (struct damon_callback) { .after_aggregation = after_aggregation };
	log.refused = 'a';
	log.at = 2;
	start(test, ctx);
	wait_for_end(test, ctx);
	KUNIT_EXPECT_STREQ(test, log.letters, "ccacca");
}

/* Without the action, the walk still sees the regions. */

struct seen {
	unsigned int nr;
	unsigned long sz_filter_passed;
};

static void see(void *data, struct damon_ctx *ctx, struct damon_target *t,
		struct damon_region *r, struct damos *s, unsigned long sz_filter_passed)
{
	struct seen *seen = data;

	seen->nr++;
	seen->sz_filter_passed += sz_filter_passed;
}

static void veto_test(struct kunit *test)
{
	struct damon_ctx *ctx = noting_ctx(test);
	struct seen seen = {};
	struct damos_walk_control walk = { .walk_fn = see, .data = &seen };

	start(test, ctx);
	KUNIT_ASSERT_EQ(test, damos_walk(ctx, &walk), 0);
	KUNIT_EXPECT_EQ(test, seen.nr, 3);
	KUNIT_EXPECT_EQ(test, seen.sz_filter_passed, 3);
	damon_stop(&ctx, 1);

	ctx = noting_ctx(test);
	memset(&log, 0, sizeof(log));
	seen = (struct seen) {};
	log.refused = 'v';
	start(test, ctx);
	KUNIT_ASSERT_EQ(test, damos_walk(ctx, &walk), 0);
	KUNIT_EXPECT_EQ(test, seen.nr, 3);
	KUNIT_EXPECT_EQ(test, seen.sz_filter_passed, 0);
	wait_for(test, &fake.nr_aggregations, atomic_read(&fake.nr_aggregations) + 2);
	damon_stop(&ctx, 1);
	KUNIT_EXPECT_NOT_NULL(test, strstr(log.letters, "avvvr"));
	KUNIT_EXPECT_NULL(test, strchr(log.letters, 'A'));
}

/* Attributes may change when an aggregation is complete: it still counts. */

static atomic_t nr_wrong;

static int double_samples(struct damon_ctx *ctx)
{
	struct damon_attrs attrs = ctx->attrs;

	if (attrs.sample_interval < 1000)
		return 0;
	attrs.sample_interval /= 2;
	return damon_set_attrs(ctx, &attrs);
}

static void check_doubled(struct damon_ctx *ctx)
{
	struct damon_target *t;
	struct damon_region *r;

	damon_for_each_target(t, ctx) {
		damon_for_each_region(r, t) {
			if (r->last_nr_accesses != (every_second(r->ar.start) ? 2 * SAMPLES : 0))
				atomic_inc(&nr_wrong);
		}
	}
}

static void set_attrs_test(struct kunit *test)
{
	struct damon_ctx *ctx = fake_ctx(test);

	atomic_set(&nr_wrong, 0);
	ctx->callback.after_aggregation = double_samples;
	fake.report = check_doubled;
	start(test, ctx);
	wait_for(test, &fake.nr_aggregations, 4);
	damon_stop(&ctx, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_wrong), 0);
}

/* Pause */

static int set_pause(void *data)
{
	struct damon_ctx *ctx = data;

	ctx->pause = !ctx->pause;
	return 0;
}

static int count_letters(void *data)
{
	*(unsigned int *)data = log.nr;
	return 0;
}

static void pause_test(struct kunit *test)
{
	struct damon_ctx *ctx = noting_ctx(test);
	struct seen seen = {};
	struct damos_walk_control walk = { .walk_fn = see, .data = &seen };
	struct damon_call_control toggle = { .fn = set_pause, .data = ctx };
	unsigned int before, after, i;
	struct damon_call_control count = { .fn = count_letters, .data = &before };

	start(test, ctx);
	KUNIT_ASSERT_EQ(test, damon_call(ctx, &toggle), 0);
	KUNIT_ASSERT_EQ(test, damon_call(ctx, &count), 0);
	for (i = 0; i < 10; i++) {
		count.data = &after;
		KUNIT_ASSERT_EQ(test, damon_call(ctx, &count), 0);
		KUNIT_EXPECT_EQ(test, after, before);
		KUNIT_EXPECT_EQ(test, damos_walk(ctx, &walk), -ECANCELED);
	}
	KUNIT_EXPECT_EQ(test, seen.nr, 0);
	KUNIT_EXPECT_TRUE(test, damon_is_running(ctx));

	KUNIT_ASSERT_EQ(test, damon_call(ctx, &toggle), 0);
	wait_for(test, &fake.nr_aggregations, atomic_read(&fake.nr_aggregations) + 2);
	KUNIT_EXPECT_EQ(test, damos_walk(ctx, &walk), 0);
	KUNIT_EXPECT_EQ(test, seen.nr, 3);

	/* It can be stopped, and started, while paused. */
	KUNIT_ASSERT_EQ(test, damon_call(ctx, &toggle), 0);
	damon_stop(&ctx, 1);
	KUNIT_EXPECT_FALSE(test, damon_is_running(ctx));
	test_add_target(test, ctx, 0, 1024, 3);
	start(test, ctx);
	KUNIT_EXPECT_EQ(test, damos_walk(ctx, &walk), -ECANCELED);
	KUNIT_EXPECT_EQ(test, damon_call(ctx, &toggle), 0);
	KUNIT_EXPECT_EQ(test, damos_walk(ctx, &walk), 0);
}

static int forget(struct kunit *test)
{
	memset(&log, 0, sizeof(log));
	return fake_forget(test);
}

KUNIT_ARRAY_PARAM_DESC(refuse, refuse_cases, why);

static struct kunit_case callback_test_cases[] = {
	KUNIT_CASE_PARAM(refuse_test, refuse_gen_params),
	KUNIT_CASE(before_sleep_test),
	KUNIT_CASE(few_hooks_test),
	KUNIT_CASE(veto_test),
	KUNIT_CASE(set_attrs_test),
	KUNIT_CASE(pause_test),
	{}
};

static struct kunit_suite callback_test_suite = {
	.name = "damon-callback",
	.init = forget,
	.test_cases = callback_test_cases,
};

kunit_test_suite(callback_test_suite);
