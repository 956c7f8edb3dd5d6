// SPDX-License-Identifier: GPL-2.0
/* Memory of a context, and whether it changes once there is enough. */

#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "fake.h"

#define NR_REGIONS	1000
#define NR_WINDOWS	50

static size_t allocated(const void *p, size_t asked)
{
	return is_vmalloc_addr(p) ? PAGE_ALIGN(asked) : ksize(p);
}

static size_t ctx_memory(struct damon_ctx *ctx)
{
	struct damon_target *t;
	size_t sz = ksize(damon_run(ctx));

	damon_for_each_target(t, ctx)
		sz += ksize(damon_target_run(t)) +
		      allocated(t->regions, damon_target_run(t)->capacity *
				sizeof(*t->regions));
	return sz;
}

/* What the kdamond found at the end of an aggregation. */
static struct {
	size_t sz;
	unsigned int nr_regions;
	unsigned int nr_windows;
	unsigned int nr_changes;
	const void *regions;
} seen;

static void look(struct damon_ctx *ctx)
{
	struct damon_target *t = list_first_entry(&ctx->adaptive_targets,
						  struct damon_target, list);

	seen.sz = ctx_memory(ctx);
	seen.nr_regions = t->nr_regions;
	if (seen.nr_windows++ > NR_WINDOWS / 2 && seen.regions != t->regions)
		seen.nr_changes++;
	seen.regions = t->regions;
}

/* Always NR_REGIONS, or as many as adaptation makes of them. */
static const unsigned long min_nr_regions[] = { NR_REGIONS, 10 };

static void test_memory(struct kunit *test)
{
	const unsigned long *min = test->param_value;
	struct damon_ctx *ctx = test_ctx(test);

	memset(&seen, 0, sizeof(seen));
	fake.report = look;
	ctx->attrs = (struct damon_attrs) {
		1000, 5000, 1000000, *min, NR_REGIONS
	};
	ctx->min_region_sz = 1;
	ctx->ops = fake_ops;
	test_add_target(test, ctx, 0, 1000, NR_REGIONS);
	start(test, ctx);
	wait_for(test, &fake.nr_aggregations, NR_WINDOWS);
	damon_stop(&ctx, 1);

	kunit_info(test, "%u regions: %zu bytes in all, %zu a region\n",
		   seen.nr_regions, seen.sz, seen.sz / seen.nr_regions);
	KUNIT_EXPECT_LE(test, seen.sz, 64 * NR_REGIONS);
	KUNIT_EXPECT_EQ_MSG(test, seen.nr_changes, 0, "allocated in a steady state");
}

static void min_desc(const unsigned long *min, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "at least %lu regions", *min);
}

KUNIT_ARRAY_PARAM(min, min_nr_regions, min_desc);

static struct kunit_case memory_cases[] = {
	KUNIT_CASE_PARAM(test_memory, min_gen_params),
	{}
};

static struct kunit_suite memory_suite = {
	.name = "damon-memory",
	.init = fake_forget,
	.test_cases = memory_cases,
};

kunit_test_suite(memory_suite);
