// SPDX-License-Identifier: GPL-2.0
/*
 * Which regions merge, as what, and what that means for their age and rest.
 */

#include "helpers.h"

static const struct damon_score by_accesses;

struct age_case {
	const char *why;
	unsigned int nr_accesses;
	unsigned int last_nr_accesses;
	unsigned int age;
	unsigned int threshold;
	unsigned int expected;
};

static const struct age_case age_cases[] = {
	{ "no change", 5, 5, 3, 0, 4 },
	{ "rise by the threshold", 7, 5, 3, 2, 4 },
	{ "fall by the threshold", 5, 7, 3, 2, 4 },
	{ "rise by more than the threshold", 8, 5, 3, 2, 0 },
	{ "fall by more than the threshold", 5, 8, 3, 2, 0 },
	{ "first access, within the threshold", 1, 0, 3, 2, 0 },
	{ "last access, within the threshold", 0, 1, 3, 2, 0 },
	{ "never accessed", 0, 0, 3, 2, 4 },
	{ "one more than zero is no first access", 2, 1, 3, 2, 4 },
	{ "age stays at its maximum", 5, 5, UINT_MAX, 0, UINT_MAX },
	{ "age reaches its maximum", 5, 5, UINT_MAX - 1, 0, UINT_MAX },
	{ "counts near their maximum", UINT_MAX, 0, 3, UINT_MAX - 1, 0 },
	{ "largest threshold", UINT_MAX, 1, 3, UINT_MAX, 4 },
};

static void age_test(struct kunit *test)
{
	const struct age_case *c = test->param_value;
	struct region_row rows[MAX_ROWS] = {
		{ 0, 1, c->nr_accesses, c->last_nr_accesses, c->age },
	};
	struct damon_target *t = test_target(test, rows);

	damon_regions_age(t, &by_accesses, c->threshold);
	rows[0].age = c->expected;
	expect_rows(test, t, rows, true, c->why);
}

struct wake_case {
	const char *why;
	unsigned int nr_accesses, last_nr_accesses;	/* of 20 */
	bool by_probes;
	unsigned int rest;
};

static const struct wake_case wake_cases[] = {
	{ "no change", 4, 4, false, 7 },
	{ "up to the threshold", 5, 4, false, 7 },
	{ "by chance", 6, 4, false, 7 },
	{ "almost two standard deviations", 10, 4, false, 7 },
	{ "more than two", 11, 4, false, 0 },
	{ "the first access is not by chance", 1, 0, false, 0 },
	{ "nor is the last one", 0, 1, false, 0 },
	{ "probes tell attributes, not samples", 6, 4, true, 0 },
};

static void wake_test(struct kunit *test)
{
	static const struct region_row rows[MAX_ROWS] = { { 0, 10 } };
	const struct wake_case *c = test->param_value;
	const struct damon_score score = {
		.by_probes = c->by_probes, .weights = { 1 }, .max = 20,
	};
	struct damon_target *t = test_target(test, rows);
	struct damon_region *r = t->regions;

	r->nr_accesses = c->nr_accesses;
	r->last_nr_accesses = c->last_nr_accesses;
	r->probe_hits[0] = c->nr_accesses;
	r->last_probe_hits[0] = c->last_nr_accesses;
	r->calm = 3;
	r->rest = 7;
	damon_regions_age(t, &score, 1);
	KUNIT_EXPECT_EQ(test, r->rest, c->rest);
	KUNIT_EXPECT_EQ(test, r->calm, c->rest ? 3 : 0);
}

struct merge_case {
	const char *why;
	unsigned int threshold;
	unsigned long sz_limit;
	struct region_row rows[MAX_ROWS];
	struct region_row expected[MAX_ROWS];
};

static const struct merge_case merge_cases[] = {
	{
		"means weighted by size, last count of the first", 10, 300,
		{ { 0, 100, 10, 3, 9 }, { 100, 300, 20, 4, 21 } },
		{ { 0, 300, 16, 3, 17 } },
	},
	{
		"the same with the larger count and age first", 10, 300,
		{ { 0, 200, 20, 4, 21 }, { 200, 300, 10, 3, 9 } },
		{ { 0, 300, 16, 4, 17 } },
	},
	{
		"a pass: by count, by gap, and on with what merged", 9, 9999,
		{ { 0, 100, 0 }, { 100, 112, 0 }, { 114, 122, 10 }, { 122, 130, 10 },
		  { 130, 156, 20 }, { 156, 170, 30 }, { 170, 184, 1 },
		  { 184, 230, 2 }, { 230, 10170, 5 } },
		{ { 0, 112, 0 }, { 114, 130, 10 }, { 130, 156, 20 }, { 156, 170, 30 },
		  { 170, 230, 1 }, { 230, 10170, 5 } },
	},
	{
		"difference equal to the threshold", 5, 100,
		{ { 0, 10, 5 }, { 10, 20, 10 } },
		{ { 0, 20, 7 } },
	},
	{
		"difference above the threshold", 4, 100,
		{ { 0, 10, 5 }, { 10, 20, 10 } },
		{ { 0, 10, 5 }, { 10, 20, 10 } },
	},
	{
		"compared with the mean, not with the neighbour", 5, 100,
		{ { 0, 10, 0 }, { 10, 20, 5 }, { 20, 30, 8 } },
		{ { 0, 20, 2 }, { 20, 30, 8 } },
	},
	{
		"rounded once, not at each merge", 2, 100,
		{ { 0, 10, 2, 0, 2 }, { 10, 20, 1, 0, 1 },
		  { 20, 30, 3, 0, 3 }, { 30, 40, 2, 0, 2 } },
		{ { 0, 40, 2, 0, 2 } },
	},
	{
		"a whole mean by way of thirds", 3, 100,
		{ { 0, 10, 1, 0, 1 }, { 10, 20, 1, 0, 1 },
		  { 20, 30, 2, 0, 2 }, { 30, 40, 4, 0, 4 } },
		{ { 0, 40, 2, 0, 2 } },
	},
	{
		"size equal to the limit", 0, 20,
		{ { 0, 10 }, { 10, 20 } },
		{ { 0, 20 } },
	},
	{
		"size above the limit", 0, 19,
		{ { 0, 10 }, { 10, 20 } },
		{ { 0, 10 }, { 10, 20 } },
	},
	{
		"the limit ends one region and starts the next", 0, 30,
		{ { 0, 10 }, { 10, 20 }, { 20, 30 }, { 30, 40 }, { 40, 50 } },
		{ { 0, 30 }, { 30, 50 } },
	},
	{
		"a gap of one byte", 9, 100,
		{ { 0, 10 }, { 11, 20 }, { 20, 30 } },
		{ { 0, 10 }, { 11, 30 } },
	},
	{
		"no change of the order of unmerged regions", 0, 100,
		{ { 0, 1, 1 }, { 1, 2, 2, 5, 6 }, { 2, 3, 3 }, { 3, 4, 3 }, { 4, 5, 1, 7, 8 } },
		{ { 0, 1, 1 }, { 1, 2, 2, 5, 6 }, { 2, 4, 3 }, { 4, 5, 1, 7, 8 } },
	},
	{
		"counts near their maximum", UINT_MAX, 100,
		{ { 0, 1, UINT_MAX, 0, UINT_MAX }, { 1, 4, UINT_MAX - 4, 0, UINT_MAX } },
		{ { 0, 4, UINT_MAX - 3, 0, UINT_MAX } },
	},
	{
		"counts at both ends", UINT_MAX, 100,
		{ { 0, 1, UINT_MAX, 0, 0 }, { 1, 2, 0, 0, UINT_MAX } },
		{ { 0, 2, UINT_MAX / 2, 0, UINT_MAX / 2 } },
	},
	{
		"as large as the address space", 9, ULONG_MAX,
		{ { 0, ULONG_MAX / 4, 0 }, { ULONG_MAX / 4, ULONG_MAX - 3, 8 } },
		{ { 0, ULONG_MAX - 3, 6 } },
	},
	{ "nothing to merge", 9, 100, { { 3, 4, 5, 6, 7 } }, { { 3, 4, 5, 6, 7 } } },
	{ "no region", 9, 100 },
#if BITS_PER_LONG == 64
	{
		"regions above 4 GiB, counts near their maximum", UINT_MAX, ULONG_MAX,
		{ { 0, 3UL << 40, 4000000000U, 1, 4000000000U },
		  { 3UL << 40, 4UL << 40, 4294967292U, 2, 0 } },
		{ { 0, 4UL << 40, 4073741823U, 1, 3000000000U } },
	},
#endif
};

static void merge_test(struct kunit *test)
{
	const struct merge_case *c = test->param_value;
	struct damon_target *t = test_target(test, c->rows);
	unsigned long sz = damon_regions_sz(t);

	damon_regions_merge(t, &by_accesses, c->threshold, c->sz_limit);
	expect_rows(test, t, c->expected, true, c->why);
	KUNIT_EXPECT_EQ(test, damon_regions_sz(t), sz);
}

struct chance_case {
	const char *why;
	unsigned int nr_samples;
	unsigned int a, b;
	bool by_probes;
	bool merged;
};

static const struct chance_case chance_cases[] = {
	{ "the mean of 4 and 6 of 20 tells more", 20, 4, 6, false, true },
	{ "too far for 4 of 20", 20, 4, 7, false, false },
	{ "less is by chance near none", 20, 1, 3, false, false },
	{ "one is", 20, 1, 2, false, true },
	{ "less is by chance near all", 20, 17, 19, false, false },
	{ "in the middle", 20, 8, 10, false, true },
	{ "too far in the middle", 20, 8, 11, false, false },
	{ "none is not by chance", 20, 0, 1, false, false },
	{ "all is not by chance", 20, 19, 20, false, false },
	{ "more than all after a change of intervals", 20, 21, 22, false, false },
	{ "the share tells, not the difference", 100, 48, 53, false, true },
	{ "too far for 48 of 100", 100, 48, 55, false, false },
	{ "a single sample", 1, 0, 1, false, false },
	{ "no sample", 0, 1, 2, false, false },
	{ "most samples", 65536, 32768, 32928, false, true },
	{ "too far for them", 65536, 32768, 32944, false, false },
	{ "few of more than those", UINT_MAX, 4, 6, false, true },
	{ "what is exact enough", UINT_MAX, 65536, 65537, false, false },
	{ "largest difference", UINT_MAX, 1, UINT_MAX - 1, false, false },
	{ "probes tell attributes, not samples", 20, 4, 6, true, false },
};

static void chance_test(struct kunit *test)
{
	const struct chance_case *c = test->param_value;
	const struct damon_score score = {
		.by_probes = c->by_probes, .weights = { 1 }, .max = c->nr_samples,
	};
	unsigned int order;

	for (order = 0; order < 2; order++) {
		const struct region_row rows[MAX_ROWS] = {
			{ 0, 10, order ? c->b : c->a }, { 10, 20, order ? c->a : c->b },
		};
		struct damon_target *t = test_target(test, rows);

		t->regions[1].probe_hits[0] = c->by_probes;
		damon_regions_merge(t, &score, 0, ULONG_MAX);
		KUNIT_EXPECT_EQ_MSG(test, t->nr_regions, c->merged ? 1 : 2, "%s", c->why);
	}
}

/* Parts, of ten bytes each, that a region was cut in blindly; it has been calm once. */
struct parts_case {
	const char *why;
	unsigned int nr;
	unsigned char counts[MAX_ROWS];		/* of 20 */
	unsigned long sz_limit;
	unsigned int gap_at;			/* a byte is missing before that part */
	unsigned int woken;			/* that part has never been calm */
	bool by_probes;
	unsigned int nr_regions;
	unsigned char calm;			/* of all regions, after */
	unsigned char rest;
};

static const struct parts_case parts_cases[] = {
	{ "two like any two", 2, { 4, 6 }, 40, 0, 0, false, 1, 2, 3 },
	{ "too much for two", 2, { 4, 7 }, 40, 0, 0, false, 2, 0, 0 },
	{ "not for three", 3, { 4, 7, 4 }, 40, 0, 0, false, 1, 2, 3 },
	{ "too much for three", 3, { 4, 9, 4 }, 40, 0, 0, false, 3, 0, 0 },
	{ "not for four", 4, { 4, 8, 4, 8 }, 40, 0, 0, false, 1, 2, 3 },
	{ "too much for four", 4, { 4, 9, 4, 9 }, 40, 0, 0, false, 4, 0, 0 },
	{ "a step of one among many at the same time", 12,
	  { 10, 10, 10, 10, 10, 13, 10, 10, 10, 10, 10, 10 }, 120, 0, 0, false, 3, 0, 0 },
	{ "one of those is by chance if they vary", 12,
	  { 9, 10, 11, 9, 11, 13, 11, 9, 10, 9, 11, 9 }, 120, 0, 0, false, 1, 2, 3 },
	{ "one far from the mean", 12, { 4, 2, 4, 5, 3, 11, 4, 2, 5, 3, 4, 5 }, 120, 0, 0,
	  false, 3, 0, 0 },
	{ "not for twelve", 12, { 4, 9, 4, 9, 4, 9, 4, 9, 4, 9, 4, 9 }, 120, 0, 0, false,
	  1, 2, 3 },
	{ "a step is not by chance", 4, { 4, 4, 8, 8 }, 40, 0, 0, false, 2, 0, 0 },
	{ "the same counts in another order are", 4, { 4, 8, 8, 4 }, 40, 0, 0, false, 1, 2, 3 },
	{ "three are too few for a step", 3, { 4, 6, 8 }, 40, 0, 0, false, 1, 2, 3 },
	{ "none of three is for certain", 3, { 2, 0, 2 }, 40, 0, 0, false, 3, 0, 0 },
	{ "none of four is by chance", 4, { 2, 0, 2, 2 }, 40, 0, 0, false, 1, 2, 3 },
	{ "all of three is for certain", 3, { 18, 20, 18 }, 40, 0, 0, false, 3, 0, 0 },
	{ "all of four is by chance", 4, { 18, 20, 18, 18 }, 40, 0, 0, false, 1, 2, 3 },
	{ "few accesses, of which one part has all", 4, { 0, 0, 0, 3 }, 40, 0, 0, false,
	  2, 0, 0 },
	{ "less than one each", 4, { 0, 1, 0, 1 }, 40, 0, 0, false, 4, 0, 0 },
	{ "more than all but one", 4, { 20, 19, 20, 19 }, 40, 0, 0, false, 4, 0, 0 },
	{ "one each on average", 4, { 0, 1, 2, 1 }, 40, 0, 0, false, 1, 2, 3 },
	{ "all but one", 4, { 20, 18, 19, 19 }, 40, 0, 0, false, 1, 2, 3 },
	{ "none", 4, { 0, 0, 0, 0 }, 40, 0, 0, false, 1, 2, 3 },
	{ "all", 4, { 20, 20, 20, 20 }, 40, 0, 0, false, 1, 2, 3 },
	{ "equal counts", 4, { 7, 7, 7, 7 }, 40, 0, 0, false, 1, 2, 3 },
	{ "more than there are samples", 4, { 21, 21, 22, 21 }, 40, 0, 0, false, 3, 0, 0 },
	{ "one was woken, others were not", 4, { 7, 7, 7, 7 }, 40, 0, 2, false, 1, 2, 3 },
	{ "too large, but each is like the next one", 4, { 4, 5, 4, 5 }, 39, 0, 0, false,
	  2, 2, 3 },
	{ "a gap ends the parts", 4, { 4, 8, 4, 8 }, 40, 2, 0, false, 4, 0, 0 },
	{ "alone behind a gap: not judged", 2, { 4, 4 }, 40, 1, 0, false, 2, 1, 0 },
	{ "probes tell attributes, not samples", 4, { 4, 8, 4, 8 }, 40, 0, 0, true, 4, 0, 0 },
};

static struct damon_target *parts_target(struct kunit *test, const struct parts_case *c)
{
	struct region_row rows[MAX_ROWS] = {};
	struct damon_target *t;
	unsigned int i;

	for (i = 0; i < c->nr; i++)
		rows[i] = (struct region_row) { 10 * i, 10 * i + 10, c->counts[i] };
	t = test_target(test, rows);
	for (i = 0; i < c->nr; i++) {
		t->regions[i].probe_hits[0] = c->counts[i];
		t->regions[i].guessed = i;
		t->regions[i].calm = !c->woken || i != c->woken;
	}
	if (c->gap_at)
		t->regions[c->gap_at].ar.start++;
	return t;
}

static void parts_test(struct kunit *test)
{
	const struct parts_case *c = test->param_value;
	const struct damon_score score = {
		.by_probes = c->by_probes, .weights = { 1 }, .max = 20,
	};
	struct damon_target *t = parts_target(test, c);
	const struct damon_region *r;

	damon_regions_merge(t, &score, 0, c->sz_limit);
	KUNIT_EXPECT_EQ(test, t->nr_regions, c->nr_regions);
	damon_for_each_region(r, t) {
		KUNIT_EXPECT_EQ(test, r->calm, c->calm);
		KUNIT_EXPECT_EQ(test, r->rest, c->rest);
		KUNIT_EXPECT_FALSE(test, r->guessed);
	}
}

/* The mean of parts is what merges with others, its fraction included. */
static void parts_mean_test(struct kunit *test)
{
	static const struct region_row rows[MAX_ROWS] = {
		{ 0, 10, 6 }, { 10, 20, 4 }, { 20, 30, 9 }, { 30, 40, 5 }, { 40, 50, 9 },
		{ 50, 80, 8 },
	};
	static const struct region_row expected[MAX_ROWS] = { { 0, 80, 7 } };
	const struct damon_score score = { .max = 20 };
	struct damon_target *t = test_target(test, rows);
	unsigned int i;

	for (i = 2; i < 5; i++)
		t->regions[i].guessed = true;
	damon_regions_merge(t, &score, 1, ULONG_MAX);
	expect_rows(test, t, expected, true, "7.125; of rounded means 6.75");
}

/* 10000 parts, of the most samples, of which 4096 are looked at together: */
struct many_case {
	const char *why;
	unsigned int a, b;	/* the first so many alternate between @a and @b */
	unsigned int d;		/* the others between @a and @d */
	unsigned int nr_regions;
};

static const struct many_case many_cases[] = {
	{ "less than a pair may differ by", 32768, 32868, 32868, 1 },
	{ "more, but not for so many", 32768, 32968, 32968, 1 },
	{ "too much", 32768, 33068, 33068, 10000 },
	{ "too much for the others", 32768, 32968, 33368, 5904 },
	{ "largest counts", 65534, 65535, 65535, 1 },
	{ "largest difference", 65535, 1, 1, 10000 },
};

static void many_test(struct kunit *test)
{
	const struct many_case *c = test->param_value;
	const struct damon_score score = { .max = 65536 };
	struct damon_target *t = test_add_target(test, test_ctx(test), 0, 10, 10000);
	struct damon_region *r;

	damon_for_each_region(r, t) {
		r->nr_accesses = !(r->ar.start % 20) ? c->a :
				 r->ar.start < 40960 ? c->b : c->d;
		r->guessed = r->ar.start;
	}
	damon_regions_merge(t, &score, 0, ULONG_MAX);
	KUNIT_EXPECT_EQ(test, damon_nr_regions(t), c->nr_regions);
}

/* Whatever merges, nothing is lost. */
static u64 accesses(const struct damon_target *t)
{
	const struct damon_region *r;
	u64 sum = 0;

	damon_for_each_region(r, t)
		sum += (u64)r->nr_accesses * damon_sz_region(r);
	return sum;
}

static void random_merge_test(struct kunit *test)
{
	const struct damon_score score = { .max = 20 };
	struct damon_ctx *ctx = test_ctx(test);
	struct damon_region *r;
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		struct damon_target *t = test_add_target(test, ctx, 0, 10, damon_rand(ctx, 1, 60));
		unsigned long sz = damon_regions_sz(t), end = 0;
		u64 before, after;

		damon_for_each_region(r, t) {
			r->nr_accesses = damon_rand(ctx, i % 10, 22);
			r->guessed = damon_rand(ctx, 0, 4);
		}
		before = accesses(t);
		damon_regions_merge(t, &score, damon_rand(ctx, 0, 3), damon_rand(ctx, 10, 600));
		after = accesses(t);
		KUNIT_ASSERT_EQ(test, damon_regions_sz(t), sz);
		KUNIT_ASSERT_LE(test, after, before);
		KUNIT_ASSERT_GT(test, after + sz, before);
		damon_for_each_region(r, t) {
			KUNIT_ASSERT_EQ(test, r->ar.start, end);
			KUNIT_ASSERT_FALSE(test, r->guessed);
			end = r->ar.end;
		}
		damon_destroy_target(t, ctx);
	}
}

KUNIT_ARRAY_PARAM_DESC(age, age_cases, why);
KUNIT_ARRAY_PARAM_DESC(wake, wake_cases, why);
KUNIT_ARRAY_PARAM_DESC(merge, merge_cases, why);
KUNIT_ARRAY_PARAM_DESC(chance, chance_cases, why);
KUNIT_ARRAY_PARAM_DESC(parts, parts_cases, why);
KUNIT_ARRAY_PARAM_DESC(many, many_cases, why);

static struct kunit_case merge_test_cases[] = {
	KUNIT_CASE_PARAM(age_test, age_gen_params),
	KUNIT_CASE_PARAM(wake_test, wake_gen_params),
	KUNIT_CASE_PARAM(merge_test, merge_gen_params),
	KUNIT_CASE_PARAM(chance_test, chance_gen_params),
	KUNIT_CASE_PARAM(parts_test, parts_gen_params),
	KUNIT_CASE(parts_mean_test),
	KUNIT_CASE_PARAM(many_test, many_gen_params),
	KUNIT_CASE(random_merge_test),
	{}
};

static struct kunit_suite merge_test_suite = {
	.name = "damon-merge",
	.test_cases = merge_test_cases,
};

kunit_test_suite(merge_test_suite);
