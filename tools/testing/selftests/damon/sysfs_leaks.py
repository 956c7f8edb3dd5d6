#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What is held is let go: strings, processes, directories, contexts.

By slab counts, or, where checkers keep for a while what is freed, by kmemleak.
"""

import os
import re
import subprocess
import time

import damon_sysfs as damon
from damon_test import Skip, check, equal, require, run
from damon_workload import MIB, workload

K = 'kdamonds/0'
C = f'{K}/contexts/0'
STRINGS = (f'{C}/schemes/0/filters/0/memcg_path', f'{C}/schemes/0/core_filters/0/memcg_path',
           f'{C}/schemes/0/ops_filters/0/memcg_path', f'{C}/schemes/0/quotas/goals/0/path',
           f'{C}/monitoring_attrs/probes/0/filters/0/path')
KMEMLEAK = '/sys/kernel/debug/kmemleak'
HAS_KMEMLEAK = os.path.exists(KMEMLEAK)
# ms until it takes an object that nothing refers to for a leak
KMEMLEAK_AGE = 5000


def everything(pids=()):
    """A context with all there can be."""
    filters = [damon.filter_of('addr', addr_end=4096)]
    return damon.context(
        pids, [damon.stat_scheme(
            quotas=damon.quotas(bytes=MIB, reset_interval_ms=100,
                                goals=[damon.goal('user_input', 1)]),
            filters=filters, core_filters=filters, ops_filters=[damon.filter_of('anon')],
            dests=[damon.dest(0, 1)])] * 2,
        attrs={'probes': [damon.probe(damon.filter_of('anon'), weight=0)]})


def objects(name):
    """Number of allocated objects of a slab cache."""
    try:
        with open('/proc/slabinfo', encoding='ascii') as f:
            found = re.search(rf'(?m)^{name} +(\d+) ', f.read())
    except OSError as e:
        raise Skip('no /proc/slabinfo') from e
    if not found:
        raise Skip(f'no slab cache {name}')
    return int(found[1])


def in_slabs():
    """Bytes that cannot be reclaimed."""
    with open('/proc/meminfo', encoding='ascii') as f:
        return int(re.search(r'SUnreclaim: +(\d+)', f.read())[1]) << 10


def growth_of(count, action, times, often_enough, allowed):
    """By how much a count grows while an action that has been warmed up is repeated.

    Once more if that is more than allowed: others come and go, a leak stays.
    """
    for _ in range(often_enough):
        action()
    if HAS_KMEMLEAK:
        raise Skip('told by kmemleak')
    for _ in range(3):
        before = count()
        for _ in range(times):
            action()
        grown = count() - before
        if grown <= allowed:
            break
    return grown


def check_slabs(action, times, often_enough, what, limit=2 * MIB):
    grown = growth_of(in_slabs, action, times, often_enough, limit)
    print(f'# {grown >> 10} KiB after {what}')
    check(grown <= limit, f'{grown} bytes more in slabs')


def strings_are_freed(path):
    """128 times a peer's test, and each of them large enough to be seen."""
    damon.kdamonds(everything())
    text = '/' + 'x' * 3000
    check_slabs(lambda: damon.write(path, text), 2000, 100, f'2000 writes of {len(text)} bytes')


def strings_go_with_their_directory():
    def once():
        damon.kdamonds(everything())
        for path in STRINGS:
            damon.write(path, '/' + 'x' * 3000)

    check_slabs(once, 200, 20, '1000 strings')


def with_child(action):
    """Call it with the id of a process that is gone afterwards."""
    with subprocess.Popen(['sleep', '60']) as child:
        try:
            action(child.pid)
        finally:
            child.kill()


def started_and_stopped(pid):
    kdamond, = damon.kdamonds(everything([pid]))
    kdamond.start().stop()


def refused(pid):
    kdamond, = damon.kdamonds(everything([pid, pid, -1]))
    equal('on', damon.errno_of(kdamond.start), 'EINVAL')


def replaced_by_commit(pid):
    kdamond, = damon.kdamonds(everything([os.getpid()]))
    kdamond.start()
    kdamond.commit(targets=[damon.target(pid)])
    kdamond.commit(targets=[damon.target(os.getpid()), damon.target(pid)])
    equal('commit', damon.errno_of(
        lambda: kdamond.commit(targets=[damon.target(pid), damon.target(-1)])), 'EINVAL')
    kdamond.commit(targets=[damon.target(os.getpid())])
    kdamond.stop()


def died(pid):
    kdamond, = damon.kdamonds(everything([pid]))
    kdamond.start()
    os.kill(pid, 9)


def pids_are_let_go(action):
    def once():
        with_child(action)
        damon.reset()

    grown = growth_of(lambda: objects('pid'), once, 60, 5, 30)
    print(f'# {grown} more after 60 processes')
    check(grown <= 30, f'{grown} of 60 processes are still referred to')


def contexts_are_freed():
    with workload(MIB) as work:
        def once():
            kdamond, = damon.kdamonds(everything([work.pid]))
            kdamond.start().snapshot()
            kdamond.commit()
            kdamond.stop()

        check_slabs(once, 60, 20, '60 runs', MIB)


def kmemleak_finds_nothing():
    if not HAS_KMEMLEAK:
        raise Skip(f'no {KMEMLEAK}')
    damon.reset()
    time.sleep(KMEMLEAK_AGE / 1000)
    for _ in range(2):  # what was moved during one scan is found in the next
        kmemleak('scan')
    with open(KMEMLEAK, encoding='ascii') as f:
        equal('leaks', f.read(), '')


def kmemleak(command):
    with open(KMEMLEAK, 'w', encoding='ascii') as f:
        f.write(command)


def cases():
    for path in STRINGS:
        yield f'strings are freed: {path.removeprefix(C)}', lambda p=path: strings_are_freed(p)
    for action in (strings_go_with_their_directory, contexts_are_freed):
        yield action.__name__.replace('_', ' '), action
    for action in (started_and_stopped, refused, replaced_by_commit, died):
        yield (f'processes are let go: {action.__name__.replace("_", " ")}',
               lambda a=action: pids_are_let_go(a))
    yield 'kmemleak finds nothing', kmemleak_finds_nothing


require()
if HAS_KMEMLEAK:
    kmemleak('clear')
run(cases())
