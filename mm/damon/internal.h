/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Run-time halves of the public structures, and what one file of DAMON's core
 * calls of another.  Not for users of DAMON.
 */
#ifndef _MM_DAMON_INTERNAL_H
#define _MM_DAMON_INTERNAL_H

#include <linux/completion.h>
#include <linux/damon.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/prandom.h>
#include <linux/spinlock.h>

struct damon_request;

/**
 * struct damon_adapt - What splitting remembers of a context (adapt.c).
 * @sz_limit:		no merge makes a region larger than this
 * @last_nr_regions:	number of regions at the last split
 * @split_phase:	which of every few regions is the next to split
 */
struct damon_adapt {
	unsigned long sz_limit;
	unsigned long last_nr_regions;
	unsigned long split_phase;
};

/**
 * struct damon_run - A context and what its kdamond tracks.
 * @ctx:		the parameters and targets
 * @lock:		protects @kdamond, @requests and @walk_pending; it is
 *			the last thing an ending kdamond touches here
 * @kdamond:		the thread, while it accepts requests; it sets and
 *			clears this itself
 * @started:		the thread has set @kdamond
 * @stop_lock:		held while somebody waits for the thread to end
 * @requests:		not yet served &struct damon_request, oldest first
 * @walk_pending:	a walk was submitted and has not ended
 * @walk:		the walk the schemes report to; kdamond only
 * @passed:		finished sampling intervals, the clock of the kdamond
 * @next_aggregation:	@passed when the running aggregation is complete
 * @aggregated:		this round completed an aggregation, whose counts have not
 *			been reset yet
 * @next_update:	@passed when &damon_operations.update is due
 * @next_tune:		@passed when the intervals are to be tuned
 * @aggr_samples:	sampling intervals in an aggregation interval; tuning of
 *			the intervals keeps it
 * @adapt:		state of splitting and merging
 * @rnd:		state of damon_rand()
 */
struct damon_run {
	struct damon_ctx ctx;

	spinlock_t lock; /* see above */
	struct task_struct *kdamond;
	struct completion started;
	struct mutex stop_lock; /* see above */
	struct list_head requests;
	bool walk_pending;
	struct damon_request *walk;

	unsigned long passed;
	unsigned long next_aggregation;
	bool aggregated;
	unsigned long next_update;
	unsigned long next_tune;
	unsigned int aggr_samples;
	struct damon_adapt adapt;
	struct rnd_state rnd;
};

static inline struct damon_run *damon_run(struct damon_ctx *ctx)
{
	return container_of(ctx, struct damon_run, ctx);
}

/**
 * struct damon_target_run - A target and the room its regions have.
 * @t:		the target
 * @capacity:	number of elements &damon_target.regions has memory for
 */
struct damon_target_run {
	struct damon_target t;
	unsigned int capacity;
};

static inline struct damon_target_run *damon_target_run(struct damon_target *t)
{
	return container_of(t, struct damon_target_run, t);
}

/**
 * struct damos_run - A scheme and how far it got.
 * @s:		the parameters
 * @next_apply:	&damon_run.passed when it is due
 * @walked:	reported a whole pass to the current walk
 */
struct damos_run {
	struct damos s;
	unsigned long next_apply;
	bool walked;
};

static inline struct damos_run *damos_run(struct damos *s)
{
	return container_of(s, struct damos_run, s);
}

/*
 * Sampling intervals that make up @us.  At least one, so that what is due in
 * every interval keeps up with time; and never so many that a point of time
 * that far ahead would compare as past.
 */
static inline unsigned long damon_nr_intervals(const struct damon_ctx *ctx,
					       unsigned long us)
{
	unsigned long nr = us / (ctx->attrs.sample_interval ?: 1);

	return clamp_t(unsigned long, nr, 1, LONG_MAX);
}

/* core.c */
unsigned int damon_window_left_bp(const struct damon_run *run);
bool damon_target_is_valid(struct damon_ctx *ctx, struct damon_target *t);

/* context.c */
void damon_destroy_targets(struct damon_ctx *ctx);

/* attrs.c */
bool damon_attrs_valid(const struct damon_attrs *attrs);
unsigned long damon_nr_tune_intervals(const struct damon_run *run);
void damon_schedule(struct damon_run *run);
void damon_change_attrs(struct damon_run *run, const struct damon_attrs *attrs);

/* commit.c */
int damon_check_ctx(const struct damon_ctx *ctx);

/* call.c */
void damon_serve_requests(struct damon_run *run);
void damon_take_requests(struct damon_run *run, struct list_head *taken);
void damon_cancel_requests(struct list_head *taken);
void damos_walk_report(struct damon_run *run, struct damon_target *t,
		       struct damon_region *r, struct damos *s,
		       unsigned long sz_filter_passed);
void damos_walk_pass_done(struct damon_run *run, struct damos *s);
void damos_walk_end(struct damon_run *run, int err);

/* adapt.c */
void damon_update_size_limit(struct damon_run *run);
void damon_limit_regions(struct damon_run *run);
void damon_merge_regions(struct damon_run *run, unsigned int threshold);
void damon_split_regions(struct damon_run *run);

/* intervals.c */
void damon_tune_intervals(struct damon_run *run);
#if IS_ENABLED(CONFIG_KUNIT)
unsigned long damon_intervals_factor(unsigned long score);
#endif

/* apply.c */
void damos_schedule(struct damon_run *run, struct damos *s);
void damos_apply(struct damon_run *run);

/* region.c */

/**
 * struct damon_rewrite - A pass over the regions of a target that cuts them.
 * @t:		the target
 * @cur:	the region at hand: what cuts left of it
 * @in:		index of the first unread region
 * @out:	number of regions written
 * @end:	end of the unread regions, which sit at the end of the array
 * @has_cur:	@cur is a region that is not written yet
 *
 * begin; for each region next, then any number of cuts; next returns NULL.
 */
struct damon_rewrite {
	struct damon_target *t;
	struct damon_region cur;
	unsigned int in;
	unsigned int out;
	unsigned int end;
	bool has_cur;
};

void damon_rewrite_begin(struct damon_rewrite *w, struct damon_target *t,
			 size_t nr_wanted);
struct damon_region *damon_rewrite_next(struct damon_rewrite *w);
bool damon_rewrite_cut(struct damon_rewrite *w, unsigned long sz);

/**
 * struct damon_conversion - A change of the intervals.
 * @from_samples:	samples in an aggregation interval, before
 * @to_samples:		and after
 * @from_aggr_us:	aggregation interval before, not 0
 * @to_aggr_us:		and after
 * @restart:		running counts start anew
 */
struct damon_conversion {
	unsigned int from_samples;
	unsigned int to_samples;
	u64 from_aggr_us;
	u64 to_aggr_us;
	bool restart;
};

unsigned long damon_regions_sz(const struct damon_target *t);
void damon_regions_close_window(struct damon_target *t);
void damon_regions_age(struct damon_target *t, unsigned int threshold);
void damon_regions_merge(struct damon_target *t, unsigned int threshold,
			 unsigned long sz_limit);
void damon_regions_convert(struct damon_target *t,
			   const struct damon_conversion *conv);
int damon_regions_reserve(struct damon_target *t, size_t nr_wanted);
int damon_regions_copy(struct damon_target *to, const struct damon_target *from);
void damon_regions_swap(struct damon_target *a, struct damon_target *b);
void damon_regions_free(struct damon_target *t);
unsigned int damon_mvsum(const struct damon_region *r, unsigned int left_bp);

#endif
