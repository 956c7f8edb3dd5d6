#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The tracepoints of monitoring: record layouts, texts, order and completeness of bursts."""

import itertools
import os
import re
import time

import damon_sysfs as damon
import damon_trace as trace
from damon_test import check, equal, require, run, skip_all
from damon_workload import MIB, ticking, workload

REGION = [('unsigned int', 'nr_accesses'), ('unsigned int', 'age')]
RANGE = [('unsigned long', 'start'), ('unsigned long', 'end')]

# event: fields, print format; those of schemes are in schemes_trace.py
LAYOUTS = {
    'damon_aggregated': (
        [('unsigned long', 'target_id'), ('unsigned int', 'nr_regions'), *RANGE, *REGION],
        '"target_id=%lu nr_regions=%u %lu-%lu: %u %u", REC->target_id, REC->nr_regions, '
        'REC->start, REC->end, REC->nr_accesses, REC->age'),
    'damon_region_aggregated': (
        [('unsigned long', 'target_id'), *RANGE, ('unsigned int', 'nr_regions'), *REGION,
         ('__data_loc unsigned char[]', 'probe_hits')],
        '"target_id=%lu nr_regions=%u %lu-%lu: %u %u probe_hits=%s", REC->target_id, '
        'REC->nr_regions, REC->start, REC->end, REC->nr_accesses, REC->age, '
        '__print_hex(__get_dynamic_array(probe_hits), __get_dynamic_array_len(probe_hits))'),
    'damon_monitor_intervals_tune': (
        [('unsigned long', 'sample_us')], '"sample_us=%lu", REC->sample_us'),
}


def layout(event):
    with open(f'{trace.TRACEFS}/events/damon/{event}/format', encoding='ascii') as f:
        text = f.read()
    fields = [f for f in re.findall(r'field:(.*?) (\w+);', text)
              if not f[1].startswith('common_')]
    equal('fields', fields, LAYOUTS[event][0])
    equal('print format', re.search(r'^print fmt: (.*)$', text, re.M)[1], LAYOUTS[event][1])
    with open(f'{trace.TRACEFS}/available_events', encoding='ascii') as f:
        check(f'damon:{event}\n' in f.readlines(), 'not in available_events')


def record_two_targets(seconds):
    """Trace text of two targets, the first with a hot area, under default attributes."""
    with ticking(), workload(32 * MIB) as hot, workload(16 * MIB) as cold:
        hot.hot((0, 8 * MIB))
        kdamond, = damon.kdamonds(damon.context([hot.pid, cold.pid]))
        with trace.instance('damon_selftest') as path:
            kdamond.start()
            time.sleep(seconds)
            kdamond.stop()
            with open(f'{path}/trace', encoding='ascii') as f:
                lines = [line for line in f if not line.startswith('#')]
    return lines, hot


def bursts(records):
    """Successive records of one target and one aggregation."""
    group = []
    for record in records:
        if group and (record.target_id != group[0].target_id or
                      len(group) == group[0].nr_regions):
            yield group
            group = []
        group.append(record)
    yield group


def events():
    lines, hot = record_two_targets(3)
    records = [trace.parse(line) for line in lines]
    bad = [line for line, record in zip(lines, records) if not record]
    equal('malformed lines', bad[:3], [])
    check(len(records) > 50, f'only {len(records)} events in 3 s')
    groups = list(bursts(records))
    print(f'# {len(records)} events in {len(groups)} bursts')
    for group in groups:
        equal('nr_regions in one burst', {r.nr_regions for r in group}, {len(group)})
        for left, right in zip(group, group[1:]):
            check(left.end <= right.start and left.time <= right.time, f'{left}, then {right}')
        check(all(r.start < r.end and r.nr_accesses <= 20 for r in group), f'odd: {group}')
    equal('targets take turns', [g[0].target_id for g in groups],
          [i for i, _ in zip(itertools.cycle((0, 1)), groups)])
    aggregations = len(groups) // 2
    check(10 <= aggregations <= 31, f'{aggregations} aggregations of 100 ms in 3 s')
    best = max((r for r in records if r.target_id == 0), key=lambda r: r.nr_accesses)
    check(best.nr_accesses and best.start < hot.start + 8 * MIB and best.end > hot.start,
          f'hottest {best} is not at {hot.start}')


def silent_when_off():
    with trace.instance('damon_selftest') as path:
        time.sleep(0.5)
        with open(f'{path}/trace', encoding='ascii') as f:
            equal('events with no kdamond', [x for x in f if not x.startswith('#')], [])


require(memory=100 * MIB)
if not os.path.isdir('/sys/kernel/tracing'):
    skip_all('no tracefs in this kernel')
if not trace.available():
    print(f'1..1\nnot ok 1 no event {trace.EVENT} in tracefs')
    raise SystemExit(1)
run([*((f'{event}: layout', lambda e=event: layout(e)) for event in LAYOUTS),
     ('text, order and bursts', events), ('silent when off', silent_when_off)])
