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

#include "folio.h"
#include "internal.h"
#include "paddr.h"
#include "sample.h"

static void prepare_access_checks(struct damon_ctx *ctx)
{
	struct damon_target *t;

	damon_for_each_target(t, ctx)
		damon_pa_prepare(ctx, t);
}

static unsigned int check_accesses(struct damon_ctx *ctx)
{
	unsigned int max_nr_accesses = 0;
	struct damon_target *t;
	struct damon_region *r;

	damon_for_each_target(t, ctx) {
		damon_pa_check(ctx, t);
		damon_for_each_region(r, t)
			max_nr_accesses = max(max_nr_accesses, r->nr_accesses);
	}
	return max_nr_accesses;
}

/* Targets may overlap: then all check before one prepares. */
static void check_and_prepare(struct damon_ctx *ctx)
{
	struct damon_target *t;

	if (list_is_singular(&ctx->adaptive_targets)) {
		damon_for_each_target(t, ctx)
			damon_pa_check_and_prepare(ctx, t);
		return;
	}
	check_accesses(ctx);
	prepare_access_checks(ctx);
}

static void probe(struct damon_ctx *ctx, struct damon_region *r)
{
	u64 phys = damon_pa_phys(r->sampling_addr, ctx->addr_unit);
	struct folio *folio = damon_folio_get(damon_pa_pfn(phys));

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
	u64 rnd = damon_sample_seed(ctx);
	struct damon_target *t;
	struct damon_region *r;

	damon_for_each_target(t, ctx) {
		damon_for_each_region(r, t) {
			if (set_samples)
				r->sampling_addr = damon_sample_next(r, &rnd);
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
		.check_and_prepare = check_and_prepare,
		.apply_probes = apply_probes,
		.get_scheme_score = damos_priority,
		.apply_scheme = damon_pa_apply_scheme,
		.ignores_scheme = damon_pa_ignores,
		.sz_on_node = damon_pa_sz_on_node,
	};

	return damon_register_ops(&paddr);
}
subsys_initcall(damon_pa_init);
