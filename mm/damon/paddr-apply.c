// SPDX-License-Identifier: GPL-2.0
/*
 * Actions of schemes on physical memory.
 *
 * A region is gone through folio by folio.  What of it an action is done to is
 * whole folios: those the filters let pass, if they lie in the region at least
 * in part.  A folio that reaches beyond the region is remembered, and passed
 * over in the next one.  What is reclaimed or migrated is collected, and handled
 * in batches, as memory that is collected is not available for reclaim.
 *
 * To add an action: its row here.
 */

#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/swap.h>

#include "../internal.h"
#include "folio.h"
#include "internal.h"
#include "kinds.h"
#include "paddr.h"

/* Pages to collect at most, but for the last folio. */
#define BATCH	1024

/* Frames that are online, and have a struct page, if one of them is and has. */
#define BLOCK	min(pageblock_nr_pages, SZ_2M >> PAGE_SHIFT)

/* Flags of a page, and what they are where there is nothing left to do. */
struct done {
	unsigned long mask;
	unsigned long flags;
};

/**
 * struct frames - The frames of a region, and how far they were gone through.
 * @pfn:	the next one
 * @end:	the one after the last one
 * @whole:	those that lie in the region wholly, if a unit is no whole page
 * @done:	small folios with these flags are passed over
 * @nr_done:	their pages so far
 */
struct frames {
	unsigned long pfn;
	unsigned long end;
	struct damon_addr_range whole;
	struct done done;
	unsigned long nr_done;
};

static struct frames frames_of(const struct damon_ctx *ctx,
			       const struct damon_region *r)
{
	u64 start = damon_pa_phys(r->ar.start, ctx->addr_unit);
	u64 end = damon_pa_phys(r->ar.end, ctx->addr_unit);

	return (struct frames) {
		.pfn = damon_pa_pfn(start),
		.end = min(damon_pa_pfn(end - 1), max_pfn - 1) + 1,
		.whole = {
			damon_pa_pfn(start + PAGE_SIZE - 1), damon_pa_pfn(end),
		},
	};
}

static unsigned long folio_end(struct folio *folio)
{
	return folio_pfn(folio) + folio_nr_pages(folio);
}

/* Pages from @page, the next one, up to @end that are done. */
static unsigned long nr_done(const struct frames *f, const struct page *page,
			     unsigned long end)
{
	unsigned long mask = f->done.mask, flags = f->done.flags, nr = 0;

	if (!mask || f->pfn < f->whole.start)
		return 0;
	end = min(end, f->whole.end);
	while (f->pfn + nr < end && (READ_ONCE(page[nr].flags) & mask) == flags)
		nr++;
	return nr;
}

/* Frames a page that is on no LRU list stands for.  What is free may change. */
static unsigned long nr_frames_of(const struct page *page)
{
	if (!PageBuddy(page))
		return 1;
	return 1UL << min_t(unsigned long, buddy_order_unsafe(page),
			    MAX_PAGE_ORDER);
}

/*
 * Go on to what may be part of a folio on an LRU list in the block of the next
 * frame, and return it; or go on behind the block.  Without a reference, what has
 * just become one may be missed.
 */
static struct page *find_on_lru(struct frames *f)
{
	unsigned long end = min(f->end, ALIGN(f->pfn + 1, BLOCK)), nr;
	struct page *page = pfn_to_online_page(f->pfn);

	for (; page && f->pfn < end; f->pfn += nr, page += nr) {
		nr = nr_done(f, page, end);
		f->nr_done += nr;
		if (nr)
			continue;
		if (PageLRU(page))
			return page;
		nr = nr_frames_of(page);
	}
	f->pfn = clamp(f->pfn, end, f->end);
	return NULL;
}

/* The next folio, with a reference; NULL if there is no more. */
static struct folio *next_folio(struct frames *f)
{
	struct folio *folio;
	struct page *page;

	while (f->pfn < f->end) {
		cond_resched();
		page = find_on_lru(f);
		if (!page)
			continue;
		folio = damon_folio_get_of(page);
		if (folio) {
			f->pfn = folio_end(folio);
			return folio;
		}
		f->pfn++;
	}
	return NULL;
}

/**
 * struct collection - Folios to be handled together.
 * @folios:	the folios
 * @nr_pages:	their pages
 * @nid:	where to migrate them to
 */
struct collection {
	struct list_head folios;
	unsigned long nr_pages;
	int nid;
};

/**
 * struct pa_action - How an action is done.
 * @start:	do it to a folio, or add that to the collection; returns the
 *		pages it was done to
 * @finish:	do it to the collection; returns the pages it was done to.  NULL
 *		if nothing is collected
 * @spare_young: not to what has been accessed since the last check
 * @only_counts: what passes filters is counted, and nothing done
 * @done:	small folios with these flags need not be got to do it
 */
struct pa_action {
	unsigned long (*start)(struct collection *c, struct folio *folio);
	unsigned long (*finish)(struct collection *c);
	bool spare_young;
	bool only_counts;
	struct done done;
};

static unsigned long activate(struct collection *c, struct folio *folio)
{
	folio_activate(folio);
	return folio_nr_pages(folio);
}

static unsigned long deactivate(struct collection *c, struct folio *folio)
{
	folio_deactivate(folio);
	return folio_nr_pages(folio);
}

static unsigned long start_reclaim(struct collection *c, struct folio *folio)
{
	if (damon_isolate_to_reclaim(folio, &c->folios))
		c->nr_pages += folio_nr_pages(folio);
	return 0;
}

static unsigned long finish_reclaim(struct collection *c)
{
	return reclaim_pages(&c->folios);
}

static unsigned long start_migration(struct collection *c, struct folio *folio)
{
	if (damon_isolate_to_migrate(folio, c->nid, &c->folios))
		c->nr_pages += folio_nr_pages(folio);
	return 0;
}

static unsigned long finish_migration(struct collection *c)
{
	return damon_migrate_folios(&c->folios, c->nid);
}

static unsigned long do_nothing(struct collection *c, struct folio *folio)
{
	return 0;
}

static const struct pa_action actions[NR_DAMOS_ACTIONS] = {
	[DAMOS_PAGEOUT] = { start_reclaim, finish_reclaim, .spare_young = true },
	[DAMOS_LRU_PRIO] = {
		activate,
		.done = {
			BIT(PG_lru) | BIT(PG_active) | BIT(PG_head),
			BIT(PG_lru) | BIT(PG_active),
		},
	},
	[DAMOS_LRU_DEPRIO] = {
		deactivate,
		.done = {
			BIT(PG_lru) | BIT(PG_active) | BIT(PG_head) |
			BIT(PG_unevictable),
			BIT(PG_lru),
		},
	},
	[DAMOS_MIGRATE_HOT] = { start_migration, finish_migration },
	[DAMOS_MIGRATE_COLD] = { start_migration, finish_migration },
	[DAMOS_STAT] = { do_nothing, .only_counts = true },
};

/*
 * What the action is done to already, as most of a region is that was hot, or
 * cold, before.  The multi-generational LRU has finer ideas of what is active.
 */
static struct done what_is_done(const struct pa_action *action,
				const struct damos *s)
{
	if (!list_empty(&s->ops_filters) || lru_gen_enabled())
		return (struct done) {};
	return action->done;
}

static bool test_clear_young(struct damos_folio *f)
{
	bool young = damon_folio_young(f->folio);

	if (young)
		damon_folio_mkold(f->folio);
	return young;
}

static unsigned long finish(const struct pa_action *action,
			    struct collection *c)
{
	c->nr_pages = 0;
	return action->finish ? action->finish(c) : 0;
}

/* Returns the pages @action was done to, and adds up those that passed. */
static unsigned long apply(const struct pa_action *action, struct damos *s,
			   struct frames *frames, unsigned long *passed)
{
	struct collection c = { LIST_HEAD_INIT(c.folios), .nid = s->target_nid };
	struct damos_folio f = { .test_clear_young = test_clear_young };
	const struct folio *seen = damos_run(s)->last_applied;
	unsigned long done = 0;

	frames->done = what_is_done(action, s);
	damos_run(s)->last_applied = NULL;
	while ((f.folio = next_folio(frames))) {
		if (frames->pfn > frames->whole.end)
			damos_run(s)->last_applied = f.folio;
		if (f.folio != seen &&
		    damos_folio_passes(s, &f, action->spare_young)) {
			*passed += folio_nr_pages(f.folio);
			done += action->start(&c, f.folio);
		}
		folio_put(f.folio);
		if (c.nr_pages >= BATCH)
			done += finish(action, &c);
	}
	*passed += frames->nr_done;
	return done + frames->nr_done + finish(action, &c);
}

static unsigned long to_core(const struct damon_ctx *ctx, u64 nr_pages)
{
	return div64_ul(nr_pages << PAGE_SHIFT, ctx->addr_unit);
}

/* See &damon_operations.ignores_scheme. */
bool damon_pa_ignores(const struct damos *s)
{
	const struct pa_action *action = &actions[s->action];

	return !action->start ||
	       (action->only_counts && list_empty(&s->ops_filters));
}

/* See &damon_operations.apply_scheme. */
unsigned long damon_pa_apply_scheme(struct damon_ctx *ctx,
				    struct damon_target *t,
				    struct damon_region *r, struct damos *s,
				    unsigned long *sz_filter_passed)
{
	struct frames frames = frames_of(ctx, r);
	unsigned long done, passed = 0;

	if (damon_pa_ignores(s))
		return 0;
	done = apply(&actions[s->action], s, &frames, &passed);
	*sz_filter_passed += to_core(ctx, passed);
	return to_core(ctx, done);
}

/* See &damon_operations.sz_on_node. */
void damon_pa_sz_on_node(struct damon_ctx *ctx, struct damon_region *r, int nid,
			 u64 *on_node, u64 *total)
{
	struct frames frames = frames_of(ctx, r);
	unsigned long start = frames.pfn;
	struct folio *folio;
	u64 sz;

	while ((folio = next_folio(&frames))) {
		sz = min(frames.pfn, frames.end) - max(folio_pfn(folio), start);
		sz <<= PAGE_SHIFT;
		*total += sz;
		if (folio_nid(folio) == nid)
			*on_node += sz;
		folio_put(folio);
	}
}
