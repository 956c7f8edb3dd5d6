#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What 'on' refuses and what it takes: one row for each staged change of a good context."""

import damon_sysfs as damon
from damon_test import PAGE, Skip, check, equal, require, run
from damon_workload import MIB, workload

ATTRS = 'monitoring_attrs'


def regions(*ranges):
    return damon.target(None, ranges)['regions']


def paddr(*targets, **files):
    return {'operations': 'paddr', 'targets': list(targets), **files}


# what, changes below the context ('regions': of the target), errno of 'on'
ROWS = (
    ('sample_us above aggr_us', {ATTRS: {'intervals': damon.intervals(100001, 100000)}}, 'EINVAL'),
    ('sample_us equal to aggr_us', {ATTRS: {'intervals': damon.intervals(9000, 9000)}}, ''),
    ('sample_us 0', {ATTRS: {'intervals': damon.intervals(0, 100000)}}, ''),
    ('sample_us and aggr_us 0', {ATTRS: {'intervals': damon.intervals(0, 0)}}, ''),
    ('update_us 0', {ATTRS: {'intervals': damon.intervals(5000, 100000, 0)}}, ''),
    ('longest intervals', {ATTRS: {'intervals': damon.intervals(5000, *[damon.ULONG_MAX] * 2)}}, ''),
    ('2 regions', {ATTRS: {'nr_regions': damon.limits(2, 1000)}}, 'EINVAL'),
    ('0 regions', {ATTRS: {'nr_regions': damon.limits(0, 1000)}}, 'EINVAL'),
    ('3 to 3 regions', {ATTRS: {'nr_regions': damon.limits(3, 3)}}, ''),
    ('11 to 10 regions', {ATTRS: {'nr_regions': damon.limits(11, 10)}}, 'EINVAL'),
    ('no such pid', {'targets': [damon.target(1 << 22)]}, 'EINVAL'),
    ('pid -1', {'targets': [damon.target(-1)]}, 'EINVAL'),
    ('pid 0', {'targets': [damon.target(0)]}, 'EINVAL'),
    ('second pid bad', {'targets': [damon.target(1), damon.target(-1)]}, 'EINVAL'),
    ('no target', {'targets': []}, ''),
    ('two targets of one pid', {'targets': [damon.target(1), damon.target(1)]}, ''),
    ('empty region', {'regions': regions((0, 0))}, 'EINVAL'),
    ('empty region off page borders', {'regions': regions((PAGE + 1, PAGE + 1))}, ''),
    ('empty region on a page border', {'regions': regions((PAGE, PAGE))}, 'EINVAL'),
    ('reversed region', {'regions': regions((4 * PAGE, PAGE))}, 'EINVAL'),
    ('overlap', {'regions': regions((0, 2 * PAGE), (PAGE, 3 * PAGE))}, 'EINVAL'),
    ('overlap only after rounding',
     {'regions': regions((0, PAGE + 1), (PAGE + 2, 3 * PAGE))}, 'EINVAL'),
    ('descending regions', {'regions': regions((4 * PAGE, 5 * PAGE), (0, PAGE))}, 'EINVAL'),
    ('adjacent regions', {'regions': regions((0, PAGE), (PAGE, 3 * PAGE))}, ''),
    ('a good region, then an empty one',
     {'regions': regions((0, PAGE), (PAGE, PAGE))}, 'EINVAL'),
    ('pattern upside down', {'schemes': [damon.stat_scheme(sz=(2, 1))]}, ''),
    ('obsolete target', {'targets': [damon.target(1), damon.target(1, obsolete=True)]}, 'EINVAL'),
    ('unit of 3 bytes that is not used', {'addr_unit': 3}, ''),
    ('paddr', paddr(damon.target(-1)), ''),
    ('paddr without target', paddr(), ''),
    ('paddr with two targets', paddr(damon.target(1), damon.target(1)), 'EINVAL'),
    ('paddr in units of a quarter of a page', paddr(addr_unit=PAGE // 4), ''),
    ('paddr in units of 3 bytes', paddr(addr_unit=3), 'EINVAL'),
    ('paddr in units of two pages', paddr(addr_unit=2 * PAGE), ''),
    ('paddr in the largest units', paddr(addr_unit=damon.ULONG_MAX), ''),
    ('paddr, region of less than a page',
     paddr(damon.target(-1, ((1, 2),)), addr_unit=PAGE), ''),
    ('paddr, goal of a node', paddr(schemes=[damon.stat_scheme(quotas=damon.quotas(
        goals=[damon.goal('node_eligible_mem_bp', 1, nid=0)]))]), ''),
)


def try_start(pid, change, error):
    kdamond, = damon.kdamonds(damon.context([pid], [damon.stat_scheme()]))
    if 'regions' in change:
        change = {'targets': [{'pid_target': pid, **change}]}
    operations = change.get('operations', 'vaddr')
    if operations not in damon.read(f'{kdamond.context}/avail_operations').split():
        raise Skip(f'no {operations}')
    damon.stage(kdamond.context, change)
    equal('on', damon.errno_of(kdamond.start), error)
    if error:
        check(not kdamond.running(), 'state reads on after a refusal')
        equal('pid after a refusal', kdamond.pid(), -1)
        equal('off after a refusal', damon.errno_of(kdamond.stop), 'EINVAL')
        kdamond.stage(damon.context([pid], [damon.stat_scheme()])).start()
        check(kdamond.running(), 'a corrected context does not start')
    kdamond.stop()


def unregistered_operations(pid):
    kdamond, = damon.kdamonds(damon.context([pid]))
    available = damon.read(f'{kdamond.context}/avail_operations').split()
    missing = {'vaddr', 'fvaddr', 'paddr'} - set(available)
    if not missing:
        raise Skip('every operations set is registered')
    for name in missing:
        damon.write(f'{kdamond.context}/operations', name)
        equal(f'on with {name}', damon.errno_of(kdamond.start), 'EINVAL')


def with_workload(action, *args):
    with workload(MIB) as work:
        action(work.pid, *args)


def cases():
    for what, change, error in ROWS:
        yield (f'{what}: {error or "starts"}',
               lambda c=change, e=error: with_workload(try_start, c, e))
    yield 'operations that are not registered', lambda: with_workload(unregistered_operations)


require()
run(cases())
