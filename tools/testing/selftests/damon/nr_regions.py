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
    (5, 100, 100),
)


def sampled(pid, low, high, ranges=()):
    """Numbers of regions of eleven snapshots, the first after one aggregation."""
    kdamond, = damon.kdamonds(damon.context(
        [damon.target(pid, ranges)], [damon.stat_scheme()], 'fvaddr' if ranges else 'vaddr',
        attrs={'nr_regions': damon.limits(low, high)}))
    kdamond.start()
    kdamond.snapshot()
    numbers = []
    for _ in range(11):
        numbers.append(len(kdamond.snapshot()))
        time.sleep(0.1)
    kdamond.stop()
    print(f'# regions: {numbers}')
    return numbers


def within(numbers, low, high):
    check(low <= min(numbers) and max(numbers) <= high, f'{numbers} not in {low}..{high}')


def within_limits(areas, low, high):
    with ticking(), workload(2 * areas * BLOCK) as work:
        work.hot(*[(2 * i * BLOCK, BLOCK) for i in range(areas)])
        within(sampled(work.pid, low, high), low, high)


def given_more():
    """Forty adjacent regions to start from, each second one hot, have to become ten."""
    with ticking(), workload(40 * MIB) as work:
        work.hot(*[(2 * i * MIB, MIB) for i in range(20)])
        ranges = [(work.start + i * MIB, work.start + (i + 1) * MIB) for i in range(40)]
        within(sampled(work.pid, 3, 10, ranges), 3, 10)


def online(areas=10):
    """Limits that become lower take effect within an aggregation."""
    with ticking(), workload(2 * areas * BLOCK) as work:
        work.hot(*[(2 * i * BLOCK, BLOCK) for i in range(areas)])
        kdamond, = damon.kdamonds(damon.context(
            [work.pid], [damon.stat_scheme()], attrs={'nr_regions': damon.limits(10, 1000)}))
        kdamond.start()
        time.sleep(3)
        before = len(kdamond.snapshot())
        kdamond.commit(monitoring_attrs={'nr_regions': damon.limits(3, 7),
                                         'intervals': {'update_us': 100000}})
        time.sleep(0.3)
        after = len(kdamond.snapshot())
        print(f'# regions: {before}, then {after}')
        check(before > 7, 'there were no more before the commit')
        within([after], 1, 7)


require(memory=600 * MIB)
run([*((f'{row[0]} areas, {row[1]}..{row[2]} regions', lambda r=row: within_limits(*r))
       for row in ROWS),
     ('more given regions than allowed', given_more),
     ('10 areas, 10..1000 regions, then 3..7', online)])
