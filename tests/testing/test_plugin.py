"""The pytest plugin as a user's project meets it: in a pytest of its own, with nothing else loaded."""

import os
import shlex
import subprocess
import sys
from types import SimpleNamespace

import pytest

from emu.testing.plugin import asked_by, pytest_addoption

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
    stress_policy("random", first_seed=3, seeds=1, cpus=[2])
"""


def run(tmp_path, text, *options, case="test_mine.py"):
    if text is not None:
        (tmp_path / "test_mine.py").write_text(text)
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("EMU_SEED", None)
    command = [sys.executable, "-m", "pytest", "-p", "emu.testing.plugin", "-p", "no:cacheprovider", *options, case]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def test_a_marked_test_runs_on_each_machine(tmp_path, warm):
    status, output = run(tmp_path, MACHINES, "-v")
    assert status == 0 and "4 passed" in output, output
    assert "[2-cpus-codezero-seed-0]" in output


def test_a_failure_prints_its_seed_and_what_replays_it(tmp_path, warm):
    status, output = run(tmp_path, FAILS, "--emu-seed", "77", "-k", "1-cpus-inko")
    case = "test_mine.py::test_all_primes_are_found[1-cpus-inko-seed-77]"
    assert status == 1 and f"seed 77: pytest '{case}' --emu-seed 77" in output, output


def test_what_a_failure_prints_replays_that_case_and_no_other(tmp_path):
    status, output = run(tmp_path, CASES + "    assert emu_case[0] == 1 or emu_case[2] != 2\n")
    assert status == 1 and "1 failed, 5 passed" in output, output
    (line,) = [line for line in output.splitlines() if line.startswith("seed 2: pytest ")]
    case, *options = shlex.split(line.partition("pytest ")[2])
    again, output = run(tmp_path, None, *options, case=case)
    assert again == 1 and "1 failed" in output and "passed" not in output, output


@pytest.mark.parametrize(
    ("args", "kwargs", "line"),
    [
        ((), {"polices": ["inko"]}, "takes cpus, policies, seeds by name, not polices"),
        (([1, 2],), {}, "by name, not [1, 2]"),
        ((), {"cpus": 4}, "cpus is a list of one or more, not 4"),
        ((), {"policies": []}, "policies is a list of one or more, not []"),
        ((), {"seeds": 0}, "seeds is how many, at least 1, not 0"),
    ],
)
def test_a_marker_that_would_test_something_else_or_nothing_is_refused(args, kwargs, line):
    with pytest.raises(pytest.fail.Exception) as caught:
        asked_by(SimpleNamespace(args=args, kwargs=kwargs))
    assert line in str(caught.value)


@pytest.mark.parametrize("option", ["--emu-seeds=0", "--emu-seeds=-1", "--emu-seed=-1", "--emu-seed=x"])
def test_seeds_that_cannot_be_are_refused_before_anything_runs(option):
    name, _, value = option.partition("=")
    parser = pytest.Parser(_ispytest=True)
    pytest_addoption(parser)
    with pytest.raises((SystemExit, pytest.UsageError), match=f"{name}.*{value!r} is no whole number"):
        parser.parse([option])


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
