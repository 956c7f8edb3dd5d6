# SPDX-License-Identifier: GPL-2.0
"""What the bench measures: a row each; a new one needs no more than its line here.

measure names a function of bench_guest.MEASURES, load the memory that is
monitored (see bench-load.c), mem_mb the guest; rows with equal mem_mb share a boot.
What a row has beyond the one that above names is shown too.
"""
import collections

import bench_modules

TIGHT_MB, SMALL_MB, BIG_MB = 1024, 3072, 10240

Load = collections.namedtuple('Load', 'pages mib period_ms')
Row = collections.namedtuple('Row', 'name measure ops regions load mem_mb schemes above')

# All touched again between any two samples, or never again.
HOT = Load('small', 1024, 10)
IDLE = Load('small', 1024, 0)
HUGE = Load('huge', 1024, 10)
VMAS = Load('vmas', 1024, 10)
BIG = Load('small', 8192, 0)
MIDDLE = Load('small', 4096, 0)
OWN = Load('none', 0, 0)  # the measure has its own program
WIDE = Load('small', 4096, 10)
SHARED = Load('shared', 1024, 10)

# A sequence of stat schemes: how many, and whether their pattern matches.
Schemes = collections.namedtuple('Schemes', 'count matching')
NONE = Schemes(0, False)


def row(name, measure='sampling', ops='vaddr', regions=1000, load=HOT, mem_mb=SMALL_MB,
        schemes=NONE, above=None):
    return Row(name, measure, ops, regions, load, mem_mb, schemes, above)


ROWS = [
    *(row(f'{ops}-{n}', ops=ops, regions=n)
      for ops in ('vaddr', 'fvaddr', 'paddr') for n in (10, 100, 1000, 5000)),
    row('mmap-vaddr-1000', 'mmap_loop'),
    row('mmap-vaddr-5000', 'mmap_loop', regions=5000),
    row('lock-vaddr-5000', 'lock_hold', regions=5000),
    row('schemes-0'),
    *(row(f'schemes-{n}-{what}', schemes=Schemes(n, what == 'all'), above='schemes-0')
      for what in ('none', 'all') for n in (1, 4, 16)),
    row('gated', 'gated'),
    row('memory-vaddr-5000', 'memory', regions=5000),
    row('huge-vaddr-1000', load=HUGE),
    row('huge-vaddr-5000', regions=5000, load=HUGE),
    row('vmas-vaddr-1000', load=VMAS),
    row('vmas-vaddr-5000', regions=5000, load=VMAS),
    row('idle-vaddr-1000', load=IDLE),
    *(row(name, name, load=OWN, mem_mb=TIGHT_MB) for name in bench_modules.ROWS),
    row('huge-paddr-1000', ops='paddr', load=HUGE),
    row('huge-paddr-5000', ops='paddr', regions=5000, load=HUGE),
    row('shared-paddr-1000', ops='paddr', load=SHARED),
    row('idle-paddr-1000', ops='paddr', load=IDLE),
    row('4g-vaddr-1000', load=MIDDLE, mem_mb=BIG_MB),
    row('8g-vaddr-1000', load=BIG, mem_mb=BIG_MB),
    *(row(f'4g-paddr-{n}', ops='paddr', regions=n, load=WIDE, mem_mb=BIG_MB)
      for n in (100, 1000, 5000)),
]

NAMES = [r.name for r in ROWS]


def chosen(words):
    """Rows whose name, or the beginning of whose name, is among words; all without words."""
    named = [r for r in ROWS
             if not words or any(r.name == w or r.name.startswith(w + '-') for w in words)]
    bases = {r.above for r in named}
    return [r for r in ROWS if r in named or r.name in bases]
