# SPDX-License-Identifier: GPL-2.0
"""Shared by the Python tools here."""
import os
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(TOP, 'build')


def load(path):
    """Import a script, whatever its name."""
    loader = SourceFileLoader(os.path.basename(path), path)
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


integrate = load(os.path.join(HERE, 'integrate'))
read = integrate.read


def our_files():
    """Every source of the repository, relative to its top."""
    tops = [n for n in os.listdir(TOP) if n not in ('.git', 'build')]
    return sorted(integrate.source_files(TOP, tops))
