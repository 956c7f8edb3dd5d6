/* SPDX-License-Identifier: GPL-2.0 */
/* What one file of the vaddr operations sets calls of another. */
#ifndef _MM_DAMON_VADDR_H
#define _MM_DAMON_VADDR_H

#include <linux/mm.h>
#include <linux/sched.h>

#include "internal.h"

struct damon_va_cells;
struct damon_va_watch;

/**
 * struct damon_va_target - What is kept of a target while it is monitored.
 * @pid:	whose address space @watch is about; a reference
 * @watch:	its notifier, and hold on the address space; NULL when it has
 *		none, or there is no notifier
 * @polling:	there is an address space, but registering a notifier failed
 * @unmaps_seen: the last &damon_va_watch.unmaps that was acted upon
 * @fitted:	the regions cover @ranges
 * @ranges:	the three ranges, as last read
 * @look:	mappings may have changed: look at the borders of @ranges
 * @moved:	they have changed: @ranges are to be read again
 * @nr_vmas:	mappings to be read then, when @moved
 * @credit:	how many mappings may be looked at
 * @looked_at:	the address space in which hints have been looked for
 *		everywhere at least once; only compared
 * @cells:	what is probed for hints, NULL if nothing was yet
 *
 * Of the kdamond.
 */
struct damon_va_target {
	struct pid *pid;
	struct damon_va_watch *watch;
	bool polling;
	unsigned int unmaps_seen;
	bool fitted;
	struct damon_addr_range ranges[3];
	bool look;
	bool moved;
	unsigned long nr_vmas;
	unsigned long credit;
	const struct mm_struct *looked_at;
	struct damon_va_cells *cells;
};

static inline struct damon_va_target *damon_va_target(struct damon_target *t)
{
	return damon_target_run(t)->ops_data;
}

/* vaddr-mm.c */
struct mm_struct *damon_va_get_mm(struct damon_target *t);
bool damon_va_unmapped(struct damon_va_target *vt);
bool damon_va_shared(struct damon_target *t);
bool damon_va_others_listen(struct damon_target *t, struct mm_struct *mm);
void damon_va_retry_watch(struct damon_target *t);
void damon_va_forget(struct damon_target *t);

/* Whether to let go of the mmap lock, and of the CPU. */
static inline bool damon_va_is_wanted(struct mm_struct *mm)
{
	return need_resched() || mmap_lock_is_contended(mm);
}

/* The entry of a PUD table, if it is a table; with the mmap lock, in a mapping. */
static inline pud_t *damon_va_find_pud(struct mm_struct *mm, unsigned long addr)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	p4d_t *p4d;
	pud_t *pudp, pud;

	if (!pgd_present(pgdp_get(pgd)))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	if (!p4d_present(p4dp_get(p4d)))
		return NULL;
	pudp = pud_offset(p4d, addr);
	/* A table stays, but a huge page of a device may vanish. */
	pud = pudp_get(pudp);
	return pud_present(pud) && !pud_leaf(pud) ? pudp : NULL;
}

/* vaddr-walk.c */
void damon_va_check(struct damon_target *t);
void damon_va_prepare(struct damon_ctx *ctx, struct damon_target *t);
void damon_va_check_and_prepare(struct damon_ctx *ctx, struct damon_target *t);

/* vaddr-hints.c */
void damon_va_split_hints(struct damon_ctx *ctx, struct damon_target *t,
			  struct damon_hints *h);

/* vaddr-cells.c */

/* Checks that one of a folio counts for. */
#define DAMON_VA_LEAF_COST	4

void damon_va_doubt(struct damon_va_cells *cells, unsigned long start,
		    unsigned long end, unsigned int nr);
void damon_va_report_cells(struct damon_va_cells *cells,
			   const struct damon_target *t, struct damon_hints *h);
void damon_va_make_cells(struct damon_ctx *ctx, struct damon_target *t,
			 struct damon_va_cells *cells, const struct damon_hints *h);
struct damon_va_cells *damon_va_get_cells(struct damon_target *t,
					  const struct mm_struct *mm);
void damon_va_forget_cells(struct damon_va_target *vt);

/* vaddr-apply.c */
unsigned long damon_va_apply(struct damon_ctx *ctx, struct damon_target *t,
			     struct damon_region *r, struct damos *s,
			     unsigned long *sz_filter_passed);
bool damon_va_ignores(const struct damos *s);
int damon_va_score(struct damon_ctx *ctx, struct damon_region *r,
		   struct damos *s);

/* vaddr-ranges.c */
void damon_va_fit(struct damon_ctx *ctx, struct damon_target *t);
bool damon_va_moved(struct damon_target *t);

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
