"""Whose messages a thread accepts, on a played CPU (cz-17)."""

import pytest

from emu.abi.errno import EPERM
from emu.hot import entry
from emu.kernel.actions import BLOCK
from emu.kernel.ipc import accepting, refusing
from emu.kernel.ipc.accepting import ACCEPT_ANYBODY, ACCEPT_NOBODY, ACCEPT_TASK
from emu.kernel.task.records import create_task
from emu.kernel.thread.records import create_thread
from emu.shm.layout import machine_at
from emu.testing.bare import bare_window
from tests.kernel.cpus import played
from tests.kernel.ipc.played import Threads

pytestmark = pytest.mark.system("cz-17")


@entry(3)
def may_send(address, i, r):
    return 1 if accepting.may_send(machine_at(address), i, r) else 0


@entry(4)
def set_accepted(address, me, i, accepted):
    refusing.set_accepted(machine_at(address), me, i, accepted)
    return 0


def test_a_task_accepts_its_own_or_nobodys_messages_but_always_a_faults():
    with bare_window() as window:
        base, threads = window.address, window.machine["threads"]
        mine, other = (create_task(base, 0) for _ in range(2))
        receiver, sister, stranger = (create_thread(base, 0, k) for k in (mine, mine, other))
        may = lambda: [may_send(base, i, receiver) for i in (sister, stranger)]  # noqa: E731
        found = []
        for accepted in (ACCEPT_ANYBODY, ACCEPT_TASK, ACCEPT_NOBODY):
            threads[receiver]["accepts"] = accepted
            found.append(may())
        assert found == [[1, 1], [1, 0], [0, 0]]
        threads[stranger]["faulting"] = 1
        assert may() == [0, 1]


def test_who_waits_to_send_is_told_that_it_is_accepted_no_more():
    with played(2, "codezero") as cpus:
        threads = Threads(cpus)
        assert threads.call(1, to=threads.tid(0)) == threads.call(2, to=threads.tid(0)) == BLOCK
        threads.run(0)
        set_accepted(threads.base, 0, threads.indices[0], ACCEPT_TASK)
        assert threads.states()[1:] == ["blocked", "blocked"], "they are of its task"
        set_accepted(threads.base, 0, threads.indices[0], ACCEPT_NOBODY)
        assert threads.got(1)[:2] == threads.got(2)[:2] == (-EPERM, 0)
        assert threads.states()[1:] == ["runnable", "runnable"] and threads.record(0)["senders"]["head"] == 0
        cpus.check()
