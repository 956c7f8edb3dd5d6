/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DAMON: which memory is hot, which is cold, at a bounded cost.
 *
 * A caller builds a &struct damon_ctx (what to watch and how), starts it, and
 * talks to its thread, the kdamond, through damon_call() and damos_walk()
 * until damon_stop().  Everything in this header is parameters and results;
 * what the kdamond tracks for itself is not visible here.
 *
 * Who must serialise what: a context that is not running belongs to its
 * creator.  While it runs, other threads may only use damon_call(),
 * damos_walk(), damon_stop(), damon_is_running() and damon_kdamond_pid();
 * all else is for its kdamond, that is for the functions called through
 * damon_call() and damos_walk() and for the operations hooks.
 *
 * Addresses and sizes are in core address units: bytes, for operations sets
 * that do not scale them by &damon_ctx.addr_unit.
 */
#ifndef _LINUX_DAMON_H
#define _LINUX_DAMON_H

#include <linux/damon_probe.h>
#include <linux/damos.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/types.h>

struct damon_ctx;
struct damon_hints;
struct pid;

/* Default &damon_ctx.min_region_sz. */
#define DAMON_MIN_REGION_SZ	PAGE_SIZE
#define DAMON_MIN_REGION	DAMON_MIN_REGION_SZ

/**
 * struct damon_region - Adjacent memory that is accessed alike.
 * @ar:			where it is; never empty
 * @sampling_addr:	the address whose access stands for the whole region in
 *			the running sampling interval
 * @nr_accesses:	positive samples in the running aggregation; changed
 *			through damon_update_region_access_rate() only
 * @last_nr_accesses:	@nr_accesses of the last complete aggregation
 * @age:		aggregations since the access frequency last changed
 *			significantly
 * @probe_hits:		positive samples of each probe, as @nr_accesses
 * @last_probe_hits:	@probe_hits of the last complete aggregation
 * @deferred:		its start is no border of the access pattern: a scheme
 *			was applied to less than a region
 * @guessed:		its start was cut blindly, to see whether it is one
 * @calm:		how many times in a row its parts turned out to be alike
 * @rest:		aggregations until it is to be cut blindly again
 *
 * Regions live in an array of their target.  A pointer to one is valid until
 * the kdamond next merges, splits or refits regions: within one call from
 * damon_call(), damos_walk() or an operations hook, not across two.
 */
struct damon_region {
	struct damon_addr_range ar;
	unsigned long sampling_addr;
	unsigned int nr_accesses;
	unsigned int last_nr_accesses;
	unsigned int age;
	unsigned char probe_hits[DAMON_MAX_PROBES];
	unsigned char last_probe_hits[DAMON_MAX_PROBES];
	bool deferred;
	bool guessed;
	unsigned char calm;
	unsigned char rest;
};

/**
 * struct damon_target - An address space, or a part of one.
 * @pid:	whose address space; holds a reference.  NULL for operations
 *		sets that are not about processes
 * @obsolete:	in the source of a damon_commit_ctx(): remove the target of
 *		this index
 * @regions:	@nr_regions of them by ascending address, disjoint; changed
 *		through damon_set_regions() and its like only
 * @nr_regions:	length of @regions
 * @list:	link in &damon_ctx.adaptive_targets
 *
 * Allocated by damon_new_target() only.
 */
struct damon_target {
	struct pid *pid;
	bool obsolete;
	struct damon_region *regions;
	unsigned int nr_regions;
	struct list_head list;
};

/**
 * enum damon_ops_id - The operations sets.
 * @DAMON_OPS_VADDR:	virtual address spaces, regions follow the mappings
 * @DAMON_OPS_FVADDR:	virtual address spaces, fixed ranges
 * @DAMON_OPS_PADDR:	the physical address space
 * @NR_DAMON_OPS:	number of operations sets
 */
enum damon_ops_id {
	DAMON_OPS_VADDR,
	DAMON_OPS_FVADDR,
	DAMON_OPS_PADDR,
	NR_DAMON_OPS,
};

/**
 * struct damon_operations - How to monitor and act on a kind of address space.
 * @id:		identity; one registered set for each
 * @pidless:	targets are not processes; a context has at most one
 * @init:	once, before the first sampling interval; may set regions
 * @update:	once every operations update interval; may set regions
 * @prepare_access_checks:
 *		start of a sampling interval: choose the sampling address of
 *		each region and forget past accesses to it
 * @check_accesses:
 *		end of a sampling interval: report each region through
 *		damon_update_region_access_rate(); returns the largest
 *		&damon_region.nr_accesses
 * @check_and_prepare:
 *		@check_accesses and the following @prepare_access_checks in
 *		one, where nothing that changes regions or looks at their memory
 *		is due in between.  Should something turn up after all, the latter is
 *		called once more.  Optional
 * @apply_probes:
 *		after @check_accesses, if there are probes: let them count
 *		their hits.  With set_samples it chooses the sampling addresses
 *		itself, as neither of the other hooks is called; with
 *		return_max_wsum it returns the largest damon_probe_hits_wsum(),
 *		else 0
 * @split_hints:
 *		once an aggregation, after results were reset and before regions
 *		are split, if &damon_attrs.split_hints: report through
 *		damon_hint() which ranges of a target were touched, to cut its
 *		regions where that changes.  No sample is under way.  Optional
 * @get_scheme_score:
 *		priority of a region for a scheme, 0 to DAMOS_MAX_SCORE; without
 *		this hook all regions are alike
 * @apply_scheme:
 *		carry out the action of a scheme on a region; returns how much
 *		it took effect on, which may exceed the region.  Adds to its
 *		last argument what passed the filters this set evaluates
 * @ignores_scheme:
 *		whether @apply_scheme does nothing for a scheme as it is now, whatever
 *		the region; it may be left out then.  Optional
 * @sz_on_node:
 *		add, in bytes, the memory of a region to the last argument, and
 *		that of it on a node to the one before
 * @target_valid:
 *		false once the target is gone; the kdamond ends when all are.
 *		Without this hook targets are always valid
 * @detach_target:
 *		before a running context turns to another operations set: drop
 *		&damon_target_run.ops_data
 * @cleanup_target:
 *		before a target is freed
 * @reset_aggregated:
 *		once an aggregation, after results were reset
 * @cleanup:	once, when the kdamond ends
 *
 * Hooks run in the kdamond, may sleep, and may be NULL.  @cleanup_target runs
 * where the target is destroyed, too, and @detach_target where it is updated.
 */
struct damon_operations {
	enum damon_ops_id id;
	bool pidless;
	void (*init)(struct damon_ctx *ctx);
	void (*update)(struct damon_ctx *ctx);
	void (*prepare_access_checks)(struct damon_ctx *ctx);
	unsigned int (*check_accesses)(struct damon_ctx *ctx);
	void (*check_and_prepare)(struct damon_ctx *ctx);
	unsigned int (*apply_probes)(struct damon_ctx *ctx, bool set_samples,
				     bool return_max_wsum);
	void (*split_hints)(struct damon_ctx *ctx, struct damon_target *t,
			    struct damon_hints *hints);
	int (*get_scheme_score)(struct damon_ctx *ctx, struct damon_region *r,
				struct damos *s);
	unsigned long (*apply_scheme)(struct damon_ctx *ctx,
				      struct damon_target *t,
				      struct damon_region *r, struct damos *s,
				      unsigned long *sz_filter_passed);
	bool (*ignores_scheme)(const struct damos *s);
	void (*sz_on_node)(struct damon_ctx *ctx, struct damon_region *r,
			   int nid, u64 *on_node, u64 *total);
	bool (*target_valid)(struct damon_target *t);
	void (*detach_target)(struct damon_target *t);
	void (*cleanup_target)(struct damon_target *t);
	void (*reset_aggregated)(struct damon_ctx *ctx);
	void (*cleanup)(struct damon_ctx *ctx);
};

/**
 * struct damon_intervals_goal - How much is to be seen of what could be.
 * @access_bp:		positive samples to aim at, in 1/10000 of all samples
 *			weighted by the size of their region
 * @aggrs:		aggregations between two corrections; 0 turns it off
 * @min_sample_us:	shortest sampling interval
 * @max_sample_us:	longest sampling interval
 */
struct damon_intervals_goal {
	unsigned long access_bp;
	unsigned long aggrs;
	unsigned long min_sample_us;
	unsigned long max_sample_us;
};

/**
 * struct damon_attrs - Monitoring attributes: accuracy against cost.
 * @sample_interval:		µs between two samples of a region; 0 counts
 *				as 1 where it divides
 * @aggr_interval:		µs over which samples are counted
 * @ops_update_interval:	µs between two &damon_operations.update
 * @min_nr_regions:		least number of regions, at least 3
 * @max_nr_regions:		largest number of regions
 * @intervals_goal:		what to tune the first two intervals for, keeping
 *				their ratio
 * @split_hints:		split regions also where the operations set sees
 *				that touched and untouched memory meet
 */
struct damon_attrs {
	unsigned long sample_interval;
	unsigned long aggr_interval;
	unsigned long ops_update_interval;
	unsigned long min_nr_regions;
	unsigned long max_nr_regions;
	struct damon_intervals_goal intervals_goal;
	bool split_hints;
};

/*
 * Of a new context: samples every 5 ms, counts over 100 ms, updates every minute,
 * 10 to 1000 regions, split by hints, too.
 */
extern const struct damon_attrs damon_default_attrs;

/**
 * struct damon_callback - Functions to be called at fixed points of a round.
 * @private:		for the caller
 * @before_start:	after &damon_operations.init
 * @after_wmarks_check:	while watermarks keep all schemes inactive, after each
 *			wait, before calls are made
 * @after_sampling:	after &damon_operations.prepare_access_checks, before
 *			the sampling interval
 * @after_aggregation:	with the results of a complete aggregation, before
 *			schemes are applied and results are reset
 * @before_damos_apply:	before a scheme is applied to a region; if it does not
 *			return 0 the action is left out
 * @before_terminate:	after all regions were freed, before the targets are
 *
 * What other functions return ends the kdamond at once unless it is 0.
 *
 * The kdamond calls these; they may sleep, and all but @before_damos_apply may
 * change the context as functions called through damon_call() may.  None is
 * called while it is paused.
 */
struct damon_callback {
	void *private;
	int (*before_start)(struct damon_ctx *ctx);
	int (*after_wmarks_check)(struct damon_ctx *ctx);
	int (*after_sampling)(struct damon_ctx *ctx);
	int (*after_aggregation)(struct damon_ctx *ctx);
	int (*before_damos_apply)(struct damon_ctx *ctx, struct damon_target *t,
				  struct damon_region *r, struct damos *s);
	void (*before_terminate)(struct damon_ctx *ctx);
};

/**
 * struct damon_ctx - What to monitor, how, and what to do about it.
 * @attrs:		monitoring attributes, set by damon_set_attrs()
 * @addr_unit:		bytes in a core address unit, for operations sets that
 *			scale them; not 0
 * @min_region_sz:	least size of a region, a power of two; borders of
 *			regions are multiples of it
 * @pause:		neither sample nor apply schemes, only serve calls
 * @callback:		functions to call, set while it does not run
 * @ops:		operations set, chosen by damon_select_ops()
 * @adaptive_targets:	list of &struct damon_target
 * @schemes:		list of &struct damos
 * @probes:		list of &struct damon_probe, at most DAMON_MAX_PROBES
 *
 * Allocated by damon_new_ctx() only.
 */
struct damon_ctx {
	struct damon_attrs attrs;
	unsigned long addr_unit;
	unsigned long min_region_sz;
	bool pause;
	struct damon_callback callback;
	struct damon_operations ops;
	struct list_head adaptive_targets;
	struct list_head schemes;
	struct list_head probes;
};

/**
 * struct damon_call_control - A function for the kdamond to call.
 * @fn:			the function; may sleep, may change the context
 * @data:		its argument
 * @repeat:		call it once every round until the kdamond ends, rather
 *			than once; @fn and @data have to stay valid until then
 * @only_looks:		@fn changes nothing of the context, and clears no accessed
 *			bits, which makes rounds with it cheaper
 * @return_code:	what @fn returned, unless @repeat
 * @dealloc_on_cancel:	with @repeat: kfree() the control when the kdamond ends
 */
struct damon_call_control {
	int (*fn)(void *data);
	void *data;
	bool repeat;
	bool only_looks;
	int return_code;
	bool dealloc_on_cancel;
};

/**
 * struct damos_walk_control - A visitor of what schemes are applied to.
 * @walk_fn:	called for every region a scheme was just applied to, before
 *		its age is reset; the last argument is how much of the region
 *		passed the filters of the operations set.  It must not change
 *		the context, nor look at other regions: the pass is moving them
 * @data:	first argument of @walk_fn
 */
struct damos_walk_control {
	void (*walk_fn)(void *data, struct damon_ctx *ctx,
			struct damon_target *t, struct damon_region *r,
			struct damos *s, unsigned long sz_filter_passed);
	void *data;
};

/**
 * damon_first_region() - First region of a target.
 * @t:		a target that has regions
 */
static inline struct damon_region *damon_first_region(struct damon_target *t)
{
	return t->regions;
}

/**
 * damon_last_region() - Last region of a target.
 * @t:		a target that has regions
 */
static inline struct damon_region *damon_last_region(struct damon_target *t)
{
	return t->regions + t->nr_regions - 1;
}

/**
 * damon_next_region() - The region behind another one.
 * @r:		a region that is not the last
 */
static inline struct damon_region *damon_next_region(struct damon_region *r)
{
	return r + 1;
}

/**
 * damon_prev_region() - The region before another one.
 * @r:		a region that is not the first
 */
static inline struct damon_region *damon_prev_region(struct damon_region *r)
{
	return r - 1;
}

/**
 * damon_sz_region() - Size of a region, in core address units.
 * @r:		the region
 */
static inline unsigned long damon_sz_region(const struct damon_region *r)
{
	return r->ar.end - r->ar.start;
}

/**
 * damon_nr_regions() - Number of regions of a target.
 * @t:		the target
 */
static inline unsigned int damon_nr_regions(const struct damon_target *t)
{
	return t->nr_regions;
}

/**
 * damon_targets_empty() - Tell whether a context has no targets.
 * @ctx:	the context
 */
static inline bool damon_targets_empty(const struct damon_ctx *ctx)
{
	return list_empty(&ctx->adaptive_targets);
}

/**
 * damon_target_has_pid() - Tell whether targets are processes.
 * @ctx:	the context; true as well if it has no operations set yet
 */
static inline bool damon_target_has_pid(const struct damon_ctx *ctx)
{
	return !ctx->ops.pidless;
}

/**
 * damon_update_region_access_rate() - Count a sample of a region.
 * @r:		the region
 * @accessed:	whether its sampling address was accessed
 *
 * Context: kdamond, from &damon_operations.check_accesses.
 */
static inline void damon_update_region_access_rate(struct damon_region *r,
						   bool accessed)
{
	r->nr_accesses += accessed;
}

/**
 * damon_nr_samples_per_aggr() - Samples a region gets in an aggregation.
 * @attrs:	the intervals
 *
 * Return: the number, which is at least 1.
 */
static inline unsigned int
damon_nr_samples_per_aggr(const struct damon_attrs *attrs)
{
	unsigned long nr = attrs->aggr_interval / (attrs->sample_interval ?: 1);

	return clamp_t(unsigned long, nr, 1, UINT_MAX);
}

/* For damon_for_each_region(): the regions still to come. */
struct damon_region_cursor {
	struct damon_region *next;
	struct damon_region *end;
};

static inline struct damon_region *
damon_regions_end(const struct damon_target *t)
{
	return t->regions + t->nr_regions;
}

static inline struct damon_region_cursor
damon_region_cursor(const struct damon_target *t)
{
	return (struct damon_region_cursor) { t->regions, damon_regions_end(t) };
}

static inline struct damon_region *
damon_cursor_next(struct damon_region_cursor *cursor)
{
	return cursor->next < cursor->end ? cursor->next++ : NULL;
}

static inline struct damon_region *
damon_cursor_prev(struct damon_region_cursor *cursor)
{
	return cursor->next < cursor->end ? --cursor->end : NULL;
}

/* Name of damon_nr_samples_per_aggr() in earlier kernels. */
#define damon_max_nr_accesses(attrs)	damon_nr_samples_per_aggr(attrs)

/**
 * damon_for_each_region() - Go through the regions a target has now.
 * @r:		set to each region in turn, and to NULL at the end
 * @t:		the target; its regions must not be moved on the way
 */
#define damon_for_each_region(r, t)					\
	for (struct damon_region_cursor cursor_ = damon_region_cursor(t); \
	     (r = damon_cursor_next(&cursor_));)

/**
 * damon_for_each_region_safe() - Go through regions, and allow removal.
 * @r:		set to each region in turn, from the last to the first; may be
 *		destroyed
 * @next:	for use by this macro
 * @t:		the target
 */
#define damon_for_each_region_safe(r, next, t)				\
	for (struct damon_region_cursor cursor_ = damon_region_cursor(t); \
	     (r = next = damon_cursor_prev(&cursor_));)

/**
 * damon_for_each_region_from() - Go on through the regions of a target.
 * @r:		where to begin, then set to each region in turn
 * @t:		the target; its regions must not be moved on the way
 */
#define damon_for_each_region_from(r, t)				\
	for (__typeof__(r) *r_ = &(r), end_ = damon_regions_end(t);	\
	     *r_ < end_; (*r_)++)

/**
 * damon_for_each_scheme_safe() - As damon_for_each_scheme(), and allow removal.
 * @scheme:	set to each scheme in turn; may be destroyed
 * @tmp:	for use by this macro
 * @ctx:	the context
 */
#define damon_for_each_scheme_safe(scheme, tmp, ctx)			\
	list_for_each_entry_safe(scheme, tmp, &(ctx)->schemes, list)

/**
 * damon_for_each_scheme() - Go through the schemes of a context.
 * @scheme:	set to each scheme in turn
 * @ctx:	the context
 */
#define damon_for_each_scheme(scheme, ctx)				\
	list_for_each_entry(scheme, &(ctx)->schemes, list)

/**
 * damon_for_each_target_safe() - As damon_for_each_target(), and allow removal.
 * @target:	set to each target in turn; may be destroyed
 * @tmp:	for use by this macro
 * @ctx:	the context
 */
#define damon_for_each_target_safe(target, tmp, ctx)			\
	list_for_each_entry_safe(target, tmp, &(ctx)->adaptive_targets, list)

/**
 * damon_for_each_target() - Go through the targets of a context.
 * @target:	set to each target in turn
 * @ctx:	the context
 */
#define damon_for_each_target(target, ctx)				\
	list_for_each_entry(target, &(ctx)->adaptive_targets, list)

struct damon_target *damon_new_target(void);
void damon_add_target(struct damon_ctx *ctx, struct damon_target *t);
void damon_free_target(struct damon_target *t);
void damon_destroy_target(struct damon_target *t, struct damon_ctx *ctx);
struct damon_region *damon_new_region(unsigned long start, unsigned long end);
int damon_add_region(struct damon_region *r, struct damon_target *t);
int damon_insert_region(struct damon_region *r, struct damon_region *prev,
			struct damon_region *next, struct damon_target *t);
void damon_destroy_region(struct damon_region *r, struct damon_target *t);
int damon_set_regions(struct damon_target *t,
		      const struct damon_addr_range *ranges,
		      unsigned int nr_ranges, unsigned long min_region_sz);
int damon_set_region_system_rams_default(struct damon_target *t,
					 unsigned long *start,
					 unsigned long *end,
					 unsigned long addr_unit,
					 unsigned long min_region_sz);
int damon_set_region_biggest_system_ram_default(struct damon_target *t,
						unsigned long *start,
						unsigned long *end);

unsigned int damon_nr_accesses_mvsum(const struct damon_region *r,
				     struct damon_ctx *ctx);
unsigned long damon_rand(struct damon_ctx *ctx, unsigned long l,
			 unsigned long r);

int damon_register_ops(const struct damon_operations *ops);
const char *damon_ops_name(unsigned int id);
bool damon_is_registered_ops(enum damon_ops_id id);
int damon_select_ops(struct damon_ctx *ctx, enum damon_ops_id id);

struct damon_ctx *damon_new_ctx(void);
void damon_destroy_ctx(struct damon_ctx *ctx);
int damon_set_attrs(struct damon_ctx *ctx, const struct damon_attrs *attrs);
int damon_commit_ctx(struct damon_ctx *dst, struct damon_ctx *src);

bool damon_initialized(void);
int damon_start(struct damon_ctx **ctxs, int nr_ctxs, bool exclusive);
void damon_stop(struct damon_ctx **ctxs, int nr_ctxs);
bool damon_is_running(struct damon_ctx *ctx);
int damon_kdamond_pid(struct damon_ctx *ctx);
int damon_nr_running_ctxs(void);

int damon_call(struct damon_ctx *ctx, struct damon_call_control *control);
int damos_walk(struct damon_ctx *ctx, struct damos_walk_control *control);

#endif
