#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The number of regions stays within its limits."""

import time

import damon_sysfs as damon
from damon_test import check, require, run
from damon_workload import MIB, ticking, workload

BLOCK = 10 * MIB

# hot areas with cold ones between, least and most regions
ROWS = (
    (10, 20, 100),
    (15, 3, 10),
    (5, 100, 110),
)


def within_limits(areas, low, high):
    with ticking(), workload(2 * areas * BLOCK) as work:
        work.hot(*[(2 * i * BLOCK, BLOCK) for i in range(areas)])
        kdamond, = damon.kdamonds(damon.context(
            [work.pid], [damon.stat_scheme()],
            attrs={'nr_regions': damon.limits(low, high)}))
        kdamond.start()
        numbers = []
        for _ in range(11):
            numbers.append(len(kdamond.snapshot()))
            time.sleep(0.1)
    print(f'# regions: {numbers}')
    check(low <= min(numbers) and max(numbers) <= high, f'{numbers} not in {low}..{high}')


require(memory=600 * MIB)
run([(f'{areas} areas, {low}..{high} regions', lambda r=(areas, low, high): within_limits(*r))
     for areas, low, high in ROWS])
