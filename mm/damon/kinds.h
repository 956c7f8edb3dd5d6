/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a row of each kind's table says.  A table is indexed by the enum of
 * its kind; a row without a name is a kind that is not supported.
 */
#ifndef _MM_DAMON_KINDS_H
#define _MM_DAMON_KINDS_H

#include <linux/damon.h>

/**
 * struct damos_action_kind - An action of schemes (action.c).
 * @name:	keyword for users
 * @keeps_age:	leaves the memory as it was, hence the age of the region too
 */
struct damos_action_kind {
	const char *name;
	bool keeps_age;
};

extern const struct damos_action_kind damos_action_kinds[NR_DAMOS_ACTIONS];

#endif
