"""References to threads, on played CPUs (rust-2, alux-5); under contention: tests/litmus/test_reaping.py."""

import pytest

from emu.hot import entry
from emu.kernel.sched import waking
from emu.kernel.sched.hotplug import take_offline
from emu.kernel.task.records import create_task
from emu.kernel.thread import reaping
from emu.kernel.thread.handles import tid
from emu.kernel.thread.records import create_thread
from emu.limits import KERNEL_TASK, SUPERVISOR
from emu.shm.cpumask import to_words
from emu.shm.layout import machine_at
from tests.kernel import wrappers as hot
from tests.kernel.cpus import played


@entry(2)
def delete_dead(address, me):
    reaping.delete_dead(machine_at(address), me)
    return 0


@entry(4)
def retain_tid(address, me, task, number):
    return reaping.retain_tid(machine_at(address), me, task, number)


@pytest.fixture
def cpus():
    with played(2) as cpus:
        yield cpus


def running(cpus, me=0):
    """A thread of a task of its own that runs on CPU `me`: (its index, its handle)."""
    task = create_task(cpus.base, me)
    i = create_thread(cpus.base, me, task)
    cpus.threads[i]["affinity"] = to_words(1 << me)
    waking.start(cpus.base, me, i)
    assert cpus.pick(me) == i
    return i, hot.thread_handle(cpus.base, i)


@pytest.mark.system("rust-2")
def test_a_thread_that_nobody_holds_is_deleted_when_it_exits(cpus):
    i, handle = running(cpus)
    hot.exit_thread(cpus.base, 0, i, 0)
    assert cpus.state(i)[0] == "free" and reaping.retain(cpus.base, 1, handle) == -1


@pytest.mark.system("rust-2")
@pytest.mark.system("alux-5")
def test_a_dead_thread_that_is_held_is_deleted_by_its_scheduler_after_the_last_drop(cpus):
    i, handle = running(cpus)
    queue = cpus.machine["queues"][0]
    assert reaping.retain(cpus.base, 1, handle) == i == reaping.retain(cpus.base, SUPERVISOR, handle)
    hot.exit_thread(cpus.base, 0, i, 0)
    assert cpus.state(i) == ("dead", 0) and queue["nr_dead"] == 1 and queue["nr_threads"] == 0
    assert hot.thread_index(cpus.base, handle) == -1, "it has left"
    assert reaping.retain(cpus.base, 1, handle) == -1, "a dead thread is not held anew"
    reaping.drop(cpus.base, 1, i)
    assert queue["dead"] == 0, "somebody holds it"
    reaping.drop(cpus.base, SUPERVISOR, i)
    assert cpus.state(i)[0] == "dead" and queue["dead"] == i + 1, "who drops last does not delete"
    assert cpus.machine["cpus"][0]["pending"] != 0, "its scheduler is told"
    delete_dead(cpus.base, 0)
    assert cpus.state(i)[0] == "free" and queue["nr_dead"] == 0


@pytest.mark.system("rust-2")
def test_no_scheduler_exits_while_a_dead_thread_of_its_own_is_held(cpus):
    i, handle = running(cpus)
    reaping.retain(cpus.base, 1, handle)
    hot.exit_thread(cpus.base, 0, i, 0)
    take_offline(cpus.base, SUPERVISOR, 0)
    assert hot.retire(cpus.base, 0) == 0
    reaping.drop(cpus.base, 1, i)
    assert hot.retire(cpus.base, 0) == 0, "it is not deleted yet"
    delete_dead(cpus.base, 0)
    assert hot.retire(cpus.base, 0) == 1


def test_a_thread_is_held_by_tid_within_its_task_only(cpus):
    i, handle = running(cpus)
    task, number = int(cpus.threads[i]["task"]), tid(cpus.base, i)
    assert retain_tid(cpus.base, 1, task, number) == i
    reaping.drop(cpus.base, 1, i)
    for wrong in (number + (1 << 12), number + 1, 0, -1, 1 << 40, -(1 << 63)):
        assert retain_tid(cpus.base, 1, task, wrong) == -1
    assert retain_tid(cpus.base, 1, task + 1, number) == -1
    assert int(cpus.threads[i]["references"]) == 1, "a refusal keeps nothing"


def test_a_thread_that_has_not_started_cannot_be_held(cpus):
    i = cpus.new()
    assert reaping.retain(cpus.base, 1, hot.thread_handle(cpus.base, i)) == -1


@pytest.mark.system("rust-7")
def test_the_last_generation_is_followed_by_the_first(cpus):
    i = cpus.new()
    cpus.threads[i]["generation"] = (1 << 31) - 1
    handle = hot.thread_handle(cpus.base, i)
    waking.start(cpus.base, 0, i)
    assert hot.thread_index(cpus.base, handle) == i == reaping.retain(cpus.base, 1, handle)
    reaping.drop(cpus.base, 1, i)
    cpus.pick(0)
    cpus.exit(0, i)
    assert hot.thread_index(cpus.base, handle) == -1 and int(cpus.threads[i]["generation"]) == 0


@pytest.mark.system("alux-10")
def test_the_kernel_task_has_the_kernels_own_threads():
    from emu.kernel.task.kernel_task import make_kernel_task
    from emu.limits import GARBAGE_THREAD, SERVER, TIMEKEEPER, TIMEKEEPER_THREAD

    with played(2) as cpus:
        make_kernel_task(cpus.base, SERVER)
        task = cpus.machine["tasks"][KERNEL_TASK]
        assert int(task["nr_threads"]) == 2 and cpus.machine["nr_tasks"] == 0
        assert cpus.state(GARBAGE_THREAD) == ("running", SERVER)
        assert cpus.state(TIMEKEEPER_THREAD) == ("running", TIMEKEEPER)
        assert {int(cpus.threads[i]["task"]) for i in (GARBAGE_THREAD, TIMEKEEPER_THREAD)} == {KERNEL_TASK}
        cpus.check()
