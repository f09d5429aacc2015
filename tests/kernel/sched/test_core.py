"""The scheduler core on one process that plays two or three CPUs, policy by policy."""

import random
import threading

import pytest

from emu.actor.policies import BUILTIN
from emu.kernel.sched import waking
from emu.kernel.sched.hooks import NAMES, PLACE_SPAWN, PLACE_WAKE
from emu.kernel.sched.runqueue import QUEUES_GLOBAL
from emu.kernel.thread.states import SLEEP_TIME
from emu.limits import GLOBAL_QUEUE, IPI_RESCHEDULE, SERVER
from emu.shm.cpumask import to_int, to_words
from emu.testing.held import held_by, list_of
from tests.kernel import wrappers as hot
from tests.kernel.cpus import ALL, played
from tests.processes import waits_in_hot_code

TURNS = ("inko", "random", "codezero", "bsd4", "alux")  # first in, first out among equals


@pytest.fixture(params=BUILTIN)
def cpus(request):
    with played(3, request.param) as each:
        yield each


@pytest.fixture
def inko():
    with played(3, "inko") as cpus:
        yield cpus


@pytest.fixture
def rand():
    with played(3, "random") as cpus:
        yield cpus


def test_a_started_thread_runs_sleeps_wakes_and_leaves(cpus):
    i = cpus.start(0, affinity=1)
    assert cpus.state(i) == ("runnable", cpus.home(0))
    assert hot.pick_next(cpus.base, 0) == i == cpus.current(0)
    assert cpus.state(i) == ("running", 0)
    word = cpus.sleep(0, i)
    assert cpus.state(i) == ("blocked", 0) and cpus.current(0) == -1
    assert hot.pick_next(cpus.base, 0) == -1
    cpus.check()
    cpus.wake(0, i, word)
    assert cpus.state(i) == ("runnable", cpus.home(0))
    assert hot.pick_next(cpus.base, 0) == i
    cpus.check()
    hot.leave(cpus.base, 0, i)
    hot.free_thread(cpus.base, 0, i)
    assert cpus.state(i)[0] == "free" and cpus.machine["queues"]["nr_threads"].sum() == 0
    cpus.check()


@pytest.mark.parametrize("policy", TURNS)
def test_one_cpu_serves_its_threads_in_turn(policy):
    with played(3, policy) as cpus:
        threads = {cpus.start(0, affinity=1) for _ in range(3)}
        order = [hot.pick_next(cpus.base, 0)]
        for _ in range(5):
            order.append(cpus.switch(0))
            cpus.check()
        assert order == order[:3] * 2 and set(order) == threads


def test_switching_alone_gives_the_same_thread_and_counts_no_switch(cpus):
    i = cpus.start(0, affinity=1)
    hot.pick_next(cpus.base, 0)
    before = int(cpus.machine["cpus"][0]["switches"])
    assert hot.switch(cpus.base, 0, i) == i
    if cpus.machine["queue_kind"] != QUEUES_GLOBAL:  # there it is any thread that the CPU took from the list
        assert cpus.machine["cpus"][0]["switches"] == before
    cpus.check()


@pytest.mark.system("cz-4")
def test_a_thread_woken_before_it_sleeps_stays_awake_and_the_claim_is_used_up(cpus):
    i = cpus.start(0, affinity=1)
    hot.pick_next(cpus.base, 0)
    word = hot.sleep(cpus.base, i, SLEEP_TIME)
    cpus.wake(1, i, word)
    assert cpus.state(i) == ("running", 0), "the waker leaves it where it is"
    assert hot.block(cpus.base, 0, i) == 0
    cpus.check()
    cpus.sleep(0, i)
    assert cpus.state(i) == ("blocked", 0), "the old claim does not end the next sleep"
    cpus.check()


@pytest.mark.system("inko-2")
def test_one_of_several_wakers_wins_and_a_late_one_does_nothing(cpus):
    i = cpus.start(0, affinity=1)
    hot.pick_next(cpus.base, 0)
    word = cpus.sleep(0, i)
    assert [hot.claim_sleep(cpus.base, i, word) for _ in range(3)] == [1, 0, 0]
    hot.make_runnable(cpus.base, 1, i)
    hot.make_runnable(cpus.base, 2, i)
    assert held_by(cpus.policy)(cpus.machine, cpus.state(i)[1]) == [i]
    hot.pick_next(cpus.base, 0)
    second = cpus.sleep(0, i)
    assert second != word and hot.claim_sleep(cpus.base, i, word) == 0
    cpus.check()


def test_a_thread_that_may_not_stay_is_moved_when_it_is_switched_out(cpus):
    i = cpus.start(0, affinity=1)
    hot.pick_next(cpus.base, 0)
    cpus.machine["threads"][i]["affinity"] = to_words(0b100)
    hot.switch(cpus.base, 0, i)
    assert cpus.state(i) == ("runnable", cpus.home(2)) and cpus.current(0) == -1
    cpus.check()
    assert hot.pick_next(cpus.base, 2) == i
    assert cpus.machine["threads"][i]["migrations"] == 1
    assert cpus.machine["cpus"][2]["migrations_in"] == cpus.machine["cpus"][0]["migrations_out"] == 1


def test_placement_keeps_to_the_affinity(cpus):
    for cpu in range(3):
        i = cpus.new(affinity=1 << cpu)
        for reason in (PLACE_SPAWN, PLACE_WAKE):
            for me in range(3):
                assert hot.place(cpus.base, me, i, reason) in (cpu, GLOBAL_QUEUE)


def test_a_pinned_thread_is_not_stolen_and_does_not_hide_the_one_behind_it(inko):
    pinned = inko.start(0, affinity=1)
    free = inko.start(0)
    assert hot.pull(inko.base, 1, 0) == free
    assert hot.pull(inko.base, 1, 0) == -1
    assert list_of(inko.machine, 0) == [pinned]
    inko.check()


def test_nor_where_queues_have_locks():
    with played(2, "codezero") as cpus:
        pinned, free = (cpus.start(0, affinity=1) for _ in range(2))
        cpus.threads[free]["affinity"] = to_words(-1)
        assert hot.pull(cpus.base, 1, 0) == free
        assert hot.pull(cpus.base, 1, 0) == -1 and cpus.state(pinned) == ("runnable", 0)
        cpus.check()


@pytest.mark.system("inko-1")
def test_a_cpu_looks_in_its_own_queue_then_steals_then_takes_from_all_then_sleeps(inko):
    shared = inko.start(SERVER)
    others = inko.start(1)
    own = inko.start(0)
    assert [inko.state(i)[1] for i in (own, others, shared)] == [0, 1, GLOBAL_QUEUE]
    found = []
    while (i := hot.pick_next(inko.base, 0)) >= 0:
        found.append(i)
        inko.check()
        inko.sleep(0, i)
    assert found == [own, others, shared]
    assert inko.machine["cpus"][0]["steals"] == 1
    inko.check()


@pytest.mark.system("inko-1")
def test_putting_a_thread_on_the_own_queue_interrupts_nobody_who_is_busy(inko):
    first = inko.start(0)
    assert hot.pick_next(inko.base, 0) == first
    inko.start(0)
    assert not inko.machine["cpus"]["pending"].any() and not inko.machine["cpus"]["kicks"].any()


@pytest.mark.system("inko-1")
def test_an_idle_cpu_is_interrupted_once_when_there_is_something_to_steal(inko):
    assert hot.pick_next(inko.base, 0) == -1
    inko.start(0)
    assert hot.pick_next(inko.base, 0) >= 0
    inko.machine["idle"] = to_words(0b110)
    inko.start(0)
    assert list(inko.machine["cpus"]["pending"][:3]) == [0, IPI_RESCHEDULE, 0]
    assert to_int(inko.machine["idle"]) == 0b100, "who interrupts clears the bit"


@pytest.mark.system("rust-8")
def test_spawning_does_not_need_the_spawners_queue(rand):
    target = rand.new(affinity=0b010)
    rand.machine["queues"][0]["lock"] = rand.machine["queues"][2]["lock"] = SERVER + 1
    spawner = threading.Thread(target=waking.start, args=(rand.base, 0, target), daemon=True)
    spawner.start()
    spawner.join(30)
    assert not spawner.is_alive() and rand.state(target) == ("runnable", 1)
    rand.machine["queues"]["lock"] = 0
    rand.check()


@pytest.mark.system("rust-8")
def test_spawning_waits_for_the_new_threads_queue(rand):
    target = rand.new(affinity=0b010)
    waking.start.compile()
    rand.machine["queues"][1]["lock"] = SERVER + 1
    spawner = threading.Thread(target=waking.start, args=(rand.base, 0, target), daemon=True)
    spawner.start()
    assert waits_in_hot_code(spawner) and rand.state(target) == ("new", 0)
    rand.machine["queues"][1]["lock"] = 0
    spawner.join(30)
    assert not spawner.is_alive() and rand.state(target) == ("runnable", 1)
    rand.check()


@pytest.mark.system("rust-10")
def test_random_places_by_seed_and_wakes_where_it_was(rand):
    queues = [rand.state(rand.start(0))[1] for _ in range(60)]
    assert set(queues) == {0, 1, 2}
    for cpu in range(3):
        i = hot.pick_next(rand.base, cpu)
        assert rand.state(i) == ("running", cpu)
        rand.wake((cpu + 1) % 3, i, rand.sleep(cpu, i))
        assert rand.state(i) == ("runnable", cpu)
    assert hot.pick_next(rand.base, 0) >= 0
    rand.check()
    with played(3, "random") as again:
        assert [again.state(again.start(0))[1] for _ in range(60)] == queues


def test_random_steps_keep_every_invariant(cpus, seed):
    chance, base = random.Random(seed), cpus.base
    alive, words = set(), {}
    for _ in range(1500):
        me = chance.randrange(3)
        i = cpus.current(me)
        step = chance.random()
        if step < 0.15 and len(alive) < 12:
            alive.add(cpus.start(chance.choice((me, SERVER)), affinity=chance.choice((ALL, 1, 2, 4, 3, 6))))
        elif i < 0:
            hot.pick_next(base, me)
        elif step < 0.5:
            hot.switch(base, me, i)
        elif step < 0.75:
            words[i] = cpus.sleep(me, i)
        elif step < 0.8:
            cpus.exit(me, i)
            alive.remove(i)
        if words and chance.random() < 0.3:
            i = chance.choice(list(words))
            cpus.wake(chance.choice((me, SERVER)), i, words.pop(i))
        cpus.check()
    states = [cpus.state(i)[0] for i in alive]
    assert set(states) <= {"runnable", "running", "blocked"}
    assert states.count("blocked") == len(words)


def test_a_policy_whose_pick_finds_none_harms_no_thread_record(cpus):
    from emu.limits import MAX_THREADS

    i = cpus.start(0, affinity=1)
    hot.pick_next(cpus.base, 0)
    last = cpus.machine["threads"][MAX_THREADS - 1]
    last["last_cpu"] = 1
    before = last.tobytes()
    hooks = cpus.machine["cpus"][0]["hooks"]
    hooks[NAMES.index("enqueue")] = hooks[NAMES.index("pick")] = nothing_to_pick.address
    assert hot.switch(cpus.base, 0, i) == -1
    assert last.tobytes() == before


def nothing_to_pick_body(m, queue):
    return -1


def _hook():
    from emu.kernel.sched.hooks import hook

    return hook(nothing_to_pick_body)


nothing_to_pick = _hook()
