#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""How much schemes do, and when: quotas, goals, apply intervals, watermarks."""

import contextlib
import re
import time

import damon_sysfs as damon
from damon_test import PAGE, check, equal, read_or_empty, require, run, wait_until
from damon_workload import MIB, ticking, workload


@contextlib.contextmanager
def monitored(*schemes, size=16 * MIB, hot=(), **kwargs):
    """A program of that size, with hot (offset, length) ranges, and a kdamond on it."""
    with ticking(), workload(size) as work:
        work.hot(*hot)
        kdamond, = damon.kdamonds(damon.context([work.pid], schemes, **kwargs))
        yield kdamond.start()


# --- quotas -----------------------------------------------------------------

def size_quota():
    """Never more than 1 MiB of hot memory in 100 ms."""
    scheme = damon.stat_scheme(sz=(PAGE,), nr_accesses=(1,), quotas=damon.quotas(
        bytes=MIB, reset_interval_ms=100))
    with monitored(scheme, size=20 * MIB, hot=[(0, 10 * MIB)]) as kdamond:
        tried = []
        for _ in range(40):
            time.sleep(0.1)
            tried.append(kdamond.tried_bytes())
        time.sleep(1)  # a window counts when it has ended
        stats = kdamond.stats()
    print(f'# {sum(t == MIB for t in tried)} of {len(tried)} used up, '
          f'exceeded {stats["qt_exceeds"]} times')
    check(max(tried) <= MIB, f'tried {max(tried)} bytes')
    check(any(tried), 'never tried anything')
    check(stats['qt_exceeds'] >= sum(t == MIB for t in tried), 'exceeded more seldom than used up')


def quota_per_window():
    """Totals grow by the quota in a window of 500 ms, however often the scheme is applied."""
    quota, window_s = 512 << 10, 0.5
    scheme = damon.stat_scheme(apply_interval_us=10000, quotas=damon.quotas(
        bytes=quota, reset_interval_ms=int(window_s * 1000)))
    with monitored(scheme) as kdamond:
        first, begin = kdamond.stats()['sz_tried'], time.monotonic()
        time.sleep(3)
        # A read may be late, never early.
        sz, passed = kdamond.stats()['sz_tried'] - first, time.monotonic() - begin
    print(f'# {sz} bytes in {passed:.2f} s')
    check(sz <= quota * (passed / window_s + 2), f'{sz} bytes in {passed:.2f} s')
    check(sz >= quota * 2, f'only {sz} bytes in {passed:.2f} s')


def time_quota():
    """Some time allows for something, and never for everything."""
    scheme = damon.stat_scheme(quotas=damon.quotas(ms=1, reset_interval_ms=1000))
    with monitored(scheme) as kdamond:
        check(wait_until(lambda: kdamond.stats()['nr_tried']), 'nothing tried')
        check(0 < kdamond.effective_bytes() < damon.ULONG_MAX,
              f'{kdamond.effective_bytes()} bytes')


def moves(kdamond, up):
    """Whether the effective quota changes three times, and never the wrong way."""
    sizes = [kdamond.effective_bytes()]

    def enough():
        sizes.append(kdamond.effective_bytes())
        return len(set(sizes)) > 3 or not up and sizes[-1] == 1

    moved = wait_until(enough)
    return moved and sizes == sorted(sizes, reverse=not up), sizes


def quota_goal():
    """More for a value below the goal, and less for one above it."""
    def quotas(now):
        return damon.quotas(reset_interval_ms=100, goals=[damon.goal('user_input', 10000, now)])

    with monitored(damon.stat_scheme(quotas=quotas(0))) as kdamond:
        for now in (0, 15000, 5000, 18000):
            damon.write(f'{kdamond.context}/schemes/0/quotas/goals/0/current_value', now)
            kdamond.command('commit_schemes_quota_goals')
            good, sizes = moves(kdamond, now < 10000)
            check(good, f'{now} of 10000: {sizes}')


def apply_interval():
    """Ten times as often with a tenth of the interval."""
    with monitored(damon.stat_scheme(), damon.stat_scheme(apply_interval_us=10000)) as kdamond:
        time.sleep(3)
        slow, fast = kdamond.stats(0)['nr_tried'], kdamond.stats(1)['nr_tried']
    print(f'# {slow} and {fast} regions')
    check(slow > 0 and fast >= 9 * slow, f'{slow} and {fast} regions')


def snapshots():
    """A scheme that is for a number of snapshots stops after it."""
    with monitored(damon.stat_scheme(stats={'max_nr_snapshots': 3})) as kdamond:
        check(wait_until(lambda: kdamond.stats()['nr_snapshots'] == 3), 'fewer than 3')
        before = kdamond.stats()
        time.sleep(0.5)
        equal('later', kdamond.stats(), before)


LOOK_US = 50000


def free_permil():
    info = read_or_empty('/proc/meminfo')
    free, total = (int(re.search(rf'{what}:\s+(\d+)', info)[1]) for what in
                   ('MemFree', 'MemTotal'))
    return free * 1000 // total, total << 10


def steady_free_permil():
    """The same, once what ended before has given its memory back."""
    seen = []

    def steady():
        time.sleep(0.1)
        seen.append(free_permil())
        last = [permil for permil, _ in seen[-5:]]
        return len(seen) > 5 and max(last) - min(last) < 3

    wait_until(steady)
    return seen[-1]


def is_active(kdamond, wanted):
    """Whether the scheme is applied, for which some patience is due if that is wanted."""
    kdamond.stats()  # It looks at the watermarks after this.
    before = kdamond.stats()['nr_tried']
    return wait_until(lambda: kdamond.stats()['nr_tried'] > before, 10 if wanted else 0.5)


def activity(marks, size, wanted):
    """(active before, while and after so much memory is used, permil free before and while)."""
    with monitored(damon.stat_scheme(watermarks=marks)) as kdamond:
        free, found = [steady_free_permil()[0]], [is_active(kdamond, wanted[0])]
        with workload(size):
            found.append(is_active(kdamond, wanted[1]))
            free.append(free_permil()[0])
        steady_free_permil()
        found.append(is_active(kdamond, wanted[2]))
    return found, free


def used_memory(permil, wanted):
    """watermarks (high, mid, low) -> active before, while and after memory is used.

    Once more if others used or gave back as much meanwhile.
    """
    for _ in range(3):
        now, total = steady_free_permil()
        marks = damon.watermarks('free_mem_rate', LOOK_US, *permil(now))
        found, free = activity(marks, total // 4, wanted)
        print(f'# {now}, {free[0]}, then {free[1]} permil free; {marks}')
        if abs(now - free[0]) < 20 and free[1] < now - 150:
            break
    check(free[1] < now - 150, f'memory is not used: {free} permil free')
    equal('active before, while, and after', found, wanted)


MARKS = (
    ('comes with pressure and stays below high', lambda now: (1000, now - 100, 1),
     [True, True, True]),
    ('not when memory is nearly used up', lambda now: (1000, 1000, now - 100),
     [True, False, True]),
    ('never above high', lambda now: (1, 1, 0), [False, False, False]),
)


def gated():
    """An inactive kdamond serves requests, and ends walks without a result."""
    marks = damon.watermarks('free_mem_rate', LOOK_US, 1, 1, 0)
    with monitored(damon.stat_scheme(watermarks=marks)) as kdamond:
        time.sleep(0.2)
        equal('tried', kdamond.stats()['nr_tried'], 0)
        equal('a walk', damon.errno_of(kdamond.tried_bytes), 'ECANCELED')
        equal('tried', kdamond.stats()['nr_tried'], 0)
        kdamond.commit(schemes=[damon.stat_scheme()])
        check(wait_until(lambda: kdamond.stats()['nr_tried']), 'inactive without watermarks')


def cases():
    for action in (size_quota, quota_per_window, time_quota, quota_goal, apply_interval,
                   snapshots, gated):
        yield action.__name__.replace('_', ' '), action
    for what, permil, wanted in MARKS:
        yield f'watermarks: {what}', lambda p=permil, w=wanted: used_memory(p, w)


require(memory=900 * MIB)
run(cases(), seconds=120)
