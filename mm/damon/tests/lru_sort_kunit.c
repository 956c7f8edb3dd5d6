// SPDX-License-Identifier: GPL-2.0
/*
 * damon_lru_sort: which two schemes come of which parameters.
 */

#include "../lru_sort.h"
#include "helpers.h"

#define SEC	USEC_PER_SEC

struct want {
	unsigned int min_nr_accesses;
	unsigned int min_age;
	unsigned long target;
};

struct lru_sort_case {
	const char *why;
	struct damon_lru_sort_params p;
	int err;
	struct want hot, cold;
};

#define SCHED(sample, aggr)	{ .attrs = { sample, aggr } }

static const struct lru_sort_case cases[] = {
	{ "half of 20 samples, 120 s",
	  { SCHED(5000, 100000), 500, 120 * SEC }, 0, { 10 }, { 0, 1200 } },
	{ "rounded down", { SCHED(5000, 100000), 549, 199999 }, 0, { 10 }, { 0, 1 } },
	{ "all samples", { SCHED(5000, 100000), 1000, 0 }, 0, { 20 }, {} },
	{ "more than all", { SCHED(5000, 100000), 2000, 0 }, 0, { 40 }, {} },
	{ "more than any counter has",
	  { SCHED(1, ULONG_MAX), UINT_MAX, 0 }, 0, { UINT_MAX }, {} },
	{ "half of one sample is none",
	  { SCHED(100000, 100000), 500, SEC }, 0, { 0 }, { 0, 10 } },
	{ "more 1/1000 than a counter has",
	  { SCHED(5000, 100000), ULONG_MAX, SEC }, 0, { 20ULL * U32_MAX / 1000 }, { 0, 10 } },
	{ "cold before an aggregation ends",
	  { SCHED(5000, 100000), 500, 99999 }, 0, { 10 }, { 0, 0 } },
	{ "cold age of no counter",
	  { SCHED(1, 1), 500, ULONG_MAX }, 0, { 0 }, { 0, UINT_MAX } },
	{ "no sampling interval, even if tuned",
	  { { .autotune = true, .attrs = { 0, 100000 } } }, -EINVAL },
	{ "no sampling interval", { SCHED(0, 100000) }, -EINVAL },
	{ "no aggregation interval", { SCHED(5000, 0) }, -EINVAL },
	{ "tuned: 20 samples in 100 ms to begin with",
	  { { .autotune = true, .attrs = { 7, 7 } }, 500, SEC }, 0, { 10 }, { 0, 10 } },
	{ "goals overlap by 2",
	  { SCHED(5000, 100000), 500, SEC, 6000 }, 0, { 10, 0, 6000 }, { 0, 10, 4002 } },
	{ "all active", { SCHED(5000, 100000), 500, SEC, 10000 }, 0,
	  { 10, 0, 10000 }, { 0, 10, 2 } },
	{ "tuned, whatever the aggregation interval",
	  { { .autotune = true, .attrs = { 7, 0 } }, 500, SEC }, 0, { 10 }, { 0, 10 } },
	{ "more than all active", { SCHED(5000, 100000), 500, SEC, 10001 }, -EINVAL },
	{ "young pages filtered",
	  { SCHED(5000, 100000), 500, SEC, 0, true }, 0, { 10 }, { 0, 10 } },
};

struct side_case {
	enum damos_action action;
	enum damos_quota_goal_metric metric;
	unsigned int max_nr_accesses;
	bool filter_matching;
};

static const struct side_case hot_side = {
	DAMOS_LRU_PRIO, DAMOS_QUOTA_ACTIVE_MEM_BP, UINT_MAX, false,
};

static const struct side_case cold_side = {
	DAMOS_LRU_DEPRIO, DAMOS_QUOTA_INACTIVE_MEM_BP, 0, true,
};

static void expect_scheme(struct kunit *test, const struct damos *s,
			  const struct lru_sort_case *c,
			  const struct side_case *side, const struct want *want)
{
	const struct damos_access_pattern pattern = {
		PAGE_SIZE, ULONG_MAX, want->min_nr_accesses, side->max_nr_accesses,
		want->min_age, UINT_MAX,
	};
	const struct damos_quota_goal *goal;
	const struct damos_filter *filter;

	KUNIT_EXPECT_MEMEQ(test, &s->pattern, &pattern, sizeof(pattern));
	KUNIT_EXPECT_EQ(test, s->action, side->action);
	KUNIT_EXPECT_EQ(test, s->quota.weight_nr_accesses, 1);
	KUNIT_EXPECT_EQ(test, s->quota.weight_age, 1);
	KUNIT_EXPECT_EQ(test, s->quota.sz, 0);
	KUNIT_ASSERT_EQ(test, list_empty(&s->quota.goals), !want->target);
	if (want->target) {
		goal = list_first_entry(&s->quota.goals, struct damos_quota_goal, list);
		KUNIT_EXPECT_EQ(test, goal->metric, side->metric);
		KUNIT_EXPECT_EQ(test, goal->target_value, want->target);
	}
	KUNIT_ASSERT_EQ(test, list_empty(&s->ops_filters), !c->p.filter_young);
	if (c->p.filter_young) {
		filter = list_first_entry(&s->ops_filters, struct damos_filter, list);
		KUNIT_EXPECT_EQ(test, filter->type, DAMOS_FILTER_TYPE_YOUNG);
		KUNIT_EXPECT_EQ(test, filter->matching, side->filter_matching);
		KUNIT_EXPECT_FALSE(test, filter->allow);
	}
}

static void schemes_test(struct kunit *test)
{
	const struct lru_sort_case *c = test->param_value;
	struct damon_ctx *ctx = test_ctx(test);
	struct damos *s;

	KUNIT_ASSERT_EQ(test, damon_lru_sort_add_schemes(ctx, &c->p), c->err);
	if (c->err)
		return;
	s = list_first_entry(&ctx->schemes, struct damos, list);
	expect_scheme(test, s, c, &hot_side, &c->hot);
	expect_scheme(test, list_next_entry(s, list), c, &cold_side, &c->cold);
}

/* The two share the time. */
static void quota_test(struct kunit *test)
{
	const struct damon_lru_sort_params p = {
		.sched = {
			.attrs = { 5000, 100000 }, .quota_ms = 11, .quota_reset_ms = 12,
			.wmarks = { DAMOS_WMARK_FREE_MEM_RATE, 13, 200, 150, 50 },
		},
	};
	struct damon_ctx *ctx = test_ctx(test);
	unsigned int nr = 0;
	struct damos *s;

	KUNIT_ASSERT_EQ(test, damon_lru_sort_add_schemes(ctx, &p), 0);
	damon_for_each_scheme(s, ctx) {
		KUNIT_EXPECT_EQ(test, s->quota.ms, 5);
		KUNIT_EXPECT_EQ(test, s->quota.reset_interval, 12);
		KUNIT_EXPECT_MEMEQ(test, &s->wmarks, &p.sched.wmarks, sizeof(s->wmarks));
		nr++;
	}
	KUNIT_EXPECT_EQ(test, nr, 2);
}

KUNIT_ARRAY_PARAM_DESC(schemes, cases, why);

static struct kunit_case lru_sort_test_cases[] = {
	KUNIT_CASE_PARAM(schemes_test, schemes_gen_params),
	KUNIT_CASE(quota_test),
	{}
};

static struct kunit_suite lru_sort_test_suite = {
	.name = "damon-lru-sort",
	.test_cases = lru_sort_test_cases,
};

kunit_test_suite(lru_sort_test_suite);
