// SPDX-License-Identifier: GPL-2.0
/*
 * damon_stat: how much memory the system accesses, and how much idles.
 *
 *	bandwidth	bytes accessed per second: size of each region times its
 *			access count over the last aggregation interval (the
 *			moving sum), over that interval.  A sample that found an
 *			access counts as one of the whole region
 *	idle time	of a byte: how long its region has not been accessed; or,
 *			negative, how long it has been accessed as it is
 *
 * Idle times are given by percentiles of all bytes, in ascending order.  Both
 * are read once in 5 s.
 */

#include <linux/damon.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include <kunit/visibility.h>

#include "module.h"
#include "stat.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "damon_stat."

#define REFRESH		(5 * HZ)

/* See 4 % of what could be seen, in 3 aggregations. */
static const struct damon_intervals_goal goal = {
	.access_bp = 400,
	.aggrs = 3,
	.min_sample_us = 5 * USEC_PER_MSEC,
	.max_sample_us = 10 * USEC_PER_SEC,
};

static unsigned long bandwidth;
static long idle_ms[DAMON_STAT_NR_PERCENTILES];
static unsigned long aggr_interval_us;
static unsigned long last_refresh;

static int build(struct damon_ctx *ctx)
{
	struct damon_addr_range all = {};
	struct damon_attrs attrs = damon_default_attrs;
	struct damon_target *t = damon_new_target();

	if (!t)
		return -ENOMEM;
	damon_add_target(ctx, t);
	attrs.intervals_goal = goal;
	last_refresh = jiffies;
	if (damon_set_attrs(ctx, &attrs) ||
	    damon_set_region_system_rams_default(t, &all.start, &all.end,
						 ctx->addr_unit,
						 ctx->min_region_sz))
		return -ENOMEM;
	return 0;
}

static int cmp_idle(const void *a, const void *b)
{
	const struct damon_stat_region *ra = a, *rb = b;

	return ra->idle < rb->idle ? -1 : ra->idle > rb->idle;
}

/* At most LONG_MAX of either sign. */
static long to_ms(s64 idle, unsigned long aggr_us)
{
	u64 nr = abs(idle), ms;

	if (check_mul_overflow(nr, (u64)aggr_us, &ms))
		ms = U64_MAX;
	ms = min_t(u64, div_u64(ms, USEC_PER_MSEC), LONG_MAX);
	return idle < 0 ? -(long)ms : (long)ms;
}

/* Sorts @regions. */
VISIBLE_IF_KUNIT void
damon_stat_percentiles(struct damon_stat_region *regions, unsigned int nr,
		       unsigned long aggr_us,
		       long percentiles[DAMON_STAT_NR_PERCENTILES])
{
	unsigned int i, next = 0;
	u64 total = 0, sz = 0, reached;

	sort(regions, nr, sizeof(*regions), cmp_idle, NULL);
	for (i = 0; i < nr; i++)
		total += regions[i].sz;
	for (i = 0; i < nr; i++) {
		sz += regions[i].sz;
		reached = mul_u64_u64_div_u64(sz, 100, total);
		while (next <= reached)
			percentiles[next++] = to_ms(regions[i].idle, aggr_us);
	}
}

static s64 idleness(const struct damon_region *r, struct damon_ctx *ctx)
{
	s64 age = (s64)r->age + 1;

	return damon_nr_accesses_mvsum(r, ctx) ? -age : age;
}

static unsigned long accessed_per_sec(struct damon_ctx *ctx)
{
	unsigned long us = max(ctx->attrs.aggr_interval, 1UL);
	struct damon_target *t;
	struct damon_region *r;
	u64 sz = 0;

	damon_for_each_target(t, ctx) {
		damon_for_each_region(r, t)
			sz += (u64)damon_sz_region(r) *
			      damon_nr_accesses_mvsum(r, ctx);
	}
	if (div64_ul(sz, us) >= ULONG_MAX / USEC_PER_SEC)
		return ULONG_MAX;
	return mul_u64_u64_div_u64(sz, USEC_PER_SEC, us);
}

/* The context has one target. */
static void read_idle_times(struct damon_ctx *ctx)
{
	struct damon_target *t = list_first_entry(&ctx->adaptive_targets,
						  struct damon_target, list);
	struct damon_stat_region *regions;
	long ms[DAMON_STAT_NR_PERCENTILES];
	struct damon_region *r;
	unsigned int nr = 0;

	regions = kvmalloc_array(damon_nr_regions(t), sizeof(*regions),
				 GFP_KERNEL);
	if (!regions)
		return;
	damon_for_each_region(r, t)
		regions[nr++] = (struct damon_stat_region) {
			.idle = idleness(r, ctx), .sz = damon_sz_region(r),
		};
	damon_stat_percentiles(regions, nr, ctx->attrs.aggr_interval, ms);
	memcpy(idle_ms, ms, sizeof(ms));
	kvfree(regions);
}

static void refresh(struct damon_ctx *ctx)
{
	if (time_before_eq(jiffies, last_refresh + REFRESH))
		return;
	last_refresh = jiffies;
	aggr_interval_us = ctx->attrs.aggr_interval;
	bandwidth = accessed_per_sec(ctx);
	read_idle_times(ctx);
}

static struct damon_module damon_stat = {
	.build = build,
	.round = refresh,
	.wanted = IS_ENABLED(CONFIG_DAMON_STAT_ENABLED_DEFAULT),
};

module_param_cb(enabled, &damon_module_enabled_ops, &damon_stat, 0600);
module_param_cb(kdamond_pid, &damon_module_pid_ops, &damon_stat, 0400);
module_param_named(estimated_memory_bandwidth, bandwidth, ulong, 0400);
module_param_array_named(memory_idle_ms_percentiles, idle_ms, long, NULL, 0400);
module_param_named(aggr_interval_us, aggr_interval_us, ulong, 0400);

static int __init damon_stat_init(void)
{
	return damon_module_init(&damon_stat);
}
device_initcall(damon_stat_init);
