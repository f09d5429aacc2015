"""`emu top` on a terminal: what it shows, keys, sizes, and a machine that dies while it is watched."""

import os
import signal
import subprocess

import pytest

from tests.kills.trial import ENTRY, ROOT, Trial
from tests.processes import wait_until
from tests.tools.terminal import Terminal

DOWN = "\x1bOB"


@pytest.fixture
def running(warm, deadlocks):
    """A machine in a process of its own, whose threads are there."""
    with Trial(["run", "--quiet", "--cpus", 2, deadlocks, "kernel", "busy"]) as trial:
        assert wait_until(trial.process, lambda: os.read(trial.process.stdout.fileno(), 100) == b"ready\n")
        yield trial


@pytest.fixture
def top(running, monkeypatch):
    """`top(…)`: a Terminal with emu top of that machine."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(running.runtime))
    pid = str(running.process.pid)  # other machines of this user may run meanwhile
    return lambda *arguments, **options: Terminal("top", pid, "--delay", "0.2", *arguments, **options)


def row_of(lines, name):
    """The line of a thread of task 1, by its name."""
    return next((line for line in lines if f" 1 {name} " in line), None)


def test_threads_are_shown_by_name_sorted_searched_and_filtered(top):
    with top() as terminal:
        terminal.until(lambda lines: row_of(lines, "busy") and " R " in row_of(lines, "busy"))
        lines = terminal.until(lambda lines: all(row_of(lines, name) for name in ("left", "right"))
                               and lines[-1].startswith("F1 Help") and lines)  # fmt: skip
        assert lines[0].startswith("emu top, process ") and lines[1].startswith("CPU 0  [")
        assert "kernel mutex" in row_of(lines, "left")
        assert "*CPU%" in lines[3] and "busy" in lines[4], "who had most time is first"
        terminal.type("N")
        terminal.until(lambda lines: "*TID" in lines[3] and [line.split()[-5:] for line in lines[4:8]] and
                       [line.replace(">", " ").split()[0] for line in lines[4:8]] == ["1", "2", "3", "4"])  # fmt: skip
        terminal.type(DOWN)
        terminal.until(lambda lines: lines[5].startswith(">") and "busy" in lines[5])
        terminal.type("/righ\r")
        terminal.until(lambda lines: lines[7].startswith(">") and "right" in lines[7])
        terminal.type("\\lef\r")
        terminal.until(lambda lines: row_of(lines, "left") and not row_of(lines, "right"))
        terminal.type("\t")
        terminal.until(lambda lines: any(line.startswith(" kernel mutex 0 of task") for line in lines))
        terminal.type("h")
        terminal.until(lambda lines: any("sort by the next column" in line for line in lines))
        terminal.type("xq")
        status, _, restored = terminal.end()
    assert status == 0 and restored


@pytest.mark.parametrize("told", [True, False], ids=["SIGWINCH", "a-lost-SIGWINCH"])
def test_it_follows_the_size_of_the_terminal(top, told):
    with top() as terminal:
        terminal.until(lambda lines: row_of(lines, "busy"))
        terminal.resize(120, 30, told)
        terminal.until(lambda lines: "held by tid" in (row_of(lines, "left") or "") and lines[29].startswith("F1 Help"))
        terminal.resize(30, 6, told)
        terminal.until(lambda lines: lines[5].startswith("F1 Help") and len(lines) == 6)
        terminal.type("\x03")
        assert terminal.end()[0] == 0


def test_a_machine_that_dies_is_told_and_ends_it(top, running):
    with top() as terminal:
        terminal.until(lambda lines: row_of(lines, "busy"))
        running.send(signal.SIGKILL)
        status, lines, restored = terminal.end()
    assert status == 0 and restored
    assert f"emu: the machine of process {running.process.pid} has ended" in "\n".join(lines)


def test_a_signal_leaves_the_terminal_as_it_was(top):
    with top() as terminal:
        terminal.until(lambda lines: row_of(lines, "busy"))
        terminal.process.send_signal(signal.SIGTERM)
        status, _, restored = terminal.end()
    assert status == 143 and restored


def test_a_terminal_that_goes_away_ends_it(top):
    """Also where the host sends no SIGHUP, since it is not the session's own."""
    with top() as terminal:
        terminal.until(lambda lines: row_of(lines, "busy"))
        terminal.hang_up()
        assert terminal.process.wait(60) is not None


def test_a_terminal_that_nobody_knows_is_refused_in_one_line(top):
    with top(term="no-such-terminal") as terminal:
        status, lines, _ = terminal.end()
    text = "".join(lines)
    assert status == 2 and text.startswith("emu: top: no screen for a terminal of kind 'no-such-terminal'"), lines


def emu(*arguments):
    command = [*ENTRY, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


def test_without_a_terminal_it_is_a_plain_table(top, running):
    pid = running.process.pid
    for arguments in (("top", pid), ("top", pid, "--once"), ("top", pid, "--sort", "tid", "--filter", "LEFT")):
        done = emu(*arguments)
        assert (done.returncode, done.stderr) == (0, "") and "\x1b" not in done.stdout
        assert row_of(done.stdout.splitlines(), "left").endswith("held by tid 4 right") or "tid 3" in done.stdout
    assert row_of(done.stdout.splitlines(), "busy") is None


def test_no_machine_is_one_line_and_status_2(warm, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for arguments in (("top", "--once", os.getpid()), ("stats", 1), ("debug", os.getpid(), "-c", "show cpus")):
        done = emu(*arguments)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert "is no supervisor of a machine" in done.stderr or "belongs to user" in done.stderr
