// SPDX-License-Identifier: GPL-2.0
/*
 * Sampling an address space: one pass over its page tables.
 *
 * Whether a page was accessed: preparing a sample clears the accessed bit of
 * its page-table entry, and marks the folio idle.  It was accessed since if the
 * bit is set again, or somebody who saw an access cleared the idle mark, or a
 * secondary MMU saw one.  Since clearing the bit hides an access from reclaim,
 * the folio is marked young in exchange, which reclaim honours.  TLBs are not
 * flushed: an access through an entry that stays cached is missed.
 *
 * A pass visits the old samples, to check them, the new ones, to prepare them,
 * or both.  Regions are sorted, hence each kind of sample is, and a pass merges
 * the two: its unit is a span, what one page table or huge page covers.  Spans
 * go up.  All samples in a span are handled under one lock, and in it the old
 * ones come first: several regions may share a huge page.  A folio mapped by
 * several page tables may be marked idle by one before a sample in another is
 * checked, which then has to do with the accessed bit alone.
 *
 * The new sample of a region replaces the old one where it is stored, although
 * it may lie in an earlier span than the old one.  That is safe since the old
 * sample to be checked next is also held in struct walk, and no later region
 * can have its new sample in an earlier span than that.
 *
 * A present entry keeps its folio alive while the page table is locked, so no
 * reference is taken.  The mmap lock keeps mappings in place, as long as it is
 * held, and a mapping the page tables that have room for a part of it.  So one
 * mapping is looked up in a span, that of its first sample.  Of others in the
 * same table the entries tell enough: a mapping of frames without struct page
 * has special ones, and what is being unmapped meanwhile has some still.  Where
 * the entries do not tell, a span ends with its mapping.
 *
 * The last mapping and upper page table serve the next span.  The mmap lock is
 * taken for reading, and let go when somebody waits for it, when the CPU is
 * wanted, and after about BATCH regions.
 */

#include <linux/mmu_notifier.h>
#include <linux/page_idle.h>
#include <linux/sched/mm.h>
#include <linux/swap.h>
#include <linux/swapops.h>

#include "../internal.h"
#include "folio.h"
#include "sample.h"
#include "vaddr.h"

/* Regions to visit in one hold of the mmap lock. */
#define BATCH	32

/* No sample; all addresses are less. */
#define NONE	ULONG_MAX

/**
 * struct walk - A pass on its way.
 * @mm:		the address space
 * @check:	the region to check next, @end if no more
 * @prepare:	the region to prepare next, @end if no more
 * @end:	behind the last region
 * @old:	sample of @check, or NONE
 * @new:	sample of @prepare, or NONE
 * @rnd:	state of the random number generator, not 0
 * @others:	there are other MMU notifiers
 * @vmi:	position of @vma
 * @vma:	the first mapping that ended behind the last sample looked for;
 *		NULL if none is known
 * @pmds:	the table of PMD entries for the last sample looked for, or NULL
 * @pmds_end:	end of what @pmds is for, 0 if it is not known
 *
 * The last five are valid while the mmap lock is held.
 */
struct walk {
	struct mm_struct *mm;
	struct damon_region *check;
	struct damon_region *prepare;
	struct damon_region *end;
	unsigned long old;
	unsigned long new;
	u64 rnd;

	bool others;
	struct vma_iterator vmi;
	struct vm_area_struct *vma;
	pmd_t *pmds;
	unsigned long pmds_end;
};

static void load_old(struct walk *w)
{
	w->old = w->check < w->end ? w->check->sampling_addr : NONE;
}

static void load_new(struct walk *w)
{
	w->new = w->prepare < w->end ?
		 damon_sample_addr(w->prepare, &w->rnd) : NONE;
}

static void next_old(struct walk *w)
{
	w->check++;
	load_old(w);
}

static void next_new(struct walk *w)
{
	w->prepare->sampling_addr = w->new;
	w->prepare++;
	load_new(w);
}

/* What is not mapped, or not by folios, is not accessed. */
static void skip_below(struct walk *w, unsigned long end)
{
	while (w->old < end)
		next_old(w);
	while (w->new < end)
		next_new(w);
}

static __always_inline void count(struct walk *w, const struct folio *folio,
				  bool young)
{
	young = young || !folio_test_idle(folio) ||
		(w->others && mmu_notifier_test_young(w->mm, w->old));
	damon_update_region_access_rate(w->check, young);
}

static bool clear_secondary(struct walk *w, unsigned long addr, unsigned long sz)
{
	return w->others && mmu_notifier_clear_young(w->mm, addr, addr + sz);
}

/* A device has the page to itself: only it and the flags tell. */
static struct folio *exclusive_folio(pte_t pte)
{
	swp_entry_t entry;

	if (!IS_ENABLED(CONFIG_DEVICE_PRIVATE) || !is_swap_pte(pte))
		return NULL;
	entry = pte_to_swp_entry(pte);
	return is_device_exclusive_entry(entry) ? pfn_swap_entry_folio(entry) : NULL;
}

/* vm_normal_folio(), without the mapping where the entry tells. */
static __always_inline struct folio *normal_folio(struct walk *w,
						  unsigned long addr, pte_t pte)
{
	unsigned long pfn = pte_pfn(pte);

	if (!IS_ENABLED(CONFIG_ARCH_HAS_PTE_SPECIAL))
		return vm_normal_folio(w->vma, addr, pte);
	if (pte_special(pte) || pfn > highest_memmap_pfn)
		return NULL;
	return page_folio(pfn_to_page(pfn));
}

/* What samples of @pte are about, or NULL. */
static struct folio *pte_folio(struct walk *w, unsigned long addr, pte_t pte)
{
	struct folio *folio;

	if (pte_present(pte))
		folio = normal_folio(w, addr, pte);
	else
		folio = exclusive_folio(pte);
	return folio && folio_test_lru(folio) ? folio : NULL;
}

static void check_pte(struct walk *w, pte_t pte)
{
	const struct folio *folio = pte_folio(w, w->old, pte);

	if (folio)
		count(w, folio, pte_present(pte) && pte_young(pte));
}

/* ptep_test_and_clear_young() uses nothing of a mapping but its mm. */
static void prepare_pte(struct walk *w, pte_t *ptep)
{
	unsigned long addr = w->new & PAGE_MASK;
	pte_t pte = ptep_get(ptep);
	struct folio *folio = pte_folio(w, addr, pte);
	bool young;

	if (!folio)
		return;
	young = pte_present(pte) && pte_young(pte) &&
		ptep_test_and_clear_young(w->vma, addr, ptep);
	young |= clear_secondary(w, addr, PAGE_SIZE);
	damon_mark_old(folio, young);
}

/* Returns whether there is a page table. */
static bool visit_ptes(struct walk *w, pmd_t *pmd, unsigned long addr,
		       unsigned long end)
{
	spinlock_t *ptl; /* of the page table */
	pte_t *ptes;

	ptes = pte_offset_map_lock(w->mm, pmd, addr & PMD_MASK, &ptl);
	if (!ptes)
		return false;
	/* sparse does not see pte_offset_map_lock() return with it held */
	__acquire(ptl);
	for (; w->old < end; next_old(w))
		check_pte(w, ptep_get(ptes + pte_index(w->old)));
	for (; w->new < end; next_new(w))
		prepare_pte(w, ptes + pte_index(w->new));
	pte_unmap_unlock(ptes, ptl);
	return true;
}

static void prepare_pmd(struct walk *w, pmd_t *pmd, struct folio *folio)
{
	unsigned long addr = w->new & PMD_MASK;
	bool young;

	young = pmd_young(pmdp_get(pmd)) &&
		pmdp_test_and_clear_young(w->vma, addr, pmd);
	young |= clear_secondary(w, addr, PMD_SIZE);
	damon_mark_old(folio, young);
}

static void visit_huge_page(struct walk *w, pmd_t *pmdp, unsigned long addr,
			    unsigned long end)
{
	pmd_t pmd = pmdp_get(pmdp);
	struct folio *folio = NULL;

	if (pmd_present(pmd))
		folio = vm_normal_folio_pmd(w->vma, addr & PMD_MASK, pmd);
	if (!folio || !folio_test_lru(folio))
		return;
	for (; w->old < end; next_old(w))
		count(w, folio, pmd_young(pmd));
	for (; w->new < end; next_new(w))
		prepare_pmd(w, pmdp, folio);
}

/* The entry of a huge page, which is gone again if it has just been split. */
static void visit_pmd(struct walk *w, pmd_t *pmd, unsigned long addr,
		      unsigned long end)
{
	spinlock_t *ptl = pmd_trans_huge_lock(pmd, w->vma); /* of the PMD table */

	if (!ptl)
		return;
	/* sparse does not see pmd_trans_huge_lock() return with it held */
	__acquire(ptl);
	visit_huge_page(w, pmd, addr, end);
	spin_unlock(ptl);
}

/* Where a device maps more than a PMD entry could, there is none. */
static pmd_t *find_pmd_table(struct mm_struct *mm, unsigned long addr)
{
	pud_t *pud = damon_va_find_pud(mm, addr);

	return pud ? pmd_offset(pud, addr & PUD_MASK) : NULL;
}

static pmd_t *find_pmd(struct walk *w, unsigned long addr)
{
	if (addr >= w->pmds_end) {
		w->pmds = find_pmd_table(w->mm, addr);
		w->pmds_end = pud_addr_end(addr, NONE);
	}
	return w->pmds ? w->pmds + pmd_index(addr) : NULL;
}

#ifdef CONFIG_HUGETLB_PAGE
/* Whether a page table may have entries of hugetlb and of other mappings. */
static bool mixes_hugetlb(const struct mm_struct *mm)
{
	return !IS_ENABLED(CONFIG_ARCH_WANT_GENERAL_HUGETLB) &&
	       atomic_long_read(&mm->hugetlb_usage);
}

static void prepare_hugetlb(struct walk *w, unsigned long addr, pte_t *ptep,
			    struct folio *folio)
{
	unsigned long sz = huge_page_size(hstate_vma(w->vma));
	bool young = damon_hugetlb_clear_young(w->vma, addr, ptep);

	young |= clear_secondary(w, addr, sz);
	damon_mark_old(folio, young);
}

static void visit_hugetlb_entry(struct walk *w, unsigned long addr, pte_t *ptep,
				unsigned long end)
{
	pte_t pte = huge_ptep_get(w->mm, addr, ptep);
	struct folio *folio;

	if (!pte_present(pte))
		return;
	folio = page_folio(pte_page(pte));
	for (; w->old < end; next_old(w))
		count(w, folio, pte_young(pte));
	for (; w->new < end; next_new(w))
		prepare_hugetlb(w, addr, ptep, folio);
}

static void visit_hugetlb(struct walk *w, unsigned long addr)
{
	struct hstate *h = hstate_vma(w->vma);
	unsigned long end;
	spinlock_t *ptl; /* of the entry */
	pte_t *ptep;

	addr &= huge_page_mask(h);
	end = addr + huge_page_size(h);
	hugetlb_vma_lock_read(w->vma);
	ptep = hugetlb_walk(w->vma, addr, huge_page_size(h));
	if (ptep) {
		ptl = huge_pte_lock(h, w->mm, ptep);
		visit_hugetlb_entry(w, addr, ptep, end);
		spin_unlock(ptl);
	}
	hugetlb_vma_unlock_read(w->vma);
	skip_below(w, end);
}
#else
static bool mixes_hugetlb(const struct mm_struct *mm)
{
	return false;
}

static void visit_hugetlb(struct walk *w, unsigned long addr)
{
	skip_below(w, w->vma->vm_end);
}
#endif

/* Whether entries do not tell enough for a span to go on in the next mapping. */
static bool ends_with_mapping(const struct mm_struct *mm)
{
	return !IS_ENABLED(CONFIG_ARCH_HAS_PTE_SPECIAL) || mixes_hugetlb(mm);
}

static void visit_table(struct walk *w, unsigned long addr)
{
	unsigned long limit = ends_with_mapping(w->mm) ? w->vma->vm_end : NONE;
	unsigned long end = pmd_addr_end(addr, limit);
	pmd_t *pmd = find_pmd(w, addr);

	if (pmd && visit_ptes(w, pmd, addr, end))
		return;
	if (pmd)
		visit_pmd(w, pmd, addr, end);
	skip_below(w, end);
}

/* Whether what is mapped at @addr, behind @vma, is probably the next mapping. */
static bool is_near(const struct vm_area_struct *vma, unsigned long addr)
{
	return addr - vma->vm_end < vma->vm_end - vma->vm_start;
}

/* The first mapping that ends behind @addr. */
static struct vm_area_struct *find_mapping(struct walk *w, unsigned long addr)
{
	if (w->vma && addr < w->vma->vm_end)
		return w->vma;
	if (w->vma && is_near(w->vma, addr))
		w->vma = vma_next(&w->vmi);
	if (w->vma && addr < w->vma->vm_end)
		return w->vma;
	vma_iter_set(&w->vmi, addr);
	w->vma = vma_iter_load(&w->vmi) ?: vma_next(&w->vmi);
	return w->vma;
}

static void visit_span(struct walk *w, unsigned long addr)
{
	const struct vm_area_struct *vma = find_mapping(w, addr);

	if (!vma)
		skip_below(w, NONE);
	else if (addr < vma->vm_start)
		skip_below(w, vma->vm_start);
	else if (vma->vm_flags & VM_PFNMAP)
		skip_below(w, vma->vm_end);
	else if (is_vm_hugetlb_page(vma))
		visit_hugetlb(w, addr);
	else
		visit_table(w, addr);
}

/* The first address that is not visited yet, or NONE. */
static unsigned long next_addr(const struct walk *w)
{
	return min(w->old, w->new);
}

static unsigned long batch_end(const struct walk *w)
{
	const struct damon_region *r = min(w->check, w->prepare);

	return w->end - r > BATCH ? r[BATCH].ar.start : NONE;
}

/* @w is not at the end. */
static void walk_batch(struct walk *w)
{
	unsigned long end = batch_end(w);

	vma_iter_init(&w->vmi, w->mm, 0);
	w->vma = NULL;
	w->pmds_end = 0;
	do
		visit_span(w, next_addr(w));
	while (next_addr(w) < end && !damon_va_is_wanted(w->mm));
}

static void walk(struct damon_target *t, struct walk *w)
{
	load_old(w);
	load_new(w);
	w->mm = damon_va_get_mm(t);
	if (!w->mm) {
		skip_below(w, NONE);
		return;
	}
	damon_va_target(t)->credit += w->end - w->prepare;
	while (next_addr(w) < NONE) {
		mmap_read_lock(w->mm);
		w->others = damon_va_others_listen(t, w->mm);
		walk_batch(w);
		mmap_read_unlock(w->mm);
		cond_resched();
	}
	mmput(w->mm);
}

/* Count accesses to the samples of @t. */
void damon_va_check(struct damon_target *t)
{
	struct damon_region *end = damon_regions_end(t);
	struct walk w = { .check = t->regions, .prepare = end, .end = end };

	walk(t, &w);
}

/* Choose new samples, and forget past accesses to them. */
void damon_va_prepare(struct damon_ctx *ctx, struct damon_target *t)
{
	struct damon_region *end = damon_regions_end(t);
	struct walk w = {
		.check = end, .prepare = t->regions, .end = end,
		.rnd = damon_sample_seed(ctx),
	};

	walk(t, &w);
}

/* Both of the above, in this order for any page. */
void damon_va_check_and_prepare(struct damon_ctx *ctx, struct damon_target *t)
{
	struct damon_region *end = damon_regions_end(t);
	struct walk w = {
		.check = t->regions, .prepare = t->regions, .end = end,
		.rnd = damon_sample_seed(ctx),
	};

	walk(t, &w);
}
