# SPDX-License-Identifier: GPL-2.0
"""From what the guests measured to the table: pure functions."""

TOLERANCE = 0.1


def differ(a, b):
    return abs(a - b) > TOLERANCE * max(abs(a), abs(b))


def missed_passes(result):
    """Why the passes are not what the sampling interval promises, or None.

    A pass may come one interval after the last one began, or after it ended; waiting
    for the CPU delays it.
    """
    if 'sleeps' not in result:
        return None
    interval_ns = result['sample_us'] * 1000
    most = result['time_ns'] / interval_ns
    least = (result['time_ns'] - result['cpu_ns'] - result['wait_ns']) / interval_ns
    if result['sleeps'] < (1 - TOLERANCE) * least or result['sleeps'] > (1 + TOLERANCE) * most:
        return f'{result["sleeps"]} passes, not {least:.0f} to {most:.0f}'
    if differ(result['sleeps_per_aggr'], result['passes_per_aggr']):
        return f'{result["sleeps_per_aggr"]:.1f} sleeps an aggregation'
    return None


def wrong_regions(result, wanted):
    counts = [result[key] for key in ('regions', 'regions_after') if key in result]
    return next((f'{n} regions, not {wanted}' for n in counts if differ(n, wanted)), None)


def defect(result, wanted):
    """Why the result of one kernel may not be quoted, or None."""
    if result is None:
        return 'not measured'
    return result.get('skipped') or missed_passes(result) or wrong_regions(result, wanted)


def mark(ours, stock, wanted):
    """Why two results may not be compared, '' if they may."""
    reasons = [f'{who}: {why}' for who, why in
               (('ours', defect(ours, wanted)), ('stock', defect(stock, wanted))) if why]
    if not reasons and differ(ours.get('accessed', 0), stock.get('accessed', 0)):
        reasons = [f'accessed {ours["accessed"]:.2f} and {stock["accessed"]:.2f}']
    return ', '.join(reasons)


def ratio(ours, stock):
    return ours['value'] / stock['value'] if stock['value'] > 0 else None


def entry(name, ours, stock, regions):
    why = mark(ours, stock, regions)
    return {'row': name, 'ours': ours, 'stock': stock, 'mark': why,
            'quotable': [None if defect(r, regions) else r for r in (ours, stock)],
            'ratio': None if why else ratio(ours, stock)}


def beyond(result, base):
    """What a result has more than another; either, if it has no value."""
    for each in (result, base):
        if not each or 'value' not in each:
            return each
    return result | {key: result[key] - base[key] for key in ('value', 'pass_ns') if key in result}


def compared(rows, ours, stock):
    """An entry a row, and one for what it has above another; results are by row name."""
    entries = []
    for row in rows:
        results = ours.get(row.name), stock.get(row.name)
        entries.append(entry(row.name, *results, row.regions))
        if row.above:
            bases = ours.get(row.above), stock.get(row.above)
            entries.append(entry('  above ' + row.above, *map(beyond, results, bases),
                                 row.regions))
    return entries


def digits(value):
    """Behind the point."""
    return 0 if value >= 100 else 1 if value >= 1 else 3


def cell(result, key):
    return f'{result[key]:,.{digits(result[key])}f}' if result and key in result else '-'


def brief(result):
    """A result alone, as it comes, before it is known to be comparable."""
    return f'{cell(result, "value")} {result["unit"]}' if 'value' in result else result['skipped']


def line(compared_row):
    o, s = compared_row['quotable']
    unit = next((r['unit'] for r in (o, s) if r and 'unit' in r), '')
    if compared_row['mark']:
        verdict = 'not comparable: ' + compared_row['mark']
    else:
        verdict = '-' if compared_row['ratio'] is None else f'{compared_row["ratio"]:.3f}'
    return (compared_row['row'], cell(o, 'value'), cell(s, 'value'), unit, cell(o, 'pass_ns'),
            cell(s, 'pass_ns'), verdict)


HEAD = ('row', 'ours', 'stock', 'unit', 'ours/pass', 'stock/pass', 'ratio')


def table(entries):
    """Lines of text; a pass in nanoseconds."""
    lines = [HEAD, *map(line, entries)]
    widths = [max(len(cells[i]) for cells in lines) for i in range(len(HEAD) - 1)]
    left = {0, 3}
    return ['  '.join([c.ljust(w) if i in left else c.rjust(w)
                       for i, (c, w) in enumerate(zip(cells, widths))] + [cells[-1]])
            for cells in lines]
