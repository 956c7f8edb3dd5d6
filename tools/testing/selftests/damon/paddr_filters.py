#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Each filter of physical memory lets pass what it should, and nothing else."""

import contextlib

import damon_sysfs as damon
from damon_memory import PAGE, group, pages
from damon_paddr import once
from damon_test import equal, require, run
from damon_workload import MIB, ticking

SIZE = 4 * MIB
HUGE = 2 * MIB

# name: (kind of memory, is it touched all the time, is it on the active list)
WORKS = {
    'plain': ('anon', False, False),
    'busy': ('anon', True, False),
    'active': ('anon', False, True),
    'huge': ('huge', False, False),
    'shared': ('shared', False, False),
}
ALL = set(WORKS)

# filters as (type, matching, allow, arguments), and what is then paged out
REJECT_BUSY = ('young', True, False, {})
ROWS = (
    ('no filter', [], ALL - {'busy'}),
    ('allow anon', [('anon', True, True, {}), ], ALL - {'busy', 'shared'}),
    ('reject anon', [('anon', True, False, {})], {'shared'}),
    ('reject not anon', [('anon', False, False, {})], ALL - {'busy', 'shared'}),
    ('allow active', [REJECT_BUSY, ('active', True, True, {})], {'active'}),
    ('reject active', [('active', True, False, {})], ALL - {'busy', 'active'}),
    ('allow memcg', [('memcg', True, True, {'memcg_path': '/damon-plain'})], {'plain'}),
    ('reject memcg', [('memcg', True, False, {'memcg_path': '/damon-plain'})],
     ALL - {'busy', 'plain'}),
    ('allow huge', [('hugepage_size', True, True, {'min': HUGE, 'max': HUGE})], {'huge'}),
    ('reject huge', [('hugepage_size', True, False, {'min': HUGE, 'max': HUGE})],
     ALL - {'busy', 'huge'}),
    ('allow young', [('young', True, True, {})], {'busy'}),
    ('reject young', [('young', True, False, {})], ALL - {'busy'}),
    ('allow unmapped', [('unmapped', True, True, {})], set()),
    ('reject unmapped', [('unmapped', True, False, {})], ALL - {'busy'}),
    ('allow shared, reject young', [('anon', False, True, {}), REJECT_BUSY], ALL - {'busy'}),
    ('the first to match decides', [('anon', True, False, {}), ('anon', True, True, {})],
     set()),
)


def is_out(work):
    """Nearly all or nearly none of it: a few pages may wait to be put on a list."""
    share = len(work.frames()) * PAGE / SIZE
    if 0.2 < share < 0.8:
        raise AssertionError(f'{100 * share:.0f} % of {work.pid} are resident')
    return share <= 0.2


@contextlib.contextmanager
def all_works():
    """Idle since the last check, but for those that are busy."""
    with contextlib.ExitStack() as stack:
        works = {}
        for name, (kind, busy, _) in WORKS.items():
            memcg = stack.enter_context(group(name))
            works[name] = stack.enter_context(pages(kind, SIZE, in_group=memcg))
            if busy:
                works[name].tell('touch')
        stack.enter_context(ticking())
        lists = {True: [], False: []}
        for name, (_, _, active) in WORKS.items():
            lists[active] += works[name].ranges()
        once('lru_prio', sorted(lists[True]))
        once('lru_deprio', sorted(lists[False]))
        # asks about young memory, hence makes it old
        once('stat', sorted(sum(lists.values(), [])), [damon.filter_of('young')])
        yield works


def pageout(filters, wanted):
    with all_works() as works:
        ranges = sorted(r for work in works.values() for r in work.ranges())
        once('pageout', ranges, [damon.filter_of(kind, matching, allow, **files)
                                 for kind, matching, allow, files in filters])
        equal('paged out', {name for name, work in works.items() if is_out(work)}, wanted)
        for name, work in works.items():
            equal(f'contents of {name}', work.tell('check'), 'intact')


require(memory=200 * MIB)
run([(name, lambda f=filters, w=wanted: pageout(f, w)) for name, filters, wanted in ROWS],
    seconds=90)
