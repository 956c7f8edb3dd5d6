# SPDX-License-Identifier: GPL-2.0
"""What the DAMON tests share: running cases as TAP, the kernel log."""

import contextlib
import functools
import os
import re
import signal
import subprocess
import sys
import time
import traceback

sys.path.append(os.path.join(os.path.dirname(os.path.realpath(__file__)), '../kselftest'))

import damon_sysfs as damon
import ksft
from damon_workload import MIB

PAGE = os.sysconf('SC_PAGE_SIZE')
CGROUP = '/sys/fs/cgroup'
SPLAT = re.compile(r'BUG:|WARNING:|INFO: task .* blocked|KASAN|KCSAN|UBSAN|Oops|RIP:|'
                   r'possible circular|suspicious RCU|refcount_t|general protection')


# Seconds of 1000 reads of a sysfs file by a machine all limits here are made for.
USUAL_S = 0.1


class Skip(Exception):
    pass


def skip_all(reason):
    print(f'1..0 # SKIP {reason}')
    sys.exit(ksft.KSFT_SKIP)


def require(memory=0):
    """Skip the whole program when it cannot test anything here."""
    if os.geteuid():
        skip_all('needs root')
    if not damon.present():
        skip_all(f'no DAMON sysfs interface at {damon.ADMIN}')
    with open('/proc/meminfo', encoding='ascii') as f:
        available = int(re.search(r'MemAvailable:\s+(\d+)', f.read())[1]) << 10
    if available < memory:
        skip_all(f'needs {memory // MIB} MiB of free memory, has {available // MIB}')


def equal(what, got, wanted):
    if got != wanted:
        raise AssertionError(f'{what}: got {got!r}, wanted {wanted!r}')


def check(condition, complaint):
    if not condition:
        raise AssertionError(complaint)


@functools.cache
def slowness():
    """How many times longer than usual things take, as under a debug kernel; at least 1."""
    begin = time.monotonic()
    for _ in range(1000):
        damon.read('kdamonds/nr_kdamonds')
    return max(1, (time.monotonic() - begin) / USUAL_S)


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds * slowness()
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def stays(read, seconds=0.5):
    """Whether what is read is the same for a while, which is not longer on a slow machine."""
    before, end = read(), time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.02)
        if read() != before:
            return False
    return True


@contextlib.contextmanager
def cgroup(name):
    path = f'{CGROUP}/{name}'
    if 'memory' not in read_or_empty(f'{CGROUP}/cgroup.controllers').split():
        raise Skip('no memory controller in cgroup v2')
    with open(f'{CGROUP}/cgroup.subtree_control', 'w', encoding='ascii') as f:
        f.write('+memory')
    os.mkdir(path)
    try:
        yield f'/{name}'
    finally:
        os.rmdir(path)


def read_or_empty(path):
    with contextlib.suppress(OSError), open(path, encoding='ascii') as f:
        return f.read()
    return ''


def timed_out(*_):
    raise AssertionError('timed out')


def run_case(name, action, seconds):
    signal.alarm(int(seconds * slowness()))
    try:
        action()
        ksft.test_result_pass(name)
    except Skip as e:
        ksft.print_msg(e)
        ksft.test_result_skip(name)
    except Exception as e:
        ksft.print_msg(f'{type(e).__name__}: {e}')
        if not isinstance(e, AssertionError):
            for line in traceback.format_exc().splitlines():
                ksft.print_msg(line)
        ksft.test_result_fail(name)
    finally:
        signal.alarm(0)


def clean_up():
    """Let the next case start from nothing, whatever the last one left."""
    with contextlib.suppress(OSError, AssertionError):
        damon.reset()


def log_lines():
    return subprocess.run(['dmesg'], capture_output=True, text=True, check=True,
                          errors='replace').stdout.splitlines()


def run(cases, seconds=60, words=()):
    """Run (name, function) pairs, then look for splats, print TAP and exit.

    A case has that many seconds, more on a slow machine.  Words choose cases whose name
    has one of them in it.
    """
    sys.stdout.reconfigure(line_buffering=True)
    signal.signal(signal.SIGALRM, timed_out)
    marker = f'damon selftest {os.path.basename(sys.argv[0])} {os.getpid()}'
    with open('/dev/kmsg', 'w', encoding='ascii') as f:
        f.write(marker + '\n')

    def no_splat():
        lines = log_lines()
        first = max(i for i, line in enumerate(lines) if marker in line)
        check(not any(SPLAT.search(line) for line in lines[first + 1:]),
              'the kernel log has:\n' + '\n'.join(lines[first + 1:][-60:]))

    ksft.print_header()
    cases = [case for case in cases if any(word in case[0] for word in words or [''])]
    check(cases, f'no case has any of {words} in its name')
    cases.append(('no splat in the kernel log', no_splat))
    ksft.set_plan(len(cases))
    for name, action in cases:
        run_case(name, action, seconds)
        clean_up()
    ksft.finished()
