#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The multi-generational LRU sees a program the same, monitored or not.

The program has memory that is always in use, memory that is used for a moment before
each aging, and cold memory.  Aging has to find the accesses to the first two, also where
DAMON looked at the same page tables since, and none to the third.
"""

import os
import re
import time

import damon_sysfs as damon
from damon_test import CGROUP, cgroup, check, require, run, skip_all
from damon_workload import MIB, ticking, workload

GENERATIONS = '/sys/kernel/debug/lru_gen'
ENABLED = '/sys/kernel/mm/lru_gen/enabled'
SIZE, HOT, WARM = 256 * MIB, 32 * MIB, 64 * MIB
ALWAYS, SHORTLY = (100 * MIB, HOT), (160 * MIB, WARM)
AGINGS = 2  # as many as there is room for
YOUNG = 2  # generations that may have what is in use
PAGE = os.sysconf('SC_PAGE_SIZE')
TOLERANCE = 0.05  # of what is in use


def put(path, value):
    with open(path, 'w', encoding='ascii') as f:
        f.write(value)


def read(path):
    with open(path, encoding='ascii') as f:
        return f.read()


def generations(path):
    """(id of the memcg, {node: [(generation, anonymous pages)]}), the oldest first."""
    number, nodes, inside = 0, {}, False
    for line in read(GENERATIONS).splitlines():
        words = line.split()
        if words[0] == 'memcg':
            inside = words[2:] == [path]
            number = int(words[1]) if inside else number
        elif inside and words[0] == 'node':
            node = nodes.setdefault(int(words[1]), [])
        elif inside:
            node.append((int(words[0]), int(words[2])))
    return number, nodes


def age(path, how):
    """Make a generation, on every node: '1', or '1 1' to have everything looked at."""
    number, nodes = generations(path)
    for node, found in nodes.items():
        put(GENERATIONS, f'+ {number} {node} {found[-1][0]} {how}')


def drop_empty(path):
    """Have the two youngest generations only, which leaves room for two more."""
    number, nodes = generations(path)
    for node, found in nodes.items():
        put(GENERATIONS, f'- {number} {node} {found[-1][0] - 2} 1')


def spread(path):
    """Bytes in young generations, and in others."""
    _, nodes = generations(path)
    young = sum(pages for found in nodes.values() for _, pages in found[-YOUNG:])
    old = sum(pages for found in nodes.values() for _, pages in found[:-YOUNG])
    return young * PAGE, old * PAGE


def measure(monitored):
    with cgroup('damon_lru_gen') as path:
        put(f'{CGROUP}{path}/cgroup.procs', str(os.getpid()))
        try:
            with ticking(), workload(SIZE) as work:
                put(f'{CGROUP}/cgroup.procs', str(os.getpid()))
                result = let_age(path, work, monitored)
                work.end()
        finally:
            put(f'{CGROUP}/cgroup.procs', str(os.getpid()))
        time.sleep(0.2)
    return result


def use(work):
    """Let DAMON look before aging does."""
    work.hot(ALWAYS, SHORTLY)
    time.sleep(0.1)
    work.hot(ALWAYS)
    time.sleep(0.3)


def use_and_age(path, work, times, how):
    for _ in range(times):
        use(work)
        age(path, how)


def let_age(path, work, monitored):
    use(work)
    if monitored:
        kdamond, = damon.kdamonds(damon.context([work.pid], [damon.stat_scheme()]))
        kdamond.start()
        kdamond.let_aggregate(10)
    use_and_age(path, work, 1, '1 1')
    drop_empty(path)
    use_and_age(path, work, AGINGS, '1')
    if monitored:
        check(kdamond.running(), 'monitoring ended')
        damon.reset()
    return spread(path)


def same():
    alone, watched = measure(False), measure(True)
    for name, (young, old) in (('alone', alone), ('monitored', watched)):
        print(f'# {name}: {young / MIB:.1f} MiB young, {old / MIB:.1f} MiB old')
    check(alone[0] >= 0.9 * (HOT + WARM) and alone[1] >= 0.8 * (SIZE - HOT - WARM),
          'aging does not work without monitoring, either')
    for what, a, b in zip(('young', 'old'), alone, watched):
        check(abs(a - b) <= TOLERANCE * (HOT + WARM),
              f'{abs(a - b) / MIB:.1f} MiB more or less are {what}')


require(memory=SIZE + 100 * MIB)
if not os.path.exists(GENERATIONS) or not os.path.exists(ENABLED):
    skip_all('no multi-generational LRU')
BEFORE = read(ENABLED)
put(ENABLED, 'y')
try:
    run([('generations of a program with hot and cold memory', same)], seconds=120)
finally:
    put(ENABLED, BEFORE)
