// SPDX-License-Identifier: GPL-2.0
/*
 * Passes that cut regions.
 */

#include "helpers.h"

struct cut_case {
	const char *why;
	struct region_row rows[MAX_ROWS];
	unsigned long cuts[4];
	unsigned int nr_done;
	struct region_row expected[MAX_ROWS];
};

/* All cuts are tried on each region. */
static const struct cut_case cut_cases[] = {
	{
		"both parts keep all counters",
		{ { 0, 100, 3, 2, 7 } }, { 25 }, 1,
		{ { 0, 25, 3, 2, 7 }, { 25, 100, 3, 2, 7 } },
	},
	{
		"the following cut is of what is left",
		{ { 0, 100, 3, 2, 7 } }, { 25, 25, 49 }, 3,
		{ { 0, 25, 3, 2, 7 }, { 25, 50, 3, 2, 7 }, { 50, 99, 3, 2, 7 },
		  { 99, 100, 3, 2, 7 } },
	},
	{ "no empty start", { { 5, 10 } }, { 0 }, 0, { { 5, 10 } } },
	{ "no empty end", { { 5, 10 } }, { 5 }, 0, { { 5, 10 } } },
	{ "not behind the end", { { 5, 10 } }, { 6, ULONG_MAX }, 0, { { 5, 10 } } },
	{ "at the very end", { { 5, 10 } }, { 4 }, 1, { { 5, 9 }, { 9, 10 } } },
	{
		"where it fits, regions around as they were",
		{ { 0, 3, 1, 2, 3 }, { 3, 10, 4, 5, 6 }, { 20, 22, 7, 8, 9 } }, { 4 }, 1,
		{ { 0, 3, 1, 2, 3 }, { 3, 7, 4, 5, 6 }, { 7, 10, 4, 5, 6 },
		  { 20, 22, 7, 8, 9 } },
	},
	{
		"every region",
		{ { 0, 9, 1 }, { 9, 20, 2 }, { 30, 40, 3 } }, { 1, 2 }, 6,
		{ { 0, 1, 1 }, { 1, 3, 1 }, { 3, 9, 1 }, { 9, 10, 2 }, { 10, 12, 2 },
		  { 12, 20, 2 }, { 30, 31, 3 }, { 31, 33, 3 }, { 33, 40, 3 } },
	},
	{ "no region", {}, { 1 } },
};

static void cut_test(struct kunit *test)
{
	const struct cut_case *c = test->param_value;
	struct damon_target *t = test_target(test, c->rows);
	struct damon_rewrite w;
	unsigned int i, nr_done = 0;

	damon_rewrite_begin(&w, t, MAX_ROWS);
	while (damon_rewrite_next(&w)) {
		for (i = 0; i < ARRAY_SIZE(c->cuts); i++)
			nr_done += damon_rewrite_cut(&w, c->cuts[i]);
	}
	KUNIT_EXPECT_EQ(test, nr_done, c->nr_done);
	expect_rows(test, t, c->expected, true, c->why);
}

/* Cut three regions into bytes with room for @nr_room more of them. */
static void cut_in_room(struct kunit *test, unsigned int nr_room)
{
	static const struct region_row rows[MAX_ROWS] = {
		{ 0, 4, 1, 1, 1 }, { 4, 8, 2, 2, 2 }, { 10, 14, 3, 3, 3 },
	};
	struct damon_target *t = test_target(test, rows);
	unsigned int nr_done = 0;
	struct damon_rewrite w;
	struct damon_region *r;

	KUNIT_ASSERT_EQ(test, damon_regions_reserve(t, damon_nr_regions(t) + nr_room), 0);
	damon_target_run(t)->capacity = damon_nr_regions(t) + nr_room;
	/* More than can be allocated. */
	damon_rewrite_begin(&w, t, SIZE_MAX);
	while (damon_rewrite_next(&w)) {
		while (damon_rewrite_cut(&w, 1))
			nr_done++;
	}
	KUNIT_EXPECT_EQ_MSG(test, nr_done, nr_room, "room %u", nr_room);
	KUNIT_EXPECT_EQ_MSG(test, damon_nr_regions(t), 3 + nr_room, "room %u", nr_room);
	KUNIT_EXPECT_EQ_MSG(test, damon_regions_sz(t), 12, "room %u", nr_room);
	damon_for_each_region(r, t) {
		unsigned int i = r->ar.start < 8 ? r->ar.start / 4 : 2;

		KUNIT_EXPECT_EQ_MSG(test, r->nr_accesses, i + 1, "room %u", nr_room);
		KUNIT_EXPECT_LE_MSG(test, r->ar.end, rows[i].end, "room %u", nr_room);
	}
	if (!nr_room)
		expect_rows(test, t, rows, true, "whole regions");
}

static void cut_without_memory_test(struct kunit *test)
{
	unsigned int nr_room;

	/* What a target of three regions has room for is six. */
	for (nr_room = 0; nr_room <= 3; nr_room++)
		cut_in_room(test, nr_room);
}

static void cut_grows_test(struct kunit *test)
{
	static const struct region_row rows[MAX_ROWS] = { { 0, 5000, 1, 2, 3 } };
	struct damon_target *t = test_target(test, rows);
	struct damon_rewrite w;

	damon_rewrite_begin(&w, t, 5000);
	while (damon_rewrite_next(&w)) {
		while (damon_rewrite_cut(&w, 1))
			;
	}
	KUNIT_EXPECT_EQ(test, damon_nr_regions(t), 5000);
	KUNIT_EXPECT_EQ(test, damon_regions_sz(t), 5000);
}

/* Regions are passed over, with a gap before them and without. */
static void skip_test(struct kunit *test)
{
	static const struct region_row rows[MAX_ROWS] = {
		{ 0, 10, 1 }, { 10, 20, 2 }, { 20, 30, 3 }, { 30, 40, 4 },
	};
	static const struct region_row cut[MAX_ROWS] = {
		{ 0, 10, 1 }, { 10, 14, 2 }, { 14, 20, 2 }, { 20, 30, 3 }, { 30, 40, 4 },
	};
	struct damon_target *t = test_target(test, rows);
	struct damon_rewrite w;

	damon_rewrite_begin(&w, t, 0);
	damon_rewrite_skip(&w, w.in + 1);
	KUNIT_ASSERT_NOT_NULL(test, damon_rewrite_next(&w));
	KUNIT_EXPECT_TRUE(test, damon_rewrite_defer(&w, 4));
	KUNIT_EXPECT_EQ(test, damon_rewrite_nr(&w), 5);
	damon_rewrite_skip(&w, w.in + 2);
	KUNIT_EXPECT_EQ(test, damon_rewrite_cur(&w)->ar.start, 20);
	KUNIT_EXPECT_EQ(test, damon_rewrite_next(&w)->ar.start, 30);
	KUNIT_EXPECT_NULL(test, damon_rewrite_next(&w));
	expect_rows(test, t, cut, false, "all are there");
}

KUNIT_ARRAY_PARAM_DESC(cut, cut_cases, why);

static struct kunit_case rewrite_test_cases[] = {
	KUNIT_CASE_PARAM(cut_test, cut_gen_params),
	KUNIT_CASE(cut_without_memory_test),
	KUNIT_CASE(cut_grows_test),
	KUNIT_CASE(skip_test),
	{}
};

static struct kunit_suite rewrite_test_suite = {
	.name = "damon-rewrite",
	.test_cases = rewrite_test_cases,
};

kunit_test_suite(rewrite_test_suite);
