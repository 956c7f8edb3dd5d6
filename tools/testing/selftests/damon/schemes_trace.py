#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The tracepoints of schemes: record layouts, texts, and that they say what happens."""

import contextlib
import os
import re
import time

import damon_sysfs as damon
import damon_trace as trace
from damon_memory import memory_nodes, pages
from damon_paddr import apply
from damon_test import Skip, check, equal, require, run, skip_all, wait_until
from damon_workload import MIB, ticking, workload

IDX = [('unsigned int', 'context_idx'), ('unsigned int', 'scheme_idx')]
STATS = ('nr_tried', 'sz_tried', 'nr_applied', 'sz_applied', 'sz_ops_filter_passed',
         'qt_exceeds', 'nr_snapshots')

# event: fields, text, keys of the items of its text (None: range or number)
EVENTS = {
    'damos_before_apply': (
        IDX + [('unsigned long', 'target_idx'), ('unsigned long', 'start'),
               ('unsigned long', 'end'), ('unsigned int', 'nr_accesses'),
               ('unsigned int', 'age'), ('unsigned int', 'nr_regions')],
        'ctx_idx=%u scheme_idx=%u target_idx=%lu nr_regions=%u %lu-%lu: %u %u',
        ('ctx_idx', 'scheme_idx', 'target_idx', 'nr_regions', None, None, None)),
    'damos_esz': (
        IDX + [('unsigned long', 'esz')], 'ctx_idx=%u scheme_idx=%u esz=%lu',
        ('ctx_idx', 'scheme_idx', 'esz')),
    'damos_stat_after_apply_interval': (
        IDX + [('unsigned long', name) for name in STATS],
        'ctx_idx=%u scheme_idx=%u ' + ' '.join(f'{name}=%lu' for name in STATS),
        ('ctx_idx', 'scheme_idx') + STATS),
}


def layout(event):
    fields, text, _ = EVENTS[event]
    with open(f'{trace.TRACEFS}/events/damon/{event}/format', encoding='ascii') as f:
        found = f.read()
    named = re.findall(r'field:(.*?) (\w+);', found)
    equal('fields', [f for f in named if not f[1].startswith('common_')], fields)
    equal('text', re.search(r'^print fmt: "(.*?)",', found, re.M)[1], text)
    with open(f'{trace.TRACEFS}/available_events', encoding='ascii') as f:
        check(f'damon:{event}\n' in f.readlines(), 'not in available_events')


def parsed(event, lines):
    """The events of that name, by the rules of their readers: items, and times that ascend."""
    keys, last = EVENTS[event][2], 0.0
    for line in lines:
        outer = re.match(r'\s*kdamond\.\d+-\d+\s+\[\d+\]\s+\S+\s+(\d+\.\d+): (\w+): (.*)$', line)
        check(outer, f'malformed: {line}')
        check(float(outer[1]) >= last, f'earlier than the one before: {line}')
        last = float(outer[1])
        if outer[2] != event:
            continue
        items = outer[3].split(' ')
        equal(f'items of {line}', len(items), len(keys))
        values = []
        for key, item in zip(keys, items):
            if key:
                equal(f'key in {line}', item.split('=')[0], key)
                item = item.split('=')[1]
            values += map(int, item.removesuffix(':').split('-'))
        yield values


@contextlib.contextmanager
def recorded(schemes):
    """(kdamond, function that gives the lines so far) of a program with a hot half."""
    with ticking(), workload(32 * MIB) as work, trace.instance('damon_schemes') as path:
        trace.put(f'{path}/{trace.EVENT}/enable', 0)
        work.hot((0, 16 * MIB))
        for event in EVENTS:
            trace.put(f'{path}/events/damon/{event}/enable', 1)
        kdamond, = damon.kdamonds(damon.context([work.pid], schemes))
        kdamond.start()

        def lines():
            with open(f'{path}/trace', encoding='ascii') as f:
                return [line.rstrip('\n') for line in f if not line.startswith('#')]
        try:
            yield kdamond, lines
        finally:
            for event in EVENTS:
                trace.put(f'{path}/events/damon/{event}/enable', 0)


def applications():
    """What they say of regions is in the pattern, and adds up to the statistics."""
    with recorded([damon.stat_scheme(sz=(1 << 62,)), damon.stat_scheme()]) as (kdamond, lines):
        time.sleep(2)
        kdamond.stop()
        found = lines()
    events = list(parsed('damos_before_apply', found))
    stats = list(parsed('damos_stat_after_apply_interval', found))
    check(len(events) > 50, f'only {len(events)} events')
    equal('contexts', {e[0] for e in events}, {0})
    equal('schemes that apply to something', {e[1] for e in events}, {1})
    equal('targets', {e[2] for e in events}, {0})
    for event in events:
        check(event[4] < event[5] and event[6] <= 20 and 0 < event[3] <= 1000, f'odd: {event}')
    equal('schemes take turns', [s[1] for s in stats], [0, 1] * (len(stats) // 2))
    equal('the first scheme', {tuple(s[2:6]) for s in stats if s[1] == 0}, {(0, 0, 0, 0)})
    last = [s for s in stats if s[1] == 1][-1]
    equal('nr_tried', last[2], len(events))
    equal('sz_tried', last[3], sum(e[5] - e[4] for e in events))


def whole_passes():
    """Without limits each pass is all regions, and as many as the event says."""
    with recorded([damon.stat_scheme()]) as (kdamond, lines):
        time.sleep(2)
        kdamond.stop()
        found = lines()
    group, groups = [], []
    for line in found:
        if ': damos_before_apply: ' in line:
            group += parsed('damos_before_apply', [line])
        elif ': damos_stat_after_apply_interval: ' in line:
            groups.append(group)
            group = []
    check(len(groups) > 5, f'only {len(groups)} passes')
    for group in groups:
        equal('regions', {event[3] for event in group}, {len(group)})


def effective_sizes():
    """Once for the first window, then when it changes only."""
    goal = damon.goal('user_input', 10000, 5000)
    schemes = [damon.stat_scheme(),
               damon.stat_scheme(quotas=damon.quotas(bytes=MIB, reset_interval_ms=100)),
               damon.stat_scheme(quotas=damon.quotas(reset_interval_ms=100, goals=[goal]))]
    with recorded(schemes) as (kdamond, lines):
        check(wait_until(lambda: len(list(parsed('damos_esz', lines()))) >= 6), 'too few')
        effective = kdamond.effective_bytes(1)
        kdamond.stop()
        events = list(parsed('damos_esz', lines()))
    equal('of a size', [e[2] for e in events if e[1] == 1], [MIB])
    equal('effective bytes', effective, MIB)
    equal('without a quota', [e for e in events if e[1] == 0], [])
    sizes = [e[2] for e in events if e[1] == 2]
    check(all(a < b for a, b in zip(sizes, sizes[1:])), f'of a goal: {sizes}')


MIGRATE = 'events/migrate/mm_migrate_pages'


def migrations():
    """The event that the kernel has of its own says whose they are."""
    nodes = memory_nodes()
    if len(nodes) < 2 or not os.path.isdir(f'{trace.TRACEFS}/{MIGRATE}'):
        raise Skip('needs two nodes with memory, and the event')
    with pages('anon', 4 * MIB, nodes[0]) as work, trace.instance('damon_schemes') as path:
        trace.put(f'{path}/{MIGRATE}/enable', 1)
        apply('migrate_cold', work.ranges(), target_nid=nodes[1])
        trace.put(f'{path}/{MIGRATE}/enable', 0)
        with open(f'{path}/trace', encoding='ascii') as f:
            found = [line for line in f if re.search(r'kdamond.*mm_migrate_pages: ', line)]
    check(found, 'no event')
    equal('others', [line for line in found if not line.endswith('reason=damon\n')], [])


def cases():
    for event in EVENTS:
        yield f'{event}: layout', lambda e=event: layout(e)
    for action in (applications, whole_passes, effective_sizes, migrations):
        yield action.__name__.replace('_', ' '), action


require(memory=100 * MIB)
if not os.path.isdir('/sys/kernel/tracing'):
    skip_all('no tracefs in this kernel')
if not trace.available():
    skip_all('no DAMON events in tracefs')
run(cases())
