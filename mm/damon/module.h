/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the built-in users of DAMON, which are called modules though they cannot
 * be unloaded, have in common.  A module is its parameters, a row for each, and
 * a function that makes its schemes of them.
 *
 * Parameters are at /sys/module/NAME/parameters and on the kernel command line.
 * A source file defines MODULE_PARAM_PREFIX, anew, after it includes this.
 *
 * Locking: all reading and writing of parameters, and so all functions here, is
 * serialised by the lock of kernel parameters; its holder may wait for the
 * kdamond, so the kdamond does not take it.  Results, which the kdamond writes,
 * may be read while it does.
 */
#ifndef _MM_DAMON_MODULE_H
#define _MM_DAMON_MODULE_H

#include <linux/damon.h>
#include <linux/moduleparam.h>

/**
 * struct damon_module - A built-in user of DAMON.
 * @build:	set up a new context that has the operations set for physical
 *		memory; returns 0 or an errno
 * @round:	once a sampling interval, in the kdamond; may be NULL
 * @stats:	what the schemes did, by their number; @nr_stats of them, copied
 *		once a sampling interval
 * @nr_stats:	length of @stats
 * @region:	the parameter that says what to monitor: if it is empty, it is
 *		set to what is monitored as soon as something is.  May be NULL
 * @wanted:	@enabled was written to before DAMON was ready
 * @ready:	DAMON is
 * @ctx:	what was last started, NULL if nothing was
 * @each_round:	for use by module.c
 */
struct damon_module {
	int (*build)(struct damon_ctx *ctx);
	void (*round)(struct damon_ctx *ctx);
	struct damos_stat *stats;
	unsigned int nr_stats;
	struct damon_addr_range *region;
	bool wanted;
	bool ready;
	struct damon_ctx *ctx;
	struct damon_call_control each_round;
};

extern const struct kernel_param_ops damon_module_enabled_ops;
extern const struct kernel_param_ops damon_module_commit_ops;
extern const struct kernel_param_ops damon_module_pid_ops;
extern const struct kernel_param_ops damon_module_addr_unit_ops;

int damon_module_init(struct damon_module *m);

/**
 * struct damon_sched_params - Parameters of modules that have schemes.
 * @attrs:		monitoring attributes, if they are not tuned
 * @autotune:		tune the intervals
 * @wmarks:		when to do anything
 * @quota_ms:		ms it may take in a window, 0 for no limit
 * @quota_reset_ms:	length of the window, ms
 * @region:		what to monitor, core address units; all System RAM if both
 *			are 0
 * @addr_unit:		bytes in a core address unit, not 0
 */
struct damon_sched_params {
	struct damon_attrs attrs;
	bool autotune;
	struct damos_watermarks wmarks;
	unsigned long quota_ms;
	unsigned long quota_reset_ms;
	struct damon_addr_range region;
	unsigned long addr_unit;
};

/* Defaults; watermarks are in 1/1000 of memory. */
#define DAMON_SCHED_DEFAULTS(_high, _mid, _low) {			\
	.attrs = {							\
		.sample_interval = 5 * USEC_PER_MSEC,			\
		.aggr_interval = 100 * USEC_PER_MSEC,			\
		.min_nr_regions = 10,					\
		.max_nr_regions = 1000,					\
	},								\
	.wmarks = {							\
		.metric = DAMOS_WMARK_FREE_MEM_RATE,			\
		.interval = 5 * USEC_PER_SEC,				\
		.high = _high, .mid = _mid, .low = _low,		\
	},								\
	.quota_ms = 10,							\
	.quota_reset_ms = 1000,						\
	.addr_unit = 1,							\
}

/* A row each for what modules that have schemes have, of the file's @params. */
#define DAMON_SCHED_PARAMS						\
	module_param_named(sample_interval,				\
			   params.sched.attrs.sample_interval, ulong, 0600); \
	module_param_named(aggr_interval,				\
			   params.sched.attrs.aggr_interval, ulong, 0600); \
	module_param_named(min_nr_regions,				\
			   params.sched.attrs.min_nr_regions, ulong, 0600); \
	module_param_named(max_nr_regions,				\
			   params.sched.attrs.max_nr_regions, ulong, 0600); \
	module_param_named(autotune_monitoring_intervals,		\
			   params.sched.autotune, bool, 0600);		\
	module_param_named(wmarks_interval,				\
			   params.sched.wmarks.interval, ulong, 0600);	\
	module_param_named(wmarks_high, params.sched.wmarks.high, ulong, 0600); \
	module_param_named(wmarks_mid, params.sched.wmarks.mid, ulong, 0600); \
	module_param_named(wmarks_low, params.sched.wmarks.low, ulong, 0600); \
	module_param_named(quota_ms, params.sched.quota_ms, ulong, 0600); \
	module_param_named(quota_reset_interval_ms,			\
			   params.sched.quota_reset_ms, ulong, 0600);	\
	module_param_named(monitor_region_start,			\
			   params.sched.region.start, ulong, 0600);	\
	module_param_named(monitor_region_end,				\
			   params.sched.region.end, ulong, 0600);	\
	module_param_cb(addr_unit, &damon_module_addr_unit_ops,		\
			&params.sched.addr_unit, 0600)

struct damon_attrs damon_sched_attrs(const struct damon_sched_params *p);
unsigned int damon_sched_age(const struct damon_sched_params *p,
			     unsigned long us);
int damon_sched_fill(struct damon_ctx *ctx, const struct damon_sched_params *p);

#endif
