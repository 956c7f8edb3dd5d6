#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What schemes do to physical memory, by the evidence of the rest of the kernel."""

import contextlib
import re
import time

import damon_sysfs as damon
from damon_memory import (PAGE, group, isolated, libraries, memory_nodes, merged, no_swap,
                          node_stats, pages, read, setting, uncached_files, vmstat)
from damon_paddr import apply, context, make_old, running
from damon_test import Skip, check, equal, require, run, wait_until
from damon_workload import MIB, ticking

SIZE = 16 * MIB
MANY_SIZE = 2 * MIB
READERS = 100
MOST = 0.9

# What a memory cgroup calls memory of a kind.
IN_GROUP = {'anon': 'anon', 'huge': 'anon', 'shared': 'shmem', 'file': 'file'}


def most(what, got, whole):
    print(f'# {what}: {got >> 10} of {whole >> 10} KiB')
    check(got >= MOST * whole, f'{what}: only {got >> 10} of {whole >> 10} KiB')


def about(what, got, whole):
    most(what, got, whole)
    check(got <= whole / MOST, f'{what}: {got >> 10} of {whole >> 10} KiB')


def two_of(kind):
    """What two processes are to have of a kind: sizes, or paths of files."""
    return uncached_files(2) if kind == 'file' else [SIZE] * 2


def intact(*works):
    for work in works:
        equal('contents', work.tell('check'), 'intact')


# --- pageout ----------------------------------------------------------------

def pageout(kind):
    """What is in the regions is swapped; a process next to it is not."""
    with group('victim') as victims, pages(kind, SIZE, in_group=victims) as work, \
            pages(kind, SIZE) as other:
        ranges, rss = work.ranges(), work.rss()
        make_old(ranges)
        before = vmstat('pswpout')
        stats = apply('pageout', ranges)
        most('no longer resident', rss - work.rss(), SIZE)
        most('swapped out', (vmstat('pswpout') - before) * PAGE, SIZE)
        most('swap of the cgroup', victims.swapped(), SIZE)
        check(victims.stat(IN_GROUP[kind]) <= (1 - MOST) * SIZE, 'the cgroup has it in memory')
        most('applied', stats['sz_applied'], SIZE)
        equal('the other process', other.rss(), SIZE)
        intact(work, other)


def pageout_file():
    """Page cache is dropped, and comes back from the file."""
    path = next(libraries(), None)
    if not path:
        raise Skip('no file of some size in /usr/lib')
    with pages('file', path) as work:
        ranges, rss, before = work.ranges(), work.rss(), vmstat('pswpout')
        make_old(ranges)
        cached = vmstat('nr_file_pages')
        stats = apply('pageout', ranges)
        most('no longer resident', rss - work.rss(), rss)
        check((cached - vmstat('nr_file_pages')) * PAGE > rss // 2, 'it is still cached')
        most('applied', stats['sz_applied'], rss)
        check((vmstat('pswpout') - before) * PAGE < MIB, 'file memory went to swap')


def pageout_locked():
    """Unevictable memory stays, and stays where it was."""
    with pages('anon', SIZE) as work:
        equal('mlock', work.tell('lock'), 'done')
        check(wait_until(lambda: vmstat('nr_unevictable') * PAGE >= MOST * SIZE), 'not locked')
        ranges, before = work.ranges(), vmstat('nr_unevictable')
        make_old(ranges)
        check(apply('pageout', ranges)['sz_applied'] <= (1 - MOST) * SIZE, 'it says it did')
        equal('resident', work.rss(), SIZE)
        most('unevictable', vmstat('nr_unevictable') * PAGE, before * PAGE)


def spare_young():
    """What was accessed since the last check stays."""
    with pages('anon', SIZE) as busy, pages('anon', SIZE) as idle, ticking():
        busy.tell('touch')
        scheme = damon.scheme('pageout', apply_interval_us=500000)
        with running(context(sorted(busy.ranges() + idle.ranges()), scheme)):
            check(wait_until(lambda: idle.rss() <= (1 - MOST) * SIZE, 30),
                  f'{idle.rss() >> 10} KiB of the idle process are still resident')
            time.sleep(2)
            most('busy and resident', busy.rss(), SIZE)
        intact(busy, idle)


# --- LRU lists --------------------------------------------------------------

LRU_ACTIONS = {'active': 'lru_prio', 'inactive': 'lru_deprio'}


def on_list(name):
    return sum(node_stats(nid)[name] for nid in memory_nodes()) << 10


ALL_PASS = [damon.filter_of('anon', matching, True) for matching in (True, False)]


def lru_again(action, work):
    """What is on the list already is passed over, for less, and counts."""
    size = work.rss()
    for what, filters in (('again', []), ('again, by filters', ALL_PASS)):
        stats = apply(action, work.ranges(), filters)
        about(f'applied {what}', stats['sz_applied'], size)
        about(f'passed {what}', stats['sz_ops_filter_passed'], size)


def lru(wanted, other, kind, memory):
    """From one list to the other, and only what is in the regions."""
    ours_has, others_have = two_of(kind)
    with group('sorted') as ours, group('other') as others, \
            pages(kind, ours_has, in_group=ours) as work, \
            pages(kind, others_have, in_group=others) as control:
        size, control_size = work.rss(), control.rss()
        apply(LRU_ACTIONS[other], sorted(work.ranges() + control.ranges()))
        before = on_list(f'{wanted.capitalize()}({memory})')
        stats = apply(LRU_ACTIONS[wanted], work.ranges())
        wait_until(lambda: ours.stat(f'{wanted}_{memory}') >= MOST * size)
        most(f'{wanted} of the cgroup', ours.stat(f'{wanted}_{memory}'), size)
        most(f'{other} of the control', others.stat(f'{other}_{memory}'), control_size)
        grown = on_list(f'{wanted.capitalize()}({memory})') - before
        check(grown > size // 2, f'the lists of the nodes grew by {grown >> 10} KiB')
        most('applied', stats['sz_applied'], size)
        lru_again(LRU_ACTIONS[wanted], work)
        most(f'{wanted} of the cgroup, again', ours.stat(f'{wanted}_{memory}'), size)
        intact(work, control)


# --- migration --------------------------------------------------------------

NODE_COUNTERS = {'anon': 'AnonPages', 'huge': 'AnonPages', 'shared': 'Shmem',
                 'file': 'FilePages'}


def two_nodes():
    nodes = memory_nodes()
    if len(nodes) < 2:
        raise Skip('needs two nodes with memory')
    return nodes[:2]


def migrate(action, kind):
    here, there = two_nodes()
    counter = NODE_COUNTERS[kind]
    ours_has, other_has = two_of(kind)
    with group('moved') as ours, pages(kind, ours_has, here, ours) as work, \
            pages(kind, other_has, here) as other:
        size = work.rss()
        equal('on the node at first', [w.on_node(here) for w in (work, other)], [size, other.rss()])
        before, on_node = vmstat('pgmigrate_success'), node_stats(there)[counter]
        stats = apply(action, work.ranges(), target_nid=there)
        most('moved', work.on_node(there), size)
        most('of the cgroup there', ours.on_node(IN_GROUP[kind], there), size)
        most('migrations', (vmstat('pgmigrate_success') - before) * PAGE, size)
        grown = (node_stats(there)[counter] - on_node) << 10
        check(grown > size // 2, f'the node has {grown >> 10} KiB more')
        most('applied', stats['sz_applied'], size)
        equal('the other process', other.on_node(here), other.rss())
        intact(work, other)


def migrate_nowhere(nid):
    here, _ = two_nodes()
    nid = here if nid is None else nid
    with pages('anon', SIZE, here) as work:
        stats = apply('migrate_cold', work.ranges(), target_nid=nid)
        equal('applied', (stats['sz_applied'], stats['nr_applied']), (0, 0))
        equal('bytes on the node', work.on_node(here), SIZE)
        intact(work)


def free_on(nid):
    return node_stats(nid)['MemFree'] << 10


def reserved_on(nid):
    """The high watermarks; far below these somebody may be killed."""
    marks = re.findall(rf'(?m)^Node {nid}, .*(?:\n .*)*?\n +high +(\d+)$', read('/proc/zoneinfo'))
    return sum(map(int, marks)) * PAGE


@contextlib.contextmanager
def filled(nid, room):
    """A node with about so much free memory; huge pages take the rest at once."""
    pool = f'/sys/devices/system/node/node{nid}/hugepages/hugepages-2048kB/nr_hugepages'
    with setting(pool, max(0, free_on(nid) - room) // (2 * MIB)), contextlib.ExitStack() as stack:
        for _ in range(8):
            if free_on(nid) > room + MIB:
                stack.enter_context(pages('anon', min(free_on(nid) - room, 64 * MIB), nid))
        if free_on(nid) > 2 * room:
            raise Skip(f'{free_on(nid) >> 10} KiB are still free')
        yield


def migrate_to_full():
    """All that does not fit stays where it is; kswapd, without swap, makes no room."""
    here, there = two_nodes()
    room, size = max(24 * MIB, reserved_on(there) + 4 * MIB), 4 * SIZE
    with no_swap(), pages('anon', size, here) as work, filled(there, room):
        ranges, failed = work.ranges(), vmstat('pgmigrate_fail')
        equal('there at first', work.on_node(there), 0)
        stats = apply('migrate_hot', ranges, target_nid=there)
        moved, left = work.on_node(there), work.on_node(here)
        failed = (vmstat('pgmigrate_fail') - failed) * PAGE
        print(f'# {moved >> 10} KiB moved, {left >> 10} KiB left, of {size >> 10} KiB, '
              f'{failed >> 10} KiB failed, {stats["sz_applied"] >> 10} KiB applied')
        check(stats['sz_applied'] and failed, 'nothing was tried')
        check(stats['sz_applied'] < size, 'it found room for all of it')
        check(wait_until(lambda: sum(map(work.on_node, (there, here))) == size),
              'some of it is on neither node')
        check(wait_until(lambda: not isolated()), f'pages are still isolated: {isolated()}')
        intact(work)


# --- memory of many ---------------------------------------------------------

@contextlib.contextmanager
def of_many(kind, node=None):
    """Memory that 101 processes map."""
    memory = merged(MANY_SIZE, node) if kind == 'same' else pages(kind, MANY_SIZE, node)
    with memory as work:
        equal('fork', work.tell(f'fork {READERS}'), 'done')
        yield work


def pageout_of_many(kind):
    with of_many(kind) as work:
        ranges = work.ranges()
        make_old(ranges)
        apply('pageout', ranges)
        most('no longer resident', MANY_SIZE - work.rss(), MANY_SIZE)
        intact(work)


def migrate_of_many(kind):
    here, there = two_nodes()
    with of_many(kind, here) as work:
        apply('migrate_cold', work.ranges(), target_nid=there)
        most('moved', work.on_node(there), MANY_SIZE)
        intact(work)


# --- the rest ---------------------------------------------------------------

def stat():
    """Counts what passes the filters; does nothing."""
    anon = [damon.filter_of('anon', matching=True, allow=True)]
    with pages('huge', SIZE) as work, pages('shared', SIZE) as other:
        ranges = work.ranges()
        equal('passed without filters', apply('stat', ranges)['sz_ops_filter_passed'], 0)
        stats = apply('stat', ranges, anon)
        equal('passed', stats['sz_ops_filter_passed'], SIZE)
        equal('applied', stats['sz_applied'], 0)
        equal('passed elsewhere', apply('stat', other.ranges(), anon)['sz_ops_filter_passed'], 0)
        equal('the mapping', work.ranges(), ranges)


def part_of_huge():
    """Regions that share a folio have it handled once, all of it."""
    with pages('huge', 2 * MIB) as work:
        ranges = work.ranges()
        if len(ranges) != 1:
            raise Skip('no huge page')
        start = ranges[0][0]
        parts = [(start + i * 512 * 1024, start + (i + 1) * 512 * 1024) for i in range(4)]
        stats = apply('stat', parts, [damon.filter_of('anon', matching=True, allow=True)])
        equal('passed', stats['sz_ops_filter_passed'], 2 * MIB)
        equal('applied', apply('lru_prio', parts)['sz_applied'], 2 * MIB)
        equal('applied to a part', apply('lru_deprio', parts[2:3])['sz_applied'], 2 * MIB)


def unsupported(action):
    with pages('anon', SIZE) as work:
        ranges = work.ranges()
        stats = apply(action, ranges)
        equal('applied', stats['sz_applied'], 0)
        equal('tried', stats['sz_tried'], sum(e - s for s, e in ranges))
        equal('the mapping', work.ranges(), ranges)


require(memory=600 * MIB)
run([(f'pageout of {kind} memory', lambda k=kind: pageout(k))
     for kind in ('anon', 'huge', 'shared')] +
    [('pageout of page cache', pageout_file),
     ('pageout of locked memory', pageout_locked),
     ('pageout spares what is young', spare_young)] +
    [(f'{action} of {kind} memory', lambda w=wanted, o=other, k=kind, m=memory: lru(w, o, k, m))
     for kind, memory in (('anon', 'anon'), ('huge', 'anon'), ('shared', 'anon'),
                          ('file', 'file'))
     for action, wanted, other in (('lru_prio', 'active', 'inactive'),
                                   ('lru_deprio', 'inactive', 'active'))] +
    [(f'{action} of {kind} memory', lambda a=action, k=kind: migrate(a, k))
     for action in ('migrate_hot', 'migrate_cold')
     for kind in ('anon', 'huge', 'shared', 'file')] +
    [('migration to the same node', lambda: migrate_nowhere(None)),
     ('migration to no node', lambda: migrate_nowhere(-1)),
     ('migration to a node that is offline', lambda: migrate_nowhere(63)),
     ('migration to a number beyond all nodes', lambda: migrate_nowhere(1 << 30)),
     ('migration to a full node', migrate_to_full)] +
    [(f'{what} of {kind} memory of {READERS + 1} processes', lambda a=action, k=kind: a(k))
     for what, action in (('pageout', pageout_of_many), ('migration', migrate_of_many))
     for kind in ('anon', 'shared', 'same')] +
    [('stat', stat),
     ('parts of a huge page', part_of_huge)] +
    [(f'{action}, which is not supported', lambda a=action: unsupported(a))
     for action in ('willneed', 'cold', 'hugepage', 'nohugepage', 'collapse')], seconds=120)
