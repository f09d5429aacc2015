"""A user's program that knows the type of everything it uses. Not run: `make types` checks it."""

from pathlib import Path
from typing import assert_type

import emu
from emu import Comparison, Job, Machine, MachineError, Profile, Report, ThreadInfo, WorkloadError, WorkloadResult


def one_program(path: Path) -> int:
    with Machine(cpus=4, policy="inko", seed=7, memory="256M", parameters={"reductions": 1}, trace=path) as machine:
        assert_type(machine, Machine)
        job = machine.spawn("primes", 1000, env={"A": "1"})
        assert_type(job, Job)
        assert_type(machine.spawn_python(abs, 3, name="main", env={"A": "1"}), Job)
        for thread in machine.threads(job):
            assert_type(thread, ThreadInfo)
            assert_type(machine.suspend(thread), bool)
        cpu = machine.add_cpu()
        machine.remove_cpu(cpu)
        report = machine.run(limit_s=10)
    assert_type(report, Report)
    assert_type([(c.cpu, c.busy_share) for c in report.cpus], list[tuple[int, float]])
    assert_type((report.host_s, report.processes[0].cpu_s), tuple[float, float])
    assert_type(report.jobs[0].runtime_ns, int)
    return job.exit_status or 0


def a_profile() -> list[str]:
    with Machine(profile=True) as machine:
        machine.spawn("primes")
        profile = machine.run().profile
    assert_type(profile, Profile | None)
    if profile is None:
        return []
    profile.write("primes.profile")
    assert_type([(s.caller, s.instructions) for s in profile.stacks], list[tuple[str, int]])
    assert_type(profile.programs[0].addresses, dict[int, int])
    return [f"{f.program} {f.function} {f.share:.0%}" for f in profile.functions]


def a_workload() -> float:
    try:
        result, report = emu.run_workload("mix.json", cpus=2, policy="eevdf", seed=1, limit_s=5.0)
    except WorkloadError as error:
        raise SystemExit(error.exit_status) from error
    assert_type(result, WorkloadResult)
    assert_type(report, Report)
    assert_type(result.latency().percentile(0.99), int | None)
    return result.makespan_ns / 1e9


def several(trace: str) -> list[str]:
    found = emu.compare("primes", 1000, policies=["inko", "eevdf"], cpus=[1, 2], seeds=3)
    assert_type(found, Comparison)
    for row in found.rows:
        assert_type(row.speedup, float | None)
        if row.makespan:
            assert_type((row.makespan.median, row.makespan.low), tuple[float, float | None])
    try:
        checked = emu.check_trace(trace)
    except MachineError:
        return found.failures
    assert_type(checked.violations[0].rule, str)
    return checked.notes
