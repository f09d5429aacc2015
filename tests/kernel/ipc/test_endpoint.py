"""The rendezvous on a played CPU (cz-7): who sleeps where, who runs. (Between CPUs: tests/litmus/test_messages.py.)"""

import pytest

from emu.actor.policies import BUILTIN
from emu.hot import entry
from emu.kernel.actions import BLOCK, GIVE, HAND_OVER, RESUME
from emu.kernel.ipc import endpoint
from emu.kernel.ipc.endpoint import AGAIN, FIRST_KERNEL_THREAD, SENT
from emu.kernel.sleep.endings import interrupt
from emu.kernel.thread.handles import tid
from emu.kernel.thread.sleep_word import prepare_sleep
from emu.kernel.thread.states import SLEEP_RECEIVE, SLEEP_RECEIVE_FROM
from emu.limits import MAX_THREADS
from emu.shm.layout import machine_at
from emu.testing.bare import bare_window
from tests.kernel import wrappers as hot
from tests.kernel.cpus import played
from tests.kernel.ipc.played import ANYBODY, Threads

ESRCH, EINTR, EAGAIN, EMSGSIZE = -3, -4, -11, -90
REPLY, SENDS_EXTENDED, ACCEPTS_EXTENDED = 1 << 4, 2, 2 << 2

pytestmark = pytest.mark.system("cz-7")


@entry(3)
def is_thread(address, n, number):
    return 1 if endpoint.is_thread(machine_at(address), n, number) else 0


@entry(4)
def waits_for(address, r, i, reason):
    """Whether thread r, which sleeps so and names the thread behind i, waits for a message of thread i's."""
    m = machine_at(address)
    prepare_sleep(m.threads[r], reason)
    m.threads[r].partner = i + 2
    return 1 if endpoint._waits_for(m, r, i) != 0 else 0


@pytest.fixture(params=["codezero", "bsd4", "inko"], ids=["locked", "global", "lock-free"])
def threads(request):
    with played(2, request.param) as cpus:
        yield Threads(cpus)
        cpus.check()


def senders_of(threads, k):
    """Who waits to send to a thread, in order."""
    found, i = [], int(threads.record(k)["senders"]["head"]) - 1
    while i >= 0:
        found.append(threads.indices.index(i))
        i = int(threads.cpus.threads[i]["wait_next"])
    return found


@pytest.mark.parametrize("policy", BUILTIN)
def test_a_call_and_its_answer_hand_the_cpu_to_and_fro_past_a_thread_that_waits(policy):
    with played(1, policy) as cpus:
        threads = Threads(cpus)
        assert threads.call(1, source=ANYBODY) == BLOCK
        cpus.machine["cpus"][0]["resched"] = 0
        assert threads.call(0, to=threads.tid(1), source=threads.tid(1), number=5) == HAND_OVER
        assert cpus.current(0) == threads.indices[1] and threads.states() == ["blocked", "running", "runnable"]
        assert threads.got(1) == (threads.tid(0), 0, 5)
        cpus.machine["cpus"][0]["resched"] = 0
        assert threads.call(1, to=threads.tid(0), source=ANYBODY, flags=REPLY, number=6) == HAND_OVER
        assert cpus.current(0) == threads.indices[0] and threads.got(0) == (threads.tid(1), 1, 6)
        assert threads.states() == ["running", "blocked", "runnable"]
        cpus.check()


def test_who_only_sends_waits_behind_the_others(threads):
    threads.call(1, source=ANYBODY)
    threads.run(0)
    threads.cpus.machine["cpus"][0]["resched"] = 0
    assert threads.call(0, to=threads.tid(1), number=1) == GIVE
    assert threads.cpus.current(0) == threads.indices[1] and threads.states()[0] == "runnable"
    assert threads.got(0)[:2] == (0, 1)


def test_senders_wait_in_order_and_the_receiver_takes_the_message_itself(threads):
    assert threads.call(1, to=threads.tid(0), number=1) == threads.call(2, to=threads.tid(0), number=2) == BLOCK
    assert senders_of(threads, 0) == [1, 2]
    assert threads.call(0, source=threads.tid(2)) == RESUME
    assert threads.got(0) == (threads.tid(2), 0, 2) and threads.got(2)[:2] == (0, 1)
    assert senders_of(threads, 0) == [1] and threads.states()[1:] == ["blocked", "runnable"]
    assert threads.call(0, source=ANYBODY) == RESUME and threads.got(0) == (threads.tid(1), 0, 1)


def test_a_caller_that_waited_to_send_waits_for_the_answer_in_the_same_step(threads):
    assert threads.call(1, to=threads.tid(0), source=threads.tid(0), number=1) == BLOCK
    assert threads.call(0, source=ANYBODY) == RESUME
    assert threads.states()[1] == "blocked" and threads.record(0)["callers"]["head"] == threads.indices[1] + 1
    threads.cpus.machine["cpus"][0]["resched"] = 0
    assert threads.call(0, to=threads.tid(1), flags=REPLY, number=2) == GIVE
    assert threads.got(1) == (threads.tid(0), 1, 2)


def test_a_caller_that_waits_for_another_ones_message_makes_its_call_again_and_does_not_send_again(threads):
    assert threads.call(1, to=threads.tid(0), source=threads.tid(2), timeout_ns=1 << 40, number=1) == BLOCK
    deadline_ns = int(threads.record(1)["deadline_ns"])
    assert threads.call(0, source=ANYBODY) == RESUME
    assert threads.record(1)["sleep_done"] == SENT | AGAIN
    assert threads.again(1) == BLOCK and senders_of(threads, 0) == []
    assert threads.record(1)["deadline_ns"] == deadline_ns, "its time is for all of the call"
    assert threads.record(2)["callers"]["head"] == threads.indices[1] + 1


def test_a_message_that_the_receiver_does_not_accept_is_its_senders_fault(threads):
    assert threads.call(1, to=threads.tid(0), flags=SENDS_EXTENDED) == BLOCK
    assert threads.call(2, to=threads.tid(0), number=4) == BLOCK
    assert threads.call(0, source=ANYBODY) == RESUME and threads.got(0) == (threads.tid(2), 0, 4)
    assert threads.got(1)[:2] == (EMSGSIZE, 0)
    assert threads.call(2, source=ANYBODY) == BLOCK
    assert threads.call(0, to=threads.tid(2), flags=SENDS_EXTENDED) == RESUME
    assert threads.got(0)[:2] == (EMSGSIZE, 0) and threads.states()[2] == "blocked"


def test_the_tid_of_a_thread_that_had_the_record_before_names_nobody(threads):
    stale = threads.tid(1) + MAX_THREADS  # of another generation
    assert threads.call(1, source=ANYBODY) == BLOCK
    assert threads.call(0, to=stale) == RESUME and threads.got(0)[:2] == (ESRCH, 0)
    assert threads.call(0, source=stale) == RESUME and threads.got(0)[:2] == (ESRCH, 0)
    assert threads.states()[1] == "blocked"


def test_who_leaves_tells_those_that_wait_to_send_and_those_that_wait_for_it(threads):
    assert threads.call(1, to=threads.tid(0), source=threads.tid(0)) == BLOCK
    assert threads.call(2, source=threads.tid(0)) == BLOCK
    threads.run(0)
    hot.exit_thread(threads.base, 0, threads.indices[0], 0)
    assert threads.got(1)[:2] == threads.got(2)[:2] == (ESRCH, 0)
    assert threads.states()[1:] == ["runnable", "runnable"]


@pytest.mark.system("cz-6")
@pytest.mark.parametrize("sleep", ["send", "receive", "receive from", "answer"])
def test_an_interrupted_thread_is_in_no_queue_and_nothing_is_lost(threads, sleep):
    to = threads.tid(0) if sleep in ("send", "answer") else 0
    source = {"send": 0, "receive": ANYBODY}.get(sleep, threads.tid(0))
    assert threads.call(1, to=to, source=source, number=3) == BLOCK
    if sleep == "answer":
        assert threads.call(0, source=ANYBODY) == RESUME
    assert interrupt(threads.base, 0, threads.indices[1]) == 1
    assert threads.got(1)[:2] == (EINTR, int(sleep == "answer")) and threads.states()[1] == "runnable"
    assert senders_of(threads, 0) == [] and threads.record(0)["callers"]["head"] == 0
    assert threads.call(0, to=threads.tid(1), flags=REPLY) == RESUME and threads.got(0)[:2] == (EAGAIN, 0)
    assert threads.call(0, source=ANYBODY, timeout_ns=0) == RESUME and threads.got(0)[0] == EAGAIN


def test_the_time_out_of_a_message_that_came_is_stale(threads):
    stale = int(threads.cpus.machine["stale_timeouts"])
    assert threads.call(1, source=ANYBODY, timeout_ns=1 << 40) == BLOCK
    threads.cpus.machine["cpus"][0]["resched"] = 0
    threads.call(0, to=threads.tid(1))
    assert threads.call(1, to=threads.tid(0), timeout_ns=1 << 40) == BLOCK
    assert threads.call(0, source=ANYBODY) == RESUME
    assert threads.cpus.machine["stale_timeouts"] == stale + 2


def test_who_waits_for_another_ones_message_takes_nobody_elses():
    with bare_window() as window:
        assert waits_for(window.address, 1, 2, SLEEP_RECEIVE_FROM) == 0
        assert waits_for(window.address, 1, 2, SLEEP_RECEIVE) == 1


def test_kernel_threads_are_nobodys_partners():
    with bare_window() as window:
        window.machine["threads"]["is_listed"][[0, FIRST_KERNEL_THREAD]] = 1
        assert is_thread(window.address, 0, tid(window.address, 0)) == 1
        assert is_thread(window.address, FIRST_KERNEL_THREAD, tid(window.address, FIRST_KERNEL_THREAD)) == 0
