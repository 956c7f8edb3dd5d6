// SPDX-License-Identifier: GPL-2.0
/*
 * A pass of the schemes over the regions.
 *
 * Once a sampling interval every region is offered to every scheme whose apply
 * interval has gone by, in the order of targets, regions, schemes.  A scheme
 * takes the regions in its access pattern; the access count it looks at is the
 * moving sum, so passes need not coincide with aggregations.
 *
 * Everything here runs in the kdamond.
 */

#include "internal.h"
#include "kinds.h"

/* The next pass of @s is one apply interval from now. */
void damos_schedule(struct damon_run *run, struct damos *s)
{
	unsigned long us = s->apply_interval_us ?: run->ctx.attrs.aggr_interval;

	damos_run(s)->next_apply = run->passed +
				   damon_nr_intervals(&run->ctx, us);
}

static bool due(const struct damon_run *run, struct damos *s)
{
	return time_after_eq(run->passed, damos_run(s)->next_apply);
}

static bool any_due(struct damon_run *run)
{
	struct damos *s;

	damon_for_each_scheme(s, &run->ctx) {
		if (due(run, s))
			return true;
	}
	return false;
}

static bool within(unsigned long x, unsigned long min, unsigned long max)
{
	return min <= x && x <= max;
}

static bool pattern_matches(const struct damos_access_pattern *p,
			    const struct damon_region *r, unsigned int left_bp)
{
	return within(damon_sz_region(r), p->min_sz_region, p->max_sz_region) &&
	       within(r->age, p->min_age_region, p->max_age_region) &&
	       within(damon_mvsum(r, left_bp), p->min_nr_accesses,
		      p->max_nr_accesses);
}

/* A veto of the callback leaves out the action, and nothing else. */
static void call_ops(struct damon_run *run, struct damon_target *t,
		     struct damon_region *r, struct damos *s,
		     unsigned long *sz_filter_passed)
{
	struct damon_ctx *ctx = &run->ctx;

	if (ctx->callback.before_damos_apply &&
	    ctx->callback.before_damos_apply(ctx, t, r, s))
		return;
	ctx->ops.apply_scheme(ctx, t, r, s, sz_filter_passed);
}

static void apply(struct damon_run *run, struct damon_target *t,
		  struct damon_region *r, struct damos *s)
{
	unsigned long sz_filter_passed = 0;

	if (run->ctx.ops.apply_scheme) {
		call_ops(run, t, r, s, &sz_filter_passed);
		damos_walk_report(run, t, r, s, sz_filter_passed);
	}
	if (!damos_action_kinds[s->action].keeps_age)
		r->age = 0;
}

static void apply_to_target(struct damon_run *run, struct damon_target *t)
{
	unsigned int left_bp = damon_window_left_bp(run);
	struct damon_region *r;
	struct damos *s;

	damon_for_each_region(r, t) {
		damon_for_each_scheme(s, &run->ctx) {
			if (due(run, s) && pattern_matches(&s->pattern, r, left_bp))
				apply(run, t, r, s);
		}
		cond_resched();
	}
}

/* Apply the schemes that are due, and let a walk end that has seen them all. */
void damos_apply(struct damon_run *run)
{
	struct damon_target *t;
	struct damos *s;

	if (list_empty(&run->ctx.schemes))
		damos_walk_end(run, -ECANCELED);
	if (!any_due(run))
		return;

	damon_for_each_target(t, &run->ctx) {
		if (damon_target_is_valid(&run->ctx, t))
			apply_to_target(run, t);
	}
	damon_for_each_scheme(s, &run->ctx) {
		if (!due(run, s))
			continue;
		damos_walk_pass_done(run, s);
		damos_schedule(run, s);
	}
}
