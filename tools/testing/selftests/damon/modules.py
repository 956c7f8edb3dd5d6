#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The built-in users: every parameter, starting, stopping and committing, and what they do."""

import os
import stat
import time

import damon_sysfs as damon
from damon_test import Skip, check, equal, require, run, wait_until
from damon_workload import MIB, ticking, workload

MODULES = '/sys/module'

# name: default; mode 0600, unsigned long, unless told otherwise below
SCHED = {
    'sample_interval': '5000', 'aggr_interval': '100000', 'min_nr_regions': '10',
    'max_nr_regions': '1000', 'wmarks_interval': '5000000', 'quota_ms': '10',
    'quota_reset_interval_ms': '1000', 'monitor_region_start': '0', 'monitor_region_end': '0',
    'addr_unit': '1', 'autotune_monitoring_intervals': 'N',
}
COMMANDS = {'enabled': 'N', 'commit_inputs': 'N'}
RESULTS = {
    'damon_reclaim': (
        'nr_reclaim_tried_regions', 'bytes_reclaim_tried_regions', 'nr_reclaimed_regions',
        'bytes_reclaimed_regions', 'nr_quota_exceeds'),
    'damon_lru_sort': (
        'nr_lru_sort_tried_hot_regions', 'bytes_lru_sort_tried_hot_regions',
        'nr_lru_sorted_hot_regions', 'bytes_lru_sorted_hot_regions', 'nr_hot_quota_exceeds',
        'nr_lru_sort_tried_cold_regions', 'bytes_lru_sort_tried_cold_regions',
        'nr_lru_sorted_cold_regions', 'bytes_lru_sorted_cold_regions', 'nr_cold_quota_exceeds'),
    'damon_stat': ('estimated_memory_bandwidth', 'aggr_interval_us'),
}
OWN = {
    'damon_reclaim': {
        'wmarks_high': '500', 'wmarks_mid': '400', 'wmarks_low': '200', 'min_age': '120000000',
        'quota_sz': '134217728', 'quota_mem_pressure_us': '0', 'quota_autotune_feedback': '0',
        'skip_anon': 'N'},
    'damon_lru_sort': {
        'wmarks_high': '200', 'wmarks_mid': '150', 'wmarks_low': '50',
        'hot_thres_access_freq': '500', 'cold_min_age': '120000000', 'active_mem_bp': '0',
        'filter_young_pages': 'N'},
}
SCHEMERS = tuple(OWN)

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
    ('damon_lru_sort', {'sample_interval': 0}, 'no sampling interval'),
    ('damon_lru_sort', {'active_mem_bp': 10001}, 'more than all active'),
)


def path(module, name):
    return f'{MODULES}/{module}/parameters/{name}'


def read(module, name):
    with open(path(module, name), encoding='ascii') as f:
        return f.read()


def write(module, name, value):
    fd = os.open(path(module, name), os.O_WRONLY)
    try:
        os.write(fd, (str(value) or '\n').encode())
    finally:
        os.close(fd)


def write_error(module, name, value):
    return damon.errno_of(write, module, name, value)


def present(*modules):
    for module in modules:
        if not os.path.isdir(f'{MODULES}/{module}/parameters'):
            raise Skip(f'no {module} in this kernel')


def defaults(module):
    if module not in SCHEMERS:
        return {'enabled': 'N'}
    return {**SCHED, **COMMANDS, **OWN[module]}


def reset(module):
    write(module, 'enabled', 'N')
    for name, value in defaults(module).items():
        if name not in COMMANDS:
            write(module, name, value)


def kdamonds():
    names = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/comm', encoding='ascii') as f:
                names += [f.read().strip()]
        except (FileNotFoundError, ProcessLookupError):
            pass
    return [name for name in names if name.startswith('kdamond')]


def for_each(*modules):
    """Run a case for each module, with its parameters at their defaults before and after."""
    def decorate(case):
        def whole():
            present(*modules)
            for module in modules:
                reset(module)
                try:
                    case(module)
                finally:
                    reset(module)
        return whole
    return decorate


@for_each('damon_reclaim', 'damon_lru_sort', 'damon_stat')
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


@for_each('damon_reclaim', 'damon_lru_sort', 'damon_stat')
def on_and_off(module):
    for bad, error in BAD_BOOLS:
        equal(f'enabled <- {bad!r}', write_error(module, 'enabled', bad), error)
    for _ in range(20):
        write(module, 'enabled', 'Y')
        equal('threads', len(kdamonds()), 1)
        equal('enabled', read(module, 'enabled'), 'Y\n')
        pid = int(read(module, 'kdamond_pid'))
        with open(f'/proc/{pid}/comm', encoding='ascii') as f:
            equal('name of the thread', f.read(), 'kdamond.0\n')
        write(module, 'enabled', 'Y')
        equal('the same thread', int(read(module, 'kdamond_pid')), pid)
        write(module, 'enabled', 'N')
        equal('threads', kdamonds(), [])
        equal('pid', read(module, 'kdamond_pid'), '-1\n')


def alone():
    modules = ('damon_reclaim', 'damon_lru_sort', 'damon_stat')
    present(*modules)
    with workload(MIB) as work:
        kdamond = damon.kdamonds(damon.context([work.pid]))[0]
        for module in modules:
            reset(module)
            kdamond.start()
            equal(f'{module} beside sysfs', write_error(module, 'enabled', 'Y'), 'EBUSY')
            equal('enabled', read(module, 'enabled'), 'N\n')
            kdamond.stop()
            write(module, 'enabled', 'Y')
            equal(f'sysfs beside {module}', damon.errno_of(kdamond.start), 'EBUSY')
            for other in set(modules) - {module}:
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
    write(module, 'quota_ms', 20)
    write(module, 'commit_inputs', 'Y')
    equal('after a commit', read(module, 'commit_inputs'), 'N\n')
    write(module, 'min_nr_regions', 2)
    equal('refused commit', write_error(module, 'commit_inputs', 'Y'), 'EINVAL')
    equal('goes on', read(module, 'kdamond_pid'), pid)
    write(module, 'min_nr_regions', 10)
    write(module, 'commit_inputs', 'Y')
    write(module, 'enabled', 'N')
    equal('commit of what has ended', write_error(module, 'commit_inputs', 'Y'), 'ECANCELED')


def refused():
    present(*SCHEMERS)
    for module, params, why in REFUSED:
        reset(module)
        for name, value in params.items():
            write(module, name, value)
        equal(why, write_error(module, 'enabled', 'Y'), 'EINVAL')
        equal('enabled', read(module, 'enabled'), 'N\n')
        reset(module)
        write(module, 'enabled', 'Y')
        reset(module)


@for_each(*SCHEMERS)
def all_system_ram(module):
    write(module, 'enabled', 'Y')
    start = int(read(module, 'monitor_region_start'))
    end = int(read(module, 'monitor_region_end'))
    with open('/proc/iomem', encoding='ascii') as f:
        ram = [line.split()[0].split('-') for line in f if line.rstrip().endswith(': System RAM')]
    equal('start', start, int(ram[0][0], 16))
    equal('end', end, int(ram[-1][1], 16) + 1)


def rss(pid):
    with open(f'/proc/{pid}/status', encoding='ascii') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('VmRSS')) << 10


@for_each('damon_reclaim')
def reclaims_the_cold(module):
    with open('/proc/swaps', encoding='ascii') as f:
        if len(f.readlines()) < 2:
            raise Skip('no swap')
    with ticking(), workload(256 * MIB) as work:
        work.hot((0, 256 * MIB))
        time.sleep(2)
        work.hot((0, 32 * MIB))
        before = rss(work.pid)
        for name, value in (('min_age', 1000000), ('quota_ms', 0), ('quota_sz', 1 << 30),
                            ('wmarks_high', 1000), ('wmarks_mid', 999), ('wmarks_low', 0)):
            write(module, name, value)
        write(module, 'enabled', 'Y')
        check(wait_until(lambda: rss(work.pid) < before - 96 * MIB, 120),
              f'resident {before >> 20} -> {rss(work.pid) >> 20} MiB')
        check(rss(work.pid) >= 32 * MIB, 'hot memory reclaimed')
        wait_until(lambda: int(read(module, 'bytes_reclaimed_regions')) >= 96 * MIB, 5)
        for name in RESULTS[module][:4]:
            check(int(read(module, name)), f'{name} is 0')


@for_each('damon_lru_sort')
def sorts_the_lists(module):
    with ticking(), workload(256 * MIB) as work:
        work.hot((0, 64 * MIB))
        for name, value in (('cold_min_age', 1000000), ('quota_ms', 1000),
                            ('wmarks_high', 1000), ('wmarks_mid', 999), ('wmarks_low', 0)):
            write(module, name, value)
        write(module, 'enabled', 'Y')
        check(wait_until(lambda: int(read(module, RESULTS[module][7])) and
                         int(read(module, RESULTS[module][2])), 30), 'nothing sorted')


@for_each('damon_stat')
def statistics(module):
    with ticking(), workload(256 * MIB) as work:
        work.hot((0, 128 * MIB))
        write(module, 'enabled', 'Y')
        check(wait_until(lambda: int(read(module, 'aggr_interval_us')), 15), 'nothing after 15 s')
        idle = [int(ms) for ms in read(module, 'memory_idle_ms_percentiles').split(',')]
        equal('percentiles', len(idle), 101)
        equal('order', idle, sorted(idle))
        check(idle[100] > 0, 'nothing is idle')
        check(wait_until(lambda: int(read(module, 'estimated_memory_bandwidth')), 20),
              'nothing is accessed')


if __name__ == '__main__':
    require(memory=600 * MIB)
    if kdamonds():
        present('damon_stat')
        write('damon_stat', 'enabled', 'N')
    run([
        ('every parameter with its mode and default', every_parameter),
        ('values taken and refused', values),
        ('on and off, as often as you like', on_and_off),
        ('nobody beside a module', alone),
        ('commit_inputs', commit),
        ('parameters that make no sense', refused),
        ('all System RAM is monitored', all_system_ram),
        ('damon_reclaim reclaims what is cold', reclaims_the_cold),
        ('damon_lru_sort sorts', sorts_the_lists),
        ('damon_stat counts', statistics),
    ], seconds=240)
