# SPDX-License-Identifier: GPL-2.0
"""The built-in users of DAMON: their parameters, and whether they run."""

import os

import damon_sysfs as damon
from damon_test import Skip, check

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
ALL = tuple(RESULTS)

# Work whatever memory is free.
ALWAYS = {'wmarks_high': 1000, 'wmarks_mid': 999, 'wmarks_low': 0}


def path(module, name):
    return f'{MODULES}/{module}/parameters/{name}'


def read(module, name):
    with open(path(module, name), encoding='ascii') as f:
        return f.read()


def number(module, name):
    return int(read(module, name))


def write(module, name, value):
    fd = os.open(path(module, name), os.O_WRONLY)
    try:
        os.write(fd, (str(value) or '\n').encode())
    finally:
        os.close(fd)


def write_all(module, values):
    for name, value in values.items():
        write(module, name, value)


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


def kdamonds():
    names = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/comm', encoding='ascii') as f:
                names += [f.read().strip()]
        except (FileNotFoundError, ProcessLookupError):
            pass
    return [name for name in names if name.startswith('kdamond')]


def stop_all():
    """A module that a kernel starts by default is in the way of every test."""
    for module in ALL:
        if os.path.isdir(f'{MODULES}/{module}/parameters'):
            write(module, 'enabled', 'N')
    check(not kdamonds(), 'someone else uses DAMON')
