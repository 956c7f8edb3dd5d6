// SPDX-License-Identifier: GPL-2.0
/*
 * Regions one by one.
 */

#include <linux/slab.h>

#include "helpers.h"

static const struct region_row three_rows[] = {
	{ 10, 20, 1, 2, 3 }, { 20, 30, 4, 5, 6 }, { 50, 60, 7, 8, 9 }, {},
};

struct insert_case {
	const char *why;
	int prev, next;			/* indices, -1 for none */
	unsigned long start, end;
	int at;				/* index it gets, -1 if it is refused */
};

static const struct insert_case insert_cases[] = {
	{ "into the hole", 1, 2, 35, 45, 2 },
	{ "fills the hole", 1, 2, 30, 50, 2 },
	{ "first", -1, 0, 0, 10, 0 },
	{ "last", 2, -1, 60, 70, 3 },
	{ "last, at the end of all", 2, -1, 60, ULONG_MAX, 3 },
	{ "overlaps the one before", 1, 2, 29, 45, -1 },
	{ "overlaps the one behind", 1, 2, 35, 51, -1 },
	{ "overlaps both", 1, 2, 25, 55, -1 },
	{ "no room", 0, 1, 20, 21, -1 },
	{ "first, overlaps", -1, 0, 0, 11, -1 },
	{ "last, overlaps", 2, -1, 59, 70, -1 },
	{ "last, before", 2, -1, 0, 10, -1 },
	{ "empty", 1, 2, 35, 35, -1 },
	{ "ends before it starts", 1, 2, 40, 35, -1 },
	{ "not neighbours", 0, 2, 35, 45, -1 },
	{ "in wrong order", 2, 1, 35, 45, -1 },
	{ "twice the same", 1, 1, 35, 45, -1 },
	{ "not the first", -1, 2, 35, 45, -1 },
	{ "not the last", 1, -1, 35, 45, -1 },
	{ "between nothing", -1, -1, 0, 10, -1 },
};

static struct damon_region *nth(struct damon_target *t, int n)
{
	return n < 0 ? NULL : t->regions + n;
}

static void insert_test(struct kunit *test)
{
	const struct insert_case *c = test->param_value;
	struct damon_target *t = test_target(test, three_rows);
	struct damon_region *r = damon_new_region(c->start, c->end);
	struct region_row rows[5] = {};
	unsigned int i;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, r);
	KUNIT_EXPECT_EQ(test, r->nr_accesses + r->last_nr_accesses + r->age, 0);
	r->age = 77;
	err = damon_insert_region(r, nth(t, c->prev), nth(t, c->next), t);
	KUNIT_EXPECT_EQ(test, err, c->at < 0 ? -EINVAL : 0);
	if (err) {
		KUNIT_EXPECT_EQ(test, r->ar.start, c->start);
		KUNIT_EXPECT_EQ(test, r->ar.end, c->end);
		kfree(r);
		expect_rows(test, t, three_rows, true, c->why);
		return;
	}
	for (i = 0; i < 4; i++)
		rows[i] = three_rows[i - (i > c->at)];
	rows[c->at] = (struct region_row) { c->start, c->end, .age = 77 };
	expect_rows(test, t, rows, true, c->why);
}

/* Numbers of regions around the growth of the array */
static void add_test(struct kunit *test)
{
	struct damon_target *t = test_target(test, NULL);
	struct damon_region *r;
	unsigned long i;

	for (i = 0; i < 100; i++) {
		r = damon_new_region(10 * i, 10 * i + 10);
		KUNIT_ASSERT_NOT_NULL(test, r);
		KUNIT_ASSERT_EQ(test, damon_add_region(r, t), 0);
		KUNIT_EXPECT_EQ(test, damon_nr_regions(t), i + 1);
		KUNIT_EXPECT_EQ(test, damon_last_region(t)->ar.start, 10 * i);
		KUNIT_EXPECT_EQ(test, damon_first_region(t)->ar.start, 0);
	}
	r = damon_new_region(5, 15);
	KUNIT_ASSERT_NOT_NULL(test, r);
	KUNIT_EXPECT_EQ(test, damon_add_region(r, t), -EINVAL);
	kfree(r);
	KUNIT_EXPECT_EQ(test, damon_nr_regions(t), 100);

	/* Walks in both directions see the same. */
	i = 0;
	damon_for_each_region(r, t) {
		KUNIT_EXPECT_EQ(test, r->ar.start, 10 * i++);
		if (r != damon_last_region(t))
			KUNIT_EXPECT_PTR_EQ(test, damon_prev_region(damon_next_region(r)), r);
	}
	KUNIT_EXPECT_EQ(test, i, 100);
}

struct destroy_case {
	const char *why;
	unsigned int destroy;		/* bits */
	struct region_row to[4];
};

static const struct destroy_case destroy_cases[] = {
	{ "none", 0, { { 10, 20, 1, 2, 3 }, { 20, 30, 4, 5, 6 }, { 50, 60, 7, 8, 9 } } },
	{ "first", 1, { { 20, 30, 4, 5, 6 }, { 50, 60, 7, 8, 9 } } },
	{ "middle", 2, { { 10, 20, 1, 2, 3 }, { 50, 60, 7, 8, 9 } } },
	{ "last", 4, { { 10, 20, 1, 2, 3 }, { 20, 30, 4, 5, 6 } } },
	{ "outer", 5, { { 20, 30, 4, 5, 6 } } },
	{ "first two", 3, { { 50, 60, 7, 8, 9 } } },
	{ "all", 7, {} },
};

static void destroy_test(struct kunit *test)
{
	const struct destroy_case *c = test->param_value;
	struct damon_target *t = test_target(test, three_rows);
	struct damon_region *r, *next;
	unsigned int seen = 0;

	damon_for_each_region_safe(r, next, t) {
		seen++;
		if ((c->destroy & 1 && r->age == 3) || (c->destroy & 2 && r->age == 6) ||
		    (c->destroy & 4 && r->age == 9))
			damon_destroy_region(r, t);
	}
	KUNIT_EXPECT_EQ(test, seen, 3);
	expect_rows(test, t, c->to, true, c->why);
	r = damon_new_region(60, 61);
	KUNIT_ASSERT_NOT_NULL(test, r);
	KUNIT_EXPECT_EQ(test, damon_add_region(r, t), 0);
}

static void no_regions_test(struct kunit *test)
{
	struct damon_target *t = test_target(test, NULL);
	struct damon_region *r, *next;
	unsigned int seen = 0;

	damon_for_each_region(r, t)
		seen++;
	damon_for_each_region_safe(r, next, t)
		seen++;
	KUNIT_EXPECT_EQ(test, seen, 0);
	r = damon_new_region(1, 2);
	KUNIT_ASSERT_NOT_NULL(test, r);
	KUNIT_EXPECT_EQ(test, damon_insert_region(r, NULL, NULL, t), 0);
	KUNIT_EXPECT_EQ(test, damon_nr_regions(t), 1);
	damon_destroy_region(damon_first_region(t), t);
	KUNIT_EXPECT_EQ(test, damon_nr_regions(t), 0);
}

KUNIT_ARRAY_PARAM_DESC(insert, insert_cases, why);
KUNIT_ARRAY_PARAM_DESC(destroy, destroy_cases, why);

static struct kunit_case legacy_test_cases[] = {
	KUNIT_CASE_PARAM(insert_test, insert_gen_params),
	KUNIT_CASE(add_test),
	KUNIT_CASE_PARAM(destroy_test, destroy_gen_params),
	KUNIT_CASE(no_regions_test),
	{}
};

static struct kunit_suite legacy_test_suite = {
	.name = "damon-legacy",
	.test_cases = legacy_test_cases,
};

kunit_test_suite(legacy_test_suite);
