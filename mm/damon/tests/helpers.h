/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites share: regions as rows of a table, and objects that end with
 * the test that made them.
 */
#ifndef _MM_DAMON_TESTS_HELPERS_H
#define _MM_DAMON_TESTS_HELPERS_H

#include <kunit/resource.h>
#include <kunit/test.h>

#include "../internal.h"

/* Rows and ranges in a case; the ones in use end before the first empty one. */
#define MAX_ROWS	12

/* A region before, or as expected after, what a case does. */
struct region_row {
	unsigned long start;
	unsigned long end;
	unsigned int nr_accesses;
	unsigned int last_nr_accesses;
	unsigned int age;
};

static inline unsigned int nr_rows(const struct region_row *rows)
{
	unsigned int nr = 0;

	while (nr < MAX_ROWS && rows[nr].end)
		nr++;
	return nr;
}

static inline unsigned int nr_ranges(const struct damon_addr_range *ranges)
{
	unsigned int nr = 0;

	while (nr < MAX_ROWS && (ranges[nr].start || ranges[nr].end))
		nr++;
	return nr;
}

/* Adjacent rows become separate regions. */
static inline void set_rows(struct kunit *test, struct damon_target *t,
			    const struct region_row *rows)
{
	struct damon_addr_range ranges[MAX_ROWS];
	unsigned int i, nr = nr_rows(rows);

	damon_regions_free(t);
	for (i = 0; i < nr; i++)
		ranges[i] = (struct damon_addr_range) { rows[i].start, rows[i].end };
	KUNIT_ASSERT_EQ(test, damon_set_regions(t, ranges, nr, 1), 0);
	KUNIT_ASSERT_EQ(test, damon_nr_regions(t), nr);
	for (i = 0; i < nr; i++) {
		t->regions[i].nr_accesses = rows[i].nr_accesses;
		t->regions[i].last_nr_accesses = rows[i].last_nr_accesses;
		t->regions[i].age = rows[i].age;
	}
}

static inline void test_free_target(void *t)
{
	damon_free_target(t);
}

static inline struct damon_target *test_target(struct kunit *test,
					       const struct region_row *rows)
{
	struct damon_target *t = damon_new_target();

	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, test_free_target, t), 0);
	if (rows)
		set_rows(test, t, rows);
	return t;
}

/* Borders, and with @counters all else that rows tell. */
static inline void expect_rows(struct kunit *test, const struct damon_target *t,
			       const struct region_row *rows, bool counters,
			       const char *why)
{
	unsigned int i, nr = nr_rows(rows);

	KUNIT_EXPECT_EQ_MSG(test, damon_nr_regions(t), nr, "%s", why);
	for (i = 0; i < min(nr, damon_nr_regions(t)); i++) {
		const struct damon_region *r = &t->regions[i];

		KUNIT_EXPECT_EQ_MSG(test, r->ar.start, rows[i].start, "%s: %u", why, i);
		KUNIT_EXPECT_EQ_MSG(test, r->ar.end, rows[i].end, "%s: %u", why, i);
		if (!counters)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, r->nr_accesses, rows[i].nr_accesses,
				    "%s: %u", why, i);
		KUNIT_EXPECT_EQ_MSG(test, r->last_nr_accesses,
				    rows[i].last_nr_accesses, "%s: %u", why, i);
		KUNIT_EXPECT_EQ_MSG(test, r->age, rows[i].age, "%s: %u", why, i);
	}
}

static inline void test_free_ctx(void *data)
{
	struct damon_ctx *ctx = data;

	damon_stop(&ctx, 1);
	damon_destroy_ctx(ctx);
}

/* A context that draws the same random numbers each time. */
static inline struct damon_ctx *test_ctx(struct kunit *test)
{
	struct damon_ctx *ctx = damon_new_ctx();

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, test_free_ctx, ctx), 0);
	prandom_seed_state(&damon_run(ctx)->rnd, 20);
	return ctx;
}

/* With @nr adjacent regions of @sz from @start on. */
static inline struct damon_target *test_add_target(struct kunit *test,
						   struct damon_ctx *ctx,
						   unsigned long start,
						   unsigned long sz,
						   unsigned int nr)
{
	struct damon_addr_range *ranges;
	struct damon_target *t = damon_new_target();
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	damon_add_target(ctx, t);
	ranges = kunit_kcalloc(test, nr + 1, sizeof(*ranges), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ranges);
	for (i = 0; i < nr; i++) {
		ranges[i].start = start + i * sz;
		ranges[i].end = ranges[i].start + sz;
	}
	KUNIT_ASSERT_EQ(test, damon_set_regions(t, ranges, nr, 1), 0);
	return t;
}

/* A scheme without limits, NULL when memory is short. */
static inline struct damos *new_scheme(const struct damos_access_pattern *pattern,
				       unsigned long apply_interval_us)
{
	const struct damos_watermarks wmarks = {};
	const struct damos_quota quota = {};

	return damon_new_scheme(pattern, DAMOS_STAT, apply_interval_us, &quota,
				&wmarks, NUMA_NO_NODE);
}

static inline struct damon_probe *test_add_probe(struct kunit *test,
						 struct damon_ctx *ctx,
						 unsigned int weight)
{
	struct damon_probe *probe = damon_new_probe();

	KUNIT_ASSERT_NOT_NULL(test, probe);
	probe->weight = weight;
	damon_add_probe(ctx, probe);
	return probe;
}

#endif
