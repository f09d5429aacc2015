"""What does a busy machine lose while somebody watches it?

Two tasks compute on two CPUs: alone, under `emu top` on a terminal of 80x24, and under `emu stats --watch 1 --json`.
A watcher reads the machine's memory and asks it nothing.  So it costs the host's time that it takes itself, which it
takes from the CPUs where the host has no other core, and cache lines that it shares with them.  Each is measured by
itself, since the throughput by the clock drowns in what else a host does: the watcher's processor time, and the
instructions for each second that the CPUs had a core.  The watcher has started before a run begins.

python benchmarks/live.py [--rounds N] [--quick]
"""

import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
import time

import psutil
from common import benchmark, interleave, spread, with_range
from guest_runs import Booted

CPUS = 2
GUEST = "bench_int"
ITERATIONS, QUICK_ITERATIONS = 200_000, 2_000
COMMAND = [sys.executable, "-c", "from emu.commands.cli import main; main()"]
WATCHERS = {
    "alone": None,
    "emu top": ["top"],
    "emu stats --watch 1 --json": ["stats", "--watch", "1", "--json"],
}
BEGUN_BYTES = 200  # that a watcher has written when it shows something


class Watcher:
    """A command on a pseudo-terminal, whose output is read and thrown away."""

    def __init__(self, arguments, pid):
        self._terminal, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environment = {**os.environ, "TERM": "xterm"}
        command = [*COMMAND, arguments[0], str(pid), *arguments[1:]]
        self._process = subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner, env=environment)
        os.close(inner)
        self._begun = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self._begun.wait(30)
        self._times = psutil.Process(self._process.pid)
        self._before = self.cpu_s()

    def _read(self):
        got = 0
        with contextlib.suppress(OSError):  # the command has ended
            while content := os.read(self._terminal, 1 << 16):
                got += len(content)
                if got > BEGUN_BYTES:
                    self._begun.set()

    def cpu_s(self):
        times = self._times.cpu_times()
        return times.user + times.system

    def end(self):
        """Its processor seconds since it had begun."""
        taken = self.cpu_s() - self._before
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()
        self._reader.join()
        os.close(self._terminal)
        return taken


def run(booted, arguments, iterations):
    """(millions of guest instructions a second, the same for a second on a core, the watcher's share of a core)."""
    watcher = Watcher(arguments, os.getpid()) if arguments else None
    start, before_s = time.perf_counter(), cpus_s(booted.machine)
    try:
        done = booted.run_together(*[(GUEST, iterations)] * CPUS)
    finally:
        took_s = watcher.end() if watcher else 0.0
    on_core = done.instructions / (cpus_s(booted.machine) - before_s) / 1e6
    return done.instructions / done.wall_s / 1e6, on_core, took_s / (time.perf_counter() - start)


def cpus_s(machine):
    """Seconds that the CPUs' processes have had a core."""
    return sum(each.cpu_s for each in machine.report().processes if each.name.startswith("emu-cpu-"))


@benchmark("live", rounds=9)
def main(bench):
    """What does a busy machine lose while somebody watches it?"""
    iterations = QUICK_ITERATIONS if bench.quick else ITERATIONS
    with Booted(CPUS) as booted:
        contenders = {name: lambda a=arguments: run(booted, a, iterations) for name, arguments in WATCHERS.items()}
        results = interleave(bench.rounds, contenders)
    names = ("mips", "mips_on_core", "core_share")
    figures = {name: {n: spread(column) for n, column in zip(names, zip(*runs))} for name, runs in results.items()}
    alone, rows = figures["alone"]["mips_on_core"]["median"], []
    for name, found in figures.items():
        left = found["mips_on_core"]["median"] / alone * (1 - found["core_share"]["median"] / CPUS)
        row = bench.row(watched_by=name, **found, left_on_as_many_cores=left)
        shown = [with_range(found["mips"], digits=0), with_range(found["mips_on_core"], digits=0)]
        rows.append([name, *shown, with_range(row["core_share"], 100, 2), f"{left:.4f}"])
    columns = ("watched by", "MIPS", "for a second on a core", "watcher's % of a core", f"left on {CPUS} cores")
    bench.table(f"{CPUS} CPUs, {CPUS} tasks", columns, rows)


if __name__ == "__main__":
    main()
