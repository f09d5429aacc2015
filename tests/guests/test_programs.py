"""Unmodified C programs under 1 to 16 CPUs; each checks itself.

Every program runs under inko on two machines, or three if it has threads, and under one of the other policies (in turn,
so that each of these has a fifth of the programs).
"""

import pytest

from emu.actor.policies import BUILTIN
from emu.guests import build

from .programs import ET_DYN, NAMES, SOURCES, run_programs

ASK_FOR_A_CPU = {"capabilities", "exclusive", "fork", "sched"}  # by sched_setaffinity, which every policy obeys
OTHERS = [policy for policy in BUILTIN if policy != "inko"]
MACHINES = [("inko", 1), ("inko", 4)]
CASES = [(name, *machine) for name in NAMES for machine in MACHINES]
CASES += [(name, "inko", 16) for name in NAMES if "pthread_create" in (SOURCES / f"{name}.c").read_text()]
CASES += [(name, OTHERS[k % len(OTHERS)], 3) for k, name in enumerate(NAMES)]
CASES.sort(key=lambda case: case[0])  # so that each is built once


@pytest.mark.parametrize(("name", "policy", "cpus"), CASES)
def test_program_finds_nothing_wrong(programs, name, policy, cpus):
    [(status, output)], report = run_programs([(programs[name],)], cpus, policy, seed=cpus)
    assert status == 0, output
    assert output.endswith(f"ok {name}\n")
    assert report.failure == ""
    assert report.threads_created == report.threads_exited
    assert report.leaks == {}
    if policy == "random" and name not in ASK_FOR_A_CPU:
        assert report.migrations == 0  # rust-10: the original never moves a thread


def test_floats_are_printed_as_on_other_machines(programs):
    [(_, output)], _ = run_programs([(programs["floats"],)], 2, "inko", seed=1)
    expected = (SOURCES / "floats.expected").read_text()
    assert output.startswith(expected) or expected.startswith(output.removesuffix("ok floats\n"))


def test_static_position_independent_program(tmp_path):
    path = tmp_path / "program.elf"
    build.compile_c(SOURCES / "alone" / "position_independent.c", path, "-fPIE", "-pie", "-nostdlib")
    assert int.from_bytes(path.read_bytes()[16:18], "little") == ET_DYN
    [(status, output)], _ = run_programs([(path,)], 2, "inko", seed=1)
    assert (status, output) == (0, "ok position_independent\n")
