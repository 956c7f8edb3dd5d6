#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Several kdamonds, several targets, given regions, no target, and targets that fork or exec."""

import contextlib
import os
import queue
import subprocess
import threading
import time

import damon_sysfs as damon
from damon_test import check, equal, require, run, wait_until
from damon_workload import BIN, MIB, overlap, ticking, Workload, workload

SIZE = 32 * MIB
HOT = (8 * MIB, 8 * MIB)


def covers(regions, work, size=SIZE):
    return overlap(work.start, work.start + size, [(r.start, r.end) for r in regions])


def fraction_hot(regions, hot):
    """Share of the bytes of hot that lie in regions with at least half the best score."""
    limit = max((r.nr_accesses for r in regions), default=0) / 2
    found = sum(overlap(r.start, r.end, hot) for r in regions if r.nr_accesses >= limit > 0)
    return found / sum(e - s for s, e in hot)


def finds(kdamond, hot, seconds=10):
    return wait_until(lambda: fraction_hot(kdamond.snapshot(), hot) > 0.7, seconds)


@contextlib.contextmanager
def workloads(number):
    with contextlib.ExitStack() as stack:
        stack.enter_context(ticking())
        yield [stack.enter_context(workload(SIZE)) for _ in range(number)]


def several_kdamonds():
    with workloads(3) as works:
        kdamonds = damon.kdamonds(*[damon.context([w.pid], [damon.stat_scheme()])
                                    for w in works])
        for i, kdamond in enumerate(kdamonds):
            kdamond.start()
            with open(f'/proc/{kdamond.pid()}/comm', encoding='ascii') as f:
                equal('thread name', f.read(), f'kdamond.{i}\n')
        equal('number of threads', len({k.pid() for k in kdamonds}), 3)
        for kdamond, work in zip(kdamonds, works):
            equal('bytes covered', covers(kdamond.snapshot(), work), SIZE)
        kdamonds[1].stop()
        equal('running', [k.running() for k in kdamonds], [True, False, True])
        works[0].end()
        check(wait_until(lambda: not kdamonds[0].running()), 'kdamond 0 did not end')
        check(kdamonds[2].snapshot(), 'kdamond 2 stopped working')
        equal('running', [k.running() for k in kdamonds], [False, False, True])


def several_targets():
    with workloads(3) as works:
        kdamond, = damon.kdamonds(damon.context([w.pid for w in works], [damon.stat_scheme()]))
        kdamond.start()
        for work in works:
            check(finds(kdamond, work.hot(HOT)), f'hot area of {work.pid} not found')
            work.hot()
        works[1].end()
        time.sleep(0.5)
        check(kdamond.running(), 'ended with the first of three targets')
        check(finds(kdamond, works[2].hot(HOT)), 'third target lost with the second')
        works[0].end()
        works[2].end()
        check(wait_until(lambda: not kdamond.running()), 'still on without any target')


def union(regions):
    """Ranges the regions cover, adjacent ones joined."""
    joined = []
    for region in regions:
        if joined and joined[-1][1] == region.start:
            joined[-1] = (joined[-1][0], region.end)
        else:
            joined.append((region.start, region.end))
    return joined


def given_regions(operations):
    """The given ranges, rounded outwards to pages, and nothing else is monitored."""
    with workloads(1) as (work,):
        hot = work.hot(HOT)
        ranges = [(work.start, work.start + 4 * MIB), (hot[0][0] + 1, hot[0][1] - 1)]
        kdamond, = damon.kdamonds(damon.context(
            [damon.target(work.pid, ranges)], [damon.stat_scheme()], operations))
        kdamond.start()
        for _ in range(5):
            equal('ranges monitored', union(kdamond.snapshot()), [ranges[0], hot[0]])
            time.sleep(0.1)
        check(finds(kdamond, hot), 'hot range not found')


def fvaddr_needs_regions():
    """Without given regions fvaddr has nothing to monitor, and makes nothing up."""
    with workloads(1) as (work,):
        kdamond, = damon.kdamonds(damon.context([work.pid], [damon.stat_scheme()], 'fvaddr'))
        kdamond.start()
        equal('regions', kdamond.snapshot(), [])
        check(kdamond.running(), 'ended by itself')


def no_target(operations):
    kdamond, = damon.kdamonds(damon.context([], [damon.stat_scheme()], operations))
    kdamond.start()
    check(wait_until(lambda: not kdamond.running()), 'runs without a target')
    equal('update', damon.errno_of(kdamond.command, 'update_schemes_tried_regions'), 'ECANCELED')
    kdamond.stop()


def a_thread_is_a_target():
    """Known by an id of its own, for as long as it lives; its memory is that of the process."""
    ids, may_end = queue.Queue(), threading.Event()
    thread = threading.Thread(target=lambda: (ids.put(threading.get_native_id()), may_end.wait()))
    thread.start()
    try:
        kdamond, = damon.kdamonds(damon.context([ids.get()], [damon.stat_scheme()]))
        kdamond.start()
        found = kdamond.snapshot()
    finally:
        may_end.set()
        thread.join()
    check(found, 'not monitored')
    check(wait_until(lambda: not kdamond.running()), 'still on without the thread')


def fork_leaves_the_child_out():
    """A child of the target is no target: monitoring ends with the parent."""
    script = 'sleep 60 & echo $!; read line; exit 0'
    with subprocess.Popen(['/bin/sh', '-c', script], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        kdamond, = damon.kdamonds(damon.context([parent.pid], [damon.stat_scheme()]))
        kdamond.start()
        check(kdamond.snapshot(), 'parent not monitored')
        parent.stdin.write('\n')
        parent.stdin.flush()
        parent.wait()
        ended = wait_until(lambda: not kdamond.running())
        alive = os.path.exists(f'/proc/{child}')
        os.kill(child, 9)
    check(alive, 'the child died early')
    check(ended, 'still on after the parent ended')


def exec_is_followed():
    """The pid stays, the address space does not: the next update finds the new one."""
    script = f'read line; exec {BIN}/touch small {SIZE}'
    with ticking(), subprocess.Popen(['/bin/sh', '-c', script], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True) as proc:
        attrs = {'intervals': damon.intervals(5000, 100000, 200000)}
        kdamond, = damon.kdamonds(damon.context([proc.pid], [damon.stat_scheme()], attrs=attrs))
        kdamond.start()
        check(kdamond.snapshot(), 'the shell is not monitored')
        proc.stdin.write('\n')
        proc.stdin.flush()
        work = Workload(proc)
        hot = work.hot(HOT)
        covered = wait_until(lambda: covers(kdamond.snapshot(), work) == SIZE)
        found = finds(kdamond, hot)
        proc.kill()
    check(covered, 'new mapping not covered after exec')
    check(found, 'hot area of the new program not found')


def new_mappings_are_found():
    """Memory mapped while monitoring runs is found at the next update, not before."""
    with ticking(), subprocess.Popen(
            ['python3', '-c', 'import mmap, sys\n'
             'print(flush=True)\ninput()\n'
             f'm = mmap.mmap(-1, {64 * MIB})\nm[0] = 1\nprint(flush=True)\ninput()\n'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as proc:
        proc.stdout.readline()
        attrs = {'intervals': damon.intervals(5000, 100000, 1000000)}
        kdamond, = damon.kdamonds(damon.context([proc.pid], [damon.stat_scheme()], attrs=attrs))
        kdamond.start()
        before = kdamond.tried_bytes()
        proc.stdin.write('\n')
        proc.stdin.flush()
        proc.stdout.readline()
        grown = wait_until(lambda: kdamond.tried_bytes() >= before + 64 * MIB)
        proc.kill()
    check(grown, f'{before} bytes before, {64 * MIB} more mapped, not found')


def cases():
    yield 'several kdamonds at once', several_kdamonds
    yield 'several targets', several_targets
    for name in ('vaddr', 'fvaddr'):
        yield f'{name}: given regions', lambda n=name: given_regions(n)
        yield f'{name}: no target ends at once', lambda n=name: no_target(n)
    yield 'fvaddr without regions', fvaddr_needs_regions
    yield 'a thread is a target', a_thread_is_a_target
    yield 'a forked child is no target', fork_leaves_the_child_out
    yield 'exec is followed', exec_is_followed
    yield 'new mappings are found', new_mappings_are_found


require(memory=300 * MIB)
run(cases())
