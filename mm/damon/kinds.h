/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a row of each kind's table says.  A table is indexed by the enum of
 * its kind, and checked for its length where it is defined.
 */
#ifndef _MM_DAMON_KINDS_H
#define _MM_DAMON_KINDS_H

#include <linux/damon.h>

struct folio;

/**
 * enum damos_priority - Which regions an action is for first.
 * @DAMOS_ALIKE:	no matter
 * @DAMOS_HOT_FIRST:	those accessed most
 * @DAMOS_COLD_FIRST:	those accessed least
 */
enum damos_priority { DAMOS_ALIKE, DAMOS_HOT_FIRST, DAMOS_COLD_FIRST };

/**
 * struct damos_action_kind - An action of schemes (action.c).
 * @name:	keyword for users
 * @keeps_age:	leaves the memory as it was, hence the age of the region too
 * @priority:	what to begin with when not all can be done
 */
struct damos_action_kind {
	const char *name;
	bool keeps_age;
	enum damos_priority priority;
};

extern const struct damos_action_kind damos_action_kinds[NR_DAMOS_ACTIONS];

/**
 * struct damos_folio - Memory, as an operations set offers it to filters.
 * @folio:		the folio; stays while it is filtered
 * @test_clear_young:	tell whether it was accessed since the last check, and
 *			make this one the last
 */
struct damos_folio {
	struct folio *folio;
	bool (*test_clear_young)(struct damos_folio *f);
};

/**
 * struct damos_filter_kind - A type of filters (filter.c).
 * @name:		keyword for users
 * @match_range:	whether the start of @range is of the kind; cuts @range
 *			down to where the answer is the same.  @min_sz is the
 *			minimum region size.  For filters of the core
 * @match_folio:	whether a folio is of the kind.  For the others
 * @valid:		whether the arguments make sense; NULL if they always do
 * @of_memcg:		&damos_filter.memcg_id is an argument
 * @checks_young:	asking is a check of accesses, as far as the next one goes
 */
struct damos_filter_kind {
	const char *name;
	bool (*match_range)(const struct damos_filter *f,
			    unsigned int target_idx,
			    struct damon_addr_range *range,
			    unsigned long min_sz);
	bool (*match_folio)(const struct damos_filter *f,
			    struct damos_folio *folio);
	bool (*valid)(const struct damos_filter *f);
	bool of_memcg;
	bool checks_young;
};

extern const struct damos_filter_kind damos_filter_kinds[NR_DAMOS_FILTER_TYPES];

/**
 * struct damon_filter_kind - A type of filters of probes (probe.c).
 * @name:	keyword for users
 * @match:	whether a folio is of the type
 * @of_memcg:	&damon_filter.memcg_id is an argument
 */
struct damon_filter_kind {
	const char *name;
	bool (*match)(const struct damon_filter *f, struct folio *folio);
	bool of_memcg;
};

extern const struct damon_filter_kind damon_filter_kinds[NR_DAMON_FILTER_TYPES];

struct damos_goal_run;

/**
 * struct damos_goal_kind - A metric of goals (goal.c).
 * @name:	keyword for users
 * @measure:	the current value
 * @on_node:	needs &damon_operations.sz_on_node
 * @of_memcg:	&damos_quota_goal.memcg_id is an argument
 */
struct damos_goal_kind {
	const char *name;
	unsigned long (*measure)(struct damon_ctx *ctx, struct damos *s,
				 struct damos_goal_run *goal);
	bool on_node;
	bool of_memcg;
};

extern const struct damos_goal_kind
damos_goal_kinds[NR_DAMOS_QUOTA_GOAL_METRICS];

/**
 * struct damos_tuner_kind - A way from goals to a quota (goal.c).
 * @name:	keyword for users
 * @tune:	the next size, in 1/10000 of the core address unit, given the
 *		last one and the score, which is 10000 when the goal is met
 * @unmeasured:	current value of a goal that has not been measured before
 */
struct damos_tuner_kind {
	const char *name;
	unsigned long (*tune)(const struct damos_quota *q, unsigned long last,
			      unsigned long score);
	unsigned long (*unmeasured)(const struct damos_quota *q,
				    const struct damos_quota_goal *goal);
};

extern const struct damos_tuner_kind
damos_tuner_kinds[NR_DAMOS_QUOTA_GOAL_TUNERS];

/**
 * struct damos_wmark_kind - A metric of watermarks (wmarks.c).
 * @name:	keyword for users
 * @measure:	the current value; NULL if there is nothing to watch
 */
struct damos_wmark_kind {
	const char *name;
	unsigned long (*measure)(void);
};

extern const struct damos_wmark_kind damos_wmark_kinds[NR_DAMOS_WMARK_METRICS];

#endif
