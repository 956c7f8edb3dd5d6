/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Passes of schemes, one by one and without a kdamond, and what they applied.
 */
#ifndef _MM_DAMON_TESTS_SCHEMES_H
#define _MM_DAMON_TESTS_SCHEMES_H

#include "fake.h"

#define MAX_APPLIED	16

/* A scheme was applied to a region; rows end before the first empty region. */
struct applied_row {
	unsigned int scheme;
	unsigned int target;
	unsigned long start;
	unsigned long end;
};

static struct passes {
	struct applied_row log[MAX_APPLIED];
	unsigned int nr;		/* may be more than there is room for */
	unsigned long sz;		/* of all that the log was about */
	/* What the action takes effect on, in 1/10000 of the region. */
	unsigned int applied_bp;
	unsigned long sz_filter_passed;
	const struct damon_target *gone;
	unsigned int nr_seen_regions;	/* the last time */
} passes;

static const struct damos_access_pattern any_region = {
	0, ULONG_MAX, 0, UINT_MAX, 0, UINT_MAX,
};

static inline unsigned int target_nr(struct damon_ctx *ctx, const struct damon_target *of)
{
	struct damon_target *t;
	unsigned int nr = 0;

	damon_for_each_target(t, ctx) {
		if (t == of)
			break;
		nr++;
	}
	return nr;
}

static inline struct damon_target *nth_target(struct damon_ctx *ctx, int n)
{
	struct damon_target *t;

	damon_for_each_target(t, ctx) {
		if (!n--)
			return t;
	}
	return NULL;
}

static inline unsigned long log_apply(struct damon_ctx *ctx, struct damon_target *t,
				      struct damon_region *r, struct damos *s,
				      unsigned long *sz_filter_passed)
{
	if (passes.nr < MAX_APPLIED)
		passes.log[passes.nr] = (struct applied_row) {
			damos_run(s)->idx, target_nr(ctx, t), r->ar.start, r->ar.end,
		};
	passes.nr++;
	passes.sz += damon_sz_region(r);
	*sz_filter_passed += passes.sz_filter_passed;
	return mul_u64_u64_div_u64(damon_sz_region(r), passes.applied_bp, 10000);
}

/* The count of a region is its score. */
static inline int count_is_score(struct damon_ctx *ctx, struct damon_region *r, struct damos *s)
{
	return r->nr_accesses;
}

static inline bool is_not_gone(struct damon_target *t)
{
	return t != passes.gone;
}

static const struct damon_operations log_ops = {
	.id = NR_DAMON_OPS,
	.pidless = true,
	.apply_scheme = log_apply,
	.target_valid = is_not_gone,
};

/* At the end of an aggregation: the moving sum is the running count. */
static inline struct damon_ctx *pass_ctx(struct kunit *test)
{
	struct damon_ctx *ctx = test_ctx(test);

	ctx->attrs = (struct damon_attrs) { 1000, SAMPLES * 1000, 5000, 3, 1000 };
	ctx->min_region_sz = 1;
	ctx->ops = log_ops;
	damon_run(ctx)->adapt.sz_limit = ULONG_MAX;
	return ctx;
}

/* For all regions, in every pass. */
static inline struct damos *add_any(struct kunit *test, struct damon_ctx *ctx,
				    enum damos_action action)
{
	struct damos *s = new_scheme(&any_region, 1);

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->action = action;
	damon_add_scheme(ctx, s);
	return s;
}

static inline struct damos_filter *add_filter(struct kunit *test, struct damos *s,
					      enum damos_filter_type type, bool matching,
					      bool allow)
{
	struct damos_filter *f = damos_new_filter(type, matching, allow);

	KUNIT_ASSERT_NOT_NULL(test, f);
	damos_add_filter(s, f);
	return f;
}

static inline void add_addr_filter(struct kunit *test, struct damos *s, bool matching,
				   bool allow, unsigned long start, unsigned long end)
{
	add_filter(test, s, DAMOS_FILTER_TYPE_ADDR, matching, allow)->addr_range =
		(struct damon_addr_range) { start, end };
}

static inline struct damos_quota_goal *add_goal(struct kunit *test, struct damos *s,
						enum damos_quota_goal_metric metric,
						unsigned long target, unsigned long current_value)
{
	struct damos_quota_goal *g = damos_new_quota_goal(metric, target);

	KUNIT_ASSERT_NOT_NULL(test, g);
	g->current_value = current_value;
	damos_add_quota_goal(&s->quota, g);
	return g;
}

static inline struct damon_target *add_rows(struct kunit *test, struct damon_ctx *ctx,
					    const struct region_row *rows)
{
	struct damon_target *t = test_add_target(test, ctx, 0, 1, 0);

	set_rows(test, t, rows);
	return t;
}

#define NR_RANDOM	24

/* Random regions, with counts that are low.  Returns their size. */
static inline unsigned long add_random(struct kunit *test, struct damon_ctx *ctx)
{
	struct damon_target *t = test_add_target(test, ctx, 0, 1, 0);
	struct damon_addr_range ranges[NR_RANDOM];
	unsigned long end = 0, sz = 0;
	unsigned int i;

	for (i = 0; i < NR_RANDOM; i++) {
		ranges[i].start = end + damon_rand(ctx, 0, 2) * ctx->min_region_sz;
		end = ranges[i].start + damon_rand(ctx, 1, 20) * ctx->min_region_sz;
		ranges[i].end = end;
		sz += end - ranges[i].start;
	}
	KUNIT_ASSERT_EQ(test, damon_set_regions(t, ranges, NR_RANDOM, ctx->min_region_sz), 0);
	for (i = 0; i < NR_RANDOM; i++) {
		t->regions[i].nr_accesses = damon_rand(ctx, 0, 12);
		t->regions[i].age = damon_rand(ctx, 0, 3);
	}
	return sz;
}

static inline void forget_applied(void)
{
	memset(passes.log, 0, sizeof(passes.log));
	passes.nr = 0;
	passes.sz = 0;
}

/* One sampling interval, and the schemes that are due at its end. */
static inline void pass(struct damon_ctx *ctx)
{
	struct damon_run *run = damon_run(ctx);

	run->passed++;
	run->next_aggregation = run->passed;
	damos_apply(run);
}

/* What the schemes are given next is of a new window. */
static inline void end_window(struct damos *s)
{
	damos_run(s)->quota.window_start -= msecs_to_jiffies(s->quota.reset_interval) + 1;
}

static inline void expect_applied(struct kunit *test, const struct applied_row *rows,
				  const char *why)
{
	const struct applied_row *is = passes.log;
	unsigned int i;

	for (i = 0; i < MAX_APPLIED && (rows[i].end || is[i].end); i++) {
		KUNIT_EXPECT_EQ_MSG(test, is[i].scheme, rows[i].scheme, "%s: %u", why, i);
		KUNIT_EXPECT_EQ_MSG(test, is[i].target, rows[i].target, "%s: %u", why, i);
		KUNIT_EXPECT_EQ_MSG(test, is[i].start, rows[i].start, "%s: %u", why, i);
		KUNIT_EXPECT_EQ_MSG(test, is[i].end, rows[i].end, "%s: %u", why, i);
		if (!rows[i].end)
			break;
	}
	KUNIT_EXPECT_LE_MSG(test, passes.nr, MAX_APPLIED, "%s", why);
}

static inline int passes_begin(struct kunit *test)
{
	passes = (struct passes) { .applied_bp = 10000 };
	return fake_forget(test);
}

#endif
