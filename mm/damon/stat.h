/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MM_DAMON_STAT_H
#define _MM_DAMON_STAT_H

#include <linux/types.h>

/**
 * struct damon_stat_region - A region, to be put in order of idleness.
 * @idle:	aggregations without access, and one more; or, negative, with the
 *		same access
 * @sz:		size, bytes
 */
struct damon_stat_region {
	s64 idle;
	unsigned long sz;
};

#define DAMON_STAT_NR_PERCENTILES	101

#if IS_ENABLED(CONFIG_KUNIT)
void damon_stat_percentiles(struct damon_stat_region *regions, unsigned int nr,
			    unsigned long aggr_us,
			    long percentiles[DAMON_STAT_NR_PERCENTILES]);
#endif

#endif
