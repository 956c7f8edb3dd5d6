/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MM_DAMON_FEEDBACK_H
#define _MM_DAMON_FEEDBACK_H

/* The score of a goal that is met. */
#define FEEDBACK_GOAL	10000UL

unsigned long feedback_step(unsigned long input, unsigned long score);

#endif
