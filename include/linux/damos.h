/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DAMOS: schemes, that is memory operations driven by what DAMON sees.
 *
 * A &struct damos says which regions it is for, and what to do with them; how
 * much of that to do (quota and its goals), when (watermarks), and to what of
 * the regions (filters).  Included by linux/damon.h; see there for who must
 * serialise what, and for units.
 *
 * Filters and goals belong to whoever made them until they are added to a
 * scheme, which frees them from then on.  A scheme does the same for the arrays
 * of its destinations.
 */
#ifndef _LINUX_DAMOS_H
#define _LINUX_DAMOS_H

#include <linux/list.h>
#include <linux/types.h>

struct damon_ctx;

/* Priorities of regions under a quota are 0 to this. */
#define DAMOS_MAX_SCORE		99

/**
 * struct damon_addr_range - An address range.
 * @start:	first address, inclusive
 * @end:	last address, exclusive
 */
struct damon_addr_range {
	unsigned long start;
	unsigned long end;
};

/**
 * struct damon_size_range - A range of sizes.
 * @min:	smallest, bytes
 * @max:	largest, bytes, inclusive
 */
struct damon_size_range {
	unsigned long min;
	unsigned long max;
};

/**
 * enum damos_action - What a scheme does to the memory it matches.
 * @DAMOS_WILLNEED:	madvise(MADV_WILLNEED)
 * @DAMOS_COLD:		madvise(MADV_COLD)
 * @DAMOS_PAGEOUT:	reclaim
 * @DAMOS_HUGEPAGE:	madvise(MADV_HUGEPAGE)
 * @DAMOS_NOHUGEPAGE:	madvise(MADV_NOHUGEPAGE)
 * @DAMOS_COLLAPSE:	madvise(MADV_COLLAPSE)
 * @DAMOS_LRU_PRIO:	move to the active LRU list
 * @DAMOS_LRU_DEPRIO:	move to the inactive LRU list
 * @DAMOS_MIGRATE_HOT:	migrate to a node, hot memory first
 * @DAMOS_MIGRATE_COLD:	migrate to a node, cold memory first
 * @DAMOS_STAT:		nothing; the scheme only counts and reports
 * @NR_DAMOS_ACTIONS:	number of actions
 *
 * An action that the operations set cannot carry out applies to 0 bytes.
 */
enum damos_action {
	DAMOS_WILLNEED,
	DAMOS_COLD,
	DAMOS_PAGEOUT,
	DAMOS_HUGEPAGE,
	DAMOS_NOHUGEPAGE,
	DAMOS_COLLAPSE,
	DAMOS_LRU_PRIO,
	DAMOS_LRU_DEPRIO,
	DAMOS_MIGRATE_HOT,
	DAMOS_MIGRATE_COLD,
	DAMOS_STAT,
	NR_DAMOS_ACTIONS,
};

/**
 * struct damos_access_pattern - The regions a scheme is for.
 * @min_sz_region:	smallest size, core address units
 * @max_sz_region:	largest size
 * @min_nr_accesses:	smallest damon_nr_accesses_mvsum()
 * @max_nr_accesses:	largest
 * @min_age_region:	smallest &damon_region.age
 * @max_age_region:	largest
 *
 * All bounds are inclusive.
 */
struct damos_access_pattern {
	unsigned long min_sz_region;
	unsigned long max_sz_region;
	unsigned int min_nr_accesses;
	unsigned int max_nr_accesses;
	unsigned int min_age_region;
	unsigned int max_age_region;
};

/**
 * enum damos_quota_goal_metric - What a goal measures.
 * @DAMOS_QUOTA_USER_INPUT:		&damos_quota_goal.current_value as set
 * @DAMOS_QUOTA_SOME_MEM_PSI_US:	µs in which some task waited for memory,
 *					since the last measurement
 * @DAMOS_QUOTA_NODE_MEM_USED_BP:	used memory of a node, in 1/10000
 * @DAMOS_QUOTA_NODE_MEM_FREE_BP:	free memory of a node
 * @DAMOS_QUOTA_NODE_MEMCG_USED_BP:	memory of a node a cgroup uses
 * @DAMOS_QUOTA_NODE_MEMCG_FREE_BP:	memory of a node it does not use
 * @DAMOS_QUOTA_ACTIVE_MEM_BP:		active share of LRU memory
 * @DAMOS_QUOTA_INACTIVE_MEM_BP:	inactive share of LRU memory
 * @DAMOS_QUOTA_NODE_ELIGIBLE_MEM_BP:	share of the memory in the regions of the
 *					scheme that is on a node; needs
 *					&damon_operations.sz_on_node
 * @NR_DAMOS_QUOTA_GOAL_METRICS:	number of metrics
 */
enum damos_quota_goal_metric {
	DAMOS_QUOTA_USER_INPUT,
	DAMOS_QUOTA_SOME_MEM_PSI_US,
	DAMOS_QUOTA_NODE_MEM_USED_BP,
	DAMOS_QUOTA_NODE_MEM_FREE_BP,
	DAMOS_QUOTA_NODE_MEMCG_USED_BP,
	DAMOS_QUOTA_NODE_MEMCG_FREE_BP,
	DAMOS_QUOTA_ACTIVE_MEM_BP,
	DAMOS_QUOTA_INACTIVE_MEM_BP,
	DAMOS_QUOTA_NODE_ELIGIBLE_MEM_BP,
	NR_DAMOS_QUOTA_GOAL_METRICS,
};

/**
 * struct damos_quota_goal - A value to reach by doing more or less.
 * @metric:		what to measure
 * @target_value:	what it should be, not 0
 * @current_value:	what it is; set by the user for
 *			DAMOS_QUOTA_USER_INPUT, else by each measurement
 * @nid:		node, for the metrics of nodes
 * @memcg_id:		mem_cgroup_id() of the cgroup, for the metrics of cgroups
 * @list:		link in &damos_quota.goals
 *
 * Allocated by damos_new_quota_goal() only.
 */
struct damos_quota_goal {
	enum damos_quota_goal_metric metric;
	unsigned long target_value;
	unsigned long current_value;
	int nid;
	u64 memcg_id;
	struct list_head list;
};

/**
 * enum damos_quota_goal_tuner - How goals make a quota.
 * @DAMOS_QUOTA_GOAL_TUNER_CONSIST:	change the quota in proportion to the
 *					distance from the goal
 * @DAMOS_QUOTA_GOAL_TUNER_TEMPORAL:	all that is allowed until the goal is
 *					met, then nothing
 * @NR_DAMOS_QUOTA_GOAL_TUNERS:		number of tuners
 */
enum damos_quota_goal_tuner {
	DAMOS_QUOTA_GOAL_TUNER_CONSIST,
	DAMOS_QUOTA_GOAL_TUNER_TEMPORAL,
	NR_DAMOS_QUOTA_GOAL_TUNERS,
};

/**
 * struct damos_quota - How much a scheme may do.
 * @reset_interval:	ms in which it may do that much
 * @ms:			time it may use, ms; 0 for no such limit
 * @sz:			memory it may be applied to, core address units; 0 for
 *			no such limit
 * @goals:		list of &struct damos_quota_goal, which make a limit too
 * @goal_tuner:		how they do
 * @esz:		what the limits come to, core address units; an output
 * @fail_charge_num:	memory the action failed for is charged by this
 *			numerator
 * @fail_charge_denom:	over this denominator; 0 charges it in full
 * @weight_sz:		accepted, has no effect
 * @weight_nr_accesses:	weight of the access frequency in priorities
 * @weight_age:		weight of the age in priorities
 *
 * The smallest of the limits counts.  With no limit and no goals there is no
 * quota.
 */
struct damos_quota {
	unsigned long reset_interval;
	unsigned long ms;
	unsigned long sz;
	struct list_head goals;
	enum damos_quota_goal_tuner goal_tuner;
	unsigned long esz;
	unsigned int fail_charge_num;
	unsigned int fail_charge_denom;
	unsigned int weight_sz;
	unsigned int weight_nr_accesses;
	unsigned int weight_age;
};

/**
 * enum damos_wmark_metric - What watermarks are about.
 * @DAMOS_WMARK_NONE:		nothing: the scheme is always active
 * @DAMOS_WMARK_FREE_MEM_RATE:	free memory of the system, in 1/1000
 * @NR_DAMOS_WMARK_METRICS:	number of metrics
 */
enum damos_wmark_metric {
	DAMOS_WMARK_NONE,
	DAMOS_WMARK_FREE_MEM_RATE,
	NR_DAMOS_WMARK_METRICS,
};

/**
 * struct damos_watermarks - When a scheme is active.
 * @metric:	what to look at
 * @interval:	µs between two looks while no scheme is active
 * @high:	above this it becomes inactive
 * @mid:	below this it becomes active
 * @low:	below this it becomes inactive
 */
struct damos_watermarks {
	enum damos_wmark_metric metric;
	unsigned long interval;
	unsigned long high;
	unsigned long mid;
	unsigned long low;
};

/**
 * struct damos_stat - What a scheme did since it was installed.
 * @nr_tried:			times the action was tried on a region
 * @sz_tried:			size of these regions, core address units
 * @nr_applied:			times it took effect on something
 * @sz_applied:			size it took effect on
 * @sz_ops_filter_passed:	size that passed the filters of the operations
 *				set, where the action evaluates them
 * @qt_exceeds:			times the quota was used up
 * @nr_snapshots:		times all regions of a target were gone through
 */
struct damos_stat {
	unsigned long nr_tried;
	unsigned long sz_tried;
	unsigned long nr_applied;
	unsigned long sz_applied;
	unsigned long sz_ops_filter_passed;
	unsigned long qt_exceeds;
	unsigned long nr_snapshots;
};

/**
 * enum damos_filter_type - What a filter of a scheme looks at.
 * @DAMOS_FILTER_TYPE_ANON:		anonymous memory
 * @DAMOS_FILTER_TYPE_ACTIVE:		memory on an active LRU list
 * @DAMOS_FILTER_TYPE_MEMCG:		memory of a cgroup
 * @DAMOS_FILTER_TYPE_YOUNG:		memory accessed since the last check,
 *					which this is one of
 * @DAMOS_FILTER_TYPE_HUGEPAGE_SIZE:	memory in folios of some sizes
 * @DAMOS_FILTER_TYPE_UNMAPPED:		memory no page table maps
 * @DAMOS_FILTER_TYPE_ADDR:		an address range
 * @DAMOS_FILTER_TYPE_TARGET:		a target
 * @NR_DAMOS_FILTER_TYPES:		number of types
 *
 * The last two are for the core, the others for operations sets.
 */
enum damos_filter_type {
	DAMOS_FILTER_TYPE_ANON,
	DAMOS_FILTER_TYPE_ACTIVE,
	DAMOS_FILTER_TYPE_MEMCG,
	DAMOS_FILTER_TYPE_YOUNG,
	DAMOS_FILTER_TYPE_HUGEPAGE_SIZE,
	DAMOS_FILTER_TYPE_UNMAPPED,
	DAMOS_FILTER_TYPE_ADDR,
	DAMOS_FILTER_TYPE_TARGET,
	NR_DAMOS_FILTER_TYPES,
};

/**
 * struct damos_filter - What of the memory in its regions a scheme is for.
 * @type:	what to look at
 * @matching:	decide about what is, rather than what is not, of that kind
 * @allow:	let it pass, rather than leave it out
 * @memcg_id:	mem_cgroup_id(), for DAMOS_FILTER_TYPE_MEMCG
 * @addr_range:	for DAMOS_FILTER_TYPE_ADDR, core address units
 * @target_idx:	number of the target, for DAMOS_FILTER_TYPE_TARGET
 * @sz_range:	for DAMOS_FILTER_TYPE_HUGEPAGE_SIZE
 * @list:	link in &damos.core_filters or &damos.ops_filters
 *
 * The filters for the core come first, then those for the operations set, in
 * the order they were added; the first one to decide counts.  If none does,
 * memory passes unless the last filter lets pass.
 *
 * Allocated by damos_new_filter() only.
 */
struct damos_filter {
	enum damos_filter_type type;
	bool matching;
	bool allow;
	u64 memcg_id;
	struct damon_addr_range addr_range;
	int target_idx;
	struct damon_size_range sz_range;
	struct list_head list;
};

/**
 * struct damos_migrate_dests - Nodes to migrate to, in proportion to weights.
 * @node_id_arr:	the nodes; by kmalloc()
 * @weight_arr:		their weights; by kmalloc()
 * @nr_dests:		how many
 */
struct damos_migrate_dests {
	unsigned int *node_id_arr;
	unsigned int *weight_arr;
	size_t nr_dests;
};

/**
 * struct damos - An operation scheme: an access pattern and what to do with it.
 * @pattern:		which regions
 * @action:		what to do
 * @apply_interval_us:	how often, 0 for once an aggregation interval
 * @quota:		how much
 * @wmarks:		when
 * @target_nid:		node to migrate to
 * @migrate_dests:	if there are any, nodes to migrate to instead
 * @core_filters:	list of &struct damos_filter, for the core
 * @ops_filters:	list of &struct damos_filter, for the operations set
 * @max_nr_snapshots:	do nothing when &damos_stat.nr_snapshots is not less; 0
 *			for no such limit
 * @stat:		what it did; an output
 * @list:		link in &damon_ctx.schemes
 *
 * Allocated by damon_new_scheme() only.
 */
struct damos {
	struct damos_access_pattern pattern;
	enum damos_action action;
	unsigned long apply_interval_us;
	struct damos_quota quota;
	struct damos_watermarks wmarks;
	int target_nid;
	struct damos_migrate_dests migrate_dests;
	struct list_head core_filters;
	struct list_head ops_filters;
	unsigned long max_nr_snapshots;
	struct damos_stat stat;
	struct list_head list;
};

/**
 * damos_for_each_quota_goal_safe() - As damos_for_each_quota_goal(), and allow
 *				      removal.
 * @goal:	set to each goal in turn; may be destroyed
 * @tmp:	for use by this macro
 * @quota:	the quota
 */
#define damos_for_each_quota_goal_safe(goal, tmp, quota)		\
	list_for_each_entry_safe(goal, tmp, &(quota)->goals, list)

/**
 * damos_for_each_quota_goal() - Go through the goals of a quota.
 * @goal:	set to each goal in turn
 * @quota:	the quota
 */
#define damos_for_each_quota_goal(goal, quota)				\
	list_for_each_entry(goal, &(quota)->goals, list)

/**
 * damos_for_each_core_filter_safe() - As damos_for_each_core_filter(), and
 *				       allow removal.
 * @filter:	set to each filter in turn; may be destroyed
 * @tmp:	for use by this macro
 * @scheme:	the scheme
 */
#define damos_for_each_core_filter_safe(filter, tmp, scheme)		\
	list_for_each_entry_safe(filter, tmp, &(scheme)->core_filters, list)

/**
 * damos_for_each_core_filter() - Go through the filters for the core.
 * @filter:	set to each filter in turn
 * @scheme:	the scheme
 */
#define damos_for_each_core_filter(filter, scheme)			\
	list_for_each_entry(filter, &(scheme)->core_filters, list)

/**
 * damos_for_each_ops_filter_safe() - As damos_for_each_ops_filter(), and allow
 *				      removal.
 * @filter:	set to each filter in turn; may be destroyed
 * @tmp:	for use by this macro
 * @scheme:	the scheme
 */
#define damos_for_each_ops_filter_safe(filter, tmp, scheme)		\
	list_for_each_entry_safe(filter, tmp, &(scheme)->ops_filters, list)

/**
 * damos_for_each_ops_filter() - Go through the filters for the operations set.
 * @filter:	set to each filter in turn
 * @scheme:	the scheme
 */
#define damos_for_each_ops_filter(filter, scheme)			\
	list_for_each_entry(filter, &(scheme)->ops_filters, list)

struct damos *damon_new_scheme(const struct damos_access_pattern *pattern,
			       enum damos_action action,
			       unsigned long apply_interval_us,
			       const struct damos_quota *quota,
			       const struct damos_watermarks *wmarks,
			       int target_nid);
void damon_add_scheme(struct damon_ctx *ctx, struct damos *s);
void damon_destroy_scheme(struct damos *s);
void damon_set_schemes(struct damon_ctx *ctx, struct damos **schemes, int nr);
const char *damos_action_name(unsigned int action);

struct damos_quota_goal *
damos_new_quota_goal(enum damos_quota_goal_metric metric,
		     unsigned long target_value);
void damos_add_quota_goal(struct damos_quota *q, struct damos_quota_goal *g);
void damos_destroy_quota_goal(struct damos_quota_goal *g);
int damos_commit_quota_goals(struct damos_quota *dst, struct damos_quota *src);
const char *damos_goal_metric_name(unsigned int metric);
bool damos_goal_has_memcg(enum damos_quota_goal_metric metric);
const char *damos_goal_tuner_name(unsigned int tuner);

struct damos_filter *damos_new_filter(enum damos_filter_type type,
				      bool matching, bool allow);
void damos_add_filter(struct damos *s, struct damos_filter *f);
void damos_destroy_filter(struct damos_filter *f);
bool damos_filter_for_ops(enum damos_filter_type type);
bool damos_filter_has_memcg(enum damos_filter_type type);
const char *damos_filter_name(unsigned int type);

const char *damos_wmark_metric_name(unsigned int metric);

#endif
