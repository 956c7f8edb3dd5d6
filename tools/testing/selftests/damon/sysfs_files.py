#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Every file of the DAMON sysfs tree: mode, default, good writes, refused writes."""

import os
import re
import stat

import damon_sysfs as damon
from damon_test import check, equal, require, run
from damon_workload import MIB, ticking, workload

BAD_NUMBERS = tuple((text, 'EINVAL') for text in
                    ('x', '-', '+', '\n', ' 1', '1 ', '1x', '1\n\n', '0x', '08', '++1', '1 2'))
NUMBERS = (('0', '0'), ('1', '1'), ('4096\n', '4096'), ('0x1f', '31'), ('0X1F\n', '31'),
           ('010', '8'), ('+7', '7'))


def keywords(*words):
    """Accepted words, with and without a newline, and near misses of the first."""
    good = tuple((word + end, word) for word in words for end in ('', '\n'))
    word = words[0]
    misses = ('foo', '\n', word.upper(), word[:-1], word + 'x', word + ' ', ' ' + word,
              word + '\n\n')
    return good, tuple((miss, 'EINVAL') for miss in misses)


def counts(*good, too_many=()):
    """An nr_ file: accepts good, refuses negative numbers and too_many."""
    accepted = tuple((n, str(int(n, 0))) for n in good)
    refused = BAD_NUMBERS + (('2147483648', 'ERANGE'), ('-2147483649', 'ERANGE'))
    return accepted, refused + tuple((n, 'EINVAL') for n in ('-1', '-2147483648', *too_many))


# class: ((text written, text read back), ...), ((text refused, errno), ...)
CLASSES = {
    'ul': (NUMBERS + ((str(damon.ULONG_MAX), str(damon.ULONG_MAX)),),
           BAD_NUMBERS + (('-1', 'EINVAL'), (str(damon.ULONG_MAX + 1), 'ERANGE'))),
    's32*': (NUMBERS + (('-1', '-1'), ('2147483647', '2147483647'),
                        ('-2147483648', '-2147483648')),
             BAD_NUMBERS + (('2147483648', 'EINVAL'), ('-2147483649', 'EINVAL'),
                            ('--1', 'EINVAL'))),
    'nr': counts('0', '1', '2\n', '0x3', '+1'),
    'nr 0..1': counts('0', '1', '1\n', '0x0', too_many=('2', '3')),
    'operations': keywords('vaddr', 'fvaddr', 'paddr'),
    'action': keywords('stat'),
    'state': ((), tuple((text, 'EINVAL') for text in
                        ('foo', '\n', 'ON', 'on ', ' on', 'onx', 'on\n\n', '1'))),
}

K = 'kdamonds/*'
C = K + '/contexts/*'
T = C + '/targets/*'
S = C + '/schemes/*'
ATTRS = C + '/monitoring_attrs'
PATTERN = S + '/access_pattern'

# path, mode, class, default (a regular expression)
FILES = (
    ('kdamonds/nr_kdamonds', 0o600, 'nr', '0'),
    (K + '/state', 0o600, 'state', 'off'),
    (K + '/pid', 0o400, None, '-1'),
    (K + '/contexts/nr_contexts', 0o600, 'nr 0..1', '0'),
    (C + '/avail_operations', 0o400, None, 'vaddr\nfvaddr(\npaddr)?'),
    (C + '/operations', 0o600, 'operations', 'vaddr'),
    (ATTRS + '/intervals/sample_us', 0o600, 'ul', '5000'),
    (ATTRS + '/intervals/aggr_us', 0o600, 'ul', '100000'),
    (ATTRS + '/intervals/update_us', 0o600, 'ul', '60000000'),
    (ATTRS + '/nr_regions/min', 0o600, 'ul', '10'),
    (ATTRS + '/nr_regions/max', 0o600, 'ul', '1000'),
    (C + '/targets/nr_targets', 0o600, 'nr', '0'),
    (T + '/pid_target', 0o600, 's32*', '0'),
    (T + '/regions/nr_regions', 0o600, 'nr', '0'),
    (T + '/regions/*/start', 0o600, 'ul', '0'),
    (T + '/regions/*/end', 0o600, 'ul', '0'),
    (C + '/schemes/nr_schemes', 0o600, 'nr', '0'),
    (S + '/action', 0o600, 'action', 'stat'),
    (S + '/apply_interval_us', 0o600, 'ul', '0'),
    (PATTERN + '/sz/min', 0o600, 'ul', '0'),
    (PATTERN + '/sz/max', 0o600, 'ul', '0'),
    (PATTERN + '/nr_accesses/min', 0o600, 'ul', '0'),
    (PATTERN + '/nr_accesses/max', 0o600, 'ul', '0'),
    (PATTERN + '/age/min', 0o600, 'ul', '0'),
    (PATTERN + '/age/max', 0o600, 'ul', '0'),
    (S + '/tried_regions/total_bytes', 0o400, None, '0'),
    (S + '/tried_regions/*/start', 0o400, None, '[0-9]+'),
    (S + '/tried_regions/*/end', 0o400, None, '[1-9][0-9]*'),
    (S + '/tried_regions/*/nr_accesses', 0o400, None, '[0-9]+'),
    (S + '/tried_regions/*/age', 0o400, None, '[0-9]+'),
    (S + '/tried_regions/*/sz_filter_passed', 0o400, None, '0'),
)
ROWS = {path: (mode, kind, default) for path, mode, kind, default in FILES}

# One of everything; a write to an nr_ file removes what is below it.
NR_FILES = ('kdamonds/nr_kdamonds', 'kdamonds/0/contexts/nr_contexts',
            'kdamonds/0/contexts/0/targets/nr_targets',
            'kdamonds/0/contexts/0/targets/0/regions/nr_regions',
            'kdamonds/0/contexts/0/schemes/nr_schemes')


def mode_of(path):
    return stat.S_IMODE(os.stat(f'{damon.ADMIN}/{path}').st_mode)


def pattern_of(path):
    return re.sub(r'/\d+(?=/)', '/*', path)


def instance_of(pattern):
    return pattern.replace('*', '0')


def tree():
    for base, _, names in os.walk(damon.ADMIN):
        for name in names:
            yield os.path.relpath(os.path.join(base, name), damon.ADMIN)


def one_of_everything():
    for path in NR_FILES:
        damon.write(path, 1)


def monitored():
    """One of everything on a running kdamond, with tried regions."""
    one_of_everything()
    kdamond = damon.Kdamond()
    with ticking(), workload(8 * MIB) as work:
        kdamond.stage(damon.context([work.pid], [damon.stat_scheme()]))
        kdamond.start()
        check(kdamond.snapshot(), 'no tried region of a live process')
        kdamond.stop()
    damon.write(f'{kdamond.context}/targets/0/regions/nr_regions', 1)


def only_named_files():
    monitored()
    found = {pattern_of(path) for path in tree()}
    equal('files not in the table', sorted(found - set(ROWS)), [])
    equal('files only in the table', sorted(set(ROWS) - found), [])


def modes():
    monitored()
    for path in tree():
        equal(f'mode of {path}', oct(mode_of(path)), oct(ROWS[pattern_of(path)][0]))
        info = os.stat(f'{damon.ADMIN}/{path}')
        equal(f'owner of {path}', (info.st_uid, info.st_gid), (0, 0))


def result_formats():
    monitored()
    results = [path for path in tree() if '/tried_regions/' in path]
    check(len(results) > 5, f'only {results}')
    for path in results:
        value = damon.read(path)
        check(re.fullmatch('[0-9]+', value), f'{path} reads {value!r}')


def defaults():
    damon.reset()
    check_defaults('kdamonds/nr_kdamonds')
    for path in NR_FILES:
        damon.write(path, 1)
        below = os.path.dirname(path) + '/0'
        checked = [check_defaults(p) for p in tree() if p.startswith(below + '/')]
        check(checked, f'nothing below {below}')


def check_defaults(path):
    with open(f'{damon.ADMIN}/{path}', encoding='ascii') as f:
        text = f.read()
    default = ROWS[pattern_of(path)][2]
    check(re.fullmatch(default + '\n', text), f'{path} reads {text!r}, default {default!r}')


def writes(pattern):
    _, kind, _ = ROWS[pattern]
    good, refused = CLASSES[kind]
    path = instance_of(pattern)
    one_of_everything()
    for text, readback in good:
        equal(f'write of {text!r} to {path}', damon.errno_of(damon.write, path, text), '')
        equal(f'read after {text!r} to {path}', damon.read(path), readback)
    one_of_everything()
    before = damon.read(path)
    for text, error in refused:
        equal(f'write of {text!r} to {path}', damon.errno_of(damon.write, path, text), error)
        equal(f'read after {text!r} to {path}', damon.read(path), before)
        check(os.path.exists(f'{damon.ADMIN}/{path}'), f'{path} went away')


def read_only(pattern):
    monitored()
    path = instance_of(pattern)
    equal(f'open of {path} for writing', damon.errno_of(damon.write, path, '1'), 'EACCES')


def cases():
    yield 'no file is missing, none is unknown', only_named_files
    yield 'modes and owners', modes
    yield 'defaults of fresh directories', defaults
    yield 'result files hold plain numbers', result_formats
    for pattern, _, kind, _ in FILES:
        action = writes if kind else read_only
        yield f'{action.__name__}: {pattern}', lambda p=pattern, a=action: a(p)


require()
run(cases())
