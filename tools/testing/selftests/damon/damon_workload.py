# SPDX-License-Identifier: GPL-2.0
"""Programs with a known access pattern, to be monitored."""

import contextlib
import os
import subprocess

BIN = os.environ.get('DAMON_WORKLOADS', os.path.dirname(os.path.realpath(__file__)))
MIB = 1 << 20


@contextlib.contextmanager
def helper(*argv, **kwargs):
    """A program of BIN, killed at the end of the block."""
    with subprocess.Popen([os.path.join(BIN, argv[0]), *map(str, argv[1:])], **kwargs) as proc:
        try:
            yield proc
        finally:
            proc.kill()


def ticking():
    """A process that wakes every millisecond, see tick.c."""
    return helper('tick')


class Workload:
    """touch.c under control: what it maps, and what it touches now."""

    def __init__(self, proc):
        self.proc = proc
        self.pid = proc.pid
        self.start = int(proc.stdout.readline(), 16)

    def hot(self, *ranges):
        """Touch only these (offset, length) ranges from now on; wait until it does."""
        words = ' '.join(f'{off} {length}' for off, length in ranges)
        self.proc.stdin.write(words + '\n')
        self.proc.stdin.flush()
        self.proc.stdout.readline()
        return [(self.start + off, self.start + off + length) for off, length in ranges]

    def end(self):
        """Kill and reap: a zombie still counts as a target."""
        self.proc.kill()
        self.proc.wait()


@contextlib.contextmanager
def workload(size, pages='small', **kwargs):
    with helper('touch', pages, size, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                text=True, **kwargs) as proc:
        yield Workload(proc)


def overlap(start, end, ranges):
    return sum(max(0, min(end, e) - max(start, s)) for s, e in ranges)
