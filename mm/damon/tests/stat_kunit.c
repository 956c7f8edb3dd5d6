// SPDX-License-Identifier: GPL-2.0
/*
 * damon_stat: percentiles of idle time.
 */

#include "../stat.h"
#include "helpers.h"

#define MAX_REGIONS	4
#define MAX_WANT	6
#define LONGEST_MS	(sizeof(long) > 4 ? (long)(U64_MAX / 1000) : LONG_MAX)

struct percentile {
	unsigned int i;
	long ms;
};

struct percentiles_case {
	const char *why;
	unsigned long aggr_us;
	struct damon_stat_region regions[MAX_REGIONS];
	struct percentile want[MAX_WANT];
};

static const struct percentiles_case cases[] = {
	{ "one region", 100000, { { 7, 4096 } }, { { 0, 700 }, { 50, 700 }, { 100, 700 } } },
	{ "halves, in order of idleness", 100000, { { 20, 50 }, { 10, 50 } },
	  { { 0, 1000 }, { 50, 1000 }, { 51, 2000 }, { 100, 2000 } } },
	{ "accessed memory comes first", 1000, { { 5, 1 }, { -3, 1 }, { -9, 2 } },
	  { { 0, -9 }, { 50, -9 }, { 51, -3 }, { 75, -3 }, { 76, 5 }, { 100, 5 } } },
	{ "a speck has no percentile of its own", 1000, { { 1, 1000 }, { 2, 1 }, { 3, 1000 } },
	  { { 49, 1 }, { 50, 2 }, { 51, 3 }, { 100, 3 } } },
	{ "huge sizes", 1000, { { 1, LONG_MAX }, { 2, LONG_MAX } },
	  { { 50, 1 }, { 51, 2 }, { 100, 2 } } },
	{ "longer than a long", ULONG_MAX, { { UINT_MAX, 1 }, { -(s64)UINT_MAX, 1 } },
	  { { 50, -LONGEST_MS }, { 100, LONGEST_MS } } },
	{ "no time at all", 0, { { 9, 1 } }, { { 0, 0 }, { 100, 0 } } },
};

static void percentiles_test(struct kunit *test)
{
	const struct percentiles_case *c = test->param_value;
	long percentiles[DAMON_STAT_NR_PERCENTILES];
	struct damon_stat_region regions[MAX_REGIONS];
	unsigned int i, nr = 0;

	memcpy(regions, c->regions, sizeof(regions));
	while (nr < MAX_REGIONS && regions[nr].sz)
		nr++;
	damon_stat_percentiles(regions, nr, c->aggr_us, percentiles);
	for (i = 0; i < MAX_WANT && (!i || c->want[i].i); i++)
		KUNIT_EXPECT_EQ_MSG(test, percentiles[c->want[i].i], c->want[i].ms,
				    "percentile %u", c->want[i].i);
	for (i = 1; i < DAMON_STAT_NR_PERCENTILES; i++)
		KUNIT_EXPECT_LE(test, percentiles[i - 1], percentiles[i]);
}

KUNIT_ARRAY_PARAM_DESC(percentiles, cases, why);

static struct kunit_case stat_test_cases[] = {
	KUNIT_CASE_PARAM(percentiles_test, percentiles_gen_params),
	{}
};

static struct kunit_suite stat_test_suite = {
	.name = "damon-stat",
	.test_cases = stat_test_cases,
};

kunit_test_suite(stat_test_suite);
