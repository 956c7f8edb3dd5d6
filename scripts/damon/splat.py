#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What a kernel says when something is wrong with it.

usage: splat.py LOG..    print such lines; exit status 1 if there are any
"""
import re
import sys

SPLAT = re.compile(r'''
      \bBUG:?\s | \bBUG\b.*:\s | \bWARNING:\s | \bOops\b | \bKASAN:\s
    | \bUBSAN:\s | \bKFENCE:\s | Kernel\ panic | general\ protection\ fault
    | unreferenced\ object | INFO:\ (task|rcu|possible|inconsistent|trying)
    | suspicious\ RCU | rcu:.*\bstall | soft\ lockup | hard\ LOCKUP
    | refcount_t:\s | DEBUG_LOCKS_WARN | Bad\ page\ (state|map)
    ''', re.X)


def splats(lines):
    return [line.rstrip() for line in lines if SPLAT.search(line)]


def main():
    found = []
    for path in sys.argv[1:]:
        with open(path, errors='replace') as log:
            found += splats(log)
    print('\n'.join(found), end='\n' if found else '')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
