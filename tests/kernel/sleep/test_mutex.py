"""Kernel mutexes on played CPUs (cz-6); between processes: tests/litmus/test_mutexes.py."""

import pytest

from emu.kernel.sched import waking
from emu.kernel.task.records import create_task
from emu.kernel.thread.records import create_thread
from emu.shm.cpumask import to_words
from tests.kernel import wrappers as hot
from tests.kernel.cpus import played

A0 = 10
EPERM, EDEADLK = -1, -35
WAITS = 1
FIRST, SECOND = 2, 6  # mutexes

pytestmark = pytest.mark.system("cz-6")


class Threads:
    """Three threads of a task, of which the first runs and the others wait for its mutexes."""

    def __init__(self, cpus):
        self.cpus, self.base = cpus, cpus.base
        self.task = create_task(cpus.base, 0)
        self.mutexes = cpus.machine["tasks"][self.task]["mutexes"]
        self.indices = [create_thread(cpus.base, 0, self.task) for _ in range(3)]
        for i in self.indices:
            cpus.threads[i]["affinity"] = to_words(1)
        self.run(0)
        assert self.lock(0, FIRST) == self.lock(0, SECOND) == 0
        hot.sleep(self.base, self.indices[0], 4)
        hot.block(self.base, 0, self.indices[0])
        for which, n in ((1, FIRST), (2, SECOND)):
            self.run(which)
            assert self.lock(which, n) == WAITS and hot.block(self.base, 0, self.indices[which]) == 1
        word = hot.sleep_of(self.base, self.indices[0])
        assert hot.claim_sleep(self.base, self.indices[0], word)
        hot.make_runnable(self.base, 0, self.indices[0])
        assert cpus.pick(0) == self.indices[0]

    def run(self, which):
        waking.start(self.base, 0, self.indices[which])
        assert self.cpus.pick(0) == self.indices[which]

    def lock(self, which, n):
        return hot.mutex_lock(self.base, 0, self.indices[which], n)

    def owners(self):
        owners = [int(self.mutexes[n]["owner"]) - 1 for n in (FIRST, SECOND)]
        return [self.indices.index(i) if i >= 0 else None for i in owners]

    def states(self):
        return [self.cpus.state(i)[0] for i in self.indices]


@pytest.fixture
def threads():
    with played(1, "codezero") as cpus:
        yield Threads(cpus)


def test_unlocking_makes_the_heir_the_owner_before_it_runs(threads):
    assert hot.mutex_unlock(threads.base, 0, threads.indices[0], FIRST) == 0
    assert threads.owners() == [1, 0] and threads.states() == ["running", "runnable", "blocked"]
    assert threads.cpus.threads[threads.indices[1]]["mutexes"] == 1 << FIRST
    assert threads.cpus.threads[threads.indices[1]]["x"][A0] == 0


def test_only_the_owner_unlocks_and_nobody_waits_for_itself(threads):
    assert threads.lock(0, FIRST) == EDEADLK
    hot.mutex_unlock(threads.base, 0, threads.indices[0], FIRST)
    assert hot.mutex_unlock(threads.base, 0, threads.indices[0], FIRST) == EPERM and threads.owners() == [1, 0]


def test_who_leaves_hands_over_all_that_it_owns(threads):
    hot.exit_thread(threads.base, 0, threads.indices[0], 0)
    assert threads.owners() == [1, 2] and threads.states()[1:] == ["runnable", "runnable"]
