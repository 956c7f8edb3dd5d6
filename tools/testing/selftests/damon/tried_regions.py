#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What the tried regions of a scheme say, and that asking for them always ends."""

import time

import damon_sysfs as damon
from damon_test import check, equal, require, run
from damon_workload import MIB, ticking, workload

BLOCK = 10 * MIB
NR_BLOCKS = 14
EVERY_SECOND = [(i * BLOCK, BLOCK) for i in range(0, NR_BLOCKS, 2)]


def alternating_blocks():
    """Every second of 14 blocks is hot: at least 14 regions in 7 of 11 snapshots."""
    with ticking(), workload(NR_BLOCKS * BLOCK) as work:
        work.hot(*EVERY_SECOND)
        kdamond, = damon.kdamonds(damon.context([work.pid], [damon.stat_scheme()]))
        kdamond.start()
        numbers = []
        for _ in range(11):
            numbers.append(len(kdamond.snapshot()))
            time.sleep(0.1)
    print(f'# regions: {numbers}')
    check(min(numbers) >= 1, 'an empty snapshot')
    check(sorted(numbers)[4] >= NR_BLOCKS, f'fifth smallest of {sorted(numbers)}')


def check_snapshot(regions, aggr_samples):
    for left, right in zip(regions, regions[1:]):
        check(left.end <= right.start, f'{left} overlaps {right}')
    for region in regions:
        check(region.start < region.end, f'empty {region}')
        check(region.nr_accesses <= aggr_samples, f'more accesses than samples: {region}')
        equal('sz_filter_passed', region.sz_filter_passed, 0)


def contents():
    """Ascending disjoint regions, numbered without holes, adding up to total_bytes."""
    with ticking(), workload(NR_BLOCKS * BLOCK) as work:
        hot = work.hot(*EVERY_SECOND)
        kdamond, = damon.kdamonds(damon.context([work.pid], [damon.stat_scheme()]))
        kdamond.start()
        ages = []
        for _ in range(5):
            regions = kdamond.snapshot()
            check_snapshot(regions, 20)
            total = damon.read(f'{kdamond.context}/schemes/0/tried_regions/total_bytes')
            equal('total_bytes', int(total), sum(r.end - r.start for r in regions))
            check(regions[0].start <= hot[0][0] and regions[-1].end >= hot[-1][1],
                  'the snapshot does not cover the workload')
            ages.append(max(r.age for r in regions))
            time.sleep(0.2)
    check(ages[-1] > ages[0], f'nothing got older: {ages}')


def stays_inside(what, pattern, inside):
    with ticking(), workload(NR_BLOCKS * BLOCK) as work:
        work.hot(*EVERY_SECOND)
        schemes = [damon.stat_scheme(**pattern), damon.stat_scheme()]
        kdamond, = damon.kdamonds(damon.context([work.pid], schemes))
        kdamond.start()
        time.sleep(1)
        found = [region for _ in range(5) for region in kdamond.snapshot()]
        everything = kdamond.tried_regions(1)
    check(found, f'nothing with {what}')
    check(all(inside(r) for r in found), f'outside of {what}: {found}')
    check(len(everything) > 1, 'the second scheme has no regions')


# what, pattern, what it means for a region
PATTERNS = (
    ('5 to 20 accesses', {'nr_accesses': (5, 20)}, lambda r: 5 <= r.nr_accesses <= 20),
    ('no access', {'nr_accesses': (0, 0)}, lambda r: r.nr_accesses == 0),
    ('age 3 and more', {'age': (3,)}, lambda r: r.age >= 3),
    ('up to 4 MiB', {'sz': (1, 4 * MIB)}, lambda r: r.end - r.start <= 4 * MIB),
)


def no_match_never_hangs():
    """A scheme that can match nothing, asked until its two second target is gone."""
    with workload(MIB) as work:
        kdamond, = damon.kdamonds(damon.context(
            [work.pid], [damon.stat_scheme(nr_accesses=(200, 200))]))
        kdamond.start()
        end = time.monotonic() + 2
        asked = 0
        while time.monotonic() < end:
            equal('total_bytes', kdamond.tried_bytes(), 0)
            asked += 1
        work.end()
        while not damon.errno_of(kdamond.command, 'update_schemes_tried_bytes'):
            asked += 1
        equal('update after the target died',
              damon.errno_of(kdamond.command, 'update_schemes_tried_bytes'), 'ECANCELED')
    print(f'# {asked} updates')
    check(asked >= 3, f'only {asked} updates')


def apply_intervals():
    """Updates with an apply interval of 10 ms are served faster than once a second."""
    with ticking(), workload(MIB) as work:
        attrs = {'intervals': damon.intervals(5000, 1000000)}
        took = []
        for apply_us in (10000, 1000000):
            kdamond, = damon.kdamonds(damon.context(
                [work.pid], [damon.stat_scheme(apply_interval_us=apply_us)], attrs=attrs))
            kdamond.start()
            begin = time.monotonic()
            kdamond.let_aggregate(4)
            took.append(time.monotonic() - begin)
            kdamond.stop()
    print(f'# 4 updates: {took[0]:.2f} s, {took[1]:.2f} s')
    check(took[0] < took[1] / 2, 'a short apply interval did not help')


def cases():
    yield 'alternating blocks', alternating_blocks
    yield 'contents of snapshots', contents
    for row in PATTERNS:
        yield f'pattern: {row[0]}', lambda r=row: stays_inside(*r)
    yield 'no match never hangs', no_match_never_hangs
    yield 'apply intervals', apply_intervals


require(memory=400 * MIB)
run(cases())
