"""Why a thread waited, slept or ran: the chain in words, of doctored traces and of a real machine's lock."""

import pytest

from emu.kernel.sched.recording import PLACE_CHOSEN, PREEMPT_SLICE, PREEMPT_WOKEN, WAKE_THREAD, WAKE_TIMER
from emu.kernel.thread.states import SLEEP_FUTEX, SLEEP_TIME
from emu.limits import SERVER, TIMEKEEPER
from emu.shm.events import PLACED, PREEMPTED, SLEEPS, WOKEN
from emu.trace.why import explain
from tests.traces import BOOT_NS, Story, checked_trace

FUTEX, NANOSLEEP = 99, 102  # the field `call` of these system calls


@pytest.fixture
def story(tmp_path):
    """Thread 1 sleeps on a lock that 2 holds; 2 is preempted by 3, which runs out its slice, while the host stalls."""
    story = Story(tmp_path / "story.trace")
    for thread in (1, 2, 3):
        story.add(thread, SERVER, "spawn", thread, PLACED.pack(queue=0))
    story.add(10, 0, "switch", 1, a=9_000)
    story.add(20, 0, "block", 1, 10_000, SLEEPS.pack(reason=SLEEP_FUTEX, call=FUTEX, object=0x1000))
    story.add(20, 0, "switch", 2, a=18_000)
    story.add(30, 0, "preempt", 2, 10_000, PREEMPTED.pack(slice_ns=0, why=PREEMPT_WOKEN, by=3 + 1))
    story.add(30, 0, "switch", 3, a=27_000)
    story.add(80, 0, "host-stall", a=40_000)
    story.add(90, 0, "preempt", 3, 60_000, PREEMPTED.pack(slice_ns=0, why=PREEMPT_SLICE))
    story.add(90, 0, "switch", 2, a=60_000)
    placed = PLACED.pack(queue=0, place=PLACE_CHOSEN, cause=WAKE_THREAD)
    story.add(95, 0, "wake", 1, placed, WOKEN.pack(waker=2 + 1, call=FUTEX))
    story.add(96, 0, "block", 2, 6_000, SLEEPS.pack(reason=SLEEP_TIME, call=NANOSLEEP))
    story.add(96, 0, "switch", 1, a=1_000)
    story.add(98, 0, "exit", 1, 2_000)
    story.add(150, TIMEKEEPER, "wake", 2, PLACED.pack(queue=0, cause=WAKE_TIMER))
    return story


def why(story, thread, time_us):
    return explain(story.trace(ended=False), thread, 0, BOOT_NS + int(time_us * 1000))


def test_a_sleeper_is_explained_by_what_the_holder_of_its_lock_waited_for(story):
    text = "\n".join(why(story, 1, 50))
    assert "thread 1#0 sleeps at 50.000 µs, from 20.000 µs to 95.000 µs (75.000 µs), on the futex 0x1000" in text
    assert "it is woken by thread 2#0, in its call futex" in text
    assert "thread 2#0 meanwhile ran for 15.000 µs, waited for a CPU for 60.000 µs" in text
    assert "thread 2#0 waits at 30.000 µs for a CPU, from 30.000 µs to 90.000 µs" in text
    assert "it had been preempted: thread 3#0 had become runnable, and the policy's hook `preempts` prefers it" in text
    assert (
        "ahead of it: thread 3#0 ran on CPU 0 for 60.000 µs; then it is preempted: its time slice was used up" in text
    )
    assert "the host kept CPU 0's process off its core for 40.000 µs" in text


def test_the_chain_is_indented_by_one_step_for_each_thread(story):
    lines = why(story, 1, 50)
    assert [line for line in lines if line.startswith("  ")] == lines[3:] and not lines[3].startswith("   ")


def test_a_runnable_thread_says_who_woke_it_and_why_there(story):
    text = "\n".join(why(story, 1, 95.5))
    assert "thread 1#0 waits at 95.500 µs for a CPU, from 95.000 µs to 96.000 µs" in text
    assert "it had been woken by thread 2#0, in its call futex, the policy's hook `select_cpu` chose CPU 0" in text
    assert "ahead of it: thread 2#0 ran on CPU 0 for 1.000 µs; then it falls asleep: until a time" in text


def test_a_running_thread_says_how_it_came_there_and_how_it_stops(story):
    assert why(story, 3, 40) == [
        "thread 3#0 runs at 40.000 µs, on CPU 0, from 30.000 µs to 90.000 µs (60.000 µs)",
        "it came there after it had been runnable for 27.000 µs",
        "then it is preempted: its time slice was used up",
        "of that, the host kept CPU 0's process off its core for 40.000 µs",
    ]


def test_a_cpu_that_slept_says_how_long_it_took_to_be_awake(tmp_path):
    story = Story(tmp_path / "story.trace")
    story.add(5, 0, "park").add(10, SERVER, "spawn", 1, PLACED.pack(queue=0))
    story.add(11, SERVER, "ipi-message", a=0, b=1).add(71, 0, "unpark").add(72, 0, "switch", 1, a=62_000)
    text = "\n".join(why(story, 1, 20))
    assert "CPU 0 slept when it came, and was awake 60.000 µs after it was sent a message" in text
    assert "nobody ran on CPU 0 meanwhile" in text


def test_a_time_out_ends_the_chain(story):
    lines = why(story, 2, 100)
    assert (
        lines[-1] == "at 150.000 µs it is woken by its time-out" and "until a time (in its call nanosleep)" in lines[0]
    )


def test_a_thread_that_is_not_there_says_when_it_was(story):
    assert why(story, 1, 5000)[0].endswith("its events are from 1.000 µs to 98.000 µs")
    assert why(story, 9, 50)[0].endswith("the trace has no event of it")


def test_two_that_wake_each_other_do_not_explain_each_other_for_ever(tmp_path):
    story = Story(tmp_path / "story.trace")
    for thread in (1, 2):
        story.add(thread, SERVER, "spawn", thread, PLACED.pack(queue=0))
    on = SLEEPS.pack(reason=SLEEP_FUTEX, call=FUTEX, object=0x1000)
    for k in range(20):
        for here, other in ((1, 2), (2, 1)):
            at = 100 * k + 50 * here
            story.add(at, 0, "switch", here, a=1)
            story.add(at + 10, 0, "block", here, 10_000, on)
            story.add(at + 10.5, 1, "wake", other, PLACED.pack(cause=WAKE_THREAD), WOKEN.pack(waker=here + 1))
    lines = why(story, 1, 1015)
    assert len(lines) < 30


def test_a_real_thread_that_waits_for_a_lock_is_told_who_released_it(boot, tmp_path, seed):
    with boot(2, "eevdf", seed=seed, trace=tmp_path / "trace") as machine:
        machine.spawn("locking", 4, 3000)
        machine.spawn("pingpong", 200)
        machine.run()
    trace = checked_trace(machine)
    blocks = trace.of_kind("block")
    on_futex = trace.values(blocks, "block", "reason") == SLEEP_FUTEX
    told = 0
    for event in blocks[on_futex][:50]:
        text = "\n".join(explain(trace, int(event["thread"]), int(event["generation"]), int(event["time_ns"])))
        assert "on the futex 0x" in text
        told += "it is woken by thread" in text
    assert told > 10
