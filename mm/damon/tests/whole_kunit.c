// SPDX-License-Identifier: GPL-2.0
/*
 * All or nothing: what an update that changes nothing, one that is refused, and
 * one that runs out of memory leave behind.
 */

#include <linux/kthread.h>
#include <linux/pid.h>

#include "fail.h"
#include "fake.h"
#include "snapshot.h"

/* A context in the middle of its work, and a source with its parameters */

static const struct region_row busy_rows[] = {
	{ 0, 1000, 3, 5, 7 }, { 1000, 3000, 0, 9, 11 }, { 4000, 5000, 1, 1, 0 }, {},
};

static const struct region_row same_ranges[] = { { 0, 3000 }, { 4000, 5000 }, {} };
static const struct region_row no_ranges[] = { {} };

static void add_scheme(struct kunit *test, struct damon_ctx *ctx, unsigned int n)
{
	const struct damos_access_pattern pattern = { n, n + 100, n, n + 10, n, n + 20 };
	struct damos *s = new_scheme(&pattern, 1000 * n);

	KUNIT_ASSERT_NOT_NULL(test, s);
	damon_add_scheme(ctx, s);
}

static void add_probe(struct kunit *test, struct damon_ctx *ctx, unsigned int weight)
{
	struct damon_probe *probe = test_add_probe(test, ctx, weight);
	struct damon_filter *f = damon_new_filter(DAMON_FILTER_TYPE_MEMCG, true, weight % 2);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->memcg_id = 10 * weight;
	damon_add_filter(probe, f);
}

static struct damon_ctx *busy_ctx(struct kunit *test, const struct region_row *rows)
{
	struct damon_ctx *ctx = test_ctx(test);
	struct damon_run *run = damon_run(ctx);
	struct damos *s;
	unsigned int i;

	ctx->attrs = (struct damon_attrs) { 10, 100, 5000, 3, 100, { 400, 2, 5, 20 } };
	ctx->min_region_sz = 1;
	ctx->ops = fake_ops;
	for (i = 0; i < 3; i++) {
		set_rows(test, test_add_target(test, ctx, 0, 1, 0), rows);
		add_scheme(test, ctx, i);
	}
	add_probe(test, ctx, 1);
	add_probe(test, ctx, 2);
	run->passed = 44;
	damon_for_each_scheme(s, ctx)
		damos_run(s)->next_apply = 50;
	run->next_aggregation = 50;
	run->next_update = 99;
	run->next_tune = 101;
	run->aggr_samples = 10;
	run->adapt = (struct damon_adapt) { 1, 2, 3 };
	return ctx;
}

struct no_op_case {
	const char *why;
	const struct region_row *rows;
	unsigned int moves;
};

static const struct no_op_case no_op_cases[] = {
	{ "source without regions", no_ranges, MOVES_PROBES },
	{ "source with the same ranges", same_ranges, MOVES_REGIONS | MOVES_PROBES },
	{ "source with the same regions", busy_rows, MOVES_REGIONS | MOVES_PROBES },
};

static void no_op_test(struct kunit *test)
{
	const struct no_op_case *c = test->param_value;
	struct damon_ctx *dst = busy_ctx(test, busy_rows), *src = busy_ctx(test, c->rows);
	struct snapshot *dst_before, *src_before;
	struct damon_target *t;

	damon_for_each_target(t, dst)
		t->regions->sampling_addr = 123;
	dst_before = snapshot(test, dst, c->moves);
	src_before = snapshot(test, src, 0);
	KUNIT_EXPECT_EQ(test, damon_commit_ctx(dst, src), 0);
	KUNIT_EXPECT_EQ(test, damon_commit_ctx(dst, src), 0);
	expect_same(test, dst_before, snapshot(test, dst, c->moves), c->why);
	expect_same(test, src_before, snapshot(test, src, 0), "source");
}

/* Refusals, of a source in which all else is new and valid */

static void no_min_region_sz(struct damon_ctx *ctx)
{
	ctx->min_region_sz = 0;
}

static void odd_min_region_sz(struct damon_ctx *ctx)
{
	ctx->min_region_sz = 4095;
}

static void few_regions(struct damon_ctx *ctx)
{
	ctx->attrs.min_nr_regions = 2;
}

static void crossed_limits(struct damon_ctx *ctx)
{
	ctx->attrs.max_nr_regions = ctx->attrs.min_nr_regions - 1;
}

static void short_aggregation(struct damon_ctx *ctx)
{
	ctx->attrs.aggr_interval = ctx->attrs.sample_interval - 1;
}

static void goal_out_of_reach(struct damon_ctx *ctx)
{
	ctx->attrs.intervals_goal.min_sample_us = ctx->attrs.sample_interval + 1;
}

static void ranges_overlap(struct damon_ctx *ctx)
{
	struct damon_target *t = list_last_entry(&ctx->adaptive_targets,
						 struct damon_target, list);

	t->regions[1].ar.start = t->regions[0].ar.end - 1;
}

static void unknown_filter(struct damon_ctx *ctx)
{
	struct damon_probe *last = list_last_entry(&ctx->probes, struct damon_probe, list);

	list_last_entry(&last->filters, struct damon_filter, list)->type =
		NR_DAMON_FILTER_TYPES;
}

static void last_obsolete(struct damon_ctx *ctx)
{
	list_last_entry(&ctx->adaptive_targets, struct damon_target, list)->obsolete = true;
}

static void put_target_pid(struct damon_target *t)
{
	put_pid(t->pid);
}

struct refused_case {
	const char *why;
	void (*spoil)(struct damon_ctx *src);
};

static const struct refused_case refused_cases[] = {
	{ "no minimum region size", no_min_region_sz },
	{ "odd minimum region size", odd_min_region_sz },
	{ "too few regions", few_regions },
	{ "limits of regions cross", crossed_limits },
	{ "aggregates too often", short_aggregation },
	{ "goal does not allow sampling interval", goal_out_of_reach },
	{ "unknown filter, in the last probe", unknown_filter },
	{ "ranges overlap, in the last target", ranges_overlap },
	{ "last target obsolete, and not there", last_obsolete },
};

/* Differs from busy_ctx() in everything. */
static struct damon_ctx *new_params(struct kunit *test)
{
	static const struct region_row ranges[] = { { 0, 100 }, { 200, 300 }, {} };
	struct damon_ctx *src = busy_ctx(test, ranges);
	unsigned int i;

	for (i = 0; i < 2; i++) {
		set_rows(test, test_add_target(test, src, 0, 1, 0), ranges);
		add_scheme(test, src, 30 + i);
	}
	list_first_entry(&src->probes, struct damon_probe, list)->weight = 5;
	add_probe(test, src, 3);
	list_first_entry(&src->schemes, struct damos, list)->apply_interval_us = 1;
	src->attrs = (struct damon_attrs) { 20, 400, 5001, 5, 200, { 500, 3, 5, 40 } };
	src->min_region_sz = 2;
	src->pause = true;
	src->ops = (struct damon_operations) { .cleanup_target = put_target_pid };
	return src;
}

static void refused_test(struct kunit *test)
{
	const struct refused_case *c = test->param_value;
	struct damon_ctx *dst = busy_ctx(test, busy_rows), *src = new_params(test);
	struct snapshot *dst_before, *src_before;

	c->spoil(src);
	dst_before = snapshot(test, dst, 0);
	src_before = snapshot(test, src, 0);
	KUNIT_EXPECT_EQ(test, damon_commit_ctx(dst, src), -EINVAL);
	expect_same(test, dst_before, snapshot(test, dst, 0), c->why);
	expect_same(test, src_before, snapshot(test, src, 0), "source");
}

/* Memory shortage */

/* The n-th allocation fails, for n = 1, 2, ... until there is none. */
static void commit_oom_test(struct kunit *test)
{
	struct damon_ctx *dst = busy_ctx(test, busy_rows), *src = new_params(test);
	struct snapshot *dst_before = snapshot(test, dst, 0), *src_before;
	struct pid *pid = task_pid(current);
	unsigned int n, refs, nr = 0;
	struct damon_target *t;
	int err;

	fail_begin(test);
	damon_for_each_target(t, src) {
		t->pid = get_pid(pid);
		nr++;
	}
	refs = refcount_read(&pid->count);
	src_before = snapshot(test, src, 0);
	for (n = 1; ; n++) {
		fail_nth(n);
		err = damon_commit_ctx(dst, src);
		if (!fail_end())
			break;
		KUNIT_ASSERT_EQ_MSG(test, err, -ENOMEM, "allocation %u", n);
		KUNIT_ASSERT_EQ(test, refcount_read(&pid->count), refs);
		expect_same(test, dst_before, snapshot(test, dst, 0), "destination");
		expect_same(test, src_before, snapshot(test, src, 0), "source");
	}
	/* Targets, ranges and regions, twice, of each; schemes; probes with a filter each. */
	KUNIT_EXPECT_GE(test, n - 1, 4 * nr + 5 + 2 * 3);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, refcount_read(&pid->count), refs + nr);
	KUNIT_EXPECT_TRUE(test, damon_attrs_equal(&dst->attrs, &src->attrs));
	KUNIT_EXPECT_TRUE(test, dst->pause);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&dst->adaptive_targets), 5);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&dst->schemes), 5);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&dst->probes), 3);
}

static void set_regions_oom_test(struct kunit *test)
{
	static const struct damon_addr_range ranges[] = { { 500, 2000 }, { 6000, 7000 } };
	static const struct region_row fitted[] = {
		{ 500, 1000, 3, 5, 7 }, { 1000, 2000, 0, 9, 11 }, { 6000, 7000 }, {},
	};
	struct damon_target *t = test_target(test, busy_rows);
	struct damon_region *before = t->regions;
	unsigned int n;
	int err;

	fail_begin(test);
	for (n = 1; ; n++) {
		fail_nth(n);
		err = damon_set_regions(t, ranges, ARRAY_SIZE(ranges), 1);
		if (!fail_end())
			break;
		KUNIT_ASSERT_EQ(test, err, -ENOMEM);
		KUNIT_EXPECT_PTR_EQ(test, t->regions, before);
		expect_rows(test, t, busy_rows, true, "unchanged");
	}
	KUNIT_EXPECT_GT(test, n, 1);
	KUNIT_EXPECT_EQ(test, err, 0);
	expect_rows(test, t, fitted, true, "fitted");
}

static void add_region_oom_test(struct kunit *test)
{
	struct damon_region *r = damon_new_region(9000, 9001);
	struct damon_target *t = test_target(test, NULL);
	unsigned int i;
	int err;

	fail_begin(test);
	KUNIT_ASSERT_NOT_NULL(test, r);
	for (i = 0; i < MAX_ROWS && busy_rows[i].end; i++) {
		struct damon_region *first = damon_new_region(busy_rows[i].start,
							      busy_rows[i].end);

		KUNIT_ASSERT_NOT_NULL(test, first);
		KUNIT_ASSERT_EQ(test, damon_add_region(first, t), 0);
	}
	/* No room is left. */
	damon_target_run(t)->capacity = i;
	fail_nth(1);
	err = damon_add_region(r, t);
	KUNIT_EXPECT_TRUE(test, fail_end());
	KUNIT_EXPECT_EQ(test, err, -ENOMEM);
	expect_rows(test, t, busy_rows, false, "unchanged");
	/* The region is still ours. */
	KUNIT_EXPECT_EQ(test, r->ar.start, 9000);
	KUNIT_EXPECT_EQ(test, damon_add_region(r, t), 0);
	KUNIT_EXPECT_EQ(test, damon_nr_regions(t), i + 1);
}

static void new_objects_oom_test(struct kunit *test)
{
	const struct damos_access_pattern nothing = {};
	void *made[4];
	unsigned int i;

	fail_begin(test);
	fail_nth(1);
	made[0] = damon_new_ctx();
	fail_nth(1);
	made[1] = damon_new_target();
	fail_nth(1);
	made[2] = new_scheme(&nothing, 0);
	fail_nth(1);
	made[3] = damon_new_region(0, 1);
	fail_end();
	for (i = 0; i < ARRAY_SIZE(made); i++)
		KUNIT_EXPECT_NULL_MSG(test, made[i], "%u", i);
}

static struct damon_ctx *small_ctx(struct kunit *test)
{
	struct damon_ctx *ctx = fake_ctx(test);

	ctx->attrs = (struct damon_attrs) { 1000, SAMPLES * 1000, 5000, 6, 6 };
	return ctx;
}

static void start_oom_test(struct kunit *test)
{
	int nr_running = damon_nr_running_ctxs(), n, i, err;
	struct damon_ctx *ctxs[3];

	fail_begin(test);
	for (n = 1; ; n++) {
		for (i = 0; i < ARRAY_SIZE(ctxs); i++)
			ctxs[i] = small_ctx(test);
		fail_nth(n);
		err = damon_start(ctxs, ARRAY_SIZE(ctxs), false);
		if (!fail_end())
			break;
		KUNIT_ASSERT_NE_MSG(test, err, 0, "allocation %d", n);
		KUNIT_ASSERT_EQ(test, damon_nr_running_ctxs(), nr_running);
		for (i = 0; i < ARRAY_SIZE(ctxs); i++) {
			KUNIT_ASSERT_FALSE(test, damon_is_running(ctxs[i]));
			kunit_release_action(test, test_free_ctx, ctxs[i]);
		}
	}
	KUNIT_EXPECT_GE(test, n - 1, 3);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, damon_nr_running_ctxs(), nr_running + 3);
	damon_stop(ctxs, ARRAY_SIZE(ctxs));
}

static void forget_kthreadd(void *data)
{
	fail_end_of(kthreadd_task);
}

/* Of what kthreadd allocates for the thread, it can do without some. */
static void start_thread_oom_test(struct kunit *test)
{
	int nr_running = damon_nr_running_ctxs(), nr_errs = 0, n, err;
	struct damon_ctx *ctx;
	bool failed;

	fail_begin(test);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, forget_kthreadd, NULL), 0);
	for (n = 1; ; n++) {
		ctx = small_ctx(test);
		fail_nth_of(kthreadd_task, n);
		err = damon_start(&ctx, 1, false);
		failed = fail_end_of(kthreadd_task);
		KUNIT_ASSERT_EQ(test, damon_is_running(ctx), !err);
		KUNIT_ASSERT_EQ(test, damon_nr_running_ctxs(), nr_running + !err);
		kunit_release_action(test, test_free_ctx, ctx);
		if (!failed)
			break;
		nr_errs += !!err;
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_GE(test, nr_errs, 3);
}

/* What a kdamond may still use when a test is given up. */
static atomic_t count;
static struct damon_call_control repeated_call = {
	.fn = count_call, .data = &count, .repeat = true,
};

static void call_oom_test(struct kunit *test)
{
	struct damon_call_control once = { .fn = count_call, .data = &count };
	struct damon_ctx *ctx = small_ctx(test);
	int err;

	fail_begin(test);
	atomic_set(&count, 0);
	start(test, ctx);
	fail_nth(1);
	err = damon_call(ctx, &repeated_call);
	KUNIT_EXPECT_TRUE(test, fail_end());
	KUNIT_EXPECT_EQ(test, err, -ENOMEM);
	wait_for(test, &fake.nr_aggregations, 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&count), 0);
	KUNIT_EXPECT_EQ(test, damon_call(ctx, &repeated_call), 0);
	wait_for(test, &count, 2);

	/* One that does not repeat needs no memory. */
	fail_nth(1);
	err = damon_call(ctx, &once);
	KUNIT_EXPECT_FALSE(test, fail_end());
	KUNIT_EXPECT_EQ(test, err, 0);
	damon_stop(&ctx, 1);
}

KUNIT_ARRAY_PARAM_DESC(no_op, no_op_cases, why);
KUNIT_ARRAY_PARAM_DESC(refused, refused_cases, why);

static struct kunit_case whole_test_cases[] = {
	KUNIT_CASE_PARAM(no_op_test, no_op_gen_params),
	KUNIT_CASE_PARAM(refused_test, refused_gen_params),
	KUNIT_CASE(commit_oom_test),
	KUNIT_CASE(set_regions_oom_test),
	KUNIT_CASE(add_region_oom_test),
	KUNIT_CASE(new_objects_oom_test),
	KUNIT_CASE(start_oom_test),
	KUNIT_CASE(start_thread_oom_test),
	KUNIT_CASE(call_oom_test),
	{}
};

static struct kunit_suite whole_test_suite = {
	.name = "damon-whole",
	.init = fake_forget,
	.test_cases = whole_test_cases,
};

kunit_test_suite(whole_test_suite);
