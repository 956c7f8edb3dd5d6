#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Schemes under real memory pressure: a goal of stalls, and watermarks, by hand."""

import contextlib
import os
import re
import time

import damon_sysfs as damon
import damon_memory as memory
from damon_test import PAGE, Skip, check, equal, require, run, wait_until
from damon_workload import MIB, workload

STALL_US, WINDOW_MS = 5000, 500
SQUEEZED = 32 * MIB


def stalled_us():
    """Of some task, by lack of memory, since the boot."""
    try:
        return int(re.search(r'^some .*total=(\d+)', memory.read('/proc/pressure/memory'), re.M)[1])
    except OSError as e:
        raise Skip(f'no pressure stall information: {e}') from e


def stall_goal(rests, squeezed, **quotas):
    """The quota is rests() without stalls, and squeezed while a program lacks memory."""
    stalled_us()
    goal = damon.goal('some_mem_psi_us', STALL_US)
    scheme = damon.stat_scheme(quotas=damon.quotas(
        reset_interval_ms=WINDOW_MS, goals=[goal], **quotas))
    with memory.group('squeezed') as group, \
            memory.pages('anon', SQUEEZED, in_group=group) as pages:
        pages.tell('touch')
        kdamond, = damon.kdamonds(damon.context([pages.pid], [scheme]))
        kdamond.start()
        check(wait_until(lambda: rests(kdamond.effective_bytes()), 20),
              f'before: {kdamond.effective_bytes()} bytes')
        begin, stalled = time.monotonic(), stalled_us()
        memory.put(f'{group.dir}/memory.high', SQUEEZED // 4)
        less = wait_until(lambda: kdamond.effective_bytes() == squeezed, 20)
        stalled, begin = stalled_us() - stalled, time.monotonic() - begin
        found = kdamond.effective_bytes()
        memory.put(f'{group.dir}/memory.high', 'max')
        print(f'# stalled for {stalled} us in {begin:.1f} s')
        check(stalled > STALL_US, 'no pressure')
        check(less, f'under pressure: {found} bytes')
        check(wait_until(lambda: rests(kdamond.effective_bytes()), 20),
              f'afterwards: {kdamond.effective_bytes()} bytes')


STALL_GOALS = (
    ('consist: grows, and shrinks to the least', lambda e: e >= 8, 1, {}),
    ('temporal: all or nothing', lambda e: e == MIB, 0, {'goal_tuner': 'temporal', 'bytes': MIB}),
)


# --- line by line -----------------------------------------------------------

# Page out regions of 4 to 8 KiB that had up to 5 accesses for 10 to 20 aggregations.
# Use no more than 10 ms and 1 GiB a second for it, those with few accesses first.  Look
# every 5 s whether less than 500 permil of memory is free; not above 600 and below 300.
# In a part of a program that is so small that its regions are.
SMALL = 256 << 10
BY_HAND = '''
kdamonds/nr_kdamonds 1
kdamonds/0/contexts/nr_contexts 1
kdamonds/0/contexts/0/operations vaddr
kdamonds/0/contexts/0/monitoring_attrs/nr_regions/min 40
kdamonds/0/contexts/0/targets/nr_targets 1
kdamonds/0/contexts/0/targets/0/pid_target {pid}
kdamonds/0/contexts/0/targets/0/regions/nr_regions 1
kdamonds/0/contexts/0/targets/0/regions/0/start {start}
kdamonds/0/contexts/0/targets/0/regions/0/end {end}
kdamonds/0/contexts/0/schemes/nr_schemes 1
kdamonds/0/contexts/0/schemes/0/access_pattern/sz/min 4096
kdamonds/0/contexts/0/schemes/0/access_pattern/sz/max 8192
kdamonds/0/contexts/0/schemes/0/access_pattern/nr_accesses/min 0
kdamonds/0/contexts/0/schemes/0/access_pattern/nr_accesses/max 5
kdamonds/0/contexts/0/schemes/0/access_pattern/age/min 10
kdamonds/0/contexts/0/schemes/0/access_pattern/age/max 20
kdamonds/0/contexts/0/schemes/0/action pageout
kdamonds/0/contexts/0/schemes/0/quotas/ms 10
kdamonds/0/contexts/0/schemes/0/quotas/bytes 1073741824
kdamonds/0/contexts/0/schemes/0/quotas/reset_interval_ms 1000
kdamonds/0/contexts/0/schemes/0/quotas/weights/sz_permil 0
kdamonds/0/contexts/0/schemes/0/quotas/weights/nr_accesses_permil 1
kdamonds/0/contexts/0/schemes/0/quotas/weights/age_permil 1
kdamonds/0/contexts/0/schemes/0/watermarks/metric free_mem_rate
kdamonds/0/contexts/0/schemes/0/watermarks/interval_us 5000000
kdamonds/0/contexts/0/schemes/0/watermarks/high 600
kdamonds/0/contexts/0/schemes/0/watermarks/mid 500
kdamonds/0/contexts/0/schemes/0/watermarks/low 300
kdamonds/0/state on
'''


def total():
    return memory.numbers(memory.read('/proc/meminfo'))['MemTotal'] << 10


def free_permil():
    return memory.numbers(memory.read('/proc/meminfo'))['MemFree'] * 1000 // (total() >> 10)


def down_to(permil):
    """A program that leaves no more than that of memory free."""
    return workload((free_permil() - permil) * total() // 1000 // MIB * MIB, 'huge')


def swapped(pid):
    return int(re.search(r'VmSwap:\s+(\d+)', memory.read(f'/proc/{pid}/status'))[1]) << 10


def turns(kdamond, active):
    """Whether it becomes active, or inactive, of which it takes up to 5 s to be aware."""
    print(f'# {free_permil()} permil free')
    return wait_until(lambda: damon.errno_of(kdamond.tried_bytes) ==
                      ('' if active else 'ECANCELED'), 12)


def start_by_hand(work):
    lines = [line.split() for line in BY_HAND.format(
        pid=work.pid, start=work.start, end=work.start + SMALL).splitlines() if line]
    for path, value in lines:
        damon.write(path, value + '\n')
    for path, value in lines:
        equal(path, damon.read(path), value)
    return damon.Kdamond()


def by_hand():
    memory.put('/proc/sys/vm/drop_caches', 3)
    if free_permil() < 650:
        raise Skip(f'only {free_permil()} permil of memory is free')
    with contextlib.ExitStack() as stack:
        work = stack.enter_context(workload(SMALL))
        kdamond = start_by_hand(work)
        check(turns(kdamond, False), 'active though much memory is free')
        equal('swapped', swapped(work.pid), 0)
        outer = stack.enter_context(down_to(400))
        check(turns(kdamond, True), 'inactive though memory is short')
        check(wait_until(lambda: swapped(work.pid) >= SMALL // 4),
              f'only {swapped(work.pid)} bytes of {SMALL} are swapped')
        stats = kdamond.stats()
        print(f'# swapped {swapped(work.pid) >> 10} KiB; {stats}')
        check(0 < stats['sz_applied'] <= stats['sz_tried'], f'{stats}')
        check(stats['nr_tried'] * PAGE <= stats['sz_tried'] <= stats['nr_tried'] * 2 * PAGE,
              f'regions of another size: {stats}')
        with down_to(250):
            check(turns(kdamond, False), 'active though memory is nearly used up')
        check(turns(kdamond, True), 'inactive after some memory was freed')
        outer.end()
        check(turns(kdamond, False), 'active though all memory was freed')
        kdamond.stop()
        equal('state', damon.read('kdamonds/0/state'), 'off')


def cases():
    for what, rests, squeezed, quotas in STALL_GOALS:
        yield f'goal of stalls, {what}', lambda r=rests, s=squeezed, q=quotas: stall_goal(r, s, **q)
    yield 'pageout and watermarks by hand', by_hand


require(memory=1500 * MIB)
run(cases(), seconds=150)
