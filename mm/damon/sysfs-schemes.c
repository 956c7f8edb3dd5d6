// SPDX-License-Identifier: GPL-2.0
/*
 * The directories of schemes: what is staged for them, and what was found.
 *
 * A scheme of a context has the number of the directory it was made from.  The
 * directory may have gone since; then there is nowhere to put its results.
 */

#include <linux/minmax.h>

#include "sysfs.h"

/* Bounds of an access pattern, inclusive.  As wide as users write them. */
struct bounds {
	unsigned long min;
	unsigned long max;
};

/**
 * struct tried - What a scheme was last seen to be applied to.
 * @regions:	&struct tried_region
 * @total_bytes: size of all those regions, in core address units
 */
struct tried {
	struct sdir_array regions;
	unsigned long total_bytes;
};

/**
 * struct tried_region - A region a scheme was applied to.
 * @ar:		where
 * @nr_accesses: moving sum of its accesses
 * @age:	before the scheme was applied
 * @sz_filter_passed: how much of it passed filters of the operations set
 */
struct tried_region {
	struct damon_addr_range ar;
	unsigned int nr_accesses;
	unsigned int age;
	unsigned long sz_filter_passed;
};

/**
 * struct scheme - A scheme directory.
 * @action:	see &struct damos
 * @apply_interval_us: see &struct damos
 * @sz:		see &struct damos_access_pattern
 * @nr_accesses: see &struct damos_access_pattern
 * @age:	see &struct damos_access_pattern
 * @tried:	results
 */
struct scheme {
	enum damos_action action;
	unsigned long apply_interval_us;
	struct bounds sz;
	struct bounds nr_accesses;
	struct bounds age;
	struct tried tried;
};

static const struct sdir_desc tried_region_desc = {
	.size = sizeof(struct tried_region),
	.files = (const struct sdir_file[]) {
		SDIR_ULONG_RO("start", struct tried_region, ar.start),
		SDIR_ULONG_RO("end", struct tried_region, ar.end),
		SDIR_UINT_RO("nr_accesses", struct tried_region, nr_accesses),
		SDIR_UINT_RO("age", struct tried_region, age),
		SDIR_ULONG_RO("sz_filter_passed", struct tried_region,
			      sz_filter_passed),
		{}
	},
};

static const struct sdir_desc tried_desc = {
	.elem = &tried_region_desc,
	.files = (const struct sdir_file[]) {
		SDIR_ULONG_RO("total_bytes", struct tried, total_bytes),
		{}
	},
};

static const struct sdir_desc bounds_desc = {
	.files = (const struct sdir_file[]) {
		SDIR_ULONG("min", struct bounds, min),
		SDIR_ULONG("max", struct bounds, max),
		{}
	},
};

static const struct sdir_desc access_pattern_desc = {
	.children = (const struct sdir_child[]) {
		{ "sz", &bounds_desc, offsetof(struct scheme, sz) },
		{ "nr_accesses", &bounds_desc, offsetof(struct scheme, nr_accesses) },
		{ "age", &bounds_desc, offsetof(struct scheme, age) },
		{}
	},
};

static const struct sdir_keywords actions = {
	.nr = NR_DAMOS_ACTIONS,
	.name = damos_action_name,
};

static void scheme_init(void *payload)
{
	struct scheme *staged = payload;

	staged->action = DAMOS_STAT;
}

static const struct sdir_desc scheme_desc = {
	.size = sizeof(struct scheme),
	.init = scheme_init,
	.files = (const struct sdir_file[]) {
		SDIR_KW("action", &actions, enum damos_action, struct scheme,
			action),
		SDIR_ULONG("apply_interval_us", struct scheme, apply_interval_us),
		{}
	},
	.children = (const struct sdir_child[]) {
		{ "access_pattern", &access_pattern_desc },
		{ "tried_regions", &tried_desc, offsetof(struct scheme, tried) },
		{}
	},
};

const struct sdir_desc damon_sysfs_schemes = {
	.elem = &scheme_desc,
	.files = (const struct sdir_file[]) {
		SDIR_NR("nr_schemes"),
		{}
	},
};

/* What no counter can exceed is no bound. */
static unsigned int to_uint(unsigned long x)
{
	return min_t(unsigned long, x, UINT_MAX);
}

static int add_scheme(struct damon_ctx *ctx, const struct scheme *staged)
{
	const struct damos_access_pattern pattern = {
		.min_sz_region = staged->sz.min,
		.max_sz_region = staged->sz.max,
		.min_nr_accesses = to_uint(staged->nr_accesses.min),
		.max_nr_accesses = to_uint(staged->nr_accesses.max),
		.min_age_region = to_uint(staged->age.min),
		.max_age_region = to_uint(staged->age.max),
	};
	const struct damos_quota quota = {};
	const struct damos_watermarks wmarks = {};
	struct damos *s = damon_new_scheme(&pattern, staged->action,
					   staged->apply_interval_us, &quota,
					   &wmarks, NUMA_NO_NODE);

	if (!s)
		return -ENOMEM;
	damon_add_scheme(ctx, s);
	return 0;
}

/* Give a context the schemes that are staged. */
int damon_sysfs_add_schemes(struct damon_ctx *ctx,
			    const struct sdir_array *schemes)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < schemes->nr; i++)
		err = add_scheme(ctx, sdir_elem(schemes, i));
	return err;
}

/* Forget all that schemes were found to be applied to. */
void damon_sysfs_clear_tried(const struct sdir_array *schemes)
{
	struct scheme *staged;
	unsigned int i;

	for (i = 0; i < schemes->nr; i++) {
		staged = sdir_elem(schemes, i);
		sdir_set_nr(&staged->tried.regions, 0);
		WRITE_ONCE(staged->tried.total_bytes, 0);
	}
}

/**
 * struct tried_walk - Where a walk puts what it sees.
 * @schemes:	the scheme directories
 * @regions:	make region directories
 */
struct tried_walk {
	const struct sdir_array *schemes;
	bool regions;
};

static unsigned int scheme_idx(const struct damon_ctx *ctx,
			       const struct damos *scheme)
{
	unsigned int idx = 0;
	struct damos *s;

	damon_for_each_scheme(s, ctx) {
		if (s == scheme)
			break;
		idx++;
	}
	return idx;
}

/*
 * In the kdamond; whoever asked for the walk holds sdir_lock.  A region there is
 * no memory for is only counted.
 */
static void note_tried(void *data, struct damon_ctx *ctx, struct damon_target *t,
		       struct damon_region *r, struct damos *s,
		       unsigned long sz_filter_passed)
{
	const struct tried_walk *walk = data;
	struct scheme *staged = sdir_elem(walk->schemes, scheme_idx(ctx, s));
	const struct tried_region region = {
		.ar = r->ar,
		.nr_accesses = damon_nr_accesses_mvsum(r, ctx),
		.age = r->age,
		.sz_filter_passed = sz_filter_passed,
	};

	if (!staged)
		return;
	WRITE_ONCE(staged->tried.total_bytes,
		   staged->tried.total_bytes + damon_sz_region(r));
	if (walk->regions)
		sdir_append(&staged->tried.regions, &region);
}

/**
 * damon_sysfs_update_tried() - Find out what schemes are applied to.
 * @ctx:	the context the schemes are in
 * @schemes:	their directories
 * @regions:	have a directory for each region, not only the total size
 *
 * Context: sdir_lock held; waits for a pass of every scheme.
 * Return: as damos_walk() does.
 */
int damon_sysfs_update_tried(struct damon_ctx *ctx,
			     const struct sdir_array *schemes, bool regions)
{
	struct tried_walk walk = { .schemes = schemes, .regions = regions };
	struct damos_walk_control control = {
		.walk_fn = note_tried,
		.data = &walk,
	};

	damon_sysfs_clear_tried(schemes);
	return damos_walk(ctx, &control);
}
