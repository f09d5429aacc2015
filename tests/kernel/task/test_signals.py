"""Which thread a task's signal interrupts, and who takes it when that thread does not."""

import pytest

from emu.abi.errno import EAGAIN
from emu.kernel.sched import waking
from emu.kernel.task import signals
from emu.kernel.task.reaping import reap_task
from emu.kernel.task.records import create_task
from emu.kernel.task.siginfo import SI_QUEUE, SI_USER
from emu.kernel.thread.records import create_thread
from emu.kernel.thread.states import RESTART_UNHANDLED, SLEEP_TIME, SLEEP_TIMED
from emu.shm.cpumask import to_words
from emu.shm.tags import alive
from tests.kernel import wrappers as hot
from tests.kernel.cpus import played

SIGUSR1, SIGCHLD, REAL_TIME = 10, 17, 40
SLEEP = SLEEP_TIME | SLEEP_TIMED


class Task:
    """A task of two threads that sleep, the leader first in `threads`."""

    def __init__(self, cpus):
        self.cpus, self.base = cpus, cpus.base
        self.index = create_task(cpus.base, 0)
        self.record = cpus.machine["tasks"][self.index]
        self.threads = [create_thread(cpus.base, 0, self.index) for _ in range(2)]
        self.record["leader"] = hot.thread_handle(cpus.base, self.threads[0])
        for i in self.threads:
            cpus.threads[i]["affinity"] = to_words(1)
            waking.start(cpus.base, 0, i)
            assert cpus.pick(0) == i
            hot.sleep(cpus.base, i, SLEEP)
            assert hot.block(cpus.base, 0, i) == 1

    def asleep(self):
        return [hot.sleep_of(self.base, i) > 0 for i in self.threads]

    def post(self, number, code=SI_USER):
        return signals.post_to_task(self.base, 1, self.index, number, code, 1)

    def mask(self, which, numbers):
        signals.set_thread_mask(self.base, 1, self.threads[which], numbers)


@pytest.fixture
def task():
    with played(2, "random") as cpus:
        yield Task(cpus)


def test_a_tasks_signal_interrupts_its_leader_or_who_takes_it_where_the_leader_does_not(task):
    task.mask(0, signals.bit(SIGUSR1))
    assert task.post(SIGUSR1) == 0 and task.asleep() == [True, False]
    assert int(task.cpus.threads[task.threads[1]]["restart"]) == RESTART_UNHANDLED


def test_the_leader_is_interrupted_alone(task):
    assert task.post(SIGUSR1) == 0 and task.asleep() == [False, True]


def test_who_begins_to_block_a_signal_that_it_was_to_take_hands_it_on(task):
    task.post(SIGUSR1)
    task.mask(0, signals.bit(SIGUSR1))
    assert task.asleep() == [False, False]


def test_who_leaves_before_it_took_a_signal_hands_it_on(task):
    task.post(SIGUSR1)
    assert task.asleep() == [False, True] and task.cpus.pick(0) == task.threads[0]
    hot.exit_thread(task.base, 0, task.threads[0], 0)
    assert not task.asleep()[1]


def test_an_ignored_signal_is_kept_only_where_it_is_blocked(task):
    assert task.post(SIGCHLD) == 0 and int(task.record["signals"]) == 0 and task.asleep() == [True, True]
    for which in range(2):
        task.mask(which, signals.bit(SIGCHLD))
    assert task.post(SIGCHLD) == 0 and int(task.record["signals"]) == signals.bit(SIGCHLD)


def test_a_task_holds_no_more_queued_signals_than_its_limit(task):
    task.record["max_siginfos"] = 2
    for which in range(2):
        task.mask(which, signals.bit(REAL_TIME))
    assert [task.post(REAL_TIME, SI_QUEUE) for _ in range(4)] == [0, 0, -EAGAIN, -EAGAIN]
    assert int(task.record["nr_siginfos"]) == 2


def test_what_was_queued_goes_with_its_task(task):
    for number in (SIGUSR1, 40, 40, 41):
        assert task.post(number) == 0
    assert int(task.record["nr_siginfos"]) == 4 and alive(task.cpus.machine)["queued signal"][0] == 4
    reap_task(task.base, 0, task.index)
    assert "queued signal" not in alive(task.cpus.machine)
