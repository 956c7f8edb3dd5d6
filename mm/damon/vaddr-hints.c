// SPDX-License-Identifier: GPL-2.0
/*
 * Split hints of an address space, by its upper page tables.
 *
 * An entry of an upper page table has an accessed bit, too, which tells of all
 * that is below.  Once an aggregation these bits are read and cleared from the
 * top down: an entry that was not touched costs one check, whatever is
 * below, so the cost follows what is touched and not what is mapped.
 *
 *	1 GiB (PUD)	not touched: nothing in it was
 *	2 MiB (PMD)	touched or not; a chunk
 *	huge page	the same, but the bit is that of the folio, with all that
 *			samples do about it (vaddr-walk.c)
 *	no mapping	not touched
 *
 * (Sizes are those of 4 KiB pages.)  An entry below one that was not touched
 * keeps its bit, so that when the upper one is, some of what shows was touched
 * earlier.  It will not show again.  At first all bits are of that kind, but where
 * samples cleared them; so the first round is for PUD entries alone, and then only
 * what is below those in use shows.
 *
 * What a chunk hides from this is looked for in cells of it (vaddr-cells.c).
 *
 * Somebody else may use the bits of non-leaf PMD entries: the multi-generational
 * LRU, which would take everything below for idle.  Then they are not
 * cleared, and only read: where one is not set nothing was touched.  Else, as on
 * machines without such bits, a few cells of the chunk are probed, if nothing has been
 * seen there: as many chunks in a look as SPREAD_SHARE of the budget is for,
 * going round.  It does without the bits of an address space that has MMU notifiers,
 * as one that is monitored has, but would miss accesses when that is over.  Bits of
 * PUD entries are nobody else's.
 *
 * A check costs 1, or DAMON_VA_LEAF_COST if it is of a folio.
 *
 * The mmap lock is taken for reading, and let go when somebody waits for it or
 * the CPU is wanted.  The lock of a PMD table keeps its entries as they are; one
 * of a PUD table needs none, as entries that are tables stay while the
 * mapping does.
 */

#include <linux/hugetlb.h>
#include <linux/mm_inline.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/mm.h>

#include "folio.h"
#include "vaddr.h"

/* Cells of a chunk that is not known to be touched. */
#define SPREAD_CELLS	2

/* One in so many checks is for them. */
#define SPREAD_SHARE	4

/**
 * struct look - A look at the upper page tables on its way.
 * @t:		the target
 * @h:		where to report
 * @cells:	where to have chunks divided
 * @mm:		its address space
 * @clear:	bits of non-leaf PMD entries may be cleared
 * @spread:	chunks that may still be divided without them
 * @others:	there are other MMU notifiers
 * @first:	bits may have been set before anybody looked
 * @addr:	what to look at next
 * @r:		the region there, or the next one
 * @end:	end of adjacent regions from @r on
 * @vmi:	position of @vma
 * @vma:	the mapping at @addr, or the next one; NULL if there is none
 * @pud_end:	end of the last entry of a PUD table looked at
 * @pud_touched: what it told; several mappings may share it
 * @pmd_end:	the same of a PMD table
 * @pmd_touched: the same
 */
struct look {
	struct damon_target *t;
	struct damon_hints *h;
	struct damon_va_cells *cells;
	struct mm_struct *mm;
	bool clear;
	unsigned long spread;
	bool others;
	bool first;
	unsigned long addr;
	const struct damon_region *r;
	unsigned long end;
	struct vma_iterator vmi;
	struct vm_area_struct *vma;
	unsigned long pud_end;
	bool pud_touched;
	unsigned long pmd_end;
	bool pmd_touched;
};

/* Whether the multi-generational LRU relies on bits of non-leaf PMD entries. */
static bool lru_gen_needs_pmds(void)
{
#ifdef CONFIG_LRU_GEN_ENABLED
	DECLARE_STATIC_KEY_TRUE(lru_gen_caps[NR_LRU_GEN_CAPS]);
#elif defined(CONFIG_LRU_GEN)
	DECLARE_STATIC_KEY_FALSE(lru_gen_caps[NR_LRU_GEN_CAPS]);
#endif
#ifdef CONFIG_LRU_GEN
	return lru_gen_enabled() &&
	       static_key_enabled(&lru_gen_caps[LRU_GEN_NONLEAF_YOUNG]);
#else
	return false;
#endif
}

/* What the entry of a PUD table tells; without a bit, that it was touched. */
static bool pud_test_and_clear(struct look *l, pud_t *pud)
{
#if defined(CONFIG_HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD) && \
	defined(CONFIG_TRANSPARENT_HUGEPAGE)
	if (arch_has_hw_nonleaf_pmd_young())
		return pudp_test_and_clear_young(l->vma, l->addr & PUD_MASK, pud);
#endif
	return true;
}

static bool pmd_test_and_clear(struct look *l, pmd_t *pmd)
{
#ifdef CONFIG_ARCH_HAS_NONLEAF_PMD_YOUNG
	if (l->clear)
		return pmdp_test_and_clear_young(l->vma, l->addr & PMD_MASK, pmd);
	return !arch_has_hw_nonleaf_pmd_young() || pmd_young(pmdp_get(pmd));
#else
	return true;
#endif
}

/* As a sample of the page would: the same bits, flags and notifiers. */
static bool huge_test_and_clear(struct look *l, pmd_t *pmd)
{
	unsigned long addr = l->addr & PMD_MASK;
	struct folio *folio = vm_normal_folio_pmd(l->vma, addr, pmdp_get(pmd));
	bool young, touched;

	if (!folio || !folio_test_lru(folio))
		return false;
	young = pmdp_test_and_clear_young(l->vma, addr, pmd);
	if (l->others && mmu_notifier_clear_young(l->mm, addr, addr + PMD_SIZE))
		young = true;
	touched = young || !folio_test_idle(folio);
	damon_mark_old(folio, young);
	damon_hints_spend(l->h, DAMON_VA_LEAF_COST - 1);
	return touched;
}

/* A chunk that may have been touched, and nothing more is to be had. */
static void doubt_chunk(struct look *l, unsigned long end)
{
	if (l->r->last_nr_accesses)
		return;
	l->spread--;
	damon_va_doubt(l->cells, l->addr, end, SPREAD_CELLS);
}

static bool is_done(const struct look *l)
{
	return !l->h->budget || !l->spread || l->h->nr == l->h->max;
}

static void go_to(struct look *l, unsigned long addr)
{
	const struct damon_region *end = damon_regions_end(l->t);

	l->addr = addr;
	while (l->r < end && l->r->ar.end <= addr)
		l->r++;
}

static void report(struct look *l, unsigned long end, bool touched)
{
	damon_hint(l->h, l->addr, end, touched);
	go_to(l, end);
}

static void look_at_pmd(struct look *l, pmd_t *pmdp, unsigned long end)
{
	pmd_t pmd = pmdp_get(pmdp);
	bool is_table = pmd_present(pmd) && !pmd_leaf(pmd);

	damon_hints_spend(l->h, 1);
	if (l->addr >= l->pmd_end) {
		l->pmd_end = pmd_addr_end(l->addr, ULONG_MAX);
		if (is_table)
			l->pmd_touched = pmd_test_and_clear(l, pmdp);
		else
			l->pmd_touched = pmd_trans_huge(pmd) && pmd_present(pmd) &&
					 huge_test_and_clear(l, pmdp);
	}
	if (is_table && l->pmd_touched && !l->clear) {
		doubt_chunk(l, end);
		go_to(l, end);
		return;
	}
	report(l, end, l->pmd_touched);
}

/* Whether nothing below was touched, and there is no bit to clear. */
static bool is_old(pmd_t pmd)
{
#ifdef CONFIG_ARCH_HAS_NONLEAF_PMD_YOUNG
	if (pmd_present(pmd) && !pmd_leaf(pmd) && arch_has_hw_nonleaf_pmd_young())
		return !pmd_young(pmd);
#endif
	return !pmd_present(pmd);
}

/* Old entries are most, and go together. */
static void skip_old_pmds(struct look *l, pmd_t *pmds, unsigned long end)
{
	unsigned long addr = l->addr, nr = 0;

	if (is_done(l) || addr < l->pmd_end)
		return;
	while (addr < end && nr < l->h->budget &&
	       is_old(pmdp_get(pmds + pmd_index(addr)))) {
		addr = pmd_addr_end(addr, end);
		nr++;
	}
	damon_hints_spend(l->h, nr);
	if (nr)
		report(l, addr, false);
}

static void look_at_pmds(struct look *l, pmd_t *pmds, unsigned long end)
{
	spinlock_t *ptl = pmd_lock(l->mm, pmds); /* of the PMD table */

	while (l->addr < end && !is_done(l)) {
		look_at_pmd(l, pmds + pmd_index(l->addr),
			    pmd_addr_end(l->addr, end));
		skip_old_pmds(l, pmds, end);
	}
	spin_unlock(ptl);
}

/*
 * Part of a mapping, below one entry of a PUD table.  If that was not touched it does
 * not matter what other mappings are below it.
 */
static void look_at_pud(struct look *l, unsigned long end)
{
	pud_t *pud = damon_va_find_pud(l->mm, l->addr);

	damon_hints_spend(l->h, 1);
	if (l->addr >= l->pud_end) {
		l->pud_end = pud_addr_end(l->addr, ULONG_MAX);
		l->pud_touched = pud && pud_test_and_clear(l, pud);
	}
	if (l->pud_touched && pud && l->first)
		go_to(l, min(l->pud_end, l->end));
	else if (l->pud_touched && pud)
		look_at_pmds(l, pmd_offset(pud, l->addr & PUD_MASK), end);
	else
		report(l, min(l->pud_end, l->end), false);
}

static void look_at_mapping(struct look *l)
{
	unsigned long end = min(l->vma->vm_end, l->end);

	/* What has no accessed bits, or others, is not known. */
	if (l->vma->vm_flags & VM_PFNMAP || is_vm_hugetlb_page(l->vma))
		go_to(l, end);
	else
		look_at_pud(l, pud_addr_end(l->addr, end));
}

/* Returns whether there is a region to go on in. */
static bool find_region(struct look *l)
{
	const struct damon_region *r = l->r, *end = damon_regions_end(l->t);

	if (r == end)
		return false;
	if (l->addr < r->ar.start)
		l->addr = r->ar.start;
	if (l->addr < l->end)
		return true;
	while (r + 1 < end && r[1].ar.start == r->ar.end)
		r++;
	l->end = r->ar.end;
	return true;
}

static void find_mapping(struct look *l)
{
	if (l->vma && l->addr >= l->vma->vm_end)
		l->vma = vma_next(&l->vmi);
	if (!l->vma || l->addr < l->vma->vm_end)
		return;
	vma_iter_set(&l->vmi, l->addr);
	l->vma = vma_next(&l->vmi);
}

/* Returns whether there is more to look at. */
static bool look_at_some(struct look *l)
{
	vma_iter_init(&l->vmi, l->mm, l->addr);
	l->vma = vma_next(&l->vmi);
	while (!is_done(l) && find_region(l)) {
		find_mapping(l);
		if (!l->vma || l->vma->vm_start >= l->end)
			report(l, l->end, false);
		else if (l->addr < l->vma->vm_start)
			report(l, l->vma->vm_start, false);
		else
			look_at_mapping(l);
		if (damon_va_is_wanted(l->mm))
			return true;
	}
	return false;
}

static void look(struct look *l)
{
	struct damon_va_target *vt = damon_va_target(l->t);
	bool more;

	l->first = vt->looked_at != l->mm;
	go_to(l, l->h->from);
	do {
		mmap_read_lock(l->mm);
		l->others = damon_va_others_listen(l->t, l->mm);
		more = look_at_some(l);
		mmap_read_unlock(l->mm);
		cond_resched();
	} while (more);
	l->h->from = l->r < damon_regions_end(l->t) ? l->addr : 0;
	if (!l->h->from)
		vt->looked_at = l->mm;
}

/* For &damon_operations.split_hints. */
void damon_va_split_hints(struct damon_ctx *ctx, struct damon_target *t,
			  struct damon_hints *h)
{
	struct mm_struct *mm = damon_va_get_mm(t);
	struct look l = {
		.t = t, .h = h, .mm = mm, .r = t->regions,
		.clear = arch_has_hw_nonleaf_pmd_young() && !lru_gen_needs_pmds(),
		.spread = h->budget /
			  (SPREAD_SHARE * SPREAD_CELLS * DAMON_VA_LEAF_COST) + 1,
	};

	if (!mm)
		return;
	l.cells = damon_va_get_cells(t, mm);
	if (l.cells) {
		damon_va_report_cells(l.cells, t, h);
		look(&l);
		damon_hints_filter(h, t);
		damon_va_make_cells(ctx, t, l.cells, h);
	}
	mmput(mm);
}
