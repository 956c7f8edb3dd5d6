/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every byte of a context, to tell whether anything has changed.
 */
#ifndef _MM_DAMON_TESTS_SNAPSHOT_H
#define _MM_DAMON_TESTS_SNAPSHOT_H

#include "helpers.h"

#define SNAPSHOT_SZ	(16 * 1024)

struct snapshot {
	size_t sz;
	char bytes[SNAPSHOT_SZ];
};

static inline void snapshot_add(struct kunit *test, struct snapshot *snap,
				const void *from, size_t sz)
{
	KUNIT_ASSERT_LE(test, snap->sz + sz, SNAPSHOT_SZ);
	memcpy(snap->bytes + snap->sz, from, sz);
	snap->sz += sz;
}

/* What may be elsewhere with the same contents. */
#define MOVES_REGIONS	1
#define MOVES_PROBES	2

static inline void snapshot_add_run(struct kunit *test, struct snapshot *snap,
				    struct damon_ctx *ctx, unsigned int moves)
{
	struct damon_run run = *damon_run(ctx);

	if (moves & MOVES_PROBES)
		run.ctx.probes = (struct list_head) {};
	snapshot_add(test, snap, &run, sizeof(run));
}

static inline void snapshot_add_probe(struct kunit *test, struct snapshot *snap,
				      const struct damon_probe *probe,
				      unsigned int moves)
{
	struct damon_probe copy = *probe;
	const struct damon_filter *f;

	if (moves & MOVES_PROBES) {
		copy.filters = (struct list_head) {};
		copy.list = (struct list_head) {};
	}
	snapshot_add(test, snap, &copy, sizeof(copy));
	damon_for_each_filter(f, probe) {
		struct damon_filter filter = *f;

		if (moves & MOVES_PROBES)
			filter.list = (struct list_head) {};
		snapshot_add(test, snap, &filter, sizeof(filter));
	}
}

static inline struct snapshot *snapshot(struct kunit *test, struct damon_ctx *ctx,
					unsigned int moves)
{
	const struct damon_probe *probe;
	struct snapshot *snap = kunit_kzalloc(test, sizeof(*snap), GFP_KERNEL);
	struct damon_target *t;
	struct damos *s;

	KUNIT_ASSERT_NOT_NULL(test, snap);
	snapshot_add_run(test, snap, ctx, moves);
	damon_for_each_target(t, ctx) {
		struct damon_target_run target = *damon_target_run(t);

		if (moves & MOVES_REGIONS) {
			target.t.regions = NULL;
			target.capacity = 0;
		}
		snapshot_add(test, snap, &target, sizeof(target));
		if (t->nr_regions)
			snapshot_add(test, snap, t->regions,
				     t->nr_regions * sizeof(*t->regions));
	}
	damon_for_each_scheme(s, ctx)
		snapshot_add(test, snap, damos_run(s), sizeof(struct damos_run));
	damon_for_each_probe(probe, ctx)
		snapshot_add_probe(test, snap, probe, moves);
	return snap;
}

static inline void expect_same(struct kunit *test, const struct snapshot *before,
			       const struct snapshot *after, const char *why)
{
	KUNIT_EXPECT_EQ_MSG(test, after->sz, before->sz, "%s", why);
	KUNIT_EXPECT_TRUE_MSG(test, !memcmp(after->bytes, before->bytes, before->sz),
			      "%s: something has changed", why);
}

#endif
