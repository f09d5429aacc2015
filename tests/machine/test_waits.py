"""Who waits for what, in words; and when every thread waits for another one."""

import pytest

from emu.abi.syscall_numbers import NUMBERS
from emu.kernel.groups.records import KSE_INSIDE, KSE_MEMBER, KSE_OWNER, KSE_SPARE
from emu.kernel.thread.states import (
    BLOCKED,
    RUNNABLE,
    RUNNING,
    SLEEP_FUTEX,
    SLEEP_MAIL,
    SLEEP_PORT,
    SLEEP_QUEUE,
    SLEEP_RECEIVE,
    SLEEP_RECEIVE_FROM,
    SLEEP_RELEASED,
    SLEEP_RETRY,
    SLEEP_SEND,
    SLEEP_SERVER,
    SLEEP_SPARE,
    SLEEP_TIME,
    SLEEP_TIMED,
    SLEEP_WAITS,
    WHERE,
)
from emu.limits import GLOBAL_QUEUE
from emu.machine.waits import is_deadlock, table, tid_of, waits

S = 1_000_000_000


class Threads:
    def __init__(self, machine):
        self.machine = machine

    def add(self, state, reason=0, call="futex", name=b"worker", queue=0, **fields):
        i = int(self.machine["fresh_thread"])
        self.machine["fresh_thread"] = i + 1
        t = self.machine["threads"][i]
        t["where"], t["queued_ns"], t["pc"] = WHERE.pack(state=state, queue=queue), 8 * S, 0x1234
        t["sleep"] = (1 << 8 | reason) if state == BLOCKED else 0
        t["x"][17] = NUMBERS[call]
        t["name"][: len(name)] = list(name)
        for key, value in fields.items():
            t[key] = value
        return i

    def lines(self):
        return table(waits(self.machine, 10 * S, 10 * S, lambda job, pc: "wait_here+0x4"))


@pytest.fixture
def threads(window):
    return Threads(window.machine)


def test_each_way_to_wait_is_said_with_its_object(threads):
    threads.add(BLOCKED, SLEEP_FUTEX, futex_address=0xABC0)
    threads.add(BLOCKED, SLEEP_FUTEX | SLEEP_TIMED, futex_address=0xABC0, deadline_ns=13 * S)
    threads.add(BLOCKED, SLEEP_TIME | SLEEP_TIMED, call="nanosleep", deadline_ns=12 * S)
    threads.add(BLOCKED, SLEEP_SERVER, call="read", restart_a0=7)
    threads.add(RUNNABLE, queue=GLOBAL_QUEUE)
    threads.add(RUNNING, queue=1)
    head, *lines = threads.lines()
    assert head.split() == ["task", "tid", "name", "state", "waits", "for", "s", "pc"]
    expected = [
        "futex 0xabc0  ", "futex 0xabc0, 3.000 s left", "nanosleep, 2.000 s left", "read 7", "for the global queue",
        "on CPU 1",
    ]  # fmt: skip
    assert all(what in line for what, line in zip(expected, lines, strict=True)), lines
    assert all("worker" in line and "0x1234 wait_here+0x4" in line for line in lines)
    assert "2.000" in lines[0].split("0xabc0")[1] and "0.000" in lines[5]


def test_names_that_guests_give_move_no_terminal(threads):
    sender = threads.add(RUNNING, name=b"\x1b[2J\n\xff\xe2\x80\xae")
    threads.add(BLOCKED, SLEEP_SEND, partner=sender + 1)
    lines = threads.lines()
    assert all("?[2J?\ufffd?" in line and line.isprintable() for line in lines[1:]), lines


def test_many_threads_are_counted(threads):
    for _ in range(100):
        threads.add(RUNNABLE)
    assert threads.lines()[-1] == "and 60 more threads"


def test_every_thread_waits_for_another_one_when_none_can_be_woken_from_outside(threads):
    assert not is_deadlock(threads.machine), "no thread"
    i = threads.add(BLOCKED, SLEEP_FUTEX)
    threads.add(BLOCKED, SLEEP_SERVER, call="rt_sigsuspend")
    assert is_deadlock(threads.machine)
    threads.machine["threads"]["signals"][i] = 1
    assert not is_deadlock(threads.machine)
    threads.machine["threads"]["signals"][i] = 0
    threads.machine["threads"]["sleep"][i] = -0x1FF
    assert not is_deadlock(threads.machine), "it is being woken"


def test_who_sleeps_in_a_native_queue_waits_for_another_thread_and_is_named(threads):
    """A mutex or a wait queue of emu's own: the lost wake-up of the lab ends there."""
    threads.add(BLOCKED, SLEEP_QUEUE)
    assert is_deadlock(threads.machine)
    threads.add(BLOCKED, SLEEP_WAITS)
    assert not is_deadlock(threads.machine), "the thread that it wants suspended may yet be"
    assert not any("waking up" in line for line in threads.lines())


@pytest.mark.system("cz-7")
def test_who_waits_for_a_message_is_said_with_its_partner(threads):
    server = threads.add(BLOCKED, SLEEP_RECEIVE, name=b"server", generation=2)
    client = threads.add(BLOCKED, SLEEP_RECEIVE_FROM, partner=server + 1)
    threads.add(BLOCKED, SLEEP_SEND, partner=client + 1)
    tid = tid_of(threads.machine["threads"][server], server)
    said = ["receive from anybody  ", f"receive from {tid} server  ", f"send to {client + 1} worker  "]
    assert all(what in line for what, line in zip(said, threads.lines()[1:], strict=True)), threads.lines()
    assert is_deadlock(threads.machine)
    threads.add(BLOCKED, SLEEP_SEND | SLEEP_TIMED, partner=server + 1, deadline_ns=11 * S)
    assert f"send to {tid} server, 1.000 s left" in threads.lines()[-1]
    assert not is_deadlock(threads.machine), "its time will come"


@pytest.mark.system("kse-2", "kse-13")
def test_a_thread_inside_is_said_with_its_user_thread_and_owners_and_spares_wait_for_such_threads(threads):
    threads.add(BLOCKED, SLEEP_RETRY, call="read", kse=KSE_MEMBER | KSE_INSIDE, user_thread=0x5A00)
    threads.add(BLOCKED, SLEEP_RELEASED, kse=KSE_MEMBER | KSE_OWNER)
    threads.add(BLOCKED, SLEEP_SPARE, kse=KSE_MEMBER | KSE_SPARE)
    said = ["read, of user thread 0x5a00  ", "a reason for an upcall  ", "an upcall, as a spare  "]
    assert all(what in line for what, line in zip(said, threads.lines()[1:], strict=True)), threads.lines()
    assert is_deadlock(threads.machine)
    threads.add(BLOCKED, SLEEP_RELEASED | SLEEP_TIMED, kse=KSE_MEMBER | KSE_OWNER, deadline_ns=12 * S)
    assert not is_deadlock(threads.machine), "an upcall will come"


@pytest.mark.parametrize(
    "state, reason, call",
    [(RUNNABLE, 0, "futex"), (RUNNING, 0, "futex"), (BLOCKED, SLEEP_FUTEX | SLEEP_TIMED, "futex"),
     (BLOCKED, SLEEP_TIME | SLEEP_TIMED, "nanosleep"), (BLOCKED, SLEEP_SERVER, "read")],
)  # fmt: skip
def test_one_thread_that_can_go_on_by_itself_is_enough(threads, state, reason, call):
    threads.add(BLOCKED, SLEEP_FUTEX)
    threads.add(state, reason, call)
    assert not is_deadlock(threads.machine)


@pytest.mark.parametrize(
    "reason, words", [(SLEEP_MAIL, "a message in its mailbox"), (SLEEP_PORT, "a message in a port")]
)
def test_who_waits_for_a_message_waits_for_another_thread_unless_it_has_a_deadline(threads, reason, words):
    threads.add(BLOCKED, reason)
    assert words in threads.lines()[1] and is_deadlock(threads.machine)
    threads.add(BLOCKED, reason | SLEEP_TIMED, deadline_ns=12 * S)
    assert f"{words}, 2.000 s left" in threads.lines()[2] and not is_deadlock(threads.machine)
