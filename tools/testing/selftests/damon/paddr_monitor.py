#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Which frames are accessed, for memory of every kind, and whoever maps it."""

import contextlib
import os
import time

import damon_sysfs as damon
from damon_memory import pages, put, read
from damon_paddr import context, running
from damon_test import Skip, check, require, run, wait_until
from damon_workload import MIB, overlap, ticking

SIZE = 8 * MIB
MAX_RANGES = 32
SETTLE_S = 2
HUGETLB = '/proc/sys/vm/nr_hugepages'
KSM = '/sys/kernel/mm/ksm'


def largest(ranges):
    return sorted(sorted(ranges, key=lambda r: r[0] - r[1])[:MAX_RANGES])


def mean_accesses(regions, ranges):
    """Accesses of an aggregation, weighted by size."""
    sizes = [(overlap(r.start, r.end, ranges), r.nr_accesses) for r in regions]
    return sum(s * n for s, n in sizes) / sum(s for s, _ in sizes)


def tell_apart(hot, cold):
    hot.tell('touch')
    hot_ranges, cold_ranges = largest(hot.ranges()), largest(cold.ranges())
    check(hot_ranges and cold_ranges, 'no frames')
    with ticking(), running(context(sorted(hot_ranges + cold_ranges),
                                    damon.stat_scheme())) as kdamond:
        time.sleep(SETTLE_S)
        regions = kdamond.snapshot()
    found = mean_accesses(regions, hot_ranges), mean_accesses(regions, cold_ranges)
    print('# hot %.1f, cold %.1f of 20 samples' % found)
    check(found[0] >= 10, 'hot memory is called cold')
    check(found[1] <= 1, 'cold memory is called hot')


def of_kind(kind, node=None):
    with pages(kind, SIZE, node) as hot, pages(kind, SIZE, node) as cold:
        tell_apart(hot, cold)


def of_files():
    """Programs and libraries are what everybody has; two of some size."""
    found = []
    for path, _, names in os.walk('/usr/lib'):
        for name in (f'{path}/{n}' for n in names):
            if os.path.isfile(name) and not os.path.islink(name) and \
               2 * MIB < os.path.getsize(name) < 64 * MIB:
                found.append(name)
        if len(found) >= 2:
            break
    if len(found) < 2:
        raise Skip('no two files of 2 to 64 MiB in /usr/lib')
    with pages('file', found[0]) as hot, pages('file', found[1]) as cold:
        tell_apart(hot, cold)


def of_many():
    """Each page mapped by 101 processes, of which the first touches it."""
    with pages('shared', 2 * MIB) as hot, pages('shared', 2 * MIB) as cold:
        for work in (hot, cold):
            work.tell('fork 100')
        time.sleep(1)
        tell_apart(hot, cold)


@contextlib.contextmanager
def setting(path, value):
    old = read(path)
    put(path, value)
    try:
        yield
    finally:
        put(path, old)


def of_hugetlb():
    with setting(HUGETLB, 8):
        if int(read(HUGETLB)) < 8:
            raise Skip('no huge pages to reserve')
        of_kind('hugetlb')


def merged():
    return int(read(f'{KSM}/pages_sharing'))


def of_ksm():
    """All contents are equal, so what one process touches is what the other one has."""
    if not os.path.exists(KSM):
        raise Skip('no KSM')
    with setting(f'{KSM}/pages_to_scan', 10000), setting(f'{KSM}/sleep_millisecs', 10), \
            setting(f'{KSM}/run', 1), pages('same', SIZE) as work:
        check(wait_until(lambda: merged() > SIZE // 4096 // 2, 30), f'only {merged()} merged')
        put(f'{KSM}/run', 0)
        accesses = []
        for state in ('touch', 'rest'):
            work.tell(state)
            ranges = largest(work.ranges())
            with ticking(), running(context(ranges, damon.stat_scheme(),
                                            attrs={'nr_regions': damon.limits(3, 100)})) as kdamond:
                time.sleep(SETTLE_S)
                accesses.append(mean_accesses(kdamond.snapshot(), ranges))
        check(accesses[0] >= 10 and accesses[1] <= 1, f'touched {accesses[0]}, at rest {accesses[1]}')
        check(work.tell('check') == 'intact', 'contents changed')


def with_unit(unit):
    """The same frames, in other addresses."""
    with pages('huge', SIZE) as work, ticking():
        work.tell('touch')
        ranges = [(s // unit, e // unit) for s, e in largest(work.ranges())]
        with running(context(ranges, damon.stat_scheme(), addr_unit=unit)) as kdamond:
            time.sleep(SETTLE_S)
            regions = kdamond.snapshot()
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
     ('memory of 101 processes', of_many),
     ('merged memory', of_ksm),
     ('address unit 64', lambda: with_unit(64)),
     ('address unit 4096', lambda: with_unit(4096)),
     ('address unit 65536', lambda: with_unit(65536)),
     ('where there is no memory', nowhere),
     ('target without regions', no_regions)])
