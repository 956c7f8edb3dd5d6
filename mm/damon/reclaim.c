// SPDX-License-Identifier: GPL-2.0
/*
 * damon_reclaim: reclaim memory that has not been accessed for a while, before
 * there is pressure.
 *
 * It works while free memory is between the low and the high watermark: above
 * there is no need to, below reclaim proper has its way.  The oldest memory
 * goes first, and no more of it than the quota lets go.
 */

#include <linux/damon.h>
#include <linux/err.h>
#include <linux/init.h>

#include <kunit/visibility.h>

#include "reclaim.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "damon_reclaim."

static struct damon_reclaim_params params = {
	.sched = DAMON_SCHED_DEFAULTS(500, 400, 200),
	.min_age = 120 * USEC_PER_SEC,
	.quota_sz = 128 * 1024 * 1024,
};

static struct damos_stat stat;

static int add_goal(struct damos *s, enum damos_quota_goal_metric metric,
		    unsigned long target, unsigned long current_value)
{
	struct damos_quota_goal *goal = damos_new_quota_goal(metric, target);

	if (!goal)
		return -ENOMEM;
	goal->current_value = current_value;
	damos_add_quota_goal(&s->quota, goal);
	return 0;
}

static int add_details(struct damos *s, const struct damon_reclaim_params *p)
{
	struct damos_filter *filter;
	int err = 0;

	if (p->mem_pressure_us)
		err = add_goal(s, DAMOS_QUOTA_SOME_MEM_PSI_US,
			       p->mem_pressure_us, 0);
	if (!err && p->feedback)
		err = add_goal(s, DAMOS_QUOTA_USER_INPUT, 10000, p->feedback);
	if (err || !p->skip_anon)
		return err;
	filter = damos_new_filter(DAMOS_FILTER_TYPE_ANON, true, false);
	if (!filter)
		return -ENOMEM;
	damos_add_filter(s, filter);
	return 0;
}

VISIBLE_IF_KUNIT int
damon_reclaim_add_schemes(struct damon_ctx *ctx,
			  const struct damon_reclaim_params *p)
{
	struct damos_access_pattern cold = {
		.min_sz_region = PAGE_SIZE,
		.max_sz_region = ULONG_MAX,
		.max_age_region = UINT_MAX,
	};
	const struct damos_quota quota = {
		.reset_interval = p->sched.quota_reset_ms,
		.ms = p->sched.quota_ms,
		.sz = p->quota_sz,
		.weight_age = 1,
	};
	struct damos *s;

	if (!p->sched.attrs.aggr_interval)
		return -EINVAL;
	cold.min_age_region = damon_sched_age(&p->sched, p->min_age);
	s = damon_new_scheme(&cold, DAMOS_PAGEOUT, 0, &quota, &p->sched.wmarks,
			     NUMA_NO_NODE);
	if (!s)
		return -ENOMEM;
	damon_add_scheme(ctx, s);
	return add_details(s, p);
}

static int build(struct damon_ctx *ctx)
{
	return damon_sched_fill(ctx, &params.sched) ?:
	       damon_reclaim_add_schemes(ctx, &params);
}

static struct damon_module reclaim = {
	.build = build, .stats = &stat, .nr_stats = 1,
	.region = &params.sched.region,
};

module_param_cb(enabled, &damon_module_enabled_ops, &reclaim, 0600);
module_param_cb(kdamond_pid, &damon_module_pid_ops, &reclaim, 0400);
module_param_cb(commit_inputs, &damon_module_commit_ops, &reclaim, 0600);
DAMON_SCHED_PARAMS;
module_param_named(min_age, params.min_age, ulong, 0600);
module_param_named(quota_sz, params.quota_sz, ulong, 0600);
module_param_named(quota_mem_pressure_us, params.mem_pressure_us, ulong, 0600);
module_param_named(quota_autotune_feedback, params.feedback, ulong, 0600);
module_param_named(skip_anon, params.skip_anon, bool, 0600);
module_param_named(nr_reclaim_tried_regions, stat.nr_tried, ulong, 0400);
module_param_named(bytes_reclaim_tried_regions, stat.sz_tried, ulong, 0400);
module_param_named(nr_reclaimed_regions, stat.nr_applied, ulong, 0400);
module_param_named(bytes_reclaimed_regions, stat.sz_applied, ulong, 0400);
module_param_named(nr_quota_exceeds, stat.qt_exceeds, ulong, 0400);

static int __init damon_reclaim_init(void)
{
	return damon_module_init(&reclaim);
}
device_initcall(damon_reclaim_init);
