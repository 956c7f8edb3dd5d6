// SPDX-License-Identifier: GPL-2.0
/*
 * Quotas: how much a scheme may do in a window of time.
 *
 * All limits come to one size, the effective quota E, when a window starts:
 *
 *	E = min(size quota, goals (goal.c), throughput * time quota)
 *
 * where throughput is what was charged per time spent so far, and assumed to
 * be 1024 pages per ms until something was.  A time quota allows for one
 * minimum region at least.  A region is charged when it was handled.  The quota
 * is full when less than the minimum region size M is left of it, so that
 *
 *	charged < E + what the action took beyond the last region
 *
 * If not all regions can be handled those of high priority are: E goes to the
 * priorities from min_score on, which have as many bytes as E or, with the
 * next lower one, more.
 *
 * A window that ended full is continued by the next one: regions up to the last
 * one handled, in address order, are passed over (apply.c), unless that was the
 * last of all.  The position is forgotten with its target.
 *
 * Windows are counted in jiffies of 64 bits, so none is too long.
 */

#include <linux/jiffies.h>

#include "internal.h"

#include <trace/events/damon.h>

#define ASSUMED_THROUGHPUT	(1024 * PAGE_SIZE)

/* Core address units that may still be handled, a multiple of @min_sz. */
unsigned long damos_quota_room(const struct damos *s, unsigned long min_sz)
{
	const struct damos_quota_run *run = &damos_run_const(s)->quota;

	if (!damos_has_quota(&s->quota))
		return ULONG_MAX;
	if (run->charged_sz >= s->quota.esz)
		return 0;
	return ALIGN_DOWN(s->quota.esz - run->charged_sz, min_sz);
}

/* What handling @sz is charged if the action took effect on @applied. */
unsigned long damos_charge(const struct damos_quota *q, unsigned long sz,
			   unsigned long applied)
{
	unsigned long denom = q->fail_charge_denom, num = q->fail_charge_num;
	unsigned long failed = sz - applied, whole, charge;

	if (!denom || applied > sz)
		return sz;
	if (check_mul_overflow(failed / denom, num, &whole) ||
	    check_add_overflow(whole, applied, &charge) ||
	    check_add_overflow((unsigned long)div_u64((u64)(failed % denom) * num,
						      denom), charge, &charge))
		return ULONG_MAX;
	return charge;
}

/* Charge the handling of @sz in @ns, which took effect on @applied. */
void damos_quota_charge(struct damos *s, unsigned long sz, unsigned long applied,
			u64 ns)
{
	struct damos_quota_run *run = &damos_run(s)->quota;
	unsigned long charge = damos_charge(&s->quota, sz, applied);

	if (check_add_overflow(run->charged_sz, charge, &run->charged_sz))
		run->charged_sz = ULONG_MAX;
	run->total_charged_ns += ns;
}

static u64 window_jiffies(unsigned long ms)
{
	return (u64)(ms / MSEC_PER_SEC) * HZ +
	       DIV_ROUND_UP(ms % MSEC_PER_SEC * HZ, MSEC_PER_SEC);
}

static bool window_ended(const struct damos_quota *q,
			 const struct damos_quota_run *run, u64 now)
{
	return now - run->window_start >= window_jiffies(q->reset_interval);
}

static unsigned long throughput_per_ms(const struct damos_quota_run *run)
{
	u64 sz = run->total_charged_sz, ns = run->total_charged_ns;

	if (!ns)
		return ASSUMED_THROUGHPUT;
	if (div64_u64(sz, ns) >= ULONG_MAX / NSEC_PER_MSEC)
		return ULONG_MAX;
	return min_t(u64, mul_u64_u64_div_u64(sz, NSEC_PER_MSEC, ns), ULONG_MAX);
}

/* Of a quota that is not without limit. */
static unsigned long effective_sz(struct damon_ctx *ctx, struct damos *s)
{
	struct damos_quota_run *run = &damos_run(s)->quota;
	const struct damos_quota *q = &s->quota;
	unsigned long esz = ULONG_MAX, sz;

	if (!list_empty(&q->goals)) {
		run->esz_bp = damos_tune_goals(ctx, s, run->esz_bp);
		esz = run->esz_bp / 10000;
	}
	if (q->ms) {
		if (check_mul_overflow(throughput_per_ms(run), q->ms, &sz))
			sz = ULONG_MAX;
		esz = min(esz, max(sz, ctx->min_region_sz));
	}
	return q->sz ? min(esz, q->sz) : esz;
}

static u64 region_passing_sz(const struct damos *s, unsigned int target_idx,
			     const struct damon_region *r, unsigned long min_sz)
{
	struct damon_addr_range rest = r->ar;
	struct damos_verdict verdict;
	u64 sz = 0;

	for (; rest.start < rest.end; rest.start += verdict.sz) {
		verdict = damos_filter_range(s, target_idx, rest, min_sz);
		if (!verdict.rejected)
			sz += verdict.sz;
	}
	return sz;
}

/* Sizes, by priority, of what the scheme is for. */
static void score_regions(struct damon_ctx *ctx, struct damos *s,
			  u64 sz_of_score[DAMOS_MAX_SCORE + 1])
{
	unsigned int left_bp = damon_window_left_bp(damon_run(ctx));
	unsigned int target_idx = 0;
	struct damon_target *t;
	struct damon_region *r;
	int score;

	damon_for_each_target(t, ctx) {
		damon_for_each_region(r, t) {
			if (!damos_pattern_matches(&s->pattern, r, left_bp))
				continue;
			score = ctx->ops.get_scheme_score(ctx, r, s);
			sz_of_score[clamp(score, 0, DAMOS_MAX_SCORE)] +=
				region_passing_sz(s, target_idx, r,
						  ctx->min_region_sz);
		}
		target_idx++;
	}
}

/* The highest from which on there are @esz bytes. */
static unsigned int least_score(const u64 sz_of_score[DAMOS_MAX_SCORE + 1],
				unsigned long esz)
{
	unsigned int score;
	u64 sz = 0;

	for (score = DAMOS_MAX_SCORE; score; score--) {
		sz += sz_of_score[score];
		if (sz >= esz)
			break;
	}
	return score;
}

static void update_min_score(struct damon_ctx *ctx, struct damos *s)
{
	u64 sz_of_score[DAMOS_MAX_SCORE + 1] = {};

	damos_run(s)->quota.min_score = 0;
	if (!ctx->ops.get_scheme_score)
		return;
	score_regions(ctx, s, sz_of_score);
	damos_run(s)->quota.min_score = least_score(sz_of_score, s->quota.esz);
}

/* @first: of the windows of @s */
static void start_window(struct damon_ctx *ctx, struct damos *s, u64 now,
			 bool first)
{
	struct damos_quota_run *run = &damos_run(s)->quota;
	unsigned long esz = effective_sz(ctx, s);

	if (first || esz != s->quota.esz)
		trace_damos_esz(0, damos_run(s)->idx, esz);
	run->window_start = now;
	run->in_window = true;
	run->charged_sz = 0;
	s->quota.esz = esz;
	update_min_score(ctx, s);
}

/* Before a pass of @s: start a new window if it is time to. */
void damos_quota_update(struct damon_ctx *ctx, struct damos *s)
{
	struct damos_quota_run *run = &damos_run(s)->quota;
	u64 now = get_jiffies_64();

	if (!damos_has_quota(&s->quota)) {
		s->quota.esz = 0;
		run->in_window = false;
		run->min_score = 0;
		damos_quota_forget_target(s, run->resume_target);
		return;
	}
	if (!run->in_window) {
		start_window(ctx, s, now, true);
		return;
	}
	if (!window_ended(&s->quota, run, now))
		return;
	if (!damos_quota_room(s, ctx->min_region_sz))
		s->stat.qt_exceeds++;
	run->total_charged_sz += run->charged_sz;
	start_window(ctx, s, now, false);
}

/* Do not go on behind the last handled address if that is in @t. */
void damos_quota_forget_target(struct damos *s, const struct damon_target *t)
{
	struct damos_quota_run *run = &damos_run(s)->quota;

	if (run->resume_target != t)
		return;
	run->resume_target = NULL;
	run->resume_addr = 0;
}
