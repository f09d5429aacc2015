"""Nice values and real-time priorities that change: the policy sees them at once, and its order stays right."""

import random

import pytest

from emu.actor.policies import BUILTIN
from emu.kernel.sleep.inheritance import set_importance
from emu.limits import IPI_RESCHEDULE, SERVER
from emu.policies.eevdf import OWN_WEIGHT, WEIGHTS
from tests.kernel.cpus import SECOND, played

BY_SHARES = {"eevdf": 80, "codezero": 60}  # what the more important of two gets, in percent, at least


def change(cpus, i, nice=0, realtime=0):
    set_importance(cpus.base, SERVER, i, nice, realtime)


@pytest.mark.parametrize("policy", BUILTIN)
def test_threads_that_wait_run_and_sleep_are_changed_and_the_queues_stay_right(policy, seed):
    chance = random.Random(seed)
    with played(2, policy) as cpus:
        threads = [cpus.start(k % 2) for k in range(8)]
        cpus.pick(0), cpus.pick(1)
        asleep = {}
        for step in range(150):
            i = chance.choice(threads)
            change(cpus, i, chance.randrange(-20, 20), chance.choice([0, 0, 5, 99]))
            me = step % 2
            if step % 7 == 0 and cpus.current(me) >= 0:
                running = cpus.current(me)
                asleep[running] = cpus.sleep(me, running)
                cpus.pick(me)
            elif step % 7 == 3 and asleep:
                sleeper, word = asleep.popitem()
                cpus.wake(me, sleeper, word)
            elif cpus.current(me) >= 0:
                cpus.switch(me)
            else:
                cpus.pick(me)
            cpus.check()


def test_a_waiting_thread_that_becomes_real_time_runs_at_the_next_tick():
    with played(1, "bsd4") as cpus:
        cpus.stop_clock()
        running, first, last = (cpus.start(0) for _ in range(3))
        assert cpus.pick(0) == running
        change(cpus, last, realtime=50)
        assert cpus.step() == [last]
        change(cpus, first, realtime=1)
        change(cpus, last)  # an ordinary thread again: it gives way at the CPU's next look
        assert cpus.machine["cpus"][0]["resched"] == 1 and cpus.machine["cpus"][0]["pending"] & IPI_RESCHEDULE
        assert cpus.step() == [first]
        cpus.check()


@pytest.mark.parametrize("policy", BY_SHARES)
@pytest.mark.parametrize("when", ["running", "waiting"])
def test_shares_follow_a_nice_value_that_changes_while_a_thread_runs_or_waits(policy, when):
    with played(1, policy) as cpus:
        cpus.stop_clock()
        a, b = cpus.start(0), cpus.start(0)
        cpus.pick(0)
        cpus.run(SECOND)
        running = cpus.current(0)
        waiting = a + b - running
        favoured = running if when == "running" else waiting
        change(cpus, favoured, nice=-15)
        if policy == "eevdf":
            cpus.step()
            assert cpus.threads[favoured]["policy"][OWN_WEIGHT] == WEIGHTS[5]
        ran = cpus.run(4 * SECOND)
        assert ran[favoured] * 100 >= BY_SHARES[policy] * (ran[a] + ran[b])
        cpus.check()
