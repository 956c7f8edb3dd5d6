/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Allocations of a test that fail on purpose.
 *
 * fail_nth() has the n-th allocation of the current task fail, by failslab,
 * which ignores allocations that may reclaim unless its debugfs file says not
 * to.  fail_begin() does so for the duration of a test.  It also exempts the
 * caches of checkers such as kmemleak: these allocate along with the code under
 * test, which does not learn of their failures.
 */
#ifndef _MM_DAMON_TESTS_FAIL_H
#define _MM_DAMON_TESTS_FAIL_H

#include <linux/debugfs.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../../slab.h"
#include "helpers.h"

#if IS_ENABLED(CONFIG_FAILSLAB) && IS_ENABLED(CONFIG_FAULT_INJECTION_DEBUG_FS)

static inline void *failslab_file(struct kunit *test, const char *name)
{
	struct dentry *dir = debugfs_lookup("failslab", NULL), *file;
	void *data;

	KUNIT_ASSERT_NOT_NULL(test, dir);
	file = debugfs_lookup(name, dir);
	dput(dir);
	KUNIT_ASSERT_NOT_NULL(test, file);
	data = d_inode(file)->i_private;
	dput(file);
	return data;
}

struct fail_settings {
	unsigned long *verbose, was_verbose;
	bool *ignore_reclaim, *cache_filter;
};

/* What is not traced for leaks is a checker's. */
static inline void fail_in_caches(bool fail)
{
	struct kmem_cache *s;

	guard(mutex)(&slab_mutex);
	list_for_each_entry(s, &slab_caches, list) {
		if (!(s->flags & SLAB_NOLEAKTRACE))
			WRITE_ONCE(s->flags, fail ? s->flags | SLAB_FAILSLAB :
						    s->flags & ~SLAB_FAILSLAB);
	}
}

static inline void fail_restore(void *data)
{
	struct fail_settings *set = data;

	current->fail_nth = 0;
	*set->verbose = set->was_verbose;
	*set->ignore_reclaim = true;
	*set->cache_filter = false;
	fail_in_caches(false);
}

static inline void fail_begin(struct kunit *test)
{
	struct fail_settings *set = kunit_kzalloc(test, sizeof(*set), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, set);
	set->verbose = failslab_file(test, "verbose");
	set->ignore_reclaim = failslab_file(test, "ignore-gfp-wait");
	set->cache_filter = failslab_file(test, "cache-filter");
	set->was_verbose = *set->verbose;
	*set->verbose = 0;
	*set->ignore_reclaim = false;
	*set->cache_filter = true;
	fail_in_caches(true);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fail_restore, set), 0);
}

static inline void fail_nth_of(struct task_struct *task, unsigned int n)
{
	WRITE_ONCE(task->fail_nth, n);
}

/* Returns whether there was an allocation that failed. */
static inline bool fail_end_of(struct task_struct *task)
{
	bool failed = !READ_ONCE(task->fail_nth);

	WRITE_ONCE(task->fail_nth, 0);
	return failed;
}

#else

static inline void fail_begin(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_FAILSLAB and CONFIG_FAULT_INJECTION_DEBUG_FS");
}

static inline void fail_nth_of(struct task_struct *task, unsigned int n)
{
}

static inline bool fail_end_of(struct task_struct *task)
{
	return false;
}

#endif

static inline void fail_nth(unsigned int n)
{
	fail_nth_of(current, n);
}

static inline bool fail_end(void)
{
	return fail_end_of(current);
}

#endif
