"""Limits of the host's that are too low: one line and status 70, nothing else; and those that are just enough."""

import subprocess
import sys

import pytest

RUN = [sys.executable, "-c", "from emu.commands.cli import main; main()", "run", "--quiet", "--cpus", "2", "hello"]


def run_below(limit):
    command = ["sh", "-c", f'ulimit {limit}; exec "$@"', "sh", *RUN]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("limit, advice", [
    ("-f 1000000", "ulimit -f"),
    ("-n 10", "ulimit -n"), ("-n 18", "ulimit -n"), ("-n 24", "ulimit -n"), ("-n 32", "ulimit -n"),
])  # fmt: skip
def test_a_limit_that_is_too_low_is_one_line(warm, limit, advice):
    done = run_below(limit)
    assert (done.returncode, done.stdout) == (70, ""), done.stderr
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("emu: the machine failed: "), done.stderr
    assert advice in done.stderr


def test_forty_descriptors_are_enough(warm):
    done = run_below("-n 40")
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello from emu\n", "")


@pytest.mark.parametrize("limit", ["-v 1000000", "-v 4000000"])
def test_with_little_memory_it_runs_or_says_in_one_line_why_not(warm, limit):
    done = run_below(limit)
    assert done.returncode in (0, 70), done.stderr
    assert done.stderr.count("\n") == (done.returncode == 70), done.stderr
