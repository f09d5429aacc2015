"""Modules that are slow to import, and only are when one of their names is used: Numba, and the compiler above it."""

import importlib


class Later:
    """Stands for a module."""

    def __init__(self, module):
        self._module = module

    def __getattr__(self, name):
        return getattr(importlib.import_module(self._module), name)


types = Later("numba.core.types")
compiler = Later("emu.hot.compiler")
