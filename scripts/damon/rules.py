#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The rules of our sources that a look at their text can check (TAP)."""
import ast
import os
import re
import sys

from tools import HERE, TOP, load, our_files, read

MAX_FILE = 600
MAX_FUNCTION = 60

SUBSYSTEM = 'mm/damon/'
TESTS = 'mm/damon/tests/'
OPERATIONS = {'mm/damon/vaddr.c', 'mm/damon/paddr.c'}
USERS = re.compile(r'mm/damon/(sysfs[\w-]*|reclaim|lru_sort|stat|dbgfs|module)'
                   r'\.[ch]$|samples/damon/')
# Whose rows are the kinds, and so may ask which one it is.
TABLES = {'mm/damon/%s.c' % n
          for n in ('filter', 'goal', 'action', 'wmarks', 'probe')}


class Source:
    def __init__(self, path, text=None):
        self.path = path
        self.text = read(TOP, path) if text is None else text
        self.lines = self.text.splitlines()
        first = self.lines[0] if self.lines else ''
        self.is_c = path.endswith(('.c', '.h'))
        self.is_python = path.endswith('.py') or 'python' in first
        self.is_shell = path.endswith('.sh') or first.endswith('sh')
        self.is_kernel = self.is_c and path.startswith((
            SUBSYSTEM, 'include/', 'samples/'))
        self.code = without_comments(self.text) if self.is_c else self.text

    def grep(self, pattern):
        return ['%s:%d: %s' % (self.path, n, line.strip())
                for n, line in enumerate(self.code.splitlines(), 1)
                if re.search(pattern, line)]


def without_comments(text):
    """The same lines, but with comments and strings blanked."""
    def blank(match):
        word = match.group(0)
        return word if word[0] == '#' else re.sub(r'[^\n]', ' ', word)
    return re.sub(r'#\s*include[^\n]*|/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"',
                  blank, text, flags=re.S)


def functions_c(source):
    """(name, first line, lines) of each function body."""
    start = name = None
    for n, line in enumerate(source.code.splitlines(), 1):
        if line.startswith('{'):
            start = n
        elif line.startswith('}') and start:
            yield name, start, n - start + 1
            start = None
        elif not start:
            found = re.match(r'[a-z].*?(\w+)\(', line)
            name = found.group(1) if found else name


def functions_python(source):
    for node in ast.walk(ast.parse(source.text)):
        if isinstance(node, ast.FunctionDef):
            yield node.name, node.lineno, node.end_lineno - node.lineno + 1


def functions_shell(source):
    start = name = None
    for n, line in enumerate(source.lines, 1):
        found = re.match(r'(\w+)\(\) *\{$', line)
        if found:
            name, start = found.group(1), n
        elif line == '}' and start:
            yield name, start, n - start + 1
            start = None


def functions(source):
    return list((functions_c if source.is_c else
                 functions_python if source.is_python else
                 functions_shell if source.is_shell else lambda s: ())(source))


# --- the rules: each returns the offending places ---------------------------

def users_know_only_the_api(sources):
    return [hit for s in sources if USERS.match(s.path)
            for hit in s.grep(r'#\s*include.*\binternal\.h')]


def leaves_include_no_damon_header(sources):
    return [hit for s in sources
            if re.match(r'mm/damon/(sysfs-(dir|types)|feedback)\.[ch]$', s.path)
            for hit in s.grep(r'#\s*include.*(damon|internal\.h|kinds\.h)')]


def leaves_know_no_context(sources):
    return [hit for s in sources
            if re.match(r'mm/damon/(region|folio|feedback)\.c$', s.path)
            for hit in s.grep(r'\bstruct damon_ctx\b')]


def only_operations_compare_their_id(sources):
    return [hit for s in in_subsystem(sources) if s.path not in OPERATIONS
            for hit in s.grep(r'[!=]= *DAMON_OPS_|\bDAMON_OPS_\w+ *[!=]=|'
                              r'\bcase DAMON_OPS_|ops(_|\.|->)id *[!=]=')]


def kinds(sources):
    """The enumerators that name a kind: those of enum damos_*, less counts."""
    api = next(s for s in sources if s.path == 'include/linux/damos.h')
    bodies = re.findall(r'enum (damos_\w+) \{(.*?)\}', api.code, re.S)
    return {name for _, body in bodies
            for name in re.findall(r'\b(DAMOS_\w+)', body)}


def only_tables_compare_kinds(sources):
    names = '|'.join(sorted(kinds(sources)))
    compares = (r'\bcase (%s)\b|[!=]= *(%s)\b|\b(%s) *[!=]='
                % (names, names, names))
    return [hit for s in in_subsystem(sources) if s.path not in TABLES
            for hit in s.grep(compares)]


def in_subsystem(sources):
    return [s for s in sources if s.path.startswith(SUBSYSTEM) and s.is_c and
            not s.path.startswith(TESTS)]


def no_long_file(sources):
    return ['%s: %d lines' % (s.path, len(s.lines)) for s in sources
            if functions(s) and len(s.lines) > MAX_FILE]


def no_long_function(sources):
    return ['%s:%d: %s: %d lines' % (s.path, line, name, length)
            for s in sources for name, line, length in functions(s)
            if length > MAX_FUNCTION]


def no_static_in_function(sources):
    found = []
    for s in sources:
        if s.is_kernel:
            found += [hit for hit in s.grep(r'^\s+static\s(?!.*\bconst\b)')
                      if in_function(s, int(hit.split(':')[1]))]
    return found


def in_function(source, line):
    return any(start < line < start + length
               for _, start, length in functions(source))


def every_file_has_a_licence(sources):
    bare = re.compile(r'patches/|README.md|MAINTAINERS.damon|Documentation/ABI/|'
                      r'.*/(\.kunitconfig|config|settings)$|.*\.png$')
    return [s.path for s in sources
            if not bare.match(s.path) and not any('SPDX-License-Identifier:' in line
                                                   for line in s.lines[:4])]


def no_place_of_one_machine(sources):
    return [hit for s in sources
            for hit in s.grep(r'(?<![\w.])/(wor[k]|hom[e])/\w|\.\./share[d]/')]


def abi_document_is_that_of_the_table(sources):
    abi = load(os.path.join(HERE, 'abi-doc'))
    found = [s.text for s in sources if s.path == abi.DOCUMENT]
    return [] if found == [abi.document()] else [
        'scripts/damon/abi-doc > ' + abi.DOCUMENT]


RULES = [
    users_know_only_the_api, leaves_include_no_damon_header,
    leaves_know_no_context, only_operations_compare_their_id,
    only_tables_compare_kinds, no_long_file, no_long_function,
    no_static_in_function, every_file_has_a_licence, no_place_of_one_machine,
    abi_document_is_that_of_the_table,
]


def main():
    sources = [Source(p) for p in our_files()]
    bad = 0
    print('1..%d' % len(RULES))
    for n, rule in enumerate(RULES, 1):
        hits = rule(sources)
        for hit in hits:
            print('# ' + hit)
        print('%sok %d %s' % ('not ' if hits else '', n, rule.__name__))
        bad += bool(hits)
    return bool(bad)


if __name__ == '__main__':
    sys.exit(main())
