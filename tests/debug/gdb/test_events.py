"""What gdb is told of a program: signals, faults, its end, children that run free, watched reads (debug/gdb)."""

import re

import pytest

from tests.debug.gdb.test_session import pytestmark, talk  # noqa: F401 (the mark)


@pytest.fixture
def ask(debugged, guest):
    """`ask(argument, commands…)`: gdb's answers, and the exit status of the command."""

    def run(argument, *commands):
        program = guest("events")
        started = debugged(program, argument, cpus=2)
        answers, everything = talk(started.port, program, commands)
        assert len(answers) == len(commands), everything
        return answers, started.end()[0]

    return run


def test_a_fault_stops_the_program_and_continue_ends_it_as_it_would_have_ended(ask):
    (stop, end), status = ask("crash", "continue", "continue")
    assert "received signal SIGSEGV" in stop and "*(volatile int *)16 = 1" in stop
    assert "terminated with signal SIGSEGV" in end and status == 139


def test_a_fault_that_is_handled_is_told_and_then_handled(ask):
    (stop, end), status = ask("fault", "continue", "continue")
    assert "received signal SIGSEGV" in stop and "exited with code 011" in end and status == 9


def test_a_signal_is_told_before_its_handler_runs_and_may_be_taken_back(ask):
    (stop, caught, end), status = ask("raise", "continue", "print caught", "continue")
    assert "received signal SIGUSR1" in stop and caught.strip().endswith("= 0")
    assert "exited with code 012" in end and status == 10
    (stop, _, end), status = ask("raise", "continue", "queue-signal 0", "continue")
    assert "exited normally" in end and status == 0


def test_a_signal_that_the_program_was_given_says_nothing_of_the_next_one(ask):
    (one, other, end), status = ask("twice", "continue", "continue", "continue")
    assert "received signal SIGUSR1" in one and "received signal SIGUSR1" in other
    assert "exited with code 012" in end and status == 10


def test_signals_that_are_passed_stop_nothing(ask):
    (_, end), status = ask("raise", "handle SIGUSR1 nostop noprint pass", "continue")
    assert "exited with code 012" in end and status == 10


def test_breakpoints_stop_the_program_and_not_its_children(ask):
    (_, stop, calls, end), status = ask("fork", "break mark", "continue", "print calls", "continue")
    assert "mark (who=3)" in stop and calls.strip().endswith("= 0")
    assert "exited with code 03" in end and status == 3


def test_a_thread_that_is_born_while_others_are_held_is_held_too(ask):
    (_, one, _, two, caught, _, _, end), status = ask(
        "born", "break mark", "continue", "set scheduler-locking on", "continue", "print caught",
        "set scheduler-locking off", "delete", "continue",
    )  # fmt: skip
    assert "mark (who=1)" in one and "mark (who=2)" in two
    assert caught.strip().endswith("= 0"), "it has not run, though its parent gave way a thousand times"
    assert "exited with code 01" in end and status == 1


def test_code_that_is_mapped_twice_stops_where_the_breakpoint_is_set(ask):
    (_, _, _, end), status = ask("mapped", "break mark", "continue", "break *(long)first", "continue")
    assert "exited with code 05" in end and status == 5, "it has called `second`"


def test_a_block_of_zeros_is_stored_to_from_its_beginning(ask):
    (_, _, _, write, zero, end), status = ask("zero", "break main", "continue", "watch block[0]", *["continue"] * 3)
    assert re.search(r"Old value = 0\s+New value = 7", write) and re.search(r"Old value = 7\s+New value = 0", zero)
    assert "exited normally" in end and status == 0


def test_each_access_to_what_is_watched_stops_right_behind_it(ask):
    commands = ["break main", "continue", "awatch table[2]", *["continue"] * 5]
    (_, _, _, write, read, change, again, end), status = ask("read", *commands)
    assert re.search(r"Old value = 0\s+New value = 4", write)
    assert re.search(r"Value = 4", read)
    assert re.search(r"Old value = 4\s+New value = 9", change)
    assert re.search(r"Value = 9", again)
    assert "exited with code 027" in end and status == 14 + 9


def test_a_watched_read_does_not_stop_at_writes(ask):
    commands = ["break main", "continue", "rwatch table[1]", "continue", "continue"]
    (_, _, _, read, end), status = ask("read", *commands)
    assert re.search(r"Value = 1", read) and "exited with code 027" in end


def test_memory_and_registers_that_gdb_sets_are_the_programs(ask):
    commands = [
        "break main",
        "continue",
        "set variable argc = 0",
        "print argc",
        "call mark(7)",
        "print calls",
        "continue",
    ]
    answers, status = ask("raise", *commands)
    assert answers[3].strip().endswith("= 0") and answers[5].strip().endswith("= 7")
    assert "exited normally" in answers[6] and status == 0, "the program has seen what was set"
