// SPDX-License-Identifier: GPL-2.0
/*
 * Which three ranges of an address space are monitored, and how regions follow
 * when they change.
 */

#include "../vaddr.h"
#include "helpers.h"

struct gaps_case {
	const char *why;
	struct damon_addr_range mappings[MAX_ROWS];
	int err;
	struct damon_addr_range ranges[3];
};

static const struct gaps_case gaps_cases[] = {
	{
		.why = "the two biggest gaps, also when the bigger one is higher",
		.mappings = { { 10, 20 }, { 20, 25 }, { 200, 210 }, { 210, 220 },
			      { 300, 305 }, { 307, 330 } },
		.ranges = { { 10, 25 }, { 200, 220 }, { 300, 330 } },
	},
	{
		.why = "the bigger gap first",
		.mappings = { { 10, 20 }, { 500, 510 }, { 515, 520 }, { 600, 610 } },
		.ranges = { { 10, 20 }, { 500, 520 }, { 600, 610 } },
	},
	{
		.why = "the biggest gap last, after a smaller pair",
		.mappings = { { 10, 20 }, { 30, 40 }, { 60, 70 }, { 170, 180 } },
		.ranges = { { 10, 40 }, { 60, 70 }, { 170, 180 } },
	},
	{
		.why = "exactly two gaps",
		.mappings = { { 0, 1 }, { 2, 3 }, { 4, 5 } },
		.ranges = { { 0, 1 }, { 2, 3 }, { 4, 5 } },
	},
	{
		.why = "of equal gaps the earlier two",
		.mappings = { { 10, 20 }, { 30, 40 }, { 50, 60 }, { 70, 80 } },
		.ranges = { { 10, 20 }, { 30, 40 }, { 50, 80 } },
	},
	{
		.why = "an earlier smaller gap loses against later equal ones",
		.mappings = { { 10, 20 }, { 23, 30 }, { 35, 40 }, { 45, 50 }, { 55, 60 } },
		.ranges = { { 10, 30 }, { 35, 40 }, { 45, 60 } },
	},
	{
		.why = "equal biggest gaps around a smaller one",
		.mappings = { { 10, 20 }, { 30, 40 }, { 45, 50 }, { 60, 70 }, { 80, 90 } },
		.ranges = { { 10, 20 }, { 30, 50 }, { 60, 90 } },
	},
	{
		.why = "up to the end of the address space",
		.mappings = { { 4096, 8192 }, { ULONG_MAX / 2, ULONG_MAX / 2 + 4096 },
			      { ULONG_MAX - 8191, ULONG_MAX - 4095 } },
		.ranges = { { 4096, 8192 }, { ULONG_MAX / 2, ULONG_MAX / 2 + 4096 },
			    { ULONG_MAX - 8191, ULONG_MAX - 4095 } },
	},
	{ .why = "no mapping", .err = -EINVAL },
	{ .why = "no gap", .mappings = { { 10, 20 } }, .err = -EINVAL },
	{
		.why = "adjacent mappings leave no gap",
		.mappings = { { 10, 20 }, { 20, 30 }, { 30, 40 } },
		.err = -EINVAL,
	},
	{
		.why = "one gap",
		.mappings = { { 10, 20 }, { 30, 40 }, { 40, 50 } },
		.err = -EINVAL,
	},
};

static void three_ranges_test(struct kunit *test)
{
	const struct gaps_case *c = test->param_value;
	struct damon_addr_range ranges[3] = {};
	struct damon_va_gaps gaps = {};
	unsigned int i;

	for (i = 0; i < nr_ranges(c->mappings); i++)
		damon_va_gaps_add(&gaps, c->mappings[i].start, c->mappings[i].end);
	KUNIT_EXPECT_EQ(test, damon_va_gaps_to_ranges(&gaps, ranges), c->err);
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		KUNIT_EXPECT_EQ_MSG(test, ranges[i].start, c->ranges[i].start, "%u", i);
		KUNIT_EXPECT_EQ_MSG(test, ranges[i].end, c->ranges[i].end, "%u", i);
	}
}

struct refit_case {
	const char *why;
	struct damon_addr_range to[3];
	struct region_row expected[MAX_ROWS];
};

/* Ten regions in three ranges, as an update finds them. */
static const struct region_row before[MAX_ROWS] = {
	{ 10, 20, 1 }, { 20, 30, 2 },
	{ 50, 55, 3 }, { 55, 57, 4 }, { 57, 59, 5 },
	{ 70, 80, 6 }, { 80, 90, 7 }, { 90, 100, 8 },
};

static const struct refit_case refit_cases[] = {
	{
		.why = "all ranges moved a little",
		.to = { { 5, 27 }, { 45, 55 }, { 73, 104 } },
		.expected = { { 5, 20, 1 }, { 20, 27, 2 }, { 45, 55, 3 },
			      { 73, 80, 6 }, { 80, 90, 7 }, { 90, 104, 8 } },
	},
	{
		.why = "the middle range shrank into one region",
		.to = { { 5, 27 }, { 56, 57 }, { 65, 104 } },
		.expected = { { 5, 20, 1 }, { 20, 27, 2 }, { 56, 57, 4 },
			      { 65, 80, 6 }, { 80, 90, 7 }, { 90, 104, 8 } },
	},
	{
		.why = "the middle range moved away from its regions",
		.to = { { 5, 27 }, { 61, 63 }, { 65, 104 } },
		.expected = { { 5, 20, 1 }, { 20, 27, 2 }, { 61, 63 },
			      { 65, 80, 6 }, { 80, 90, 7 }, { 90, 104, 8 } },
	},
	{
		.why = "everything moved",
		.to = { { 5, 7 }, { 30, 32 }, { 65, 68 } },
		.expected = { { 5, 7 }, { 30, 32 }, { 65, 68 } },
	},
};

static void refit_test(struct kunit *test)
{
	const struct refit_case *c = test->param_value;
	struct damon_target *t = test_target(test, before);

	KUNIT_EXPECT_EQ(test, damon_set_regions(t, c->to, ARRAY_SIZE(c->to), 1), 0);
	expect_rows(test, t, c->expected, true, c->why);
}

KUNIT_ARRAY_PARAM_DESC(gaps, gaps_cases, why);
KUNIT_ARRAY_PARAM_DESC(refit, refit_cases, why);

static struct kunit_case vaddr_test_cases[] = {
	KUNIT_CASE_PARAM(three_ranges_test, gaps_gen_params),
	KUNIT_CASE_PARAM(refit_test, refit_gen_params),
	{}
};

static struct kunit_suite vaddr_test_suite = {
	.name = "damon-vaddr",
	.test_cases = vaddr_test_cases,
};

kunit_test_suite(vaddr_test_suite);
