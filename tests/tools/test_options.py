"""Options as people mistype them: one line that says which, status 2, and nothing has happened."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emu import MachineError
from emu.commands.options import check_writable
from emu.machine.policy_text import policy_and_parameters

RUN = [sys.executable, str(Path(__file__).resolve().parents[2] / "tools" / "run.py")]


@pytest.mark.parametrize("command", ["run", "compare", "sweep", "policies", "trace", "doctor"])
def test_an_unknown_option_is_refused_by_name(refusal, command):
    line = refusal(command, "--polcy", "x")
    assert "no such option" in line and "--polcy" in line and f"see `emu {command} --help`" in line


def test_the_right_one_is_proposed(refusal):
    assert "--policy" in refusal("run", "--polcy=x", "hello")
    assert "run" in refusal("rnu")


@pytest.mark.parametrize("arguments", [
    ["run", "--cpus"], ["run"], ["run", ""], ["compare"], ["compare", "--rounds", "x"], ["policies", "a", "b"],
    ["trace", "--limit", "0", "x"], ["run", "--policy", "inko:x", "hello"], ["run", "--param", "=1", "hello"],
])  # fmt: skip
def test_what_is_missing_or_too_much_is_refused(refusal, arguments):
    refusal(*arguments)


@pytest.mark.parametrize("option", ["--json", "--trace"])
@pytest.mark.parametrize("place", ["/no/such/folder/file", "/tmp"])
def test_a_file_that_cannot_be_written_is_told_before_anything_runs(refusal, option, place):
    assert place in refusal("run", "--cpus", 1, option, place, "hello")


def test_a_file_that_can_be_written_is_not_touched(tmp_path):
    (tmp_path / "old").write_text("old report")
    check_writable("--json", tmp_path / "old")
    check_writable("--json", tmp_path / "new")
    os.mkfifo(tmp_path / "pipe")
    check_writable("--json", tmp_path / "pipe")  # its reader may come later
    assert sorted(os.listdir(tmp_path)) == ["old", "pipe"] and (tmp_path / "old").read_text() == "old report"
    with pytest.raises(MachineError, match="--json .*old/x: cannot be written: Not a directory"):
        check_writable("--json", tmp_path / "old" / "x")


@pytest.mark.parametrize("text, policy, parameters", [
    ("inko", "inko", []),
    ("eevdf:slice_ns=1:tick_ns=2", "eevdf", [("slice_ns", "1"), ("tick_ns", "2")]),
    ("./my.py", "./my.py", []),
    ("./my.py:a=1", "./my.py", [("a", "1")]),
    ("a:b/my.py", "a:b/my.py", []),
    ("a:b/my.py:a=1:b==", "a:b/my.py", [("a", "1"), ("b", "=")]),
])  # fmt: skip
def test_parameters_follow_the_policy(text, policy, parameters):
    assert policy_and_parameters("--policy", text) == (policy, parameters)


def test_both_ways_to_give_a_parameter_reach_the_policy(refusal):
    assert "has no parameter 'nix'" in refusal("run", "--policy", "eevdf:nix=1", "hello")
    assert "has no parameter 'nix'" in refusal("run", "--policy", "eevdf", "--param", "nix=1", "hello")
    line = refusal("run", "--policy", "eevdf:slice_ns=9223372036854775808", "hello")
    assert "parameter slice_ns of policy 'eevdf': '9223372036854775808' has more than 64 bits" in line


def run(*arguments):
    done = subprocess.run([*RUN, "--quiet", "--cpus", "1", *arguments], capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done


def test_what_looks_like_our_option_after_the_program_is_the_programs_and_a_note_says_so(warm):
    done = run("args", "--cpus", "4", b"\xff", "--seed=1", "--other")
    assert all(word in done.stdout for word in (b"--cpus", b"4", b"\xff", b"--seed=1", b"--other"))
    [note] = done.stderr.decode().splitlines()
    assert "also --cpus, --seed;" in note and "--other" not in note


@pytest.mark.parametrize("arguments", [["--", "args", "--cpus"], ["args", "--", "--cpus"], ["args", "--other"]])
def test_two_dashes_say_that_it_is_meant(warm, arguments):
    assert run(*arguments).stderr == b""
