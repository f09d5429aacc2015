"""codezero: shares of a second by priority, and a total that is always exact (cz-1, cz-2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.limits import SERVER
from emu.policies.codezero import COUNTED, LEFT_NS, TOTAL
from emu.shm.cpumask import to_words
from emu.testing.held import active_on, codezero_holds
from tests.kernel import wrappers as hot
from tests.kernel.cpus import MS, SECOND, TICK_NS, played
from tests.policies.walk import WALKS, Walk

CLASSES = {"realtime": 10, "pager": 8, "server": 6, "normal": 4, "low": 2}
OPTIONS = {
    "realtime": {"realtime": 1},
    "pager": {"nice": -15},
    "server": {"nice": -5},
    "normal": {"nice": 4},
    "low": {"nice": 5},
}


def priority(t):
    """The document's table, once more."""
    if t["realtime"] > 0:
        return 10
    return next(p for bound, p in ((-15, 8), (-5, 6), (4, 4), (19, 2)) if t["nice"] <= bound)


@pytest.fixture
def one():
    with played(1, "codezero") as cpus:
        cpus.stop_clock()
        yield cpus


@pytest.fixture
def two():
    with played(2, "codezero") as cpus:
        cpus.stop_clock()
        yield cpus


def total(cpus, queue=0):
    return int(cpus.machine["queues"][queue]["policy"][TOTAL])


def left(cpus, i):
    return int(cpus.threads[i]["policy"][LEFT_NS])


def spawn(cpus, name):
    """A thread of a class, started by nobody's child: no CPU runs its parent."""
    return cpus.start(SERVER, **OPTIONS[name])


@pytest.mark.system("cz-1")
@pytest.mark.parametrize("mix", [CLASSES, ("normal", "low"), ("pager", "low", "low", "low"), ("normal",) * 7])
def test_over_ten_seconds_each_thread_has_its_priority_in_the_total(one, mix):
    threads = {spawn(one, name): CLASSES[name] for name in mix}
    ran = one.run(10 * SECOND)
    for i, mine in threads.items():
        fair = 10 * SECOND * mine / sum(threads.values())
        assert abs(ran[i] - fair) <= 0.02 * fair, f"priority {mine} ran {ran[i] / MS:.0f} ms, not {fair / MS:.0f}"
    one.check()


@pytest.mark.system("cz-1")
def test_a_share_is_the_second_times_priority_by_total(one):
    for name in ("pager", "normal", "low"):
        spawn(one, name)
    i = one.pick(0)
    assert total(one) == 14 and left(one, i) == SECOND * priority(one.threads[i]) // 14


@pytest.mark.system("cz-1")
def test_nobody_runs_longer_than_the_granularity_while_others_are_runnable(one):
    spawn(one, "realtime")
    spawn(one, "pager")
    longest, started, previous = 0, one.now, -1
    for _ in range(800 * MS // TICK_NS):  # neither share ends before
        (i,) = one.step()
        if i != previous:
            if previous >= 0:
                longest = max(longest, one.now - started)
            started, previous = one.now, i
    assert 100 * MS <= longest <= 100 * MS + TICK_NS


@pytest.mark.system("cz-1")
def test_who_has_used_up_its_share_waits_until_all_have_and_the_queues_are_swapped(one):
    first, second = spawn(one, "low"), spawn(one, "low")
    one.run(SECOND + 2 * TICK_NS)
    assert abs(one.threads[first]["runtime_ns"] - one.threads[second]["runtime_ns"]) <= 2 * TICK_NS
    third = spawn(one, "low")  # to the front of the runnable queue
    one.run(700 * MS)
    assert one.threads[third]["runtime_ns"] > 0
    one.check()


@pytest.mark.system("cz-1")
def test_a_thread_that_merely_reschedules_does_not_get_its_share_renewed(one):
    polite, greedy = spawn(one, "normal"), spawn(one, "normal")
    switches = 0
    for _ in range(10 * SECOND // TICK_NS):
        (i,) = one.step()
        if i == polite:
            before = left(one, i)
            hot.yield_cpu(one.base, 0, i)
            switches += 1
            assert left(one, i) <= before or one.current(0) == i
    assert switches > 100
    ran = [int(one.threads[i]["runtime_ns"]) for i in (polite, greedy)]
    assert abs(ran[0] - ran[1]) < 0.02 * ran[1]


@pytest.mark.system("cz-1")
def test_the_bug_a_yield_that_renews_the_share_is_noticed(changed):
    """Guards: "It also does not increase timeslice of a task that has scheduled"."""
    path = changed(
        "codezero",
        ("@hook\ndef dequeue(", "@hook\ndef yielded(m, queue, thread):\n"
         "    m.threads[thread].policy[LEFT_NS] = m.parameters[SECOND] // 2\n    return 0\n\n\n@hook\ndef dequeue("),
    )  # fmt: skip
    with played(1, path) as one:
        one.stop_clock()
        one.policy = "codezero"
        with pytest.raises(AssertionError):
            test_a_thread_that_merely_reschedules_does_not_get_its_share_renewed(one)


def inherits_and_leaves_early(cpus):
    """A child that came with half of its parent's share exits before it has used it up."""
    parent = spawn(cpus, "normal")
    assert cpus.pick(0) == parent
    cpus.advance(10 * MS)
    had = SECOND - 10 * MS
    child = cpus.start(0)
    assert left(cpus, child) == had // 2 and total(cpus) == 8
    hot.tick(cpus.base, 0, parent)
    assert left(cpus, parent) == had - had // 2
    cpus.check()
    cpus.sleep(0, parent)
    assert cpus.pick(0) == child
    cpus.advance(MS)
    cpus.exit(0, child)
    assert total(cpus) == 0
    cpus.check()


@pytest.mark.system("cz-2")
def test_a_child_that_exits_before_its_inherited_share_is_used_up_leaves_the_total_exact(one):
    inherits_and_leaves_early(one)


@pytest.mark.system("cz-2")
def test_the_documents_bug_put_back_counting_only_threads_without_a_share_is_noticed(changed):
    """Guards: "Scheduler was increasing total priorities only when resuming tasks had 0 ticks"."""
    path = changed(
        "codezero",
        ("    _account(t)\n    _count(q, t)\n    if reason == ENQUEUE_SPAWN:\n        _inherit(m, q, t)\n",
         "    _account(t)\n    if reason == ENQUEUE_SPAWN:\n        _inherit(m, q, t)\n"
         "    if t.policy[LEFT_NS] <= 0:\n        _count(q, t)\n"),
        ("        _count(q, m.threads[thread])\n        _renew", "        _renew"),
        ("    q.policy[TOTAL] -= t.policy[COUNTED]\n", "    q.policy[TOTAL] -= _priority(t)\n"),
    )  # fmt: skip
    with played(1, path) as one:
        one.stop_clock()
        one.policy = "codezero"
        with pytest.raises(AssertionError):
            inherits_and_leaves_early(one)


@pytest.mark.system("cz-2")
@WALKS
@given(st.randoms(use_true_random=False))
def test_totals_are_those_recomputed_from_the_truth_after_every_step(chance):
    with played(3, "codezero") as cpus:
        cpus.stop_clock()
        walk = Walk(cpus, chance)
        for _ in range(150):
            walk.step()
            cpus.check()
            for queue in range(3):
                counted = sum(priority(cpus.threads[i]) for i in active_on(cpus.machine, queue))
                assert total(cpus, queue) == counted
        walk.settle()
        cpus.check()
        assert not any(total(cpus, queue) for queue in range(3))


@pytest.mark.system("cz-2")
def test_a_priority_that_changes_counts_from_the_next_tick_or_switch(two):
    i, waiting = two.start(0, affinity=1), two.start(0, affinity=1)
    running = two.pick(0)
    waits = waiting if running == i else i
    two.threads[running]["nice"], two.threads[waits]["nice"] = -20, 19
    two.check()
    hot.tick(two.base, 0, running)
    assert total(two) == 8 + 4
    hot.switch(two.base, 0, running)
    assert two.current(0) == waits and total(two) == 8 + 2
    two.check()


@pytest.mark.system("cz-2")
def test_a_stolen_thread_takes_its_priority_and_the_rest_of_its_share_along(two):
    first, second = two.start(0, affinity=1), two.start(0, affinity=1)
    two.threads["affinity"][[first, second]] = to_words(3)
    running = two.pick(0)
    assert (total(two, 0), total(two, 1)) == (8, 0)
    stolen = two.pick(1)
    assert {running, stolen} == {first, second} and (total(two, 0), total(two, 1)) == (4, 4)
    assert left(two, stolen) == SECOND // 2
    two.check()


def test_a_new_thread_goes_to_the_cpu_with_the_least_total(two):
    two.start(0, affinity=1, nice=-20)
    assert two.state(two.start(0))[1] == 1
    assert two.state(two.start(0))[1] == 0 or total(two, 1) <= total(two, 0)
    assert total(two, 0) == 8 and total(two, 1) == 8


def test_a_thread_woken_with_no_share_left_waits_for_the_swap(one):
    i, other = spawn(one, "normal"), spawn(one, "normal")
    while one.current(0) != i:
        one.step()
    one.advance(600 * MS)  # past its share, before any tick
    word = one.sleep(0, i)
    assert left(one, i) <= 0
    one.pick(0)
    one.wake(0, i, word)
    assert codezero_holds(one.machine, 0) == [i]
    one.run(200 * MS)
    assert one.current(0) == other, "its share was not renewed"
    assert one.threads[i]["policy"][COUNTED] == 4
