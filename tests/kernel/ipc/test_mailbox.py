"""Mailboxes on played CPUs (inko-4, inko-2); between processes: tests/litmus/test_mailboxes.py."""

import pytest

from emu.abi.errno import EAGAIN, EINTR, ENOMEM, ESRCH, ETIMEDOUT
from emu.abi.registers import A0
from emu.hot import entry
from emu.kernel.actions import BLOCK, RESUME
from emu.kernel.ipc.mailbox import PER_PAGE
from emu.kernel.native import numbers
from emu.kernel.native.calls import native_call
from emu.kernel.sched import waking
from emu.kernel.sleep import endings
from emu.kernel.task.records import create_task
from emu.kernel.thread import handles
from emu.kernel.thread.records import create_thread
from emu.kernel.thread.sleep_word import SLEEP
from emu.kernel.thread.states import RESTART_WOKEN, SLEEP_EVENT, SLEEP_MAIL, SLEEP_TIMED
from emu.limits import MAILBOX_MESSAGES, MAX_THREADS
from emu.shm.cpumask import to_words
from emu.shm.layout import machine_at
from emu.testing.checks import check_machine
from emu.testing.message_checks import check_messages
from tests.kernel import wrappers as hot
from tests.kernel.cpus import played

FOR_EVER = -1

pytestmark = pytest.mark.system("inko-4")


@entry(4)
def call(address, me, i, number):
    return native_call(machine_at(address), me, i, number)


@entry(4)
def expire(address, me, i, word):
    return 1 if endings.expire(machine_at(address), me, i, word) else 0


class Post:
    """Two threads of two tasks, each running on a CPU of its own."""

    def __init__(self, cpus):
        self.cpus, self.base, self.threads = cpus, cpus.base, cpus.threads
        self.boxes = cpus.machine["mailboxes"]
        self.indices = [self.thread(cpu) for cpu in range(2)]

    def thread(self, cpu):
        i = create_thread(self.base, cpu, create_task(self.base, cpu))
        self.threads[i]["affinity"] = to_words(1 << cpu)
        waking.start(self.base, cpu, i)
        assert self.cpus.pick(cpu) == i
        return i

    def tid(self, which):
        return handles.tid(self.base, self.indices[which])

    def call(self, which, number, *arguments):
        """(what the CPU does next, a0 to a4 afterwards)."""
        i = self.indices[which]
        for k, value in enumerate(arguments):
            self.threads[i]["x"][A0 + k] = value
        action = call(self.base, which, i, number)
        return action, self.threads[i]["x"][A0 : A0 + 5].tolist()

    def send(self, which, tid, *words):
        action, results = self.call(which, numbers.MAILBOX_SEND, tid, *words)
        assert action == RESUME
        return results[0]

    def receive(self, which, timeout_ns=0):
        return self.call(which, numbers.MAILBOX_RECEIVE, timeout_ns)

    def count(self, which, tid):
        return self.call(which, numbers.MAILBOX_COUNT, tid)[1][0]


@pytest.fixture
def post():
    with played(2, "codezero") as cpus:
        yield Post(cpus)


def test_messages_come_in_order_with_their_senders_and_are_counted(post):
    assert post.send(0, post.tid(1), 1, 2, 3, 4) == 0 and post.send(1, post.tid(1), 5, 6, 7, -8) == 0
    assert post.count(0, post.tid(1)) == 2 and post.count(1, post.tid(0)) == 0
    assert post.receive(1) == (RESUME, [post.tid(0), 1, 2, 3, 4])
    assert post.receive(1) == (RESUME, [post.tid(1), 5, 6, 7, -8])
    assert post.receive(1)[1][0] == -EAGAIN and post.count(0, post.tid(1)) == 0
    check_messages(post.cpus.window)


def test_a_mailbox_grows_up_to_its_bound_over_pages_that_are_given_back(post):
    free = int(post.cpus.machine["nr_free_frames"])
    for start in (0, PER_PAGE + 37):  # in a page and at its beginning
        while int(post.boxes[post.indices[1]]["tail"]) < start:
            assert post.send(0, post.tid(1), 0) == 0 and post.receive(1)[0] == RESUME
        for k in range(MAILBOX_MESSAGES):
            assert post.send(0, post.tid(1), k) == 0
        assert post.send(0, post.tid(1), 0) == -EAGAIN
        check_messages(post.cpus.window)
        for k in range(MAILBOX_MESSAGES):
            assert post.receive(1)[1][1] == k
        assert int(post.cpus.machine["nr_free_frames"]) >= free - 2
    hot.exit_thread(post.base, 1, post.indices[1], 0)
    check_machine(post.cpus.window, "codezero")


def test_a_full_mailbox_is_full_also_while_the_receiver_counts_off_what_it_took(post):
    """It clears `taken` first; until the count follows, more seem to wait than there is room for."""
    box = post.boxes[post.indices[1]]
    for k in range(MAILBOX_MESSAGES):
        assert post.send(0, post.tid(1), k) == 0
    for k in range(PER_PAGE - 1):
        assert post.receive(1)[1][1] == k and post.send(0, post.tid(1), MAILBOX_MESSAGES + k) == 0
    assert box["taken"] == PER_PAGE - 1 and post.count(0, post.tid(1)) == MAILBOX_MESSAGES
    box["taken"] = 0
    for _ in range(3):
        assert post.send(0, post.tid(1), 0) == -EAGAIN
    box["taken"] = PER_PAGE - 1
    for k in range(PER_PAGE - 1, MAILBOX_MESSAGES + PER_PAGE - 1):
        assert post.receive(1)[1][1] == k
    check_messages(post.cpus.window)


def test_a_sender_finds_the_receiver_asleep_and_makes_it_runnable_at_once(post):
    i = post.indices[1]
    assert post.receive(1, FOR_EVER)[0] == BLOCK
    assert SLEEP.get(hot.sleep_of(post.base, i), "reason") == SLEEP_MAIL
    hot.block(post.base, 1, i)
    assert post.send(0, post.tid(1), 11, 12, 13, 14) == 0
    assert post.cpus.state(i)[0] == "runnable" and post.threads[i]["restart"] == RESTART_WOKEN
    assert post.cpus.pick(1) == i and post.receive(1, FOR_EVER) == (RESUME, [post.tid(0), 11, 12, 13, 14])


def test_a_thread_that_sleeps_for_something_else_sleeps_on(post):
    i = post.indices[1]
    word = hot.sleep(post.base, i, SLEEP_EVENT)
    hot.block(post.base, 1, i)
    assert post.send(0, post.tid(1), 1) == 0
    assert post.cpus.state(i)[0] == "blocked" and hot.sleep_of(post.base, i) == word


def test_a_message_that_comes_before_the_receiver_has_left_its_cpu_keeps_it_there(post):
    i = post.indices[1]
    assert post.receive(1, FOR_EVER)[0] == BLOCK
    assert post.send(0, post.tid(1), 1) == 0
    assert hot.block(post.base, 1, i) == 0 and post.cpus.state(i)[0] == "running"
    assert post.receive(1, FOR_EVER)[1][:2] == [post.tid(0), 1]


@pytest.mark.parametrize("how", ["time", "signal"])
def test_a_sleep_that_something_else_has_ended_leaves_the_message_for_the_next_call(post, how):
    i = post.indices[1]
    assert post.receive(1, 1_000_000_000)[0] == BLOCK
    word = hot.sleep_of(post.base, i)
    assert word & SLEEP_TIMED
    hot.block(post.base, 1, i)
    if how == "time":
        assert expire(post.base, 0, i, word) == 1
    else:
        assert endings.interrupt(post.base, 0, i) == 1
    assert post.send(0, post.tid(1), 9) == 0, "who comes too late wakes nobody"
    assert post.threads[i]["x"][A0] == (-ETIMEDOUT if how == "time" else -EINTR) and post.threads[i]["restart"] == 0
    assert post.cpus.pick(1) == i and post.receive(1)[1][1] == 9


def test_who_is_woken_for_nothing_sleeps_on_until_its_old_deadline(post):
    """A sender may be late: its message was received, and the receiver sleeps again."""
    i = post.indices[1]
    assert post.receive(1, 10**9)[0] == BLOCK
    deadline_ns = int(post.threads[i]["deadline_ns"])
    hot.block(post.base, 1, i)
    assert hot.claim_sleep(post.base, i, hot.sleep_of(post.base, i)) == 1
    hot.make_runnable(post.base, 0, i)
    assert post.cpus.pick(1) == i and post.receive(1, 10**9)[0] == BLOCK
    assert post.threads[i]["deadline_ns"] == deadline_ns and post.threads[i]["resume_deadline_ns"] == deadline_ns
    hot.block(post.base, 1, i)
    assert post.send(0, post.tid(1), 5) == 0 and post.cpus.pick(1) == i
    assert post.receive(1, 10**9)[1][1] == 5 and post.threads[i]["resume_deadline_ns"] == 0


def test_who_has_left_gets_no_messages_and_nor_does_who_has_its_record_next(post):
    i, old = post.indices[1], post.tid(1)
    assert post.send(0, old, 1) == 0
    hot.exit_thread(post.base, 1, i, 0)
    assert post.send(0, old, 2) == post.count(0, old) == -ESRCH
    assert post.thread(1) == i
    assert post.tid(1) != old and post.count(0, post.tid(1)) == 0
    assert post.send(0, old, 3) == -ESRCH and post.send(0, post.tid(1), 4) == 0
    assert post.receive(1)[1][1] == 4


@pytest.mark.parametrize("tid", [0, -1, 1 << 62, -(1 << 63), MAX_THREADS, (1 << 63) - 1])
def test_numbers_that_name_no_thread_are_errors(post, tid):
    assert post.send(0, tid, 1) == post.count(0, tid) == -ESRCH


def test_where_guest_memory_is_used_up_a_message_is_refused_and_nothing_is_lost(post):
    machine = post.cpus.machine
    free, fresh, nr = int(machine["free_frame"]), int(machine["fresh_frame"]), int(machine["nr_free_frames"])
    machine["free_frame"], machine["fresh_frame"] = -1, machine["nr_frames"]
    assert post.send(0, post.tid(1), 1) == -ENOMEM and post.count(0, post.tid(1)) == 0
    machine["free_frame"], machine["fresh_frame"], machine["nr_free_frames"] = free, fresh, nr
    assert post.send(0, post.tid(1), 1) == 0 and post.receive(1)[1][1] == 1
