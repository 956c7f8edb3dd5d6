// SPDX-License-Identifier: GPL-2.0
/*
 * Scheme objects.  A scheme belongs to whoever made it until it is added to a
 * context, which destroys it from then on.
 */

#include <linux/slab.h>

#include "internal.h"

/**
 * damon_new_scheme() - Make a scheme.
 * @pattern:		which regions it is for; copied
 * @action:		what to do with them
 * @apply_interval_us:	how often, 0 for once an aggregation interval
 *
 * Context: may sleep.
 * Return: the scheme, or NULL when memory is short.
 */
struct damos *damon_new_scheme(const struct damos_access_pattern *pattern,
			       enum damos_action action,
			       unsigned long apply_interval_us)
{
	struct damos_run *scheme = kzalloc(sizeof(*scheme), GFP_KERNEL);

	if (!scheme)
		return NULL;
	scheme->s.pattern = *pattern;
	scheme->s.action = action;
	scheme->s.apply_interval_us = apply_interval_us;
	INIT_LIST_HEAD(&scheme->s.list);
	return &scheme->s;
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

/**
 * damon_destroy_scheme() - Unlink and free a scheme.
 * @s:	the scheme, in a context or not
 *
 * Context: its context does not run, or the kdamond.
 */
void damon_destroy_scheme(struct damos *s)
{
	list_del(&s->list);
	kfree(damos_run(s));
}
