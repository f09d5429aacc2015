"""Who suspends a thread and waits for that is told what came of it, on played CPUs (cz-4, cz-18)."""

import pytest

from emu.hot import entry
from emu.kernel.sched import waking
from emu.kernel.task.control import destroy
from emu.kernel.task.kill_reasons import KILL_ASKED
from emu.kernel.task.records import create_task, kill_task
from emu.kernel.task.suspend import ask_suspend, hold_suspended, let_suspended_go, suspended
from emu.kernel.thread.records import create_thread
from emu.limits import IPI_RESCHEDULE, SERVER, SUPERVISOR
from emu.shm.cpumask import to_words
from emu.shm.layout import machine_at
from tests.kernel import wrappers as hot
from tests.kernel.cpus import played

A0 = 10
ESRCH, EAGAIN, EINVAL = -3, -11, -22
WAITS = 1
NOBODY, NO_MORE = 0, -1

pytestmark = [pytest.mark.system("cz-4"), pytest.mark.system("cz-18")]


@entry(3)
def hold(address, me, i):
    return 1 if hold_suspended(machine_at(address), me, i) else 0


@entry(3)
def let_go(address, me, i):
    let_suspended_go(machine_at(address), me, i)
    return 0


@entry(3)
def tell_to_end(address, me, i):
    destroy(machine_at(address), me, i)
    return 0


class Pair:
    """A thread that runs on CPU 0 and one on CPU 1, which has suspended the first and waits for that."""

    def __init__(self, cpus):
        self.cpus, self.base = cpus, cpus.base
        task = create_task(cpus.base, 0)
        self.target, self.waiter = (create_thread(cpus.base, 0, task) for _ in range(2))
        for cpu, i in enumerate((self.target, self.waiter)):
            cpus.threads[i]["affinity"] = to_words(1 << cpu)
            waking.start(cpus.base, cpu, i)
            assert cpus.pick(cpu) == i
        assert hot.suspend_sync(self.base, 1, self.waiter, self.target) == WAITS
        assert hot.block(self.base, 1, self.waiter) == 1

    def told(self):
        """What the waiter's call returns, None while it waits."""
        return int(self.cpus.threads[self.waiter]["x"][A0]) if self.cpus.state(self.waiter)[0] == "runnable" else None


@pytest.fixture
def pair():
    with played(2, "random") as cpus:
        yield Pair(cpus)


def test_that_it_has_stopped(pair):
    hot.stop_here(pair.base, 0, pair.target)
    assert pair.told() == 0 and pair.cpus.state(pair.target)[0] == "blocked"


def test_an_actor_is_interrupted(pair):
    hot.exit_thread(pair.base, 1, pair.waiter, 0)
    assert hot.resume_async(pair.base, 1, pair.target) == 1
    pending = pair.cpus.machine["cpus"]["pending"]
    pending[SUPERVISOR] = 0
    assert ask_suspend(pair.base, SERVER, hot.thread_handle(pair.base, pair.target), SUPERVISOR + 1) == 1
    assert pending[SUPERVISOR] == 0
    hot.stop_here(pair.base, 0, pair.target)
    assert pending[SUPERVISOR] == IPI_RESCHEDULE


def test_that_it_was_resumed_before_it_stopped(pair):
    assert pair.told() is None and hot.resume_async(pair.base, 0, pair.target) == 1
    assert pair.told() == EAGAIN


def test_that_it_has_left_and_who_comes_later_is_told_so_at_once(pair):
    hot.exit_thread(pair.base, 0, pair.target, 0)
    assert pair.told() == ESRCH
    assert pair.cpus.pick(1) == pair.waiter and pair.cpus.threads[pair.target]["suspender"] == NO_MORE


def test_a_thread_does_not_stop_whose_task_was_killed_meanwhile(pair):
    """Nobody would end its sleep: a kill ends those that it finds."""
    task = int(pair.cpus.threads[pair.target]["task"])
    assert kill_task(pair.base, 1, hot.task_handle(pair.base, task), 9, KILL_ASKED) == 1
    hot.stop_here(pair.base, 0, pair.target)
    assert pair.cpus.state(pair.target)[0] == "running" and hot.sleep_of(pair.base, pair.target) == 0


@pytest.mark.system("cz-8")
def test_a_thread_does_not_stop_that_was_told_to_end_meanwhile(pair):
    tell_to_end(pair.base, 1, pair.target)
    hot.stop_here(pair.base, 0, pair.target)
    assert pair.cpus.state(pair.target)[0] == "running" and hot.sleep_of(pair.base, pair.target) == 0


def test_a_second_one_is_refused_and_leaves_no_trace(pair):
    handle = hot.thread_handle(pair.base, pair.target)
    suspender = int(pair.cpus.threads[pair.target]["suspender"])
    assert ask_suspend(pair.base, SUPERVISOR, handle, SUPERVISOR + 1) == 0
    assert pair.cpus.threads[pair.target]["suspender"] == suspender
    hot.stop_here(pair.base, 0, pair.target)
    assert suspended(pair.base, SUPERVISOR, handle) == 1
    assert ask_suspend(pair.base, SUPERVISOR, handle, SUPERVISOR + 1) == 0, "it is suspended already"
    assert pair.cpus.threads[pair.target]["suspender"] == NOBODY
    assert pair.cpus.pick(1) == pair.waiter
    assert hot.suspend_sync(pair.base, 1, pair.waiter, pair.target) == EINVAL
    assert pair.cpus.threads[pair.target]["suspender"] == NOBODY and hot.sleep_of(pair.base, pair.waiter) == 0


def test_who_is_resumed_while_its_context_is_changed_goes_on_once_that_is_done(pair):
    hot.stop_here(pair.base, 0, pair.target)
    assert hold(pair.base, 1, pair.target) == 1 and hold(pair.base, SERVER, pair.target) == 0, "one has it"
    assert hot.resume_async(pair.base, 1, pair.target) == 1
    assert pair.cpus.state(pair.target)[0] == "blocked"
    let_go(pair.base, 1, pair.target)
    assert pair.cpus.state(pair.target)[0] == "runnable" and hold(pair.base, 1, pair.target) == 0


def test_who_was_held_is_still_suspended_afterwards(pair):
    hot.stop_here(pair.base, 0, pair.target)
    assert hold(pair.base, 1, pair.target) == 1
    let_go(pair.base, 1, pair.target)
    assert suspended(pair.base, 1, hot.thread_handle(pair.base, pair.target)) == 1
    assert hot.resume_async(pair.base, 1, pair.target) == 1 and pair.cpus.state(pair.target)[0] == "runnable"
