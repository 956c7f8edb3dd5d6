#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Probes of physical memory: which memory has an attribute, instead of or beside accesses."""

import collections
import contextlib
import os
import time

import damon_sysfs as damon
from damon_memory import group, pages
from damon_paddr import context, largest, running
from damon_test import check, equal, require, run
from damon_workload import MIB, overlap, ticking

SIZE = 4 * MIB
SAMPLES = 20
SETTLE_S, PATIENCE = 1, 8
HOLE = [(1 << 50, (1 << 50) + SIZE)]

Found = collections.namedtuple('Found', 'start end nr_accesses hits')

GROUP = {'path': '/damon-probed'}
ALL = {'grouped', 'anon', 'shared', 'hole'}
# filters as (type, matching, allow, arguments), and what they say has the attribute
ROWS = (
    ('no filters', [], ALL),
    ('allow anon', [('anon', True, True, {})], {'grouped', 'anon'}),
    ('allow not anon', [('anon', False, True, {})], {'shared', 'hole'}),
    ('reject anon', [('anon', True, False, {})], {'shared', 'hole'}),
    ('allow memcg', [('memcg', True, True, GROUP)], {'grouped'}),
    ('reject memcg', [('memcg', True, False, GROUP)], ALL - {'grouped'}),
    ('reject memcg, allow anon', [('memcg', True, False, GROUP), ('anon', True, True, {})],
     {'anon'}),
)


@contextlib.contextmanager
def memory():
    """Ranges by name; the anonymous memory is touched all the time."""
    with group('probed') as memcg, pages('anon', SIZE, in_group=memcg) as grouped, \
            pages('anon', SIZE) as anon, pages('shared', SIZE) as shared, ticking():
        anon.tell('touch')
        yield {'grouped': largest(grouped.ranges()), 'anon': largest(anon.ranges()),
               'shared': largest(shared.ranges()), 'hole': HOLE}


def tried(kdamond):
    kdamond.command('update_schemes_tried_regions')
    top = f'{kdamond.context}/schemes/0/tried_regions'
    for name in filter(str.isdigit, os.listdir(f'{damon.ADMIN}/{top}')):
        path = f'{top}/{name}'
        hits = [int(damon.read(f'{path}/probes/{p}/hits'))
                for p in sorted(os.listdir(f'{damon.ADMIN}/{path}/probes'))]
        yield Found(*(int(damon.read(f'{path}/{f}')) for f in Found._fields[:3]), hits)


def mean(found, ranges, value):
    parts = [(overlap(f.start, f.end, ranges), value(f)) for f in found]
    return sum(size * v for size, v in parts) / sum(size for size, _ in parts)


def observed(ranges, *probes, settled=lambda found: True):
    """Regions with their hits after a while, a longer one where they have not settled."""
    attrs = {'probes': list(probes), 'intervals': damon.intervals(5000, 5000 * SAMPLES),
             'nr_regions': damon.limits(10, 1000)}
    every = sorted(r for part in ranges.values() for r in part)
    with running(context(every, damon.stat_scheme(), attrs=attrs)) as kdamond:
        for _ in range(PATIENCE):
            time.sleep(SETTLE_S)
            found = list(tried(kdamond))
            if settled(found):
                break
        return found


def probe(filters, weight):
    return damon.probe(*(damon.filter_of(kind, matching, allow, **files)
                         for kind, matching, allow, files in filters), weight=weight)


def hit(filters, wanted):
    """Nearly all or nearly no samples are hits, and nothing is checked for accesses."""
    with memory() as ranges:
        found = observed(ranges, probe(filters, 1))
    shares = {name: mean(found, part, lambda f: f.hits[0]) / SAMPLES
              for name, part in ranges.items()}
    print('#', {name: f'{share:.2f}' for name, share in shares.items()})
    check(all(share < 0.2 or share > 0.7 for share in shares.values()), 'neither nor')
    equal('hits', {name for name, share in shares.items() if share > 0.7}, wanted)
    equal('accesses', sum(f.nr_accesses for f in found), 0)


def beside_accesses():
    """Without a weight, hits are counted of the same samples as accesses."""
    with memory() as ranges:
        found = observed(ranges, probe([('memcg', True, True, GROUP)], 0),
                         probe([('anon', True, True, {})], 0), settled=lambda regions: mean(
                             regions, ranges['anon'], lambda f: f.nr_accesses) > SAMPLES / 2)
    for name, wanted in (('grouped', (0, 1, 1)), ('anon', (1, 0, 1)), ('shared', (0, 0, 0))):
        part = ranges[name]
        got = tuple(mean(found, part, value) / SAMPLES for value in
                    (lambda f: f.nr_accesses, lambda f: f.hits[0], lambda f: f.hits[1]))
        print('# %s: accesses %.2f, hits %.2f and %.2f' % (name, *got))
        check(all(g < 0.2 if not w else g > 0.5 for g, w in zip(got, wanted)),
              f'{name} is not {wanted}')


require(memory=200 * MIB)
run([(name, lambda f=filters, w=wanted: hit(f, w)) for name, filters, wanted in ROWS] +
    [('beside accesses', beside_accesses)])
