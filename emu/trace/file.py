"""Trace files: what one looks like, writing one so that it can be read after any crash, reading one.

A file is a sequence of msgpack maps, each written by one call before the next is made:

    {"format": "emu-trace", "version": 1, "kinds": [[name, a, b, doc], …], "machine": …, …}
    {"cut_ns": time, "failed": 0 or 1, "rings": [[actor, first sequence number, lost so far, records], …]}
    …
    {"end_ns": time, "complete": bool, "reason": …, "failure": …, "recorded": {actor: n}, "lost": {actor: n}}

A record is four little-endian 64-bit words (time_ns, word, a, b; shm/events.py), and the
header says what kinds, arguments and numbers mean, so that an old file stays readable.

`cut_ns` was read before the first ring of its round.  Events up to then form a whole: what
one of them depends on was recorded under a lock before, and is in the file too.  Later events of
the round may have causes that are missing, which matters only in the last round.
"""

import contextlib
import functools
import os
import stat
import struct
from dataclasses import dataclass, field

import msgpack
import numpy as np

from ..errors import TraceError
from ..shm.events import WORD

FORMAT, VERSION = "emu-trace", 1
NO_THREAD = 0xFFFFFF
RECORD = np.dtype([(name, "<i8") for name in ("time_ns", "word", "a", "b")])
EVENT = np.dtype(
    [("time_ns", "i8"), ("a", "i8"), ("b", "i8"), ("sequence", "i8"), ("generation", "i4"), ("thread", "i4"),
     ("actor", "i2"), ("kind", "i2")]
)  # fmt: skip
MAX_FRAME_BYTES = 1 << 30
BIN_32 = struct.Struct(">BI")  # msgpack's head of a byte string: type, length


class TraceWriter:
    """A trace file that is being written. OSError when the host takes no more; what was written stays readable."""

    def __init__(self, path):
        try:
            if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode) and not _is_device(path):
                raise TraceError(f"trace file {path}: not a regular file")
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise TraceError(f"trace file {path}: cannot be written: {error.strerror}") from None
        self._whole_bytes = 0

    def write(self, frame):
        """Append a frame whole, or not at all."""
        self._append([memoryview(msgpack.packb(frame))])

    def write_round(self, cut_ns, failed, rings):
        """Append a round; rings: [(actor, first, lost, records as bytes)], which are not copied."""
        packer = msgpack.Packer(autoreset=False)
        packer.pack_map_header(3)
        for word in ("cut_ns", cut_ns, "failed", failed, "rings"):
            packer.pack(word)
        packer.pack_array_header(len(rings))
        pieces = []
        for actor, first, lost, records in rings:
            packer.pack_array_header(4)
            for word in (actor, first, lost):
                packer.pack(word)
            pieces += [memoryview(packer.bytes() + BIN_32.pack(0xC6, len(records))), memoryview(records)]
            packer.reset()
        self._append(pieces or [memoryview(packer.bytes())])

    def _append(self, pieces):
        size = sum(len(piece) for piece in pieces)
        try:
            while pieces:
                written = os.writev(self._descriptor, pieces)
                while pieces and written >= len(pieces[0]):
                    written -= len(pieces.pop(0))
                if pieces:
                    pieces[0] = pieces[0][written:]
        except OSError:
            with contextlib.suppress(OSError):  # a device has no end to cut off
                os.ftruncate(self._descriptor, self._whole_bytes)
                os.lseek(self._descriptor, 0, os.SEEK_END)
            raise
        self._whole_bytes += size

    @property
    def size(self):
        """Bytes written so far."""
        return self._whole_bytes

    def close(self):
        os.close(self._descriptor)


def _is_device(path):
    return stat.S_ISCHR(os.stat(path).st_mode)


@dataclass
class Trace:
    """A trace that was read: `events` sorted by time, with the columns of EVENT."""

    path: str
    header: dict
    events: np.ndarray
    end: dict | None  # None: the recorder was killed, or still runs
    horizon_ns: int  # events up to here have their causes in the trace
    damaged_at: int | None = None  # byte offset of a torn frame
    lost: dict[int, int] = field(default_factory=dict)  # dropped events of each actor

    @property
    def complete(self) -> bool:
        """Everything that was recorded until the end of all CPUs is here; dropped events are counted."""
        return bool(self.end and self.end["complete"])

    @property
    def ended(self) -> bool:
        """Every scheduler had exited when the trace was closed."""
        return self.complete and self.end["ended"]

    def notes(self) -> list[str]:
        """What is not as it should be with the file, in sentences."""
        found = []
        if self.damaged_at is not None:
            found.append(f"the file is torn at byte {self.damaged_at}; what follows was ignored")
        if self.end is None:
            found.append("the trace has no end: its machine was killed or still runs")
        elif not self.complete:
            found.append(f"the trace ends early: {self.end['reason']}")
        elif self.end["failure"]:
            found.append(f"the machine failed: {self.end['failure']}")
        for actor, count in sorted(self.lost.items()):
            found += [f"{count:,} events of {self.actor_name(actor)} were lost: its ring was full"] if count else []
        return found

    @property
    def end_ns(self):
        """When the last whole round or the end was written."""
        return self.end["end_ns"] if self.end else self.horizon_ns

    @functools.cached_property
    def thread_names(self):
        """{(thread, generation): its last name}, printable and without spaces."""
        found = {}
        for event in self.of_kind("name"):
            name = struct.pack("<qq", int(event["a"]), int(event["b"])).split(b"\0")[0].decode(errors="replace")
            name = "".join(c if c.isprintable() and not c.isspace() else "_" for c in name)
            found[int(event["thread"]), int(event["generation"])] = name
        return found

    def label(self, thread, generation):
        """index#generation, and the name where there is one: 3#0:worker."""
        name = self.thread_names.get((thread, generation))
        return f"{thread}#{generation}" + (f":{name}" if name else "")

    def names(self):
        return [kind[0] for kind in self.header["kinds"]]

    def kind_number(self, name):
        """The number of a kind, -1 when this trace has none of that name."""
        names = self.names()
        return names.index(name) if name in names else -1

    def of_kind(self, *names):
        """The events of some kinds."""
        return self.events[np.isin(self.events["kind"], [self.kind_number(name) for name in names])]

    def values(self, events, kind, name):
        """Argument or field `name` of some events, which are all of that kind; zeros where this trace has none."""
        number = self.kind_number(kind)
        arguments = self.header["kinds"][number][1:3] if number >= 0 else ("", "")
        for word, argument in zip("ab", arguments):
            if argument == name:
                return events[word]
            low = 0
            for field_name, width in self.header.get("fields", {}).get(argument, ()):
                if field_name == name:
                    return events[word] >> low & ((1 << width) - 1)
                low += width
        return np.zeros(len(events), dtype=np.int64)

    def actor_name(self, actor):
        return self.header["values"]["actor"].get(actor) or f"CPU {actor}"


def read_trace(path: str | os.PathLike[str]) -> Trace:
    """A Trace, whole or torn; TraceError when the file is no trace at all."""
    try:
        with open(path, "rb") as file:
            return _read(path, file)
    except OSError as error:
        raise TraceError(f"trace file {path}: cannot be read: {error.strerror}") from None


def _read(path, file):
    unpacker = msgpack.Unpacker(file, max_buffer_size=MAX_FRAME_BYTES, strict_map_key=False)
    header = _next_frame(unpacker)
    if header is None or header.get("format") != FORMAT:
        raise TraceError(f"trace file {path}: not a trace of emu")
    if header.get("version") != VERSION:
        raise TraceError(f"trace file {path}: format version {header.get('version')}, this emu reads version {VERSION}")
    rounds, end, whole = [], None, unpacker.tell()
    while (frame := _next_frame(unpacker)) is not None:
        if not ({"rings", "cut_ns"} <= frame.keys() or {"complete", "end_ns"} <= frame.keys()):
            break
        if "rings" in frame:
            rounds.append(frame)
        else:
            end = frame
        whole = unpacker.tell()
    damaged_at = whole if whole < os.fstat(file.fileno()).st_size else None
    try:
        events, lost = _events(rounds)
    except (ValueError, TypeError):
        raise TraceError(f"trace file {path}: damaged: its records are not what the header says") from None
    if end is not None and end["complete"]:
        lost = end["lost"]
    trusted = [r["cut_ns"] for r in rounds if not r["failed"]]
    if end is not None and end["complete"] and not end["failure"]:
        trusted.append(end["end_ns"])
    return Trace(str(path), header, events, end, max(trusted, default=0), damaged_at, lost)


def _next_frame(unpacker):
    """The next map of a file, None where there is no whole one."""
    try:
        frame = unpacker.unpack()
    except (msgpack.OutOfData, msgpack.UnpackException, ValueError):  # the end, a torn frame, or no msgpack
        return None
    return frame if isinstance(frame, dict) else None


def _events(rounds):
    """(all events in order of time, lost events of each actor). Those of one time keep the order of their ring."""
    parts, lost, expected = {}, {}, {}
    for frame in rounds:
        for actor, first, dropped, records in frame["rings"]:
            raw = np.frombuffer(records, dtype=RECORD)
            if first != expected.get(actor, 0):
                raise ValueError(f"actor {actor}: sequence number {first}")
            part = np.empty(len(raw), dtype=EVENT)
            for name in ("time_ns", "a", "b"):
                part[name] = raw[name]
            part["sequence"] = np.arange(first, first + len(raw))
            part["generation"] = WORD.get(raw["word"], "generation")
            thread = WORD.get(raw["word"], "thread")
            part["thread"] = np.where(thread == NO_THREAD, -1, thread)
            part["actor"] = actor
            part["kind"] = WORD.get(raw["word"], "kind")
            parts.setdefault(actor, []).append(part)
            expected[actor] = first + len(raw)
            lost[actor] = dropped
    every = [part for actor in sorted(parts) for part in parts[actor]]
    events = np.concatenate(every) if every else np.empty(0, dtype=EVENT)
    return events[np.argsort(events["time_ns"], kind="stable")], lost
