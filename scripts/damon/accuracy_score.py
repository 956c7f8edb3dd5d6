# SPDX-License-Identifier: GPL-2.0
"""How well what DAMON reported is what a pattern was: pure functions.

A byte is hot if it is accessed in at least half as many samples as the hottest is.
F1 weighs bytes: the harmonic mean of the share of hot bytes found and of the share of
bytes found that are hot.  The error is the mean over all bytes of the absolute
difference of the shares of samples.
"""
import itertools
import statistics

SAMPLES = 20
AGGR_NS = 100 * 10**6
SETTLED_NS = 10**9
FOUND_F1 = 0.8

SCORES = ('f1', 'error', 'found_s', 'pass_ns')


def bursts(records):
    """The records of each aggregation: its time in ns, and (start, end, share)."""
    records = list(records)
    while records:
        count = records[0].nr_regions
        burst, records = records[:count], records[count:]
        if len(burst) == count:
            yield round(burst[0].time * 1e9), [(r.start, r.end, r.nr_accesses / SAMPLES)
                                               for r in burst]


def joined(pages, size):
    """(start, end, share) of neighbouring ones of those (start, share) pages that are inside."""
    pieces = []
    for start, share in pages:
        if pieces and pieces[-1][1:] == (start, share):
            pieces[-1] = (pieces[-1][0], start + size, share)
        elif start >= 0:
            pieces.append((start, start + size, share))
    return pieces


def merged(found, truth, size):
    """(length, share found, share true) of adjacent pieces of [0, size)."""
    edges = sorted({0, size, *(e for s in (found, truth) for a, b, _ in s
                               for e in (a, b) if 0 < e < size)})
    pieces = []
    position = [0, 0]
    for a, b in itertools.pairwise(edges):
        shares = []
        for i, source in enumerate((found, truth)):
            while position[i] < len(source) and source[position[i]][1] <= a:
                position[i] += 1
            at = source[position[i]] if position[i] < len(source) else (b, b, 0)
            shares.append(at[2] if at[0] <= a else 0)
        pieces.append((b - a, *shares))
    return pieces


def f1(pieces):
    limit = max(true for _, _, true in pieces) / 2
    hot = sum(n for n, _, true in pieces if true >= limit)
    called = sum(n for n, share, _ in pieces if share >= limit)
    both = sum(n for n, share, true in pieces if share >= limit and true >= limit)
    return 2 * both / (hot + called)


def error(pieces):
    return sum(n * abs(share - true) for n, share, true in pieces) / sum(n for n, _, _ in pieces)


def phase_at(since, now):
    """Number of the phase that the whole aggregation before now was in, or None."""
    last = max((i for i, s in enumerate(since) if s <= now), default=0)
    return last if last == 0 or now - AGGR_NS * 1.1 >= since[last] else None


def snapshots(result, truths, size, found):
    """(ns since the start, F1, error) of each aggregation; truths: (start, end, share) a phase."""
    begin, area = result['since_ns'][0], result['area']
    for now, regions in found:
        phase = phase_at(result['since_ns'], now)
        if phase is None or now > result['end_ns']:
            continue
        inside = [(max(a - area, 0), b - area, share) for a, b, share in regions
                  if b > area and a < area + size]
        pieces = merged(inside, truths[phase], size)
        yield now - begin, f1(pieces), error(pieces)


def scores(result, series):
    settled = [s for s in series if s[0] >= SETTLED_NS] or series
    found = next((ns / 1e9 for ns, value, _ in series if value >= FOUND_F1), None)
    return {'f1': statistics.median(s[1] for s in settled),
            'error': statistics.median(s[2] for s in settled),
            'found_s': found, 'pass_ns': result['pass_ns']}


def median(rounds):
    """Of each score; what is missing in most rounds is missing."""
    def of(key):
        values = sorted((r[key] for r in rounds), key=lambda v: (v is None, v))
        return values[len(values) // 2]
    return {key: of(key) for key in SCORES}


def text(value, digits):
    return 'never' if value is None else f'{value:,.{digits}f}'


HEAD = ('pattern', 'F1', 'stock', 'error', 'stock', 'found s', 'stock', 'ns/pass', 'stock',
        'ratio')


def cells(name, ours, stock):
    both = [text(r[key], digits) for key, digits in zip(SCORES, (2, 3, 1, 0))
            for r in (ours, stock)]
    return (name, *both, f'{ours["pass_ns"] / stock["pass_ns"]:.2f}')


def table(entries):
    """Lines of text; entries: name, our scores, those of stock."""
    lines = [HEAD, *(cells(*e) for e in entries)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    return ['  '.join(c.rjust(w) if i else c.ljust(w)
                      for i, (c, w) in enumerate(zip(line, widths))) for line in lines]
