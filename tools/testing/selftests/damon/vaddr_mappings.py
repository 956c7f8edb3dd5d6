#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Each way to map memory, with known accesses: the first half is hot, the other is not.

usage: vaddr_mappings.py [WORD..], for the cases that have one of them in their name
"""

import contextlib
import os
import re
import subprocess
import sys
import time

import damon_sysfs as damon
from damon_test import check, equal, require, run, Skip
from damon_workload import helper, MIB, overlap, ticking
from vaddr_process import counter, huge_pages, setting, smaps

THP = '/sys/kernel/mm/transparent_hugepage'
# Who shares a page is a guess of the kernel.
HUGETLB = ('Private_Hugetlb', 'Shared_Hugetlb')
# samples an aggregation
SAMPLES = 20
# On a busy machine those who touch memory may have to wait.
PATIENCE = 5


@contextlib.contextmanager
def mapped(kind, size, *path):
    with helper('vaddr_map', kind, size, *path, stdout=subprocess.PIPE, text=True) as proc:
        line = proc.stdout.readline()
        check(line, f'{kind} cannot be mapped')
        yield proc.pid, int(line, 16)


def mean(regions, start, end):
    """nr_accesses of the bytes of a range."""
    return sum(r.nr_accesses * overlap(r.start, r.end, [(start, end)])
               for r in regions) / (end - start)


def measure(operations, pid, start, size, borders=32):
    step = size // borders
    parts = [(start + i * step, start + (i + 1) * step) for i in range(borders)]
    attrs = {'intervals': damon.intervals(5000, 5000 * SAMPLES),
             'nr_regions': {'min': borders, 'max': borders}}
    kdamond, = damon.kdamonds(damon.context([damon.target(pid, parts)], [damon.stat_scheme()],
                                            operations, attrs=attrs))
    kdamond.start()
    time.sleep(0.5)
    snapshots = [kdamond.snapshot() for _ in range(5)]
    kdamond.stop()
    half = start + size // 2
    hot = sorted(mean(s, start, half) for s in snapshots)[2]
    cold = sorted(mean(s, half, start + size) for s in snapshots)[2]
    print(f'# hot half {hot:.1f}, cold half {cold:.1f} of {SAMPLES}')
    return hot, cold


def mthp_allocated():
    return counter(f'{THP}/hugepages-64kB/stats/anon_fault_alloc')


def tells(operations, kind, size, setup=contextlib.nullcontext, huge_kb=(0,), path=(),
          allocated=None):
    """The halves are told apart, and the kernel did map the memory as wanted."""
    before = allocated and allocated()
    with setup(), ticking(), mapped(kind, size, *path) as (pid, start):
        if allocated and allocated() < before + size // (64 << 10):
            raise Skip('no folios of 64 kB')
        *fields, wanted = huge_kb
        found = sum(smaps(pid, start, field) for field in fields)
        if found < wanted:
            raise Skip(f'{" + ".join(fields)} is {found} kB, not {wanted}')
        for _ in range(PATIENCE):
            hot, cold = measure(operations, pid, start, size)
            if hot >= 0.5 * SAMPLES:
                break
    check(hot >= 0.5 * SAMPLES, f'hot half: {hot:.1f} of {SAMPLES}')
    check(cold <= 0.1 * SAMPLES, f'cold half: {cold:.1f} of {SAMPLES}')


def nothing_to_see(operations, kind, size):
    """The zero page is no memory of the process."""
    with ticking(), mapped(kind, size) as (pid, start):
        equal('halves', measure(operations, pid, start, size), (0, 0))


def pfn_mappings_are_skipped(operations):
    """What has no struct pages: the time page of the vDSO, read all the time."""
    with ticking(), subprocess.Popen(['python3', '-c', 'import time\nwhile True: time.time()']
                                     ) as proc:
        try:
            time.sleep(0.2)
            with open(f'/proc/{proc.pid}/maps', encoding='ascii') as f:
                vvar = re.search(r'^([0-9a-f]+)-([0-9a-f]+) .*\[vvar\]$', f.read(), re.M)
            if not vvar:
                raise Skip('no [vvar]')
            start, end = (int(x, 16) for x in vvar.groups())
            equal('accesses', measure(operations, proc.pid, start, end - start, 4), (0, 0))
        finally:
            proc.kill()


def mthp():
    path = f'{THP}/hugepages-64kB/enabled'
    stack = contextlib.ExitStack()
    for entry in sorted(os.listdir(THP)):
        if os.path.exists(f'{THP}/{entry}/enabled'):
            stack.enter_context(setting(f'{THP}/{entry}/enabled', 'never'))
    stack.enter_context(setting(path, 'always'))
    return stack


def file_path():
    return [os.path.join(os.environ.get('TMPDIR', '/tmp'), 'damon_vaddr_map')]


def cases():
    for ops in ('vaddr', 'fvaddr'):
        for kind, size, kwargs in (
                ('small', 32 * MIB, {}),
                ('thp', 64 * MIB, {'huge_kb': ('AnonHugePages', 64 << 10)}),
                ('mthp', 32 * MIB, {'setup': mthp, 'allocated': mthp_allocated}),
                ('hugetlb', 64 * MIB, {'setup': lambda: huge_pages(2048, 32),
                                       'huge_kb': (*HUGETLB, 64 << 10)}),
                ('hugetlb1g', 2048 * MIB, {'setup': lambda: huge_pages(1 << 20, 2),
                                           'huge_kb': (*HUGETLB, 2 << 20)}),
                ('shmem', 32 * MIB, {}),
                ('shmthp', 64 * MIB, {'huge_kb': ('ShmemPmdMapped', 64 << 10), 'setup': lambda:
                                      setting(f'{THP}/shmem_enabled', 'advise')}),
                ('file', 32 * MIB, {'path': file_path()})):
            yield (f'{ops}: {kind}',
                   lambda o=ops, k=kind, s=size, a=kwargs: tells(o, k, s, **a))
        yield f'{ops}: zero page', lambda o=ops: nothing_to_see(o, 'zero', 32 * MIB)
        yield f'{ops}: without pages', lambda o=ops: pfn_mappings_are_skipped(o)


require(memory=300 * MIB)
run(cases(), seconds=120, words=sys.argv[1:])
