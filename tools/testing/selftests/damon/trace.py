#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The tracepoints of monitoring: record layouts, texts, order and completeness of bursts."""

import itertools
import os
import re
import time

import damon_sysfs as damon
import damon_trace as trace
from damon_test import check, equal, require, run, skip_all, wait_until
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


def events_in(path):
    with open(f'{path}/trace', encoding='ascii') as f:
        return [line for line in f if not line.startswith('#')]


def record_two_targets(aggregations):
    """Trace text of two targets, the first with a hot area, under default attributes."""
    with ticking(), workload(32 * MIB) as hot, workload(16 * MIB) as cold:
        hot.hot((0, 8 * MIB))
        kdamond, = damon.kdamonds(damon.context([hot.pid, cold.pid]))
        with trace.instance('damon_selftest') as path:
            kdamond.start()
            check(wait_until(lambda: nr_bursts(events_in(path)) > 2 * aggregations, 30),
                  'hardly any events')
            kdamond.stop()
            return events_in(path), hot


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


def nr_bursts(lines):
    return len(list(bursts(filter(None, map(trace.parse, lines)))))


def events():
    lines, hot = record_two_targets(20)
    records = [trace.parse(line) for line in lines]
    bad = [line for line, record in zip(lines, records) if not record]
    equal('malformed lines', bad[:3], [])
    groups = list(bursts(records))
    print(f'# {len(records)} events in {len(groups)} bursts')
    for group in groups:
        equal('nr_regions in one burst', {r.nr_regions for r in group}, {len(group)})
        for left, right in zip(group, group[1:]):
            check(left.end <= right.start and left.time <= right.time, f'{left}, then {right}')
        check(all(r.start < r.end and r.nr_accesses <= 20 for r in group), f'odd: {group}')
    equal('targets take turns', [g[0].target_id for g in groups],
          [i for i, _ in zip(itertools.cycle((0, 1)), groups)])
    took, intervals = groups[-1][0].time - groups[0][0].time, (len(groups) - 1) // 2
    check(took > 0.09 * intervals, f'{intervals} aggregations of 100 ms in {took} s')
    most = max(r.nr_accesses for r in records if r.target_id == 0)
    check(most and any(r.start < hot.start + 8 * MIB and r.end > hot.start for r in records
                       if (r.target_id, r.nr_accesses) == (0, most)),
          f'nothing with {most} accesses is at {hot.start}')


IDLE = damon.watermarks('free_mem_rate', 50000, 1, 1, 0)
PROBES = {'monitoring_attrs': {'probes': [damon.probe(damon.filter_of('anon'))]}}
# what, event, changes of the context that silence it, and that bring it back
SILENT = (
    ('while paused', 'damon_aggregated', {'pause': 'Y'}, {'pause': 'N'}),
    ('while no scheme is active', 'damon_aggregated',
     {'schemes': [damon.stat_scheme(watermarks=IDLE)]}, {'schemes': [damon.stat_scheme()]}),
    ('without probes', 'damon_region_aggregated', {'monitoring_attrs': {'probes': []}}, PROBES),
)


def silent(event, quiet, loud):
    with ticking(), workload(16 * MIB) as work, trace.instance('damon_selftest') as path:
        trace.put(f'{path}/{trace.EVENT}/enable', 0)
        trace.put(f'{path}/events/damon/{event}/enable', 1)
        kdamond, = damon.kdamonds(damon.context([work.pid], [damon.stat_scheme()]))
        kdamond.start()
        kdamond.commit(**loud)
        check(wait_until(lambda: events_in(path)), 'never an event')
        kdamond.commit(**quiet)
        kdamond.stats()
        trace.put(f'{path}/trace', '')
        time.sleep(0.5)
        found = events_in(path)
        kdamond.commit(**loud)
        back = wait_until(lambda: events_in(path))
        trace.put(f'{path}/events/damon/{event}/enable', 0)
    equal('events', found, [])
    check(back, 'no event any more')


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
     ('text, order and bursts', events), ('silent when off', silent_when_off),
     *((f'{event}: none {what}', lambda r=(event, *row): silent(*r))
       for what, event, *row in SILENT)])
