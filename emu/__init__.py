"""emu: a symmetric multiprocessor made of OS processes. The whole public interface.

from emu import Machine
with Machine(cpus=4, policy="inko", seed=7) as machine:
    job = machine.spawn("primes.elf", "1000000")
    report = machine.run()
print(job.exit_status, report.migrations, report.cpus[0].instructions)
"""

__all__ = [
    "CpuReport", "Job", "JobReport", "Machine", "MachineError", "MachineFailed", "PolicyError", "Report", "TraceError",
    "WorkloadError",
]  # fmt: skip
__version__ = "0.1.0"

_HOMES = {
    "CpuReport": "machine.report",
    "Job": "machine.jobs",
    "JobReport": "machine.report",
    "Machine": "machine.machine",
    "MachineError": "errors",
    "MachineFailed": "errors",
    "PolicyError": "errors",
    "Report": "machine.report",
    "TraceError": "errors",
    "WorkloadError": "errors",
}


def __getattr__(name):
    """Import on first use: the layers below must be importable without the machine."""
    if name not in _HOMES:
        raise AttributeError(f"module 'emu' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"emu.{_HOMES[name]}"), name)
