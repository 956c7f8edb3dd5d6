// SPDX-License-Identifier: GPL-2.0
/*
 * Goals: measurements, scores, and what tuners make of them.
 */

#include <linux/nodemask.h>

#include "../feedback.h"
#include "../kinds.h"
#include "schemes.h"

#define CONSIST		DAMOS_QUOTA_GOAL_TUNER_CONSIST
#define TEMPORAL	DAMOS_QUOTA_GOAL_TUNER_TEMPORAL

/* The proportional step */

struct step_case {
	const char *why;
	unsigned long input, score;
	unsigned long next;
};

static const struct step_case step_cases[] = {
	{ "met", 900000, 10000, 900000 },
	{ "met, largest", ULONG_MAX, 10000, ULONG_MAX },
	{ "nothing of it", 900000, 0, 1800000 },
	{ "nearly nothing of it", 900000, 200, 1782000 },
	{ "a fifth of it", 900000, 2000, 1620000 },
	{ "half of it", 900000, 5000, 1350000 },
	{ "nearly met", 900000, 9999, 900090 },
	{ "slightly more", 900000, 10001, 899910 },
	{ "more", 900000, 15000, 450000 },
	{ "nearly twice", 900000, 19999, 10000 },
	{ "twice", 900000, 20000, 10000 },
	{ "far more", 900000, 250000000, 10000 },
	{ "most", ULONG_MAX, ULONG_MAX, 10000 },
	{ "never below the least", 10000, 15000, 10000 },
	{ "saturates", ULONG_MAX - 1, 0, ULONG_MAX },
	{ "largest, more", ULONG_MAX, 15000, ULONG_MAX - ULONG_MAX / 10000 * 5000 },
};

static void step_test(struct kunit *test)
{
	const struct step_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, feedback_step(c->input, c->score), c->next);
}

/* Below the goal it grows, above it shrinks, and more so farther away. */
static void step_order_test(struct kunit *test)
{
	struct damon_ctx *ctx = test_ctx(test);
	unsigned int i;

	for (i = 0; i < 10000; i++) {
		unsigned long input = damon_rand(ctx, 20000, ULONG_MAX / 4) >>
				      damon_rand(ctx, 0, 16);
		unsigned long score = damon_rand(ctx, 0, 25000);
		unsigned long next;

		input = max(input, 20000UL);
		next = feedback_step(input, score);
		if (score < 10000)
			KUNIT_ASSERT_GT(test, next, input);
		if (score > 10000)
			KUNIT_ASSERT_LT(test, next, input);
		KUNIT_ASSERT_GE(test, next, feedback_step(input, score + 1));
		KUNIT_ASSERT_GE(test, next, 10000);
	}
}

/* Tuners, and scores of one goal and two */

struct tune_case {
	const char *why;
	enum damos_quota_goal_tuner tuner;
	struct { unsigned long target, current_value; } goals[2];
	unsigned long sz, last;
	unsigned long next;
};

static const struct tune_case tune_cases[] = {
	{ "met, first", CONSIST, { { 100, 100 } }, 0, 0, 10000 },
	{ "met", CONSIST, { { 100, 100 } }, 0, 80000, 80000 },
	{ "half of it", CONSIST, { { 100, 50 } }, 0, 80000, 120000 },
	{ "rounded down", CONSIST, { { 3, 1 } }, 0, 80000, 80000 + 80000 * 6667UL / 10000 },
	{ "first, starts from the least", CONSIST, { { 100, 0 } }, 0, 0, 20000 },
	{ "the best counts", CONSIST, { { 100, 20 }, { 100, 50 } }, 0, 80000, 120000 },
	{ "the best counts, first", CONSIST, { { 100, 50 }, { 100, 20 } }, 0, 80000, 120000 },
	{ "one is met", CONSIST, { { 100, 0 }, { 7, 7 } }, 0, 80000, 80000 },
	{ "one is more than met", CONSIST, { { 100, 0 }, { 2, 3 } }, 0, 80000, 40000 },
	{ "large numbers", CONSIST, { { ULONG_MAX, ULONG_MAX } }, 0, 80000, 80000 },
	{ "large number of a small one", CONSIST, { { 1, ULONG_MAX } }, 0, 80000, 10000 },
	{ "small number of a large one", CONSIST, { { ULONG_MAX, 1 } }, 0, 80000, 160000 },
	{ "half of a large one", CONSIST, { { ULONG_MAX - 1, ULONG_MAX / 2 } }, 0, 80000, 120000 },
	{ "not met", TEMPORAL, { { 100, 99 } }, 0, 80000, ULONG_MAX },
	{ "not met, size", TEMPORAL, { { 100, 99 } }, 7, 80000, 70000 },
	{ "not met, large size", TEMPORAL, { { 100, 99 } }, ULONG_MAX, 80000, ULONG_MAX },
	{ "not met, largest that fits", TEMPORAL, { { 100, 99 } }, ULONG_MAX / 10000, 80000,
	  ULONG_MAX / 10000 * 10000 },
	{ "just met", TEMPORAL, { { 100, 100 } }, 7, 80000, 0 },
	{ "more than met", TEMPORAL, { { 100, 300 } }, 7, 80000, 0 },
	{ "one of two met", TEMPORAL, { { 100, 0 }, { 100, 100 } }, 7, 80000, 0 },
};

static void tune_test(struct kunit *test)
{
	const struct tune_case *c = test->param_value;
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s = add_any(test, ctx, DAMOS_STAT);
	struct damos_quota_goal *g;
	unsigned int i;

	s->quota.goal_tuner = c->tuner;
	s->quota.sz = c->sz;
	for (i = 0; i < ARRAY_SIZE(c->goals) && c->goals[i].target; i++)
		add_goal(test, s, DAMOS_QUOTA_USER_INPUT, c->goals[i].target,
			 c->goals[i].current_value);
	KUNIT_EXPECT_EQ(test, damos_tune_goals(ctx, s, c->last), c->next);
	i = 0;
	damos_for_each_quota_goal(g, &s->quota)
		KUNIT_EXPECT_EQ(test, g->current_value, c->goals[i++].current_value);
}

/* Stalls: the first measurement has nothing to compare with */

struct first_case {
	const char *why;
	enum damos_quota_goal_tuner tuner;
	unsigned long esz;
	unsigned long current_value;
};

static const struct first_case first_cases[] = {
	{ "consist: as if met", CONSIST, 0, 1234 },
	{ "consist, done before: as if met", CONSIST, 5, 1234 },
	{ "temporal: nothing was done, as if met", TEMPORAL, 0, 1234 },
	{ "temporal: goes on", TEMPORAL, 5, 0 },
};

static void first_psi_test(struct kunit *test)
{
	const struct first_case *c = test->param_value;
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s = add_any(test, ctx, DAMOS_STAT);
	struct damos_quota_goal *g;

	g = add_goal(test, s, DAMOS_QUOTA_SOME_MEM_PSI_US, 1234, 99);
	s->quota.goal_tuner = c->tuner;
	s->quota.esz = c->esz;
	KUNIT_EXPECT_TRUE(test, damos_goal_run(g)->last_psi_us == DAMOS_PSI_UNMEASURED);
	damos_tune_goals(ctx, s, 10000);
	KUNIT_EXPECT_EQ(test, g->current_value, c->current_value);
	KUNIT_EXPECT_FALSE(test, damos_goal_run(g)->last_psi_us == DAMOS_PSI_UNMEASURED);
	/* Not since the boot: at most what the test takes. */
	damos_tune_goals(ctx, s, 10000);
	KUNIT_EXPECT_LE(test, g->current_value, 60 * USEC_PER_SEC);
}

/* Nodes and cgroups that are not there */

struct absent_case {
	const char *why;
	enum damos_quota_goal_metric metric;
	int nid;
	u64 memcg_id;
	unsigned long with_numa;
};

#define USED	DAMOS_QUOTA_NODE_MEM_USED_BP
#define FREE	DAMOS_QUOTA_NODE_MEM_FREE_BP
#define CG_USED	DAMOS_QUOTA_NODE_MEMCG_USED_BP
#define CG_FREE	DAMOS_QUOTA_NODE_MEMCG_FREE_BP

static const struct absent_case absent_cases[] = {
	{ "used of no node", USED, NUMA_NO_NODE, 0, 0 },
	{ "used of a node behind the last", USED, MAX_NUMNODES, 0, 0 },
	{ "used of the largest node", USED, INT_MAX, 0, 0 },
	{ "used of the smallest node", USED, INT_MIN, 0, 0 },
	{ "free of no node", FREE, NUMA_NO_NODE, 0, 10000 },
	{ "free of a node behind the last", FREE, MAX_NUMNODES, 0, 10000 },
	{ "free of the largest node", FREE, INT_MAX, 0, 10000 },
	{ "used by no cgroup", CG_USED, 0, 0, 0 },
	{ "used by a cgroup with a large id", CG_USED, 0, U64_MAX, 0 },
	{ "used by a cgroup with the next larger id", CG_USED, 0, 0x10000, 0 },
	{ "used by a cgroup, on no node", CG_USED, NUMA_NO_NODE, 1, 0 },
	{ "not used by no cgroup", CG_FREE, 0, 0, 10000 },
	{ "not used by a cgroup with a large id", CG_FREE, 0, U64_MAX, 10000 },
	{ "not used by a cgroup, on no node", CG_FREE, INT_MAX, 1, 10000 },
};

static void absent_test(struct kunit *test)
{
	const struct absent_case *c = test->param_value;
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s = add_any(test, ctx, DAMOS_STAT);
	struct damos_quota_goal *g = add_goal(test, s, c->metric, 1, 99);

	g->nid = c->nid;
	g->memcg_id = c->memcg_id;
	damos_tune_goals(ctx, s, 10000);
	KUNIT_EXPECT_EQ(test, g->current_value,
			IS_ENABLED(CONFIG_NUMA) ? c->with_numa : 0);
}

/* Shares of one whole */
static void shares_test(struct kunit *test)
{
	static const enum damos_quota_goal_metric pairs[][2] = {
		{ USED, FREE },
		{ DAMOS_QUOTA_ACTIVE_MEM_BP, DAMOS_QUOTA_INACTIVE_MEM_BP },
	};
	struct damon_ctx *ctx = pass_ctx(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct damos *s = add_any(test, ctx, DAMOS_STAT);
		struct damos_quota_goal *a = add_goal(test, s, pairs[i][0], 1, 99999);
		struct damos_quota_goal *b = add_goal(test, s, pairs[i][1], 1, 99999);
		unsigned long sum;

		a->nid = first_memory_node;
		b->nid = first_memory_node;
		damos_tune_goals(ctx, s, 10000);
		sum = a->current_value + b->current_value;
		/* Memory comes and goes between the two; without any, 0. */
		if (sum) {
			KUNIT_EXPECT_GE_MSG(test, sum, 9900, "%u", i);
			KUNIT_EXPECT_LE_MSG(test, sum, 10100, "%u", i);
		} else if (!i) {
			KUNIT_EXPECT_FALSE(test, IS_ENABLED(CONFIG_NUMA));
		}
	}
}

/* Memory on a node that a scheme is for */

static void sz_on_node(struct damon_ctx *ctx, struct damon_region *r, int nid, u64 *on_node,
		       u64 *total)
{
	*on_node += (u64)r->nr_accesses * (r->ar.end - r->ar.start);
	*total += 10 * (u64)(r->ar.end - r->ar.start);
}

struct eligible_case {
	const char *why;
	struct region_row rows[4];		/* accesses: tenths that are on the node */
	unsigned long min_sz;
	int nid;
	unsigned long current_value;
};

static const struct eligible_case eligible_cases[] = {
	{ "none", { { 0, 1000, 0 } }, 0, 0, 0 },
	{ "all", { { 0, 1000, 10 } }, 0, 0, 10000 },
	{ "part", { { 0, 1000, 3 } }, 0, 0, 3000 },
	{ "by size", { { 0, 1000, 10 }, { 1000, 4000, 0 } }, 0, 0, 2500 },
	{ "in the pattern only", { { 0, 1000, 10 }, { 1000, 4000, 1 } }, 2000, 0, 1000 },
	{ "nothing in the pattern", { { 0, 1000, 10 } }, 2000, 0, 0 },
	{ "no region", {}, 0, 0, 0 },
	{ "no node", { { 0, 1000, 10 } }, 0, NUMA_NO_NODE, 0 },
	{ "node behind the last", { { 0, 1000, 10 } }, 0, MAX_NUMNODES, 0 },
};

static void eligible_test(struct kunit *test)
{
	const struct eligible_case *c = test->param_value;
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s = add_any(test, ctx, DAMOS_STAT);
	struct damos_quota_goal *g;

	g = add_goal(test, s, DAMOS_QUOTA_NODE_ELIGIBLE_MEM_BP, 1, 99);
	g->nid = c->nid;
	s->pattern.min_sz_region = c->min_sz;
	add_rows(test, ctx, c->rows);
	damon_run(ctx)->next_aggregation = damon_run(ctx)->passed;
	KUNIT_EXPECT_FALSE(test, damos_valid(ctx, s));
	damos_tune_goals(ctx, s, 10000);
	KUNIT_EXPECT_EQ(test, g->current_value, 0);
	ctx->ops.sz_on_node = sz_on_node;
	KUNIT_EXPECT_TRUE(test, damos_valid(ctx, s));
	damos_tune_goals(ctx, s, 10000);
	KUNIT_EXPECT_EQ(test, g->current_value, c->current_value);
}

/* A plant, whose output is proportional to what is done, maybe later */

struct plant_case {
	const char *why;
	unsigned int num, denom;	/* output for what is done */
	unsigned int inertia;		/* output is a mean with so many times the last one */
	unsigned long target;
	unsigned int settles, tolerance;	/* within steps, to per cent */
};

static const struct plant_case plant_cases[] = {
	{ "one to one", 1, 1, 0, 100000, 40, 2 },
	{ "strong", 100, 1, 0, 10000000, 40, 2 },
	{ "weak", 1, 100, 0, 1000, 40, 2 },
	{ "very weak", 1, 4096, 0, 100, 50, 2 },
	{ "slow", 1, 1, 1, 100000, 80, 5 },
};

static void plant_test(struct kunit *test)
{
	const struct plant_case *c = test->param_value;
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s = add_any(test, ctx, DAMOS_STAT);
	struct damos_quota_goal *g = add_goal(test, s, DAMOS_QUOTA_USER_INPUT, c->target, 0);
	unsigned long slack = c->target / 100 * c->tolerance, out = 0;
	unsigned int i;

	for (i = 0; i < c->settles + 50; i++) {
		g->current_value = out;
		damos_quota_update(ctx, s);
		out = (out * c->inertia + s->quota.esz * c->num / c->denom) / (c->inertia + 1);
		if (i < c->settles)
			continue;
		KUNIT_ASSERT_GE_MSG(test, out, c->target - slack, "step %u", i);
		KUNIT_ASSERT_LE_MSG(test, out, c->target + slack, "step %u", i);
	}
}

/* What is refused */

struct valid_case {
	const char *why;
	unsigned int tuner, metric;
	unsigned long target;
	bool valid;
};

static const struct valid_case valid_cases[] = {
	{ "fine", CONSIST, DAMOS_QUOTA_USER_INPUT, 1, true },
	{ "last of all", TEMPORAL, DAMOS_QUOTA_INACTIVE_MEM_BP, ULONG_MAX, true },
	{ "no target value", CONSIST, DAMOS_QUOTA_USER_INPUT, 0, false },
	{ "no such tuner", NR_DAMOS_QUOTA_GOAL_TUNERS, DAMOS_QUOTA_USER_INPUT, 1, false },
	{ "no such metric", CONSIST, NR_DAMOS_QUOTA_GOAL_METRICS, 1, false },
	{ "operations set does not know nodes", CONSIST, DAMOS_QUOTA_NODE_ELIGIBLE_MEM_BP, 1,
	  false },
};

static void valid_test(struct kunit *test)
{
	const struct valid_case *c = test->param_value;
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s = add_any(test, ctx, DAMOS_STAT);

	s->quota.goal_tuner = c->tuner;
	add_goal(test, s, DAMOS_QUOTA_USER_INPUT, 1, 0);
	add_goal(test, s, c->metric, c->target, 0);
	KUNIT_EXPECT_EQ(test, damos_valid(ctx, s), c->valid);
	KUNIT_EXPECT_EQ(test, damon_start(&ctx, 1, false), c->valid ? 0 : -EINVAL);
	damon_stop(&ctx, 1);
}

KUNIT_ARRAY_PARAM_DESC(step, step_cases, why);
KUNIT_ARRAY_PARAM_DESC(tune, tune_cases, why);
KUNIT_ARRAY_PARAM_DESC(first, first_cases, why);
KUNIT_ARRAY_PARAM_DESC(absent, absent_cases, why);
KUNIT_ARRAY_PARAM_DESC(eligible, eligible_cases, why);
KUNIT_ARRAY_PARAM_DESC(plant, plant_cases, why);
KUNIT_ARRAY_PARAM_DESC(valid, valid_cases, why);

static struct kunit_case goal_test_cases[] = {
	KUNIT_CASE_PARAM(step_test, step_gen_params),
	KUNIT_CASE(step_order_test),
	KUNIT_CASE_PARAM(tune_test, tune_gen_params),
	KUNIT_CASE_PARAM(first_psi_test, first_gen_params),
	KUNIT_CASE_PARAM(absent_test, absent_gen_params),
	KUNIT_CASE(shares_test),
	KUNIT_CASE_PARAM(eligible_test, eligible_gen_params),
	KUNIT_CASE_PARAM(plant_test, plant_gen_params),
	KUNIT_CASE_PARAM(valid_test, valid_gen_params),
	{}
};

static struct kunit_suite goal_test_suite = {
	.name = "damon-goal",
	.init = passes_begin,
	.test_cases = goal_test_cases,
};

kunit_test_suite(goal_test_suite);
