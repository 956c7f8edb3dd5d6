#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Record what DAMON reports of patterns of bench-accuracy; runs in the guest.

usage: accuracy_guest.py PROGRAMS SEED ROUNDS ROW..

Leaves the damon_aggregated events of a round of a row in the directory that is shared
with the host, and prints a JSON object: where they are, and what was done when.  Then
measures, without events, what a pass of the kdamond costs.
"""
import array
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.dont_write_bytecode = True
sys.path.append(os.path.join(HERE, '../../tools/testing/selftests/damon'))

import accuracy_rows as rows
import bench_guest
import damon_sysfs as damon
import damon_trace as trace

SHARE = '/run/share'
COST_S = 1


class Load:
    def __init__(self, programs, memory):
        mib = 1 << 20
        sizes = [memory.mib * mib] + ([memory.file_mib * mib] if memory.file_mib else [])
        self.proc = subprocess.Popen(
            [os.path.join(programs, 'bench-pattern'), memory.kind, *map(str, sizes)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.start = int(self.proc.stdout.readline(), 16)

    def access(self, parts):
        """Returns since when, in ns."""
        self.proc.stdin.write(rows.line(parts))
        self.proc.stdin.flush()
        return int(self.proc.stdout.readline())


def go_through(load, phases):
    """Since when which phase was; ends with the last one."""
    since = []
    for i, phase in enumerate(phases):
        since.append(load.access(phase.parts) if i else time.monotonic_ns())
        time.sleep(phase.seconds)
    return since


def cost(pid):
    before = bench_guest.Usage(pid)
    time.sleep(COST_S)
    spent = before.until(bench_guest.Usage(pid))
    return spent['cpu_ns'] / max(spent['sleeps'], 1)


def watched(row, load, path):
    """The target, where what is watched begins, and where its pages are if that is physical."""
    if row.ops != 'paddr':
        return damon.target(load.proc.pid), load.start, {}
    size = row.memory.mib << 20
    pages = bench_guest.physical_pages(load.proc.pid, load.start, load.start + size)
    with open(path, 'wb') as f:
        array.array('Q', pages).tofile(f)
    start, end = bench_guest.busiest_range(pages)
    return damon.target(0, [(start, end)]), start, {'pages': os.path.basename(path)}


def record(row, seed, load, path):
    phases = rows.phases(row, seed)
    load.access(phases[0].parts)
    time.sleep(0.2)
    target, area, where = watched(row, load, path.replace('.trace', '.pages'))
    kdamond, = damon.kdamonds(damon.context([target], operations=row.ops))
    with trace.instance('accuracy', 32768) as buffer:
        trace.put(f'{buffer}/trace_clock', 'mono')
        kdamond.start()
        since = go_through(load, phases)
        end = time.monotonic_ns()
        trace.put(f'{buffer}/tracing_on', 0)
        with open(f'{buffer}/trace', encoding='ascii') as f, open(path, 'w', encoding='ascii') as to:
            shutil.copyfileobj(f, to)
    pass_ns = cost(kdamond.pid())
    damon.reset()
    return {'since_ns': since, 'end_ns': end, 'pass_ns': pass_ns, 'area': area, **where}


def prepare():
    trace.available()
    with contextlib.suppress(OSError):
        trace.put('/sys/kernel/mm/transparent_hugepage/shmem_enabled', 'advise')


def main():
    programs, seed, rounds, *names = sys.argv[1:]
    prepare()
    with bench_guest.killed(subprocess.Popen([os.path.join(programs, 'tick')])):
        for row in (r for r in rows.ROWS if r.name in names):
            load = Load(programs, row.memory)
            with bench_guest.killed(load.proc):
                for i in range(int(seed), int(seed) + int(rounds)):
                    name = f'{row.name}-{i}.trace'
                    result = record(row, i, load, os.path.join(SHARE, name))
                    print(json.dumps({'row': row.name, 'seed': i, 'trace': name, **result}),
                          flush=True)


if __name__ == '__main__':
    main()
