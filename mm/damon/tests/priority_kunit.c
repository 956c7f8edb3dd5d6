// SPDX-License-Identifier: GPL-2.0
/*
 * Priorities: of a region, and which regions a quota is spent on.
 */

#include "schemes.h"

/* The priority of a region */

struct score_case {
	const char *why;
	enum damos_action action;
	unsigned int weight_nr_accesses, weight_age;
	unsigned int nr_accesses, age;
	unsigned long sample_us, aggr_us;
	int score;
};

#define SEC	1000000UL

/* Hotness is by 99 / 100 of the mean of frequency and age, rounded down. */
static const struct score_case score_cases[] = {
	{ "hottest", DAMOS_LRU_PRIO, 1, 0, 100, 0, SEC, 100 * SEC, 99 },
	{ "half as hot", DAMOS_LRU_PRIO, 1, 0, 50, 0, SEC, 100 * SEC, 49 },
	{ "not hot", DAMOS_LRU_PRIO, 1, 0, 0, 0, SEC, 100 * SEC, 0 },
	{ "age 0", DAMOS_LRU_PRIO, 0, 1, 100, 0, SEC, 10 * SEC, 49 },
	{ "below a second", DAMOS_LRU_PRIO, 0, 1, 1, 9, SEC / 100, SEC / 10, 49 },
	{ "a second, hot", DAMOS_LRU_PRIO, 0, 1, 1, 10, SEC / 100, SEC / 10, 50 },
	{ "a second, cold", DAMOS_LRU_PRIO, 0, 1, 0, 10, SEC / 100, SEC / 10, 47 },
	{ "1024 seconds, hot", DAMOS_LRU_PRIO, 0, 1, 1, 10240, SEC / 100, SEC / 10, 66 },
	{ "1024 seconds, cold", DAMOS_LRU_PRIO, 0, 1, 0, 10240, SEC / 100, SEC / 10, 31 },
	{ "oldest, hot", DAMOS_LRU_PRIO, 0, 1, 100, UINT_MAX, SEC, 100 * SEC, 99 },
	{ "oldest, cold", DAMOS_LRU_PRIO, 0, 1, 0, UINT_MAX, SEC, 100 * SEC, 0 },
	{ "longest interval", DAMOS_LRU_PRIO, 0, 1, 0, 1 << 20, 1, ULONG_MAX, 0 },
	{ "oldest, longest interval", DAMOS_LRU_PRIO, 0, 1, UINT_MAX, UINT_MAX, 1, ULONG_MAX, 99 },
	{ "below one per cent is none", DAMOS_LRU_PRIO, 0, 1, 1, 1024, SEC / 1000, SEC, 31 },
	{ "both", DAMOS_LRU_PRIO, 1, 1, 100, 0, SEC, 100 * SEC, 74 },
	{ "both, by weight", DAMOS_LRU_PRIO, 3, 1, 100, 0, SEC, 100 * SEC, 86 },
	{ "large weights", DAMOS_LRU_PRIO, UINT_MAX, UINT_MAX, 100, 0, SEC, 100 * SEC, 74 },
	{ "no weight", DAMOS_LRU_PRIO, 0, 0, 100, UINT_MAX, SEC, 100 * SEC, 0 },
	{ "no weight, cold", DAMOS_PAGEOUT, 0, 0, 100, UINT_MAX, SEC, 100 * SEC, 99 },
	{ "hot is not cold", DAMOS_PAGEOUT, 1, 0, 100, 0, SEC, 100 * SEC, 0 },
	{ "coldest", DAMOS_PAGEOUT, 1, 1, 0, UINT_MAX, SEC, 100 * SEC, 99 },
	{ "both, cold", DAMOS_PAGEOUT, 1, 1, 100, 0, SEC, 100 * SEC, 25 },
	{ "lru_deprio", DAMOS_LRU_DEPRIO, 1, 0, 25, 0, SEC, 100 * SEC, 75 },
	{ "migrate_hot", DAMOS_MIGRATE_HOT, 1, 0, 25, 0, SEC, 100 * SEC, 24 },
	{ "migrate_cold", DAMOS_MIGRATE_COLD, 1, 0, 25, 0, SEC, 100 * SEC, 75 },
	{ "others are all alike", DAMOS_WILLNEED, 1, 1, 25, 7, SEC, 100 * SEC, 99 },
	{ "stat is, too", DAMOS_STAT, 1, 1, 25, 7, SEC, 100 * SEC, 99 },
	{ "no interval", DAMOS_LRU_PRIO, 1, 1, 1, 1, 0, 0, 74 },
};

static void score_test(struct kunit *test)
{
	const struct score_case *c = test->param_value;
	const struct region_row rows[] = { { 0, 10, c->nr_accesses, 0, c->age }, {} };
	struct damon_ctx *ctx = pass_ctx(test);
	struct damon_target *t = add_rows(test, ctx, rows);
	struct damos *s = add_any(test, ctx, c->action);

	ctx->attrs.sample_interval = c->sample_us;
	ctx->attrs.aggr_interval = c->aggr_us;
	s->quota.weight_sz = 1000;
	s->quota.weight_nr_accesses = c->weight_nr_accesses;
	s->quota.weight_age = c->weight_age;
	damon_run(ctx)->next_aggregation = damon_run(ctx)->passed;
	KUNIT_EXPECT_EQ(test, damos_priority(ctx, t->regions, s), c->score);
}

/* What a quota is spent on */

struct choice_case {
	const char *why;
	unsigned long esz;
	struct region_row rows[5];		/* accesses are scores */
	unsigned int min_score;
	struct applied_row applied[5];
	unsigned int max_nr_accesses;		/* of the pattern */
	struct damon_addr_range rejected;
};

static const struct choice_case choice_cases[] = {
	{ "enough for the best", 10, { { 0, 10, 5 }, { 10, 20, 9 } }, 9, { { 0, 0, 10, 20 } } },
	{ "less than the best", 4, { { 0, 10, 5 }, { 10, 20, 9 } }, 9, { { 0, 0, 10, 14 } } },
	{ "more than the best", 11, { { 0, 10, 5 }, { 10, 20, 9 } }, 5,
	  { { 0, 0, 0, 10 }, { 0, 0, 10, 11 } } },
	{ "all", 20, { { 0, 10, 5 }, { 10, 20, 9 } }, 5, { { 0, 0, 0, 10 }, { 0, 0, 10, 20 } } },
	{ "more than there is", 21, { { 0, 10, 5 }, { 10, 20, 9 } }, 0,
	  { { 0, 0, 0, 10 }, { 0, 0, 10, 20 } } },
	{ "lowest score", 15, { { 0, 10, 0 }, { 10, 20, 99 } }, 0,
	  { { 0, 0, 0, 10 }, { 0, 0, 10, 15 } } },
	{ "scores beyond the last are the last", 10, { { 0, 10, 98 }, { 10, 20, 200 } }, 99,
	  { { 0, 0, 10, 20 } } },
	{ "those of another pattern do not count", 10, { { 0, 10, 50 }, { 10, 20, 90 } }, 50,
	  { { 0, 0, 0, 10 } }, 80 },
	{ "what filters reject does not count", 10, { { 0, 10, 50 }, { 10, 20, 90 } }, 50,
	  { { 0, 0, 0, 10 } }, 0, { 10, 20 } },
	{ "what filters reject of a region does not count", 10,
	  { { 0, 10, 50 }, { 10, 20, 90 } }, 50, { { 0, 0, 0, 10 } }, 0, { 12, 20 } },
};

static void choice_test(struct kunit *test)
{
	const struct choice_case *c = test->param_value;
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s = add_any(test, ctx, DAMOS_STAT);

	ctx->ops.get_scheme_score = count_is_score;
	add_rows(test, ctx, c->rows);
	s->quota.sz = c->esz;
	if (c->max_nr_accesses)
		s->pattern.max_nr_accesses = c->max_nr_accesses;
	if (c->rejected.end)
		add_addr_filter(test, s, true, false, c->rejected.start, c->rejected.end);
	pass(ctx);
	KUNIT_EXPECT_EQ(test, damos_run(s)->quota.min_score, c->min_score);
	expect_applied(test, c->applied, c->why);
}

/* An operations set without priorities may come in the middle of a window. */
static void score_goes_test(struct kunit *test)
{
	static const struct region_row rows[] = { { 0, 10, 5 }, { 10, 20, 9 }, {} };
	static const struct applied_row part[] = { { 0, 0, 10, 14 }, {} };
	static const struct applied_row rest[] = { { 0, 0, 0, 4 }, {} };
	struct damon_ctx *ctx = pass_ctx(test);
	struct damos *s = add_any(test, ctx, DAMOS_STAT);

	ctx->ops.get_scheme_score = count_is_score;
	add_rows(test, ctx, rows);
	s->quota.sz = 4;
	s->quota.reset_interval = ULONG_MAX;
	pass(ctx);
	expect_applied(test, part, "by priority");
	forget_applied();
	ctx->ops.get_scheme_score = NULL;
	damos_run(s)->quota.charged_sz = 0;
	damos_quota_forget_target(s, damos_run(s)->quota.resume_target);
	pass(ctx);
	expect_applied(test, rest, "by address");
}

/* The same regions as by trying one least score after the other. */
static unsigned int model_min_score(struct damon_target *t, unsigned long esz)
{
	unsigned int score = DAMOS_MAX_SCORE + 1;
	unsigned long sz = 0;
	struct damon_region *r;

	while (score && sz < esz) {
		score--;
		sz = 0;
		damon_for_each_region(r, t) {
			if (r->nr_accesses >= score)
				sz += damon_sz_region(r);
		}
	}
	return score;
}

static void brute_force_test(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 200; i++) {
		struct damon_ctx *ctx = pass_ctx(test);
		struct damos *s = add_any(test, ctx, DAMOS_STAT);
		struct applied_row expect[MAX_APPLIED] = {};
		unsigned long all, left;
		unsigned int nr = 0, min_score;
		struct damon_region *r;
		struct damon_target *t;

		prandom_seed_state(&damon_run(ctx)->rnd, i);
		all = add_random(test, ctx);
		t = nth_target(ctx, 0);
		ctx->ops.get_scheme_score = count_is_score;
		left = damon_rand(ctx, 1, all / 2);
		s->quota.sz = left;
		min_score = model_min_score(t, left);
		damon_for_each_region(r, t) {
			if (r->nr_accesses < min_score || !left || nr == MAX_APPLIED)
				continue;
			expect[nr++] = (struct applied_row) {
				0, 0, r->ar.start, min(r->ar.end, r->ar.start + left),
			};
			left -= min(left, damon_sz_region(r));
		}
		forget_applied();
		pass(ctx);
		if (nr < MAX_APPLIED)
			expect_applied(test, expect, "brute force");
		KUNIT_ASSERT_EQ(test, damos_run(s)->quota.min_score, min_score);
		KUNIT_ASSERT_EQ(test, damon_nr_regions(t), NR_RANDOM);
	}
}

KUNIT_ARRAY_PARAM_DESC(score, score_cases, why);
KUNIT_ARRAY_PARAM_DESC(choice, choice_cases, why);

static struct kunit_case priority_test_cases[] = {
	KUNIT_CASE_PARAM(score_test, score_gen_params),
	KUNIT_CASE_PARAM(choice_test, choice_gen_params),
	KUNIT_CASE(score_goes_test),
	KUNIT_CASE(brute_force_test),
	{}
};

static struct kunit_suite priority_test_suite = {
	.name = "damon-priority",
	.init = passes_begin,
	.test_cases = priority_test_cases,
};

kunit_test_suite(priority_test_suite);
