#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Each filter of physical memory lets pass what it should, and nothing else."""

import collections
import contextlib
import os

import damon_sysfs as damon
from damon_memory import PAGE, group, pages
from damon_paddr import apply, make_old
from damon_test import equal, require, run
from damon_workload import MIB, ticking

IS_DEBUG = os.path.exists('/sys/kernel/debug/kmemleak')
SIZE = 4 * MIB
HUGE = 2 * MIB

# kind of memory, what it does, is it on the active list, is it in the regions
Work = collections.namedtuple('Work', 'kind state active inside')
WORKS = {
    'plain': Work('anon', 'rest', False, True),
    'busy': Work('anon', 'touch', False, True),
    'active': Work('anon', 'rest', True, True),
    'huge': Work('huge', 'rest', False, True),
    'shared': Work('shared', 'rest', False, True),
    'unmapped': Work('shared', 'unmap', False, True),
    'outside': Work('anon', 'rest', False, False),
}
ALL = {name for name, work in WORKS.items() if work.inside}
FILES = {'shared', 'unmapped'}

# filters as (type, matching, allow, arguments), and what is then paged out
REJECT_BUSY = ('young', True, False, {})
ONE_GROUP = {'memcg_path': '/damon-plain'}
BIG, SMALL = {'min': HUGE, 'max': HUGE}, {'min': 0, 'max': HUGE - 1}
ROWS = (
    ('no filter', [], ALL - {'busy'}),
    ('allow anon', [('anon', True, True, {})], ALL - FILES),
    ('allow not anon', [('anon', False, True, {})], FILES),
    ('reject anon', [('anon', True, False, {})], FILES),
    ('reject not anon', [('anon', False, False, {})], ALL - {'busy'} - FILES),
    ('allow active', [REJECT_BUSY, ('active', True, True, {})], {'active'}),
    ('reject active', [('active', True, False, {})], ALL - {'busy', 'active'}),
    ('allow memcg', [('memcg', True, True, ONE_GROUP)], {'plain'}),
    ('reject memcg', [('memcg', True, False, ONE_GROUP)], ALL - {'busy', 'plain'}),
    ('allow huge', [('hugepage_size', True, True, BIG)], {'huge'}),
    ('reject huge', [('hugepage_size', True, False, BIG)], ALL - {'busy', 'huge'}),
    ('reject small', [('hugepage_size', True, False, SMALL)], {'huge'}),
    ('allow young', [('young', True, True, {})], {'busy'}),
    ('reject young', [('young', True, False, {})], ALL - {'busy'}),
    ('reject not young', [('young', False, False, {})], {'busy'}),
    ('allow unmapped', [('unmapped', True, True, {})], {'unmapped'}),
    ('reject unmapped', [('unmapped', True, False, {})], ALL - {'busy', 'unmapped'}),
    ('allow shared, reject young', [('anon', False, True, {}), REJECT_BUSY], ALL - {'busy'}),
    ('the first to match decides', [('anon', True, False, {}), ('anon', True, True, {})], set()),
)


def was_out(memcg):
    """Nearly all or nearly none of it: a few pages may wait to be put on a list.

    What is touched comes back at once, by a fault.
    """
    share = (memcg.swapped() + memcg.stat('pgmajfault') * PAGE) / SIZE
    if 0.2 < share < 0.8:
        raise AssertionError(f'{100 * share:.0f} % of {memcg.path} were in swap')
    return share >= 0.8


class Running:
    """The process of a work, its cgroup, and where its memory was at first."""

    def __init__(self, stack, name, work):
        self.work = work
        self.memcg = stack.enter_context(group(name))
        self.process = stack.enter_context(pages(work.kind, SIZE, in_group=self.memcg))
        self.ranges = self.process.ranges()
        self.process.tell(work.state)


def ranges_of(running):
    return sorted(r for one in running for r in one.ranges)


@contextlib.contextmanager
def all_works():
    """Idle since the last check, but for those that are busy."""
    with contextlib.ExitStack() as stack:
        works = {name: Running(stack, name, work) for name, work in WORKS.items()}
        stack.enter_context(ticking())
        for active, action in ((True, 'lru_prio'), (False, 'lru_deprio')):
            apply(action, ranges_of(r for r in works.values() if r.work.active == active))
        make_old(ranges_of(works.values()))
        yield works


def pageout(filters, wanted):
    with all_works() as works:
        apply('pageout', ranges_of(r for r in works.values() if r.work.inside),
              [damon.filter_of(kind, matching, allow, **files)
               for kind, matching, allow, files in filters])
        equal('paged out', {name for name, r in works.items() if was_out(r.memcg)}, wanted)
        works['unmapped'].process.tell('map')
        for name, one in works.items():
            equal(f'contents of {name}', one.process.tell('check'), 'intact')


def first_of_each_type():
    """What a debug kernel has time for."""
    return {(filters or [('none',)])[-1][0]: (name, filters, wanted)
            for name, filters, wanted in reversed(ROWS)}.values()


require(memory=200 * MIB)
run([(name, lambda f=filters, w=wanted: pageout(f, w))
     for name, filters, wanted in (first_of_each_type() if IS_DEBUG else ROWS)],
    seconds=90)
