// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of other threads to a kdamond.
 *
 * There is one queue for calls and walks.  It accepts requests exactly while
 * damon_run.kdamond is set.  The kdamond takes the whole queue once a round,
 * in order: it makes the calls, and lets the walk, of which there is at most
 * one, see the following passes of the schemes.  One that waits for watermarks,
 * or is paused, is woken.
 *
 *	queued -> served	call: the function returned
 *				walk: every scheme finished a pass
 *	queued -> cancelled	the kdamond ends, or, for a walk, there is
 *				nothing that could be walked
 *
 * A kdamond that ends clears damon_run.kdamond and takes the queue in one
 * critical section, and cancels what it took after its last access to the
 * context.  So a request is served, cancelled or refused, never lost, and its
 * submitter may destroy or restart the context as soon as it hears -ECANCELED.
 *
 * A request lives on the stack of the thread that waits for it.  Only repeated
 * calls, for which nobody waits, are allocated.
 */

#include <linux/slab.h>

#include "internal.h"

/**
 * struct damon_request - A call or a walk on its way.
 * @list:	link in &damon_run.requests, or in a list of the kdamond
 * @call:	what to call, NULL for a walk.  One that repeats is its owner's
 *		again as soon as the kdamond has stopped accepting requests
 * @repeat:	@call repeats
 * @dealloc:	what to free with the request, or NULL
 * @walk:	what to report to, NULL for a call
 * @err:	result, valid once @done
 * @done:	the submitter may go on
 */
struct damon_request {
	struct list_head list;
	struct damon_call_control *call;
	bool repeat;
	struct damon_call_control *dealloc;
	struct damos_walk_control *walk;
	int err;
	struct completion done;
};

static int submit(struct damon_run *run, struct damon_request *req)
{
	int err = 0;

	spin_lock(&run->lock);
	if (!run->kdamond)
		err = -ECANCELED;
	else if (WARN_ON_ONCE(!req->repeat && run->kdamond == current))
		err = -EDEADLK;
	else if (req->walk && run->walk_pending)
		err = -EBUSY;
	else
		list_add_tail(&req->list, &run->requests);
	if (!err && req->walk)
		run->walk_pending = true;
	if (!err && !req->repeat)
		wake_up_process(run->kdamond);
	spin_unlock(&run->lock);
	return err;
}

static int submit_and_wait(struct damon_run *run, struct damon_request *req)
{
	int err;

	init_completion(&req->done);
	err = submit(run, req);
	if (err)
		return err;
	wait_for_completion_state(&req->done, TASK_IDLE);
	return req->err;
}

/* The request is gone then. */
static void finish(struct damon_request *req, int err)
{
	if (!req->repeat) {
		req->err = err;
		complete(&req->done);
		return;
	}
	kfree(req->dealloc);
	kfree(req);
}

static int submit_repeated(struct damon_run *run,
			   struct damon_call_control *control)
{
	struct damon_request *req = kzalloc(sizeof(*req), GFP_KERNEL);
	int err;

	if (!req)
		return -ENOMEM;
	req->call = control;
	req->repeat = true;
	req->dealloc = control->dealloc_on_cancel ? control : NULL;
	err = submit(run, req);
	if (err)
		kfree(req);
	return err;
}

/**
 * damon_call() - Have the kdamond of a context call a function.
 * @ctx:	a context that was started
 * @control:	the function, and how to call it
 *
 * The kdamond may change @ctx as it likes in there.  It makes calls once a
 * sampling interval, in the order they were asked for.
 *
 * Context: may sleep.  Not in the kdamond of @ctx, unless @control repeats.
 * Return: 0 when the function was called, or, if it repeats, will be;
 * -ECANCELED when the kdamond has ended, and @ctx may be started anew or
 * destroyed; -ENOMEM.  After an error the caller still owns @control.
 */
int damon_call(struct damon_ctx *ctx, struct damon_call_control *control)
{
	struct damon_request req = { .call = control };

	if (control->repeat)
		return submit_repeated(damon_run(ctx), control);
	return submit_and_wait(damon_run(ctx), &req);
}

/**
 * damos_walk() - Visit the regions schemes are applied to.
 * @ctx:	a context that was started
 * @control:	the visitor
 *
 * The visitor sees one whole pass of every scheme, in the kdamond.
 *
 * Context: may sleep, not in the kdamond of @ctx.
 * Return: 0 when every scheme has made its pass; -EBUSY when another walk is
 * on its way; -ECANCELED when the kdamond ends or is paused, when there is no
 * scheme, or watermarks keep all of them inactive.
 */
int damos_walk(struct damon_ctx *ctx, struct damos_walk_control *control)
{
	struct damon_request req = { .walk = control };

	return submit_and_wait(damon_run(ctx), &req);
}

static void admit_walk(struct damon_run *run, struct damon_request *req)
{
	struct damos *s;

	run->walk = req;
	damon_for_each_scheme(s, &run->ctx)
		damos_run(s)->walked = false;
}

/* Returns whether @req has to be queued again. */
static bool serve(struct damon_run *run, struct damon_request *req)
{
	int ret;

	if (req->walk) {
		admit_walk(run, req);
		return false;
	}
	run->prepared &= req->call->only_looks;
	ret = req->call->fn(req->call->data);
	if (req->repeat)
		return true;
	req->call->return_code = ret;
	finish(req, 0);
	return false;
}

static bool interferes(const struct damon_request *req)
{
	return !req->call || !req->call->only_looks;
}

static bool waits(const struct damon_request *req)
{
	return !req->repeat;
}

/* Most of the time there is no request, which needs no lock to see. */
static __always_inline bool any_request(struct damon_run *run,
					bool (*is)(const struct damon_request *))
{
	struct damon_request *req;
	bool any = false;

	if (list_empty_careful(&run->requests))
		return false;
	scoped_guard(spinlock, &run->lock) {
		list_for_each_entry(req, &run->requests, list)
			any |= is(req);
	}
	return any;
}

/* Whether a request is to be served that may change what has been prepared. */
bool damon_anyone_interferes(struct damon_run *run)
{
	return any_request(run, interferes);
}

/* Whether a thread sleeps until its request is served. */
bool damon_anyone_waits(struct damon_run *run)
{
	return any_request(run, waits);
}

/* Serve what was asked for up to now.  Repeated calls queue up again. */
void damon_serve_requests(struct damon_run *run)
{
	struct damon_request *req, *next;
	LIST_HEAD(batch);
	LIST_HEAD(again);

	scoped_guard(spinlock, &run->lock)
		list_splice_init(&run->requests, &batch);
	list_for_each_entry_safe(req, next, &batch, list) {
		list_del(&req->list);
		if (serve(run, req))
			list_add_tail(&req->list, &again);
	}
	scoped_guard(spinlock, &run->lock)
		list_splice_tail(&again, &run->requests);
}

/*
 * Take over all requests, the admitted walk included; for a kdamond that stops
 * accepting them.
 */
void damon_take_requests(struct damon_run *run, struct list_head *taken)
{
	lockdep_assert_held(&run->lock);
	list_splice_init(&run->requests, taken);
	if (run->walk)
		list_add_tail(&run->walk->list, taken);
	run->walk = NULL;
	run->walk_pending = false;
}

void damon_cancel_requests(struct list_head *taken)
{
	struct damon_request *req, *next;

	list_for_each_entry_safe(req, next, taken, list)
		finish(req, -ECANCELED);
}

/* Tell the walk, if there is one, that @s was just applied to @r. */
void damos_walk_report(struct damon_run *run, struct damon_target *t,
		       struct damon_region *r, struct damos *s,
		       unsigned long sz_filter_passed)
{
	struct damos_walk_control *walk;

	if (!run->walk || damos_run(s)->walked)
		return;
	walk = run->walk->walk;
	walk->walk_fn(walk->data, &run->ctx, t, r, s, sz_filter_passed);
}

/* @s finished a pass; if it was the last one the walk waited for, end it. */
void damos_walk_pass_done(struct damon_run *run, struct damos *s)
{
	damos_run(s)->walked = true;
	damon_for_each_scheme(s, &run->ctx) {
		if (!damos_run(s)->walked)
			return;
	}
	damos_walk_end(run, 0);
}

/* End the walk, if there is one, with @err. */
void damos_walk_end(struct damon_run *run, int err)
{
	struct damon_request *req = run->walk;

	if (!req)
		return;
	run->walk = NULL;
	scoped_guard(spinlock, &run->lock)
		run->walk_pending = false;
	finish(req, err);
}
