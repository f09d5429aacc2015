"""What does recording an event cost, and how fast can the recorder take events out?

The writer: the compiled `emit` in a loop on a machine without processes, whose ring is emptied between two
timed stretches; beside it the same loop with tracing off, with a time that was read already, with the clock
alone, and with nothing in it.  The recorder: full rings of two CPUs, copied only, or written to a file too.

python benchmarks/events.py [--rounds N] [--quick]
"""

import tempfile
import time
from pathlib import Path

import click
from bare_machine import BareMachine
from common import benchmark, interleave, spread, with_range

from emu.hot import entry, hot
from emu.limits import EVENT_RING
from emu.machine.config import Config
from emu.shm.atomics import load_acquire, store_relaxed, store_release
from emu.shm.clock import now_ns
from emu.shm.events import POLICY, copy_events, emit, emit_at
from emu.shm.layout import machine_at
from emu.shm.memory import monotonic_ns
from emu.trace.recorder import Recorder

STRETCH = EVENT_RING // 2  # events between two looks at the host's clock
CPUS = 2


@hot
def turn(c, k):
    """What each turn of a loop does, so that nothing is left out of it or done once for all turns."""
    store_relaxed(c, "kicks", k)
    load_acquire(c, "pending")


@entry(2)
def time_nothing(address, count):
    m = machine_at(address)
    c = m.cpus[0]
    taken_ns = 0
    for _ in range(count // STRETCH):
        start = monotonic_ns()
        for k in range(STRETCH):
            turn(c, k)
        taken_ns += monotonic_ns() - start
    return taken_ns


@entry(2)
def time_clock(address, count):
    m = machine_at(address)
    c = m.cpus[0]
    taken_ns = 0
    for _ in range(count // STRETCH):
        start = monotonic_ns()
        for k in range(STRETCH):
            turn(c, k + now_ns(m))
        taken_ns += monotonic_ns() - start
    return taken_ns


@entry(2)
def time_emit(address, count):
    """With tracing on or off."""
    m = machine_at(address)
    c = m.cpus[0]
    taken_ns = 0
    for _ in range(count // STRETCH):
        start = monotonic_ns()
        for k in range(STRETCH):
            turn(c, k)
            emit(m, 0, POLICY, 1, k, k)
        taken_ns += monotonic_ns() - start
        store_release(c, "events_tail", c.events_head)
    return taken_ns


@entry(2)
def time_emit_at(address, count):
    """With a time that was read already, as most of the core's events."""
    m = machine_at(address)
    c = m.cpus[0]
    taken_ns = 0
    for _ in range(count // STRETCH):
        start = monotonic_ns()
        for k in range(STRETCH):
            turn(c, k)
            emit_at(m, 0, k, POLICY, 1, k, k)
        taken_ns += monotonic_ns() - start
        store_release(c, "events_tail", c.events_head)
    return taken_ns


@entry(2)
def fill_rings(address, cpus):
    m = machine_at(address)
    for cpu in range(cpus):
        for k in range(EVENT_RING):
            emit_at(m, cpu, k, POLICY, 1, k, k)
    return 0


def writer(bench, scale):
    count = max(STRETCH, int(3_000_000 * scale) // STRETCH * STRETCH)
    # name: (function, tracing, aim in ns over the empty loop)
    ways = {
        "nothing": (time_nothing, 0, None),
        "the clock alone": (time_clock, 0, None),
        "emit, tracing off": (time_emit, 0, 1),
        "emit, tracing on": (time_emit, 1, 25),
        "emit_at, tracing on": (time_emit_at, 1, None),
    }
    with BareMachine() as machine:

        def measure(function, tracing):
            machine.machine["tracing"] = tracing
            return function(machine.address, count) / count

        results = interleave(bench.rounds, {name: lambda f=f, t=t: measure(f, t) for name, (f, t, _) in ways.items()})
        if machine.machine["cpus"][0]["events_lost"]:
            raise click.ClickException("events were lost: the figures are not those of recording")
        machine.machine["tracing"] = 0
    empty = spread(results["nothing"])["median"]
    rows = []
    for name, values in results.items():
        over = spread(values)["median"] - empty
        row = bench.row(part="writer", what=name, ns=spread(values), over_empty_loop_ns=over, goal_ns=ways[name][2])
        rows.append((name, with_range(row["ns"]), f"{over:.1f}", ways[name][2] or ""))
    bench.table("Recording an event", ("what", "ns", "ns over the empty loop", "goal ns"), rows)


def reader(bench, scale):
    rings = max(1, int(40 * scale))
    with BareMachine() as machine, tempfile.TemporaryDirectory() as folder:
        config = Config.make(CPUS, seed=1)
        recorder = Recorder(Path(folder) / "trace")
        recorder.begin(machine.window, config)
        recorder._stop.set()  # the benchmark itself drains
        recorder._thread.join()

        def drain(write):
            taken_ns = 0
            for _ in range(rings):
                fill_rings(machine.address, CPUS)
                start = time.monotonic_ns()
                if write:
                    recorder.drain()
                else:
                    for cpu in range(CPUS):
                        copy_events(machine.address, cpu, recorder._buffer.ctypes.data)
                taken_ns += time.monotonic_ns() - start
            return rings * CPUS * EVENT_RING / taken_ns * 1e3

        results = interleave(
            bench.rounds, {"copied": lambda: drain(False), "copied and written to a file": lambda: drain(True)}
        )
        recorder.finish()
    rows = []
    for name, values in results.items():
        row = bench.row(part="recorder", what=name, million_events_per_s=spread(values))
        rows.append((name, with_range(row["million_events_per_s"], digits=0)))
    bench.table("Taking events out of rings", ("what", "million events/s"), rows)


@benchmark("events", rounds=7)
def main(bench):
    """What does recording an event cost, and how fast can the recorder take events out?"""
    scale = 0.02 if bench.quick else 1.0
    writer(bench, scale)
    reader(bench, scale)


if __name__ == "__main__":
    main()
