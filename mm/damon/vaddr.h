/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MM_DAMON_VADDR_H
#define _MM_DAMON_VADDR_H

#include <linux/damon.h>

/**
 * struct damon_va_gaps - The gaps between mappings, as far as they matter.
 * @mapped:	from the start of the first mapping to the end of the last
 * @first:	the biggest gap, the earlier one if there are several; empty if
 *		there is none
 * @second:	the biggest of the others
 */
struct damon_va_gaps {
	struct damon_addr_range mapped;
	struct damon_addr_range first;
	struct damon_addr_range second;
};

#if IS_ENABLED(CONFIG_KUNIT)
void damon_va_gaps_add(struct damon_va_gaps *gaps, unsigned long start,
		       unsigned long end);
int damon_va_gaps_to_ranges(const struct damon_va_gaps *gaps,
			    struct damon_addr_range ranges[3]);
#endif

#endif
