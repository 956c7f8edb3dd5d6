// SPDX-License-Identifier: GPL-2.0
/*
 * Default regions for users who want to monitor all memory.  Holes between
 * banks of memory cost little, as nothing in them is ever accessed.
 */

#include <linux/align.h>
#include <linux/ioport.h>
#include <linux/math64.h>

#include <kunit/visibility.h>

#include "internal.h"

/* A range of physical addresses; @end is exclusive. */
struct ram {
	u64 start;
	u64 end;
};

/* Resources come by ascending address. */
static int span(struct resource *res, void *arg)
{
	struct ram *ram = arg;

	if (!ram->end)
		ram->start = res->start;
	ram->end = (u64)res->end + 1;
	return 0;
}

static int biggest(struct resource *res, void *arg)
{
	struct ram *ram = arg;

	if (resource_size(res) > ram->end - ram->start) {
		ram->start = res->start;
		ram->end = (u64)res->end + 1;
	}
	return 0;
}

/* As far as core addresses, which are multiples of @min_sz, can tell. */
VISIBLE_IF_KUNIT struct damon_addr_range
damon_ram_range(u64 start, u64 end, unsigned long unit, unsigned long min_sz)
{
	u64 max = ALIGN_DOWN(ULONG_MAX, min_sz);

	return (struct damon_addr_range) {
		.start = min(div64_ul(start, unit), max),
		.end = min(div64_ul(end, unit), max),
	};
}

static int set_region(struct damon_target *t, unsigned long *start,
		      unsigned long *end, unsigned long unit,
		      unsigned long min_sz,
		      int (*choose)(struct resource *res, void *arg))
{
	struct damon_addr_range range = { *start, *end };
	struct ram ram = {};
	int err;

	if (!*start && !*end) {
		walk_system_ram_res(0, U64_MAX, &ram, choose);
		range = damon_ram_range(ram.start, ram.end, unit, min_sz);
	}
	err = damon_set_regions(t, &range, 1, min_sz);
	if (err)
		return err;
	*start = range.start;
	*end = range.end;
	return 0;
}

/**
 * damon_set_region_system_rams_default() - Have a target cover a range, by
 *					    default all memory of the system.
 * @t:			the target
 * @start:		start of the range.  With *@end 0 too: set to that of
 *			the first System RAM
 * @end:		end of the range.  With *@start 0 too: set to that of
 *			the last System RAM
 * @addr_unit:		bytes in a unit of *@start and *@end, not 0
 * @min_region_sz:	&damon_ctx.min_region_sz the target is for
 *
 * Context: may sleep; the context of @t does not run, or its kdamond.
 * Return: 0; -EINVAL when the range is empty or there is no System RAM;
 * -ENOMEM.
 */
int damon_set_region_system_rams_default(struct damon_target *t,
					 unsigned long *start,
					 unsigned long *end,
					 unsigned long addr_unit,
					 unsigned long min_region_sz)
{
	return set_region(t, start, end, addr_unit, min_region_sz, span);
}

/**
 * damon_set_region_biggest_system_ram_default() - Have a target cover a range,
 *						   by default the largest bank
 *						   of memory.
 * @t:		the target
 * @start:	start of the range in bytes.  With *@end 0 too: set to that of the
 *		largest System RAM
 * @end:	end of the range in bytes.  With *@start 0 too: set to that of the
 *		largest System RAM
 *
 * Context: may sleep; the context of @t does not run, or its kdamond.
 * Return: as damon_set_region_system_rams_default().
 */
int damon_set_region_biggest_system_ram_default(struct damon_target *t,
						unsigned long *start,
						unsigned long *end)
{
	return set_region(t, start, end, 1, DAMON_MIN_REGION_SZ, biggest);
}
