/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MM_DAMON_LRU_SORT_H
#define _MM_DAMON_LRU_SORT_H

#include "module.h"

/**
 * struct damon_lru_sort_params - Parameters of damon_lru_sort.
 * @sched:		what all modules with schemes have
 * @hot_permil:		samples that have to find an access, in 1/1000, for
 *			memory to be hot
 * @cold_min_age:	µs without access that make memory cold
 * @active_mem_bp:	active share of LRU memory to aim at, in 1/10000; 0 for
 *			no goal
 * @filter_young:	check each page for access, too
 */
struct damon_lru_sort_params {
	struct damon_sched_params sched;
	unsigned long hot_permil;
	unsigned long cold_min_age;
	unsigned long active_mem_bp;
	bool filter_young;
};

#if IS_ENABLED(CONFIG_KUNIT)
int damon_lru_sort_add_schemes(struct damon_ctx *ctx,
			       const struct damon_lru_sort_params *p);
#endif

#endif
