// SPDX-License-Identifier: GPL-2.0
/*
 * Passes over the regions of a target that cut them.
 *
 * What is unread is moved to the end of the array, and read from there; what is
 * read is written to its start.  A cut needs a free element between the two: where
 * there is none, and no memory to have one, the region stays whole.  Nothing moves
 * as long as no more regions are wanted than there are.
 *
 * The owner of the target serialises all calls.
 */

#include <linux/mm.h>

#include "internal.h"

/* Move the unread regions, @nr behind what was written, to the end of the array. */
static void open_gap(struct damon_rewrite *w, unsigned int nr)
{
	w->end = w->t->regions + damon_target_run(w->t)->capacity;
	w->in = w->end - nr;
	if (nr)
		memmove(w->in, w->out, nr * sizeof(*w->in));
}

/**
 * damon_rewrite_begin() - Start a pass that cuts regions.
 * @w:		the pass
 * @t:		whose regions
 * @nr_wanted:	how many regions there may be at its end; 0 if that is not known
 *
 * When memory for @nr_wanted regions is short there will be fewer cuts.
 * The pass has to go on until damon_rewrite_next() returns NULL.
 */
void damon_rewrite_begin(struct damon_rewrite *w, struct damon_target *t,
			 size_t nr_wanted)
{
	bool may_grow = nr_wanted > t->nr_regions;

	/* Without room there are fewer cuts. */
	if (may_grow)
		damon_regions_reserve(t, nr_wanted);
	*w = (struct damon_rewrite) {
		.t = t,
		.in = t->regions,
		.out = t->regions,
		.end = damon_regions_end(t),
	};
	if (may_grow)
		open_gap(w, t->nr_regions);
}

/**
 * damon_rewrite_end() - End a pass whose regions have all been read.
 * @w:	the pass
 *
 * damon_rewrite_next() does this.
 */
void damon_rewrite_end(struct damon_rewrite *w)
{
	w->t->nr_regions = w->out - w->t->regions;
	damon_regions_check(w->t);
}

/**
 * damon_rewrite_skip() - Go on over regions that stay as they are.
 * @w:	the pass
 * @to:	the unread region that is to come next, or the end of all
 */
void damon_rewrite_skip(struct damon_rewrite *w, struct damon_region *to)
{
	size_t nr = to - w->in;

	if (w->in != w->out)
		memmove(w->out, w->in, nr * sizeof(*to));
	w->in = to;
	w->out += nr;
}

static bool cuttable(const struct damon_rewrite *w, unsigned long sz)
{
	return sz && sz < damon_sz_region(damon_rewrite_cur(w));
}

/**
 * damon_rewrite_cut() - Cut off the start of the region at hand.
 * @w:	the pass
 * @sz:	how much; nothing is cut unless 0 < @sz < size of the region
 *
 * Both parts keep all counters.  The rest is at hand now.
 *
 * Return: whether there was something to cut, and room for one more region.
 */
bool damon_rewrite_cut(struct damon_rewrite *w, unsigned long sz)
{
	struct damon_region *left = damon_rewrite_cur(w), *right = left + 1;

	if (!cuttable(w, sz) || w->in == w->out)
		return false;
	*right = *left;
	right->ar.start += sz;
	right->deferred = false;
	right->guessed = false;
	left->ar.end = right->ar.start;
	w->out++;
	return true;
}

/**
 * damon_rewrite_guess() - Cut off the start of the region at hand, blindly.
 * @w:	the pass
 * @sz:	how much; nothing is cut unless 0 < @sz < size of the region
 *
 * As damon_rewrite_cut(); when the parts merge again, it was in vain.
 *
 * Return: whether there was something to cut, and room for one more region.
 */
bool damon_rewrite_guess(struct damon_rewrite *w, unsigned long sz)
{
	if (!damon_rewrite_cut(w, sz))
		return false;
	damon_rewrite_cur(w)->guessed = true;
	return true;
}

/* All regions are one run of the array, up to w->end. */
static bool make_gap(struct damon_rewrite *w)
{
	unsigned int nr_written = w->out - w->t->regions;
	unsigned int nr_unread = w->end - w->in;

	w->t->nr_regions = nr_written + nr_unread;
	if (damon_regions_reserve(w->t, (size_t)w->t->nr_regions + 1))
		return false;
	w->out = w->t->regions + nr_written;
	open_gap(w, nr_unread);
	return true;
}

/**
 * damon_rewrite_defer() - Leave the end of the region at hand for later.
 * @w:	the pass
 * @sz:	how much stays at hand; nothing is cut unless 0 < @sz < size
 *
 * Both parts keep all counters.  The rest comes next.
 *
 * Return: whether there was something to cut, and memory for one more region.
 */
bool damon_rewrite_defer(struct damon_rewrite *w, unsigned long sz)
{
	struct damon_region *left, *right;

	if (!cuttable(w, sz) || (w->in == w->out && !make_gap(w)))
		return false;
	left = damon_rewrite_cur(w);
	right = --w->in;
	*right = *left;
	right->ar.start += sz;
	right->deferred = true;
	right->guessed = false;
	left->ar.end = right->ar.start;
	return true;
}

/**
 * damon_rewrite_undo_defer() - Join parts that were cut for nothing.
 * @w:		the pass
 * @sz_limit:	largest size of a joint region
 *
 * If the region at hand was left for later, in this pass or an earlier one, and
 * is still like the one before, it joins that.
 *
 * Return: whether it did.  The joint region is at hand then.
 */
bool damon_rewrite_undo_defer(struct damon_rewrite *w, unsigned long sz_limit)
{
	struct damon_region *r = damon_rewrite_cur(w), *prev = r - 1;

	if (r == w->t->regions || !r->deferred || prev->ar.end != r->ar.start ||
	    prev->age != r->age || prev->nr_accesses != r->nr_accesses ||
	    prev->last_nr_accesses != r->last_nr_accesses ||
	    memcmp(prev->probe_hits, r->probe_hits, sizeof(r->probe_hits)) ||
	    r->ar.end - prev->ar.start > sz_limit)
		return false;
	prev->ar.end = r->ar.end;
	w->out--;
	return true;
}
