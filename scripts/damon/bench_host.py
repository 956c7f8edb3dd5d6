# SPDX-License-Identifier: GPL-2.0
"""What the benches share on the host: kernels, programs, guests."""
import json
import os
import subprocess
import sys

from tools import BUILD, HERE, TOP

GUEST_LIMIT_S = 3000
# Where each is built.
KERNELS = {'ours': 'bench-ours', 'stock': 'stock/bench'}

SELFTESTS = os.path.join(TOP, 'tools/testing/selftests/damon')


def run(*command):
    if subprocess.call(command, stdin=subprocess.DEVNULL):
        sys.exit('bench: failed: ' + ' '.join(command))


def tool(name, *args):
    run(os.path.join(HERE, name), *args)


def kernel(name):
    """Build directory of a kernel, which is built unless the environment names another."""
    given = os.environ.get(name.upper())
    if given:
        return os.path.realpath(given)
    tool('setup', name)
    tool('kernel', KERNELS[name])
    return os.path.join(BUILD, KERNELS[name])


def programs(*names):
    """Directory of tick and of those programs of this directory."""
    target = os.path.join(BUILD, 'bench-programs')
    os.makedirs(target, exist_ok=True)
    for source in (os.path.join(SELFTESTS, 'tick.c'),
                   *(os.path.join(HERE, name + '.c') for name in names)):
        name = os.path.splitext(os.path.basename(source))[0]
        run('gcc', '-O2', '-D_GNU_SOURCE', '-static', '-pthread', '-o',
            os.path.join(target, name), source)
    return target


def keep(name, line):
    """What is measured is in build/bench-NAME.jsonl, too, should the rest fail."""
    with open(os.path.join(BUILD, f'bench-{name}.jsonl'), 'a', encoding='ascii') as f:
        f.write(line)


def results_of(lines, name, brief):
    """Objects the guest printed; each is shown as it comes, and so is what is none."""
    results = []
    for line in lines:
        if line.startswith('{'):
            results.append(json.loads(line))
            keep(name, line)
            line = f'  {name} {results[-1]["row"]}: ' + brief(results[-1])
        print(line.rstrip(), file=sys.stderr, flush=True)
    return results


def measure(name, directory, mem_mb, command, brief, *options):
    """What a command prints in the instruction-counted guest of a kernel."""
    with subprocess.Popen(
            [os.path.join(HERE, 'guest'), '--icount', '--kernel', directory, '--mem', str(mem_mb),
             '--timeout', str(GUEST_LIMIT_S), *options, '--', 'python3', *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as guest:
        results = results_of(guest.stdout, name, brief)
    if guest.returncode:
        print(f'bench: the guest of {name} failed, status {guest.returncode}', file=sys.stderr)
    return results


def at_once(mem_mb):
    """How many guests of that size this machine has memory for, two at most."""
    with open('/proc/meminfo', encoding='ascii') as f:
        available_kb = next(int(l.split()[1]) for l in f if l.startswith('MemAvailable:'))
    return 2 if available_kb >> 10 > 2.5 * mem_mb else 1
