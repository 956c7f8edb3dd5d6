// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of contexts made of sysfs files: what a write to each file comes
 * to, and what is refused when the files are put together.
 */

#include <kunit/test.h>
#include <linux/err.h>
#include <linux/pid_namespace.h>

#include "../sysfs.h"
#include "fail.h"

#define ATTRS	"monitoring_attrs/"
#define PROBE	ATTRS "probes/0/"
#define S	"schemes/0/"
#define QUOTA	S "quotas/"
#define GOAL	QUOTA "goals/0/"
#define CORE	S "core_filters/0/"
#define OPS	S "ops_filters/0/"
#define MOST	(BITS_PER_LONG > 32 ? "18446744073709551615" : "4294967295")

/* The context directory, for files; the parent of all others. */
static struct sdir_array *contexts(struct kunit *test)
{
	return test->priv;
}

static const struct sdir_file *find_file(const struct sdir_desc *desc,
					 const char *name)
{
	const struct sdir_file *f = desc->files;

	while (f && f->attr.name && strcmp(f->attr.name, name))
		f++;
	return f && f->attr.name ? f : NULL;
}

/* Where to go on for @name. */
static bool descend(const struct sdir_desc **desc, void **payload,
		    const char *name)
{
	const struct sdir_child *c;
	unsigned int nr;

	for (c = (*desc)->children; c && c->name; c++) {
		if (strcmp(c->name, name))
			continue;
		*payload += c->offset;
		*desc = c->desc;
		return true;
	}
	if (!(*desc)->elem || kstrtouint(name, 10, &nr))
		return false;
	*payload = sdir_elem(*payload, nr);
	*desc = (*desc)->elem;
	return *payload;
}

static int write_file(struct kunit *test, const char *path, const char *text)
{
	const struct sdir_desc *desc = &damon_sysfs_contexts;
	char *copy = kunit_kstrdup(test, path, GFP_KERNEL), *name;
	void *payload = contexts(test);
	const struct sdir_file *f;

	KUNIT_ASSERT_NOT_NULL(test, copy);
	while ((name = strsep(&copy, "/")) && copy)
		KUNIT_ASSERT_TRUE_MSG(test, descend(&desc, &payload, name),
				      "no %s in %s", name, path);
	f = find_file(desc, name);
	KUNIT_ASSERT_NOT_NULL_MSG(test, f, "no %s", path);
	return f->type->store(f, payload + f->offset, text);
}

static void stage(struct kunit *test, const char *path, const char *text)
{
	char full[128];

	snprintf(full, sizeof(full), "0/%s", path);
	KUNIT_ASSERT_EQ_MSG(test, write_file(test, full, text), 0, "%s to %s", text,
			    path);
}

static void remove_contexts(void *dir)
{
	sdir_remove(dir);
}

static void put_kobj(void *kobj)
{
	kobject_put(kobj);
}

/* A context without targets, with a scheme that has one of everything. */
static int setup(struct kunit *test)
{
	struct sdir_array *array = kunit_kzalloc(test, sizeof(*array), GFP_KERNEL);
	struct kobject *kobj = kobject_create_and_add("damon-test", NULL);
	struct sdir *dir;

	KUNIT_ASSERT_NOT_NULL(test, array);
	KUNIT_ASSERT_NOT_NULL(test, kobj);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, put_kobj, kobj), 0);
	test->priv = array;
	dir = sdir_create(kobj, "contexts", &damon_sysfs_contexts, array);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dir);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, remove_contexts, dir),
			0);
	KUNIT_ASSERT_EQ(test, write_file(test, "nr_contexts", "1"), 0);
	stage(test, "operations", "fvaddr");
	stage(test, ATTRS "probes/nr_probes", "1");
	stage(test, PROBE "filters/nr_filters", "1");
	stage(test, "schemes/nr_schemes", "1");
	stage(test, QUOTA "goals/nr_goals", "1");
	stage(test, S "core_filters/nr_filters", "1");
	stage(test, CORE "type", "addr");
	stage(test, S "ops_filters/nr_filters", "1");
	if (!damon_is_registered_ops(DAMON_OPS_FVADDR))
		kunit_skip(test, "no operations set");
	return 0;
}

static struct damon_ctx *build(struct kunit *test)
{
	return damon_sysfs_build_ctx(sdir_elem(contexts(test), 0), &init_pid_ns);
}

/* What of a context a row is about: its first scheme, goal, ... */
enum object { CTX, PROBE_0, HIT_0, SCHEME, GOAL_0, CORE_0, OPS_0 };

static void *find_object(struct damon_ctx *ctx, enum object object)
{
	struct damon_probe *probe = list_first_entry(&ctx->probes,
						     struct damon_probe, list);
	struct damos *s = list_first_entry(&ctx->schemes, struct damos, list);

	switch (object) {
	case CTX:
		return ctx;
	case PROBE_0:
		return probe;
	case HIT_0:
		return list_first_entry(&probe->filters, struct damon_filter, list);
	case SCHEME:
		return s;
	case GOAL_0:
		return list_first_entry_or_null(&s->quota.goals,
						struct damos_quota_goal, list);
	case CORE_0:
		return list_first_entry(&s->core_filters, struct damos_filter, list);
	case OPS_0:
		return list_first_entry(&s->ops_filters, struct damos_filter, list);
	}
	return NULL;
}

struct field {
	enum object object;
	size_t offset;
	size_t size;
};

#define FIELD(object, ...) \
	{ object, offsetof(__VA_ARGS__), sizeof_field(__VA_ARGS__) }

#define IN_CTX(...)	FIELD(CTX, struct damon_ctx, __VA_ARGS__)
#define IN_PROBE(...)	FIELD(PROBE_0, struct damon_probe, __VA_ARGS__)
#define IN_HIT(...)	FIELD(HIT_0, struct damon_filter, __VA_ARGS__)
#define IN_SCHEME(...)	FIELD(SCHEME, struct damos, __VA_ARGS__)
#define IN_GOAL(...)	FIELD(GOAL_0, struct damos_quota_goal, __VA_ARGS__)
#define IN_CORE(...)	FIELD(CORE_0, struct damos_filter, __VA_ARGS__)
#define IN_OPS(...)	FIELD(OPS_0, struct damos_filter, __VA_ARGS__)

/* A file, what is written to it, and the field and value that comes of it. */
static const struct row {
	const char *path;
	const char *text;
	struct field field;
	unsigned long value;
	const char *also[4];	/* another file and its text, if need be */
} rows[] = {
	{ "operations", "vaddr", IN_CTX(ops.id), DAMON_OPS_VADDR },
	{ "addr_unit", "4", IN_CTX(addr_unit), 4 },
	{ "addr_unit", "4", IN_CTX(min_region_sz), DAMON_MIN_REGION_SZ },
	{ "pause", "Y", IN_CTX(pause), true },
	{ ATTRS "intervals/sample_us", "9", IN_CTX(attrs.sample_interval), 9 },
	{ ATTRS "intervals/aggr_us", "9999", IN_CTX(attrs.aggr_interval), 9999 },
	{ ATTRS "intervals/update_us", "9", IN_CTX(attrs.ops_update_interval), 9 },
	{ ATTRS "intervals/intervals_goal/access_bp", "9",
	  IN_CTX(attrs.intervals_goal.access_bp), 9 },
	{ ATTRS "intervals/intervals_goal/aggrs", "9",
	  IN_CTX(attrs.intervals_goal.aggrs), 9,
	  { ATTRS "intervals/intervals_goal/max_sample_us", "5000" } },
	{ ATTRS "intervals/intervals_goal/min_sample_us", "9",
	  IN_CTX(attrs.intervals_goal.min_sample_us), 9 },
	{ ATTRS "intervals/intervals_goal/max_sample_us", "9",
	  IN_CTX(attrs.intervals_goal.max_sample_us), 9 },
	{ ATTRS "nr_regions/min", "9", IN_CTX(attrs.min_nr_regions), 9 },
	{ ATTRS "nr_regions/max", "99", IN_CTX(attrs.max_nr_regions), 99 },
	{ ATTRS "split_hints", "N", IN_CTX(attrs.split_hints), false },
	{ PROBE "weight", "9", IN_PROBE(weight), 9 },
	{ PROBE "filters/0/matching", "Y", IN_HIT(matching), true },
	{ PROBE "filters/0/allow", "Y", IN_HIT(allow), true },

	{ S "action", "pageout", IN_SCHEME(action), DAMOS_PAGEOUT },
	{ S "target_nid", "-7", IN_SCHEME(target_nid), (unsigned int)-7 },
	{ S "apply_interval_us", "9", IN_SCHEME(apply_interval_us), 9 },
	{ S "access_pattern/sz/min", "9", IN_SCHEME(pattern.min_sz_region), 9 },
	{ S "access_pattern/sz/max", "9", IN_SCHEME(pattern.max_sz_region), 9 },
	{ S "access_pattern/nr_accesses/min", "9",
	  IN_SCHEME(pattern.min_nr_accesses), 9 },
	{ S "access_pattern/nr_accesses/max", "4294967295",
	  IN_SCHEME(pattern.max_nr_accesses), UINT_MAX },
	{ S "access_pattern/age/min", "9", IN_SCHEME(pattern.min_age_region), 9 },
	{ S "access_pattern/age/max", "9", IN_SCHEME(pattern.max_age_region), 9 },
	{ S "access_pattern/age/max", MOST, IN_SCHEME(pattern.max_age_region),
	  UINT_MAX },
	{ S "dests/nr_dests", "3", IN_SCHEME(migrate_dests.nr_dests), 3 },
	{ S "stats/max_nr_snapshots", "9", IN_SCHEME(max_nr_snapshots), 9 },

	{ QUOTA "ms", "9", IN_SCHEME(quota.ms), 9 },
	{ QUOTA "bytes", "9", IN_SCHEME(quota.sz), 9 },
	{ QUOTA "reset_interval_ms", "9", IN_SCHEME(quota.reset_interval), 9 },
	{ QUOTA "goal_tuner", "temporal", IN_SCHEME(quota.goal_tuner),
	  DAMOS_QUOTA_GOAL_TUNER_TEMPORAL },
	{ QUOTA "fail_charge_num", "9", IN_SCHEME(quota.fail_charge_num), 9 },
	{ QUOTA "fail_charge_denom", "9", IN_SCHEME(quota.fail_charge_denom), 9 },
	{ QUOTA "weights/sz_permil", "9", IN_SCHEME(quota.weight_sz), 9 },
	{ QUOTA "weights/nr_accesses_permil", "9",
	  IN_SCHEME(quota.weight_nr_accesses), 9 },
	{ QUOTA "weights/age_permil", "9", IN_SCHEME(quota.weight_age), 9 },
	{ GOAL "target_value", "9", IN_GOAL(target_value), 9 },
	{ GOAL "target_metric", "node_mem_used_bp", IN_GOAL(metric),
	  DAMOS_QUOTA_NODE_MEM_USED_BP, { GOAL "target_value", "1" } },
	{ GOAL "current_value", "9", IN_GOAL(current_value), 9,
	  { GOAL "target_value", "1" } },
	{ GOAL "nid", "-1", IN_GOAL(nid), UINT_MAX, { GOAL "target_value", "1" } },

	{ S "watermarks/metric", "free_mem_rate", IN_SCHEME(wmarks.metric),
	  DAMOS_WMARK_FREE_MEM_RATE },
	{ S "watermarks/interval_us", "9", IN_SCHEME(wmarks.interval), 9 },
	{ S "watermarks/high", "9", IN_SCHEME(wmarks.high), 9 },
	{ S "watermarks/mid", "9", IN_SCHEME(wmarks.mid), 9 },
	{ S "watermarks/low", "9", IN_SCHEME(wmarks.low), 9 },

	{ CORE "type", "target", IN_CORE(type), DAMOS_FILTER_TYPE_TARGET },
	{ CORE "matching", "Y", IN_CORE(matching), true },
	{ CORE "allow", "Y", IN_CORE(allow), true },
	{ CORE "addr_start", "9", IN_CORE(addr_range.start), 9 },
	{ CORE "addr_end", "9", IN_CORE(addr_range.end), 9 },
	{ CORE "damon_target_idx", "-9", IN_CORE(target_idx), (unsigned int)-9 },
	{ OPS "type", "young", IN_OPS(type), DAMOS_FILTER_TYPE_YOUNG },
	{ OPS "min", "9", IN_OPS(sz_range.min), 9 },
	{ OPS "max", "9", IN_OPS(sz_range.max), 9 },
};

static unsigned long number_at(const void *p, size_t size)
{
	switch (size) {
	case sizeof(u8):
		return *(const u8 *)p;
	case sizeof(u32):
		return *(const u32 *)p;
	default:
		return *(const u64 *)p;
	}
}

static void test_row(struct kunit *test)
{
	const struct row *row = test->param_value;
	struct damon_ctx *ctx;
	const void *object;

	if (row->also[0])
		stage(test, row->also[0], row->also[1]);
	stage(test, row->path, row->text);
	ctx = build(test);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ctx);
	object = find_object(ctx, row->field.object);
	KUNIT_EXPECT_NOT_NULL(test, object);
	if (object)
		KUNIT_EXPECT_EQ(test, number_at(object + row->field.offset,
						row->field.size), row->value);
	damon_destroy_ctx(ctx);
}

KUNIT_ARRAY_PARAM_DESC(row, rows, path);

/* What is staged, in order, and what "on" says to it. */
static const struct refusal {
	const char *why;
	const char *writes[6];
	int err;
} refusals[] = {
	{ "nothing wrong" },
	{ "sampled too rarely", { ATTRS "intervals/sample_us", "100001" }, -EINVAL },
	{ "too few regions", { ATTRS "nr_regions/min", "2" }, -EINVAL },
	{ "limits of regions cross", { ATTRS "nr_regions/max", "9" }, -EINVAL },
	{ "sampling interval beyond its bounds",
	  { ATTRS "intervals/intervals_goal/aggrs", "1",
	    ATTRS "intervals/intervals_goal/max_sample_us", "4999" }, -EINVAL },
	{ "bounds without effect",
	  { ATTRS "intervals/intervals_goal/max_sample_us", "4999" } },
	{ "too many samples for weights",
	  { PROBE "weight", "1", ATTRS "intervals/sample_us", "1" }, -EINVAL },
	{ "many samples", { ATTRS "intervals/sample_us", "1" } },
	{ "too heavy", { PROBE "weight", "4294967295" }, -EINVAL },
	{ "cgroup of a probe never written",
	  { PROBE "filters/0/type", "memcg" }, -EINVAL },
	{ "no such process", { "targets/nr_targets", "1",
			       "targets/0/pid_target", "-1" }, -EINVAL },
	{ "obsolete target", { "targets/nr_targets", "1",
			       "targets/0/pid_target", "1",
			       "targets/0/obsolete_target", "Y" }, -EINVAL },
	{ "range ends before it starts",
	  { CORE "addr_start", "2", CORE "addr_end", "1" }, -EINVAL },
	{ "empty range", { CORE "addr_start", "2", CORE "addr_end", "2" } },
	{ "range of no effect",
	  { CORE "addr_start", "2", CORE "type", "target" } },
	{ "no size between",
	  { OPS "type", "hugepage_size", OPS "min", "2", OPS "max", "1" },
	  -EINVAL },
	{ "sizes of no effect", { OPS "min", "2" } },
	{ "cgroup never written", { OPS "type", "memcg" }, -EINVAL },
	{ "no such cgroup", { OPS "type", "memcg", OPS "memcg_path", "/none" },
	  -EINVAL },
	{ "cgroup of no effect", { OPS "memcg_path", "/none" } },
	{ "the first cgroup", { OPS "type", "memcg", OPS "memcg_path", "/" },
	  IS_ENABLED(CONFIG_MEMCG) ? 0 : -EINVAL },
	{ "cgroup of a goal never written",
	  { GOAL "target_metric", "node_memcg_used_bp", GOAL "target_value", "1" },
	  -EINVAL },
	{ "goal without a value", { GOAL "target_metric", "node_memcg_used_bp" } },
	{ "goal needs another operations set",
	  { GOAL "target_metric", "node_eligible_mem_bp",
	    GOAL "target_value", "1" }, -EINVAL },
};

static void test_refusal(struct kunit *test)
{
	const struct refusal *c = test->param_value;
	struct damon_ctx *ctx;
	int i, err;

	for (i = 0; i + 1 < ARRAY_SIZE(c->writes) && c->writes[i]; i += 2)
		stage(test, c->writes[i], c->writes[i + 1]);
	ctx = build(test);
	err = PTR_ERR_OR_ZERO(ctx);
	if (!err) {
		err = damon_start(&ctx, 1, false);
		damon_stop(&ctx, 1);
		damon_destroy_ctx(ctx);
	}
	KUNIT_EXPECT_EQ(test, err, c->err);
}

KUNIT_ARRAY_PARAM_DESC(refusal, refusals, why);

static void expect_filters(struct kunit *test, const struct list_head *filters,
			   const int *target_idx, int nr)
{
	const struct damos_filter *f;
	int i = 0;

	KUNIT_ASSERT_EQ(test, list_count_nodes((struct list_head *)filters), nr);
	list_for_each_entry(f, filters, list)
		KUNIT_EXPECT_EQ(test, f->target_idx, target_idx[i++]);
}

/* In each list the directories of one layer come first, then "filters". */
static void test_filter_order(struct kunit *test)
{
	static const int core[] = { 1, 4 }, ops[] = { 5, 2, 3 };
	struct damon_ctx *ctx;
	struct damos *s;

	stage(test, S "core_filters/nr_filters", "2");
	stage(test, CORE "type", "target");
	stage(test, CORE "damon_target_idx", "1");
	stage(test, OPS "damon_target_idx", "2");
	stage(test, S "filters/nr_filters", "2");
	stage(test, S "filters/0/damon_target_idx", "3");
	stage(test, S "filters/1/damon_target_idx", "4");
	stage(test, S "filters/1/type", "addr");
	/* Its type was not written, so it is not the core's. */
	stage(test, S "core_filters/1/damon_target_idx", "5");
	ctx = build(test);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ctx);
	s = list_first_entry(&ctx->schemes, struct damos, list);
	expect_filters(test, &s->core_filters, core, ARRAY_SIZE(core));
	expect_filters(test, &s->ops_filters, ops, ARRAY_SIZE(ops));
	damon_destroy_ctx(ctx);
}

static void test_dests(struct kunit *test)
{
	const struct damos_migrate_dests *dests;
	struct damon_ctx *ctx;

	stage(test, S "dests/nr_dests", "2");
	stage(test, S "dests/0/id", "3");
	stage(test, S "dests/1/id", "4");
	stage(test, S "dests/1/weight", "5");
	ctx = build(test);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ctx);
	dests = &list_first_entry(&ctx->schemes, struct damos, list)->migrate_dests;
	KUNIT_ASSERT_EQ(test, dests->nr_dests, 2);
	KUNIT_EXPECT_EQ(test, dests->node_id_arr[0], 3);
	KUNIT_EXPECT_EQ(test, dests->weight_arr[0], 0);
	KUNIT_EXPECT_EQ(test, dests->node_id_arr[1], 4);
	KUNIT_EXPECT_EQ(test, dests->weight_arr[1], 5);
	damon_destroy_ctx(ctx);
}

/* What has changed in a scheme that has the goals committed. */
static void test_commit_goals(struct kunit *test)
{
	const struct sdir_array *schemes;
	struct damos_quota_goal *g;
	struct damon_ctx *ctx;
	struct damos *s;

	stage(test, GOAL "target_value", "7");
	ctx = build(test);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ctx);
	stage(test, QUOTA "goals/nr_goals", "2");
	stage(test, GOAL "target_metric", "active_mem_bp");
	stage(test, QUOTA "goals/1/target_value", "9");
	stage(test, QUOTA "goals/1/current_value", "8");
	stage(test, QUOTA "bytes", "1");
	schemes = &((struct damon_sysfs_ctx *)sdir_elem(contexts(test), 0))->schemes;
	KUNIT_EXPECT_EQ(test, damon_sysfs_commit_goals(ctx, schemes), 0);
	s = list_first_entry(&ctx->schemes, struct damos, list);
	g = list_first_entry(&s->quota.goals, struct damos_quota_goal, list);
	KUNIT_EXPECT_TRUE(test, list_is_singular(&s->quota.goals));
	KUNIT_EXPECT_EQ(test, g->target_value, 9);
	KUNIT_EXPECT_EQ(test, g->current_value, 8);
	KUNIT_EXPECT_EQ(test, s->quota.sz, 0);

	stage(test, QUOTA "goals/1/target_metric", "node_memcg_free_bp");
	KUNIT_EXPECT_EQ(test, damon_sysfs_commit_goals(ctx, schemes), -EINVAL);
	g = list_first_entry(&s->quota.goals, struct damos_quota_goal, list);
	KUNIT_EXPECT_EQ(test, g->metric, DAMOS_QUOTA_USER_INPUT);
	stage(test, "schemes/nr_schemes", "0");
	KUNIT_EXPECT_EQ(test, damon_sysfs_commit_goals(ctx, schemes), 0);
	KUNIT_EXPECT_FALSE(test, list_empty(&s->quota.goals));
	damon_destroy_ctx(ctx);
}

/* One of everything there can be. */
static void stage_everything(struct kunit *test)
{
	char pid[12];

	snprintf(pid, sizeof(pid), "%d", task_pid_nr(current));
	stage(test, "targets/nr_targets", "1");
	stage(test, "targets/0/pid_target", pid);
	stage(test, "targets/0/regions/nr_regions", "1");
	stage(test, "targets/0/regions/0/end", "4096");
	stage(test, GOAL "target_value", "7");
	stage(test, S "dests/nr_dests", "1");
	stage(test, S "filters/nr_filters", "1");
	if (!IS_ENABLED(CONFIG_MEMCG))
		return;
	stage(test, PROBE "filters/0/type", "memcg");
	stage(test, PROBE "filters/0/path", "/");
	stage(test, OPS "type", "memcg");
	stage(test, OPS "memcg_path", "/");
}

/* The n-th allocation fails, for n = 1, 2, ... until there is none. */
static void test_build_oom(struct kunit *test)
{
	struct pid *pid = task_pid(current);
	unsigned int n, refs = refcount_read(&pid->count);
	struct damon_ctx *ctx;

	fail_begin(test);
	stage_everything(test);
	for (n = 1; ; n++) {
		fail_nth(n);
		ctx = build(test);
		if (!fail_end())
			break;
		KUNIT_ASSERT_EQ_MSG(test, PTR_ERR_OR_ZERO(ctx), -ENOMEM,
				    "allocation %u", n);
		KUNIT_ASSERT_EQ(test, refcount_read(&pid->count), refs);
	}
	KUNIT_EXPECT_GE(test, n - 1, 12);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ctx);
	damon_destroy_ctx(ctx);
}

/* Goals stay as they were when there is no memory for others. */
static void test_commit_goals_oom(struct kunit *test)
{
	const struct sdir_array *schemes;
	struct damos_quota_goal *g;
	struct damon_ctx *ctx;
	struct damos *s;
	unsigned int n;
	int err;

	fail_begin(test);
	stage(test, GOAL "target_value", "7");
	ctx = build(test);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ctx);
	s = list_first_entry(&ctx->schemes, struct damos, list);
	stage(test, QUOTA "goals/nr_goals", "2");
	stage(test, GOAL "target_value", "8");
	stage(test, QUOTA "goals/1/target_value", "9");
	schemes = &((struct damon_sysfs_ctx *)sdir_elem(contexts(test), 0))->schemes;
	for (n = 1; ; n++) {
		fail_nth(n);
		err = damon_sysfs_commit_goals(ctx, schemes);
		if (!fail_end())
			break;
		g = list_first_entry(&s->quota.goals, struct damos_quota_goal, list);
		KUNIT_EXPECT_EQ_MSG(test, err, -ENOMEM, "allocation %u", n);
		KUNIT_EXPECT_TRUE(test, list_is_singular(&s->quota.goals));
		KUNIT_EXPECT_EQ(test, g->target_value, 7);
	}
	KUNIT_EXPECT_GE(test, n - 1, 2);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&s->quota.goals), 2);
	damon_destroy_ctx(ctx);
}

static struct kunit_case build_cases[] = {
	KUNIT_CASE_PARAM(test_row, row_gen_params),
	KUNIT_CASE_PARAM(test_refusal, refusal_gen_params),
	KUNIT_CASE(test_filter_order),
	KUNIT_CASE(test_dests),
	KUNIT_CASE(test_commit_goals),
	KUNIT_CASE(test_build_oom),
	KUNIT_CASE(test_commit_goals_oom),
	{}
};

static struct kunit_suite build_suite = {
	.name = "damon-sysfs-build",
	.init = setup,
	.test_cases = build_cases,
};

kunit_test_suite(build_suite);
