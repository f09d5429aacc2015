"""When a CPU that leaves exits, on played CPUs; with whole machines: tests/systems/test_hotplug.py."""

import pytest

from emu.kernel.sched.hotplug import take_offline
from emu.limits import GLOBAL_QUEUE, IPI_RESCHEDULE, SERVER
from emu.shm.cpumask import to_words
from tests.kernel import wrappers as hot
from tests.kernel.cpus import played


@pytest.mark.system("rust-1")
@pytest.mark.parametrize("policy", ["codezero", "inko"], ids=["locked", "lock-free"])
@pytest.mark.parametrize("state", ["blocked", "runnable", "running"])
def test_no_scheduler_exits_while_a_thread_is_registered_with_it(policy, state):
    with played(2, policy) as cpus:
        i = cpus.start(1, affinity=0b10)
        if state != "runnable":
            assert cpus.pick(1) == i
        if state == "blocked":
            cpus.sleep(1, i)
        assert cpus.state(i) == (state, 1)
        cpus.threads[i]["affinity"] = to_words(0b11)
        assert take_offline(cpus.base, SERVER, 1) == 1
        assert hot.retire(cpus.base, 1) == 0
        if state == "running":
            hot.switch(cpus.base, 1, i)
        hot.evacuate(cpus.base, 1)
        assert cpus.state(i) == ("blocked" if state == "blocked" else "runnable", 0)
        assert hot.retire(cpus.base, 1) == 1


@pytest.mark.system("rust-1")
@pytest.mark.parametrize("policy", ["codezero", "inko", "bsd4"], ids=["locked", "lock-free", "one-queue"])
def test_a_scheduler_that_waits_for_its_last_thread_is_told_when_that_wakes_up_elsewhere(policy):
    with played(2, policy) as cpus:
        i = cpus.start(1, affinity=0b10)
        assert cpus.pick(1) == i
        word = cpus.sleep(1, i)
        assert take_offline(cpus.base, SERVER, 1) == 1
        cpus.machine["cpus"][1]["pending"] = 0
        assert hot.retire(cpus.base, 1) == 0  # and sleeps
        cpus.threads[i]["affinity"] = to_words(0b11)
        cpus.wake(0, i, word)
        assert cpus.state(i)[0] == "runnable" and cpus.state(i)[1] != 1
        assert cpus.machine["cpus"][1]["pending"] & IPI_RESCHEDULE
        assert hot.retire(cpus.base, 1) == 1


@pytest.mark.system("rust-1")
@pytest.mark.parametrize("policy", ["bsd4", "alux"])
def test_no_scheduler_exits_while_a_thread_that_only_it_may_run_waits_on_the_one_queue(policy):
    with played(2, policy) as cpus:
        i = cpus.start(0, affinity=0b10)
        assert cpus.state(i) == ("runnable", GLOBAL_QUEUE)
        assert take_offline(cpus.base, SERVER, 1) == 1
        assert hot.retire(cpus.base, 1) == 0
        cpus.threads[i]["affinity"] = to_words(0b11)
        assert hot.retire(cpus.base, 1) == 1
