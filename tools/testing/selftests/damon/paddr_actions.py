#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What schemes do to physical memory, by the evidence of the rest of the kernel."""

import contextlib
import time

import damon_sysfs as damon
from damon_memory import PAGE, group, memory_nodes, numbers, pages, read, vmstat
from damon_paddr import context, isolated, once, running
from damon_test import Skip, check, equal, require, run, wait_until
from damon_workload import MIB, ticking

SIZE = 16 * MIB
MOST = 0.9


def resident(work):
    return len(work.frames()) * PAGE


def intact(*works):
    for work in works:
        equal('contents', work.tell('check'), 'intact')


def pageout(kind):
    """What is in the regions is swapped; a process next to it is not."""
    with group('victim') as victims, pages(kind, SIZE, in_group=victims) as work, \
            pages(kind, SIZE) as other:
        before = vmstat('pswpout')
        stats = once('pageout', work.ranges())
        left, swapped = resident(work), vmstat('pswpout') - before
        print(f'# {left >> 10} KiB left, applied {stats["sz_applied"] >> 10} KiB')
        check(left <= (1 - MOST) * SIZE, f'{left >> 10} KiB are still resident')
        check(swapped * PAGE >= MOST * SIZE, f'only {swapped} pages swapped out')
        check(victims.swapped() >= MOST * SIZE, 'swap is not charged to the cgroup')
        check(stats['sz_applied'] >= MOST * SIZE, 'it says it did less')
        equal('the other process', resident(other), SIZE)
        intact(work, other)


def spare_young():
    """What was accessed since the last check stays."""
    with pages('anon', SIZE) as busy, pages('anon', SIZE) as idle, ticking():
        busy.tell('touch')
        scheme = damon.scheme('pageout', apply_interval_us=500000)
        with running(context(sorted(busy.ranges() + idle.ranges()), scheme)):
            check(wait_until(lambda: resident(idle) <= (1 - MOST) * SIZE, 20),
                  f'{resident(idle) >> 10} KiB of the idle process are still resident')
            time.sleep(1)
            left = resident(busy)
        check(left >= MOST * SIZE, f'only {left >> 10} KiB of the busy process left')
        intact(busy, idle)


LRU_ACTIONS = {'active_anon': 'lru_prio', 'inactive_anon': 'lru_deprio'}


def lru(wanted, other):
    """From one list to the other, and only what is in the regions."""
    with group('sorted') as ours, group('other') as others, \
            pages('anon', SIZE, in_group=ours) as work, \
            pages('anon', SIZE, in_group=others) as control:
        once(LRU_ACTIONS[other], sorted(work.ranges() + control.ranges()))
        stats = once(LRU_ACTIONS[wanted], work.ranges())
        check(wait_until(lambda: ours.stat(wanted) >= MOST * SIZE),
              f'{ours.stat(wanted) >> 10} KiB {wanted}')
        check(others.stat(other) >= MOST * SIZE, f'control: {others.stat(other) >> 10} KiB {other}')
        check(stats['sz_applied'] >= MOST * SIZE, 'it says it did less')
        intact(work, control)


def two_nodes():
    nodes = memory_nodes()
    if len(nodes) < 2:
        raise Skip('needs two nodes with memory')
    return nodes[:2]


def migrate(action, kind):
    here, there = two_nodes()
    with pages(kind, SIZE, here) as work, pages(kind, SIZE, here) as other:
        before = vmstat('pgmigrate_success')
        stats = once(action, work.ranges(), target_nid=there)
        moved = work.on_node(there)
        check(moved >= MOST * SIZE, f'only {moved >> 10} KiB moved')
        check(vmstat('pgmigrate_success') > before, 'no page was migrated')
        check(stats['sz_applied'] >= MOST * SIZE, 'it says it did less')
        equal('the other process', other.on_node(here), SIZE)
        intact(work, other)


def migrate_nowhere(nid):
    here, _ = two_nodes()
    nid = here if nid is None else nid
    with pages('anon', SIZE, here) as work:
        stats = once('migrate_cold', work.ranges(), target_nid=nid)
        equal('applied', (stats['sz_applied'], stats['nr_applied']), (0, 0))
        equal('bytes on the node', work.on_node(here), SIZE)
        intact(work)


def free_on(nid):
    text = read(f'/sys/devices/system/node/node{nid}/meminfo')
    return numbers(text.replace(f'Node {nid} ', ''))['MemFree'] << 10


def migrate_to_full():
    """All that does not fit stays where it is."""
    here, there = two_nodes()
    room = 24 * MIB
    with contextlib.ExitStack() as stack:
        work = stack.enter_context(pages('anon', 4 * SIZE, here))
        while free_on(there) > room + MIB:
            stack.enter_context(pages('anon', min(free_on(there) - room, 256 * MIB), there))
        once('migrate_hot', work.ranges(), target_nid=there)
        moved = work.on_node(there)
        print(f'# {moved >> 10} KiB of {4 * SIZE >> 10} moved')
        check(moved < 2 * room, 'more than there is room for')
        equal('bytes on both nodes', work.on_node(here) + moved, 4 * SIZE)
        equal('isolated pages', isolated(), 0)
        intact(work)


def stat():
    """Counts what passes the filters; does nothing."""
    anon = [damon.filter_of('anon', matching=True, allow=True)]
    with pages('huge', SIZE) as work, pages('shared', SIZE) as other:
        ranges = work.ranges()
        equal('passed without filters', once('stat', ranges)['sz_ops_filter_passed'], 0)
        stats = once('stat', ranges, anon)
        equal('passed', stats['sz_ops_filter_passed'], SIZE)
        equal('applied', stats['sz_applied'], 0)
        equal('passed elsewhere', once('stat', other.ranges(), anon)['sz_ops_filter_passed'], 0)
        equal('the mapping', work.ranges(), ranges)


def part_of_huge():
    """Regions that share a folio have it handled once, all of it."""
    with pages('huge', 2 * MIB) as work:
        ranges = work.ranges()
        if len(ranges) != 1:
            raise Skip('no huge page')
        start = ranges[0][0]
        parts = [(start + i * 512 * 1024, start + (i + 1) * 512 * 1024) for i in range(4)]
        stats = once('stat', parts, [damon.filter_of('anon', matching=True, allow=True)])
        equal('passed', stats['sz_ops_filter_passed'], 2 * MIB)


def unsupported(action):
    with pages('anon', SIZE) as work:
        ranges = work.ranges()
        stats = once(action, ranges)
        equal('applied', stats['sz_applied'], 0)
        check(stats['sz_tried'] == sum(e - s for s, e in ranges), 'not all was tried')
        equal('the mapping', work.ranges(), ranges)


require(memory=600 * MIB)
run([(f'pageout of {kind} memory', lambda k=kind: pageout(k))
     for kind in ('anon', 'huge', 'shared')] +
    [('pageout spares what is young', spare_young),
     ('lru_prio', lambda: lru('active_anon', 'inactive_anon')),
     ('lru_deprio', lambda: lru('inactive_anon', 'active_anon'))] +
    [(f'{action} of {kind} memory', lambda a=action, k=kind: migrate(a, k))
     for action in ('migrate_hot', 'migrate_cold') for kind in ('anon', 'huge', 'shared')] +
    [('migration to the same node', lambda: migrate_nowhere(None)),
     ('migration to no node', lambda: migrate_nowhere(-1)),
     ('migration to a node that is offline', lambda: migrate_nowhere(63)),
     ('migration to a number beyond all nodes', lambda: migrate_nowhere(1 << 30)),
     ('migration to a full node', migrate_to_full),
     ('stat', stat),
     ('parts of a huge page', part_of_huge)] +
    [(f'{action}, which is not supported', lambda a=action: unsupported(a))
     for action in ('willneed', 'cold', 'hugepage', 'nohugepage', 'collapse')], seconds=120)
