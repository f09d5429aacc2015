"""A CPU that was told of a thread and does not run it tells another one, and only one that may."""

import pytest

from emu.kernel.sched.exclusive import set_exclusive
from emu.kernel.sched.hotplug import take_offline
from emu.kernel.sched.migration import set_affinity
from emu.limits import IPI_RESCHEDULE, SERVER
from emu.shm.cpumask import to_int, to_words
from tests.kernel import wrappers as hot
from tests.kernel.cpus import played

OWN_QUEUES = ("codezero", "inko")  # with locks, without


class Told:
    """Four played CPUs, of which CPU 3 runs a thread; who is told of another one is asked with `told`."""

    def __init__(self, cpus):
        self.cpus, self.machine, self.base = cpus, cpus.machine, cpus.base
        cpus.start(3, affinity=0b1000)
        assert cpus.pick(3) >= 0
        self.forget()

    def waiting(self, affinity=-1):
        """A thread that waits for busy CPU 3, with nobody idle to be told."""
        self.machine["idle"] = to_words(0)
        i = self.cpus.start(3, affinity=0b1000)  # by any policy it joins this queue
        self.machine["threads"]["affinity"][i] = to_words(affinity)
        self.forget()
        return i

    def forget(self):
        self.machine["cpus"]["pending"] = 0

    def told(self):
        return [cpu for cpu in range(4) if int(self.machine["cpus"]["pending"][cpu]) & IPI_RESCHEDULE]


@pytest.fixture
def told(request):
    with played(4, request.param) as cpus:
        yield Told(cpus)
        cpus.machine["exclusive"] = to_words(0)
        cpus.check()


with_own_queues = pytest.mark.parametrize("told", OWN_QUEUES, indirect=True)
with_one_queue = pytest.mark.parametrize("told", ["alux"], indirect=True)
with_all = pytest.mark.parametrize("told", ["alux", *OWN_QUEUES], indirect=True)


@with_all
def test_a_cpu_that_exits_gives_up_its_idle_bit_and_tells_another_cpu(told):
    told.waiting()
    told.machine["idle"] = to_words(0b0110)
    assert take_offline(told.base, SERVER, 1) == 1
    told.forget()
    assert hot.retire(told.base, 1) == 1
    assert told.told() == [2] and to_int(told.machine["idle"]) == 0


@with_all
def test_a_cpu_that_takes_the_thread_tells_nobody(told):
    i = told.waiting()
    told.machine["idle"] = to_words(0b0100)
    hot.pay_look(told.base, 1)
    assert told.cpus.current(1) == i and told.told() == []


@with_own_queues
def test_an_exclusive_cpu_tells_one_that_takes_others_threads(told):
    told.waiting()
    told.machine["exclusive"], told.machine["idle"] = to_words(0b0011), to_words(0b0101)
    hot.pay_look(told.base, 1)
    assert told.cpus.current(1) == -1 and told.told() == [2], "CPU 0 is idle and exclusive too"


@with_all
def test_a_cpu_that_got_another_thread_meanwhile_tells_of_the_first(told):
    other = told.cpus.start(1, affinity=0b0010)
    assert told.cpus.pick(1) == other
    told.waiting()
    told.machine["idle"] = to_words(0b0100)
    hot.pay_look(told.base, 1)
    assert told.told() == [2]


@with_all
def test_all_that_waits_is_passed_on(told):
    other = told.cpus.start(1, affinity=0b0010)
    assert told.cpus.pick(1) == other
    told.waiting(affinity=0b1000)  # nobody who is idle may run this one
    told.waiting()
    told.machine["idle"] = to_words(0b0100)
    hot.pay_look(told.base, 1)
    assert told.told() == [2]


@with_all
def test_a_cpu_to_which_the_thread_is_barred_tells_one_that_may_run_it(told):
    told.waiting(affinity=0b1100)
    told.machine["idle"] = to_words(0b0101)
    hot.pay_look(told.base, 1)
    assert told.cpus.current(1) == -1 and told.told() == [2]


@with_all
@pytest.mark.parametrize("affinity", [0b1000, 0b1001], ids=["nobody-else-may", "a-lower-one-may"])
def test_and_nobody_where_that_would_not_end(told, affinity):
    told.waiting(affinity)
    told.machine["idle"] = to_words(0b0101)
    hot.pay_look(told.base, 1)
    assert told.told() == []


@with_all
def test_a_thread_that_more_cpus_may_run_from_now_on_is_announced_anew(told):
    i = told.waiting(affinity=0b1000)
    told.machine["idle"] = to_words(0b0110)
    told.machine["cpus"][SERVER]["given"] = to_words(0b1100)
    set_affinity(told.base, SERVER, i)
    assert 2 in told.told() and 1 not in told.told()


@with_one_queue
def test_a_leaving_cpu_tells_those_who_may_run_a_thread_only_because_it_leaves(told):
    told.machine["exclusive"] = to_words(0b0100)
    told.waiting(affinity=0b0110)
    told.machine["idle"] = to_words(0b0101)
    assert take_offline(told.base, SERVER, 1) == 1
    told.forget()
    hot.evacuate(told.base, 1)
    assert told.told() == [2]


@with_all
def test_a_cpu_that_is_exclusive_no_more_looks_at_the_queues(told):
    i = told.cpus.new(affinity=0b0010)
    assert set_exclusive(told.base, SERVER, i, 1) == 0
    told.forget()
    assert set_exclusive(told.base, SERVER, i, 0) == 0
    assert told.told() == [1]
