// SPDX-License-Identifier: GPL-2.0
/*
 * Plumbing of the built-in users of DAMON; see module.h.
 *
 * A module is enabled while its kdamond runs, whatever was last written.  Each
 * time it is enabled it starts with a new context.  No one else can use DAMON
 * meanwhile.
 */

#include <linux/damon.h>
#include <linux/err.h>
#include <linux/kstrtox.h>
#include <linux/slab.h>

#include "module.h"

/* Of tuned intervals: see 0.4 % of what could be seen, in 3 aggregations. */
#define TUNED_ACCESS_BP	40
#define TUNED_AGGRS	3

static bool is_running(const struct damon_module *m)
{
	return m->ctx && damon_is_running(m->ctx);
}

/* A context by the parameters as they are now, or an ERR_PTR(). */
static struct damon_ctx *build_ctx(const struct damon_module *m)
{
	struct damon_ctx *ctx = damon_new_ctx();
	int err;

	if (!ctx)
		return ERR_PTR(-ENOMEM);
	err = damon_select_ops(ctx, DAMON_OPS_PADDR) ?: m->build(ctx);
	if (!err)
		return ctx;
	damon_destroy_ctx(ctx);
	return ERR_PTR(err);
}

/* What a new context is to monitor. */
static struct damon_addr_range range_of(struct damon_ctx *ctx)
{
	const struct damon_target *t = list_first_entry(&ctx->adaptive_targets,
							struct damon_target, list);

	return (struct damon_addr_range) {
		.start = t->regions[0].ar.start,
		.end = t->regions[t->nr_regions - 1].ar.end,
	};
}

static void keep_region(struct damon_module *m, struct damon_addr_range range)
{
	if (m->region && !m->region->start && !m->region->end)
		*m->region = range;
}

static int each_round(void *data)
{
	struct damon_module *m = data;
	struct damon_ctx *ctx = m->ctx;
	unsigned int i = 0;
	struct damos *s;

	damon_for_each_scheme(s, ctx) {
		if (i < m->nr_stats)
			m->stats[i++] = s->stat;
	}
	if (m->round)
		m->round(ctx);
	return 0;
}

static int start(struct damon_module *m)
{
	struct damon_ctx *ctx = build_ctx(m), *old = m->ctx;
	struct damon_addr_range range;
	int err;

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	range = range_of(ctx);
	err = damon_start(&ctx, 1, true);
	if (err) {
		damon_destroy_ctx(ctx);
		return err;
	}
	m->ctx = ctx;
	keep_region(m, range);
	if (old)
		damon_destroy_ctx(old);
	m->each_round = (struct damon_call_control) {
		.fn = each_round, .data = m, .repeat = true, .only_looks = true,
	};
	err = damon_call(ctx, &m->each_round);
	if (err)
		damon_stop(&ctx, 1);
	return err;
}

static int enabled_store(const char *val, const struct kernel_param *kp)
{
	struct damon_module *m = kp->arg;
	bool enable;
	int err = kstrtobool(val, &enable);

	if (err)
		return err;
	if (!m->ready) {
		m->wanted = enable;
		return 0;
	}
	if (enable == is_running(m))
		return 0;
	if (enable)
		return start(m);
	damon_stop(&m->ctx, 1);
	return 0;
}

static int enabled_show(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%c\n", is_running(kp->arg) ? 'Y' : 'N');
}

const struct kernel_param_ops damon_module_enabled_ops = {
	.set = enabled_store,
	.get = enabled_show,
};

static int commit(void *data)
{
	struct damon_module *m = data;
	struct damon_ctx *params = build_ctx(m);
	int err;

	if (IS_ERR(params))
		return PTR_ERR(params);
	err = damon_commit_ctx(m->ctx, params);
	if (!err)
		keep_region(m, range_of(params));
	damon_destroy_ctx(params);
	return err;
}

/* The name of the parameter alone means yes. */
static int commit_store(const char *val, const struct kernel_param *kp)
{
	struct damon_module *m = kp->arg;
	struct damon_call_control call = { .fn = commit, .data = m };
	bool yes = true;
	int err = val ? kstrtobool(val, &yes) : 0;

	if (err || !yes)
		return err;
	if (!m->ctx)
		return -EINVAL;
	return damon_call(m->ctx, &call) ?: call.return_code;
}

/* Nobody can look while a commit is on its way. */
static int commit_show(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "N\n");
}

const struct kernel_param_ops damon_module_commit_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = commit_store,
	.get = commit_show,
};

/* On the command line it means nothing. */
static int pid_store(const char *val, const struct kernel_param *kp)
{
	return 0;
}

static int pid_show(char *buf, const struct kernel_param *kp)
{
	const struct damon_module *m = kp->arg;
	int pid = m->ctx ? damon_kdamond_pid(m->ctx) : -1;

	return sysfs_emit(buf, "%d\n", max(pid, -1));
}

const struct kernel_param_ops damon_module_pid_ops = {
	.set = pid_store,
	.get = pid_show,
};

static int addr_unit_store(const char *val, const struct kernel_param *kp)
{
	unsigned long unit;
	int err = kstrtoul(val, 0, &unit);

	if (err)
		return err;
	if (!unit)
		return -EINVAL;
	*(unsigned long *)kp->arg = unit;
	return 0;
}

const struct kernel_param_ops damon_module_addr_unit_ops = {
	.set = addr_unit_store,
	.get = param_get_ulong,
};

/**
 * damon_module_init() - Have a module listen to its parameters.
 * @m:	the module
 *
 * Starts it if that was asked for on the kernel command line.
 *
 * Return: 0, or why it could not be started.
 */
int damon_module_init(struct damon_module *m)
{
	int err = 0;

	if (!damon_initialized())
		return -ENOMEM;
	kernel_param_lock(NULL);
	m->ready = true;
	if (m->wanted)
		err = start(m);
	kernel_param_unlock(NULL);
	return err;
}

/**
 * damon_sched_attrs() - Monitoring attributes by parameters.
 * @p:	the parameters
 */
struct damon_attrs damon_sched_attrs(const struct damon_sched_params *p)
{
	struct damon_attrs attrs = p->attrs;

	if (!p->autotune)
		return attrs;
	attrs.sample_interval = damon_default_attrs.sample_interval;
	attrs.aggr_interval = damon_default_attrs.aggr_interval;
	attrs.intervals_goal = (struct damon_intervals_goal) {
		.access_bp = TUNED_ACCESS_BP,
		.aggrs = TUNED_AGGRS,
		.min_sample_us = attrs.sample_interval,
		.max_sample_us = 10 * USEC_PER_SEC,
	};
	return attrs;
}

/**
 * damon_sched_age() - Whole aggregation intervals in a time.
 * @p:		the parameters; the aggregation interval is not 0
 * @us:		the time, µs
 */
unsigned int damon_sched_age(const struct damon_sched_params *p,
			     unsigned long us)
{
	return min_t(unsigned long, us / damon_sched_attrs(p).aggr_interval,
		     UINT_MAX);
}

/**
 * damon_sched_fill() - Set up what is to be monitored, and how.
 * @ctx:	a new context
 * @p:		the parameters
 *
 * Context: may sleep.
 * Return: 0; -EINVAL for parameters that make no sense, -ENOMEM.
 */
int damon_sched_fill(struct damon_ctx *ctx, const struct damon_sched_params *p)
{
	const struct damon_attrs attrs = damon_sched_attrs(p);
	struct damon_addr_range region = p->region;
	struct damon_target *t;
	int err;

	ctx->addr_unit = p->addr_unit;
	ctx->min_region_sz = max(DAMON_MIN_REGION_SZ / p->addr_unit, 1UL);
	err = damon_set_attrs(ctx, &attrs);
	if (err)
		return err;
	t = damon_new_target();
	if (!t)
		return -ENOMEM;
	damon_add_target(ctx, t);
	return damon_set_region_system_rams_default(t, &region.start, &region.end,
						    p->addr_unit,
						    ctx->min_region_sz);
}
