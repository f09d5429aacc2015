"""PI futexes at the kernel's border: who owns the word, whose priority counts, who is woken when the owner leaves."""

import ctypes

import pytest

from emu.abi.errno import EDEADLK, EINVAL, EPERM, ESRCH
from emu.kernel.sched import waking
from emu.kernel.sleep import endings as sleeping
from emu.kernel.sleep.inheritance import set_importance
from emu.kernel.task.records import create_task
from emu.kernel.thread.handles import tid
from emu.kernel.thread.records import create_thread
from emu.kernel.thread.states import RESTART_ALWAYS
from emu.kernel.vm import address_space
from emu.limits import PAGE_SIZE
from emu.shm.cpumask import to_words
from emu.testing.bare import bare_window
from emu.testing.checks import check_inheritance
from tests.kernel import wrappers as hot

VA, OTHER = 0x10000, 0x10040
WAITERS, OWNER_DIED = 0x80000000, 0x40000000
WAITS = 1


class Locks:
    def __init__(self, window):
        self.base, self.machine, self.threads = window.address, window.machine, window.machine["threads"]
        self.task = create_task(self.base, 0)
        address_space.map_region(self.base, 0, self.task, VA, PAGE_SIZE, 3)

    def word(self, va=VA):
        return ctypes.c_uint32.from_address(hot.user_address(self.base, 0, self.task, va, 1))

    def thread(self, realtime=0):
        """A thread that runs."""
        i = create_thread(self.base, 0, self.task)
        self.threads[i]["affinity"] = to_words(1)
        waking.start(self.base, 0, i)
        assert hot.pick_next(self.base, 0) == i
        set_importance(self.base, 0, i, 0, realtime)
        return i

    def waiter(self, va=VA, realtime=0):
        """A thread that sleeps for the word."""
        i = self.thread(realtime)
        assert hot.pi_lock(self.base, 0, i, va) == WAITS and hot.block(self.base, 0, i) == 1
        return i

    def owner(self, va=VA, realtime=0):
        """A thread that owns the word, and sleeps on nothing: it is only not on the CPU."""
        i = self.thread(realtime)
        assert hot.pi_lock(self.base, 0, i, va) == 0
        self.machine["cpus"][0]["current"] = -1
        return i

    def tid(self, i):
        return tid(self.base, i)

    def priorities(self, *threads):
        return [int(self.threads[i]["realtime"]) for i in threads]

    def runnable(self):
        found = []
        while (i := hot.pop(self.base, 0)) >= 0:
            found.append(i)
        return found


@pytest.fixture
def locks():
    with bare_window(cpus=1, policy="random", memory_bytes=4 << 20) as window:
        fixture = Locks(window)
        yield fixture
        check_inheritance(window.machine)


def test_a_free_word_gets_the_tid_and_unlocking_makes_it_free(locks):
    i = locks.thread()
    assert hot.pi_lock(locks.base, 0, i, VA) == 0 and locks.word().value == locks.tid(i)
    assert hot.pi_lock(locks.base, 0, i, VA) == -EDEADLK
    assert hot.pi_unlock(locks.base, 0, i, VA) == 0 and locks.word().value == 0
    assert hot.pi_unlock(locks.base, 0, i, VA) == -EPERM


def test_a_word_with_the_tid_of_nobody_is_refused(locks):
    locks.word().value = 0x3FFFFFFE
    assert hot.pi_lock(locks.base, 0, locks.thread(), VA) == -ESRCH


def test_unlocking_hands_over_to_the_highest_priority_and_then_in_order(locks):
    owner = locks.owner()
    a, b, c = locks.waiter(), locks.waiter(realtime=10), locks.waiter()
    assert locks.word().value == WAITERS | locks.tid(owner)
    for giver, heir in ((owner, b), (b, a), (a, c)):
        assert hot.pi_unlock(locks.base, 0, giver, VA) == 0
        assert locks.word().value == WAITERS | locks.tid(heir) and locks.runnable() == [heir]
        check_inheritance(locks.machine)
    assert hot.pi_unlock(locks.base, 0, c, VA) == 0 and locks.word().value == 0


def test_the_owner_has_the_highest_priority_of_those_that_wait_along_the_whole_chain(locks):
    first = locks.owner(VA)
    second = locks.thread()
    assert hot.pi_lock(locks.base, 0, second, OTHER) == 0
    assert hot.pi_lock(locks.base, 0, second, VA) == WAITS and hot.block(locks.base, 0, second) == 1
    third = locks.waiter(OTHER, realtime=40)
    assert locks.priorities(first, second, third) == [40, 40, 40]
    set_importance(locks.base, 0, third, 0, 7)
    assert locks.priorities(first, second, third) == [7, 7, 7]
    sleeping.interrupt(locks.base, 0, third)
    assert locks.priorities(first, second) == [0, 0] and locks.threads[third]["restart"] == RESTART_ALWAYS
    assert locks.word(OTHER).value == WAITERS | locks.tid(second)


def test_what_is_inherited_ends_with_the_hand_over(locks):
    owner = locks.owner(realtime=5)
    heir, last = locks.waiter(realtime=60), locks.waiter(realtime=30)
    assert locks.priorities(owner) == [60]
    assert hot.pi_unlock(locks.base, 0, owner, VA) == 0
    assert locks.priorities(owner, heir, last) == [5, 60, 30]
    set_importance(locks.base, 0, heir, 0, 1)
    assert locks.priorities(heir) == [30], "from the one that now waits for it"


def test_a_circle_is_refused(locks):
    first = locks.owner(VA)
    second = locks.thread()
    assert hot.pi_lock(locks.base, 0, second, OTHER) == 0
    assert hot.pi_lock(locks.base, 0, second, VA) == WAITS and hot.block(locks.base, 0, second) == 1
    assert hot.pi_lock(locks.base, 0, first, OTHER) == -EDEADLK


def test_an_owner_that_leaves_hands_over_and_says_that_it_died(locks):
    owner = locks.owner()
    a, b = locks.waiter(), locks.waiter(realtime=3)
    hot.pi_release(locks.base, 0, owner)
    assert locks.word().value == WAITERS | OWNER_DIED | locks.tid(b) and locks.runnable() == [b]
    assert locks.threads[a]["waits_for"] == b + 1 and locks.priorities(owner) == [0]
    locks.word(OTHER).value = locks.tid(owner)
    assert hot.pi_lock(locks.base, 0, locks.thread(), OTHER) == -512, "it is just leaving: the call begins anew"


def test_plain_wake_ups_are_refused_where_threads_wait_for_an_owner(locks):
    locks.owner()
    i = locks.waiter()
    assert hot.futex_wake(locks.base, 0, locks.task, VA, 1, 0xFFFFFFFF) == -EINVAL
    assert hot.futex_requeue(locks.base, 0, locks.task, VA, OTHER, 0, 1) == -EINVAL
    assert locks.threads[i]["bucket"] >= 0


def test_a_word_that_says_another_owner_than_the_one_waited_for_is_refused(locks):
    locks.owner()
    locks.waiter()
    stranger = locks.thread()
    locks.word().value = locks.tid(stranger)
    assert hot.pi_unlock(locks.base, 0, stranger, VA) == -EINVAL
    assert hot.pi_lock(locks.base, 0, locks.thread(), VA) == -EINVAL
