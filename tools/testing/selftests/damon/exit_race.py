#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Start and stop 200 times while the target exits at a random moment.

The seed is printed; KSELFTEST_EXIT_RACE_PY_ARGS=SEED repeats a run.
"""

import collections
import contextlib
import os
import random
import re
import signal
import sys
import threading
import time

import damon_sysfs as damon
from damon_test import Skip, check, equal, require, run, wait_until

ROUNDS = 200
LONGEST_LIFE = 0.08  # at least, to be some times as long as a start takes
COMMANDS = ('update_schemes_tried_regions', 'update_schemes_tried_bytes',
            'clear_schemes_tried_regions', 'off', '')

seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.SystemRandom().randrange(1 << 32)
outcomes = collections.Counter()


def mortal(life):
    """A child that exits after so many seconds, and the thread that reaps it."""
    pid = os.fork()
    if not pid:
        time.sleep(life)
        os._exit(0)
    reaper = threading.Thread(target=os.waitpid, args=(pid, 0))
    reaper.start()
    return pid, reaper


def attempt(command, allowed, what):
    error = damon.errno_of(damon.write, 'kdamonds/0/state', command)
    check(error in allowed, f'{what}: {error}')
    return error


def longest_life(kdamond):
    begin = time.monotonic()
    for _ in range(5):
        kdamond.stage(damon.context([os.getpid()], [damon.stat_scheme()])).start()
        kdamond.stop()
    return max(LONGEST_LIFE, (time.monotonic() - begin) / 5 * 3)


def one_round(rng, kdamond, longest):
    attrs = {'intervals': damon.intervals(*rng.choice([(1000, 5000), (5000, 20000)]), 10000)}
    pid, reaper = mortal(rng.random() * longest)
    kdamond.stage(damon.context([pid] * rng.choice((1, 2)), [damon.stat_scheme()], attrs=attrs))
    time.sleep(rng.random() * longest / 4)
    error = attempt('on', ('', 'EINVAL'), 'on')
    outcomes['on ' + (error or 'ok')] += 1
    command = rng.choice(COMMANDS)
    if not error and command:
        time.sleep(rng.random() * longest / 2)
        result = attempt(command, ('', 'ECANCELED'), command)
        outcomes[f'{command} {result or "ok"}'] += 1
    if not error and rng.random() < 0.5:
        check(wait_until(lambda: not kdamond.running()), 'on 10 s after the target exited')
        outcomes['ended by itself'] += 1
    elif not error:
        outcomes['off while ' + ('on' if kdamond.running() else 'ended')] += 1
        kdamond.stop()
    equal('state', damon.read(f'{kdamond.path}/state'), 'off')
    equal('pid', kdamond.pid(), -1)
    reaper.join()


def kdamond_threads():
    names = []
    for entry in os.listdir('/proc'):
        if entry.isdigit():
            try:
                with open(f'/proc/{entry}/comm', encoding='ascii', errors='replace') as f:
                    names.append(f.read().strip())
            except OSError:
                pass
    return [name for name in names if name.startswith('kdamond.')]


def two_hundred_rounds():
    rng = random.Random(seed)
    print(f'# seed {seed}')
    damon.write('kdamonds/nr_kdamonds', 1)
    kdamond = damon.Kdamond()
    longest = longest_life(kdamond)
    for _ in range(ROUNDS):
        one_round(rng, kdamond, longest)
    print(f'# {dict(sorted(outcomes.items()))}')
    check(outcomes['on ok'] >= ROUNDS / 4, 'too few starts to test anything')
    check(outcomes['ended by itself'] >= 20, 'too few targets exited under monitoring')
    equal('threads left', kdamond_threads(), [])


def pid_objects():
    """Objects in use; slabs that CPUs keep count as used until shrunk."""
    with contextlib.suppress(OSError):
        with open('/sys/kernel/slab/pid/shrink', 'w', encoding='ascii') as f:
            f.write('1')
    with open('/proc/slabinfo', encoding='ascii') as f:
        found = re.search(r'^pid\s+(\d+)', f.read(), re.M)
    if not found:
        raise Skip('no pid cache of its own in /proc/slabinfo')
    return int(found[1])


def dead_targets(number, kdamond, *more):
    """Try to monitor processes, with other pids behind each, and end them."""
    for _ in range(number):
        pid, reaper = mortal(60)
        kdamond.stage(damon.context([pid, pid, *more]))
        equal('on', damon.errno_of(kdamond.start), 'EINVAL' if more else '')
        os.kill(pid, signal.SIGKILL)
        reaper.join()
        check(wait_until(lambda: not kdamond.running()), 'still on without its target')


def pid_references(*more):
    """A lost reference would keep the pid of every dead target."""
    number = 100
    damon.write('kdamonds/nr_kdamonds', 1)
    dead_targets(10, damon.Kdamond(), *more)
    before = pid_objects()
    dead_targets(number, damon.Kdamond(), *more)
    damon.reset()
    grown = []
    wait_until(lambda: grown.append(pid_objects() - before) or grown[-1] <= number // 4, 5)
    print(f'# {number} dead targets, {grown[-1]} pid objects more than before')
    check(grown[-1] <= number // 4, 'pid objects are leaked')


require()
run([(f'{ROUNDS} starts and stops', two_hundred_rounds),
     ('pid references after a run', pid_references),
     ('pid references after a refused start', lambda: pid_references(-1))], seconds=200)
