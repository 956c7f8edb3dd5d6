# SPDX-License-Identifier: GPL-2.0
"""The access patterns of bench-accuracy: a row each.

A pattern is a function of a random number generator and the pages there are; it gives
phases: seconds, and parts of the memory that are accessed meanwhile.  Of a part, rate
is the share of sampling intervals in which a page of it is accessed.  With each_page
that holds for each page by itself, else for all of them at the same time.
"""
import collections
import math
import random

PAGE = 4096
MIB = 256  # pages
TICKS = 2  # of bench-pattern, in a sampling interval

Memory = collections.namedtuple('Memory', 'kind mib file_mib guest_mb')
Row = collections.namedtuple('Row', 'name memory pattern bar_f1 title ops', defaults=('vaddr',))
Part = collections.namedtuple('Part', 'start pages rate each_page', defaults=(1, False))
Phase = collections.namedtuple('Phase', 'seconds parts')

SECONDS = 3


def scattered(rng, pages, count, size, unit=1):
    """Starts of that many parts of that size, apart by at least one of it."""
    room = pages // unit - 2 * count * (size // unit)
    gaps = sorted(rng.randint(0, room) for _ in range(count))
    return [(gap + 2 * i * (size // unit)) * unit for i, gap in enumerate(gaps)]


def spots(count, size, unit=1):
    def pattern(rng, pages):
        return [Phase(SECONDS, [Part(start, size)
                                for start in scattered(rng, pages, count, size, unit)])]
    return pattern


def stripes(rng, pages):
    width = 8 * MIB
    first = rng.randrange(width)
    return [Phase(SECONDS, [Part(start, width)
                            for start in range(first, pages - width + 1, 2 * width)])]


def graded(rng, pages):
    width = 16 * MIB
    rates = [0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1]
    rng.shuffle(rates)
    first = rng.randrange(pages - len(rates) * width)
    return [Phase(SECONDS, [Part(first + i * width, width, rate)
                            for i, rate in enumerate(rates)])]


def moving(rng, pages):
    size = 64 * MIB
    return [Phase(2, [Part(rng.randrange(pages - size), size)]) for _ in range(3)]


def appearing(rng, pages):
    """Eight spots, of which each second four go and four others come."""
    count, size = 8, 8 * MIB
    old = scattered(rng, pages, 32, size)
    rng.shuffle(old)
    return [Phase(1, [Part(start, size) for start in old[4 * i:4 * i + count]])
            for i in range(6)]


def uniform(_, pages):
    return [Phase(SECONDS, [Part(0, pages, 0.2, True)])]


SMALL = Memory('anon', 256, 0, 2560)
MEDIUM = Memory('anon', 512, 0, 2560)

ROWS = [
    Row('one-area', MEDIUM, spots(1, 32 * MIB), 0, 'one hot area of 32 MiB in 512 MiB'),
    Row('stripes', SMALL, stripes, 0.97, '16 stripes of 8 MiB in 256 MiB'),
    Row('graded', SMALL, graded, 0,
        '7 areas of 16 MiB in 256 MiB, accessed in 10 to 100 % of the samples'),
    Row('moving', MEDIUM, moving, 0.97, '64 MiB in 512 MiB that moves each 2 s'),
    Row('uniform', SMALL, uniform, 0,
        '256 MiB of pages at random, each in 20 % of the samples'),
    Row('appearing', Memory('memfd', 2048, 64, 2560), appearing, 0,
        '8 spots of 8 MiB in 2 GiB, of which 4 move each second'),
    Row('needles-3g', Memory('memfd', 3072, 64, 2560), spots(17, MIB), 0.9,
        '17 spots of 1 MiB in 3 GiB'),
    Row('needles-8g', Memory('memfd', 8192, 64, 2560), spots(64, MIB // 2), 0.9,
        '64 spots of 512 KiB in 8 GiB'),
    Row('huge-160g', Memory('hugefd', 160 << 10, 64, 2560), spots(1, 256 * MIB, 512), 0,
        'a hot block of 256 MiB in 160 GiB of huge pages'),
    *(Row('paddr-' + name, MEDIUM, pattern, 0,
          'physical memory that has ' + title, 'paddr')
      for name, pattern, title in (
          ('one-area', spots(1, 32 * MIB), 'a hot area of 32 MiB'),
          ('stripes', stripes, '32 stripes of 8 MiB'),
          ('moving', moving, '64 MiB that move each 2 s'),
          ('spots', spots(8, 2 * MIB), '8 spots of 2 MiB'))),
]


def phases(row, seed):
    return row.pattern(random.Random(f'{row.name} {seed}'), row.memory.mib * MIB)


def ticks(part):
    """What bench-pattern has to do for the rate, in each tick."""
    each = 1 - (1 - part.rate) ** (1 / TICKS)
    if part.each_page:
        # Some are drawn several times.
        return 1000000, round(math.log(1 - each) / math.log(1 - 1 / part.pages))
    return round(1000000 * each), 0


def line(parts):
    """The parts as bench-pattern reads them."""
    return ' '.join(f'{p.start * PAGE} {p.pages * PAGE} {ppm} {pages}'
                    for p in parts for ppm, pages in [ticks(p)]) + '\n'
