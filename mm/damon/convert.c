// SPDX-License-Identifier: GPL-2.0
/*
 * Results of a target, converted to other intervals; see attrs.c for the model.
 */

#include <linux/math64.h>
#include <linux/overflow.h>

#include "internal.h"

static unsigned int converted_count(unsigned int count,
				    const struct damon_conversion *conv)
{
	u64 bp = div_u64((u64)count * 10000, conv->from_samples);

	return min_t(u64, mul_u64_u64_div_u64(bp, conv->to_samples, 10000),
		     UINT_MAX);
}

/* Saturates; the quotient of the whole product need not fit anywhere. */
static unsigned int converted_age(unsigned int age,
				  const struct damon_conversion *conv)
{
	u64 whole, rest;

	rest = mul_u64_u64_div_u64(age, conv->from_aggr_us % conv->to_aggr_us,
				   conv->to_aggr_us);
	if (check_mul_overflow((u64)age, conv->from_aggr_us / conv->to_aggr_us,
			       &whole) ||
	    check_add_overflow(whole, rest, &whole))
		return UINT_MAX;
	return min_t(u64, whole, UINT_MAX);
}

static void convert_hits(struct damon_region *r,
			 const struct damon_conversion *conv)
{
	unsigned int i;

	for (i = 0; i < DAMON_MAX_PROBES; i++) {
		r->last_probe_hits[i] =
			min(converted_count(r->last_probe_hits[i], conv), U8_MAX);
		r->probe_hits[i] = conv->restart ? 0 :
			min(converted_count(r->probe_hits[i], conv), U8_MAX);
	}
}

/* Make counts and ages what they would be with other intervals. */
void damon_regions_convert(struct damon_target *t,
			   const struct damon_conversion *conv)
{
	struct damon_region *r;

	damon_for_each_region(r, t) {
		convert_hits(r, conv);
		r->last_nr_accesses = converted_count(r->last_nr_accesses, conv);
		r->nr_accesses = conv->restart ? 0 :
				 converted_count(r->nr_accesses, conv);
		r->age = converted_age(r->age, conv);
	}
}
