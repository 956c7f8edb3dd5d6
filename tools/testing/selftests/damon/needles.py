#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Ground truth: hot spots that are small against the memory they are in.

All attributes are default.  A region counts as hot when its nr_accesses is at least half
the highest of the snapshot; F1 weighs bytes.  Of repeated snapshots the median counts.
"""

import contextlib
import os
import random
import statistics

import damon_sysfs as damon
from damon_test import Skip, check, require, run
from damon_workload import MIB, overlap, ticking, workload

SIZE = 1024 * MIB
PAGE = os.sysconf('SC_PAGE_SIZE')
SETTLE = 20  # aggregations
SNAPSHOTS = 11
LEAST_F1 = 0.8
LRU_GEN = '/sys/kernel/mm/lru_gen/enabled'

SMALL = [('small', 8 * MIB, 1), ('small', MIB, 10), ('small', MIB // 2, 10)]
HUGE = [('huge', 2 * MIB, 5)]


def spots(size, count, rng):
    """Disjoint, at multiples of a page, or of their size if they are huge."""
    unit = size if size == 2 * MIB else PAGE
    places = SIZE // count // unit * unit
    return [(places * i + rng.randrange((places - size) // unit) * unit, size)
            for i in range(count)]


def f1(regions, start, hot):
    limit = max((r.nr_accesses for r in regions), default=0) / 2
    called = [(r.start, r.end) for r in regions if r.nr_accesses >= limit > 0]
    inside = sum(overlap(s, e, [(start, start + SIZE)]) for s, e in called)
    found = sum(overlap(s, e, hot) for s, e in called)
    return 2 * found / (inside + sum(e - s for s, e in hot))


def measure(pages, size, count, hints):
    """F1 of some snapshots, and the most regions there were."""
    seed = random.randrange(1000)
    print(f'# seed {seed}')
    with ticking(), workload(SIZE, pages) as work:
        hot = work.hot(*spots(size, count, random.Random(seed)))
        kdamond, = damon.kdamonds(damon.context(
            [work.pid], [damon.stat_scheme()], attrs={'split_hints': damon.flag(hints)}))
        kdamond.start()
        kdamond.let_aggregate(SETTLE)
        snapshots = [kdamond.snapshot() for _ in range(SNAPSHOTS)]
        kdamond.stop()
    return [f1(s, work.start, hot) for s in snapshots], max(map(len, snapshots))


def found(pages, size, count):
    values, most = measure(pages, size, count, True)
    print(f'# F1 {statistics.median(values):.3f}, worst {min(values):.3f}; {most} regions')
    check(statistics.median(values) >= LEAST_F1, 'not found')
    check(most <= 1000, f'{most} regions')


@contextlib.contextmanager
def lru_gen():
    """With the multi-generational LRU, which has the upper page tables for itself."""
    if not os.path.exists(LRU_GEN):
        raise Skip('no multi-generational LRU')
    with open(LRU_GEN, encoding='ascii') as f:
        before = f.read()
    try:
        put('y')
        yield
    finally:
        put(before)


def put(value):
    with open(LRU_GEN, 'w', encoding='ascii') as f:
        f.write(value)


def found_beside_lru_gen(row):
    with lru_gen():
        found(*row)


def off():
    """Without hints the counts are as good, where there is something to count."""
    values, _ = measure('small', 64 * MIB, 1, False)
    check(statistics.median(values) >= LEAST_F1, f'F1 {statistics.median(values):.3f}')


require(memory=SIZE + 100 * MIB)
run([*((f'{count} spots of {size // 1024} KiB, {pages} pages',
        lambda r=(pages, size, count): found(*r)) for pages, size, count in SMALL + HUGE),
     *((f'the same beside the multi-generational LRU: {count} of {size // 1024} KiB',
        lambda r=(pages, size, count): found_beside_lru_gen(r))
       for pages, size, count in SMALL[:2]),
     ('a large area without hints', off)], seconds=120)
