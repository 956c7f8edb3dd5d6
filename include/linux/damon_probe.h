/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Probes: what the memory in a region is, rather than whether it is accessed.
 *
 * At each sample of a region, every probe of the context tells whether the
 * sampled memory has an attribute, its filters decide which.  Hits are counted
 * like accesses.  As soon as a probe has a weight, the sum of hits times weights
 * takes the place of the access count where regions are merged and age, and
 * accesses are not checked any more.  Included by linux/damon.h.
 */
#ifndef _LINUX_DAMON_PROBE_H
#define _LINUX_DAMON_PROBE_H

#include <linux/list.h>
#include <linux/types.h>

struct damon_ctx;
struct damon_region;

/* Most probes of a context. */
#define DAMON_MAX_PROBES	4

/**
 * enum damon_filter_type - What a filter of a probe looks at.
 * @DAMON_FILTER_TYPE_ANON:	anonymous memory
 * @DAMON_FILTER_TYPE_MEMCG:	memory of a cgroup
 * @NR_DAMON_FILTER_TYPES:	number of types
 */
enum damon_filter_type {
	DAMON_FILTER_TYPE_ANON,
	DAMON_FILTER_TYPE_MEMCG,
	NR_DAMON_FILTER_TYPES,
};

/**
 * struct damon_filter - A condition of a probe.
 * @type:	what to look at
 * @matching:	decide about what is, rather than what is not, of that type
 * @allow:	it is a hit, rather than none
 * @memcg_id:	mem_cgroup_id(), for DAMON_FILTER_TYPE_MEMCG
 * @list:	link in &damon_probe.filters
 *
 * The first filter to decide counts.  If none does, it is a hit unless the last
 * filter allows.  Memory that is not on an LRU list is of no type.
 *
 * Allocated by damon_new_filter() only.
 */
struct damon_filter {
	enum damon_filter_type type;
	bool matching;
	bool allow;
	u64 memcg_id;
	struct list_head list;
};

/**
 * struct damon_probe - An attribute to look for.
 * @weight:	of its hits; 0 if they only count
 * @filters:	list of &struct damon_filter
 * @list:	link in &damon_ctx.probes
 *
 * Allocated by damon_new_probe() only.
 */
struct damon_probe {
	unsigned int weight;
	struct list_head filters;
	struct list_head list;
};

/**
 * damon_for_each_probe_safe() - As damon_for_each_probe(), and allow removal.
 * @p:		set to each probe in turn; may be destroyed
 * @tmp:	for use by this macro
 * @ctx:	the context
 */
#define damon_for_each_probe_safe(p, tmp, ctx)				\
	list_for_each_entry_safe(p, tmp, &(ctx)->probes, list)

/**
 * damon_for_each_probe() - Go through the probes of a context.
 * @p:		set to each probe in turn
 * @ctx:	the context
 */
#define damon_for_each_probe(p, ctx)					\
	list_for_each_entry(p, &(ctx)->probes, list)

/**
 * damon_for_each_filter_safe() - As damon_for_each_filter(), and allow removal.
 * @f:		set to each filter in turn; may be destroyed
 * @tmp:	for use by this macro
 * @probe:	the probe
 */
#define damon_for_each_filter_safe(f, tmp, probe)			\
	list_for_each_entry_safe(f, tmp, &(probe)->filters, list)

/**
 * damon_for_each_filter() - Go through the filters of a probe.
 * @f:		set to each filter in turn
 * @probe:	the probe
 */
#define damon_for_each_filter(f, probe)					\
	list_for_each_entry(f, &(probe)->filters, list)

struct damon_probe *damon_new_probe(void);
void damon_add_probe(struct damon_ctx *ctx, struct damon_probe *probe);
void damon_destroy_probe(struct damon_probe *probe);
struct damon_filter *damon_new_filter(enum damon_filter_type type,
				      bool matching, bool allow);
void damon_add_filter(struct damon_probe *probe, struct damon_filter *f);
void damon_destroy_filter(struct damon_filter *f);
const char *damon_filter_name(unsigned int type);
bool damon_filter_has_memcg(enum damon_filter_type type);

unsigned char damon_probe_hits_mvsum(int idx, const struct damon_region *r,
				     struct damon_ctx *ctx);
unsigned int damon_probe_hits_wsum(const struct damon_region *r, bool last,
				   struct damon_ctx *ctx);

#endif
