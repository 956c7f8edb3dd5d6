// SPDX-License-Identifier: GPL-2.0
/*
 * Which regions are accessed alike, and merge.
 *
 * Adjacent regions merge if their counts of positive samples differ by at most a
 * threshold, or by chance: only some samples of memory that is not always accessed find
 * an access.  Of k counts, of mean m, of n samples each, chance alone makes
 *
 *	X = sum of (count - m)^2 / V	where V = m (1 - m/n)
 *
 * about k - 1, with a standard deviation of sqrt(2 (k - 1)).  They differ by chance if
 *
 *	X <= k - 1 + 2 sqrt(2 (k - 1)) - 3
 *
 * that is 0.8 for two, 4.9 for four, and 44 for 32: what two cannot tell, many can.
 *
 * Fewer than FEW counts are never by chance if one is of none or of all samples.  Of FEW
 * or more, m is to be between 1 and n - 1, where X means something, and no count more than
 * 3 standard deviations from m, as one among many does not show in X.  Both limits hold as
 * well with half the mean square of the differences of neighbours for V, as memory that
 * is accessed all at the same time scatters less.
 *
 * No more than MAX_SAMPLES samples are reckoned with; larger counts are never by chance.
 *
 * The parts that a region was cut in blindly are looked at together first, up to MAX_COUNTS
 * of them.  If they differ by chance, they become one region again.  All other regions, and
 * what has become one, then merge with what is before them, if the two are alike.
 *
 * A blind cut that was in vain is made less often: when all parts are alike, the region
 * rests for 1, 3, and at most 7 aggregations.  When they are not, no part rests.  A region
 * counts as never cut in vain again when its count changes to or from none, or by more than
 * the threshold and 2 standard deviations.  Its age begins anew for any change by more than
 * the threshold, or to or from none.
 *
 * Where regions are compared by probes (probe.c), their hits take the place of accesses,
 * and nothing is by chance.
 *
 * The owner of the target serialises all calls.
 */

#include <linux/build_bug.h>

#include "internal.h"

/* Blind cuts in vain that are counted: a region rests for 2^n - 1 aggregations. */
#define MAX_CALM	3

/* So many counts tell more than pairs do. */
#define FEW		4

#define MAX_SAMPLES	65536
#define MAX_COUNTS	4096

/* X is in 1/ONE. */
#define ONE		16

/* See are_near(). */
static_assert(2 * ONE * (1ULL * MAX_COUNTS * MAX_SAMPLES) * MAX_COUNTS * MAX_SAMPLES <=
	      1ULL << 63);

/**
 * struct tally - Counts of positive samples.
 * @max:	samples each count is of; 0 if nothing is by chance
 * @nr:		number of counts
 * @last:	the last of them
 * @sum:	of all
 * @squares:	sum of their squares
 * @steps:	sum of the squared differences of neighbours
 * @least:	the smallest of them
 * @most:	the largest of them
 */
struct tally {
	u64 max;
	u64 nr;
	u64 last;
	u64 sum;
	u64 squares;
	u64 steps;
	u64 least;
	u64 most;
};

static struct tally new_tally(const struct damon_score *score)
{
	return (struct tally) {
		.max = score->by_probes ? 0 : min(score->max, MAX_SAMPLES),
		.least = U64_MAX,
	};
}

static void count(struct tally *t, u64 value)
{
	u64 step = t->nr ? abs_diff(value, t->last) : 0;

	t->nr++;
	t->last = value;
	t->sum += value;
	t->squares += value * value;
	t->steps += step * step;
	t->least = min(t->least, value);
	t->most = max(t->most, value);
}

/* Whether X means anything. */
static bool is_in_doubt(const struct tally *t)
{
	if (t->most > t->max)
		return false;
	if (t->nr < FEW)
		return t->least && t->most < t->max;
	return t->sum >= t->nr && t->sum <= t->nr * (t->max - 1);
}

/* What X of @nr counts may be by chance. */
static u64 chance_limit(u64 nr)
{
	return ONE * (nr - 1) + int_sqrt(8 * ONE * ONE * (nr - 1)) - 3 * ONE;
}

/*
 * Whether X is at most @limit / ONE, and no count of many far from the mean, where
 * V = @b / (@a nr).
 */
static bool are_near(const struct tally *t, u64 limit, u64 a, u64 b)
{
	u64 scatter = t->nr * t->squares - t->sum * t->sum;
	u64 far = max(t->nr * t->most - t->sum, t->sum - t->nr * t->least);

	if (mul_u64_u64_div_u64(ONE * scatter, a, b) > limit)
		return false;
	return t->nr < FEW || mul_u64_u64_div_u64(far * far, a, b) <= 9 * t->nr;
}

static bool is_chance(const struct tally *t, u64 limit)
{
	u64 all = t->nr * t->max;

	if (!is_in_doubt(t) || !are_near(t, limit, all, t->sum * (all - t->sum)))
		return false;
	return t->nr < FEW || !t->steps ||
	       are_near(t, limit, 2 * (t->nr - 1), t->nr * t->steps);
}

static bool is_chance_of_two(const struct damon_score *score, unsigned int a,
			     unsigned int b, u64 limit)
{
	struct tally t = new_tally(score);

	count(&t, a);
	count(&t, b);
	return is_chance(&t, limit);
}

static unsigned int weighted_sum(const unsigned char *hits,
				 const unsigned int *weights)
{
	unsigned int i, sum = 0;

	for (i = 0; i < DAMON_MAX_PROBES; i++)
		sum += hits[i] * weights[i];
	return sum;
}

static unsigned int score_of(const struct damon_region *r,
			     const struct damon_score *score)
{
	return score->by_probes ? weighted_sum(r->probe_hits, score->weights) :
				  r->nr_accesses;
}

static unsigned int last_score_of(const struct damon_region *r,
				  const struct damon_score *score)
{
	return score->by_probes ?
	       weighted_sum(r->last_probe_hits, score->weights) :
	       r->last_nr_accesses;
}

static unsigned int next_age(const struct damon_region *r,
			     const struct damon_score *score,
			     unsigned int threshold)
{
	unsigned int now = score_of(r, score), last = last_score_of(r, score);

	if (abs_diff(now, last) > threshold || !now != !last)
		return 0;
	return r->age < UINT_MAX ? r->age + 1 : UINT_MAX;
}

/**
 * damon_regions_age() - Account for another aggregation.
 * @t:		whose regions
 * @score:	what counts are taken from
 * @threshold:	a larger change ends an age, and a rest unless it is by chance
 */
void damon_regions_age(struct damon_target *t, const struct damon_score *score,
		       unsigned int threshold)
{
	struct damon_region *r;

	damon_for_each_region(r, t) {
		r->age = next_age(r, score, threshold);
		if (r->age || is_chance_of_two(score, r->nr_accesses,
					       r->last_nr_accesses, 4 * ONE))
			continue;
		r->calm = 0;
		r->rest = 0;
	}
}

/**
 * struct means - What is counted of a region that is being merged.
 * @nr_accesses:	&damon_region.nr_accesses in 1/2^32, and so are all
 * @age:		&damon_region.age
 * @probe_hits:		&damon_region.probe_hits
 *
 * Were each merge to round down, many in a row would lose whole counts.
 */
struct means {
	u64 nr_accesses;
	u64 age;
	u64 probe_hits[DAMON_MAX_PROBES];
};

static struct means means_of(const struct damon_region *r)
{
	struct means m = {
		.nr_accesses = (u64)r->nr_accesses << 32,
		.age = (u64)r->age << 32,
	};
	unsigned int i;

	for (i = 0; i < DAMON_MAX_PROBES; i++)
		m.probe_hits[i] = (u64)r->probe_hits[i] << 32;
	return m;
}

/* Rounds down, but for what is lost in some thousand merges. */
static unsigned int whole(u64 mean)
{
	return (mean + (1 << 12)) >> 32;
}

static u64 weighted_mean(u64 a, unsigned long sz_a, u64 b, unsigned long sz_b)
{
	u64 sz = (u64)sz_a + sz_b;

	if (a < b)
		return a + mul_u64_u64_div_u64(b - a, sz_b, sz);
	return b + mul_u64_u64_div_u64(a - b, sz_a, sz);
}

/* The parts [@r, @end) of a region turned out to be alike, or not. */
static void judge_parts(struct damon_region *r, struct damon_region *end, bool alike)
{
	unsigned int calm = 0;
	struct damon_region *part;

	for (part = r; alike && part < end; part++)
		calm = max(calm, min(part->calm + 1, MAX_CALM));
	for (part = r; part < end; part++) {
		part->calm = calm;
		part->rest = (1 << calm) - 1;
	}
}

/* @m is of @left, @n of @right. */
static void absorb(struct damon_region *left, struct means *m,
		   const struct damon_region *right, const struct means *n)
{
	unsigned long sz_left = damon_sz_region(left);
	unsigned long sz_right = damon_sz_region(right);
	unsigned int i;

	m->nr_accesses = weighted_mean(m->nr_accesses, sz_left, n->nr_accesses,
				       sz_right);
	left->nr_accesses = whole(m->nr_accesses);
	for (i = 0; i < DAMON_MAX_PROBES; i++) {
		m->probe_hits[i] = weighted_mean(m->probe_hits[i], sz_left,
						 n->probe_hits[i], sz_right);
		left->probe_hits[i] = whole(m->probe_hits[i]);
	}
	m->age = weighted_mean(m->age, sz_left, n->age, sz_right);
	left->age = whole(m->age);
	left->calm = min(left->calm, right->calm);
	left->rest = min(left->rest, right->rest);
	left->ar.end = right->ar.end;
}

/**
 * struct merge - A pass that merges regions.
 * @t:		whose regions
 * @score:	what they are compared by
 * @threshold:	largest difference of scores, but for what is by chance
 * @sz_limit:	largest size of a merged region
 * @left:	the last region written, or NULL
 * @means:	of @left
 */
struct merge {
	struct damon_target *t;
	const struct damon_score *score;
	unsigned int threshold;
	unsigned long sz_limit;
	struct damon_region *left;
	struct means means;
};

/* End of the parts that the region of which @r is the first was cut in blindly. */
static struct damon_region *parts_end(const struct damon_target *t,
				      struct damon_region *r)
{
	struct damon_region *end = r + 1;

	while (end < damon_regions_end(t) && end->guessed &&
	       end[-1].ar.end == end->ar.start && end - r < MAX_COUNTS)
		end++;
	return end;
}

static bool are_by_chance(const struct merge *m, const struct damon_region *r,
			  const struct damon_region *end)
{
	struct tally t = new_tally(m->score);

	if (end - r < 2 || end[-1].ar.end - r->ar.start > m->sz_limit)
		return false;
	for (; r < end; r++)
		count(&t, r->nr_accesses);
	return is_chance(&t, chance_limit(t.nr));
}

static bool is_alike(const struct merge *m, const struct damon_region *left,
		     const struct damon_region *right)
{
	return abs_diff(score_of(left, m->score),
			score_of(right, m->score)) <= m->threshold ||
	       is_chance_of_two(m->score, left->nr_accesses, right->nr_accesses,
				chance_limit(2));
}

/* Whether each is like the next one. */
static bool are_alike(const struct merge *m, const struct damon_region *r,
		      const struct damon_region *end)
{
	while (++r < end) {
		if (!is_alike(m, r - 1, r))
			return false;
	}
	return true;
}

/* Make one region of all up to @end.  Returns its means. */
static struct means rejoin(struct damon_region *r, const struct damon_region *end)
{
	struct means m = means_of(r), n;
	const struct damon_region *part;

	for (part = r + 1; part < end; part++) {
		n = means_of(part);
		absorb(r, &m, part, &n);
	}
	return m;
}

/* @n is of @r. */
static void merge_next(struct merge *m, struct damon_region *r, const struct means *n)
{
	struct damon_region *left = m->left;

	r->guessed = false;
	if (left && left->ar.end == r->ar.start && is_alike(m, left, r) &&
	    r->ar.end - left->ar.start <= m->sz_limit) {
		absorb(left, &m->means, r, n);
		return;
	}
	m->left = left ? left + 1 : m->t->regions;
	*m->left = *r;
	m->means = *n;
}

/* Merge the parts [@r, @end) of a region, or all of it. */
static void merge_parts(struct merge *m, struct damon_region *r, struct damon_region *end)
{
	bool by_chance = are_by_chance(m, r, end);
	struct means n;

	if (end - r > 1)
		judge_parts(r, end, by_chance || are_alike(m, r, end));
	if (by_chance) {
		n = rejoin(r, end);
		merge_next(m, r, &n);
		return;
	}
	for (; r < end; r++) {
		n = means_of(r);
		merge_next(m, r, &n);
	}
}

/**
 * damon_regions_merge() - Merge adjacent regions that are accessed alike.
 * @t:		whose regions
 * @score:	what they are compared by
 * @threshold:	largest difference of scores between regions to merge, but for what is
 *		by chance
 * @sz_limit:	largest size of a merged region
 *
 * A merged region has the size-weighted means of counts and age of all that went
 * into it, rounded down, and goes on merging with what follows.
 */
void damon_regions_merge(struct damon_target *t, const struct damon_score *score,
			 unsigned int threshold, unsigned long sz_limit)
{
	struct merge m = {
		.t = t, .score = score, .threshold = threshold, .sz_limit = sz_limit,
	};
	struct damon_region *r, *end;

	for (r = t->regions; r < damon_regions_end(t); r = end) {
		end = parts_end(t, r);
		merge_parts(&m, r, end);
	}
	if (m.left)
		t->nr_regions = m.left - t->regions + 1;
	damon_regions_check(t);
}
