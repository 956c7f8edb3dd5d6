# SPDX-License-Identifier: GPL-2.0
"""Memory seen from outside of DAMON: cgroups, nodes, frames, counters of the kernel."""

import contextlib
import os
import re
import struct
import subprocess

from damon_workload import helper

PAGE = os.sysconf('SC_PAGE_SIZE')
CGROUPS = '/sys/fs/cgroup'
PRESENT = 1 << 63
PFN_MASK = (1 << 55) - 1


def read(path):
    with open(path, encoding='ascii') as f:
        return f.read()


def put(path, value):
    with open(path, 'w', encoding='ascii') as f:
        f.write(str(value))


def numbers(text):
    """Lines of a name and a number."""
    return {name: int(value) for name, value in re.findall(r'^(\S+?):? +(\d+)', text, re.M)}


def vmstat(name):
    return numbers(read('/proc/vmstat'))[name]


def ram():
    """First and last address of System RAM."""
    banks = re.findall(r'^(\w+)-(\w+) : System RAM', read('/proc/iomem'), re.M)
    return int(banks[0][0], 16), int(banks[-1][1], 16) + 1


def memory_nodes():
    """Numbers of the nodes that have memory."""
    nodes = set()
    for part in read('/sys/devices/system/node/has_memory').strip().split(','):
        first, _, last = part.partition('-')
        nodes.update(range(int(first), int(last or first) + 1))
    return sorted(nodes)


class Group:
    """A memory cgroup, and what it tells about its memory."""

    def __init__(self, name):
        self.path = f'/damon-{name}'
        self.dir = CGROUPS + self.path

    def stat(self, name):
        return numbers(read(f'{self.dir}/memory.stat'))[name]

    def swapped(self):
        return int(read(f'{self.dir}/memory.swap.current'))

    def on_node(self, name, nid):
        line = re.search(rf'^{name} .*', read(f'{self.dir}/memory.numa_stat'), re.M)[0]
        return int(re.search(rf'N{nid}=(\d+)', line)[1])


@contextlib.contextmanager
def group(name):
    new = Group(name)
    put(f'{CGROUPS}/cgroup.subtree_control', '+memory')
    os.mkdir(new.dir)
    try:
        yield new
    finally:
        os.rmdir(new.dir)


class Pages:
    """pages.c under control."""

    def __init__(self, proc):
        self.proc = proc
        self.pid = proc.pid
        self.start, self.size = (int(n, 16) for n in proc.stdout.readline().split())

    def tell(self, words):
        self.proc.stdin.write(words + '\n')
        self.proc.stdin.flush()
        return self.proc.stdout.readline().strip()

    def frames(self):
        """Numbers of the frames of the pages that are present, by address."""
        with open(f'/proc/{self.pid}/pagemap', 'rb') as f:
            f.seek(self.start // PAGE * 8)
            data = f.read(self.size // PAGE * 8)
        return [entry & PFN_MASK for entry, in struct.iter_unpack('Q', data) if entry & PRESENT]

    def ranges(self):
        """The physical ranges of the frames, by ascending address."""
        ranges = []
        for pfn in sorted(set(self.frames())):
            if ranges and ranges[-1][1] == pfn * PAGE:
                ranges[-1][1] += PAGE
            else:
                ranges.append([pfn * PAGE, (pfn + 1) * PAGE])
        return [tuple(r) for r in ranges]

    def on_node(self, nid):
        """Bytes of the mapping on a node."""
        for line in read(f'/proc/{self.pid}/numa_maps').splitlines():
            if int(line.split()[0], 16) != self.start:
                continue
            unit = int(re.search(r'kernelpagesize_kB=(\d+)', line)[1]) << 10
            found = re.search(rf'\bN{nid}=(\d+)', line)
            return int(found[1]) * unit if found else 0
        return 0


@contextlib.contextmanager
def pages(kind, what, node=None, in_group=None):
    """A process with memory; what is its size, or the path of a file."""
    argv = ['pages', kind, what] + ([] if node is None else [node])
    join = in_group and (lambda: put(f'{in_group.dir}/cgroup.procs', os.getpid()))
    with helper(*argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                preexec_fn=join) as proc:
        try:
            yield Pages(proc)
        finally:
            proc.kill()
            proc.wait()
