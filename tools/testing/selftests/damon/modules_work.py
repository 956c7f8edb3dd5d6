#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What the built-in users of DAMON do, by the evidence of the rest of the kernel."""

import contextlib
import os
import time

from damon_memory import PAGE, group, numbers, put, ram_banks, read as text_of, vmstat
from damon_module import (ALWAYS, RESULTS, for_each, number, read, reset, stop_all, write,
                          write_all, write_error)
from damon_test import Skip, check, equal, require, run, stays, wait_until
from damon_workload import MIB, ticking, workload

GIB = 1 << 30
SIZE, HOT = 256 * MIB, 64 * MIB
MOST = 0.6


@contextlib.contextmanager
def program(size):
    """One in a memory cgroup of its own, and all of its memory hot."""
    with group('modules') as ours:
        with ticking(), workload(
                size, preexec_fn=lambda: put(f'{ours.dir}/cgroup.procs', os.getpid())) as work:
            work.hot((0, size))
            yield ours, work
            work.end()


def major_faults(pid):
    return int(text_of(f'/proc/{pid}/stat').rpartition(')')[2].split()[9])


def free_permil():
    now = numbers(text_of('/proc/meminfo'))
    return now['MemFree'] * 1000 // now['MemTotal']


def system_ram():
    return sum(end - start for start, end in ram_banks())


def needs_swap():
    if len(text_of('/proc/swaps').splitlines()) < 2:
        raise Skip('no swap')


def in_mib(size):
    return f'{size / MIB:.0f} MiB'


@for_each('damon_reclaim')
def reclaims_the_cold(module):
    """Cold memory leaves, hot memory stays, and vmstat agrees with the module."""
    needs_swap()
    with program(SIZE) as (ours, work):
        time.sleep(2)
        work.hot((0, HOT))
        before = vmstat('pswpout')
        write_all(module, {'min_age': 1000000, 'quota_ms': 0, 'quota_sz': GIB, **ALWAYS})
        write(module, 'enabled', 'Y')
        cold = SIZE - HOT
        check(wait_until(lambda: ours.swapped() >= MOST * cold, 120),
              f'{in_mib(ours.swapped())} of {in_mib(cold)} swapped')
        left, swapped = ours.stat('anon'), (vmstat('pswpout') - before) * PAGE
        check(left >= MOST * HOT, f'{in_mib(left)} left, of {in_mib(HOT)} that is hot')
        check(swapped >= MOST * cold, f'vmstat: {in_mib(swapped)}')
        check(wait_until(lambda: number(module, 'bytes_reclaimed_regions') >= MOST * cold, 20),
              f'it says {in_mib(number(module, "bytes_reclaimed_regions"))}')
        for name in RESULTS[module][:4]:
            check(number(module, name), f'{name} is 0')
        faults = major_faults(work.pid)
        time.sleep(5)
        faults = major_faults(work.pid) - faults
        check(faults * PAGE <= 0.1 * HOT, f'{faults} pages of the hot part had to come back')


@for_each('damon_reclaim')
def leaves_anonymous_memory(module):
    """Until it is told not to."""
    needs_swap()
    with program(HOT) as (ours, work):
        work.hot()
        write_all(module, {'min_age': 200000, 'quota_ms': 0, 'quota_sz': 0, 'skip_anon': 'Y',
                           **ALWAYS})
        write(module, 'enabled', 'Y')
        check(wait_until(lambda: number(module, 'bytes_reclaim_tried_regions') > system_ram(),
                         60), 'not all memory was tried')
        equal('swapped', ours.swapped(), 0)
        write(module, 'skip_anon', 'N')
        write(module, 'commit_inputs', 'Y')
        check(wait_until(ours.swapped, 60), 'nothing swapped when it may')


# What is in the way of the scheme or not, and what counts what it is tried on.
AGES = {'damon_reclaim': ('min_age', 'bytes_reclaim_tried_regions'),
        'damon_lru_sort': ('cold_min_age', 'bytes_lru_sort_tried_cold_regions')}


@for_each(*AGES)
def commits_matter(module):
    """Parameters take effect when they are committed, all of them or none."""
    age, tried = AGES[module]
    write_all(module, {age: (1 << 64) - 1, 'quota_reset_interval_ms': 100, **ALWAYS})
    if module == 'damon_reclaim':
        write(module, 'quota_sz', MIB // 4)
    write(module, 'enabled', 'Y')
    check(wait_until(lambda: not number(module, tried)), 'tried before any is so old')
    write(module, age, 0)
    time.sleep(1)
    equal('tried before the commit', number(module, tried), 0)
    write(module, 'commit_inputs', 'Y')
    check(wait_until(lambda: number(module, tried)), 'nothing tried after the commit')
    write_all(module, {age: (1 << 64) - 1, 'min_nr_regions': 2})
    equal('a commit of nonsense', write_error(module, 'commit_inputs', 'Y'), 'EINVAL')
    before = number(module, tried)
    check(wait_until(lambda: number(module, tried) > before), 'a part was committed')
    write(module, 'min_nr_regions', 10)
    write(module, 'commit_inputs', 'Y')
    check(wait_until(lambda: stays(lambda: number(module, tried), 1)),
          'tried when nothing is so old')


RECLAIM_EXAMPLE = {'min_age': 30000000, 'quota_sz': GIB, 'quota_reset_interval_ms': 1000,
                   'wmarks_high': 500, 'wmarks_mid': 400, 'wmarks_low': 200}


@for_each('damon_reclaim')
def reclaim_example(module):
    """Cold after 30 s, 1 GiB a second, below 40 % of free memory until 50 % or 20 %."""
    needs_swap()
    if free_permil() < 550:
        raise Skip(f'{free_permil()} permil of memory are free, 550 needed')
    write_all(module, RECLAIM_EXAMPLE)
    stale = number(module, 'bytes_reclaimed_regions')  # of the last run, till the first round
    write(module, 'enabled', 'Y')
    memory = numbers(text_of('/proc/meminfo'))
    size = ((memory['MemFree'] << 10) - (memory['MemTotal'] << 10) * 35 // 100) // MIB * MIB
    with workload(size):
        filled = time.monotonic()
        check(200 < free_permil() < 400, f'{free_permil()} permil free')
        while time.monotonic() < filled + 20:
            reclaimed = number(module, 'bytes_reclaimed_regions')
            check(reclaimed in (0, stale), f'{reclaimed} bytes before they are 30 s old')
            time.sleep(1)
        check(wait_until(lambda: number(module, 'bytes_reclaimed_regions') > stale + MIB, 120),
              f'nothing reclaimed, {free_permil()} permil free')
    time.sleep(6)
    before = number(module, 'bytes_reclaim_tried_regions')
    time.sleep(2)
    check(free_permil() > 500, f'{free_permil()} permil free')
    equal('tried above the high watermark', number(module, 'bytes_reclaim_tried_regions'), before)


# For memory to be hot if it is accessed twice a second.
PATIENT = {'sample_interval': 50000, 'aggr_interval': 1000000, 'hot_thres_access_freq': 100}


def lists(ours):
    return ours.stat('active_anon'), ours.stat('inactive_anon')


@for_each('damon_lru_sort')
def sorts_the_lists(module):
    """Memory is on the inactive list first, goes to the active one, and back when cold."""
    with program(SIZE) as (ours, work):
        check(lists(ours)[1] >= MOST * SIZE, f'lists at start: {lists(ours)}')
        write_all(module, {**PATIENT, 'cold_min_age': 2000000, 'quota_ms': 1000, **ALWAYS})
        write(module, 'enabled', 'Y')
        check(wait_until(lambda: lists(ours)[0] >= MOST * SIZE, 60),
              f'all hot, lists: {lists(ours)}')
        work.hot((0, HOT))
        check(wait_until(lambda: lists(ours)[1] >= MOST * (SIZE - HOT), 60),
              f'some cold, lists: {lists(ours)}')
        check(lists(ours)[0] >= MOST * HOT, f'hot part, lists: {lists(ours)}')
        for name in RESULTS[module]:
            check('exceeds' in name or number(module, name), f'{name} is 0')


LRU_SORT_EXAMPLE = {'hot_thres_access_freq': 500, 'cold_min_age': 120000000, 'quota_ms': 10,
                    'quota_reset_interval_ms': 1000, **ALWAYS}


@for_each('damon_lru_sort')
def lru_sort_example(module):
    """Hot is what half of the samples find, cold what nobody used for 120 s; 1 % of a CPU."""
    with program(HOT // 4) as (ours, _):
        write_all(module, LRU_SORT_EXAMPLE)
        write(module, 'enabled', 'Y')
        check(wait_until(lambda: lists(ours)[0] >= 4 * MIB, 120), f'lists: {lists(ours)}')
        equal('cold before it is 120 s old', number(module, RESULTS[module][5]), 0)


SAMPLES = 20  # in an aggregation, however that is tuned


def wrong_about(module, hot):
    """What it does not tell of so many bytes in use while all else idles; or None."""
    wanted = 100 * hot / system_ram()
    idle = [int(ms) for ms in read(module, 'memory_idle_ms_percentiles').split(',')]
    equal('percentiles', len(idle), 101)
    used = sum(ms < 0 for ms in idle)
    if not wanted / 2 <= used <= 2 * wanted:
        return f'{used} percentiles are of memory in use, not {wanted:.0f}: {idle}'
    if idle != sorted(idle) or idle[100 - int(wanted)] < 3000:
        return f'idle memory: {idle}'
    per_sample = number(module, 'estimated_memory_bandwidth') * \
        number(module, 'aggr_interval_us') / 1e6 / SAMPLES
    if not hot / 20 <= per_sample <= 2 * hot:
        return f'{in_mib(per_sample)} accessed in a sampling interval'
    return None


@for_each('damon_stat')
def statistics(module):
    """Of a program that uses half of 512 MiB all of the time, and the other half never."""
    size, hot = 512 * MIB, 256 * MIB
    with program(size) as (_, work):
        work.hot((0, hot))
        write(module, 'enabled', 'Y')
        check(wait_until(lambda: number(module, 'aggr_interval_us'), 20), 'nothing after 20 s')
        wrong = None

        def is_right():
            nonlocal wrong
            wrong = wrong_about(module, hot)
            return not wrong
        check(wait_until(is_right, 60), wrong)



require(memory=600 * MIB)
stop_all()
run([
    ('damon_reclaim reclaims what is cold', reclaims_the_cold),
    ('damon_reclaim leaves anonymous memory alone', leaves_anonymous_memory),
    ('commits take effect', commits_matter),
    ('damon_reclaim by the example', reclaim_example),
    ('damon_lru_sort sorts the lists', sorts_the_lists),
    ('damon_lru_sort by the example', lru_sort_example),
    ('damon_stat tells a known program', statistics),
], seconds=300)
