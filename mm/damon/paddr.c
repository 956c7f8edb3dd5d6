// SPDX-License-Identifier: GPL-2.0
/*
 * The physical address space: all memory of the system, whoever maps it.
 *
 * A core address times the address unit is a physical address; what is there
 * is a frame, and possibly a folio (folio.c), which is what is checked and
 * acted upon.  There is none where a frame is offline or does not exist, and
 * where it is not on an LRU list, that is, not user memory: such memory counts
 * as not accessed, and stays as it is.  So memory may come and go at any time.
 * hugetlb folios are on no such list; they are sampled, but not acted upon.
 */

#include <linux/mm.h>
#include <linux/overflow.h>

#include "folio.h"
#include "internal.h"
#include "paddr.h"
#include "sample.h"

/*
 * The physical address, at most U64_MAX.  It may not fit unsigned long, nor any
 * memory the machine can have.
 */
u64 damon_pa_phys(unsigned long addr, unsigned long unit)
{
	u64 phys;

	return check_mul_overflow((u64)addr, (u64)unit, &phys) ? U64_MAX : phys;
}

/* The frame there, one that does not exist if its number does not fit. */
unsigned long damon_pa_pfn(u64 phys)
{
	return min_t(u64, phys >> PAGE_SHIFT, ULONG_MAX);
}

static unsigned long pfn_of_sample(const struct damon_ctx *ctx,
				   const struct damon_region *r)
{
	return damon_pa_pfn(damon_pa_phys(r->sampling_addr, ctx->addr_unit));
}

static void choose_sample(struct damon_ctx *ctx, struct damon_region *r)
{
	u64 rnd = damon_sample_seed(ctx);

	r->sampling_addr = damon_sample_next(r, &rnd);
}

static void prepare(struct damon_ctx *ctx, struct damon_region *r)
{
	struct folio *folio;

	choose_sample(ctx, r);
	folio = damon_folio_get_sample(pfn_of_sample(ctx, r));
	if (!folio)
		return;
	damon_folio_mkold(folio);
	folio_put(folio);
}

static bool accessed(const struct damon_ctx *ctx, const struct damon_region *r)
{
	struct folio *folio = damon_folio_get_sample(pfn_of_sample(ctx, r));
	bool young;

	if (!folio)
		return false;
	young = damon_folio_young(folio);
	folio_put(folio);
	return young;
}

static void prepare_access_checks(struct damon_ctx *ctx)
{
	struct damon_target *t;
	struct damon_region *r;

	damon_for_each_target(t, ctx) {
		damon_for_each_region(r, t) {
			prepare(ctx, r);
			cond_resched();
		}
	}
}

static unsigned int check_accesses(struct damon_ctx *ctx)
{
	unsigned int max_nr_accesses = 0;
	struct damon_target *t;
	struct damon_region *r;

	damon_for_each_target(t, ctx) {
		damon_for_each_region(r, t) {
			damon_update_region_access_rate(r, accessed(ctx, r));
			max_nr_accesses = max(max_nr_accesses, r->nr_accesses);
			cond_resched();
		}
	}
	return max_nr_accesses;
}

static void probe(struct damon_ctx *ctx, struct damon_region *r)
{
	struct folio *folio = damon_folio_get(pfn_of_sample(ctx, r));

	damon_count_probe_hits(ctx, r, folio);
	if (folio)
		folio_put(folio);
}

static unsigned int max_hits_wsum(struct damon_ctx *ctx)
{
	unsigned int max_wsum = 0;
	struct damon_target *t;
	struct damon_region *r;

	damon_for_each_target(t, ctx) {
		damon_for_each_region(r, t)
			max_wsum = max(max_wsum,
				       damon_probe_hits_wsum(r, false, ctx));
	}
	return max_wsum;
}

static unsigned int apply_probes(struct damon_ctx *ctx, bool set_samples,
				 bool return_max_wsum)
{
	struct damon_target *t;
	struct damon_region *r;

	damon_for_each_target(t, ctx) {
		damon_for_each_region(r, t) {
			if (set_samples)
				choose_sample(ctx, r);
			probe(ctx, r);
			cond_resched();
		}
	}
	return return_max_wsum ? max_hits_wsum(ctx) : 0;
}

static int __init damon_pa_init(void)
{
	const struct damon_operations paddr = {
		.id = DAMON_OPS_PADDR,
		.pidless = true,
		.prepare_access_checks = prepare_access_checks,
		.check_accesses = check_accesses,
		.apply_probes = apply_probes,
		.get_scheme_score = damos_priority,
		.apply_scheme = damon_pa_apply_scheme,
		.sz_on_node = damon_pa_sz_on_node,
	};

	return damon_register_ops(&paddr);
}
subsys_initcall(damon_pa_init);
