// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/mm/damon/admin: set up, start, and read DAMON.
 *
 * The files are staged parameters; nothing a running kdamond uses.  "on", written
 * to a state file (sysfs-state.c), makes a context of them (sysfs-build.c) and
 * starts it.  Here are the directories from the root to a context.
 *
 * To add a file: its row.
 */

#include <linux/err.h>
#include <linux/slab.h>

#include <kunit/visibility.h>

#include "sysfs.h"

/* &struct damon_sysfs_kdamond */
static struct sdir_array kdamonds;

/* Ranges and attributes */

static const struct sdir_desc region_desc = {
	.size = sizeof(struct damon_addr_range),
	.files = (const struct sdir_file[]) {
		SDIR_ULONG("start", struct damon_addr_range, start),
		SDIR_ULONG("end", struct damon_addr_range, end),
		{}
	},
};

static const struct sdir_desc intervals_goal_desc = {
	.files = (const struct sdir_file[]) {
		SDIR_ULONG("access_bp", struct damon_intervals_goal, access_bp),
		SDIR_ULONG("aggrs", struct damon_intervals_goal, aggrs),
		SDIR_ULONG("min_sample_us", struct damon_intervals_goal,
			   min_sample_us),
		SDIR_ULONG("max_sample_us", struct damon_intervals_goal,
			   max_sample_us),
		{}
	},
};

static const struct sdir_desc intervals_desc = {
	.files = (const struct sdir_file[]) {
		SDIR_ULONG("sample_us", struct damon_attrs, sample_interval),
		SDIR_ULONG("aggr_us", struct damon_attrs, aggr_interval),
		SDIR_ULONG("update_us", struct damon_attrs, ops_update_interval),
		{}
	},
	.children = (const struct sdir_child[]) {
		{ "intervals_goal", &intervals_goal_desc,
		  offsetof(struct damon_attrs, intervals_goal) },
		{}
	},
};

static const struct sdir_desc nr_regions_desc = {
	.files = (const struct sdir_file[]) {
		SDIR_ULONG("min", struct damon_attrs, min_nr_regions),
		SDIR_ULONG("max", struct damon_attrs, max_nr_regions),
		{}
	},
};

/* Probes */

static const struct sdir_keywords probe_types = {
	.nr = NR_DAMON_FILTER_TYPES,
	.name = damon_filter_name,
};

static const struct sdir_desc probe_filter_desc = {
	.size = sizeof(struct damon_sysfs_probe_filter),
	.files = (const struct sdir_file[]) {
		SDIR_KW("type", &probe_types, enum damon_filter_type,
			struct damon_sysfs_probe_filter, filter.type),
		SDIR_BOOL("matching", struct damon_sysfs_probe_filter,
			  filter.matching),
		SDIR_BOOL("allow", struct damon_sysfs_probe_filter, filter.allow),
		SDIR_STR("path", struct damon_sysfs_probe_filter, path),
		{}
	},
};

static const struct sdir_desc probe_filters_desc = {
	.elem = &probe_filter_desc,
	.files = (const struct sdir_file[]) {
		SDIR_NR("nr_filters"),
		{}
	},
};

static const struct sdir_desc probe_desc = {
	.size = sizeof(struct damon_sysfs_probe),
	.files = (const struct sdir_file[]) {
		SDIR_UINT("weight", struct damon_sysfs_probe, weight),
		{}
	},
	.children = (const struct sdir_child[]) {
		{ "filters", &probe_filters_desc,
		  offsetof(struct damon_sysfs_probe, filters) },
		{}
	},
};

static const struct sdir_desc probes_desc = {
	.elem = &probe_desc,
	.max_elems = DAMON_MAX_PROBES,
	.files = (const struct sdir_file[]) {
		SDIR_NR("nr_probes"),
		{}
	},
};

static const struct sdir_desc attrs_desc = {
	.files = (const struct sdir_file[]) {
		SDIR_BOOL("split_hints", struct damon_sysfs_ctx, attrs.split_hints),
		{}
	},
	.children = (const struct sdir_child[]) {
		{ "intervals", &intervals_desc,
		  offsetof(struct damon_sysfs_ctx, attrs) },
		{ "nr_regions", &nr_regions_desc,
		  offsetof(struct damon_sysfs_ctx, attrs) },
		{ "probes", &probes_desc,
		  offsetof(struct damon_sysfs_ctx, probes) },
		{}
	},
};

/* Targets */

static const struct sdir_desc regions_desc = {
	.elem = &region_desc,
	.files = (const struct sdir_file[]) {
		SDIR_NR("nr_regions"),
		{}
	},
};

static const struct sdir_desc target_desc = {
	.size = sizeof(struct damon_sysfs_target),
	.files = (const struct sdir_file[]) {
		SDIR_INT_EINVAL("pid_target", struct damon_sysfs_target, pid),
		SDIR_BOOL("obsolete_target", struct damon_sysfs_target, obsolete),
		{}
	},
	.children = (const struct sdir_child[]) {
		{ "regions", &regions_desc,
		  offsetof(struct damon_sysfs_target, regions) },
		{}
	},
};

static const struct sdir_desc targets_desc = {
	.elem = &target_desc,
	.files = (const struct sdir_file[]) {
		SDIR_NR("nr_targets"),
		{}
	},
};

/* Contexts */

static ssize_t avail_operations_show(void *payload, char *buf)
{
	ssize_t len = 0;
	int id;

	for (id = 0; id < NR_DAMON_OPS; id++) {
		if (damon_is_registered_ops(id))
			len += sysfs_emit_at(buf, len, "%s\n",
					     damon_ops_name(id));
	}
	return len;
}

static const struct sdir_fn avail_operations = {
	.show = avail_operations_show,
};

static const struct sdir_keywords operations = {
	.nr = NR_DAMON_OPS,
	.name = damon_ops_name,
};

static void ctx_init(void *payload)
{
	struct damon_sysfs_ctx *staged = payload;

	staged->addr_unit = 1;
	staged->attrs = damon_default_attrs;
}

static const struct sdir_desc ctx_desc = {
	.size = sizeof(struct damon_sysfs_ctx),
	.init = ctx_init,
	.files = (const struct sdir_file[]) {
		SDIR_FN_RO("avail_operations", &avail_operations),
		SDIR_KW("operations", &operations, enum damon_ops_id,
			struct damon_sysfs_ctx, ops_id),
		SDIR_ULONG_POSITIVE("addr_unit", struct damon_sysfs_ctx, addr_unit),
		SDIR_BOOL("pause", struct damon_sysfs_ctx, pause),
		{}
	},
	.children = (const struct sdir_child[]) {
		{ "monitoring_attrs", &attrs_desc },
		{ "targets", &targets_desc,
		  offsetof(struct damon_sysfs_ctx, targets) },
		{ "schemes", &damon_sysfs_schemes,
		  offsetof(struct damon_sysfs_ctx, schemes) },
		{}
	},
};

VISIBLE_IF_KUNIT const struct sdir_desc damon_sysfs_contexts = {
	.elem = &ctx_desc,
	.max_elems = 1,
	.files = (const struct sdir_file[]) {
		SDIR_NR("nr_contexts"),
		{}
	},
};

/* Kdamonds */

static void kdamond_init(void *payload)
{
	struct damon_sysfs_kdamond *k = payload;

	mutex_init(&k->ctx_mutex);
	spin_lock_init(&k->ctx_lock);
}

static void kdamond_release(void *payload)
{
	struct damon_sysfs_kdamond *k = payload;

	if (k->ctx)
		damon_destroy_ctx(k->ctx);
}

static const struct sdir_desc kdamond_desc = {
	.has_lock = true,
	.size = sizeof(struct damon_sysfs_kdamond),
	.init = kdamond_init,
	.release = kdamond_release,
	.files = (const struct sdir_file[]) {
		SDIR_FN("state", &damon_sysfs_state),
		SDIR_FN_RO("pid", &damon_sysfs_pid),
		SDIR_UINT("refresh_ms", struct damon_sysfs_kdamond, refresh_ms),
		{}
	},
	.children = (const struct sdir_child[]) {
		{ "contexts", &damon_sysfs_contexts,
		  offsetof(struct damon_sysfs_kdamond, contexts) },
		{}
	},
};

static int all_are_off(const struct sdir_array *array)
{
	unsigned int i;

	for (i = 0; i < array->nr; i++) {
		if (damon_sysfs_is_running(sdir_elem(array, i)))
			return -EBUSY;
	}
	return 0;
}

static const struct sdir_desc kdamonds_desc = {
	.elem = &kdamond_desc,
	.may_resize = all_are_off,
	.files = (const struct sdir_file[]) {
		SDIR_NR("nr_kdamonds"),
		{}
	},
};

static const struct sdir_desc admin_desc = {
	.children = (const struct sdir_child[]) {
		{ "kdamonds", &kdamonds_desc },
		{}
	},
};

static int __init damon_sysfs_init(void)
{
	struct kobject *damon = kobject_create_and_add("damon", mm_kobj);
	struct sdir *dir;

	if (!damon)
		return -ENOMEM;
	dir = sdir_create(damon, "admin", &admin_desc, &kdamonds);
	if (IS_ERR(dir))
		kobject_put(damon);
	return PTR_ERR_OR_ZERO(dir);
}
subsys_initcall(damon_sysfs_init);
