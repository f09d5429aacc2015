"""A primary and a blocking pool of CPUs on played ones: CPUs 0 and 1 are primary, 2 and 3 blocking."""

import pytest

from emu.actor.policies import BUILTIN
from emu.hot import entry
from emu.kernel.sched import pools
from emu.kernel.sched.core import switch
from emu.kernel.sched.exclusive import set_exclusive
from emu.kernel.sched.hotplug import take_offline
from emu.kernel.sched.migration import set_affinity
from emu.kernel.thread.inherit import inherit
from emu.limits import GLOBAL_QUEUE, IPI_RESCHEDULE, SERVER
from emu.shm.cpumask import to_int, to_words
from emu.shm.layout import machine_at
from tests.kernel import wrappers as hot
from tests.kernel.cpus import MS, played

PRIMARY, BLOCKING = 0b0011, 0b1100
OWN_QUEUES = ("codezero", "inko", "eevdf", "random")  # with locks, without


@entry(4)
def enter(address, me, i, blocking):
    """What the native calls do: the running thread enters a pool, and gives way where it has to."""
    m = machine_at(address)
    answer = pools.enter_pool(m, me, i, blocking)
    if pools.must_move(m, me, i):
        switch(m, me, i, True)
    return answer


@entry(3)
def make_child(address, i, n):
    inherit(machine_at(address), i, n)
    return 0


@entry(3)
def forget_blocking(address, me, i):
    pools.forget_blocking(machine_at(address), me, i)
    return 0


def allowed(cpus, i):
    return to_int(cpus.threads[i]["affinity"]) & 0b1111


def start_running(cpus, me, stays=False):
    """A thread that runs on a CPU, and stays there or may run anywhere in its pool from then on."""
    i = cpus.start(me, affinity=1 << me)
    assert cpus.pick(me) == i
    if not stays:
        ask_for(cpus, i, -1)
        cpus.machine["cpus"]["pending"] = 0
    return i


def ask_for(cpus, i, mask):
    cpus.machine["cpus"][SERVER]["given"] = to_words(mask)
    set_affinity(cpus.base, SERVER, i)


@pytest.fixture(params=BUILTIN)
def cpus(request):
    with played(4, request.param, blocking_cpus=2) as each:
        yield each
        each.check()


@pytest.fixture(params=OWN_QUEUES)
def own(request):
    with played(4, request.param, blocking_cpus=2) as each:
        yield each
        each.check()


@pytest.mark.system("inko-6")
def test_new_threads_run_on_primary_cpus_only_whoever_makes_and_wakes_them(cpus):
    cpus.stop_clock()
    threads = [cpus.start(me) for me in (0, 1, 2, 3, SERVER) for _ in range(3)]
    for step in range(200):
        running = cpus.step(MS)
        assert running[2:] == [-1, -1] and -1 not in running[:2]
        if step % 7 == 0:
            i, waker = running[step % 2], (2, 3, SERVER)[step % 3]
            cpus.wake(waker, i, cpus.sleep(step % 2, i))
            assert cpus.state(i)[1] in (0, 1, GLOBAL_QUEUE)
    assert {cpus.state(i)[0] for i in threads} == {"running", "runnable"}


@pytest.mark.system("inko-6")
def test_who_begins_a_blocking_operation_waits_for_a_blocking_cpu_at_once_and_its_cpu_takes_the_next(cpus):
    i = start_running(cpus, 0)
    other = cpus.start(0, affinity=1)
    assert enter(cpus.base, 0, i, 1) == 0
    assert cpus.state(i)[0] == "runnable" and allowed(cpus, i) == BLOCKING
    assert cpus.current(0) == other or cpus.pick(0) == other
    assert cpus.pick(1) == -1
    there = cpus.state(i)[1]
    me = 2 if there == GLOBAL_QUEUE else there
    assert cpus.pick(me) == i
    assert enter(cpus.base, me, i, 0) == 0
    assert cpus.state(i)[0] == "runnable" and allowed(cpus, i) == PRIMARY and cpus.current(me) == -1
    assert [cpus.pick(2), cpus.pick(3)] == [-1, -1]


@pytest.mark.system("inko-6")
def test_in_a_blocking_operation_it_sleeps_wakes_and_is_preempted_there(cpus):
    cpus.stop_clock()
    i = start_running(cpus, 0)
    enter(cpus.base, 0, i, 1)
    for step in range(60):
        running = cpus.step(MS)
        assert i in running[2:]
        me = running.index(i)
        if step % 3 == 0:
            cpus.wake((0, SERVER)[step % 2], i, cpus.sleep(me, i))
        elif step % 3 == 1:
            cpus.switch(me)


@pytest.mark.system("inko-6")
def test_a_cpu_takes_what_waits_in_its_own_pool_though_more_waits_in_the_other():
    for policy in ("codezero", "inko", "eevdf"):  # those that take
        with played(4, policy, blocking_cpus=2) as cpus:
            for _ in range(6):
                cpus.start(0, affinity=1)
            start_running(cpus, 2, stays=True)
            waiting = cpus.start(2, affinity=0b0100)
            cpus.threads[waiting]["affinity"] = to_words(BLOCKING)
            assert cpus.pick(3) == waiting, policy
            cpus.check()


HEAVIEST = """
from emu.policy import append, hook, load_relaxed, pop, remove, queue_of

@hook
def enqueue(m, queue, thread, reason):
    append(m, m.queues[queue], thread)
    return 0

@hook
def pick(m, queue):
    return pop(m, m.queues[queue])

@hook
def dequeue(m, queue, thread):
    remove(m, m.queues[queue], thread)
    return 0

@hook
def select_cpu(m, thread, me, reason):
    return me if me < m.nr_cpus else queue_of(m.threads[thread])

@hook
def balance(m, me, attempt):
    best = -1
    for cpu in range(m.nr_cpus):
        if best < 0 or load_relaxed(m.queues[cpu], "nr_runnable") > load_relaxed(m.queues[best], "nr_runnable"):
            best = cpu
    return best if attempt == 0 else -1
"""


@pytest.mark.system("inko-6")
def test_a_policy_that_knows_nothing_of_pools_is_put_right(tmp_path):
    path = tmp_path / "heaviest.py"
    path.write_text(HEAVIEST)
    with played(4, str(path), blocking_cpus=2) as cpus:
        for _ in range(6):
            cpus.start(0)
        assert {cpus.state(i)[1] for i in range(6)} == {0}, "as the policy says"
        away = [cpus.start(3) for _ in range(4)]
        assert sorted(cpus.state(i)[1] for i in away) == [1, 1, 1, 1], "the primary CPU with the fewest threads"
        waiting = [cpus.start(2, affinity=BLOCKING) for _ in range(2)]
        assert {cpus.state(i)[1] for i in waiting} == {2}
        assert cpus.pick(3) == waiting[0], "although more wait in the other pool"
        hot.balance_periodically(cpus.base, 3)
        assert cpus.state(waiting[1]) == ("runnable", 2), "a busy CPU takes what the policy says, or nothing"
        cpus.check()


@pytest.mark.system("inko-6")
def test_a_cpu_of_the_other_pool_is_told_of_nothing_and_one_of_its_pool_is(own):
    i = start_running(own, 0)
    own.machine["idle"] = to_words(0b1110)
    enter(own.base, 0, i, 1)
    told = [cpu for cpu in range(4) if int(own.machine["cpus"]["pending"][cpu]) & IPI_RESCHEDULE]
    assert told in ([2], [3]) and cpus_idle(own) == 0b1110 & ~(1 << told[0])


def cpus_idle(cpus):
    return to_int(cpus.machine["idle"]) & 0b1111


def test_who_takes_one_of_several_wakes_a_cpu_of_its_own_pool():
    with played(4, "inko", blocking_cpus=2) as cpus:
        for _ in range(3):
            cpus.start(2, affinity=BLOCKING)
        cpus.machine["idle"] = to_words(0b0101)
        assert cpus.pick(3) >= 0 and cpus_idle(cpus) == 0b0001, "CPU 2 was told that there is more"
        cpus.start(3, affinity=BLOCKING)
        cpus.machine["idle"] = to_words(0b0001)
        cpus.switch(3)
        assert cpus_idle(cpus) == 0b0001
        cpus.machine["idle"] = to_words(0b0101)
        cpus.switch(3)
        assert cpus_idle(cpus) == 0b0001


# --- affinity, exclusive CPUs, hot-plug ---------------------------------------------------------------


@pytest.mark.system("inko-6")
@pytest.mark.parametrize(
    ("asked", "before", "between"),
    [(-1, PRIMARY, BLOCKING), (0b0101, 0b0001, 0b0100), (0b0001, 0b0001, 0b0001), (0b1000, 0b1000, 0b1000)],
    ids=["anywhere", "one-of-each", "pinned", "pinned-to-a-blocking-cpu"],
)
def test_what_was_asked_for_counts_within_the_pool_and_outside_where_none_of_it_is_there(cpus, asked, before, between):
    i = start_running(cpus, 3 if asked == 0b1000 else 0, stays=True)
    ask_for(cpus, i, asked)
    assert allowed(cpus, i) == before
    here = cpus.state(i)[1]
    assert enter(cpus.base, here, i, 1) == (0 if between & BLOCKING else 1)
    assert allowed(cpus, i) == between and (between != before or cpus.current(here) == i)
    ask_for(cpus, i, -1)
    assert allowed(cpus, i) == BLOCKING, "the operation goes on"
    ask_for(cpus, i, asked)
    assert allowed(cpus, i) == between
    if cpus.state(i)[0] == "runnable":
        assert i in (cpus.pick(2), cpus.pick(3))
    assert enter(cpus.base, cpus.state(i)[1], i, 0) == (0 if before & PRIMARY else 1)
    assert allowed(cpus, i) == before


def test_without_a_blocking_pool_nothing_moves():
    with played(4, "inko") as cpus:
        i = start_running(cpus, 0)
        assert enter(cpus.base, 0, i, 1) == 1 and cpus.current(0) == i and allowed(cpus, i) == 0b1111
        assert enter(cpus.base, 0, i, 0) == 0 and cpus.current(0) == i and allowed(cpus, i) == 0b1111


@pytest.mark.system("inko-6")
def test_children_and_new_programs_begin_in_the_primary_pool(cpus):
    i = start_running(cpus, 0)
    enter(cpus.base, 0, i, 1)
    child = cpus.new()
    make_child(cpus.base, i, child)
    assert allowed(cpus, child) == PRIMARY and cpus.threads[child]["blocking"] == 0
    hot.free_thread(cpus.base, 0, child)
    ask_for(cpus, i, 0b0101)
    child = cpus.new()
    make_child(cpus.base, i, child)
    assert allowed(cpus, child) == 0b0001 and to_int(cpus.threads[child]["asked_affinity"]) == 0b0101
    hot.free_thread(cpus.base, 0, child)
    forget_blocking(cpus.base, SERVER, i)
    assert allowed(cpus, i) == 0b0001 and cpus.threads[i]["blocking"] == 0


@pytest.mark.system("inko-6")
def test_each_pool_keeps_a_cpu_that_takes_threads(own):
    assert take_offline(own.base, SERVER, 3) == 1
    assert take_offline(own.base, SERVER, 2) == 0, "the last blocking one"
    assert take_offline(own.base, SERVER, 0) == 1
    assert take_offline(own.base, SERVER, 1) == 0, "the last primary one"


@pytest.mark.system("inko-6")
def test_neither_pool_gives_its_last_open_cpu_to_one_thread(own):
    i, j = start_running(own, 2, stays=True), start_running(own, 3, stays=True)
    assert set_exclusive(own.base, SERVER, i, 1) == 0
    assert set_exclusive(own.base, SERVER, j, 1) == -16
    assert set_exclusive(own.base, SERVER, i, 0) == 0


def test_who_asked_for_all_cpus_is_not_pinned_because_its_pool_has_one():
    with played(2, "inko", blocking_cpus=1) as cpus:
        i = cpus.start(0)
        ask_for(cpus, i, 0b11)
        assert to_int(cpus.threads[i]["affinity"]) == 0b01
        assert set_exclusive(cpus.base, SERVER, i, 1) == -22


def test_threads_of_a_pool_need_no_lock_where_queues_have_none():
    with played(4, "inko", blocking_cpus=2) as cpus:
        cpus.start(0)
        pinned = cpus.start(0, affinity=1)
        queue = cpus.machine["queues"][0]
        assert queue["nr_runnable"] == 1, "the pinned one is in the list"
        first = cpus.pick(1)
        assert first not in (-1, pinned), "the other one is for any CPU of the pool"


def test_the_periodic_look_of_a_busy_cpu_stays_within_its_pool():
    with played(4, "eevdf", blocking_cpus=2) as cpus:
        for _ in range(8):
            cpus.start(0, affinity=1)
        start_running(cpus, 2, stays=True)
        start_running(cpus, 3, stays=True)
        waiting = [cpus.start(2, affinity=0b0100) for _ in range(4)]
        cpus.threads["affinity"][waiting] = to_words(BLOCKING)
        hot.balance_periodically(cpus.base, 3)
        assert sorted(cpus.state(i)[1] for i in waiting) == [2, 2, 2, 3], "although CPU 0 has more"
        cpus.check()
