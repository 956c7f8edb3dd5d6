#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What can be told of the documentation without running it (TAP).

test-docs does the rest, in the guest.
"""
import io
import json
import os
import re
import subprocess
import sys

import docs_pages as docs
from tools import BUILD, TOP, read

LINUX = os.path.join(BUILD, 'linux')
INDEXES = ('Documentation/admin-guide/mm/index.rst', 'Documentation/mm/index.rst')
ABI = 'tools/testing/selftests/damon/sysfs_abi.json'
HEADERS = ('include/linux/damon.h', 'include/linux/damos.h')
# Known to sphinx, or to the kernel's extensions of it.
SPHINX = re.compile(r'Unknown (directive type|interpreted text role) "(toctree|kernel-doc|doc|ref)"'
                    r'|No (directive|role) entry for "(toctree|kernel-doc|doc|ref)"')


class Skip(Exception):
    pass


def all_pages():
    return docs.pages(docs.ADMIN_GUIDE) + docs.pages(docs.DEVELOPERS)


def text_of(path):
    return '\n'.join(docs.lines_of(path))


def complaints(path):
    from docutils.core import publish_doctree
    told = io.StringIO()
    publish_doctree(text_of(path), source_path=os.path.relpath(path, TOP), settings_overrides={
        'warning_stream': told, 'report_level': 1, 'halt_level': 5})
    return [line for line in told.getvalue().splitlines()
            if re.match(r'\S+:\d+: ', line) and not SPHINX.search(line)]


def syntax():
    try:
        import docutils  # noqa: F401
    except ImportError:
        raise Skip('no python3-docutils')
    return [line for path in all_pages() for line in complaints(path)]


def listed(path):
    """The pages in the tables of contents of an index, as paths without suffix."""
    found = []
    for _, names in re.findall(r'\.\. toctree::\n((?: +:.*\n)*)\n((?: +\S+\n?)+)',
                               text_of(path) + '\n'):
        found += [os.path.join(os.path.dirname(path), name) for name in names.split()]
    return found


def every_page_is_in_an_index():
    bad = []
    for directory in (docs.ADMIN_GUIDE, docs.DEVELOPERS):
        index = os.path.join(TOP, directory, 'index.rst')
        there = {p.removesuffix('.rst') for p in docs.pages(directory)} - {index[:-4]}
        bad += sorted(there ^ set(listed(index)))
    return bad


def the_kernel_has_them_in_its_indexes():
    return [index for index in INDEXES if os.path.join(
        LINUX, os.path.dirname(index), 'damon/index') not in listed(os.path.join(LINUX, index))]


def what_is_referred_to_exists():
    bad = []
    for path in all_pages():
        text = text_of(path)
        names = re.findall(r'\bDocumentation/[\w/.-]*\w', text)
        names += re.findall(r'(?<!Documentation/)\bmm/damon/\w[\w-]*\.[ch]', text)
        beside = re.findall(r'(?<![\w/.-])\w+\.rst\b', text)
        beside_dir = os.path.relpath(os.path.dirname(path), TOP)
        names += [os.path.join(beside_dir, name) for name in beside]
        if path.endswith('design.rst'):
            names += ['mm/damon/' + n for n in re.findall(r'(?<![\w/.-])[\w-]+\.[ch]\b', text)
                      if n != 'damon.h']
        bad += ['%s: %s' % (os.path.relpath(path, TOP), name) for name in names
                if not os.path.exists(os.path.join(LINUX, name))]
    return bad


def no_command_goes_untested():
    return ['%s:%d' % (os.path.relpath(path, TOP), block.line)
            for path in all_pages() for block in docs.blocks(path)
            if block.kind == 'literal' and any(line.startswith('# ') for line in block.lines)]


# --- the API ----------------------------------------------------------------

def directives():
    """(file, names; none for all) of each kernel-doc directive."""
    text = text_of(os.path.join(TOP, docs.DEVELOPERS, 'api.rst')) + '\n'
    for path, options in re.findall(r'\.\. kernel-doc:: (\S+)\n((?: +.*\n)*)', text):
        _, _, names = options.partition(':identifiers:')
        yield path, names.split()


def kernel_doc(path, name):
    return subprocess.run(
        ['perl', os.path.join(LINUX, 'scripts/kernel-doc'), '-rst', '-sphinx-version', '3.0',
         '-function', name, os.path.join(LINUX, path)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout


def every_reference_to_kernel_doc_resolves():
    return ['%s: %s' % (path, name) for path, names in directives() for name in names
            if not kernel_doc(path, name).strip()]


def the_whole_api_is_documented():
    code = re.sub(r'/\*.*?\*/', '', ''.join(read(TOP, h) for h in HEADERS), flags=re.S)
    code = re.sub(r'(?m)^(static |#define |\t).*(\n(?!\n).*)*', '', code)
    declared = set(re.findall(r'\b(damo[ns]_\w+)\(', code))
    return sorted(declared - {n for _, names in directives() for n in names})


# --- keywords ---------------------------------------------------------------

def commands_of_state():
    source = read(TOP, 'mm/damon/sysfs-state.c')
    table = re.search(r'commands\[\] = \{(.*?)\n\};', source, re.S)
    return re.findall(r'\{ "(\w+)"', table[1]) + re.findall(r'sysfs_streq\(buf, "(\w+)"\)', source)


def every_keyword_is_in_the_page():
    classes = json.loads(read(TOP, ABI))['classes']
    known = {'Command': commands_of_state()}
    for title, kind in (('Operations', 'operations'), ('Action', 'action'),
                        ('Metric', 'metric'), ('Type', 'filter')):
        known[title] = classes[kind]['keywords']
    page = os.path.join(TOP, docs.ADMIN_GUIDE, 'usage.rst')
    return ['%s: %s' % (title, word) for title, words in known.items()
            for word in sorted(set(words) ^ set(docs.column(page, title)))]


# --- lists, as far as the sources tell ----------------------------------------

def usage(kind, found):
    page = os.path.join(TOP, docs.ADMIN_GUIDE, 'usage.rst')
    return next(f for f in found(page) if f.options == [kind])


def the_tree_is_that_of_the_abi():
    tree = docs.tree(usage('tree', docs.blocks))
    files = json.loads(read(TOP, ABI))['files']
    return sorted({where + name for where, names in tree.items() for name in names} ^
                  {re.sub(r'<\w+>', '0', row['path']) for row in files})


def every_event_is_in_the_page():
    header = read(TOP, 'include/trace/events/damon.h')
    return sorted(set(re.findall(r'TRACE_EVENT(?:_CONDITION)?\((\w+)', header)) ^
                  set(docs.names(usage('events', docs.tables))))


CASES = [syntax, every_page_is_in_an_index, the_kernel_has_them_in_its_indexes,
         what_is_referred_to_exists, no_command_goes_untested,
         every_reference_to_kernel_doc_resolves, the_whole_api_is_documented,
         every_keyword_is_in_the_page, the_tree_is_that_of_the_abi,
         every_event_is_in_the_page]


def main():
    failed = 0
    print('1..%d' % len(CASES))
    for number, case in enumerate(CASES, 1):
        verdict, why = 'ok', ''
        try:
            for line in case():
                print('# ' + line)
                verdict = 'not ok'
        except Skip as reason:
            why = ' # SKIP %s' % reason
        failed += verdict != 'ok'
        print('%s %d %s%s' % (verdict, number, case.__name__, why))
    return bool(failed)


if __name__ == '__main__':
    sys.exit(main())
