// SPDX-License-Identifier: GPL-2.0
/*
 * Split hints, of a simulated page table whose entries are for 10 bytes each.
 */

#include "fake.h"

#define ENTRY		10
#define MAX_ENTRIES	2000

/* What the entries tell, and what was asked of them. */
static struct page_table {
	bool touched[MAX_ENTRIES];
	unsigned long from[16];		/* where a look began */
	unsigned long nr_checks[16];	/* and how many entries it was at */
	unsigned int nr_looks;
} table;

static int forget_all(struct kunit *test)
{
	table = (struct page_table) {};
	return fake_forget(test);
}

static unsigned long end_of(const struct damon_target *t)
{
	return t->nr_regions ? t->regions[t->nr_regions - 1].ar.end : 0;
}

/* Clears what it reads, as accessed bits are; all targets have the same table. */
static void look(struct damon_ctx *ctx, struct damon_target *t, struct damon_hints *h)
{
	unsigned int nr = table.nr_looks++ % ARRAY_SIZE(table.from);
	unsigned long addr = h->from;

	table.from[nr] = addr;
	for (; addr < end_of(t); addr += ENTRY) {
		bool touched = table.touched[addr / ENTRY];
		bool room = damon_hint(h, addr, addr + ENTRY, touched);

		table.nr_checks[nr]++;
		if (!damon_hints_spend(h, 1) || !room)
			break;
	}
	h->from = addr + ENTRY < end_of(t) ? addr + ENTRY : 0;
}

static struct damon_ctx *hints_ctx(struct kunit *test, unsigned long max)
{
	struct damon_ctx *ctx = test_ctx(test);

	ctx->attrs.min_nr_regions = 3;
	ctx->attrs.max_nr_regions = max;
	ctx->min_region_sz = 1;
	ctx->ops = fake_ops;
	ctx->ops.split_hints = look;
	return ctx;
}

struct cut_case {
	const char *why;
	const char *touched;		/* a character an entry, x if it is */
	struct region_row before[MAX_ROWS];
	struct region_row after[MAX_ROWS];
	unsigned long max_nr_regions;
	unsigned long min_region_sz;
};

static const struct cut_case cut_cases[] = {
	{ "a spot in idle memory", ".....x......", { { 0, 120 } },
	  { { 0, 50 }, { 50, 60 }, { 60, 120 } }, 9, 1 },
	{ "two spots", ".x.....xx...", { { 0, 120 } },
	  { { 0, 10 }, { 10, 20 }, { 20, 70 }, { 70, 90 }, { 90, 120 } }, 9, 1 },
	{ "at the start", "x...........", { { 0, 120 } }, { { 0, 10 }, { 10, 120 } }, 9, 1 },
	{ "at the end", "...........x", { { 0, 120 } }, { { 0, 110 }, { 110, 120 } }, 9, 1 },
	{ "nothing touched", "............", { { 0, 120 } }, { { 0, 120 } }, 9, 1 },
	{ "all touched", "xxxxxxxxxxxx", { { 0, 120 } }, { { 0, 120 } }, 9, 1 },
	{ "counters of both parts", "xxxxxx......", { { 0, 120, 2, 7, 3 } },
	  { { 0, 60, 2, 7, 3 }, { 60, 120, 2, 7, 3 } }, 9, 1 },
	{ "accessed, and idle behind", "xxx.........", { { 0, 60, 0, 5, 1 }, { 60, 120 } },
	  { { 0, 30, 0, 5, 1 }, { 30, 60, 0, 5, 1 }, { 60, 120 } }, 9, 1 },
	{ "explained by what was seen", ".....x......",
	  { { 0, 55 }, { 55, 58, 0, 9, 4 }, { 58, 120 } },
	  { { 0, 55 }, { 55, 58, 0, 9, 4 }, { 58, 120 } }, 9, 1 },
	{ "explained beyond a region", ".....x......",
	  { { 0, 52 }, { 52, 55 }, { 55, 120, 0, 1, 4 } },
	  { { 0, 52 }, { 52, 55 }, { 55, 60, 0, 1, 4 }, { 60, 120, 0, 1, 4 } }, 9, 1 },
	{ "what was seen is elsewhere", ".x...x......",
	  { { 0, 55 }, { 55, 58, 0, 9, 4 }, { 58, 120 } },
	  { { 0, 10 }, { 10, 20 }, { 20, 55 }, { 55, 58, 0, 9, 4 }, { 58, 120 } }, 9, 1 },
	{ "is cut already", ".....x......", { { 0, 50 }, { 50, 60 }, { 60, 120 } },
	  { { 0, 50 }, { 50, 60 }, { 60, 120 } }, 9, 1 },
	{ "no region there", ".....x......", { { 0, 50 }, { 70, 120 } },
	  { { 0, 50 }, { 70, 120 } }, 9, 1 },
	{ "smallest size", ".....x......", { { 0, 120 } },
	  { { 0, 48 }, { 48, 56 }, { 56, 120 } }, 9, 8 },
	{ "smaller than the smallest size", ".....x......", { { 0, 120 } },
	  { { 0, 120 } }, 9, 128 },
	{ "no room", ".....x......", { { 0, 60 }, { 60, 120 } },
	  { { 0, 60 }, { 60, 120 } }, 2, 1 },
	{ "above the maximum", ".....x......", { { 0, 60 }, { 60, 120 } },
	  { { 0, 60 }, { 60, 120 } }, 1, 1 },
	{ "room for one", ".....x......", { { 0, 120 } },
	  { { 0, 50 }, { 50, 120 } }, 2, 1 },
	{ "the start of all is no border", "x...........", { { 0, 120 } },
	  { { 0, 10 }, { 10, 120 } }, 2, 1 },
};

static void cut_test(struct kunit *test)
{
	const struct cut_case *c = test->param_value;
	struct damon_ctx *ctx = hints_ctx(test, c->max_nr_regions);
	struct damon_target *t = test_add_target(test, ctx, 0, 0, 0);
	unsigned int i;

	for (i = 0; c->touched[i]; i++)
		table.touched[i] = c->touched[i] == 'x';
	set_rows(test, t, c->before);
	ctx->min_region_sz = c->min_region_sz;
	damon_split_by_hints(damon_run(ctx));
	expect_rows(test, t, c->after, true, c->why);
}

/* Ranges that are no neighbours have no border, in whatever order they come. */
static void report_gaps(struct damon_ctx *ctx, struct damon_target *t, struct damon_hints *h)
{
	damon_hint(h, 60, 70, false);
	damon_hint(h, 70, 80, true);
	damon_hint(h, 90, 100, false);
	damon_hint(h, 20, 30, true);
	damon_hint(h, 30, 40, false);
	damon_hint(h, 50, 60, true);
}

static void any_order_test(struct kunit *test)
{
	static const struct region_row rows[] = {
		{ 0, 30 }, { 30, 70 }, { 70, 120 }, {},
	};
	struct damon_ctx *ctx = hints_ctx(test, 99);
	struct damon_target *t = test_add_target(test, ctx, 0, 120, 1);

	ctx->ops.split_hints = report_gaps;
	damon_split_by_hints(damon_run(ctx));
	expect_rows(test, t, rows, false, "two borders of six");
}

struct budget_case {
	const char *why;
	unsigned long max_nr_regions;
	unsigned int nr_targets;
	unsigned int nr_entries;	/* of each */
	unsigned long from[6];
	unsigned long nr_checks[6];
};

/* Of 8 checks for a region that may be. */
static const struct budget_case budget_cases[] = {
	{ "all at once", 10, 1, 80, { 0, 0, 0 }, { 80, 80, 80 } },
	{ "one too many", 10, 1, 81, { 0, 800, 0, 800 }, { 80, 1, 80, 1 } },
	{ "in three looks", 10, 1, 200, { 0, 800, 1600, 0 }, { 80, 80, 40, 80 } },
	{ "two targets", 10, 2, 100, { 0, 0, 400, 400, 800, 800 },
	  { 40, 40, 40, 40, 20, 20 } },
	{ "what one leaves the next one has", 10, 2, 39, { 0, 0, 0, 0 }, { 39, 39, 39, 39 } },
};

static void budget_test(struct kunit *test)
{
	const struct budget_case *c = test->param_value;
	struct damon_ctx *ctx = hints_ctx(test, c->max_nr_regions);
	unsigned int i;

	for (i = 0; i < c->nr_targets; i++)
		test_add_target(test, ctx, 0, c->nr_entries * ENTRY, 1);
	while (table.nr_looks < ARRAY_SIZE(c->from))
		damon_split_by_hints(damon_run(ctx));
	for (i = 0; i < ARRAY_SIZE(c->from) && c->nr_checks[i]; i++) {
		KUNIT_EXPECT_EQ_MSG(test, table.from[i], c->from[i], "look %u", i);
		KUNIT_EXPECT_EQ_MSG(test, table.nr_checks[i], c->nr_checks[i], "look %u", i);
	}
}

/* A limit of borders ends a look, too, and it goes on there. */
static void many_borders_test(struct kunit *test)
{
	struct damon_ctx *ctx = hints_ctx(test, 100000);
	struct damon_target *t = test_add_target(test, ctx, 0, MAX_ENTRIES * ENTRY, 1);
	unsigned int i, looks = 0;

	for (i = 0; i < MAX_ENTRIES; i++)
		table.touched[i] = i % 2;
	do {
		damon_split_by_hints(damon_run(ctx));
		KUNIT_ASSERT_GT(test, damon_nr_regions(t), 200 * ++looks);
	} while (damon_target_run(t)->hints_from);
	KUNIT_EXPECT_GT(test, looks, 2);
	/* Those at which a look ended are missed: what was before is not known. */
	KUNIT_EXPECT_GE(test, damon_nr_regions(t), MAX_ENTRIES - looks);
}

struct off_case {
	const char *why;
	bool wanted;
	bool able;
	bool regions;
	unsigned int nr_looks;
};

static const struct off_case off_cases[] = {
	{ "as usual", true, true, true, 1 },
	{ "not wanted", false, true, true, 0 },
	{ "no hook", true, false, true, 0 },
	{ "no regions", true, true, false, 1 },
};

static void off_test(struct kunit *test)
{
	const struct off_case *c = test->param_value;
	struct damon_ctx *ctx = hints_ctx(test, 10);
	struct damon_target *t = test_add_target(test, ctx, 0, 100, c->regions);

	table.touched[3] = true;
	ctx->attrs.split_hints = c->wanted;
	if (!c->able)
		ctx->ops.split_hints = NULL;
	damon_split_by_hints(damon_run(ctx));
	KUNIT_EXPECT_EQ(test, table.nr_looks, c->nr_looks);
	KUNIT_EXPECT_EQ(test, damon_nr_regions(t), c->regions ? 1 + 2 * c->nr_looks : 0);
}

/* In a kdamond */

#define NEEDLE		7770
#define END		(MAX_ENTRIES * ENTRY)

static bool in_needle(unsigned long addr)
{
	return addr >= NEEDLE && addr < NEEDLE + ENTRY;
}

static bool nowhere(unsigned long addr)
{
	return false;
}

static atomic_t nr_right, nr_counted;

/* It may have been counted in each sample, and nothing else at all. */
static void find_needle(struct damon_ctx *ctx)
{
	struct damon_target *t = list_first_entry(&ctx->adaptive_targets,
						  struct damon_target, list);
	struct damon_region *r;

	damon_for_each_region(r, t) {
		if (r->last_nr_accesses == SAMPLES && in_needle(r->ar.start) &&
		    in_needle(r->ar.end - 1))
			atomic_inc(&nr_right);
		atomic_add(r->last_nr_accesses, &nr_counted);
	}
}

struct needle_case {
	const char *why;
	bool (*is_hot)(unsigned long addr);
	bool found;
};

static const struct needle_case needle_cases[] = {
	{ "found", in_needle, true },
	{ "hints count nothing", nowhere, false },
};

static void needle_test(struct kunit *test)
{
	const struct needle_case *c = test->param_value;
	struct damon_ctx *ctx = hints_ctx(test, 100);

	ctx->attrs = (struct damon_attrs) {
		200, SAMPLES * 200, 1000000, 10, 100, .split_hints = true,
	};
	table.touched[NEEDLE / ENTRY] = true;
	fake.is_hot = c->is_hot;
	fake.report = find_needle;
	atomic_set(&nr_right, 0);
	atomic_set(&nr_counted, 0);
	test_add_target(test, ctx, 0, END, 1);
	start(test, ctx);
	wait_for(test, &fake.nr_aggregations, 10);
	damon_stop(&ctx, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_right) >= 5, c->found);
	if (c->is_hot == nowhere)
		KUNIT_EXPECT_EQ(test, atomic_read(&nr_counted), 0);
}

KUNIT_ARRAY_PARAM_DESC(cut, cut_cases, why);
KUNIT_ARRAY_PARAM_DESC(budget, budget_cases, why);
KUNIT_ARRAY_PARAM_DESC(off, off_cases, why);
KUNIT_ARRAY_PARAM_DESC(needle, needle_cases, why);

static struct kunit_case hints_test_cases[] = {
	KUNIT_CASE_PARAM(cut_test, cut_gen_params),
	KUNIT_CASE(any_order_test),
	KUNIT_CASE_PARAM(budget_test, budget_gen_params),
	KUNIT_CASE(many_borders_test),
	KUNIT_CASE_PARAM(off_test, off_gen_params),
	KUNIT_CASE_PARAM(needle_test, needle_gen_params),
	{}
};

static struct kunit_suite hints_test_suite = {
	.name = "damon-hints",
	.init = forget_all,
	.test_cases = hints_test_cases,
};

kunit_test_suite(hints_test_suite);
