#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Every file of the DAMON sysfs tree: mode, default, good writes, refused writes.

What each of them is to do is in sysfs_abi.json.
"""

import os
import re
import stat

import damon_sysfs as damon
from damon_abi import ROWS, is_nr, pattern_of, samples, tree
from damon_test import check, equal, require, run
from damon_workload import MIB, ticking, workload

# One of everything, what is above first; a write to an nr_ file removes what is below it.
NR_FILES = sorted((path.replace('*', '0') for path in ROWS
                   if is_nr(path)), key=lambda path: path.count('/'))


def mode_of(path):
    return stat.S_IMODE(os.stat(f'{damon.ADMIN}/{path}').st_mode)


def instance_of(pattern):
    return pattern.replace('*', '0')


def one_of_everything():
    for path in NR_FILES:
        damon.write(path, 1)


def monitored():
    """One of everything on a running kdamond, with tried regions."""
    one_of_everything()
    kdamond = damon.Kdamond()
    with ticking(), workload(8 * MIB) as work:
        kdamond.stage(damon.context([work.pid], [damon.stat_scheme()],
                                    attrs={'probes': [damon.probe(weight=0)]}))
        kdamond.start()
        check(kdamond.snapshot(), 'no tried region of a live process')
        kdamond.stop()
    for path in NR_FILES:
        if damon.read(path) == '0':
            damon.write(path, 1)


# Names by which clients know what this interface does not have.
ELSEWHERE = re.compile(r'.*/(monitoring_attrs/sample|operations_attrs|probes/\*/preps)(/.*)?'
                       r'|.*/probes/\*/filters/\*/min|.*filters/\*/pass')


def no_name_is_taken():
    equal('files', [path for path in ROWS if ELSEWHERE.fullmatch(path)], [])


def only_named_files():
    monitored()
    found = {pattern_of(path) for path in tree()}
    equal('files not in the table', sorted(found - set(ROWS)), [])
    equal('files only in the table', sorted(set(ROWS) - found), [])


def modes():
    monitored()
    for path in tree():
        equal(f'mode of {path}', oct(mode_of(path)), oct(int(ROWS[pattern_of(path)]['mode'], 8)))
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
        for name in tree():
            if name.startswith(below + '/'):
                check_defaults(name)


def check_defaults(path):
    with open(f'{damon.ADMIN}/{path}', encoding='ascii') as f:
        text = f.read()
    default = ROWS[pattern_of(path)]['default']
    check(re.fullmatch(default + '\n', text), f'{path} reads {text!r}, default {default!r}')


def writes(pattern):
    good, refused = samples(ROWS[pattern]['class'])
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
    yield 'no name means something else elsewhere', no_name_is_taken
    yield 'modes and owners', modes
    yield 'defaults of fresh directories', defaults
    yield 'result files hold plain numbers', result_formats
    for pattern, row in ROWS.items():
        action = writes if row['mode'] == '0600' else read_only
        yield f'{action.__name__}: {pattern}', lambda p=pattern, a=action: a(p)


require()
run(cases())
