#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The state file: every keyword in every state, results kept, and the one lock."""

import collections
import contextlib
import os
import subprocess
import threading
import time

import damon_sysfs as damon
from damon_test import check, equal, require, run, wait_until
from damon_workload import MIB, ticking, workload

WALKS = ('update_schemes_tried_regions', 'update_schemes_tried_bytes')
UPDATES = WALKS + ('commit', 'commit_schemes_quota_goals', 'update_schemes_stats',
                   'update_schemes_effective_quotas', 'update_tuned_intervals')

# state, (keyword, errno) in the order written; 'off' in "running" comes last
STEPS = (
    ('never started', [('off', 'EINVAL'), *((word, 'EINVAL') for word in UPDATES),
                       ('clear_schemes_tried_regions', ''), ('foo', 'EINVAL')]),
    ('running', [('on', 'EBUSY'), *((word, '') for word in UPDATES),
                 ('clear_schemes_tried_regions', ''), ('foo', 'EINVAL'), ('on\n', 'EBUSY'),
                 ('off', '')]),
    ('stopped', [('off', ''), ('off', ''), *((word, 'ECANCELED') for word in UPDATES),
                 ('clear_schemes_tried_regions', ''), ('foo', 'EINVAL')]),
)


def walk_steps(kdamond, state):
    running = 'on' if state == 'running' else 'off'
    for word, error in dict(STEPS)[state]:
        equal(f'state before {word!r}, {state}', damon.read(f'{kdamond.path}/state'), running)
        equal(f'{word!r}, {state}', damon.errno_of(kdamond.command, word), error)


def configured(pid, schemes=1, **kwargs):
    return damon.kdamonds(damon.context([pid], [damon.stat_scheme()] * schemes, **kwargs))[0]


def every_keyword_in_every_state():
    with ticking(), workload(8 * MIB) as work:
        kdamond = configured(work.pid)
        walk_steps(kdamond, 'never started')
        for _ in range(2):
            kdamond.start()
            walk_steps(kdamond, 'running')
            walk_steps(kdamond, 'stopped')


def no_context():
    damon.write('kdamonds/nr_kdamonds', 1)
    for word in ('on', 'off', *UPDATES, 'clear_schemes_tried_regions', 'foo'):
        equal(f'{word} without a context',
              damon.errno_of(damon.write, 'kdamonds/0/state', word), 'EINVAL')


def pid_names_the_thread():
    with workload(MIB) as work:
        kdamond = configured(work.pid)
        equal('pid before on', kdamond.pid(), -1)
        kdamond.start()
        with open(f'/proc/{kdamond.pid()}/comm', encoding='ascii') as f:
            equal('thread name', f.read(), 'kdamond.0\n')
        pid = kdamond.pid()
        kdamond.stop()
        equal('pid after off', kdamond.pid(), -1)
        check(not os.path.exists(f'/proc/{pid}'), 'the thread outlived off')


def ends_with_the_target():
    with workload(MIB) as work:
        kdamond = configured(work.pid)
        kdamond.start()
        work.end()
        check(wait_until(lambda: not kdamond.running()), 'still on 10 s after the target died')
    equal('pid', kdamond.pid(), -1)
    for word, error in dict(STEPS)['stopped']:
        equal(f'{word!r} after the target died', damon.errno_of(kdamond.command, word), error)


def update_while_the_target_dies():
    """The update is asked for while the target lives and gets its answer after it died."""
    with workload(MIB) as work:
        attrs = {'intervals': damon.intervals(1000000, 5000000)}
        kdamond = configured(work.pid, attrs=attrs)
        kdamond.start()
        killer = threading.Timer(0.5, work.end)
        killer.start()
        error, running = damon.errno_of(kdamond.command, UPDATES[0]), kdamond.running()
        killer.join()
    equal('update while the target died', error, 'ECANCELED')
    check(not running, 'told before the kdamond has ended')


def no_scheme_no_walk():
    with workload(MIB) as work:
        kdamond = configured(work.pid, schemes=0)
        kdamond.start()
        for word in WALKS:
            equal(f'{word} without schemes', damon.errno_of(kdamond.command, word), 'ECANCELED')
        kdamond.stop()


def results_outlive_off():
    with ticking(), workload(8 * MIB) as work:
        kdamond = configured(work.pid)
        kdamond.start()
        before = kdamond.snapshot()
        kdamond.stop()
    check(before, 'no tried region')
    equal('tried regions after off', kdamond.tried_regions(), before)
    total = f'{kdamond.context}/schemes/0/tried_regions/total_bytes'
    equal('total_bytes', int(damon.read(total)), sum(r.end - r.start for r in before))
    kdamond.command('clear_schemes_tried_regions')
    equal('tried regions after clear', kdamond.tried_regions(), [])
    equal('total_bytes after clear', damon.read(total), '0')


def bytes_without_directories():
    with ticking(), workload(8 * MIB) as work:
        kdamond = configured(work.pid)
        kdamond.start()
        check(kdamond.snapshot(), 'no tried region')
        check(kdamond.tried_bytes() >= 8 * MIB, 'total_bytes below the size of the mapping')
        equal('directories after update_schemes_tried_bytes', kdamond.tried_regions(), [])


def staged_values_wait():
    """A write to a parameter file does not reach a running kdamond."""
    with ticking(), workload(8 * MIB) as work:
        kdamond = configured(work.pid)
        kdamond.start()
        damon.stage(f'{kdamond.context}/schemes/0', damon.stat_scheme(sz=(1, 1)))
        damon.write(f'{kdamond.context}/targets/0/pid_target', -1)
        check(kdamond.snapshot(), 'a staged pattern acted before the next on')
        kdamond.stop()
        equal('on with the staged pid', damon.errno_of(kdamond.start), 'EINVAL')


# path, write, errno while somebody else holds the lock
LOCKED = (
    ('kdamonds/0/state', None, ''),
    ('kdamonds/0/pid', None, ''),
    ('kdamonds/0/refresh_ms', '0', ''),
    ('kdamonds/0/contexts/0/schemes/0/filters/0/memcg_path', '/', 'EBUSY'),
    ('kdamonds/0/contexts/0/schemes/0/filters/0/memcg_path', None, ''),
    ('kdamonds/0/state', 'on', 'EBUSY'),
    ('kdamonds/0/state', 'foo', 'EBUSY'),
    ('kdamonds/nr_kdamonds', '1', 'EBUSY'),
    ('kdamonds/nr_kdamonds', 'x', 'EINVAL'),
    ('kdamonds/0/contexts/nr_contexts', '1', 'EBUSY'),
    ('kdamonds/0/contexts/0/targets/nr_targets', '1', 'EBUSY'),
    ('kdamonds/0/contexts/0/targets/nr_targets', '-1', 'EINVAL'),
    ('kdamonds/0/contexts/0/schemes/nr_schemes', '1', 'EBUSY'),
    ('kdamonds/0/contexts/0/targets/0/regions/nr_regions', '1', 'EBUSY'),
    ('kdamonds/nr_kdamonds', None, ''),
    ('kdamonds/0/contexts/0/targets/nr_targets', None, ''),
    ('kdamonds/0/contexts/0/operations', 'fvaddr', ''),
    ('kdamonds/0/contexts/0/operations', None, ''),
    ('kdamonds/0/contexts/0/monitoring_attrs/nr_regions/max', '999', ''),
    ('kdamonds/0/contexts/0/avail_operations', None, ''),
)


# A kdamond stays in its first sampling interval.
FOR_EVER = {'intervals': damon.intervals(*[damon.ULONG_MAX] * 2)}


def state_of(task):
    with open(f'/proc/{task}/stat', encoding='ascii') as f:
        return f.read().rpartition(')')[2].split()[0]


def sleeps_in_command(task):
    """Is this a task of state "idle": asleep, but for no signal?"""
    return state_of(task) == 'I'


@contextlib.contextmanager
def waited_for(kdamond, word):
    """Somebody waits for a command, until the kdamond ends; gives what errno that is."""
    errors = []
    waiter = threading.Thread(target=lambda: errors.append(damon.errno_of(kdamond.command, word)))
    waiter.start()
    try:
        check(wait_until(lambda: waiter.is_alive() and sleeps_in_command(waiter.native_id)),
              f'{word} does not wait')
        yield errors
        check(waiter.is_alive(), f'{word} was over before')
    finally:
        kdamond.stop()
        waiter.join()


def busy_while_a_walk_is_waited_for():
    with workload(MIB) as work:
        scheme = damon.stat_scheme(filters=[damon.filter_of('addr')])
        kdamond, = damon.kdamonds(damon.context([work.pid], [scheme], attrs=FOR_EVER))
        kdamond.start()
        with waited_for(kdamond, UPDATES[0]):
            got = [damon.errno_of(damon.read, path) if text is None else
                   damon.errno_of(damon.write, path, text) for path, text, _ in LOCKED]
    for (path, text, error), errno in zip(LOCKED, got):
        equal(f'{"read of" if text is None else repr(text) + " to"} {path}', errno, error)


def off_ends_who_waits():
    for word in UPDATES:
        with workload(MIB) as work:
            kdamond = configured(work.pid, attrs=FOR_EVER)
            kdamond.start()
            with waited_for(kdamond, word) as errors:
                pass
        equal(word, errors, ['ECANCELED'])


def signals_do_not_end_a_wait():
    """Not even that which kills; the process is gone when the command is done."""
    with workload(MIB) as work:
        kdamond = configured(work.pid, attrs=FOR_EVER)
        kdamond.start()
        with subprocess.Popen(['sh', '-c', f'echo {UPDATES[0]} > "$0"',
                               f'{damon.ADMIN}/{kdamond.path}/state']) as waiter:
            try:
                check(wait_until(lambda: sleeps_in_command(waiter.pid)), 'it does not wait')
                waiter.kill()
                time.sleep(0.3)
                waiting = waiter.poll() is None
            finally:
                kdamond.stop()
            equal('status', waiter.wait(), -9)
    check(waiting, 'it was let go')


def a_busy_kdamond_keeps_out_no_other():
    """While somebody waits for one kdamond all commands to another one are carried out."""
    with ticking(), workload(8 * MIB) as work:
        slow, quick = damon.kdamonds(*(
            damon.context([work.pid], [damon.stat_scheme()], attrs=attrs)
            for attrs in (FOR_EVER, {})))
        slow.start()
        with waited_for(slow, UPDATES[0]):
            quick.start()
            for word, error in dict(STEPS)['running']:
                if word != 'off':
                    equal(f'{word!r} beside a busy kdamond', damon.errno_of(quick.command, word),
                          error)
            damon.write(f'{quick.context}/targets/0/regions/nr_regions', 2)
            quick.stop()
            check(not quick.running(), 'off did not stop it')


LOOKS = 60
INACTIVE = damon.watermarks('free_mem_rate', 30000, 1, 1, 0)


def adds_no_load(sample_us, **files):
    """A kdamond runs, or is idle; what sleeps otherwise adds to the load, or takes signals."""
    with ticking(), workload(8 * MIB) as work:
        attrs = {'intervals': damon.intervals(sample_us, 4 * sample_us)}
        kdamond, = damon.kdamonds(
            damon.context([work.pid], [damon.stat_scheme(**files)], attrs=attrs))
        kdamond.start()
        pid, seen = kdamond.pid(), collections.Counter()
        for i in range(LOOKS):
            seen[state_of(pid)] += 1
            time.sleep(0.02 + i / 10007)
        tried = kdamond.stats()['nr_tried']
        kdamond.stop()
    print(f'# {dict(seen)}, {tried} regions tried')
    check(seen['I'] and set(seen) <= set('IR'), f'it was in states {dict(seen)}')
    equal('it worked', tried > 0, not files)


def cases():
    for action in (every_keyword_in_every_state, no_context, pid_names_the_thread,
                   ends_with_the_target, update_while_the_target_dies, no_scheme_no_walk,
                   results_outlive_off, bytes_without_directories, staged_values_wait,
                   busy_while_a_walk_is_waited_for, off_ends_who_waits, signals_do_not_end_a_wait,
                   a_busy_kdamond_keeps_out_no_other):
        yield action.__name__.replace('_', ' '), action
    for sample_us in (5000, 100000):
        yield f'adds no load, samples every {sample_us} us', lambda us=sample_us: adds_no_load(us)
    yield 'adds no load, inactive', lambda: adds_no_load(5000, watermarks=INACTIVE)


require()
run(cases())
