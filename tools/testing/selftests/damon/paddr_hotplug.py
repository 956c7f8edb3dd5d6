#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Memory goes offline and comes back while it is monitored and acted upon."""

import glob
import time

import damon_sysfs as damon
from damon_memory import pages, put, ram, read
from damon_paddr import context, running
from damon_test import Skip, check, equal, require, run
from damon_workload import MIB

BLOCKS = '/sys/devices/system/memory/memory*'
ENOUGH = 3


def online_blocks():
    paths = sorted(glob.glob(BLOCKS), key=lambda p: int(p.rsplit('memory', 1)[1]))
    return [p for p in reversed(paths) if read(f'{p}/state').strip() == 'online']


def try_put(path, value):
    try:
        put(path, value)
    except OSError:
        return False
    return True


def blink(block):
    """Take a block offline, have a look, and put it back; was it possible?"""
    if not try_put(f'{block}/state', 'offline'):
        return False
    time.sleep(0.3)
    put(f'{block}/state', 'online')
    return True


def hotplug(schemes, **files):
    blocks = online_blocks()
    if not blocks:
        raise Skip('no memory blocks')
    with pages('anon', 32 * MIB) as work, \
            running(context([ram()], *schemes, **files)) as kdamond:
        done = 0
        for block in blocks:
            done += blink(block)
            if done >= ENOUGH:
                break
        if not done:
            raise Skip('no memory block can be taken offline')
        print(f'# {done} blocks')
        check(kdamond.snapshot(), 'no regions')
        equal('contents', work.tell('check'), 'intact')


def acting():
    every = {'apply_interval_us': 20000}
    filters = {'ops_filters': [damon.filter_of('young', allow=True)]}
    return [damon.stat_scheme(**every, **filters), damon.scheme('lru_deprio', **every),
            damon.scheme('migrate_cold', target_nid=0, **every),
            damon.scheme('pageout', quotas=damon.quotas(bytes=MIB, reset_interval_ms=100),
                         **every)]


require(memory=200 * MIB)
run([('monitoring', lambda: hotplug([damon.stat_scheme()])),
     ('many regions', lambda: hotplug([damon.stat_scheme()], attrs={
         'intervals': damon.intervals(1000, 20000),
         'nr_regions': damon.limits(5000, 5000)})),
     ('schemes', lambda: hotplug(acting()))], seconds=120)
