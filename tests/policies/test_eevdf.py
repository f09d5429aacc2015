"""eevdf: the pick of a naive oracle, shares by weight, lag that outlives sleep and migration."""

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.hot import entry
from emu.limits import SERVER
from emu.policies import deadline_treap, eevdf
from emu.policies.deadline_treap import DEADLINE, V
from emu.policies.eevdf import LAG, OWN_WEIGHT, WEIGHTS
from emu.shm.cpumask import to_words
from emu.shm.layout import machine_at
from emu.testing.held import active_on, eevdf_holds
from tests.kernel import wrappers as hot
from tests.kernel.cpus import MS, SECOND, TICK_NS, played
from tests.policies.walk import WALKS, Walk

SLICE = 3 * MS


@entry(2)
def choose(address, queue):
    m = machine_at(address)
    eevdf._average(m, queue)
    return eevdf._choose(m, queue)


@entry(2)
def average(address, queue):
    return eevdf._average(machine_at(address), queue)


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


def word(cpus, i, which):
    return int(cpus.threads[i]["policy"][which])


def exact_average(cpus, queue):
    """V from the truth words, without sums or rounding."""
    cpus.machine["queues"][queue]["now_ns"] = cpus.now
    active = active_on(cpus.machine, queue)
    total = sum(word(cpus, i, OWN_WEIGHT) for i in active)
    summed = sum(word(cpus, i, OWN_WEIGHT) * word(cpus, i, V) for i in active)
    if cpus.current(queue) >= 0:
        summed += max(cpus.now - int(cpus.machine["cpus"][queue]["accounted_ns"]), 0) * 1024
    return Fraction(summed, total)


def naive_choice(cpus, queue):
    """Earliest deadline among the eligible, or among all: O(n)."""
    waiting = eevdf_holds(cpus.machine, queue)
    if not waiting:
        return None
    middle = exact_average(cpus, queue)
    eligible = [i for i in waiting if word(cpus, i, V) <= middle]
    return min(word(cpus, i, DEADLINE) for i in eligible or waiting), bool(eligible)


@WALKS
@given(st.randoms(use_true_random=False))
def test_the_choice_is_that_of_the_naive_oracle_after_every_step(chance):
    with played(3, "eevdf") as cpus:
        cpus.stop_clock()
        walk = Walk(cpus, chance)
        for _ in range(150):
            walk.step()
            cpus.check()
            for queue in range(3):
                naive = naive_choice(cpus, queue)
                chosen = choose(cpus.base, queue)
                if naive is None:
                    assert chosen == -1
                else:
                    assert word(cpus, chosen, DEADLINE) == naive[0]
                    assert not naive[1] or word(cpus, chosen, V) <= exact_average(cpus, queue)
        walk.settle()
        cpus.check()


@pytest.mark.parametrize("change", [
    ("    t.policy[MIN_V] = p.policy[MIN_V]\n    _min_v(m, up)\n", "    t.policy[MIN_V] = p.policy[MIN_V]\n"),
    ("        _min_v(m, at)\n        at = m.threads[at].policy[PARENT]\n",
     "        at = m.threads[at].policy[PARENT]\n"),
    ("    q.policy[SUM] += weight * ran\n", "    q.policy[SUM] += ran\n"),
], ids=["rotation", "removal", "sum"])  # fmt: skip
def test_a_treap_or_a_sum_that_is_not_kept_up_is_noticed(changed, change):
    with played(3, changed("eevdf", change)) as cpus:
        cpus.stop_clock()
        cpus.policy = "eevdf"
        walk = Walk(cpus, random.Random(1))
        with pytest.raises(AssertionError):
            for _ in range(600):
                walk.step()
                cpus.check()


@pytest.mark.parametrize("nices", [(0, 0, 0), (0, 5), (-5, 0, 5, 10), (19, 0), (-20, -20, 0)])
def test_over_ten_seconds_each_thread_has_its_weight_in_the_total(one, nices):
    weights = {one.start(SERVER, nice=nice): WEIGHTS[nice + 20] for nice in nices}
    ran = one.run(10 * SECOND)
    for i, weight in weights.items():
        fair = 10 * SECOND * weight / sum(weights.values())
        assert abs(ran[i] - fair) <= max(0.01 * fair, 2 * SLICE), f"weight {weight}: {ran[i] / MS} ms, not {fair / MS}"


def test_after_hours_sums_are_small_and_shares_as_ever(one):
    """ZERO has followed V, so nothing comes near 64 bits."""
    threads = [one.start(SERVER, nice=nice) for nice in (0, 19)]
    ran = one.run(6000 * SECOND, tick_ns=SECOND)
    words = one.machine["queues"][0]["policy"]
    assert words[eevdf.ZERO] > 0 and words[eevdf.SUM] < 1 << 51
    one.check()
    fair = 6000 * SECOND * 15 / 1039
    assert abs(ran[threads[1]] - fair) < 0.02 * fair


def test_who_yields_for_ever_is_not_put_off_for_ever(one):
    polite, other = one.start(SERVER), one.start(SERVER)
    for _ in range(5000):
        (i,) = one.step()
        if i == polite:
            hot.yield_cpu(one.base, 0, i)
    assert word(one, polite, DEADLINE) - word(one, polite, V) <= 2 * SLICE
    ran = one.run(SECOND)
    assert abs(ran[polite] - ran[other]) <= 0.02 * SECOND


def test_no_thread_is_ever_ahead_or_behind_by_more_than_a_slice_and_a_tick(one):
    """The bound of the paper: lag stays within the longest request."""
    for nice in (0, 0, -3, 3):
        one.start(SERVER, nice=nice)
    for _ in range(2 * SECOND // TICK_NS):
        one.step()
        middle = exact_average(one, 0)
        for i in active_on(one.machine, 0):
            v = word(one, i, V)
            if i == one.current(0):
                v += (one.now - int(one.machine["cpus"][0]["accounted_ns"])) * 1024 // word(one, i, OWN_WEIGHT)
            assert abs(middle - v) * word(one, i, OWN_WEIGHT) / 1024 <= SLICE + 2 * TICK_NS


def test_two_equal_threads_take_turns_of_a_slice(one):
    one.start(SERVER), one.start(SERVER)
    order, stretches = [], []
    for _ in range(SECOND // TICK_NS):
        (i,) = one.step()
        if order and order[-1] == i:
            stretches[-1] += TICK_NS
        else:
            order.append(i)
            stretches.append(0)
    assert all(s + TICK_NS >= SLICE and s <= SLICE + TICK_NS for s in stretches[2:-1])


def test_a_sleeper_that_wakes_preempts_by_its_earlier_deadline_and_is_owed_no_more_than_two_slices(one):
    hog, sleeper = one.start(SERVER), one.start(SERVER)
    while one.current(0) != sleeper:
        one.step()
    slept = one.sleep(0, sleeper)
    one.run(100 * MS)
    one.wake(0, sleeper, slept)
    assert abs(word(one, sleeper, LAG)) <= 2 * SLICE
    assert one.machine["cpus"][0]["resched"] == 1 and one.switch(0) == sleeper
    ran = one.run(20 * MS)
    assert ran[sleeper] <= ran[hog] + 2 * SLICE + 2 * TICK_NS, "its sleep bought it no more"


def test_with_parity_a_wake_up_does_not_preempt_an_eligible_thread_within_its_slice(one):
    one.machine["parameters"][eevdf.PARITY] = 1
    hog, sleeper = one.start(SERVER), one.start(SERVER)
    while one.current(0) != sleeper:
        one.step()
    slept = one.sleep(0, sleeper)
    one.run(100 * MS)
    word_of_sleep_lag = word(one, sleeper, LAG)
    one.wake(0, sleeper, slept)
    assert one.current(0) == hog
    owed = word(one, sleeper, V) <= exact_average(one, 0)
    assert owed == (word_of_sleep_lag >= 0)
    v = word(one, hog, V) + (one.now - int(one.machine["cpus"][0]["accounted_ns"]))
    assert one.machine["cpus"][0]["resched"] == int(owed and v > exact_average(one, 0))


def test_lag_is_kept_across_sleep(one):
    """One that slept while it was ahead comes back as far ahead: sleeping is no way to be served sooner."""
    for _ in range(3):
        one.start(SERVER)
    ahead = 0
    while ahead < MS // 2:
        (i,) = one.step()
        v = word(one, i, V) + one.now - int(one.machine["cpus"][0]["accounted_ns"])
        ahead = v - exact_average(one, 0)
    slept = one.sleep(0, i)
    lag = word(one, i, LAG)
    assert lag < 0
    one.run(50 * MS)
    one.wake(0, i, slept)
    assert abs((exact_average(one, 0) - word(one, i, V)) - lag) <= 8
    assert one.current(0) != i and one.machine["cpus"][0]["resched"] == 0


def test_a_thread_that_moves_keeps_its_lag_whatever_the_other_queues_time_is(two):
    for _ in range(2):
        two.start(SERVER, affinity=1)
    for _ in range(2):
        two.start(SERVER, affinity=2, nice=-20)
    two.run(300 * MS)
    assert abs(average(two.base, 0) - average(two.base, 1)) > 100 * MS
    i = eevdf_holds(two.machine, 0)[0]
    lag = exact_average(two, 0) - word(two, i, V)
    two.threads[i]["affinity"] = to_words(2)
    assert hot.move_runnable(two.base, 0, i) == 1
    two.check()
    moved = exact_average(two, 1) - word(two, i, V)
    assert abs(moved - lag) <= 8
    two.run(100 * MS)
    two.check()


def test_a_stolen_thread_begins_on_the_thiefs_time(two):
    a, b = two.start(SERVER, affinity=1), two.start(SERVER, affinity=1)
    two.run(100 * MS)
    two.threads["affinity"][[a, b]] = to_words(3)
    waiting = ({a, b} - {two.current(0)}).pop()
    assert two.pick(1) == waiting
    two.check()
    assert word(two, waiting, V) == average(two.base, 1)


def test_a_new_nice_value_keeps_the_real_length_of_lag_and_slice(one):
    i = one.start(SERVER)
    one.start(SERVER)
    while one.current(0) != i:
        one.step()
    one.threads[i]["nice"] = 5
    before = one.now
    hot.tick(one.base, 0, i)
    assert word(one, i, OWN_WEIGHT) == WEIGHTS[25]
    one.check()
    ran = one.run(10 * SECOND)
    fair = 10 * SECOND * WEIGHTS[25] / (WEIGHTS[25] + 1024)
    assert one.now > before and abs(ran[i] - fair) <= 0.01 * fair + SLICE


def test_periodic_balancing_evens_out_three_and_one_but_leaves_two_and_one(two):
    threads = [two.start(SERVER, affinity=1) for _ in range(3)]
    two.start(SERVER, affinity=2)
    for i in threads:
        two.threads[i]["affinity"] = to_words(3)
    two.run(50 * MS)
    loads = [sum(two.state(i)[1] == queue for i in range(4)) for queue in range(2)]
    assert loads == [2, 2]
    migrations = int(two.threads["migrations"].sum())
    two.run(SECOND)
    assert two.threads["migrations"].sum() == migrations, "they go back and forth"
    two.sleep(0, two.current(0))
    two.run(200 * MS)
    assert two.threads["migrations"].sum() == migrations


def test_a_woken_thread_goes_to_its_last_cpu_if_idle_else_to_an_idle_one_else_to_the_lighter():
    with played(4, "eevdf") as cpus:
        threads = [cpus.start(SERVER, affinity=1 << cpu) for cpu in range(4)]
        for cpu in range(4):
            assert cpus.pick(cpu) == threads[cpu]
            cpus.threads[threads[cpu]]["affinity"] = to_words(15)
        i = threads[3]
        cpus.sleep(3, i)
        place = lambda me: hot.place(cpus.base, me, i, 1)  # noqa: E731 (PLACE_WAKE)
        cpus.machine["idle"] = to_words(0b1100)
        assert place(0) == 3
        cpus.machine["idle"] = to_words(0b0100)
        assert place(0) == 2
        cpus.machine["idle"] = to_words(0b0110)
        assert place(1) == 1
        cpus.machine["idle"] = to_words(0)
        assert place(0) == 3
        cpus.start(SERVER, affinity=8, nice=-20)
        assert place(0) == 0


def test_the_treap_stays_shallow_with_a_thousand_threads(one):
    for _ in range(1000):
        one.start(SERVER)
    one.run(20 * MS)

    def depth(i):
        t = one.threads[i]
        return 0 if i < 0 else 1 + max(depth(int(t["next"])), depth(int(t["previous"])))

    one.check()
    assert depth(int(one.machine["queues"][0]["policy"][deadline_treap.ROOT]) - 1) <= 40
