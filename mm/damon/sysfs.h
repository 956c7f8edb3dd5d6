/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is staged, and what the files of DAMON's sysfs interface know of each
 * other.
 *
 * A numbered directory has one of these structs, which embeds the parameters
 * it stages.  Of the embedded structs only what a file shows is used.
 */
#ifndef _MM_DAMON_SYSFS_H
#define _MM_DAMON_SYSFS_H

#include <linux/damon.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

#include "sysfs-dir.h"

/**
 * struct damon_sysfs_goal - A directory of a goal.
 * @goal:	the parameters
 * @path:	of the cgroup
 */
struct damon_sysfs_goal {
	struct damos_quota_goal goal;
	char *path;
};

/**
 * struct damon_sysfs_filter - A directory of a filter.
 * @filter:	the parameters
 * @path:	of the cgroup
 */
struct damon_sysfs_filter {
	struct damos_filter filter;
	char *path;
};

/**
 * struct damon_sysfs_dest - A directory of a node to migrate to.
 * @id:		the node
 * @weight:	relative to those of the others
 */
struct damon_sysfs_dest {
	unsigned int id;
	unsigned int weight;
};

/**
 * struct damon_sysfs_bounds - Bounds of an access pattern, inclusive.
 * @min:	lower
 * @max:	upper; as wide as users write it
 */
struct damon_sysfs_bounds {
	unsigned long min;
	unsigned long max;
};

/**
 * struct damon_sysfs_tried - What a scheme was last seen to be applied to.
 * @regions:	of sysfs-tried.c
 * @total_bytes: size of all those regions, in core address units
 */
struct damon_sysfs_tried {
	struct sdir_array regions;
	unsigned long total_bytes;
};

/**
 * struct damon_sysfs_scheme - A directory of a scheme.
 * @s:		the parameters, and results as of the last update
 * @sz:		for &damos.pattern
 * @nr_accesses: for &damos.pattern
 * @age:	for &damos.pattern
 * @dests:	&struct damon_sysfs_dest
 * @goals:	&struct damon_sysfs_goal
 * @filters:	&struct damon_sysfs_filter
 * @core_filters: the same, for the core only
 * @ops_filters: the same, for the operations set only
 * @tried:	regions the scheme was applied to
 */
struct damon_sysfs_scheme {
	struct damos s;
	struct damon_sysfs_bounds sz;
	struct damon_sysfs_bounds nr_accesses;
	struct damon_sysfs_bounds age;
	struct sdir_array dests;
	struct sdir_array goals;
	struct sdir_array filters;
	struct sdir_array core_filters;
	struct sdir_array ops_filters;
	struct damon_sysfs_tried tried;
};

/**
 * struct damon_sysfs_target - A directory of a target.
 * @pid:	of the process to monitor
 * @obsolete:	remove the target that runs under this number
 * @regions:	&struct damon_addr_range to start from
 */
struct damon_sysfs_target {
	int pid;
	bool obsolete;
	struct sdir_array regions;
};

/**
 * struct damon_sysfs_probe_filter - A directory of a filter of a probe.
 * @filter:	the parameters
 * @path:	of the cgroup
 */
struct damon_sysfs_probe_filter {
	struct damon_filter filter;
	char *path;
};

/**
 * struct damon_sysfs_probe - A directory of a probe.
 * @weight:	see &struct damon_probe
 * @filters:	&struct damon_sysfs_probe_filter
 */
struct damon_sysfs_probe {
	unsigned int weight;
	struct sdir_array filters;
};

/**
 * struct damon_sysfs_ctx - A directory of a context.
 * @ops_id:	operations set
 * @addr_unit:	see &struct damon_ctx
 * @pause:	see &struct damon_ctx
 * @attrs:	monitoring attributes
 * @probes:	&struct damon_sysfs_probe
 * @targets:	&struct damon_sysfs_target
 * @schemes:	&struct damon_sysfs_scheme
 */
struct damon_sysfs_ctx {
	enum damon_ops_id ops_id;
	unsigned long addr_unit;
	bool pause;
	struct damon_attrs attrs;
	struct sdir_array probes;
	struct sdir_array targets;
	struct sdir_array schemes;
};

/**
 * struct damon_sysfs_kdamond - A directory of a kdamond.
 * @contexts:	&struct damon_sysfs_ctx, one at most
 * @ctx_mutex:	held while @ctx is being stopped
 * @ctx_lock:	held while @ctx is looked at
 * @ctx:	the context that was last started, running or not; NULL if none.
 *		Exchanged with the directory and both of the above locked
 * @refresh_ms:	how often to fetch results of a running context, 0 for never
 * @refresh:	the call that does; the kdamond's while @ctx runs
 * @next_refresh: when, jiffies of 64 bits; as @refresh
 */
struct damon_sysfs_kdamond {
	struct sdir_array contexts;
	struct mutex ctx_mutex; /* see above */
	spinlock_t ctx_lock; /* see above */
	struct damon_ctx *ctx;
	unsigned int refresh_ms;
	struct damon_call_control refresh;
	u64 next_refresh;
};

/* sysfs.c */
#if IS_ENABLED(CONFIG_KUNIT)
extern const struct sdir_desc damon_sysfs_contexts;
#endif

/* sysfs-schemes.c */
extern const struct sdir_desc damon_sysfs_schemes;

/* sysfs-tried.c */
extern const struct sdir_desc damon_sysfs_tried;

void damon_sysfs_clear_tried(const struct sdir_array *schemes);
int damon_sysfs_update_tried(struct damon_ctx *ctx,
			     const struct sdir_array *schemes, bool regions);

/* sysfs-build.c */
struct damon_ctx *damon_sysfs_build_ctx(const struct damon_sysfs_ctx *staged,
					struct pid_namespace *ns);
int damon_sysfs_commit_goals(struct damon_ctx *ctx,
			     const struct sdir_array *schemes);

/* sysfs-state.c */
extern const struct sdir_fn damon_sysfs_state, damon_sysfs_pid;

bool damon_sysfs_is_running(const struct damon_sysfs_kdamond *k);

/* sysfs-memcg.c */
#ifdef CONFIG_MEMCG
int damon_sysfs_find_memcg(const char *path, u64 *id);
#else
static inline int damon_sysfs_find_memcg(const char *path, u64 *id)
{
	return -EINVAL;
}
#endif

#endif
