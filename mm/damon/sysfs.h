/* SPDX-License-Identifier: GPL-2.0 */
/* What sysfs.c and sysfs-schemes.c know of each other. */
#ifndef _MM_DAMON_SYSFS_H
#define _MM_DAMON_SYSFS_H

#include <linux/damon.h>

#include "sysfs-dir.h"

/* sysfs-schemes.c */
extern const struct sdir_desc damon_sysfs_schemes;

int damon_sysfs_add_schemes(struct damon_ctx *ctx,
			    const struct sdir_array *schemes);
void damon_sysfs_clear_tried(const struct sdir_array *schemes);
int damon_sysfs_update_tried(struct damon_ctx *ctx,
			     const struct sdir_array *schemes, bool regions);

/**
 * struct damon_sysfs_target - A target directory.
 * @pid:	of the process to monitor
 * @regions:	&struct damon_addr_range to start from
 */
struct damon_sysfs_target {
	int pid;
	struct sdir_array regions;
};

/**
 * struct damon_sysfs_ctx - A context directory.
 * @ops_id:	operations set
 * @attrs:	monitoring attributes
 * @targets:	&struct damon_sysfs_target
 * @schemes:	of sysfs-schemes.c
 */
struct damon_sysfs_ctx {
	enum damon_ops_id ops_id;
	struct damon_attrs attrs;
	struct sdir_array targets;
	struct sdir_array schemes;
};

#if IS_ENABLED(CONFIG_KUNIT)
/* sysfs.c */
struct damon_ctx *damon_sysfs_build_ctx(const struct damon_sysfs_ctx *staged);
#endif

#endif
