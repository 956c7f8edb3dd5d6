// SPDX-License-Identifier: GPL-2.0
/*
 * Regions that cover the memory of the system, or a range instead.
 */

#include <linux/io.h>

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

struct given_case {
	const char *why;
	unsigned long start;
	unsigned long end;
	int err;
	struct damon_addr_range region;
};

static const struct given_case given_cases[] = {
	{ "reversed", 40960, 5000, -EINVAL },
	{ "empty", 8192, 8192, -EINVAL },
	{ "rounded outwards", 40961, 50000, 0, { 40960, 53248 } },
	{ "not empty when rounded", 5000, 5000, 0, { 4096, 8192 } },
};

static void given_test(struct kunit *test)
{
	const struct given_case *c = test->param_value;
	struct damon_target *t = test_target(test, NULL);
	unsigned long start = c->start, end = c->end;

	KUNIT_EXPECT_EQ(test, damon_set_region_system_rams_default(t, &start, &end,
								   1, 4096), c->err);
	KUNIT_EXPECT_EQ(test, start, c->start);
	KUNIT_EXPECT_EQ(test, end, c->end);
	KUNIT_ASSERT_EQ(test, damon_nr_regions(t), !c->err);
	if (c->err)
		return;
	KUNIT_EXPECT_EQ(test, t->regions[0].ar.start, c->region.start);
	KUNIT_EXPECT_EQ(test, t->regions[0].ar.end, c->region.end);
}

static const unsigned long default_units[] = { 1, 4096, 65536 };

static void unit_desc(const unsigned long *unit, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "units of %lu", *unit);
}

/* All of memory, with its holes, in one region; the largest bank is in it. */
static void default_test(struct kunit *test)
{
	unsigned long unit = *(const unsigned long *)test->param_value;
	unsigned long min_sz = max(PAGE_SIZE / unit, 1);
	struct damon_target *t = test_target(test, NULL);
	unsigned long bank_start = 0, bank_end = 0, start = 0, end = 0;
	int err = damon_set_region_system_rams_default(t, &start, &end, unit, min_sz);
	u64 here = virt_to_phys(t);

	if (err == -EINVAL)
		kunit_skip(test, "there is no System RAM");
	KUNIT_ASSERT_EQ(test, err, 0);
	KUNIT_ASSERT_EQ(test, damon_nr_regions(t), 1);
	KUNIT_EXPECT_LE(test, (u64)start * unit, here);
	KUNIT_EXPECT_GT(test, (u64)end * unit, here);
	KUNIT_EXPECT_LE(test, t->regions[0].ar.start, start);
	KUNIT_EXPECT_GE(test, t->regions[0].ar.end, end);
	err = damon_set_region_biggest_system_ram_default(t, &bank_start, &bank_end);
	KUNIT_ASSERT_EQ(test, err, 0);
	KUNIT_EXPECT_GE(test, bank_start / unit, start);
	KUNIT_EXPECT_LE(test, bank_end / unit, end);
	KUNIT_EXPECT_EQ(test, damon_nr_regions(t), 1);
}

KUNIT_ARRAY_PARAM(unit, default_units, unit_desc);
KUNIT_ARRAY_PARAM_DESC(given, given_cases, why);
KUNIT_ARRAY_PARAM_DESC(ram, ram_cases, why);

static struct kunit_case system_ram_test_cases[] = {
	KUNIT_CASE_PARAM(ram_test, ram_gen_params),
	KUNIT_CASE_PARAM(given_test, given_gen_params),
	KUNIT_CASE_PARAM(default_test, unit_gen_params),
	{}
};

static struct kunit_suite system_ram_test_suite = {
	.name = "damon-system-ram",
	.test_cases = system_ram_test_cases,
};

kunit_test_suite(system_ram_test_suite);
