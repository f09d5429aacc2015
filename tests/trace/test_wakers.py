"""Who woke whom, by doctored traces and by a real machine's."""

import pytest

from emu.kernel.sched.recording import WAKE_CLAIMED, WAKE_SIGNAL, WAKE_THREAD, WAKE_TIMER
from emu.limits import SERVER, TIMEKEEPER
from emu.shm.events import PLACED, WOKEN
from emu.trace.wakers import generations_at, wakers
from tests.traces import Story, checked_trace


@pytest.fixture
def story(tmp_path):
    story = Story(tmp_path / "story.trace")
    story.add(1, SERVER, "spawn", 1, generation=0)
    story.add(2, SERVER, "spawn", 7, generation=4)
    story.add(50, SERVER, "spawn", 7, generation=5)
    return story


def wake(story, time_us, actor, thread, cause, waker=0, call=0):
    story.add(time_us, actor, "wake", thread, PLACED.pack(queue=0, cause=cause), WOKEN.pack(waker=waker, call=call))


def claim(story, time_us, actor, thread, sleep, cause, waker=0, call=0):
    story.add(
        time_us, actor, "claim", thread, PLACED.pack(queue=sleep, cause=cause), WOKEN.pack(waker=waker, call=call)
    )


def test_a_wake_names_its_waker_with_the_generation_of_that_time(story):
    wake(story, 10, 0, 1, WAKE_THREAD, waker=8, call=99)
    wake(story, 60, 1, 1, WAKE_THREAD, waker=8, call=98)
    wake(story, 70, TIMEKEEPER, 1, WAKE_TIMER)
    found = wakers(story.trace())
    assert found.thread.tolist() == [7, 7, -1] and found.generation.tolist() == [4, 5, -1]
    assert found.call.tolist() == [99, 98, 0] and found.actor.tolist() == [0, 1, TIMEKEEPER]
    assert found.cause.tolist() == [WAKE_THREAD, WAKE_THREAD, WAKE_TIMER]


def test_a_wake_that_the_sleepers_own_cpu_completed_is_its_claimers(story):
    wake(story, 10, 0, 1, WAKE_CLAIMED, call=3)
    claim(story, 11, 1, 1, 3, WAKE_SIGNAL, waker=8, call=99)
    claim(story, 12, 1, 2, 3, WAKE_THREAD, waker=2)  # another thread's sleep
    found = wakers(story.trace())
    assert (found.thread[0], found.generation[0], found.cause[0], found.call[0], found.actor[0]) == (
        7, 4, WAKE_SIGNAL, 99, 1,
    )  # fmt: skip


def test_of_two_sleeps_of_one_name_the_nearest_claim_counts(story):
    wake(story, 10, 0, 1, WAKE_CLAIMED, call=3)
    claim(story, 9.5, 1, 1, 3, WAKE_THREAD, waker=8, call=99)
    claim(story, 90, 1, 1, 3, WAKE_THREAD, waker=2)
    assert wakers(story.trace()).thread.tolist() == [7]


def test_a_claim_that_was_lost_leaves_the_wake_as_it_is(story):
    wake(story, 10, 0, 1, WAKE_CLAIMED, call=3)
    found = wakers(story.trace())
    assert found.thread.tolist() == [-1] and found.cause.tolist() == [WAKE_CLAIMED] and found.call.tolist() == [0]


def test_a_waker_whose_start_is_not_in_the_trace_is_the_first_of_its_record(story):
    wake(story, 60, 0, 1, WAKE_THREAD, waker=9)
    assert wakers(story.trace()).generation.tolist() == [0], "and not as thread 7 is"


def test_the_generation_before_any_spawn_is_the_first(story):
    trace = story.trace()
    times = trace.events["time_ns"][:1]
    assert generations_at(trace, trace.events["thread"][:1] * 0 + 7, times - 1).tolist() == [0]


@pytest.mark.parametrize("policy", ["inko", "random", "eevdf"])
def test_every_wake_of_a_real_machine_has_a_thread_or_a_named_cause(boot, tmp_path, seed, policy):
    with boot(2, policy, seed=seed, trace=tmp_path / "trace") as machine:
        machine.spawn("pingpong", 3000)
        machine.spawn("locking", 4, 3000)
        machine.spawn("sleepers", 4, 5)
        machine.run()
    trace = checked_trace(machine)
    found = wakers(trace)
    names = trace.header["values"]["wake_cause"]
    causes = [names.get(cause) for cause in found.cause.tolist()]
    assert None not in causes and "claimed" not in causes
    by_thread = found.cause == WAKE_THREAD
    assert by_thread.any() and (found.thread[by_thread] >= 0).all() and (found.call[by_thread] > 0).all()
    woken = trace.events["thread"][found.position]
    assert (woken != found.thread).all(), "nobody wakes itself"
    assert (found.cause == WAKE_TIMER).any()
    assert_wakers_ran(trace, found, by_thread)


def assert_wakers_ran(trace, found, by_thread):
    """A waker of a CPU was the thread that ran there: the last switch before the wake names it."""
    switches = trace.of_kind("switch")
    for k in by_thread.nonzero()[0].tolist():
        if found.actor[k] >= trace.header["machine"]["cpus"]:
            continue  # the server, in a thread's name
        wake_ns = trace.events["time_ns"][found.position[k]]
        mine = switches[(switches["actor"] == found.actor[k]) & (switches["time_ns"] <= wake_ns)]
        assert mine["thread"][-1] == found.thread[k], f"{found.thread[k]} at {wake_ns}"
