"""emu: a symmetric multiprocessor made of OS processes. The whole public interface.

from emu import Machine
with Machine(cpus=4, policy="inko", seed=7) as machine:
    job = machine.spawn("primes.elf", "1000000")
    report = machine.run()
print(job.exit_status, report.migrations, report.cpus[0].instructions)
"""

__all__ = ["CpuReport", "Job", "JobReport", "Machine", "MachineError", "Report"]
__version__ = "0.1.0"

_HOMES = {
    "CpuReport": "report",
    "Job": "jobs",
    "JobReport": "report",
    "Machine": "machine",
    "MachineError": "errors",
    "Report": "report",
}


def __getattr__(name):
    """Import on first use: the layers below must be importable without the machine."""
    if name not in _HOMES:
        raise AttributeError(f"module 'emu' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"emu.machine.{_HOMES[name]}"), name)
