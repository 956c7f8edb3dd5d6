// SPDX-License-Identifier: GPL-2.0
/*
 * Quotas: effective size, windows, charges, and the position to resume from.
 */

#include <linux/sizes.h>

#include "schemes.h"

#define ASSUMED		(1024 * PAGE_SIZE)	/* per ms */

/* Effective size */

struct esz_case {
	const char *why;
	unsigned long ms, sz, min_sz;
	u64 charged_sz, charged_ns;
	enum damos_quota_goal_tuner tuner;
	unsigned long goal, input;	/* no goal if 0 */
	unsigned long last_bp;
	unsigned long esz;
};

#define CONSIST		DAMOS_QUOTA_GOAL_TUNER_CONSIST
#define TEMPORAL	DAMOS_QUOTA_GOAL_TUNER_TEMPORAL

static const struct esz_case esz_cases[] = {
	{ "size", 0, 1000, 1, .esz = 1000 },
	{ "largest size", 0, ULONG_MAX, 1, .esz = ULONG_MAX },
	{ "size below the minimum of regions", 0, 3, 4, .esz = 3 },
	{ "time, nothing known", 1, 0, 1, .esz = ASSUMED },
	{ "more time", 10, 0, 1, .esz = 10 * ASSUMED },
	{ "all time", ULONG_MAX, 0, 1, .esz = ULONG_MAX },
	{ "time and smaller size", 10, 4096, 1, .esz = 4096 },
	{ "time and larger size", 1, ULONG_MAX, 1, .esz = ASSUMED },
	{ "throughput", 3, 0, 1, 1000, 1000000, .esz = 3000 },
	{ "throughput, rounded down", 3, 0, 1, 1000, 3000000, .esz = 999 },
	{ "throughput of part of a byte", 7, 0, 4096, 1, 3000000, .esz = 4096 },
	{ "no throughput", ULONG_MAX, 0, 4096, 0, 3000000, .esz = 4096 },
	{ "low throughput and small size", 1, 100, 4096, 0, 3000000, .esz = 100 },
	{ "highest throughput", 1, 0, 1, U64_MAX, 1, .esz = ULONG_MAX },
	{ "after years", 1, 0, 1, 1ULL << 62, 1ULL << 62, .esz = 1000000 },
	{ "takes for ever", 1, 0, 1, 1000000, U64_MAX, .esz = 1 },
	{ "consist, met, first", 0, 0, 1, 0, 0, CONSIST, 5, 5, 0, 1 },
	{ "consist, met", 0, 0, 1, 0, 0, CONSIST, 5, 5, 70000, 7 },
	{ "consist, not at all", 0, 0, 1, 0, 0, CONSIST, 5, 0, 70000, 14 },
	{ "consist, twice as much", 0, 0, 1, 0, 0, CONSIST, 5, 10, 70000, 1 },
	{ "consist and smaller size", 0, 13, 1, 0, 0, CONSIST, 5, 0, 70000, 13 },
	{ "consist and larger size", 0, 15, 1, 0, 0, CONSIST, 5, 0, 70000, 14 },
	{ "consist and less time", 1, 15, 1, 12, 1000000, CONSIST, 5, 0, 70000, 12 },
	{ "consist, at its end", 0, 0, 1, 0, 0, CONSIST, 5, 0, ULONG_MAX, ULONG_MAX / 10000 },
	{ "temporal, not met", 0, 8000, 1, 0, 0, TEMPORAL, 5, 4, 70000, 8000 },
	{ "temporal, not met, no size", 0, 0, 1, 0, 0, TEMPORAL, 5, 4, 0, ULONG_MAX / 10000 },
	{ "temporal, not met, large size", 0, ULONG_MAX - 1, 1, 0, 0, TEMPORAL, 5, 4, 0,
	  ULONG_MAX / 10000 },
	{ "temporal, not met, less time", 1, 8000, 1, 12, 1000000, TEMPORAL, 5, 4, 0, 12 },
	{ "temporal, met", 0, 8000, 1, 0, 0, TEMPORAL, 5, 5, 70000, 0 },
	{ "temporal, met, time", 5, 8000, 1, 0, 0, TEMPORAL, 5, 6, 70000, 0 },
};

static void esz_test(struct kunit *test)
{
	const struct esz_case *c = test->param_value;
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s = add_any(test, ctx, DAMOS_STAT);
	struct damos_quota_run *run = &damos_run(s)->quota;

	ctx->min_region_sz = c->min_sz;
	s->quota.ms = c->ms;
	s->quota.sz = c->sz;
	s->quota.goal_tuner = c->tuner;
	if (c->goal)
		add_goal(test, s, DAMOS_QUOTA_USER_INPUT, c->goal, c->input);
	run->esz_bp = c->last_bp;
	run->total_charged_sz = c->charged_sz;
	run->total_charged_ns = c->charged_ns;
	damos_quota_update(ctx, s);
	KUNIT_EXPECT_EQ(test, s->quota.esz, c->esz);
	KUNIT_EXPECT_TRUE(test, run->in_window);
}

/* What is left */

struct room_case {
	const char *why;
	unsigned long sz, charged, min_sz;
	unsigned long room;
};

static const struct room_case room_cases[] = {
	{ "no quota", 0, 1000, 4, ULONG_MAX },
	{ "all", 100, 0, 4, 100 },
	{ "part", 100, 60, 4, 40 },
	{ "part, rounded down", 103, 60, 4, 40 },
	{ "the minimum", 100, 96, 4, 4 },
	{ "less than the minimum", 100, 97, 4, 0 },
	{ "nothing", 100, 100, 4, 0 },
	{ "less than nothing", 100, 200, 4, 0 },
	{ "never the minimum", 3, 0, 4, 0 },
	{ "nearly everything", ULONG_MAX, 1, 1, ULONG_MAX - 1 },
};

static void room_test(struct kunit *test)
{
	const struct room_case *c = test->param_value;
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s = add_any(test, ctx, DAMOS_STAT);

	s->quota.sz = c->sz;
	s->quota.esz = c->sz;
	damos_run(s)->quota.charged_sz = c->charged;
	KUNIT_EXPECT_EQ(test, damos_quota_room(s, c->min_sz), c->room);
}

/* Charge */

struct charge_case {
	const char *why;
	unsigned long sz, applied;
	unsigned int num, denom;
	unsigned long charge;
};

static const struct charge_case charge_cases[] = {
	{ "reference: 1000 MiB, 700 applied", 1000 * SZ_1M, 700 * SZ_1M, 1, 1024,
	  700 * SZ_1M + 300 * SZ_1K },
	{ "no ratio", 1000, 700, 1, 0, 1000 },
	{ "no ratio, 0 over 0", 1000, 0, 0, 0, 1000 },
	{ "nothing for failure", 1000, 700, 0, 1, 700 },
	{ "all failed, for nothing", 1000, 0, 0, 1, 0 },
	{ "in full", 1000, 700, 1, 1, 1000 },
	{ "nothing failed", 1000, 1000, 1, 2, 1000 },
	{ "more than there was", 1000, 1001, 1, 2, 1000 },
	{ "rounded down", 10, 0, 1, 3, 3 },
	{ "more than one", 1000, 900, 3, 2, 1050 },
	{ "largest", ULONG_MAX, 0, UINT_MAX, UINT_MAX, ULONG_MAX },
	{ "saturates", ULONG_MAX, 0, UINT_MAX, 1, ULONG_MAX },
	{ "saturates in the sum", ULONG_MAX, ULONG_MAX - 1, UINT_MAX, 1, ULONG_MAX },
	{ "ratio of large numbers", ULONG_MAX, 0, UINT_MAX - 1, UINT_MAX,
	  ULONG_MAX / UINT_MAX * (UINT_MAX - 1) },
};

static void charge_test(struct kunit *test)
{
	const struct charge_case *c = test->param_value;
	const struct damos_quota q = {
		.fail_charge_num = c->num, .fail_charge_denom = c->denom,
	};

	KUNIT_EXPECT_EQ(test, damos_charge(&q, c->sz, c->applied), c->charge);
}

/* Windows */

struct window_case {
	const char *why;
	unsigned long reset_ms, elapsed_ms;
	unsigned long charged;
	bool is_new;
	unsigned int qt_exceeds;
};

/* Of 1000 bytes, in regions of 4 and more. */
static const struct window_case window_cases[] = {
	{ "begins", 1000, 0, 100, false },
	{ "goes on", 1000, 900, 100, false },
	{ "goes on, full", 1000, 900, 1000, false },
	{ "ends", 1000, 1000, 100, true },
	{ "ends long ago", 1000, 100000000, 100, true },
	{ "ends full", 1000, 1000, 1000, true, 1 },
	{ "ends as good as full", 1000, 1000, 997, true, 1 },
	{ "ends with a minimum region left", 1000, 1000, 996, true },
	{ "ends more than full", 1000, 1000, 2000, true, 1 },
	{ "ends unused", 1000, 1000, 0, true },
	{ "ends at once", 0, 0, 100, true },
	{ "ends at once, full", 0, 0, 1000, true, 1 },
	{ "never ends", ULONG_MAX, ULONG_MAX - 1000000, 100, false },
	{ "ends at last", ULONG_MAX - 1000000, ULONG_MAX, 100, true },
};

static void window_test(struct kunit *test)
{
	const struct window_case *c = test->param_value;
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s = add_any(test, ctx, DAMOS_STAT);
	struct damos_quota_run *run = &damos_run(s)->quota;
	u64 before;

	ctx->min_region_sz = 4;
	s->quota.sz = 1000;
	s->quota.reset_interval = c->reset_ms;
	damos_quota_update(ctx, s);
	run->window_start -= (u64)(c->elapsed_ms / 1000) * HZ +
			     c->elapsed_ms % 1000 * HZ / 1000;
	run->charged_sz = c->charged;
	run->total_charged_sz = 5;
	before = run->window_start;
	damos_quota_update(ctx, s);
	KUNIT_EXPECT_EQ(test, run->charged_sz, c->is_new ? 0 : c->charged);
	KUNIT_EXPECT_EQ(test, run->total_charged_sz, 5 + (c->is_new ? c->charged : 0));
	KUNIT_EXPECT_EQ(test, s->stat.qt_exceeds, c->qt_exceeds);
	KUNIT_EXPECT_EQ(test, s->quota.esz, 1000);
	if (c->elapsed_ms)
		KUNIT_EXPECT_EQ(test, run->window_start != before, c->is_new);
}

/* A limit that comes later starts a window, one that goes leaves no trace. */
static void limit_changes_test(struct kunit *test)
{
	static const struct region_row rows[] = { { 0, 10 }, { 10, 20 }, {} };
	static const struct applied_row all[] = { { 0, 0, 0, 10 }, { 0, 0, 10, 20 }, {} };
	static const struct applied_row part[] = { { 0, 0, 0, 5 }, {} };
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s = add_any(test, ctx, DAMOS_STAT);

	add_rows(test, ctx, rows);
	pass(ctx);
	expect_applied(test, all, "no quota");
	KUNIT_EXPECT_EQ(test, s->quota.esz, 0);
	forget_applied();
	s->quota.sz = 5;
	s->quota.reset_interval = ULONG_MAX;
	pass(ctx);
	expect_applied(test, part, "quota");
	pass(ctx);
	expect_applied(test, part, "the same window");
	forget_applied();
	s->quota.sz = 0;
	pass(ctx);
	expect_applied(test, all, "no quota again");
	KUNIT_EXPECT_EQ(test, s->quota.esz, 0);
	forget_applied();
	s->quota.sz = 5;
	pass(ctx);
	expect_applied(test, part, "quota again, from the first region");
}

/* A quota that comes to 0 allows for nothing. */
static void zero_test(struct kunit *test)
{
	static const struct region_row rows[] = { { 0, 10 }, {} };
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s = add_any(test, ctx, DAMOS_PAGEOUT);
	struct damos_quota_goal *g = add_goal(test, s, DAMOS_QUOTA_USER_INPUT, 5, 5);

	add_rows(test, ctx, rows);
	s->quota.goal_tuner = TEMPORAL;
	pass(ctx);
	pass(ctx);
	KUNIT_EXPECT_EQ(test, s->quota.esz, 0);
	KUNIT_EXPECT_EQ(test, passes.nr, 0);
	KUNIT_EXPECT_EQ(test, s->stat.nr_tried, 0);
	KUNIT_EXPECT_EQ(test, s->stat.nr_snapshots, 0);
	g->current_value = 4;
	pass(ctx);
	KUNIT_EXPECT_EQ(test, passes.sz, 10);
	KUNIT_EXPECT_EQ(test, s->stat.nr_snapshots, 1);
}

/* Where the next window goes on */

#define MAX_WINDOWS	4

struct resume_case {
	const char *why;
	unsigned long sz, min_sz;
	struct region_row rows[3][4];
	struct applied_row applied[MAX_WINDOWS][6];
	int removed, gone;		/* target, before the second window; -1 for none */
};

static const struct resume_case resume_cases[] = {
	{ "one target", 15, 1, { { { 0, 10 }, { 10, 20 }, { 20, 30 } } },
	  { { { 0, 0, 0, 10 }, { 0, 0, 10, 15 } }, { { 0, 0, 15, 20 }, { 0, 0, 20, 30 } },
	    { { 0, 0, 0, 10 }, { 0, 0, 10, 15 } }, { { 0, 0, 15, 20 }, { 0, 0, 20, 30 } } },
	  -1, -1 },
	{ "full between regions", 20, 1, { { { 0, 10 }, { 10, 20 }, { 20, 30 } } },
	  { { { 0, 0, 0, 10 }, { 0, 0, 10, 20 } }, { { 0, 0, 20, 30 } },
	    { { 0, 0, 0, 10 }, { 0, 0, 10, 20 } }, { { 0, 0, 20, 30 } } }, -1, -1 },
	{ "within one region", 4, 1, { { { 0, 10 } } },
	  { { { 0, 0, 0, 4 } }, { { 0, 0, 4, 8 } }, { { 0, 0, 8, 10 } }, { { 0, 0, 0, 4 } } },
	  -1, -1 },
	{ "several targets", 15, 1, { { { 0, 10 } }, { { 0, 10 } }, { { 0, 10 } } },
	  { { { 0, 0, 0, 10 }, { 0, 1, 0, 5 } }, { { 0, 1, 5, 10 }, { 0, 2, 0, 10 } },
	    { { 0, 0, 0, 10 }, { 0, 1, 0, 5 } }, { { 0, 1, 5, 10 }, { 0, 2, 0, 10 } } },
	  -1, -1 },
	{ "behind a whole target", 10, 1, { { { 0, 10 } }, { { 0, 10 } }, { { 0, 10 } } },
	  { { { 0, 0, 0, 10 } }, { { 0, 1, 0, 10 } }, { { 0, 2, 0, 10 } },
	    { { 0, 0, 0, 10 } } }, -1, -1 },
	{ "its target removed", 15, 1, { { { 0, 10 } }, { { 0, 10 } }, { { 0, 10 } } },
	  { { { 0, 0, 0, 10 }, { 0, 1, 0, 5 } }, { { 0, 0, 0, 10 }, { 0, 1, 0, 5 } },
	    { { 0, 1, 5, 10 } } }, 1, -1 },
	{ "another target removed", 15, 1, { { { 0, 10 } }, { { 0, 10 } }, { { 0, 10 } } },
	  { { { 0, 0, 0, 10 }, { 0, 1, 0, 5 } }, { { 0, 0, 5, 10 }, { 0, 1, 0, 10 } },
	    { { 0, 0, 0, 10 }, { 0, 1, 0, 5 } } }, 0, -1 },
	{ "its target gone", 15, 1, { { { 0, 10 } }, { { 0, 10 } }, { { 0, 10 } } },
	  { { { 0, 0, 0, 10 }, { 0, 1, 0, 5 } }, { { 0, 2, 0, 10 } },
	    { { 0, 0, 0, 10 }, { 0, 2, 0, 5 } } }, -1, 1 },
	{ "cut to multiples of the minimum", 15, 4, { { { 0, 12 }, { 12, 24 } } },
	  { { { 0, 0, 0, 12 } }, { { 0, 0, 12, 24 } }, { { 0, 0, 0, 12 } },
	    { { 0, 0, 12, 24 } } }, -1, -1 },
	{ "cut to the minimum", 7, 4, { { { 0, 12 } } },
	  { { { 0, 0, 0, 4 } }, { { 0, 0, 4, 8 } }, { { 0, 0, 8, 12 } },
	    { { 0, 0, 0, 4 } } }, -1, -1 },
};

static void resume_test(struct kunit *test)
{
	const struct resume_case *c = test->param_value;
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s = add_any(test, ctx, DAMOS_STAT);
	unsigned int i;

	ctx->min_region_sz = c->min_sz;
	for (i = 0; i < ARRAY_SIZE(c->rows) && c->rows[i][0].end; i++)
		add_rows(test, ctx, c->rows[i]);
	s->quota.sz = c->sz;
	s->quota.reset_interval = 1000;
	for (i = 0; i < MAX_WINDOWS; i++) {
		if (i == 1 && c->removed >= 0)
			damon_destroy_target(nth_target(ctx, c->removed), ctx);
		if (i == 1 && c->gone >= 0)
			passes.gone = nth_target(ctx, c->gone);
		forget_applied();
		pass(ctx);
		if (i < MAX_WINDOWS - 1 || c->applied[i][0].end)
			expect_applied(test, c->applied[i], c->why);
		end_window(s);
	}
}

/* What of a region at hand was handled before */

struct handled_case {
	const char *why;
	unsigned long addr, min_sz;
	struct region_row rows[4];
	struct applied_row applied[4];
};

static const struct handled_case handled_cases[] = {
	{ "nothing", 0, 1, { { 0, 10 }, { 10, 20 } }, { { 0, 0, 0, 10 }, { 0, 0, 10, 20 } } },
	{ "a whole region", 10, 1, { { 0, 10 }, { 10, 20 } }, { { 0, 0, 10, 20 } } },
	{ "part of one", 7, 1, { { 0, 10 }, { 10, 20 } },
	  { { 0, 0, 7, 10 }, { 0, 0, 10, 20 } } },
	{ "up to within a minimum", 7, 4, { { 0, 12 }, { 12, 24 } },
	  { { 0, 0, 8, 12 }, { 0, 0, 12, 24 } } },
	{ "less than the minimum", 1, 4, { { 0, 12 }, { 12, 24 } },
	  { { 0, 0, 4, 12 }, { 0, 0, 12, 24 } } },
	{ "less than a smallest region", 1, 4, { { 0, 4 }, { 4, 24 } }, { { 0, 0, 4, 24 } } },
	{ "part of the last", 17, 1, { { 0, 10 }, { 10, 20 } }, { { 0, 0, 17, 20 } } },
	{ "all", 20, 1, { { 0, 10 }, { 10, 20 } }, {} },
	{ "more than there is", 30, 1, { { 0, 10 }, { 10, 20 } }, {} },
	{ "hole", 15, 1, { { 0, 10 }, { 20, 30 } }, { { 0, 0, 20, 30 } } },
};

static void handled_test(struct kunit *test)
{
	const struct handled_case *c = test->param_value;
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s = add_any(test, ctx, DAMOS_STAT);
	struct damos_quota_run *run = &damos_run(s)->quota;

	ctx->min_region_sz = c->min_sz;
	run->resume_target = add_rows(test, ctx, c->rows);
	run->resume_addr = c->addr;
	s->quota.sz = 1000;
	pass(ctx);
	expect_applied(test, c->applied, c->why);
	KUNIT_EXPECT_NULL(test, run->resume_target);
	expect_rows(test, nth_target(ctx, 0), c->rows, false, "cuts are undone");
}

/* Never more than the quota, and all regions in turn. */
static void never_more_test(struct kunit *test)
{
	unsigned int i, window;

	for (i = 0; i < 200; i++) {
		struct damon_ctx *ctx = pass_ctx(test);
		struct damos *s = add_any(test, ctx, i % 2 ? DAMOS_STAT : DAMOS_PAGEOUT);
		unsigned long all, sz = 0, esz;

		prandom_seed_state(&damon_run(ctx)->rnd, i);
		ctx->min_region_sz = 1UL << damon_rand(ctx, 0, 4);
		all = add_random(test, ctx) + add_random(test, ctx);
		esz = damon_rand(ctx, ctx->min_region_sz, 2 * all);
		s->quota.sz = esz;
		s->quota.reset_interval = 1000;
		s->quota.fail_charge_num = damon_rand(ctx, 0, 4);
		s->quota.fail_charge_denom = damon_rand(ctx, 0, 2) * 3;
		passes.applied_bp = damon_rand(ctx, 0, 3) * 10000;
		for (window = 0; window < 50; window++) {
			forget_applied();
			pass(ctx);
			pass(ctx);
			sz += passes.sz;
			KUNIT_ASSERT_LE(test, damos_run(s)->quota.charged_sz, esz);
			if (!s->quota.fail_charge_denom || passes.applied_bp)
				KUNIT_ASSERT_LE(test, passes.sz, esz);
			end_window(s);
		}
		KUNIT_ASSERT_GE_MSG(test, sz, min(all, 25 * (esz & -ctx->min_region_sz)),
				    "%u: quota %lu of %lu", i, esz, all);
	}
}

KUNIT_ARRAY_PARAM_DESC(esz, esz_cases, why);
KUNIT_ARRAY_PARAM_DESC(room, room_cases, why);
KUNIT_ARRAY_PARAM_DESC(charge, charge_cases, why);
KUNIT_ARRAY_PARAM_DESC(window, window_cases, why);
KUNIT_ARRAY_PARAM_DESC(resume, resume_cases, why);
KUNIT_ARRAY_PARAM_DESC(handled, handled_cases, why);

static struct kunit_case quota_test_cases[] = {
	KUNIT_CASE_PARAM(esz_test, esz_gen_params),
	KUNIT_CASE_PARAM(room_test, room_gen_params),
	KUNIT_CASE_PARAM(charge_test, charge_gen_params),
	KUNIT_CASE_PARAM(window_test, window_gen_params),
	KUNIT_CASE(limit_changes_test),
	KUNIT_CASE(zero_test),
	KUNIT_CASE_PARAM(resume_test, resume_gen_params),
	KUNIT_CASE_PARAM(handled_test, handled_gen_params),
	KUNIT_CASE(never_more_test),
	{}
};

static struct kunit_suite quota_test_suite = {
	.name = "damon-quota",
	.init = passes_begin,
	.test_cases = quota_test_cases,
};

kunit_test_suite(quota_test_suite);
