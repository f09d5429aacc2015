"""Object files: machine code in the cache, with the names of the object files that it calls, and in this process.

A file is known by its place, (folder, symbol): a folder of the cache (cache.py), and a symbol of the code, which is the
file's name too.  Code that calls a function of another file names it by its symbol, so that file is loaded first: LLVM
then makes each call a direct one.
"""

import functools
import json

import llvmlite.binding as llvm

from . import cache

_loaded = set()  # the places of the code that this process has


@functools.cache
def _engine():
    """This process's loader of object files."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple().create_target_machine(jit=True)
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)


def address_of(symbol):
    return _engine().get_function_address(symbol)


def content(needs, code):
    """What a file holds: the places of those that its code calls, and the code."""
    return json.dumps(needs).encode() + b"\n" + code


def _content(place):
    return cache.load(cache.object_file(*place), place[1])


def store(place, whole):
    """Keep a file's content. OSError when it cannot be written."""
    cache.store(cache.object_file(*place), place[1], whole)


def is_stored(place):
    """Whether the file is in the cache, undamaged; perhaps without those that it needs."""
    return _content(place) is not None


def needed(places, made=None, known=frozenset()):
    """{place: code} of these files and all that they need, each after what it needs; None when one is missing.

    `made`: {place: content} of files that are not in the cache. Files in `known`, and what these need, are left out.
    """
    codes, opened, waiting = {}, {}, list(reversed(places))
    while waiting:
        place = waiting[-1]
        if place in codes or place in known:
            waiting.pop()
        elif place in opened:  # what it needs is there now
            codes[place] = opened[place]
            waiting.pop()
        else:
            whole = (made or {}).get(place) or _content(place)
            if whole is None:
                return None
            needs, _, opened[place] = whole.partition(b"\n")
            waiting += (each for each in map(tuple, json.loads(needs)) if each not in opened)
    return codes


def load(place, made=None):
    """Make the code of a file, and all that it needs, known to this process; whether it is all there."""
    codes = needed([place], made, _loaded)
    if codes:
        engine = _engine()
        for code in codes.values():
            engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.finalize_object()
        _loaded.update(codes)
    return codes is not None
