#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Ground truth: one 64 MiB hot area in 1 GiB, all attributes default.

A region counts as hot when its nr_accesses is at least half the highest of the
snapshot.  Of repeated snapshots the median counts.
"""

import statistics

import damon_sysfs as damon
from damon_test import check, require, run
from damon_workload import MIB, overlap, ticking, workload

SIZE = 1024 * MIB
HOT = 64 * MIB
SETTLE = 40  # aggregations
SNAPSHOTS = 15

# pages, offset of the hot area
ROWS = (
    ('small', 0),
    ('small', 477 * MIB),
    ('small', 960 * MIB),
    ('huge', 477 * MIB),
    ('huge', 960 * MIB),
)


def rates(regions, start, hot):
    """(share of hot bytes found, share of cold bytes called hot) within the mapping."""
    limit = max((r.nr_accesses for r in regions), default=0) / 2
    called = [(r.start, r.end) for r in regions if r.nr_accesses >= limit > 0]
    inside = sum(overlap(s, e, [(start, start + SIZE)]) for s, e in called)
    found = sum(overlap(s, e, [hot]) for s, e in called)
    return found / HOT, (inside - found) / (SIZE - HOT)


def huge_share(pid, start):
    """Share of the mapping at start that is mapped by huge pages."""
    with open(f'/proc/{pid}/smaps', encoding='ascii') as f:
        text = f.read()
    at = text.index(f'{start:x}-')
    return int(text[at:].split('AnonHugePages:')[1].split()[0]) * 1024 / SIZE


def measure(work, offset):
    hot, = work.hot((offset, HOT))
    kdamond, = damon.kdamonds(damon.context([work.pid], [damon.stat_scheme()]))
    kdamond.start()
    kdamond.let_aggregate(SETTLE)
    samples = [rates(kdamond.snapshot(), work.start, hot) for _ in range(SNAPSHOTS)]
    kdamond.stop()
    return [statistics.median(column) for column in zip(*samples)], samples


def accurate(pages, offset):
    with ticking(), workload(SIZE, pages) as work:
        share = huge_share(work.pid, work.start)
        check(share >= 0.9 if pages == 'huge' else not share,
              f'{100 * share:.0f} % of the mapping is huge pages')
        (found, wrong), samples = measure(work, offset)
    print(f'# hot found {100 * found:.1f} %, cold called hot {100 * wrong:.2f} %; worst '
          f'{100 * min(f for f, _ in samples):.1f} %, {100 * max(w for _, w in samples):.2f} %')
    check(found >= 0.9, f'only {100 * found:.1f} % of the hot bytes found')
    check(wrong <= 0.1, f'{100 * wrong:.1f} % of the cold bytes called hot')


require(memory=SIZE + 100 * MIB)
run([(f'{pages} pages, hot at {offset // MIB} MiB', lambda r=(pages, offset): accurate(*r))
     for pages, offset in ROWS], seconds=120)
