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
#include <linux/math64.h>
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
 * @prepared:		the samples of the next round have been prepared, and
 *			nobody has touched the regions since
 * @next_update:	@passed when &damon_operations.update is due
 * @next_tune:		@passed when the intervals are to be tuned
 * @aggr_samples:	sampling intervals in an aggregation interval; tuning of
 *			the intervals keeps it
 * @adapt:		state of splitting and merging
 * @hints:		room for hints, or NULL
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
	bool prepared;
	unsigned long next_update;
	unsigned long next_tune;
	unsigned int aggr_samples;
	struct damon_adapt adapt;
	struct damon_hints *hints;
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
 * @least_cut:	size of the smallest region that is worth a cut
 * @hints_from:	address from which on the operations set is to look for hints
 * @ops_data:	what the operations set keeps for the target, or NULL
 */
struct damon_target_run {
	struct damon_target t;
	unsigned int capacity;
	unsigned long least_cut;
	unsigned long hints_from;
	void *ops_data;
};

static inline struct damon_target_run *damon_target_run(struct damon_target *t)
{
	return container_of(t, struct damon_target_run, t);
}

/**
 * struct damos_quota_run - How much of its quota a scheme has used.
 * @in_window:		there is a window
 * @window_start:	when it started, jiffies of 64 bits
 * @charged_sz:		charged in the window, core address units
 * @total_charged_sz:	charged in all windows before it
 * @total_charged_ns:	time all that has been charged for took
 * @esz_bp:		size the goals come to, in 1/10000 of the core address unit
 * @min_score:		least priority of regions to handle
 * @resume_target:	where the quota was last used up, NULL if the next pass
 *			starts from the first region
 * @resume_addr:	end of what was handled there
 */
struct damos_quota_run {
	bool in_window;
	u64 window_start;
	unsigned long charged_sz;
	u64 total_charged_sz;
	u64 total_charged_ns;
	unsigned long esz_bp;
	unsigned int min_score;
	const struct damon_target *resume_target;
	unsigned long resume_addr;
};

/**
 * struct damos_run - A scheme and how far it got.
 * @s:			the parameters
 * @next_apply:		&damon_run.passed when it is due
 * @active:		watermarks let it be applied
 * @quota:		use of the quota
 * @walked:		reported a whole pass to the current walk
 * @idx:		its number in the context, during a pass
 * @plain:		is given whatever its pattern is for, in this pass
 * @next_due:		the next scheme that is applied in this pass
 * @core_allowed:	core filters explicitly let the region pass it is being
 *			applied to
 * @last_applied:	for operations sets: the folio last looked at in this
 *			pass; not referenced
 */
struct damos_run {
	struct damos s;
	unsigned long next_apply;
	bool active;
	struct damos_quota_run quota;
	bool walked;
	unsigned int idx;
	bool plain;
	struct damos_run *next_due;
	bool core_allowed;
	const struct folio *last_applied;
};

static inline struct damos_run *damos_run(struct damos *s)
{
	return container_of(s, struct damos_run, s);
}

static inline const struct damos_run *damos_run_const(const struct damos *s)
{
	return container_of_const(s, struct damos_run, s);
}

/**
 * struct damos_goal_run - A goal and its last measurement.
 * @g:			the parameters
 * @last_psi_us:	memory stall of the system then, or DAMOS_PSI_UNMEASURED
 */
struct damos_goal_run {
	struct damos_quota_goal g;
	u64 last_psi_us;
};

#define DAMOS_PSI_UNMEASURED	U64_MAX

static inline struct damos_goal_run *damos_goal_run(struct damos_quota_goal *g)
{
	return container_of(g, struct damos_goal_run, g);
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

/* When an interval of @us ends that was to end at @next, if it began by now. */
static inline unsigned long damon_sooner(const struct damon_run *run,
					 unsigned long next, unsigned long us)
{
	long left = clamp_t(long, next - run->passed, 0,
			    damon_nr_intervals(&run->ctx, us));

	return run->passed + left;
}

/* core.c */
unsigned int damon_window_left_bp(const struct damon_run *run);
bool damon_target_is_valid(struct damon_ctx *ctx, struct damon_target *t);

/* context.c */
void damon_destroy_targets(struct damon_ctx *ctx);

/* attrs.c */
bool damon_attrs_valid(const struct damon_attrs *attrs);
bool damon_attrs_equal(const struct damon_attrs *a, const struct damon_attrs *b);
unsigned long damon_nr_tune_intervals(const struct damon_run *run);
void damon_schedule(struct damon_run *run);
void damon_take_tuned(struct damon_run *run, const struct damon_attrs *attrs);
void damon_commit_attrs(struct damon_run *run, const struct damon_attrs *attrs);

/* probe.c */

/**
 * struct damon_score - What regions are compared by.
 * @by_probes:	hits of probes, rather than accesses
 * @weights:	of the hits of each probe
 * @max:	largest score a region can have
 */
struct damon_score {
	bool by_probes;
	unsigned int weights[DAMON_MAX_PROBES];
	unsigned int max;
};

struct folio;

bool damon_probes_valid(const struct damon_ctx *ctx,
			const struct damon_attrs *attrs);
int damon_probes_copy(const struct damon_ctx *ctx, struct list_head *probes);
void damon_probes_free(struct list_head *probes);
struct damon_score damon_score(const struct damon_ctx *ctx);
void damon_count_probe_hits(const struct damon_ctx *ctx, struct damon_region *r,
			    struct folio *folio);

/* commit.c */
int damon_check_ctx(const struct damon_ctx *ctx);

/* call.c */
bool damon_anyone_interferes(struct damon_run *run);
bool damon_anyone_waits(struct damon_run *run);
void damon_serve_requests(struct damon_run *run);
void damon_take_requests(struct damon_run *run, struct list_head *taken);
void damon_cancel_requests(struct list_head *taken);
void damos_walk_report(struct damon_run *run, struct damon_target *t,
		       struct damon_region *r, struct damos *s,
		       unsigned long sz_filter_passed);
void damos_walk_pass_done(struct damon_run *run, struct damos *s);
void damos_walk_end(struct damon_run *run, int err);

/* system-ram.c */
#if IS_ENABLED(CONFIG_KUNIT)
struct damon_addr_range damon_ram_range(u64 start, u64 end, unsigned long unit,
					unsigned long min_sz);
#endif

/* adapt.c */
unsigned long damon_total_regions(const struct damon_ctx *ctx);
void damon_update_size_limit(struct damon_run *run);
void damon_limit_regions(struct damon_run *run);
void damon_spread_regions(struct damon_run *run);
void damon_merge_regions(struct damon_run *run, unsigned int threshold);
void damon_split_mixed(struct damon_run *run);
void damon_split_regions(struct damon_run *run);

/* hints.c */

/**
 * struct damon_border - Where touched and untouched memory meet.
 * @addr:	there
 * @touched:	the touched range on one side of it
 */
struct damon_border {
	unsigned long addr;
	struct damon_addr_range touched;
};

/**
 * struct damon_hints - What an operations set says about a target.
 * @from:	address to look from on; the hook makes it where it stopped, 0 if
 *		it came to the end
 * @budget:	checks left, see damon_hints_spend()
 * @last:	the range reported last
 * @last_touched: whether it was touched
 * @nr:		number of @borders noted
 * @max:	how many there may be
 * @borders:	what the reports come to
 */
struct damon_hints {
	unsigned long from;
	unsigned long budget;
	struct damon_addr_range last;
	bool last_touched;
	unsigned int nr;
	unsigned int max;
	struct damon_border borders[];
};

bool damon_hint(struct damon_hints *h, unsigned long start, unsigned long end,
		bool touched);
bool damon_hints_spend(struct damon_hints *h, unsigned long checks);
void damon_hints_filter(struct damon_hints *h, const struct damon_target *t);
void damon_split_by_hints(struct damon_run *run);
void damon_hints_free(struct damon_run *run);

/* intervals.c */
void damon_tune_intervals(struct damon_run *run);
#if IS_ENABLED(CONFIG_KUNIT)
unsigned long damon_intervals_factor(unsigned long score);
#endif

/* apply.c */
void damos_schedule(struct damon_run *run, struct damos *s);
void damos_hasten(struct damon_run *run, struct damos *s);
bool damos_pass_disturbs(struct damon_run *run);
bool damos_pattern_matches(const struct damos_access_pattern *p,
			   const struct damon_region *r, unsigned int left_bp);
void damos_apply(struct damon_run *run);

/* scheme.c */
bool damos_valid(const struct damon_ctx *ctx, const struct damos *s);
struct damos *damos_copy(const struct damos *src);
void damos_take_params(struct damos *s, struct damos *new);

/* quota.c */
static inline bool damos_has_quota(const struct damos_quota *q)
{
	return q->sz || q->ms || !list_empty(&q->goals);
}

unsigned long damos_quota_room(const struct damos *s, unsigned long min_sz);
unsigned long damos_charge(const struct damos_quota *q, unsigned long sz,
			   unsigned long applied);
void damos_quota_charge(struct damos *s, unsigned long sz, unsigned long applied,
			u64 ns);
void damos_quota_update(struct damon_ctx *ctx, struct damos *s);
void damos_quota_forget_target(struct damos *s, const struct damon_target *t);

/* goal.c */
bool damos_goals_valid(const struct damon_ctx *ctx, const struct damos_quota *q);
unsigned long damos_tune_goals(struct damon_ctx *ctx, struct damos *s,
			       unsigned long last);

/* wmarks.c */
bool damos_wmarks_active(const struct damos_watermarks *w, unsigned long value,
			 bool was_active);
unsigned long damos_check_wmarks(struct damon_ctx *ctx);

/* filter.c */

/**
 * struct damos_verdict - What filters of the core say to the start of a range.
 * @sz:		size of the start that this is about
 * @rejected:	the scheme is not for it
 * @allowed:	a filter lets it pass explicitly
 */
struct damos_verdict {
	unsigned long sz;
	bool rejected;
	bool allowed;
};

struct damos_folio;

bool damos_filter_valid(const struct damos_filter *f);
struct damos_verdict damos_filter_range(const struct damos *s,
					unsigned int target_idx,
					struct damon_addr_range range,
					unsigned long min_sz);
bool damos_folio_passes(struct damos *s, struct damos_folio *folio,
			bool spare_young);

/* action.c */
int damos_priority(struct damon_ctx *ctx, struct damon_region *r,
		   struct damos *s);

/* convert.c */

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
	unsigned long from_aggr_us;
	unsigned long to_aggr_us;
	bool restart;
};

void damon_regions_convert(struct damon_target *t,
			   const struct damon_conversion *conv);

/* rewrite.c */

/**
 * struct damon_rewrite - A pass over the regions of a target that cuts them.
 * @t:		the target
 * @in:		the first unread region
 * @out:	end of the regions written, the last of which is at hand
 * @end:	end of the unread regions
 *
 * begin; for each region next, then any number of cuts; next returns NULL.
 * What was written is at the start of the array, what is unread comes behind a
 * gap, if there is one.
 */
struct damon_rewrite {
	struct damon_target *t;
	struct damon_region *in;
	struct damon_region *out;
	struct damon_region *end;
};

/* The region at hand.  Cuts may move it. */
static inline struct damon_region *damon_rewrite_cur(const struct damon_rewrite *w)
{
	return w->out - 1;
}

/* Number of regions, read and unread; &damon_target.nr_regions tells it later. */
static inline unsigned int damon_rewrite_nr(const struct damon_rewrite *w)
{
	return (w->out - w->t->regions) + (w->end - w->in);
}

void damon_rewrite_begin(struct damon_rewrite *w, struct damon_target *t,
			 size_t nr_wanted);
void damon_rewrite_end(struct damon_rewrite *w);
void damon_rewrite_skip(struct damon_rewrite *w, struct damon_region *to);
bool damon_rewrite_cut(struct damon_rewrite *w, unsigned long sz);
bool damon_rewrite_guess(struct damon_rewrite *w, unsigned long sz);
bool damon_rewrite_defer(struct damon_rewrite *w, unsigned long sz);
bool damon_rewrite_undo_defer(struct damon_rewrite *w, unsigned long sz_limit);

/**
 * damon_rewrite_next() - Go on to the next region.
 * @w:	the pass
 *
 * Return: the region, to be read and cut; NULL when the pass has ended.
 */
static inline struct damon_region *damon_rewrite_next(struct damon_rewrite *w)
{
	if (w->in == w->end) {
		damon_rewrite_end(w);
		return NULL;
	}
	if (w->in != w->out)
		*w->out = *w->in;
	w->in++;
	w->out++;
	return damon_rewrite_cur(w);
}

/* merge.c */
void damon_regions_age(struct damon_target *t, const struct damon_score *score,
		       unsigned int threshold);
void damon_regions_merge(struct damon_target *t, const struct damon_score *score,
			 unsigned int threshold, unsigned long sz_limit);

/* region.c */
void damon_regions_check(struct damon_target *t);
unsigned long damon_regions_sz(const struct damon_target *t);
void damon_regions_close_window(struct damon_target *t);
int damon_regions_reserve(struct damon_target *t, size_t nr_wanted);
int damon_regions_copy(struct damon_target *to, const struct damon_target *from);
void damon_regions_swap(struct damon_target *a, struct damon_target *b);
void damon_regions_free(struct damon_target *t);

/**
 * damon_mvsum() - Positive samples in the aggregation interval up to now.
 * @now:	those of the running aggregation
 * @last:	those of the one before
 * @left_bp:	what is left of the running aggregation, in 1/10000
 */
static inline unsigned int damon_mvsum(unsigned int now, unsigned int last,
				       unsigned int left_bp)
{
	if (left_bp >= 10000)
		return last;
	return now + (unsigned int)div_u64((u64)last * left_bp, 10000);
}

#endif
