# SPDX-License-Identifier: GPL-2.0
"""sysfs_abi.json: every file of the DAMON sysfs interface, and samples of what it takes."""

import json
import os
import re

import damon_sysfs as damon

with open(os.path.join(os.path.dirname(os.path.realpath(__file__)), 'sysfs_abi.json'),
          encoding='ascii') as table:
    ABI = json.load(table)
CLASSES = ABI['classes']
ROWS = {re.sub('<.>', '*', row['path']): row for row in ABI['files']}


def samples(name):
    """(text written, text read back) and (text refused, errno) pairs of a class."""
    kind = CLASSES[name]
    good, refused = samples(kind['with']) if 'with' in kind else ([], [])
    if 'keywords' in kind:
        good, refused = keywords(*kind['keywords'])
    return good + kind.get('accepted', []), refused + kind.get('refused', [])


def keywords(*words):
    """Accepted words, with and without a newline, and near misses of the first."""
    good = [(word + end, word) for word in words for end in ('', '\n')]
    word = words[0]
    misses = ('foo', '\n', word.upper(), word[:-1], word + 'x', word + ' ', ' ' + word,
              word + '\n\n')
    return good, [(miss, 'EINVAL') for miss in misses]


def pattern_of(path):
    """The key in ROWS of a file."""
    return re.sub(r'/\d+(?=/)', '/*', path)


def is_nr(path):
    """Does writing this file make directories?"""
    return ROWS[pattern_of(path)]['class'].split()[0] == 'nr'


def tree():
    """All files there are now."""
    for base, _, names in os.walk(damon.ADMIN):
        for name in names:
            yield os.path.relpath(os.path.join(base, name), damon.ADMIN)
