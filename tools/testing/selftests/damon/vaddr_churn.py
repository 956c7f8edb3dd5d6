#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A thousand processes that live and die while they are monitored, and leave nothing behind.

Each changes its mappings at random until it is killed, or exits, or calls
exec().  Some are monitored twice.
"""

import contextlib
import os
import random
import re
import time

import damon_sysfs as damon
from damon_test import check, require, run, wait_until
from damon_workload import BIN, MIB
from vaddr_process import mappings, write

NR_PROCESSES = int(os.environ.get('DAMON_CHURN', 1000))
AT_ONCE = 10
SLABS = ('mm_struct', 'pid')
# What else may come meanwhile, as threads of the kernel.
TOLERANCE = 20
KMEMLEAK = '/sys/kernel/debug/kmemleak'


def live_objects():
    """Objects in use of the slabs that a leak would show in.  Free ones in caches of CPUs count
    as in use, so those caches are emptied first."""
    for name in SLABS:
        with contextlib.suppress(OSError):
            write(f'/sys/kernel/slab/{name}/shrink', 1)
    with open('/proc/slabinfo', encoding='ascii') as f:
        text = f.read()
    return {name: int(found[1]) for name in SLABS
            if (found := re.search(rf'^{name}\s+(\d+)', text, re.M))}


def leaks():
    """What kmemleak reports, looked for twice: what is in flight looks like a leak."""
    if not os.path.exists(KMEMLEAK):
        return ''
    with contextlib.suppress(OSError):
        for _ in range(2):
            write(KMEMLEAK, 'scan')
            time.sleep(1)
    with open(KMEMLEAK, encoding='ascii', errors='replace') as f:
        return f.read()


def spawn():
    return os.posix_spawn(f'{BIN}/vaddr_churn', ['vaddr_churn', str(random.randrange(1 << 30))],
                          os.environ)


def mapping_area(pid):
    """Where it maps: below what ends its largest gap.  Anywhere, if it has just gone, or is new."""
    found = mappings(pid)
    _, top = max(((after[0] - before[1], after[0]) for before, after in zip(found, found[1:])),
                 default=(0, 1 << 40))
    return [(top - 256 * MIB, top)]


def monitor(pids, intervals):
    targets = {'vaddr': pids[::2],
               'fvaddr': [damon.target(pid, mapping_area(pid)) for pid in pids[1::2] + pids[:1]]}
    contexts = [damon.context(targets[ops], [damon.stat_scheme()], ops,
                              attrs={'intervals': intervals}) for ops in targets]
    kdamonds = damon.kdamonds(*contexts)
    for kdamond in kdamonds:
        kdamond.start()
    return kdamonds


@contextlib.contextmanager
def processes():
    pids = [spawn() for _ in range(AT_ONCE)]
    try:
        yield pids
    finally:
        for pid in random.sample(pids, len(pids)):
            os.kill(pid, 9)
        for pid in pids:
            os.waitpid(pid, 0)


def churn():
    for _ in range(0, NR_PROCESSES, AT_ONCE):
        with processes() as pids:
            kdamonds = monitor(pids, damon.intervals(1000, 10000, 20000))
            time.sleep(random.uniform(0, 0.15))
        check(wait_until(lambda k=kdamonds: not any(k.running() for k in k), 20), 'still on')
        damon.reset()


def nothing_is_left():
    random.seed(1)
    before = live_objects()
    leaked_before = leaks()
    churn()

    def grown():
        after = live_objects()
        return {name: after[name] - before[name] for name in before}
    check(before, 'no slab statistics')
    done = wait_until(lambda: max(grown().values()) <= TOLERANCE, 20)
    print(f'# {NR_PROCESSES} processes, objects more than before: {grown()}')
    check(done, f'objects left: {grown()}')
    leaked = leaks()
    check(len(leaked) <= len(leaked_before), leaked[:2000])


require(memory=200 * MIB)
run([(f'{NR_PROCESSES} processes', nothing_is_left)], seconds=900)
