// SPDX-License-Identifier: GPL-2.0
/*
 * Requests to a kdamond: calls and walks.
 */

#include <linux/completion.h>
#include <linux/kthread.h>

#include "fake.h"

static const struct damos_access_pattern all_regions = {
	0, ULONG_MAX, 0, UINT_MAX, 0, UINT_MAX,
};

static void add_scheme(struct kunit *test, struct damon_ctx *ctx,
		       const struct damos_access_pattern *pattern,
		       unsigned long apply_interval_us)
{
	struct damos *s = new_scheme(pattern, apply_interval_us);

	KUNIT_ASSERT_NOT_NULL(test, s);
	damon_add_scheme(ctx, s);
}

/* Calls */

static int read_pid(void *data)
{
	*(int *)data = task_pid_nr(current);
	return -EIO;
}

static void call_once_test(struct kunit *test)
{
	struct damon_ctx *ctx = fake_ctx(test);
	int pid = 0;
	struct damon_call_control call = { .fn = read_pid, .data = &pid };

	KUNIT_EXPECT_EQ(test, damon_call(ctx, &call), -ECANCELED);
	KUNIT_EXPECT_EQ(test, pid, 0);
	start(test, ctx);
	KUNIT_EXPECT_EQ(test, damon_call(ctx, &call), 0);
	KUNIT_EXPECT_EQ(test, call.return_code, -EIO);
	KUNIT_EXPECT_EQ(test, pid, damon_kdamond_pid(ctx));
	damon_stop(&ctx, 1);
	pid = 0;
	KUNIT_EXPECT_EQ(test, damon_call(ctx, &call), -ECANCELED);
	KUNIT_EXPECT_EQ(test, pid, 0);
}

/* What a kdamond may still use when a test is given up. */
static atomic_t nr_calls;
static struct damon_call_control repeated_call = {
	.fn = count_call, .data = &nr_calls, .repeat = true,
};

static void call_repeat_test(struct kunit *test)
{
	struct damon_ctx *ctx = fake_ctx(test);
	int i, last;

	/* A control may be used again after the end. */
	for (i = 0; i < 2; i++) {
		atomic_set(&nr_calls, 0);
		KUNIT_EXPECT_EQ(test, damon_call(ctx, &repeated_call), -ECANCELED);
		start(test, ctx);
		KUNIT_EXPECT_EQ(test, damon_call(ctx, &repeated_call), 0);
		wait_for(test, &nr_calls, 5);
		damon_stop(&ctx, 1);
		last = atomic_read(&nr_calls);
		usleep_range(3000, 4000);
		KUNIT_EXPECT_EQ(test, atomic_read(&nr_calls), last);
		test_add_target(test, ctx, 0, 1000, 6);
	}
}

static struct damon_call_control *new_call(struct kunit *test, atomic_t *count)
{
	struct damon_call_control *call = kzalloc(sizeof(*call), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, call);
	*call = (struct damon_call_control) {
		.fn = count_call, .data = count, .repeat = true, .dealloc_on_cancel = true,
	};
	return call;
}

/* Who frees what shows where memory is debugged. */
static void call_dealloc_test(struct kunit *test)
{
	struct damon_call_control *call = new_call(test, &nr_calls);
	struct damon_ctx *ctx = fake_ctx(test);

	KUNIT_EXPECT_EQ(test, damon_call(ctx, call), -ECANCELED);
	kfree(call);
	atomic_set(&nr_calls, 0);
	start(test, ctx);
	KUNIT_EXPECT_EQ(test, damon_call(ctx, new_call(test, &nr_calls)), 0);
	KUNIT_EXPECT_EQ(test, damon_call(ctx, new_call(test, &nr_calls)), 0);
	wait_for(test, &nr_calls, 4);
}

#define LOG_SZ	8

static char call_log[LOG_SZ + 1];
static atomic_t nr_logged;

static int log_call(void *data)
{
	int i = atomic_read(&nr_logged);

	if (i < LOG_SZ) {
		call_log[i] = *(char *)data;
		atomic_inc(&nr_logged);
	}
	return 0;
}

static struct damon_ctx *call_from_call_ctx;
static struct damon_call_control log_late = { .fn = log_call, .data = "L", .repeat = true };

/* The first time, asks for another call. */
static int log_and_call(void *data)
{
	log_call(data);
	return atomic_read(&nr_logged) == 1 ? damon_call(call_from_call_ctx, &log_late) : 0;
}

static struct damon_call_control log_a = { .fn = log_and_call, .data = "a", .repeat = true };
static struct damon_call_control log_b = { .fn = log_call, .data = "b", .repeat = true };

static int add_log_calls(void *data)
{
	struct damon_ctx *ctx = data;

	return damon_call(ctx, &log_a) ?: damon_call(ctx, &log_b);
}

/* First in, first out; what repeats goes behind what came meanwhile. */
static void call_order_test(struct kunit *test)
{
	struct damon_ctx *ctx = fake_ctx(test);
	struct damon_call_control call = { .fn = add_log_calls, .data = ctx };

	atomic_set(&nr_logged, 0);
	memset(call_log, 0, sizeof(call_log));
	call_from_call_ctx = ctx;
	start(test, ctx);
	KUNIT_ASSERT_EQ(test, damon_call(ctx, &call), 0);
	KUNIT_ASSERT_EQ(test, call.return_code, 0);
	wait_for(test, &nr_logged, LOG_SZ);
	damon_stop(&ctx, 1);
	KUNIT_EXPECT_STREQ(test, call_log, "abLabLab");
}

/* A thread that asks, and waits */

struct asker {
	struct damon_ctx *ctx;
	struct damon_call_control *call;
	struct damos_walk_control *walk;
	int ret;
	struct completion done;
};

static int ask(void *data)
{
	struct asker *a = data;

	a->ret = a->call ? damon_call(a->ctx, a->call) : damos_walk(a->ctx, a->walk);
	complete(&a->done);
	return 0;
}

static void start_asking(struct kunit *test, struct asker *a)
{
	a->ret = 1;
	init_completion(&a->done);
	KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(ask, a, "damon-ask")));
}

static int answer(struct kunit *test, struct asker *a)
{
	KUNIT_ASSERT_TRUE(test, wait_for_completion_timeout(&a->done, PATIENCE));
	return a->ret;
}

static bool is_asked(struct damon_ctx *ctx)
{
	struct damon_run *run = damon_run(ctx);
	bool asked;

	scoped_guard(spinlock, &run->lock)
		asked = !list_empty(&run->requests);
	return asked;
}

static void wait_for_request(struct kunit *test, struct damon_ctx *ctx)
{
	unsigned long deadline = jiffies + PATIENCE;

	while (!is_asked(ctx)) {
		KUNIT_ASSERT_TRUE(test, time_before(jiffies, deadline));
		usleep_range(500, 1000);
	}
}

struct end_case {
	const char *why;
	bool walk;
	bool by_target;
	unsigned long sample_interval;
	unsigned long apply_interval;
	bool queued;		/* rather than admitted */
};

static const struct end_case end_cases[] = {
	{ "stopped, call in the queue", false, false, 60000000, 0, true },
	{ "stopped, walk in the queue", true, false, 60000000, 0, true },
	{ "stopped, walk waits for its pass", true, false, 1000, 60000000, false },
	{ "target gone, walk waits for its pass", true, true, 1000, 60000000, false },
};

static struct asker asker;
static atomic_t nr_answered;

static void end_walk_fn(void *data, struct damon_ctx *ctx, struct damon_target *t,
			struct damon_region *r, struct damos *s, unsigned long passed)
{
	atomic_inc(&nr_answered);
}

static struct damon_call_control end_call = { .fn = count_call, .data = &nr_answered };
static struct damos_walk_control end_walk = { .walk_fn = end_walk_fn };

static bool is_admitted(struct damon_ctx *ctx)
{
	struct damon_run *run = damon_run(ctx);
	bool admitted;

	scoped_guard(spinlock, &run->lock)
		admitted = run->walk_pending && list_empty(&run->requests);
	return admitted;
}

static void wait_for_admission(struct kunit *test, struct damon_ctx *ctx)
{
	unsigned long deadline = jiffies + PATIENCE;

	while (!is_admitted(ctx)) {
		KUNIT_ASSERT_TRUE(test, time_before(jiffies, deadline));
		usleep_range(500, 1000);
	}
	/* Out of the queue it is at hand within the round. */
	usleep_range(3000, 4000);
}

/* A request is cancelled, not lost, and the context can be used again. */
static void end_test(struct kunit *test)
{
	const struct end_case *c = test->param_value;
	struct damon_ctx *ctx = fake_ctx(test);

	atomic_set(&nr_answered, 0);
	ctx->attrs.sample_interval = c->sample_interval;
	ctx->attrs.aggr_interval = c->sample_interval * SAMPLES;
	add_scheme(test, ctx, &all_regions, c->apply_interval);
	asker = (struct asker) { ctx, c->walk ? NULL : &end_call, c->walk ? &end_walk : NULL };
	start(test, ctx);
	start_asking(test, &asker);
	if (c->queued)
		wait_for_request(test, ctx);
	else
		wait_for_admission(test, ctx);
	KUNIT_EXPECT_EQ(test, READ_ONCE(asker.ret), 1);
	if (c->by_target)
		WRITE_ONCE(fake.gone, true);
	else
		damon_stop(&ctx, 1);
	/* A call may still be made in the round that the stop cuts short. */
	KUNIT_EXPECT_EQ(test, answer(test, &asker),
			atomic_read(&nr_answered) ? 0 : -ECANCELED);
	KUNIT_EXPECT_LE(test, atomic_read(&nr_answered), !c->walk);
	KUNIT_EXPECT_FALSE(test, damon_is_running(ctx));
	WRITE_ONCE(fake.gone, false);

	ctx->attrs.sample_interval = 1000;
	ctx->attrs.aggr_interval = 10000;
	test_add_target(test, ctx, 0, 1000, 6);
	start(test, ctx);
	KUNIT_EXPECT_EQ(test, damon_call(ctx, &end_call), 0);
}

static void ask_and_wait(struct damon_ctx *ctx)
{
	unsigned long deadline = jiffies + PATIENCE;

	kthread_run(ask, &asker, "damon-ask");
	while (!is_asked(ctx) && time_before(jiffies, deadline))
		usleep_range(500, 1000);
}

/* What is asked for after the last round. */
static void end_too_late_test(struct kunit *test)
{
	struct damon_ctx *ctx = fake_ctx(test);
	unsigned int i;

	atomic_set(&nr_answered, 0);
	fake.at_end = ask_and_wait;
	add_scheme(test, ctx, &all_regions, 1000);
	for (i = 0; i < 2; i++) {
		asker = (struct asker) { ctx, i ? NULL : &end_call, i ? &end_walk : NULL };
		init_completion(&asker.done);
		start(test, ctx);
		damon_stop(&ctx, 1);
		KUNIT_EXPECT_EQ(test, answer(test, &asker), -ECANCELED);
		test_add_target(test, ctx, 0, 1000, 6);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_answered), 0);
	fake.at_end = NULL;
	start(test, ctx);
	KUNIT_EXPECT_EQ(test, damos_walk(ctx, &end_walk), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_answered), 6);
}

/* No scheme is active, and the next look at the watermarks is far away. */
static void inactive_test(struct kunit *test)
{
	struct damon_ctx *ctx = fake_ctx(test);

	atomic_set(&nr_answered, 0);
	add_scheme(test, ctx, &all_regions, 0);
	list_first_entry(&ctx->schemes, struct damos, list)->wmarks =
		(struct damos_watermarks) { DAMOS_WMARK_FREE_MEM_RATE, ULONG_MAX };
	start(test, ctx);
	KUNIT_ASSERT_EQ(test, damon_call(ctx, &repeated_call), 0);
	usleep_range(3000, 4000);

	asker = (struct asker) { .ctx = ctx, .call = &end_call };
	start_asking(test, &asker);
	KUNIT_EXPECT_EQ(test, answer(test, &asker), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_answered), 1);

	asker = (struct asker) { .ctx = ctx, .walk = &end_walk };
	start_asking(test, &asker);
	KUNIT_EXPECT_EQ(test, answer(test, &asker), -ECANCELED);
}

/* Walks */

struct walk_case {
	const char *why;
	struct damos_access_pattern pattern;
	unsigned long visited;		/* kilobytes */
};

/* Two aggregations on, hot regions are of age one and cold ones of age two. */
static const struct walk_case walk_cases[] = {
	{ "all", { 0, ULONG_MAX, 0, UINT_MAX, 0, UINT_MAX }, 0x3f },
	{ "of this size", { 1000, 1000, 0, UINT_MAX, 0, UINT_MAX }, 0x3f },
	{ "smaller", { 0, 999, 0, UINT_MAX, 0, UINT_MAX }, 0 },
	{ "larger", { 1001, ULONG_MAX, 0, UINT_MAX, 0, UINT_MAX }, 0 },
	{ "hot", { 0, ULONG_MAX, SAMPLES, SAMPLES, 0, UINT_MAX }, 0x15 },
	{ "cold", { 0, ULONG_MAX, 0, 0, 0, UINT_MAX }, 0x2a },
	{ "hotter", { 0, ULONG_MAX, SAMPLES + 1, UINT_MAX, 0, UINT_MAX }, 0 },
	{ "in between", { 0, ULONG_MAX, 1, SAMPLES - 1, 0, UINT_MAX }, 0 },
	{ "older than they can be", { 0, ULONG_MAX, 0, UINT_MAX, 1 << 20, UINT_MAX }, 0 },
	{ "as old as they are", { 0, ULONG_MAX, 0, UINT_MAX, 1, 1 << 20 }, 0x3f },
	{ "new", { 0, ULONG_MAX, 0, UINT_MAX, 0, 0 }, 0 },
	{ "hot and cold", { 0, ULONG_MAX, SAMPLES, 0, 0, UINT_MAX }, 0 },
};

struct visits {
	struct damos *s[2];
	unsigned long visited[2];
	unsigned int nr[2];
	unsigned int nr_wrong;
};

static void visit(void *data, struct damon_ctx *ctx, struct damon_target *t,
		  struct damon_region *r, struct damos *s, unsigned long sz_filter_passed)
{
	struct visits *v = data;
	unsigned int i = s == v->s[1];

	if (s != v->s[i] || sz_filter_passed != r->ar.start)
		v->nr_wrong++;
	__set_bit(r->ar.start / 1000, &v->visited[i]);
	v->nr[i]++;
}

/* One scheme as the case has it, one that comes seldom and takes all. */
static void walk_test(struct kunit *test)
{
	const struct walk_case *c = test->param_value;
	struct damon_ctx *ctx = fake_ctx(test);
	struct visits v = {};
	struct damos_walk_control walk = { .walk_fn = visit, .data = &v };

	add_scheme(test, ctx, &c->pattern, 1000);
	add_scheme(test, ctx, &all_regions, 5000);
	v.s[0] = list_first_entry(&ctx->schemes, struct damos, list);
	v.s[1] = list_next_entry(v.s[0], list);
	KUNIT_EXPECT_EQ(test, damos_walk(ctx, &walk), -ECANCELED);
	start(test, ctx);
	wait_for(test, &fake.nr_aggregations, 2);
	KUNIT_EXPECT_EQ(test, damos_walk(ctx, &walk), 0);
	damon_stop(&ctx, 1);
	KUNIT_EXPECT_EQ(test, v.nr_wrong, 0);
	KUNIT_EXPECT_EQ(test, v.visited[0], c->visited);
	KUNIT_EXPECT_EQ(test, v.nr[0], hweight_long(c->visited));
	KUNIT_EXPECT_EQ(test, v.visited[1], 0x3f);
	KUNIT_EXPECT_EQ(test, v.nr[1], 6);
}

static void walk_nothing_test(struct kunit *test)
{
	struct visits v = {};
	struct damos_walk_control walk = { .walk_fn = visit, .data = &v };
	struct damon_ctx *ctx = fake_ctx(test);

	start(test, ctx);
	KUNIT_EXPECT_EQ(test, damos_walk(ctx, &walk), -ECANCELED);
	KUNIT_EXPECT_EQ(test, damos_walk(ctx, &walk), -ECANCELED);
	damon_stop(&ctx, 1);

	/* Schemes, but no target. */
	ctx->ops.target_valid = NULL;
	add_scheme(test, ctx, &all_regions, 0);
	start(test, ctx);
	KUNIT_EXPECT_EQ(test, damos_walk(ctx, &walk), 0);
	KUNIT_EXPECT_EQ(test, v.nr[0] + v.nr[1], 0);
}

static DECLARE_COMPLETION(walk_entered);
static DECLARE_COMPLETION(walk_may_go_on);

static void visit_and_wait(void *data, struct damon_ctx *ctx, struct damon_target *t,
			   struct damon_region *r, struct damos *s, unsigned long passed)
{
	complete(&walk_entered);
	wait_for_completion_timeout(&walk_may_go_on, PATIENCE);
}

static struct damos_walk_control waiting_walk = { .walk_fn = visit_and_wait };

static void walk_busy_test(struct kunit *test)
{
	struct damon_ctx *ctx = fake_ctx(test);
	bool entered;

	reinit_completion(&walk_entered);
	reinit_completion(&walk_may_go_on);
	add_scheme(test, ctx, &all_regions, 0);
	asker = (struct asker) { .ctx = ctx, .walk = &waiting_walk };
	start(test, ctx);
	start_asking(test, &asker);
	entered = wait_for_completion_timeout(&walk_entered, PATIENCE);
	if (entered)
		KUNIT_EXPECT_EQ(test, damos_walk(ctx, &waiting_walk), -EBUSY);
	complete_all(&walk_may_go_on);
	KUNIT_EXPECT_TRUE(test, entered);
	KUNIT_EXPECT_EQ(test, answer(test, &asker), 0);
	KUNIT_EXPECT_EQ(test, damos_walk(ctx, &waiting_walk), 0);
}

KUNIT_ARRAY_PARAM_DESC(end, end_cases, why);
KUNIT_ARRAY_PARAM_DESC(walk, walk_cases, why);

static struct kunit_case call_test_cases[] = {
	KUNIT_CASE(call_once_test),
	KUNIT_CASE(call_repeat_test),
	KUNIT_CASE(call_dealloc_test),
	KUNIT_CASE(call_order_test),
	KUNIT_CASE_PARAM(end_test, end_gen_params),
	KUNIT_CASE(end_too_late_test),
	KUNIT_CASE(inactive_test),
	KUNIT_CASE_PARAM(walk_test, walk_gen_params),
	KUNIT_CASE(walk_nothing_test),
	KUNIT_CASE(walk_busy_test),
	{}
};

static struct kunit_suite call_test_suite = {
	.name = "damon-call",
	.init = fake_forget,
	.test_cases = call_test_cases,
};

kunit_test_suite(call_test_suite);
