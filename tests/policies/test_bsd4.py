"""bsd4: usage that decays, buckets, priorities by the formula (kse-7)."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.kernel.sched import waking
from emu.limits import GLOBAL_QUEUE, SERVER
from emu.policies.bsd4 import BUCKET, EST_NS, LOAD, LOOKED, PRIORITY, STATUS
from emu.shm.cpumask import to_int
from emu.testing.held import bsd4_holds
from tests.kernel import wrappers as hot
from tests.kernel.cpus import MS, SECOND, TICK_NS, played
from tests.policies.walk import WALKS, Walk

TICK_OF_ESTCPU = SECOND // 128


@pytest.fixture
def one():
    with played(1, "bsd4") as cpus:
        cpus.stop_clock()
        yield cpus


def word(cpus, i, which):
    return int(cpus.threads[i]["policy"][which])


def load(cpus):
    return int(cpus.machine["queues"][GLOBAL_QUEUE]["policy"][LOAD]) / 2048


def estcpu(cpus, i):
    return word(cpus, i, EST_NS) // TICK_OF_ESTCPU


def priority(cpus, i):
    """resetpriority, once more."""
    t = cpus.threads[i]
    if t["realtime"]:
        return 159 - 31 * (int(t["realtime"]) - 1) // 98
    return min(max(160 + estcpu(cpus, i) // 8 + int(t["nice"]) + 20, 160), 223)


@pytest.mark.system("kse-7")
@WALKS
@given(st.randoms(use_true_random=False))
def test_the_best_bucket_is_served_first_and_priorities_are_those_of_the_formula(chance):
    with played(3, "bsd4") as cpus:
        cpus.stop_clock()
        walk = Walk(cpus, chance, longest_ns=400 * MS)
        for _ in range(60):
            walk.step()
            cpus.check()
            waiting = bsd4_holds(cpus.machine, GLOBAL_QUEUE)
            for i in waiting:
                assert word(cpus, i, PRIORITY) == priority(cpus, i)
            idle = [me for me in range(3) if cpus.current(me) < 0]
            if idle and waiting:
                me = idle[0]
                allowed = [i for i in waiting if to_int(cpus.threads[i]["affinity"]) >> me & 1]
                second = (cpus.now // SECOND, cpus.machine["queues"][GLOBAL_QUEUE]["policy"][LOOKED])
                picked = cpus.pick(me)
                if second[0] == second[1]:  # else the buckets are sorted anew first
                    assert picked == (allowed[0] if allowed else -1)
                    rest = [i for i in waiting if i != picked]
                    assert bsd4_holds(cpus.machine, GLOBAL_QUEUE) == rest, "those passed over are out of order"
        walk.settle()
        cpus.check()


@pytest.mark.system("kse-7")
def test_estcpu_grows_by_128_a_second_and_a_priority_goes_by_eight(one):
    i = one.start(SERVER)
    assert word(one, i, PRIORITY) == 180
    one.pick(0)
    for ns, ticks in ((SECOND // 128 * 7, 7), (SECOND // 128 * 2, 9), (SECOND // 128 * 8, 17)):
        one.advance(ns)
        hot.tick(one.base, 0, i)
        assert estcpu(one, i) in (ticks, ticks - 1)
    assert word(one, i, PRIORITY) == 180 + 17 // 8


@pytest.mark.system("kse-7")
def test_a_new_nice_value_or_real_time_priority_counts_from_the_next_look_on(one):
    i = one.start(SERVER)
    one.pick(0)
    for field, value, expected in (("nice", 10, 190), ("nice", -20, 160), ("realtime", 99, 128), ("realtime", 0, 160)):
        one.threads[i][field] = value
        one.advance(1000)
        hot.tick(one.base, 0, i)
        assert word(one, i, PRIORITY) == priority(one, i) == expected


@pytest.mark.system("kse-7")
def test_estcpu_stays_below_its_limit_and_the_priority_within_time_sharing(one):
    i = one.start(SERVER, nice=19)
    one.run(20 * SECOND, tick_ns=10 * MS)
    assert estcpu(one, i) <= 8 * (40 - 4) + 7
    assert 160 <= word(one, i, PRIORITY) <= 223


def loaded(one, load_wanted):
    one.machine["queues"][GLOBAL_QUEUE]["policy"][LOAD] = load_wanted * 2048


@pytest.mark.system("kse-7")
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_ninety_percent_of_usage_is_forgotten_in_five_loads_of_seconds(one, threads):
    """The header's table: load 1 takes 5.68 s, 2 takes 10.32, 4 takes 19.55."""
    i = one.start(SERVER)
    one.pick(0)
    one.advance(SECOND)
    word_of_sleep = one.sleep(0, i)
    loaded(one, threads)
    before = word(one, i, EST_NS)
    seconds = {1: 5.68, 2: 10.32, 4: 19.55}[threads]
    one.advance(math.floor(seconds) * SECOND)
    one.wake(0, i, word_of_sleep)
    kept = (2 * threads / (2 * threads + 1)) ** math.floor(seconds)
    assert word(one, i, EST_NS) == pytest.approx(before * kept, rel=1e-4) and 0.09 < kept < 0.14
    assert word(one, i, PRIORITY) == priority(one, i)


@pytest.mark.system("kse-7")
def test_a_sleepers_priority_is_better_when_it_wakes_and_it_preempts_the_waker(one):
    sleeper, hog = one.start(SERVER), one.start(SERVER)
    loaded(one, 2)
    one.run(2 * SECOND)
    while one.current(0) != sleeper:
        one.step()
    worse = word(one, sleeper, PRIORITY)
    slept = one.sleep(0, sleeper)
    one.run(4 * SECOND)
    assert one.current(0) == hog
    one.wake(0, sleeper, slept)
    assert word(one, sleeper, PRIORITY) < worse
    assert one.machine["cpus"][0]["resched"] == 1 and one.switch(0) == sleeper
    one.check()


@pytest.mark.system("kse-7")
def test_equals_go_round_robin_by_the_quantum(one):
    threads = [one.start(SERVER, realtime=10) for _ in range(3)]
    order, stretches = [], []
    for _ in range(2 * SECOND // TICK_NS):
        (i,) = one.step()
        if order and order[-1] == i:
            stretches[-1] += TICK_NS
        else:
            order.append(i)
            stretches.append(0)
    assert order[: len(threads) * 3] == threads * 3
    whole = [s for s in stretches[:-1] if 100 * MS <= s + TICK_NS <= 100 * MS + 2 * TICK_NS]
    assert max(stretches) < 100 * MS + TICK_NS
    assert len(stretches[:-1]) - len(whole) <= 3, "shorter ones only where the second changes"


@pytest.mark.system("kse-7")
def test_niceness_and_usage_decide_how_much_a_thread_gets_but_all_get_some(one):
    kind, rude = one.start(SERVER, nice=10), one.start(SERVER)
    ran = one.run(20 * SECOND, tick_ns=MS)
    assert ran[rude] > 1.5 * ran[kind] > 0


@pytest.mark.system("kse-7")
def test_those_that_wait_rise_to_the_bucket_of_their_decayed_usage_every_second(one):
    hog, waiting = one.start(SERVER, realtime=99), one.new()
    one.threads[waiting]["policy"][EST_NS] = 200 * TICK_OF_ESTCPU
    waking.start(one.base, SERVER, waiting)
    loaded(one, 1)
    buckets = [word(one, waiting, BUCKET)]
    for _ in range(3):
        one.run(SECOND)
        buckets.append(word(one, waiting, BUCKET))
        assert word(one, waiting, PRIORITY) == priority(one, waiting)
        one.check()
    assert one.current(0) == hog and buckets == sorted(set(buckets), reverse=True)


@pytest.mark.system("kse-7")
def test_a_child_starts_with_its_parents_usage(one):
    one.start(SERVER)
    parent = one.pick(0)
    one.advance(700 * MS)
    child = one.start(0)
    assert estcpu(one, child) == 700 * MS // TICK_OF_ESTCPU
    assert parent != child


def test_the_load_is_a_one_minute_average_of_those_that_run_or_wait(one):
    for _ in range(4):
        one.start(SERVER)
    one.run(60 * SECOND, tick_ns=20 * MS)
    assert load(one) == pytest.approx(4 * (1 - math.exp(-1)), rel=0.12)


def test_a_bucket_that_became_empty_has_no_bit(one):
    i = one.start(SERVER, nice=3)
    status = int(one.machine["queues"][GLOBAL_QUEUE]["policy"][STATUS])
    assert status == 1 << word(one, i, PRIORITY) // 4
    one.pick(0)
    assert one.machine["queues"][GLOBAL_QUEUE]["policy"][STATUS] == 0


@pytest.mark.system("kse-7")
@pytest.mark.parametrize("change", [
    ("        q.policy[STATUS] &= ~(1 << bucket)\n", "        pass\n"),
    ("    _decay(m, t, now)\n", ""),
], ids=["bitmap", "decay"])  # fmt: skip
def test_a_bitmap_or_a_decay_that_is_not_kept_up_is_noticed(changed, change):
    with played(1, changed("bsd4", change)) as one:
        one.stop_clock()
        one.policy = "bsd4"
        with pytest.raises(AssertionError):
            test_a_bucket_that_became_empty_has_no_bit(one)
            test_a_sleepers_priority_is_better_when_it_wakes_and_it_preempts_the_waker(one)
