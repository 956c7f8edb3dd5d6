// SPDX-License-Identifier: GPL-2.0
/*
 * Goals: a value to reach by a scheme doing more, or less, of what it does.
 *
 * Once a quota window each goal is measured, which gives a score of
 *
 *	current value / target value
 *
 * in 1/10000.  The best score of a scheme counts, so it is the least that one
 * of its goals asks for that is done.  A tuner makes a size of it:
 *
 *	consist		the last size, changed in proportion to the distance of
 *			the score from 10000 (feedback.c); at least 1
 *	temporal	all that the size quota allows until the goal is met,
 *			then nothing
 *
 * Shares are in 1/10000 of what there is.  What a goal refers to, a node or a
 * cgroup, may go at any time: it is looked up for each measurement, and one
 * that is not there counts as unused.
 *
 * To add a metric or a tuner: its line in the enum, its row here.
 */

#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/psi.h>
#include <linux/slab.h>
#include <linux/vmstat.h>

#include "feedback.h"
#include "internal.h"
#include "kinds.h"

/* @part of @whole in 1/10000, at most ULONG_MAX; a @whole of 0 counts as 1. */
static unsigned long ratio_bp(unsigned long part, unsigned long whole)
{
	whole = max(whole, 1UL);
	if (part / whole >= ULONG_MAX / 10000)
		return ULONG_MAX;
	return mul_u64_u64_div_u64(part, 10000, whole);
}

static unsigned long user_input(struct damon_ctx *ctx, struct damos *s,
				struct damos_goal_run *goal)
{
	return goal->g.current_value;
}

#ifdef CONFIG_PSI
static u64 some_mem_stall_us(void)
{
	if (static_branch_likely(&psi_disabled))
		return 0;
	return div_u64(psi_system.total[PSI_AVGS][PSI_MEM_SOME], NSEC_PER_USEC);
}
#else
static u64 some_mem_stall_us(void)
{
	return 0;
}
#endif

static unsigned long some_mem_psi_us(struct damon_ctx *ctx, struct damos *s,
				     struct damos_goal_run *goal)
{
	u64 last = goal->last_psi_us, now = some_mem_stall_us();

	goal->last_psi_us = now;
	if (last == DAMOS_PSI_UNMEASURED)
		return damos_tuner_kinds[s->quota.goal_tuner].unmeasured(&s->quota,
									 &goal->g);
	return min_t(u64, now - last, ULONG_MAX);
}

/* What of a node is used: no more than there is, and none of no node. */
struct node_usage {
	unsigned long used;
	unsigned long total;
};

static unsigned long used_bp(struct node_usage u)
{
	if (!u.total || u.used > u.total)
		return 10000;
	return ratio_bp(u.used, u.total);
}

static bool has_memory(int nid)
{
	return nid >= 0 && nid < MAX_NUMNODES && node_state(nid, N_MEMORY);
}

static unsigned long node_pages(int nid, unsigned long *free)
{
	struct sysinfo info = {};

	if (IS_ENABLED(CONFIG_NUMA))
		si_meminfo_node(&info, nid);
	*free = info.freeram;
	return info.totalram;
}

static unsigned long node_mem_used_bp(struct damon_ctx *ctx, struct damos *s,
				      struct damos_goal_run *goal)
{
	struct node_usage u;
	unsigned long free;

	if (!IS_ENABLED(CONFIG_NUMA) || !has_memory(goal->g.nid))
		return 0;
	u.total = node_pages(goal->g.nid, &free);
	u.used = u.total - free;
	return used_bp(u);
}

static unsigned long node_mem_free_bp(struct damon_ctx *ctx, struct damos *s,
				      struct damos_goal_run *goal)
{
	if (!IS_ENABLED(CONFIG_NUMA))
		return 0;
	return 10000 - node_mem_used_bp(ctx, s, goal);
}

/* By the 16-bit id, which is 0 once the cgroup is gone. */
static struct mem_cgroup *get_memcg(u64 id)
{
	struct mem_cgroup *memcg;

	if (!id || id > U16_MAX)
		return NULL;
	guard(rcu)();
	memcg = mem_cgroup_from_id(id);
	return memcg && mem_cgroup_tryget(memcg) ? memcg : NULL;
}

static unsigned long memcg_lru_pages(struct mem_cgroup *memcg, int nid)
{
	struct lruvec *lruvec;
	unsigned long nr = 0;
	int lru;

	mem_cgroup_flush_stats(memcg);
	lruvec = mem_cgroup_lruvec(memcg, NODE_DATA(nid));
	for (lru = LRU_INACTIVE_ANON; lru <= LRU_ACTIVE_FILE; lru++)
		nr += lruvec_page_state(lruvec, NR_LRU_BASE + lru);
	return nr;
}

static unsigned long node_memcg_used_bp(struct damon_ctx *ctx, struct damos *s,
					struct damos_goal_run *goal)
{
	struct mem_cgroup *memcg;
	struct node_usage u;
	unsigned long free;

	if (!IS_ENABLED(CONFIG_NUMA) || !has_memory(goal->g.nid))
		return 0;
	memcg = get_memcg(goal->g.memcg_id);
	if (!memcg)
		return 0;
	u.used = memcg_lru_pages(memcg, goal->g.nid);
	mem_cgroup_put(memcg);
	u.total = node_pages(goal->g.nid, &free);
	return used_bp(u);
}

static unsigned long node_memcg_free_bp(struct damon_ctx *ctx, struct damos *s,
					struct damos_goal_run *goal)
{
	if (!IS_ENABLED(CONFIG_NUMA))
		return 0;
	return 10000 - node_memcg_used_bp(ctx, s, goal);
}

static unsigned long lru_pages(enum node_stat_item anon, enum node_stat_item file)
{
	return global_node_page_state(anon) + global_node_page_state(file);
}

static unsigned long active_mem_bp(struct damon_ctx *ctx, struct damos *s,
				   struct damos_goal_run *goal)
{
	unsigned long active = lru_pages(NR_ACTIVE_ANON, NR_ACTIVE_FILE);
	unsigned long inactive = lru_pages(NR_INACTIVE_ANON, NR_INACTIVE_FILE);

	return ratio_bp(active, active + inactive);
}

static unsigned long inactive_mem_bp(struct damon_ctx *ctx, struct damos *s,
				     struct damos_goal_run *goal)
{
	unsigned long active = lru_pages(NR_ACTIVE_ANON, NR_ACTIVE_FILE);
	unsigned long inactive = lru_pages(NR_INACTIVE_ANON, NR_INACTIVE_FILE);

	return ratio_bp(inactive, active + inactive);
}

static unsigned long node_eligible_mem_bp(struct damon_ctx *ctx, struct damos *s,
					  struct damos_goal_run *goal)
{
	unsigned int left_bp = damon_window_left_bp(damon_run(ctx));
	u64 on_node = 0, total = 0;
	struct damon_target *t;
	struct damon_region *r;

	if (!has_memory(goal->g.nid) || !ctx->ops.sz_on_node)
		return 0;
	damon_for_each_target(t, ctx) {
		damon_for_each_region(r, t) {
			if (damos_pattern_matches(&s->pattern, r, left_bp))
				ctx->ops.sz_on_node(ctx, r, goal->g.nid, &on_node,
						    &total);
			cond_resched();
		}
	}
	return total ? mul_u64_u64_div_u64(on_node, 10000, total) : 0;
}

const struct damos_goal_kind damos_goal_kinds[] = {
	[DAMOS_QUOTA_USER_INPUT] = { "user_input", user_input },
	[DAMOS_QUOTA_SOME_MEM_PSI_US] = { "some_mem_psi_us", some_mem_psi_us },
	[DAMOS_QUOTA_NODE_MEM_USED_BP] = { "node_mem_used_bp", node_mem_used_bp },
	[DAMOS_QUOTA_NODE_MEM_FREE_BP] = { "node_mem_free_bp", node_mem_free_bp },
	[DAMOS_QUOTA_NODE_MEMCG_USED_BP] = {
		"node_memcg_used_bp", node_memcg_used_bp, .of_memcg = true,
	},
	[DAMOS_QUOTA_NODE_MEMCG_FREE_BP] = {
		"node_memcg_free_bp", node_memcg_free_bp, .of_memcg = true,
	},
	[DAMOS_QUOTA_ACTIVE_MEM_BP] = { "active_mem_bp", active_mem_bp },
	[DAMOS_QUOTA_INACTIVE_MEM_BP] = { "inactive_mem_bp", inactive_mem_bp },
	[DAMOS_QUOTA_NODE_ELIGIBLE_MEM_BP] = {
		"node_eligible_mem_bp", node_eligible_mem_bp, .on_node = true,
	},
};

static_assert(ARRAY_SIZE(damos_goal_kinds) == NR_DAMOS_QUOTA_GOAL_METRICS);

/**
 * damos_goal_metric_name() - Keyword of a metric of goals.
 * @metric:	an &enum damos_quota_goal_metric
 *
 * Return: the keyword, or NULL when there is no such metric.
 */
const char *damos_goal_metric_name(unsigned int metric)
{
	return metric < NR_DAMOS_QUOTA_GOAL_METRICS ?
	       damos_goal_kinds[metric].name : NULL;
}

/**
 * damos_goal_has_memcg() - Tell whether a metric of goals is about cgroups.
 * @metric:	the metric
 *
 * Return: true if &damos_quota_goal.memcg_id matters.
 */
bool damos_goal_has_memcg(enum damos_quota_goal_metric metric)
{
	return damos_goal_kinds[metric].of_memcg;
}

static unsigned long tune_consist(const struct damos_quota *q, unsigned long last,
				  unsigned long score)
{
	return feedback_step(max(last, 10000UL), score);
}

/* As if nothing had to be changed. */
static unsigned long unmeasured_consist(const struct damos_quota *q,
					const struct damos_quota_goal *goal)
{
	return goal->target_value;
}

static unsigned long tune_temporal(const struct damos_quota *q, unsigned long last,
				   unsigned long score)
{
	unsigned long bp;

	if (score >= FEEDBACK_GOAL)
		return 0;
	if (!q->sz || check_mul_overflow(q->sz, 10000UL, &bp))
		return ULONG_MAX;
	return bp;
}

/* Go on with what was done before. */
static unsigned long unmeasured_temporal(const struct damos_quota *q,
					 const struct damos_quota_goal *goal)
{
	return q->esz ? 0 : goal->target_value;
}

const struct damos_tuner_kind damos_tuner_kinds[] = {
	[DAMOS_QUOTA_GOAL_TUNER_CONSIST] = {
		"consist", tune_consist, unmeasured_consist,
	},
	[DAMOS_QUOTA_GOAL_TUNER_TEMPORAL] = {
		"temporal", tune_temporal, unmeasured_temporal,
	},
};

static_assert(ARRAY_SIZE(damos_tuner_kinds) == NR_DAMOS_QUOTA_GOAL_TUNERS);

/**
 * damos_goal_tuner_name() - Keyword of a tuner.
 * @tuner:	an &enum damos_quota_goal_tuner
 *
 * Return: the keyword, or NULL when there is no such tuner.
 */
const char *damos_goal_tuner_name(unsigned int tuner)
{
	return tuner < NR_DAMOS_QUOTA_GOAL_TUNERS ?
	       damos_tuner_kinds[tuner].name : NULL;
}

/**
 * damos_new_quota_goal() - Make a goal, with all arguments 0.
 * @metric:		what to measure
 * @target_value:	what it should be
 *
 * Context: may sleep.
 * Return: the goal, or NULL when memory is short.
 */
struct damos_quota_goal *
damos_new_quota_goal(enum damos_quota_goal_metric metric,
		     unsigned long target_value)
{
	struct damos_goal_run *goal = kzalloc(sizeof(*goal), GFP_KERNEL);

	if (!goal)
		return NULL;
	goal->g.metric = metric;
	goal->g.target_value = target_value;
	goal->last_psi_us = DAMOS_PSI_UNMEASURED;
	INIT_LIST_HEAD(&goal->g.list);
	return &goal->g;
}

/**
 * damos_add_quota_goal() - Append a goal to a quota.
 * @q:	the quota of a scheme
 * @g:	a goal that is in no quota
 *
 * Context: the scheme is not in use, or the kdamond.
 */
void damos_add_quota_goal(struct damos_quota *q, struct damos_quota_goal *g)
{
	list_add_tail(&g->list, &q->goals);
}

/**
 * damos_destroy_quota_goal() - Unlink and free a goal.
 * @g:	the goal, in a quota or not
 *
 * Context: its scheme is not in use, or the kdamond.
 */
void damos_destroy_quota_goal(struct damos_quota_goal *g)
{
	list_del(&g->list);
	kfree(damos_goal_run(g));
}

/* Whether @ctx can work towards the goals of @q. */
bool damos_goals_valid(const struct damon_ctx *ctx, const struct damos_quota *q)
{
	const struct damos_quota_goal *g;

	if (q->goal_tuner >= NR_DAMOS_QUOTA_GOAL_TUNERS)
		return false;
	damos_for_each_quota_goal(g, q) {
		if (g->metric >= NR_DAMOS_QUOTA_GOAL_METRICS || !g->target_value)
			return false;
		if (damos_goal_kinds[g->metric].on_node && !ctx->ops.sz_on_node)
			return false;
	}
	return true;
}

/* Measure the goals; returns the best score. */
static unsigned long measure(struct damon_ctx *ctx, struct damos *s)
{
	const struct damos_goal_kind *kind;
	struct damos_quota_goal *g;
	unsigned long best = 0;

	damos_for_each_quota_goal(g, &s->quota) {
		kind = &damos_goal_kinds[g->metric];
		g->current_value = kind->measure(ctx, s, damos_goal_run(g));
		best = max(best, ratio_bp(g->current_value, g->target_value));
	}
	return best;
}

/* The next size for the goals of @s in 1/10000, given the last one. */
unsigned long damos_tune_goals(struct damon_ctx *ctx, struct damos *s,
			       unsigned long last)
{
	return damos_tuner_kinds[s->quota.goal_tuner].tune(&s->quota, last,
							   measure(ctx, s));
}
