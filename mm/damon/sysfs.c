// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/mm/damon/admin: set up, start, and read DAMON.
 *
 * The files are staged parameters; nothing a running kdamond uses.  "on" makes
 * a context of them and starts it.  sdir_lock is held while a command written
 * to a state file is carried out, so what a command works on stays.  A kdamond
 * never takes it: while a command waits for a kdamond, functions the kdamond
 * calls for it may work on the directories in its stead.
 *
 * To add a file: its row.  To add a command: its row in commands[].
 */

#include <linux/err.h>
#include <linux/pid.h>
#include <linux/slab.h>

#include <kunit/visibility.h>

#include "sysfs.h"

/**
 * struct kdamond - A kdamond directory.
 * @contexts:	&struct damon_sysfs_ctx, one at most
 * @ctx:	the context that was last started, running or not; NULL if none
 */
struct kdamond {
	struct sdir_array contexts;
	struct damon_ctx *ctx;
};

/* &struct kdamond */
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

static const struct sdir_desc intervals_desc = {
	.files = (const struct sdir_file[]) {
		SDIR_ULONG("sample_us", struct damon_attrs, sample_interval),
		SDIR_ULONG("aggr_us", struct damon_attrs, aggr_interval),
		SDIR_ULONG("update_us", struct damon_attrs, ops_update_interval),
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

static const struct sdir_desc attrs_desc = {
	.children = (const struct sdir_child[]) {
		{ "intervals", &intervals_desc },
		{ "nr_regions", &nr_regions_desc },
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

static ssize_t avail_operations_show(const void *payload, char *buf)
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

	staged->attrs = damon_default_attrs;
}

static const struct sdir_desc ctx_desc = {
	.size = sizeof(struct damon_sysfs_ctx),
	.init = ctx_init,
	.files = (const struct sdir_file[]) {
		SDIR_FN_RO("avail_operations", &avail_operations),
		SDIR_KW("operations", &operations, enum damon_ops_id,
			struct damon_sysfs_ctx, ops_id),
		{}
	},
	.children = (const struct sdir_child[]) {
		{ "monitoring_attrs", &attrs_desc,
		  offsetof(struct damon_sysfs_ctx, attrs) },
		{ "targets", &targets_desc,
		  offsetof(struct damon_sysfs_ctx, targets) },
		{ "schemes", &damon_sysfs_schemes,
		  offsetof(struct damon_sysfs_ctx, schemes) },
		{}
	},
};

static const struct sdir_desc contexts_desc = {
	.elem = &ctx_desc,
	.max_elems = 1,
	.files = (const struct sdir_file[]) {
		SDIR_NR("nr_contexts"),
		{}
	},
};

/* Building a context */

static int set_regions(struct damon_target *t, const struct sdir_array *regions,
		       unsigned long min_region_sz)
{
	struct damon_addr_range *ranges;
	unsigned int i;
	int err;

	if (!regions->nr)
		return 0;
	ranges = kvmalloc_array(regions->nr, sizeof(*ranges), GFP_KERNEL);
	if (!ranges)
		return -ENOMEM;
	for (i = 0; i < regions->nr; i++)
		ranges[i] = *(struct damon_addr_range *)sdir_elem(regions, i);
	err = damon_set_regions(t, ranges, regions->nr, min_region_sz);
	kvfree(ranges);
	return err;
}

static int add_target(struct damon_ctx *ctx,
		      const struct damon_sysfs_target *staged)
{
	struct damon_target *t = damon_new_target();

	if (!t)
		return -ENOMEM;
	damon_add_target(ctx, t);
	if (damon_target_has_pid(ctx)) {
		t->pid = find_get_pid(staged->pid);
		if (!t->pid)
			return -EINVAL;
	}
	return set_regions(t, &staged->regions, ctx->min_region_sz);
}

static int add_targets(struct damon_ctx *ctx, const struct sdir_array *targets)
{
	unsigned int i;
	int err = 0;

	if (!damon_target_has_pid(ctx) && targets->nr > 1)
		return -EINVAL;
	for (i = 0; !err && i < targets->nr; i++)
		err = add_target(ctx, sdir_elem(targets, i));
	return err;
}

static int fill_ctx(struct damon_ctx *ctx, const struct damon_sysfs_ctx *staged)
{
	/* Files may be written to meanwhile: use what was checked. */
	const struct damon_attrs attrs = staged->attrs;

	return damon_select_ops(ctx, staged->ops_id) ?:
	       damon_set_attrs(ctx, &attrs) ?:
	       add_targets(ctx, &staged->targets) ?:
	       damon_sysfs_add_schemes(ctx, &staged->schemes);
}

/* A context of what is staged, or an ERR_PTR(). */
VISIBLE_IF_KUNIT struct damon_ctx *
damon_sysfs_build_ctx(const struct damon_sysfs_ctx *staged)
{
	struct damon_ctx *ctx = damon_new_ctx();
	int err;

	if (!ctx)
		return ERR_PTR(-ENOMEM);
	err = fill_ctx(ctx, staged);
	if (!err)
		return ctx;
	damon_destroy_ctx(ctx);
	return ERR_PTR(err);
}

/* Commands */

static bool is_running(const struct kdamond *k)
{
	return k->ctx && damon_is_running(k->ctx);
}

static struct damon_sysfs_ctx *staged_ctx(const struct kdamond *k)
{
	return sdir_elem(&k->contexts, 0);
}

/* The context of an earlier run is kept unless the new one runs. */
static int turn_on(struct kdamond *k)
{
	struct damon_ctx *ctx;
	int err;

	if (is_running(k))
		return -EBUSY;
	ctx = damon_sysfs_build_ctx(staged_ctx(k));
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	err = damon_start(&ctx, 1, false);
	if (!err)
		swap(k->ctx, ctx);
	if (ctx)
		damon_destroy_ctx(ctx);
	return err;
}

static int turn_off(struct kdamond *k)
{
	if (!k->ctx)
		return -EINVAL;
	damon_stop(&k->ctx, 1);
	return 0;
}

static int update_tried(struct kdamond *k, bool regions)
{
	if (!k->ctx)
		return -EINVAL;
	/* What an ended run has left is kept. */
	if (!is_running(k))
		return -ECANCELED;
	return damon_sysfs_update_tried(k->ctx, &staged_ctx(k)->schemes, regions);
}

static int update_tried_regions(struct kdamond *k)
{
	return update_tried(k, true);
}

static int update_tried_bytes(struct kdamond *k)
{
	return update_tried(k, false);
}

static int clear_tried_regions(struct kdamond *k)
{
	damon_sysfs_clear_tried(&staged_ctx(k)->schemes);
	return 0;
}

/**
 * struct command - What can be written to a state file.
 * @name:	keyword
 * @run:	carry it out; under sdir_lock
 * @no_ctx:	does not need a context directory
 */
struct command {
	const char *name;
	int (*run)(struct kdamond *k);
	bool no_ctx;
};

static const struct command commands[] = {
	{ "on", turn_on },
	{ "off", turn_off, .no_ctx = true },
	{ "update_schemes_tried_bytes", update_tried_bytes },
	{ "update_schemes_tried_regions", update_tried_regions },
	{ "clear_schemes_tried_regions", clear_tried_regions },
};

static int state_store(void *payload, const char *buf)
{
	struct kdamond *k = payload;
	const struct command *c;

	for (c = commands; c < commands + ARRAY_SIZE(commands); c++) {
		if (!sysfs_streq(buf, c->name))
			continue;
		return c->no_ctx || k->contexts.nr ? c->run(k) : -EINVAL;
	}
	return -EINVAL;
}

static ssize_t state_show(const void *payload, char *buf)
{
	return sysfs_emit(buf, "%s\n", is_running(payload) ? "on" : "off");
}

static const struct sdir_fn state = {
	.show = state_show,
	.store = state_store,
};

static ssize_t pid_show(const void *payload, char *buf)
{
	const struct kdamond *k = payload;
	int pid = k->ctx ? damon_kdamond_pid(k->ctx) : -EINVAL;

	return sysfs_emit(buf, "%d\n", max(pid, -1));
}

static const struct sdir_fn pid = {
	.show = pid_show,
};

/* Kdamonds */

static void kdamond_release(void *payload)
{
	struct kdamond *k = payload;

	if (k->ctx)
		damon_destroy_ctx(k->ctx);
}

static const struct sdir_desc kdamond_desc = {
	.size = sizeof(struct kdamond),
	.release = kdamond_release,
	.files = (const struct sdir_file[]) {
		SDIR_LOCKED_FN("state", &state),
		SDIR_LOCKED_FN_RO("pid", &pid),
		{}
	},
	.children = (const struct sdir_child[]) {
		{ "contexts", &contexts_desc, offsetof(struct kdamond, contexts) },
		{}
	},
};

static int all_are_off(const struct sdir_array *array)
{
	unsigned int i;

	for (i = 0; i < array->nr; i++) {
		if (is_running(sdir_elem(array, i)))
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
