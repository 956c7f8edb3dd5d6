// SPDX-License-Identifier: GPL-2.0
/*
 * Folios by frame number, and whether they were accessed.
 *
 * Making a folio old clears the accessed bit of every entry that maps it, and
 * marks the folio idle.  It is young again when such a bit is set, when somebody
 * who saw an access cleared the idle mark, or when a secondary MMU saw one.
 * Since clearing the bits hides an access from reclaim, the folio is marked
 * young in exchange, which reclaim honours.  TLBs are not flushed: an access
 * through an entry that stays cached is missed.
 *
 * The entries are found through the reverse mapping, which stays while the folio
 * is locked.  Nobody waits for that lock here: a folio that is locked is left as
 * it is, and not young.
 *
 * Nearly all samples are small anonymous folios that are mapped once.  For them
 * the lock of the anon_vma is enough, the walk ends with the first entry, and
 * none of the general machinery is needed.
 */

#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/page_idle.h>
#include <linux/rmap.h>

#include "../internal.h"
#include "folio.h"

#ifndef CONFIG_MMU_NOTIFIER
/* linux/mmu_notifier.h has a stub for every function but this one. */
static inline int mmu_notifier_clear_young(struct mm_struct *mm,
					   unsigned long start,
					   unsigned long end)
{
	return 0;
}
#endif

/* PageLRU() and PageHuge() are safe to ask about what may become anything. */
static __always_inline struct folio *get_folio(unsigned long pfn, bool hugetlb)
{
	struct page *page = pfn_to_online_page(pfn);
	struct folio *folio;

	if (!page || !(PageLRU(page) || (hugetlb && PageHuge(page))))
		return NULL;
	folio = page_folio(page);
	if (!folio_try_get(folio))
		return NULL;
	if (likely(page_folio(page) == folio &&
		   (folio_test_lru(folio) ||
		    (hugetlb && folio_test_hugetlb(folio)))))
		return folio;
	folio_put(folio);
	return NULL;
}

/**
 * damon_folio_get() - Get the folio that a frame belongs to.
 * @pfn:	number of the frame, any number
 *
 * Return: the folio, with a reference; NULL unless the frame is online and
 * belongs to a folio on an LRU list.
 */
struct folio *damon_folio_get(unsigned long pfn)
{
	return get_folio(pfn, false);
}

/**
 * damon_folio_get_sample() - Get the folio that a frame belongs to, to sample it.
 * @pfn:	number of the frame, any number
 *
 * Return: as damon_folio_get(), and hugetlb folios.
 */
struct folio *damon_folio_get_sample(unsigned long pfn)
{
	return get_folio(pfn, true);
}

static bool pte_age(struct vm_area_struct *vma, unsigned long addr, pte_t *pte,
		    bool clear)
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

#ifdef CONFIG_HUGETLB_PAGE
static bool hugetlb_age(struct vm_area_struct *vma, unsigned long addr,
			pte_t *ptep, bool clear)
{
	unsigned long sz = huge_page_size(hstate_vma(vma));
	bool young;

	if (!clear)
		return pte_young(huge_ptep_get(vma->vm_mm, addr, ptep)) ||
		       mmu_notifier_test_young(vma->vm_mm, addr);
	young = damon_hugetlb_clear_young(vma, addr, ptep);
	if (mmu_notifier_clear_young(vma->vm_mm, addr, addr + sz))
		young = true;
	return young;
}
#else
static bool hugetlb_age(struct vm_area_struct *vma, unsigned long addr,
			pte_t *ptep, bool clear)
{
	return false;
}
#endif

static bool pmd_age(struct vm_area_struct *vma, unsigned long addr, pmd_t *pmd,
		    bool clear)
{
	if (!clear)
		return pmd_young(pmdp_get(pmd)) ||
		       mmu_notifier_test_young(vma->vm_mm, addr);
	return pmdp_clear_young_notify(vma, addr, pmd);
}

/**
 * struct age - What to do to the entries that map a folio, and the result.
 * @clear:	clear the accessed bits, rather than only test them
 * @young:	one was set
 */
struct age {
	bool clear;
	bool young;
};

/* One entry is enough to tell that the folio is young. */
static bool has_result(const struct age *age)
{
	return !age->clear && age->young;
}

static void age_entry(const struct page_vma_mapped_walk *w, struct age *age)
{
	if (has_result(age))
		return;
	if (is_vm_hugetlb_page(w->vma))
		age->young |= hugetlb_age(w->vma, w->address, w->pte,
					  age->clear);
	else if (IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) && !w->pte)
		age->young |= pmd_age(w->vma, w->address, w->pmd, age->clear);
	else
		age->young |= pte_age(w->vma, w->address, w->pte, age->clear);
}

static bool age_in_vma(struct folio *folio, struct vm_area_struct *vma,
		       unsigned long addr, void *arg)
{
	DEFINE_FOLIO_VMA_WALK(w, folio, vma, addr, 0);

	while (page_vma_mapped_walk(&w))
		age_entry(&w, arg);
	return !has_result(arg);
}

/* Returns false, with nothing done, if the folio is locked by somebody. */
static bool age_by_rmap(struct folio *folio, struct age *age)
{
	struct rmap_walk_control walk = {
		.rmap_one = age_in_vma,
		.anon_lock = folio_lock_anon_vma_read,
		.arg = age,
	};

	if (!folio_trylock(folio))
		return false;
	rmap_walk(folio, &walk);
	folio_unlock(folio);
	return true;
}

/* Returns whether @vma maps the small folio. */
static bool age_pte(struct folio *folio, struct vm_area_struct *vma,
		    struct age *age)
{
	unsigned long addr = vma_address(vma, folio->index, 1);
	pmd_t *pmd = mm_find_pmd(vma->vm_mm, addr);
	bool is_mapped;
	spinlock_t *ptl; /* of the page table */
	pte_t *pte;

	if (!pmd)
		return false;
	pte = pte_offset_map_lock(vma->vm_mm, pmd, addr, &ptl);
	if (!pte)
		return false;
	/* sparse does not see pte_offset_map_lock() return with it held */
	__acquire(ptl);
	is_mapped = pte_present(ptep_get(pte)) &&
		    pte_pfn(ptep_get(pte)) == folio_pfn(folio);
	if (is_mapped)
		age->young = pte_age(vma, addr, pte, age->clear);
	pte_unmap_unlock(pte, ptl);
	return is_mapped;
}

/* Returns whether the only entry that maps the folio was found. */
static bool age_only_entry(struct folio *folio, struct age *age)
{
	struct anon_vma *anon_vma = folio_lock_anon_vma_read(folio, NULL);
	struct anon_vma_chain *avc;
	bool found = false;

	if (!anon_vma)
		return false;
	anon_vma_interval_tree_foreach(avc, &anon_vma->rb_root, folio->index,
				       folio->index) {
		found = age_pte(folio, avc->vma, age);
		if (found)
			break;
		cond_resched();
	}
	anon_vma_unlock_read(anon_vma);
	return found;
}

static bool is_private(const struct folio *folio)
{
	return !folio_test_large(folio) && folio_test_anon(folio) &&
	       !folio_test_ksm(folio) && folio_mapcount(folio) == 1;
}

/* Returns false, with nothing done, if the folio is locked by somebody. */
static bool age_mappings(struct folio *folio, struct age *age)
{
	if (!folio_mapped(folio) || !folio_raw_mapping(folio))
		return true;
	return (is_private(folio) && age_only_entry(folio, age)) ||
	       age_by_rmap(folio, age);
}

/**
 * damon_folio_mkold() - Forget past accesses to a folio.
 * @folio:	the folio, with a reference
 *
 * Context: may sleep.
 */
void damon_folio_mkold(struct folio *folio)
{
	struct age age = { .clear = true };

	if (!age_mappings(folio, &age))
		return;
	if (age.young)
		folio_set_young(folio);
	folio_set_idle(folio);
}

/**
 * damon_folio_young() - Tell whether a folio was accessed.
 * @folio:	the folio, with a reference
 *
 * Context: may sleep.
 * Return: whether it was since the last damon_folio_mkold(); without one, true.
 */
bool damon_folio_young(struct folio *folio)
{
	struct age age = {};

	return !folio_test_idle(folio) ||
	       (age_mappings(folio, &age) && age.young);
}
