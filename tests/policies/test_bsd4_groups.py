"""bsd4 and groups: the threads of one have one ESTCPU in common, and so the share of one thread (kse-7)."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.limits import GLOBAL_QUEUE, SERVER
from emu.policies.bsd4 import EST_NS, GROUP_EST_NS, GROUP_SECOND, LOAD, PRIORITY
from emu.testing.held import bsd4_holds
from tests.kernel import wrappers as hot
from tests.kernel.cpus import MS, SECOND, played
from tests.policies.grouped import OTHER, G, GroupWalk, change_group, start_in
from tests.policies.test_bsd4 import TICK_OF_ESTCPU, priority, word
from tests.policies.walk import WALKS

pytestmark = pytest.mark.system("kse-7")


def used(cpus, g):
    return int(cpus.machine["groups"][g]["policy"][GROUP_EST_NS])


def loaded(cpus, load):
    cpus.machine["queues"][GLOBAL_QUEUE]["policy"][LOAD] = load * 2048


@pytest.fixture
def one():
    with played(1, "bsd4") as cpus:
        cpus.stop_clock()
        yield cpus


@pytest.fixture
def three():
    with played(3, "bsd4") as cpus:
        cpus.stop_clock()
        yield cpus


def shares(cpus, groups, ns=30 * SECOND):
    """What each of these lists of threads runs."""
    cpus.run(5 * SECOND, tick_ns=MS)  # from a common start
    ran = cpus.run(ns, tick_ns=MS)
    return [sum(ran[i] for i in threads) for threads in groups]


def test_a_group_of_eight_busy_threads_gets_what_a_group_of_one_gets(one):
    alone = [start_in(one, G)]
    eight = [start_in(one, OTHER) for _ in range(8)]
    first, second = shares(one, (alone, eight), ns=100 * SECOND)
    assert 0.8 < first / second < 1.25, f"{first} ns of the one, {second} ns of the eight"
    one.check()


def test_a_group_counts_once_for_the_load(one):
    for _ in range(3):
        start_in(one, G)
        start_in(one, OTHER)
        one.start(SERVER)
    one.run(60 * SECOND, tick_ns=20 * MS)
    now_load = int(one.machine["queues"][GLOBAL_QUEUE]["policy"][LOAD]) / 2048
    assert now_load == pytest.approx(5 * (1 - math.exp(-1)), rel=0.12)


def test_threads_in_no_group_are_charged_each_for_itself(one):
    alone = [one.start(SERVER)]
    eight = [one.start(SERVER) for _ in range(8)]
    first, second = shares(one, (alone, eight))
    assert second > 6 * first


def test_a_group_and_a_thread_in_none_are_equals_and_threads_of_a_group_take_turns(one):
    alone = [one.start(SERVER)]
    four = [start_in(one, G) for _ in range(4)]
    first, second = shares(one, (alone, four))
    assert 0.8 < first / second < 1.25
    ran = one.run(20 * SECOND, tick_ns=MS)
    assert max(ran[i] for i in four) < 1.5 * min(ran[i] for i in four)


def test_all_that_threads_of_a_group_run_on_any_cpu_is_charged_to_it(three):
    threads = [start_in(three, G) for _ in range(5)]
    loaded(three, 5)
    ran = three.run(400 * MS)  # less than a second: nothing decays
    for me in range(3):
        hot.tick(three.base, me, three.current(me))
    total = sum(int(three.threads[i]["runtime_ns"]) for i in threads)
    assert total - 1000 <= used(three, G) <= total and total >= sum(ran.values()) >= 3 * 399 * MS
    assert word(three, threads[0], EST_NS) <= used(three, G)
    three.check()


def test_a_second_is_forgotten_once_by_however_many_threads_look(three):
    threads = [start_in(three, G) for _ in range(6)]
    for me in range(3):
        three.pick(me)
    loaded(three, 3)
    for me in range(3):
        hot.tick(three.base, me, three.current(me))
    three.machine["groups"][G]["policy"][GROUP_EST_NS] = before = 200 * TICK_OF_ESTCPU
    for me in range(3):  # their own time counts for nothing here
        three.machine["cpus"][me]["accounted_ns"] = three.now + SECOND
    three.advance(SECOND)
    for me in (0, 1, 2, 0, 1, 2):
        hot.tick(three.base, me, three.current(me))
    assert used(three, G) == pytest.approx(before * 6 / 7, rel=1e-4)
    for me in range(3):
        i = three.current(me)
        assert word(three, i, EST_NS) == pytest.approx(used(three, G), abs=10_000)
        assert word(three, i, PRIORITY) == priority(three, i)
    assert int(three.machine["groups"][G]["policy"][GROUP_SECOND]) == three.now // SECOND + 1
    assert len(threads) == 6


def test_a_group_that_slept_long_has_forgotten_all(one):
    i = start_in(one, G)
    one.run(SECOND // 2)
    loaded(one, 1)
    slept = one.sleep(0, i)
    assert used(one, G) > 400 * MS
    one.advance(60 * SECOND)
    one.wake(0, i, slept)
    assert used(one, G) == 0 and word(one, i, PRIORITY) == 180


def test_usage_of_a_group_stays_below_the_limit(one):
    for _ in range(3):
        start_in(one, G)
    for _ in range(10):
        loaded(one, 10)  # so that little is forgotten
        one.run(SECOND, tick_ns=10 * MS)
    assert 7 * (40 - 4) < used(one, G) // TICK_OF_ESTCPU <= 8 * (40 - 4) + 7


def test_the_first_thread_of_a_group_brings_its_usage_and_who_leaves_takes_the_groups_along(one):
    i = one.start(SERVER)
    one.pick(0)
    one.advance(700 * MS)
    change_group(one.base, 0, i, G)
    assert used(one, G) == pytest.approx(700 * MS, abs=1000), "nobody gets rid of usage by a new group"
    child = start_in(one, G, me=0)
    assert used(one, G) < 701 * MS, "a second thread brings nothing"
    fresh = start_in(one, OTHER, me=0)
    assert used(one, OTHER) == pytest.approx(700 * MS, abs=1000), "its maker's"
    one.advance(100 * MS)
    change_group(one.base, 0, i, -1)
    assert used(one, G) == pytest.approx(800 * MS, abs=1000), "its time up to then is the group's"
    assert word(one, i, EST_NS) == used(one, G)
    one.advance(50 * MS)
    hot.tick(one.base, 0, i)
    assert word(one, i, EST_NS) == pytest.approx(850 * MS, abs=1000) and used(one, G) < 801 * MS
    assert child != fresh


def test_who_joins_a_group_that_has_used_less_gets_its_priority_at_the_next_look(one):
    i = one.start(SERVER)
    one.pick(0)
    one.advance(700 * MS)
    hot.tick(one.base, 0, i)
    worse = word(one, i, PRIORITY)
    start_in(one, G)
    change_group(one.base, 0, i, G)
    hot.tick(one.base, 0, i)
    assert used(one, G) < 100 * MS and word(one, i, PRIORITY) == priority(one, i) < worse


@WALKS
@given(st.randoms(use_true_random=False))
def test_buckets_and_priorities_stay_right_while_threads_join_and_leave_groups(chance):
    with played(3, "bsd4") as cpus:
        cpus.stop_clock()
        walk = GroupWalk(cpus, chance, longest_ns=400 * MS)
        for _ in range(60):
            walk.step()
            cpus.check()
            for i in bsd4_holds(cpus.machine, GLOBAL_QUEUE):
                assert word(cpus, i, PRIORITY) == priority(cpus, i)
        walk.settle()
        cpus.check()
