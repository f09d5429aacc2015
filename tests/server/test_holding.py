"""HoldScope and the order of creation and tear-down (alux-4, alux-7, alux-9), on one process."""

import pytest

from emu.kernel.server_ring import NOTHING, take_request
from emu.kernel.task.kill_reasons import KILL_ASKED, KILL_UNOWNED_MEMORY
from emu.kernel.task.reaping import reap_task
from emu.kernel.task.records import create_task, kill_task
from emu.kernel.thread import handles, references
from emu.kernel.thread.records import create_thread
from emu.server.holding import HoldScope, TaskEnds, ThreadEnds
from tests.kernel import wrappers as hot


@pytest.fixture
def task(window):
    """(base, task, thread): made in the document's order: the task is retained, gets a thread, is released."""
    base = window.address
    k = create_task(base, 0)
    i = create_thread(base, 0, k)
    references.release(base, 0, k)
    return base, k, i


def kill(base, k):
    return kill_task(base, 0, hot.task_handle(base, k), 9, KILL_ASKED)


@pytest.mark.system("alux-7")
def test_a_scope_offers_the_current_task_and_holds_it(window, task):
    base, k, i = task
    with HoldScope(window, 1, i) as scope:
        assert scope.task == k
        kill(base, k)
        assert references.hold(base, 1, k) == 0, "a killed task cannot be held again"
        assert references.retain(base, k) == 1, "while it is held it can be retained"
        references.release(base, 1, k)
    assert take_request(base) == NOTHING, "its thread still retains it"


@pytest.mark.system("alux-7")
def test_a_scope_in_a_killed_task_ends_the_thread(window, task):
    base, k, i = task
    kill(base, k)
    with pytest.raises(ThreadEnds), HoldScope(window, 1, i):
        pytest.fail("the body ran")


@pytest.mark.system("alux-7")
@pytest.mark.system("alux-8")
def test_exit_kills_the_task_with_a_reason_and_unholds_it(window, task):
    base, k, i = task
    with pytest.raises(TaskEnds), HoldScope(window, 1, i) as scope:
        scope.exit(KILL_UNOWNED_MEMORY)
    assert window.machine["tasks"][k]["kill_reason"] == KILL_UNOWNED_MEMORY
    assert window.machine["tasks"][k]["references"] == (1 << 60) + 1, "killed, and retained by its thread alone"


@pytest.mark.system("alux-4")
def test_a_killed_task_that_nobody_holds_cannot_be_retained(window, task):
    base, k, i = task
    kill(base, k)
    assert references.retain(base, k) == 0 and references.hold(base, 1, k) == 0


@pytest.mark.system("alux-9")
@pytest.mark.system("rust-2")
def test_the_last_reference_sends_a_killed_task_to_the_garbage_thread(window, task):
    base, k, i = task
    assert references.retain(base, k) == 1
    kill(base, k)
    references.release(base, 0, k)
    assert take_request(base) == NOTHING
    references.release(base, 0, k)  # as its last thread does when it exits
    assert take_request(base) == -(k + 1)
    assert take_request(base) == NOTHING, "once"
    reap_task(base, 1, k)


@pytest.mark.system("alux-4")
@pytest.mark.system("rust-7")
def test_a_stale_handle_holds_nothing(window):
    base = window.address
    k = create_task(base, 0)
    handle = hot.task_handle(base, k)
    assert references.hold_handle(base, 0, handle) == k
    references.unhold(base, 0, k)
    reap_task(base, 0, k)
    assert create_task(base, 0) == k
    assert references.hold_handle(base, 0, handle) == -1
    assert handles.thread_by_tid(base, 1 << 29) == -1
