// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the directories for regions that schemes are applied to, when
 * memory is short, and when the directory of the scheme has gone.
 */

#include <linux/kobject.h>

#include "../sysfs.h"
#include "fail.h"
#include "fake.h"

#define NR_REGIONS	6
#define SZ_REGION	1000

static void put_kobj(void *kobj)
{
	kobject_put(kobj);
}

static void remove_dir(void *dir)
{
	sdir_remove(dir);
}

/*
 * The directory of schemes, locked; it has @nr of them.  What cleans up after a
 * test is another thread, so it is the test that has to unlock it.
 */
static struct sdir_array *scheme_dirs(struct kunit *test, unsigned int nr)
{
	struct sdir_array *array = kunit_kzalloc(test, sizeof(*array), GFP_KERNEL);
	struct kobject *kobj = kobject_create_and_add("damon-test", NULL);
	struct sdir *dir;

	KUNIT_ASSERT_NOT_NULL(test, array);
	KUNIT_ASSERT_NOT_NULL(test, kobj);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, put_kobj, kobj), 0);
	dir = sdir_create(kobj, "schemes", &damon_sysfs_schemes, array);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dir);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, remove_dir, dir), 0);
	KUNIT_ASSERT_TRUE(test, sdir_trylock(dir));
	KUNIT_EXPECT_EQ(test, sdir_set_nr(array, nr), 0);
	return array;
}

/* It runs, with @nr schemes that are applied to everything, and a probe. */
static struct damon_ctx *running_ctx(struct kunit *test, unsigned int nr)
{
	static const struct damos_access_pattern all = {
		0, ULONG_MAX, 0, UINT_MAX, 0, UINT_MAX,
	};
	struct damon_ctx *ctx = fake_ctx(test);
	struct damos *s;

	test_add_probe(test, ctx, 0);
	while (nr--) {
		s = new_scheme(&all, 0);
		KUNIT_ASSERT_NOT_NULL(test, s);
		damon_add_scheme(ctx, s);
	}
	start(test, ctx);
	wait_for(test, &fake.nr_aggregations, 2);
	return ctx;
}

/* The kdamond allocates nothing but directories. */
static void test_oom(struct kunit *test)
{
	struct sdir_array *dirs = scheme_dirs(test, 1);
	struct damon_sysfs_scheme *staged = sdir_elem(dirs, 0);
	struct damon_ctx *ctx = running_ctx(test, 1);
	struct task_struct *kdamond = damon_run(ctx)->kdamond;
	unsigned int n, nr_short = 0;
	bool failed;

	fail_begin(test);
	for (n = 1; ; n++) {
		fail_nth_of(kdamond, n);
		KUNIT_EXPECT_EQ(test, damon_sysfs_update_tried(ctx, dirs, true), 0);
		failed = fail_end_of(kdamond);
		KUNIT_ASSERT_EQ(test, staged->tried.total_bytes,
				NR_REGIONS * SZ_REGION);
		KUNIT_ASSERT_GE(test, staged->tried.regions.nr, NR_REGIONS - 1);
		if (!failed)
			break;
		nr_short += staged->tried.regions.nr < NR_REGIONS;
	}
	damon_stop(&ctx, 1);
	KUNIT_EXPECT_GE(test, nr_short, 4 * NR_REGIONS);
	KUNIT_EXPECT_EQ(test, staged->tried.regions.nr, NR_REGIONS);
	sdir_unlock(dirs->dir);
}

static void test_no_directory(struct kunit *test)
{
	struct sdir_array *dirs = scheme_dirs(test, 1);
	struct damon_ctx *ctx = running_ctx(test, 2);
	struct damon_sysfs_scheme *staged;

	KUNIT_EXPECT_EQ(test, damon_sysfs_update_tried(ctx, dirs, true), 0);
	staged = sdir_elem(dirs, 0);
	KUNIT_EXPECT_EQ(test, staged->tried.regions.nr, NR_REGIONS);
	KUNIT_EXPECT_EQ(test, sdir_set_nr(dirs, 0), 0);
	KUNIT_EXPECT_EQ(test, damon_sysfs_update_tried(ctx, dirs, true), 0);
	KUNIT_EXPECT_EQ(test, sdir_set_nr(dirs, 3), 0);
	KUNIT_EXPECT_EQ(test, damon_sysfs_update_tried(ctx, dirs, false), 0);
	damon_stop(&ctx, 1);
	staged = sdir_elem(dirs, 1);
	KUNIT_EXPECT_EQ(test, staged->tried.total_bytes, NR_REGIONS * SZ_REGION);
	KUNIT_EXPECT_EQ(test, staged->tried.regions.nr, 0);
	staged = sdir_elem(dirs, 2);
	KUNIT_EXPECT_EQ(test, staged->tried.total_bytes, 0);
	sdir_unlock(dirs->dir);
}

/* A walk that comes to nothing leaves nothing of the one before. */
static void test_cleared(struct kunit *test)
{
	struct sdir_array *dirs = scheme_dirs(test, 1);
	struct damon_ctx *ctx = running_ctx(test, 1);
	struct damon_sysfs_scheme *staged = sdir_elem(dirs, 0);

	KUNIT_EXPECT_EQ(test, damon_sysfs_update_tried(ctx, dirs, true), 0);
	KUNIT_EXPECT_EQ(test, staged->tried.regions.nr, NR_REGIONS);
	damon_stop(&ctx, 1);
	KUNIT_EXPECT_EQ(test, damon_sysfs_update_tried(ctx, dirs, true), -ECANCELED);
	KUNIT_EXPECT_EQ(test, staged->tried.regions.nr, 0);
	KUNIT_EXPECT_EQ(test, staged->tried.total_bytes, 0);
	sdir_unlock(dirs->dir);
}

static struct kunit_case tried_cases[] = {
	KUNIT_CASE(test_oom),
	KUNIT_CASE(test_no_directory),
	KUNIT_CASE(test_cleared),
	{}
};

static struct kunit_suite tried_suite = {
	.name = "damon-sysfs-tried",
	.init = fake_forget,
	.test_cases = tried_cases,
};

kunit_test_suite(tried_suite);
