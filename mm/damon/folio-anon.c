// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses to small anonymous folios that one entry maps.
 *
 * That is what nearly all samples of physical memory are.  The general way
 * references and locks each folio, locks and searches its anon_vma, and asks
 * for further entries.  Here the anon_vma stays locked as long as one folio after
 * another belongs to it, as neighbours often do.  A mapping is in the tree of
 * its anon_vma, stays where it is and has its upper page tables until somebody
 * locks that for writing, so the last mapping and table serve the next folio.
 *
 * No reference is needed, as nothing that is read of the frame has to be true
 * before its entry is found.  The anon_vma it names is compared with the one at
 * hand, and not followed; its index says at which address to look; and only
 * the page table there, once locked, tells that the frame is mapped.  If so, it
 * is what it is until the page table is unlocked, and if its map count is one,
 * there is no further entry.  In any other case the general way has to be taken.
 *
 * To get hold of another anon_vma does take a reference to a folio, for a moment.
 */

#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/rmap.h>

#include "../internal.h"
#include "folio.h"

/* The mapping of folios of @anon_vma. */
static unsigned long mapping_of(const struct anon_vma *anon_vma)
{
	return (unsigned long)anon_vma + PAGE_MAPPING_ANON;
}

/* Tails of large folios are not on an LRU list themselves. */
static bool is_small_on_lru(const struct page *page)
{
	return (READ_ONCE(page->flags) & (BIT(PG_lru) | BIT(PG_head))) ==
	       BIT(PG_lru);
}

/* Any answer may be outdated. */
static bool is_candidate(const struct page *page)
{
	unsigned long mapping = (unsigned long)READ_ONCE(page->mapping);

	return (mapping & PAGE_MAPPING_FLAGS) == PAGE_MAPPING_ANON &&
	       is_small_on_lru(page) && !atomic_read(&page->_mapcount);
}

static bool is_held(const struct damon_anon *a, struct page *page)
{
	return a->anon_vma &&
	       (unsigned long)READ_ONCE(page->mapping) == mapping_of(a->anon_vma);
}

/* Returns whether the anon_vma of @page is locked now. */
static bool hold(struct damon_anon *a, struct page *page)
{
	struct folio *folio;
	bool held;

	if (is_held(a, page))
		return true;
	damon_anon_release(a);
	folio = damon_folio_get(page_to_pfn(page));
	if (!folio)
		return false;
	a->anon_vma = folio_lock_anon_vma_read(folio, NULL);
	held = is_held(a, page);
	folio_put(folio);
	return held;
}

static pmd_t *find_pmd(struct damon_anon *a, unsigned long addr)
{
	pmd_t *pmd;

	if (a->pmds && a->pmds_for == (addr & PUD_MASK))
		return a->pmds + pmd_index(addr);
	pmd = mm_find_pmd(a->vma->vm_mm, addr);
	a->pmds = pmd ? pmd - pmd_index(addr) : NULL;
	a->pmds_for = addr & PUD_MASK;
	return pmd;
}

/* A page without a reference, which is looked at only where it is mapped. */
struct place {
	struct page *page;
	unsigned long pfn;
	unsigned long index;
};

static bool is_only_entry(pte_t pte, const struct place *place)
{
	return pte_present(pte) && pte_pfn(pte) == place->pfn &&
	       !PageCompound(place->page) &&
	       !atomic_read(&place->page->_mapcount);
}

static void age(struct damon_anon *a, unsigned long addr, pte_t *pte,
		struct folio *folio, struct damon_age *age)
{
	if (!age->clear && !folio_test_idle(folio))
		age->young = true;
	else
		age->young = damon_pte_age(a->vma, addr, pte, age->clear);
	if (age->clear)
		damon_mark_old(folio, age->young);
}

/* Returns whether the mapping at hand is the one with the entry. */
static bool age_mapped(struct damon_anon *a, const struct place *place,
		       struct damon_age *result)
{
	unsigned long addr = vma_address(a->vma, place->index, 1);
	pmd_t *pmd;
	bool found;
	spinlock_t *ptl; /* of the page table */
	pte_t *pte;

	if (addr == -EFAULT)
		return false;
	pmd = find_pmd(a, addr);
	if (!pmd)
		return false;
	pte = pte_offset_map_lock(a->vma->vm_mm, pmd, addr, &ptl);
	if (!pte)
		return false;
	/* sparse does not see pte_offset_map_lock() return with it held */
	__acquire(ptl);
	found = is_only_entry(ptep_get(pte), place);
	if (found)
		age(a, addr, pte, page_folio(place->page), result);
	pte_unmap_unlock(pte, ptl);
	return found;
}

/* A new program's stack is moved without regard to this lock. */
static bool age_in_tree(struct damon_anon *a, const struct place *place,
			struct damon_age *result)
{
	struct anon_vma_chain *avc;

	anon_vma_interval_tree_foreach(avc, &a->anon_vma->rb_root, place->index,
				       place->index) {
		a->vma = avc->vma;
		a->pmds = NULL;
		if (!vma_is_temporary_stack(a->vma) &&
		    age_mapped(a, place, result))
			return true;
		cond_resched();
	}
	a->vma = NULL;
	return false;
}

/**
 * damon_anon_age() - Ask for accesses to a small folio mapped once.
 * @a:		what is held
 * @page:	a page, maybe of such a folio
 * @result:	what to do, and the result
 *
 * Context: may sleep; no lock of any address space, file or folio is held.
 * Return: whether it has been done; if not, it is no such folio, or not any more.
 */
bool damon_anon_age(struct damon_anon *a, struct page *page,
		    struct damon_age *result)
{
	struct place place = { .page = page };

	if (!is_candidate(page) || !hold(a, page))
		return false;
	place.pfn = page_to_pfn(page);
	place.index = READ_ONCE(page->index);
	return (a->vma && age_mapped(a, &place, result)) ||
	       age_in_tree(a, &place, result);
}

/**
 * damon_anon_release() - Let go what is held.
 * @a:	what is held
 */
void damon_anon_release(struct damon_anon *a)
{
	if (a->anon_vma)
		anon_vma_unlock_read(a->anon_vma);
	*a = (struct damon_anon) {};
}
