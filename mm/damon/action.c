// SPDX-License-Identifier: GPL-2.0
/*
 * The actions of schemes.
 *
 * To add one: its line in enum damos_action with a line of kernel-doc, its row
 * here, and what carries it out in the operations sets that can.
 */

#include "kinds.h"

const struct damos_action_kind damos_action_kinds[] = {
	[DAMOS_STAT] = { .name = "stat", .keeps_age = true },
};

static_assert(ARRAY_SIZE(damos_action_kinds) == NR_DAMOS_ACTIONS);

/**
 * damos_action_name() - Keyword of an action.
 * @action:	an &enum damos_action
 *
 * Return: the keyword, or NULL when there is no support for @action.
 */
const char *damos_action_name(unsigned int action)
{
	return action < NR_DAMOS_ACTIONS ? damos_action_kinds[action].name : NULL;
}
