// SPDX-License-Identifier: GPL-2.0
/*
 * Actions of schemes on virtual address spaces.
 *
 * Most are a piece of advice that the process could have given itself.  Advice
 * is for addresses, so filters of folios have no say, and it took effect on all
 * of the region or, when madvise() fails, on nothing.
 *
 * The others look at the folios that are mapped in the region.  They walk it
 * in steps of STEP_SZ, after each of which the mmap lock is let go.  As when
 * sampling, the page-table lock keeps a folio in place while it is filtered, and
 * here the young filter looks at the entry at hand instead of all entries that
 * map the folio.  A folio is looked at once for all of its adjacent entries.
 * hugetlb folios are left alone.
 */

#include <linux/mman.h>
#include <linux/mmu_notifier.h>
#include <linux/page_idle.h>
#include <linux/pagewalk.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "folio.h"
#include "kinds.h"
#include "vaddr.h"

/* What to walk in one hold of the mmap lock. */
#define STEP_SZ		(16 * PMD_SIZE)

/**
 * struct action - An action being applied to a region.
 * @kind:	how
 * @mm:		the address space
 * @r:		the region
 * @s:		the scheme
 * @sz_passed:	size of folios that passed the filters
 * @isolated:	folios to migrate, a list for each destination
 * @nr_moved:	pages migrated so far
 */
struct action {
	const struct action_kind *kind;
	struct mm_struct *mm;
	const struct damon_region *r;
	struct damos *s;
	unsigned long *sz_passed;
	struct list_head *isolated;
	unsigned long nr_moved;
};

struct entry;

/**
 * struct action_kind - How to carry out an action.
 * @apply:	do it; returns the size it took effect on
 * @advice:	for madvise()
 * @found:	here is a folio that passed the filters; under the lock of the
 *		page table
 * @step_done:	all of a step was found; under no lock.  Optional
 * @only_counts: there is nothing to do without filters
 */
struct action_kind {
	unsigned long (*apply)(struct action *a);
	int advice;
	void (*found)(struct action *a, const struct entry *e);
	void (*step_done)(struct action *a);
	bool only_counts;
};

static unsigned long advise(struct action *a)
{
	unsigned long start = PAGE_ALIGN(a->r->ar.start);
	unsigned long sz = PAGE_ALIGN(damon_sz_region(a->r));

	if (!IS_ENABLED(CONFIG_ADVISE_SYSCALLS) ||
	    do_madvise(a->mm, start, sz, a->kind->advice))
		return 0;
	return sz;
}

/**
 * struct entry - A page-table entry that maps a folio.
 * @f:		the folio, for filters
 * @vma:	the mapping
 * @addr:	start of what the entry maps
 * @pte:	the entry, NULL if it is @pmd
 * @pmd:	the entry, or the one above it
 *
 * Valid under the lock of the page table.
 */
struct entry {
	struct damos_folio f;
	struct vm_area_struct *vma;
	unsigned long addr;
	pte_t *pte;
	pmd_t *pmd;
};

static bool clear_young(const struct entry *e)
{
	if (e->pte || !IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		return ptep_clear_young_notify(e->vma, e->addr, e->pte);
	return pmdp_clear_young_notify(e->vma, e->addr, e->pmd);
}

static bool test_clear_young(struct damos_folio *f)
{
	const struct entry *e = container_of(f, struct entry, f);
	struct folio *folio = f->folio;
	bool young = clear_young(e);

	if (young)
		folio_set_young(folio);
	young |= !folio_test_idle(folio);
	folio_set_idle(folio);
	return young;
}

/* Show a folio to the filters.  Returns whether it passed, and is new. */
static bool passes(struct action *a, struct entry *e)
{
	struct damos_run *run = damos_run(a->s);

	if (!e->f.folio || !folio_test_lru(e->f.folio) ||
	    e->f.folio == run->last_applied)
		return false;
	run->last_applied = e->f.folio;
	return damos_folio_passes(a->s, &e->f, false);
}

static void read_pmd(struct entry *e)
{
	pmd_t pmd = pmdp_get(e->pmd);

	e->addr &= PMD_MASK;
	if (pmd_present(pmd))
		e->f.folio = vm_normal_folio_pmd(e->vma, e->addr, pmd);
}

static void read_pte(struct entry *e)
{
	pte_t pte = ptep_get(e->pte);

	e->f.folio = pte_present(pte) ? vm_normal_folio(e->vma, e->addr, pte) :
					NULL;
}

static void look_at(struct action *a, struct entry *e)
{
	if (passes(a, e))
		a->kind->found(a, e);
}

static int look_at_table(pmd_t *pmd, unsigned long addr, unsigned long end,
			 struct mm_walk *walk)
{
	struct entry e = {
		.f.test_clear_young = test_clear_young,
		.vma = walk->vma, .addr = addr, .pmd = pmd,
	};
	spinlock_t *ptl; /* of what maps the folios */
	pte_t *ptes;

	ptl = pmd_trans_huge_lock(pmd, walk->vma);
	if (ptl) {
		__acquire(ptl);
		read_pmd(&e);
		look_at(walk->private, &e);
		spin_unlock(ptl);
		return 0;
	}
	ptes = pte_offset_map_lock(walk->mm, pmd, addr, &ptl);
	if (!ptes)
		return 0;
	__acquire(ptl);
	for (e.pte = ptes; e.addr < end; e.pte++, e.addr += PAGE_SIZE) {
		read_pte(&e);
		look_at(walk->private, &e);
	}
	pte_unmap_unlock(ptes, ptl);
	return 0;
}

static const struct mm_walk_ops walk_ops = {
	.pmd_entry = look_at_table,
	.walk_lock = PGWALK_RDLOCK,
};

/* Returns where to go on. */
static unsigned long look_at_step(struct action *a, unsigned long addr,
				  unsigned long end)
{
	struct vm_area_struct *vma;

	mmap_read_lock(a->mm);
	vma = find_vma(a->mm, addr);
	addr = vma ? max(addr, vma->vm_start) : end;
	if (addr < end) {
		end = addr + min(end - addr, STEP_SZ);
		walk_page_range(a->mm, addr, end, &walk_ops, a);
	}
	mmap_read_unlock(a->mm);
	return end;
}

/* Show the folios mapped in the region to a->kind->found(). */
static void look_at_folios(struct action *a)
{
	unsigned long addr = a->r->ar.start & PAGE_MASK;
	unsigned long end = PAGE_ALIGN(a->r->ar.end);

	while (addr < end) {
		addr = look_at_step(a, addr, end);
		if (a->kind->step_done)
			a->kind->step_done(a);
		cond_resched();
	}
}

static void count_passed(struct action *a, const struct entry *e)
{
	*a->sz_passed += folio_size(e->f.folio);
}

static unsigned long count_all(struct action *a)
{
	look_at_folios(a);
	return 0;
}

/* The destination for what an entry maps, by the weights, or -1. */
static int weighted_dest(const struct damos_migrate_dests *dests,
			 const struct entry *e)
{
	unsigned int order = folio_order(e->f.folio);
	u64 pages, weights = 0, at;
	size_t i;

	for (i = 0; i < dests->nr_dests; i++)
		weights += dests->weight_arr[i];
	if (!weights)
		return -1;
	pages = (e->vma->vm_pgoff >> order) +
		((e->addr - e->vma->vm_start) >> (PAGE_SHIFT + order));
	div64_u64_rem(pages, weights, &at);
	for (i = 0; at >= dests->weight_arr[i]; i++)
		at -= dests->weight_arr[i];
	return i;
}

static int dest_nid(const struct damos *s, size_t i)
{
	const struct damos_migrate_dests *dests = &s->migrate_dests;

	return dests->nr_dests ? dests->node_id_arr[i] : s->target_nid;
}

static void isolate(struct action *a, const struct entry *e)
{
	const struct damos_migrate_dests *dests = &a->s->migrate_dests;
	int i = dests->nr_dests ? weighted_dest(dests, e) : 0;

	if (i >= 0)
		damon_isolate_to_migrate(e->f.folio, dest_nid(a->s, i),
					 &a->isolated[i]);
}

static size_t nr_dests(const struct damos *s)
{
	return s->migrate_dests.nr_dests ?: 1;
}

static void move_isolated(struct action *a)
{
	size_t i;

	for (i = 0; i < nr_dests(a->s); i++)
		a->nr_moved += damon_migrate_folios(&a->isolated[i],
						    dest_nid(a->s, i));
}

static unsigned long migrate(struct action *a)
{
	size_t i, nr = nr_dests(a->s);

	a->isolated = kvmalloc_array(nr, sizeof(*a->isolated), GFP_KERNEL);
	if (!a->isolated)
		return 0;
	for (i = 0; i < nr; i++)
		INIT_LIST_HEAD(&a->isolated[i]);
	look_at_folios(a);
	kvfree(a->isolated);
	return a->nr_moved * PAGE_SIZE;
}

static const struct action_kind kinds[] = {
	[DAMOS_WILLNEED] = { advise, .advice = MADV_WILLNEED },
	[DAMOS_COLD] = { advise, .advice = MADV_COLD },
	[DAMOS_PAGEOUT] = { advise, .advice = MADV_PAGEOUT },
	[DAMOS_HUGEPAGE] = { advise, .advice = MADV_HUGEPAGE },
	[DAMOS_NOHUGEPAGE] = { advise, .advice = MADV_NOHUGEPAGE },
	[DAMOS_COLLAPSE] = { advise, .advice = MADV_COLLAPSE },
	[DAMOS_MIGRATE_HOT] = {
		migrate, .found = isolate, .step_done = move_isolated,
	},
	[DAMOS_MIGRATE_COLD] = {
		migrate, .found = isolate, .step_done = move_isolated,
	},
	[DAMOS_STAT] = {
		count_all, .found = count_passed, .only_counts = true,
	},
};

static_assert(ARRAY_SIZE(kinds) == NR_DAMOS_ACTIONS);

static unsigned long carry_out(struct action *a, struct damon_target *t)
{
	unsigned long applied;

	a->mm = damon_va_get_mm(t);
	if (!a->mm)
		return 0;
	applied = a->kind->apply(a);
	mmput(a->mm);
	return applied;
}

/* See &damon_operations.ignores_scheme. */
bool damon_va_ignores(const struct damos *s)
{
	const struct action_kind *kind = &kinds[s->action];

	return !kind->apply || (kind->only_counts && list_empty(&s->ops_filters));
}

/* Apply an action to a region.  Returns the size it took effect on. */
unsigned long damon_va_apply(struct damon_ctx *ctx, struct damon_target *t,
			     struct damon_region *r, struct damos *s,
			     unsigned long *sz_filter_passed)
{
	if (damon_va_ignores(s))
		return 0;
	return carry_out(&(struct action) {
		.kind = &kinds[s->action], .r = r, .s = s, .sz_passed = sz_filter_passed,
	}, t);
}

/* Priority of a region; all are alike for what is not supported. */
int damon_va_score(struct damon_ctx *ctx, struct damon_region *r, struct damos *s)
{
	return kinds[s->action].apply ? damos_priority(ctx, r, s) :
					DAMOS_MAX_SCORE;
}
