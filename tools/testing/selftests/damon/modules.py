#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The built-in users of DAMON: every parameter, starting, stopping and committing."""

import os
import random
import stat
import time

import damon_sysfs as damon
from damon_memory import ram
from damon_module import (ALL, ALWAYS, COMMANDS, MODULES, RESULTS, SCHEMERS, defaults, for_each,
                          kdamonds, number, path, present, read, reset, stop_all, write,
                          write_all, write_error)
from damon_test import check, equal, require, run
from damon_workload import MIB, helper, ticking, workload

# what is refused for a number, a boolean, and addr_unit, with its errno
BAD_NUMBERS = (('', 'EINVAL'), ('x', 'EINVAL'), ('-1', 'EINVAL'), ('1 2', 'EINVAL'),
               (str(1 << 64), 'ERANGE'))
BAD_BOOLS = (('', 'EINVAL'), ('x', 'EINVAL'), ('2', 'EINVAL'))

# parameters that make no sense, by module
REFUSED = (
    ('damon_reclaim', {'aggr_interval': 0, 'sample_interval': 0}, 'no aggregation interval'),
    ('damon_reclaim', {'sample_interval': 100001}, 'samples less often than aggregates'),
    ('damon_reclaim', {'min_nr_regions': 2}, 'too few regions'),
    ('damon_reclaim', {'max_nr_regions': 9}, 'limits cross'),
    ('damon_reclaim', {'addr_unit': 3}, 'regions of no power of two'),
    ('damon_reclaim', {'monitor_region_start': 8192, 'monitor_region_end': 4096}, 'reversed'),
    ('damon_reclaim', {'monitor_region_start': 4096, 'monitor_region_end': 4096}, 'empty'),
    ('damon_reclaim', {'autotune_monitoring_intervals': 'Y', 'aggr_interval': 0},
     'tuned, but from no aggregation interval'),
    ('damon_lru_sort', {'sample_interval': 0}, 'no sampling interval'),
    ('damon_lru_sort', {'sample_interval': 0, 'aggr_interval': 0}, 'no interval at all'),
    ('damon_lru_sort', {'max_nr_regions': 0}, 'no regions'),
    ('damon_lru_sort', {'active_mem_bp': 10001}, 'more than all active'),
)

# what a running module takes over, by itself and on top of each other
ULONG_MAX = (1 << 64) - 1
COMMITTED = {
    'wmarks_interval': ULONG_MAX, 'sample_interval': 20000, 'aggr_interval': 400000,
    'min_nr_regions': 20, 'max_nr_regions': 100, 'quota_ms': ULONG_MAX,
    'quota_reset_interval_ms': ULONG_MAX, 'wmarks_high': 1000, 'wmarks_mid': 999, 'wmarks_low': 0,
    'monitor_region_start': 1 << 20, 'monitor_region_end': 1 << 30, 'addr_unit': 8,
    'autotune_monitoring_intervals': 'Y'}
COMMITTED_OWN = {
    'damon_reclaim': {
        'min_age': ULONG_MAX, 'quota_sz': ULONG_MAX, 'quota_mem_pressure_us': ULONG_MAX,
        'quota_autotune_feedback': ULONG_MAX, 'skip_anon': 'Y'},
    'damon_lru_sort': {
        'hot_thres_access_freq': ULONG_MAX, 'cold_min_age': ULONG_MAX, 'active_mem_bp': 10000,
        'filter_young_pages': 'Y'},
}


@for_each(*ALL)
def every_parameter(module):
    files = {**dict.fromkeys(defaults(module), 0o600), 'kdamond_pid': 0o400,
             **dict.fromkeys(RESULTS[module], 0o400)}
    if module == 'damon_stat':
        files['memory_idle_ms_percentiles'] = 0o400
    equal('parameters', sorted(os.listdir(f'{MODULES}/{module}/parameters')), sorted(files))
    for name, mode in files.items():
        equal(f'mode of {name}', stat.S_IMODE(os.stat(path(module, name)).st_mode), mode)
    for name, value in defaults(module).items():
        equal(f'{module}.{name}', read(module, name), value + '\n')
    equal('pid', read(module, 'kdamond_pid'), '-1\n')


@for_each(*SCHEMERS)
def values(module):
    for name, default in defaults(module).items():
        if name in COMMANDS:
            continue
        number = default not in 'YN'
        for good in ((0, 7, (1 << 64) - 1) if number else 'YN'):
            if (name, good) == ('addr_unit', 0):
                continue
            write(module, name, good)
            equal(name, read(module, name), f'{good}\n')
        last = read(module, name)
        for bad, error in BAD_NUMBERS if number else BAD_BOOLS:
            equal(f'{name} <- {bad!r}', write_error(module, name, bad), error)
        equal(f'{name} after refusals', read(module, name), last)
        write(module, name, default)
    equal('addr_unit <- 0', write_error(module, 'addr_unit', 0), 'EINVAL')


# Work on some memory every 5 ms.
BUSY = {'sample_interval': 1000, 'aggr_interval': 5000, 'quota_reset_interval_ms': 5, **ALWAYS}
BUSY_OWN = {
    'damon_reclaim': {**BUSY, 'min_age': 0, 'quota_sz': MIB // 4},
    'damon_lru_sort': {**BUSY, 'cold_min_age': 0, 'hot_thres_access_freq': 1},
    'damon_stat': {},
}


def on_and_off(module):
    """Once, all the way."""
    write(module, 'enabled', 'Y')
    equal('enabled', read(module, 'enabled'), 'Y\n')
    time.sleep(random.uniform(0, 0.05))
    pid = number(module, 'kdamond_pid')
    with open(f'/proc/{pid}/comm', encoding='ascii') as f:
        equal('name of the thread', f.read(), 'kdamond.0\n')
    write(module, 'enabled', 'Y')
    equal('the same thread', number(module, 'kdamond_pid'), pid)
    write(module, 'enabled', 'N')
    equal('enabled', read(module, 'enabled'), 'N\n')
    equal('pid', read(module, 'kdamond_pid'), '-1\n')
    check(not os.path.exists(f'/proc/{pid}'), 'the thread is still there')


@for_each(*ALL)
def threads(module):
    equal('before', kdamonds(), [])
    write(module, 'enabled', 'Y')
    equal('threads', kdamonds(), ['kdamond.0'])
    write(module, 'enabled', 'N')
    equal('after', kdamonds(), [])
    for bad, error in BAD_BOOLS:
        equal(f'enabled <- {bad!r}', write_error(module, 'enabled', bad), error)


@for_each(*ALL)
def under_load(module):
    """While memory is used and, so as to have its folios come and go, mapped anew."""
    with ticking(), workload(64 * MIB) as work, helper('vaddr_churn', 1):
        work.hot((0, 64 * MIB))
        write_all(module, BUSY_OWN[module])
        tried = 0
        for _ in range(100):
            on_and_off(module)
            tried += bool(number(module, RESULTS[module][0]))
        check(tried or module not in SCHEMERS, 'no scheme was ever applied')


def alone():
    present(*ALL)
    with workload(MIB) as work:
        kdamond = damon.kdamonds(damon.context([work.pid]))[0]
        for module in ALL:
            reset(module)
            kdamond.start()
            equal(f'{module} beside sysfs', write_error(module, 'enabled', 'Y'), 'EBUSY')
            equal('enabled', read(module, 'enabled'), 'N\n')
            kdamond.stop()
            write(module, 'enabled', 'Y')
            equal(f'sysfs beside {module}', damon.errno_of(kdamond.start), 'EBUSY')
            for other in set(ALL) - {module}:
                equal(f'{other} beside {module}', write_error(other, 'enabled', 'Y'), 'EBUSY')
            write(module, 'enabled', 'N')


@for_each(*SCHEMERS)
def commit(module):
    equal('never a word', read(module, 'commit_inputs'), 'N\n')
    for bad, error in BAD_BOOLS:
        equal(f'commit_inputs <- {bad!r}', write_error(module, 'commit_inputs', bad), error)
    write(module, 'commit_inputs', 'N')
    write(module, 'enabled', 'Y')
    pid = read(module, 'kdamond_pid')
    for name, value in {**COMMITTED, **COMMITTED_OWN[module]}.items():
        write(module, name, value)
        equal(f'{name} <- {value}', write_error(module, 'commit_inputs', 'Y'), '')
        equal('after a commit', read(module, 'commit_inputs'), 'N\n')
    equal('the same thread', read(module, 'kdamond_pid'), pid)
    write(module, 'enabled', 'N')
    equal('commit of what has ended', write_error(module, 'commit_inputs', 'Y'), 'ECANCELED')


def refused():
    """Neither to start with, nor on the way, and what runs goes on."""
    present(*SCHEMERS)
    for module, params, why in REFUSED:
        reset(module)
        write_all(module, params)
        equal(why, write_error(module, 'enabled', 'Y'), 'EINVAL')
        equal(f'enabled, {why}', read(module, 'enabled'), 'N\n')
        reset(module)
        write(module, 'enabled', 'Y')
        pid = read(module, 'kdamond_pid')
        write_all(module, params)
        equal(f'commit: {why}', write_error(module, 'commit_inputs', 'Y'), 'EINVAL')
        equal(f'pid after a commit: {why}', read(module, 'kdamond_pid'), pid)
        equal(f'enabled after a commit: {why}', read(module, 'enabled'), 'Y\n')
        write(module, 'enabled', 'N')
        equal(f'restart: {why}', write_error(module, 'enabled', 'Y'), 'EINVAL')
        reset(module)
        equal(f'restart after all: {why}', write_error(module, 'enabled', 'Y'), '')
        reset(module)


@for_each(*SCHEMERS)
def all_system_ram(module):
    write(module, 'enabled', 'Y')
    start, end = ram()
    equal('start', number(module, 'monitor_region_start'), start)
    equal('end', number(module, 'monitor_region_end'), end)


require(memory=600 * MIB)
stop_all()
run([
    ('every parameter with its mode and default', every_parameter),
    ('values taken and refused', values),
    ('one thread while on, none while off', threads),
    ('on and off a hundred times under load', under_load),
    ('nobody beside a module', alone),
    ('every parameter committed', commit),
    ('parameters that make no sense', refused),
    ('all System RAM is monitored', all_system_ram),
], seconds=240)
