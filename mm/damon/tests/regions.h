/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A context with regions of equal size, to be split and merged.
 */
#ifndef _MM_DAMON_TESTS_REGIONS_H
#define _MM_DAMON_TESTS_REGIONS_H

#include "helpers.h"

#define NO_LIMIT	ULONG_MAX

/* A context with one target of @nr regions of @sz. */
static inline struct damon_ctx *regions_ctx(struct kunit *test, unsigned int nr,
					    unsigned long sz, unsigned long max,
					    unsigned long min_region_sz)
{
	struct damon_ctx *ctx = test_ctx(test);

	ctx->attrs.min_nr_regions = 3;
	ctx->attrs.max_nr_regions = max;
	ctx->min_region_sz = min_region_sz;
	test_add_target(test, ctx, 0, sz, nr);
	return ctx;
}

static inline struct damon_target *only_target(struct damon_ctx *ctx)
{
	return list_first_entry(&ctx->adaptive_targets, struct damon_target, list);
}

/* Regions without gaps and overlaps from 0 to @end, of multiples of @unit. */
static inline void expect_whole(struct kunit *test, struct damon_target *t,
				unsigned long end, unsigned long unit, const char *why)
{
	unsigned long last_end = 0;
	struct damon_region *r;

	damon_for_each_region(r, t) {
		KUNIT_ASSERT_EQ_MSG(test, r->ar.start, last_end, "%s", why);
		KUNIT_ASSERT_GT_MSG(test, r->ar.end, r->ar.start, "%s", why);
		KUNIT_ASSERT_EQ_MSG(test, r->ar.end % unit, 0, "%s", why);
		last_end = r->ar.end;
	}
	KUNIT_EXPECT_EQ_MSG(test, last_end, end, "%s", why);
}

#endif
