"""The pytest plugin as a user's project meets it: in a pytest of its own, with nothing else loaded."""

import os
import subprocess
import sys

import pytest

MACHINES = """
import pytest

@pytest.mark.emu(cpus=[1, 2], policies=["inko", "codezero"], seeds=1)
def test_all_primes_are_found(machine, emu_seed):
    job = machine.spawn("primes", 1000, 2)
    machine.run(limit_s=60)
    assert job.exit_status == 0 and "168" in machine.output.read_text()
"""
FAILS = MACHINES.replace("== 0 and", "== 1 and")
CASES = """
import pytest

@pytest.mark.emu(cpus=[1, 4], policies=["inko"], seeds=3)
def test_cases(emu_case):
    print("case", *emu_case)
"""
IDLE = """
import sys

def test_nothing():
    assert not {"numba", "numpy", "zmq", "emu.machine.machine"} & set(sys.modules)
"""
CREW = """
from emu.testing.churn import STARTED

def test_threads_are_started(crew):
    run = crew(2, policy="codezero")
    run.run_all("emu.testing.churn", "churn", 3000)
    assert run.violations == 0 and run.words[STARTED] > 0

def test_mine(stress_policy):
    stress_policy("random", seeds=1, cpus=[2])
"""


def run(tmp_path, text, *options):
    path = tmp_path / "test_mine.py"
    path.write_text(text)
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("EMU_SEED", None)
    command = [sys.executable, "-m", "pytest", "-p", "emu.testing.plugin", "-p", "no:cacheprovider", *options, path]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def test_a_marked_test_runs_on_each_machine(tmp_path, warm):
    status, output = run(tmp_path, MACHINES, "-v")
    assert status == 0 and "4 passed" in output, output
    assert "[2-cpus-codezero-seed-0]" in output


def test_a_failure_prints_its_seed_and_what_replays_it(tmp_path, warm):
    status, output = run(tmp_path, FAILS, "--emu-seed", "77", "-k", "1-cpus-inko")
    assert status == 1 and "seed 77: pytest test_mine.py::test_all_primes_are_found --emu-seed 77" in output, output


@pytest.mark.parametrize(
    ("options", "seeds"), [((), [0, 1, 2]), (("--emu-seeds", "2"), [0, 1]), (("--emu-seed", "9"), [9])]
)
def test_seeds_are_those_of_the_command_line_else_the_markers(tmp_path, options, seeds):
    status, output = run(tmp_path, CASES, "-s", *options)
    assert status == 0
    assert [line for line in output.splitlines() if "case " in line]
    for cpus in (1, 4):
        assert all(f"case {cpus} inko {seed}" in output for seed in seeds)
    assert f"{2 * len(seeds)} passed" in output


def test_it_works_in_several_processes_at_once(tmp_path):
    status, output = run(tmp_path, CASES, "-p", "xdist", "-n", "2")
    assert status == 0 and "6 passed" in output, output


def test_a_project_that_does_not_use_it_pays_for_no_import_of_the_kernel(tmp_path):
    status, output = run(tmp_path, IDLE)
    assert status == 0, output


def test_functions_run_on_bare_cpu_processes_and_policies_are_stressed(tmp_path, warm):
    status, output = run(tmp_path, CREW)
    assert status == 0 and "2 passed" in output, output
