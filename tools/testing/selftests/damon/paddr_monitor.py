#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Which frames are accessed, for memory of every kind, and whoever maps it."""

import itertools
import time

import damon_sysfs as damon
from damon_memory import libraries, merged, pages, read, setting
from damon_paddr import context, largest, running
from damon_test import Skip, check, require, run
from damon_workload import MIB, overlap, ticking

SIZE, MANY_SIZE = 8 * MIB, 2 * MIB
SETTLE_S, PATIENCE = 2, 8
HUGETLB = '/proc/sys/vm/nr_hugepages'


def mean_accesses(regions, ranges):
    """Accesses of an aggregation, weighted by size."""
    sizes = [(overlap(r.start, r.end, ranges), r.nr_accesses) for r in regions]
    return sum(s * n for s, n in sizes) / sum(s for s, _ in sizes)


def settled(kdamond, ranges):
    """Regions after a while; again where a busy machine kept those who touch memory waiting."""
    for _ in range(PATIENCE):
        time.sleep(SETTLE_S)
        regions = kdamond.snapshot()
        if mean_accesses(regions, ranges) >= 10:
            break
    return regions


def tell_apart(hot, cold):
    hot.tell('touch')
    hot_ranges, cold_ranges = largest(hot.ranges()), largest(cold.ranges())
    check(hot_ranges and cold_ranges, 'no frames')
    with ticking(), running(context(sorted(hot_ranges + cold_ranges),
                                    damon.stat_scheme())) as kdamond:
        regions = settled(kdamond, hot_ranges)
    found = mean_accesses(regions, hot_ranges), mean_accesses(regions, cold_ranges)
    print('# hot %.1f, cold %.1f of 20 samples' % found)
    check(found[0] >= 10, 'hot memory is called cold')
    check(found[1] <= 1, 'cold memory is called hot')


def of_kind(kind, node=None):
    with pages(kind, SIZE, node) as hot, pages(kind, SIZE, node) as cold:
        tell_apart(hot, cold)


def of_files():
    """Programs and libraries are what everybody has."""
    found = list(itertools.islice(libraries(), 2))
    if len(found) < 2:
        raise Skip('no two files of some size in /usr/lib')
    with pages('file', found[0]) as hot, pages('file', found[1]) as cold:
        tell_apart(hot, cold)


def of_many(kind, whats):
    """Each page mapped by 101 processes, of which the first touches it."""
    with pages(kind, whats[0]) as hot, pages(kind, whats[1]) as cold:
        for work in (hot, cold):
            work.tell('fork 100')
        time.sleep(1)
        tell_apart(hot, cold)


def of_many_files():
    of_many('file', list(itertools.islice(libraries(), 2)))


def of_hugetlb():
    with setting(HUGETLB, 8):
        if int(read(HUGETLB)) < 8:
            raise Skip('no huge pages to reserve')
        of_kind('hugetlb')


def at_rest(kdamond):
    time.sleep(SETTLE_S)
    return kdamond.snapshot()


def accesses_of(work, touched):
    """Per aggregation of 20 samples."""
    ranges = largest(work.ranges())
    with ticking(), running(context(ranges, damon.stat_scheme(),
                                    attrs={'nr_regions': damon.limits(3, 100)})) as kdamond:
        return mean_accesses(settled(kdamond, ranges) if touched else at_rest(kdamond), ranges)


def of_ksm(children):
    """All contents are equal, so what one process touches is what the other ones have."""
    with merged(MANY_SIZE if children else SIZE) as work:
        work.tell(f'fork {children}')
        accesses = []
        for state in ('touch', 'rest'):
            work.tell(state)
            accesses.append(accesses_of(work, state == 'touch'))
        print('# touched %.1f, at rest %.1f of 20 samples' % tuple(accesses))
        check(accesses[0] >= 10 and accesses[1] <= 1, 'they do not differ')
        check(work.tell('check') == 'intact', 'contents changed')


def with_unit(unit):
    """The same frames, in other addresses."""
    with pages('huge', SIZE) as work, ticking():
        work.tell('touch')
        ranges = [(s // unit, e // unit) for s, e in largest(work.ranges())]
        with running(context(ranges, damon.stat_scheme(), addr_unit=unit)) as kdamond:
            regions = settled(kdamond, ranges)
        check(mean_accesses(regions, ranges) >= 10, 'hot memory is called cold')
        check(sum(r.end - r.start for r in regions) == sum(e - s for s, e in ranges),
              'sizes are not in units')


def nowhere():
    """Where there is no memory nothing is ever accessed."""
    with running(context([(1 << 50, (1 << 50) + (1 << 40))], damon.stat_scheme())) as kdamond:
        time.sleep(SETTLE_S)
        regions = kdamond.snapshot()
    check(regions and not any(r.nr_accesses for r in regions), 'accessed')


def no_regions():
    with running(context([], damon.stat_scheme())) as kdamond:
        time.sleep(1)
        check(not kdamond.snapshot(), 'there are regions')


require(memory=300 * MIB)
run([(f'{kind} memory', lambda k=kind: of_kind(k)) for kind in ('anon', 'huge', 'shared')] +
    [('page cache', of_files),
     ('hugetlb memory', of_hugetlb),
     ('memory of 101 processes', lambda: of_many('anon', [MANY_SIZE] * 2)),
     ('shared memory of 101 processes', lambda: of_many('shared', [MANY_SIZE] * 2)),
     ('page cache of 101 processes', of_many_files),
     ('merged memory', lambda: of_ksm(0)),
     ('merged memory of 101 processes', lambda: of_ksm(100)),
     ('address unit 64', lambda: with_unit(64)),
     ('address unit 4096', lambda: with_unit(4096)),
     ('address unit 65536', lambda: with_unit(65536)),
     ('where there is no memory', nowhere),
     ('target without regions', no_regions)])
