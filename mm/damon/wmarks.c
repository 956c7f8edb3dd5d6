// SPDX-License-Identifier: GPL-2.0
/*
 * Watermarks: is a scheme active now?
 *
 *	value > high, value < low	inactive
 *	mid <= value <= high		as it was
 *	low <= value < mid		active
 *
 * While no scheme of a context is active its kdamond does nothing but look
 * again after the shortest of their intervals.
 *
 * To add a metric: its line in enum damos_wmark_metric, its row here.
 */

#include <linux/mm.h>
#include <linux/vmstat.h>

#include "internal.h"
#include "kinds.h"

static unsigned long free_mem_rate(void)
{
	return div64_ul((u64)global_zone_page_state(NR_FREE_PAGES) * 1000,
			max(totalram_pages(), 1UL));
}

const struct damos_wmark_kind damos_wmark_kinds[] = {
	[DAMOS_WMARK_NONE] = { "none" },
	[DAMOS_WMARK_FREE_MEM_RATE] = { "free_mem_rate", free_mem_rate },
};

static_assert(ARRAY_SIZE(damos_wmark_kinds) == NR_DAMOS_WMARK_METRICS);

/**
 * damos_wmark_metric_name() - Keyword of a metric of watermarks.
 * @metric:	an &enum damos_wmark_metric
 *
 * Return: the keyword, or NULL when there is no such metric.
 */
const char *damos_wmark_metric_name(unsigned int metric)
{
	return metric < NR_DAMOS_WMARK_METRICS ?
	       damos_wmark_kinds[metric].name : NULL;
}

/* Whether a scheme is active at @value, given whether it was. */
bool damos_wmarks_active(const struct damos_watermarks *w, unsigned long value,
			 bool was_active)
{
	if (value > w->high || value < w->low)
		return false;
	return value < w->mid || was_active;
}

/* Returns how long to wait, µs. */
static unsigned long update_active(struct damos *s)
{
	const struct damos_wmark_kind *kind = &damos_wmark_kinds[s->wmarks.metric];
	bool *active = &damos_run(s)->active;

	if (!kind->measure)
		return 0;
	*active = damos_wmarks_active(&s->wmarks, kind->measure(), *active);
	return *active ? 0 : s->wmarks.interval;
}

/* See which schemes are active.  Returns µs to wait if none is. */
unsigned long damos_check_wmarks(struct damon_ctx *ctx)
{
	unsigned long wait = ULONG_MAX;
	struct damos *s;

	damon_for_each_scheme(s, ctx)
		wait = min(wait, update_active(s));
	return list_empty(&ctx->schemes) ? 0 : wait;
}
