// SPDX-License-Identifier: GPL-2.0
/*
 * The proportional step: bring a score to its goal by changing an input.
 *
 * The score is what the input is thought to drive, in 1/10000 of the goal, and
 * to grow with it.  A step changes the input by the relative distance of the
 * score from the goal:
 *
 *	d = |10000 - score|		score < 10000:	x + x * d / 10000
 *					score > 10000:	x - x * d / 10000
 *
 * The input stays in [10000, ULONG_MAX] once it was changed, and is set to the
 * least when the score is twice the goal or more.
 */

#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/overflow.h>

#include "feedback.h"

#define GOAL		FEEDBACK_GOAL
#define MIN_INPUT	10000UL

/**
 * feedback_step() - The input to try next.
 * @input:	the last input
 * @score:	what came of it, in 1/10000 of the goal
 */
unsigned long feedback_step(unsigned long input, unsigned long score)
{
	unsigned long distance = abs_diff(score, GOAL);
	unsigned long change, next;

	if (score == GOAL)
		return input;
	if (score >= 2 * GOAL)
		return MIN_INPUT;

	if (check_mul_overflow(input, distance, &change))
		change = input / GOAL * distance;
	else
		change /= GOAL;

	if (score > GOAL)
		return max(input - change, MIN_INPUT);
	if (check_add_overflow(input, change, &next))
		return ULONG_MAX;
	return next;
}
