// SPDX-License-Identifier: GPL-2.0
/*
 * DAMON: data access monitoring, and memory operations driven by it.
 *
 * A context has targets (address spaces), each with regions: adjacent memory
 * assumed to be accessed alike.  One page stands for a whole region.  A thread
 * of the context, the kdamond, goes in rounds of one sampling interval S:
 *
 *	wait while watermarks keep all schemes inactive (wmarks.c)
 *	choose a page in each region and forget past accesses to it
 *	sleep S
 *	count, per region, whether its page was accessed
 *	when an aggregation interval A is complete, merge regions of like counts
 *	serve requests of other threads (call.c)
 *	apply the schemes (apply.c)
 *	when A is complete, report the counts, start anew, and split regions, where
 *	the operations set says (hints.c) and blindly
 *	when it is due, let the operations set re-read the address spaces
 *
 * Rounds in which nothing happens between the count and the next choice do both
 * in one go, if the operations set can.
 *
 * So the cost of a round follows the number of regions, which has an upper
 * limit, and not the size of memory, and a count is between 0 and A / S.  How
 * pages are checked is up to the operations set (vaddr.c); how regions follow
 * the access pattern, to adapt.c.
 *
 * Time is damon_run.passed, the number of finished rounds.  Points of time
 * are compared like jiffies, wrap-safe.  What is due in a round is decided
 * from the intervals as they were when it began.
 *
 * Locks: damon_lock serialises starting and the end of kdamonds, and is the
 * outer one; damon_run.lock protects the thread pointer and the queue of
 * requests; damon_run.stop_lock lets one thread at a time wait for an end.  The
 * context is otherwise its creator's before the start and after the end, and
 * its kdamond's in between.
 */

#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mutex.h>

#include "internal.h"

#define CREATE_TRACE_POINTS
#include <trace/events/damon.h>

/* Sleeps longer than this go by jiffies rather than by a precise timer. */
#define LONG_SLEEP_US	(20 * USEC_PER_MSEC)

static bool damon_ready __ro_after_init;

static DEFINE_MUTEX(damon_lock);
/* Both under damon_lock. */
static int nr_running_ctxs;
static bool running_exclusive;

/* What is left of the running aggregation, in 1/10000. */
unsigned int damon_window_left_bp(const struct damon_run *run)
{
	unsigned long window = damon_nr_intervals(&run->ctx,
						  run->ctx.attrs.aggr_interval);
	long left = run->next_aggregation - run->passed;

	/* A request may have scheduled the next one already. */
	if (run->aggregated || left <= 0)
		return 0;
	if (left >= window)
		return 10000;
	return mul_u64_u64_div_u64(left, 10000, window);
}

/**
 * damon_nr_accesses_mvsum() - Access count over the last aggregation interval.
 * @r:		the region
 * @ctx:	its context
 *
 * Unlike &damon_region.nr_accesses this is meaningful at any time: it adds the
 * share of the last aggregation that is still missing in the running one.
 *
 * Context: kdamond.
 */
unsigned int damon_nr_accesses_mvsum(const struct damon_region *r,
				     struct damon_ctx *ctx)
{
	return damon_mvsum(r->nr_accesses, r->last_nr_accesses,
			   damon_window_left_bp(damon_run(ctx)));
}

/* Whether @t is still there. */
bool damon_target_is_valid(struct damon_ctx *ctx, struct damon_target *t)
{
	return !ctx->ops.target_valid || ctx->ops.target_valid(t);
}

static bool any_target_valid(struct damon_ctx *ctx)
{
	struct damon_target *t;

	if (!ctx->ops.target_valid)
		return true;
	damon_for_each_target(t, ctx) {
		if (ctx->ops.target_valid(t))
			return true;
	}
	return false;
}

static void call_hook(struct damon_ctx *ctx, void (*hook)(struct damon_ctx *))
{
	if (hook)
		hook(ctx);
}

static int call_back(struct damon_ctx *ctx, int (*fn)(struct damon_ctx *))
{
	return fn ? fn(ctx) : 0;
}

/*
 * Does not add to the load average; a request to stop cuts it short, and so do
 * those who wait to be served, if they can be: then @idle is not NULL.
 */
static void kdamond_sleep(unsigned long us, struct damon_run *idle)
{
	unsigned long left = us / (USEC_PER_SEC / HZ) + 1;

	if (us <= LONG_SLEEP_US) {
		usleep_idle_range(us, us + 1);
		return;
	}
	left = min(left, MAX_JIFFY_OFFSET);
	while (left) {
		set_current_state(TASK_IDLE);
		if (kthread_should_stop() || (idle && damon_anyone_waits(idle)))
			break;
		left = schedule_timeout(left);
	}
	__set_current_state(TASK_RUNNING);
}

static void report_aggregation(struct damon_ctx *ctx)
{
	unsigned int nr_probes = list_count_nodes(&ctx->probes);
	unsigned int target_idx = 0;
	struct damon_target *t;
	struct damon_region *r;

	damon_for_each_target(t, ctx) {
		damon_for_each_region(r, t) {
			trace_damon_aggregated(target_idx, r, t->nr_regions);
			trace_damon_region_aggregated(target_idx, r,
						      t->nr_regions, nr_probes);
		}
		damon_regions_close_window(t);
		target_idx++;
	}
}

/* Whether regions are told apart by attributes of memory, not by accesses. */
static bool only_probes(const struct damon_run *run)
{
	return !list_empty(&run->ctx.probes) && damon_score(&run->ctx).by_probes;
}

static void end_aggregation(struct damon_run *run, unsigned long end)
{
	const struct damon_attrs *attrs = &run->ctx.attrs;

	if (attrs->intervals_goal.aggrs &&
	    time_after_eq(run->passed, run->next_tune))
		damon_tune_intervals(run);
	run->next_aggregation = end + damon_nr_intervals(&run->ctx,
							 attrs->aggr_interval);
	report_aggregation(&run->ctx);
	run->aggregated = false;
	if (!only_probes(run))
		damon_split_by_hints(run);
	damon_split_mixed(run);
	damon_split_regions(run);
	call_hook(&run->ctx, run->ctx.ops.reset_aggregated);
}

static void update_target_regions(struct damon_run *run, unsigned long due)
{
	run->next_update = due + damon_nr_intervals(&run->ctx,
						    run->ctx.attrs.ops_update_interval);
	run->ctx.ops.update(&run->ctx);
}

/* Serve calls only, until told to go on or to end. */
static void kdamond_pause(struct damon_run *run)
{
	while (run->ctx.pause && !kthread_should_stop()) {
		damos_walk_end(run, -ECANCELED);
		kdamond_sleep(run->ctx.attrs.sample_interval, run);
		damon_serve_requests(run);
	}
}

/* While watermarks keep all schemes inactive.  Returns whether to go on. */
static bool kdamond_wait_active(struct damon_run *run)
{
	struct damon_ctx *ctx = &run->ctx;
	unsigned long wait;

	while ((wait = damos_check_wmarks(ctx)) && !kthread_should_stop()) {
		run->prepared = false;
		damos_walk_end(run, -ECANCELED);
		kdamond_sleep(wait, run);
		if (call_back(ctx, ctx->callback.after_wmarks_check))
			return false;
		damon_serve_requests(run);
	}
	return !kthread_should_stop();
}

static void prepare(struct damon_run *run)
{
	if (!run->prepared && !only_probes(run))
		call_hook(&run->ctx, run->ctx.ops.prepare_access_checks);
	run->prepared = false;
}

static bool is_update_due(const struct damon_run *run, unsigned long update)
{
	return run->ctx.ops.update && time_after_eq(run->passed, update);
}

/* Whether this round will change nothing more, and the next one begin at once. */
static bool is_quiet(struct damon_run *run, unsigned long update)
{
	return !run->aggregated && !is_update_due(run, update) &&
	       list_empty(&run->ctx.probes) && !damos_pass_disturbs(run) &&
	       !damon_anyone_interferes(run);
}

static unsigned int check_accesses(struct damon_run *run, unsigned long update)
{
	struct damon_ctx *ctx = &run->ctx;

	if (ctx->ops.check_and_prepare && is_quiet(run, update)) {
		ctx->ops.check_and_prepare(ctx);
		run->prepared = true;
		return 0;
	}
	return ctx->ops.check_accesses ? ctx->ops.check_accesses(ctx) : 0;
}

/* Returns the largest score, if an aggregation is complete. */
static unsigned int check(struct damon_run *run, unsigned long update)
{
	bool only = only_probes(run);
	struct damon_ctx *ctx = &run->ctx;
	unsigned int max = 0, max_wsum = 0;

	if (!only)
		max = check_accesses(run, update);
	if (!list_empty(&ctx->probes) && ctx->ops.apply_probes)
		max_wsum = ctx->ops.apply_probes(ctx, only,
						 only && run->aggregated);
	return only ? max_wsum : max;
}

/* Returns whether there is to be another round. */
static bool kdamond_round(struct damon_run *run)
{
	const unsigned long end = run->next_aggregation;
	const unsigned long update = run->next_update;
	struct damon_ctx *ctx = &run->ctx;
	const unsigned long sample_us = ctx->attrs.sample_interval;
	unsigned int max_score;

	prepare(run);
	if (call_back(ctx, ctx->callback.after_sampling))
		return false;
	kdamond_sleep(sample_us, NULL);
	if (kthread_should_stop())
		return false;
	run->passed++;
	run->aggregated = time_after_eq(run->passed, end);

	max_score = check(run, update);
	if (run->aggregated) {
		damon_merge_regions(run, max_score / 10);
		damon_limit_regions(run);
		if (call_back(ctx, ctx->callback.after_aggregation))
			return false;
	}
	damon_serve_requests(run);
	kdamond_pause(run);
	if (kthread_should_stop())
		return false;
	damos_apply(run);
	if (run->aggregated)
		end_aggregation(run, end);
	if (is_update_due(run, update))
		update_target_regions(run, update);
	cond_resched();
	return true;
}

/* Returns whether there is anything to go on with. */
static bool kdamond_begin(struct damon_run *run)
{
	struct damon_ctx *ctx = &run->ctx;

	run->passed = 0;
	run->aggregated = false;
	run->prepared = false;
	run->aggr_samples = damon_nr_samples_per_aggr(&ctx->attrs);
	run->next_tune = damon_nr_tune_intervals(run);
	damon_schedule(run);

	scoped_guard(spinlock, &run->lock)
		run->kdamond = current;
	complete(&run->started);

	call_hook(ctx, ctx->ops.init);
	if (call_back(ctx, ctx->callback.before_start))
		return false;
	damon_limit_regions(run);
	damon_spread_regions(run);
	return true;
}

static void kdamond_end(struct damon_run *run)
{
	struct damon_ctx *ctx = &run->ctx;
	struct damon_target *t;
	LIST_HEAD(requests);

	damon_for_each_target(t, ctx)
		damon_regions_free(t);
	if (ctx->callback.before_terminate)
		ctx->callback.before_terminate(ctx);
	call_hook(ctx, ctx->ops.cleanup);
	damon_destroy_targets(ctx);
	damon_hints_free(run);

	scoped_guard(mutex, &damon_lock) {
		if (!--nr_running_ctxs)
			running_exclusive = false;
		scoped_guard(spinlock, &run->lock) {
			damon_take_requests(run, &requests);
			run->kdamond = NULL;
		}
	}
	damon_cancel_requests(&requests);
}

static int kdamond_fn(void *data)
{
	struct damon_ctx *ctx = data;
	struct damon_run *run = damon_run(ctx);
	bool go_on = kdamond_begin(run);

	while (go_on && !kthread_should_stop() && any_target_valid(ctx))
		go_on = kdamond_wait_active(run) && kdamond_round(run);
	kdamond_end(run);
	return 0;
}

static int start_one(struct damon_ctx *ctx)
{
	struct damon_run *run = damon_run(ctx);
	struct task_struct *task;

	lockdep_assert_held(&damon_lock);
	if (damon_is_running(ctx))
		return -EBUSY;
	init_completion(&run->started);
	/* The thread's data has to be the context: debuggers look there. */
	task = kthread_run(kdamond_fn, ctx, "kdamond.%d", nr_running_ctxs);
	if (IS_ERR(task))
		return PTR_ERR(task);
	nr_running_ctxs++;
	wait_for_completion(&run->started);
	return 0;
}

static bool any_target_obsolete(const struct damon_ctx *ctx)
{
	const struct damon_target *t;

	damon_for_each_target(t, ctx) {
		if (t->obsolete)
			return true;
	}
	return false;
}

/* What runs is its kdamond's: it may not even be read here. */
static int check_all(struct damon_ctx **ctxs, int nr_ctxs)
{
	int i;

	lockdep_assert_held(&damon_lock);
	for (i = 0; i < nr_ctxs; i++) {
		if (damon_is_running(ctxs[i]))
			return -EBUSY;
		if (damon_check_ctx(ctxs[i]) || any_target_obsolete(ctxs[i]))
			return -EINVAL;
	}
	return 0;
}

static int start_all(struct damon_ctx **ctxs, int nr_ctxs, bool exclusive,
		     int *nr_started)
{
	int err;

	guard(mutex)(&damon_lock);
	*nr_started = 0;
	err = check_all(ctxs, nr_ctxs);
	if (err)
		return err;
	if (nr_running_ctxs && (exclusive || running_exclusive))
		return -EBUSY;
	while (*nr_started < nr_ctxs) {
		err = start_one(ctxs[*nr_started]);
		if (err)
			break;
		running_exclusive = exclusive;
		(*nr_started)++;
	}
	return err;
}

/**
 * damon_start() - Start the kdamonds of some contexts.
 * @ctxs:	the contexts
 * @nr_ctxs:	number of @ctxs
 * @exclusive:	no other context may run at the same time
 *
 * Context: may sleep.
 * Return: 0, after every kdamond has begun; -EINVAL for an invalid context;
 * -EBUSY when one of @ctxs runs already, or exclusiveness is in the way; or why
 * a thread could not be made.  After an error none runs that did not before;
 * those that had been started have lost their targets.
 */
int damon_start(struct damon_ctx **ctxs, int nr_ctxs, bool exclusive)
{
	int err, nr_started;

	err = start_all(ctxs, nr_ctxs, exclusive, &nr_started);
	if (err)
		damon_stop(ctxs, nr_started);
	return err;
}

/* A thread that has ended can be found for a moment more, by who looks for it. */
static void stop_thread(struct task_struct *task)
{
	kthread_stop(task);
	while (pid_alive(task))
		schedule_timeout_idle(1);
	put_task_struct(task);
}

/* Only one may call kthread_stop(): the end of a thread wakes one waiter. */
static void stop_one(struct damon_run *run)
{
	struct task_struct *task;

	guard(mutex)(&run->stop_lock);
	scoped_guard(spinlock, &run->lock)
		task = run->kdamond ? get_task_struct(run->kdamond) : NULL;
	if (task)
		stop_thread(task);
}

/**
 * damon_stop() - End the kdamonds of some contexts.
 * @ctxs:	the contexts; those that do not run are passed over
 * @nr_ctxs:	number of @ctxs
 *
 * Targets end with the kdamond; a context may be started again with new ones.
 *
 * Context: may sleep, not in a kdamond of @ctxs.  All have ended on return, and
 * none that was stopped can be found by its process id any more.
 */
void damon_stop(struct damon_ctx **ctxs, int nr_ctxs)
{
	int i;

	for (i = 0; i < nr_ctxs; i++)
		stop_one(damon_run(ctxs[i]));
}

/**
 * damon_is_running() - Tell whether a context has a kdamond.
 * @ctx:	the context
 */
bool damon_is_running(struct damon_ctx *ctx)
{
	struct damon_run *run = damon_run(ctx);
	bool running;

	scoped_guard(spinlock, &run->lock)
		running = run->kdamond;
	return running;
}

/**
 * damon_kdamond_pid() - Process id of the kdamond of a context.
 * @ctx:	the context
 *
 * Return: the id, or -EINVAL when @ctx does not run.
 */
int damon_kdamond_pid(struct damon_ctx *ctx)
{
	struct damon_run *run = damon_run(ctx);
	int pid;

	scoped_guard(spinlock, &run->lock)
		pid = run->kdamond ? task_pid_nr(run->kdamond) : -EINVAL;
	return pid;
}

/**
 * damon_nr_running_ctxs() - Number of contexts that run, system-wide.
 *
 * Context: may sleep.
 */
int damon_nr_running_ctxs(void)
{
	guard(mutex)(&damon_lock);
	return nr_running_ctxs;
}

/**
 * damon_initialized() - Tell whether contexts can be started yet.
 */
bool damon_initialized(void)
{
	return damon_ready;
}

static int __init damon_init(void)
{
	damon_ready = true;
	return 0;
}
subsys_initcall(damon_init);
