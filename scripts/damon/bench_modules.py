# SPDX-License-Identifier: GPL-2.0
"""Rows of the bench about the built-in users of DAMON; runs in the guest.

A program works on a quarter of its memory.  What it does alone is compared with what it does
beside the module.  Where regions are cut is random, so each run is repeated, and all rows
about it are of the means.  damon_reclaim of the stock 6.12.117 takes none of its parameters and
has no scheme, so that of both kernels is made through sysfs.
"""
import contextlib
import functools
import re
import statistics

import module_run as run
from module_run import (HOT, LRU_SORT, LRU_SORT_OFTEN, MIB, PERIOD_MS, RECLAIM, SELDOM_MS,
                        SIZE)

ROUNDS = 3
BEFORE_S, WATCHED_S, STEP_S = 8, 80, 2
SETTLED_S, WARM_S = 20, 86


# By default the stock modules monitor the largest bank of memory only.
def all_memory():
    banks = re.findall(r'(?m)^(\w+)-(\w+) : System RAM', run.read('/proc/iomem'))
    return {'monitor_region_start': int(banks[0][0], 16),
            'monitor_region_end': int(banks[-1][1], 16) + 1}


def repeated(measure):
    """Means of the numbers that a measure finds, found once."""
    @functools.cache
    def means(*args):
        rounds = [measure(*args) for _ in range(ROUNDS)]
        return {name: statistics.mean(found[name] for found in rounds) for name in rounds[0]}
    return means


@repeated
def reclaim(programs):
    scheme = run.ReclaimScheme()
    with run.program(programs, SIZE, HOT, PERIOD_MS) as work:
        watch = run.Watch(work, scheme)
        before = watch.follow(BEFORE_S, STEP_S)
        with scheme.running(RECLAIM | all_memory()):
            after = watch.follow(WATCHED_S, STEP_S)
            nr_regions = run.regions(0.5)
    settled = after[-SETTLED_S // STEP_S:]
    return {'nr_regions': nr_regions, 'slower': run.slower(after, before), 'cpu': run.cpu(after),
            'saved_mib': (run.mean(before, 'used') - run.mean(after, 'used')) / MIB,
            'settled_slower': run.slower(settled, before), 'settled_cpu': run.cpu(settled),
            'cold_left_mib': after[-1]['cold'] / MIB, 'hot_left_mib': after[-1]['hot'] / MIB,
            'refaults': run.total(after, 'workingset_refault_anon'),
            'swapped_out': run.total(after, 'pswpout'), 'ns': run.total(after, 'ns')}


page_out = repeated(lambda programs: {'ns': run.ns_per_page_out(programs)})


def saved(programs):
    """Memory saved, on average from the start on, for each per cent the program is slower."""
    found = reclaim(programs)
    return found['saved_mib'] / found['slower']


def own_cpu(programs):
    """Of the kdamond, without what it costs anyone to reclaim so many pages."""
    found, each = reclaim(programs), page_out(programs)['ns']
    return found['cpu'] - 100 * each * found['swapped_out'] / found['ns']


def pressed(programs, module, parameters, period_ms):
    """What happens while memory is short; parameters: {} leaves the module off."""
    with run.program(programs, SIZE, HOT, period_ms) as work:
        watch = run.Watch(work, module)
        with module.running(parameters) if parameters else contextlib.nullcontext():
            warm = watch.follow(WARM_S, WARM_S)
            beside = run.under_pressure(watch, programs)
    return {'refaults': run.total(beside, 'workingset_refault_anon'), 'warm_cpu': run.cpu(warm),
            'cpu': run.cpu(warm + beside), 'stalled_us': run.total(beside, 'stalled_us'),
            'round_ns': run.round_ns(beside)}


@repeated
def alone(programs):
    return pressed(programs, run.Module('damon_lru_sort'), {}, SELDOM_MS)


def lru_sort(programs, parameters, period_ms):
    module = run.Module('damon_lru_sort')
    found = pressed(programs, module, parameters | all_memory(), period_ms)
    return found | {f'{side}_mib': int(module.read(f'bytes_lru_sorted_{side}_regions')) / MIB
                    for side in ('hot', 'cold')}


@repeated
def lru_sort_seldom(programs):
    return lru_sort(programs, LRU_SORT, SELDOM_MS)


@repeated
def lru_sort_often(programs):
    """At the intervals the module has by default."""
    return lru_sort(programs, LRU_SORT_OFTEN, PERIOD_MS)


def faults(programs):
    """Pages that had to come back, in per cent of those without the module."""
    return 100 * lru_sort_seldom(programs)['refaults'] / max(1, alone(programs)['refaults'])


def part(found, name):
    return lambda programs: found(programs)[name]


CPU = '% of a CPU'
# By name: what is measured, in what unit, and the run it is of.
ROWS = {
    'reclaim-saved': (saved, 'MiB/%', reclaim),
    'reclaim-cpu': (part(reclaim, 'cpu'), CPU, reclaim),
    'reclaim-own-cpu': (own_cpu, CPU, page_out),
    'reclaim-settled': (part(reclaim, 'settled_cpu'), CPU, reclaim),
    'lru-sort-faults': (faults, '% of refaults', alone),
    'lru-sort-faults-cpu': (part(lru_sort_seldom, 'cpu'), CPU, lru_sort_seldom),
    'lru-sort-cpu': (part(lru_sort_often, 'cpu'), CPU, lru_sort_often),
}


def measure_of(value, unit, found):
    return lambda programs: {'value': value(programs), 'unit': unit, **found(programs)}


MEASURES = {name: measure_of(*row) for name, row in ROWS.items()}
