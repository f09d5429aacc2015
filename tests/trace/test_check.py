"""The checker finds each kind of violation in a doctored trace, and nothing in the same trace before."""

import pytest

from emu.kernel.thread.states import SLEEP_FUTEX, SLEEP_SUSPEND
from emu.limits import GLOBAL_QUEUE, IPI_STOP, SERVER, SUPERVISOR
from emu.trace.check import check_trace
from tests.traces import Story

MS = 1000  # µs


@pytest.fixture
def story(tmp_path):
    return Story(tmp_path / "story.trace")


def life(story):
    """Thread 1 is spawned, runs on CPU 0, sleeps, is woken to CPU 1, stolen by 0, and exits there."""
    story.add(10, SERVER, "spawn", 1, a=0, b=5)
    story.add(20, 0, "switch", 1, a=10_000, b=0)
    story.add(50, 0, "block", 1, a=30_000, b=SLEEP_FUTEX)
    story.add(70, 1, "wake", 1, a=1, b=0)
    story.add(75, 0, "steal", 1, a=1)
    story.add(75, 0, "switch", 1, a=5_000, b=1)
    story.add(90, 0, "exit", 1, a=15_000, b=5)
    return story


def drop(story, cpu, name):
    """The same story without one event."""
    from tests.traces import KINDS

    at = next(k for k, record in enumerate(story.rings[cpu]) if record[1] & 0xFF == KINDS[name])
    del story.rings[cpu][at]
    return story


def test_a_good_life_breaks_no_rule(story):
    found = check_trace(life(story).end().trace())
    assert found.text() == "" and found.notes == []
    assert (found.threads, found.switches) == (1, 2)


def test_a_thread_on_two_cpus(story):
    story.add(10, SERVER, "spawn", 1, a=0)
    story.add(20, 0, "switch", 1, a=10_000, b=0)
    story.add(30, 1, "switch", 1, a=0, b=0)
    rules, text = story.broken(ended=False)
    assert rules[0] == "two-cpus"
    line = text.splitlines()[0]
    assert "thread 1#0 begins to run while it runs on CPU 0" in line
    assert "[30.000 µs CPU 1 switch 1#0" in line and "after [20.000 µs CPU 0 switch 1#0" in line


def test_two_threads_on_one_cpu(story):
    story.add(10, SERVER, "spawn", 1, a=0).add(11, SERVER, "spawn", 2, a=0)
    story.add(20, 0, "switch", 1, a=10_000, b=0)
    story.add(31, 0, "switch", 2, a=20_000, b=0)
    assert story.broken(ended=False)[0] == ["two-cpus"]


@pytest.mark.parametrize(
    ("cpu", "missing", "rule"),
    [(SERVER, "spawn", "order"), (0, "block", "order"), (1, "wake", "order"), (0, "steal", "place"),
     (0, "exit", "lost")],
)  # fmt: skip
def test_each_missing_event_of_a_life_is_noticed(story, cpu, missing, rule):
    rules, text = drop(life(story), cpu, missing).end().broken()
    assert rule in rules, text


def test_a_thread_that_is_woken_and_never_runs_is_lost_when_all_schedulers_have_exited(story):
    story.add(10, SERVER, "spawn", 1, a=0)
    rules, text = story.end().broken()
    assert rules == ["lost"] and "thread 1#0 is runnable" in text
    assert story.broken(ended=False)[0] == []
    assert check_trace(story.trace(ended=False)).notes == [
        "threads that had not exited when the trace ends: 1 runnable"
    ]


def test_a_thread_taken_from_another_cpus_queue_without_a_steal(story):
    story.add(10, SERVER, "spawn", 1, a=1).add(20, 0, "switch", 1, a=10_000, b=1)
    rules, text = story.broken(ended=False)
    assert rules == ["place"] and "has not stolen it" in text


def test_a_thread_taken_from_the_global_queue_needs_no_steal(story):
    story.add(10, SERVER, "spawn", 1, a=GLOBAL_QUEUE).add(20, 0, "switch", 1, a=10_000, b=GLOBAL_QUEUE)
    assert story.broken(ended=False)[0] == []


@pytest.mark.parametrize("name, a", [("migrate", 1), ("steal", 1)])
def test_a_move_from_a_queue_where_the_thread_is_not(story, name, a):
    story.add(10, SERVER, "spawn", 1, a=0).add(20, 1, name, 1, a=a, b=1)
    assert story.broken(ended=False)[0] == ["place"]


def test_a_wake_from_a_queue_where_the_thread_does_not_sleep(story):
    story = life(story)
    story.rings[1] = []
    story.add(70, 1, "wake", 1, a=1, b=1)
    assert story.end().broken()[0] == ["place"]


def test_an_event_of_a_thread_that_has_exited(story):
    life(story).add(95, 1, "wake", 1, a=0, b=0)
    rules, text = story.broken(ended=False)
    assert rules == ["handle"] and "thread 1#0 has exited" in text


def test_a_record_used_again_has_a_newer_generation(story):
    life(story).add(95, 0, "spawn", 1, a=0, generation=1)
    assert story.broken(ended=False)[0] == []
    story.add(96, 0, "wake", 1, generation=0)
    assert story.broken(ended=False)[0][0] == "handle"


def test_a_record_used_again_before_its_thread_has_exited(story):
    story.add(10, SERVER, "spawn", 1, a=0).add(12, SERVER, "spawn", 1, a=0, generation=1)
    rules, text = story.broken(ended=False)
    assert rules == ["handle"] and "1#1 has the record of 1#0" in text


def test_a_preempted_thread_that_ran_longer_than_since_its_switch(story):
    assert two_on_one_cpu(story, 5, 10_000_000, 5.1).broken(ended=False)[0] == ["time"]


@pytest.mark.parametrize("name, position", [("switch", 2), ("block", 2), ("exit", 2)])
def test_wrong_times(story, name, position):
    from tests.traces import KINDS

    life(story)
    at = next(k for k, record in enumerate(story.rings[0]) if record[1] & 0xFF == KINDS[name])
    record = list(story.rings[0][at])
    record[position] += 1
    story.rings[0][at] = tuple(record)
    assert story.end().broken()[0] == ["time"]


def two_on_one_cpu(story, preempt_at_ms, slice_ns, ran_ms):
    story.add(1, SERVER, "spawn", 1, a=0).add(1, SERVER, "spawn", 2, a=0)
    story.add(2, 0, "switch", 1, a=1_000, b=0)
    preempt_at_ms += 0.002
    return story.add(preempt_at_ms * MS, 0, "preempt", 1, a=int(ran_ms * 1e6), b=slice_ns)


def test_a_slice_that_is_kept(story):
    assert two_on_one_cpu(story, 10.9, 10_000_000, 10.9).broken(ended=False)[0] == []


def test_a_slice_that_is_exceeded_by_more_than_the_slack(story):
    assert two_on_one_cpu(story, 12, 10_000_000, 12).broken(ended=False)[0] == ["slice", "slice"]
    assert story.broken(ended=False, slack_ns=3_000_000)[0] == []


def test_a_thread_that_nobody_preempts_while_others_wait(story):
    rules, text = two_on_one_cpu(story, 12, 0, 0).broken(ended=False)
    assert rules == ["slice"] and "2.0 ms past its slice while others waited" in text


def test_a_thread_alone_may_run_on(story):
    story.add(1, SERVER, "spawn", 1, a=0).add(2, 0, "switch", 1, a=1_000, b=0)
    story.add(500 * MS, 0, "exit", 1, a=499_998_000)
    assert story.broken(ended=False)[0] == []


def suspended(story):
    """Thread 1 runs on CPU 0 and is suspended there."""
    story.add(10, SERVER, "spawn", 1, a=0).add(20, 0, "switch", 1, a=10_000, b=0)
    return story.add(30, 0, "suspend", 1).add(31, 0, "block", 1, a=11_000, b=SLEEP_SUSPEND)


def test_a_suspended_thread_that_is_resumed_goes_on(story):
    suspended(story).add(40, SUPERVISOR, "resume", 1).add(41, SUPERVISOR, "wake", 1, a=0, b=0)
    story.add(45, 0, "switch", 1, a=4_000, b=0).add(50, 0, "yield", 1, a=5_000)
    assert story.broken(ended=False)[0] == []


def test_a_suspended_thread_may_be_killed(story):
    suspended(story).add(41, SERVER, "wake", 1, a=0, b=0)
    story.add(45, 0, "switch", 1, a=4_000, b=0).add(50, 0, "exit", 1, a=5_000)
    assert story.broken(ended=False)[0] == []


@pytest.mark.parametrize(
    ("name", "a", "b"), [("yield", 5_000, 0), ("preempt", 5_000, 0), ("block", 5_000, SLEEP_FUTEX)]
)
def test_a_suspended_thread_that_goes_on(story, name, a, b):
    suspended(story).add(41, SERVER, "wake", 1, a=0, b=0)
    story.add(45, 0, "switch", 1, a=4_000, b=0).add(50, 0, name, 1, a=a, b=b)
    rules, text = story.broken(ended=False)
    assert rules == ["suspend"] and "while it is suspended" in text


def test_a_resume_of_a_thread_that_was_not_suspended(story):
    story.add(10, SERVER, "spawn", 1, a=0).add(20, SUPERVISOR, "resume", 1)
    assert story.broken(ended=False)[0] == ["suspend"]


def test_a_cpu_that_sleeps_while_a_thread_waits_for_it(story):
    story.add(5, 0, "park").add(10, SERVER, "spawn", 1, a=0)
    story.add(2 * MS, 0, "switch", 1, a=1_990_000, b=0)
    rules, text = story.broken(ended=False)
    assert rules == ["idle"] and "CPU 0 slept for 2.0 ms while thread 1#0 waited" in text
    assert story.broken(ended=False, slack_ns=3_000_000)[0] == []


def test_a_thread_that_waited_elsewhere_before_it_came_to_a_sleeping_cpu(story):
    story.add(5, 0, "park").add(10, SERVER, "spawn", 1, a=1).add(2 * MS, 1, "migrate", 1, a=0, b=1)
    story.add(2 * MS + 1, 0, "switch", 1, a=1_991_000, b=0)
    assert story.broken(ended=False)[0] == []


def test_a_cpu_that_acts_before_it_is_up(tmp_path):
    story = Story(tmp_path / "story.trace", cpus=2)
    story.rings[SERVER] = [r for r in story.rings[SERVER] if r[2] != 1]
    story.add(5, 1, "interrupt", a=1)
    rules, text = story.broken(ended=False)
    assert rules == ["cpu-life"] and "before" in text


def test_a_cpu_that_acts_after_it_went_down(story):
    life(story).end().add(100_001, 1, "ipi-bit", a=SUPERVISOR, b=IPI_STOP)  # this is how it says so
    assert story.broken()[0] == []
    story.add(100_002, 1, "ipi-bit", a=0, b=IPI_STOP)
    assert story.broken()[0] == ["cpu-life"]


def test_a_cpu_that_goes_down_with_a_thread(story):
    story.add(10, SERVER, "spawn", 1, a=0).add(20, 0, "switch", 1, a=10_000).end()
    assert story.broken(ended=False)[0] == ["cpu-life"]


def test_a_thread_put_on_the_queue_of_a_cpu_that_is_down(story):
    story.end(5).add(10, SERVER, "spawn", 1, a=1)
    assert story.broken(ended=False)[0] == ["cpu-life"]


def test_nothing_is_checked_where_events_were_lost_and_everything_after(story):
    story.add(10, SERVER, "spawn", 1, a=0).add(20, 0, "switch", 1, a=10_000)
    story.add(60, 0, "lost", a=3, b=30_000)
    story.add(40, 1, "switch", 1, a=1, b=0)  # in the gap
    story.add(70, 1, "exit", 1, a=1)  # first seen after the gap
    rules, text = story.broken(ended=False, lost={0: 3})
    assert rules == [], text
    assert "1 stretches with lost events were not checked" in check_trace(story.trace(ended=False)).notes
    story.add(80, 1, "wake", 1)
    assert story.broken(ended=False, lost={0: 3})[0] == ["handle"]


def test_events_lost_at_the_end_leave_no_thread_lost(story):
    story.add(10, SERVER, "spawn", 1, a=0).end()
    assert story.broken(lost={0: 2})[0] == []


def test_without_an_end_events_after_the_last_round_began_are_not_looked_at(story, monkeypatch):
    monkeypatch.setattr("tests.traces.END_NS", 1_000_000 + 25_000)
    story.add(10, SERVER, "spawn", 1, a=0).add(30, 0, "block", 1)
    found = check_trace(story.trace(frame_only=True))
    assert found.text() == "" and "1 events after the last whole round were not checked" in found.notes


def test_a_pause_of_the_machine_is_no_part_of_a_slice(tmp_path):
    def story(paused):
        story = Story(tmp_path / "story.trace", cpus=1)
        for thread in (1, 2):
            story.add(10, SERVER, "spawn", thread)
        story.add(20, 0, "switch", 1, a=10_000)
        if paused:
            story.add(9_000_000, 0, "paused", a=8_990_000_000)
        story.add(9_001_000, 0, "block", 1, a=9_000_980_000, b=1)
        return story.broken(ended=False)

    assert story(True) == ([], "") and "slice" in story(False)[0]
