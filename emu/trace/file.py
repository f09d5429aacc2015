"""Trace files: what one looks like, and reading one. Writing: writer.py.

A file is a sequence of msgpack maps, each written by one call before the next is made:

    {"format": "emu-trace", "version": 2, "kinds": [[name, a, b, doc], …], "fields": …, "machine": …, …}
    {"cut_ns": time, "failed": 0 or 1, "rings": [[actor, first sequence number, lost so far, records], …]}
    …
    {"end_ns": time, "complete": bool, "reason": …, "failure": …, "recorded": {actor: n}, "lost": {actor: n}}

A record is four little-endian 64-bit words (time_ns, word, a, b; shm/events.py), and the header says what kinds,
arguments and numbers mean, so that old files, and newer ones with the same records, stay readable.  `fields` says of
arguments that hold several numbers which ones: {argument: [[name, bits], … from the lowest]}; version 1 had none.

`cut_ns` was read before the first ring of its round.  Events up to then form a whole: what one of them depends on was
recorded under a lock before, and is in the file too.  Later events of the round may have causes that are missing, which
matters only in the last round.  So a reader can hand on each round's events up to its cut in order of time, and needs
room for all of them once.
"""

import bisect
import functools
import os
import stat
import struct
from dataclasses import dataclass, field

import msgpack
import numpy as np

from ..errors import TraceError
from ..shm.events import WORD
from .understood import end_is_understood, header_is_understood, is_time

FORMAT, VERSION = "emu-trace", 2
NO_THREAD = 0xFFFFFF
RECORD = np.dtype([(name, "<i8") for name in ("time_ns", "word", "a", "b")])
EVENT = np.dtype(
    [("time_ns", "i8"), ("a", "i8"), ("b", "i8"), ("sequence", "i8"), ("generation", "i4"), ("thread", "i4"),
     ("actor", "i2"), ("kind", "i2")]
)  # fmt: skip
MAX_FRAME_BYTES = 1 << 30
MOST_AT_FIRST = 1 << 27  # events that there is room for; a file's size may say anything


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
    def is_damaged(self) -> bool:
        """Something of the file is missing, or could not be understood: `notes` says what."""
        return self.damaged_at is not None or self.end is None or self.is_newer

    @property
    def is_newer(self) -> bool:
        return self.header["version"] > VERSION

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
        if self.is_newer:
            text = f"the file has format version {self.header['version']}, this emu knows versions up to {VERSION}"
            found.append(f"{text}: what it does not know is left out")
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
        """An argument, or a field of one, of `events`, which are all of this kind; zeros where this trace has none."""
        number = self.kind_number(kind)
        for column, argument in zip("ab", self.header["kinds"][number][1:3] if number >= 0 else ()):
            if argument == name:
                return events[column].astype(np.int64)
            shift = 0
            for field_name, width in self._fields.get(argument, ()):
                if field_name == name:
                    return events[column] >> shift & ((1 << width) - 1)
                shift += width
        return np.zeros(len(events), dtype=np.int64)

    def named_values(self, kind, a, b):
        """{name: number} of an event's two arguments, those that hold several numbers taken apart."""
        found = {}
        for argument, value in zip(self.header["kinds"][kind][1:3], (a, b)):
            if argument in self._fields:
                for name, width in self._fields[argument]:
                    found[name] = value & ((1 << width) - 1)
                    value >>= width
            elif argument:
                found[argument] = value
        return found

    def plain(self, events):
        """The columns a and b of events of any kinds, of arguments with several numbers the first."""
        columns = events["a"].copy(), events["b"].copy()
        for number, kind in enumerate(self.header["kinds"]):
            for column, argument in zip(columns, kind[1:3]):
                if argument in self._fields:
                    mine = events["kind"] == number
                    column[mine] &= (1 << self._fields[argument][0][1]) - 1
        return columns

    @functools.cached_property
    def _fields(self):
        return self.header.get("fields", {})

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
    size = os.fstat(file.fileno()).st_size
    unpacker = msgpack.Unpacker(file, max_buffer_size=MAX_FRAME_BYTES, strict_map_key=False)
    header = _next_frame(unpacker)
    _check_header(path, header)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        raise TraceError(f"trace file {path}: no regular file: copy what it gives into one")
    rounds, end, whole = _Rounds(min(size // RECORD.itemsize, MOST_AT_FIRST)), None, unpacker.tell()
    while whole < size and (frame := _next_frame(unpacker)) is not None:  # what is written meanwhile is left
        if {"rings", "cut_ns", "failed"} <= frame.keys():
            if not rounds.add(frame):
                break
        elif end_is_understood(frame):
            end = frame
        else:
            break
        whole = unpacker.tell()
    events = rounds.finish()
    lost, horizon_ns = rounds.lost, rounds.horizon_ns
    if end is not None and end["complete"]:
        lost = end["lost"]
        horizon_ns = horizon_ns if end["failure"] else max(horizon_ns, end["end_ns"])
    return Trace(str(path), header, events, end, horizon_ns, whole if whole < size else None, lost)


def _check_header(path, header):
    """TraceError unless it is one whose records can be read."""
    if header is None or header.get("format") != FORMAT:
        raise TraceError(f"trace file {path}: not a trace of emu")
    version = header.get("version")
    if not isinstance(version, int) or version < 1 or header.get("record", list(RECORD.names)) != list(RECORD.names):
        raise TraceError(f"trace file {path}: format version {version}, this emu reads versions 1 to {VERSION}")
    if not header_is_understood(header):
        raise TraceError(f"trace file {path}: damaged: its header does not say what its records mean")


def _next_frame(unpacker):
    """The next map of a file, None where there is no whole one."""
    try:
        frame = unpacker.unpack()
    except (msgpack.OutOfData, msgpack.UnpackException, ValueError, TypeError):  # the end, a torn frame, or no msgpack
        return None
    return frame if isinstance(frame, dict) else None


class _Rounds:
    """Events of rounds, put in order of time as they come. Those of one time keep the order of their ring."""

    def __init__(self, most):
        self._events = np.empty(most, dtype=EVENT)  # what is not used costs nothing
        self._used = 0
        self._later = np.empty(0, dtype=EVENT)  # after the last cut
        self._expected = {}  # the next sequence number of each actor
        self.lost = {}
        self.horizon_ns = 0

    def add(self, frame):
        """Take a round over; False, and nothing of it is taken, when its records are not what the header says."""
        try:
            cut_ns = frame["cut_ns"]
            if not is_time(cut_ns):
                return False
            parts = [_part(*ring, self._expected.get(ring[0], 0)) for ring in frame["rings"]]
        except (ValueError, TypeError, LookupError, OverflowError):
            return False
        for (actor, first, dropped, _), part in zip(frame["rings"], parts):
            self._expected[actor] = first + len(part)
            self.lost[actor] = dropped
        self._later = np.concatenate([self._later, *parts])
        self._take(cut_ns)
        if not frame["failed"]:
            self.horizon_ns = max(self.horizon_ns, cut_ns)
        return True

    def _take(self, cut_ns):
        """Hand on what is up to the cut, sorted. What was recorded after its own cut goes between earlier events."""
        later = self._later["time_ns"] > cut_ns
        now = self._later[~later]
        self._later = self._later[later]
        now = now[np.argsort(now["time_ns"], kind="stable")]
        if not len(now):
            return
        if self._used + len(now) > len(self._events):  # the file has grown meanwhile
            self._events = np.concatenate([self._events[: self._used], np.empty(2 * len(now) + self._used, EVENT)])
        self._events[self._used : self._used + len(now)] = now
        late = bisect.bisect_right(self._events["time_ns"][: self._used], now["time_ns"][0])  # NumPy's copies a column
        self._used += len(now)
        if late < self._used - len(now):
            tail = self._events[late : self._used]
            tail[:] = tail[np.argsort(tail["time_ns"], kind="stable")]

    def finish(self):
        if len(self._later):
            self._take(int(self._later["time_ns"].max()))
        return self._events[: self._used]


def _part(actor, first, dropped, records, expected):
    """The events of a ring. ValueError, TypeError, OverflowError when they are nonsense."""
    raw = np.frombuffer(records, dtype=RECORD)
    if first != expected or not isinstance(dropped, int) or dropped < 0:
        raise ValueError(f"actor {actor}: sequence number {first}")
    if len(raw) and not (is_time(raw["time_ns"].min()) and is_time(raw["time_ns"].max())):
        raise ValueError(f"actor {actor}: times that no clock shows")
    part = np.empty(len(raw), dtype=EVENT)
    for name in ("time_ns", "a", "b"):
        part[name] = raw[name]
    part["sequence"] = np.arange(first, first + len(raw))
    part["generation"] = WORD.get(raw["word"], "generation")
    thread = WORD.get(raw["word"], "thread")
    part["thread"] = np.where(thread == NO_THREAD, -1, thread)
    part["actor"] = actor
    part["kind"] = WORD.get(raw["word"], "kind")
    return part
