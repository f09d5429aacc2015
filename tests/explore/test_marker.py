"""The marker `emu_explore` and its fixture as a user's project meets them: in a pytest of its own."""

import re
import shlex
import subprocess
import sys
from types import SimpleNamespace

import pytest

from emu.testing.explore_plugin import asked_by
from tests.testing.test_plugin import run

EXPLORED = """
import pytest

@pytest.mark.emu_explore({marker})
def test_account(explored):
    found = explored({program!r}{call})
    print("played", found.schedules, "failure", found.failure and found.failure.number, "seed", found.plan.seed)
"""


def explored(tmp_path, program, *options, marker="schedules=300", call=""):
    return run(tmp_path, EXPLORED.format(program=str(program), marker=marker, call=call), "-s", *options)


def test_a_program_that_is_right_passes_with_all_schedules_played(tmp_path, whole):
    status, output = explored(tmp_path, whole)
    assert status == 0 and "played 300 failure None seed 0" in output, output


def test_several_processes_play_the_same_number(tmp_path, whole):
    status, output = explored(tmp_path, whole, marker="schedules=300, jobs=2")
    assert status == 0 and "played 300 failure None" in output, output


def test_a_failure_is_told_with_seed_schedule_story_and_what_replays_it(tmp_path, account):
    status, output = explored(tmp_path, account, "--emu-seed", "6")
    assert status == 1 and "1 failed" in output and "Traceback" not in output, output
    assert "account: exit status 1\n" in output
    assert re.search(r"seed 6, schedule \d+ by \S+; \d+ preemptions suffice, of \d+\n", output), output
    assert re.search(r"thread \d +account\.c:\d+ +balance = before \+ 10; +writes balance \(was \d+\)", output), output
    (again,) = set(re.findall("again: (emu replay .*)", output))  # in the summary, too, where CI is in the environment
    name, command, file = shlex.split(again)
    assert f"replay file: {file}\n" in output
    entry = [sys.executable, "-c", "import sys; from emu.commands.cli import main; sys.exit(main())"]
    replayed = subprocess.run([*entry, command, file], capture_output=True, text=True)
    assert (name, replayed.returncode) == ("emu", 1), replayed.stderr
    assert "exit status 1; every event as it was" in replayed.stderr


def test_a_bug_that_has_to_be_there_is_returned(tmp_path, account):
    status, output = explored(tmp_path, account, "--emu-seed", "6", call=", expect_failure=True")
    assert status == 0 and re.search(r"failure \d+ seed 6", output), output


def test_a_bug_that_has_to_be_there_and_is_not_found_fails(tmp_path, whole):
    status, output = explored(tmp_path, whole, marker="schedules=20", call=", expect_failure=True")
    assert status == 1 and "a failure was expected, and none of 20 schedules of seed 0 failed" in output, output


def test_rules_and_environment_are_passed_on(tmp_path, whole):
    call = ', strategy="random", rules=[("status", 3)], environment={"A": "B"}'
    status, output = explored(tmp_path, whole, call=call)
    assert status == 1 and "exit status 0, expected 3" in output and "by random" in output, output


@pytest.mark.parametrize(
    ("program", "call", "line"),
    [
        ("no-such-program", "", "no-such-program: cannot be read: No such file or directory"),
        (
            "account",
            ", stratagem=1",
            "explored takes strategy, memory, patient, priorities, races, max_steps, rules, environment",
        ),
        ("account", ', strategy="luck"', "strategy 'luck': expected portfolio"),
    ],
)
def test_what_cannot_be_explored_is_one_line(tmp_path, account, program, call, line):
    status, output = explored(tmp_path, account.parent / program, call=call)
    assert status == 1 and line in output and "Traceback" not in output, output


@pytest.mark.parametrize(
    ("args", "kwargs", "line"),
    [
        ((), {"schedule": 5}, "takes schedules, seconds, jobs by name, not schedule"),
        ((1000,), {}, "by name, not 1000"),
        ((), {"schedules": 0}, "schedules is how many, at least 1, not 0"),
        ((), {"seconds": -1}, "seconds is how long at most, above 0, not -1"),
        ((), {"jobs": 257}, "jobs is how many processes, 1 to 256, not 257"),
        ((), {"jobs": True}, "jobs is how many processes, 1 to 256, not True"),
    ],
)
def test_a_marker_that_would_explore_something_else_or_nothing_is_refused(args, kwargs, line):
    with pytest.raises(pytest.fail.Exception) as caught:
        asked_by(SimpleNamespace(args=args, kwargs=kwargs))
    assert line in str(caught.value)


def test_a_marked_test_that_explores_nothing_is_an_error(tmp_path):
    text = "import pytest\n\n@pytest.mark.emu_explore(schedules=5)\ndef test_nothing():\n    pass\n"
    status, output = run(tmp_path, text)
    assert status != 0 and "test_nothing does not use the fixture `explored`" in output, output
