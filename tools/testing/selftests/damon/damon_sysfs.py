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
            write(f'{sub}/nr_{name.removeprefix("core_").removeprefix("ops_")}', len(value))
            for i, child in enumerate(value):
                stage(f'{sub}/{i}', child)
        elif isinstance(value, dict):
            stage(sub, value)
        else:
            write(sub, value)


def limits(low=0, high=ULONG_MAX):
    return {'min': low, 'max': high}


def scheme(action='stat', sz=(), nr_accesses=(), age=(), **files):
    """A scheme for regions inside closed ranges; files: the rest of its directory.

    For quotas=, watermarks=, filters=, core_filters=, ops_filters= and dests= see the
    functions below.
    """
    return {
        'access_pattern': {
            'sz': limits(*sz),
            'nr_accesses': limits(*nr_accesses),
            'age': limits(*age),
        },
        'action': action,
        **files,
    }


def stat_scheme(sz=(), nr_accesses=(), age=(), apply_interval_us=0, **files):
    """A scheme that only reports the regions inside the given closed ranges."""
    return scheme('stat', sz, nr_accesses, age, apply_interval_us=apply_interval_us, **files)


def quotas(ms=0, bytes=0, reset_interval_ms=0, weights=(0, 0, 0), goals=(), **files):
    """Limits; weights: permil of size, access frequency and age."""
    names = ('sz_permil', 'nr_accesses_permil', 'age_permil')
    return {'ms': ms, 'bytes': bytes, 'reset_interval_ms': reset_interval_ms,
            'weights': dict(zip(names, weights)), 'goals': list(goals), **files}


def goal(metric, target_value, current_value=0, **files):
    """A goal; files: nid, path."""
    return {'target_metric': metric, **files, 'target_value': target_value,
            'current_value': current_value}


def watermarks(metric='none', interval_us=0, high=0, mid=0, low=0):
    return {'metric': metric, 'interval_us': interval_us, 'high': high, 'mid': mid, 'low': low}


def filter_of(kind, matching=True, allow=False, **files):
    """A filter; files: memcg_path, addr_start, addr_end, min, max, damon_target_idx."""
    return {'type': kind, 'matching': flag(matching), 'allow': flag(allow), **files}


def flag(value):
    return 'Y' if value else 'N'


def dest(nid, weight):
    return {'id': nid, 'weight': weight}


def intervals(sample_us, aggr_us, update_us=60000000):
    return {'sample_us': sample_us, 'aggr_us': aggr_us, 'update_us': update_us}


def probe(*filters, weight=0):
    """A probe, for the list probes of monitoring_attrs; filters: filter_of(), with path=."""
    return {'weight': weight, 'filters': list(filters)}


def target(pid, regions=(), obsolete=False):
    return {'pid_target': pid, **({'obsolete_target': 'Y'} if obsolete else {}),
            'regions': [{'start': s, 'end': e} for s, e in regions]}


def context(pids=(), schemes=(), operations='vaddr', attrs=None, **files):
    """A context; an item of pids is a pid or what target() returns; files: pause, addr_unit."""
    return {
        'operations': operations,
        **files,
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

    def commit(self, **files):
        """Have it use what is staged, after these changes below the context."""
        stage(self.context, files)
        self.command('commit')

    def scheme(self, path, nr=0):
        """What a file below a scheme reads."""
        return read(f'{self.context}/schemes/{nr}/{path}')

    def stats(self, scheme=0):
        """Statistics of a scheme as of now, by their file names."""
        self.command('update_schemes_stats')
        path = f'{self.context}/schemes/{scheme}/stats'
        return {name: int(read(f'{path}/{name}')) for name in os.listdir(f'{ADMIN}/{path}')}

    def effective_bytes(self, scheme=0):
        self.command('update_schemes_effective_quotas')
        return int(self.scheme('quotas/effective_bytes', scheme))

    def running(self):
        return read(f'{self.path}/state') == 'on'

    def pid(self):
        return int(read(f'{self.path}/pid'))

    def tried_bytes(self, scheme=0):
        self.command('update_schemes_tried_bytes')
        return int(read(f'{self.context}/schemes/{scheme}/tried_regions/total_bytes'))

    def let_aggregate(self, number, scheme=0):
        """Wait for so many passes of a scheme, of which by default an aggregation has one."""
        for _ in range(number):
            self.tried_bytes(scheme)

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
