// SPDX-License-Identifier: GPL-2.0
/*
 * Regions that cover the memory of the system, or a range instead.
 */

#include "helpers.h"

struct ram_case {
	const char *why;
	u64 start;
	u64 end;
	unsigned long unit;
	unsigned long min_sz;
	struct damon_addr_range expected;
};

static const struct ram_case ram_cases[] = {
	{ "bytes", 4096, 65536, 1, 4096, { 4096, 65536 } },
	{ "units", 4096, 65536, 4096, 1, { 1, 16 } },
	{ "parts of units are left out at the end", 4096, 65535, 4096, 1, { 1, 15 } },
	{ "all of it in one unit", 4096, 65536, 65536, 1, { 0, 1 } },
	{
		"more than addresses can tell", 4096, U64_MAX, 1, 4096,
		{ 4096, ULONG_MAX - 4095 },
	},
	{
		"36 bits of memory on 32 bits", 0, BIT_ULL(36), 4096, 1,
		{ 0, BIT(24) },
	},
};

static void ram_test(struct kunit *test)
{
	const struct ram_case *c = test->param_value;
	struct damon_addr_range range = damon_ram_range(c->start, c->end, c->unit,
							c->min_sz);

	KUNIT_EXPECT_EQ(test, range.start, c->expected.start);
	KUNIT_EXPECT_EQ(test, range.end, c->expected.end);
}

static void given_range_test(struct kunit *test)
{
	struct damon_target *t = test_target(test, NULL);
	unsigned long start = 5000, end = 5000;

	KUNIT_EXPECT_EQ(test, damon_set_region_biggest_system_ram_default(
				t, &start, &end), -EINVAL);
	start = 40960;
	KUNIT_EXPECT_EQ(test, damon_set_region_system_rams_default(
				t, &start, &end, 1, 4096), -EINVAL);
	KUNIT_EXPECT_EQ(test, damon_nr_regions(t), 0);
	end = 50000;
	KUNIT_EXPECT_EQ(test, damon_set_region_system_rams_default(
				t, &start, &end, 1, 4096), 0);
	KUNIT_EXPECT_EQ(test, start, 40960);
	KUNIT_EXPECT_EQ(test, end, 50000);
	KUNIT_ASSERT_EQ(test, damon_nr_regions(t), 1);
	KUNIT_EXPECT_EQ(test, t->regions[0].ar.start, 40960);
	KUNIT_EXPECT_EQ(test, t->regions[0].ar.end, 53248);
}

KUNIT_ARRAY_PARAM_DESC(ram, ram_cases, why);

static struct kunit_case system_ram_test_cases[] = {
	KUNIT_CASE_PARAM(ram_test, ram_gen_params),
	KUNIT_CASE(given_range_test),
	{}
};

static struct kunit_suite system_ram_test_suite = {
	.name = "damon-system-ram",
	.test_cases = system_ram_test_cases,
};

kunit_test_suite(system_ram_test_suite);
