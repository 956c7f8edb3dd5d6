// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses to folios: those a process maps, in the ways there are, and those
 * that nobody does; and passes over regions that meet several in one folio.
 */

#include <linux/damon.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/swap.h>

#include "../folio.h"
#include "helpers.h"

#define NR_PAGES	4

/* How memory is mapped, and whether one entry is all there is to ask. */
struct mapping_case {
	const char *why;
	unsigned long flags;
	bool usual;
};

static const struct mapping_case mapping_cases[] = {
	{ "private", MAP_PRIVATE | MAP_ANONYMOUS, true },
	{ "shared", MAP_SHARED | MAP_ANONYMOUS, false },
};

/* Pages of a mapping of the process that runs the test. */
struct pages {
	unsigned long start;
	struct page *page[NR_PAGES];
};

static void test_put_page(void *page)
{
	put_page(page);
}

static void get_user_page(struct kunit *test, struct pages *pages, int i)
{
	unsigned long addr = pages->start + i * PAGE_SIZE;

	KUNIT_ASSERT_EQ(test, get_user_pages_fast(addr, 1, FOLL_WRITE,
						  &pages->page[i]), 1);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, test_put_page,
							pages->page[i]), 0);
}

static struct pages *map_pages(struct kunit *test, unsigned long flags)
{
	struct pages *pages = kunit_kzalloc(test, sizeof(*pages), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	pages->start = kunit_vm_mmap(test, NULL, 0, NR_PAGES * PAGE_SIZE,
				     PROT_READ | PROT_WRITE, flags, 0);
	KUNIT_ASSERT_NE(test, pages->start, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(pages->start));
	for (i = 0; i < NR_PAGES; i++)
		get_user_page(test, pages, i);
	lru_add_drain();
	return pages;
}

/**
 * struct accessed_bit - Of an entry of a page table.
 * @young:	what it is to be
 * @was:	what it was
 */
struct accessed_bit {
	bool young;
	bool was;
};

static int exchange_bit(pte_t *ptep, unsigned long addr, void *data)
{
	struct accessed_bit *bit = data;
	pte_t pte = ptep_get(ptep);

	bit->was = pte_young(pte);
	set_pte_at(current->mm, addr, ptep,
		   bit->young ? pte_mkyoung(pte) : pte_mkold(pte));
	return 0;
}

/* What hardware does, or undoes where @young is false; returns what it was. */
static bool set_accessed_bit(struct kunit *test, const struct pages *pages,
			     int i, bool young)
{
	unsigned long addr = pages->start + i * PAGE_SIZE;
	struct accessed_bit bit = { .young = young };
	struct mm_struct *mm = current->mm;
	int err;

	mmap_read_lock(mm);
	err = apply_to_existing_page_range(mm, addr, PAGE_SIZE, exchange_bit, &bit);
	mmap_read_unlock(mm);
	KUNIT_ASSERT_EQ(test, err, 0);
	return bit.was;
}

static void mapped_test(struct kunit *test)
{
	const struct mapping_case *c = test->param_value;
	struct pages *pages = map_pages(test, c->flags);
	struct folio *folio = page_folio(pages->page[1]);

	KUNIT_EXPECT_TRUE_MSG(test, damon_folio_young(folio), "never made old");
	set_accessed_bit(test, pages, 1, true);
	folio_test_clear_young(folio);
	damon_folio_mkold(folio);
	KUNIT_EXPECT_FALSE(test, damon_folio_young(folio));
	KUNIT_EXPECT_TRUE_MSG(test, folio_test_young(folio), "for reclaim to know");
	KUNIT_EXPECT_FALSE_MSG(test, set_accessed_bit(test, pages, 1, true),
			       "the bit was to be cleared");
	KUNIT_EXPECT_TRUE_MSG(test, damon_folio_young(folio), "accessed by the process");
	damon_folio_mkold(folio);
	folio_mark_accessed(folio);
	KUNIT_EXPECT_TRUE_MSG(test, damon_folio_young(folio), "accessed by the kernel");
	damon_folio_mkold(folio);
	set_accessed_bit(test, pages, 0, true);
	KUNIT_EXPECT_FALSE_MSG(test, damon_folio_young(folio), "its neighbour was");
}

/* What cannot be told for the folio lock counts as not accessed, at once. */
static void locked_test(struct kunit *test)
{
	const struct mapping_case *c = test->param_value;
	struct pages *pages = map_pages(test, c->flags);
	struct folio *folio = page_folio(pages->page[0]);

	damon_folio_mkold(folio);
	set_accessed_bit(test, pages, 0, true);
	folio_lock(folio);
	KUNIT_EXPECT_EQ(test, damon_folio_young(folio), c->usual);
	damon_folio_mkold(folio);
	folio_unlock(folio);
	KUNIT_EXPECT_EQ_MSG(test, damon_folio_young(folio), !c->usual,
			    "it is made old just if it may be");
}

static void usual_test(struct kunit *test)
{
	const struct mapping_case *c = test->param_value;
	struct pages *pages = map_pages(test, c->flags);
	struct damon_age age = { .clear = true };
	struct damon_anon anon = {};
	struct anon_vma *first;
	int refs = page_ref_count(pages->page[0]);

	KUNIT_EXPECT_EQ(test, damon_anon_age(&anon, pages->page[0], &age), c->usual);
	first = anon.anon_vma;
	KUNIT_EXPECT_EQ(test, damon_anon_age(&anon, pages->page[1], &age), c->usual);
	KUNIT_EXPECT_PTR_EQ_MSG(test, anon.anon_vma, first, "neighbours");
	KUNIT_EXPECT_EQ(test, !!first, c->usual);
	if (first)
		KUNIT_EXPECT_TRUE(test, rwsem_is_locked(&first->root->rwsem));
	damon_anon_release(&anon);
	if (first)
		KUNIT_EXPECT_FALSE(test, rwsem_is_locked(&first->root->rwsem));
	KUNIT_EXPECT_NULL(test, anon.anon_vma);
	KUNIT_EXPECT_EQ(test, page_ref_count(pages->page[0]), refs);
}

/* A frame that is what it was, but not where it was. */
static void unmapped_test(struct kunit *test)
{
	const struct mapping_case *c = test->param_value;
	struct pages *pages = map_pages(test, c->flags);
	struct folio *folio = page_folio(pages->page[0]);
	struct damon_age age = { .clear = true };
	struct damon_anon anon = {};

	KUNIT_ASSERT_EQ(test, vm_munmap(pages->start, NR_PAGES * PAGE_SIZE), 0);
	KUNIT_EXPECT_FALSE(test, damon_anon_age(&anon, pages->page[0], &age));
	KUNIT_EXPECT_NULL(test, anon.anon_vma);
	damon_folio_mkold(folio);
	KUNIT_EXPECT_FALSE(test, damon_folio_young(folio));
	folio_mark_accessed(folio);
	KUNIT_EXPECT_TRUE(test, damon_folio_young(folio));
}

static void test_put_folio(void *folio)
{
	folio_put(folio);
}

/* Of @order, on an LRU list, and mapped by nobody. */
static struct folio *lru_folio(struct kunit *test, unsigned int order)
{
	struct folio *folio = folio_alloc(GFP_KERNEL, order);

	KUNIT_ASSERT_NOT_NULL(test, folio);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, test_put_folio, folio), 0);
	KUNIT_ASSERT_EQ(test, mem_cgroup_charge(folio, NULL, GFP_KERNEL), 0);
	folio_add_lru(folio);
	lru_add_drain();
	KUNIT_ASSERT_TRUE(test, folio_test_lru(folio));
	return folio;
}

/* Regions of a page each in one folio, or in one each. */
struct pass_case {
	const char *why;
	unsigned int order;
};

static const struct pass_case pass_cases[] = {
	{ "all regions in one folio", 2 },
	{ "a region is a folio", 0 },
};

static void expect_counts(struct kunit *test, const struct damon_target *t,
			  unsigned int expected, const char *why)
{
	unsigned int i;

	for (i = 0; i < damon_nr_regions(t); i++)
		KUNIT_EXPECT_EQ_MSG(test, t->regions[i].nr_accesses, expected,
				    "region %u: %s", i, why);
}

/* In a single pass, too, no region forgets an access another has yet to see. */
static void pass_test(struct kunit *test)
{
	const struct pass_case *c = test->param_value;
	struct folio *folio = lru_folio(test, c->order);
	struct damon_ctx *ctx = test_ctx(test);
	struct damon_target *t;

	KUNIT_ASSERT_EQ(test, damon_select_ops(ctx, DAMON_OPS_PADDR), 0);
	t = test_add_target(test, ctx, folio_pfn(folio) * PAGE_SIZE, PAGE_SIZE,
			    folio_nr_pages(folio));
	ctx->ops.prepare_access_checks(ctx);
	ctx->ops.check_and_prepare(ctx);
	expect_counts(test, t, 0, "idle");
	folio_mark_accessed(folio);
	ctx->ops.check_and_prepare(ctx);
	expect_counts(test, t, 1, "accessed");
	ctx->ops.check_and_prepare(ctx);
	expect_counts(test, t, 1, "idle again");
	folio_mark_accessed(folio);
	ctx->ops.check_accesses(ctx);
	ctx->ops.check_accesses(ctx);
	expect_counts(test, t, 3, "a check forgets nothing");
	ctx->ops.prepare_access_checks(ctx);
	ctx->ops.check_accesses(ctx);
	expect_counts(test, t, 3, "but preparing does");
	/* What has been accessed may wait to be put on another list. */
	lru_add_drain();
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 1);
}

/* With more than one target, all have to check before one prepares. */
static void overlap_test(struct kunit *test)
{
	struct folio *folio = lru_folio(test, 0);
	struct damon_ctx *ctx = test_ctx(test);
	struct damon_target *t[2];
	int i;

	KUNIT_ASSERT_EQ(test, damon_select_ops(ctx, DAMON_OPS_PADDR), 0);
	for (i = 0; i < ARRAY_SIZE(t); i++)
		t[i] = test_add_target(test, ctx, folio_pfn(folio) * PAGE_SIZE,
				       PAGE_SIZE, 1);
	ctx->ops.prepare_access_checks(ctx);
	folio_mark_accessed(folio);
	ctx->ops.check_and_prepare(ctx);
	for (i = 0; i < ARRAY_SIZE(t); i++)
		expect_counts(test, t[i], 1, "accessed");
}

KUNIT_ARRAY_PARAM_DESC(mapping, mapping_cases, why);
KUNIT_ARRAY_PARAM_DESC(pass, pass_cases, why);

static struct kunit_case folio_test_cases[] = {
	KUNIT_CASE_PARAM(mapped_test, mapping_gen_params),
	KUNIT_CASE_PARAM(locked_test, mapping_gen_params),
	KUNIT_CASE_PARAM(usual_test, mapping_gen_params),
	KUNIT_CASE_PARAM(unmapped_test, mapping_gen_params),
	KUNIT_CASE_PARAM(pass_test, pass_gen_params),
	KUNIT_CASE(overlap_test),
	{}
};

static struct kunit_suite folio_test_suite = {
	.name = "damon-folio",
	.test_cases = folio_test_cases,
};

kunit_test_suite(folio_test_suite);
