#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Schemes that refer to what has gone, or never was: they do nothing, and say so."""

import contextlib
import os

import damon_sysfs as damon
import damon_memory as memory
from damon_test import check, equal, require, run, wait_until
from damon_workload import MIB, ticking, workload

SIZE = 8 * MIB
NO_NODES = (-1, 63, 1000, 2147483647)


def grown(kdamond, names, scheme=0, passes=5):
    """By how much statistics grow in some passes."""
    before = kdamond.stats(scheme)
    kdamond.let_aggregate(passes)
    after = kdamond.stats(scheme)
    return [after[name] - before[name] for name in names]


def target():
    """A scheme for the second of two targets, until that ends."""
    only_second = damon.stat_scheme(
        core_filters=[damon.filter_of('target', allow=True, damon_target_idx=1)])
    with ticking(), workload(SIZE) as first, workload(SIZE) as second:
        kdamond, = damon.kdamonds(damon.context([first.pid, second.pid],
                                                [only_second, damon.stat_scheme()]))
        kdamond.start()
        check(wait_until(lambda: kdamond.stats()['nr_tried']), 'nothing tried')
        second.end()
        kdamond.let_aggregate(2)
        equal('tried', grown(kdamond, ['nr_tried', 'sz_tried']), [0, 0])
        check(all(grown(kdamond, ['nr_tried', 'sz_tried'], 1)), 'nor does the other scheme')


@contextlib.contextmanager
def short_lived(name):
    """A cgroup that may go before the end."""
    group = memory.Group(name)
    memory.put(f'{memory.CGROUPS}/cgroup.subtree_control', '+memory')
    os.mkdir(group.dir)
    try:
        yield group
    finally:
        if os.path.isdir(group.dir):
            os.rmdir(group.dir)


def cgroup():
    """Memory that was charged to a cgroup is nobody's once that has gone."""
    with short_lived('gone') as group:
        path = group.path
        of_group = damon.stat_scheme(
            ops_filters=[damon.filter_of('memcg', allow=True, memcg_path=path)])
        for_group = damon.stat_scheme(quotas=damon.quotas(reset_interval_ms=100, goals=[
            damon.goal('node_memcg_free_bp', 5000, nid=0, path=path)]))
        with memory.pages('anon', SIZE, in_group=group) as pages:
            kdamond, = damon.kdamonds(damon.context([pages.pid], [of_group, for_group]))
            kdamond.start()
            check(wait_until(lambda: kdamond.stats()['sz_ops_filter_passed']), 'nothing passed')
            memory.put(f'{memory.CGROUPS}/cgroup.procs', pages.pid)
            os.rmdir(group.dir)
            kdamond.let_aggregate(2)
            tried, passed = grown(kdamond, ['sz_tried', 'sz_ops_filter_passed'])
            check(tried >= SIZE, f'tried {tried} bytes only')
            equal('passed', passed, 0)
            # None of it on the node: 10000, twice the goal.
            check(wait_until(lambda: kdamond.effective_bytes(1) == 1),
                  f'quota of {kdamond.effective_bytes(1)} bytes')
            equal('commit', damon.errno_of(kdamond.commit), 'EINVAL')
            check(kdamond.running(), 'ended')


def cgroup_made_anew():
    """A name is looked up by a commit, and means what has it then; what had it does not."""
    with contextlib.ExitStack() as stack:
        group = stack.enter_context(short_lived('anew'))
        of_group = damon.stat_scheme(
            ops_filters=[damon.filter_of('memcg', allow=True, memcg_path=group.path)])
        old = stack.enter_context(memory.pages('anon', SIZE, in_group=group))
        kdamond, = damon.kdamonds(damon.context([old.pid], [of_group]))
        kdamond.start()
        check(wait_until(lambda: kdamond.stats()['sz_ops_filter_passed']), 'nothing passed')
        memory.put(f'{memory.CGROUPS}/cgroup.procs', old.pid)
        os.rmdir(group.dir)
        os.mkdir(group.dir)
        new = stack.enter_context(memory.pages('anon', SIZE, in_group=group))
        for what, pages in (('before a commit', None), ('the old one', old), ('the new one', new)):
            if pages:
                kdamond.commit(targets=[damon.target(
                    pages.pid, [(pages.start, pages.start + pages.size)])])
            kdamond.let_aggregate(2)
            passed, = grown(kdamond, ['sz_ops_filter_passed'])
            check((passed > 0) == (pages == new), f'{what}: {passed} bytes pass')


def no_node(files):
    """A migration to nowhere is tried, and takes effect on nothing."""
    scheme = damon.scheme('migrate_cold', sz=(4096,), **files)
    with ticking(), memory.pages('anon', SIZE) as pages:
        before = [pages.on_node(nid) for nid in memory.memory_nodes()]
        kdamond, = damon.kdamonds(damon.context([pages.pid], [scheme]))
        kdamond.start()
        check(wait_until(lambda: kdamond.stats()['nr_tried']), 'nothing tried')
        kdamond.let_aggregate(3)
        stats = kdamond.stats()
        kdamond.stop()
        equal('applied', (stats['nr_applied'], stats['sz_applied']), (0, 0))
        equal('bytes on nodes', [pages.on_node(nid) for nid in memory.memory_nodes()], before)
        equal('contents', pages.tell('check'), 'intact')


def goal_of_no_node():
    """All of no node is free: more than is asked for, so do no more."""
    schemes = [damon.stat_scheme(quotas=damon.quotas(reset_interval_ms=100, goals=[
        damon.goal('node_mem_free_bp', 5000, nid=nid)])) for nid in NO_NODES]
    with ticking(), workload(SIZE) as work:
        kdamond, = damon.kdamonds(damon.context([work.pid], schemes))
        kdamond.start()
        kdamond.let_aggregate(5)
        equal('quotas', [kdamond.effective_bytes(i) for i in range(len(schemes))],
              [1] * len(schemes))


def cases():
    yield 'a target', target
    yield 'a cgroup', cgroup
    yield 'a cgroup that was made anew', cgroup_made_anew
    for nid in NO_NODES:
        yield f'migration to node {nid}', lambda n=nid: no_node({'target_nid': n})
    yield 'weighted migration', lambda: no_node({'dests': [damon.dest(63, 1),
                                                           damon.dest(4294967295, 2)]})
    yield 'goal of a node', goal_of_no_node


require(memory=100 * MIB)
run(cases())
