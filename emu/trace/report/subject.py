"""What all parts of a report look at: a trace, its history, its threads as numbers by CPU time, and who did what.

subject = Subject(lean(read_trace(path)))
subject.ids(thread, generation)        # arrays of the trace's numbers -> the report's; ABSENT for nobody
subject.begun(positions)               # of wakes and spawns: who made the thread runnable, and how
subject.who(kind, positions)           # who caused preempts, migrations, wakes or spawns
subject.wait_cpu, subject.wait_stall_ns   # of each wait: the CPU that ended it, and what the host took of it
"""

import dataclasses

import numpy as np

from ..history import CHUNK, STARTS, pick, read_history
from ..wakers import generations_at, wakers

ABSENT = -1
CAUSES = {"wake": "waker", "spawn": "waker", "preempt": "by", "migrate": "by"}  # kind: the argument that names who
ACTS = ("", *STARTS)  # how a wait began, "" where the trace does not say


# Of an event what a report looks at, without gaps: a quarter less than in a Trace, which counts with ten million.
LEAN = np.dtype(
    [
        ("time_ns", "i8"),
        ("a", "i8"),
        ("b", "i8"),
        ("generation", "i4"),
        ("thread", "i4"),
        ("actor", "i2"),
        ("kind", "u1"),
    ]
)


class Subject:
    def __init__(self, trace):
        self.trace, self.events = trace, trace.events
        self.header, self.machine = self.trace.header, self.trace.header["machine"]
        self.cpus = self.machine["cpus"]
        named = {kind: self._named(kind, name) for kind, name in CAUSES.items()}
        self.history = h = read_history(self.trace)
        self._number_threads()
        ended = h.waits.end_event >= 0
        self.wait_cpu = np.where(ended, self.events["actor"][h.waits.end_event], np.int16(-1))
        self.wait_stall_ns = h.stalls.within(self.wait_cpu, h.waits.start_ns, h.waits.end_ns)
        self.slice_stall_ns = h.stalls.within(h.slices.cpu, h.slices.start_ns, h.slices.end_ns)
        self._first_slice = np.searchsorted(h.slices.cpu, np.arange(self.cpus + 1))
        self._causes = {kind: self._cause(kind, found) for kind, found in named.items()}

    def _number_threads(self):
        h = self.history
        spans = (h.slices, h.waits, h.sleeps)
        self._keys = np.unique(np.concatenate([np.unique(_key(s.thread, s.generation)) for s in spans]))
        slots = np.searchsorted(self._keys, _key(h.slices.thread, h.slices.generation))
        cpu_ns = np.bincount(slots, (h.slices.end_ns - h.slices.start_ns).astype(float), len(self._keys))
        order = np.argsort(-cpu_ns, kind="stable")
        self._id = np.empty(len(order), dtype=np.int32)
        self._id[order] = np.arange(len(order))
        self.threads = [(int(key >> 32), int(key & 0xFFFFFFFF)) for key in self._keys[order]]
        self.slice_id = self._id[slots] if len(slots) else np.empty(0, dtype=np.int32)

    def ids(self, thread, generation):
        """Numbers of the report for threads of the trace, ABSENT for one that never ran, waited or slept."""
        found = np.full(len(thread), ABSENT, dtype=np.int32)
        for at in range(0, len(thread) if len(self._keys) else 0, CHUNK):
            key = _key(thread[at : at + CHUNK], generation[at : at + CHUNK])
            slot = np.minimum(np.searchsorted(self._keys, key), len(self._keys) - 1)
            found[at : at + CHUNK] = np.where(self._keys[slot] == key, self._id[slot], ABSENT)
        return found

    def by_index(self, index, time_ns):
        """Numbers for threads that an event names by index alone, ABSENT for index -1."""
        return np.where(index < 0, ABSENT, self.ids(index, generations_at(self.trace, index, time_ns)))

    def _named(self, kind, name):
        """{column: array} of the events of a kind, in order of time: position, and the thread that `name` names."""
        if kind == "wake" and self.has(kind, name):
            found = wakers(self.trace)
            return {
                "position": found.position.astype(np.int32), "thread": found.thread.astype(np.int32),
                "generation": found.generation.astype(np.int32), "actor": found.actor.astype(np.int16),
                "cause": found.cause.astype(np.int16), "call": found.call.astype(np.int32),
            }  # fmt: skip
        position = np.flatnonzero(self.events["kind"] == self.trace.kind_number(kind)).astype(np.int32)
        thread = (pick(self.trace, position, kind, name) - 1).astype(np.int32)
        generation = generations_at(self.trace, thread, self.events["time_ns"][position])
        return {"position": position, "thread": thread, "generation": generation.astype(np.int32)}

    def _cause(self, kind, found):
        """The same with `who`, the report's number, in place of thread and generation."""
        thread, generation, position = found.pop("thread"), found.pop("generation"), found["position"]
        if kind in ("wake", "spawn") and not self.has(kind, CAUSES[kind]):  # an old trace: who ran on the waking CPU
            return {**found, "who": self.running(self.events["actor"][position], self.events["time_ns"][position])}
        return {**found, "who": np.where(thread < 0, ABSENT, self.ids(thread, generation))}

    def who(self, kind, positions):
        """Numbers of the threads that caused the events of a kind at some positions; ABSENT for nobody, and at -1."""
        return self._of_cause(kind, "who", positions, ABSENT)

    def _of_cause(self, kind, name, positions, otherwise):
        causes = self._causes[kind]
        if not len(causes["position"]):
            return np.full(len(positions), otherwise)
        slot = np.minimum(np.searchsorted(causes["position"], positions), len(causes["position"]) - 1)
        return np.where(causes["position"][slot] == positions, causes[name][slot], otherwise)

    def running(self, actor, time_ns):
        """The threads that ran on some CPUs at some times, ABSENT where none did."""
        found = np.full(len(actor), ABSENT, dtype=np.int32)
        slices = self.history.slices
        for cpu in np.unique(actor):
            if cpu < 0 or cpu >= self.cpus:
                continue
            first, last = self._first_slice[cpu], self._first_slice[cpu + 1]
            asked = np.flatnonzero(actor == cpu)
            k = np.searchsorted(slices.start_ns[first:last], time_ns[asked], side="right") - 1 + first
            inside = (k >= first) & (slices.end_ns[np.maximum(k, 0)] >= time_ns[asked])
            found[asked] = np.where(inside, self.slice_id[np.maximum(k, 0)] if len(self.slice_id) else 0, ABSENT)
        return found

    def acts(self, positions):
        """Index in ACTS of the events at some positions."""
        table = np.zeros(256, dtype=np.int8)
        for number, name in enumerate(ACTS[1:], 1):
            if (kind := self.trace.kind_number(name)) >= 0:
                table[kind] = number
        return np.where(positions >= 0, table[self.events["kind"][positions]], 0)

    def begun(self, positions):
        """{column: array} of what made threads runnable at some events; who is the report's number, ABSENT nobody."""
        act = self.acts(positions)
        found = {"act": act, "actor": np.where(act > 0, self.events["actor"][positions], -1)}
        found["who"] = np.full(len(positions), ABSENT, dtype=np.int32)
        found |= {name: np.zeros(len(positions), dtype=np.int64) for name in ("place", "cause", "call")}
        found["from"] = np.full(len(positions), -1, dtype=np.int64)
        for kind in ("wake", "spawn"):
            mine = act == ACTS.index(kind)
            at = positions[mine]
            found["who"][mine] = self.who(kind, at)
            for name in ("place", "cause"):
                found[name][mine] = pick(self.trace, at, kind, name)
            if kind == "wake":
                found["from"][mine] = pick(self.trace, at, kind, "old_queue")
                if "cause" in self._causes[kind]:
                    for name in ("actor", "cause", "call"):
                        found[name][mine] = self._of_cause(kind, name, at, 0)
        return found

    def has(self, kind, name):
        """Whether events of a kind have an argument or field of that name."""
        number = self.trace.kind_number(kind)
        words = self.header["kinds"][number][1:3] if number >= 0 else ()
        fields = self.header.get("fields", {})
        return any(name == word or any(name == field for field, _ in fields.get(word, ())) for word in words)

    def since_boot(self, time_ns):
        """Times of the report: ns since its first event."""
        return time_ns - self.history.start_ns


def lean(trace):
    """The trace with the columns of LEAN only; as lean(read_trace(path)) the others' memory is free again."""
    found = np.empty(len(trace.events), dtype=LEAN)
    for name in LEAN.names:
        found[name] = trace.events[name]
    return dataclasses.replace(trace, events=found)


def _key(thread, generation):
    return thread.astype(np.int64) << 32 | (generation.astype(np.int64) & 0xFFFFFFFF)
