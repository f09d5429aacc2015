"""Exclusive mode at the scheduler's border (inko-5): what a CPU that belongs to one thread neither takes nor gets."""

import pytest

from emu.kernel.hooks import PLACE_WAKE
from tests.kernel import wrappers as hot
from tests.kernel.cpus import ALL, played

pytestmark = pytest.mark.system("inko-5")


@pytest.fixture(params=["inko", "codezero", "eevdf"])
def cpus(request):
    with played(2, request.param) as each:
        yield each


def test_an_exclusive_cpu_takes_no_thread_that_it_would_take_otherwise(cpus):
    pinned = [cpus.start(1, affinity=0b10) for _ in range(3)]
    for i in pinned:  # they wait on CPU 1's queue, where each may run anywhere from now on
        assert cpus.state(i) == ("runnable", 1)
        cpus.machine["threads"][i]["affinity"] = ALL
    cpus.machine["exclusive"] = 0b01
    assert hot.pick_next(cpus.base, 0) == -1
    cpus.machine["exclusive"] = 0
    assert hot.pick_next(cpus.base, 0) in pinned
    cpus.check()


def test_a_thread_is_placed_on_an_exclusive_cpu_only_when_it_may_run_nowhere_else(cpus):
    free, bound = cpus.new(), cpus.new(affinity=0b01)
    cpus.machine["exclusive"] = 0b01
    assert hot.place(cpus.base, 0, free, PLACE_WAKE) == 1
    assert hot.place(cpus.base, 0, bound, PLACE_WAKE) == 0
