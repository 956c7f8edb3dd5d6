#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tried bytes estimate the working set of a program that moves from block to block."""

import threading
import time

import damon_sysfs as damon
from damon_test import check, require, run
from damon_workload import MIB, ticking, workload

SIZES = (40, 10, 160, 20, 80, 40)
SNAPSHOTS = 40
STAY = 20  # aggregations
TOLERANCE = 0.2


def percentile(values, percent):
    return sorted(values)[len(values) * percent // 100]


def seconds_of_aggregation(kdamond):
    begin = time.monotonic()
    kdamond.let_aggregate(5)
    return (time.monotonic() - begin) / 5


def move_around(work, size, stay_s, done):
    """Two blocks in turn."""
    offset = 0
    while not done.wait(stay_s):
        offset = size - offset
        work.hot((offset, size))


def estimates(size):
    """tried_bytes of what is hot for at least two aggregations, every other aggregation."""
    with ticking(), workload(2 * size) as work:
        work.hot((0, size))
        kdamond, = damon.kdamonds(damon.context(
            [work.pid], [damon.stat_scheme(sz=(4096,), nr_accesses=(5, 20), age=(2,))]))
        kdamond.start()
        done = threading.Event()
        aggr_s = seconds_of_aggregation(kdamond)
        mover = threading.Thread(target=move_around, args=(work, size, STAY * aggr_s, done))
        mover.start()
        try:
            values = []
            for _ in range(SNAPSHOTS):
                done.wait(aggr_s)
                values.append(kdamond.tried_bytes())
        finally:
            done.set()
            mover.join()
    return values


def error_of(size):
    values = estimates(size)
    print(f'# {size // MIB} MiB: ' + ', '.join(
        f'p{p} {percentile(values, p) / MIB:.1f} MiB' for p in (0, 25, 50, 75, 99)))
    return max(abs(percentile(values, p) - size) / size for p in (50, 75))


def one_size_fits():
    """One size is enough: a TLB may hide accesses to small ones, a slow CPU be late with large."""
    check(any(error_of(mib * MIB) <= TOLERANCE for mib in SIZES),
          'no size estimated within 20 %')


require(memory=450 * MIB)
run([('working set size from tried bytes', one_size_fits)], seconds=200)
