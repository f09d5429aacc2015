"""Who goes on when a task executes a program, and that nobody is left behind, on played CPUs (execve(2))."""

import pytest

from emu.kernel.sched import waking
from emu.kernel.task.execute import ANOTHER, hand_over_signals, keep_one
from emu.kernel.task.records import create_task
from emu.kernel.task.signals import post_signal, waits_for_thread
from emu.kernel.task.suspend import ask_suspend
from emu.kernel.thread.records import create_thread
from emu.limits import SERVER
from emu.shm.cpumask import to_words
from tests.kernel import wrappers as hot
from tests.kernel.cpus import played

SIGUSR1, SIGUSR2 = 10, 12


class Threads:
    """The leader, one that asks for a program, and a third, each running on a CPU of its own."""

    def __init__(self, cpus):
        self.cpus, self.base = cpus, cpus.base
        self.task = create_task(cpus.base, 0)
        self.leader, self.asker, self.third = threads = [create_thread(cpus.base, 0, self.task) for _ in range(3)]
        self.record = cpus.machine["tasks"][self.task]
        self.record["leader"] = hot.thread_handle(cpus.base, self.leader)
        for cpu, i in enumerate(threads):
            cpus.threads[i]["affinity"] = to_words(1 << cpu)
            waking.start(cpus.base, cpu, i)
            assert cpus.pick(cpu) == i

    def ask(self):
        return keep_one(self.base, SERVER, self.asker)


@pytest.fixture
def threads():
    with played(3, "random") as cpus:
        yield Threads(cpus)


def test_the_leader_stays_and_all_come_to_their_safe_points(threads):
    assert threads.ask() == ANOTHER
    assert threads.record["survivor"] == threads.leader + 1
    assert all(waits_for_thread(threads.base, i) for i in (threads.leader, threads.asker, threads.third))
    assert keep_one(threads.base, SERVER, threads.leader) == 2
    hot.exit_thread(threads.base, 2, threads.third, 0)
    hot.exit_thread(threads.base, 1, threads.asker, 0)
    assert keep_one(threads.base, SERVER, threads.leader) == 0
    assert threads.record["exiting"] == 0


def test_a_leader_that_leaves_on_its_own_is_replaced_by_who_asks(threads):
    assert threads.ask() == ANOTHER
    hot.exit_thread(threads.base, 0, threads.leader, 0)
    assert threads.ask() == 1
    assert threads.record["survivor"] == threads.asker + 1
    hot.exit_thread(threads.base, 2, threads.third, 0)
    assert threads.ask() == 0


def test_each_that_leaves_tells_the_server(threads):
    pending = threads.cpus.machine["cpus"]["pending"]
    threads.ask()
    for cpu, i in ((2, threads.third), (1, threads.asker)):
        pending[SERVER] = 0
        hot.exit_thread(threads.base, cpu, i, 0)
        assert pending[SERVER] != 0


def test_a_thread_that_is_being_suspended_goes_on_to_leave(threads):
    assert ask_suspend(threads.base, SERVER, hot.thread_handle(threads.base, threads.third), 0) == 1
    threads.ask()  # after the thread has looked for that at its safe point, and before it sleeps
    hot.stop_here(threads.base, 2, threads.third)
    assert threads.cpus.state(threads.third)[0] == "running"


def test_signals_of_who_asks_wait_for_who_stays(threads):
    signals = threads.cpus.threads["signals"]
    threads.cpus.threads["signal_mask"] = -1
    post_signal(threads.base, SERVER, threads.leader, SIGUSR1, 0, 0)
    post_signal(threads.base, SERVER, threads.asker, SIGUSR2, 0, 0)
    hand_over_signals(threads.base, SERVER, threads.asker, threads.leader)
    assert (signals[threads.leader], signals[threads.asker]) == (1 << SIGUSR2 - 1, 0)
    assert threads.record["nr_siginfos"] == 1
