"""What a machine tells of itself to processes outside it: two small files in its private directory.

    `machine`    msgpack: which descriptors of the supervisor are the segments, how large, which layout, CPUs, policy
    `programs`   msgpack, an entry for each job: [its number, the path of its program]

Whoever may open /proc/PID/fd of the supervisor (the same user) maps the segments by these numbers, and needs no help of
the supervisor: it may be in the user's code, stopped, or hang.  So nothing here is asked for over a socket.

Always true: `machine` appears whole, when the segments are filled.  Of jobs the last KEPT are known.
"""

import contextlib
import functools
import hashlib
import os
from collections import OrderedDict

import msgpack

from ..errors import refusals_of_the_host
from ..shm.layout import MACHINE

FORMAT = 1
FILE, PROGRAMS = "machine", "programs"
KEPT = 4096  # jobs whose programs are known
MAX_FILE_BYTES = 64 << 20


@functools.cache
def layout_digest():
    """Names the layout of the records: only a process with the same one can read them."""
    return hashlib.sha256(repr(MACHINE.dtype).encode()).hexdigest()[:16]


class Description:
    """The supervisor's half. `header()` is what a snapshot has at its beginning."""

    def __init__(self, directory, window, config):
        self._directory = directory
        self._programs = OrderedDict()  # a job's number -> its program's path
        self._lines = 0  # entries in the file
        self._facts = {
            "format": FORMAT,
            "layout": layout_digest(),
            "process": os.getpid(),
            "descriptors": list(window.descriptors[:2]),
            "memory_bytes": window.memory_bytes,
            "address": window.address,
            "cpus": config.cpus,
            "policy": config.policy,
            "seed": config.seed,
            "made_ns": int(window.machine["made_ns"]),
        }
        with refusals_of_the_host():
            whole = directory / f".{FILE}"
            whole.write_bytes(msgpack.packb(self._facts))
            whole.rename(directory / FILE)

    def add(self, number, path):
        """A job was started."""
        self._programs[number] = path
        while len(self._programs) > KEPT:
            self._programs.popitem(last=False)
        self._lines += 1
        anew = self._lines > 2 * KEPT
        entries = self._programs.items() if anew else [(number, path)]
        self._lines = len(self._programs) if anew else self._lines
        packed = b"".join(msgpack.packb([n, os.fsencode(p)]) for n, p in entries)
        quietly = contextlib.suppress(OSError)  # a full disk: whoever looks from outside has no names of functions
        with quietly, open(self._directory / PROGRAMS, "wb" if anew else "ab", buffering=0) as file:
            file.write(packed)

    def header(self):
        return {**self._facts, "programs": {n: os.fsencode(p) for n, p in self._programs.items()}}


def read_description(directory):
    """The facts and `programs` that a machine tells in its directory; None while it boots, or where it is nonsense."""
    try:
        with open(directory / FILE, "rb") as file:
            facts = msgpack.unpackb(file.read(MAX_FILE_BYTES))
        return {**facts, "programs": read_programs(directory)}
    except (OSError, ValueError, TypeError, msgpack.UnpackException):
        return None


def read_programs(directory):
    """{number: path} of what is whole in the file; it may be written just now."""
    found = {}
    try:
        content = (directory / PROGRAMS).read_bytes()[:MAX_FILE_BYTES]
    except OSError:
        return found
    unpacker = msgpack.Unpacker(max_buffer_size=MAX_FILE_BYTES)
    unpacker.feed(content)
    try:
        for number, name in unpacker:
            found[number] = name
    except (ValueError, TypeError, msgpack.UnpackException):
        pass  # the last entry is not whole yet
    return found
