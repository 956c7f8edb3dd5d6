#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Count the results in TAP or KTAP: the innermost ones, not their sums.

usage: tap.py LOG..
"""
import re
import sys

LINE = re.compile(r'^(?P<indent>(?:# |    |  )*)'
                  r'(?P<not>not )?ok \d+ ?-? ?(?P<name>[^#\n]*)(?P<more>#.*)?$')
STAMP = re.compile(r'^(<\d>)?\[ *\d+\.\d+\](\[[^]]*\])? ?')


def results(lines):
    """[(name, 'pass' | 'fail' | 'skip')] of cases that have no cases below."""
    found, top, depth_below = [], 0, 0
    for line in lines:
        match = LINE.match(STAMP.sub('', line.rstrip('\n')))
        if not match:
            continue
        depth = len(match['indent'])
        sums_up = depth < depth_below
        depth_below = depth
        verdict = ('skip' if 'SKIP' in (match['more'] or '') else
                   'fail' if match['not'] else 'pass')
        told = any(v == 'fail' for _, v in found[top:])
        if not sums_up or (verdict == 'fail' and not told):
            found.append((match['name'].strip(), verdict))
        if not depth:
            top = len(found)
    return found


def main():
    for path in sys.argv[1:]:
        with open(path, errors='replace') as log:
            for name, verdict in results(log):
                print(verdict, name)


if __name__ == '__main__':
    main()
