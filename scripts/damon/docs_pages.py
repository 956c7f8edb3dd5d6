# SPDX-License-Identifier: GPL-2.0
"""The parts of a documentation page that can be tested.

A console block is a session: "# " is the prompt, "> " continues a command, and
the rest is what the command prints.  A comment before a block says how to
compare that:

    .. test: numbers        any numbers will do
    .. test: about N        numbers that differ by up to N per cent will do
    .. test: needs damo     the block is for machines that have damo

and what a literal block or a table lists:

    .. test: tree           directories and files of the sysfs interface
    .. test: events         tracepoints

A line "..." stands for any lines.
"""
import collections
import glob
import os
import re

from tools import TOP

ADMIN_GUIDE = 'Documentation/admin-guide/mm/damon'
DEVELOPERS = 'Documentation/mm/damon'

Block = collections.namedtuple('Block', 'line kind options lines')
Command = collections.namedtuple('Command', 'text output')
Table = collections.namedtuple('Table', 'line options header rows')

NUMBER = re.compile(r'-?\d+(?:\.\d+)?')


def pages(directory):
    return sorted(glob.glob(os.path.join(TOP, directory, '*.rst')))


def lines_of(path):
    with open(path, encoding='utf-8') as f:
        return f.read().splitlines()


def options_before(lines, at):
    """The words of a test comment that ends right before line number at."""
    for line in reversed(lines[:at]):
        if line.strip():
            found = re.match(r'\.\. test: (.*)', line)
            return found[1].split() if found else []
    return []


def indented(lines, at):
    """The indented lines from number at on, without their indent."""
    block = []
    for line in lines[at:]:
        if line.strip() and not line.startswith(' '):
            break
        block.append(line)
    while block and not block[-1].strip():
        block.pop()
    while block and not block[0].strip():
        block.pop(0)
    indent = min((len(b) - len(b.lstrip()) for b in block if b.strip()), default=0)
    return [b[indent:] for b in block]


def blocks(path):
    """Console and literal blocks of a page."""
    lines = lines_of(path)
    for at, line in enumerate(lines):
        kind = ('console' if line.strip() == '.. code-block:: console' else
                'literal' if line.endswith('::') and not line.startswith('.. ') else None)
        if kind:
            yield Block(at + 1, kind, options_before(lines, at), indented(lines, at + 1))


def commands(block):
    """The commands of a console block, each with the lines it should print."""
    found = []
    for line in block.lines:
        if line.startswith('# '):
            found.append(Command(line[2:], []))
        elif line.startswith('> ') and found:
            found[-1] = Command(found[-1].text + '\n' + line[2:], found[-1].output)
        elif found:
            found[-1].output.append(line)
        else:
            raise ValueError(f'line {block.line}: output before any command: {line}')
    return found


def tables(path):
    """The simple tables of a page, by the columns their rulers draw."""
    lines = lines_of(path)
    rulers = [n for n, line in enumerate(lines) if re.fullmatch(r'=+( +=+)+', line)]
    for top, under, bottom in zip(rulers[::3], rulers[1::3], rulers[2::3]):
        spans = [m.span() for m in re.finditer('=+', lines[top])]
        spans[-1] = (spans[-1][0], None)
        rows = [[line[start:end].strip() for start, end in spans]
                for line in lines[under + 1:bottom]]
        header = [lines[top + 1][start:end].strip() for start, end in spans]
        yield Table(top + 1, options_before(lines, top), header, rows)


def names(table):
    """The ``words`` of its first column."""
    return [word for row in table.rows for word in re.findall(r'``(\w+)``', row[0])]


def column(path, title):
    """The names in all tables of a page whose first column has this title."""
    return [name for table in tables(path) if table.header[0] == title for name in names(table)]


def tree(block):
    """Directories of an indented listing, each with its files; '' is the root."""
    found, above, here = {}, [], ''
    for line in block.lines:
        words = line.split()
        if words[0].endswith('/'):
            depth = len(line) - len(line.lstrip())
            above = [(d, p) for d, p in above if d < depth]
            here = (above[-1][1] if above else '') + words.pop(0)
            above.append((depth, here))
            found[here] = []
        found[here] += words
    return found


def same_line(wanted, got, options):
    wanted, got = ' '.join(wanted.split()), ' '.join(got.split())
    if options[:1] not in (['numbers'], ['about']):
        return wanted == got
    if NUMBER.sub('0', wanted) != NUMBER.sub('0', got):
        return False
    if options[0] == 'numbers':
        return True
    share = float(options[1]) / 100
    return all(abs(float(g) - float(w)) <= share * abs(float(w))
               for w, g in zip(NUMBER.findall(wanted), NUMBER.findall(got)))


def same(wanted, got, options):
    """Are these the lines the page promises?"""
    if not wanted:
        return not got
    if wanted[0] == '...':
        return any(same(wanted[1:], got[n:], options) for n in range(len(got) + 1))
    return bool(got) and same_line(wanted[0], got[0], options) and \
        same(wanted[1:], got[1:], options)
