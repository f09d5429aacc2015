"""Declaring shared records: fields with units and guards, cache-line padding.

`record("RUNQUEUE", u64("lock"), ...)` makes a numpy dtype and the Numba type
that hot code sees.  Hot code gets a record *by reference*: `q = m.queues[i]`,
then `q.head = 3` writes shared memory.  A whole record is never assigned.

All integers in hot code are signed 64-bit words unless a field says otherwise:
mixing signed and unsigned 64-bit integers makes floats in Numba, silently.
"""

import functools
from dataclasses import dataclass

import numpy as np

from ...hot.functions import compiler
from ...limits import CPU_WORDS

CACHE_LINE = 64


@dataclass(frozen=True)
class Field:
    name: str
    type: object  # numpy scalar type or a RecordType
    count: int = 0  # 0: a scalar; otherwise a fixed array
    guard: str = ""  # the lock that must be held, or "atomic", or the owner ("this CPU")
    unit: str = ""
    doc: str = ""


class RecordType:
    """A record's layout: `.dtype` for numpy, `.numba` for hot code, `.size` in bytes."""

    def __init__(self, name, fields, align):
        self.name = name
        real = [f for f in fields if f.type is not None]
        self.fields = {f.name: f for f in real}
        if len(self.fields) != len(real):
            raise ValueError(f"record {name}: two fields have the same name")
        names, formats, offsets, offset = [], [], [], 0
        for f in fields:
            if f.type is None:  # a line break: the next field starts a cache line
                offset = -(-offset // CACHE_LINE) * CACHE_LINE
                continue
            base = f.type.dtype if isinstance(f.type, RecordType) else np.dtype(f.type)
            step = f.type.align if isinstance(f.type, RecordType) else base.itemsize
            offset = -(-offset // step) * step
            names.append(f.name)
            formats.append((base, (f.count,)) if f.count else base)
            offsets.append(offset)
            offset += base.itemsize * (f.count or 1)
        self.align = align
        self.size = -(-offset // align) * align
        self.dtype = np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": self.size})

    @functools.cached_property
    def numba(self):
        """Numba's type of it."""
        return compiler.record_type(self.dtype)

    def offset(self, field):
        """Byte offset of a field."""
        return self.dtype.fields[field][1]


def record(name, *fields, align=CACHE_LINE):
    return RecordType(name, fields, align)


def i64(name, *, guard="", unit="", doc=""):
    return Field(name, np.int64, 0, guard, unit, doc)


def i64s(name, count, *, guard="", unit="", doc=""):
    return Field(name, np.int64, count, guard, unit, doc)


def mask(name, *, guard="", doc=""):
    """A mask of CPUs (shm/cpumask.py)."""
    return Field(name, np.int64, CPU_WORDS, guard, "", doc)


def i32(name, *, guard="", unit="", doc=""):
    return Field(name, np.int32, 0, guard, unit, doc)


def u8s(name, count, *, guard="", unit="", doc=""):
    return Field(name, np.uint8, count, guard, unit, doc)


def line(name):
    """The next field starts a cache line of its own: two CPUs write around here."""
    return Field(name, None)


def one(name, kind, *, guard="", doc=""):
    return Field(name, kind, 0, guard, "", doc)


def many(name, kind, count, *, guard="", doc=""):
    return Field(name, kind, count, guard, "", doc)
