"""alux: one list, a jiffy each, and CPUs woken in the order of the list (alux-1, the ordering part)."""

import pytest

from emu.kernel.sched.hotplug import take_offline
from emu.limits import GLOBAL_QUEUE, IPI_RESCHEDULE, SERVER
from emu.shm.cpumask import to_int, to_words
from emu.testing.held import list_of
from tests.kernel import wrappers as hot
from tests.kernel.cpus import MS, SECOND, TICK_NS, played


@pytest.fixture
def four():
    with played(4, "alux") as cpus:
        cpus.stop_clock()
        yield cpus


@pytest.mark.system("alux-1")
def test_idle_cpus_are_woken_in_the_order_of_the_list_so_siblings_come_last(four):
    woken = []
    four.machine["idle"] = to_words(0b1110)
    four.start(0, affinity=1)  # which none of them may run
    for _ in range(3):
        four.start(SERVER)
        pending = four.machine["cpus"]["pending"][:4]
        woken += [cpu for cpu in range(4) if pending[cpu] == IPI_RESCHEDULE and cpu not in woken]
    assert woken == [1, 2, 3] and to_int(four.machine["idle"]) == 0


def test_all_cpus_take_from_one_list_first_in_first_out(four):
    threads = [four.start(SERVER) for _ in range(6)]
    assert list_of(four.machine, GLOBAL_QUEUE) == threads
    assert [four.pick(me) for me in (2, 0, 3, 1)] == threads[:4]
    four.check()


def test_a_jiffy_each_when_others_wait(four):
    threads = [four.start(SERVER, affinity=1) for _ in range(3)]
    order, stretches = [], []
    for _ in range(SECOND // TICK_NS):
        i = four.step()[0]
        if order and order[-1] == i:
            stretches[-1] += TICK_NS
        else:
            order.append(i)
            stretches.append(0)
    assert order[:9] == threads * 3
    assert all(50 * MS <= s + TICK_NS <= 50 * MS + 2 * TICK_NS for s in stretches[1:-1])


def test_a_thread_that_resigns_or_wakes_goes_to_the_end(four):
    first, second, third = (four.start(SERVER) for _ in range(3))
    assert four.pick(0) == first
    assert hot.yield_cpu(four.base, 0, first) == second
    slept = four.sleep(0, second)
    four.wake(1, second, slept)
    assert list_of(four.machine, GLOBAL_QUEUE) == [third, first, second]


def test_a_thread_passed_over_by_a_cpu_that_may_not_run_it_keeps_its_place(four):
    pinned, other = four.start(SERVER, affinity=0b0010), four.start(SERVER, affinity=0b0100)
    free, last = four.start(SERVER), four.start(SERVER)
    assert four.pick(3) == free
    assert list_of(four.machine, GLOBAL_QUEUE) == [pinned, other, last]
    four.check()


def test_a_cpu_that_leaves_hands_its_thread_to_an_idle_one_and_takes_none_back(four):
    i, pinned = four.start(SERVER), four.start(SERVER, affinity=0b10)
    assert four.pick(1) == i
    assert take_offline(four.base, SERVER, 1) == 1
    four.machine["cpus"]["pending"] = 0
    four.machine["idle"] = to_words(0b1010)
    assert four.switch(1) == pinned, "it waits for those that may run nowhere else"
    assert four.machine["cpus"]["pending"][:4].tolist() == [0, 0, 0, IPI_RESCHEDULE]
    assert four.pick(3) == i
    four.check()


def test_a_cpu_that_leaves_stays_while_a_thread_that_may_run_only_there_waits_on_the_one_list(four):
    pinned = four.start(SERVER, affinity=0b10)
    assert four.pick(1) == pinned
    word = four.sleep(1, pinned)
    assert take_offline(four.base, SERVER, 1) == 1
    assert hot.retire(four.base, 1) == 0, "it sleeps here"
    four.wake(0, pinned, word)  # now it is registered with the list
    assert hot.retire(four.base, 1) == 0 and four.pick(0) == -1
    assert four.pick(1) == pinned
    four.exit(1, pinned)
    assert hot.retire(four.base, 1) == 1


def test_an_exclusive_cpu_leaves_others_threads_alone_and_is_not_woken_for_them(four):
    four.machine["exclusive"], four.machine["idle"] = to_words(0b10), to_words(0b110)
    i = four.start(SERVER)
    assert four.machine["cpus"]["pending"][:4].tolist() == [0, 0, IPI_RESCHEDULE, 0]
    assert four.pick(1) == -1 and four.pick(2) == i
