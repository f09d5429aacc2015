"""The recorder: while a machine runs, a thread of the supervisor moves all rings of events to a file.

It is a thread, not a process: it needs nothing but the window, sleeps most of the time, and
holds no interpreter lock while it copies and writes.  A killed supervisor takes the machine with
it, so a process that outlived it would save only the last few ms of events.

Each round takes what every ring holds and writes it as one frame (file.py), so the
file is readable up to the last round, whatever process is killed.  The pause between rounds follows
the fullest ring.  When the disk is slow, rings fill up, and events are dropped and counted; with `waits`, CPUs wait
instead.  When the disk takes no more, one line says so, recording ends, and the run goes on.
"""

import contextlib
import os
import sys
import threading
import time

import numpy as np

from .. import limits
from ..abi.syscall_numbers import NAMES
from ..actor.policies import load_policy
from ..errors import MachineError, TraceError, say
from ..kernel.failures import explain
from ..kernel.native import numbers as native
from ..kernel.sched import recording
from ..kernel.sched.hooks import HOOKS
from ..kernel.thread import states
from ..limits import (
    BUDGET_INSTRUCTIONS,
    EVENT_RING,
    GLOBAL_QUEUE,
    MAX_ACTORS,
    MAX_CPUS,
    SERVER,
    SUPERVISOR,
    TIMEKEEPER,
    TRANSLATOR,
)
from ..shm import events
from ..shm.clock import read_clock
from .file import FORMAT, RECORD, VERSION
from .writer import TraceWriter

SHORTEST_S, LONGEST_S = 0.0002, 0.005
SILENCE_S = 1.0  # a round is written at least so often: a reader sees how long nothing has happened
TRACE_LIMIT_BYTES = 4 << 30
ACTOR_NAMES = {SUPERVISOR: "supervisor", SERVER: "server", TIMEKEEPER: "timekeeper", TRANSLATOR: "translator"}
# Arguments whose numbers have names: which table of the header's "values" holds them.
TABLES = {
    "reason": "reason", "target": "actor", "cpu": "actor", "queue": "queue", "old_queue": "queue",
    "vector": "vector", "vectors": "vector", "call": "call", "place": "place", "cause": "wake_cause",
    "preempt.why": "preempt_why", "migrate.why": "migrate_why",
}  # fmt: skip


def make_header(machine, config):
    """What a reader has to know about the machine, and about the numbers in the records."""
    policy = load_policy(config.policy)
    return {
        "format": FORMAT,
        "version": VERSION,
        "kinds": [[kind.name, kind.a, kind.b, kind.doc] for kind in events.EVENTS],
        "record": list(RECORD.names),
        "fields": {
            name: [[field, bits or 64] for field, (_, bits) in packed.fields.items()]
            for name, packed in events.FIELDS.items()
        },
        "tables": TABLES,
        "masks": ["vector", "vectors"],  # several names may be in one number
        "values": {
            "reason": _names(states, "SLEEP_"),
            "vector": _names(limits, "IPI_"),
            "actor": ACTOR_NAMES,
            "queue": {GLOBAL_QUEUE: "global"},
            "call": {number + 1: name for number, name in (NAMES | native.NAMES).items()},
            "place": _names(recording, "PLACE_"),
            "wake_cause": _names(recording, "WAKE_"),
            "preempt_why": _names(recording, "PREEMPT_"),
            "migrate_why": _names(recording, "MOVE_"),
        },
        "machine": {
            "cpus": config.cpus,
            "blocking_cpus": config.blocking_cpus,  # the last ones
            "policy": config.policy,
            "hooks": [name for name in HOOKS if hasattr(policy, name)],
            "parameters": list(config.parameters),
            "one_queue": config.queues == "global",
            "seed": config.seed,
            "memory_bytes": config.memory_bytes,
            "slice_ns": config.slice_ns,
            "poll_ns": config.poll_ns,
            "tick_instructions": BUDGET_INSTRUCTIONS,
            "global_queue": GLOBAL_QUEUE,
        },
        "clock": {
            "source": "cycles" if machine["clock_rate"] else "monotonic",
            "rate": int(machine["clock_rate"]),
            "base": int(machine["clock_base"]),
            "start_ns": int(machine["clock_start_ns"]),
            "boot_ns": int(machine["boot_ns"]),
        },
        "command": [os.path.basename(word) if k == 0 else word for k, word in enumerate(sys.argv)],
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _names(module, prefix):
    """{number: name} of a module's constants."""
    found = {k: v for k, v in vars(module).items() if k.startswith(prefix)}
    return {v: k[len(prefix) :].lower() for k, v in found.items() if isinstance(v, int) and v > 0}


class Recorder:
    """Opens the file at once (MachineError when it cannot); `begin` once the window is filled; `finish`."""

    def __init__(self, path, limit_bytes=TRACE_LIMIT_BYTES, waits=False):
        self.path, self._limit_bytes = str(path), limit_bytes
        self._tracing = events.TRACING_WAITS if waits else events.TRACING_DROPS
        self._written_s = 0.0
        try:
            self._file = TraceWriter(self.path)
        except TraceError as error:
            raise MachineError(str(error)) from None
        self._window = None
        self._thread = None
        self._stop = threading.Event()
        self._broken = ""
        self._finished = False

    def begin(self, window, config):
        """From now on events are recorded."""
        self._window, self._config = window, config
        # Kept for all rounds: fresh memory costs more than the copy into it.
        self._buffer = np.empty(len(self._actors()) * EVENT_RING, dtype=RECORD)
        self._bytes = memoryview(self._buffer).cast("B")
        if self._attempt(self._file.write, make_header(window.machine, config)):
            window.machine["tracing"] = self._tracing
            self._thread = threading.Thread(target=self._run, name="emu-trace", daemon=True)
            self._thread.start()

    def finish(self):
        """After the last process of the machine has ended: what is left in the rings, and the end. May be repeated."""
        if self._finished:
            return
        self._finished = True
        if self._thread:
            self._stop.set()
            self._thread.join()
            if not self._broken:
                self.drain()
            if not self._broken:
                self._attempt(self._file.write, self._end(""))
            self._window.machine["tracing"] = 0
        self._file.close()
        self._window = None

    def _run(self):
        period_s = SHORTEST_S
        while not self._broken and not self._stop.wait(period_s):
            fullest = self.drain()
            if fullest > EVENT_RING // 8:
                period_s = SHORTEST_S
            elif fullest < EVENT_RING // 64:
                period_s = min(period_s * 1.5, LONGEST_S)

    def drain(self):
        """One round; how many events the fullest ring had."""
        m = self._window.machine
        cut_ns = read_clock(self._window.address)
        failed = int(m["failed"] != 0)  # after the cut: until then, locks were kept
        rings, fullest, at = [], 0, 0
        for actor in self._actors():
            first = int(m["cpus"][actor]["events_tail"])
            size = RECORD.itemsize * events.copy_events(self._window.address, actor, self._buffer.ctypes.data + at)
            if size:
                lost = int(m["cpus"][actor]["events_lost"])
                rings.append((actor, first, lost, self._bytes[at : at + size]))
                fullest = max(fullest, size // RECORD.itemsize)
                at += size
        now = time.monotonic()
        if self._file.size + at > self._limit_bytes:
            self._end_early(f"its limit of {self._limit_bytes:,} bytes is reached")
        elif rings or now - self._written_s > SILENCE_S:
            self._attempt(self._file.write_round, cut_ns, failed, rings)
            self._written_s = now
        return fullest

    def _actors(self):
        return (*range(int(self._window.machine["nr_cpus"])), *range(MAX_CPUS, MAX_ACTORS))

    def _end(self, reason):
        m = self._window.machine
        failure = ""
        if m["failed"]:
            failure = explain(int(m["failed"]), int(m["failed_value"]), self._config.policy)
        return {
            "end_ns": read_clock(self._window.address),
            "complete": not reason,
            "reason": reason,
            "failure": failure,
            "ended": not m["nr_active"],
            "recorded": {actor: int(m["cpus"][actor]["events_head"]) for actor in self._actors()},
            "lost": {actor: int(m["cpus"][actor]["events_lost"]) for actor in self._actors()},
        }

    def _attempt(self, write, *arguments):
        """Whether something could be written; where not, recording ends."""
        try:
            write(*arguments)
            return True
        except OSError as error:
            self._end_early(error.strerror)
        return False

    def _end_early(self, reason):
        self._broken = reason
        self._window.machine["tracing"] = 0
        say(f"emu: trace file {self.path}: {reason}: the trace ends here, the run goes on")
        with contextlib.suppress(OSError):  # a file without end says as much
            self._file.write(self._end(reason))
