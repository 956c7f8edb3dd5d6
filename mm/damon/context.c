// SPDX-License-Identifier: GPL-2.0
/*
 * Context and target objects.  A target belongs to whoever made it until it is
 * added to a context, which destroys it from then on.
 */

#include <linux/random.h>
#include <linux/slab.h>

#include "internal.h"

const struct damon_attrs damon_default_attrs = {
	.sample_interval = 5 * USEC_PER_MSEC,
	.aggr_interval = 100 * USEC_PER_MSEC,
	.ops_update_interval = 60 * USEC_PER_SEC,
	.min_nr_regions = 10,
	.max_nr_regions = 1000,
	.split_hints = true,
};

/**
 * damon_new_target() - Make a target without pid and regions.
 *
 * Context: may sleep.
 * Return: the target, or NULL when memory is short.
 */
struct damon_target *damon_new_target(void)
{
	struct damon_target_run *target = kzalloc(sizeof(*target), GFP_KERNEL);

	if (!target)
		return NULL;
	INIT_LIST_HEAD(&target->t.list);
	return &target->t;
}

/**
 * damon_add_target() - Append a target to a context.
 * @ctx:	the context
 * @t:		a target that is in no context
 *
 * Context: @ctx does not run, or its kdamond.
 */
void damon_add_target(struct damon_ctx *ctx, struct damon_target *t)
{
	list_add_tail(&t->list, &ctx->adaptive_targets);
}

/**
 * damon_free_target() - Free a target that is in no context.
 * @t:		the target, its pid put by the caller
 */
void damon_free_target(struct damon_target *t)
{
	damon_regions_free(t);
	kfree(damon_target_run(t));
}

/**
 * damon_destroy_target() - Clean up, unlink and free a target.
 * @t:		the target
 * @ctx:	its context, whose operations set cleans it up; may be NULL
 *
 * Context: @ctx does not run, or its kdamond.
 */
void damon_destroy_target(struct damon_target *t, struct damon_ctx *ctx)
{
	struct damos *s;

	if (ctx) {
		damon_for_each_scheme(s, ctx)
			damos_quota_forget_target(s, t);
	}
	if (ctx && ctx->ops.cleanup_target)
		ctx->ops.cleanup_target(t);
	list_del(&t->list);
	damon_free_target(t);
}

void damon_destroy_targets(struct damon_ctx *ctx)
{
	struct damon_target *t, *next;

	damon_for_each_target_safe(t, next, ctx)
		damon_destroy_target(t, ctx);
}

/**
 * damon_new_ctx() - Make a context.
 *
 * It has damon_default_attrs, regions of at least a page, and no operations
 * set, targets, schemes or probes.
 *
 * Context: may sleep.
 * Return: the context, or NULL when memory is short.
 */
struct damon_ctx *damon_new_ctx(void)
{
	struct damon_run *run = kzalloc(sizeof(*run), GFP_KERNEL);

	if (!run)
		return NULL;
	run->ctx.attrs = damon_default_attrs;
	run->ctx.addr_unit = 1;
	run->ctx.min_region_sz = DAMON_MIN_REGION_SZ;
	INIT_LIST_HEAD(&run->ctx.adaptive_targets);
	INIT_LIST_HEAD(&run->ctx.schemes);
	INIT_LIST_HEAD(&run->ctx.probes);
	spin_lock_init(&run->lock);
	mutex_init(&run->stop_lock);
	INIT_LIST_HEAD(&run->requests);
	prandom_seed_state(&run->rnd, get_random_u64());
	return &run->ctx;
}

/**
 * damon_destroy_ctx() - Free a context with all that is in it.
 * @ctx:	the context, not running
 *
 * Context: may sleep.
 */
void damon_destroy_ctx(struct damon_ctx *ctx)
{
	struct damos *s, *next;

	if (WARN_ON_ONCE(damon_is_running(ctx)))
		return;
	damon_destroy_targets(ctx);
	damon_for_each_scheme_safe(s, next, ctx)
		damon_destroy_scheme(s);
	damon_probes_free(&ctx->probes);
	damon_hints_free(damon_run(ctx));
	kfree(damon_run(ctx));
}

/**
 * damon_rand() - A random number in [@l, @r).
 * @ctx:	whose generator to use
 * @l:		smallest number
 * @r:		the number after the largest, more than @l
 *
 * Good enough for choosing samples, and for nothing secret.
 *
 * Context: the kdamond of @ctx, or @ctx does not run.
 */
unsigned long damon_rand(struct damon_ctx *ctx, unsigned long l, unsigned long r)
{
	struct rnd_state *rnd = &damon_run(ctx)->rnd;
	u64 span = r - l;

	if (span <= U32_MAX)
		return l + (prandom_u32_state(rnd) * span >> 32);
	return l + mul_u64_u64_shr((u64)prandom_u32_state(rnd) << 32 |
				   prandom_u32_state(rnd), span, 64);
}
