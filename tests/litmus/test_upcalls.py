"""Upcalls between processes: one owner each, and each completed context once (kse-2, kse-3, kse-13)."""

from types import SimpleNamespace

import pytest

from emu.abi.registers import A0
from emu.kernel.actions import BLOCK
from emu.kernel.groups.records import KSE_INSIDE, KSE_MEMBER, KSE_OWNER
from emu.kernel.native.numbers import KSE_RELEASE, KSE_WAKEUP
from emu.kernel.sched import waking
from emu.kernel.thread.records import create_thread
from emu.policies.random import PLACEMENT, ROUND_ROBIN
from emu.testing.crew import CONTROL_S, LINE, TIMED_S
from emu.testing.upcall_checks import check_upcalls
from tests.kernel import wrappers as hot
from tests.kernel.upcalls.played import World, call, create, user_thread_of
from tests.litmus import upcalls as litmus
from tests.litmus.mutexes import make_threads
from tests.litmus.upcalls import DELIVERED, SLEPT

MODULE = "tests.litmus.upcalls"
ROUNDS = 1_000_000_000  # until the time is over


OWN_FRAME = 60  # of the crew's own, behind its words


def begin(run, upcalls):
    """A task with a group of upcalls, whose owners wait for a CPU."""
    if run.policy == "random":  # spares live on, and by chance all of them might be placed on one CPU for ever
        run.machine["parameters"][PLACEMENT] = ROUND_ROBIN
    here = SimpleNamespace(window=run.window, base=run.window.address, machine=run.machine)
    here.threads = run.machine["threads"]
    world = World(here, OWN_FRAME)
    first = create_thread(world.base, 0, world.task)
    waking.start(world.base, 0, first)
    cpu = next(cpu for cpu in range(run.workers - 1) if hot.pick_next(world.base, cpu) == first)
    for k in range(upcalls):
        assert create(world.base, cpu, first, world.mailbox(k)) == 0
    world.threads[first]["x"][A0] = 0
    assert call(world.base, cpu, first, KSE_RELEASE) == BLOCK
    call(world.base, cpu, first, KSE_WAKEUP)  # in its own name: it waits for a CPU now
    return world


def hammer(crew, variant, policy, user_threads=litmus.MOST, upcalls=2, workers=3, **options):
    run = crew(workers, policy=policy, held_up=user_threads == 1, cpus=workers - 1)
    world = begin(run, upcalls)
    jobs = [("carry", (ROUNDS, variant, user_threads))] * (workers - 1) + [("watch_owners", ())]
    run.run(MODULE, jobs, enough=lambda: run.words[DELIVERED] > 3_000 and run.words[SLEPT] > 10, **options)
    return run, world


@pytest.mark.system("kse-2", "kse-3", "kse-13")
@pytest.mark.parametrize(("user_threads", "upcalls"), [(litmus.MOST, 2), (1, 1)], ids=["busy", "idle"])
@pytest.mark.parametrize("policy", ["random", "inko"], ids=["locked", "lock-free"])
def test_each_completed_context_is_handed_out_once_and_each_upcall_has_one_owner(crew, policy, user_threads, upcalls):
    run, world = hammer(crew, litmus.SOUND, policy, user_threads, upcalls, workers=4, bound_s=TIMED_S)
    assert run.violations == 0
    check_upcalls(run.window)
    states = [int(run.words[litmus.STATES + k * LINE]) for k in range(litmus.MOST)]
    threads = run.machine["threads"]
    known = [user_thread_of(va) for va in threads["user_thread"][threads["kse"] & KSE_INSIDE != 0].tolist()]
    assert user_threads == 1 or run.words[litmus.ENDOWED] > 0
    known += world.listed(int(run.machine["groups"][0]["completed"]))
    for upcall in world.upcalls[:upcalls]:  # and whose sleep ended before it had begun; else an upcall is on its way
        is_in_user_space = threads[int(upcall["owner"]) - 1]["kse"] == KSE_MEMBER | KSE_OWNER
        if is_in_user_space and world.current(int(upcall["mailbox"])):
            known.append(user_thread_of(world.current(int(upcall["mailbox"]))))
    assert sorted(known) == [k for k in range(len(states)) if states[k] == litmus.INSIDE], "none is lost"


CONTROLS = {
    "plain-export": litmus.PLAIN_EXPORT, "plain-fetch": litmus.PLAIN_FETCH, "owner-first": litmus.OWNER_FIRST,
    "plain-gift": litmus.PLAIN_GIFT,
}  # fmt: skip


@pytest.mark.parametrize("variant", CONTROLS.values(), ids=CONTROLS.keys())
def test_control_without_these_precautions_contexts_come_twice_or_are_lost_or_upcalls_have_no_owner(crew, variant):
    run, _ = hammer(crew, variant, "random", bound_s=CONTROL_S, destroys=True)
    assert run.violations > 0


def test_control_an_owner_that_looks_before_it_takes_the_lock_sleeps_over_a_context(crew):
    run = crew(3, policy="random", held_up=True, cpus=2)
    begin(run, 1)  # else another owner is woken
    jobs = [("carry", (ROUNDS, litmus.HASTY_RELEASE, 1))] * 2 + [("watch_owners", ())]
    run.run(MODULE, jobs, bound_s=CONTROL_S, destroys=True)
    assert run.violations > 0


def wake(crew, late, **options):
    run = crew(2, policy="random", held_up=True)
    make_threads(run.window, run.words, 2)
    jobs = [("owner", (ROUNDS,)), ("waker", (late,))]
    run.run("tests.litmus.owners", jobs, enough=lambda: run.results()[0] > 2_000, **options)
    return run


@pytest.mark.system("kse-1", "kse-13")
def test_no_wake_up_of_an_owner_is_missed(crew):
    assert wake(crew, 0, bound_s=TIMED_S).violations == 0


def test_control_a_waker_that_says_too_late_that_the_owner_is_wanted_lets_it_sleep(crew):
    assert wake(crew, 1, bound_s=CONTROL_S, destroys=True).violations > 0


def wake_running(crew, plainly, **options):
    run = crew(2, policy="random", held_up=True)
    make_threads(run.window, run.words, 2)
    jobs = [("ticked_owner", (ROUNDS, plainly)), ("waker_of_one_that_runs", ())]
    run.run("tests.litmus.owners", jobs, enough=lambda: run.results()[0] > 2_000, **options)
    return run


@pytest.mark.system("kse-1")
def test_the_end_of_a_quantum_that_is_no_matter_takes_no_wake_up_along(crew):
    assert wake_running(crew, 0, bound_s=TIMED_S).violations == 0


def test_control_who_forgets_the_quantum_by_a_store_forgets_a_wake_up_too(crew):
    assert wake_running(crew, 1, bound_s=CONTROL_S, destroys=True).violations > 0
