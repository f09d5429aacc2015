"""Times under a queue's lock: each later than the one before, whatever the clock says (runqueue.mark_time).

Without a lock: a yield passes on the time that it has read, once (local_queue.stamp).
"""

from emu.hot import entry
from emu.kernel.sched.runqueue import lock_two, mark_time, mark_two, unlock_two
from emu.shm.layout import machine_at
from tests.kernel import wrappers as hot
from tests.kernel.cpus import SECOND, played


@entry(4)
def mark(address, me, a, b):
    """A time under both queues' locks (one, when they are the same)."""
    m = machine_at(address)
    lock_two(m, me, a, b)
    now = mark_time(m, me, a) if a == b else mark_two(m, me, a, b)
    unlock_two(m, me, a, b)
    return now


def test_time_never_goes_back_under_a_lock_also_from_one_queue_to_another():
    with played(2, "codezero") as cpus:
        cpus.stop_clock()
        base = cpus.base
        cpus.advance(SECOND)
        first = mark(base, 0, 0, 0)
        cpus.advance(-SECOND // 2)  # as the clock of another core, which is behind
        second = mark(base, 1, 0, 0)
        both = mark(base, 1, 0, 1)
        third = mark(base, 0, 1, 1)
        assert first < second < both < third


def test_the_time_that_a_yield_has_read_serves_its_switch_and_no_other():
    with played(1, "inko") as cpus:
        cpus.stop_clock()
        threads = [cpus.start(0, affinity=1) for _ in range(2)]
        runtime = cpus.machine["threads"]["runtime_ns"]
        cpu = cpus.machine["cpus"][0]
        first = hot.pick_next(cpus.base, 0)
        cpu["just_now_ns"] = int(cpu["accounted_ns"]) + 5_000
        cpus.advance(SECOND)
        second = hot.switch(cpus.base, 0, first)
        assert {first, second} == set(threads) and runtime[first] == 5_000
        hot.switch(cpus.base, 0, second)
        assert SECOND - 5_100 < runtime[second] <= SECOND - 5_000  # each time is later by a ns at least
