# SPDX-License-Identifier: GPL-2.0
"""Memory seen from outside of DAMON: cgroups, nodes, frames, counters of the kernel."""

import contextlib
import errno
import itertools
import os
import re
import struct
import subprocess

from damon_test import Skip, check, wait_until
from damon_workload import helper, MIB

PAGE = os.sysconf('SC_PAGE_SIZE')
CGROUPS = '/sys/fs/cgroup'
KSM = '/sys/kernel/mm/ksm'
PRESENT, SWAPPED = 1 << 63, 1 << 62
PFN_MASK = (1 << 55) - 1
KPF_THP = 1 << 22


def read(path):
    with open(path, encoding='ascii') as f:
        return f.read()


def put(path, value):
    with open(path, 'w', encoding='ascii') as f:
        f.write(str(value))


def can_put(path, value):
    try:
        put(path, value)
    except OSError as e:
        if e.errno != errno.EBUSY:
            raise
        return False
    return True


@contextlib.contextmanager
def setting(path, value):
    """Some settings of KSM cannot be changed while what has ended still shares pages."""
    old = read(path)
    check(wait_until(lambda: can_put(path, value), 30), f'{path} is busy')
    try:
        yield
    finally:
        check(wait_until(lambda: can_put(path, old), 30), f'{path} stays busy')


@contextlib.contextmanager
def no_swap():
    """Nothing leaves memory, or comes back, meanwhile."""
    devices = [line.split()[0] for line in read('/proc/swaps').splitlines()[1:]]
    for device in devices:
        subprocess.run(['swapoff', device], check=True)
    try:
        yield
    finally:
        for device in devices:
            subprocess.run(['swapon', device], check=True)


def numbers(text):
    """Lines of a name and a number."""
    return {name: int(value) for name, value in re.findall(r'^(\S+?):? +(-?\d+)', text, re.M)}


def vmstat(name):
    return numbers(read('/proc/vmstat'))[name]


def node_stats(nid, name='meminfo'):
    """The counters of a node, in pages (name 'vmstat') or KiB."""
    text = read(f'/sys/devices/system/node/node{nid}/{name}')
    return numbers(text.replace(f'Node {nid} ', ''))


def isolated():
    """Pages off their LRU lists for a while, as (node, kind) -> number; exact."""
    put('/proc/sys/vm/stat_refresh', 1)
    found = {(nid, name): node_stats(nid, 'vmstat')[name] for nid in memory_nodes()
             for name in ('nr_isolated_anon', 'nr_isolated_file')}
    return {key: number for key, number in found.items() if number}


def libraries():
    """Paths of programs and libraries of some size."""
    for path, _, names in os.walk('/usr/lib'):
        for name in (f'{path}/{n}' for n in sorted(names)):
            if os.path.isfile(name) and not os.path.islink(name) and \
               2 * MIB < os.path.getsize(name) < 64 * MIB:
                yield name


def mapped_files():
    """Paths of the files that some process maps."""
    paths = set()
    for pid in filter(str.isdigit, os.listdir('/proc')):
        with contextlib.suppress(OSError):
            paths.update(re.findall(r'/.*', read(f'/proc/{pid}/maps')))
    return paths


def uncached_files(number):
    """Paths of files that nobody maps, after they were dropped from the page cache."""
    mapped = mapped_files()
    paths = list(itertools.islice((path for path in libraries() if path not in mapped), number))
    if len(paths) < number:
        raise Skip(f'no {number} files of some size in /usr/lib')
    for path in paths:
        with open(path, 'rb') as f:
            os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return paths


def page_flags(pfn):
    with open('/proc/kpageflags', 'rb') as f:
        f.seek(pfn * 8)
        return struct.unpack('Q', f.read(8))[0]


def ram_banks():
    """First and last address of each bank of System RAM."""
    banks = re.findall(r'^(\w+)-(\w+) : System RAM', read('/proc/iomem'), re.M)
    return [(int(first, 16), int(last, 16) + 1) for first, last in banks]


def ram():
    """First and last address of System RAM."""
    banks = ram_banks()
    return banks[0][0], banks[-1][1]


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

    def entries(self):
        """What pagemap has of each page."""
        with open(f'/proc/{self.pid}/pagemap', 'rb') as f:
            f.seek(self.start // PAGE * 8)
            data = f.read(self.size // PAGE * 8)
        return [entry for entry, in struct.iter_unpack('Q', data)]

    def frames(self):
        """Numbers of the frames of the pages that are present, by address."""
        return [entry & PFN_MASK for entry in self.entries() if entry & PRESENT]

    def swapped(self):
        """Bytes in swap."""
        return sum(PAGE for entry in self.entries() if entry & SWAPPED)

    def smaps(self, name):
        """Bytes of the mapping, whatever parts it has, that smaps has as such."""
        found = re.findall(rf'^(\w+)-\w+ [-r].*?^{name}: +(\d+)',
                           read(f'/proc/{self.pid}/smaps'), re.M | re.S)
        return sum(int(kib) << 10 for start, kib in found
                   if self.start <= int(start, 16) < self.start + self.size)

    def rss(self):
        """Bytes of the mapping that are resident."""
        return self.smaps('Rss')

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


@contextlib.contextmanager
def merged(size, node=None, sharing=8):
    """A process with pages of equal contents, about that many of them merged into each."""
    if not os.path.exists(KSM):
        raise Skip('no KSM')
    # 2 undoes all merging: before the limit is changed, and before it is changed back
    with setting(f'{KSM}/run', 2), setting(f'{KSM}/max_page_sharing', sharing), \
            setting(f'{KSM}/run', 2), setting(f'{KSM}/pages_to_scan', 10000), \
            setting(f'{KSM}/sleep_millisecs', 10), pages('same', size, node) as work:
        put(f'{KSM}/run', 1)
        check(wait_until(lambda: len(set(work.frames())) * PAGE < 2 * size // sharing, 60),
              f'{len(set(work.frames()))} different pages')
        put(f'{KSM}/run', 0)
        yield work
