#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Targets that map, unmap, exec, exit, share an address space, or have none."""

import os
import subprocess
import time

import damon_sysfs as damon
from damon_test import check, equal, require, run, wait_until
from damon_workload import MIB, ticking, workload
from vaddr_process import interpreter, mappings

SAMPLE_US, AGGR_US, UPDATE_US = 5000, 100000, 3600 * 1000000
SIZE = 32 * MIB
# Soon, that is long before the regular update
SOON_S = 5

def monitor(*targets, operations='vaddr', attrs=None):
    attrs = {'intervals': damon.intervals(SAMPLE_US, AGGR_US, UPDATE_US), **(attrs or {})}
    kdamond, = damon.kdamonds(damon.context(targets, [damon.stat_scheme()], operations,
                                            attrs=attrs))
    return kdamond.start()


def three_ranges(pid):
    """What the two biggest gaps leave."""
    maps = mappings(pid)
    gaps = sorted(zip(maps, maps[1:]), key=lambda m: m[0][1] - m[1][0])[:2]
    (low, high) = sorted((a[1], b[0]) for a, b in gaps)
    return [(maps[0][0], low[0]), (low[1], high[0]), (high[1], maps[-1][1])]


def covered(kdamond):
    joined = []
    for r in kdamond.snapshot():
        if joined and joined[-1][1] == r.start:
            joined[-1] = (joined[-1][0], r.end)
        else:
            joined.append((r.start, r.end))
    return joined


def follows(kdamond, pid):
    return wait_until(lambda: covered(kdamond) == three_ranges(pid), SOON_S)


def changes_are_followed(steps):
    with interpreter() as process:
        kdamond = monitor(process.pid)
        equal('at first', covered(kdamond), three_ranges(process.pid))
        for step in steps:
            before = three_ranges(process.pid)
            process.do(step)
            check(three_ranges(process.pid) != before, f'{step}: no range changed')
            check(follows(kdamond, process.pid), f'not followed: {step}')


def fixed_ranges_stay():
    with interpreter() as process:
        start = mappings(process.pid)[0][0]
        given = [(start, start + SIZE)]
        kdamond = monitor(damon.target(process.pid, given), operations='fvaddr')
        process.do(f'maps[0] = mmap.mmap(-1, {SIZE})')
        time.sleep(0.5)
        equal('covered', covered(kdamond), given)


def given_regions_stay_until_the_update():
    with interpreter() as process:
        start = mappings(process.pid)[0][0]
        given = [(start, start + SIZE)]
        kdamond = monitor(damon.target(process.pid, given))
        process.do(f'maps[0] = mmap.mmap(-1, {SIZE}); maps.clear()')
        time.sleep(0.5)
        equal('covered', covered(kdamond), given)


def exec_is_noticed():
    with subprocess.Popen(['/bin/sh', '-c', 'read line; exec sleep 60'],
                          stdin=subprocess.PIPE, text=True) as proc:
        kdamond = monitor(proc.pid)
        before = covered(kdamond)
        proc.stdin.write('\n')
        proc.stdin.flush()
        check(wait_until(lambda: os.readlink(f'/proc/{proc.pid}/exe').endswith('sleep')),
              'no exec')
        noticed = wait_until(lambda: covered(kdamond) == three_ranges(proc.pid) != before,
                             SOON_S)
        proc.kill()
    check(noticed, 'still looks at the old address space')


def exit_is_noticed():
    with interpreter() as process:
        kdamond = monitor(process.pid)
        check(kdamond.snapshot(), 'not monitored')
        process.end()
        began = time.monotonic()
        check(wait_until(lambda: not kdamond.running(), SOON_S), 'still on')
        print(f'# ended after {time.monotonic() - began:.2f} s')


def zombies_are_not_monitored():
    """An unreaped process is a target still, but has no memory to look at."""
    with interpreter() as process:
        kdamond = monitor(process.pid)
        check(kdamond.snapshot(), 'not monitored')
        process.proc.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        check(wait_until(lambda: not any(r.nr_accesses for r in kdamond.snapshot()), SOON_S),
              'still accessed')
        time.sleep(0.5)
        check(kdamond.running(), 'ended before the process was reaped')
        process.end()
        check(wait_until(lambda: not kdamond.running(), SOON_S), 'still on')


def kernel_threads_are_not_monitored():
    kdamond = monitor(2)
    time.sleep(0.3)
    equal('regions', kdamond.snapshot(), [])
    check(kdamond.running(), 'ended')


def accesses(regions, size, *targets):
    """Mean of all bytes of all targets, which have the same memory, median of five snapshots."""
    kdamond = monitor(*targets, attrs={'nr_regions': {'min': regions, 'max': regions}})
    time.sleep(0.5)
    means = sorted(sum(r.nr_accesses * (r.end - r.start) for r in kdamond.snapshot())
                   for _ in range(5))
    kdamond.stop()
    damon.reset()
    return means[2] / size / len(targets)


def as_many(size, first, second):
    """Does (regions, targets) find as many accesses as another one?  Busy machines touch less."""
    with ticking(), workload(size, 'huge') as work:
        work.hot((0, size))
        given = damon.target(work.pid, [(work.start, work.start + size)])
        for _ in range(3):
            found = [accesses(regions, size, *[given] * targets)
                     for regions, targets in (first, second)]
            print(f'# {found[0]:.1f}, then {found[1]:.1f} of 20')
            if found[1] > 0.7 * found[0] > 5:
                return True
    return False


def targets_with_one_address_space():
    """Each of them sees what the other sees, also on huge pages they both sample."""
    check(as_many(SIZE, (20, 1), (40, 2)), 'targets hide accesses from each other')


def many_regions_in_a_huge_page():
    """Preparing a sample must not hide an access from the next region."""
    check(as_many(4 * MIB, (4, 1), (256, 1)), 'regions hide accesses from each other')


# lockdep complains of who registers an MMU notifier for more than 2,047 mappings.
NR_MAPPINGS = 1900 if os.path.exists('/proc/lockdep') else 5000


def a_restless_process_is_cheap():
    """Many mappings, and changes all the time at the borders of the ranges."""
    churn = ('import threading\n'
             f'keep = [mmap.mmap(-1, 8192, prot=1 + i % 2 * 2) for i in range({NR_MAPPINGS})]\n'
             'def churn():\n'
             '    while True:\n'
             '        mmap.mmap(-1, 1 << 30).close()\n'
             'threading.Thread(target=churn, daemon=True).start()\n')
    with interpreter() as process:
        process.do(f'exec({churn!r})')
        check(len(mappings(process.pid)) > NR_MAPPINGS, 'too few mappings')
        kdamond = monitor(process.pid, attrs={'nr_regions': {'min': 10, 'max': 20}})

        def share():
            with open(f'/proc/{kdamond.pid()}/schedstat', encoding='ascii') as f:
                return int(f.read().split()[0]) / 1e9
        check(kdamond.snapshot(), 'not monitored')
        before, began = share(), time.monotonic()
        time.sleep(3)
        used = (share() - before) / (time.monotonic() - began)
    print(f'# {100 * used:.1f} % of a CPU')
    check(used < 0.2, f'{100 * used:.0f} % of a CPU')


def cases():
    yield 'mapping is followed', lambda: changes_are_followed(
        [f'maps[0] = mmap.mmap(-1, {SIZE})', f'maps[1] = mmap.mmap(-1, {64 * SIZE})'])
    yield 'unmapping is followed', lambda: changes_are_followed(
        [f'maps[0] = mmap.mmap(-1, {SIZE})', 'maps.pop(0).close()'])
    yield 'a growing heap is followed', lambda: changes_are_followed(
        ['libc.sbrk(1 << 24)'])
    yield 'exec is noticed', exec_is_noticed
    yield 'exit is noticed', exit_is_noticed
    yield 'fvaddr: ranges stay', fixed_ranges_stay
    yield 'given regions stay until the update', given_regions_stay_until_the_update
    yield 'zombies are not monitored', zombies_are_not_monitored
    yield 'kernel threads are not monitored', kernel_threads_are_not_monitored
    yield 'targets with one address space', targets_with_one_address_space
    yield 'many regions in a huge page', many_regions_in_a_huge_page
    yield 'a restless process is cheap', a_restless_process_is_cheap


require(memory=200 * MIB)
run(cases(), seconds=120)
