// SPDX-License-Identifier: GPL-2.0
/*
 * Regions one by one, as users of early versions build them.  A region made by
 * damon_new_region() is the caller's until it is put into a target, which keeps
 * regions in an array: from then on it is found there, and pointers to other
 * regions of the target are no longer valid.
 */

#include <linux/slab.h>

#include "internal.h"

/**
 * damon_new_region() - Make a region that is in no target.
 * @start:	first address, inclusive
 * @end:	last address, exclusive
 *
 * Context: may sleep.
 * Return: the region, to be put into a target or freed by kfree(); NULL when
 * memory is short.
 */
struct damon_region *damon_new_region(unsigned long start, unsigned long end)
{
	struct damon_region *r = kzalloc(sizeof(*r), GFP_KERNEL);

	if (!r)
		return NULL;
	r->ar = (struct damon_addr_range) { .start = start, .end = end };
	r->sampling_addr = start;
	return r;
}

static bool fits(const struct damon_target *t, const struct damon_region *r,
		 unsigned int idx)
{
	return r->ar.start < r->ar.end &&
	       (!idx || t->regions[idx - 1].ar.end <= r->ar.start) &&
	       (idx == t->nr_regions || r->ar.end <= t->regions[idx].ar.start);
}

static int insert(struct damon_region *r, struct damon_target *t,
		  unsigned int idx)
{
	int err;

	if (!fits(t, r, idx))
		return -EINVAL;
	err = damon_regions_reserve(t, (size_t)t->nr_regions + 1);
	if (err)
		return err;
	memmove(t->regions + idx + 1, t->regions + idx,
		(t->nr_regions - idx) * sizeof(*r));
	t->regions[idx] = *r;
	t->nr_regions++;
	kfree(r);
	return 0;
}

/**
 * damon_add_region() - Put a region behind all others of a target.
 * @r:		from damon_new_region(); gone on success
 * @t:		the target
 *
 * Context: may sleep; as damon_set_regions().
 * Return: 0; -EINVAL when @r is empty or not behind the others; -ENOMEM.
 */
int damon_add_region(struct damon_region *r, struct damon_target *t)
{
	return insert(r, t, t->nr_regions);
}

/**
 * damon_insert_region() - Put a region between two others.
 * @r:		from damon_new_region(); gone on success
 * @prev:	region of @t before it, NULL if it becomes the first
 * @next:	region of @t after it, NULL if it becomes the last
 * @t:		the target
 *
 * Context: may sleep; as damon_set_regions().
 * Return: 0; -EINVAL when @r is empty or does not fit in between; -ENOMEM.
 */
int damon_insert_region(struct damon_region *r, struct damon_region *prev,
			struct damon_region *next, struct damon_target *t)
{
	unsigned int idx = prev ? prev - t->regions + 1 : 0;

	if (next ? next != t->regions + idx : idx != t->nr_regions)
		return -EINVAL;
	return insert(r, t, idx);
}

/**
 * damon_destroy_region() - Take a region out of a target.
 * @r:		region of @t; those behind it move down
 * @t:		the target
 *
 * Context: as damon_set_regions().
 */
void damon_destroy_region(struct damon_region *r, struct damon_target *t)
{
	unsigned int idx = r - t->regions;

	if (WARN_ON_ONCE(idx >= t->nr_regions))
		return;
	t->nr_regions--;
	memmove(r, r + 1, (t->nr_regions - idx) * sizeof(*r));
}
