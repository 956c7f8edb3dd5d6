/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Allocations of a test that fail on purpose.
 *
 * fail_nth() has the n-th allocation of the current task fail, by failslab,
 * which ignores allocations that may reclaim unless its debugfs file says not
 * to.  fail_begin() does so for the duration of a test.
 */
#ifndef _MM_DAMON_TESTS_FAIL_H
#define _MM_DAMON_TESTS_FAIL_H

#include <linux/debugfs.h>

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
	bool *ignore_reclaim;
};

static inline void fail_restore(void *data)
{
	struct fail_settings *set = data;

	current->fail_nth = 0;
	*set->verbose = set->was_verbose;
	*set->ignore_reclaim = true;
}

static inline void fail_begin(struct kunit *test)
{
	struct fail_settings *set = kunit_kzalloc(test, sizeof(*set), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, set);
	set->verbose = failslab_file(test, "verbose");
	set->ignore_reclaim = failslab_file(test, "ignore-gfp-wait");
	set->was_verbose = *set->verbose;
	*set->verbose = 0;
	*set->ignore_reclaim = false;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fail_restore, set), 0);
}

static inline void fail_nth(unsigned int n)
{
	current->fail_nth = n;
}

/* Returns whether there was an allocation that failed. */
static inline bool fail_end(void)
{
	bool failed = !current->fail_nth;

	current->fail_nth = 0;
	return failed;
}

#else

static inline void fail_begin(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_FAILSLAB and CONFIG_FAULT_INJECTION_DEBUG_FS");
}

static inline void fail_nth(unsigned int n)
{
}

static inline bool fail_end(void)
{
	return false;
}

#endif

#endif
