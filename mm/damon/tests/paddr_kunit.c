// SPDX-License-Identifier: GPL-2.0
/*
 * Physical addresses of any width, and what is monitored and counted of folios
 * that no process maps.
 */

#include <linux/damon.h>
#include <linux/file.h>
#include <linux/memblock.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>
#include <linux/swap.h>

#include "../folio.h"
#include "../paddr.h"
#include "helpers.h"

struct frame_case {
	const char *why;
	unsigned long addr;
	unsigned long unit;
	u64 phys;
	u64 pfn;
};

static const struct frame_case frame_cases[] = {
	{ "the first byte", 0, 1, 0, 0 },
	{ "the last byte of a frame", PAGE_SIZE - 1, 1, PAGE_SIZE - 1, 0 },
	{ "the next frame", PAGE_SIZE, 1, PAGE_SIZE, 1 },
	{ "a unit of a frame", 5, PAGE_SIZE, 5 * PAGE_SIZE, 5 },
	{ "a unit of many frames", 3, 16 * PAGE_SIZE, 48 * PAGE_SIZE, 48 },
	{ "a unit of a part of one", 9, PAGE_SIZE / 4, 9 * PAGE_SIZE / 4, 2 },
	{
		"more than an address of 32 bits can tell",
		BIT(20), PAGE_SIZE, BIT_ULL(20) * PAGE_SIZE, BIT_ULL(20),
	},
	{
		"all that 32 bits can tell in units of 4 KiB",
		UINT_MAX, 4096, (u64)UINT_MAX * 4096,
		((u64)UINT_MAX * 4096) >> PAGE_SHIFT,
	},
};

static void frame_test(struct kunit *test)
{
	const struct frame_case *c = test->param_value;
	u64 phys = damon_pa_phys(c->addr, c->unit);

	KUNIT_EXPECT_EQ(test, phys, c->phys);
	KUNIT_EXPECT_EQ(test, damon_pa_pfn(phys), c->pfn);
}

/* What a multiplication would wrap to is other memory. */
static void no_wrap_test(struct kunit *test)
{
	u64 phys = damon_pa_phys(ULONG_MAX, ULONG_MAX);
	unsigned long pfn = damon_pa_pfn(phys);

	KUNIT_EXPECT_GE(test, phys, (u64)ULONG_MAX * (ULONG_MAX / 2));
	KUNIT_EXPECT_NULL(test, damon_folio_get(pfn));
	KUNIT_EXPECT_EQ(test, damon_pa_pfn(U64_MAX),
			min_t(u64, U64_MAX >> PAGE_SHIFT, ULONG_MAX));
}

static void no_lru_test(struct kunit *test)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, 2);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_NULL_MSG(test, damon_folio_get(page_to_pfn(page)), "head");
	KUNIT_EXPECT_NULL_MSG(test, damon_folio_get(page_to_pfn(page) + 3), "tail");
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	__free_pages(page, 2);
	KUNIT_EXPECT_NULL_MSG(test, damon_folio_get(page_to_pfn(page)), "free");
	KUNIT_EXPECT_NULL_MSG(test, damon_folio_get(max_pfn), "none");
	KUNIT_EXPECT_NULL_MSG(test, damon_folio_get(ULONG_MAX), "none");
}

static void test_fput(void *file)
{
	fput(file);
}

/* A folio of a file, on an LRU list. */
static struct folio *file_folio(struct kunit *test)
{
	struct file *file = shmem_kernel_file_setup("damon", PAGE_SIZE, 0);
	struct folio *folio;

	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, test_fput, file), 0);
	folio = shmem_read_folio(file->f_mapping, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(folio));
	lru_add_drain();
	folio_put(folio);
	KUNIT_ASSERT_TRUE(test, folio_test_lru(folio));
	return folio;
}

static void young_test(struct kunit *test)
{
	struct folio *expected = file_folio(test);
	struct folio *folio = damon_folio_get(folio_pfn(expected));
	int refs = folio_ref_count(expected);

	KUNIT_ASSERT_PTR_EQ(test, folio, expected);
	KUNIT_EXPECT_TRUE_MSG(test, damon_folio_young(folio), "never made old");
	damon_folio_mkold(folio);
	KUNIT_EXPECT_FALSE(test, damon_folio_young(folio));
	KUNIT_EXPECT_FALSE_MSG(test, damon_folio_young(folio), "looking is no access");
	folio_mark_accessed(folio);
	KUNIT_EXPECT_TRUE(test, damon_folio_young(folio));
	folio_lock(folio);
	damon_folio_mkold(folio);
	KUNIT_EXPECT_FALSE_MSG(test, damon_folio_young(folio),
			       "an unmapped folio needs no lock");
	folio_unlock(folio);
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), refs);
	folio_put(folio);
}

static struct damon_ctx *paddr_ctx(struct kunit *test, unsigned long unit)
{
	struct damon_ctx *ctx = test_ctx(test);

	KUNIT_ASSERT_EQ(test, damon_select_ops(ctx, DAMON_OPS_PADDR), 0);
	KUNIT_EXPECT_FALSE(test, damon_target_has_pid(ctx));
	ctx->addr_unit = unit;
	ctx->min_region_sz = max(PAGE_SIZE / unit, 1);
	return ctx;
}

static const unsigned long units[] = { 1, 64, PAGE_SIZE };

static void unit_desc(const unsigned long *unit, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "units of %lu", *unit);
}

static void check_test(struct kunit *test)
{
	unsigned long unit = *(const unsigned long *)test->param_value;
	struct damon_ctx *ctx = paddr_ctx(test, unit);
	struct folio *folio = file_folio(test);
	unsigned long sz = PAGE_SIZE / unit;
	struct damon_target *t;

	t = test_add_target(test, ctx, folio_pfn(folio) * sz, sz, 1);
	ctx->ops.prepare_access_checks(ctx);
	KUNIT_EXPECT_EQ_MSG(test, ctx->ops.check_accesses(ctx), 0, "idle");
	ctx->ops.prepare_access_checks(ctx);
	folio_mark_accessed(folio);
	KUNIT_EXPECT_EQ_MSG(test, ctx->ops.check_accesses(ctx), 1, "accessed");
	KUNIT_EXPECT_EQ(test, t->regions[0].nr_accesses, 1);
	t->regions[0].sampling_addr = ULONG_MAX;
	KUNIT_EXPECT_EQ_MSG(test, ctx->ops.check_accesses(ctx), 1, "nowhere");
}

/* Whether a scheme with one filter counts a folio of a file. */
struct filter_case {
	const char *why;
	enum damos_filter_type type;
	bool matching;
	bool allow;
	bool passes;
};

static const struct filter_case filter_cases[] = {
	{ "reject anon", DAMOS_FILTER_TYPE_ANON, true, false, true },
	{ "allow anon", DAMOS_FILTER_TYPE_ANON, true, true, false },
	{ "allow not anon", DAMOS_FILTER_TYPE_ANON, false, true, true },
	{ "allow unmapped", DAMOS_FILTER_TYPE_UNMAPPED, true, true, true },
	{ "reject unmapped", DAMOS_FILTER_TYPE_UNMAPPED, true, false, false },
	{ "allow young", DAMOS_FILTER_TYPE_YOUNG, true, true, true },
	{ "reject young", DAMOS_FILTER_TYPE_YOUNG, true, false, false },
	{ "allow no memcg", DAMOS_FILTER_TYPE_MEMCG, true, true, false },
};

static struct damos *add_stat_scheme(struct kunit *test, struct damon_ctx *ctx,
				     const struct filter_case *c)
{
	struct damos *s = new_scheme(&(struct damos_access_pattern) {}, 0);
	struct damos_filter *f;

	KUNIT_ASSERT_NOT_NULL(test, s);
	damon_add_scheme(ctx, s);
	f = damos_new_filter(c->type, c->matching, c->allow);
	KUNIT_ASSERT_NOT_NULL(test, f);
	damos_add_filter(s, f);
	return s;
}

static void filter_test(struct kunit *test)
{
	const struct filter_case *c = test->param_value;
	struct damon_ctx *ctx = paddr_ctx(test, 1);
	struct damos *s = add_stat_scheme(test, ctx, c);
	struct folio *folio = file_folio(test);
	unsigned long passed = 0;
	struct damon_target *t;

	t = test_add_target(test, ctx, folio_pfn(folio) * PAGE_SIZE, PAGE_SIZE, 1);
	folio_mark_accessed(folio);
	KUNIT_EXPECT_FALSE(test, ctx->ops.ignores_scheme(s));
	KUNIT_EXPECT_EQ(test, ctx->ops.apply_scheme(ctx, t, t->regions, s, &passed),
			0);
	KUNIT_EXPECT_EQ(test, passed, c->passes ? PAGE_SIZE : 0);
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 1);
}

/* The filter is a check, so what it let pass once is no longer young. */
static void young_filter_test(struct kunit *test)
{
	const struct filter_case young = { .type = DAMOS_FILTER_TYPE_YOUNG,
					   .matching = true, .allow = true };
	struct damon_ctx *ctx = paddr_ctx(test, 1);
	struct damos *s = add_stat_scheme(test, ctx, &young);
	struct folio *folio = file_folio(test);
	unsigned long passed = 0;
	struct damon_target *t;

	t = test_add_target(test, ctx, folio_pfn(folio) * PAGE_SIZE, PAGE_SIZE, 1);
	ctx->ops.apply_scheme(ctx, t, t->regions, s, &passed);
	KUNIT_EXPECT_EQ(test, passed, PAGE_SIZE);
	ctx->ops.apply_scheme(ctx, t, t->regions, s, &passed);
	KUNIT_EXPECT_EQ(test, passed, PAGE_SIZE);
}

static void sz_on_node_test(struct kunit *test)
{
	struct damon_ctx *ctx = paddr_ctx(test, 1);
	struct folio *folio = file_folio(test);
	u64 on_node = 0, total = 0;
	struct damon_target *t;

	t = test_add_target(test, ctx, folio_pfn(folio) * PAGE_SIZE, PAGE_SIZE, 1);
	ctx->ops.sz_on_node(ctx, t->regions, folio_nid(folio), &on_node, &total);
	KUNIT_EXPECT_EQ(test, on_node, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, total, PAGE_SIZE);
	ctx->ops.sz_on_node(ctx, t->regions, MAX_NUMNODES, &on_node, &total);
	KUNIT_EXPECT_EQ(test, on_node, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, total, 2 * PAGE_SIZE);
}

/* What none of the schemes below may do anything to, or crash on. */
static void nowhere_test(struct kunit *test)
{
	struct damon_ctx *ctx = paddr_ctx(test, 4096);
	struct damon_target *t = test_add_target(test, ctx, ULONG_MAX - 4096, 2048, 1);
	unsigned long passed = 0;
	struct damos *s;
	int action;

	for (action = 0; action < NR_DAMOS_ACTIONS; action++) {
		s = new_scheme(&(struct damos_access_pattern) {}, 0);
		KUNIT_ASSERT_NOT_NULL(test, s);
		s->action = action;
		damon_add_scheme(ctx, s);
		KUNIT_EXPECT_EQ_MSG(test, ctx->ops.apply_scheme(ctx, t, t->regions,
								s, &passed),
				    0, "%s", damos_action_name(action));
	}
	/* The last one is stat, without filters. */
	KUNIT_EXPECT_TRUE(test, ctx->ops.ignores_scheme(s));
	KUNIT_EXPECT_EQ(test, passed, 0);
}

KUNIT_ARRAY_PARAM_DESC(frame, frame_cases, why);
KUNIT_ARRAY_PARAM(unit, units, unit_desc);
KUNIT_ARRAY_PARAM_DESC(filter, filter_cases, why);

static struct kunit_case paddr_test_cases[] = {
	KUNIT_CASE_PARAM(frame_test, frame_gen_params),
	KUNIT_CASE(no_wrap_test),
	KUNIT_CASE(no_lru_test),
	KUNIT_CASE(young_test),
	KUNIT_CASE_PARAM(check_test, unit_gen_params),
	KUNIT_CASE_PARAM(filter_test, filter_gen_params),
	KUNIT_CASE(young_filter_test),
	KUNIT_CASE(sz_on_node_test),
	KUNIT_CASE(nowhere_test),
	{}
};

static struct kunit_suite paddr_test_suite = {
	.name = "damon-paddr",
	.test_cases = paddr_test_cases,
};

kunit_test_suite(paddr_test_suite);
