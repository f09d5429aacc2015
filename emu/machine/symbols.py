"""Names of functions of a program, for people: from the symbol table of its ELF file, where it has one.

Nothing here is needed to run a program, so a table that is absent, stripped or nonsense gives no names and no error.
Source: System V gABI chapter 4.
"""

import bisect
import os
import struct
from typing import NamedTuple

from ..server.elf import PIE_BASE

_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_SYMTAB, _FUNCTION = 2, 2
MAX_FILE_BYTES = 256 << 20
FARTHEST_BYTES = 1 << 20  # from a function's start, where its size is not known


class Function(NamedTuple):
    start: int
    name: str
    size: int  # bytes, 0: not known


class Symbols:
    """`at(pc)` is "name+0x12", or "" for a place without a name; `function_at(pc)` its Function, or None."""

    def __init__(self, image):
        try:
            self._functions = sorted(map(Function._make, _functions(image)))
        except (struct.error, ValueError, IndexError, OverflowError):
            self._functions = []

    def at(self, pc):
        function = self.function_at(pc)
        if function is None:
            return ""
        offset = pc - function.start
        return f"{function.name}+{offset:#x}" if offset else function.name

    def function_at(self, pc):
        k = bisect.bisect_right(self._functions, (pc, "\U0010ffff", 0)) - 1
        if k < 0:
            return None
        function = self._functions[k]
        return function if pc - function.start <= (function.size or FARTHEST_BYTES) else None

    def functions(self):
        """Each Function and the address where it ends at last, in order. Of several names of a place, the last."""
        starts = [f.start for f in self._functions[1:]] + [1 << 64]
        return [(f, f.start + f.size if f.size else end) for f, end in zip(self._functions, starts) if end > f.start]


def symbols_of(path):
    """The Symbols of a file; without names when it cannot be read."""
    try:
        with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK | os.O_NOCTTY)) as file:
            return Symbols(file.read(MAX_FILE_BYTES))
    except (OSError, ValueError):
        return Symbols(b"")


def printable(name):
    """A name that a program has made, without what moves a terminal or cannot be written."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def _functions(image):
    """[(address, name, bytes)] as they lie in memory."""
    kind = struct.unpack_from("<H", image, 16)[0]
    base = PIE_BASE if kind == 3 else 0
    sections_at = struct.unpack_from("<Q", image, 40)[0]
    entry_bytes, count = struct.unpack_from("<HH", image, 58)
    sections = [_SECTION.unpack_from(image, sections_at + k * entry_bytes) for k in range(count)]
    for _, what, _, _, at, size, link, _, _, each in sections:
        if what != _SYMTAB or each < _SYMBOL.size or at + size > len(image):
            continue
        names_at, names_size = sections[link][4:6]
        names = image[names_at : names_at + names_size]
        for k in range(size // each):
            name_at, info, _, index, value, length = _SYMBOL.unpack_from(image, at + k * each)
            if info & 0xF == _FUNCTION and index and name_at < len(names):
                end = names.index(b"\0", name_at)
                yield base + value, printable(names[name_at:end].decode(errors="replace")), length
