#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Changes of a running kdamond: commit, goals, pause; and results fetched from it."""

import contextlib
import os
import shutil
import subprocess
import time

import damon_sysfs as damon
from damon_test import Skip, cgroup, check, equal, require, run, stays, wait_until
from damon_workload import MIB, ticking, workload

GIB = 1 << 30


@contextlib.contextmanager
def monitored(*schemes, **kwargs):
    """A kdamond on a live program."""
    with ticking(), workload(16 * MIB) as work:
        kdamond, = damon.kdamonds(damon.context([work.pid], schemes or [damon.stat_scheme()],
                                                **kwargs))
        kdamond.start()
        yield kdamond


def first_scheme(**files):
    return {'schemes': [damon.stat_scheme(**files)]}


def commit_acts():
    with monitored() as kdamond:
        check(kdamond.snapshot(), 'no region before')
        kdamond.commit(**first_scheme(sz=(1, 1)))
        equal('regions of one byte', kdamond.snapshot(), [])
        kdamond.commit(**first_scheme())
        check(kdamond.snapshot(), 'no region after')


# what, a bad change below the context
REFUSED = (
    ('limits of regions cross', {'monitoring_attrs': {'nr_regions': damon.limits(11, 10)}}),
    ('2 regions', {'monitoring_attrs': {'nr_regions': damon.limits(2, 10)}}),
    ('tuning out of bounds', {'monitoring_attrs': {'intervals': {'intervals_goal': {
        'aggrs': 1, 'min_sample_us': 6000, 'max_sample_us': 7000}}}}),
    ('no such cgroup for a probe', {'monitoring_attrs': {'probes': [
        damon.probe(damon.filter_of('memcg', path='/damon-none'))]}}),
    ('weights too large', {'monitoring_attrs': {'probes': [damon.probe(weight=1 << 31)] * 2}}),
    ('no such process', {'targets': [damon.target(1 << 22)]}),
    ('overlapping regions', {'targets': [damon.target(1, ((0, 8192), (4096, 12288)))]}),
    ('address range upside down', first_scheme(
        core_filters=[damon.filter_of('addr', addr_start=2, addr_end=1)])),
    ('sizes upside down', first_scheme(
        ops_filters=[damon.filter_of('hugepage_size', min=2, max=1)])),
    ('no such cgroup', first_scheme(
        filters=[damon.filter_of('memcg', memcg_path='/damon-none')])),
    ('cgroup not named', first_scheme(filters=[damon.filter_of('memcg')])),
    ('no such cgroup for a goal', first_scheme(quotas=damon.quotas(
        goals=[damon.goal('node_memcg_used_bp', 1, nid=0, path='/damon-none')]))),
    ('goal of another operations set', first_scheme(quotas=damon.quotas(
        goals=[damon.goal('node_eligible_mem_bp', 1)]))),
    ('obsolete target that is not there', {'targets': [
        damon.target(1), damon.target(1, obsolete=True)]}),
)


def refused_changes_nothing():
    with monitored() as kdamond:
        pid = damon.read(f'{kdamond.context}/targets/0/pid_target')
        for what, change in REFUSED:
            kdamond.stage(damon.context([pid], [damon.stat_scheme()]))
            kdamond.commit()
            nr_tried = kdamond.stats()['nr_tried']
            equal(what, damon.errno_of(lambda c=change: kdamond.commit(**c)), 'EINVAL')
            check(kdamond.running(), f'{what}: it ended')
            check(wait_until(lambda n=nr_tried: kdamond.stats()['nr_tried'] > n),
                  f'{what}: the scheme is not applied any more')


def schemes_may_all_go():
    rich = damon.stat_scheme(
        quotas=damon.quotas(100, MIB, 100, (1, 2, 3), [damon.goal('user_input', 10)]),
        watermarks=damon.watermarks('free_mem_rate', 1000000, 1000, 999, 0),
        filters=[damon.filter_of('anon'), damon.filter_of('addr', addr_end=4096)],
        dests=[damon.dest(0, 1), damon.dest(1, 2)])
    with monitored(rich, rich) as kdamond:
        equal('walk', damon.errno_of(kdamond.snapshot), '')
        kdamond.commit(schemes=[])
        equal('walk without schemes', damon.errno_of(kdamond.snapshot), 'ECANCELED')
        check(kdamond.running(), 'it ended')


def all_may_go():
    """Of physical memory, which has no process whose end would end it."""
    kdamond, = damon.kdamonds(damon.context(
        [-1], [damon.stat_scheme(quotas=damon.quotas(bytes=MIB, reset_interval_ms=100))] * 2,
        'paddr'))
    if 'paddr' not in damon.read(f'{kdamond.context}/avail_operations').split():
        raise Skip('no paddr')
    kdamond.start()
    kdamond.commit(targets=[], schemes=[])
    equal('walk without schemes', damon.errno_of(kdamond.snapshot), 'ECANCELED')
    kdamond.commit(schemes=[damon.stat_scheme()])
    equal('regions without targets', kdamond.snapshot(), [])
    check(kdamond.running(), 'it ended')


def obsolete_target_goes():
    """What is left stays in order, which is not that of the addresses."""
    with ticking(), workload(MIB) as work:
        places = (3, 1, 2)

        def target(i, **kwargs):
            start = places[i] * GIB
            return damon.target(work.pid, ((start, start + 16 * MIB),), **kwargs)

        def seen():
            return list(dict.fromkeys(r.start // GIB for r in kdamond.snapshot()))

        kdamond, = damon.kdamonds(damon.context(map(target, range(3)), [damon.stat_scheme()],
                                                'fvaddr'))
        kdamond.start()
        equal('targets before', seen(), [3, 1, 2])
        kdamond.commit(targets=[target(0), target(1, obsolete=True), target(2)])
        equal('targets after', seen(), [3, 2])


@contextlib.contextmanager
def started_in_pid_namespace():
    """Started by the process 1 of a new namespace, with the staged pid 1; which is killed then."""
    kdamond, = damon.kdamonds(damon.context([1], [damon.stat_scheme()]))
    script = 'echo on > "$0" && echo done && exec sleep 60'
    with subprocess.Popen(['unshare', '--pid', '--fork', '--kill-child', 'sh', '-c', script,
                           f'{damon.ADMIN}/{kdamond.path}/state'],
                          stdout=subprocess.PIPE, text=True) as proc:
        equal('on in another pid namespace', proc.stdout.readline(), 'done\n')
        yield kdamond
        proc.kill()


def pids_are_those_of_who_starts():
    if not shutil.which('unshare'):
        raise Skip('no unshare')
    with started_in_pid_namespace() as kdamond:
        check(kdamond.snapshot(), 'no region')
    check(wait_until(lambda: not kdamond.running()), 'not the process 1 of the namespace')
    with started_in_pid_namespace() as kdamond:
        kdamond.commit()
    time.sleep(1)
    check(kdamond.running(), 'commit does not look pids up in the first namespace')


def paused():
    with monitored() as kdamond:
        kdamond.commit(pause='True')
        nr_tried = kdamond.stats()['nr_tried']
        equal('walk', damon.errno_of(kdamond.snapshot), 'ECANCELED')
        check(kdamond.running(), 'state reads off')
        time.sleep(0.5)
        equal('nr_tried while paused', kdamond.stats()['nr_tried'], nr_tried)
        kdamond.commit(pause='False')
        check(kdamond.snapshot(), 'no region after the pause')


def statistics():
    with monitored() as kdamond:
        check(wait_until(lambda: kdamond.stats()['nr_snapshots'] > 2), 'nr_snapshots')
        before = kdamond.stats()
        check(before['sz_tried'] >= 2 * 16 * MIB, f'sz_tried of {before}')
        kdamond.commit()
        check(kdamond.stats()['nr_tried'] >= before['nr_tried'], 'commit took statistics away')


def effective_quota():
    scheme = damon.stat_scheme(quotas=damon.quotas(bytes=MIB, reset_interval_ms=100))
    with monitored(scheme) as kdamond:
        check(wait_until(lambda: kdamond.effective_bytes() == MIB), 'not that of the limit')


def goals():
    """More below the goal, less above it, also when only the goals are committed."""
    def quotas(now):
        return damon.quotas(reset_interval_ms=100, goals=[damon.goal('user_input', 10000, now)])

    with monitored(damon.stat_scheme(quotas=quotas(0))) as kdamond:
        for now, wanted in ((0, 1), (15000, -1), (5000, 1), (18000, -1)):
            path = f'{kdamond.context}/schemes/0/quotas/goals/0/current_value'
            damon.write(path, now)
            kdamond.command('commit_schemes_quota_goals')
            before = kdamond.effective_bytes()
            check(wait_until(lambda w=wanted, b=before: (kdamond.effective_bytes() - b) * w > 0 or
                             kdamond.effective_bytes() == 1 and w < 0),
                  f'{now} of 10000: stays at {before}')


def tuned_intervals():
    attrs = {'intervals': {**damon.intervals(5000, 100000), 'intervals_goal': {
        'access_bp': 10000, 'aggrs': 1, 'min_sample_us': 5000, 'max_sample_us': 20000}}}
    with monitored(attrs=attrs) as kdamond:
        path = f'{kdamond.context}/monitoring_attrs/intervals'

        def longer():
            kdamond.command('update_tuned_intervals')
            return int(damon.read(f'{path}/sample_us')) > 5000

        check(wait_until(longer), 'sample_us is not tuned')
        equal('aggr_us / sample_us', int(damon.read(f'{path}/aggr_us')) //
              int(damon.read(f'{path}/sample_us')), 20)


def nr_tried_is_refreshed(kdamond):
    before = kdamond.scheme('stats/nr_tried')
    return wait_until(lambda: kdamond.scheme('stats/nr_tried') != before, 3)


def nr_tried_stays(kdamond):
    return stays(lambda: kdamond.scheme('stats/nr_tried'), 1)


def refresh():
    with ticking(), workload(16 * MIB) as work:
        kdamond, = damon.kdamonds(damon.context([work.pid], [damon.stat_scheme()]))
        damon.write('kdamonds/0/refresh_ms', 100)
        kdamond.start()
        check(nr_tried_is_refreshed(kdamond), 'no refresh')
        damon.write('kdamonds/0/refresh_ms', 0)
        time.sleep(0.2)
        check(nr_tried_stays(kdamond), 'refreshed though turned off')
        damon.write('kdamonds/0/refresh_ms', 4294967295)
        time.sleep(0.2)
        check(nr_tried_stays(kdamond), 'refreshed before its time')
        kdamond.stop()
        damon.write('kdamonds/0/refresh_ms', 1)
        kdamond.start()
        for nr in (0, 2, 1):
            damon.write(f'{kdamond.context}/schemes/nr_schemes', nr)
            time.sleep(0.1)
        check(nr_tried_is_refreshed(kdamond), 'no refresh of a new directory')
        damon.write('kdamonds/0/contexts/nr_contexts', 0)
        time.sleep(0.1)


def cgroup_paths():
    """Only the exact path of a cgroup that exists will do."""
    with monitored() as kdamond, cgroup('damon-test') as path:
        for text, error in (('/', ''), ('/\n', ''), (path, ''), (path + '\n', ''),
                            (path + '/', 'EINVAL'), (path[1:], 'EINVAL'), ('', 'EINVAL'),
                            (path + '\n\n', 'EINVAL'), ('/' + path, 'EINVAL')):
            for change in (first_scheme(filters=[damon.filter_of('memcg')]),
                           first_scheme(quotas=damon.quotas(bytes=1, goals=[
                               damon.goal('node_memcg_free_bp', 1)]))):
                damon.stage(kdamond.context, change)
                name = 'filters/0/memcg_path' if 'filters' in change['schemes'][0] else \
                    'quotas/goals/0/path'
                damon.write(f'{kdamond.context}/schemes/0/{name}', text or '\n')
                equal(f'commit with {name} {text!r}', damon.errno_of(kdamond.commit), error)
        damon.stage(kdamond.context, first_scheme(
            filters=[damon.filter_of('memcg', memcg_path=path)]))
    with monitored(damon.stat_scheme(filters=[
            damon.filter_of('memcg', memcg_path='/')])) as kdamond:
        equal('path after on', kdamond.scheme('filters/0/memcg_path'), '/')
        for i in range(128):
            damon.write(f'{kdamond.context}/schemes/0/filters/0/memcg_path', f'/{i}')
        equal('path', kdamond.scheme('filters/0/memcg_path'), '/127')


def cases():
    for action in (commit_acts, refused_changes_nothing, schemes_may_all_go,
                   all_may_go, obsolete_target_goes, pids_are_those_of_who_starts, paused, statistics, effective_quota, goals,
                   tuned_intervals, refresh, cgroup_paths):
        yield action.__name__.replace('_', ' '), action


require()
run(cases())
