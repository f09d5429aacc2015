"""A CPU that goes from a thread to the one that it has woken by a message, past the run queue (cz-7)."""

import random

import pytest

from emu.actor.policies import BUILTIN
from emu.kernel.sched.hand_over import REFUSED
from emu.kernel.sched.hooks import HAND_OVER
from emu.kernel.sched.local_queue import ASLEEP
from emu.kernel.thread.states import LIFE_DRAINING, SLEEP_RECEIVE
from emu.limits import BUDGET_INSTRUCTIONS
from emu.shm.cpumask import to_words
from tests.kernel import wrappers as hot
from tests.kernel.cpus import ALL, MS, SECOND, played
from tests.kernel.sched import handing

pytestmark = pytest.mark.system("cz-7")
LONGEST = {"codezero": 130, "bsd4": 130, "alux": 60, "eevdf": 30, "inko": 30, "random": 30}  # ms until others run


class Pair:
    """A client that runs on CPU 0, and a server that sleeps there. Others may wait."""

    def __init__(self, cpus, others=0, client=None, server=None, slept_on=0):
        self.cpus, self.base = cpus, cpus.base
        self.server = cpus.start(slept_on, **{"affinity": 1 << slept_on} | (server or {}))
        self.server_word = self.fall_asleep(slept_on, self.server)
        self.client = cpus.start(0, **{"affinity": 1} | (client or {}))
        assert cpus.pick(0) == self.client
        self.others = [cpus.start(0, affinity=1) for _ in range(others)]
        cpus.machine["cpus"][0]["resched"] = 0  # a policy that prefers new threads
        self.c = cpus.machine["cpus"][0]

    def fall_asleep(self, me, i):
        assert self.cpus.pick(me) == i
        word = hot.sleep(self.base, i, SLEEP_RECEIVE)
        assert hot.block(self.base, me, i) == 1
        return word

    def call(self, sleeps=True):
        """The client's message is taken, and it waits for the answer or goes on; the CPU is to be handed over."""
        assert handing.take_sleep(self.base, self.server, self.server_word) == 1
        self.client_word = hot.sleep(self.base, self.client, SLEEP_RECEIVE) if sleeps else 0

    def hand_over(self, sleeps=True):
        self.call(sleeps)
        return handing.try_to_hand_over(self.base, 0, self.client, self.server, int(sleeps))

    def switch(self, sleeps=True):
        self.call(sleeps)
        handing.switch_to(self.base, 0, self.client, self.server, int(sleeps))

    def turn(self):
        """Server and client change their parts."""
        self.server, self.client, self.server_word = self.client, self.server, self.client_word

    def states(self):
        return self.cpus.state(self.client), self.cpus.state(self.server)


@pytest.fixture(params=BUILTIN)
def cpus(request):
    with played(2, request.param) as made:
        yield made


@pytest.mark.parametrize("sleeps", [True, False], ids=["sleeps", "goes-on"])
def test_the_heir_runs_at_once_past_those_that_wait(cpus, sleeps):
    pair = Pair(cpus, others=3)
    slices = int(cpus.threads[pair.server]["slices"])
    assert pair.hand_over(sleeps) == ASLEEP
    assert cpus.current(0) == pair.server
    client = ("blocked", 0) if sleeps else ("runnable", cpus.home(0))
    assert pair.states() == (client, ("running", 0))
    assert [cpus.state(i)[0] for i in pair.others] == ["runnable"] * 3
    assert cpus.threads[pair.server]["sleep"] == 0 and cpus.threads[pair.server]["slices"] == slices + 1
    cpus.check()
    for _ in range(6):
        cpus.switch(0)
        cpus.check()


def test_time_is_booked_to_who_ran_and_the_heir_has_waited_for_nothing(cpus):
    cpus.stop_clock()
    pair = Pair(cpus, others=1)
    before = [int(cpus.threads[i]["runtime_ns"]) for i in (pair.client, pair.server)]
    delay = int(cpus.threads[pair.server]["run_delay_ns"])
    cpus.advance(3 * MS)
    pair.switch()
    assert cpus.current(0) == pair.server
    cpus.advance(2 * MS)
    cpus.book()
    ran = [int(cpus.threads[i]["runtime_ns"]) - old for i, old in zip((pair.client, pair.server), before, strict=True)]
    assert ran == pytest.approx([3 * MS, 2 * MS], abs=1000)
    assert int(cpus.threads[pair.server]["run_delay_ns"]) - delay < 1000
    cpus.check()


def test_the_slice_goes_on_where_the_client_left_it(cpus):
    cpus.stop_clock()
    pair = Pair(cpus, others=1)
    cpus.advance(MS // 10)
    hot.tick(cpus.base, 0, pair.client)  # where the policy has slices, it is known by now when this one ends
    assert cpus.current(0) == pair.client
    cpus.advance(MS // 10)
    start, end = int(pair.c["slice_start_ns"]), int(pair.c["slice_end_ns"])
    pair.switch()
    assert cpus.current(0) == pair.server
    assert (int(pair.c["slice_start_ns"]), int(pair.c["slice_end_ns"])) == (start, end)
    assert pair.c["started_ns"] > start


def call_for_ever(cpus, pair, ns, others_run=None):
    """Client and server call each other every 10 µs, and ticks come now and then; ends early when another one runs."""
    end, calls = cpus.now + ns, 0
    while cpus.now < end and (others_run is None or cpus.current(0) != others_run):
        if cpus.current(0) == pair.client:
            pair.switch()
            pair.turn()
            if cpus.current(0) < 0:
                cpus.pick(0)
        cpus.advance(10_000)
        calls += 1
        if calls % 15 == 0:
            pair.c["instructions"] += BUDGET_INSTRUCTIONS
            cpus.step(0)


def test_two_that_hand_the_cpu_to_each_other_for_ever_hold_up_nobody(cpus):
    cpus.stop_clock()
    pair = Pair(cpus, others=1)
    call_for_ever(cpus, pair, LONGEST[cpus.policy] * MS, pair.others[0])
    assert cpus.current(0) == pair.others[0], "the third thread waits for ever"
    cpus.check()


def refused(pair, cpus, sleeps=True, wait_for=("runnable",)):
    """Nothing changes; then the heir becomes runnable in the ordinary way."""
    pair.call(sleeps)
    before = cpus.threads["where"].copy(), cpus.machine["cpus"]["current"].copy()
    assert handing.try_to_hand_over(cpus.base, 0, pair.client, pair.server, int(sleeps)) == REFUSED
    assert (cpus.threads["where"] == before[0]).all() and (cpus.machine["cpus"]["current"] == before[1]).all()
    handing.switch_to(cpus.base, 0, pair.client, pair.server, int(sleeps))
    client, server = pair.states()
    assert client[0] == ("blocked" if sleeps else "running") and server[0] in wait_for
    cpus.check()


def test_not_to_one_that_slept_on_another_cpu(cpus):
    refused(Pair(cpus, slept_on=1, server={"affinity": ALL}), cpus)


@pytest.mark.parametrize("sleeps", [True, False], ids=["sleeps", "goes-on"])
def test_not_to_a_less_important_thread(cpus, sleeps):
    refused(Pair(cpus, client={"realtime": 5}, server={"realtime": 4}), cpus, sleeps)


def test_to_a_more_important_thread(cpus):
    pair = Pair(cpus, others=1, client={"realtime": 4}, server={"realtime": 5})
    assert pair.hand_over() == ASLEEP
    cpus.check()


def test_not_where_the_heir_may_not_run_any_more(cpus):
    pair = Pair(cpus)
    cpus.threads[pair.server]["affinity"] = to_words(0b10)
    refused(pair, cpus)


def test_a_sender_that_may_not_run_here_any_more_does_not_wait_here(cpus):
    pair = Pair(cpus)
    cpus.threads[pair.client]["affinity"] = to_words(0b10)
    refused(pair, cpus, sleeps=False)
    assert cpus.current(0) == pair.client  # and moves at its next safe point


def test_but_it_may_fall_asleep_here(cpus):
    pair = Pair(cpus)
    cpus.threads[pair.client]["affinity"] = to_words(0b10)
    assert pair.hand_over() == ASLEEP
    cpus.check()


def test_not_on_a_cpu_that_leaves(cpus):
    pair = Pair(cpus)
    cpus.machine["queues"][0]["life"] = LIFE_DRAINING
    pair.call()
    assert handing.try_to_hand_over(cpus.base, 0, pair.client, pair.server, 1) == REFUSED


def test_not_where_the_running_thread_has_to_give_way(cpus):
    pair = Pair(cpus)
    pair.c["resched"] = 1
    refused(pair, cpus)


def test_not_where_the_policy_has_no_such_hook(cpus):
    pair = Pair(cpus)
    pair.c["hooks"][HAND_OVER] = 0
    refused(pair, cpus)


def test_who_was_woken_on_its_way_to_sleep_goes_on(cpus):
    """Its answer has come already, from another CPU."""
    pair = Pair(cpus)
    pair.call()
    assert handing.take_sleep(cpus.base, pair.client, pair.client_word) == 1
    hot.make_runnable(cpus.base, 1, pair.client)
    handing.switch_to(cpus.base, 0, pair.client, pair.server, 1)
    assert cpus.current(0) == pair.client and cpus.state(pair.server)[0] == "runnable"
    assert cpus.threads[pair.client]["sleep"] == 0
    cpus.check()


def test_calls_switches_sleeps_and_ends_in_any_order_leave_queues_and_policy_right(cpus, seed):
    chance = random.Random(seed)
    threads = [cpus.start(k % 2, nice=chance.choice([-10, 0, 0, 10])) for k in range(7)]
    asleep, handed = {}, 0
    for step in range(3_000):
        if step >= 300 and handed > 10:
            break
        me = chance.randrange(2)
        i = cpus.current(me) if cpus.current(me) >= 0 else cpus.pick(me)
        heirs = [s for s in asleep if cpus.state(s) == ("blocked", me)]
        what = chance.randrange(6)
        if i < 0:
            for sleeper, word in asleep.items():
                cpus.wake(me, sleeper, word)
            asleep.clear()
        elif what < 3 and heirs:
            heir, sleeps = chance.choice(heirs), chance.random() < 0.6
            assert handing.take_sleep(cpus.base, heir, asleep.pop(heir)) == 1
            if sleeps:
                asleep[i] = hot.sleep(cpus.base, i, SLEEP_RECEIVE)
            handing.switch_to(cpus.base, me, i, heir, int(sleeps))
            handed += cpus.current(me) == heir
        elif what == 3:
            asleep[i] = cpus.sleep(me, i)
        elif what == 4:
            cpus.switch(me)
        elif chance.randrange(40) == 0 and len(threads) > 3:
            threads.remove(i)
            cpus.exit(me, i)
        cpus.check()
    assert handed > 10


def test_a_thread_that_computes_has_its_share_beside_two_that_call_each_other(cpus):
    cpus.stop_clock()
    pair = Pair(cpus, others=1)
    other, before = pair.others[0], int(cpus.threads[pair.others[0]]["runtime_ns"])
    call_for_ever(cpus, pair, 2 * SECOND)
    cpus.book()
    share = (int(cpus.threads[other]["runtime_ns"]) - before) / (2 * SECOND)
    assert 0.25 <= share <= 0.75, share
    cpus.check()
