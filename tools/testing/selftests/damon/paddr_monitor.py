#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Which frames are accessed, for memory of every kind, and whoever maps it."""

import contextlib
import itertools
import re
import time

import damon_sysfs as damon
from damon_memory import KPF_THP, libraries, merged, page_flags, pages, read, setting
from damon_paddr import context, largest, running
from damon_test import Skip, check, equal, require, run
from damon_workload import MIB, overlap, ticking

SIZE, MANY_SIZE = 8 * MIB, 2 * MIB
SETTLE_S, PATIENCE, HOLES_S = 2, 8, 8
HUGETLB = '/proc/sys/vm/nr_hugepages'
HUGE = 2 * MIB


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


def tell_apart(hot, cold, how='touch'):
    hot.tell(how)
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


def split(work):
    """Map huge pages by small entries; they remain huge."""
    check(work.smaps('AnonHugePages') == SIZE, 'no huge pages')
    equal('split', work.tell('split'), 'done')
    equal('mapped by huge entries', work.smaps('AnonHugePages'), 0)
    check(all(page_flags(pfn) & KPF_THP for pfn in work.frames()), 'they are no huge pages')


def of_split():
    """One small page of each huge one is touched, or none."""
    with pages('huge', SIZE) as hot, pages('huge', SIZE) as cold:
        split(hot)
        split(cold)
        tell_apart(hot, cold, f'touch {HUGE}')
        for work in (hot, cold):
            check(all(page_flags(pfn) & KPF_THP for pfn in work.frames()), 'they were split')


@contextlib.contextmanager
def reserved(number):
    with setting(HUGETLB, number):
        if int(read(HUGETLB)) < number:
            raise Skip('no huge pages to reserve')
        yield


def of_hugetlb():
    with reserved(2 * SIZE // HUGE):
        of_kind('hugetlb')


def switches(pid):
    """How often a task has gone to sleep."""
    text = read(f'/proc/{pid}/status')
    return int(re.search(r'^voluntary_ctxt_switches:\s+(\d+)', text, re.M)[1])


def all_reserved():
    with pages('hugefile', int(read(HUGETLB)) * HUGE) as work:
        return work.ranges()


def of_holes():
    """Who punches holes holds the lock of the mapping, and waits for that of a huge page."""
    attrs = {'intervals': damon.intervals(1000, 20000), 'nr_regions': damon.limits(10, 100)}
    with reserved(SIZE // HUGE + 2):
        ranges = all_reserved()
        with pages('hugefile', SIZE) as work, \
                running(context(ranges, damon.stat_scheme(), attrs=attrs)) as kdamond:
            work.tell('punch')
            pid, most = kdamond.pid(), 0
            for _ in range(HOLES_S):
                before = int(work.tell('punched')), switches(pid)
                time.sleep(1)
                grown = int(work.tell('punched')) - before[0], switches(pid) - before[1]
                print('# %d times punched, %d times sampled' % grown)
                check(min(grown) > 0, 'somebody waits for ever')
                most = max([most] + [r.nr_accesses for r in kdamond.snapshot()])
            check(most, 'never accessed')


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
     ('huge pages that are mapped by small entries', of_split),
     ('hugetlb memory', of_hugetlb),
     ('hugetlb memory that holes are punched into', of_holes),
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
