// SPDX-License-Identifier: GPL-2.0
/*
 * The regions of one target: counters, fitting to ranges, and all that changes them
 * one after another.
 */

#include "helpers.h"

struct mvsum_case {
	const char *why;
	unsigned int nr_accesses;
	unsigned int last_nr_accesses;
	unsigned int left_bp;
	unsigned int expected;
};

static const struct mvsum_case mvsum_cases[] = {
	{ "nothing of the window passed", 0, 49, 10000, 49 },
	{ "a good part of the last window", 3, 10, 7000, 10 },
	{ "half of the last window", 3, 10, 5000, 8 },
	{ "little of the last window", 32, 100, 1000, 42 },
	{ "the window is complete", 42, 49, 0, 42 },
	{ "a running counter does not matter at the start", 7, 49, 10000, 49 },
	{ "rounded down", 0, 3, 3333, 0 },
	{ "one basis point short of the start", 0, 10000, 9999, 9999 },
	{ "no overflow", 0, UINT_MAX, 9999, 4294537798U },
};

static void mvsum_test(struct kunit *test)
{
	const struct mvsum_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, damon_mvsum(c->nr_accesses, c->last_nr_accesses,
					  c->left_bp), c->expected);
}

static void close_window_test(struct kunit *test)
{
	static const struct region_row rows[MAX_ROWS] = {
		{ 1, 3, 9, 4, 7 }, { 3, 8, 0, 5, 1 }, { 9, 10, UINT_MAX, 0, 0 },
	};
	static const struct region_row expected[MAX_ROWS] = {
		{ 1, 3, 0, 9, 7 }, { 3, 8, 0, 0, 1 }, { 9, 10, 0, UINT_MAX, 0 },
	};
	struct damon_target *t = test_target(test, rows);

	damon_regions_close_window(t);
	expect_rows(test, t, expected, true, "current becomes last");
}

static const struct damon_score by_accesses;

/* Regions that would fill all memory are not to be had. */
static void reserve_too_much_test(struct kunit *test)
{
	static const struct region_row rows[MAX_ROWS] = { { 0, 5000, 1, 2, 3 } };
	struct damon_target *t = test_target(test, rows);
	size_t nr = totalram_pages() * (PAGE_SIZE / sizeof(*t->regions));

	KUNIT_EXPECT_EQ(test, damon_regions_reserve(t, nr), -ENOMEM);
	expect_rows(test, t, rows, false, "as before");
}

struct fit_case {
	const char *why;
	unsigned long min_region_sz;
	int err;
	struct region_row rows[MAX_ROWS];
	struct damon_addr_range ranges[MAX_ROWS];
	struct region_row expected[MAX_ROWS];	/* unless @err: then nothing changes */
};

static const struct fit_case fit_cases[] = {
	{
		"hole between regions filled, outer ones trimmed and kept", 1, 0,
		{ { 4, 16, 1, 2, 3 }, { 24, 32, 4, 5, 6 } }, { { 8, 28 } },
		{ { 8, 16, 1, 2, 3 }, { 16, 24 }, { 24, 28, 4, 5, 6 } },
	},
	{
		"range behind the last region", 1, 0,
		{ { 0, 4, 1, 2, 3 }, { 4, 17, 4, 5, 6 } }, { { 0, 15 }, { 25, 40 } },
		{ { 0, 4, 1, 2, 3 }, { 4, 15, 4, 5, 6 }, { 25, 40 } },
	},
	{
		"stretched, fresh and trimmed", 1, 0,
		{ { 0, 4, 1, 2, 3 }, { 42, 52, 4, 5, 6 } },
		{ { 0, 15 }, { 25, 40 }, { 44, 50 } },
		{ { 0, 15, 1, 2, 3 }, { 25, 40 }, { 44, 50, 4, 5, 6 } },
	},
	{ "range in a hole", 1, 0, { { 4, 16, 1 }, { 24, 32, 2 } },
	  { { 18, 23 } }, { { 18, 23 } } },
	{ "range before the first region", 1, 0, { { 24, 32, 2 } },
	  { { 4, 8 }, { 20, 30 } }, { { 4, 8 }, { 20, 30, 2 } } },
	{
		"no region: adjacent ranges stay apart", 1, 0,
		{}, { { 5, 15 }, { 15, 25 } }, { { 5, 15 }, { 15, 25 } },
	},
	{ "no region: range from zero", 4, 0, {}, { { 0, 1 } }, { { 0, 4 } } },
	{ "no range", 1, 0, { { 4, 16, 1 } } },
	{ "neither region nor range", 1, 0 },
	{
		"the same ranges", 1, 0,
		{ { 4, 16, 1, 2, 3 }, { 16, 32, 4, 5, 6 } }, { { 4, 16 }, { 16, 32 } },
		{ { 4, 16, 1, 2, 3 }, { 16, 32, 4, 5, 6 } },
	},
	{
		"region that crosses two ranges continues in both", 1, 0,
		{ { 4, 20, 1, 2, 3 } }, { { 2, 8 }, { 12, 30 } },
		{ { 2, 8, 1, 2, 3 }, { 12, 30, 1, 2, 3 } },
	},
	{
		"region that crosses four ranges", 1, 0,
		{ { 0, 5, 9 }, { 5, 100, 1, 2, 3 }, { 100, 110, 4 } },
		{ { 3, 6 }, { 10, 20 }, { 30, 40 }, { 50, 105 } },
		{ { 3, 5, 9 }, { 5, 6, 1, 2, 3 }, { 10, 20, 1, 2, 3 }, { 30, 40, 1, 2, 3 },
		  { 50, 100, 1, 2, 3 }, { 100, 105, 4 } },
	},
	{
		"a region that touches a range does not intersect it", 1, 0,
		{ { 0, 10, 1 }, { 20, 30, 2 } }, { { 10, 20 } }, { { 10, 20 } },
	},
	{
		"a region that intersects by a byte", 1, 0,
		{ { 0, 11, 1 }, { 19, 30, 2 } }, { { 10, 20 } },
		{ { 10, 11, 1 }, { 11, 19 }, { 19, 20, 2 } },
	},
	{
		"regions within the range that are adjacent, and a hole", 1, 0,
		{ { 2, 4, 1 }, { 4, 5, 2 }, { 7, 8, 3 }, { 8, 9, 4 } }, { { 0, 20 } },
		{ { 0, 4, 1 }, { 4, 5, 2 }, { 5, 7 }, { 7, 8, 3 }, { 8, 20, 4 } },
	},
	{
		"start rounded down, end up", 8, 0,
		{}, { { 7, 9 }, { 17, 24 }, { 31, 33 } }, { { 0, 16 }, { 16, 24 }, { 24, 40 } },
	},
	{
		"kept regions reach rounded borders", 8, 0,
		{ { 8, 16, 1 }, { 16, 24, 2 } }, { { 9, 23 } }, { { 8, 16, 1 }, { 16, 24, 2 } },
	},
	{ "in the rounded, but not in the given range", 8, 0,
	  { { 0, 8, 1 }, { 8, 9, 2 } }, { { 9, 15 } }, { { 8, 16 } } },
	{
		"up to the last multiple of the size", 4096, 0,
		{}, { { ULONG_MAX - 8192, ULONG_MAX - 4095 } },
		{ { ULONG_MAX - 12287, ULONG_MAX - 4095 } },
	},
	{
		"end rounded beyond the address space", 4096, -EINVAL,
		{ { 4, 16, 1, 2, 3 } }, { { 4096, ULONG_MAX - 4094 } },
	},
	{
		"all but the first page, rounded beyond", 4096, -EINVAL,
		{ { 4, 16, 1, 2, 3 } }, { { 0, ULONG_MAX } },
	},
	{ "empty range", 1, -EINVAL, { { 4, 16, 1 } }, { { 5, 5 } } },
	{ "empty multiple", 8, -EINVAL, { { 4, 16, 1 } }, { { 8, 8 } } },
	{ "end before start", 1, -EINVAL, { { 4, 16, 1 } }, { { 6, 5 } } },
	{ "descending", 1, -EINVAL, { { 4, 16, 1 } }, { { 20, 30 }, { 5, 10 } } },
	{ "overlap by a byte", 1, -EINVAL, { { 4, 16, 1 } }, { { 5, 10 }, { 9, 20 } } },
	{ "overlap once rounded", 8, -EINVAL, { { 4, 16, 1 } }, { { 8, 17 }, { 23, 30 } } },
	{ "last of many is bad", 1, -EINVAL, { { 4, 16, 1 } }, { { 1, 2 }, { 3, 4 }, { 6, 6 } } },
	{ "size not a power of two", 3, -EINVAL, { { 4, 16, 1 } }, { { 3, 6 } } },
	{ "size zero", 0, -EINVAL, { { 4, 16, 1 } }, { { 3, 6 } } },
};

static void fit_test(struct kunit *test)
{
	const struct fit_case *c = test->param_value;
	struct damon_target *t = test_target(test, c->rows);

	KUNIT_EXPECT_EQ(test, c->err,
			damon_set_regions(t, c->ranges, nr_ranges(c->ranges),
					  c->min_region_sz));
	expect_rows(test, t, c->err ? c->rows : c->expected, true, c->why);
}

/*
 * Random steps, followed on a map that tells for every byte which region it is
 * in, if any.  Counts and sizes are small, so means need no care.
 */
#define MAP_SZ		512
#define NR_STEPS	10000

struct steps {
	struct damon_target *t;
	struct rnd_state rnd;
	struct region_row map[MAP_SZ];
	struct region_row after[MAP_SZ];
};

static unsigned int draw(struct steps *s, unsigned int end)
{
	return prandom_u32_state(&s->rnd) % end;
}

static void draw_map(const struct damon_target *t, struct region_row *map)
{
	const struct damon_region *r;
	unsigned long i;

	memset(map, 0, MAP_SZ * sizeof(*map));
	damon_for_each_region(r, t) {
		for (i = r->ar.start; i < r->ar.end; i++)
			map[i] = (struct region_row) {
				r->ar.start, r->ar.end, r->nr_accesses,
				r->last_nr_accesses, r->age,
			};
	}
}

static void expect_sound(struct kunit *test, const struct damon_target *t)
{
	const struct damon_region *r;
	unsigned long last_end = 0;

	damon_for_each_region(r, t) {
		KUNIT_ASSERT_LT(test, r->ar.start, r->ar.end);
		KUNIT_ASSERT_GE(test, r->ar.start, last_end);
		last_end = r->ar.end;
	}
	KUNIT_ASSERT_LE(test, last_end, MAP_SZ);
}

static void expect_same_counts(struct kunit *test, const struct region_row *a,
			       const struct region_row *b)
{
	KUNIT_ASSERT_EQ(test, a->nr_accesses, b->nr_accesses);
	KUNIT_ASSERT_EQ(test, a->last_nr_accesses, b->last_nr_accesses);
	KUNIT_ASSERT_EQ(test, a->age, b->age);
}

static void merge_in_map(struct region_row *map, unsigned int threshold,
			 unsigned long sz_limit)
{
	unsigned long accesses = 0, age = 0, i, j;

	for (i = 0; i < MAP_SZ; i++) {
		struct region_row a = map[i ? i - 1 : i];
		const struct region_row b = map[i];

		if (!b.end || b.start != i)
			continue;
		if (!i || !a.end || b.end - a.start > sz_limit ||
		    abs_diff(a.nr_accesses, b.nr_accesses) > threshold) {
			a = b;
			accesses = 0;
			age = 0;
		}
		a.end = b.end;
		accesses += b.nr_accesses * (b.end - b.start);
		age += b.age * (b.end - b.start);
		a.nr_accesses = accesses / (a.end - a.start);
		a.age = age / (a.end - a.start);
		for (j = a.start; j < a.end; j++)
			map[j] = a;
	}
}

static void merge_step(struct kunit *test, struct steps *s)
{
	unsigned int threshold = draw(s, 8), sz_limit = draw(s, MAP_SZ);

	merge_in_map(s->map, threshold, sz_limit);
	damon_regions_merge(s->t, &by_accesses, threshold, sz_limit);
	draw_map(s->t, s->after);
	KUNIT_ASSERT_MEMEQ(test, s->after, s->map, sizeof(s->map));
}

static void cut_step(struct kunit *test, struct steps *s)
{
	unsigned int i, nr = damon_nr_regions(s->t), nr_cuts = 0;
	struct damon_rewrite w;

	damon_rewrite_begin(&w, s->t, nr + draw(s, nr + 1));
	while (damon_rewrite_next(&w))
		nr_cuts += damon_rewrite_cut(&w, draw(s, 16));
	KUNIT_ASSERT_EQ(test, damon_nr_regions(s->t), nr + nr_cuts);
	draw_map(s->t, s->after);
	for (i = 0; i < MAP_SZ; i++) {
		KUNIT_ASSERT_EQ(test, !s->after[i].end, !s->map[i].end);
		expect_same_counts(test, &s->after[i], &s->map[i]);
	}
}

static void fit_step(struct kunit *test, struct steps *s)
{
	unsigned int i, j = 0, nr = draw(s, 4), end = 0;
	struct damon_addr_range ranges[3];

	for (i = 0; i < nr; i++) {
		ranges[i].start = end + draw(s, 40);
		end = ranges[i].start + 1 + draw(s, 130);
		ranges[i].end = end;
	}
	KUNIT_ASSERT_EQ(test, damon_set_regions(s->t, ranges, nr, 1), 0);
	draw_map(s->t, s->after);
	for (i = 0; i < MAP_SZ; i++) {
		while (j < nr && i >= ranges[j].end)
			j++;
		KUNIT_ASSERT_EQ(test, !!s->after[i].end, j < nr && i >= ranges[j].start);
		if (s->after[i].end && s->map[i].end)
			expect_same_counts(test, &s->after[i], &s->map[i]);
	}
}

static void (* const steps[])(struct kunit *test, struct steps *s) = {
	merge_step, cut_step, cut_step, cut_step, fit_step,
};

static void random_steps_test(struct kunit *test)
{
	struct steps *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	struct damon_region *r;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->t = test_target(test, NULL);
	prandom_seed_state(&s->rnd, 20);
	for (i = 0; i < NR_STEPS; i++) {
		damon_for_each_region(r, s->t) {
			r->nr_accesses = draw(s, 20);
			r->last_nr_accesses = i;
			r->age = draw(s, 100);
		}
		draw_map(s->t, s->map);
		steps[draw(s, ARRAY_SIZE(steps))](test, s);
		expect_sound(test, s->t);
	}
}

KUNIT_ARRAY_PARAM_DESC(mvsum, mvsum_cases, why);
KUNIT_ARRAY_PARAM_DESC(fit, fit_cases, why);

static struct kunit_case region_test_cases[] = {
	KUNIT_CASE_PARAM(mvsum_test, mvsum_gen_params),
	KUNIT_CASE(close_window_test),
	KUNIT_CASE(reserve_too_much_test),
	KUNIT_CASE_PARAM(fit_test, fit_gen_params),
	KUNIT_CASE(random_steps_test),
	{}
};

static struct kunit_suite region_test_suite = {
	.name = "damon-region",
	.test_cases = region_test_cases,
};

kunit_test_suite(region_test_suite);
