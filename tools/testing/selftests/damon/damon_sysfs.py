# SPDX-License-Identifier: GPL-2.0
"""The DAMON sysfs interface: stage trees of parameters, drive kdamonds, read results."""

import collections
import errno
import os

ADMIN = '/sys/kernel/mm/damon/admin'
ULONG_MAX = (1 << 64) - 1

Region = collections.namedtuple('Region', 'start end nr_accesses age sz_filter_passed')


def present():
    return os.path.isfile(f'{ADMIN}/kdamonds/nr_kdamonds')


def read(path):
    with open(os.path.join(ADMIN, path), encoding='ascii') as f:
        return f.read().removesuffix('\n')


def write(path, value):
    """One write() of exactly the bytes of value."""
    fd = os.open(os.path.join(ADMIN, path), os.O_WRONLY)
    try:
        data = str(value).encode()
        if os.write(fd, data) != len(data):
            raise OSError(errno.EIO, 'short write', path)
    finally:
        os.close(fd)


def errno_of(action, *args):
    """Name of the errno action fails with, '' when it succeeds."""
    try:
        action(*args)
    except OSError as e:
        return errno.errorcode[e.errno]
    return ''


def stage(path, tree):
    """Write a tree: a list makes as many numbered directories, a dict is a directory."""
    for name, value in tree.items():
        sub = f'{path}/{name}'
        if isinstance(value, list):
            write(f'{sub}/nr_{name}', len(value))
            for i, child in enumerate(value):
                stage(f'{sub}/{i}', child)
        elif isinstance(value, dict):
            stage(sub, value)
        else:
            write(sub, value)


def limits(low=0, high=ULONG_MAX):
    return {'min': low, 'max': high}


def stat_scheme(sz=(), nr_accesses=(), age=(), apply_interval_us=0):
    """A scheme that only reports the regions inside the given closed ranges."""
    return {
        'access_pattern': {
            'sz': limits(*sz),
            'nr_accesses': limits(*nr_accesses),
            'age': limits(*age),
        },
        'action': 'stat',
        'apply_interval_us': apply_interval_us,
    }


def intervals(sample_us, aggr_us, update_us=60000000):
    return {'sample_us': sample_us, 'aggr_us': aggr_us, 'update_us': update_us}


def target(pid, regions=()):
    return {'pid_target': pid, 'regions': [{'start': s, 'end': e} for s, e in regions]}


def context(pids=(), schemes=(), operations='vaddr', attrs=None):
    """A context; an item of pids is a pid or what target() returns."""
    return {
        'operations': operations,
        'monitoring_attrs': attrs or {},
        'targets': [p if isinstance(p, dict) else target(p) for p in pids],
        'schemes': list(schemes),
    }


class Kdamond:
    """One numbered directory of kdamonds/ with a single context."""

    def __init__(self, nr=0):
        self.path = f'kdamonds/{nr}'
        self.context = f'{self.path}/contexts/0'

    def stage(self, ctx):
        stage(self.path, {'contexts': [ctx]})
        return self

    def command(self, keyword):
        write(f'{self.path}/state', keyword)

    def start(self):
        self.command('on')
        return self

    def stop(self):
        self.command('off')

    def running(self):
        return read(f'{self.path}/state') == 'on'

    def pid(self):
        return int(read(f'{self.path}/pid'))

    def tried_bytes(self, scheme=0):
        self.command('update_schemes_tried_bytes')
        return int(read(f'{self.context}/schemes/{scheme}/tried_regions/total_bytes'))

    def snapshot(self, scheme=0):
        self.command('update_schemes_tried_regions')
        return self.tried_regions(scheme)

    def tried_regions(self, scheme=0):
        path = f'{self.context}/schemes/{scheme}/tried_regions'
        numbers = sorted(int(n) for n in os.listdir(f'{ADMIN}/{path}') if n.isdigit())
        return [Region(*(int(read(f'{path}/{n}/{name}')) for name in Region._fields))
                for n in numbers]


def kdamonds(*contexts):
    """Fresh kdamond directories, one for each context."""
    write('kdamonds/nr_kdamonds', len(contexts))
    return [Kdamond(i).stage(ctx) for i, ctx in enumerate(contexts)]


def reset():
    """Stop everything and remove all directories."""
    for i in range(int(read('kdamonds/nr_kdamonds'))):
        if Kdamond(i).running():
            Kdamond(i).stop()
    write('kdamonds/nr_kdamonds', 0)
