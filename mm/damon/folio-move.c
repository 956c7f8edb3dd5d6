// SPDX-License-Identifier: GPL-2.0
/*
 * Folios on their way elsewhere: collected on a list, off their LRU list, then
 * moved together.  While they are on the list their number shows as isolated
 * in the statistics of their node, if they are to be migrated; reclaim counts
 * no such folios.  The list has a reference to each folio.
 */

#include <linux/gfp.h>
#include <linux/migrate.h>
#include <linux/mm_inline.h>
#include <linux/nodemask.h>
#include <linux/page_idle.h>
#include <linux/vmstat.h>

#include "../internal.h"
#include "folio.h"

static bool has_memory(int nid)
{
	return IS_ENABLED(CONFIG_MIGRATION) && nid >= 0 &&
	       nid < MAX_NUMNODES && node_state(nid, N_MEMORY);
}

/**
 * damon_isolate_to_migrate() - Collect a folio to be migrated.
 * @folio:	the folio; the caller has a reference, or keeps it mapped
 * @nid:	the node to migrate to, any number
 * @folios:	what to add it to
 *
 * Context: any process context; a page table may be locked.
 * Return: whether it was added.  It is not when it is on @nid already, when
 * @nid has no memory, and when it is not on an LRU list.
 */
bool damon_isolate_to_migrate(struct folio *folio, int nid,
			      struct list_head *folios)
{
	if (folio_nid(folio) == nid || !has_memory(nid) ||
	    !folio_isolate_lru(folio))
		return false;
	list_add_tail(&folio->lru, folios);
	node_stat_mod_folio(folio, NR_ISOLATED_ANON + folio_is_file_lru(folio),
			    folio_nr_pages(folio));
	return true;
}

/* Where direct reclaim would be needed, the folio rather stays. */
static struct folio *alloc_on_node(struct folio *src, unsigned long nid)
{
	gfp_t gfp = GFP_TRANSHUGE_LIGHT | __GFP_KSWAPD_RECLAIM | __GFP_THISNODE;

	return __folio_alloc_node(gfp, folio_order(src), nid);
}

/**
 * damon_migrate_folios() - Migrate collected folios.
 * @folios:	folios collected by damon_isolate_to_migrate(); empty on return
 * @nid:	the node it was given
 *
 * Folios that are locked, or that @nid has no free memory for, go back to their
 * LRU lists.
 *
 * Context: may sleep.
 * Return: number of pages migrated.
 */
unsigned long damon_migrate_folios(struct list_head *folios, int nid)
{
	unsigned int nr_pages = 0;

	if (!list_empty(folios))
		migrate_pages(folios, alloc_on_node, NULL, nid, MIGRATE_ASYNC,
			      MR_DAMON, &nr_pages);
	putback_movable_pages(folios);
	return nr_pages;
}

/**
 * damon_isolate_to_reclaim() - Collect a folio for reclaim_pages().
 * @folio:	the folio; the caller has a reference
 * @folios:	what to add it to
 *
 * Nothing that would have reclaim spare it remains.
 *
 * Context: process context.
 * Return: whether it was added.  It is not when it is not on an LRU list, or on
 * that of unevictable folios.
 */
bool damon_isolate_to_reclaim(struct folio *folio, struct list_head *folios)
{
	folio_clear_referenced(folio);
	folio_test_clear_young(folio);
	if (!folio_isolate_lru(folio))
		return false;
	if (folio_test_unevictable(folio)) {
		folio_putback_lru(folio);
		return false;
	}
	list_add_tail(&folio->lru, folios);
	return true;
}
