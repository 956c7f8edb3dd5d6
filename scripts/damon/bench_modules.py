# SPDX-License-Identifier: GPL-2.0
"""Rows of the bench about the built-in users of DAMON; runs in the guest.

A program works on a quarter of its memory.  What it does alone is compared with what it does
beside the module; a run serves all rows about it.  damon_reclaim of the stock 6.12.117 takes
none of its parameters and has no scheme, so that of both kernels is made through sysfs.
"""
import contextlib
import functools
import re

import module_run as run
from module_run import (HOT, LRU_SORT, LRU_SORT_OFTEN, MIB, PERIOD_MS, RECLAIM, SELDOM_MS,
                        SIZE)

BEFORE_S, WATCHED_S, STEP_S = 8, 80, 2
SETTLED_S, WARM_S = 20, 86


# By default the stock modules monitor the largest bank of memory only.
def all_memory():
    banks = re.findall(r'(?m)^(\w+)-(\w+) : System RAM', run.read('/proc/iomem'))
    return {'monitor_region_start': int(banks[0][0], 16),
            'monitor_region_end': int(banks[-1][1], 16) + 1}


@functools.cache
def reclaim(programs):
    scheme = run.ReclaimScheme()
    with run.program(programs, SIZE, HOT, PERIOD_MS) as work:
        watch = run.Watch(work, scheme)
        before = watch.follow(BEFORE_S, STEP_S)
        with scheme.running(RECLAIM | all_memory()):
            after = watch.follow(WATCHED_S, STEP_S)
            nr_regions = run.regions(0.5)
    return before, after, nr_regions


def details(before, after, nr_regions):
    settled = after[-SETTLED_S // STEP_S:]
    return {'nr_regions': nr_regions, 'slower': run.slower(after, before), 'cpu': run.cpu(after),
            'slower_settled': run.slower(settled, before), 'cpu_settled': run.cpu(settled),
            'cold_left_mib': after[-1]['cold'] / MIB, 'hot_left_mib': after[-1]['hot'] / MIB,
            'refaults': run.total(after, 'workingset_refault_anon'),
            'swapped_out': run.total(after, 'pswpout')}


def reclaim_saved(programs):
    """Memory saved, on average from the start on, for each per cent the program is slower."""
    before, after, nr_regions = reclaim(programs)
    saved = (run.mean(before, 'used') - run.mean(after, 'used')) / MIB
    return {'value': saved / run.slower(after, before), 'unit': 'MiB/%', 'saved_mib': saved,
            **details(before, after, nr_regions)}


def reclaim_cpu(programs):
    before, after, nr_regions = reclaim(programs)
    return {'value': run.cpu(after), 'unit': '% of a CPU', **details(before, after, nr_regions)}


def reclaim_own_cpu(programs):
    """Without what it costs anyone to reclaim so many pages."""
    before, after, nr_regions = reclaim(programs)
    each, found = run.ns_per_page_out(programs), details(before, after, nr_regions)
    own = found['cpu'] - 100 * each * found['swapped_out'] / run.total(after, 'ns')
    return {'value': own, 'unit': '% of a CPU', 'ns_per_page_out': each, **found}


def reclaim_settled(programs):
    """When there is nothing left to reclaim."""
    before, after, nr_regions = reclaim(programs)
    return {'value': run.cpu(after[-SETTLED_S // STEP_S:]), 'unit': '% of a CPU',
            **details(before, after, nr_regions)}


def pressed(programs, module, parameters, period_ms):
    """What happens while memory is short; parameters: {} leaves the module off."""
    with run.program(programs, SIZE, HOT, period_ms) as work:
        watch = run.Watch(work, module)
        with module.running(parameters) if parameters else contextlib.nullcontext():
            warm = watch.follow(WARM_S, WARM_S)
            return warm, run.under_pressure(watch, programs)


def sorted_mib(module):
    return sum(int(module.read(f'bytes_lru_sorted_{side}_regions'))
               for side in ('hot', 'cold')) / MIB


def lru_sort(programs, parameters, period_ms):
    module = run.Module('damon_lru_sort')
    looks = pressed(programs, module, parameters | all_memory(), period_ms)
    return *looks, sorted_mib(module)


@functools.cache
def lru_sort_seldom(programs):
    return lru_sort(programs, LRU_SORT, SELDOM_MS)


@functools.cache
def without_lru_sort(programs):
    return pressed(programs, run.Module('damon_lru_sort'), {}, SELDOM_MS)[1]


def cpu_of(warm, beside, mib):
    return {'value': run.cpu(warm + beside), 'unit': '% of a CPU', 'warm': run.cpu(warm),
            'sorted_mib': mib}


def lru_sort_faults(programs):
    """Pages that had to come back, in per cent of those without the module."""
    without, (_, beside, _) = without_lru_sort(programs), lru_sort_seldom(programs)
    faults = [run.total(looks, 'workingset_refault_anon') for looks in (without, beside)]
    stalls = [run.total(looks, 'stalled_us') for looks in (without, beside)]
    return {'value': 100 * faults[1] / max(1, faults[0]), 'unit': '% of refaults',
            'refaults': faults, 'stalled_us': stalls, 'slower': run.slower(beside, without)}


def lru_sort_cpu(programs):
    """At the intervals the module has by default."""
    return cpu_of(*lru_sort(programs, LRU_SORT_OFTEN, PERIOD_MS))


def lru_sort_faults_cpu(programs):
    """In the run that lru_sort_faults is about."""
    return cpu_of(*lru_sort_seldom(programs))


MEASURES = {f.__name__: f for f in (reclaim_saved, reclaim_cpu, reclaim_own_cpu, reclaim_settled,
                                    lru_sort_faults, lru_sort_faults_cpu, lru_sort_cpu)}
