// SPDX-License-Identifier: GPL-2.0
/*
 * Passes of schemes: what they take, in which order, and what they count.
 */

#include "fail.h"
#include "schemes.h"

/* Which regions, by pattern */

struct pattern_case {
	const char *why;
	struct damos_access_pattern pattern;
	unsigned long taken;		/* regions */
};

/* At the end of an aggregation, so that the last one does not count. */
static const struct region_row pattern_rows[] = {
	{ 0, 10, 3, 9, 5 }, { 10, 30, 0, 9, 5 }, { 30, 40, 3, 9, 7 }, { 40, 41, 9, 9, 0 }, {},
};

static const struct pattern_case pattern_cases[] = {
	{ "all", { 0, ULONG_MAX, 0, UINT_MAX, 0, UINT_MAX }, 0xf },
	{ "size", { 10, 10, 0, UINT_MAX, 0, UINT_MAX }, 0x5 },
	{ "up to a size", { 0, 10, 0, UINT_MAX, 0, UINT_MAX }, 0xd },
	{ "from a size on", { 10, ULONG_MAX, 0, UINT_MAX, 0, UINT_MAX }, 0x7 },
	{ "accesses", { 0, ULONG_MAX, 3, 3, 0, UINT_MAX }, 0x5 },
	{ "no access", { 0, ULONG_MAX, 0, 0, 0, UINT_MAX }, 0x2 },
	{ "up to a number of accesses", { 0, ULONG_MAX, 0, 3, 0, UINT_MAX }, 0x7 },
	{ "from a number of accesses on", { 0, ULONG_MAX, 3, UINT_MAX, 0, UINT_MAX }, 0xd },
	{ "age", { 0, ULONG_MAX, 0, UINT_MAX, 5, 5 }, 0x3 },
	{ "up to an age", { 0, ULONG_MAX, 0, UINT_MAX, 0, 5 }, 0xb },
	{ "from an age on", { 0, ULONG_MAX, 0, UINT_MAX, 5, UINT_MAX }, 0x7 },
	{ "all three", { 10, 10, 3, 3, 7, 7 }, 0x4 },
	{ "bounds cross", { 10, 9, 0, UINT_MAX, 0, UINT_MAX }, 0 },
	{ "none", { 50, 60, 0, UINT_MAX, 0, UINT_MAX }, 0 },
};

static unsigned long taken_by(unsigned int scheme)
{
	unsigned long taken = 0;
	unsigned int i, j;

	for (i = 0; i < min(passes.nr, MAX_APPLIED); i++) {
		for (j = 0; pattern_rows[j].end; j++) {
			if (passes.log[i].scheme == scheme &&
			    passes.log[i].start == pattern_rows[j].start)
				__set_bit(j, &taken);
		}
	}
	return taken;
}

/* Alone, and beside schemes for all and for no region. */
static void pattern_test(struct kunit *test)
{
	const struct pattern_case *c = test->param_value;
	struct damon_ctx *ctx = pass_ctx(test);

	add_rows(test, ctx, pattern_rows);
	add_any(test, ctx, DAMOS_STAT)->pattern = c->pattern;
	pass(ctx);
	KUNIT_EXPECT_EQ(test, taken_by(0), c->taken);
	add_any(test, ctx, DAMOS_STAT)->pattern.min_sz_region = 1000;
	add_any(test, ctx, DAMOS_STAT);
	forget_applied();
	pass(ctx);
	KUNIT_EXPECT_EQ(test, taken_by(0), c->taken);
	KUNIT_EXPECT_EQ(test, taken_by(1), 0);
	KUNIT_EXPECT_EQ(test, taken_by(2), 0xf);
	KUNIT_EXPECT_EQ(test, passes.nr, hweight_long(c->taken) + 4);
}

/* Within an aggregation the last one counts for what is missing. */
static void moving_sum_test(struct kunit *test)
{
	static const struct region_row rows[] = { { 0, 10, 3, 10 }, {} };
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s = add_any(test, ctx, DAMOS_STAT);

	add_rows(test, ctx, rows);
	s->pattern.min_nr_accesses = 5;
	s->pattern.max_nr_accesses = 5;
	damon_run(ctx)->passed = 8;
	damon_run(ctx)->next_aggregation = 10;
	damos_apply(damon_run(ctx));
	KUNIT_EXPECT_EQ(test, passes.nr, 1);
	damon_run(ctx)->passed = 9;
	damos_apply(damon_run(ctx));
	KUNIT_EXPECT_EQ(test, passes.nr, 1);
}

/* Targets, regions, schemes */
static void order_test(struct kunit *test)
{
	static const struct region_row rows[] = { { 0, 10 }, { 20, 30 }, {} };
	static const struct applied_row applied[] = {
		{ 0, 0, 0, 10 }, { 1, 0, 0, 10 }, { 0, 0, 20, 30 }, { 1, 0, 20, 30 },
		{ 0, 1, 0, 10 }, { 1, 1, 0, 10 }, { 0, 1, 20, 30 }, { 1, 1, 20, 30 }, {},
	};
	struct damon_ctx *ctx = pass_ctx(test);

	add_rows(test, ctx, rows);
	add_rows(test, ctx, rows);
	add_any(test, ctx, DAMOS_STAT);
	add_any(test, ctx, DAMOS_STAT);
	pass(ctx);
	expect_applied(test, applied, "order");
}

/* Parts of a region are given to the schemes that follow, and come again */
static void parts_test(struct kunit *test)
{
	static const struct region_row rows[] = { { 0, 10 }, {} };
	static const struct applied_row applied[] = {
		{ 0, 0, 0, 4 }, { 1, 0, 0, 4 }, { 1, 0, 4, 10 }, {},
	};
	struct damon_ctx *ctx = pass_ctx(test);
	struct damon_target *t = add_rows(test, ctx, rows);
	struct damos *s = add_any(test, ctx, DAMOS_PAGEOUT);
	struct damos *all = add_any(test, ctx, DAMOS_STAT);

	s->quota.sz = 4;
	s->quota.reset_interval = 1000;
	pass(ctx);
	expect_applied(test, applied, "parts");
	KUNIT_EXPECT_EQ(test, all->stat.nr_snapshots, 1);
	KUNIT_EXPECT_EQ(test, s->stat.nr_snapshots, 0);
	expect_rows(test, t, rows, true, "all of age 0: joined");
	t->regions->age = 3;
	end_window(s);
	pass(ctx);
	KUNIT_EXPECT_EQ(test, damon_nr_regions(t), 3);
	t->regions[0].age = 0;
	t->regions[2].age = 0;
	pass(ctx);
	expect_rows(test, t, rows, true, "joined once alike");
}

/* Only what a scheme cut is joined. */
static void other_borders_test(struct kunit *test)
{
	static const struct region_row rows[] = { { 0, 10 }, { 10, 20 }, { 20, 30 }, {} };
	struct damon_ctx *ctx = pass_ctx(test);
	struct damon_target *t = add_rows(test, ctx, rows);
	struct damos *s = add_any(test, ctx, DAMOS_STAT);

	add_addr_filter(test, s, true, true, 5, 25);
	pass(ctx);
	expect_rows(test, t, rows, true, "as before");
	KUNIT_EXPECT_EQ(test, passes.nr, 3);
	KUNIT_EXPECT_EQ(test, passes.sz, 20);
}

/* What is joined stays within the limit of sizes. */
static void size_limit_test(struct kunit *test)
{
	static const struct region_row rows[] = { { 0, 10 }, {} };
	static const struct region_row cut[] = { { 0, 5 }, { 5, 10 }, {} };
	struct damon_ctx *ctx = pass_ctx(test);
	struct damon_target *t = add_rows(test, ctx, rows);

	damon_run(ctx)->adapt.sz_limit = 9;
	add_addr_filter(test, add_any(test, ctx, DAMOS_STAT), true, true, 5, 25);
	pass(ctx);
	expect_rows(test, t, cut, true, "too large to join");
	damon_run(ctx)->adapt.sz_limit = 10;
	pass(ctx);
	expect_rows(test, t, rows, true, "joined");
}

/* Statistics, charge and age of one region */

struct stat_case {
	const char *why;
	enum damos_action action;
	unsigned int applied_bp;
	unsigned long sz_filter_passed;
	bool vetoed, no_hook;
	unsigned long nr_calls;
	unsigned long nr_applied, sz_applied, passed;
	unsigned int age;
};

static const struct stat_case stat_cases[] = {
	{ "nothing applied", DAMOS_PAGEOUT, 0, 7, false, false, 1, 0, 0, 7, 0 },
	{ "part applied", DAMOS_PAGEOUT, 5000, 0, false, false, 1, 1, 50, 0, 0 },
	{ "all applied", DAMOS_COLD, 10000, 100, false, false, 1, 1, 100, 100, 0 },
	{ "more applied", DAMOS_LRU_PRIO, 30000, 0, false, false, 1, 1, 300, 0, 0 },
	{ "stat keeps the age", DAMOS_STAT, 0, 50, false, false, 1, 0, 0, 50, 9 },
	{ "vetoed", DAMOS_PAGEOUT, 10000, 7, true, false, 0, 0, 0, 0, 0 },
	{ "stat, vetoed", DAMOS_STAT, 10000, 7, true, false, 0, 0, 0, 0, 9 },
	{ "no hook", DAMOS_PAGEOUT, 10000, 7, false, true, 0, 0, 0, 0, 0 },
};

static bool vetoes;
static unsigned int nr_asked;

static int veto(struct damon_ctx *ctx, struct damon_target *t, struct damon_region *r,
		struct damos *s)
{
	nr_asked++;
	return vetoes ? -EIO : 0;
}

static void stat_test(struct kunit *test)
{
	static const struct region_row rows[] = { { 100, 200, 4, 5, 9 }, {} };
	const struct stat_case *c = test->param_value;
	struct damon_ctx *ctx = pass_ctx(test);
	struct damon_target *t = add_rows(test, ctx, rows);
	struct damos *s = add_any(test, ctx, c->action);

	passes.applied_bp = c->applied_bp;
	passes.sz_filter_passed = c->sz_filter_passed;
	ctx->callback.before_damos_apply = veto;
	vetoes = c->vetoed;
	nr_asked = 0;
	if (c->no_hook)
		ctx->ops.apply_scheme = NULL;
	s->quota.sz = 1000;
	s->quota.reset_interval = ULONG_MAX;
	pass(ctx);
	KUNIT_EXPECT_EQ(test, passes.nr, c->nr_calls);
	KUNIT_EXPECT_EQ(test, nr_asked, !c->no_hook);
	KUNIT_EXPECT_EQ(test, s->stat.nr_tried, 1);
	KUNIT_EXPECT_EQ(test, s->stat.sz_tried, 100);
	KUNIT_EXPECT_EQ(test, s->stat.nr_applied, c->nr_applied);
	KUNIT_EXPECT_EQ(test, s->stat.sz_applied, c->sz_applied);
	KUNIT_EXPECT_EQ(test, s->stat.sz_ops_filter_passed, c->passed);
	KUNIT_EXPECT_EQ(test, s->stat.nr_snapshots, 1);
	KUNIT_EXPECT_EQ(test, s->stat.qt_exceeds, 0);
	KUNIT_EXPECT_EQ(test, t->regions->age, c->age);
	KUNIT_EXPECT_EQ(test, damos_run(s)->quota.charged_sz, c->no_hook ? 0 : 100);
	pass(ctx);
	KUNIT_EXPECT_EQ(test, s->stat.nr_tried, 2);
	KUNIT_EXPECT_EQ(test, s->stat.sz_applied, 2 * c->sz_applied);
}

/* No memory to cut a region: by the quota it counts, by a filter it does not. */
static void cut_oom_test(struct kunit *test)
{
	static const struct region_row rows[] = { { 0, 10, 0, 0, 9 }, { 10, 20, 0, 0, 9 }, {} };
	static const struct region_row second_cut[] = {
		{ 0, 10, 0, 0, 9 }, { 10, 14, 0, 0, 0 }, { 14, 20, 0, 0, 9 }, {},
	};
	unsigned int by_filter;

	fail_begin(test);
	for (by_filter = 0; by_filter < 2; by_filter++) {
		struct damon_ctx *ctx = pass_ctx(test);
		struct damon_target *t = add_rows(test, ctx, rows);
		struct damos *s = add_any(test, ctx, DAMOS_PAGEOUT);

		if (by_filter) {
			add_addr_filter(test, s, true, true, 5, 14);
		} else {
			s->quota.sz = 4;
			s->quota.reset_interval = ULONG_MAX;
		}
		damon_target_run(t)->capacity = 2;
		fail_nth(1);
		pass(ctx);
		KUNIT_EXPECT_TRUE(test, fail_end());
		expect_rows(test, t, second_cut, true, "only the first cut fails");
		KUNIT_EXPECT_EQ(test, s->stat.nr_tried, by_filter ? 1 : 2);
		KUNIT_EXPECT_EQ(test, s->stat.sz_tried, by_filter ? 4 : 14);
		KUNIT_EXPECT_EQ(test, s->stat.nr_applied, 1);
		KUNIT_EXPECT_EQ(test, s->stat.sz_applied, 4);
	}
}

/* Snapshots */

struct snapshots_case {
	const char *why;
	unsigned long max, sz;
	struct damos_access_pattern pattern;
	unsigned long nr_snapshots, nr_applied;	/* after three passes */
};

static const struct snapshots_case snapshots_cases[] = {
	{ "no limit", 0, 0, { 0, ULONG_MAX, 0, UINT_MAX, 0, UINT_MAX }, 6, 12 },
	{ "none taken", 0, 0, { 500, ULONG_MAX, 0, UINT_MAX, 0, UINT_MAX }, 6, 0 },
	{ "one", 1, 0, { 0, ULONG_MAX, 0, UINT_MAX, 0, UINT_MAX }, 1, 2 },
	{ "three", 3, 0, { 0, ULONG_MAX, 0, UINT_MAX, 0, UINT_MAX }, 3, 6 },
	{ "more than there are", 7, 0, { 0, ULONG_MAX, 0, UINT_MAX, 0, UINT_MAX }, 6, 12 },
	{ "quota is full before the end", 0, 10, { 0, ULONG_MAX, 0, UINT_MAX, 0, UINT_MAX }, 0, 1 },
	{ "quota is full at the end", 0, 20, { 0, ULONG_MAX, 0, UINT_MAX, 0, UINT_MAX }, 1, 2 },
};

static void snapshots_test(struct kunit *test)
{
	static const struct region_row rows[] = { { 0, 10 }, { 10, 20 }, {} };
	const struct snapshots_case *c = test->param_value;
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s = add_any(test, ctx, DAMOS_STAT);
	unsigned int i;

	add_rows(test, ctx, rows);
	add_rows(test, ctx, rows);
	s->pattern = c->pattern;
	s->max_nr_snapshots = c->max;
	s->quota.sz = c->sz;
	s->quota.reset_interval = ULONG_MAX;
	for (i = 0; i < 3; i++)
		pass(ctx);
	KUNIT_EXPECT_EQ(test, s->stat.nr_snapshots, c->nr_snapshots);
	KUNIT_EXPECT_EQ(test, passes.nr, c->nr_applied);
}

/* When schemes are due */

struct due_case {
	const char *why;
	unsigned long apply_us;
	unsigned int passes;		/* of 40 sampling intervals of 1 ms */
};

static const struct due_case due_cases[] = {
	{ "with aggregations, of 10 ms", 0, 4 },
	{ "5 ms", 5000, 8 },
	{ "rounded down", 5999, 8 },
	{ "1 ms", 1000, 40 },
	{ "more often than there are samples", 1, 40 },
	{ "seldom", 40000, 1 },
	{ "too seldom", 41000, 0 },
	{ "never", ULONG_MAX, 0 },
};

static void due_test(struct kunit *test)
{
	static const struct region_row rows[] = { { 0, 10 }, {} };
	const struct due_case *c = test->param_value;
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s, *never;
	unsigned int i;

	add_rows(test, ctx, rows);
	add_any(test, ctx, DAMOS_STAT);
	s = new_scheme(&any_region, c->apply_us);
	KUNIT_ASSERT_NOT_NULL(test, s);
	/* Just before the clock wraps around. */
	damon_run(ctx)->passed = -20UL;
	damon_add_scheme(ctx, s);
	never = add_any(test, ctx, DAMOS_STAT);
	damos_run(never)->active = false;
	damon_schedule(damon_run(ctx));
	for (i = 0; i < 40; i++)
		pass(ctx);
	KUNIT_EXPECT_EQ(test, s->stat.nr_tried, c->passes);
	KUNIT_EXPECT_EQ(test, s->stat.nr_snapshots, c->passes);
	KUNIT_EXPECT_EQ(test, never->stat.nr_tried, 0);
	KUNIT_EXPECT_EQ(test, never->stat.nr_snapshots, 0);
}

/* Targets that are gone, or empty */
static void gone_test(struct kunit *test)
{
	static const struct region_row rows[] = { { 0, 10 }, {} };
	static const struct applied_row applied[] = { { 0, 0, 0, 10 }, { 0, 3, 0, 10 }, {} };
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s = add_any(test, ctx, DAMOS_STAT);

	add_rows(test, ctx, rows);
	passes.gone = add_rows(test, ctx, rows);
	add_rows(test, ctx, rows + 1);
	add_rows(test, ctx, rows);
	add_filter(test, s, DAMOS_FILTER_TYPE_TARGET, true, false)->target_idx = 1;
	pass(ctx);
	expect_applied(test, applied, "gone and empty ones count");
	KUNIT_EXPECT_EQ(test, s->stat.nr_snapshots, 2);
}

/* Many schemes beside each other do as they would alone. */
static void many_test(struct kunit *test)
{
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *schemes[16];
	unsigned int i, j, nr;

	test_add_target(test, ctx, 0, 10, 100);
	for (i = 0; i < 100; i++) {
		list_first_entry(&ctx->adaptive_targets, struct damon_target,
				 list)->regions[i].nr_accesses = i % 17;
	}
	for (j = 0; j < ARRAY_SIZE(schemes); j++) {
		schemes[j] = add_any(test, ctx, DAMOS_STAT);
		schemes[j]->pattern.min_nr_accesses = j;
		schemes[j]->pattern.max_nr_accesses = j;
	}
	for (i = 0; i < 3; i++)
		pass(ctx);
	for (j = 0; j < ARRAY_SIZE(schemes); j++) {
		for (i = 0, nr = 0; i < 100; i++)
			nr += i % 17 == j;
		KUNIT_EXPECT_EQ(test, schemes[j]->stat.nr_tried, 3 * nr);
		KUNIT_EXPECT_EQ(test, schemes[j]->stat.sz_tried, 30 * nr);
		KUNIT_EXPECT_EQ(test, schemes[j]->stat.nr_snapshots, 3);
	}
}

/* Schemes that only count are not applied one by one, unless somebody is told */

static bool ignore_all(const struct damos *s)
{
	return true;
}

static void only_counts_test(struct kunit *test)
{
	const struct pattern_case *c = test->param_value;
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos_stat counted;
	struct damos *s;

	passes.applied_bp = 0;
	vetoes = false;
	ctx->ops.ignores_scheme = ignore_all;
	add_rows(test, ctx, pattern_rows);
	add_rows(test, ctx, pattern_rows + 1);
	s = add_any(test, ctx, DAMOS_STAT);
	s->pattern = c->pattern;
	pass(ctx);
	KUNIT_EXPECT_EQ(test, passes.nr, 0);
	counted = s->stat;
	KUNIT_EXPECT_EQ(test, counted.nr_tried,
			hweight_long(c->taken) + hweight_long(c->taken & ~1UL));
	KUNIT_EXPECT_EQ(test, counted.nr_snapshots, 2);

	ctx->callback.before_damos_apply = veto;
	s->stat = (struct damos_stat) {};
	pass(ctx);
	KUNIT_EXPECT_EQ(test, passes.nr, counted.nr_tried);
	KUNIT_EXPECT_EQ(test, passes.sz, counted.sz_tried);
	KUNIT_EXPECT_MEMEQ(test, &s->stat, &counted, sizeof(counted));
}

struct more_case {
	const char *why;
	enum damos_action action;
	unsigned long quota_sz, max_nr_snapshots;
	bool filtered, beside_another;
};

static const struct more_case more_cases[] = {
	{ "an action", DAMOS_PAGEOUT },
	{ "a quota", DAMOS_STAT, .quota_sz = 10 },
	{ "a limit of snapshots", DAMOS_STAT, .max_nr_snapshots = 1 },
	{ "a filter", DAMOS_STAT, .filtered = true },
	{ "beside an action", DAMOS_STAT, .beside_another = true },
};

static void more_than_counts_test(struct kunit *test)
{
	static const struct region_row rows[] = { { 0, 10, 0, 0, 5 }, {} };
	const struct more_case *c = test->param_value;
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s = add_any(test, ctx, c->action);

	ctx->ops.ignores_scheme = ignore_all;
	add_rows(test, ctx, rows);
	s->quota.sz = c->quota_sz;
	s->quota.reset_interval = ULONG_MAX;
	s->max_nr_snapshots = c->max_nr_snapshots;
	if (c->filtered)
		add_addr_filter(test, s, true, true, 0, 10);
	if (c->beside_another)
		add_any(test, ctx, DAMOS_PAGEOUT);
	pass(ctx);
	KUNIT_EXPECT_EQ(test, passes.nr, 1 + c->beside_another);
}

KUNIT_ARRAY_PARAM_DESC(pattern, pattern_cases, why);
KUNIT_ARRAY_PARAM_DESC(more, more_cases, why);
KUNIT_ARRAY_PARAM_DESC(stat, stat_cases, why);
KUNIT_ARRAY_PARAM_DESC(snapshots, snapshots_cases, why);
KUNIT_ARRAY_PARAM_DESC(due, due_cases, why);

static struct kunit_case apply_test_cases[] = {
	KUNIT_CASE_PARAM(pattern_test, pattern_gen_params),
	KUNIT_CASE_PARAM(only_counts_test, pattern_gen_params),
	KUNIT_CASE_PARAM(more_than_counts_test, more_gen_params),
	KUNIT_CASE(moving_sum_test),
	KUNIT_CASE(order_test),
	KUNIT_CASE(parts_test),
	KUNIT_CASE(other_borders_test),
	KUNIT_CASE(size_limit_test),
	KUNIT_CASE_PARAM(stat_test, stat_gen_params),
	KUNIT_CASE(cut_oom_test),
	KUNIT_CASE_PARAM(snapshots_test, snapshots_gen_params),
	KUNIT_CASE_PARAM(due_test, due_gen_params),
	KUNIT_CASE(gone_test),
	KUNIT_CASE(many_test),
	{}
};

static struct kunit_suite apply_test_suite = {
	.name = "damon-apply",
	.init = passes_begin,
	.test_cases = apply_test_cases,
};

kunit_test_suite(apply_test_suite);
