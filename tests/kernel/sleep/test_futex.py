"""Futexes at the kernel's border: who sleeps, who is woken, in which order, and each error."""

import pytest

from emu.kernel.sched import waking
from emu.kernel.sleep import endings as sleeping
from emu.kernel.task.reaping import reap_task
from emu.kernel.task.records import create_task
from emu.kernel.thread.states import RESTART_CALL, RESTART_UNHANDLED
from emu.kernel.vm import address_space
from emu.limits import FUTEX_BUCKETS, PAGE_SIZE, TIMEKEEPER
from emu.shm.cpumask import to_words
from emu.testing.bare import bare_window
from emu.testing.checks import check_frames, check_queues
from tests.kernel import wrappers as hot

EAGAIN, EFAULT, EINVAL, ERESTARTSYS, ETIMEDOUT = 11, 14, 22, 512, 110
VA, OTHER, ANY = 0x10000, 0x10040, 0xFFFFFFFF
A0 = 10


class Futexes:
    def __init__(self, window):
        self.base, self.machine = window.address, window.machine
        self.task = create_task(self.base, 0)
        address_space.map_region(self.base, 0, self.task, VA, PAGE_SIZE, 3)

    def set(self, value, va=VA):
        import ctypes

        ctypes.c_int32.from_address(hot.user_address(self.base, 0, self.task, va, 1)).value = value

    def waiter(self, va=VA, expected=0, deadline_ns=0, bits=ANY):
        """A thread that now sleeps on a word."""
        i = hot.allocate_thread(self.base, 0, self.task)
        self.machine["threads"][i]["affinity"] = to_words(1)
        waking.start(self.base, 0, i)
        assert hot.pick_next(self.base, 0) == i
        if bits != ANY:
            assert hot.futex_wait_bits(self.base, 0, i, va, expected, bits) == 0
        else:
            assert hot.futex_wait(self.base, 0, i, va, expected, deadline_ns) == 0
        assert hot.block(self.base, 0, i) == 1
        return i

    def runner(self):
        i = hot.allocate_thread(self.base, 0, self.task)
        return i

    def wake(self, count=1, va=VA, bits=ANY):
        return hot.futex_wake(self.base, 0, self.task, va, count, bits)

    def runnable(self):
        """Threads that became runnable, in order."""
        found = []
        while (i := hot.pop(self.base, 0)) >= 0:
            found.append(i)
        for i in found:
            hot.append(self.base, 0, i)
        return found

    def waiting(self):
        """{bucket: threads}, checked in both directions."""
        found, threads = {}, self.machine["threads"]
        for b in range(FUTEX_BUCKETS):
            i, previous = int(self.machine["buckets"][b]["head"]), -1
            while i >= 0:
                assert threads[i]["bucket"] == b and threads[i]["wait_previous"] == previous
                found.setdefault(b, []).append(i)
                previous, i = i, int(threads[i]["wait_next"])
            assert self.machine["buckets"][b]["tail"] == previous
            assert self.machine["buckets"][b]["lock"] == 0
        return found

    def all_waiting(self):
        return sorted(i for threads in self.waiting().values() for i in threads)

    def result(self, i):
        return int(self.machine["threads"][i]["x"][A0])


@pytest.fixture
def futexes():
    with bare_window(cpus=2, policy="random", memory_bytes=4 << 20) as window:
        fixture = Futexes(window)
        yield fixture
        fixture.waiting()
        check_queues(window.machine)
        check_frames(window)
        reap_task(window.address, 0, fixture.task)


def test_a_wait_for_another_value_does_not_sleep(futexes):
    i = futexes.runner()
    futexes.set(5)
    assert hot.futex_wait(futexes.base, 0, i, VA, 4, 0) == -EAGAIN
    assert futexes.all_waiting() == [] and futexes.machine["threads"][i]["sleep"] == 0


@pytest.mark.parametrize(("va", "error"), [(VA + 2, EINVAL), (VA + PAGE_SIZE, EFAULT), (0, EFAULT), (-4, EFAULT)])
def test_addresses_that_cannot_be_waited_on(futexes, va, error):
    assert hot.futex_wait(futexes.base, 0, futexes.runner(), va, 0, 0) == -error
    assert futexes.wake(va=va) == -error


def test_no_bits_are_an_error(futexes):
    assert futexes.wake(bits=0) == -EINVAL
    assert hot.futex_wait_bits(futexes.base, 0, futexes.runner(), VA, 0, 0) == -EINVAL


def test_wakes_go_first_in_first_out_and_say_how_many(futexes):
    a, b, c = (futexes.waiter() for _ in range(3))
    assert futexes.wake(2) == 2 and futexes.runnable() == [a, b]
    assert futexes.all_waiting() == [c]
    assert futexes.wake(5) == 1 and futexes.wake(5) == 0
    assert [futexes.result(i) for i in (a, b, c)] == [0, 0, 0]


def test_a_wake_reaches_only_its_own_word_and_task(futexes):
    i = futexes.waiter()
    assert futexes.wake(va=OTHER) == 0
    stranger = create_task(futexes.base, 0)
    address_space.map_region(futexes.base, 0, stranger, VA, PAGE_SIZE, 3)
    assert hot.futex_wake(futexes.base, 0, stranger, VA, 9, ANY) == 0
    reap_task(futexes.base, 0, stranger)
    assert futexes.all_waiting() == [i]


def test_bits_select(futexes):
    a, b = futexes.waiter(bits=0b01), futexes.waiter(bits=0b10)
    assert futexes.wake(9, bits=0b100) == 0
    assert futexes.wake(9, bits=0b10) == 1 and futexes.all_waiting() == [a]
    assert futexes.wake(9) == 1 and futexes.runnable() == [b, a]


def test_requeue_moves_in_order_and_what_was_moved_wakes_there(futexes):
    a, b, c, d = (futexes.waiter() for _ in range(4))
    assert hot.futex_requeue(futexes.base, 0, futexes.task, VA, OTHER, 1, 2) == 3, "one woken, two moved"
    assert futexes.runnable() == [a]
    assert futexes.wake(9, OTHER) == 2 and futexes.runnable() == [a, b, c]
    assert futexes.wake(9) == 1 and futexes.runnable()[-1] == d


def test_compare_requeue_counts_both_and_refuses_another_value(futexes):
    for _ in range(3):
        futexes.waiter()
    futexes.set(1)
    args = (futexes.base, 0, futexes.task, VA, OTHER, 1, 9)
    assert hot.futex_compare_requeue(*args, 0) == -EAGAIN and len(futexes.all_waiting()) == 3
    assert hot.futex_compare_requeue(*args, 1) == 3 and len(futexes.all_waiting()) == 2
    assert futexes.wake(9, OTHER) == 2


def test_requeue_onto_the_same_word_ends(futexes):
    """A guest may ask for it; it must not walk in a circle under the bucket's lock."""
    a, b = futexes.waiter(), futexes.waiter()
    moved = hot.futex_compare_requeue(futexes.base, 0, futexes.task, VA, VA, 0, 1000, 0)
    assert moved <= 2, f"{moved} moves of two waiters"
    assert futexes.all_waiting() == [a, b]


@pytest.mark.system("cz-6")
def test_an_interrupt_ends_the_wait_and_unlists_the_thread(futexes):
    i = futexes.waiter()
    assert sleeping.interrupt(futexes.base, 1, i) == 1
    assert futexes.all_waiting() == [] and futexes.result(i) == -ERESTARTSYS and futexes.runnable() == [i]
    assert sleeping.interrupt(futexes.base, 1, i) == 0, "it does not sleep any more"
    assert futexes.wake(9) == 0


def test_an_interrupted_wait_with_a_time_out_begins_anew_until_its_deadline_where_no_handler_runs(futexes):
    i, j = futexes.waiter(deadline_ns=1 << 60), futexes.waiter()
    assert sleeping.interrupt(futexes.base, 1, i) == sleeping.interrupt(futexes.base, 1, j) == 1
    timed, untimed = futexes.machine["threads"][i], futexes.machine["threads"][j]
    assert timed["restart"] == RESTART_UNHANDLED and timed["resume_deadline_ns"] == 1 << 60
    assert untimed["restart"] == RESTART_CALL and untimed["resume_deadline_ns"] == 0


@pytest.mark.system("inko-3")
def test_a_woken_waits_time_out_is_stale_and_an_untimed_ones_is_not_there(futexes):
    for deadline_ns in (1 << 60, 0, 1 << 60):
        futexes.waiter(deadline_ns=deadline_ns)
    assert futexes.wake(9) == 3 and futexes.machine["stale_timeouts"] == 2
    assert hot.take_messages(futexes.base) == 2 and futexes.machine["stale_timeouts"] == 0


@pytest.mark.system("inko-3")
def test_a_waits_time_out_ends_it_and_takes_it_out_of_its_bucket(futexes):
    i = futexes.waiter(deadline_ns=1)
    hot.take_messages(futexes.base)
    assert hot.expire_due(futexes.base, TIMEKEEPER) == 1
    assert futexes.result(i) == -ETIMEDOUT and futexes.runnable() == [i] and futexes.all_waiting() == []
    assert futexes.wake(9) == 0


def test_a_moved_waiter_can_still_be_interrupted(futexes):
    i = futexes.waiter()
    hot.futex_requeue(futexes.base, 0, futexes.task, VA, OTHER, 0, 1)
    assert sleeping.interrupt(futexes.base, 1, i) == 1 and futexes.wake(9, OTHER) == 0


def test_many_waiters_on_many_words_all_find_their_way(futexes):
    words = [VA + 4 * k for k in range(200)]
    sleeping_on = {va: [futexes.waiter(va), futexes.waiter(va)] for va in words}
    assert len(futexes.waiting()) > 50, "the words spread over the buckets"
    for va, threads in sleeping_on.items():
        before = len(futexes.runnable())
        assert futexes.wake(9, va) == 2
        assert futexes.runnable()[before:] == threads
