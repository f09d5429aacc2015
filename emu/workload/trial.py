"""What is compared: a workload or a program, run once on a machine of its own, and the figures of that run.

A program's input is empty and its output goes nowhere; how long it took is the machine's time from its spawn to
the exit of the last scheduler.
"""

import os
import shlex
from dataclasses import dataclass, field
from typing import Any

from ..errors import MachineError
from ..machine.loader import read_program
from ..machine.machine import Machine
from ..machine.report import Report
from .read import Workload
from .run import figures, run_workload

LAST_WORDS = 200  # so many characters of a failed program's last line are shown


@dataclass(frozen=True)
class Work:
    """A workload or a program."""

    workload: Workload | None = None
    program: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.workload.file if self.workload else shlex.join(self.program)

    def check(self) -> None:
        """MachineError for a program that cannot be run."""
        if self.program:
            read_program(self.program[0])


@dataclass(frozen=True)
class Trial:
    """One run that came to its end."""

    seed: int
    figures: dict[str, float | None]
    result: dict[str, Any] = field(default_factory=dict)  # of a workload's threads


def run_trial(work: Work, cpus: int, policy: str, parameters: Any, seed: int, limit_s: float, quiet: bool) -> Trial:
    """MachineError when the machine or the program fails, or when the guests take longer than `limit_s`."""
    options: dict[str, Any] = {"seed": seed, "parameters": parameters, "quiet": quiet}
    if work.workload:
        result, report = run_workload(work.workload, cpus, policy, limit_s=limit_s, **options)
        return Trial(seed, {**figures(result, report), **_of_host(report)}, result.to_dict())
    report = _run_program(work.program, cpus, policy, limit_s, options)
    found = {
        "makespan_ns": report.wall_s * 1e9,
        "mips": report.instructions / report.wall_s / 1e6,
        "run_delay_ns": report.run_delay_mean_ns,
        "switches": sum(c.switches for c in report.cpus),
        "migrations": report.migrations,
        "steals": sum(c.steals for c in report.cpus),
    }
    return Trial(seed, {**found, **_of_host(report)})


def _of_host(report: Report) -> dict[str, float | None]:
    """What the host did: the seconds that it spent, and the share of time that it withheld."""
    cpus = [p for p in report.processes if p.name.startswith("emu-cpu-")]
    return {
        "host_cpu_s": report.host_s,
        "host_withheld_share": report.withheld_share,
        "host_involuntary": sum(p.involuntary for p in cpus),
    }


def _run_program(program, cpus, policy, limit_s, options):
    nowhere, said = os.open(os.devnull, os.O_RDWR), os.memfd_create("emu-said")
    try:
        with Machine(cpus, policy, stdin=nowhere, stdout=nowhere, stderr=said, **options) as machine:
            job = machine.spawn(*program)
            report = machine.run(limit_s)
        if report.interrupted:
            raise KeyboardInterrupt
        if job.exit_status:
            words = os.pread(said, os.fstat(said).st_size, 0).decode(errors="replace").strip().splitlines()
            last = f": {words[-1][:LAST_WORDS]}" if words else ""
            raise MachineError(f"{program[0]} ended with status {job.exit_status}{last}")
        return report
    finally:
        os.close(nowhere)
        os.close(said)
