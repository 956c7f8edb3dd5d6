/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which address stands for a region until the next sample.
 */
#ifndef _MM_DAMON_SAMPLE_H
#define _MM_DAMON_SAMPLE_H

#include <linux/math64.h>

#include "internal.h"

/* State for the samples of a pass. */
static inline u64 damon_sample_seed(struct damon_ctx *ctx)
{
	return damon_rand(ctx, 1, ULONG_MAX);
}

/*
 * xorshift64*: the quality of damon_rand() at a fraction of its cost.  Any region
 * size is covered, by the upper half of the product.
 */
static inline unsigned long damon_sample_addr(const struct damon_region *r,
					      u64 *rnd)
{
	*rnd ^= *rnd >> 12;
	*rnd ^= *rnd << 25;
	*rnd ^= *rnd >> 27;
	return r->ar.start +
	       mul_u64_u64_shr(*rnd * 0x2545f4914f6cdd1dULL,
			       r->ar.end - r->ar.start, 64);
}

/*
 * The same for one sample after the other of a region: a step of the golden section,
 * and a bit by chance, so that a few samples are spread over all of it.
 */
static inline unsigned long damon_sample_next(const struct damon_region *r,
					      u64 *rnd)
{
	unsigned long sz = r->ar.end - r->ar.start;
	unsigned long at = r->sampling_addr - r->ar.start;
	unsigned long any = damon_sample_addr(r, rnd), step;

	if (at >= sz || sz < 1024)
		return any;
	step = (sz >> 10) * 633 + ((any - r->ar.start) >> 4);
	return step < sz - at ? r->sampling_addr + step :
				r->ar.start + step - (sz - at);
}

#endif
