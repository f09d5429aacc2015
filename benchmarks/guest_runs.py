"""Running one guest program and taking its time: on a booted machine of emu, or under a peer.

A machine stays booted over many runs, so that machines of different sizes can take
turns; those that wait for their turn are parked and take no time.  A run's wall time is
from `spawn` to the job's end, so it has the loading of the program in it, as a
peer's has the start of its process: take off a run of `hello` to be rid of both.
"""

import os
import subprocess
import time
from dataclasses import dataclass

from emu import Machine
from emu.machine.loader import find_program
from emu.shm.cpumask import to_int

POLL_S = 0.0005
TIMEOUT_S = 600


@dataclass(frozen=True)
class GuestRun:
    """What one run took. Instructions, busy time and switches are sums over the CPUs, None for peers."""

    wall_s: float
    output: str
    instructions: int | None = None
    busy_s: float | None = None
    switches: int | None = None
    migrations: int | None = None


class Booted:
    """A machine that stays booted and runs guests one after another."""

    def __init__(self, cpus, **options):
        self._output = os.memfd_create("output")
        self._read = 0
        self.machine = Machine(cpus, stdout=self._output, quiet=True, **options)

    def __enter__(self):
        self.machine.__enter__()
        self._settle()
        return self

    def __exit__(self, *error):
        self.machine.__exit__(*error)
        os.close(self._output)

    def run(self, program, *arguments):
        """Run a guest to its end; RuntimeError unless it exits with 0."""
        return self.run_together((program, *arguments))

    def run_together(self, *programs):
        """Run guests at the same time, each (program, *arguments) a task of its own, to the end of all.

        RuntimeError unless all exit with 0.
        """
        before = self._figures()
        start = time.perf_counter()
        jobs = [self.machine.spawn(*program) for program in programs]
        while not all(job.done for job in jobs):
            if time.perf_counter() - start > TIMEOUT_S:
                raise RuntimeError(f"{programs} on {self.machine.config.cpus} CPUs did not end in {TIMEOUT_S} s")
            time.sleep(POLL_S)
        wall_s = time.perf_counter() - start
        for program, job in zip(programs, jobs, strict=True):
            if job.exit_status:
                raise RuntimeError(f"{program} ended with status {job.exit_status}")
        self._settle()
        after = self._figures()
        return GuestRun(wall_s, self._new_output(), *(b - a for a, b in zip(before, after, strict=True)))

    def _settle(self):
        """Until every CPU is idle: then it has booked its busy time."""
        everybody = (1 << self.machine.config.cpus) - 1
        deadline = time.perf_counter() + TIMEOUT_S
        while to_int(self.machine.window.machine["idle"]) & everybody != everybody:
            if self.machine.report().failure or time.perf_counter() > deadline:
                raise RuntimeError(f"the machine of {self.machine.config.cpus} CPUs does not come to rest")
            time.sleep(POLL_S)

    def _figures(self):
        cpus = self.machine.report().cpus
        busy_s = sum(c.instructions / c.mips / 1e6 for c in cpus if c.mips)
        switches, migrations = sum(c.switches for c in cpus), sum(c.migrations_in for c in cpus)
        return sum(c.instructions for c in cpus), busy_s, switches, migrations

    def _new_output(self):
        size = os.fstat(self._output).st_size
        text = os.pread(self._output, size - self._read, self._read).decode()
        self._read = size
        return text


def run_peer(command, program, *arguments, cores=None):
    """Run a guest under another emulator's command; `cores` pins it to these host cores."""
    return run_command([command, find_program(program), *arguments], cores=cores)


def run_command(command, cores=None):
    """Run a command of the host to its end; RuntimeError unless it exits with 0."""
    full = [str(word) for word in command]
    pin = (lambda: os.sched_setaffinity(0, cores)) if cores else None
    start = time.perf_counter()
    done = subprocess.run(full, capture_output=True, text=True, check=False, preexec_fn=pin)
    wall_s = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{' '.join(full)} ended with status {done.returncode}: {done.stderr.strip()}")
    return GuestRun(wall_s, done.stdout)
