#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tried bytes estimate the working set of a program that moves from block to block."""

import threading

import damon_sysfs as damon
from damon_test import check, require, run
from damon_workload import MIB, ticking, workload

SIZES = (10, 40, 160)
SNAPSHOTS = 40
TOLERANCE = 0.2


def percentile(values, percent):
    return sorted(values)[len(values) * percent // 100]


def move_around(work, size, done):
    """Two blocks in turn, two seconds each."""
    offset = 0
    while not done.wait(2):
        offset = size - offset
        work.hot((offset, size))


def estimates(size):
    """tried_bytes of what is hot for at least two aggregations, every 100 ms."""
    with ticking(), workload(2 * size) as work:
        work.hot((0, size))
        kdamond, = damon.kdamonds(damon.context(
            [work.pid], [damon.stat_scheme(sz=(4096,), nr_accesses=(5, 20), age=(2,))]))
        kdamond.start()
        done = threading.Event()
        mover = threading.Thread(target=move_around, args=(work, size, done))
        mover.start()
        try:
            values = []
            for _ in range(SNAPSHOTS):
                done.wait(0.1)
                values.append(kdamond.tried_bytes())
        finally:
            done.set()
            mover.join()
    return values


def one_size_fits():
    """One size within reach is enough: of small blocks a TLB may hide every access."""
    results = {}
    for mib in SIZES:
        size = mib * MIB
        values = estimates(size)
        errors = [abs(percentile(values, p) - size) / size for p in (50, 75)]
        print(f'# {mib} MiB: ' + ', '.join(
            f'p{p} {percentile(values, p) / MIB:.1f} MiB' for p in (0, 25, 50, 75, 99)))
        results[mib] = max(errors)
    print('# error: ' + ', '.join(f'{mib} MiB {100 * e:.0f} %' for mib, e in results.items()))
    check(min(results.values()) <= TOLERANCE, 'no size estimated within 20 %')


require(memory=450 * MIB)
run([('working set size from tried bytes', one_size_fits)], seconds=200)
