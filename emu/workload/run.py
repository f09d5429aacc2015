"""Running a workload on a machine of its own.

The compiled form goes in through the guest's standard input and the figures come out through its
standard output; both are anonymous memory, so nothing can be left behind.
"""

import contextlib
import os
import statistics

from ..errors import MachineError
from ..machine.machine import Machine
from .code import compile_workload
from .deadlock import explain_deadlock
from .result import parse_result

GUEST = "workload"
TASK_MASK = 0xFFFFFFFF  # of a task's handle: its index


class _WorkloadMachine(Machine):
    """A machine that a deadlock of its workload ends."""

    def on_deadlock(self):
        task = int(self.window.machine["jobs"][0]["task"]) & TASK_MASK
        raise MachineError(explain_deadlock(self.workload, self.window, task, _content(self.output)))


def _content(descriptor):
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode(errors="replace")


def run_workload(workload, cpus=None, policy="inko", *, limit_s=None, while_running=contextlib.nullcontext, **options):
    """(WorkloadResult, Report) of one run; options: machine/config.py.

    `while_running` makes a context for the time from boot on.  The result is None when the machine
    was interrupted.  MachineError when the workload does not fit the machine, when the machine fails,
    when all its threads wait for each other, or when it takes longer than `limit_s`.
    """
    given, found = os.memfd_create("emu-workload"), os.memfd_create("emu-result")
    try:
        machine = _WorkloadMachine(cpus, policy, stdin=given, stdout=found, **options)
        machine.workload, machine.output = workload, found
        text = compile_workload(workload, machine.config.cpus, machine.config.seed)
        os.pwrite(given, text.encode(), 0)
        with machine, while_running():
            job = machine.spawn(GUEST)
            report = machine.run(limit_s)
        if report.interrupted:
            return None, report
        if job.exit_status:
            raise MachineError(f"{workload.file}: the workload ended with status {job.exit_status}")
        return parse_result(_content(found), [t.name for t in workload.threads]), report
    finally:
        os.close(given)
        os.close(found)


def figures(result, report):
    """The few figures of a run by which policies are compared; None for what it has none of."""
    latency = result.latency()
    return {
        "makespan_ns": result.makespan_ns,
        "throughput_ms_per_s": result.throughput,
        "p50_ns": latency.percentile(0.5),
        "p99_ns": latency.percentile(0.99),
        "fairness": result.fairness,
        "switches": sum(c.switches for c in report.cpus),
        "migrations": report.migrations,
        "steals": sum(c.steals for c in report.cpus),
    }


def medians(rounds):
    """The median of each figure over rounds."""
    found = {}
    for what in rounds[0]:
        values = [each[what] for each in rounds if each[what] is not None]
        found[what] = statistics.median(values) if values else None
    return found
