"""emu: a symmetric multiprocessor made of OS processes. The whole public interface.

from emu import Machine
with Machine(cpus=4, policy="inko", seed=7) as machine:
    job = machine.spawn("primes.elf", "1000000")
    report = machine.run()
print(job.exit_status, report.migrations, report.cpus[0].instructions)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import MachineError, MachineFailed, PolicyError, TraceError, WorkloadError
    from .machine.jobs import Job
    from .machine.machine import Machine
    from .machine.profile import Profile, ProfiledFunction, ProfiledProgram, ProfiledStack
    from .machine.report import CpuReport, JobReport, ProcessReport, Report, TranslationReport
    from .machine.report_threads import ThreadReport
    from .machine.threads import ThreadInfo
    from .trace.check import Checked, check_trace
    from .trace.file import Trace, read_trace
    from .trace.plot import draw_timeline
    from .workload.compare import Comparison, compare
    from .workload.result import WorkloadResult
    from .workload.run import WorkloadRun, run_workload

__all__ = [
    "Checked", "Comparison", "CpuReport", "Job", "JobReport", "Machine", "MachineError", "MachineFailed", "PolicyError",
    "ProcessReport", "Profile", "ProfiledFunction", "ProfiledProgram", "ProfiledStack", "Report", "ThreadInfo",
    "ThreadReport", "Trace", "TraceError", "TranslationReport", "WorkloadError", "WorkloadResult", "WorkloadRun",
    "check_trace", "compare", "draw_timeline", "read_trace", "run_workload",
]  # fmt: skip
__version__ = "0.1.0"

_HOMES = {
    "Checked": "trace.check",
    "Comparison": "workload.compare",
    "CpuReport": "machine.report",
    "Job": "machine.jobs",
    "JobReport": "machine.report",
    "Machine": "machine.machine",
    "MachineError": "errors",
    "MachineFailed": "errors",
    "PolicyError": "errors",
    "ProcessReport": "machine.report",
    "Profile": "machine.profile",
    "ProfiledFunction": "machine.profile",
    "ProfiledProgram": "machine.profile",
    "ProfiledStack": "machine.profile",
    "Report": "machine.report",
    "ThreadInfo": "machine.threads",
    "ThreadReport": "machine.report_threads",
    "Trace": "trace.file",
    "TraceError": "errors",
    "TranslationReport": "machine.report",
    "WorkloadError": "errors",
    "WorkloadResult": "workload.result",
    "WorkloadRun": "workload.run",
    "check_trace": "trace.check",
    "compare": "workload.compare",
    "draw_timeline": "trace.plot",
    "read_trace": "trace.file",
    "run_workload": "workload.run",
}


def __getattr__(name: str) -> Any:
    """Import on first use: the layers below must be importable without the machine."""
    if name not in _HOMES:
        raise AttributeError(f"module 'emu' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"emu.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
