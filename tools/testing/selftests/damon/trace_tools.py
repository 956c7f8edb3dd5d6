#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""perf and trace-cmd record every event, and print them as readers of theirs want them."""

import os
import re
import shutil
import subprocess
import tempfile

import damon_sysfs as damon
import damon_trace as trace
from damon_test import Skip, check, equal, require, run, skip_all
from damon_workload import MIB, ticking, workload

SECONDS = 3

# event: its text
REGION = r'target_id=0 nr_regions=(?P<nr>\d+) (?P<start>\d+)-(?P<end>\d+): \d+ \d+'
TEXTS = {
    'damon_aggregated': REGION,
    'damon_region_aggregated': REGION + r' probe_hits=[0-9a-f]{2} [0-9a-f]{2}',
    'damos_before_apply':
        r'ctx_idx=0 scheme_idx=[01] target_idx=0 nr_regions=\d+ \d+-\d+: \d+ \d+',
    'damos_stat_after_apply_interval':
        r'ctx_idx=0 scheme_idx=[01] nr_tried=\d+ sz_tried=\d+ nr_applied=\d+ sz_applied=\d+ '
        r'sz_ops_filter_passed=\d+ qt_exceeds=\d+ nr_snapshots=\d+',
    'damos_esz': r'ctx_idx=0 scheme_idx=0 esz=\d+',
    'damon_monitor_intervals_tune': r'sample_us=\d+',
}
EVENTS = [f'damon:{name}' for name in TEXTS]

# tool: words to record events and to print them (FILE: where), a line of what it prints
TOOLS = {
    'perf': (['perf', 'record', '-q', '-a', '-o', 'FILE',
              *(word for event in EVENTS for word in ('-e', event))],
             ['perf', 'script', '-i', 'FILE'],
             r'\s*(?P<comm>\S+) +(?P<pid>\d+) +\[\d+\] +(?P<time>\d+\.\d+): +'
             r'damon:(?P<event>\w+): (?P<text>.*?)\s*'),
    'trace-cmd': (['trace-cmd', 'record', '-q', '-o', 'FILE',
                   *(word for event in EVENTS for word in ('-e', event))],
                  ['trace-cmd', 'report', '-q', '-i', 'FILE'],
                  r'\s*(?P<comm>\S+)-(?P<pid>\d+) +\[\d+\](?: \S+)? +(?P<time>\d+\.\d+): +'
                  r'(?P<event>\w+): +(?P<text>.*?)\s*'),
}


def context(pid):
    """One in which everything happens that there are events of."""
    goal = {'access_bp': 5000, 'aggrs': 1, 'min_sample_us': 1000, 'max_sample_us': 20000}
    attrs = {'intervals': {**damon.intervals(5000, 100000), 'intervals_goal': goal},
             'probes': [damon.probe(damon.filter_of('anon', allow=True)), damon.probe()]}
    quotas = damon.quotas(reset_interval_ms=100, goals=[damon.goal('user_input', 10000, 5000)])
    return damon.context([pid], [damon.stat_scheme(quotas=quotas),
                                 damon.stat_scheme()], attrs=attrs)


def call(words, file):
    """What a command prints."""
    words = [file if word == 'FILE' else word for word in words]
    done = subprocess.run(words, capture_output=True, text=True, errors='replace', check=False)
    check(not done.returncode, f'{words} fails: {done.stderr}')
    return done.stdout.splitlines()


def recorded(tool):
    """(lines, pid of the kdamond)"""
    record, report, _ = TOOLS[tool]
    with ticking(), workload(16 * MIB) as work, tempfile.TemporaryDirectory() as directory:
        work.hot((0, 8 * MIB))
        kdamond, = damon.kdamonds(context(work.pid))
        kdamond.start()
        call(record + ['sleep', str(SECONDS)], f'{directory}/record')
        pid = kdamond.pid()
        kdamond.stop()
        return [line for line in call(report, f'{directory}/record')
                if ': ' in line and 'cpus=' not in line], pid


def check_bursts(regions):
    """Of each aggregation all regions, but perhaps of the first and the last."""
    begins = [i for i, r in enumerate(regions) if not i or r['start'] < regions[i - 1]['end']]
    for first, last in zip(begins[1:], begins[2:]):
        equal('regions of an aggregation', {r['nr'] for r in regions[first:last]}, {last - first})
    check(len(begins) > 2, f'{len(begins)} aggregations')


def record_and_print(tool):
    if not shutil.which(tool):
        raise Skip(f'no {tool}')
    lines, pid = recorded(tool)
    found = {name: [] for name in TEXTS}
    last = 0
    for line in lines:
        outer = re.fullmatch(TOOLS[tool][2], line)
        check(outer and outer['event'] in TEXTS, f'malformed: {line!r}')
        equal(f'thread in {line!r}', (outer['comm'], int(outer['pid'])), ('kdamond.0', pid))
        check(float(outer['time']) >= last, f'earlier than the one before: {line!r}')
        last = float(outer['time'])
        inner = re.fullmatch(TEXTS[outer['event']], outer['text'])
        check(inner, f'text of {line!r}')
        found[outer['event']].append({k: int(v) for k, v in inner.groupdict().items()})
    print(f'# {tool}: ' + ', '.join(f'{len(items)} {name}' for name, items in found.items()))
    equal('events never seen', [name for name, items in found.items() if not items], [])
    check_bursts(found['damon_aggregated'])
    check_bursts(found['damon_region_aggregated'])


require(memory=64 * MIB)
if not os.path.isdir('/sys/kernel/tracing'):
    skip_all('no tracefs in this kernel')
if not trace.available():
    skip_all('no DAMON events in tracefs')
run([(f'{tool} records and prints every event', lambda t=tool: record_and_print(t))
     for tool in TOOLS], 120)
