// SPDX-License-Identifier: GPL-2.0
/*
 * damon_reclaim: which scheme comes of which parameters.
 */

#include "../reclaim.h"
#include "helpers.h"

#define SEC	USEC_PER_SEC

struct reclaim_case {
	const char *why;
	struct damon_reclaim_params p;
	int err;
	unsigned int min_age;
	unsigned int nr_goals;
	unsigned int nr_filters;
};

#define SCHED(aggr)	{ .attrs = { .sample_interval = 5000, .aggr_interval = aggr } }

static const struct reclaim_case cases[] = {
	{ "120 s of 100 ms", { SCHED(100000), .min_age = 120 * SEC }, 0, 1200 },
	{ "rounded down", { SCHED(100000), .min_age = 199999 }, 0, 1 },
	{ "younger than an aggregation", { SCHED(100000), .min_age = 99999 }, 0, 0 },
	{ "just an aggregation", { SCHED(100000), .min_age = 100000 }, 0, 1 },
	{ "no age", { SCHED(100000) }, 0, 0 },
	{ "no aggregation interval", { SCHED(0), .min_age = SEC }, -EINVAL },
	{ "no aggregation interval, even if tuned",
	  { { .autotune = true, .attrs = { 5000, 0 } }, .min_age = SEC }, -EINVAL },
	{ "no sampling interval",
	  { { .attrs = { 0, 100000 } }, .min_age = SEC }, 0, 10 },
	{ "an aggregation for ever", { SCHED(ULONG_MAX), .min_age = ULONG_MAX }, 0, 1 },
	{ "age of no counter", { SCHED(1), .min_age = ULONG_MAX }, 0, UINT_MAX },
	{ "tuned: 100 ms to begin with",
	  { { .autotune = true, .attrs = { 1, 1 } }, .min_age = SEC }, 0, 10 },
	{ "pressure goal",
	  { SCHED(100000), .min_age = SEC, .mem_pressure_us = 1 }, 0, 10, 1 },
	{ "feedback goal",
	  { SCHED(100000), .min_age = SEC, .feedback = 1 }, 0, 10, 1 },
	{ "both goals, and no anonymous memory",
	  { SCHED(100000), .min_age = SEC, .mem_pressure_us = 9, .feedback = 8,
	    .skip_anon = true }, 0, 10, 2, 1 },
};

static void expect_scheme(struct kunit *test, const struct reclaim_case *c,
			  const struct damos *s)
{
	const struct damos_access_pattern pattern = {
		.min_sz_region = PAGE_SIZE,
		.max_sz_region = ULONG_MAX,
		.min_age_region = c->min_age,
		.max_age_region = UINT_MAX,
	};

	KUNIT_EXPECT_MEMEQ(test, &s->pattern, &pattern, sizeof(pattern));
	KUNIT_EXPECT_EQ(test, s->action, DAMOS_PAGEOUT);
	KUNIT_EXPECT_EQ(test, s->apply_interval_us, 0);
	KUNIT_EXPECT_EQ(test, s->quota.sz, c->p.quota_sz);
	KUNIT_EXPECT_EQ(test, s->quota.weight_age, 1);
	KUNIT_EXPECT_EQ(test, s->quota.weight_nr_accesses, 0);
	KUNIT_EXPECT_EQ(test, list_count_nodes((void *)&s->quota.goals), c->nr_goals);
	KUNIT_EXPECT_EQ(test, list_count_nodes((void *)&s->ops_filters), c->nr_filters);
	KUNIT_EXPECT_TRUE(test, list_empty(&s->core_filters));
}

static void scheme_test(struct kunit *test)
{
	const struct reclaim_case *c = test->param_value;
	struct damon_ctx *ctx = test_ctx(test);

	KUNIT_ASSERT_EQ(test, damon_reclaim_add_schemes(ctx, &c->p), c->err);
	if (!c->err)
		expect_scheme(test, c, list_first_entry(&ctx->schemes,
							struct damos, list));
}

/* Everything that is passed on as it is. */
static void details_test(struct kunit *test)
{
	const struct damon_reclaim_params p = {
		.sched = {
			.attrs = { 5000, 100000 },
			.wmarks = { DAMOS_WMARK_FREE_MEM_RATE, 11, 500, 400, 200 },
			.quota_ms = 12, .quota_reset_ms = 13,
		},
		.quota_sz = 14, .mem_pressure_us = 15, .feedback = 16, .skip_anon = true,
	};
	struct damon_ctx *ctx = test_ctx(test);
	struct damos_quota_goal *psi, *user;
	struct damos_filter *filter;
	struct damos *s;

	KUNIT_ASSERT_EQ(test, damon_reclaim_add_schemes(ctx, &p), 0);
	s = list_first_entry(&ctx->schemes, struct damos, list);
	KUNIT_EXPECT_MEMEQ(test, &s->wmarks, &p.sched.wmarks, sizeof(s->wmarks));
	KUNIT_EXPECT_EQ(test, s->quota.ms, 12);
	KUNIT_EXPECT_EQ(test, s->quota.reset_interval, 13);
	KUNIT_EXPECT_EQ(test, s->quota.sz, 14);
	psi = list_first_entry(&s->quota.goals, struct damos_quota_goal, list);
	KUNIT_EXPECT_EQ(test, psi->metric, DAMOS_QUOTA_SOME_MEM_PSI_US);
	KUNIT_EXPECT_EQ(test, psi->target_value, 15);
	user = list_next_entry(psi, list);
	KUNIT_EXPECT_EQ(test, user->metric, DAMOS_QUOTA_USER_INPUT);
	KUNIT_EXPECT_EQ(test, user->target_value, 10000);
	KUNIT_EXPECT_EQ(test, user->current_value, 16);
	filter = list_first_entry(&s->ops_filters, struct damos_filter, list);
	KUNIT_EXPECT_EQ(test, filter->type, DAMOS_FILTER_TYPE_ANON);
	KUNIT_EXPECT_TRUE(test, filter->matching);
	KUNIT_EXPECT_FALSE(test, filter->allow);
}

struct attrs_case {
	const char *why;
	struct damon_sched_params p;
	struct damon_attrs want;
};

static const struct attrs_case attrs_cases[] = {
	{ "as given", { .attrs = { 1, 2, 0, 3, 4 } }, { 1, 2, 0, 3, 4 } },
	{ "tuned, whatever is given", { .attrs = { 1, 2, 0, 3, 4 }, .autotune = true },
	  { 5000, 100000, 0, 3, 4, { 40, 3, 5000, 10 * SEC } } },
};

static void attrs_test(struct kunit *test)
{
	const struct attrs_case *c = test->param_value;
	const struct damon_attrs got = damon_sched_attrs(&c->p);

	KUNIT_EXPECT_TRUE(test, damon_attrs_equal(&got, &c->want));
}

struct fill_case {
	const char *why;
	struct damon_sched_params p;
	int err;
	unsigned long min_region_sz;
};

#define ATTRS		.attrs = { 5000, 100000, 0, 10, 1000 }
#define REGION		.region = { 16 * PAGE_SIZE, 32 * PAGE_SIZE }

static const struct fill_case fill_cases[] = {
	{ "bytes", { ATTRS, REGION, .addr_unit = 1 }, 0, PAGE_SIZE },
	{ "pages", { ATTRS, REGION, .addr_unit = PAGE_SIZE }, 0, 1 },
	{ "units beyond a page", { ATTRS, REGION, .addr_unit = 2 * PAGE_SIZE }, 0, 1 },
	{ "the largest unit", { ATTRS, REGION, .addr_unit = ULONG_MAX }, 0, 1 },
	{ "no power of two in a page", { ATTRS, REGION, .addr_unit = 3 }, -EINVAL },
	{ "reversed", { ATTRS, .region = { 2 * PAGE_SIZE, PAGE_SIZE }, .addr_unit = 1 },
	  -EINVAL },
	{ "empty", { ATTRS, .region = { PAGE_SIZE, PAGE_SIZE }, .addr_unit = 1 }, -EINVAL },
	{ "too few regions",
	  { .attrs = { 5000, 100000, 0, 2, 1000 }, REGION, .addr_unit = 1 }, -EINVAL },
	{ "limits of regions cross",
	  { .attrs = { 5000, 100000, 0, 11, 10 }, REGION, .addr_unit = 1 }, -EINVAL },
	{ "no intervals", { .attrs = { 0, 0, 0, 10, 1000 }, REGION, .addr_unit = 1 }, 0,
	  PAGE_SIZE },
	{ "sampled less often than aggregated",
	  { .attrs = { 100001, 100000, 0, 10, 1000 }, REGION, .addr_unit = 1 }, -EINVAL },
	{ "that does not matter when tuned",
	  { .attrs = { 100001, 100000, 0, 10, 1000 }, .autotune = true, REGION,
	    .addr_unit = 1 }, 0, PAGE_SIZE },
};

static void fill_test(struct kunit *test)
{
	const struct fill_case *c = test->param_value;
	struct damon_sched_params p = c->p;
	struct damon_ctx *ctx = test_ctx(test);
	const struct damon_target *t;

	KUNIT_ASSERT_EQ(test, damon_sched_fill(ctx, &p), c->err);
	if (c->err)
		return;
	KUNIT_EXPECT_EQ(test, ctx->min_region_sz, c->min_region_sz);
	KUNIT_EXPECT_EQ(test, ctx->addr_unit, c->p.addr_unit);
	t = list_first_entry(&ctx->adaptive_targets, struct damon_target, list);
	KUNIT_ASSERT_EQ(test, damon_nr_regions(t), 1);
	KUNIT_EXPECT_EQ(test, t->regions[0].ar.start, c->p.region.start);
	KUNIT_EXPECT_EQ(test, t->regions[0].ar.end, c->p.region.end);
}

KUNIT_ARRAY_PARAM_DESC(scheme, cases, why);
KUNIT_ARRAY_PARAM_DESC(attrs, attrs_cases, why);
KUNIT_ARRAY_PARAM_DESC(fill, fill_cases, why);

static struct kunit_case reclaim_test_cases[] = {
	KUNIT_CASE_PARAM(scheme_test, scheme_gen_params),
	KUNIT_CASE(details_test),
	KUNIT_CASE_PARAM(attrs_test, attrs_gen_params),
	KUNIT_CASE_PARAM(fill_test, fill_gen_params),
	{}
};

static struct kunit_suite reclaim_test_suite = {
	.name = "damon-reclaim",
	.test_cases = reclaim_test_cases,
};

kunit_test_suite(reclaim_test_suite);
