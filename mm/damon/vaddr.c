// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual address spaces: vaddr, whose regions follow the mappings, and fvaddr,
 * whose ranges are the user's.
 *
 * vaddr-mm.c finds the address space of a target and watches it, vaddr-ranges.c
 * tells which ranges of it to cover, vaddr-walk.c samples it, and vaddr-apply.c
 * acts on it.
 *
 * Checking and preparing are one pass where the core allows it, unless targets
 * share an address space, for then no target may prepare before all have
 * checked, or regions have to be fitted in between.
 *
 * Everything here runs in the kdamond, but for cleaning up what never ran.
 */

#include <linux/pid.h>
#include <linux/sched.h>

#include "vaddr.h"

/* Whether the regions of @t have to be fitted to its mappings now. */
static bool has_moved(struct damon_ctx *ctx, struct damon_target *t)
{
	return ctx->ops.update && damon_va_moved(t);
}

static void prepare_access_checks(struct damon_ctx *ctx)
{
	struct damon_target *t;

	damon_for_each_target(t, ctx) {
		if (has_moved(ctx, t))
			damon_va_fit(ctx, t);
		damon_va_prepare(ctx, t);
	}
}

static unsigned int check_accesses(struct damon_ctx *ctx)
{
	unsigned int max_nr_accesses = 0;
	struct damon_target *t;
	struct damon_region *r;

	damon_for_each_target(t, ctx) {
		damon_va_check(t);
		damon_for_each_region(r, t)
			max_nr_accesses = max(max_nr_accesses, r->nr_accesses);
	}
	return max_nr_accesses;
}

static bool can_fuse(struct damon_ctx *ctx)
{
	struct damon_target *t;

	damon_for_each_target(t, ctx) {
		if (damon_va_shared(t) || has_moved(ctx, t))
			return false;
	}
	return true;
}

static void check_and_prepare(struct damon_ctx *ctx)
{
	struct damon_target *t;

	if (!can_fuse(ctx)) {
		check_accesses(ctx);
		prepare_access_checks(ctx);
		return;
	}
	damon_for_each_target(t, ctx)
		damon_va_check_and_prepare(ctx, t);
}

static void init_regions(struct damon_ctx *ctx)
{
	struct damon_target *t;

	damon_for_each_target(t, ctx) {
		if (!damon_nr_regions(t))
			damon_va_fit(ctx, t);
	}
}

static void update_regions(struct damon_ctx *ctx)
{
	struct damon_target *t;

	damon_for_each_target(t, ctx) {
		damon_va_retry_watch(t);
		damon_va_fit(ctx, t);
	}
}

/* Mappings outside of the ranges are looked for once an aggregation. */
static void look_for_growth(struct damon_ctx *ctx)
{
	struct damon_target *t;

	damon_for_each_target(t, ctx) {
		if (damon_va_target(t))
			damon_va_target(t)->look = true;
	}
}

static bool target_valid(struct damon_target *t)
{
	guard(rcu)();
	return pid_task(t->pid, PIDTYPE_PID);
}

static void cleanup_target(struct damon_target *t)
{
	damon_va_forget(t);
	put_pid(t->pid);
}

static int __init damon_va_init(void)
{
	const struct damon_operations fvaddr = {
		.id = DAMON_OPS_FVADDR,
		.prepare_access_checks = prepare_access_checks,
		.check_accesses = check_accesses,
		.check_and_prepare = check_and_prepare,
		.split_hints = damon_va_split_hints,
		.get_scheme_score = damon_va_score,
		.apply_scheme = damon_va_apply,
		.ignores_scheme = damon_va_ignores,
		.target_valid = target_valid,
		.detach_target = damon_va_forget,
		.cleanup_target = cleanup_target,
	};
	struct damon_operations vaddr = fvaddr;

	vaddr.id = DAMON_OPS_VADDR;
	vaddr.init = init_regions;
	vaddr.update = update_regions;
	vaddr.reset_aggregated = look_for_growth;
	return damon_register_ops(&vaddr) ?: damon_register_ops(&fvaddr);
}
subsys_initcall(damon_va_init);
