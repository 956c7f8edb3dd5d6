// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual address spaces: vaddr, whose regions follow the mappings, and fvaddr,
 * whose ranges are the user's.
 *
 * What to monitor: nearly all of an address space is unmapped, most of that in
 * two gaps, around the heap.  So vaddr covers the three ranges that the two
 * biggest gaps leave, and tolerates the small gaps within.
 *
 * Whether a page was accessed: preparing a sample clears the accessed bit of
 * its page-table entry, and marks the folio idle.  It was accessed since if the
 * bit is set again, or somebody who saw an access cleared the idle mark, or a
 * secondary MMU saw one.  Since clearing the bit hides an access from reclaim,
 * the folio is marked young in exchange, which reclaim honours.  TLBs are not
 * flushed: an access through an entry that stays cached is missed.
 *
 * Samples are visited in address order.  All samples under one page table are
 * handled under one lock of it; the VMA found last serves the next sample.  A
 * present entry keeps its folio alive while the page table is locked, so no
 * reference is taken.  The mmap lock, which keeps VMAs and page tables in
 * place, is taken for reading, and let go when somebody waits for it, when the
 * CPU is wanted, and after BATCH samples.
 */

#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/page_idle.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>

#include <kunit/visibility.h>

#include "internal.h"
#include "vaddr.h"

/* Most samples to handle in one hold of the mmap lock. */
#define BATCH	256

/**
 * struct va_entry - A page-table entry that maps a sampled page.
 * @vma:	the mapping
 * @addr:	start of what the entry maps
 * @pte:	the entry, NULL if it is @pmd
 * @pmd:	the entry, or the one above it
 * @folio:	what is mapped; on an LRU list
 *
 * Valid under the lock of the page table.
 */
struct va_entry {
	struct vm_area_struct *vma;
	unsigned long addr;
	pte_t *pte;
	pmd_t *pmd;
	struct folio *folio;
};

typedef void (*va_visit_fn)(struct damon_region *r, const struct va_entry *e);

static bool is_pte(const struct va_entry *e)
{
	return !IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) || e->pte;
}

static bool entry_young(const struct va_entry *e)
{
	return is_pte(e) ? pte_young(ptep_get(e->pte)) :
			   pmd_young(pmdp_get(e->pmd));
}

static bool entry_clear_young(const struct va_entry *e)
{
	return is_pte(e) ? ptep_clear_young_notify(e->vma, e->addr, e->pte) :
			   pmdp_clear_young_notify(e->vma, e->addr, e->pmd);
}

static void make_old(struct damon_region *r, const struct va_entry *e)
{
	if (entry_clear_young(e))
		folio_set_young(e->folio);
	folio_set_idle(e->folio);
}

static void count_access(struct damon_region *r, const struct va_entry *e)
{
	bool accessed = entry_young(e) || !folio_test_idle(e->folio) ||
			mmu_notifier_test_young(e->vma->vm_mm, r->sampling_addr);

	damon_update_region_access_rate(r, accessed);
}

static void visit_folio(struct damon_region *r, struct va_entry *e,
			va_visit_fn visit)
{
	if (e->folio && folio_test_lru(e->folio))
		visit(r, e);
}

static void visit_pmd(struct damon_region *from, struct damon_region *to,
		      struct va_entry *e, va_visit_fn visit)
{
	pmd_t pmd = pmdp_get(e->pmd);

	if (!pmd_present(pmd))
		return;
	e->addr = from->sampling_addr & PMD_MASK;
	e->folio = vm_normal_folio_pmd(e->vma, e->addr, pmd);
	for (; from < to; from++)
		visit_folio(from, e, visit);
}

static void visit_ptes(struct damon_region *from, struct damon_region *to,
		       struct va_entry *e, va_visit_fn visit)
{
	unsigned long first = from->sampling_addr;
	spinlock_t *ptl; /* of the page table */
	pte_t *ptes, pte;

	ptes = pte_offset_map_lock(e->vma->vm_mm, e->pmd, first, &ptl);
	if (!ptes)
		return;
	/* sparse does not see pte_offset_map_lock() return with it held */
	__acquire(ptl);
	for (; from < to; from++) {
		e->addr = from->sampling_addr & PAGE_MASK;
		e->pte = ptes + pte_index(e->addr) - pte_index(first);
		pte = ptep_get(e->pte);
		if (!pte_present(pte))
			continue;
		e->folio = vm_normal_folio(e->vma, e->addr, pte);
		visit_folio(from, e, visit);
	}
	pte_unmap_unlock(ptes, ptl);
}

/* Not where a device maps more than a PMD entry could: nothing to sample. */
static pmd_t *find_pmd(struct mm_struct *mm, unsigned long addr)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	p4d_t *p4d;
	pud_t *pud;

	if (!pgd_present(pgdp_get(pgd)))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	if (!p4d_present(p4dp_get(p4d)))
		return NULL;
	pud = pud_offset(p4d, addr);
	if (!pud_present(pudp_get(pud)) || pud_leaf(pudp_get(pud)))
		return NULL;
	return pmd_offset(pud, addr);
}

/* Visit the samples of [@from, @to), which lie under one entry of a PMD. */
static void visit_table(struct vm_area_struct *vma, struct damon_region *from,
			struct damon_region *to, va_visit_fn visit)
{
	struct va_entry e = { .vma = vma };
	spinlock_t *ptl; /* of the PMD table */

	e.pmd = find_pmd(vma->vm_mm, from->sampling_addr);
	if (!e.pmd)
		return;
	ptl = pmd_trans_huge_lock(e.pmd, vma);
	if (!ptl) {
		visit_ptes(from, to, &e, visit);
		return;
	}
	/* sparse does not see pmd_trans_huge_lock() return with it held */
	__acquire(ptl);
	visit_pmd(from, to, &e, visit);
	spin_unlock(ptl);
}

/* Special mappings have no folios.  hugetlb has page tables of its own kind. */
static bool is_sampled(struct vm_area_struct *vma)
{
	return !(vma->vm_flags & (VM_PFNMAP | VM_HUGETLB));
}

static struct damon_region *skip_below(struct damon_region *r,
				       const struct damon_region *end,
				       unsigned long addr)
{
	while (r < end && r->sampling_addr < addr)
		r++;
	return r;
}

/* Returns the first region that was not visited. */
static struct damon_region *walk_batch(struct mm_struct *mm,
				       struct damon_region *r,
				       struct damon_region *end,
				       va_visit_fn visit)
{
	struct vm_area_struct *vma = NULL;
	struct damon_region *next;

	while (r < end) {
		if (!vma || r->sampling_addr >= vma->vm_end)
			vma = find_vma(mm, r->sampling_addr);
		if (!vma)
			return end;
		if (!is_sampled(vma)) {
			r = skip_below(r, end, vma->vm_end);
			continue;
		}
		r = skip_below(r, end, vma->vm_start);
		if (r == end || r->sampling_addr >= vma->vm_end)
			continue;
		next = skip_below(r, end, pmd_addr_end(r->sampling_addr,
						       vma->vm_end));
		visit_table(vma, r, next, visit);
		r = next;
		if (need_resched() || mmap_lock_is_contended(mm))
			break;
	}
	return r;
}

static struct mm_struct *get_target_mm(const struct damon_target *t)
{
	struct task_struct *task = get_pid_task(t->pid, PIDTYPE_PID);
	struct mm_struct *mm;

	if (!task)
		return NULL;
	mm = get_task_mm(task);
	put_task_struct(task);
	return mm;
}

/* Visit the samples of a target that are in mapped, ordinary memory. */
static void walk_samples(struct damon_target *t, va_visit_fn visit)
{
	struct damon_region *r = t->regions, *end = r + t->nr_regions;
	struct mm_struct *mm = get_target_mm(t);

	if (!mm)
		return;
	while (r < end) {
		mmap_read_lock(mm);
		r = walk_batch(mm, r, min(r + BATCH, end), visit);
		mmap_read_unlock(mm);
		cond_resched();
	}
	mmput(mm);
}

static void prepare_access_checks(struct damon_ctx *ctx)
{
	struct damon_target *t;
	struct damon_region *r;

	damon_for_each_target(t, ctx) {
		damon_for_each_region(r, t)
			r->sampling_addr = damon_rand(ctx, r->ar.start,
						      r->ar.end);
		walk_samples(t, make_old);
	}
}

static unsigned int check_accesses(struct damon_ctx *ctx)
{
	unsigned int max_nr_accesses = 0;
	struct damon_target *t;
	struct damon_region *r;

	damon_for_each_target(t, ctx) {
		walk_samples(t, count_access);
		damon_for_each_region(r, t)
			max_nr_accesses = max(max_nr_accesses, r->nr_accesses);
	}
	return max_nr_accesses;
}

static unsigned long range_sz(const struct damon_addr_range *range)
{
	return range->end - range->start;
}

/* Take note of a mapping.  Mappings come by ascending address. */
VISIBLE_IF_KUNIT void damon_va_gaps_add(struct damon_va_gaps *gaps,
					unsigned long start, unsigned long end)
{
	struct damon_addr_range gap = { gaps->mapped.end, start };

	if (!range_sz(&gaps->mapped)) {
		gaps->mapped = (struct damon_addr_range) { start, end };
		return;
	}
	gaps->mapped.end = end;
	if (range_sz(&gap) > range_sz(&gaps->second))
		gaps->second = gap;
	if (range_sz(&gaps->second) > range_sz(&gaps->first))
		swap(gaps->first, gaps->second);
}

/* What the two biggest gaps leave; -EINVAL if there are no two. */
VISIBLE_IF_KUNIT int damon_va_gaps_to_ranges(const struct damon_va_gaps *gaps,
					     struct damon_addr_range ranges[3])
{
	struct damon_addr_range low = gaps->first, high = gaps->second;

	if (!range_sz(&gaps->second))
		return -EINVAL;
	if (low.start > high.start)
		swap(low, high);
	ranges[0] = (struct damon_addr_range) { gaps->mapped.start, low.start };
	ranges[1] = (struct damon_addr_range) { low.end, high.start };
	ranges[2] = (struct damon_addr_range) { high.end, gaps->mapped.end };
	return 0;
}

static int three_ranges(const struct damon_target *t,
			struct damon_addr_range ranges[3])
{
	struct mm_struct *mm = get_target_mm(t);
	struct damon_va_gaps gaps = {};
	struct vm_area_struct *vma;
	struct vma_iterator vmi;

	if (!mm)
		return -EINVAL;
	mmap_read_lock(mm);
	vma_iter_init(&vmi, mm, 0);
	for_each_vma(vmi, vma)
		damon_va_gaps_add(&gaps, vma->vm_start, vma->vm_end);
	mmap_read_unlock(mm);
	mmput(mm);
	return damon_va_gaps_to_ranges(&gaps, ranges);
}

/* Where there are no three ranges, or no memory, the regions stay. */
static void fit_to_mappings(struct damon_ctx *ctx, struct damon_target *t)
{
	struct damon_addr_range ranges[3];

	if (three_ranges(t, ranges))
		return;
	damon_set_regions(t, ranges, ARRAY_SIZE(ranges), ctx->min_region_sz);
}

static void init_regions(struct damon_ctx *ctx)
{
	struct damon_target *t;

	damon_for_each_target(t, ctx) {
		if (!damon_nr_regions(t))
			fit_to_mappings(ctx, t);
	}
}

static void update_regions(struct damon_ctx *ctx)
{
	struct damon_target *t;

	damon_for_each_target(t, ctx)
		fit_to_mappings(ctx, t);
}

static bool target_valid(struct damon_target *t)
{
	guard(rcu)();
	return pid_task(t->pid, PIDTYPE_PID);
}

static void cleanup_target(struct damon_target *t)
{
	put_pid(t->pid);
}

/* No action supported so far changes memory. */
static unsigned long apply_scheme(struct damon_ctx *ctx, struct damon_target *t,
				  struct damon_region *r, struct damos *s,
				  unsigned long *sz_filter_passed)
{
	return 0;
}

static int __init damon_va_init(void)
{
	const struct damon_operations fvaddr = {
		.id = DAMON_OPS_FVADDR,
		.prepare_access_checks = prepare_access_checks,
		.check_accesses = check_accesses,
		.apply_scheme = apply_scheme,
		.target_valid = target_valid,
		.cleanup_target = cleanup_target,
	};
	struct damon_operations vaddr = fvaddr;

	vaddr.id = DAMON_OPS_VADDR;
	vaddr.init = init_regions;
	vaddr.update = update_regions;
	return damon_register_ops(&vaddr) ?: damon_register_ops(&fvaddr);
}
subsys_initcall(damon_va_init);
