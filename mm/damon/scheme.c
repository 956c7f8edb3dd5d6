// SPDX-License-Identifier: GPL-2.0
/*
 * Scheme objects.  A scheme belongs to whoever made it until it is added to a
 * context, which destroys it from then on.
 */

#include <linux/slab.h>

#include "internal.h"
#include "kinds.h"

/**
 * damon_new_scheme() - Make a scheme without goals, filters and destinations.
 * @pattern:		which regions it is for; copied
 * @action:		what to do with them
 * @apply_interval_us:	how often, 0 for once an aggregation interval
 * @quota:		how much; copied, but for the goals
 * @wmarks:		when; copied
 * @target_nid:		node to migrate to
 *
 * Context: may sleep.
 * Return: the scheme, or NULL when memory is short.
 */
struct damos *damon_new_scheme(const struct damos_access_pattern *pattern,
			       enum damos_action action,
			       unsigned long apply_interval_us,
			       const struct damos_quota *quota,
			       const struct damos_watermarks *wmarks,
			       int target_nid)
{
	struct damos_run *scheme = kzalloc(sizeof(*scheme), GFP_KERNEL);
	struct damos *s;

	if (!scheme)
		return NULL;
	scheme->active = true;
	s = &scheme->s;
	s->pattern = *pattern;
	s->action = action;
	s->apply_interval_us = apply_interval_us;
	s->quota = *quota;
	s->quota.esz = 0;
	INIT_LIST_HEAD(&s->quota.goals);
	s->wmarks = *wmarks;
	s->target_nid = target_nid;
	INIT_LIST_HEAD(&s->core_filters);
	INIT_LIST_HEAD(&s->ops_filters);
	INIT_LIST_HEAD(&s->list);
	return s;
}

/**
 * damon_add_scheme() - Append a scheme to a context.
 * @ctx:	the context
 * @s:		a scheme that is in no context
 *
 * It is first applied one apply interval from now.
 *
 * Context: @ctx does not run, or its kdamond.
 */
void damon_add_scheme(struct damon_ctx *ctx, struct damos *s)
{
	list_add_tail(&s->list, &ctx->schemes);
	damos_schedule(damon_run(ctx), s);
}

static void free_filters(struct list_head *filters)
{
	struct damos_filter *f, *next;

	list_for_each_entry_safe(f, next, filters, list)
		damos_destroy_filter(f);
}

static void free_goals(struct damos_quota *q)
{
	struct damos_quota_goal *g, *next;

	damos_for_each_quota_goal_safe(g, next, q)
		damos_destroy_quota_goal(g);
}

/**
 * damon_destroy_scheme() - Unlink and free a scheme with all that is in it.
 * @s:	the scheme, in a context or not
 *
 * Context: its context does not run, or the kdamond.
 */
void damon_destroy_scheme(struct damos *s)
{
	list_del(&s->list);
	free_goals(&s->quota);
	free_filters(&s->core_filters);
	free_filters(&s->ops_filters);
	kfree(s->migrate_dests.node_id_arr);
	kfree(s->migrate_dests.weight_arr);
	kfree(damos_run(s));
}

/**
 * damon_set_schemes() - Exchange all schemes of a context.
 * @ctx:	the context, not running
 * @schemes:	schemes that are in no context
 * @nr:		number of @schemes
 */
void damon_set_schemes(struct damon_ctx *ctx, struct damos **schemes, int nr)
{
	struct damos *s, *next;
	int i;

	damon_for_each_scheme_safe(s, next, ctx)
		damon_destroy_scheme(s);
	for (i = 0; i < nr; i++)
		damon_add_scheme(ctx, schemes[i]);
}

/* Whether @ctx could run with @s. */
bool damos_valid(const struct damon_ctx *ctx, const struct damos *s)
{
	const struct damos_filter *f;

	if (s->action >= NR_DAMOS_ACTIONS ||
	    s->wmarks.metric >= NR_DAMOS_WMARK_METRICS ||
	    !damos_goals_valid(ctx, &s->quota))
		return false;
	damos_for_each_core_filter(f, s) {
		if (!damos_filter_valid(f))
			return false;
	}
	damos_for_each_ops_filter(f, s) {
		if (!damos_filter_valid(f))
			return false;
	}
	return true;
}

static int copy_goals(struct damos_quota *dst, const struct damos_quota *src)
{
	struct damos_goal_run *new;
	struct damos_quota_goal *g;

	damos_for_each_quota_goal(g, src) {
		new = kmemdup(damos_goal_run(g), sizeof(*new), GFP_KERNEL);
		if (!new)
			return -ENOMEM;
		new->last_psi_us = DAMOS_PSI_UNMEASURED;
		damos_add_quota_goal(dst, &new->g);
	}
	return 0;
}

static int copy_filters(struct list_head *dst, const struct list_head *src)
{
	const struct damos_filter *f;
	struct damos_filter *new;

	list_for_each_entry(f, src, list) {
		new = kmemdup(f, sizeof(*f), GFP_KERNEL);
		if (!new)
			return -ENOMEM;
		list_add_tail(&new->list, dst);
	}
	return 0;
}

static int copy_dests(struct damos_migrate_dests *dst,
		      const struct damos_migrate_dests *src)
{
	size_t sz = array_size(src->nr_dests, sizeof(*src->weight_arr));

	if (!src->nr_dests)
		return 0;
	dst->node_id_arr = kmemdup(src->node_id_arr, sz, GFP_KERNEL);
	dst->weight_arr = kmemdup(src->weight_arr, sz, GFP_KERNEL);
	if (!dst->node_id_arr || !dst->weight_arr)
		return -ENOMEM;
	dst->nr_dests = src->nr_dests;
	return 0;
}

/* A scheme with the parameters of @src, NULL when memory is short. */
struct damos *damos_copy(const struct damos *src)
{
	struct damos *new;

	new = damon_new_scheme(&src->pattern, src->action, src->apply_interval_us,
			       &src->quota, &src->wmarks, src->target_nid);
	if (!new)
		return NULL;
	new->max_nr_snapshots = src->max_nr_snapshots;
	if (!copy_goals(&new->quota, &src->quota) &&
	    !copy_filters(&new->core_filters, &src->core_filters) &&
	    !copy_filters(&new->ops_filters, &src->ops_filters) &&
	    !copy_dests(&new->migrate_dests, &src->migrate_dests))
		return new;
	damon_destroy_scheme(new);
	return NULL;
}

static void swap_lists(struct list_head *a, struct list_head *b)
{
	LIST_HEAD(tmp);

	list_splice_init(a, &tmp);
	list_splice_init(b, a);
	list_splice(&tmp, b);
}

/*
 * Give @s the parameters of @new, which is left to be destroyed.  What @s has
 * done, and how far it got, stays; but it is active, and goals are measured
 * afresh.
 */
void damos_take_params(struct damos *s, struct damos *new)
{
	const struct damos old = *s;

	*s = *new;
	s->quota.goals = old.quota.goals;
	s->quota.esz = old.quota.esz;
	s->core_filters = old.core_filters;
	s->ops_filters = old.ops_filters;
	s->stat = old.stat;
	s->list = old.list;
	new->migrate_dests = old.migrate_dests;

	swap_lists(&s->quota.goals, &new->quota.goals);
	swap_lists(&s->core_filters, &new->core_filters);
	swap_lists(&s->ops_filters, &new->ops_filters);
	damos_run(s)->active = true;
}

/**
 * damos_commit_quota_goals() - Give a quota the goals of another one.
 * @dst:	the quota of a scheme
 * @src:	whose goals are copied
 *
 * Goals are measured afresh.
 *
 * Context: the scheme of @dst is not in use, or the kdamond; may sleep.
 * Return: 0; -EINVAL if a goal of @src has no target value, -ENOMEM.  @dst is as
 * it was after an error.
 */
int damos_commit_quota_goals(struct damos_quota *dst, struct damos_quota *src)
{
	struct damos_quota new = { .goals = LIST_HEAD_INIT(new.goals) };
	struct damos_quota_goal *g;
	int err;

	damos_for_each_quota_goal(g, src) {
		if (!g->target_value)
			return -EINVAL;
	}
	err = copy_goals(&new, src);
	if (!err)
		swap_lists(&dst->goals, &new.goals);
	free_goals(&new);
	return err;
}
