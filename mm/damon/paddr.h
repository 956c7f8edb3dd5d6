/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MM_DAMON_PADDR_H
#define _MM_DAMON_PADDR_H

#include <linux/damon.h>
#include <linux/mm.h>
#include <linux/overflow.h>

/*
 * The physical address, at most U64_MAX.  It may not fit unsigned long, nor any
 * memory the machine can have.
 */
static inline u64 damon_pa_phys(unsigned long addr, unsigned long unit)
{
	u64 phys;

	return check_mul_overflow((u64)addr, (u64)unit, &phys) ? U64_MAX : phys;
}

/* The frame there, one that does not exist if its number does not fit. */
static inline unsigned long damon_pa_pfn(u64 phys)
{
	return min_t(u64, phys >> PAGE_SHIFT, ULONG_MAX);
}

/* paddr-walk.c */
void damon_pa_check(struct damon_ctx *ctx, struct damon_target *t);
void damon_pa_prepare(struct damon_ctx *ctx, struct damon_target *t);
void damon_pa_check_and_prepare(struct damon_ctx *ctx, struct damon_target *t);

/* paddr-apply.c */
bool damon_pa_ignores(const struct damos *s);
unsigned long damon_pa_apply_scheme(struct damon_ctx *ctx,
				    struct damon_target *t,
				    struct damon_region *r, struct damos *s,
				    unsigned long *sz_filter_passed);
void damon_pa_sz_on_node(struct damon_ctx *ctx, struct damon_region *r, int nid,
			 u64 *on_node, u64 *total);

#endif
