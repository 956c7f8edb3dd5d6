// SPDX-License-Identifier: GPL-2.0
/*
 * Filters of schemes: of both layers, of every type, and in passes.
 */

#include <linux/mm.h>

#include "../kinds.h"
#include "schemes.h"

#define ANON	DAMOS_FILTER_TYPE_ANON
#define ACTIVE	DAMOS_FILTER_TYPE_ACTIVE
#define MEMCG	DAMOS_FILTER_TYPE_MEMCG
#define YOUNG	DAMOS_FILTER_TYPE_YOUNG
#define SIZE	DAMOS_FILTER_TYPE_HUGEPAGE_SIZE
#define UNMAPPED DAMOS_FILTER_TYPE_UNMAPPED
#define ADDR	DAMOS_FILTER_TYPE_ADDR
#define TARGET	DAMOS_FILTER_TYPE_TARGET

struct filter_row {
	enum damos_filter_type type;
	bool matching, allow;
	unsigned long start, end;	/* or sizes, or the number of the target */
};

static void add_filter_row(struct kunit *test, struct damos *s, const struct filter_row *row)
{
	struct damos_filter *f = add_filter(test, s, row->type, row->matching, row->allow);

	f->addr_range = (struct damon_addr_range) { row->start, row->end };
	f->sz_range = (struct damon_size_range) { row->start, row->end };
	f->target_idx = row->start;
	f->memcg_id = row->start;
}

static void add_filter_rows(struct kunit *test, struct damos *s, const struct filter_row *rows,
			    unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		add_filter_row(test, s, &rows[i]);
}

/* A folio of one page, as the tests want it */

struct fake_folio {
	struct damos_folio f;
	bool young;
	unsigned int nr_checks;
};

static bool fake_test_clear_young(struct damos_folio *f)
{
	struct fake_folio *fake = container_of(f, struct fake_folio, f);
	bool young = fake->young;

	fake->young = false;
	fake->nr_checks++;
	return young;
}

static void free_fake_folio(void *data)
{
	struct fake_folio *fake = data;

	fake->f.folio->mapping = NULL;
	folio_clear_active(fake->f.folio);
	atomic_set(&fake->f.folio->_mapcount, -1);
	folio_put(fake->f.folio);
}

#define IS_ANON		BIT(0)
#define IS_ACTIVE	BIT(1)
#define IS_YOUNG	BIT(2)
#define IS_MAPPED	BIT(3)

static struct fake_folio *fake_folio(struct kunit *test, unsigned int is)
{
	struct fake_folio *fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);

	KUNIT_ASSERT_NOT_NULL(test, fake);
	KUNIT_ASSERT_NOT_NULL(test, folio);
	fake->f = (struct damos_folio) { folio, fake_test_clear_young };
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_fake_folio, fake), 0);
	fake->young = is & IS_YOUNG;
	if (is & IS_ANON)
		folio->mapping = (void *)PAGE_MAPPING_ANON;
	if (is & IS_ACTIVE)
		folio_set_active(folio);
	if (is & IS_MAPPED)
		atomic_set(&folio->_mapcount, 0);
	return fake;
}

/* Filters about folios */

struct folio_case {
	const char *why;
	unsigned int is;
	struct filter_row filters[3];
	unsigned int nr;
	bool spare_young;
	bool passes;
	bool still_young;
};

static const struct folio_case folio_cases[] = {
	{ "no filter", 0, {}, 0, false, true },
	{ "allow anon: anon", IS_ANON, { { ANON, true, true } }, 1, false, true },
	{ "allow anon: not anon", 0, { { ANON, true, true } }, 1, false, false },
	{ "reject anon: anon", IS_ANON, { { ANON, true, false } }, 1, false, false },
	{ "reject anon: not anon", 0, { { ANON, true, false } }, 1, false, true },
	{ "allow not anon: anon", IS_ANON, { { ANON, false, true } }, 1, false, false },
	{ "allow not anon: not anon", 0, { { ANON, false, true } }, 1, false, true },
	{ "reject not anon: anon", IS_ANON, { { ANON, false, false } }, 1, false, true },
	{ "reject not anon: not anon", 0, { { ANON, false, false } }, 1, false, false },
	{ "active: is", IS_ACTIVE, { { ACTIVE, true, true } }, 1, false, true },
	{ "active: is not", 0, { { ACTIVE, true, true } }, 1, false, false },
	{ "unmapped: is", 0, { { UNMAPPED, true, true } }, 1, false, true },
	{ "unmapped: is not", IS_MAPPED, { { UNMAPPED, true, true } }, 1, false, false },
	{ "young: is, and is checked", IS_YOUNG, { { YOUNG, true, true } }, 1, false, true },
	{ "young: is not", 0, { { YOUNG, true, true } }, 1, false, false },
	{ "young: is checked where it is rejected, too", IS_YOUNG, { { YOUNG, true, false } }, 1,
	  false, false },
	{ "memcg: of none", 0, { { MEMCG, true, true, 1 } }, 1, false, false },
	{ "memcg: of none is not of one", 0, { { MEMCG, false, true, 1 } }, 1, false, true },
	{ "size: is", 0, { { SIZE, true, true, PAGE_SIZE, PAGE_SIZE } }, 1, false, true },
	{ "size: all sizes", 0, { { SIZE, true, true, 0, ULONG_MAX } }, 1, false, true },
	{ "size: is smaller", 0, { { SIZE, true, true, PAGE_SIZE + 1, ULONG_MAX } }, 1, false,
	  false },
	{ "size: is larger", 0, { { SIZE, true, true, 0, PAGE_SIZE - 1 } }, 1, false, false },
	{ "allow anon, reject young: anon and young", IS_ANON | IS_YOUNG,
	  { { ANON, true, true }, { YOUNG, true, false } }, 2, false, true, true },
	{ "allow anon, reject young: anon", IS_ANON,
	  { { ANON, true, true }, { YOUNG, true, false } }, 2, false, true },
	{ "allow anon, reject young: young", IS_YOUNG,
	  { { ANON, true, true }, { YOUNG, true, false } }, 2, false, false },
	{ "allow anon, reject young: neither", 0,
	  { { ANON, true, true }, { YOUNG, true, false } }, 2, false, true },
	{ "the first to decide counts", IS_ANON | IS_ACTIVE,
	  { { ANON, true, false }, { ACTIVE, true, true } }, 2, false, false },
	{ "the order counts", IS_ANON | IS_ACTIVE,
	  { { ACTIVE, true, true }, { ANON, true, false } }, 2, false, true },
	{ "the last makes the default", 0,
	  { { ANON, true, false }, { ACTIVE, true, true } }, 2, false, false },
	{ "the last makes the default, other order", 0,
	  { { ACTIVE, true, true }, { ANON, true, false } }, 2, false, true },
	{ "spare young: young", IS_YOUNG, {}, 0, true, false },
	{ "spare young: not young", 0, {}, 0, true, true },
	{ "spare young: comes last", IS_ANON | IS_YOUNG, { { ANON, true, true } }, 1, true, true,
	  true },
	{ "spare young: does not make the default", 0, { { ANON, true, true } }, 1, true, false },
};

static void folio_test(struct kunit *test)
{
	const struct folio_case *c = test->param_value;
	struct damos *s = add_any(test, pass_ctx(test), DAMOS_STAT);
	struct fake_folio *fake = fake_folio(test, c->is);

	add_filter_rows(test, s, c->filters, c->nr);
	KUNIT_EXPECT_EQ(test, damos_folio_passes(s, &fake->f, c->spare_young), c->passes);
	KUNIT_EXPECT_EQ(test, fake->young, c->still_young);
	/* What the core allows is not asked about. */
	fake->nr_checks = 0;
	damos_run(s)->core_allowed = true;
	KUNIT_EXPECT_TRUE(test, damos_folio_passes(s, &fake->f, c->spare_young));
	KUNIT_EXPECT_EQ(test, fake->nr_checks, 0);
}

/* Defaults, by the last filters of both layers, none of which decides */

struct default_case {
	const char *why;
	char core, ops;			/* 'A'llow, 'R'eject, or none */
	bool core_accepts, ops_accepts;
};

static const struct default_case default_cases[] = {
	{ "none", 0, 0, true, true },
	{ "core allow", 'A', 0, false, true },
	{ "core reject", 'R', 0, true, true },
	{ "ops allow", 0, 'A', true, false },
	{ "ops reject", 0, 'R', true, true },
	{ "core reject, ops allow", 'R', 'A', true, false },
	{ "core allow, ops allow", 'A', 'A', true, false },
	{ "core allow, ops reject", 'A', 'R', true, true },
	{ "core reject, ops reject", 'R', 'R', true, true },
};

static void default_test(struct kunit *test)
{
	const struct default_case *c = test->param_value;
	struct damos *s = add_any(test, pass_ctx(test), DAMOS_STAT);
	struct fake_folio *fake = fake_folio(test, 0);
	struct damos_verdict v;

	if (c->core)
		add_filter(test, s, TARGET, true, c->core == 'A')->target_idx = 9;
	if (c->ops)
		add_filter(test, s, ANON, true, c->ops == 'A');
	v = damos_filter_range(s, 0, (struct damon_addr_range) { 0, 10 }, 1);
	KUNIT_EXPECT_EQ(test, v.sz, 10);
	KUNIT_EXPECT_FALSE(test, v.allowed);
	KUNIT_EXPECT_EQ(test, v.rejected, !c->core_accepts);
	KUNIT_EXPECT_EQ(test, damos_folio_passes(s, &fake->f, false), c->ops_accepts);
}

/* Filters about ranges: the start of a range, and how much has the same answer */

struct range_case {
	const char *why;
	struct filter_row filters[3];
	unsigned int nr;
	struct damon_addr_range range;
	unsigned long min_sz;
	unsigned long sz;
	char verdict;			/* 'A'llowed, 'R'ejected, or undecided */
};

static const struct range_case range_cases[] = {
	{ "within", { { ADDR, true, true, 2, 6 } }, 1, { 3, 5 }, 1, 2, 'A' },
	{ "the same", { { ADDR, true, true, 2, 6 } }, 1, { 2, 6 }, 1, 4, 'A' },
	{ "before", { { ADDR, true, true, 2, 6 } }, 1, { 1, 2 }, 1, 1, 'R' },
	{ "behind", { { ADDR, true, true, 2, 6 } }, 1, { 6, 8 }, 1, 2, 'R' },
	{ "begins before", { { ADDR, true, true, 2, 6 } }, 1, { 1, 4 }, 1, 1, 'R' },
	{ "ends behind", { { ADDR, true, true, 2, 6 } }, 1, { 2, 8 }, 1, 4, 'A' },
	{ "around", { { ADDR, true, true, 2, 6 } }, 1, { 1, 8 }, 1, 1, 'R' },
	{ "reject", { { ADDR, true, false, 2, 6 } }, 1, { 2, 8 }, 1, 4, 'R' },
	{ "reject, before", { { ADDR, true, false, 2, 6 } }, 1, { 1, 8 }, 1, 1, 0 },
	{ "allow what is outside", { { ADDR, false, true, 2, 6 } }, 1, { 1, 8 }, 1,
	  1, 'A' },
	{ "reject what is outside", { { ADDR, false, false, 2, 6 } }, 1, { 2, 8 }, 1,
	  4, 0 },
	{ "borders rounded down", { { ADDR, true, true, 7, 15 } }, 1, { 0, 20 }, 4,
	  4, 'R' },
	{ "borders rounded down, behind", { { ADDR, true, true, 7, 15 } }, 1, { 4, 20 }, 4,
	  8, 'A' },
	{ "nothing left of it", { { ADDR, true, true, 5, 7 } }, 1, { 0, 20 }, 4,
	  20, 'R' },
	{ "empty", { { ADDR, true, true, 5, 5 } }, 1, { 0, 20 }, 1, 20, 'R' },
	{ "empty, reject", { { ADDR, true, false, 5, 5 } }, 1, { 0, 20 }, 1, 20, 0 },
	{ "everything", { { ADDR, true, true, 0, ULONG_MAX } }, 1, { 0, 20 }, 4, 20, 'A' },
	{ "target", { { TARGET, true, true, 3 } }, 1, { 0, 20 }, 1, 20, 'A' },
	{ "other target", { { TARGET, true, true, 2 } }, 1, { 0, 20 }, 1, 20, 'R' },
	{ "no target", { { TARGET, true, true, -1 } }, 1, { 0, 20 }, 1, 20, 'R' },
	{ "the first to decide", { { TARGET, true, false, 3 }, { ADDR, true, true, 2, 6 } }, 2,
	  { 0, 20 }, 1, 20, 'R' },
	{ "all that were asked", { { ADDR, true, false, 15, 18 }, { ADDR, true, true, 2, 6 } }, 2,
	  { 2, 20 }, 1, 4, 'A' },
	{ "all that were asked, the first cuts more",
	  { { ADDR, true, false, 4, 18 }, { ADDR, true, true, 2, 6 } }, 2,
	  { 2, 20 }, 1, 2, 'A' },
	{ "left to the operations set", { { ADDR, true, true, 2, 6 }, { ANON, true, true } }, 2,
	  { 6, 8 }, 1, 2, 0 },
	{ "rejected before the operations set",
	  { { ANON, true, true }, { ADDR, true, false, 2, 6 } }, 2, { 2, 6 }, 1, 4, 'R' },
};

static void range_test(struct kunit *test)
{
	const struct range_case *c = test->param_value;
	struct damos *s = add_any(test, pass_ctx(test), DAMOS_STAT);
	struct damos_verdict v;

	add_filter_rows(test, s, c->filters, c->nr);
	v = damos_filter_range(s, 3, c->range, c->min_sz);
	KUNIT_EXPECT_EQ(test, v.sz, c->sz);
	KUNIT_EXPECT_EQ(test, v.rejected, c->verdict == 'R');
	KUNIT_EXPECT_EQ(test, v.allowed, c->verdict == 'A');
}

/* Passes: regions are cut, and the cuts undone */

struct cut_case {
	const char *why;
	struct filter_row filters[2];
	unsigned int nr;
	struct region_row rows[4];
	struct applied_row applied[6];
	unsigned long sz;			/* quota */
};

static const struct cut_case cut_cases[] = {
	{ "reference: within", { { ADDR, true, true, 2, 6 } }, 1, { { 3, 5 } },
	  { { 0, 0, 3, 5 } } },
	{ "reference: before", { { ADDR, true, true, 2, 6 } }, 1, { { 1, 2 } }, {} },
	{ "reference: behind", { { ADDR, true, true, 2, 6 } }, 1, { { 6, 8 } }, {} },
	{ "reference: begins before", { { ADDR, true, true, 2, 6 } }, 1, { { 1, 4 } },
	  { { 0, 0, 2, 4 } } },
	{ "reference: ends behind", { { ADDR, true, true, 2, 6 } }, 1, { { 2, 8 } },
	  { { 0, 0, 2, 6 } } },
	{ "around", { { ADDR, true, true, 2, 6 } }, 1, { { 0, 10 } }, { { 0, 0, 2, 6 } } },
	{ "reject around", { { ADDR, true, false, 2, 6 } }, 1, { { 0, 10 } },
	  { { 0, 0, 0, 2 }, { 0, 0, 6, 10 } } },
	{ "two of them", { { ADDR, true, true, 2, 4 }, { ADDR, true, true, 6, 8 } }, 2,
	  { { 0, 10 } }, { { 0, 0, 2, 4 }, { 0, 0, 6, 8 } } },
	{ "over regions", { { ADDR, true, true, 2, 16 } }, 1, { { 0, 10 }, { 10, 12 }, { 12, 20 } },
	  { { 0, 0, 2, 10 }, { 0, 0, 10, 12 }, { 0, 0, 12, 16 } } },
	{ "with a quota", { { ADDR, true, true, 4, 18 } }, 1, { { 0, 10 }, { 10, 20 } },
	  { { 0, 0, 4, 10 }, { 0, 0, 10, 14 } }, 10 },
	{ "what is rejected takes no quota", { { ADDR, true, true, 500, 502 } }, 1,
	  { { 0, 1000 } }, { { 0, 0, 500, 501 } }, 1 },
};

static void cut_test(struct kunit *test)
{
	const struct cut_case *c = test->param_value;
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s = add_any(test, ctx, DAMOS_STAT);
	unsigned long sz = 0;
	unsigned int i;

	add_filter_rows(test, s, c->filters, c->nr);
	add_rows(test, ctx, c->rows);
	s->quota.sz = c->sz;
	s->quota.reset_interval = 1000;
	pass(ctx);
	expect_applied(test, c->applied, c->why);
	expect_rows(test, list_first_entry(&ctx->adaptive_targets, struct damon_target, list),
		    c->rows, true, "cuts are undone");
	for (i = 0; c->applied[i].end; i++)
		sz += c->applied[i].end - c->applied[i].start;
	KUNIT_EXPECT_EQ(test, s->stat.nr_tried, i);
	KUNIT_EXPECT_EQ(test, s->stat.sz_tried, sz);
	KUNIT_EXPECT_EQ(test, damos_run(s)->quota.charged_sz, c->sz ? sz : 0);
}

/* A random lot of filters: what is applied to is what each byte is told. */
static bool byte_passes(const struct damos *s, unsigned int target_idx, unsigned long addr)
{
	return !damos_filter_range(s, target_idx, (struct damon_addr_range) { addr, addr + 1 },
				   1).rejected;
}

static void bytewise_test(struct kunit *test)
{
	static const struct region_row rows[] = { { 0, 40 }, { 40, 60 }, { 70, 100 }, {} };
	unsigned int i, j;

	for (i = 0; i < 300; i++) {
		struct damon_ctx *ctx = pass_ctx(test);
		struct damos *s = add_any(test, ctx, DAMOS_STAT);
		unsigned long addr, passing = 0;

		prandom_seed_state(&damon_run(ctx)->rnd, i);
		for (j = damon_rand(ctx, 0, 4); j; j--) {
			struct filter_row row = { damon_rand(ctx, ADDR, TARGET + 1),
						  damon_rand(ctx, 0, 2), damon_rand(ctx, 0, 2) };

			row.start = damon_rand(ctx, 0, row.type == TARGET ? 2 : 100);
			row.end = damon_rand(ctx, row.start, 101);
			add_filter_row(test, s, &row);
		}
		add_rows(test, ctx, rows);
		for (addr = 0; addr < 100; addr++)
			passing += (addr < 60 || addr >= 70) && byte_passes(s, 0, addr);
		forget_applied();
		pass(ctx);
		KUNIT_ASSERT_EQ(test, passes.sz, passing);
		for (j = 0; j < min(passes.nr, MAX_APPLIED); j++) {
			for (addr = passes.log[j].start; addr < passes.log[j].end; addr++)
				KUNIT_ASSERT_TRUE(test, byte_passes(s, 0, addr));
		}
	}
}

/* Names, layers, and what is refused */

struct type_case {
	const char *name;
	enum damos_filter_type type;
	bool for_ops;
};

static const struct type_case type_cases[] = {
	{ "anon", ANON, true }, { "active", ACTIVE, true }, { "memcg", MEMCG, true },
	{ "young", YOUNG, true }, { "hugepage_size", SIZE, true }, { "unmapped", UNMAPPED, true },
	{ "addr", ADDR, false }, { "target", TARGET, false },
};

static void type_test(struct kunit *test)
{
	const struct type_case *c = test->param_value;
	struct damos *s = add_any(test, pass_ctx(test), DAMOS_STAT);
	struct damos_filter *f = damos_new_filter(c->type, true, false);

	KUNIT_ASSERT_NOT_NULL(test, f);
	KUNIT_EXPECT_EQ(test, f->type, c->type);
	KUNIT_EXPECT_TRUE(test, f->matching);
	KUNIT_EXPECT_FALSE(test, f->allow);
	KUNIT_EXPECT_TRUE(test, list_empty(&f->list));
	KUNIT_EXPECT_STREQ(test, damos_filter_name(c->type), c->name);
	KUNIT_EXPECT_EQ(test, damos_filter_for_ops(c->type), c->for_ops);
	damos_add_filter(s, f);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&s->ops_filters), c->for_ops);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&s->core_filters), !c->for_ops);
}

struct invalid_case {
	const char *why;
	struct filter_row filter;
	bool valid;
};

static const struct invalid_case invalid_cases[] = {
	{ "addresses", { ADDR, true, true, 5, 6 }, true },
	{ "no address", { ADDR, true, true, 5, 5 }, true },
	{ "addresses cross", { ADDR, true, true, 6, 5 }, false },
	{ "sizes", { SIZE, true, true, 5, 6 }, true },
	{ "one size", { SIZE, true, true, 5, 5 }, true },
	{ "sizes cross", { SIZE, true, true, 6, 5 }, false },
	{ "others do not look at them", { ANON, true, true, 6, 5 }, true },
};

static void invalid_test(struct kunit *test)
{
	const struct invalid_case *c = test->param_value;
	struct damon_ctx *ctx = pass_ctx(test), *dst = pass_ctx(test);
	struct damos *s = add_any(test, ctx, DAMOS_STAT);

	add_filter_row(test, s, &c->filter);
	KUNIT_EXPECT_EQ(test, damos_valid(ctx, s), c->valid);
	KUNIT_EXPECT_EQ(test, damon_commit_ctx(dst, ctx), c->valid ? 0 : -EINVAL);
	KUNIT_EXPECT_EQ(test, list_empty(&dst->schemes), !c->valid);
	KUNIT_EXPECT_NULL(test, damos_filter_name(NR_DAMOS_FILTER_TYPES));
}

KUNIT_ARRAY_PARAM_DESC(folio, folio_cases, why);
KUNIT_ARRAY_PARAM_DESC(default, default_cases, why);
KUNIT_ARRAY_PARAM_DESC(range, range_cases, why);
KUNIT_ARRAY_PARAM_DESC(cut, cut_cases, why);
KUNIT_ARRAY_PARAM_DESC(type, type_cases, name);
KUNIT_ARRAY_PARAM_DESC(invalid, invalid_cases, why);

static struct kunit_case filter_test_cases[] = {
	KUNIT_CASE_PARAM(folio_test, folio_gen_params),
	KUNIT_CASE_PARAM(default_test, default_gen_params),
	KUNIT_CASE_PARAM(range_test, range_gen_params),
	KUNIT_CASE_PARAM(cut_test, cut_gen_params),
	KUNIT_CASE(bytewise_test),
	KUNIT_CASE_PARAM(type_test, type_gen_params),
	KUNIT_CASE_PARAM(invalid_test, invalid_gen_params),
	{}
};

static struct kunit_suite filter_test_suite = {
	.name = "damon-filter",
	.init = passes_begin,
	.test_cases = filter_test_cases,
};

kunit_test_suite(filter_test_suite);
