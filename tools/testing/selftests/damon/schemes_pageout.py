#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Proactive reclaim: what a program does not use is paged out bit by bit, what it uses stays."""

import re
import time

import damon_sysfs as damon
from damon_test import PAGE, Skip, check, require, run
from damon_workload import MIB, ticking, workload

SIZE = 256 * MIB
COLD = 200 * MIB
QUOTA = 32 * MIB
# As long as it goes on: emulated and loaded machines need many times as long as it takes.
SECONDS = 150
# So that all that is in use is touched between two samples.
INTERVALS = damon.intervals(20000, 400000)


def swap_free():
    with open('/proc/meminfo', encoding='ascii') as f:
        return int(re.search(r'SwapFree:\s+(\d+)', f.read())[1]) << 10


def rss(pid):
    with open(f'/proc/{pid}/statm', encoding='ascii') as f:
        return int(f.read().split()[1]) * PAGE


def major_faults(pid):
    with open(f'/proc/{pid}/stat', encoding='ascii') as f:
        return int(f.read().rsplit(')', 1)[1].split()[9])


def windows(kdamond, pid):
    """(asked at, told at, bytes applied, resident) until all that is cold has gone."""
    begin, rows = time.monotonic(), []
    while time.monotonic() - begin < SECONDS:
        asked = time.monotonic() - begin
        applied = kdamond.stats()['sz_applied']
        rows.append((asked, time.monotonic() - begin, applied, rss(pid)))
        if rows[-1][3] < SIZE - 0.9 * COLD:
            break
        time.sleep(0.5)
    return rows


def quota_kept(rows):
    """Between any two looks, no more than the windows in between and at their ends allow."""
    for i, (begin, _, before, _) in enumerate(rows):
        for _, end, after, _ in rows[i + 1:]:
            allowed = QUOTA * (int(end - begin) + 2)
            check(after - before <= allowed,
                  f'{(after - before) / MIB:.1f} MiB in {end - begin:.2f} s')


def cold_goes_hot_stays():
    if swap_free() < COLD + 32 * MIB:
        raise Skip(f'needs {COLD // MIB} MiB of swap')
    hot = SIZE - COLD
    # There is up to a gigabyte of nothing between a program and its heap, as cold as can be.
    scheme = damon.scheme('pageout', sz=(PAGE,), nr_accesses=(0, 0), age=(5,),
                          quotas=damon.quotas(bytes=QUOTA, reset_interval_ms=1000,
                                              weights=(0, 1, 1), fail_charge_num=1,
                                              fail_charge_denom=1024))
    with ticking(), workload(SIZE) as work:
        work.hot((0, hot))
        before, faults = rss(work.pid), major_faults(work.pid)
        kdamond, = damon.kdamonds(damon.context([work.pid], [scheme],
                                                attrs={'intervals': INTERVALS}))
        kdamond.start()
        rows = windows(kdamond, work.pid)
        faults = major_faults(work.pid) - faults
        after, stats = rss(work.pid), kdamond.stats()
    print('# resident and applied MiB by seconds: ' + ', '.join(
        f'{at:.0f}: {left >> 20} {applied >> 20}' for _, at, applied, left in rows[::4]))
    print(f'# {stats}')
    print(f'# resident {before / MIB:.0f} MiB, after {rows[-1][1]:.1f} s {after / MIB:.0f} MiB; '
          f'{faults} faults; exceeded {stats["qt_exceeds"]} times')
    check(before - after >= 0.8 * COLD, f'only {(before - after) / MIB:.0f} MiB went')
    check(after >= 0.9 * hot, f'of {hot / MIB:.0f} MiB in use {after / MIB:.0f} MiB are left')
    # What shares a region with cold memory, at their common border.
    check(faults <= 0.05 * hot / PAGE, f'{faults} of {hot // PAGE} pages in use were read back')
    quota_kept(rows)
    check(stats['qt_exceeds'] >= 2, f'quota exceeded {stats["qt_exceeds"]} times')


require(memory=400 * MIB)
run([('cold memory goes, hot memory stays', cold_goes_hot_stays)], seconds=300)
