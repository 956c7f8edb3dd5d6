/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MM_DAMON_RECLAIM_H
#define _MM_DAMON_RECLAIM_H

#include "module.h"

/**
 * struct damon_reclaim_params - Parameters of damon_reclaim.
 * @sched:		what all modules with schemes have
 * @min_age:		µs without access that make memory cold
 * @quota_sz:		memory to reclaim in a window, core address units; 0 for
 *			no limit
 * @mem_pressure_us:	memory stall to aim at, µs in a window; 0 for no goal
 * @feedback:		how well it does, 10000 for just right; 0 for no goal
 * @skip_anon:		leave anonymous memory alone
 */
struct damon_reclaim_params {
	struct damon_sched_params sched;
	unsigned long min_age;
	unsigned long quota_sz;
	unsigned long mem_pressure_us;
	unsigned long feedback;
	bool skip_anon;
};

#if IS_ENABLED(CONFIG_KUNIT)
int damon_reclaim_add_schemes(struct damon_ctx *ctx,
			      const struct damon_reclaim_params *p);
#endif

#endif
