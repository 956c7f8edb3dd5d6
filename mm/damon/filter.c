// SPDX-License-Identifier: GPL-2.0
/*
 * Filters: what of the memory in a region a scheme is for.
 *
 * The filters of a layer are asked in order.  A filter decides where what it
 * is asked about is of its kind just if it is to be (matching); the first one
 * that decides allows or rejects.  If none decides, the default is to reject
 * after a last filter that allows, since everything else was not meant, and to
 * accept otherwise.  The core's layer leaves that to the other layer if there
 * is one.
 *
 * The core's filters are about addresses.  They are asked about a range, and
 * answer for as much from its start as has the same answer, so a region need be
 * cut only where the answer changes.  What they explicitly allow, the other
 * layer is not asked about.
 *
 * The filters of the operations set are about folios, which it offers one by
 * one (struct damos_folio).
 *
 * To add a type: its line in enum damos_filter_type, its row here.
 */

#include <linux/align.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "folio.h"
#include "internal.h"
#include "kinds.h"

static bool is_anon(const struct damos_filter *f, struct damos_folio *folio)
{
	return folio_test_anon(folio->folio);
}

static bool is_active(const struct damos_filter *f, struct damos_folio *folio)
{
	return folio_test_active(folio->folio);
}

static bool is_of_memcg(const struct damos_filter *f, struct damos_folio *folio)
{
	return damon_folio_of_memcg(folio->folio, f->memcg_id);
}

static bool is_young(const struct damos_filter *f, struct damos_folio *folio)
{
	return folio->test_clear_young(folio);
}

static bool is_of_size(const struct damos_filter *f, struct damos_folio *folio)
{
	unsigned long sz = folio_size(folio->folio);

	return f->sz_range.min <= sz && sz <= f->sz_range.max;
}

static bool sizes_valid(const struct damos_filter *f)
{
	return f->sz_range.min <= f->sz_range.max;
}

static bool is_unmapped(const struct damos_filter *f, struct damos_folio *folio)
{
	return !folio_mapped(folio->folio);
}

static bool starts_in_range(const struct damos_filter *f,
			    unsigned int target_idx,
			    struct damon_addr_range *range,
			    unsigned long min_sz)
{
	unsigned long start = ALIGN_DOWN(f->addr_range.start, min_sz);
	unsigned long end = ALIGN_DOWN(f->addr_range.end, min_sz);

	if (start >= end || range->start >= end)
		return false;
	if (range->start < start) {
		range->end = min(range->end, start);
		return false;
	}
	range->end = min(range->end, end);
	return true;
}

static bool range_valid(const struct damos_filter *f)
{
	return f->addr_range.start <= f->addr_range.end;
}

static bool is_of_target(const struct damos_filter *f, unsigned int target_idx,
			 struct damon_addr_range *range, unsigned long min_sz)
{
	return f->target_idx >= 0 && f->target_idx == target_idx;
}

const struct damos_filter_kind damos_filter_kinds[] = {
	[DAMOS_FILTER_TYPE_ANON] = { "anon", .match_folio = is_anon },
	[DAMOS_FILTER_TYPE_ACTIVE] = { "active", .match_folio = is_active },
	[DAMOS_FILTER_TYPE_MEMCG] = {
		"memcg", .match_folio = is_of_memcg, .of_memcg = true,
	},
	[DAMOS_FILTER_TYPE_YOUNG] = {
		"young", .match_folio = is_young, .checks_young = true,
	},
	[DAMOS_FILTER_TYPE_HUGEPAGE_SIZE] = {
		"hugepage_size", .match_folio = is_of_size, .valid = sizes_valid,
	},
	[DAMOS_FILTER_TYPE_UNMAPPED] = { "unmapped", .match_folio = is_unmapped },
	[DAMOS_FILTER_TYPE_ADDR] = {
		"addr", .match_range = starts_in_range, .valid = range_valid,
	},
	[DAMOS_FILTER_TYPE_TARGET] = { "target", .match_range = is_of_target },
};

static_assert(ARRAY_SIZE(damos_filter_kinds) == NR_DAMOS_FILTER_TYPES);

/**
 * damos_filter_name() - Keyword of a type of filters.
 * @type:	an &enum damos_filter_type
 *
 * Return: the keyword, or NULL when there is no such type.
 */
const char *damos_filter_name(unsigned int type)
{
	return type < NR_DAMOS_FILTER_TYPES ? damos_filter_kinds[type].name : NULL;
}

/**
 * damos_filter_for_ops() - Tell who evaluates a type of filters.
 * @type:	the type
 *
 * Return: true for the operations set, false for the core.
 */
bool damos_filter_for_ops(enum damos_filter_type type)
{
	return damos_filter_kinds[type].match_folio;
}

/**
 * damos_filter_has_memcg() - Tell whether a type of filters is about cgroups.
 * @type:	the type
 *
 * Return: true if &damos_filter.memcg_id matters.
 */
bool damos_filter_has_memcg(enum damos_filter_type type)
{
	return damos_filter_kinds[type].of_memcg;
}

/**
 * damos_new_filter() - Make a filter, with all arguments 0.
 * @type:	what to look at
 * @matching:	decide about what is of the type, rather than what is not
 * @allow:	let it pass, rather than leave it out
 *
 * Context: may sleep.
 * Return: the filter, or NULL when memory is short.
 */
struct damos_filter *damos_new_filter(enum damos_filter_type type,
				      bool matching, bool allow)
{
	struct damos_filter *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (!f)
		return NULL;
	f->type = type;
	f->matching = matching;
	f->allow = allow;
	INIT_LIST_HEAD(&f->list);
	return f;
}

/**
 * damos_add_filter() - Append a filter to those of its layer.
 * @s:	the scheme
 * @f:	a filter that is in no scheme
 *
 * Context: @s is not in use, or the kdamond.
 */
void damos_add_filter(struct damos *s, struct damos_filter *f)
{
	list_add_tail(&f->list, damos_filter_for_ops(f->type) ?
		      &s->ops_filters : &s->core_filters);
}

/**
 * damos_destroy_filter() - Unlink and free a filter.
 * @f:	the filter, in a scheme or not
 *
 * Context: its scheme is not in use, or the kdamond.
 */
void damos_destroy_filter(struct damos_filter *f)
{
	list_del(&f->list);
	kfree(f);
}

bool damos_filter_valid(const struct damos_filter *f)
{
	const struct damos_filter_kind *kind;

	if (f->type >= NR_DAMOS_FILTER_TYPES)
		return false;
	kind = &damos_filter_kinds[f->type];
	return !kind->valid || kind->valid(f);
}

static bool default_rejects(const struct list_head *filters)
{
	return !list_empty(filters) &&
	       list_last_entry(filters, struct damos_filter, list)->allow;
}

/**
 * damos_filter_range() - What the filters of the core say to a range.
 * @s:		the scheme
 * @target_idx:	number of the target
 * @range:	the range, of regions with a minimum size of @min_sz
 * @min_sz:	power of two
 */
struct damos_verdict damos_filter_range(const struct damos *s,
					unsigned int target_idx,
					struct damon_addr_range range,
					unsigned long min_sz)
{
	struct damos_verdict verdict = {};
	const struct damos_filter *f;
	bool match;

	damos_for_each_core_filter(f, s) {
		match = damos_filter_kinds[f->type].match_range(f, target_idx,
								&range, min_sz);
		if (match != f->matching)
			continue;
		verdict.allowed = f->allow;
		verdict.rejected = !f->allow;
		verdict.sz = range.end - range.start;
		return verdict;
	}
	verdict.rejected = list_empty(&s->ops_filters) &&
			   default_rejects(&s->core_filters);
	verdict.sz = range.end - range.start;
	return verdict;
}

/**
 * damos_folio_passes() - Whether filters let an action be done to a folio.
 * @s:			the scheme, being applied to a region the folio is in
 * @folio:		the folio
 * @spare_young:	as if a last filter rejected what is young, unless another
 *			one is about that
 */
bool damos_folio_passes(struct damos *s, struct damos_folio *folio,
			bool spare_young)
{
	const struct damos_filter_kind *kind;
	const struct damos_filter *f;

	if (damos_run(s)->core_allowed)
		return true;
	damos_for_each_ops_filter(f, s) {
		kind = &damos_filter_kinds[f->type];
		if (kind->match_folio(f, folio) == f->matching)
			return f->allow;
		if (kind->checks_young)
			spare_young = false;
	}
	if (spare_young && folio->test_clear_young(folio))
		return false;
	return !default_rejects(&s->ops_filters);
}
