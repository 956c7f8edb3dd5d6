# SPDX-License-Identifier: GPL-2.0
"""A program with cold memory, a built-in user of DAMON, and what comes of it.

Runs in the guest.  Time there may be counted in instructions; then there is one CPU, and what
the kdamond takes of it the program lacks.
"""
import collections
import contextlib
import ctypes
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.append(os.path.join(HERE, '../../tools/testing/selftests/damon'))

import damon_sysfs as sysfs
import damon_trace as trace

MIB = 1 << 20

# What the program has, what it uses, and how often; or, to be in danger when memory runs
# short, so seldom that reclaim looks twice before it is used again.
SIZE, HOT, PERIOD_MS, SELDOM_MS = 512 * MIB, 128 * MIB, 10, 1000

# Another one, that comes and goes; together they need more than there is.
BURSTS, BURST, BURST_S, REST_S = 3, 500 * MIB, 2, 3

# The defaults of the modules, and what they call the watermarks.
SAMPLE_US, AGGR_US, MARKS = 5000, 100000, ('high', 'mid', 'low')

ALWAYS = {'wmarks_high': 1000, 'wmarks_mid': 999, 'wmarks_low': 0}
RECLAIM = {'min_age': 5000000, 'quota_ms': 200, 'quota_sz': 128 * MIB, **ALWAYS}
LRU_SORT = {'sample_interval': SELDOM_MS * 1000, 'aggr_interval': SELDOM_MS * 5000,
            'hot_thres_access_freq': 500, 'cold_min_age': 10000000, 'quota_ms': 10, **ALWAYS}
LRU_SORT_OFTEN = {**LRU_SORT, 'sample_interval': SAMPLE_US, 'aggr_interval': AGGR_US}

EVENTS = ('pswpin', 'pswpout', 'pgmajfault', 'workingset_refault_anon', 'workingset_refault_file',
          'pgscan_direct', 'pgsteal_direct', 'pgscan_kswapd', 'pgsteal_kswapd')

# Since the last one; hot and cold: bytes of the program in memory.
Work = collections.namedtuple('Work', 'rounds busy_ns longest_ns hot cold')


def read(path):
    with open(path, encoding='ascii') as f:
        return f.read()


def numbers(path):
    return {name: int(value) for name, value in re.findall(r'(?m)^(\S+?):? +(\d+)', read(path))}


def used():
    """Bytes of memory that are not available for more programs."""
    now = numbers('/proc/meminfo')
    return (now['MemTotal'] - now['MemAvailable']) << 10


def stalled_us():
    """µs during which something had to wait for memory, since boot."""
    return int(re.search(r'some .*total=(\d+)', read('/proc/pressure/memory'))[1])


# --- the program ------------------------------------------------------------

class Program:
    """module-load under control."""

    def __init__(self, proc, size, hot):
        self.proc, self.size, self.hot = proc, size, hot
        proc.stdout.readline()

    def work(self):
        self.proc.stdin.write('\n')
        self.proc.stdin.flush()
        return Work(*map(int, self.proc.stdout.readline().split()))


@contextlib.contextmanager
def program(programs, size, hot, period_ms, stray_ms=0):
    words = [os.path.join(programs, 'module-load'), *map(str, (size, hot, period_ms, stray_ms))]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as proc:
        try:
            yield Program(proc, size, hot)
        finally:
            proc.kill()


# --- reclaim without DAMON ---------------------------------------------------

PROCESS_MADVISE, PAGEOUT = 440, 21


class Range(ctypes.Structure):
    """struct iovec"""
    _fields_ = [('start', ctypes.c_void_p), ('size', ctypes.c_size_t)]


def largest_mapping(pid):
    ranges = re.findall(r'(?m)^(\w+)-(\w+) rw', read(f'/proc/{pid}/maps'))
    return max(((int(start, 16), int(end, 16)) for start, end in ranges),
               key=lambda ends: ends[1] - ends[0])


def page_out(pid):
    """Have its memory swapped out."""
    start, end = largest_mapping(pid)
    libc, pidfd = ctypes.CDLL(None, use_errno=True), os.pidfd_open(pid)
    try:
        if libc.syscall(PROCESS_MADVISE, pidfd, ctypes.byref(Range(start, end - start)),
                        ctypes.c_size_t(1), PAGEOUT, 0) < 0:
            raise OSError(ctypes.get_errno(), 'process_madvise')
    finally:
        os.close(pidfd)


def ns_per_page_out(programs):
    """What a page of such a program costs who reclaims it: rmap, compressing, and all."""
    with program(programs, SIZE // 4, 0, SELDOM_MS) as work:
        pages, ns = numbers('/proc/vmstat')['pswpout'], time.thread_time_ns()
        page_out(work.proc.pid)
        ns = time.thread_time_ns() - ns
        return ns / (numbers('/proc/vmstat')['pswpout'] - pages)


# --- the module -------------------------------------------------------------

class User:
    """Who has a kdamond work."""

    def cpu_ns(self):
        """CPU time of the kdamond; 0 while there is none."""
        pid = self.kdamond_pid()
        return int(read(f'/proc/{pid}/schedstat').split()[0]) if pid > 0 else 0

    @contextlib.contextmanager
    def running(self, parameters):
        self.start(parameters)
        try:
            yield self
        finally:
            self.stop()


class Module(User):
    """Someone built-in, parameters by their names."""

    def __init__(self, name):
        self.dir = f'/sys/module/{name}/parameters'

    def present(self):
        return os.path.isdir(self.dir)

    def read(self, name):
        return read(f'{self.dir}/{name}').strip()

    def write(self, name, value):
        with open(f'{self.dir}/{name}', 'w', encoding='ascii') as f:
            f.write(str(value))

    def kdamond_pid(self):
        return int(self.read('kdamond_pid'))

    def start(self, parameters):
        for name, value in parameters.items():
            self.write(name, value)
        self.write('enabled', 'Y')

    def stop(self):
        self.write('enabled', 'N')


class ReclaimScheme(User):
    """The scheme of damon_reclaim by way of sysfs, from the same parameters."""

    def kdamond_pid(self):
        return sysfs.Kdamond().pid() if int(sysfs.read('kdamonds/nr_kdamonds')) else 0

    def start(self, parameters):
        sysfs.kdamonds(self.context(**parameters))[0].start()

    def stop(self):
        sysfs.reset()

    @staticmethod
    def context(min_age, quota_ms, quota_sz, monitor_region_start, monitor_region_end, **wmarks):
        memory = sysfs.target(0, [(monitor_region_start, monitor_region_end)])
        scheme = sysfs.scheme(
            'pageout', nr_accesses=(0, 0), age=(min_age // AGGR_US,),
            quotas=sysfs.quotas(quota_ms, quota_sz, 1000, (0, 0, 1)),
            watermarks=sysfs.watermarks('free_mem_rate', 5000000,
                                        *(wmarks[f'wmarks_{mark}'] for mark in MARKS)))
        return sysfs.context([memory], [scheme], 'paddr')


def regions(seconds):
    """Largest number of regions at an aggregation within that time."""
    with trace.instance('regions') as path:
        time.sleep(seconds)
        return max(map(int, re.findall(r'nr_regions=(\d+)', read(f'{path}/trace'))), default=0)


# --- watching ---------------------------------------------------------------

class Watch:
    """What has happened between two looks at everything."""

    def __init__(self, work_of, module):
        self.work_of, self.module = work_of, module
        self.last = self.totals()
        work_of.work()

    def totals(self):
        events = numbers('/proc/vmstat')
        return {'ns': time.monotonic_ns(), 'cpu_ns': self.module.cpu_ns(),
                'stalled_us': stalled_us(), **{name: events[name] for name in EVENTS}}

    def look(self):
        now, last = self.totals(), self.last
        self.last = now
        since = {name: now[name] - last[name] for name in now}
        since['cpu_ns'] = max(since['cpu_ns'], 0)
        return {**since, **self.work_of.work()._asdict(), 'used': used()}

    def follow(self, seconds, step):
        """Looks, one each step, for so long; the step is in seconds too."""
        looks, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(step)
            looks.append(self.look())
        return looks


def under_pressure(watch, programs):
    """Looks, one each second, while another program takes what is free and more, and goes."""
    looks = []
    for _ in range(BURSTS):
        with program(programs, BURST, 0, 1000):
            looks += watch.follow(BURST_S, 1)
        looks += watch.follow(REST_S, 1)
    return looks


def total(looks, name):
    return sum(look[name] for look in looks)


def mean(looks, name):
    return total(looks, name) / len(looks)


def round_ns(looks):
    """Mean time of a round of work."""
    return total(looks, 'busy_ns') / max(1, total(looks, 'rounds'))


def slower(looks, before):
    """Per cent."""
    return 100 * (round_ns(looks) / round_ns(before) - 1)


def cpu(looks):
    """Per cent of a CPU that the kdamond took."""
    return 100 * total(looks, 'cpu_ns') / total(looks, 'ns')
