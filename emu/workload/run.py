"""Running a workload on a machine of its own.

The compiled form goes in through the guest's standard input and the figures come out through its
standard output; both are anonymous memory, so nothing can be left behind.
"""

import contextlib
import json
import os
import statistics
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import MachineError, WorkloadError
from ..kernel.thread.handles import HANDLE
from ..limits import DEFAULT_MEMORY_BYTES, MAX_THREADS
from ..machine.config import Parameters
from ..machine.machine import Machine
from ..machine.report import Report
from ..machine.watchdog import PATIENCE_S
from ..trace.recorder import TRACE_LIMIT_BYTES
from .code import compile_workload
from .deadlock import explain_deadlock
from .read import Workload, parse_workload, read_workload
from .result import WorkloadResult, parse_result

Work = str | os.PathLike[str] | Mapping[str, Any] | Workload
GUEST = "workload"


class _WorkloadMachine(Machine):
    """A machine that a deadlock of its workload ends."""

    workload: Workload
    output: int  # the descriptor of its figures

    def on_deadlock(self):
        task = HANDLE.get(int(self.window.machine["jobs"][0]["task"]), "index")
        raise MachineError(explain_deadlock(self.workload, self.window, task, _content(self.output)))


def _content(descriptor):
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode(errors="replace")


class WorkloadRun(NamedTuple):
    """One run of a workload."""

    result: WorkloadResult  # what its threads saw
    report: Report  # what the machine did


class InterruptedRun(NamedTuple):
    """A run that was interrupted: it has the machine's figures, but not its threads'."""

    result: None
    report: Report


def as_workload(work: Work) -> Workload:
    """The Workload in a JSON file, or of what such a file says; WorkloadError when it is none."""
    if isinstance(work, Workload):
        return work
    if isinstance(work, (str, os.PathLike)):
        return read_workload(os.fspath(work))
    try:
        return parse_workload(json.dumps(work))
    except TypeError as error:
        raise WorkloadError(f"workload: {error}") from None


def run_workload(
    workload: Work,
    cpus: int | str | None = None,
    policy: str = "inko",
    *,
    limit_s: float | None = None,
    seed: int | str | None = None,
    topology: str | None = None,
    memory: int | str = DEFAULT_MEMORY_BYTES,
    parameters: Parameters = (),
    max_threads: int | str = MAX_THREADS,
    patience_s: float | str = PATIENCE_S,
    trace: str | os.PathLike[str] | None = None,
    trace_limit: int | str = TRACE_LIMIT_BYTES,
    trace_wait: bool = False,
    stderr: int = 2,
    quiet: bool = False,
) -> WorkloadRun:
    """Run a workload, a JSON file or what such a file says, on a machine of its own.

    MachineError when the workload does not fit the machine, when the machine fails, when all its threads wait for each
    other, or when it takes longer than `limit_s`.  KeyboardInterrupt after Ctrl-C.
    """
    run = run_gently(
        as_workload(workload), cpus, policy, contextlib.nullcontext, limit_s=limit_s, seed=seed, topology=topology,
        memory=memory, parameters=parameters, max_threads=max_threads, patience_s=patience_s, trace=trace,
        trace_limit=trace_limit, trace_wait=trace_wait, stderr=stderr, quiet=quiet,
    )  # fmt: skip
    if isinstance(run, InterruptedRun):
        raise KeyboardInterrupt
    return run


def run_gently(workload, cpus, policy, while_running, limit_s=None, **options) -> WorkloadRun | InterruptedRun:
    """As run_workload, of a Workload; `while_running` makes a context for the time from boot on."""
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
            return InterruptedRun(None, report)
        if job.exit_status:
            raise MachineError(f"{workload.file}: the workload ended with status {job.exit_status}")
        return WorkloadRun(parse_result(_content(found), [t.name for t in workload.threads]), report)
    finally:
        os.close(given)
        os.close(found)


def figures(result, report):
    """The few figures of a run by which policies are compared; None for a figure that it does not have."""
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
