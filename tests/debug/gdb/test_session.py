"""A session of gdb's own on sixteen threads and four CPUs: every answer is known, and has to be right."""

import re
import shutil
import subprocess

import pytest

GDB = shutil.which("gdb-multiarch")
SESSION_S = 240
pytestmark = pytest.mark.skipif(GDB is None, reason="gdb-multiarch is not installed: apt-get install gdb-multiarch")

SETTINGS = ("set pagination off", "set confirm off", "set width 0", "set remotetimeout 30")
# Command, what it has to print.
SESSION = (
    ("info registers pc", r"<_start>"),
    ("break work", r"Breakpoint 1 at "),
    ("continue", r"hit Breakpoint 1, work \(self=0x[0-9a-f]+ <workers(\+\d+)?>\)"),
    ("info threads", r"(?s)(Thread \d+ \"sixteen\" .*){17}"),
    ("thread apply all bt 1", r"(?s)(Thread \d+ .*?#0 .*?){17}"),
    ("print self->number >= 0 && self->number < 16", r"= 1$"),
    ("print self == &workers[self->number]", r"= 1$"),
    ("print self->sum", r"= 0$"),
    ("set scheduler-locking on", r""),
    ("next", r"self->sum \+= square"),
    ("step", r"square \(value=\d+\)"),
    ("backtrace", r"(?s)#0 +square .*#1 .*work .*#2 .*begin "),
    ("stepi", r"square|value \* value"),
    ("finish", r"Value returned is \$\d+ = \d+"),
    ("print $ == self->number * self->number", r"= 1$"),
    ("set scheduler-locking off", r""),
    ("info threads", r"(?s)\* \d+ .*work \("),
    ("delete", r""),
    ("watch watched", r"Hardware watchpoint 2: watched"),
    ("break all_done", r"Breakpoint 3 at "),
    ("continue", r"hit Breakpoint 3, all_done \(sum=4520\)"),
    ("continue", r"(?s)hit Hardware watchpoint 2: watched\s+Old value = 5\s+New value = 4520"),
    ("print finished", r"= 16$"),
    ("print workers[3].half", r"= 1\.5$"),
    ("print square(9)", r"= 81$"),
    ("set variable endless = 1", r""),
    ("print endless", r"= 1$"),
    ("print $sp > 0x3f00000000", r"= 1$"),
    ("print $fcsr = 0x21", r"= 33$"),
    ("print $frm", r"= 1$"),
    ("set $ft0.double = 2.5", r""),
    ("print $ft0.double", r"= 2\.5$"),
    ("delete", r""),
    ("info auxv", r"AT_ENTRY .*_start|AT_ENTRY +Entry point"),
    ("finish", r"main \(\)"),
    ("stepi", r"endless|while"),
    ("set variable endless = 0", r""),
)
MARK = "=====answer"


def talk(port, program, commands, timeout_s=SESSION_S):
    """What gdb has printed for each command."""
    script = [*SETTINGS, f"target remote 127.0.0.1:{port}"]
    for n, command in enumerate(commands):
        script += [f"echo {MARK} {n}\\n", command]
    arguments = [word for line in script for word in ("-ex", line)]
    run = subprocess.run(
        [GDB, "-nx", "-q", "-batch", *arguments, program], capture_output=True, text=True, timeout=timeout_s,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    parts = re.split(rf"{MARK} \d+\n", run.stdout)
    return parts[1:], run.stdout + run.stderr


def session(run, program):
    """The commands of SESSION whose answers are wrong: [(command, what was expected, the answer)]."""
    answers, everything = talk(run.port, program, [command for command, _ in SESSION] + ["continue"])
    wrong = [
        (command, expected, answer)
        for (command, expected), answer in zip(SESSION, answers, strict=False)
        if not re.search(expected, answer.strip(), re.M)
    ]
    if len(answers) != len(SESSION) + 1 or "exited with code 07" not in answers[-1]:
        wrong.append(("the whole session", f"{len(SESSION) + 1} answers, then exit code 7", everything))
    return wrong


def test_a_session_of_forty_commands_is_answered_rightly(debugged, guest):
    program = guest("sixteen")
    run = debugged(program)
    assert session(run, program) == []
    status, out, said = run.end()
    assert (status, out, said) == (7, "sum 4520, finished 16\n", "")
