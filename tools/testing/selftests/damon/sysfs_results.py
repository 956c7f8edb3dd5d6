#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Results in the files: what a refresh brings, what a filter keeps out, when none come."""

import contextlib
import threading
import time

import damon_sysfs as damon
from damon_test import check, equal, require, run, stays, wait_until
from damon_workload import MIB, ticking, workload

INTERVALS = 'monitoring_attrs/intervals'
TUNED = {**damon.intervals(5000, 100000), 'intervals_goal': {
    'access_bp': 10000, 'aggrs': 1, 'min_sample_us': 5000, 'max_sample_us': 20000}}


def monitored(pid, schemes, refresh_ms=0, **kwargs):
    kdamond, = damon.kdamonds(damon.context([pid], schemes, **kwargs))
    damon.write(f'{kdamond.path}/refresh_ms', refresh_ms)
    return kdamond.start()


def changes(read):
    before = read()
    return wait_until(lambda: read() != before)


def all_but_tried_regions_are_refreshed():
    scheme = damon.stat_scheme(quotas=damon.quotas(bytes=MIB, reset_interval_ms=100))
    with ticking(), workload(16 * MIB) as work:
        kdamond = monitored(work.pid, [scheme], 50, attrs={'intervals': TUNED})
        interval = f'{kdamond.context}/{INTERVALS}/sample_us'
        check(wait_until(lambda: int(damon.read(interval)) > 5000), 'tuned intervals are not')
        check(wait_until(lambda: kdamond.scheme('quotas/effective_bytes') == str(MIB)),
              'effective quotas are not')
        check(changes(lambda: kdamond.scheme('stats/nr_tried')), 'statistics are not')
        damon.write(interval, 1)
        check(wait_until(lambda: damon.read(interval) != '1'), 'staged intervals stay')
        equal('tried regions', kdamond.tried_regions(), [])
        equal('tried bytes', kdamond.scheme('tried_regions/total_bytes'), '0')
        kdamond.stop()
        time.sleep(0.2)
        check(stays(lambda: kdamond.scheme('stats/nr_tried')), 'it goes on after off')


def refresh_begins_at_once_when_turned_on():
    with ticking(), workload(MIB) as work:
        kdamond = monitored(work.pid, [damon.stat_scheme()])
        check(stays(lambda: kdamond.scheme('stats/nr_tried')), 'refreshed with 0')
        damon.write(f'{kdamond.path}/refresh_ms', 1 << 31)
        check(wait_until(lambda: kdamond.scheme('stats/nr_tried') != '0'),
              'the first one is not at once')
        check(stays(lambda: kdamond.scheme('stats/nr_tried'), 1), 'another one followed')
        kdamond.stop()


def the_first_refresh_comes_after_the_interval():
    """The one there was when it was turned on: to shorten it later is of no use."""
    with ticking(), workload(MIB) as work:
        kdamond = monitored(work.pid, [damon.stat_scheme()], 1 << 31)
        damon.write(f'{kdamond.path}/refresh_ms', 10)
        check(stays(lambda: kdamond.scheme('stats/nr_tried'), 1), 'refreshed at once')
        check(kdamond.stats()['nr_tried'], 'nothing to refresh')
        kdamond.stop()


def refreshes_are_in_nobodys_way():
    """Though they happen all the time, and each of them takes its time."""
    path = damon.filter_of('memcg', memcg_path='/')
    with ticking(), workload(MIB) as work:
        kdamond = monitored(work.pid, [damon.stat_scheme(filters=[path])] * 30, 1,
                            attrs={'intervals': damon.intervals(1000, 1000000)})
        name = f'{kdamond.context}/schemes/0/filters/0/memcg_path'
        for _ in range(2000):
            damon.write(name, '/')
            damon.write(f'{kdamond.context}/targets/0/regions/nr_regions', 0)
        kdamond.command('commit')
        kdamond.stop()


SLOW_US = 4000000


@contextlib.contextmanager
def waiting_walk(kdamond):
    """Somebody waits for the pass of a scheme that has one every SLOW_US, and just had one."""
    kdamond.snapshot()
    walk = threading.Thread(target=kdamond.command, args=('update_schemes_tried_regions',))
    walk.start()
    try:
        time.sleep(1)
        yield
        waiting = walk.is_alive()
    finally:
        walk.join()
    check(waiting, 'the walk was over before all was looked at')


def while_a_walk_is_waited_for():
    """No refresh, for its lock is held, and none of the last results."""
    schemes = [damon.stat_scheme(apply_interval_us=SLOW_US),
               damon.stat_scheme(apply_interval_us=10000)]
    with ticking(), workload(MIB) as work:
        kdamond = monitored(work.pid, schemes, 20)
        check(changes(lambda: kdamond.scheme('stats/nr_tried', 1)), 'no refresh')
        with waiting_walk(kdamond):
            same = stays(lambda: kdamond.scheme('stats/nr_tried', 1))
            left = kdamond.tried_regions(0), kdamond.scheme('tried_regions/total_bytes')
        check(same, 'refreshed')
        equal('tried regions of the slow scheme', left, ([], '0'))
        check(kdamond.tried_regions(0) and kdamond.tried_regions(1), 'no new ones')
        check(changes(lambda: kdamond.scheme('stats/nr_tried', 1)), 'no refresh afterwards')
        kdamond.stop()


def without_a_command_nothing_changes():
    with ticking(), workload(MIB) as work:
        kdamond = monitored(work.pid, [damon.stat_scheme()])
        kdamond.snapshot()
        check(int(kdamond.scheme('tried_regions/total_bytes')), 'no result')
        equal('nr_tried', kdamond.scheme('stats/nr_tried'), '0')
        time.sleep(0.5)
        equal('nr_tried later', kdamond.scheme('stats/nr_tried'), '0')
        kdamond.stop()


def what_a_core_filter_rejects_is_not_tried():
    with ticking(), workload(16 * MIB) as work:
        first = (work.start, work.start + 8 * MIB)
        reject = damon.filter_of('addr', addr_start=first[0], addr_end=first[1])
        kdamond = monitored(work.pid, [damon.stat_scheme(core_filters=[reject]),
                                       damon.stat_scheme()])
        kdamond.snapshot()
        found, everything = kdamond.tried_regions(0), kdamond.tried_regions(1)
        kdamond.stop()
    check(found and everything, 'no region')
    check(not any(r.start < first[1] and r.end > first[0] for r in found),
          f'{first} is in {found}')
    check(any(r.start < first[1] and r.end > first[0] for r in everything), 'nothing to reject')


def what_an_operations_filter_rejects_is_tried():
    """All of it is tried, and of all nothing passes."""
    reject = [damon.filter_of('anon', flip) for flip in (True, False)]
    with ticking(), workload(16 * MIB) as work:
        kdamond = monitored(work.pid, [damon.stat_scheme(ops_filters=reject)])
        found = kdamond.snapshot()
        kdamond.stop()
    check(sum(r.end - r.start for r in found) >= 16 * MIB, f'only {found}')
    equal('passed', sum(r.sz_filter_passed for r in found), 0)


def no_scheme_is_active():
    """Commands do not wait for the next look at the watermarks, and walks have nothing to see."""
    wmarks = damon.watermarks('free_mem_rate', 3600000000, 1, 1, 0)
    with ticking(), workload(MIB) as work:
        kdamond = monitored(work.pid, [damon.stat_scheme(watermarks=wmarks)])
        for _ in range(4):
            equal('nr_tried', kdamond.stats()['nr_tried'], 0)
        for word in ('update_schemes_tried_regions', 'update_schemes_tried_bytes'):
            equal(word, damon.errno_of(kdamond.command, word), 'ECANCELED')
        kdamond.commit(schemes=[damon.stat_scheme()])
        check(kdamond.snapshot(), 'no region without watermarks')
        kdamond.stop()


def cases():
    for action in (all_but_tried_regions_are_refreshed, refresh_begins_at_once_when_turned_on,
                   the_first_refresh_comes_after_the_interval, refreshes_are_in_nobodys_way,
                   while_a_walk_is_waited_for,
                   without_a_command_nothing_changes, what_a_core_filter_rejects_is_not_tried,
                   what_an_operations_filter_rejects_is_tried, no_scheme_is_active):
        yield action.__name__.replace('_', ' '), action


require(memory=64 * MIB)
run(cases())
