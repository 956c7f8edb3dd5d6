/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An operations set that simulates an address space whose accesses are known.
 */
#ifndef _MM_DAMON_TESTS_FAKE_H
#define _MM_DAMON_TESTS_FAKE_H

#include <linux/delay.h>
#include <linux/jiffies.h>

#include "helpers.h"

#define SAMPLES		10
#define PATIENCE	(10 * HZ)

static struct fake {
	/* Whether all samples of an address are positive, or none. */
	bool (*is_hot)(unsigned long addr);
	/* At the end of an aggregation, in the kdamond. */
	void (*report)(struct damon_ctx *ctx);
	/* When it has ended all but for the requests, in the kdamond. */
	void (*at_end)(struct damon_ctx *ctx);
	bool gone;
	atomic_t nr_init, nr_update, nr_aggregations, nr_cleanup, nr_cleaned_targets;
} fake;

static inline void fake_init(struct damon_ctx *ctx)
{
	atomic_inc(&fake.nr_init);
}

static inline void fake_update(struct damon_ctx *ctx)
{
	atomic_inc(&fake.nr_update);
}

static inline void fake_prepare(struct damon_ctx *ctx)
{
	struct damon_target *t;
	struct damon_region *r;

	damon_for_each_target(t, ctx) {
		damon_for_each_region(r, t)
			r->sampling_addr = damon_rand(ctx, r->ar.start, r->ar.end);
	}
}

static inline unsigned int fake_check(struct damon_ctx *ctx)
{
	unsigned int max_nr_accesses = 0;
	struct damon_target *t;
	struct damon_region *r;

	damon_for_each_target(t, ctx) {
		damon_for_each_region(r, t) {
			damon_update_region_access_rate(r, fake.is_hot(r->sampling_addr));
			max_nr_accesses = max(max_nr_accesses, r->nr_accesses);
		}
	}
	return max_nr_accesses;
}

static inline unsigned long fake_apply(struct damon_ctx *ctx, struct damon_target *t,
				       struct damon_region *r, struct damos *s,
				       unsigned long *sz_filter_passed)
{
	*sz_filter_passed += r->ar.start;
	return 0;
}

static inline bool fake_valid(struct damon_target *t)
{
	return !READ_ONCE(fake.gone);
}

static inline void fake_cleanup_target(struct damon_target *t)
{
	atomic_inc(&fake.nr_cleaned_targets);
}

static inline void fake_reset(struct damon_ctx *ctx)
{
	atomic_inc(&fake.nr_aggregations);
	if (fake.report)
		fake.report(ctx);
}

static inline void fake_cleanup(struct damon_ctx *ctx)
{
	atomic_inc(&fake.nr_cleanup);
	if (fake.at_end)
		fake.at_end(ctx);
}

static const struct damon_operations fake_ops = {
	.id = NR_DAMON_OPS,
	.pidless = true,
	.init = fake_init,
	.update = fake_update,
	.prepare_access_checks = fake_prepare,
	.check_accesses = fake_check,
	.apply_scheme = fake_apply,
	.target_valid = fake_valid,
	.cleanup_target = fake_cleanup_target,
	.reset_aggregated = fake_reset,
	.cleanup = fake_cleanup,
};

/* Every second kilobyte, the first included. */
static inline bool every_second(unsigned long addr)
{
	return addr / 1000 % 2 == 0;
}

/* For damon_call(): @data counts how often. */
static inline int count_call(void *data)
{
	atomic_inc(data);
	return 42;
}

/* Six regions, which are also the most there may be: they stay as they are. */
static inline struct damon_ctx *fake_ctx(struct kunit *test)
{
	struct damon_ctx *ctx = test_ctx(test);

	ctx->attrs = (struct damon_attrs) { 1000, SAMPLES * 1000, 5000, 6, 6 };
	ctx->min_region_sz = 1;
	ctx->ops = fake_ops;
	test_add_target(test, ctx, 0, 1000, 6);
	return ctx;
}

static inline void start(struct kunit *test, struct damon_ctx *ctx)
{
	KUNIT_ASSERT_EQ(test, damon_start(&ctx, 1, false), 0);
}

static inline void wait_for(struct kunit *test, atomic_t *count, int least)
{
	unsigned long deadline = jiffies + PATIENCE;

	while (atomic_read(count) < least) {
		KUNIT_ASSERT_TRUE(test, time_before(jiffies, deadline));
		usleep_range(500, 1000);
	}
}

static inline void wait_for_end(struct kunit *test, struct damon_ctx *ctx)
{
	unsigned long deadline = jiffies + PATIENCE;

	while (damon_is_running(ctx)) {
		KUNIT_ASSERT_TRUE(test, time_before(jiffies, deadline));
		usleep_range(500, 1000);
	}
}

static inline int fake_forget(struct kunit *test)
{
	fake = (struct fake) { .is_hot = every_second };
	return 0;
}

#endif
