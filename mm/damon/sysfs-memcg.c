// SPDX-License-Identifier: GPL-2.0
/*
 * Cgroups by their path.  Users name them as seen from where the root of the
 * hierarchy is mounted, with at most one newline behind.  DAMON knows them by
 * the id of 16 bits, which a cgroup loses when it is gone; so what is found
 * here need not be there later.
 */

#include <linux/cgroup.h>
#include <linux/memcontrol.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "sysfs.h"

static bool is_named(struct mem_cgroup *memcg, const char *path, char *buf)
{
	return mem_cgroup_online(memcg) && mem_cgroup_id(memcg) &&
	       cgroup_path(memcg->css.cgroup, buf, PATH_MAX) > 0 &&
	       sysfs_streq(path, buf);
}

/**
 * damon_sysfs_find_memcg() - Find a memory cgroup that is online.
 * @path:	of the cgroup, may be NULL
 * @id:		set to its mem_cgroup_id(), if there is one
 *
 * Context: may sleep.
 * Return: 0; -EINVAL if there is no such cgroup, -ENOMEM.
 */
int damon_sysfs_find_memcg(const char *path, u64 *id)
{
	struct mem_cgroup *memcg = NULL;
	char *buf;

	if (!path)
		return -EINVAL;
	buf = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	do {
		memcg = mem_cgroup_iter(NULL, memcg, NULL);
	} while (memcg && !is_named(memcg, path, buf));
	kfree(buf);
	if (!memcg)
		return -EINVAL;
	*id = mem_cgroup_id(memcg);
	mem_cgroup_iter_break(NULL, memcg);
	return 0;
}
