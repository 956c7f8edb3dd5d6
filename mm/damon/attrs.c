// SPDX-License-Identifier: GPL-2.0
/*
 * Monitoring attributes, and what becomes of results when they change.
 *
 * Counts are of samples and ages are of aggregations, so both mean something
 * else with other intervals.  With N = A / S samples in an aggregation
 * interval of length A,
 *
 *	count' = count * N' / N		age' = age * A / A'
 *
 * where the ratio of count to N is kept in 1/10000.  The running count cannot
 * be converted in the middle of an aggregation, which starts anew.  With an
 * interval of 0 nothing is converted.
 */

#include "internal.h"

static bool goal_valid(const struct damon_attrs *attrs)
{
	const struct damon_intervals_goal *goal = &attrs->intervals_goal;

	return !goal->aggrs ||
	       (goal->min_sample_us <= attrs->sample_interval &&
		attrs->sample_interval <= goal->max_sample_us);
}

/* Whether a context can run with @attrs. */
bool damon_attrs_valid(const struct damon_attrs *attrs)
{
	return attrs->min_nr_regions >= 3 &&
	       attrs->min_nr_regions <= attrs->max_nr_regions &&
	       attrs->sample_interval <= attrs->aggr_interval &&
	       goal_valid(attrs);
}

/* Whether @a and @b are the same, whatever is between their members. */
bool damon_attrs_equal(const struct damon_attrs *a, const struct damon_attrs *b)
{
	return a->sample_interval == b->sample_interval &&
	       a->aggr_interval == b->aggr_interval &&
	       a->ops_update_interval == b->ops_update_interval &&
	       a->min_nr_regions == b->min_nr_regions &&
	       a->max_nr_regions == b->max_nr_regions &&
	       a->split_hints == b->split_hints &&
	       !memcmp(&a->intervals_goal, &b->intervals_goal,
		       sizeof(a->intervals_goal));
}

/* Sampling intervals between two corrections of the intervals. */
unsigned long damon_nr_tune_intervals(const struct damon_run *run)
{
	unsigned long aggrs = run->ctx.attrs.intervals_goal.aggrs;
	unsigned long nr;

	if (check_mul_overflow(aggrs, (unsigned long)run->aggr_samples, &nr))
		return LONG_MAX;
	return min_t(unsigned long, nr, LONG_MAX);
}

static void convert_results(struct damon_run *run,
			    const struct damon_attrs *from,
			    const struct damon_attrs *to, bool aggregating)
{
	const struct damon_conversion conv = {
		.from_samples = damon_nr_samples_per_aggr(from),
		.to_samples = damon_nr_samples_per_aggr(to),
		.from_aggr_us = from->aggr_interval,
		.to_aggr_us = to->aggr_interval,
		.restart = aggregating,
	};
	struct damon_target *t;

	if (!from->sample_interval || !from->aggr_interval ||
	    !to->sample_interval || !to->aggr_interval)
		return;
	damon_for_each_target(t, &run->ctx)
		damon_regions_convert(t, &conv);
}

/* Everything is due one interval from now. */
void damon_schedule(struct damon_run *run)
{
	const struct damon_attrs *attrs = &run->ctx.attrs;
	struct damos *s;

	run->next_aggregation = run->passed +
		damon_nr_intervals(&run->ctx, attrs->aggr_interval);
	run->next_update = run->passed +
		damon_nr_intervals(&run->ctx, attrs->ops_update_interval);
	damon_for_each_scheme(s, &run->ctx)
		damos_schedule(run, s);
}

static void take_attrs(struct damon_run *run, const struct damon_attrs *attrs)
{
	bool aggregating = !run->aggregated &&
			   time_before(run->passed, run->next_aggregation);

	convert_results(run, &run->ctx.attrs, attrs, aggregating);
	run->ctx.attrs = *attrs;
	damon_update_size_limit(run);
}

/* Have valid @attrs, and begin all intervals anew. */
static void change_attrs(struct damon_run *run, const struct damon_attrs *attrs)
{
	bool tuned = run->ctx.attrs.intervals_goal.aggrs;

	run->aggr_samples = damon_nr_samples_per_aggr(attrs);
	take_attrs(run, attrs);
	damon_schedule(run);
	if (!tuned)
		run->next_tune = run->passed + damon_nr_tune_intervals(run);
}

/*
 * Have @attrs, which differ in intervals only and have as many samples in an
 * aggregation.  Nothing is put off, or it might be again and again.
 */
void damon_take_tuned(struct damon_run *run, const struct damon_attrs *attrs)
{
	struct damos *s;

	take_attrs(run, attrs);
	run->next_aggregation = damon_sooner(run, run->next_aggregation,
					     attrs->aggr_interval);
	run->next_update = damon_sooner(run, run->next_update,
					attrs->ops_update_interval);
	damon_for_each_scheme(s, &run->ctx)
		damos_hasten(run, s);
}

/*
 * Have valid @attrs where they differ.  The running aggregation goes on if only
 * hints are to be used, or not any more.
 */
void damon_commit_attrs(struct damon_run *run, const struct damon_attrs *attrs)
{
	run->ctx.attrs.split_hints = attrs->split_hints;
	if (damon_attrs_equal(&run->ctx.attrs, attrs))
		return;
	change_attrs(run, attrs);
}

/**
 * damon_set_attrs() - Set the monitoring attributes of a context.
 * @ctx:	the context
 * @attrs:	the attributes; copied
 *
 * Results are converted to the new intervals, but a running aggregation starts
 * anew, and so do all intervals.
 *
 * Context: @ctx does not run, or its kdamond.
 * Return: 0; -EINVAL, with nothing changed, when there would be less than 3
 * regions, the limits of regions cross, @attrs samples less often than it
 * aggregates, its goal does not allow its sampling interval, or probes have
 * weights and there would be more than 255 samples in an aggregation.
 */
int damon_set_attrs(struct damon_ctx *ctx, const struct damon_attrs *attrs)
{
	struct damon_run *run = damon_run(ctx);

	if (!damon_attrs_valid(attrs) || !damon_probes_valid(ctx, attrs))
		return -EINVAL;
	change_attrs(run, attrs);
	return 0;
}
