/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MM_DAMON_PADDR_H
#define _MM_DAMON_PADDR_H

#include <linux/damon.h>

/* paddr.c */
u64 damon_pa_phys(unsigned long addr, unsigned long unit);
unsigned long damon_pa_pfn(u64 phys);

/* paddr-apply.c */
unsigned long damon_pa_apply_scheme(struct damon_ctx *ctx,
				    struct damon_target *t,
				    struct damon_region *r, struct damos *s,
				    unsigned long *sz_filter_passed);
void damon_pa_sz_on_node(struct damon_ctx *ctx, struct damon_region *r, int nid,
			 u64 *on_node, u64 *total);

#endif
