// SPDX-License-Identifier: GPL-2.0
/*
 * Probes: which samples are hits, what becomes of hits, and monitoring by
 * nothing but them.
 */

#include "fake.h"

#define MAX_FILTERS	3

struct filter_row {
	bool matching;
	bool allow;
};

/* Filters about anonymous memory, asked about memory that is not. */
struct hit_case {
	const char *why;
	unsigned int nr;
	struct filter_row filters[MAX_FILTERS];
	bool hit;
};

static const struct hit_case hit_cases[] = {
	{ "no filter", 0, {}, true },
	{ "allow what is", 1, { { true, true } }, false },
	{ "reject what is", 1, { { true, false } }, true },
	{ "allow what is not", 1, { { false, true } }, true },
	{ "reject what is not", 1, { { false, false } }, false },
	{ "the first to decide", 2, { { false, true }, { false, false } }, true },
	{ "none decides: the last one", 2, { { true, false }, { true, true } }, false },
	{ "none decides: only the last", 2, { { true, true }, { true, false } }, true },
	{
		"the second decides", 3,
		{ { true, true }, { false, false }, { true, false } }, false,
	},
};

static void add_filter(struct kunit *test, struct damon_probe *probe,
		       bool matching, bool allow)
{
	struct damon_filter *f = damon_new_filter(DAMON_FILTER_TYPE_ANON,
						  matching, allow);

	KUNIT_ASSERT_NOT_NULL(test, f);
	damon_add_filter(probe, f);
}

static void hit_test(struct kunit *test)
{
	const struct hit_case *c = test->param_value;
	struct damon_ctx *ctx = test_ctx(test);
	struct damon_probe *probe = test_add_probe(test, ctx, 0);
	struct damon_region r = {};
	unsigned int i;

	for (i = 0; i < c->nr; i++)
		add_filter(test, probe, c->filters[i].matching,
			   c->filters[i].allow);
	damon_count_probe_hits(ctx, &r, NULL);
	KUNIT_EXPECT_EQ(test, r.probe_hits[0], c->hit);
}

static void count_test(struct kunit *test)
{
	struct damon_ctx *ctx = test_ctx(test);
	struct damon_region r = { .last_probe_hits = { 1, 2, 3, 4 } };
	int i;

	test_add_probe(test, ctx, 5);
	add_filter(test, test_add_probe(test, ctx, 100), true, true);
	test_add_probe(test, ctx, 1000);
	for (i = 0; i < 300; i++)
		damon_count_probe_hits(ctx, &r, NULL);
	KUNIT_EXPECT_EQ_MSG(test, r.probe_hits[0], 255, "no wrap");
	KUNIT_EXPECT_EQ_MSG(test, r.probe_hits[1], 0, "never a hit");
	KUNIT_EXPECT_EQ(test, r.probe_hits[2], 255);
	KUNIT_EXPECT_EQ_MSG(test, r.probe_hits[3], 0, "no such probe");
	KUNIT_EXPECT_EQ(test, damon_probe_hits_wsum(&r, false, ctx), 255 * 1005);
	KUNIT_EXPECT_EQ(test, damon_probe_hits_wsum(&r, true, ctx), 3205);
}

static void mvsum_test(struct kunit *test)
{
	struct damon_ctx *ctx = test_ctx(test);
	struct damon_region r = { .probe_hits = { 3, 0, 255 },
				  .last_probe_hits = { 10, 49, 255 } };

	damon_run(ctx)->next_aggregation = 20;
	KUNIT_EXPECT_EQ(test, damon_probe_hits_mvsum(1, &r, ctx), 49);
	damon_run(ctx)->passed = 10;
	KUNIT_EXPECT_EQ(test, damon_probe_hits_mvsum(0, &r, ctx), 8);
	KUNIT_EXPECT_EQ_MSG(test, damon_probe_hits_mvsum(2, &r, ctx), 255, "no wrap");
	damon_run(ctx)->passed = 20;
	KUNIT_EXPECT_EQ(test, damon_probe_hits_mvsum(0, &r, ctx), 3);
}

struct valid_case {
	const char *why;
	unsigned int nr_probes;
	unsigned int weight;
	unsigned long sample_us;
	unsigned long aggr_us;
	bool valid;
};

static const struct valid_case valid_cases[] = {
	{ "no probes, many samples", 0, 0, 1, 1000000, true },
	{ "no weights, many samples", 4, 0, 1, 1000000, true },
	{ "as many samples as fit", 4, 1, 1, 255, true },
	{ "more samples than fit", 1, 1, 1, 256, false },
	{ "sampling interval 0", 1, 1, 0, 256, false },
	{ "too many probes", 5, 0, 1, 10, false },
	{ "the largest sum", 1, UINT_MAX / 255, 1, 255, true },
	{ "a sum over the limit", 1, UINT_MAX / 255 + 1, 1, 255, false },
	{ "of several probes", 2, UINT_MAX / 200, 1, 100, true },
	{ "of several probes, over the limit", 3, UINT_MAX / 200, 1, 100, false },
};

static void valid_test(struct kunit *test)
{
	const struct valid_case *c = test->param_value;
	struct damon_ctx *ctx = test_ctx(test), *dst = test_ctx(test);
	int err = c->valid ? 0 : -EINVAL;
	unsigned int i;

	ctx->ops = fake_ops;
	dst->ops = fake_ops;
	ctx->attrs.sample_interval = c->sample_us;
	ctx->attrs.aggr_interval = c->aggr_us;
	for (i = 0; i < c->nr_probes; i++)
		test_add_probe(test, ctx, c->weight);
	KUNIT_EXPECT_EQ(test, damon_check_ctx(ctx), err);
	KUNIT_EXPECT_EQ(test, damon_set_attrs(ctx, &ctx->attrs), err);
	KUNIT_EXPECT_EQ(test, damon_commit_ctx(dst, ctx), err);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&dst->probes),
			c->valid ? c->nr_probes : 0);
}

static void bad_type_test(struct kunit *test)
{
	struct damon_ctx *ctx = test_ctx(test);
	struct damon_probe *probe = test_add_probe(test, ctx, 0);

	add_filter(test, probe, true, true);
	list_first_entry(&probe->filters, struct damon_filter, list)->type =
		NR_DAMON_FILTER_TYPES;
	KUNIT_EXPECT_EQ(test, damon_check_ctx(ctx), -EINVAL);
	KUNIT_EXPECT_NULL(test, damon_filter_name(NR_DAMON_FILTER_TYPES));
}

static void commit_test(struct kunit *test)
{
	struct damon_ctx *dst = test_ctx(test), *src = test_ctx(test);
	struct damon_probe *probe;
	struct damon_filter *f;

	dst->ops = fake_ops;
	src->ops = fake_ops;
	test_add_probe(test, dst, 1);
	test_add_probe(test, dst, 2);
	probe = test_add_probe(test, src, 3);
	add_filter(test, probe, true, false);
	f = damon_new_filter(DAMON_FILTER_TYPE_MEMCG, false, true);
	KUNIT_ASSERT_NOT_NULL(test, f);
	f->memcg_id = 42;
	damon_add_filter(probe, f);

	KUNIT_EXPECT_EQ(test, damon_commit_ctx(dst, src), 0);
	KUNIT_ASSERT_EQ(test, list_count_nodes(&dst->probes), 1);
	probe = list_first_entry(&dst->probes, struct damon_probe, list);
	KUNIT_EXPECT_EQ(test, probe->weight, 3);
	KUNIT_ASSERT_EQ(test, list_count_nodes(&probe->filters), 2);
	f = list_last_entry(&probe->filters, struct damon_filter, list);
	KUNIT_EXPECT_EQ(test, f->type, DAMON_FILTER_TYPE_MEMCG);
	KUNIT_EXPECT_EQ(test, f->memcg_id, 42);
	KUNIT_EXPECT_TRUE(test, f->allow);
	KUNIT_EXPECT_EQ_MSG(test, list_count_nodes(&src->probes), 1,
			    "the source keeps its own");
}

/* As regions that are compared by hits times 10 of the first probe. */
static const struct damon_score by_hits = {
	.by_probes = true, .weights = { 10 }, .max = 1000,
};

struct score_case {
	const char *why;
	unsigned char hits[2];
	unsigned char last_hits;
	unsigned int threshold;
	unsigned int nr_regions;
	unsigned int age;
};

static const struct score_case score_cases[] = {
	{ "alike", { 4, 4 }, 4, 0, 1, 6 },
	{ "by less than the threshold", { 4, 5 }, 4, 10, 1, 6 },
	{ "by more", { 4, 5 }, 4, 9, 2, 6 },
	{ "changed by more", { 5, 5 }, 4, 9, 1, 0 },
	{ "from none", { 1, 1 }, 0, 90, 1, 0 },
};

static void score_test(struct kunit *test)
{
	const struct score_case *c = test->param_value;
	static const struct region_row rows[MAX_ROWS] = {
		{ 0, 10, 7, 0, 5 }, { 10, 20, 0, 7, 5 },
	};
	struct damon_target *t = test_target(test, rows);
	struct damon_region *r = t->regions;

	r[0].probe_hits[0] = c->hits[0];
	r[1].probe_hits[0] = c->hits[1];
	r[0].last_probe_hits[0] = c->last_hits;
	r[1].last_probe_hits[0] = c->last_hits;
	damon_regions_age(t, &by_hits, c->threshold);
	KUNIT_EXPECT_EQ(test, t->regions[0].age, c->age);
	damon_regions_merge(t, &by_hits, c->threshold, ULONG_MAX);
	KUNIT_EXPECT_EQ(test, t->nr_regions, c->nr_regions);
	KUNIT_EXPECT_EQ_MSG(test, t->regions[0].probe_hits[0], c->hits[0],
			    "mean rounded down");
}

static void window_test(struct kunit *test)
{
	static const struct region_row rows[MAX_ROWS] = { { 0, 10 } };
	struct damon_target *t = test_target(test, rows);
	struct damon_conversion conv = {
		.from_samples = 10, .to_samples = 100,
		.from_aggr_us = 1, .to_aggr_us = 1,
	};

	t->regions[0].probe_hits[0] = 3;
	t->regions[0].probe_hits[3] = 100;
	damon_regions_convert(t, &conv);
	KUNIT_EXPECT_EQ(test, t->regions[0].probe_hits[0], 30);
	KUNIT_EXPECT_EQ_MSG(test, t->regions[0].probe_hits[3], 255, "no wrap");
	damon_regions_close_window(t);
	KUNIT_EXPECT_EQ(test, t->regions[0].probe_hits[0], 0);
	KUNIT_EXPECT_EQ(test, t->regions[0].last_probe_hits[0], 30);
	conv.restart = true;
	t->regions[0].probe_hits[0] = 3;
	damon_regions_convert(t, &conv);
	KUNIT_EXPECT_EQ(test, t->regions[0].probe_hits[0], 0);
}

static atomic_t nr_probed, nr_prepared, nr_checked;
static bool seen_set_samples;

static void count_prepare(struct damon_ctx *ctx)
{
	atomic_inc(&nr_prepared);
	fake_prepare(ctx);
}

static unsigned int count_check(struct damon_ctx *ctx)
{
	atomic_inc(&nr_checked);
	return fake_check(ctx);
}

/* What is hot to others has the attribute. */
static unsigned int probe_hot(struct damon_ctx *ctx, bool set_samples,
			      bool return_max_wsum)
{
	struct damon_target *t;
	struct damon_region *r;

	seen_set_samples = set_samples;
	damon_for_each_target(t, ctx) {
		damon_for_each_region(r, t)
			r->probe_hits[0] += fake.is_hot(r->ar.start);
	}
	atomic_inc(&nr_probed);
	return return_max_wsum ? SAMPLES * 10 : 0;
}

static struct damon_ctx *probe_ctx(struct kunit *test, unsigned int weight)
{
	struct damon_ctx *ctx = fake_ctx(test);

	ctx->ops.prepare_access_checks = count_prepare;
	ctx->ops.check_accesses = count_check;
	ctx->ops.apply_probes = probe_hot;
	atomic_set(&nr_probed, 0);
	atomic_set(&nr_prepared, 0);
	atomic_set(&nr_checked, 0);
	test_add_probe(test, ctx, weight);
	return ctx;
}

static unsigned int last_hits[6], last_accesses[6], last_ages[6];

static void note_results(struct damon_ctx *ctx)
{
	struct damon_target *t = list_first_entry(&ctx->adaptive_targets,
						  struct damon_target, list);
	unsigned int i;

	for (i = 0; i < min(6, t->nr_regions); i++) {
		last_hits[i] = t->regions[i].last_probe_hits[0];
		last_accesses[i] = t->regions[i].last_nr_accesses;
		last_ages[i] = t->regions[i].age;
	}
}

struct mode_case {
	const char *why;
	unsigned int weight;
	unsigned int accesses;
};

static const struct mode_case mode_cases[] = {
	{ "beside accesses", 0, SAMPLES },
	{ "instead of accesses", 10, 0 },
};

static void mode_test(struct kunit *test)
{
	const struct mode_case *c = test->param_value;
	struct damon_ctx *ctx = probe_ctx(test, c->weight);

	fake.report = note_results;
	start(test, ctx);
	wait_for(test, &fake.nr_aggregations, 4);
	damon_stop(&ctx, 1);
	KUNIT_EXPECT_EQ(test, seen_set_samples, !!c->weight);
	KUNIT_EXPECT_EQ(test, !atomic_read(&nr_prepared), !!c->weight);
	KUNIT_EXPECT_EQ(test, !atomic_read(&nr_checked), !!c->weight);
	KUNIT_EXPECT_EQ(test, last_hits[0], SAMPLES);
	KUNIT_EXPECT_EQ(test, last_hits[1], 0);
	KUNIT_EXPECT_EQ(test, last_accesses[0], c->accesses);
	KUNIT_EXPECT_GE_MSG(test, last_ages[0], 2, "nothing changed");
}

KUNIT_ARRAY_PARAM_DESC(hit, hit_cases, why);
KUNIT_ARRAY_PARAM_DESC(valid, valid_cases, why);
KUNIT_ARRAY_PARAM_DESC(score, score_cases, why);
KUNIT_ARRAY_PARAM_DESC(mode, mode_cases, why);

static struct kunit_case probe_cases[] = {
	KUNIT_CASE_PARAM(hit_test, hit_gen_params),
	KUNIT_CASE(count_test),
	KUNIT_CASE(mvsum_test),
	KUNIT_CASE_PARAM(valid_test, valid_gen_params),
	KUNIT_CASE(bad_type_test),
	KUNIT_CASE(commit_test),
	KUNIT_CASE_PARAM(score_test, score_gen_params),
	KUNIT_CASE(window_test),
	KUNIT_CASE_PARAM(mode_test, mode_gen_params),
	{}
};

static struct kunit_suite probe_suite = {
	.name = "damon-probe",
	.init = fake_forget,
	.test_cases = probe_cases,
};

kunit_test_suite(probe_suite);
