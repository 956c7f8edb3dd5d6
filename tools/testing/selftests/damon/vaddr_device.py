#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Pages that a device has, by the driver of CONFIG_TEST_HMM: not accessed, not moved, not lost."""

import os
import time

import damon_sysfs as damon
from damon_test import check, equal, PAGE, require, run, skip_all
from damon_workload import MIB, ticking
from vaddr_process import interpreter

DEVICE = '/dev/hmm_dmirror0'
SIZE = 4 * MIB
PAGES = SIZE // PAGE

# What the owner of the memory runs; see lib/test_hmm_uapi.h.
MIRROR = r'''
import errno, fcntl, struct
TO_DEVICE, SNAPSHOT, EXCLUSIVE, IS_SHARED = 2, 4, 5, 6
SIZE, PAGE = %d, %d
area, copy = private(SIZE), private(SIZE)
area.madvise(mmap.MADV_NOHUGEPAGE)
area[:] = bytes(i %% 251 for i in range(PAGE)) * (SIZE // PAGE)
copy[:] = bytes(SIZE)
device = open('/dev/hmm_dmirror0', 'r+b', buffering=0)

def tell(command):
    argument = struct.pack('=5Q', address(area), address(copy), SIZE // PAGE, 0, 0)
    fcntl.ioctl(device, 0xc0284800 | command, argument)

def on_device():
    tell(SNAPSHOT)
    return sum(p & 0x20 for p in copy[:SIZE // PAGE]) // 0x20

def exclusive():
    try:
        tell(IS_SHARED)
    except PermissionError:
        return True
    return False

def intact():
    return area[:] == bytes(i %% 251 for i in range(PAGE)) * (SIZE // PAGE)
''' % (SIZE, PAGE)


def states(process):
    """Pages in memory of the device, and whether the device has them to itself."""
    return int(process.do('print(on_device())')), process.do('print(exclusive())') == 'True'


def schemes():
    return [damon.stat_scheme(), damon.scheme('migrate_cold', target_nid=0),
            *map(damon.scheme, ('pageout', 'cold', 'willneed'))]


def stays(operations, command, wanted):
    """A second of samples and of actions."""
    with ticking(), interpreter() as process:
        process.do(f'exec({MIRROR!r}, globals())')
        start = int(process.do('print(address(area))'))
        process.do(f'tell({command})')
        equal('before', states(process), wanted)
        attrs = {'intervals': damon.intervals(5000, 100000), 'nr_regions': {'min': 32, 'max': 32}}
        kdamond, = damon.kdamonds(damon.context(
            [damon.target(process.pid, [(start, start + SIZE)])], schemes(), operations,
            attrs=attrs))
        kdamond.start()
        time.sleep(1)
        accessed = [r.nr_accesses for r in kdamond.snapshot()]
        kdamond.stop()
        equal('after', states(process), wanted)
        equal('content', process.do('print(intact())'), 'True')
    check(accessed, 'no regions')
    equal('accesses', sum(accessed), 0)


def cases():
    for operations in ('vaddr', 'fvaddr'):
        for what, command, wanted in (('memory of the device', 'TO_DEVICE', (PAGES, False)),
                                      ('exclusive access', 'EXCLUSIVE', (0, True))):
            yield (f'{operations}: {what}',
                   lambda o=operations, c=command, w=wanted: stays(o, c, w))


require(memory=100 * MIB)
if not os.path.exists(DEVICE):
    skip_all(f'no {DEVICE}')
run(cases(), seconds=60)
