// SPDX-License-Identifier: GPL-2.0
/*
 * What is written to the state file of a kdamond, and refresh_ms.
 *
 * The directory of the kdamond is locked while a command is carried out, so
 * what a command works on stays; this keeps out nobody who reads, and no other
 * kdamond.  While a command waits for its kdamond, functions the kdamond calls for
 * it work on the directories in its stead.  A refresh has nobody who waits: it
 * tries the lock, and leaves the round out if that is held; but it does not last,
 * so others wait for it.  "off" does without the lock, so it also ends a kdamond
 * that keeps another command waiting.
 *
 * A scheme of a context has the number of the directory it was made from, which
 * may have gone since.
 *
 * To add a command: its row in commands[].
 */

#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>

#include "sysfs.h"

/**
 * damon_sysfs_is_running() - Tell whether what was last started runs.
 * @k:		a kdamond, locked
 */
bool damon_sysfs_is_running(const struct damon_sysfs_kdamond *k)
{
	return k->ctx && damon_is_running(k->ctx);
}

static struct damon_sysfs_ctx *staged_ctx(const struct damon_sysfs_kdamond *k)
{
	return sdir_elem(&k->contexts, 0);
}

/* In the kdamond */

static void copy_stat(struct damos *staged, const struct damos *s)
{
	staged->stat = s->stat;
}

static void copy_effective_quota(struct damos *staged, const struct damos *s)
{
	WRITE_ONCE(staged->quota.esz, s->quota.esz);
}

/* For each scheme that has a directory. */
static int copy_results(const struct damon_sysfs_kdamond *k,
			void (*copy)(struct damos *staged, const struct damos *s))
{
	struct damon_sysfs_scheme *staged;
	unsigned int i = 0;
	struct damos *s;

	damon_for_each_scheme(s, k->ctx) {
		staged = sdir_elem(&staged_ctx(k)->schemes, i++);
		if (!staged)
			break;
		copy(&staged->s, s);
	}
	return 0;
}

static int copy_stats(void *data)
{
	return copy_results(data, copy_stat);
}

static int copy_effective_quotas(void *data)
{
	return copy_results(data, copy_effective_quota);
}

static int copy_intervals(void *data)
{
	const struct damon_sysfs_kdamond *k = data;
	struct damon_attrs *staged = &staged_ctx(k)->attrs;

	WRITE_ONCE(staged->sample_interval, k->ctx->attrs.sample_interval);
	WRITE_ONCE(staged->aggr_interval, k->ctx->attrs.aggr_interval);
	return 0;
}

static int commit_goals(void *data)
{
	const struct damon_sysfs_kdamond *k = data;

	return damon_sysfs_commit_goals(k->ctx, &staged_ctx(k)->schemes);
}

/* Once a round.  The directory of a kdamond stays while it runs. */
static int refresh(void *data)
{
	struct damon_sysfs_kdamond *k = data;
	unsigned int ms = READ_ONCE(k->refresh_ms);
	u64 now = get_jiffies_64();

	if (!ms || time_before64(now, k->next_refresh))
		return 0;
	k->next_refresh = now + msecs_to_jiffies(ms);
	if (!sdir_trylock_briefly(k->contexts.dir))
		return 0;
	if (k->contexts.nr) {
		copy_intervals(k);
		copy_stats(k);
		copy_effective_quotas(k);
	}
	sdir_unlock_briefly(k->contexts.dir);
	return 0;
}

/* Commands */

/* -ECANCELED is no failure: the kdamond had nothing to do and has ended. */
static int begin_refresh(struct damon_sysfs_kdamond *k, struct damon_ctx *ctx)
{
	int err;

	k->next_refresh = get_jiffies_64() +
			  msecs_to_jiffies(READ_ONCE(k->refresh_ms));
	k->refresh = (struct damon_call_control) {
		.fn = refresh, .data = k, .repeat = true, .only_looks = true,
	};
	err = damon_call(ctx, &k->refresh);
	return err == -ECANCELED ? 0 : err;
}

/* Returns what was there before. */
static struct damon_ctx *exchange_ctx(struct damon_sysfs_kdamond *k,
				      struct damon_ctx *ctx)
{
	guard(mutex)(&k->ctx_mutex);
	scoped_guard(spinlock, &k->ctx_lock)
		swap(k->ctx, ctx);
	return ctx;
}

/* The context of an earlier run is kept unless the new one runs. */
static int turn_on(struct damon_sysfs_kdamond *k)
{
	struct damon_ctx *ctx, *old;
	int err;

	if (damon_sysfs_is_running(k))
		return -EBUSY;
	ctx = damon_sysfs_build_ctx(staged_ctx(k), task_active_pid_ns(current));
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	old = exchange_ctx(k, ctx);
	err = damon_start(&ctx, 1, false) ?: begin_refresh(k, ctx);
	if (err) {
		damon_stop(&ctx, 1);
		old = exchange_ctx(k, old);
	}
	if (old)
		damon_destroy_ctx(old);
	return err;
}

/* Needs no lock that a command may hold. */
static int turn_off(struct damon_sysfs_kdamond *k)
{
	guard(mutex)(&k->ctx_mutex);
	if (!k->ctx)
		return -EINVAL;
	damon_stop(&k->ctx, 1);
	return 0;
}

/* Also keeps what an ended run has left from being cleared. */
static int check_running(const struct damon_sysfs_kdamond *k)
{
	if (!k->ctx)
		return -EINVAL;
	return damon_is_running(k->ctx) ? 0 : -ECANCELED;
}

static int call(struct damon_sysfs_kdamond *k, int (*fn)(void *data), void *data)
{
	struct damon_call_control control = { .fn = fn, .data = data };

	return damon_call(k->ctx, &control) ?: control.return_code;
}

/**
 * struct commit - A commit on its way to the kdamond.
 * @ctx:	what runs
 * @params:	what is to
 */
struct commit {
	struct damon_ctx *ctx;
	struct damon_ctx *params;
};

static int commit_ctx(void *data)
{
	const struct commit *c = data;

	return damon_commit_ctx(c->ctx, c->params);
}

static int commit(struct damon_sysfs_kdamond *k)
{
	struct commit c = { .ctx = k->ctx };
	int err = check_running(k);

	if (err)
		return err;
	c.params = damon_sysfs_build_ctx(staged_ctx(k), &init_pid_ns);
	if (IS_ERR(c.params))
		return PTR_ERR(c.params);
	err = call(k, commit_ctx, &c);
	damon_destroy_ctx(c.params);
	return err;
}

static int update_tried(struct damon_sysfs_kdamond *k, bool regions)
{
	return check_running(k) ?:
	       damon_sysfs_update_tried(k->ctx, &staged_ctx(k)->schemes, regions);
}

static int update_tried_regions(struct damon_sysfs_kdamond *k)
{
	return update_tried(k, true);
}

static int update_tried_bytes(struct damon_sysfs_kdamond *k)
{
	return update_tried(k, false);
}

static int clear_tried_regions(struct damon_sysfs_kdamond *k)
{
	damon_sysfs_clear_tried(&staged_ctx(k)->schemes);
	return 0;
}

/**
 * struct command - What can be written to a state file, besides "off".
 * @name:	keyword
 * @run:	carry it out, with the directory locked
 * @fn:		or have the kdamond call this, with the kdamond directory
 */
struct command {
	const char *name;
	int (*run)(struct damon_sysfs_kdamond *k);
	int (*fn)(void *data);
};

static const struct command commands[] = {
	{ "on", turn_on },
	{ "commit", commit },
	{ "commit_schemes_quota_goals", .fn = commit_goals },
	{ "update_schemes_stats", .fn = copy_stats },
	{ "update_schemes_tried_bytes", update_tried_bytes },
	{ "update_schemes_tried_regions", update_tried_regions },
	{ "clear_schemes_tried_regions", clear_tried_regions },
	{ "update_schemes_effective_quotas", .fn = copy_effective_quotas },
	{ "update_tuned_intervals", .fn = copy_intervals },
};

static int carry_out(struct damon_sysfs_kdamond *k, const struct command *c)
{
	if (!k->contexts.nr)
		return -EINVAL;
	if (c->run)
		return c->run(k);
	return check_running(k) ?: call(k, c->fn, k);
}

static int command(struct damon_sysfs_kdamond *k, const char *buf)
{
	const struct command *c;

	for (c = commands; c < commands + ARRAY_SIZE(commands); c++) {
		if (sysfs_streq(buf, c->name))
			return carry_out(k, c);
	}
	return -EINVAL;
}

static int state_store(void *payload, const char *buf)
{
	struct damon_sysfs_kdamond *k = payload;
	int err;

	if (sysfs_streq(buf, "off"))
		return turn_off(k);
	if (!sdir_trylock(k->contexts.dir))
		return -EBUSY;
	err = command(k, buf);
	sdir_unlock(k->contexts.dir);
	return err;
}

/* -1 if there is none. */
static int pid_of(struct damon_sysfs_kdamond *k)
{
	int pid = -1;

	scoped_guard(spinlock, &k->ctx_lock) {
		if (k->ctx)
			pid = damon_kdamond_pid(k->ctx);
	}
	return max(pid, -1);
}

static ssize_t state_show(void *payload, char *buf)
{
	return sysfs_emit(buf, "%s\n", pid_of(payload) > 0 ? "on" : "off");
}

const struct sdir_fn damon_sysfs_state = {
	.show = state_show,
	.store = state_store,
};

static ssize_t pid_show(void *payload, char *buf)
{
	return sysfs_emit(buf, "%d\n", pid_of(payload));
}

const struct sdir_fn damon_sysfs_pid = {
	.show = pid_show,
};
