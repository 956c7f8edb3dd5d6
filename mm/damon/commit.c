// SPDX-License-Identifier: GPL-2.0
/*
 * Online update of a context: all of it or nothing.
 *
 * The source is checked, and all that the destination will need is allocated
 * and computed, before the destination is touched.  What then happens to the
 * destination cannot fail, so there is no half-updated context.
 *
 * Objects match by index.  Parameters come from the source; results and
 * run-time state of objects in both stay.  An object only in the destination is
 * destroyed, one only in the source is copied.  Regions are refitted to those of
 * the source, if it has any.
 */

#include <linux/err.h>
#include <linux/log2.h>
#include <linux/pid.h>
#include <linux/slab.h>

#include "internal.h"

/**
 * struct update - What a commit is going to put into the destination.
 * @targets:	one for each target of the source, in the same order, with its
 *		pid.  It has regions if the destination is to get new ones
 * @schemes:	copies of those of the source
 * @probes:	copies of those of the source
 */
struct update {
	struct list_head targets;
	struct list_head schemes;
	struct list_head probes;
};

/* 0, or -EINVAL if @ctx cannot run. */
int damon_check_ctx(const struct damon_ctx *ctx)
{
	const struct damos *s;

	if (!is_power_of_2(ctx->min_region_sz) || !ctx->addr_unit ||
	    !damon_attrs_valid(&ctx->attrs) ||
	    !damon_probes_valid(ctx, &ctx->attrs))
		return -EINVAL;
	damon_for_each_scheme(s, ctx) {
		if (!damos_valid(ctx, s))
			return -EINVAL;
	}
	return 0;
}

static struct damon_target *next_target(struct damon_ctx *ctx,
					struct damon_target *t)
{
	if (list_is_last(&t->list, &ctx->adaptive_targets))
		return NULL;
	return list_next_entry(t, list);
}

static struct damon_target *first_target(struct damon_ctx *ctx)
{
	return list_first_entry_or_null(&ctx->adaptive_targets,
					struct damon_target, list);
}

/* Have @t cover what the regions of @src cover, joined where adjacent. */
static int fit_to_target(struct damon_target *t, const struct damon_target *src,
			 unsigned long min_region_sz)
{
	struct damon_addr_range *ranges;
	const struct damon_region *r;
	unsigned int nr = 0;
	int err;

	ranges = kvmalloc_array(src->nr_regions, sizeof(*ranges), GFP_KERNEL);
	if (!ranges)
		return -ENOMEM;
	damon_for_each_region(r, src) {
		if (nr && ranges[nr - 1].end == r->ar.start)
			ranges[nr - 1].end = r->ar.end;
		else
			ranges[nr++] = r->ar;
	}
	err = damon_set_regions(t, ranges, nr, min_region_sz);
	kvfree(ranges);
	return err;
}

/* @old is the target to update, NULL if there is none. */
static int prepare_target(struct update *update, const struct damon_target *old,
			  const struct damon_target *src,
			  unsigned long min_region_sz)
{
	struct damon_target *new;
	int err = 0;

	if (src->obsolete && !old)
		return -EINVAL;
	new = damon_new_target();
	if (!new)
		return -ENOMEM;
	list_add_tail(&new->list, &update->targets);
	new->pid = get_pid(src->pid);
	new->obsolete = src->obsolete;
	if (src->obsolete || !src->nr_regions)
		return 0;
	if (old)
		err = damon_regions_copy(new, old);
	return err ?: fit_to_target(new, src, min_region_sz);
}

static int prepare_targets(struct update *update, struct damon_ctx *dst,
			   struct damon_ctx *src)
{
	struct damon_target *old = first_target(dst), *t;
	int err;

	damon_for_each_target(t, src) {
		err = prepare_target(update, old, t, src->min_region_sz);
		if (err)
			return err;
		old = old ? next_target(dst, old) : NULL;
	}
	return 0;
}

static int prepare_schemes(struct update *update, const struct damon_ctx *src)
{
	struct damos *s, *new;

	damon_for_each_scheme(s, src) {
		new = damos_copy(s);
		if (!new)
			return -ENOMEM;
		list_add_tail(&new->list, &update->schemes);
	}
	return 0;
}

static void discard(struct update *update)
{
	struct damon_target *t, *next_t;
	struct damos *s, *next_s;

	list_for_each_entry_safe(t, next_t, &update->targets, list) {
		put_pid(t->pid);
		list_del(&t->list);
		damon_free_target(t);
	}
	list_for_each_entry_safe(s, next_s, &update->schemes, list)
		damon_destroy_scheme(s);
	damon_probes_free(&update->probes);
}

/* Old pids and regions end up in @update. */
static void update_targets(struct damon_ctx *dst, struct update *update)
{
	struct damon_target *old, *next, *new;
	LIST_HEAD(used);

	damon_for_each_target_safe(old, next, dst) {
		new = list_first_entry_or_null(&update->targets,
					       struct damon_target, list);
		if (new)
			list_move_tail(&new->list, &used);
		if (!new || new->obsolete) {
			damon_destroy_target(old, dst);
			continue;
		}
		swap(old->pid, new->pid);
		if (new->nr_regions)
			damon_regions_swap(old, new);
	}
	list_splice_tail_init(&update->targets, &dst->adaptive_targets);
	list_splice(&used, &update->targets);
}

/* Old parameters end up in @update. */
static void update_schemes(struct damon_ctx *dst, struct update *update)
{
	struct damos *old, *next, *new;
	LIST_HEAD(used);

	damon_for_each_scheme_safe(old, next, dst) {
		new = list_first_entry_or_null(&update->schemes, struct damos,
					       list);
		if (!new) {
			damon_destroy_scheme(old);
			continue;
		}
		list_move_tail(&new->list, &used);
		damos_take_params(old, new);
	}
	list_for_each_entry_safe(new, next, &update->schemes, list) {
		list_del(&new->list);
		damon_add_scheme(dst, new);
	}
	list_splice(&used, &update->schemes);
}

/* Sets that have the hook in common understand each other's data. */
static void change_ops(struct damon_ctx *ctx, const struct damon_operations *ops)
{
	void (*detach)(struct damon_target *t) = ctx->ops.detach_target;
	struct damon_target *t;

	if (detach && detach != ops->detach_target) {
		damon_for_each_target(t, ctx)
			detach(t);
	}
	ctx->ops = *ops;
}

/* Old ones end up in @update. */
static void update_probes(struct damon_ctx *dst, struct update *update)
{
	LIST_HEAD(old);

	list_splice_init(&dst->probes, &old);
	list_splice_init(&update->probes, &dst->probes);
	list_splice(&old, &update->probes);
}

/* Targets and schemes first: attributes convert the results of all of them. */
static void take_effect(struct damon_ctx *dst, struct damon_ctx *src,
			struct update *update)
{
	update_targets(dst, update);
	update_schemes(dst, update);
	update_probes(dst, update);
	change_ops(dst, &src->ops);
	dst->addr_unit = src->addr_unit;
	dst->min_region_sz = src->min_region_sz;
	dst->pause = src->pause;
	damon_commit_attrs(damon_run(dst), &src->attrs);
}

/* A target without regions need not wait for the next regular update. */
static void update_empty_targets(struct damon_run *run)
{
	struct damon_target *t;

	damon_for_each_target(t, &run->ctx) {
		if (!t->nr_regions)
			run->next_update = run->passed;
	}
}

/**
 * damon_commit_ctx() - Give a context the parameters of another one.
 * @dst:	the context to update
 * @src:	the parameters; stays the caller's, with all that is in it
 *
 * Targets, schemes, probes, attributes, the operations set, the address unit,
 * the minimum region size and pause are updated; callbacks are not.
 *
 * Context: @dst does not run, or its kdamond; may sleep.
 * Return: 0; -EINVAL if @src could not run, or removes a target @dst does not
 * have; -ENOMEM.  @dst is as it was after an error.
 */
int damon_commit_ctx(struct damon_ctx *dst, struct damon_ctx *src)
{
	struct update update = {
		.targets = LIST_HEAD_INIT(update.targets),
		.schemes = LIST_HEAD_INIT(update.schemes),
		.probes = LIST_HEAD_INIT(update.probes),
	};
	int err;

	err = damon_check_ctx(src) ?:
	      prepare_targets(&update, dst, src) ?:
	      prepare_schemes(&update, src) ?:
	      damon_probes_copy(src, &update.probes);
	if (!err) {
		take_effect(dst, src, &update);
		update_empty_targets(damon_run(dst));
	}
	discard(&update);
	return err;
}
