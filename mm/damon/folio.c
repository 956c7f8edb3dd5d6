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
 * it is, and not young.  Those of hugetlb are locked inside of the lock of the
 * mapping, so that is not waited for with one of them locked, either.
 *
 * folio-anon.c does the same for small anonymous folios that are mapped once, for
 * less and without the folio lock.  Here it is asked first.
 */

#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/page_idle.h>
#include <linux/rmap.h>

#include "../internal.h"
#include "folio.h"

/* PageLRU() and PageHuge() are safe to ask about what may become anything. */
static __always_inline struct folio *get_folio(struct page *page, bool hugetlb)
{
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
	return get_folio(pfn_to_online_page(pfn), false);
}

/**
 * damon_folio_get_of() - Get the folio that a page belongs to.
 * @page:	what pfn_to_online_page() has just returned, or a page near it
 *
 * Return: as damon_folio_get().
 */
struct folio *damon_folio_get_of(struct page *page)
{
	return get_folio(page, false);
}

/**
 * damon_folio_get_sample() - Get the folio that a frame belongs to, to sample it.
 * @pfn:	number of the frame, any number
 *
 * Return: as damon_folio_get(), and hugetlb folios.
 */
struct folio *damon_folio_get_sample(unsigned long pfn)
{
	return get_folio(pfn_to_online_page(pfn), true);
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

/* One entry is enough to tell that the folio is young. */
static bool has_result(const struct damon_age *age)
{
	return !age->clear && age->young;
}

static void age_entry(const struct page_vma_mapped_walk *w, struct damon_age *age)
{
	if (has_result(age))
		return;
	if (is_vm_hugetlb_page(w->vma))
		age->young |= hugetlb_age(w->vma, w->address, w->pte,
					  age->clear);
	else if (IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) && !w->pte)
		age->young |= pmd_age(w->vma, w->address, w->pmd, age->clear);
	else
		age->young |= damon_pte_age(w->vma, w->address, w->pte,
					    age->clear);
}

static bool age_in_vma(struct folio *folio, struct vm_area_struct *vma,
		       unsigned long addr, void *arg)
{
	DEFINE_FOLIO_VMA_WALK(w, folio, vma, addr, 0);

	while (page_vma_mapped_walk(&w))
		age_entry(&w, arg);
	return !has_result(arg);
}

/* Returns false, with nothing done, if that would have to wait for somebody. */
static bool age_by_rmap(struct folio *folio, struct damon_age *age)
{
	struct rmap_walk_control walk = {
		.rmap_one = age_in_vma,
		.anon_lock = folio_lock_anon_vma_read,
		.try_lock = folio_test_hugetlb(folio),
		.arg = age,
	};

	if (!folio_trylock(folio))
		return false;
	if (age->clear || folio_test_idle(folio))
		rmap_walk(folio, &walk);
	else
		age->young = true;
	folio_unlock(folio);
	return !walk.contended;
}

/* Returns false, with nothing done, if that takes more than nearly all need. */
static bool age_usual(struct folio *folio, struct damon_age *age)
{
	struct damon_anon anon = {};
	bool done = damon_anon_age(&anon, &folio->page, age);

	damon_anon_release(&anon);
	return done;
}

static bool is_mapped(const struct folio *folio)
{
	return folio_mapped(folio) && folio_raw_mapping(folio);
}

/**
 * damon_folio_mkold() - Forget past accesses to a folio.
 * @folio:	the folio, with a reference
 *
 * Context: may sleep.
 */
void damon_folio_mkold(struct folio *folio)
{
	struct damon_age age = { .clear = true };

	if (age_usual(folio, &age))
		return;
	if (!is_mapped(folio) || age_by_rmap(folio, &age))
		damon_mark_old(folio, age.young);
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
	struct damon_age age = {};

	if (age_usual(folio, &age))
		return age.young;
	if (!is_mapped(folio))
		return !folio_test_idle(folio);
	return age_by_rmap(folio, &age) && age.young;
}
