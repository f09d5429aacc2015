"""History of threads from events: against a walk over the events in plain Python, with lost events, cut traces."""

import numpy as np
import pytest

from emu.kernel.thread.states import SLEEP_FUTEX, SLEEP_TIME
from emu.limits import GLOBAL_QUEUE, SERVER
from emu.trace.history import ENDINGS, STARTS, read_history
from tests.trace.random_runs import random_story
from tests.traces import BOOT_NS, Story


def rows(columns, *names):
    return list(zip(*(getattr(columns, name).tolist() for name in names)))


def us(rows_ns):
    """Times from boot, in µs."""
    return [tuple((v - BOOT_NS) / 1000 if v > 1000 else v for v in row) for row in rows_ns]


@pytest.fixture
def story(tmp_path):
    story = Story(tmp_path / "story.trace")
    story.add(10, SERVER, "spawn", 1, a=0, b=5)
    story.add(20, 0, "switch", 1, a=10_000, b=0)
    story.add(50, 0, "block", 1, a=30_000, b=SLEEP_FUTEX)
    story.add(60, 1, "wake", 1, a=1, b=0)
    story.add(65, 0, "migrate", 1, a=0, b=1)
    story.add(80, 0, "switch", 1, a=20_000, b=0)
    story.add(90, 0, "preempt", 1, a=10_000, b=0)
    story.add(95, 0, "switch", 1, a=5_000, b=0)
    return story


def test_a_thread_runs_waits_and_sleeps(story):
    story.add(99, 0, "exit", 1, a=4_000, b=5)
    trace = story.trace()
    history = read_history(trace)
    assert us(rows(history.slices, "start_ns", "end_ns", "how")) == [(20, 50, 2), (80, 90, 0), (95, 99, 3)]
    assert us(rows(history.waits, "start_ns", "end_ns", "queue")) == [(10, 20, 0), (60, 80, 0), (90, 95, 0)]
    assert us(rows(history.stays, "start_ns", "end_ns", "queue")) == [
        (10, 20, 0), (60, 65, 1), (65, 80, 0), (90, 95, 0),
    ]  # fmt: skip
    assert us(rows(history.sleeps, "start_ns", "end_ns", "reason")) == [(50, 60, SLEEP_FUTEX)]
    begins = [trace.names()[trace.events["kind"][k]] for k in history.waits.begin_event]
    assert begins == ["spawn", "wake", "preempt"]
    assert [trace.names()[trace.events["kind"][k]] for k in history.slices.end_event] == ["block", "preempt", "exit"]


def test_what_lasts_until_the_end_of_the_trace_is_open(story):
    story.add(97, 1, "spawn", 2, a=1, b=5).add(98, 1, "spawn", 3, a=1, b=5).add(99, 1, "switch", 3, a=1_000, b=1)
    history = read_history(story.trace())
    last = rows(history.slices, "thread", "how", "end_event")[-2:]
    assert last == [(1, ENDINGS.index("open"), -1), (3, ENDINGS.index("open"), -1)]
    assert us(rows(history.waits, "start_ns", "end_ns", "thread", "end_event"))[3] == (97, 99, 2, -1)
    assert rows(history.stays, "thread", "end_event", "queue")[4] == (2, -1, 1)


def test_a_trace_that_begins_in_the_middle_is_known_from_what_ends_say(tmp_path):
    story = Story(tmp_path / "cut.trace")
    story.rings.clear()
    story.add(0, 1, "park").add(50, 0, "block", 1, a=30_000, b=SLEEP_TIME).add(70, 0, "switch", 2, a=15_000, b=0)
    story.add(80, 1, "switch", 3, a=500_000, b=1)
    history = read_history(story.trace())
    assert us(rows(history.slices, "start_ns", "end_ns", "start_event")) == [(20, 50, -1), (70, 80, 3 - 1), (80, 80, 3)]
    assert us(rows(history.waits, "start_ns", "end_ns", "begin_event")) == [(55, 70, -1), (0, 80, -1)]
    assert us(rows(history.sleeps, "start_ns", "end_ns", "wake_event")) == [(50, 80, -1)]


def test_a_sleep_that_spans_lost_events_is_left_out(story):
    story.add(58, 0, "lost", a=3, b=4_000)  # 54 to 58 µs
    history = read_history(story.trace())
    assert not len(history.sleeps.thread) and len(history.waits.thread) == 3


def test_a_sleep_that_lasts_into_an_end_whose_events_were_lost_is_left_out(story):
    story.add(62, 1, "park").add(99, 0, "block", 1, a=4_000, b=SLEEP_TIME).add(99.5, 0, "park")
    assert us(rows(read_history(story.trace()).sleeps, "start_ns", "end_ns")) == [(50, 60), (99, 99.5)]
    full = story.trace(lost={1: 5})  # after its last event at 62 µs
    assert us(rows(read_history(full).sleeps, "start_ns", "end_ns")) == [(50, 60)]


def test_a_wait_whose_beginning_was_lost_begins_when_its_switch_says(tmp_path):
    story = Story(tmp_path / "lost.trace")
    story.add(10, SERVER, "spawn", 1, a=0, b=5)  # then it ran, and was preempted, of which nothing is known
    story.add(40, 0, "switch", 1, a=6_000, b=0)
    history = read_history(story.trace())
    assert us(rows(history.waits, "start_ns", "end_ns", "begin_event")) == [(34, 40, -1)]


def test_stalls_of_the_host_are_counted_where_they_overlap(story):
    story.add(30, 0, "host-stall", a=15_000)  # 15 to 30
    story.add(48, 0, "host-stall", a=4_000)  # 44 to 48
    story.add(85, 1, "host-stall", a=80_000)  # the other CPU
    history = read_history(story.trace())
    slices, waits = history.slices, history.waits
    within = history.stalls.within(slices.cpu, slices.start_ns, slices.end_ns)
    assert within.tolist() == [14_000, 0, 0]
    zeros = np.zeros(len(waits.thread), dtype=int)
    assert history.stalls.within(zeros, waits.start_ns, waits.end_ns).tolist() == [5_000, 0, 0]


def test_a_trace_without_threads_has_no_history(tmp_path):
    story = Story(tmp_path / "empty.trace")
    story.rings.clear()
    story.add(1, SERVER, "cpu-up", a=0)
    history = read_history(story.trace())
    assert not len(history.slices.cpu) and not len(history.waits.thread) and not len(history.sleeps.thread)


def oracle(trace):
    """The same by a walk: {kind of span: [(thread, generation, start, end)]}."""
    found = {"slices": [], "waits": [], "sleeps": []}
    state, names = {}, trace.names()
    for e in trace.events:
        name, key, now = names[e["kind"]], (int(e["thread"]), int(e["generation"])), int(e["time_ns"])
        if name not in ("switch", "block", "exit", *STARTS):
            continue
        what, since = state.pop(key, (None, 0))
        if what:
            found[what].append((*key, since, now))
        if name != "exit":
            state[key] = ("slices" if name == "switch" else "sleeps" if name == "block" else "waits", now)
    end = int(trace.events["time_ns"][-1])
    for key, (what, since) in state.items():
        found[what].append((*key, since, end))
    return {what: sorted(spans) for what, spans in found.items()}


@pytest.mark.parametrize("seed", range(5))
def test_a_random_run_gives_what_a_plain_walk_gives(tmp_path, seed):
    trace = random_story(tmp_path / "random.trace", seed).trace()
    history = read_history(trace)
    for what, spans in oracle(trace).items():
        assert sorted(rows(getattr(history, what), "thread", "generation", "start_ns", "end_ns")) == spans, what
    delays = trace.of_kind("switch")["a"].sum()
    closed = history.waits.end_event >= 0
    assert (history.waits.end_ns - history.waits.start_ns)[closed].sum() == delays
    stays = history.stays.end_ns - history.stays.start_ns
    assert stays.sum() == (history.waits.end_ns - history.waits.start_ns).sum()


def test_one_queue_for_all_is_named_where_a_wait_is_open(tmp_path):
    story = Story(tmp_path / "one.trace")
    story.add(10, SERVER, "spawn", 1, a=GLOBAL_QUEUE, b=5)
    assert rows(read_history(story.trace()).stays, "queue") == [(GLOBAL_QUEUE,)]
