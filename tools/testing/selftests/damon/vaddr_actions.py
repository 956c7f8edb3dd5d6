#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What each action does to the memory of a process, as the kernel accounts for it."""

import contextlib
import os
import re
import time

import damon_sysfs as damon
from damon_test import check, equal, PAGE, require, run, Skip, wait_until
from damon_workload import MIB
from vaddr_process import interpreter, pages_on, smaps, vm_flags

SIZE = 32 * MIB
ALIGN = 2 * MIB
KB = SIZE >> 10
SOON_S = 10


@contextlib.contextmanager
def filled(how='libc.madvise(ctypes.c_void_p(address(maps[0])), {size}, 15)'):
    """An idle process with private memory, small pages unless how says otherwise."""
    with interpreter() as process:
        size = SIZE + ALIGN
        start = int(process.do(f'maps[0] = private({size}); {how.format(size=size)}; '
                               f'maps[0].write(b"x" * {size}); print(address(maps[0]))'))
        yield process, start


def scheme(action, **more):
    return {**damon.stat_scheme(), 'action': action, **more}


def apply(process, start, *schemes, operations='vaddr'):
    aligned = -(-start // ALIGN) * ALIGN
    attrs = {'intervals': damon.intervals(5000, 100000, 3600 * 1000000),
             'nr_regions': {'min': 3, 'max': 10}}
    given = damon.target(process.pid, [(aligned, aligned + SIZE)])
    kdamond, = damon.kdamonds(damon.context([given], schemes, operations, attrs=attrs))
    return kdamond.start()


def changes(action, evidence, wanted, operations='vaddr', **more):
    """The evidence is not there before, and is soon after."""
    with filled(**more) as (process, start):
        check(not wanted(evidence(process.pid, start)), 'there before')
        apply(process, start, scheme(action), operations=operations)
        done = wait_until(lambda: wanted(evidence(process.pid, start)), SOON_S)
        found = evidence(process.pid, start)
    check(done, f'found {found}')


def rss(pid, start):
    return smaps(pid, start, 'Rss')


def willneed_reads_swap():
    def cached(*_):
        with open('/proc/meminfo', encoding='ascii') as f:
            return int(re.search(r'SwapCached:\s+(\d+)', f.read())[1])

    with filled() as (process, start):
        process.do('maps[0].madvise(21)')
        check(wait_until(lambda: smaps(process.pid, start, 'Swap') > 0.9 * KB), 'not paged out')
        before = cached()
        apply(process, start, scheme('willneed'))
        read = wait_until(lambda: cached() > before + 0.5 * KB, SOON_S)
    check(read, f'{before} kB of cached swap before, {cached()} now')


def stat_changes_nothing():
    with filled() as (process, start):
        before = rss(process.pid, start), vm_flags(process.pid, start)
        kdamond = apply(process, start, scheme('stat'))
        check(kdamond.tried_bytes(), 'nothing tried')
        time.sleep(0.5)
        equal('memory', (rss(process.pid, start), vm_flags(process.pid, start)), before)


def unsupported_changes_nothing():
    with filled() as (process, start):
        before = rss(process.pid, start)
        kdamond = apply(process, start, scheme('lru_prio'), scheme('lru_deprio'))
        check(kdamond.tried_bytes(), 'nothing tried')
        equal('memory', rss(process.pid, start), before)


def need_file(name):
    """Skip when schemes do not have the file."""
    damon.kdamonds(damon.context([], [damon.stat_scheme()]))
    path = f'{damon.ADMIN}/kdamonds/0/contexts/0/schemes/0/{name}'
    found = os.path.exists(path)
    damon.reset()
    if not found:
        raise Skip(f'schemes have no {name}')


def home_of(pid, start):
    """(node with most of the pages, the other one)."""
    nodes = sorted((0, 1), key=lambda nid: pages_on(pid, start, nid))
    return nodes[1], nodes[0]


def need_nodes():
    if not os.path.isdir('/sys/devices/system/node/node1'):
        raise Skip('needs two nodes')


def migrate(action, how=None):
    need_nodes()
    need_file('target_nid')
    with filled(**({'how': how} if how else {})) as (process, start):
        home, away = home_of(process.pid, start)
        apply(process, start, scheme(action, target_nid=away))
        moved = wait_until(lambda: pages_on(process.pid, start, away) >= 0.9 * SIZE / PAGE, SOON_S)
        found = pages_on(process.pid, start, away)
    check(moved, f'{found} pages moved from node {home} to {away}')


def no_such_node():
    need_file('target_nid')
    with filled() as (process, start):
        home, away = home_of(process.pid, start)
        # With little memory at home some of it may be away, which has a way to go.
        before = pages_on(process.pid, start, away)
        for nid, least in ((-1, before), (7, before), (home, 0)):
            kdamond = apply(process, start, scheme('migrate_cold', target_nid=nid))
            check(kdamond.tried_bytes(), 'nothing tried')
            kdamond.stop()
            found = pages_on(process.pid, start, away)
            check(least <= found <= before, f'node {nid}: {found} away, not {before}')


def weighted_destinations():
    need_nodes()
    need_file('dests')
    dests = [{'id': 0, 'weight': 1}, {'id': 1, 'weight': 3}]
    with filled() as (process, start):
        apply(process, start, scheme('migrate_hot', dests=dests))

        def share():
            on = [pages_on(process.pid, start, nid) for nid in (0, 1)]
            return on[1] / sum(on)
        settled = wait_until(lambda: abs(share() - 0.75) < 0.08, SOON_S)
        found = share()
    check(settled, f'{100 * found:.0f} % on node 1, not 75')


HUGE = 'libc.madvise(ctypes.c_void_p(address(maps[0])), {size}, 14)'


def cases():
    for ops in ('vaddr', 'fvaddr'):
        yield f'{ops}: pageout', lambda o=ops: changes(
            'pageout', rss, lambda kb: kb < 0.2 * KB, o)
    yield 'pageout of huge pages', lambda: changes(
        'pageout', rss, lambda kb: kb < 0.2 * KB, how=HUGE)
    yield 'cold', lambda: changes(
        'cold', lambda p, s: smaps(p, s, 'Referenced'), lambda kb: kb < 0.2 * KB)
    yield 'hugepage', lambda: changes('hugepage', vm_flags, lambda f: 'hg' in f, how='pass')
    yield 'nohugepage', lambda: changes('nohugepage', vm_flags, lambda f: 'nh' in f, how=HUGE)
    yield 'collapse', lambda: changes(
        'collapse', lambda p, s: smaps(p, s, 'AnonHugePages'), lambda kb: kb >= 0.7 * KB,
        how='pass')
    yield 'willneed', willneed_reads_swap
    yield 'stat', stat_changes_nothing
    yield 'unsupported actions', unsupported_changes_nothing
    yield 'migrate_hot', lambda: migrate('migrate_hot')
    yield 'migrate_cold', lambda: migrate('migrate_cold')
    yield 'migrate_cold: huge pages', lambda: migrate('migrate_cold', HUGE)
    yield 'migrate_cold: not to be done', no_such_node
    yield 'migrate_hot: weighted destinations', weighted_destinations


require(memory=300 * MIB)
run(cases(), seconds=120)
