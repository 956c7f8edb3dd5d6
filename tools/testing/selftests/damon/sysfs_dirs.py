#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Directories made by nr_ files: growth, removal, reset, failure, and removal during a run."""

import os
import subprocess
import threading

import damon_sysfs as damon
from damon_test import Skip, check, equal, require, run, wait_until
from damon_workload import MIB, ticking, workload

K = 'kdamonds/0'
C = K + '/contexts/0'
S = C + '/schemes/0'

# directory, its nr_ file, how many children it takes, a file below a child, its default
DIRS = (
    ('kdamonds', 'nr_kdamonds', 3, 'state', 'off'),
    (K + '/contexts', 'nr_contexts', 1, 'monitoring_attrs/intervals/sample_us', '5000'),
    (C + '/targets', 'nr_targets', 3, 'pid_target', '0'),
    (C + '/targets/0/regions', 'nr_regions', 3, 'start', '0'),
    (C + '/monitoring_attrs/probes', 'nr_probes', 4, 'weight', '0'),
    (C + '/monitoring_attrs/probes/0/filters', 'nr_filters', 3, 'path', ''),
    (C + '/schemes', 'nr_schemes', 3, 'access_pattern/sz/max', '0'),
    (S + '/dests', 'nr_dests', 3, 'weight', '0'),
    (S + '/quotas/goals', 'nr_goals', 3, 'target_value', '0'),
    (S + '/filters', 'nr_filters', 3, 'memcg_path', ''),
    (S + '/core_filters', 'nr_filters', 3, 'addr_end', '0'),
    (S + '/ops_filters', 'nr_filters', 3, 'max', '0'),
)

# commands that are about the directories of schemes
SCHEME_COMMANDS = ('update_schemes_stats', 'update_schemes_effective_quotas',
                   'update_schemes_tried_regions', 'update_schemes_tried_bytes',
                   'clear_schemes_tried_regions')

# nr_ files with a largest number
LIMITED = ('nr_contexts', 'nr_probes')


def children(directory):
    return sorted(n for n in os.listdir(f'{damon.ADMIN}/{directory}') if n.isdigit())


def make_parents(directory):
    """Everything around it: kdamonds, contexts, targets, schemes."""
    for parent, nr, *_ in DIRS:
        if parent != directory and os.path.commonpath([parent, directory]) == parent:
            damon.write(f'{parent}/{nr}', 1)


def check_children(directory, nr, wanted):
    equal(f'children of {directory}', children(directory), [str(i) for i in range(wanted)])
    equal(f'{directory}/{nr}', damon.read(f'{directory}/{nr}'), str(wanted))


def grow_and_shrink(directory, nr, most):
    make_parents(directory)
    for wanted in (1, most, 1, 0, most, 0):
        damon.write(f'{directory}/{nr}', wanted)
        check_children(directory, nr, wanted)


def rewriting_resets(directory, nr, name, default):
    make_parents(directory)
    damon.write(f'{directory}/{nr}', 1)
    path = f'{directory}/0/{name}'
    equal(path, damon.read(path), default)
    if name != 'state':
        damon.write(path, 77)
        equal(f'{path} after a write', damon.read(path), '77')
    else:
        damon.write(f'{directory}/0/contexts/nr_contexts', 1)
    damon.write(f'{directory}/{nr}', 1)
    equal(f'{path} after a second 1 to {nr}', damon.read(path), default)
    if name == 'state':
        check_children(f'{directory}/0/contexts', 'nr_contexts', 0)


def huge_number_fails(directory, nr):
    make_parents(directory)
    damon.write(f'{directory}/{nr}', 2)
    equal(f'2147483647 to {directory}/{nr}',
          damon.errno_of(damon.write, f'{directory}/{nr}', 2147483647), 'ENOMEM')
    check_children(directory, nr, 0)


def one_context():
    make_parents(K + '/contexts')
    damon.write(f'{K}/contexts/nr_contexts', 1)
    for wanted in (2, -1, 3):
        equal(f'{wanted} contexts',
              damon.errno_of(damon.write, f'{K}/contexts/nr_contexts', wanted), 'EINVAL')
        check_children(K + '/contexts', 'nr_contexts', 1)
        equal('operations', damon.read(f'{C}/operations'), 'vaddr')
        equal('regions max', damon.read(f'{C}/monitoring_attrs/nr_regions/max'), '1000')


def seen_growing(number):
    """Numbers read while so many directories are made, each one checked against what is there."""
    path = C + '/targets/0/regions'
    damon.write(f'{path}/nr_regions', 0)
    grower = threading.Thread(target=damon.write, args=(f'{path}/nr_regions', number))
    grower.start()
    seen = set()
    while grower.is_alive():
        nr = int(damon.read(f'{path}/nr_regions'))
        if nr:
            equal(f'the last of {nr}', [damon.read(f'{path}/{nr - 1}/{name}')
                                        for name in ('start', 'end')], ['0', '0'])
        seen.add(nr)
    grower.join()
    return seen - {0, number}


def a_number_counts_what_is_complete():
    make_parents(C + '/targets/0/regions')
    for number in (500, 5000, 50000):
        seen = seen_growing(number)
        if len(seen) > 3:
            print(f'# {len(seen)} numbers below {number}')
            return
    raise Skip('made too fast to be seen')


def who_makes_too_many_can_be_killed():
    path = C + '/targets/0/regions'
    make_parents(path)
    with subprocess.Popen(['sh', '-c', 'echo 200000 > "$0"', f'{damon.ADMIN}/{path}/nr_regions'],
                          stderr=subprocess.DEVNULL) as proc:
        begun = wait_until(lambda: int(damon.read(f'{path}/nr_regions')) > 100)
        proc.kill()
        status = proc.wait()
    if not begun or status != -9:
        raise Skip(f'made too fast, or not at all: {status}')
    check_children(path, 'nr_regions', 0)


def refused_while_running(kdamond):
    for text in ('0', '1', '2'):
        equal(f'{text} to nr_kdamonds',
              damon.errno_of(damon.write, 'kdamonds/nr_kdamonds', text), 'EBUSY')
    equal('a bad number', damon.errno_of(damon.write, 'kdamonds/nr_kdamonds', 'x'), 'EINVAL')
    check_children('kdamonds', 'nr_kdamonds', 1)
    check(kdamond.running(), 'the refused writes stopped the kdamond')


def scheme_directories_may_go(kdamond):
    damon.write(f'{C}/schemes/nr_schemes', 0)
    for command in SCHEME_COMMANDS:
        equal(f'{command} without scheme directories',
              damon.errno_of(kdamond.command, command), '')
    damon.write(f'{C}/schemes/nr_schemes', 3)
    kdamond.command('update_schemes_tried_regions')
    check(kdamond.tried_regions(0), 'a new directory of index 0 got no result')
    equal('directory without a running scheme', kdamond.tried_regions(2), [])


def target_directories_may_go(kdamond):
    damon.write(f'{C}/targets/nr_targets', 0)
    check(kdamond.snapshot(), 'no region after the target directories went')
    damon.write(f'{C}/targets/nr_targets', 2)
    check(kdamond.snapshot(), 'no region after new target directories came')


def context_directory_may_go(kdamond):
    damon.write(f'{K}/contexts/nr_contexts', 0)
    for command in ('on', 'commit', 'commit_schemes_quota_goals', 'update_tuned_intervals',
                    *SCHEME_COMMANDS):
        equal(f'{command} without a context', damon.errno_of(kdamond.command, command), 'EINVAL')
    check(kdamond.running(), 'removing the directory stopped the kdamond')


def directories_may_go_one_by_one(kdamond):
    scheme_directories_may_go(kdamond)
    target_directories_may_go(kdamond)
    context_directory_may_go(kdamond)


def while_running(action):
    with ticking(), workload(16 * MIB) as work:
        kdamond, = damon.kdamonds(damon.context([work.pid], [damon.stat_scheme()] * 2))
        kdamond.start()
        action(kdamond)
        kdamond.stop()
        check(not kdamond.running(), 'off did not stop it')


def cases():
    for directory, nr, most, name, default in DIRS:
        at = (directory, nr)
        name_of = f'{os.path.basename(directory)}/{nr}'
        yield f'{name_of} grows and shrinks', lambda a=at, m=most: grow_and_shrink(*a, m)
        yield f'{name_of}: the same number again resets', (
            lambda a=at, n=name, d=default: rewriting_resets(*a, n, d))
        if nr not in LIMITED:
            yield f'{name_of}: a huge number is ENOMEM', lambda a=at: huge_number_fails(*a)
    yield 'nr_contexts is 0 or 1', one_context
    yield 'a number counts what is complete', a_number_counts_what_is_complete
    yield 'who makes too many can be killed', who_makes_too_many_can_be_killed
    for action in (refused_while_running, scheme_directories_may_go, target_directories_may_go,
                   context_directory_may_go, directories_may_go_one_by_one):
        name = action.__name__.replace('_', ' ')
        yield f'while running: {name}', lambda a=action: while_running(a)


require()
run(cases())
