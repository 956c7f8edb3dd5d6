// SPDX-License-Identifier: GPL-2.0
/*
 * Many threads that start, stop, call, walk, update and pause a few contexts at
 * random, for as long as damon_stress.seconds says.
 *
 * Every request has to end, soon and with a result it may have.  How soon a call
 * is served is measured in rounds of the kdamond, with nobody in the way: it is
 * at most two, so one that was queued in round n is served in n + 2 or before.
 */

#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "fake.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX	"damon_stress."

static unsigned int seconds = 2;
module_param(seconds, uint, 0400);

#define NR_CTXS		4
#define NR_THREADS	64
#define MAX_ROUNDS	2
#define MAX_WAIT	(5 * HZ)
#define NR_CALLS	200

/**
 * struct victim - A context all threads work on.
 * @start:	for who prepares and starts it; the others need nothing
 * @ctx:	the context
 */
struct victim {
	struct mutex start; /* preparing and starting */
	struct damon_ctx *ctx;
};

/**
 * struct worker - A thread, and what it saw.
 * @victims:	the contexts
 * @rnd:	its random numbers
 * @nr_done:	actions it finished
 * @nr_served:	calls that were served in the run they were asked for in
 * @nr_late:	those of them that came in too late a round
 * @longest:	jiffies the longest of them took
 * @bad:	a result that no action may have, 0 if there was none
 * @task:	the thread
 */
struct worker {
	struct victim *victims;
	struct rnd_state rnd;
	unsigned long nr_done;
	unsigned long nr_served;
	unsigned long nr_late;
	unsigned long longest;
	int bad;
	struct task_struct *task;
};

/* What a call does, in the kdamond, and what it needs. */
struct job {
	struct damon_ctx *ctx;
	struct damon_ctx *src;
	struct damon_attrs attrs;
	unsigned long served;
	int by;
};

static int note_time(void *data)
{
	struct job *job = data;

	job->served = damon_run(job->ctx)->passed;
	job->by = task_pid_nr(current);
	return 0;
}

static int toggle_pause(void *data)
{
	struct job *job = data;

	job->ctx->pause = !job->ctx->pause;
	return 0;
}

static int set_attrs(void *data)
{
	struct job *job = data;

	return damon_set_attrs(job->ctx, &job->attrs);
}

static int commit(void *data)
{
	struct job *job = data;

	return damon_commit_ctx(job->ctx, job->src);
}

static int call(struct damon_ctx *ctx, int (*fn)(void *), struct job *job)
{
	struct damon_call_control control = { .fn = fn, .data = job };
	int err;

	job->ctx = ctx;
	err = damon_call(ctx, &control);
	return err ?: control.return_code;
}

static struct damon_attrs random_attrs(struct worker *w)
{
	u32 rnd = prandom_u32_state(&w->rnd);
	unsigned long sample_us = 500 + rnd % 2000;

	return (struct damon_attrs) {
		.sample_interval = sample_us,
		.aggr_interval = sample_us * (1 + rnd % 7),
		.ops_update_interval = 10 * sample_us,
		.min_nr_regions = 3 + rnd % 20,
		.max_nr_regions = 30 + rnd % 50,
	};
}

static int add_target(struct damon_ctx *ctx)
{
	const struct damon_addr_range ranges[] = { { 0, 5000 }, { 7000, 9000 } };
	struct damon_target *t = damon_new_target();

	if (!t)
		return -ENOMEM;
	damon_add_target(ctx, t);
	return damon_set_regions(t, ranges, ARRAY_SIZE(ranges), 1);
}

static int add_scheme(struct damon_ctx *ctx)
{
	const struct damos_access_pattern any = {
		0, ULONG_MAX, 0, UINT_MAX, 0, UINT_MAX
	};
	struct damos *s = new_scheme(&any, 0);

	if (!s)
		return -ENOMEM;
	damon_add_scheme(ctx, s);
	return 0;
}

static struct damon_ctx *random_ctx(struct worker *w)
{
	struct damon_ctx *ctx = damon_new_ctx();
	u32 rnd = prandom_u32_state(&w->rnd);
	int i, err = 0;

	if (!ctx)
		return NULL;
	ctx->attrs = random_attrs(w);
	ctx->ops = fake_ops;
	ctx->min_region_sz = 1;
	for (i = 0; !err && i < 1 + rnd % 3; i++)
		err = add_target(ctx);
	for (i = 0; !err && i < rnd / 3 % 3; i++)
		err = add_scheme(ctx);
	if (!err)
		return ctx;
	damon_destroy_ctx(ctx);
	return NULL;
}

/* The clock of a run is comparable only in the run, and stands still in a pause. */
static int do_call(struct worker *w, struct victim *v)
{
	int pid = damon_kdamond_pid(v->ctx);
	unsigned long queued = READ_ONCE(damon_run(v->ctx)->passed);
	struct job job = {};
	int err = call(v->ctx, note_time, &job);

	if (!err && job.by == pid) {
		w->nr_served++;
		w->nr_late += time_after(job.served, queued + MAX_ROUNDS);
	}
	return err;
}

static int note_nothing(void *data)
{
	return 0;
}

static int do_repeated_call(struct worker *w, struct victim *v)
{
	struct damon_call_control *control;
	int err;

	if (prandom_u32_state(&w->rnd) % 16)
		return 0;
	control = kzalloc(sizeof(*control), GFP_KERNEL);
	if (!control)
		return -ENOMEM;
	*control = (struct damon_call_control) {
		.fn = note_nothing, .repeat = true, .dealloc_on_cancel = true,
	};
	err = damon_call(v->ctx, control);
	if (err)
		kfree(control);
	return err;
}

static void see_nothing(void *data, struct damon_ctx *ctx, struct damon_target *t,
			struct damon_region *r, struct damos *s,
			unsigned long sz_filter_passed)
{
}

static int do_walk(struct worker *w, struct victim *v)
{
	struct damos_walk_control control = { .walk_fn = see_nothing };

	return damos_walk(v->ctx, &control);
}

static int do_set_attrs(struct worker *w, struct victim *v)
{
	struct job job = { .attrs = random_attrs(w) };

	return call(v->ctx, set_attrs, &job);
}

static int do_pause(struct worker *w, struct victim *v)
{
	struct job job = {};

	return call(v->ctx, toggle_pause, &job);
}

static int do_commit(struct worker *w, struct victim *v)
{
	struct job job = { .src = random_ctx(w) };
	int err;

	if (!job.src)
		return -ENOMEM;
	err = call(v->ctx, commit, &job);
	damon_destroy_ctx(job.src);
	return err;
}

/* What runs has to be refused without a look at its targets. */
static int do_start(struct worker *w, struct victim *v)
{
	int err = 0;

	guard(mutex)(&v->start);
	if (!damon_is_running(v->ctx))
		err = add_target(v->ctx);
	return err ?: damon_start(&v->ctx, 1, false);
}

static int do_stop(struct worker *w, struct victim *v)
{
	if (prandom_u32_state(&w->rnd) % 32)
		return 0;
	damon_stop(&v->ctx, 1);
	return 0;
}

static int (*const actions[])(struct worker *w, struct victim *v) = {
	do_call, do_call, do_repeated_call, do_walk, do_set_attrs, do_pause,
	do_commit, do_start, do_stop,
};

static bool allowed(int err)
{
	return !err || err == -ECANCELED || err == -EBUSY;
}

static int work(void *data)
{
	struct worker *w = data;

	while (!kthread_should_stop() && !w->bad) {
		u32 rnd = prandom_u32_state(&w->rnd);
		struct victim *v = &w->victims[rnd % NR_CTXS];
		unsigned long start = jiffies;
		int err = actions[rnd / NR_CTXS % ARRAY_SIZE(actions)](w, v);

		if (!allowed(err))
			w->bad = err;
		w->longest = max(w->longest, jiffies - start);
		w->nr_done++;
	}
	return 0;
}

static void start_workers(struct kunit *test, struct worker *workers,
			  struct victim *victims)
{
	struct worker *w;

	for (w = workers; w < workers + NR_THREADS; w++) {
		w->victims = victims;
		prandom_seed_state(&w->rnd, w - workers + 1);
		w->task = kthread_run(work, w, "damon-stress");
		KUNIT_EXPECT_NOT_ERR_OR_NULL(test, w->task);
	}
}

/* A thread may lose the CPU between its look at the clock and its call. */
static void expect_prompt(struct kunit *test, unsigned long nr_served,
			  unsigned long nr_late)
{
	kunit_info(test, "%lu calls, %lu of them late\n", nr_served, nr_late);
	KUNIT_EXPECT_GT(test, nr_served, 0);
	KUNIT_EXPECT_LE(test, nr_late, nr_served / 50);
}

static void stop_workers(struct kunit *test, struct worker *workers)
{
	unsigned long nr_done = 0, nr_served = 0, nr_late = 0, longest = 0;
	struct worker *w;

	for (w = workers; w < workers + NR_THREADS; w++) {
		if (IS_ERR(w->task))
			continue;
		kthread_stop(w->task);
		KUNIT_EXPECT_EQ(test, w->bad, 0);
		longest = max(longest, w->longest);
		nr_done += w->nr_done;
		nr_served += w->nr_served;
		nr_late += w->nr_late;
	}
	kunit_info(test, "%lu actions, the longest took %u ms\n", nr_done,
		   jiffies_to_msecs(longest));
	KUNIT_EXPECT_GE(test, nr_done, NR_THREADS);
	KUNIT_EXPECT_LT(test, longest, MAX_WAIT);
	expect_prompt(test, nr_served, nr_late);
}

static void test_stress(struct kunit *test)
{
	struct victim victims[NR_CTXS] = {};
	struct worker *workers;
	int i, nr_running = damon_nr_running_ctxs();

	workers = kunit_kcalloc(test, NR_THREADS, sizeof(*workers), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, workers);
	for (i = 0; i < NR_CTXS; i++) {
		mutex_init(&victims[i].start);
		victims[i].ctx = fake_ctx(test);
	}
	start_workers(test, workers, victims);
	ssleep(seconds);
	stop_workers(test, workers);
	for (i = 0; i < NR_CTXS; i++)
		damon_stop(&victims[i].ctx, 1);
	KUNIT_EXPECT_EQ(test, damon_nr_running_ctxs(), nr_running);
}

static void test_calls_are_prompt(struct kunit *test)
{
	struct damon_ctx *ctx = fake_ctx(test);
	int i, nr_late = 0;

	start(test, ctx);
	for (i = 0; i < NR_CALLS; i++) {
		unsigned long queued = READ_ONCE(damon_run(ctx)->passed);
		struct job job = {};

		KUNIT_ASSERT_EQ(test, call(ctx, note_time, &job), 0);
		nr_late += time_after(job.served, queued + MAX_ROUNDS);
	}
	expect_prompt(test, NR_CALLS, nr_late);
}

static struct kunit_case stress_cases[] = {
	KUNIT_CASE(test_calls_are_prompt),
	KUNIT_CASE_SLOW(test_stress),
	{}
};

static struct kunit_suite stress_suite = {
	.name = "damon-stress",
	.init = fake_forget,
	.test_cases = stress_cases,
};

kunit_test_suite(stress_suite);
