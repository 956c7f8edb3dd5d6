# SPDX-License-Identifier: GPL-2.0
"""What the tests of virtual address spaces share: processes to watch, and what is known of them."""

import contextlib
import os
import re
import subprocess

from damon_test import check, Skip

PROGRAM = '''
import ctypes, mmap, sys
maps = {}
libc = ctypes.CDLL(None)
def private(size):
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
def address(area):
    return ctypes.addressof(ctypes.c_char.from_buffer(area))
print(flush=True)
for line in sys.stdin:
    exec(line)
    print(flush=True)
'''


class Interpreter:
    """A process that runs lines of Python for us, and is idle in between."""

    def __init__(self):
        self.proc = subprocess.Popen(['python3', '-c', PROGRAM], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self.proc.pid
        self.proc.stdout.readline()

    def do(self, line):
        """Returns the line that it printed, which may be empty."""
        self.proc.stdin.write(line + '\n')
        self.proc.stdin.flush()
        answer = self.proc.stdout.readline()
        check(answer, f'died of {line}')
        if answer != '\n':
            self.proc.stdout.readline()
        return answer.strip()

    def end(self):
        self.proc.kill()
        self.proc.wait()


@contextlib.contextmanager
def interpreter():
    process = Interpreter()
    try:
        yield process
    finally:
        process.end()


def mappings(pid):
    with open(f'/proc/{pid}/maps', encoding='ascii') as f:
        return [tuple(int(x, 16) for x in line.split()[0].split('-')) for line in f
                if 'vsyscall' not in line]


def entry_of(pid, start, path):
    """What smaps says about the mapping that start is in."""
    with open(f'/proc/{pid}/{path}', encoding='ascii') as f:
        text = f.read()
    heads = list(re.finditer(r'^([0-9a-f]+)-([0-9a-f]+) .*$', text, re.M))
    for head, after in zip(heads, heads[1:] + [None]):
        if int(head[1], 16) <= start < int(head[2], 16):
            return text[head.end():after and after.start()]
    raise AssertionError(f'nothing mapped at {start:x}')


def smaps(pid, start, field):
    """kB of a field of the mapping that start is in."""
    return int(re.search(rf'^{field}:\s+(\d+)', entry_of(pid, start, 'smaps'), re.M)[1])


def vm_flags(pid, start):
    return re.search(r'^VmFlags: (.*)$', entry_of(pid, start, 'smaps'), re.M)[1].split()


def pages_on(pid, start, nid):
    """Pages on a node, of the mapping that begins at start."""
    with open(f'/proc/{pid}/numa_maps', encoding='ascii') as f:
        for line in f:
            if int(line.split()[0], 16) == start:
                found = re.search(rf' N{nid}=(\d+)', line)
                return int(found[1]) if found else 0
    return 0


def counter(path):
    with open(path, encoding='ascii') as f:
        return int(f.read())


def write(path, value):
    with open(path, 'w', encoding='ascii') as f:
        f.write(str(value))


@contextlib.contextmanager
def setting(path, value):
    """A value in a file of the system, for a while."""
    if not os.path.exists(path):
        raise Skip(f'no {path}')
    with open(path, encoding='ascii') as f:
        old = f.read().strip()
    chosen = re.search(r'\[(\S+)\]', old)
    write(path, value)
    try:
        yield
    finally:
        write(path, chosen[1] if chosen else old)


@contextlib.contextmanager
def huge_pages(kbytes, number):
    path = f'/sys/kernel/mm/hugepages/hugepages-{kbytes}kB/nr_hugepages'
    with setting(path, number):
        if counter(path) < number:
            raise Skip(f'no {number} huge pages of {kbytes} kB to be had')
        yield
