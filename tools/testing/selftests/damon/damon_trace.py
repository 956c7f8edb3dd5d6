# SPDX-License-Identifier: GPL-2.0
"""damon_aggregated events through a tracefs instance of our own."""

import collections
import contextlib
import os
import re
import subprocess

TRACEFS = '/sys/kernel/tracing'
EVENT = 'events/damon/damon_aggregated'

Record = collections.namedtuple('Record', 'time target_id nr_regions start end nr_accesses age')
LINE = re.compile(r'^\s*(?P<comm>kdamond\.\d+)-(?P<pid>\d+)\s+\[(?P<cpu>\d+)\]\s+\S+\s+'
                  r'(?P<time>\d+\.\d+): damon_aggregated: (?P<text>.*)$')
TEXT = re.compile(r'target_id=(\d+) nr_regions=(\d+) (\d+)-(\d+): (\d+) (\d+)')


def available():
    if not os.path.isdir(f'{TRACEFS}/instances'):
        subprocess.run(['mount', '-t', 'tracefs', 'tracefs', TRACEFS], check=False,
                       capture_output=True)
    return os.path.isdir(f'{TRACEFS}/{EVENT}')


@contextlib.contextmanager
def instance(name, buffer_kb=4096):
    """A private trace buffer with only damon_aggregated enabled; gives its directory."""
    path = f'{TRACEFS}/instances/{name}'
    os.mkdir(path)
    try:
        put(f'{path}/buffer_size_kb', buffer_kb)
        put(f'{path}/{EVENT}/enable', 1)
        yield path
        put(f'{path}/{EVENT}/enable', 0)
    finally:
        os.rmdir(path)


def put(path, value):
    with open(path, 'w', encoding='ascii') as f:
        f.write(str(value))


def parse(line):
    """The record of a line of a trace file, None for headers and anything malformed."""
    outer = LINE.match(line)
    inner = outer and TEXT.fullmatch(outer['text'])
    return inner and Record(float(outer['time']), *map(int, inner.groups()))


def perf_script(line):
    """The same line the way perf script prints it."""
    m = LINE.match(line)
    return m and (f'{m["comm"]} {m["pid"]} [{m["cpu"]}] {m["time"]}: '
                  f'damon:damon_aggregated: {m["text"]}')
