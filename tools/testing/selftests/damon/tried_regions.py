#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What the tried regions of a scheme say, and that asking for them always ends."""

import os
import time

import damon_sysfs as damon
from damon_test import PAGE, check, equal, require, run, wait_until
from damon_workload import MIB, ticking, workload

BLOCK = 10 * MIB
NR_BLOCKS = 14
EVERY_SECOND = [(i * BLOCK, BLOCK) for i in range(0, NR_BLOCKS, 2)]


def alternating_blocks():
    """Every second of 14 blocks is hot: at least 14 regions in 7 of 11 snapshots in a row."""
    with ticking(), workload(NR_BLOCKS * BLOCK) as work:
        work.hot(*EVERY_SECOND)
        kdamond, = damon.kdamonds(damon.context([work.pid], [damon.stat_scheme()]))
        kdamond.start()
        numbers = []

        def enough():
            numbers.append(len(kdamond.snapshot()))
            time.sleep(0.1)
            return len(numbers) > 10 and sorted(numbers[-11:])[4] >= NR_BLOCKS

        found = wait_until(enough, 20)
    print(f'# regions: {numbers}')
    check(min(numbers) >= 1, 'an empty snapshot')
    check(found, f'fifth smallest of {sorted(numbers[-11:])}')


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
            path = f'{kdamond.context}/schemes/0/tried_regions'
            equal('probes, of which there are none', os.listdir(f'{damon.ADMIN}/{path}/0/probes'),
                  [])
            total = damon.read(f'{path}/total_bytes')
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
        found = []
        wait_until(lambda: found.extend(kdamond.snapshot()) or len(found) > 4)
        everything = kdamond.tried_regions(1)
    check(found, f'nothing with {what}')
    check(all(inside(r) for r in found), f'outside of {what}: {found}')
    check(len(everything) > 1, 'the second scheme has no regions')


def ages_are_those_before_the_action():
    """Which begins them anew: of three aggregations each time."""
    scheme = damon.scheme('cold', sz=(PAGE,), age=(3,))
    with ticking(), workload(BLOCK) as work:
        kdamond, = damon.kdamonds(damon.context([work.pid], [scheme]))
        kdamond.start()
        ages = [r.age for _ in range(20) for r in kdamond.snapshot()]
        stats = kdamond.stats()
    print(f'# ages {sorted(set(ages))}')
    check(len(ages) > 1 and stats['nr_applied'], f'never applied: {stats}')
    check(min(ages) == 3 and max(ages) < 10, f'ages {ages}')


# what, pattern, what it means for a region
PATTERNS = (
    ('5 to 20 accesses', {'nr_accesses': (5, 20)}, lambda r: 5 <= r.nr_accesses <= 20),
    ('no access', {'nr_accesses': (0, 0)}, lambda r: r.nr_accesses == 0),
    ('age 3 and more', {'age': (3,)}, lambda r: r.age >= 3),
    ('up to 4 MiB', {'sz': (1, 4 * MIB)}, lambda r: r.end - r.start <= 4 * MIB),
)


def no_match_never_hangs():
    """A scheme that can match nothing, asked until its target is gone."""
    with workload(MIB) as work:
        kdamond, = damon.kdamonds(damon.context(
            [work.pid], [damon.stat_scheme(nr_accesses=(200, 200))]))
        kdamond.start()
        for _ in range(10):
            equal('total_bytes', kdamond.tried_bytes(), 0)
        work.end()
        while not damon.errno_of(kdamond.command, 'update_schemes_tried_bytes'):
            pass
        equal('update after the target died',
              damon.errno_of(kdamond.command, 'update_schemes_tried_bytes'), 'ECANCELED')


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
    yield 'ages are those before the action', ages_are_those_before_the_action
    yield 'no match never hangs', no_match_never_hangs
    yield 'apply intervals', apply_intervals


require(memory=400 * MIB)
run(cases())
