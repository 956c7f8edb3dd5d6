// SPDX-License-Identifier: GPL-2.0
/*
 * Online update: what comes from the source, and what stays.
 */

#include <linux/pid.h>

#include "fake.h"

#define MAX_OBJS	4

static struct damos_access_pattern nth_pattern(unsigned int n)
{
	return (struct damos_access_pattern) { n, n + 100, n, n + 10, n, n + 20 };
}

static struct damos *add_nth_scheme(struct kunit *test, struct damon_ctx *ctx, unsigned int n)
{
	struct damos_access_pattern pattern = nth_pattern(n);
	struct damos *s = new_scheme(&pattern, 1000 * n);

	KUNIT_ASSERT_NOT_NULL(test, s);
	damon_add_scheme(ctx, s);
	return s;
}

/* Regions of one target */

struct regions_case {
	const char *why;
	unsigned long min_region_sz;
	struct region_row from[5];
	struct region_row src[5];		/* borders only */
	struct region_row to[5];
	int err;
};

static const struct regions_case regions_cases[] = {
	{ "reference: other range", 1, { { 3, 8, 1, 2, 3 }, { 8, 10, 4, 5, 6 } }, { { 4, 6 } },
	  { { 4, 6, 1, 2, 3 } } },
	{ "reference: none", 1, { { 3, 8, 1, 2, 3 }, { 8, 10, 4, 5, 6 } }, {},
	  { { 3, 8, 1, 2, 3 }, { 8, 10, 4, 5, 6 } } },
	{ "the same", 1, { { 3, 8, 1, 2, 3 }, { 8, 10, 4, 5, 6 } }, { { 3, 8 }, { 8, 10 } },
	  { { 3, 8, 1, 2, 3 }, { 8, 10, 4, 5, 6 } } },
	{ "adjacent", 1, { { 5, 15, 1, 2, 3 } }, { { 0, 10 }, { 10, 20 } },
	  { { 0, 20, 1, 2, 3 } } },
	{ "adjacent, then not", 1, { { 5, 15, 1, 2, 3 } }, { { 0, 10 }, { 10, 20 }, { 21, 30 } },
	  { { 0, 20, 1, 2, 3 }, { 21, 30 } } },
	{ "not adjacent", 1, { { 0, 20, 1, 2, 3 } }, { { 0, 10 }, { 11, 20 } },
	  { { 0, 10, 1, 2, 3 }, { 11, 20, 1, 2, 3 } } },
	{ "first ones", 1, {}, { { 0, 10 }, { 10, 20 }, { 30, 40 } }, { { 0, 20 }, { 30, 40 } } },
	{ "all different", 1, { { 0, 20, 1, 2, 3 } }, { { 20, 30 } }, { { 20, 30 } } },
	{ "rounded by the minimum of the source", 4, { { 0, 20, 1, 2, 3 } }, { { 5, 14 } },
	  { { 4, 16, 1, 2, 3 } } },
	{ "overlap once rounded", 4, { { 0, 20, 1, 2, 3 } }, { { 0, 5 }, { 6, 10 } },
	  { { 0, 20, 1, 2, 3 } }, -EINVAL },
	{ "wrap once rounded", 4, { { 0, 20, 1, 2, 3 } },
	  { { 0, 4 }, { ULONG_MAX - 8, ULONG_MAX } },
	  { { 0, 20, 1, 2, 3 } }, -EINVAL },
};

static void regions_test(struct kunit *test)
{
	const struct regions_case *c = test->param_value;
	struct damon_ctx *dst = test_ctx(test), *src = test_ctx(test);
	struct damon_target *t = test_add_target(test, dst, 0, 1, 0);

	dst->min_region_sz = 1;
	src->min_region_sz = c->min_region_sz;
	set_rows(test, t, c->from);
	set_rows(test, test_add_target(test, src, 0, 1, 0), c->src);
	KUNIT_EXPECT_EQ(test, damon_commit_ctx(dst, src), c->err);
	KUNIT_EXPECT_EQ(test, dst->min_region_sz, c->err ? 1 : c->min_region_sz);
	KUNIT_EXPECT_PTR_EQ(test, list_first_entry(&dst->adaptive_targets,
						   struct damon_target, list), t);
	expect_rows(test, t, c->to, true, c->why);
}

/* Numbers of objects */

static void numbers_test(struct kunit *test)
{
	const unsigned int *nr = test->param_value;
	struct damon_ctx *dst = test_ctx(test), *src = test_ctx(test);
	struct damon_target *old_targets[MAX_OBJS], *t;
	struct damos *old_schemes[MAX_OBJS], *s;
	unsigned int i;

	for (i = 0; i < nr[0]; i++) {
		old_targets[i] = test_add_target(test, dst, 100 * i, 10, 1);
		old_targets[i]->regions->age = i + 1;
		old_schemes[i] = add_nth_scheme(test, dst, i);
		damos_run(old_schemes[i])->next_apply = 70 + i;
	}
	for (i = 0; i < nr[1]; i++) {
		/* Every second one is to have regions. */
		test_add_target(test, src, 100 * i, 20, i % 2);
		add_nth_scheme(test, src, 10 + i);
	}
	dst->min_region_sz = 1;
	src->min_region_sz = 1;
	KUNIT_ASSERT_EQ(test, damon_commit_ctx(dst, src), 0);

	i = 0;
	damon_for_each_target(t, dst) {
		KUNIT_ASSERT_LT(test, i, nr[1]);
		KUNIT_EXPECT_EQ(test, damon_nr_regions(t), i < nr[0] || i % 2);
		if (i < nr[0])
			KUNIT_EXPECT_PTR_EQ(test, t, old_targets[i]);
		if (damon_nr_regions(t)) {
			KUNIT_EXPECT_EQ(test, t->regions->age, i < nr[0] ? i + 1 : 0);
			KUNIT_EXPECT_EQ(test, t->regions->ar.start, 100 * i);
			KUNIT_EXPECT_EQ(test, damon_sz_region(t->regions), i % 2 ? 20 : 10);
		}
		i++;
	}
	KUNIT_EXPECT_EQ(test, i, nr[1]);

	i = 0;
	damon_for_each_scheme(s, dst) {
		struct damos_access_pattern pattern = nth_pattern(10 + i);

		KUNIT_ASSERT_LT(test, i, nr[1]);
		KUNIT_EXPECT_MEMEQ(test, &s->pattern, &pattern, sizeof(pattern));
		KUNIT_EXPECT_EQ(test, s->apply_interval_us, 1000 * (10 + i));
		if (i < nr[0]) {
			KUNIT_EXPECT_PTR_EQ(test, s, old_schemes[i]);
			KUNIT_EXPECT_EQ(test, damos_run(s)->next_apply, 70 + i);
		} else {
			KUNIT_EXPECT_EQ(test, damos_run(s)->next_apply, 2);
		}
		i++;
	}
	KUNIT_EXPECT_EQ(test, i, nr[1]);
}

/* The numbers of objects of the case at hand. */
static unsigned int numbers[2], nth;

static const void *numbers_gen_params(const void *prev, char *desc)
{
	nth = prev ? nth + 1 : 0;
	if (nth == MAX_OBJS * MAX_OBJS)
		return NULL;
	numbers[0] = nth / MAX_OBJS;
	numbers[1] = nth % MAX_OBJS;
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u become %u", numbers[0], numbers[1]);
	return numbers;
}

/* Parameters of the context */

static void parameters_test(struct kunit *test)
{
	struct damon_ctx *dst = test_ctx(test), *src = test_ctx(test);
	const struct damon_callback callback = { .private = test };

	src->attrs = (struct damon_attrs) { 1, 2, 3, 8, 9, { 4, 5, 0, 7 } };
	src->min_region_sz = 4096;
	src->ops = fake_ops;
	dst->callback = callback;
	KUNIT_EXPECT_EQ(test, damon_commit_ctx(dst, src), 0);
	KUNIT_EXPECT_FALSE(test, dst->pause);
	KUNIT_EXPECT_TRUE(test, damon_attrs_equal(&dst->attrs, &src->attrs));
	KUNIT_EXPECT_MEMEQ(test, &dst->ops, &src->ops, sizeof(src->ops));
	KUNIT_EXPECT_MEMEQ(test, &dst->callback, &callback, sizeof(callback));
	KUNIT_EXPECT_EQ(test, damon_run(dst)->aggr_samples, 2);
	KUNIT_EXPECT_EQ(test, dst->min_region_sz, 4096);

	src->min_region_sz = 4095;
	src->pause = true;
	KUNIT_EXPECT_EQ(test, damon_commit_ctx(dst, src), -EINVAL);
	KUNIT_EXPECT_EQ(test, dst->min_region_sz, 4096);
	KUNIT_EXPECT_FALSE(test, dst->pause);

	src->min_region_sz = 4096;
	KUNIT_EXPECT_EQ(test, damon_commit_ctx(dst, src), 0);
	KUNIT_EXPECT_TRUE(test, dst->pause);
}

/* Attributes convert the results of all targets, those in new regions too. */
static void converted_test(struct kunit *test)
{
	static const struct region_row from[] = { { 0, 10, 3, 5, 20 }, {} };
	static const struct region_row ranges[] = { { 2, 10 }, { 20, 30 }, {} };
	static const struct region_row kept_to[] = { { 0, 10, 0, 12, 40 }, {} };
	static const struct region_row fitted_to[] = { { 2, 10, 0, 12, 40 }, { 20, 30 }, {} };
	struct damon_ctx *dst = test_ctx(test), *src = test_ctx(test);
	struct damon_target *kept = test_add_target(test, dst, 0, 1, 0);
	struct damon_target *fitted = test_add_target(test, dst, 0, 1, 0);
	struct damos *s = add_nth_scheme(test, dst, 0);

	dst->attrs = (struct damon_attrs) { 10, 100, 0, 3, 9 };
	src->attrs = (struct damon_attrs) { 2, 50, 0, 3, 9 };
	src->min_region_sz = 1;
	set_rows(test, kept, from);
	set_rows(test, fitted, from);
	test_add_target(test, src, 0, 1, 0);
	set_rows(test, test_add_target(test, src, 0, 1, 0), ranges);
	add_nth_scheme(test, src, 0);
	damon_run(dst)->passed = 4;
	damon_run(dst)->next_aggregation = 10;
	KUNIT_ASSERT_EQ(test, damon_commit_ctx(dst, src), 0);
	expect_rows(test, kept, kept_to, true, "kept");
	expect_rows(test, fitted, fitted_to, true, "fitted");
	KUNIT_EXPECT_EQ(test, damon_run(dst)->next_aggregation, 4 + 25);
	KUNIT_EXPECT_EQ(test, damos_run(s)->next_apply, 4 + 25);
}

/* Obsolete targets */

struct obsolete_case {
	const char *why;
	unsigned int nr_dst, nr_src;
	unsigned int obsolete;		/* bits */
	unsigned int remain;		/* bits, of those of the destination */
	unsigned int nr_left;
	int err;
};

static const struct obsolete_case obsolete_cases[] = {
	{ "reference: the middle of three", 3, 3, BIT(1), BIT(0) | BIT(2), 2 },
	{ "first", 3, 3, BIT(0), BIT(1) | BIT(2), 2 },
	{ "last", 3, 3, BIT(2), BIT(0) | BIT(1), 2 },
	{ "all", 2, 2, BIT(0) | BIT(1), 0, 0 },
	{ "one, and one is left out", 3, 2, BIT(0), BIT(1), 1 },
	{ "one, and one is new", 2, 3, BIT(0), BIT(1), 2 },
	{ "one that is not there", 2, 3, BIT(2), BIT(0) | BIT(1), 2, -EINVAL },
	{ "one that is there, one that is not", 2, 3, BIT(0) | BIT(2), BIT(0) | BIT(1), 2,
	  -EINVAL },
	{ "of none", 0, 1, BIT(0), 0, 0, -EINVAL },
};

static void obsolete_test(struct kunit *test)
{
	const struct obsolete_case *c = test->param_value;
	struct damon_ctx *dst = test_ctx(test), *src = test_ctx(test);
	struct damon_target *old[MAX_OBJS], *t;
	unsigned int i, nr = 0, seen = 0, cleaned = 0;

	dst->ops = fake_ops;
	src->ops = fake_ops;
	src->min_region_sz = 1;
	for (i = 0; i < c->nr_dst; i++) {
		old[i] = test_add_target(test, dst, 100 * i, 10, 1);
		old[i]->regions->age = i;
		cleaned += !(c->remain & BIT(i));
	}
	for (i = 0; i < c->nr_src; i++)
		test_add_target(test, src, 100 * i, 10, 1)->obsolete = c->obsolete & BIT(i);
	KUNIT_EXPECT_EQ(test, damon_commit_ctx(dst, src), c->err);

	damon_for_each_target(t, dst) {
		nr++;
		KUNIT_EXPECT_FALSE(test, t->obsolete);
		for (i = 0; i < c->nr_dst; i++) {
			if (t != old[i])
				continue;
			seen |= BIT(i);
			KUNIT_EXPECT_EQ(test, t->regions->age, i);
			KUNIT_EXPECT_EQ(test, t->regions->ar.start, 100 * i);
		}
	}
	KUNIT_EXPECT_EQ(test, nr, c->nr_left);
	KUNIT_EXPECT_EQ(test, seen, c->remain);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake.nr_cleaned_targets), cleaned);
}

/* References to processes */

static void put_target_pid(struct damon_target *t)
{
	put_pid(t->pid);
}

static const struct damon_operations pid_ops = { .cleanup_target = put_target_pid };
static const struct damon_operations pidless_ops = { .pidless = true };

struct pids_case {
	const char *why;
	bool dst_pidless, src_pidless;
	unsigned int nr_dst, nr_src;
	bool other;			/* process in the source */
	unsigned int obsolete;
	int err;
};

static const struct pids_case pids_cases[] = {
	{ "same", false, false, 2, 2, false },
	{ "other", false, false, 2, 2, true },
	{ "more", false, false, 1, 3, true },
	{ "fewer", false, false, 3, 1, true },
	{ "first ones", false, false, 0, 2, false },
	{ "none left", false, false, 2, 0, false },
	{ "one obsolete", false, false, 3, 3, true, BIT(1) },
	{ "obsolete, not there", false, false, 2, 3, true, BIT(2), -EINVAL },
	{ "to pidless", false, true, 2, 1, false },
	{ "to pidless, none left", false, true, 2, 0, false },
	{ "to pidless, more", false, true, 1, 2, false },
	{ "from pidless", true, false, 1, 1, true },
	{ "from pidless, more", true, false, 1, 3, true },
	{ "from pidless, obsolete", true, false, 1, 2, true, BIT(0) },
	{ "from pidless, refused", true, false, 1, 2, true, BIT(1), -EINVAL },
};

static void add_pid_targets(struct kunit *test, struct damon_ctx *ctx, unsigned int nr,
			    struct pid *pid)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		test_add_target(test, ctx, 0, 1, 0)->pid = get_pid(pid);
}

static void pids_test(struct kunit *test)
{
	const struct pids_case *c = test->param_value;
	struct pid *a = task_pid(current), *b = find_vpid(1);
	struct pid *to = c->src_pidless ? NULL : c->other ? b : a;
	unsigned int before[] = { refcount_read(&a->count), refcount_read(&b->count) };
	struct damon_ctx *dst = test_ctx(test), *src = test_ctx(test);
	unsigned int i = 0, nr = 0;
	struct damon_target *t;

	KUNIT_ASSERT_PTR_NE(test, a, b);
	dst->ops = c->dst_pidless ? pidless_ops : pid_ops;
	src->ops = c->src_pidless ? pidless_ops : pid_ops;
	add_pid_targets(test, dst, c->nr_dst, c->dst_pidless ? NULL : a);
	add_pid_targets(test, src, c->nr_src, to);
	damon_for_each_target(t, src)
		t->obsolete = c->obsolete & BIT(i++);

	KUNIT_EXPECT_EQ(test, damon_commit_ctx(dst, src), c->err);
	damon_for_each_target(t, dst) {
		nr++;
		if (!c->err)
			KUNIT_EXPECT_PTR_EQ(test, t->pid, to);
	}
	KUNIT_EXPECT_EQ(test, nr, c->err ? c->nr_dst : c->nr_src - hweight32(c->obsolete));

	kunit_release_action(test, test_free_ctx, src);
	KUNIT_EXPECT_EQ(test, refcount_read(&a->count) + refcount_read(&b->count),
			before[0] + before[1] +
			(c->err ? (c->dst_pidless ? 0 : c->nr_dst) : to ? nr : 0));
	kunit_release_action(test, test_free_ctx, dst);
	KUNIT_EXPECT_EQ(test, refcount_read(&a->count), before[0]);
	KUNIT_EXPECT_EQ(test, refcount_read(&b->count), before[1]);
}

/* A target without regions need not wait for the next update. */
static void update_soon_test(struct kunit *test)
{
	struct damon_ctx *dst = test_ctx(test), *src = test_ctx(test);

	damon_run(dst)->passed = 44;
	damon_run(dst)->next_update = 99;
	KUNIT_ASSERT_EQ(test, damon_commit_ctx(dst, src), 0);
	KUNIT_EXPECT_EQ(test, damon_run(dst)->next_update, 99);
	test_add_target(test, src, 0, 1, 0);
	KUNIT_ASSERT_EQ(test, damon_commit_ctx(dst, src), 0);
	KUNIT_EXPECT_TRUE(test, time_after_eq(damon_run(dst)->passed,
					      damon_run(dst)->next_update));
}

/* While it runs */

struct running_commit {
	struct damon_ctx *dst, *src;
	int nr_aggregations;
};

static int commit_fn(void *data)
{
	struct running_commit *commit = data;

	commit->nr_aggregations = atomic_read(&fake.nr_aggregations);
	return damon_commit_ctx(commit->dst, commit->src);
}

static atomic_t nr_regions_now;

static void count_regions(struct damon_ctx *ctx)
{
	struct damon_target *t;
	unsigned int nr = 0;

	damon_for_each_target(t, ctx)
		nr += damon_nr_regions(t);
	atomic_set(&nr_regions_now, nr);
}

static struct damon_ctx *many_regions_ctx(struct kunit *test, bool with_regions)
{
	struct damon_ctx *ctx = test_ctx(test);

	ctx->attrs = (struct damon_attrs) { 500, SAMPLES * 500, 5000, 10, 1000 };
	ctx->min_region_sz = 1;
	ctx->ops = fake_ops;
	test_add_target(test, ctx, 0, 1000, with_regions ? 60 : 0);
	return ctx;
}

/* The size limit follows the new minimum one aggregation later. */
static void lower_max_test(struct kunit *test)
{
	struct damon_ctx *dst = many_regions_ctx(test, true);
	struct damon_ctx *src = many_regions_ctx(test, false);
	struct running_commit commit = { dst, src };
	struct damon_call_control call = { .fn = commit_fn, .data = &commit };
	unsigned int i;

	fake.report = count_regions;
	start(test, dst);
	wait_for(test, &fake.nr_aggregations, 3);
	KUNIT_EXPECT_GE(test, atomic_read(&nr_regions_now), 60);
	src->attrs.min_nr_regions = 3;
	src->attrs.max_nr_regions = 7;
	KUNIT_ASSERT_EQ(test, damon_call(dst, &call), 0);
	KUNIT_ASSERT_EQ(test, call.return_code, 0);
	for (i = 3; i < 6; i++) {
		wait_for(test, &fake.nr_aggregations, commit.nr_aggregations + i);
		KUNIT_EXPECT_LE(test, atomic_read(&nr_regions_now), 7);
		KUNIT_EXPECT_GT(test, atomic_read(&nr_regions_now), 0);
	}

	/* And back. */
	src->attrs.min_nr_regions = 50;
	src->attrs.max_nr_regions = 1000;
	KUNIT_ASSERT_EQ(test, damon_call(dst, &call), 0);
	KUNIT_ASSERT_EQ(test, call.return_code, 0);
	wait_for(test, &fake.nr_aggregations, commit.nr_aggregations + 3);
	KUNIT_EXPECT_GE(test, atomic_read(&nr_regions_now), 50);

	/* What is refused does not end it. */
	src->attrs.min_nr_regions = 2;
	KUNIT_ASSERT_EQ(test, damon_call(dst, &call), 0);
	KUNIT_EXPECT_EQ(test, call.return_code, -EINVAL);
	wait_for(test, &fake.nr_aggregations, commit.nr_aggregations + 3);
	KUNIT_EXPECT_GE(test, atomic_read(&nr_regions_now), 50);
}

/* Targets and schemes come and go. */
static void replace_all_test(struct kunit *test)
{
	struct damon_ctx *dst = many_regions_ctx(test, true);
	struct damon_ctx *src = many_regions_ctx(test, true);
	struct damon_ctx *empty = many_regions_ctx(test, true);
	struct running_commit commit = { .dst = dst };
	struct damon_call_control call = { .fn = commit_fn, .data = &commit };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		add_nth_scheme(test, src, 0)->pattern = (struct damos_access_pattern) {
			0, ULONG_MAX, 0, UINT_MAX, 0, UINT_MAX,
		};
		test_add_target(test, src, 0, 1000, 6);
	}
	start(test, dst);
	for (i = 0; i < 20; i++) {
		commit.src = i % 2 ? empty : src;
		KUNIT_ASSERT_EQ(test, damon_call(dst, &call), 0);
		KUNIT_ASSERT_EQ(test, call.return_code, 0);
	}
	wait_for(test, &fake.nr_aggregations, commit.nr_aggregations + 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake.nr_cleaned_targets), 30);
}

KUNIT_ARRAY_PARAM_DESC(regions, regions_cases, why);
KUNIT_ARRAY_PARAM_DESC(obsolete, obsolete_cases, why);
KUNIT_ARRAY_PARAM_DESC(pids, pids_cases, why);

static struct kunit_case commit_test_cases[] = {
	KUNIT_CASE_PARAM(regions_test, regions_gen_params),
	KUNIT_CASE_PARAM(numbers_test, numbers_gen_params),
	KUNIT_CASE(parameters_test),
	KUNIT_CASE(converted_test),
	KUNIT_CASE_PARAM(obsolete_test, obsolete_gen_params),
	KUNIT_CASE_PARAM(pids_test, pids_gen_params),
	KUNIT_CASE(update_soon_test),
	KUNIT_CASE(lower_max_test),
	KUNIT_CASE(replace_all_test),
	{}
};

static struct kunit_suite commit_test_suite = {
	.name = "damon-commit",
	.init = fake_forget,
	.test_cases = commit_test_cases,
};

kunit_test_suite(commit_test_suite);
