// SPDX-License-Identifier: GPL-2.0
/*
 * The operations sets that contexts can choose from.
 */

#include <linux/mutex.h>

#include "internal.h"

static DEFINE_MUTEX(registry_lock);
static struct damon_operations registered_ops[NR_DAMON_OPS];
static bool is_registered[NR_DAMON_OPS];

static const char * const ops_names[] = {
	[DAMON_OPS_VADDR] = "vaddr",
	[DAMON_OPS_FVADDR] = "fvaddr",
	[DAMON_OPS_PADDR] = "paddr",
};

static_assert(ARRAY_SIZE(ops_names) == NR_DAMON_OPS);

/**
 * damon_ops_name() - Keyword of an operations set.
 * @id:		an &enum damon_ops_id
 *
 * Return: the keyword, whether or not the set is registered; NULL when there
 * is no such id.
 */
const char *damon_ops_name(unsigned int id)
{
	return id < NR_DAMON_OPS ? ops_names[id] : NULL;
}

/**
 * damon_register_ops() - Make an operations set available.
 * @ops:	the set; copied
 *
 * Context: may sleep.
 * Return: 0; -EINVAL when there is no such id, or its set is registered.
 */
int damon_register_ops(const struct damon_operations *ops)
{
	if (ops->id >= NR_DAMON_OPS)
		return -EINVAL;
	guard(mutex)(&registry_lock);
	if (is_registered[ops->id])
		return -EINVAL;
	registered_ops[ops->id] = *ops;
	is_registered[ops->id] = true;
	return 0;
}

/**
 * damon_is_registered_ops() - Tell whether an operations set is available.
 * @id:		the set
 *
 * Context: may sleep.
 */
bool damon_is_registered_ops(enum damon_ops_id id)
{
	guard(mutex)(&registry_lock);
	return id < NR_DAMON_OPS && is_registered[id];
}

/**
 * damon_select_ops() - Choose the operations set of a context.
 * @ctx:	the context, not running
 * @id:		the set
 *
 * Context: may sleep.
 * Return: 0, or -EINVAL when the set is not registered.
 */
int damon_select_ops(struct damon_ctx *ctx, enum damon_ops_id id)
{
	if (id >= NR_DAMON_OPS)
		return -EINVAL;
	guard(mutex)(&registry_lock);
	if (!is_registered[id])
		return -EINVAL;
	ctx->ops = registered_ops[id];
	return 0;
}
