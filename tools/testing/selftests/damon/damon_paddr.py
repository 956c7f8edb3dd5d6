# SPDX-License-Identifier: GPL-2.0
"""Kdamonds on physical memory."""

import contextlib

import damon_sysfs as damon
from damon_memory import vmstat
from damon_test import check, wait_until

FAST = {'intervals': damon.intervals(5000, 100000)}
ATTRS = {**FAST, 'nr_regions': damon.limits(10, 1000)}


def isolated():
    return vmstat('nr_isolated_anon') + vmstat('nr_isolated_file')


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


def once(action, ranges, filters=(), **files):
    """Apply an action to all folios in the ranges once, whatever their access; return stats."""
    scheme = damon.scheme(action, ops_filters=list(filters),
                          stats={'max_nr_snapshots': 1}, **files)
    with running(context(ranges, scheme)) as kdamond:
        check(wait_until(lambda: kdamond.stats()['nr_snapshots'], 30), 'no pass in 30 s')
        stats = kdamond.stats()
    check(wait_until(lambda: not isolated()), f'{isolated()} pages are still isolated')
    return stats
