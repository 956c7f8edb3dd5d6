#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Directories come and go while a kdamond runs and others read, write and command.

Seeded; the seed is printed and can be given as an argument.
"""

import contextlib
import errno
import multiprocessing
import os
import random
import sys
import time

import damon_sysfs as damon
from damon_test import check, equal, ksft, require, run, slowness
from damon_workload import MIB, ticking, workload

SECONDS = 8
SEED = int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(1 << 32)

# What may happen to who meets a directory that is going, or a command on its way
EXPECTED = {errno.ENOENT, errno.ENODEV, errno.EBUSY, errno.EINVAL, errno.ECANCELED,
            errno.ERANGE, errno.EACCES}
COMMANDS = ('on', 'off', 'commit', 'commit_schemes_quota_goals', 'update_schemes_stats',
            'update_schemes_tried_regions', 'update_schemes_tried_bytes',
            'clear_schemes_tried_regions', 'update_schemes_effective_quotas',
            'update_tuned_intervals', 'foo')
TEXTS = ('0', '1', '2', '3', '4096', 'Y', 'N', '-1', 'x', '/', str(damon.ULONG_MAX), '',
         'addr', 'anon', 'memcg', 'stat', 'temporal', 'free_mem_rate', 'fvaddr', 'vaddr')


def files():
    for base, _, names in os.walk(damon.ADMIN):
        for name in names:
            yield os.path.relpath(os.path.join(base, name), damon.ADMIN)


def read_all(rng):
    for path in files():
        with tolerated():
            damon.read(path)


def write_any(rng):
    for path in list(files()):
        name = os.path.basename(path)
        if name not in ('state', 'nr_kdamonds') and not name.startswith('nr_') and \
                rng.random() < 0.1:
            with tolerated():
                damon.write(path, rng.choice(TEXTS))


def resize(rng):
    for path in list(files()):
        name = os.path.basename(path)
        if name.startswith('nr_') and name != 'nr_contexts' and rng.random() < 0.3:
            with tolerated():
                damon.write(path, rng.choice((0, 1, 2, 3)))


def command(rng):
    for kdamond in map(damon.Kdamond, range(2)):
        with tolerated():
            kdamond.command(rng.choice(COMMANDS))


def rebuild(rng):
    """Complete directories again, so that commands find something to work on."""
    nr = rng.randrange(2)
    with tolerated():
        damon.Kdamond(nr).stage(damon.context(
            [os.getppid()], [damon.stat_scheme(
                quotas=damon.quotas(goals=[damon.goal('user_input', 1)]),
                filters=[damon.filter_of('addr')], dests=[damon.dest(0, 1)])] * 2,
            attrs={'intervals': damon.intervals(1000, 5000)}))
        damon.write(f'kdamonds/{nr}/refresh_ms', rng.choice((0, 1, 10)))
        damon.Kdamond(nr).start()
    time.sleep(0.05)


@contextlib.contextmanager
def tolerated():
    try:
        yield
    except OSError as e:
        if e.errno not in EXPECTED:
            raise


def work(action, nr, end):
    rng = random.Random(f'{SEED} {action.__name__} {nr}')
    while time.monotonic() < end:
        action(rng)


def turn_off():
    """For who waits for a kdamond that was given intervals of thousands of years."""
    for kdamond in map(damon.Kdamond, range(2)):
        with tolerated():
            kdamond.stop()


def churn():
    """Seven processes; each has to end by itself, without an error not foreseen."""
    ksft.print_msg(f'seed {SEED}')
    damon.write('kdamonds/nr_kdamonds', 2)
    end = time.monotonic() + SECONDS
    with ticking(), workload(MIB):
        workers = [multiprocessing.Process(target=work, args=(action, i, end))
                   for i, action in enumerate((read_all, read_all, write_any, resize, command,
                                               command, rebuild))]
        for worker in workers:
            worker.start()
        while any(w.is_alive() for w in workers) and time.monotonic() < end + 30 * slowness():
            time.sleep(0.5)
            if time.monotonic() > end:
                turn_off()
        stuck = [w for w in workers if w.is_alive()]
        for worker in stuck:
            worker.kill()
    check(not stuck, f'{len(stuck)} processes did not end')
    equal('exit statuses', {w.exitcode for w in workers}, {0})


def cycle(number):
    """Make and remove everything; what is read is always that of a new directory."""
    damon.write('kdamonds/nr_kdamonds', 1 + number % 3)
    kdamond = damon.Kdamond().stage(damon.context([1], [damon.stat_scheme()]))
    equal('default', kdamond.scheme('target_nid'), '-1')
    damon.write(f'{kdamond.context}/schemes/0/filters/nr_filters', 2)
    damon.write(f'{kdamond.context}/schemes/0/filters/1/memcg_path', 'x' * 1000)


def cycles():
    """A thousand, while two processes read every file there is at the moment."""
    readers = [multiprocessing.Process(target=work, args=(read_all, i, float('inf')))
               for i in range(2)]
    for reader in readers:
        reader.start()
    for number in range(1000):
        cycle(number)
    alive = [reader for reader in readers if reader.is_alive()]
    for reader in readers:
        reader.kill()
    equal('readers at the end', len(alive), 2)


def cases():
    yield 'churn', churn
    yield 'many cycles', cycles


require()
run(cases(), 120)
