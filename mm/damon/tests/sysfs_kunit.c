// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the sysfs interface: how values are parsed, directories in
 * arrays, and targets made of what is staged.  For all else that is staged see
 * sysfs_build_kunit.c.
 */

#include <kunit/test.h>
#include <linux/err.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>

#include "../sysfs.h"
#include "fail.h"

enum letter { LETTER_A, LETTER_UNSUPPORTED, LETTER_C, NR_LETTERS };

static const char *letter_name(unsigned int letter)
{
	static const char * const names[NR_LETTERS] = {
		[LETTER_A] = "a", [LETTER_C] = "c",
	};

	return names[letter];
}

static const struct sdir_keywords letters = {
	.nr = NR_LETTERS, .name = letter_name,
};

static bool is_a(unsigned int letter)
{
	return letter == LETTER_A;
}

static const struct sdir_keywords only_a = {
	.nr = NR_LETTERS, .name = letter_name, .accepts = is_a,
};

struct payload {
	unsigned long ulong_value;
	unsigned int uint_value;
	int int_value;
	int einval_value;
	unsigned long ulong_einval;
	unsigned long positive;
	unsigned int uint_einval;
	bool bool_value;
	enum letter letter;
	enum letter only_a;
	char *str;
};

static const struct payload defaults = {
	.ulong_value = 7, .uint_value = 7, .int_value = 7, .einval_value = 7,
	.ulong_einval = 7, .positive = 7, .uint_einval = 7, .bool_value = true,
	.letter = LETTER_C, .only_a = LETTER_C,
};

static const struct sdir_file files[] = {
	SDIR_ULONG("ulong", struct payload, ulong_value),
	SDIR_UINT_RO("uint", struct payload, uint_value),
	SDIR_INT("int", struct payload, int_value),
	SDIR_INT_EINVAL("int*", struct payload, einval_value),
	SDIR_ULONG_EINVAL("ulong*", struct payload, ulong_einval),
	SDIR_ULONG_POSITIVE("positive", struct payload, positive),
	SDIR_UINT_EINVAL("uint*", struct payload, uint_einval),
	SDIR_BOOL("bool", struct payload, bool_value),
	SDIR_KW("kw", &letters, enum letter, struct payload, letter),
	SDIR_KW("kw a", &only_a, enum letter, struct payload, only_a),
	SDIR_STR("str", struct payload, str),
};

/* What is written, and what is read afterwards: the default if refused. */
static const struct {
	const char *file;
	const char *written;
	int err;
	const char *read;
	const char *why;
} writes[] = {
	{ "ulong", "123", 0, "123\n", "decimal" },
	{ "ulong", "0x1F\n", 0, "31\n", "hexadecimal, newline" },
	{ "ulong", "017", 0, "15\n", "octal" },
	{ "ulong", "+5", 0, "5\n", "plus sign" },
	{ "ulong", "", -EINVAL, "7\n", "empty" },
	{ "ulong", "-1", -EINVAL, "7\n", "minus sign" },
	{ "ulong", " 1", -EINVAL, "7\n", "leading blank" },
	{ "ulong", "1 ", -EINVAL, "7\n", "trailing blank" },
	{ "ulong", "1\n\n", -EINVAL, "7\n", "two newlines" },
	{ "ulong", "340282366920938463463374607431768211456", -ERANGE, "7\n",
	  "too large for any long" },
	{ "uint", "4294967295", 0, "4294967295\n", "largest" },
	{ "uint", "4294967296", -ERANGE, "7\n", "one more" },
	{ "int", "-2147483648", 0, "-2147483648\n", "smallest" },
	{ "int", "2147483648", -ERANGE, "7\n", "one more than the largest" },
	{ "int", "one", -EINVAL, "7\n", "no number" },
	{ "int*", "-1", 0, "-1\n", "negative" },
	{ "int*", "2147483648", -EINVAL, "7\n", "out of range" },
	{ "ulong*", "8", 0, "8\n", "number" },
	{ "ulong*", "340282366920938463463374607431768211456", -EINVAL, "7\n",
	  "out of range" },
	{ "positive", "1", 0, "1\n", "smallest" },
	{ "positive", "0", -EINVAL, "7\n", "0" },
	{ "positive", "340282366920938463463374607431768211456", -ERANGE, "7\n",
	  "out of range" },
	{ "uint*", "4294967296", -EINVAL, "7\n", "out of range" },
	{ "bool", "N", 0, "N\n", "letter" },
	{ "bool", "False", 0, "N\n", "word" },
	{ "bool", "oFx", 0, "N\n", "two letters decide" },
	{ "bool", "0", 0, "N\n", "number" },
	{ "bool", "true\n", 0, "Y\n", "newline" },
	{ "bool", "o", -EINVAL, "Y\n", "neither on nor off" },
	{ "bool", "2", -EINVAL, "Y\n", "other number" },
	{ "bool", "", -EINVAL, "Y\n", "empty" },
	{ "kw", "a", 0, "a\n", "first keyword" },
	{ "kw", "a\n", 0, "a\n", "newline" },
	{ "kw", "A", -EINVAL, "c\n", "other case" },
	{ "kw", "a\n\n", -EINVAL, "c\n", "two newlines" },
	{ "kw", "ac", -EINVAL, "c\n", "longer" },
	{ "kw", "", -EINVAL, "c\n", "empty" },
	{ "kw", "b", -EINVAL, "c\n", "no keyword" },
	{ "kw a", "a", 0, "a\n", "keyword" },
	{ "kw a", "c", -EINVAL, "c\n", "keyword of elsewhere, shown as default" },
	{ "str", "", 0, "\n", "empty" },
	{ "str", " /a b\n", 0, " /a b\n\n", "kept as written" },
};

static const struct sdir_file *find_file(const char *name)
{
	const struct sdir_file *f;

	for (f = files; f < files + ARRAY_SIZE(files); f++) {
		if (!strcmp(f->attr.name, name))
			return f;
	}
	return NULL;
}

static void test_writes(struct kunit *test)
{
	/* sysfs_emit() insists on a page */
	char *buf = (char *)__get_free_page(GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	for (i = 0; i < ARRAY_SIZE(writes); i++) {
		const struct sdir_file *f = find_file(writes[i].file);
		struct payload payload = defaults;
		void *value = (void *)&payload + f->offset;
		int err = f->type->store(f, value, writes[i].written);

		f->type->show(f, value, buf);
		KUNIT_EXPECT_EQ_MSG(test, err, writes[i].err, "%s: %s",
				    writes[i].file, writes[i].why);
		KUNIT_EXPECT_STREQ_MSG(test, buf, writes[i].read, "%s: %s",
				       writes[i].file, writes[i].why);
		kfree(payload.str);
	}
	free_page((unsigned long)buf);
}

/**
 * struct tree - Directories for a test, and what they stage.
 * @kobj:	their parent
 * @dirs:	the directories, in order of creation
 * @nr_dirs:	number of @dirs
 * @staged:	a context without sysfs files
 */
struct tree {
	struct kobject *kobj;
	struct sdir *dirs[4];
	unsigned int nr_dirs;
	struct damon_sysfs_ctx staged;
};

static const struct sdir_desc range_desc = {
	.size = sizeof(struct damon_addr_range),
};

static const struct sdir_desc ranges_desc = { .elem = &range_desc };

static const struct sdir_desc target_desc = {
	.size = sizeof(struct damon_sysfs_target),
};

static const struct sdir_desc targets_desc = { .elem = &target_desc };

static int setup(struct kunit *test)
{
	struct tree *tree = kunit_kzalloc(test, sizeof(*tree), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, tree);
	tree->kobj = kobject_create_and_add("damon-test", NULL);
	KUNIT_ASSERT_NOT_NULL(test, tree->kobj);
	tree->staged.addr_unit = 1;
	tree->staged.attrs = damon_default_attrs;
	test->priv = tree;
	return 0;
}

static void teardown(struct kunit *test)
{
	struct tree *tree = test->priv;

	while (tree->nr_dirs)
		sdir_remove(tree->dirs[--tree->nr_dirs]);
	kobject_put(tree->kobj);
}

/* @array holds the elements of a new directory from now on. */
static void add_dir(struct kunit *test, const char *name,
		    const struct sdir_desc *desc, struct sdir_array *array)
{
	struct tree *tree = test->priv;
	struct sdir *dir = sdir_create(tree->kobj, name, desc, array);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dir);
	tree->dirs[tree->nr_dirs++] = dir;
}

static void test_arrays(struct kunit *test)
{
	const struct damon_addr_range range = { 1, 2 };
	/* Lives as long as the directory. */
	struct sdir_array *array = kunit_kzalloc(test, sizeof(*array), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, array);
	add_dir(test, "ranges", &ranges_desc, array);
	KUNIT_EXPECT_NULL(test, sdir_elem(array, 0));

	KUNIT_ASSERT_TRUE(test, sdir_trylock(array->dir));
	KUNIT_ASSERT_EQ(test, sdir_set_nr(array, 3), 0);
	KUNIT_EXPECT_EQ(test, array->nr, 3);
	for (i = 0; i < 40; i++)
		KUNIT_ASSERT_EQ(test, sdir_append(array, &range), 0);
	KUNIT_EXPECT_EQ(test, array->nr, 43);
	KUNIT_EXPECT_EQ(test, ((struct damon_addr_range *)sdir_elem(array, 2))->end, 0);
	KUNIT_EXPECT_EQ(test, ((struct damon_addr_range *)sdir_elem(array, 42))->end, 2);
	KUNIT_EXPECT_NULL(test, sdir_elem(array, 43));

	KUNIT_EXPECT_EQ(test, sdir_set_nr(array, INT_MAX), -ENOMEM);
	KUNIT_EXPECT_EQ(test, array->nr, 0);
	KUNIT_ASSERT_EQ(test, sdir_append(array, &range), 0);
	KUNIT_EXPECT_EQ(test, array->nr, 1);
	KUNIT_EXPECT_EQ(test, sdir_set_nr(array, 0), 0);
	KUNIT_EXPECT_EQ(test, array->nr, 0);
	sdir_unlock(array->dir);
}

/* An element with a file and a subdirectory. */
struct full_elem {
	unsigned long number;
	struct sdir_array ranges;
};

static const struct sdir_desc full_elem_desc = {
	.size = sizeof(struct full_elem),
	.files = (const struct sdir_file[]) {
		SDIR_ULONG("number", struct full_elem, number),
		{}
	},
	.children = (const struct sdir_child[]) {
		{ "ranges", &ranges_desc, offsetof(struct full_elem, ranges) },
		{}
	},
};

static const struct sdir_desc full_elems_desc = { .elem = &full_elem_desc };

/*
 * All elements or none, whichever allocation fails.  There are some that sysfs
 * can do without.
 */
static void test_arrays_oom(struct kunit *test)
{
	struct sdir_array *array = kunit_kzalloc(test, sizeof(*array), GFP_KERNEL);
	unsigned int n, nr_errs = 0;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, array);
	fail_begin(test);
	add_dir(test, "full", &full_elems_desc, array);
	KUNIT_ASSERT_TRUE(test, sdir_trylock(array->dir));
	for (n = 1; ; n++) {
		KUNIT_EXPECT_EQ(test, sdir_set_nr(array, 1), 0);
		fail_nth(n);
		err = sdir_set_nr(array, 3);
		KUNIT_EXPECT_EQ(test, err, err ? -ENOMEM : 0);
		KUNIT_EXPECT_EQ(test, array->nr, err ? 0 : 3);
		if (!fail_end())
			break;
		nr_errs += !!err;
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_GE(test, nr_errs, 3 * 4);
	sdir_unlock(array->dir);
}

struct locked_elem {
	struct sdir_array ranges;
};

static const struct sdir_desc locked_elem_desc = {
	.size = sizeof(struct locked_elem),
	.elem = &range_desc,
	.has_lock = true,
};

static const struct sdir_desc locked_elems_desc = { .elem = &locked_elem_desc };

/* Elements keep each other out of nothing, but the tree out, and it them. */
static void test_locks(struct kunit *test)
{
	struct sdir_array *array = kunit_kzalloc(test, sizeof(*array), GFP_KERNEL);
	struct locked_elem *a, *b;

	KUNIT_ASSERT_NOT_NULL(test, array);
	add_dir(test, "locked", &locked_elems_desc, array);
	KUNIT_ASSERT_TRUE(test, sdir_trylock(array->dir));
	KUNIT_ASSERT_EQ(test, sdir_set_nr(array, 2), 0);
	a = sdir_elem(array, 0);
	b = sdir_elem(array, 1);
	KUNIT_EXPECT_FALSE(test, sdir_trylock(a->ranges.dir));
	sdir_unlock(array->dir);

	KUNIT_ASSERT_TRUE(test, sdir_trylock(a->ranges.dir));
	KUNIT_EXPECT_FALSE(test, sdir_trylock(a->ranges.dir));
	KUNIT_EXPECT_FALSE(test, sdir_trylock(array->dir));
	KUNIT_ASSERT_TRUE(test, sdir_trylock(b->ranges.dir));
	sdir_unlock(b->ranges.dir);
	sdir_unlock(a->ranges.dir);
	KUNIT_ASSERT_TRUE(test, sdir_trylock(array->dir));
	sdir_unlock(array->dir);
}

#define M	DAMON_MIN_REGION_SZ
#define NO_PID	INT_MAX

/* Staged contexts, and what comes of them; the pid 0 stands for a live one. */
static const struct build_case {
	const char *why;
	enum damon_ops_id ops_id;
	struct damon_attrs attrs;
	unsigned int nr_targets;
	int pid;
	struct damon_addr_range ranges[2];
	int err;
} builds[] = {
	{ "no target", DAMON_OPS_VADDR },
	{ "two targets", DAMON_OPS_VADDR, .nr_targets = 2 },
	{ "ranges", DAMON_OPS_FVADDR, .nr_targets = 2,
	  .ranges = { { M, 2 * M }, { 2 * M, 3 * M } } },
	{ "no such process", DAMON_OPS_VADDR, .nr_targets = 2, .pid = NO_PID,
	  .err = -EINVAL },
	{ "negative pid", DAMON_OPS_VADDR, .nr_targets = 1, .pid = -1,
	  .err = -EINVAL },
	{ "empty range", DAMON_OPS_VADDR, .nr_targets = 1,
	  .ranges = { { M, M }, { 2 * M, 3 * M } }, .err = -EINVAL },
	{ "ranges overlap when rounded", DAMON_OPS_VADDR, .nr_targets = 1,
	  .ranges = { { M, M + 1 }, { M + 1, 3 * M } }, .err = -EINVAL },
	{ "no such operations set", NR_DAMON_OPS, .err = -EINVAL },
	{ "too few regions", DAMON_OPS_VADDR, .attrs = { 1, 1, 1, 2, 10 },
	  .err = -EINVAL },
	{ "limits of regions cross", DAMON_OPS_VADDR, .attrs = { 1, 1, 1, 11, 10 },
	  .err = -EINVAL },
	{ "sampled too rarely", DAMON_OPS_VADDR, .attrs = { 2, 1, 1, 3, 10 },
	  .err = -EINVAL },
};

static void stage(struct kunit *test, const struct build_case *c)
{
	struct damon_sysfs_target target = {
		.pid = c->pid ?: task_pid_nr(current),
	};
	struct tree *tree = test->priv;
	struct sdir_array *targets = &tree->staged.targets, *regions;
	static const char * const names[] = { "regions0", "regions1" };
	unsigned int i, j;

	tree->staged.ops_id = c->ops_id;
	if (c->attrs.max_nr_regions)
		tree->staged.attrs = c->attrs;
	add_dir(test, "targets", &targets_desc, targets);
	for (i = 0; i < c->nr_targets; i++) {
		KUNIT_ASSERT_EQ(test, sdir_append(targets, &target), 0);
		regions = &((struct damon_sysfs_target *)sdir_elem(targets, i))->regions;
		add_dir(test, names[i], &ranges_desc, regions);
		for (j = 0; j < 2 && c->ranges[j].end; j++)
			KUNIT_ASSERT_EQ(test, sdir_append(regions, &c->ranges[j]), 0);
	}
}

static void expect_ctx(struct kunit *test, const struct build_case *c,
		       struct damon_ctx *ctx)
{
	unsigned int i, nr_targets = 0;
	struct damon_target *t;

	damon_for_each_target(t, ctx) {
		KUNIT_EXPECT_PTR_EQ(test, t->pid, task_pid(current));
		KUNIT_EXPECT_EQ(test, damon_nr_regions(t), c->ranges[0].end ? 2 : 0);
		for (i = 0; i < damon_nr_regions(t); i++)
			KUNIT_EXPECT_EQ(test, t->regions[i].ar.end,
					c->ranges[i].end);
		nr_targets++;
	}
	KUNIT_EXPECT_EQ(test, nr_targets, c->nr_targets);
	KUNIT_EXPECT_MEMEQ(test, &ctx->attrs, &damon_default_attrs,
			   sizeof(ctx->attrs));
}

/* Builds, and gives back every pid, whether or not it succeeds. */
static void test_build(struct kunit *test)
{
	const struct build_case *c = test->param_value;
	struct tree *tree = test->priv;
	unsigned int nr_refs = refcount_read(&task_pid(current)->count);
	struct damon_ctx *ctx;

	if (!damon_is_registered_ops(DAMON_OPS_VADDR))
		kunit_skip(test, "no operations set");
	stage(test, c);
	ctx = damon_sysfs_build_ctx(&tree->staged, &init_pid_ns);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(ctx), c->err);
	if (!IS_ERR(ctx)) {
		expect_ctx(test, c, ctx);
		damon_destroy_ctx(ctx);
	}
	KUNIT_EXPECT_EQ(test, refcount_read(&task_pid(current)->count), nr_refs);
}

KUNIT_ARRAY_PARAM_DESC(build, builds, why);

static struct kunit_case sysfs_cases[] = {
	KUNIT_CASE(test_writes),
	KUNIT_CASE(test_arrays),
	KUNIT_CASE(test_arrays_oom),
	KUNIT_CASE(test_locks),
	KUNIT_CASE_PARAM(test_build, build_gen_params),
	{}
};

static struct kunit_suite sysfs_suite = {
	.name = "damon-sysfs",
	.init = setup,
	.exit = teardown,
	.test_cases = sysfs_cases,
};

kunit_test_suite(sysfs_suite);
