"""`emu debug`: commands from options, a pipe and a prompt; machines, snapshots, and what is neither."""

import re
import signal
import subprocess

import pytest

from emu.debug.debugger import COMMANDS
from tests.kills.trial import ENTRY, ROOT, Trial
from tests.processes import cpus_of, wait_until
from tests.tools.terminal import Terminal
from tests.tools.test_ps import machine  # noqa: F401 (a fixture)
from tests.tools.test_top import emu, running  # noqa: F401 (a fixture)


def piped(text, *arguments):
    command = [*ENTRY, "debug", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, input=text, check=False)


@pytest.mark.system("kse-10")
def test_a_running_machine_and_its_snapshot_answer_alike(machine, tmp_path):  # noqa: F811
    pid, file = machine.process.pid, tmp_path / "snapshot"
    paused = emu("debug", pid, "-c", "pause", "-c", "show machine", "-c", f"snapshot {file}", "-c", "show locks")
    assert paused.returncode == 0 and "running, paused" in paused.stdout and "kernel mutex 1" in paused.stdout
    for command in ("show all threads", "show waits", "backtrace 3", "show maps 1", "show tasks"):
        live, dead = (re.sub(r"\d+\.\d+ s", "", emu("debug", x, "-c", command).stdout) for x in (pid, file))
        without = re.compile(r"(on CPU|for CPU) \d")
        assert without.sub("", live) == without.sub("", dead) and live


def test_commands_come_from_a_pipe_and_a_wrong_one_makes_the_status(machine):  # noqa: F811
    done = piped("show tasks\n\n# nothing\nshow thread 99\nshow waits\nquit\nshow cpus\n", machine.process.pid)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "no living thread has this tid" in done.stderr
    assert "deadlock: " in done.stdout and "scheduler" not in done.stdout, "nothing after quit"
    assert piped("", machine.process.pid).returncode == 0


def test_a_prompt_completes_and_forgives(machine):  # noqa: F811
    with Terminal("debug", machine.process.pid, columns=120) as terminal:
        terminal.until(lambda lines: "type help for the commands" in lines and lines[5].startswith("(emu)"))
        terminal.type("nonsense\r")
        terminal.until(lambda lines: any("no such command" in line for line in lines))
        terminal.type("show a\t\r")
        terminal.until(lambda lines: any(line.startswith("(emu) show all threads") for line in lines)
                       and any("kernel mutex 0, held by" in line for line in lines))  # fmt: skip
        terminal.type("pause\r")
        terminal.until(lambda lines: "the machine is paused" in lines and [x for x in lines if x][-1] == "(emu)")
        terminal.type("\x04")
        status, _, restored = terminal.end()
    assert status == 0 and restored
    assert "paused" not in emu("debug", machine.process.pid, "-c", "show machine").stdout, "who leaves lets it go on"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_leaves_by_a_signal_lets_it_go_on(machine, number):  # noqa: F811
    with Terminal("debug", machine.process.pid) as terminal:
        terminal.until(lambda lines: "type help for the commands" in lines)
        terminal.type("pause\r")
        terminal.until(lambda lines: "the machine is paused" in lines)
        terminal.process.send_signal(number)
        status, _, _ = terminal.end()
    assert status == 128 + number
    assert "paused" not in emu("debug", machine.process.pid, "-c", "show machine").stdout


def test_a_killed_cpu_leaves_a_snapshot_where_it_was_asked_for(warm, deadlocks, tmp_path):
    file = tmp_path / "last"
    command = ["run", "--cpus", 2, "--snapshot-on-failure", file, deadlocks, "kernel"]
    with Trial(command) as trial:
        wait_until(trial.process, lambda: trial.process.stdout.readline() == b"ready\n")
        cpus_of(trial.process)[0].send_signal(signal.SIGKILL)
        status, _ = trial.wait()
        errors = trial.errors()
    assert status == 70 and f"a snapshot of the machine is in {file} " in errors
    assert "failure  the process of CPU" in emu("debug", file, "-c", "show machine").stdout


def test_a_snapshot_that_cannot_be_written_is_refused_before_the_run(tmp_path):
    done = emu("run", "--snapshot-on-failure", tmp_path / "none" / "last", "hello")
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "--snapshot-on-failure" in done.stderr


@pytest.mark.parametrize("content", [b"", b"emu snapshot 1\n", b"emu snapshot 1\n" + b"\xff" * 100, b"\x7fELF"])
def test_a_file_that_is_no_snapshot_is_one_line_and_status_2(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    for target in (tmp_path / "file", tmp_path, tmp_path / "none", "/dev/null"):
        done = emu("debug", target, "-c", "show cpus")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr


@pytest.mark.parametrize("target", ["²", "9" * 5000], ids=["another digit", "many digits"])
def test_what_is_no_process_id_is_one_line(target):
    done = emu("debug", target)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "neither a process id" in done.stderr


def test_the_manual_names_every_command():
    text = (ROOT / "docs" / "debugging.md").read_text()
    assert all(f"`{name}" in text for name in COMMANDS)
