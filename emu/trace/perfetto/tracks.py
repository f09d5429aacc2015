"""Track events: slices, instants, flows and counters beside the CPUs' tracks, with arguments that say why.

Each packet names its strings by numbers, which `Names` gives out; new ones go into a packet before those that use them.
All have one trusted_packet_sequence_id, which is what the numbers are valid for.
"""

import numpy as np

from ..text import NOTHING, named_value, table_of
from .chunk import argument_names
from .kinds import BEGIN, END, INDICES, PARTNERS, POINTERS, SHOWN_AS, SPAN, UNSHOWN, UNSHOWN_ARGUMENTS, shape_of
from .rows import encode, fixed_64, message, varint

SEQUENCE = 1
NEEDS_NAMES = 2  # sequence_flags: the packet is of no use without the names before it
TYPE_BEGIN, TYPE_END, TYPE_INSTANT, TYPE_COUNTER = 1, 2, 3, 4
MOST_NAMED_VALUES = 10_000  # of arguments; others are numbers
CPU_TRACK, QUEUE_TRACK = 1_000, 2_000  # uuids: + CPU; a thread's is its tid
GLOBAL_QUEUE_TRACK = QUEUE_TRACK - 1


class Names:
    """Numbers for strings. `fresh` has those that no packet has introduced yet: {table: {string: number}}."""

    def __init__(self):
        self.known = {"categories": {}, "events": {}, "arguments": {}, "values": {}}
        self.fresh = {}

    def number(self, table, text):
        found = self.known[table].get(text)
        if found is None:
            found = self.known[table][text] = len(self.known[table]) + 1
            self.fresh.setdefault(table, {})[text] = found
        return found

    def take_fresh(self):
        fresh, self.fresh = self.fresh, {}
        return fresh


class Tracks:
    """`packets(chunk, sched)`: rows of bytes, each a whole packet of the trace; `names` what they need before them."""

    def __init__(self, trace, identities, flows):
        self.trace, self.identities, self.flows = trace, identities, flows
        self.nr_cpus = trace.header["machine"]["cpus"]
        self.names = Names()

    def packets(self, chunk, sched):
        for kind in self.trace.names():
            if kind not in UNSHOWN and len(at := chunk.of(kind)):
                yield from self._of_kind(chunk, sched, kind, at)

    def counters(self, times, queues, depths):
        """Packets of how many threads wait on a queue from a time on."""
        tracks = np.where((queues >= 0) & (queues < self.nr_cpus), QUEUE_TRACK + queues, GLOBAL_QUEUE_TRACK)
        event = message(11, varint(9, TYPE_COUNTER), varint(11, tracks), varint(30, depths))
        return self._rows(times, event)

    def _of_kind(self, chunk, sched, kind, at):
        shape = shape_of(kind)
        category = varint(3, self.names.number("categories", shape.category))
        times, tracks = chunk.times[at], self._tracks(chunk, at, shape.on_cpu)
        shown = self._arguments(chunk, sched, kind, at, shape)
        track, title = varint(11, tracks), self._titles(chunk, kind, shape)
        if shape.form == END:
            yield self._rows(times, message(11, varint(9, TYPE_END), category, track, *shown))
        elif shape.form == SPAN:
            begins = _one_after_another(times - np.maximum(chunk.values(kind, shape.span), 0), times, tracks)
            yield self._rows(begins, message(11, varint(9, TYPE_BEGIN), category, track, title, *shown))
            yield self._rows(times, message(11, varint(9, TYPE_END), track))
        else:
            form = TYPE_BEGIN if shape.form == BEGIN else TYPE_INSTANT
            arrows = self.flows.of(chunk.events[at], kind) if kind in ("send", "receive") else None
            flow = [] if arrows is None else fixed_64(47, arrows)
            yield self._rows(times, message(11, varint(9, form), category, track, title, *shown, flow))

    def _rows(self, times, event):
        head = [*varint(8, times), *varint(10, SEQUENCE), *varint(13, NEEDS_NAMES)]
        return encode(len(times), message(1, head, event))

    def _tracks(self, chunk, at, on_cpu):
        actors = chunk.events["actor"][at].astype(np.int64)
        tracks = np.where(actors < self.nr_cpus, CPU_TRACK + actors, 0)
        for actor in np.unique(actors[actors >= self.nr_cpus]).tolist():
            tracks[actors == actor] = self.identities.acting(f"emu-{self.trace.actor_name(actor)}")
        return tracks if on_cpu else np.where(chunk.tids[at] > 0, chunk.tids[at], tracks)

    def _titles(self, chunk, kind, shape):
        if not shape.named_by:
            return varint(10, self.names.number("events", shape.title or kind))
        values = chunk.values(kind, shape.named_by)
        return varint(10, self._numbers(values, kind, shape.named_by, "events"))

    def _arguments(self, chunk, sched, kind, at, shape):
        """The debug annotations of a kind: [[pieces of one], …]."""
        shown = []
        for name in argument_names(self.trace, kind):
            if name in (shape.named_by, shape.span, *UNSHOWN_ARGUMENTS):
                continue
            values = chunk.values(kind, name)
            if kind == "wake" and name in sched.told:
                values = sched.told[name][np.searchsorted(sched.wakes, at)]
            if name in INDICES:
                values = chunk.tids_of_indices(values - 1, at)
            shown.append(self._argument(kind, name, values))
        if kind in ("wake", "spawn"):
            shown.append(self._argument(kind, "woken by tid", sched.wakers[np.searchsorted(sched.wakes, at)]))
        if shape.on_cpu and (chunk.tids[at] > 0).any():
            shown.append(self._argument(kind, "tid", chunk.tids[at]))
        return shown

    def _argument(self, kind, name, values):
        head = varint(1, self.names.number("arguments", SHOWN_AS.get((kind, name), name)))
        if name in POINTERS:
            return message(4, head, varint(7, values))
        if name in PARTNERS or table_of(self.trace.header, kind, name):
            numbers = self._numbers(values, kind, name, "values")
            if numbers is not None:
                return message(4, head, varint(17, numbers))
        return message(4, head, varint(4, values))

    def _numbers(self, values, kind, argument, table):
        """Of the strings that values are shown as; None when there are too many."""
        distinct, which = np.unique(values, return_inverse=True)
        if table == "values" and len(self.names.known[table]) + len(distinct) > MOST_NAMED_VALUES:
            return None
        texts = [self._text(kind, argument, value) for value in distinct.tolist()]
        return np.array([self.names.number(table, text) for text in texts], dtype=np.int64)[which]

    def _text(self, kind, argument, value):
        if argument in PARTNERS:
            return f"port {~value}" if value < 0 else f"thread {value}"
        if value == NOTHING.get(argument):
            return "none"
        return str(named_value(self.trace.header, kind, argument, value))


def _one_after_another(begins, ends, tracks):
    """Beginnings after boot, and of spans on one track none before the last one's end: a viewer would mix them up.

    A ns later, as of two events of one time the viewer takes the beginning first.
    """
    order = np.argsort(tracks, kind="stable")
    found, ends = begins[order], ends[order]
    same = np.diff(tracks[order]) == 0
    found[1:] = np.where(same, np.minimum(np.maximum(found[1:], ends[:-1] + 1), ends[1:]), found[1:])
    begins[order] = found
    return np.maximum(begins, 0)
