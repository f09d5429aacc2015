"""What CPUs run and who wakes whom, as ftrace events: from these Perfetto makes tracks of CPUs and states of threads.

Each event that begins or ends a run is one sched_switch, from or to the idle thread (pid 0): between two threads a CPU
is in the scheduler.  A sched_switch's `prev` is always the last one's `next` on its CPU, also where events were lost:
an end that ends nothing is left out, a thread that seems to run already is taken to be preempted.

prev_state: S asleep, D asleep in the server or the kernel, T stopped, R gave way, R+ preempted, X gone. A wake-up, and
a new thread's start, is a sched_waking whose pid is the waker's: the thread that did it, or what acted where no thread
did, named after itself or the cause of the wake-up: emu-timekeeper, emu-server, emu-timer. (The format's newer packets
for threads of any system keep no waker, and its compact form of these takes the CPU's thread for the waker.)
"""

import numpy as np

from ..text import table_of
from .chunk import STOPS
from .claims import Claims
from .rows import encode, message, size_of, varint, wrapped

SEQUENCE = 2  # the packets' trusted_packet_sequence_id: not that of the track events
PRIORITY = 120  # Linux's of nice 0; the trace does not tell them
RUNNABLE, ASLEEP, UNINTERRUPTIBLE, STOPPED, DEAD, PREEMPTED = 0, 1, 2, 4, 0x10, 0x100
STATES = {"server": UNINTERRUPTIBLE, "kernel": UNINTERRUPTIBLE, "vfork": UNINTERRUPTIBLE, "stop": STOPPED}
NOT_BY_THREADS = ("timer", "server", "supervisor", "kernel")  # causes: whichever thread ran then has no part in it
UNTOLD = ""  # the cause in a trace of version 1
IN_SCHEDULER = (UNTOLD, "thread", "kernel", "claimed")  # causes: the CPU itself did it, or nobody knows who did
IDLE = 0
EVENT = 2  # the field of FtraceEventBundle


class Sched:
    """`packets(chunk)` for chunk after chunk. Afterwards, of the last one's `wakes` (positions): the `wakers`, and what
    is `told` of them, their "cause" and "call"."""

    def __init__(self, trace, identities):
        self.trace, self.identities = trace, identities
        self.nr_cpus = trace.header["machine"]["cpus"]
        self._running = np.zeros(self.nr_cpus, dtype=np.int64)  # tids
        self._claims = Claims(trace, identities)
        self._causes = table_of(trace.header, "wake", "cause")

    def packets(self, chunk):
        """A packet for each CPU with events, as pieces of bytes."""
        actors = chunk.events["actor"]
        switches, next_tids, prev_states = self._switches(chunk)
        by_cpu = {
            cpu: self._chain(cpu, chunk, switches[mine], next_tids[mine], prev_states[mine])
            for cpu, mine in _groups(actors[switches])
        }
        wakes = np.sort(np.concatenate([chunk.of("wake"), chunk.of("spawn")]))
        queues = self._pick(chunk, wakes, "queue")
        running = np.zeros(len(wakes), dtype=np.int64)
        for cpu, mine in _groups(actors[wakes]):
            if cpu < self.nr_cpus:
                running[mine] = self._running_at(cpu, by_cpu.get(cpu), wakes[mine])
        self.wakes, self.wakers = wakes, self._wakers(chunk, wakes, running)
        cpus = np.where(actors[wakes] < self.nr_cpus, actors[wakes], np.where(queues < self.nr_cpus, queues, 0))
        targets = np.where(queues < self.nr_cpus, queues, cpus)
        woken, nothing = dict(_groups(cpus)), np.empty(0, dtype=np.int64)
        for cpu in sorted(by_cpu.keys() | woken.keys()):
            mine = woken.get(cpu, nothing)
            yield from self._bundle(cpu, chunk, by_cpu.get(cpu), wakes[mine], self.wakers[mine], targets[mine])
        for cpu, (_, _, _, _, last) in by_cpu.items():
            self._running[cpu] = last

    def _switches(self, chunk):
        """(positions in order of time, who runs next, the state of who ran) of the ends and beginnings of runs."""
        positions = [chunk.of("switch")]
        states = [np.zeros(len(positions[0]), dtype=np.int64)]
        for name in STOPS:
            at = chunk.of(name)
            positions.append(at)
            states.append(self._states(chunk, name, len(at)))
        positions, states = np.concatenate(positions), np.concatenate(states)
        order = np.argsort(positions)
        positions, states = positions[order], states[order]
        mine = chunk.events["actor"][positions] < self.nr_cpus
        positions, states = positions[mine], states[mine]
        begins = chunk.kinds[positions] == self.trace.kind_number("switch")
        return positions, np.where(begins, chunk.tids[positions], IDLE), states

    def _states(self, chunk, name, count):
        if name == "block":
            reasons = chunk.values("block", "reason")
            states = np.full(count, ASLEEP)
            for number, text in table_of(self.trace.header, "block", "reason").items():
                if text in STATES:
                    states[reasons == number] = STATES[text]
            return states
        return np.full(count, {"preempt": PREEMPTED, "yield": RUNNABLE, "exit": DEAD}[name])

    def _chain(self, cpu, chunk, positions, next_tids, states):
        """(positions, prev, states, next, last) of a CPU's switches: each begins with what the last one left."""
        prev = np.concatenate([self._running[cpu : cpu + 1], next_tids[:-1]])
        kept = prev != next_tids
        states = np.where((next_tids == IDLE) & (prev == chunk.tids[positions]), states, RUNNABLE)
        last = next_tids[-1] if len(next_tids) else self._running[cpu]
        return positions[kept], prev[kept], states[kept], next_tids[kept], last

    def _running_at(self, cpu, chain, positions):
        if chain is None:
            return np.full(len(positions), self._running[cpu])
        at, _, _, next_tids, _ = chain
        return np.append(self._running[cpu], next_tids)[np.searchsorted(at, positions)]

    def _pick(self, chunk, wakes, argument):
        """An argument that wake and spawn share."""
        found = np.zeros(len(chunk), dtype=np.int64)
        for name in ("wake", "spawn"):
            found[chunk.of(name)] = chunk.values(name, argument)
        return found[wakes]

    def _wakers(self, chunk, wakes, running):
        """Tids: the thread that the event names, else the one that ran, else who or what it was instead."""
        named = chunk.tids_of_indices(self._pick(chunk, wakes, "waker") - 1, wakes)
        causes = self._pick(chunk, wakes, "cause")
        actors = chunk.events["actor"][wakes].astype(np.int64)
        named[np.isin(causes, self._numbers(*NOT_BY_THREADS))] = 0
        # A thread is not its own waker: its CPU was between two threads.
        ran = np.isin(causes, self._numbers(UNTOLD, "thread")) & (running != chunk.tids[wakes])
        wakers = np.where(named != 0, named, np.where(ran, running, 0))
        here, claims = self._claims.of(wakes + chunk.start)
        wakers[here], actors[here] = self._claims.tids[claims], self._claims.actors[claims]
        calls = self._pick(chunk, wakes, "call")
        causes[here], calls[here] = self._claims.causes[claims], self._claims.calls[claims]
        self.told = {"cause": causes, "call": calls}
        nobody = np.flatnonzero(wakers == 0)
        pairs, which = np.unique(actors[nobody] << 32 | causes[nobody], return_inverse=True)
        tids = [self._acting(pair >> 32, self._causes.get(pair & 0xFFFFFFFF, UNTOLD)) for pair in pairs.tolist()]
        wakers[nobody] = np.array(tids, dtype=np.int64)[which]
        return wakers

    def _numbers(self, *causes):
        return [0] * (UNTOLD in causes) + [number for number, text in self._causes.items() if text in causes]

    def _acting(self, actor, cause):
        if actor >= self.nr_cpus:
            return self.identities.acting(f"emu-{self.trace.actor_name(actor)}")
        return self.identities.acting("emu-scheduler" if cause in IN_SCHEDULER else f"emu-{cause}")

    def _bundle(self, cpu, chunk, chain, wakes, wakers, targets):
        at, prev, states, next_tids = chain[:4] if chain else [np.empty(0, dtype=np.int64)] * 4
        switched = _switch_rows(chunk.times[at], prev, states, next_tids)
        woken = _waking_rows(chunk.times[wakes], wakers, chunk.tids[wakes], targets)
        # Of one length, so that a row of either kind can be put where its time says.
        longer = size_of(woken) - size_of(switched)
        if longer > 0:
            switched = _switch_rows(chunk.times[at], prev, states, next_tids, longer)
        elif longer < 0:
            woken = _waking_rows(chunk.times[wakes], wakers, chunk.tids[wakes], targets, -longer)
        places = np.argsort(np.concatenate([at, wakes]), kind="stable")
        rows = np.concatenate([encode(len(at), switched), encode(len(wakes), woken)])[places]
        if rows.size:
            bundle = [*varint(1, cpu), rows.reshape(-1).data]
            packet = [*varint(10, SEQUENCE), *wrapped(1, bundle)]
            yield from wrapped(1, packet)


def _groups(values):
    """(value, its positions in ascending order) of each value."""
    order = np.argsort(values, kind="stable")
    distinct, first = np.unique(values[order], return_index=True)
    return zip(distinct.tolist(), np.split(order, first[1:]))


def _switch_rows(times, prev, states, next_tids, extra=0):
    event = message(4, varint(2, prev), varint(3, PRIORITY), varint(4, states), varint(6, next_tids),
                    varint(7, PRIORITY, 1 + extra))  # fmt: skip
    return message(EVENT, varint(1, times), varint(2, prev), event)


def _waking_rows(times, wakers, wakees, targets, extra=0):
    event = message(20, varint(2, wakees), varint(3, PRIORITY), varint(4, 1, 1 + extra), varint(5, targets))
    return message(EVENT, varint(1, times), varint(2, wakers), event)
