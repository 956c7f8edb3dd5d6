# SPDX-License-Identifier: GPL-2.0
"""Kdamonds on physical memory."""

import contextlib

import damon_sysfs as damon
from damon_memory import isolated
from damon_test import check, wait_until

FAST = {'intervals': damon.intervals(5000, 100000)}
MAX_RANGES = 32
ATTRS = {**FAST, 'nr_regions': damon.limits(10, 1000)}


def largest(ranges):
    """Few enough to be regions that are watched as long as others."""
    return sorted(sorted(ranges, key=lambda r: r[0] - r[1])[:MAX_RANGES])


def context(ranges, *schemes, attrs=None, **files):
    return damon.context([damon.target(0, ranges)], schemes, operations='paddr',
                         attrs=attrs or ATTRS, **files)


@contextlib.contextmanager
def running(ctx):
    kdamond, = damon.kdamonds(ctx)
    kdamond.start()
    yield kdamond
    check(kdamond.running(), 'the kdamond ended by itself')
    kdamond.stop()


def apply(action, ranges, filters=(), passes=1, **files):
    """Apply an action to all folios in the ranges, whatever their access; return stats."""
    scheme = damon.scheme(action, ops_filters=list(filters),
                          stats={'max_nr_snapshots': passes}, **files)
    with running(context(ranges, scheme)) as kdamond:
        check(wait_until(lambda: kdamond.stats()['nr_snapshots'] >= passes, 30), 'not done in 30 s')
        stats = kdamond.stats()
    check(wait_until(lambda: not isolated()), f'pages are still isolated: {isolated()}')
    return stats


def make_old(ranges):
    """Forget past accesses, which is what asking about them does."""
    apply('stat', ranges, [damon.filter_of('young')])
