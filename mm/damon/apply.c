// SPDX-License-Identifier: GPL-2.0
/*
 * A pass of the schemes over the regions.
 *
 * Once a sampling interval the schemes whose apply interval has gone by, and
 * which watermarks let be active, are given every region, in the order of
 * targets, regions, schemes.  A scheme takes the regions in its access pattern;
 * the access count it looks at is the moving sum, so passes need not coincide
 * with aggregations.  Most regions are for no scheme: they are told by the
 * bounds that the patterns have in common.  If there is nothing to do but to
 * count, nobody can see the order, and each scheme counts for itself.
 *
 * Filters of the core and the quota may let a scheme have the start of a region
 * only.  Then the rest is left for later, as a region of its own, and joined
 * again as soon as the two are not told apart.  Filters come before the quota:
 * what they reject must not be cut to the size of the quota again and again.
 *
 * Everything here runs in the kdamond.
 */

#include <linux/ktime.h>

#include "internal.h"
#include "kinds.h"

#include <trace/events/damon.h>

/**
 * struct pass - A pass in progress.
 * @run:	the context
 * @due:	schemes to apply, linked by &damos_run.next_due
 * @bounds:	what no scheme of @due is for lies outside
 * @only_counts: they do no more than count what they are for
 * @left_bp:	for the moving sum
 * @w:		the regions of the target at hand
 * @target_idx:	number of that target
 */
struct pass {
	struct damon_run *run;
	struct damos_run *due;
	struct damos_access_pattern bounds;
	bool only_counts;
	unsigned int left_bp;
	struct damon_rewrite w;
	unsigned int target_idx;
};

static unsigned long apply_us(const struct damon_run *run, const struct damos *s)
{
	return s->apply_interval_us ?: run->ctx.attrs.aggr_interval;
}

/* The next pass of @s is one apply interval from now. */
void damos_schedule(struct damon_run *run, struct damos *s)
{
	damos_run(s)->next_apply = run->passed +
				   damon_nr_intervals(&run->ctx, apply_us(run, s));
}

/* It is at most that far, as intervals have become shorter. */
void damos_hasten(struct damon_run *run, struct damos *s)
{
	damos_run(s)->next_apply = damon_sooner(run, damos_run(s)->next_apply,
						apply_us(run, s));
}

static bool due(const struct damon_run *run, struct damos *s)
{
	return time_after_eq(run->passed, damos_run(s)->next_apply);
}

/* Whether @s takes regions as they are, and all that its pattern is for. */
static bool is_plain(const struct damos *s)
{
	return !damos_has_quota(&s->quota) && list_empty(&s->core_filters);
}

static bool only_looks(const struct damos *s)
{
	return damos_action_kinds[s->action].keeps_age && is_plain(s) &&
	       list_empty(&s->ops_filters);
}

/* Whether the pass of this round may change regions, or the memory in them. */
bool damos_pass_disturbs(struct damon_run *run)
{
	struct damos *s;

	damon_for_each_scheme(s, &run->ctx) {
		if (due(run, s) && damos_run(s)->active && !only_looks(s))
			return true;
	}
	return false;
}

static bool within(unsigned long x, unsigned long min, unsigned long max)
{
	return min <= x && x <= max;
}

static unsigned int mvsum(const struct damon_region *r, unsigned int left_bp)
{
	return damon_mvsum(r->nr_accesses, r->last_nr_accesses, left_bp);
}

static inline bool fits(const struct damos_access_pattern *p,
			const struct damon_region *r, unsigned int left_bp)
{
	return within(damon_sz_region(r), p->min_sz_region, p->max_sz_region) &&
	       within(r->age, p->min_age_region, p->max_age_region) &&
	       within(mvsum(r, left_bp), p->min_nr_accesses, p->max_nr_accesses);
}

/* Whether a scheme is for @r, of an aggregation with @left_bp / 10000 left. */
bool damos_pattern_matches(const struct damos_access_pattern *p,
			   const struct damon_region *r, unsigned int left_bp)
{
	return fits(p, r, left_bp);
}

static void widen(struct damos_access_pattern *bounds,
		  const struct damos_access_pattern *p)
{
	bounds->min_sz_region = min(bounds->min_sz_region, p->min_sz_region);
	bounds->max_sz_region = max(bounds->max_sz_region, p->max_sz_region);
	bounds->min_age_region = min(bounds->min_age_region, p->min_age_region);
	bounds->max_age_region = max(bounds->max_age_region, p->max_age_region);
	bounds->min_nr_accesses = min(bounds->min_nr_accesses, p->min_nr_accesses);
	bounds->max_nr_accesses = max(bounds->max_nr_accesses, p->max_nr_accesses);
}

/* Whether somebody is told of each region that a scheme is applied to. */
static bool is_watched(const struct damon_run *run)
{
	return run->walk || run->ctx.callback.before_damos_apply ||
	       trace_damos_before_apply_enabled();
}

static bool only_counts(const struct damon_run *run, struct damos *s)
{
	const struct damon_operations *ops = &run->ctx.ops;

	return damos_run(s)->plain && damos_action_kinds[s->action].keeps_age &&
	       ops->ignores_scheme && ops->ignores_scheme(s);
}

static void join(struct pass *pass, struct damos *s)
{
	struct damos_run *d = damos_run(s);

	damos_quota_update(&pass->run->ctx, s);
	d->plain = is_plain(s) && !s->max_nr_snapshots;
	d->core_allowed = false;
	d->next_due = NULL;
	widen(&pass->bounds, &s->pattern);
	pass->only_counts = pass->only_counts && only_counts(pass->run, s);
}

/* Returns whether there is anything to apply. */
static bool begin(struct pass *pass, struct damon_run *run)
{
	struct damos_run **end = &pass->due;
	unsigned int idx = 0;
	struct damos *s;

	*pass = (struct pass) {
		.run = run,
		.bounds = {
			.min_sz_region = ULONG_MAX,
			.min_age_region = UINT_MAX,
			.min_nr_accesses = UINT_MAX,
		},
		.only_counts = !is_watched(run),
	};
	damon_for_each_scheme(s, &run->ctx) {
		damos_run(s)->idx = idx++;
		if (!due(run, s) || !damos_run(s)->active)
			continue;
		join(pass, s);
		*end = damos_run(s);
		end = &(*end)->next_due;
	}
	pass->left_bp = damon_window_left_bp(run);
	return pass->due;
}

static bool at_last_region(const struct pass *pass)
{
	return pass->w.in == pass->w.end;
}

static bool at_very_last_region(const struct pass *pass)
{
	return at_last_region(pass) &&
	       list_is_last(&pass->w.t->list, &pass->run->ctx.adaptive_targets);
}

/*
 * Whether the region at hand was handled before the quota was last used up.
 * If only its start was, that is what is at hand then.
 */
static bool is_handled(struct pass *pass, struct damos_run *d)
{
	struct damon_region *r = damon_rewrite_cur(&pass->w);
	unsigned long min_sz = pass->run->ctx.min_region_sz;
	unsigned long addr = d->quota.resume_addr;
	bool handled;

	if (!d->quota.resume_target)
		return false;
	if (d->quota.resume_target != pass->w.t)
		return true;
	handled = r->ar.start < addr;
	if (handled && r->ar.end > addr)
		damon_rewrite_defer(&pass->w, max(ALIGN_DOWN(addr - r->ar.start,
							     min_sz), min_sz));
	if (at_last_region(pass))
		damos_quota_forget_target(&d->s, pass->w.t);
	return handled;
}

/* Whether anything is to be given to a scheme that is not plain. */
static bool is_open(struct pass *pass, struct damos_run *d)
{
	const struct damos *s = &d->s;

	return damos_quota_room(s, pass->run->ctx.min_region_sz) &&
	       !is_handled(pass, d) &&
	       (!s->max_nr_snapshots ||
		s->stat.nr_snapshots < s->max_nr_snapshots);
}

static bool matches(const struct pass *pass, struct damos_run *d)
{
	struct damon_region *r = damon_rewrite_cur(&pass->w);
	struct damon_ctx *ctx = &pass->run->ctx;

	return fits(&d->s.pattern, r, pass->left_bp) &&
	       (!d->quota.min_score || !ctx->ops.get_scheme_score ||
		ctx->ops.get_scheme_score(ctx, r, &d->s) >= d->quota.min_score);
}

/* Have filters and the quota leave all or the start of the region at hand. */
static bool trim(struct pass *pass, struct damos_run *d)
{
	unsigned long min_sz = pass->run->ctx.min_region_sz;
	unsigned long room = damos_quota_room(&d->s, min_sz);
	struct damon_region *r = damon_rewrite_cur(&pass->w);
	struct damos_verdict verdict;

	verdict = damos_filter_range(&d->s, pass->target_idx, r->ar, min_sz);
	if (verdict.sz < damon_sz_region(r) &&
	    !damon_rewrite_defer(&pass->w, verdict.sz))
		return false;
	d->core_allowed = verdict.allowed;
	if (verdict.rejected)
		return false;
	if (room >= verdict.sz || damon_rewrite_defer(&pass->w, room))
		return true;
	d->s.stat.nr_tried++;
	d->s.stat.sz_tried += verdict.sz;
	return false;
}

static void trace(const struct pass *pass, struct damos_run *d,
		  struct damon_region *r)
{
	if (trace_damos_before_apply_enabled())
		trace_damos_before_apply(0, d->idx, pass->target_idx, r,
					 mvsum(r, pass->left_bp),
					 damon_rewrite_nr(&pass->w), true);
}

/* A veto of the callback leaves out the action, and nothing else. */
static unsigned long call_ops(const struct pass *pass, struct damos_run *d,
			      struct damon_region *r,
			      unsigned long *sz_filter_passed)
{
	struct damon_ctx *ctx = &pass->run->ctx;
	struct damon_target *t = pass->w.t;
	unsigned long applied = 0;

	if (!ctx->callback.before_damos_apply ||
	    !ctx->callback.before_damos_apply(ctx, t, r, &d->s)) {
		trace(pass, d, r);
		applied = ctx->ops.apply_scheme(ctx, t, r, &d->s,
						sz_filter_passed);
	}
	if (pass->run->walk)
		damos_walk_report(pass->run, t, r, &d->s, *sz_filter_passed);
	return applied;
}

static void charge(const struct pass *pass, struct damos_run *d,
		   const struct damon_region *r, unsigned long applied, u64 ns)
{
	damos_quota_charge(&d->s, damon_sz_region(r), applied, ns);
	if (damos_quota_room(&d->s, pass->run->ctx.min_region_sz) ||
	    at_very_last_region(pass))
		return;
	d->quota.resume_target = pass->w.t;
	d->quota.resume_addr = r->ar.end;
}

static void count(struct damos_stat *stat, unsigned long sz,
		  unsigned long applied, unsigned long sz_filter_passed)
{
	stat->nr_tried++;
	stat->sz_tried += sz;
	stat->nr_applied += !!applied;
	stat->sz_applied += applied;
	stat->sz_ops_filter_passed += sz_filter_passed;
}

/* Apply a scheme to the region at hand. */
static void apply(struct pass *pass, struct damos_run *d)
{
	struct damon_region *r = damon_rewrite_cur(&pass->w);
	unsigned long applied = 0, sz_filter_passed = 0;
	bool charged = damos_has_quota(&d->s.quota);
	u64 start;

	if (pass->run->ctx.ops.apply_scheme) {
		start = charged ? ktime_get_ns() : 0;
		applied = call_ops(pass, d, r, &sz_filter_passed);
		if (charged)
			charge(pass, d, r, applied, ktime_get_ns() - start);
	}
	if (!damos_action_kinds[d->s.action].keeps_age)
		r->age = 0;
	count(&d->s.stat, damon_sz_region(r), applied, sz_filter_passed);
}

static void offer(struct pass *pass, struct damos_run *d)
{
	if (!d->plain && !is_open(pass, d))
		return;
	if (matches(pass, d) && (d->plain || trim(pass, d)))
		apply(pass, d);
	if (at_last_region(pass))
		d->s.stat.nr_snapshots++;
}

/* Whether anything is to be done about a region that comes. */
static bool is_of_interest(const struct pass *pass, const struct damon_region *r)
{
	return r->deferred || r == pass->w.end - 1 ||
	       fits(&pass->bounds, r, pass->left_bp);
}

static struct damon_region *next_of_interest(struct pass *pass)
{
	struct damon_region *r = pass->w.in;

	while (r < pass->w.end && !is_of_interest(pass, r))
		r++;
	if (r > pass->w.in)
		damon_rewrite_skip(&pass->w, r);
	return damon_rewrite_next(&pass->w);
}

static void apply_to_target(struct pass *pass, struct damon_target *t)
{
	unsigned long sz_limit = pass->run->adapt.sz_limit;
	struct damos_run *d;

	damon_rewrite_begin(&pass->w, t, 0);
	while (next_of_interest(pass)) {
		for (d = pass->due; d; d = d->next_due)
			offer(pass, d);
		damon_rewrite_undo_defer(&pass->w, sz_limit);
		cond_resched();
	}
}

/* Instead of applying @d, where it only counts. */
static void count_regions(const struct pass *pass, struct damos_run *d,
			  const struct damon_target *t)
{
	const struct damon_region *r = t->regions;
	unsigned long nr = 0, sz = 0;

	damon_for_each_region_from(r, t) {
		if (fits(&d->s.pattern, r, pass->left_bp)) {
			nr++;
			sz += damon_sz_region(r);
		}
	}
	d->s.stat.nr_tried += nr;
	d->s.stat.sz_tried += sz;
	d->s.stat.nr_snapshots++;
	cond_resched();
}

static void count_in_target(const struct pass *pass, const struct damon_target *t)
{
	struct damos_run *d;

	for (d = pass->due; d; d = d->next_due)
		count_regions(pass, d, t);
}

static void forget_target(const struct pass *pass, const struct damon_target *t)
{
	struct damos_run *d;

	for (d = pass->due; d; d = d->next_due)
		damos_quota_forget_target(&d->s, t);
}

static void apply_to_targets(struct pass *pass)
{
	struct damon_ctx *ctx = &pass->run->ctx;
	struct damon_target *t;

	damon_for_each_target(t, ctx) {
		if (!t->nr_regions || !damon_target_is_valid(ctx, t))
			forget_target(pass, t);
		else if (pass->only_counts)
			count_in_target(pass, t);
		else
			apply_to_target(pass, t);
		pass->target_idx++;
	}
}

/* Those that are not active count as done: there is nothing to wait for. */
static void end(struct damon_run *run)
{
	struct damos *s;

	damon_for_each_scheme(s, &run->ctx) {
		if (!due(run, s))
			continue;
		damos_walk_pass_done(run, s);
		damos_schedule(run, s);
		damos_run(s)->last_applied = NULL;
		trace_damos_stat_after_apply_interval(0, damos_run(s)->idx,
						      &s->stat);
	}
}

/* Apply the schemes that are due, and let a walk end that has seen them all. */
void damos_apply(struct damon_run *run)
{
	struct pass pass;

	if (list_empty(&run->ctx.schemes)) {
		damos_walk_end(run, -ECANCELED);
		return;
	}
	if (!begin(&pass, run))
		return;
	apply_to_targets(&pass);
	end(run);
}
