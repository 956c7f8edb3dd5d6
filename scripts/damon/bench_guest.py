#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Measure rows of the bench; runs in the guest.

usage: bench_guest.py PROGRAMS PASSES ROW..

PROGRAMS has bench-load and tick.  In the instruction-counted guest a nanosecond is an
instruction.  Prints a JSON object a row: its value and what tells whether it is
comparable, or why it was skipped.

The CPU time of the kdamond is taken over a number of sampling passes.  It sleeps once
a pass, so passes are counted by its voluntary context switches; that this holds is seen
in the number of them between two aggregations, which damon_aggregated events tell.  The
events are enabled outside of the measured time only.
"""
import contextlib
import itertools
import json
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.dont_write_bytecode = True
sys.path.append(os.path.join(HERE, '../../tools/testing/selftests/damon'))

import damon_sysfs as damon
import damon_trace as trace
import bench_modules
import bench_rows

SAMPLE_US, AGGR_US, NEVER_US = 20000, 400000, 10**10
PAGE = os.sysconf('SC_PAGE_SIZE')
MIB = 1 << 20
MAP_ROUNDS = 50000
LOCK_PASSES = 3
GATE_US = 100000


class Skip(Exception):
    """The kernel lacks what the row measures."""


# --- the monitored program --------------------------------------------------

class Load:
    """None at all, where a row brings its own program."""

    def __init__(self, programs, load):
        self.programs, self.size, self.proc = programs, load.mib * MIB, None
        if self.size:
            self.start_program(programs, load)

    def start_program(self, programs, load):
        self.proc = subprocess.Popen(
            [os.path.join(programs, 'bench-load'), load.pages, str(self.size),
             str(load.period_ms)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.start = int(self.proc.stdout.readline(), 16)

    def virtual(self):
        return self.start, self.start + self.size

    def physical(self):
        return busiest_range(physical_pages(self.proc.pid, *self.virtual()), self.size)

    def map_rounds(self, rounds):
        self.proc.stdin.write(f'{rounds}\n')
        self.proc.stdin.flush()
        return [int(word) for word in self.proc.stdout.readline().split()]


def physical_pages(pid, start, end):
    with open(f'/proc/{pid}/pagemap', 'rb') as f:
        f.seek(start // PAGE * 8)
        data = memoryview(f.read((end - start) // PAGE * 8)).cast('Q')
    return [(entry & (1 << 55) - 1) * PAGE for entry in data if entry >> 63]


def busiest_range(pages, most=1024 * MIB):
    """The range of System RAM, as large as they are or as most, that has most of the pages."""
    span, step = min(len(pages) * PAGE, most), 64 * MIB
    _, start = max((sum(start <= p < start + span for p in pages[::64]), start)
                   for first, last in system_ram()
                   for start in range(-(-first // step) * step, last - span + 1, step))
    return start, start + span


def system_ram():
    with open('/proc/iomem', encoding='ascii') as f:
        for line in f:
            found = re.match(r'(\w+)-(\w+) : System RAM', line)
            if found:
                yield int(found.group(1), 16), int(found.group(2), 16) + 1


# --- monitoring it ----------------------------------------------------------

def cut(start, end, count):
    """count regions of equal size, but for the rounding to pages."""
    pages = (end - start) // PAGE
    edges = [start + pages * i // count * PAGE for i in range(count + 1)]
    return list(zip(edges, edges[1:]))


def stat_schemes(schemes):
    size = () if schemes.matching else (damon.ULONG_MAX, damon.ULONG_MAX)
    return [damon.stat_scheme(sz=size, apply_interval_us=SAMPLE_US)] * schemes.count


def context(row, load):
    physical = row.ops == 'paddr'
    regions = cut(*(load.physical() if physical else load.virtual()), row.regions)
    return damon.context(
        [damon.target(0 if physical else load.proc.pid, regions)],
        stat_schemes(row.schemes), row.ops,
        {'intervals': damon.intervals(SAMPLE_US, AGGR_US, NEVER_US),
         'nr_regions': {'min': row.regions, 'max': row.regions}})


def available(kdamond, ops):
    return ops in damon.read(f'{kdamond.context}/avail_operations').split()


@contextlib.contextmanager
def staged(ctx):
    try:
        kdamond, = damon.kdamonds(ctx)
    except FileNotFoundError as e:
        raise Skip('no file ' + os.path.relpath(e.filename, damon.ADMIN)) from e
    try:
        if not available(kdamond, ctx['operations']):
            raise Skip(f'no operations set {ctx["operations"]}')
        yield kdamond
    finally:
        damon.reset()


@contextlib.contextmanager
def monitored(row, load):
    with staged(context(row, load)) as kdamond:
        kdamond.start()
        time.sleep(AGGR_US / 1e6)
        yield kdamond


# --- reading off ------------------------------------------------------------

class Usage:
    """What a thread used up so far, and when."""

    def __init__(self, pid):
        self.time_ns = time.monotonic_ns()
        with open(f'/proc/{pid}/schedstat', encoding='ascii') as f:
            self.cpu_ns, self.wait_ns = map(int, f.read().split()[:2])
        with open(f'/proc/{pid}/status', encoding='ascii') as f:
            self.sleeps = int(re.search(r'(?m)^voluntary_ctxt_switches:\s*(\d+)',
                                        f.read()).group(1))

    def until(self, other):
        return {key: getattr(other, key) - getattr(self, key) for key in vars(self)}


def over_passes(pid, passes):
    start = now = Usage(pid)
    while now.sleeps < start.sleeps + passes:
        time.sleep(SAMPLE_US / 1e6)
        now = Usage(pid)
    return start.until(now)


def bursts(lines):
    """Time, number of regions and mean accesses of each aggregation."""
    events = [line.split() for line in lines if ': damon_aggregated: ' in line]
    while events:
        count = int(events[0][-4].partition('=')[2])
        burst, events = events[:count], events[count:]
        if len(burst) == count:
            yield float(burst[0][-7][:-1]), count, sum(int(e[-2]) for e in burst) / count


def aggregations(pid, seconds):
    """Those seen in that time, and what the thread used up meanwhile."""
    with trace.instance('bench', 16384) as path:
        before = Usage(pid)
        time.sleep(seconds)
        spent = before.until(Usage(pid))
        trace.put(f'{path}/tracing_on', 0)
        with open(f'{path}/trace', encoding='ascii') as f:
            return list(bursts(f)), spent


def snapshot(pid):
    """Regions, share of the samples that saw an access, and sleeps an aggregation."""
    seen, spent = aggregations(pid, 2.6 * AGGR_US / 1e6)
    if len(seen) < 2:
        raise Skip('no two aggregations in 2.6 intervals')
    apart_ns = (seen[-1][0] - seen[0][0]) / (len(seen) - 1) * 1e9
    return {'regions': max(count for _, count, _ in seen),
            'accessed': seen[-1][2] * SAMPLE_US / AGGR_US,
            'sleeps_per_aggr': spent['sleeps'] * apart_ns / spent['time_ns']}


# --- what can be measured ---------------------------------------------------

def sampling(row, load, passes):
    with monitored(row, load) as kdamond:
        pid = kdamond.pid()
        seen = snapshot(pid)
        spent = over_passes(pid, passes)
        after, _ = aggregations(pid, 1.5 * AGGR_US / 1e6)
    pass_ns = spent['cpu_ns'] / spent['sleeps']
    return {'value': pass_ns / row.regions, 'unit': 'ns/region-sample', 'pass_ns': pass_ns,
            'regions_after': after[-1][1] if after else 0, 'sample_us': SAMPLE_US,
            'passes_per_aggr': AGGR_US / SAMPLE_US, **seen, **spent}


def mmap_loop(row, load, _):
    """What monitoring adds to the time of a program that maps and unmaps."""
    load.map_rounds(MAP_ROUNDS // 10)
    alone, _ = load.map_rounds(MAP_ROUNDS)
    with monitored(row, load) as kdamond:
        seen = snapshot(kdamond.pid())
        watched, longest = load.map_rounds(MAP_ROUNDS)
    return {'value': 100 * (watched - alone) / alone, 'unit': '% slower', 'alone_ns': alone,
            'watched_ns': watched, 'longest_ns': longest, **seen}


LOCK_EVENT = 'events/mmap_lock/mmap_lock_%s/enable'


def holds(lines):
    """Microseconds between each acquisition and its release, in the trace of one thread."""
    since = None
    for line in lines:
        words = line.split(': ', 2)
        if len(words) < 3 or not words[1].startswith('mmap_lock_'):
            continue
        now = round(float(words[0].rsplit(None, 1)[1]) * 1e6)
        if words[1] == 'mmap_lock_acquire_returned':
            since = now
        elif since is not None:
            yield now - since
            since = None


def lock_hold(row, load, _):
    """Longest time that the kdamond holds the mmap lock of its target."""
    if not os.path.exists(f'{trace.TRACEFS}/{LOCK_EVENT % "released"}'):
        raise Skip('no mmap_lock events')
    with monitored(row, load) as kdamond:
        seen = snapshot(kdamond.pid())
        with trace.instance('bench', 65536) as path:
            trace.put(f'{path}/{trace.EVENT}/enable', 0)
            trace.put(f'{path}/set_event_pid', kdamond.pid())
            for event in ('acquire_returned', 'released'):
                trace.put(f'{path}/{LOCK_EVENT % event}', 1)
            over_passes(kdamond.pid(), LOCK_PASSES)
            for event in ('acquire_returned', 'released'):
                trace.put(f'{path}/{LOCK_EVENT % event}', 0)
            with open(f'{path}/trace', encoding='ascii') as f:
                found = sorted(holds(f))
    return {'value': found[-1] if found else 0, 'unit': 'us hold', 'holds': len(found),
            'median': found[len(found) // 2] if found else 0, **seen}


def in_use():
    """Kernel memory in bytes."""
    with open('/proc/meminfo', encoding='ascii') as f:
        found = dict(line.split(':') for line in f)
    return sum(int(found[key].split()[0]) << 10
               for key in ('Slab', 'KernelStack', 'VmallocUsed', 'Percpu'))


def memory(row, load, _):
    """What the kernel holds more while monitoring, in whole pages.

    The most of three: a slab kept from the time before hides what goes into it.
    """
    found = []
    for _ in range(3):
        with staged(context(row, load)) as kdamond:
            time.sleep(0.2)
            before = in_use()
            kdamond.start()
            time.sleep(3 * AGGR_US / 1e6)
            found.append(in_use() - before)
            seen = snapshot(kdamond.pid())
    return {'value': max(found) / row.regions, 'unit': 'bytes/region', 'all': found,
            **seen}


def gated(row, load, _):
    """A second of a kdamond whose only scheme waits for memory to run short."""
    watermarks = {'metric': 'free_mem_rate', 'interval_us': GATE_US, 'high': 2, 'mid': 1, 'low': 0}
    ctx = context(row, load)
    ctx['schemes'] = [damon.stat_scheme() | {'watermarks': watermarks}]
    with staged(ctx) as kdamond:
        kdamond.start()
        time.sleep(1)
        before = Usage(kdamond.pid())
        time.sleep(5)
        spent = before.until(Usage(kdamond.pid()))
    return {'value': spent['cpu_ns'] * 1e9 / spent['time_ns'], 'unit': 'ns/s'}


def of_module(measure):
    def run(_, load, __):
        try:
            return measure(load.programs)
        except FileNotFoundError as e:
            raise Skip(f'no {e.filename}') from e
    return run


MEASURES = {f.__name__: f for f in (sampling, mmap_loop, lock_hold, memory, gated)}
MEASURES |= {name: of_module(f) for name, f in bench_modules.MEASURES.items()}


def measured(row, load, passes):
    try:
        return MEASURES[row.measure](row, load, passes)
    except Skip as e:
        return {'skipped': str(e)}


def killed(proc):
    """Kill and reap proc at the end of a block, whatever ends it."""
    stack = contextlib.ExitStack()
    if proc:
        stack.callback(proc.wait)
        stack.callback(proc.kill)
    return stack


def main():
    programs, passes, *names = sys.argv[1:]
    rows = {r.name: r for r in bench_rows.ROWS}
    groups = itertools.groupby((rows[name] for name in names), lambda row: row.load)
    with killed(subprocess.Popen([os.path.join(programs, 'tick')])):
        for wanted, group in groups:
            load = Load(programs, wanted)
            with killed(load.proc):
                for row in group:
                    result = measured(row, load, int(passes))
                    print(json.dumps({'row': row.name, **result}), flush=True)


if __name__ == '__main__':
    main()
