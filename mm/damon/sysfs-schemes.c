// SPDX-License-Identifier: GPL-2.0
/*
 * The directories below a context's schemes.
 *
 * To add a file: its row.
 */

#include "sysfs.h"

/* Access patterns */

static const struct sdir_desc bounds_desc = {
	.files = (const struct sdir_file[]) {
		SDIR_ULONG("min", struct damon_sysfs_bounds, min),
		SDIR_ULONG("max", struct damon_sysfs_bounds, max),
		{}
	},
};

static const struct sdir_desc access_pattern_desc = {
	.children = (const struct sdir_child[]) {
		{ "sz", &bounds_desc, offsetof(struct damon_sysfs_scheme, sz) },
		{ "nr_accesses", &bounds_desc,
		  offsetof(struct damon_sysfs_scheme, nr_accesses) },
		{ "age", &bounds_desc, offsetof(struct damon_sysfs_scheme, age) },
		{}
	},
};

/* Destinations */

static const struct sdir_desc dest_desc = {
	.size = sizeof(struct damon_sysfs_dest),
	.files = (const struct sdir_file[]) {
		SDIR_UINT("id", struct damon_sysfs_dest, id),
		SDIR_UINT("weight", struct damon_sysfs_dest, weight),
		{}
	},
};

static const struct sdir_desc dests_desc = {
	.elem = &dest_desc,
	.files = (const struct sdir_file[]) {
		SDIR_NR("nr_dests"),
		{}
	},
};

/* Quotas */

static const struct sdir_keywords metrics = {
	.nr = NR_DAMOS_QUOTA_GOAL_METRICS,
	.name = damos_goal_metric_name,
};

static const struct sdir_desc goal_desc = {
	.size = sizeof(struct damon_sysfs_goal),
	.files = (const struct sdir_file[]) {
		SDIR_KW("target_metric", &metrics, enum damos_quota_goal_metric,
			struct damon_sysfs_goal, goal.metric),
		SDIR_ULONG("target_value", struct damon_sysfs_goal,
			   goal.target_value),
		SDIR_ULONG("current_value", struct damon_sysfs_goal,
			   goal.current_value),
		SDIR_INT("nid", struct damon_sysfs_goal, goal.nid),
		SDIR_STR("path", struct damon_sysfs_goal, path),
		{}
	},
};

static const struct sdir_desc goals_desc = {
	.elem = &goal_desc,
	.files = (const struct sdir_file[]) {
		SDIR_NR("nr_goals"),
		{}
	},
};

static const struct sdir_desc weights_desc = {
	.files = (const struct sdir_file[]) {
		SDIR_UINT("sz_permil", struct damos_quota, weight_sz),
		SDIR_UINT("nr_accesses_permil", struct damos_quota,
			  weight_nr_accesses),
		SDIR_UINT("age_permil", struct damos_quota, weight_age),
		{}
	},
};

static const struct sdir_keywords tuners = {
	.nr = NR_DAMOS_QUOTA_GOAL_TUNERS,
	.name = damos_goal_tuner_name,
};

static const struct sdir_desc quotas_desc = {
	.files = (const struct sdir_file[]) {
		SDIR_ULONG_EINVAL("ms", struct damon_sysfs_scheme, s.quota.ms),
		SDIR_ULONG_EINVAL("bytes", struct damon_sysfs_scheme, s.quota.sz),
		SDIR_ULONG_EINVAL("reset_interval_ms", struct damon_sysfs_scheme,
				  s.quota.reset_interval),
		SDIR_ULONG_RO("effective_bytes", struct damon_sysfs_scheme,
			      s.quota.esz),
		SDIR_KW("goal_tuner", &tuners, enum damos_quota_goal_tuner,
			struct damon_sysfs_scheme, s.quota.goal_tuner),
		SDIR_UINT_EINVAL("fail_charge_num", struct damon_sysfs_scheme,
				 s.quota.fail_charge_num),
		SDIR_UINT_EINVAL("fail_charge_denom", struct damon_sysfs_scheme,
				 s.quota.fail_charge_denom),
		{}
	},
	.children = (const struct sdir_child[]) {
		{ "weights", &weights_desc,
		  offsetof(struct damon_sysfs_scheme, s.quota) },
		{ "goals", &goals_desc,
		  offsetof(struct damon_sysfs_scheme, goals) },
		{}
	},
};

/* Watermarks */

static const struct sdir_keywords wmark_metrics = {
	.nr = NR_DAMOS_WMARK_METRICS,
	.name = damos_wmark_metric_name,
};

static const struct sdir_desc watermarks_desc = {
	.files = (const struct sdir_file[]) {
		SDIR_KW("metric", &wmark_metrics, enum damos_wmark_metric,
			struct damos_watermarks, metric),
		SDIR_ULONG("interval_us", struct damos_watermarks, interval),
		SDIR_ULONG("high", struct damos_watermarks, high),
		SDIR_ULONG("mid", struct damos_watermarks, mid),
		SDIR_ULONG("low", struct damos_watermarks, low),
		{}
	},
};

/* Filters, which differ in the types that can be chosen */

static bool for_ops(unsigned int type)
{
	return damos_filter_for_ops(type);
}

static bool for_core(unsigned int type)
{
	return !damos_filter_for_ops(type);
}

static const struct sdir_keywords types = {
	.nr = NR_DAMOS_FILTER_TYPES,
	.name = damos_filter_name,
};

static const struct sdir_keywords core_types = {
	.nr = NR_DAMOS_FILTER_TYPES,
	.name = damos_filter_name,
	.accepts = for_core,
};

static const struct sdir_keywords ops_types = {
	.nr = NR_DAMOS_FILTER_TYPES,
	.name = damos_filter_name,
	.accepts = for_ops,
};

#define FILTER_DESC(_types) {						\
	.size = sizeof(struct damon_sysfs_filter),			\
	.files = (const struct sdir_file[]) {				\
		SDIR_KW("type", _types, enum damos_filter_type,		\
			struct damon_sysfs_filter, filter.type),	\
		SDIR_BOOL("matching", struct damon_sysfs_filter,	\
			  filter.matching),				\
		SDIR_BOOL("allow", struct damon_sysfs_filter, filter.allow), \
		SDIR_STR("memcg_path", struct damon_sysfs_filter, path), \
		SDIR_ULONG("addr_start", struct damon_sysfs_filter,	\
			   filter.addr_range.start),			\
		SDIR_ULONG("addr_end", struct damon_sysfs_filter,	\
			   filter.addr_range.end),			\
		SDIR_ULONG("min", struct damon_sysfs_filter,		\
			   filter.sz_range.min),			\
		SDIR_ULONG("max", struct damon_sysfs_filter,		\
			   filter.sz_range.max),			\
		SDIR_INT("damon_target_idx", struct damon_sysfs_filter,	\
			 filter.target_idx),				\
		{}							\
	},								\
}

#define FILTERS_DESC(_filter_desc) {					\
	.elem = _filter_desc,						\
	.files = (const struct sdir_file[]) {				\
		SDIR_NR("nr_filters"),					\
		{}							\
	},								\
}

static const struct sdir_desc filter_desc = FILTER_DESC(&types);
static const struct sdir_desc core_filter_desc = FILTER_DESC(&core_types);
static const struct sdir_desc ops_filter_desc = FILTER_DESC(&ops_types);
static const struct sdir_desc filters_desc = FILTERS_DESC(&filter_desc);
static const struct sdir_desc core_filters_desc = FILTERS_DESC(&core_filter_desc);
static const struct sdir_desc ops_filters_desc = FILTERS_DESC(&ops_filter_desc);

/* Results */

static const struct sdir_desc stats_desc = {
	.files = (const struct sdir_file[]) {
		SDIR_ULONG_RO("nr_tried", struct damos, stat.nr_tried),
		SDIR_ULONG_RO("sz_tried", struct damos, stat.sz_tried),
		SDIR_ULONG_RO("nr_applied", struct damos, stat.nr_applied),
		SDIR_ULONG_RO("sz_applied", struct damos, stat.sz_applied),
		SDIR_ULONG_RO("sz_ops_filter_passed", struct damos,
			      stat.sz_ops_filter_passed),
		SDIR_ULONG_RO("qt_exceeds", struct damos, stat.qt_exceeds),
		SDIR_ULONG_RO("nr_snapshots", struct damos, stat.nr_snapshots),
		SDIR_ULONG("max_nr_snapshots", struct damos, max_nr_snapshots),
		{}
	},
};

/* Schemes */

static const struct sdir_keywords actions = {
	.nr = NR_DAMOS_ACTIONS,
	.name = damos_action_name,
};

static void scheme_init(void *payload)
{
	struct damon_sysfs_scheme *staged = payload;

	staged->s.action = DAMOS_STAT;
	staged->s.target_nid = NUMA_NO_NODE;
}

static const struct sdir_desc scheme_desc = {
	.size = sizeof(struct damon_sysfs_scheme),
	.init = scheme_init,
	.files = (const struct sdir_file[]) {
		SDIR_KW("action", &actions, enum damos_action,
			struct damon_sysfs_scheme, s.action),
		SDIR_INT("target_nid", struct damon_sysfs_scheme, s.target_nid),
		SDIR_ULONG("apply_interval_us", struct damon_sysfs_scheme,
			   s.apply_interval_us),
		{}
	},
	.children = (const struct sdir_child[]) {
		{ "access_pattern", &access_pattern_desc },
		{ "dests", &dests_desc, offsetof(struct damon_sysfs_scheme, dests) },
		{ "quotas", &quotas_desc },
		{ "watermarks", &watermarks_desc,
		  offsetof(struct damon_sysfs_scheme, s.wmarks) },
		{ "filters", &filters_desc,
		  offsetof(struct damon_sysfs_scheme, filters) },
		{ "core_filters", &core_filters_desc,
		  offsetof(struct damon_sysfs_scheme, core_filters) },
		{ "ops_filters", &ops_filters_desc,
		  offsetof(struct damon_sysfs_scheme, ops_filters) },
		{ "stats", &stats_desc, offsetof(struct damon_sysfs_scheme, s) },
		{ "tried_regions", &damon_sysfs_tried,
		  offsetof(struct damon_sysfs_scheme, tried) },
		{}
	},
};

const struct sdir_desc damon_sysfs_schemes = {
	.elem = &scheme_desc,
	.files = (const struct sdir_file[]) {
		SDIR_NR("nr_schemes"),
		{}
	},
};
