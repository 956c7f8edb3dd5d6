// SPDX-License-Identifier: GPL-2.0
/*
 * The regions schemes were seen to be applied to.
 *
 * A scheme of a context has the number of the directory it was made from.  The
 * directory may have gone since; then there is nowhere to put its results.
 */

#include "sysfs.h"

/**
 * struct tried_region - A region a scheme was applied to.
 * @ar:		where
 * @nr_accesses: moving sum of its accesses
 * @age:	before the scheme was applied
 * @sz_filter_passed: how much of it passed filters of the operations set
 * @probes:	&struct tried_probe
 */
struct tried_region {
	struct damon_addr_range ar;
	unsigned int nr_accesses;
	unsigned int age;
	unsigned long sz_filter_passed;
	struct sdir_array probes;
};

/* What a probe found in such a region: the moving sum of its hits. */
struct tried_probe {
	unsigned int hits;
};

static const struct sdir_desc probe_desc = {
	.size = sizeof(struct tried_probe),
	.files = (const struct sdir_file[]) {
		SDIR_UINT_RO("hits", struct tried_probe, hits),
		{}
	},
};

static const struct sdir_desc probes_desc = { .elem = &probe_desc };

static const struct sdir_desc region_desc = {
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
	.children = (const struct sdir_child[]) {
		{ "probes", &probes_desc, offsetof(struct tried_region, probes) },
		{}
	},
};

const struct sdir_desc damon_sysfs_tried = {
	.elem = &region_desc,
	.files = (const struct sdir_file[]) {
		SDIR_ULONG_RO("total_bytes", struct damon_sysfs_tried, total_bytes),
		{}
	},
};

/* Forget all that schemes were found to be applied to. */
void damon_sysfs_clear_tried(const struct sdir_array *schemes)
{
	struct damon_sysfs_scheme *staged;
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

/* Of the last one of @regions, which is @r. */
static void note_hits(const struct sdir_array *regions, struct damon_ctx *ctx,
		      const struct damon_region *r)
{
	struct tried_region *region = sdir_elem(regions, regions->nr - 1);
	const struct damon_probe *probe;
	struct tried_probe tried;
	int i = 0;

	damon_for_each_probe(probe, ctx) {
		tried.hits = damon_probe_hits_mvsum(i++, r, ctx);
		if (sdir_append(&region->probes, &tried))
			return;
	}
}

/*
 * In the kdamond, for who keeps the directories locked.  A region there is no
 * memory for is only counted.
 */
static void note_tried(void *data, struct damon_ctx *ctx, struct damon_target *t,
		       struct damon_region *r, struct damos *s,
		       unsigned long sz_filter_passed)
{
	const struct tried_walk *walk = data;
	struct damon_sysfs_scheme *staged = sdir_elem(walk->schemes, scheme_idx(ctx, s));
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
	if (walk->regions && !sdir_append(&staged->tried.regions, &region))
		note_hits(&staged->tried.regions, ctx, r);
}

/**
 * damon_sysfs_update_tried() - Find out what schemes are applied to.
 * @ctx:	the context the schemes are in
 * @schemes:	their directories
 * @regions:	have a directory for each region, not only the total size
 *
 * Context: @schemes are locked; waits for a pass of every scheme.
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
