"""`emu explore` and `emu replay`, as a person types them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.explore.conftest import built  # noqa: F401 (a fixture)

EMU = (sys.executable, str(Path(__file__).parents[2] / "tools" / "cli.py"))


def run(*words, cwd, timeout=120):
    return subprocess.run((*EMU, *words), cwd=cwd, capture_output=True, text=True, timeout=timeout)


def test_a_failure_is_found_told_kept_and_replayed(built, tmp_path):  # noqa: F811
    found = run("explore", "--seed", "1", built("account"), cwd=tmp_path)
    assert found.returncode == 1
    assert "emu: account: exit status 1\n" in found.stderr
    assert "preemptions suffice" in found.stderr and "emu: again: emu replay account.replay\n" in found.stderr
    assert "int before = balance;" in found.stdout and "reads balance = 0" in found.stdout
    again = run("replay", "account.replay", cwd=tmp_path)
    assert again.returncode == 1 and again.stdout == found.stdout
    assert again.stderr == "emu: exit status 1; every event as it was\n"


def test_the_same_failure_is_found_by_two_processes(built, tmp_path):  # noqa: F811
    lines = [
        run("explore", "--quiet", "--seed", "5", *jobs, built("account"), "3", cwd=tmp_path).stderr.splitlines()
        for jobs in ((), ("--jobs", "2"))
    ]
    assert lines[0][1:] == lines[1][1:] and lines[0][2].startswith("emu: schedule ")


def test_a_correct_program_has_no_failure(built, tmp_path):  # noqa: F811
    found = run("explore", "--seed", "1", "--schedules", "500", built("account", "-DWHOLE"), cwd=tmp_path)
    assert found.returncode == 0 and found.stdout == "" and "500 schedules" in found.stderr
    assert "none failed" in found.stderr and list(tmp_path.iterdir()) == []


def test_rules_say_what_is_a_failure(built, tmp_path):  # noqa: F811
    program = built("ends")
    words = ("explore", "--seed", "1", "--schedules", "4", "--quiet")
    assert run(*words, "--status", "3", program, "three", cwd=tmp_path).returncode == 0
    assert run(*words, program, "three", cwd=tmp_path).returncode == 1
    assert run(*words, "--expect", "[0-9] bytes", program, "file", cwd=tmp_path).returncode == 0
    forbidden = run(*words, "--forbid", "bytes", program, "file", cwd=tmp_path)
    assert forbidden.returncode == 1 and "its output has what matches 'bytes'" in forbidden.stderr


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--schedules", "0", "hello"), "--schedules '0': expected a number from 1 to 1099511627776"),
        (("--jobs", "many", "hello"), "--jobs 'many': expected a number from 1 to 256"),
        (("--seconds", "-1", "hello"), "--seconds '-1': expected a number above 0"),
        (("--memory", "weak", "hello"), "--memory 'weak': expected sc, tso, rvwmo"),
        (("--expect", "(", "hello"), "--expect '(': no regular expression: "),
        (("--strategy", "luck", "hello"), "strategy 'luck': expected portfolio, random"),
        (("--status", "256", "hello"), "--status '256': expected a number from 0 to 255"),
        (("./nowhere",), "./nowhere: cannot be read: No such file or directory"),
        (("hello",), "hello: it ended before it made a second thread: exited 0"),
    ],
)
def test_bad_input_is_one_line(tmp_path, words, line):
    refused = run("explore", *words, cwd=tmp_path)
    assert refused.returncode == 2 and refused.stdout == ""
    assert refused.stderr.startswith(f"emu: {line}") and refused.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_signal_ends_it_and_all_of_its_processes(built, tmp_path, number, jobs):  # noqa: F811
    words = (*EMU, "explore", "--seed", "1", "--jobs", jobs, "--schedules", "100000000", built("account", "-DWHOLE"))
    command = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, start_new_session=True, text=True)
    assert "shared words" in command.stderr.readline()
    _wait_until(lambda: len(_group(command.pid)) >= (3 if jobs == "2" else 1))
    os.kill(command.pid, number)
    rest = command.stderr.read()
    assert command.wait() == (-number if number == signal.SIGKILL else 128 + number)
    assert number == signal.SIGKILL or "Traceback" not in rest
    _wait_until(lambda: _group(command.pid) == [])


def _wait_until(holds, patience_s=20):
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _group(leader):
    """The processes of a session."""
    listed = subprocess.run(("ps", "-o", "pid=", "-g", str(leader)), capture_output=True, text=True)
    return [int(pid) for pid in listed.stdout.split()]
