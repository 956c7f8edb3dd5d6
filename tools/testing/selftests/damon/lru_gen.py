#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The multi-generational LRU sees a program the same, monitored or not.

The program has cold memory and hot memory.  Aging that is asked for has to find the
accesses to what is hot, and none to what is cold, in the page tables that DAMON looks at as
well.
"""

import os
import re
import time

import damon_sysfs as damon
from damon_test import CGROUP, cgroup, check, require, run, skip_all
from damon_workload import MIB, ticking, workload

GENERATIONS = '/sys/kernel/debug/lru_gen'
ENABLED = '/sys/kernel/mm/lru_gen/enabled'
SIZE, HOT = 256 * MIB, 32 * MIB
AGINGS = 6
YOUNG = 2  # generations that what is in use may be in
PAGE = os.sysconf('SC_PAGE_SIZE')
TOLERANCE = 0.05  # of the hot memory


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


def age(path):
    """Make a generation, on every node."""
    number, nodes = generations(path)
    for node, found in nodes.items():
        put(GENERATIONS, f'+ {number} {node} {found[-1][0]} 1 0')


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


def let_age(path, work, monitored):
    work.hot((100 * MIB, HOT))
    if monitored:
        kdamond, = damon.kdamonds(damon.context([work.pid], [damon.stat_scheme()]))
        kdamond.start()
        kdamond.let_aggregate(10)
    for _ in range(AGINGS):
        age(path)
        time.sleep(0.5)
    if monitored:
        check(kdamond.running(), 'monitoring ended')
        damon.reset()
    return spread(path)


def same():
    alone, watched = measure(False), measure(True)
    for name, (young, old) in (('alone', alone), ('monitored', watched)):
        print(f'# {name}: {young / MIB:.1f} MiB young, {old / MIB:.1f} MiB old')
    check(alone[0] >= 0.9 * HOT and alone[1] >= 0.8 * (SIZE - HOT),
          'aging does not work without monitoring, either')
    for what, a, b in zip(('young', 'old'), alone, watched):
        check(abs(a - b) <= TOLERANCE * HOT, f'{abs(a - b) / MIB:.1f} MiB more or less are {what}')


require(memory=SIZE + 100 * MIB)
if not os.path.exists(GENERATIONS) or not os.path.exists(ENABLED):
    skip_all('no multi-generational LRU')
BEFORE = read(ENABLED)
put(ENABLED, 'y')
try:
    run([('generations of a program with hot and cold memory', same)], seconds=120)
finally:
    put(ENABLED, BEFORE)
