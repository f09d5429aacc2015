"""What does a busy machine lose while somebody watches it?

Two tasks compute on two CPUs, alone, under `emu top` on a terminal of 80x24 as it is by default, and under
`emu stats --watch 1 --json`.  A watcher reads the machine's memory and asks it nothing, so what it costs is the host's time
that it takes itself, and cache lines that it shares: on a host with as many cores as the machine has CPUs that is the
worst case.  The watcher has started before a run begins.  Beside the throughput: the watcher's own processor time.

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
    """(instructions a second of the guests, the share of a core that the watcher took)."""
    watcher = Watcher(arguments, os.getpid()) if arguments else None
    start = time.perf_counter()
    try:
        done = booted.run_together(*[(GUEST, iterations)] * CPUS)
    finally:
        took_s = watcher.end() if watcher else 0.0
    return done.instructions / done.wall_s / 1e6, took_s / (time.perf_counter() - start)


@benchmark("live", rounds=9)
def main(bench):
    """What does a busy machine lose while somebody watches it?"""
    iterations = QUICK_ITERATIONS if bench.quick else ITERATIONS
    with Booted(CPUS) as booted:
        contenders = {name: lambda a=arguments: run(booted, a, iterations) for name, arguments in WATCHERS.items()}
        results = interleave(bench.rounds, contenders)
    alone = spread([mips for mips, _ in results["alone"]])
    rows = []
    for name, runs in results.items():
        mips, core = spread([r[0] for r in runs]), spread([r[1] for r in runs])
        row = bench.row(watched_by=name, mips=mips, core_share=core, against_alone=mips["median"] / alone["median"])
        rows.append([name, with_range(mips, digits=0), f"{row['against_alone']:.3f}", with_range(core, 100, 2)])
    bench.table(f"{CPUS} CPUs, {CPUS} tasks", ("watched by", "MIPS", "of alone", "watcher's % of a core"), rows)


if __name__ == "__main__":
    main()
