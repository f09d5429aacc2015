"""eevdf and groups: the threads of one have together the weight of one thread (kse-7)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.limits import SERVER
from emu.policies.eevdf import ACTIVE, LAG, LEAST_WEIGHT, ON, OWN_WEIGHT, WEIGHTS
from tests.kernel import wrappers as hot
from tests.kernel.cpus import MS, SECOND, played
from tests.policies.grouped import OTHER, G, GroupWalk, change_group, start_in
from tests.policies.test_eevdf import SLICE, choose, naive_choice, word
from tests.policies.walk import WALKS

pytestmark = pytest.mark.system("kse-7")


def active(cpus, g):
    return int(cpus.machine["groups"][g]["policy"][ACTIVE])


def counted(cpus, g):
    """The same from the threads."""
    alive = range(int(cpus.machine["fresh_thread"]))
    return sum(word(cpus, i, ON) for i in alive if cpus.threads[i]["kse_group"] == g + 1)


@pytest.fixture
def one():
    with played(1, "eevdf") as cpus:
        cpus.stop_clock()
        yield cpus


@pytest.fixture
def two():
    with played(2, "eevdf") as cpus:
        cpus.stop_clock()
        yield cpus


def shares(cpus, groups, ns=10 * SECOND):
    cpus.run(SECOND)  # from a common start, by the weights of which each thread has heard
    ran = cpus.run(ns)
    return [sum(ran[i] for i in threads) for threads in groups]


@pytest.mark.parametrize("sizes", [(1, 8), (3, 5), (1, 1, 20), (2, 64)])
def test_groups_of_any_size_have_equal_shares_of_a_cpu(one, sizes):
    groups = [[start_in(one, G + k) for _ in range(size)] for k, size in enumerate(sizes)]
    ran = shares(one, groups)
    fair = 10 * SECOND / len(sizes)
    assert all(abs(each - fair) < 0.05 * fair for each in ran), f"{[each / MS for each in ran]} ms, not {fair / MS}"
    one.check()


@pytest.mark.parametrize("nice", [-5, 5])
def test_a_group_has_the_share_of_a_thread_with_its_nice_value(one, nice):
    alone, four = one.start(SERVER), [start_in(one, G, nice=nice) for _ in range(4)]
    first, second = shares(one, ([alone], four))
    fair = WEIGHTS[20] / WEIGHTS[20 + nice]
    assert first / second == pytest.approx(fair, rel=0.05)
    ran = one.run(10 * SECOND)
    assert max(ran[i] for i in four) - min(ran[i] for i in four) < 3 * SLICE


def test_threads_that_sleep_leave_their_part_to_the_others_of_their_group(one):
    alone, three = start_in(one, OTHER), [start_in(one, G) for _ in range(3)]
    one.run(SECOND)
    words = {}
    while len(words) < 2:
        one.step()
        i = one.current(0)
        if i in three and len(words) < 2:
            words[i] = one.sleep(0, i)
    left = next(i for i in three if i not in words)
    assert active(one, G) == 1
    first, second = shares(one, ([alone], [left]))
    assert first / second == pytest.approx(1, rel=0.05)
    for i, slept in words.items():
        one.wake(0, i, slept)
    assert active(one, G) == 3
    first, second = shares(one, ([alone], three))
    assert first / second == pytest.approx(1, rel=0.05)
    one.check()


def test_a_group_counts_its_threads_on_all_cpus(two):
    threads = [start_in(two, G) for _ in range(6)]
    two.run(100 * MS)
    assert active(two, G) == 6
    for me in (0, 1):
        hot.tick(two.base, me, two.current(me))
        assert word(two, two.current(me), OWN_WEIGHT) == WEIGHTS[20] // 6
    assert len(threads) == 6
    two.check()


def test_no_part_is_less_than_a_64th_or_the_least_weight(one):
    crowd = [start_in(one, G) for _ in range(80)]
    kind = [start_in(one, OTHER, nice=19) for _ in range(20)]
    one.run(SECOND)
    for threads, least in ((crowd, WEIGHTS[20] // 64), (kind, LEAST_WEIGHT)):
        while one.current(0) not in threads:
            one.step()
        hot.tick(one.base, 0, one.current(0))
        assert word(one, one.current(0), OWN_WEIGHT) == least
    one.check()


def test_who_joins_and_leaves_while_it_runs_counts_from_there_on(one):
    i = one.start(SERVER)
    others = [start_in(one, G) for _ in range(3)]
    while one.current(0) != i:
        one.step()
    change_group(one.base, 0, i, G)
    assert active(one, G) == 4
    hot.tick(one.base, 0, i)
    assert word(one, i, OWN_WEIGHT) == WEIGHTS[20] // 4
    change_group(one.base, 0, i, OTHER)
    assert active(one, G) == 3 and active(one, OTHER) == 1
    change_group(one.base, 0, i, -1)
    assert active(one, OTHER) == 0
    hot.tick(one.base, 0, i)
    assert word(one, i, OWN_WEIGHT) == WEIGHTS[20] and len(others) == 3
    one.check()


def test_lag_keeps_its_real_length_when_a_thread_wakes_with_another_weight(one):
    alone, four = one.start(SERVER), [start_in(one, G) for _ in range(4)]
    one.run(SECOND)
    while one.current(0) not in four:
        one.step()
    i = one.current(0)
    slept = one.sleep(0, i)
    lag = word(one, i, LAG)
    weight = word(one, i, OWN_WEIGHT)
    one.machine["groups"][G]["policy"][ACTIVE] = 0  # as if the others slept
    one.wake(0, i, slept)
    assert word(one, i, OWN_WEIGHT) == WEIGHTS[20]
    assert lag != 0 and word(one, i, LAG) == lag * weight // WEIGHTS[20] and alone >= 0


@WALKS
@given(st.randoms(use_true_random=False))
def test_counts_sums_and_choices_stay_right_while_threads_join_and_leave_groups(chance):
    with played(3, "eevdf") as cpus:
        cpus.stop_clock()
        walk = GroupWalk(cpus, chance)
        for _ in range(150):
            walk.step()
            cpus.check()
            assert [active(cpus, g) for g in (G, OTHER)] == [counted(cpus, g) for g in (G, OTHER)]
            for queue in range(3):
                naive, chosen = naive_choice(cpus, queue), choose(cpus.base, queue)
                assert chosen == -1 if naive is None else naive[0] == word(cpus, chosen, 1)
        walk.settle()
        cpus.check()
        assert active(cpus, G) == active(cpus, OTHER) == 0
