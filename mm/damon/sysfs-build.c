// SPDX-License-Identifier: GPL-2.0
/*
 * Contexts made of what is staged.
 *
 * Files may be written to meanwhile: what is used more than once is copied
 * first.  Numbers and keywords were checked one by one when they were written;
 * whether they fit together is up to damon_start() and damon_commit_ctx().
 */

#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "sysfs.h"

/* Schemes */

static int add_goal(struct damos_quota *q, const struct damon_sysfs_goal *staged)
{
	const struct damos_quota_goal params = staged->goal;
	struct damos_quota_goal *g;

	if (!params.target_value)
		return 0;
	g = damos_new_quota_goal(params.metric, params.target_value);
	if (!g)
		return -ENOMEM;
	*g = params;
	damos_add_quota_goal(q, g);
	return damos_goal_has_memcg(g->metric) ?
	       damon_sysfs_find_memcg(staged->path, &g->memcg_id) : 0;
}

static int add_goals(struct damos_quota *q, const struct sdir_array *goals)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < goals->nr; i++)
		err = add_goal(q, sdir_elem(goals, i));
	return err;
}

static int add_filter(struct damos *s, const struct damon_sysfs_filter *staged)
{
	const struct damos_filter params = staged->filter;
	struct damos_filter *f;

	f = damos_new_filter(params.type, params.matching, params.allow);
	if (!f)
		return -ENOMEM;
	*f = params;
	damos_add_filter(s, f);
	return damos_filter_has_memcg(f->type) ?
	       damon_sysfs_find_memcg(staged->path, &f->memcg_id) : 0;
}

static int add_filters(struct damos *s, const struct sdir_array *filters)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < filters->nr; i++)
		err = add_filter(s, sdir_elem(filters, i));
	return err;
}

static unsigned int *new_uints(unsigned int nr)
{
	return kmalloc_array(nr, sizeof(unsigned int), GFP_KERNEL | __GFP_NOWARN);
}

static int set_dests(struct damos_migrate_dests *to, const struct sdir_array *dests)
{
	const struct damon_sysfs_dest *staged;
	unsigned int i;

	if (!dests->nr)
		return 0;
	to->node_id_arr = new_uints(dests->nr);
	to->weight_arr = new_uints(dests->nr);
	if (!to->node_id_arr || !to->weight_arr)
		return -ENOMEM;
	for (i = 0; i < dests->nr; i++) {
		staged = sdir_elem(dests, i);
		to->node_id_arr[i] = staged->id;
		to->weight_arr[i] = staged->weight;
	}
	to->nr_dests = dests->nr;
	return 0;
}

/* What no counter can exceed is no bound. */
static unsigned int to_uint(unsigned long x)
{
	return min_t(unsigned long, x, UINT_MAX);
}

static struct damos *new_scheme(const struct damon_sysfs_scheme *staged)
{
	const struct damos_access_pattern pattern = {
		.min_sz_region = staged->sz.min,
		.max_sz_region = staged->sz.max,
		.min_nr_accesses = to_uint(staged->nr_accesses.min),
		.max_nr_accesses = to_uint(staged->nr_accesses.max),
		.min_age_region = to_uint(staged->age.min),
		.max_age_region = to_uint(staged->age.max),
	};
	const struct damos *params = &staged->s;
	struct damos *s;

	s = damon_new_scheme(&pattern, params->action, params->apply_interval_us,
			     &params->quota, &params->wmarks, params->target_nid);
	if (s)
		s->max_nr_snapshots = params->max_nr_snapshots;
	return s;
}

static int add_scheme(struct damon_ctx *ctx, const struct damon_sysfs_scheme *staged)
{
	struct damos *s = new_scheme(staged);

	if (!s)
		return -ENOMEM;
	damon_add_scheme(ctx, s);
	return add_goals(&s->quota, &staged->goals) ?:
	       add_filters(s, &staged->core_filters) ?:
	       add_filters(s, &staged->ops_filters) ?:
	       add_filters(s, &staged->filters) ?:
	       set_dests(&s->migrate_dests, &staged->dests);
}

static int add_schemes(struct damon_ctx *ctx, const struct sdir_array *schemes)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < schemes->nr; i++)
		err = add_scheme(ctx, sdir_elem(schemes, i));
	return err;
}

static int commit_goals(struct damos *s, const struct sdir_array *goals)
{
	struct damos_quota quota = { .goals = LIST_HEAD_INIT(quota.goals) };
	struct damos_quota_goal *g, *next;
	int err;

	err = add_goals(&quota, goals) ?:
	      damos_commit_quota_goals(&s->quota, &quota);
	damos_for_each_quota_goal_safe(g, next, &quota)
		damos_destroy_quota_goal(g);
	return err;
}

/**
 * damon_sysfs_commit_goals() - Give schemes the goals that are staged.
 * @ctx:	the context of the schemes
 * @schemes:	&struct damon_sysfs_scheme
 *
 * Context: the kdamond, for who keeps the directories locked.
 * Return: 0; -EINVAL, -ENOMEM, with the goals of some schemes changed.
 */
int damon_sysfs_commit_goals(struct damon_ctx *ctx,
			     const struct sdir_array *schemes)
{
	const struct damon_sysfs_scheme *staged;
	unsigned int i = 0;
	struct damos *s;
	int err;

	damon_for_each_scheme(s, ctx) {
		staged = sdir_elem(schemes, i++);
		if (!staged)
			break;
		err = commit_goals(s, &staged->goals);
		if (err)
			return err;
	}
	return 0;
}

/* Probes */

static int add_probe_filter(struct damon_probe *probe,
			    const struct damon_sysfs_probe_filter *staged)
{
	const struct damon_filter params = staged->filter;
	struct damon_filter *f;

	f = damon_new_filter(params.type, params.matching, params.allow);
	if (!f)
		return -ENOMEM;
	damon_add_filter(probe, f);
	return damon_filter_has_memcg(params.type) ?
	       damon_sysfs_find_memcg(staged->path, &f->memcg_id) : 0;
}

static int add_probe(struct damon_ctx *ctx, const struct damon_sysfs_probe *staged)
{
	struct damon_probe *probe = damon_new_probe();
	unsigned int i;
	int err = 0;

	if (!probe)
		return -ENOMEM;
	damon_add_probe(ctx, probe);
	probe->weight = staged->weight;
	for (i = 0; !err && i < staged->filters.nr; i++)
		err = add_probe_filter(probe, sdir_elem(&staged->filters, i));
	return err;
}

static int add_probes(struct damon_ctx *ctx, const struct sdir_array *probes)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < probes->nr; i++)
		err = add_probe(ctx, sdir_elem(probes, i));
	return err;
}

/* Targets */

static int set_regions(struct damon_target *t, const struct sdir_array *regions,
		       unsigned long min_region_sz)
{
	struct damon_addr_range *ranges;
	unsigned int i;
	int err;

	if (!regions->nr)
		return 0;
	ranges = kvmalloc_array(regions->nr, sizeof(*ranges), GFP_KERNEL);
	if (!ranges)
		return -ENOMEM;
	for (i = 0; i < regions->nr; i++)
		ranges[i] = *(struct damon_addr_range *)sdir_elem(regions, i);
	err = damon_set_regions(t, ranges, regions->nr, min_region_sz);
	kvfree(ranges);
	return err;
}

static struct pid *find_pid_in(int nr, struct pid_namespace *ns)
{
	guard(rcu)();
	return get_pid(find_pid_ns(nr, ns));
}

static int add_target(struct damon_ctx *ctx,
		      const struct damon_sysfs_target *staged,
		      struct pid_namespace *ns)
{
	struct damon_target *t = damon_new_target();

	if (!t)
		return -ENOMEM;
	damon_add_target(ctx, t);
	t->obsolete = staged->obsolete;
	if (damon_target_has_pid(ctx)) {
		t->pid = find_pid_in(staged->pid, ns);
		if (!t->pid)
			return -EINVAL;
	}
	return set_regions(t, &staged->regions, ctx->min_region_sz);
}

static int add_targets(struct damon_ctx *ctx, const struct sdir_array *targets,
		       struct pid_namespace *ns)
{
	unsigned int i;
	int err = 0;

	if (!damon_target_has_pid(ctx) && targets->nr > 1)
		return -EINVAL;
	for (i = 0; !err && i < targets->nr; i++)
		err = add_target(ctx, sdir_elem(targets, i), ns);
	return err;
}

/* Contexts */

static void set_addr_unit(struct damon_ctx *ctx, unsigned long addr_unit)
{
	ctx->addr_unit = addr_unit;
	if (!damon_target_has_pid(ctx))
		ctx->min_region_sz = max(PAGE_SIZE / addr_unit, 1UL);
}

static int fill_ctx(struct damon_ctx *ctx, const struct damon_sysfs_ctx *staged,
		    struct pid_namespace *ns)
{
	const struct damon_attrs attrs = staged->attrs;
	int err = damon_select_ops(ctx, staged->ops_id);

	if (err)
		return err;
	set_addr_unit(ctx, READ_ONCE(staged->addr_unit));
	ctx->pause = staged->pause;
	return damon_set_attrs(ctx, &attrs) ?:
	       add_probes(ctx, &staged->probes) ?:
	       add_targets(ctx, &staged->targets, ns) ?:
	       add_schemes(ctx, &staged->schemes);
}

/**
 * damon_sysfs_build_ctx() - Make a context of what is staged.
 * @staged:	what is
 * @ns:		where pids are looked up
 *
 * Context: @staged is locked; may sleep.
 * Return: a context; ERR_PTR() of -EINVAL or -ENOMEM.
 */
struct damon_ctx *damon_sysfs_build_ctx(const struct damon_sysfs_ctx *staged,
					struct pid_namespace *ns)
{
	struct damon_ctx *ctx = damon_new_ctx();
	int err;

	if (!ctx)
		return ERR_PTR(-ENOMEM);
	err = fill_ctx(ctx, staged, ns);
	if (!err)
		return ctx;
	damon_destroy_ctx(ctx);
	return ERR_PTR(err);
}
