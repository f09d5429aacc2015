"""Traces in tests: that of a real machine, checked, and doctored ones."""

import numpy as np

from emu.limits import SERVER
from emu.machine.config import Config
from emu.shm.events import EVENTS, NO_THREAD
from emu.trace.check import check_trace
from emu.trace.file import RECORD, read_trace
from emu.trace.recorder import make_header
from emu.trace.writer import TraceWriter

BOOT_NS = 1_000_000
END_NS = None  # when a story was written: after its last event


def checked_trace(machine):
    """The trace of a machine that has shut down: whole, nothing lost, no rule broken."""
    trace = read_trace(machine.trace)
    assert trace.complete and trace.damaged_at is None and not any(trace.lost.values()), trace.notes()
    found = check_trace(trace)
    assert not found.violations, found.text()
    assert found.events == len(trace.events) == sum(trace.end["recorded"].values())
    return trace


KINDS = {kind.name: kind.number for kind in EVENTS}


def word(name, thread=-1, generation=0):
    return KINDS[name] | ((NO_THREAD if thread < 0 else thread) << 8) | (generation << 32)


class Story:
    """A made-up trace: `story.add(time_us, cpu, "switch", thread, a, b)`; times from boot."""

    def __init__(self, path, cpus=2, policy="random"):
        self.path, self.cpus = path, cpus
        self.config = Config.make(cpus, policy, seed=1)
        self.rings = {}
        for cpu in range(cpus):
            self.add(0, SERVER, "cpu-up", a=cpu)

    def add(self, time_us, actor, name, thread=-1, a=0, b=0, generation=0):
        record = (BOOT_NS + int(time_us * 1000), word(name, thread, generation), a, b)
        self.rings.setdefault(actor, []).append(record)
        return self

    def end(self, time_us=100_000):
        """Every scheduler exits."""
        for cpu in range(self.cpus):
            self.add(time_us, cpu, "cpu-down", a=cpu)
        return self

    def write(self, ended=True, lost=None, frame_only=False):
        machine = {"clock_rate": 0, "clock_base": 0, "clock_start_ns": 0, "boot_ns": BOOT_NS}
        file = TraceWriter(str(self.path))
        file.write(make_header(machine, self.config))
        rings = [
            (actor, 0, (lost or {}).get(actor, 0), np.array(records, dtype=RECORD).tobytes())
            for actor, records in self.rings.items()
        ]
        end_ns = END_NS or max(record[0] for records in self.rings.values() for record in records) + 1000
        file.write_round(end_ns, 0, rings)
        if not frame_only:
            recorded = {actor: len(records) for actor, records in self.rings.items()}
            file.write({
                "end_ns": end_ns, "complete": True, "reason": "", "failure": "", "ended": ended,
                "recorded": recorded, "lost": lost or {},
            })  # fmt: skip
        file.close()
        return self.path

    def trace(self, **options):
        return read_trace(self.write(**options))

    def broken(self, slack_ns=1_000_000, limits=None, **options):
        """The rules that the trace breaks, and the lines about it."""
        found = check_trace(self.trace(**options), slack_ns, **(limits or {}))
        return [v.rule for v in found.violations], found.text()
