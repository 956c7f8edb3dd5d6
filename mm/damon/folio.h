/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What DAMON does to folios.  Knows memory management only, and nothing of
 * DAMON.
 */
#ifndef _MM_DAMON_FOLIO_H
#define _MM_DAMON_FOLIO_H

#include <linux/hugetlb.h>
#include <linux/memcontrol.h>
#include <linux/mmu_notifier.h>
#include <linux/page_idle.h>
#include <linux/rmap.h>

#ifndef CONFIG_MMU_NOTIFIER
/* linux/mmu_notifier.h has a stub for every function but this one. */
static inline int mmu_notifier_clear_young(struct mm_struct *mm,
					   unsigned long start,
					   unsigned long end)
{
	return 0;
}
#endif

static inline bool damon_folio_of_memcg(struct folio *folio, u64 memcg_id)
{
	struct mem_cgroup *memcg;

	guard(rcu)();
	memcg = folio_memcg_check(folio);
	return memcg && mem_cgroup_id(memcg) == memcg_id;
}

/* @young: an access has just been consumed, which is reclaim's business, too. */
static inline void damon_mark_old(struct folio *folio, bool young)
{
	if (young)
		folio_set_young(folio);
	if (!folio_test_idle(folio))
		folio_set_idle(folio);
}

#ifdef CONFIG_HUGETLB_PAGE
/* Clear the accessed bit of an entry, under its lock.  Returns whether it was set. */
static inline bool damon_hugetlb_clear_young(struct vm_area_struct *vma,
					     unsigned long addr, pte_t *ptep)
{
	pte_t pte = huge_ptep_get(vma->vm_mm, addr, ptep);

	if (!pte_young(pte))
		return false;
	/* Not set_huge_pte_at() alone: the page may become dirty just now. */
	pte = huge_ptep_modify_prot_start(vma, addr, ptep);
	huge_ptep_modify_prot_commit(vma, addr, ptep, pte, pte_mkold(pte));
	return true;
}
#endif

/**
 * struct damon_age - What to do to the entries that map a folio, and the result.
 * @clear:	clear the accessed bits, rather than only test them
 * @young:	one was set
 */
struct damon_age {
	bool clear;
	bool young;
};

/**
 * damon_pte_age() - Whether an entry was used, and possibly forget that.
 * @vma:	what @addr is in
 * @addr:	the start of the page
 * @pte:	the entry
 * @clear:	forget it
 *
 * Context: the page table is locked.
 */
static inline bool damon_pte_age(struct vm_area_struct *vma, unsigned long addr,
				 pte_t *pte, bool clear)
{
	/* What a device has for itself is mapped by an entry not present. */
	bool present = pte_present(ptep_get(pte));
	bool young;

	if (!clear)
		return (present && pte_young(ptep_get(pte))) ||
		       mmu_notifier_test_young(vma->vm_mm, addr);
	young = present && ptep_test_and_clear_young(vma, addr, pte);
	if (mmu_notifier_clear_young(vma->vm_mm, addr, addr + PAGE_SIZE))
		young = true;
	return young;
}

/* folio-anon.c */

/**
 * struct damon_anon - What is held of anonymous memory, from folio to folio.
 * @anon_vma:	locked for reading; NULL, as all that follows, if nothing is held
 * @vma:	a mapping in its tree, NULL if none is known
 * @pmds:	a table of PMD entries of its address space, NULL if none is known
 * @pmds_for:	the first address @pmds is for
 */
struct damon_anon {
	struct anon_vma *anon_vma;
	struct vm_area_struct *vma;
	pmd_t *pmds;
	unsigned long pmds_for;
};

/* Whether somebody waits for it. */
static inline bool damon_anon_contended(const struct damon_anon *a)
{
	return a->anon_vma && rwsem_is_contended(&a->anon_vma->root->rwsem);
}

bool damon_anon_age(struct damon_anon *a, struct page *page,
		    struct damon_age *result);
void damon_anon_release(struct damon_anon *a);

/* folio.c */
struct folio *damon_folio_get(unsigned long pfn);
struct folio *damon_folio_get_of(struct page *page);
struct folio *damon_folio_get_sample(unsigned long pfn);
void damon_folio_mkold(struct folio *folio);
bool damon_folio_young(struct folio *folio);

/* folio-move.c */
bool damon_isolate_to_migrate(struct folio *folio, int nid,
			      struct list_head *folios);
unsigned long damon_migrate_folios(struct list_head *folios, int nid);
bool damon_isolate_to_reclaim(struct folio *folio, struct list_head *folios);

#endif
