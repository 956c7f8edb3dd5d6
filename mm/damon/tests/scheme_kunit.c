// SPDX-License-Identifier: GPL-2.0
/*
 * Online update of schemes: all parameters come from the source, all results
 * stay, and memory that is short leaves all as it was.
 */

#include <linux/slab.h>

#include "../kinds.h"
#include "fail.h"
#include "schemes.h"
#include "snapshot.h"

#define MAX_PARTS	3

/* What a scheme has of each, 0 to MAX_PARTS */
struct parts {
	const char *why;
	unsigned int goals, core, ops, dests;
};

/* Parameters that tell by their values which @nth scheme they are of. */
static struct damos_quota nth_quota(unsigned int nth)
{
	return (struct damos_quota) {
		.reset_interval = 100 * nth + 1, .ms = 100 * nth + 2, .sz = 100 * nth + 3,
		.goal_tuner = nth % NR_DAMOS_QUOTA_GOAL_TUNERS,
		.fail_charge_num = 100 * nth + 4, .fail_charge_denom = 100 * nth + 5,
		.weight_sz = 100 * nth + 6, .weight_nr_accesses = 100 * nth + 7,
		.weight_age = 100 * nth + 8,
	};
}

static const enum damos_quota_goal_metric nth_metrics[] = {
	DAMOS_QUOTA_USER_INPUT, DAMOS_QUOTA_NODE_MEMCG_USED_BP, DAMOS_QUOTA_SOME_MEM_PSI_US,
	DAMOS_QUOTA_NODE_MEM_FREE_BP, DAMOS_QUOTA_ACTIVE_MEM_BP,
};

static const enum damos_filter_type nth_core[] = {
	DAMOS_FILTER_TYPE_ADDR, DAMOS_FILTER_TYPE_TARGET,
};

static const enum damos_filter_type nth_ops[] = {
	DAMOS_FILTER_TYPE_ANON, DAMOS_FILTER_TYPE_MEMCG, DAMOS_FILTER_TYPE_HUGEPAGE_SIZE,
	DAMOS_FILTER_TYPE_YOUNG, DAMOS_FILTER_TYPE_UNMAPPED, DAMOS_FILTER_TYPE_ACTIVE,
};

static void add_nth_filter(struct kunit *test, struct damos *s, enum damos_filter_type type,
			   unsigned int n)
{
	struct damos_filter *f = add_filter(test, s, type, n & 1, n & 2);

	f->memcg_id = n + 1;
	f->addr_range = (struct damon_addr_range) { n + 2, n + 3 };
	f->sz_range = (struct damon_size_range) { n + 4, n + 5 };
	f->target_idx = n + 6;
}

static void add_nth_dests(struct kunit *test, struct damos *s, unsigned int nr, unsigned int n)
{
	struct damos_migrate_dests *d = &s->migrate_dests;

	if (!nr)
		return;
	d->node_id_arr = kcalloc(nr, sizeof(*d->node_id_arr), GFP_KERNEL);
	d->weight_arr = kcalloc(nr, sizeof(*d->weight_arr), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, d->node_id_arr);
	KUNIT_ASSERT_NOT_NULL(test, d->weight_arr);
	for (d->nr_dests = 0; d->nr_dests < nr; d->nr_dests++) {
		d->node_id_arr[d->nr_dests] = n + d->nr_dests;
		d->weight_arr[d->nr_dests] = n + 50 + d->nr_dests;
	}
}

static struct damos *add_nth(struct kunit *test, struct damon_ctx *ctx, unsigned int nth,
			     const struct parts *parts)
{
	const struct damos_access_pattern pattern = { nth, nth + 1, nth + 2, nth + 3, nth + 4,
						      nth + 5 };
	const struct damos_watermarks wmarks = {
		nth % NR_DAMOS_WMARK_METRICS, nth + 6, nth + 7, nth + 8, nth + 9,
	};
	const struct damos_quota quota = nth_quota(nth);
	unsigned int i, n = 10 * nth;
	struct damos_quota_goal *g;
	struct damos *s;

	s = damon_new_scheme(&pattern, nth % NR_DAMOS_ACTIONS, nth + 10, &quota, &wmarks, nth);
	KUNIT_ASSERT_NOT_NULL(test, s);
	damon_add_scheme(ctx, s);
	s->max_nr_snapshots = nth + 11;
	for (i = 0; i < parts->goals; i++) {
		g = add_goal(test, s, nth_metrics[(n + i) % ARRAY_SIZE(nth_metrics)], n + i + 1,
			     n + i + 2);
		g->nid = n + i + 3;
		g->memcg_id = n + i + 4;
	}
	for (i = 0; i < parts->core; i++)
		add_nth_filter(test, s, nth_core[(n + i) % ARRAY_SIZE(nth_core)], n + i);
	for (i = 0; i < parts->ops; i++)
		add_nth_filter(test, s, nth_ops[(n + i) % ARRAY_SIZE(nth_ops)], n + i);
	add_nth_dests(test, s, parts->dests, n);
	return s;
}

static void expect_filters(struct kunit *test, const struct list_head *is,
			   const struct list_head *want)
{
	const struct list_head *w = want->next;
	const struct damos_filter *f, *g;

	KUNIT_ASSERT_EQ(test, list_count_nodes((struct list_head *)is),
			list_count_nodes((struct list_head *)want));
	list_for_each_entry(f, is, list) {
		g = list_entry(w, struct damos_filter, list);
		KUNIT_EXPECT_PTR_NE(test, f, g);
		KUNIT_EXPECT_EQ(test, f->type, g->type);
		KUNIT_EXPECT_EQ(test, f->matching, g->matching);
		KUNIT_EXPECT_EQ(test, f->allow, g->allow);
		KUNIT_EXPECT_EQ(test, f->memcg_id, g->memcg_id);
		KUNIT_EXPECT_EQ(test, f->addr_range.start, g->addr_range.start);
		KUNIT_EXPECT_EQ(test, f->addr_range.end, g->addr_range.end);
		KUNIT_EXPECT_EQ(test, f->sz_range.min, g->sz_range.min);
		KUNIT_EXPECT_EQ(test, f->sz_range.max, g->sz_range.max);
		KUNIT_EXPECT_EQ(test, f->target_idx, g->target_idx);
		w = w->next;
	}
}

static void expect_goals(struct kunit *test, const struct damos_quota *is,
			 const struct damos_quota *want)
{
	const struct list_head *w = want->goals.next;
	struct damos_quota_goal *g, *h;

	KUNIT_ASSERT_EQ(test, list_count_nodes((struct list_head *)&is->goals),
			list_count_nodes((struct list_head *)&want->goals));
	damos_for_each_quota_goal(g, is) {
		h = list_entry(w, struct damos_quota_goal, list);
		KUNIT_EXPECT_PTR_NE(test, g, h);
		KUNIT_EXPECT_EQ(test, g->metric, h->metric);
		KUNIT_EXPECT_EQ(test, g->target_value, h->target_value);
		KUNIT_EXPECT_EQ(test, g->nid, h->nid);
		KUNIT_EXPECT_EQ(test, g->memcg_id, h->memcg_id);
		if (g->metric == DAMOS_QUOTA_USER_INPUT)
			KUNIT_EXPECT_EQ(test, g->current_value, h->current_value);
		KUNIT_EXPECT_TRUE(test,
				  damos_goal_run(g)->last_psi_us == DAMOS_PSI_UNMEASURED);
		w = w->next;
	}
}

static void expect_quota(struct kunit *test, const struct damos_quota *is,
			 const struct damos_quota *want)
{
	KUNIT_EXPECT_EQ(test, is->reset_interval, want->reset_interval);
	KUNIT_EXPECT_EQ(test, is->ms, want->ms);
	KUNIT_EXPECT_EQ(test, is->sz, want->sz);
	KUNIT_EXPECT_EQ(test, is->goal_tuner, want->goal_tuner);
	KUNIT_EXPECT_EQ(test, is->fail_charge_num, want->fail_charge_num);
	KUNIT_EXPECT_EQ(test, is->fail_charge_denom, want->fail_charge_denom);
	KUNIT_EXPECT_EQ(test, is->weight_sz, want->weight_sz);
	KUNIT_EXPECT_EQ(test, is->weight_nr_accesses, want->weight_nr_accesses);
	KUNIT_EXPECT_EQ(test, is->weight_age, want->weight_age);
	expect_goals(test, is, want);
}

static void expect_scheme(struct kunit *test, const struct damos *is, const struct damos *want)
{
	const struct damos_migrate_dests *d = &is->migrate_dests, *e = &want->migrate_dests;

	KUNIT_EXPECT_MEMEQ(test, &is->pattern, &want->pattern, sizeof(is->pattern));
	KUNIT_EXPECT_EQ(test, is->action, want->action);
	KUNIT_EXPECT_EQ(test, is->apply_interval_us, want->apply_interval_us);
	KUNIT_EXPECT_EQ(test, is->target_nid, want->target_nid);
	KUNIT_EXPECT_EQ(test, is->max_nr_snapshots, want->max_nr_snapshots);
	KUNIT_EXPECT_EQ(test, is->wmarks.metric, want->wmarks.metric);
	KUNIT_EXPECT_EQ(test, is->wmarks.interval, want->wmarks.interval);
	KUNIT_EXPECT_EQ(test, is->wmarks.high, want->wmarks.high);
	KUNIT_EXPECT_EQ(test, is->wmarks.mid, want->wmarks.mid);
	KUNIT_EXPECT_EQ(test, is->wmarks.low, want->wmarks.low);
	expect_quota(test, &is->quota, &want->quota);
	expect_filters(test, &is->core_filters, &want->core_filters);
	expect_filters(test, &is->ops_filters, &want->ops_filters);
	KUNIT_ASSERT_EQ(test, d->nr_dests, e->nr_dests);
	if (!d->nr_dests)
		return;
	KUNIT_EXPECT_PTR_NE(test, d->node_id_arr, e->node_id_arr);
	KUNIT_EXPECT_MEMEQ(test, d->node_id_arr, e->node_id_arr,
			   d->nr_dests * sizeof(*d->node_id_arr));
	KUNIT_EXPECT_MEMEQ(test, d->weight_arr, e->weight_arr,
			   d->nr_dests * sizeof(*d->weight_arr));
}

/* Results and run-time state of a scheme that has been at work. */
static void make_busy(struct damon_ctx *ctx, struct damos *s)
{
	struct damos_run *run = damos_run(s);

	s->stat = (struct damos_stat) { 1, 2, 3, 4, 5, 6, 7 };
	s->quota.esz = 8;
	run->active = false;
	run->next_apply = 70;
	run->quota = (struct damos_quota_run) {
		.in_window = true, .window_start = 9, .charged_sz = 10, .total_charged_sz = 11,
		.total_charged_ns = 12, .esz_bp = 13, .min_score = 14,
		.resume_target = list_first_entry(&ctx->adaptive_targets, struct damon_target,
						  list),
		.resume_addr = 15,
	};
}

static void expect_busy(struct kunit *test, struct damon_ctx *ctx, const struct damos *s,
			const struct damos_run *before)
{
	const struct damos_run *run = damos_run_const(s);

	KUNIT_EXPECT_MEMEQ(test, &s->stat, &before->s.stat, sizeof(s->stat));
	KUNIT_EXPECT_MEMEQ(test, &run->quota, &before->quota, sizeof(run->quota));
	KUNIT_EXPECT_EQ(test, s->quota.esz, before->s.quota.esz);
	KUNIT_EXPECT_EQ(test, run->next_apply, before->next_apply);
	KUNIT_EXPECT_TRUE(test, run->active);
	KUNIT_EXPECT_PTR_EQ(test, s, list_first_entry(&ctx->schemes, struct damos, list));
}

static const struct parts parts_cases[] = {
	{ "nothing" }, { "one of each", 1, 1, 1, 1 }, { "two of each", 2, 2, 2, 2 },
	{ "goals", 3 }, { "filters", 0, 3, 3 }, { "core filters", 0, 2 },
	{ "destinations", 0, 0, 0, 3 }, { "two destinations", 0, 0, 0, 2 },
	{ "most", MAX_PARTS, MAX_PARTS, MAX_PARTS, MAX_PARTS },
};

/* From and to all of these. */
static unsigned int pair[2], nth_pair;

static const void *pair_gen_params(const void *prev, char *desc)
{
	nth_pair = prev ? nth_pair + 1 : 0;
	if (nth_pair == ARRAY_SIZE(parts_cases) * ARRAY_SIZE(parts_cases))
		return NULL;
	pair[0] = nth_pair / ARRAY_SIZE(parts_cases);
	pair[1] = nth_pair % ARRAY_SIZE(parts_cases);
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, then %s", parts_cases[pair[0]].why,
		 parts_cases[pair[1]].why);
	return pair;
}

static void commit_test(struct kunit *test)
{
	const struct parts *from = &parts_cases[pair[0]], *to = &parts_cases[pair[1]];
	struct damon_ctx *dst = pass_ctx(test), *src = pass_ctx(test);
	struct damos *s, *want;
	struct damos_run before;
	unsigned int i;

	test_add_target(test, dst, 0, 10, 2);
	test_add_target(test, src, 0, 10, 2);
	s = add_nth(test, dst, 3, from);
	want = add_nth(test, src, 4, to);
	make_busy(dst, s);
	before = *damos_run(s);
	/* The second time nothing changes. */
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, damon_commit_ctx(dst, src), 0);
		expect_scheme(test, s, want);
		expect_busy(test, dst, s, &before);
	}
	/* What was copied is not shared. */
	kunit_release_action(test, test_free_ctx, src);
	src = pass_ctx(test);
	want = add_nth(test, src, 4, to);
	expect_scheme(test, s, want);
	KUNIT_ASSERT_EQ(test, damon_commit_ctx(dst, pass_ctx(test)), 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&dst->schemes));
}

static void add_snapshot(struct kunit *test, struct snapshot *snap, struct damos *s)
{
	struct damos_quota_goal *g;
	struct damos_filter *f;

	damos_for_each_quota_goal(g, &s->quota)
		snapshot_add(test, snap, damos_goal_run(g), sizeof(struct damos_goal_run));
	damos_for_each_core_filter(f, s)
		snapshot_add(test, snap, f, sizeof(*f));
	damos_for_each_ops_filter(f, s)
		snapshot_add(test, snap, f, sizeof(*f));
	if (!s->migrate_dests.nr_dests)
		return;
	snapshot_add(test, snap, s->migrate_dests.node_id_arr,
		     s->migrate_dests.nr_dests * sizeof(unsigned int));
	snapshot_add(test, snap, s->migrate_dests.weight_arr,
		     s->migrate_dests.nr_dests * sizeof(unsigned int));
}

static struct snapshot *whole(struct kunit *test, struct damon_ctx *ctx)
{
	struct snapshot *snap = snapshot(test, ctx, 0);
	struct damos *s;

	damon_for_each_scheme(s, ctx)
		add_snapshot(test, snap, s);
	return snap;
}

static void oom_test(struct kunit *test)
{
	const struct parts *most = &parts_cases[ARRAY_SIZE(parts_cases) - 1];
	struct damon_ctx *dst = pass_ctx(test), *src = pass_ctx(test);
	struct snapshot *before;
	unsigned int i, n;
	int err;

	for (i = 0; i < 2; i++) {
		add_nth(test, dst, 3 + i, most);
		add_nth(test, src, 5 + i, most);
	}
	add_nth(test, src, 7, most);
	before = whole(test, dst);
	fail_begin(test);
	for (n = 1; ; n++) {
		fail_nth(n);
		err = damon_commit_ctx(dst, src);
		if (!fail_end())
			break;
		KUNIT_ASSERT_EQ_MSG(test, err, -ENOMEM, "allocation %u", n);
		expect_same(test, before, whole(test, dst), "destination");
	}
	/* Each scheme, goal and filter, and two arrays. */
	KUNIT_EXPECT_EQ(test, n - 1, 3 * (1 + 3 * MAX_PARTS + 2));
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&dst->schemes), 3);
}

/* One bad scheme, the last of the source */

static void bad_action(struct damos *s)
{
	s->action = NR_DAMOS_ACTIONS;
}

static void bad_wmark(struct damos *s)
{
	s->wmarks.metric = NR_DAMOS_WMARK_METRICS;
}

static void bad_tuner(struct damos *s)
{
	s->quota.goal_tuner = NR_DAMOS_QUOTA_GOAL_TUNERS;
}

static void bad_goal(struct damos *s)
{
	list_last_entry(&s->quota.goals, struct damos_quota_goal, list)->target_value = 0;
}

static void bad_metric(struct damos *s)
{
	list_last_entry(&s->quota.goals, struct damos_quota_goal, list)->metric =
		DAMOS_QUOTA_NODE_ELIGIBLE_MEM_BP;
}

static void bad_filter(struct damos *s)
{
	struct damos_filter *f = list_last_entry(&s->core_filters, struct damos_filter, list);

	f->type = DAMOS_FILTER_TYPE_ADDR;
	f->addr_range = (struct damon_addr_range) { 2, 1 };
}

struct bad_case {
	const char *why;
	void (*spoil)(struct damos *s);
};

static const struct bad_case bad_cases[] = {
	{ "action", bad_action }, { "metric of watermarks", bad_wmark }, { "tuner", bad_tuner },
	{ "goal without target value", bad_goal },
	{ "goal the operations set does not know", bad_metric },
	{ "addresses of a filter cross", bad_filter },
};

static void bad_test(struct kunit *test)
{
	const struct parts *most = &parts_cases[ARRAY_SIZE(parts_cases) - 1];
	struct damon_ctx *dst = pass_ctx(test), *src = pass_ctx(test);
	const struct bad_case *c = test->param_value;
	struct snapshot *before;

	add_nth(test, dst, 3, most);
	add_nth(test, src, 5, most);
	c->spoil(add_nth(test, src, 6, most));
	before = whole(test, dst);
	KUNIT_EXPECT_EQ(test, damon_commit_ctx(dst, src), -EINVAL);
	expect_same(test, before, whole(test, dst), c->why);
	test_add_target(test, src, 0, 10, 1);
	KUNIT_EXPECT_EQ(test, damon_start(&src, 1, false), -EINVAL);
}

/* Goals alone */
static void commit_goals_test(struct kunit *test)
{
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s[MAX_PARTS + 1];
	unsigned int i, j;

	for (i = 0; i <= MAX_PARTS; i++)
		s[i] = add_nth(test, ctx, i, &(struct parts) { .goals = i });
	for (i = 0; i <= MAX_PARTS; i++) {
		for (j = 0; j <= MAX_PARTS; j++) {
			struct damos *dst = add_nth(test, ctx, 7, &(struct parts) { .goals = i });

			KUNIT_ASSERT_EQ(test,
					damos_commit_quota_goals(&dst->quota, &s[j]->quota), 0);
			expect_goals(test, &dst->quota, &s[j]->quota);
			KUNIT_EXPECT_EQ(test, dst->quota.sz, nth_quota(7).sz);
		}
	}
	list_last_entry(&s[2]->quota.goals, struct damos_quota_goal, list)->target_value = 0;
	KUNIT_EXPECT_EQ(test, damos_commit_quota_goals(&s[3]->quota, &s[2]->quota), -EINVAL);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&s[3]->quota.goals), 3);
}

/* A target that goes takes with it what schemes remember of it. */
static void resume_test(struct kunit *test)
{
	struct damon_ctx *dst = pass_ctx(test), *src = pass_ctx(test);
	struct damon_target *gone;
	struct damos *s;

	test_add_target(test, dst, 0, 10, 1);
	gone = test_add_target(test, dst, 0, 10, 1);
	s = add_any(test, dst, DAMOS_STAT);
	add_any(test, src, DAMOS_STAT);
	damos_run(s)->quota.resume_target = gone;
	damos_run(s)->quota.resume_addr = 5;
	test_add_target(test, src, 0, 10, 0);
	test_add_target(test, src, 0, 10, 0)->obsolete = true;
	KUNIT_ASSERT_EQ(test, damon_commit_ctx(dst, src), 0);
	KUNIT_EXPECT_NULL(test, damos_run(s)->quota.resume_target);
	KUNIT_EXPECT_EQ(test, damos_run(s)->quota.resume_addr, 0);
}

KUNIT_ARRAY_PARAM_DESC(bad, bad_cases, why);

static struct kunit_case scheme_test_cases[] = {
	KUNIT_CASE_PARAM(commit_test, pair_gen_params),
	KUNIT_CASE(oom_test),
	KUNIT_CASE_PARAM(bad_test, bad_gen_params),
	KUNIT_CASE(commit_goals_test),
	KUNIT_CASE(resume_test),
	{}
};

static struct kunit_suite scheme_test_suite = {
	.name = "damon-scheme",
	.init = passes_begin,
	.test_cases = scheme_test_cases,
};

kunit_test_suite(scheme_test_suite);
