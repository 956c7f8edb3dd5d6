#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Eight processes write what comes to their minds to every file of the DAMON sysfs interface.

usage: sysfs_fuzz.py [SECONDS [SEED]]

They write samples of what files take and refuse, mutations of these, and now and then a
whole context that makes sense, which is started.  All of it is allowed.  It may fail, but
with an error that is accounted for, and everything has to work afterwards.  Where the kernel
can inject faults, some writes run short of memory.
"""

import errno
import multiprocessing
import os
import random
import re
import sys
import time

import damon_sysfs as damon
from damon_abi import ROWS, is_nr, pattern_of, samples
from damon_memory import ram
from damon_test import check, equal, ksft, read_or_empty, require, run, slowness
from damon_workload import MIB, ticking, workload

SEED = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
PROCESSES = 8
KDAMONDS = 3

EXPECTED = {errno.ENOENT, errno.ENODEV, errno.EBUSY, errno.EINVAL, errno.ECANCELED,
            errno.ERANGE, errno.EACCES, errno.ENOMEM}
FAILSLAB = '/sys/kernel/debug/failslab'

COMMANDS = ('on', 'on', 'on', 'off', 'commit', 'commit', 'commit_schemes_quota_goals',
            'update_schemes_stats', 'update_schemes_tried_regions',
            'update_schemes_tried_bytes', 'clear_schemes_tried_regions',
            'update_schemes_effective_quotas', 'update_tuned_intervals')
WORDS = {pattern: [text for text, _ in sum(samples(row['class']), [])]
         for pattern, row in ROWS.items() if row['mode'] == '0600'}
# Few directories, or so many that there is no memory for their list: what is in between works,
# but only takes time and memory.
NRS = ('0', '1', '2', '3', '1', '2', '8', '60', '-1', '10000000', '0x7fffffff')
NUMBERS = (0, 1, 2, 3, 5, 10, 20, 100, 255, 1000, 4095, 4096, 5000, 10000, 100000, MIB,
           10000000, 1 << 31, 1 << 32, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 4096,
           (1 << 64) - 1, -1, -(1 << 31))


def seconds():
    return float(sys.argv[1]) if len(sys.argv) > 1 else 10 * min(slowness(), 6)


# What is counted
DONE = ('writes', 'accepted', 'starts', 'commits')
# Writes that will have led to one of each; a debug kernel takes minutes for them.
ENOUGH = 3000


def keywords(name):
    return [word for word, _ in samples(name)[0][::2]]


class World:
    """What there is to be monitored."""

    def __init__(self, works):
        self.pids = [work.pid for work in works] + [0, 1, 2, os.getpid(), -1, 1 << 30]
        self.ranges = [(work.start, work.start + 8 * MIB) for work in works]
        self.ram = ram()
        self.numbers = [str(n) for n in NUMBERS + self.ram + sum(self.ranges, ())]


class Writer:
    """One of the processes."""

    def __init__(self, nr, world, done):
        self.rng = random.Random(f'{SEED} {nr}')
        self.world = world
        self.done = done
        self.first = nr * len(DONE)

    def count(self, what):
        self.done[self.first + DONE.index(what)] += 1

    # Anything to anywhere

    def some_file(self):
        path = ''
        while True:
            with os.scandir(f'{damon.ADMIN}/{path}') as entries:
                dirs, files = [], []
                for entry in entries:
                    (dirs if entry.is_dir() else files).append(entry.name)
            if not dirs and not files:
                raise FileNotFoundError(errno.ENOENT, 'going', path)
            up = 0.995 if path == 'kdamonds' else 0.8
            if not files or dirs and self.rng.random() < up:
                path = os.path.join(path, self.rng.choice(dirs))
            else:
                return os.path.join(path, self.rng.choice(files))

    def some_text(self, path):
        rng = self.rng
        if os.path.basename(path) == 'pid_target' and rng.random() < 0.8:
            return str(rng.choice(self.world.pids + [rng.randrange(1, 500)]))
        if is_nr(path):
            return rng.choice(NRS)
        if os.path.basename(path) == 'state':
            return rng.choice(COMMANDS)
        words = WORDS.get(pattern_of(path), ())
        if words and rng.random() < 0.6:
            return rng.choice(words)
        return rng.choice(self.world.numbers)

    def mutated(self, text):
        rng = self.rng
        at = rng.randrange(len(text) + 1)
        return rng.choice((
            text[:at] + text[at + 1:],
            text[:at] + chr(rng.randrange(256)) + text[at:],
            text[:at] + chr(rng.randrange(256)) + text[at + 1:],
            text[:at], text * 2, text * 2000, text + '\n', '-' + text, ' ' + text, '\0' + text))

    def write_something(self):
        path = self.some_file()
        text = self.some_text(path)
        if self.rng.random() < 0.3:
            text = self.mutated(text)
        if is_nr(path) and 3 <= len(re.sub('[^0-9a-f]', '', text.lower())) <= 7:
            return
        self.write(path, text)

    def write(self, path, text):
        fd = os.open(f'{damon.ADMIN}/{path}', os.O_WRONLY)
        try:
            if self.rng.random() < 0.3:
                fail_nth(self.rng.randrange(1, 25))
            self.count('writes')
            os.write(fd, text.encode('latin-1'))
            self.count('accepted')
        finally:
            fail_nth(0)
            os.close(fd)

    def read_something(self):
        with open(f'{damon.ADMIN}/{self.some_file()}', 'rb') as f:
            f.read()

    # Something that makes sense

    def chosen(self, *items):
        return self.rng.sample(items, self.rng.randrange(len(items) + 1))

    def number(self):
        return self.rng.choice((0, 0, 1, 100, 5000, MIB, damon.ULONG_MAX))

    def scheme(self):
        rng = self.rng
        return damon.scheme(
            rng.choice(keywords('action')), nr_accesses=(0, rng.choice((0, 5, damon.ULONG_MAX))),
            apply_interval_us=rng.choice((0, 0, 1, 5000)), target_nid=rng.choice((0, 1, -1, 99)),
            quotas=damon.quotas(
                ms=self.number(), bytes=self.number(), reset_interval_ms=self.number(),
                weights=rng.choices((0, 1, 1000), k=3), goal_tuner=rng.choice(keywords('tuner')),
                goals=[damon.goal(metric, rng.choice((1, 5000)), self.number(), path='/')
                       for metric in self.chosen(*keywords('metric'))]),
            watermarks=damon.watermarks(
                rng.choice(('none', 'none', 'free_mem_rate')), self.number(), 1000, 999, 0),
            filters=[damon.filter_of(kind, rng.random() < 0.5, rng.random() < 0.5,
                                     memcg_path='/', max=damon.ULONG_MAX,
                                     addr_start=self.world.ram[0], addr_end=self.world.ram[1])
                     for kind in self.chosen(*keywords('filter'))],
            dests=self.chosen(damon.dest(0, 1), damon.dest(1, 3), damon.dest(7, 0)))

    def targets(self, operations):
        if operations == 'paddr':
            return [damon.target(0, self.rng.choice(([], [self.world.ram])))]
        pairs = list(zip(self.world.pids, self.world.ranges))
        return [damon.target(pid, [area] if operations == 'fvaddr' else [])
                for pid, area in self.rng.sample(pairs, self.rng.randrange(1, len(pairs) + 1))]

    def context(self):
        rng = self.rng
        operations = rng.choice(keywords('operations'))
        sample = rng.choice((0, 100, 1000, 5000))
        attrs = {'intervals': damon.intervals(sample, sample * rng.choice((1, 5, 20)),
                                              rng.choice((0, 1000, 100000, damon.ULONG_MAX))),
                 'probes': self.chosen(damon.probe(damon.filter_of('anon')), damon.probe(weight=1))}
        return damon.context(self.targets(operations), [self.scheme() for _ in range(rng.choice(
            (0, 1, 1, 3)))], operations, attrs, pause=rng.choice('NNNY'))

    def start_something(self):
        kdamond = damon.Kdamond(self.rng.randrange(KDAMONDS))
        kdamond.stage(self.context())
        damon.write(f'{kdamond.path}/refresh_ms', self.rng.choice((0, 1, 50)))
        kdamond.start()
        self.count('starts')

    def commit_something(self):
        kdamond = damon.Kdamond(self.rng.randrange(KDAMONDS))
        kdamond.stage(self.context()).command('commit')
        self.count('commits')

    def command(self):
        damon.Kdamond(self.rng.randrange(KDAMONDS)).command(self.rng.choice(COMMANDS))

    # All together

    def step(self):
        action = self.rng.choices(
            (self.write_something, self.command, self.read_something, self.start_something,
             self.commit_something), (70, 10, 6, 6, 8))[0]
        try:
            action()
        except OSError as e:
            if e.errno not in EXPECTED:
                raise


def fail_nth(number):
    """Have that allocation of this process fail from now on, where the kernel can; 0 for none."""
    if os.path.isdir(FAILSLAB):
        with open('/proc/thread-self/fail-nth', 'w', encoding='ascii') as f:
            f.write(str(number))


def allow_faults():
    for name, value in (('ignore-gfp-wait', 'N'), ('verbose', 0)):
        if os.path.isdir(FAILSLAB):
            with open(f'{FAILSLAB}/{name}', 'w', encoding='ascii') as f:
                f.write(str(value))


def write_until(nr, world, done, end):
    writer = Writer(nr, world, done)
    while time.monotonic() < end:
        writer.step()


def turn_off():
    """For who waits for a kdamond that was given intervals of thousands of years."""
    for name in os.listdir(f'{damon.ADMIN}/kdamonds'):
        if name.isdigit() and damon.errno_of(damon.Kdamond(name).stop) not in ('', 'EINVAL'):
            raise AssertionError(f'kdamond {name} does not stop')


def told(done):
    return ', '.join(f'{sum(done[i::len(DONE)])} {what}' for i, what in enumerate(DONE))


def wait_for(workers, done, end):
    """Until they have ended, which those have to that wait for nothing but a kdamond."""
    said = time.monotonic()
    limit = end + 30 * slowness()
    while any(w.is_alive() for w in workers) and time.monotonic() < limit:
        time.sleep(0.5)
        if time.monotonic() > end:
            turn_off()
        if time.monotonic() > said + 30:
            said = time.monotonic()
            ksft.print_msg(f'{end - said:.0f} s left: {told(done)}')
    return [w for w in workers if w.is_alive()]


def stack_of(pid):
    return f'process {pid} waits in:\n' + read_or_empty(f'/proc/{pid}/stack')


def fuzz(world):
    done = multiprocessing.Array('L', PROCESSES * len(DONE), lock=False)
    end = time.monotonic() + seconds()
    workers = [multiprocessing.Process(target=write_until, args=(nr, world, done, end))
               for nr in range(PROCESSES)]
    for worker in workers:
        worker.start()
    stuck = wait_for(workers, done, end)
    stacks = [stack_of(worker.pid) for worker in stuck]
    for worker in stuck:
        worker.kill()
    ksft.print_msg(f'done: {told(done)}')
    equal('processes that do not end', stacks, [])
    equal('exit statuses', {w.exitcode for w in workers}, {0})
    sums = [sum(done[i::len(DONE)]) for i in range(len(DONE))]
    check(all(sums) or 0 < sums[0] < ENOUGH, 'something was never done')


def eight_processes_write_anything():
    ksft.print_msg(f'{seconds():.0f} s, seed {SEED}')
    allow_faults()
    damon.write('kdamonds/nr_kdamonds', KDAMONDS)
    with ticking(), workload(8 * MIB) as a, workload(8 * MIB) as b, workload(8 * MIB) as c:
        fuzz(World([a, b, c]))


def everything_can_be_removed():
    turn_off()
    damon.write('kdamonds/nr_kdamonds', 0)
    equal('kdamonds', os.listdir(f'{damon.ADMIN}/kdamonds'), ['nr_kdamonds'])


def monitoring_works_as_before():
    with ticking(), workload(8 * MIB) as work:
        kdamond, = damon.kdamonds(damon.context([work.pid], [damon.stat_scheme()]))
        kdamond.start()
        check(kdamond.snapshot(), 'no region of a live process')
        kdamond.stop()


def cases():
    for action in (eight_processes_write_anything, everything_can_be_removed,
                   monitoring_works_as_before):
        yield action.__name__.replace('_', ' '), action


require()
run(cases(), seconds() + 120)
