// SPDX-License-Identifier: GPL-2.0
/*
 * Which ranges of an address space vaddr covers.
 *
 * Nearly all of an address space is unmapped, most of that in two gaps, around
 * the heap.  So the three ranges that the two biggest gaps leave are covered,
 * and the small gaps within tolerated.
 *
 * Reading all mappings is for the regular updates.  In between the borders of the
 * ranges are looked at, which takes a few look-ups: once an aggregation, for
 * what has been mapped outside of them, and at the next sample after something
 * was unmapped.  If they do not hold any more the mappings are read again.
 *
 * A process that changes its mappings all the time must not make us spend more
 * than sampling does.  A region sampled earns the right to look at one mapping,
 * which costs less; so at 5000 mappings and 10 regions a new read may have to
 * wait for 500 samples.
 */

#include <linux/sched/mm.h>

#include <kunit/visibility.h>

#include "vaddr.h"

/* Mappings to read in one hold of the mmap lock. */
#define BATCH		1024

/* Mappings touched by borders_hold(), of three ranges. */
#define LOOK_COST	8

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

/* Take note of some mappings from @start on.  Returns where to go on, or 0. */
static unsigned long add_mappings(struct damon_va_gaps *gaps,
				  struct mm_struct *mm, unsigned long start)
{
	unsigned int left = BATCH;
	struct vm_area_struct *vma;
	struct vma_iterator vmi;

	mmap_read_lock(mm);
	vma_iter_init(&vmi, mm, start);
	for_each_vma(vmi, vma) {
		start = vma->vm_end;
		damon_va_gaps_add(gaps, max(vma->vm_start, gaps->mapped.end), start);
		if (!--left)
			break;
	}
	mmap_read_unlock(mm);
	return vma ? start : 0;
}

static int three_ranges(struct damon_target *t, struct damon_addr_range ranges[3])
{
	struct mm_struct *mm = damon_va_get_mm(t);
	struct damon_va_gaps gaps = {};
	unsigned long start = 0;

	if (!mm)
		return -EINVAL;
	do {
		start = add_mappings(&gaps, mm, start);
		cond_resched();
	} while (start);
	mmput(mm);
	return damon_va_gaps_to_ranges(&gaps, ranges);
}

/*
 * Have the regions of @t cover its three ranges.  Where there are no three
 * ranges, or no memory, the regions stay.
 */
void damon_va_fit(struct damon_ctx *ctx, struct damon_target *t)
{
	struct damon_addr_range ranges[3];
	struct damon_va_target *vt;
	int err = three_ranges(t, ranges);

	vt = damon_va_target(t);
	if (!vt)
		return;
	vt->moved = false;
	vt->credit = 0;
	if (err || damon_set_regions(t, ranges, ARRAY_SIZE(ranges),
				     ctx->min_region_sz))
		return;
	memcpy(vt->ranges, ranges, sizeof(ranges));
	vt->fitted = true;
}

/* Whether a range ends in a mapping, and what follows is at @next. */
static bool ends_before(struct vma_iterator *vmi,
			const struct damon_addr_range *range, unsigned long next)
{
	struct vm_area_struct *vma;

	vma_iter_set(vmi, range->end - 1);
	vma = vma_next(vmi);
	if (!vma || vma->vm_end != range->end)
		return false;
	vma = vma_next(vmi);
	return (vma ? vma->vm_start : 0) == next;
}

static bool borders_hold(struct mm_struct *mm,
			 const struct damon_addr_range ranges[3])
{
	struct vm_area_struct *vma;
	struct vma_iterator vmi;

	mmap_assert_locked(mm);
	vma_iter_init(&vmi, mm, 0);
	vma = vma_next(&vmi);
	return vma && vma->vm_start == ranges[0].start &&
	       ends_before(&vmi, &ranges[0], ranges[1].start) &&
	       ends_before(&vmi, &ranges[1], ranges[2].start) &&
	       ends_before(&vmi, &ranges[2], 0);
}

static void look_at_borders(struct damon_target *t, struct damon_va_target *vt)
{
	struct mm_struct *mm = damon_va_get_mm(t);

	vt->look = false;
	vt->credit -= LOOK_COST;
	if (!mm)
		return;
	mmap_read_lock(mm);
	vt->moved = !borders_hold(mm, vt->ranges);
	vt->nr_vmas = mm->map_count;
	mmap_read_unlock(mm);
	mmput(mm);
}

/* Whether it is time for damon_va_fit(), out of turn. */
bool damon_va_moved(struct damon_target *t)
{
	struct damon_va_target *vt = damon_va_target(t);

	if (!vt || !vt->fitted)
		return false;
	if (!vt->moved && vt->credit >= LOOK_COST &&
	    (damon_va_unmapped(vt) || vt->look))
		look_at_borders(t, vt);
	return vt->moved && vt->credit >= vt->nr_vmas;
}
