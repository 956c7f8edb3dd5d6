// SPDX-License-Identifier: GPL-2.0
/*
 * When checking and preparing samples are one step, and when not.
 */

#include <linux/damon.h>

#include "fake.h"

#define LOG_LEN		24

/* A letter a step: prepare, check, both, or a request in between. */
static char steps[LOG_LEN + 1];
static atomic_t nr_steps;

static void note(char step)
{
	int nr = atomic_read(&nr_steps);

	if (nr < LOG_LEN) {
		steps[nr] = step;
		atomic_inc(&nr_steps);
	}
}

static void note_prepare(struct damon_ctx *ctx)
{
	note('p');
}

static unsigned int note_check(struct damon_ctx *ctx)
{
	note('c');
	return 0;
}

static void note_both(struct damon_ctx *ctx)
{
	note('b');
}

static int note_request(void *data)
{
	note('r');
	return 0;
}

static struct damon_call_control request = { note_request, .repeat = true };
static struct damon_call_control look = {
	note_request, .repeat = true, .only_looks = true,
};

/* Every round from now on. */
static int make_request(struct damon_ctx *ctx)
{
	return damon_call(ctx, &request);
}

static int look_on(struct damon_ctx *ctx)
{
	return damon_call(ctx, &look);
}

/* When it has been decided that the first round is a quiet one. */
static void note_both_and_make_request(struct damon_ctx *ctx)
{
	note('b');
	make_request(ctx);
}

static void update(struct damon_ctx *ctx)
{
}

static const enum damos_filter_type by_address = DAMOS_FILTER_TYPE_ADDR;
static const enum damos_filter_type by_young = DAMOS_FILTER_TYPE_YOUNG;

struct fused_case {
	const char *why;
	void (*both)(struct damon_ctx *ctx);
	void (*update)(struct damon_ctx *ctx);
	unsigned long update_us;
	unsigned long apply_us;
	enum damos_action action;
	unsigned long quota;
	const enum damos_filter_type *filter;
	int (*before_start)(struct damon_ctx *ctx);
	const char *expected;
};

/* Ten samples of 1000 us in an aggregation. */
static const struct fused_case fused_cases[] = {
	{
		.why = "an operations set that cannot",
		.expected = "pcpcpcpcpcpcpcpcpcpcpcpc",
	},
	{
		.why = "nothing but aggregations",
		.both = note_both,
		.expected = "pbbbbbbbbbcpbbbbbbbbbcpb",
	},
	{
		.why = "updates may change regions",
		.both = note_both,
		.update = update,
		.update_us = 4000,
		.expected = "pbbbcpbbbcpbcpbcpbbbcpbb",
	},
	{
		.why = "there is nothing to update",
		.both = note_both,
		.update_us = 4000,
		.expected = "pbbbbbbbbbcpbbbbbbbbbcpb",
	},
	{
		.why = "schemes may look at regions",
		.both = note_both,
		.apply_us = 1000,
		.action = DAMOS_STAT,
		.expected = "pbbbbbbbbbcpbbbbbbbbbcpb",
	},
	{
		.why = "schemes may change memory",
		.both = note_both,
		.apply_us = 5000,
		.action = DAMOS_PAGEOUT,
		.expected = "pbbbbcpbbbbcpbbbbcpbbbbc",
	},
	{
		.why = "a quota may cut regions",
		.both = note_both,
		.apply_us = 5000,
		.action = DAMOS_STAT,
		.quota = 1,
		.expected = "pbbbbcpbbbbcpbbbbcpbbbbc",
	},
	{
		.why = "filters may cut regions",
		.both = note_both,
		.apply_us = 5000,
		.action = DAMOS_STAT,
		.filter = &by_address,
		.expected = "pbbbbcpbbbbcpbbbbcpbbbbc",
	},
	{
		.why = "filters may check accesses",
		.both = note_both,
		.apply_us = 5000,
		.action = DAMOS_STAT,
		.filter = &by_young,
		.expected = "pbbbbcpbbbbcpbbbbcpbbbbc",
	},
	{
		.why = "requests may do anything",
		.both = note_both,
		.before_start = make_request,
		.expected = "pcrpcrpcrpcrpcrpcrpcrpcr",
	},
	{
		.why = "requests may only look",
		.both = note_both,
		.before_start = look_on,
		.expected = "pbrbrbrbrbrbrbrbrbrcrpbr",
	},
	{
		.why = "a request that came late: prepare again",
		.both = note_both_and_make_request,
		.expected = "pbrpcrpcrpcrpcrpcrpcrpcr",
	},
};

static void add_scheme(struct kunit *test, struct damon_ctx *ctx,
		       const struct fused_case *c)
{
	const struct damos_access_pattern none = { .min_sz_region = ULONG_MAX };
	const struct damos_watermarks wmarks = {};
	const struct damos_quota quota = { .sz = c->quota };
	struct damos *s = damon_new_scheme(&none, c->action, c->apply_us, &quota,
					   &wmarks, NUMA_NO_NODE);
	struct damos_filter *f;

	KUNIT_ASSERT_NOT_NULL(test, s);
	damon_add_scheme(ctx, s);
	if (!c->filter)
		return;
	f = damos_new_filter(*c->filter, true, true);
	KUNIT_ASSERT_NOT_NULL(test, f);
	damos_add_filter(s, f);
}

static void fused_test(struct kunit *test)
{
	const struct fused_case *c = test->param_value;
	struct damon_ctx *ctx = fake_ctx(test);

	atomic_set(&nr_steps, 0);
	memset(steps, 0, sizeof(steps));
	ctx->attrs.ops_update_interval = c->update_us ?: ULONG_MAX;
	ctx->ops.prepare_access_checks = note_prepare;
	ctx->ops.check_accesses = note_check;
	ctx->ops.check_and_prepare = c->both;
	ctx->ops.update = c->update;
	ctx->callback.before_start = c->before_start;
	if (c->apply_us)
		add_scheme(test, ctx, c);
	start(test, ctx);
	wait_for(test, &nr_steps, LOG_LEN);
	damon_stop(&ctx, 1);
	KUNIT_EXPECT_STREQ_MSG(test, steps, c->expected, "%s", c->why);
}

KUNIT_ARRAY_PARAM_DESC(fused, fused_cases, why);

static struct kunit_case fused_test_cases[] = {
	KUNIT_CASE_PARAM(fused_test, fused_gen_params),
	{}
};

static struct kunit_suite fused_test_suite = {
	.name = "damon-fused",
	.init = fake_forget,
	.test_cases = fused_test_cases,
};

kunit_test_suite(fused_test_suite);
