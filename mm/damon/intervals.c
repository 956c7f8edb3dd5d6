// SPDX-License-Identifier: GPL-2.0
/*
 * Tuning of the sampling and aggregation intervals.
 *
 * Intervals fit a workload when a wanted share of what samples could show is
 * seen: with too short ones everything looks cold, with too long ones, hot.
 * Per aggregation, over regions of size sz, with N samples each,
 *
 *	observed = sum(sz * nr_accesses)	wanted = sum(sz * N) * goal
 *
 * Every few aggregations the sampling interval is multiplied by what a step of
 * feedback.c makes of observed / wanted: more than 1 up to twice if too little
 * is seen; if too much, it is at most halved.  It stays in the limits of the
 * goal, and the aggregation interval remains N times as long.
 *
 * Only the last aggregation counts.  Sizes are scaled down where the sums would
 * not fit.
 *
 * Everything here runs in the kdamond.
 */

#include <linux/bitops.h>

#include <kunit/visibility.h>
#include <trace/events/damon.h>

#include "feedback.h"
#include "internal.h"

#define BP	10000UL

/* No change, in the unit of the factor feedback_step() is asked for. */
#define SAME	(BP * BP)

/* Bits to drop of sizes so that their sum times the samples fits 63 bits. */
static unsigned int size_shift(const struct damon_run *run)
{
	const struct damon_target *t;
	unsigned int nr_targets = 0;
	u64 largest = 0;

	damon_for_each_target(t, &run->ctx) {
		largest = max_t(u64, largest, damon_regions_sz(t));
		nr_targets++;
	}
	return max(fls64(largest) + fls(nr_targets) + fls(run->aggr_samples) - 63,
		   0);
}

static unsigned long intervals_score(struct damon_run *run)
{
	const struct damon_intervals_goal *goal = &run->ctx.attrs.intervals_goal;
	unsigned int shift = size_shift(run);
	u64 observed = 0, possible = 0, wanted;
	struct damon_target *t;
	struct damon_region *r;

	damon_for_each_target(t, &run->ctx) {
		damon_for_each_region(r, t) {
			u64 sz = damon_sz_region(r) >> shift;

			observed += sz * r->nr_accesses;
			possible += sz * run->aggr_samples;
		}
	}
	wanted = max(mul_u64_u64_div_u64(possible, min(goal->access_bp, BP), BP),
		     1ULL);
	if (observed / 2 >= wanted)
		return 2 * FEEDBACK_GOAL;
	return mul_u64_u64_div_u64(observed, FEEDBACK_GOAL, wanted);
}

/* What to multiply the intervals with, in 1/10000. */
VISIBLE_IF_KUNIT unsigned long damon_intervals_factor(unsigned long score)
{
	unsigned long factor = feedback_step(SAME, score) / BP;

	return factor <= BP ? BP / 2 + factor / 2 : factor;
}

static unsigned long scaled(unsigned long x, unsigned long factor)
{
	unsigned long whole, rest = x % BP * factor / BP;

	if (check_mul_overflow(x / BP, factor, &whole) ||
	    check_add_overflow(whole, rest, &whole))
		return ULONG_MAX;
	return whole;
}

/* Never 0, which no factor leads away from. */
static unsigned long tuned_interval(const struct damon_attrs *attrs,
				    unsigned long factor)
{
	const struct damon_intervals_goal *goal = &attrs->intervals_goal;
	unsigned long least = max(goal->min_sample_us, 1);

	return clamp(scaled(attrs->sample_interval ?: 1, factor), least,
		     max(goal->max_sample_us, least));
}

/* Correct the intervals, by the results of the aggregation that is complete. */
void damon_tune_intervals(struct damon_run *run)
{
	struct damon_attrs attrs = run->ctx.attrs;
	unsigned long factor = damon_intervals_factor(intervals_score(run));

	run->next_tune += damon_nr_tune_intervals(run);
	if (factor == BP)
		return;
	attrs.sample_interval = tuned_interval(&attrs, factor);
	if (check_mul_overflow(attrs.sample_interval, run->aggr_samples,
			       &attrs.aggr_interval))
		attrs.aggr_interval = ULONG_MAX;
	trace_damon_monitor_intervals_tune(attrs.sample_interval);
	if (attrs.sample_interval == run->ctx.attrs.sample_interval &&
	    attrs.aggr_interval == run->ctx.attrs.aggr_interval)
		return;
	damon_take_tuned(run, &attrs);
}
