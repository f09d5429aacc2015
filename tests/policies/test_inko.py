"""inko: the priority slot, turns by reductions and by time, pinned threads and exclusive CPUs (inko-1, -5, -7)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.kernel.sched.migration import set_affinity
from emu.limits import BUDGET_INSTRUCTIONS, IPI_RESCHEDULE, SERVER
from emu.policies.inko import REDUCTIONS
from emu.shm.cpumask import to_words
from emu.testing.held import deque_of, inko_holds, list_of
from tests.kernel import wrappers as hot
from tests.kernel.cpus import MS, SECOND, TICK_NS, played
from tests.policies.walk import WALKS, Walk


@pytest.fixture
def one():
    with played(1, "inko") as cpus:
        cpus.stop_clock()
        yield cpus


@pytest.fixture
def two():
    with played(2, "inko") as cpus:
        cpus.stop_clock()
        yield cpus


def sleeper_and_runner(cpus, others=2):
    """A thread that sleeps, the one that runs now, and some that wait."""
    sleeper = cpus.start(0)
    assert cpus.pick(0) == sleeper
    slept = cpus.sleep(0, sleeper)
    runner, *waiting = (cpus.start(0) for _ in range(1 + others))
    assert cpus.pick(0) == runner
    return sleeper, slept, runner, waiting


@pytest.mark.system("inko-1")
def test_a_thread_woken_by_the_running_one_runs_next_before_all_that_wait(one):
    sleeper, slept, runner, waiting = sleeper_and_runner(one)
    one.wake(0, sleeper, slept)
    one.check()
    assert inko_holds(one.machine, 0) == [sleeper, *waiting]
    one.sleep(0, runner)
    assert [one.pick(0)] == [sleeper]


@pytest.mark.system("inko-1")
def test_the_next_thread_woken_pushes_the_first_one_to_the_queue(one):
    first, slept, runner, waiting = sleeper_and_runner(one)
    one.wake(0, first, slept)
    one.sleep(0, runner)
    assert one.pick(0) == first
    second = runner
    word = hot.sleep_of(one.base, second)
    third = waiting[0]
    one.wake(0, second, word)
    one.start(0)
    hot.switch(one.base, 0, first)
    assert one.current(0) == second
    sleeping = one.sleep(0, second)
    assert one.pick(0) == third
    fourth = one.sleep(0, third)
    one.pick(0)
    one.wake(0, second, sleeping)
    one.wake(0, third, fourth)
    assert inko_holds(one.machine, 0)[0] == third and inko_holds(one.machine, 0)[-1] == second
    one.check()


@pytest.mark.system("inko-1")
def test_a_thief_leaves_the_slot_alone(two):
    sleeper, slept, runner, _ = sleeper_and_runner(two, others=0)
    two.wake(0, sleeper, slept)
    assert two.pick(1) == -1
    two.sleep(0, runner)
    assert two.pick(0) == sleeper
    two.check()


@pytest.mark.system("inko-1")
def test_who_is_woken_by_the_server_waits_behind_the_others(two):
    sleeper, slept, runner, waiting = sleeper_and_runner(two)
    two.wake(SERVER, sleeper, slept)
    assert inko_holds(two.machine, 0) == [*waiting, sleeper]
    two.sleep(0, runner)
    first = two.pick(0)
    assert {first, two.switch(0)} == {waiting[0], sleeper}, "deque and list have their turns"
    two.check()


@pytest.mark.system("inko-1")
def test_threads_of_the_deque_and_of_the_list_have_their_turns(one):
    pinned, free = [one.start(0, affinity=1) for _ in range(2)], [one.start(0) for _ in range(3)]
    one.machine["nr_cpus"] = 2  # so that affinity 1 binds
    bound = one.start(0, affinity=1)
    assert list_of(one.machine, 0) == [bound] and deque_of(one.machine, 0) == [*pinned, *free]
    order = [one.pick(0)] + [one.switch(0) for _ in range(11)]
    assert all(order.count(i) == 2 for i in (*pinned, *free, bound))


@pytest.mark.system("inko-1")
def test_the_only_bound_thread_has_no_more_turns_than_those_that_run_anywhere(two):
    threads = [two.start(0, affinity=0b01), two.start(0), two.start(0)]
    order = [two.pick(0)] + [two.switch(0) for _ in range(11)]
    assert [order.count(i) for i in threads] == [4, 4, 4]


@pytest.mark.system("inko-1")
def test_a_thread_that_is_bound_elsewhere_while_it_waits_moves_and_the_others_keep_their_order(two):
    first, bound, last = (two.start(0) for _ in range(3))
    two.machine["cpus"][SERVER]["given"] = to_words(0b10)
    set_affinity(two.base, SERVER, bound)
    assert two.state(bound) == ("runnable", 0) and two.machine["cpus"][0]["pending"] & IPI_RESCHEDULE
    hot.move_misplaced(two.base, 0)
    assert two.state(bound) == ("runnable", 1) and inko_holds(two.machine, 0) == [first, last]
    assert two.pick(1) == bound
    two.check()


@pytest.mark.system("inko-1")
@pytest.mark.system("inko-2")
def test_nothing_a_cpu_does_with_its_own_queue_waits_for_its_lock(two):
    sleeper, slept, runner, waiting = sleeper_and_runner(two)
    queues = two.machine["queues"]
    queues["lock"][:] = SERVER + 1
    two.wake(0, sleeper, slept)
    started = two.start(0)
    slept = two.sleep(0, runner)
    assert two.pick(0) == sleeper
    assert two.switch(0) == waiting[0]
    two.exit(0, waiting[0])
    assert two.pick(1) == waiting[1] and two.pick(0) == started, "a thief neither"
    queues["lock"][:] = 0
    two.wake(1, runner, slept)
    two.check()


@pytest.mark.system("inko-1")
def test_two_threads_that_wake_each_other_for_ever_hold_up_nobody(one):
    """They pass what is left of one turn to and fro."""
    a, slept, b, waiting = sleeper_and_runner(one)
    words = {a: slept}
    for _ in range(4 * 20):
        one.advance(TICK_NS // 20)
        one.machine["cpus"][0]["instructions"] += BUDGET_INSTRUCTIONS // 20
        i = one.current(0)
        if i in waiting:
            break
        other = a if i == b else b
        if other in words:
            one.wake(0, other, words.pop(other))
        if one.machine["cpus"][0]["instructions"] % BUDGET_INSTRUCTIONS == 0:
            hot.tick(one.base, 0, i)
        else:
            words[i] = one.sleep(0, i)
            one.pick(0)
    assert one.current(0) == waiting[0]
    one.check()


@pytest.mark.system("inko-7")
def test_a_thread_is_preempted_by_reductions_long_before_its_time_slice(one):
    threads = [one.start(0) for _ in range(3)]
    one.step()
    assert [one.step()[0] for _ in range(6)] == (threads * 3)[1:7]


@pytest.mark.system("inko-7")
def test_more_reductions_make_longer_turns(one):
    one.machine["parameters"][REDUCTIONS] = 4000
    for _ in range(2):
        one.start(0)
    order = [one.step()[0] for _ in range(17)]
    assert order == ([0] * 4 + [1] * 4) * 2 + [0]


@pytest.mark.system("inko-7")
def test_a_thread_is_preempted_by_time_where_it_uses_few_reductions(one):
    one.machine["parameters"][REDUCTIONS] = 1_000_000
    for _ in range(2):
        one.start(0)
    ran = one.run(SECOND)
    assert abs(ran[0] - ran[1]) <= 10 * MS + TICK_NS
    assert one.threads["slices"][:2].sum() >= 90


def test_a_thread_on_the_global_queue_does_not_wait_for_local_work_to_run_out(one):
    one.start(0), one.start(0)
    outsider = one.start(SERVER)
    ran = one.run(100 * MS)
    assert ran[outsider] > 20 * MS
    one.check()


@pytest.mark.system("inko-7")
def test_who_is_alone_is_not_preempted(one):
    one.start(0)
    one.run(100 * MS)
    assert one.machine["cpus"][0]["involuntary"] == 0


@pytest.mark.system("inko-5")
def test_an_exclusive_cpu_runs_pinned_threads_only_and_a_pinned_thread_nowhere_else(two):
    two.machine["exclusive"] = to_words(0b10)
    pinned = two.start(1, affinity=0b10)
    free = [two.start(1) for _ in range(3)]
    assert [two.state(i)[1] for i in free] == [0] * 3 and two.state(pinned)[1] == 1
    assert two.pick(1) == pinned
    two.sleep(1, pinned)
    assert two.pick(1) == -1, "it takes from nobody"
    assert two.pick(0) in free
    two.check()


@pytest.mark.system("inko-5")
def test_threads_that_wait_leave_a_cpu_that_becomes_exclusive_and_pinned_ones_stay(two):
    free, pinned = [two.start(1) for _ in range(2)], two.start(1, affinity=0b10)
    two.machine["exclusive"] = to_words(0b10)
    hot.evacuate(two.base, 1)
    assert [two.state(i)[1] for i in free] == [0, 0] and two.state(pinned)[1] == 1
    two.check()


@WALKS
@given(st.randoms(use_true_random=False))
def test_no_thread_is_lost_between_slot_and_queue(chance):
    with played(3, "inko") as cpus:
        cpus.stop_clock()
        walk = Walk(cpus, chance)
        for _ in range(150):
            walk.step()
            cpus.check()
        walk.settle()
        cpus.check()
