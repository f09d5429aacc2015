"""What CPUs run and who wakes whom, in exported traces: parsed back, compared with a reader of plain Python."""

from collections import Counter

import numpy as np
import pytest

from emu.kernel.sched.recording import WAKE_CLAIMED, WAKE_THREAD
from emu.kernel.thread import states
from emu.limits import SERVER, TIMEKEEPER
from emu.shm.events import PLACED, PREEMPTED, WOKEN
from emu.trace.file import read_trace
from emu.trace.perfetto import export
from emu.trace.perfetto.identities import Identities
from emu.trace.recorder import make_header
from tests import traces
from tests.trace.perfetto.parsed import Parsed
from tests.traces import Story

RUNNABLE, ASLEEP, UNINTERRUPTIBLE, STOPPED, DEAD, RUNNABLE_AGAIN = 0, 1, 2, 4, 0x10, 0x100


@pytest.fixture
def story(tmp_path):
    return Story(tmp_path / "story.trace")


def chained(parsed):
    """Each switch begins with what the last one of its CPU left, and none goes back in time."""
    for cpu, events in parsed.switches.items():
        last = 0
        for event in events:
            assert event.sched_switch.prev_pid == event.pid == last, cpu
            last = event.sched_switch.next_pid
    for events in parsed.ftrace.values():
        times = [event.timestamp for event in events]
        assert times == sorted(times)
    return parsed


def switches(parsed, cpu=0):
    return [
        (e.timestamp // 1000, e.sched_switch.prev_pid, e.sched_switch.prev_state, e.sched_switch.next_pid)
        for e in parsed.switches[cpu]
    ]


def wakings(parsed):
    """(µs, waker's name, who is woken, target CPU)."""
    name = {0: "idle", **{tid: name for tid, (name, _) in parsed.threads.items()}}
    return [
        (e.timestamp // 1000, name[e.pid], name[e.sched_waking.pid], e.sched_waking.target_cpu) for e in parsed.wakings
    ]


def test_each_run_is_a_switch_from_the_idle_thread_and_one_back(story):
    story.add(10, 0, "switch", 1).add(20, 0, "preempt", 1).add(30, 0, "switch", 2).add(40, 0, "yield", 2)
    story.add(50, 0, "switch", 1).add(60, 0, "exit", 1)
    assert switches(chained(Parsed(story.trace()))) == [
        (10, 0, 0, 100_001), (20, 100_001, RUNNABLE_AGAIN, 0), (30, 0, 0, 100_002), (40, 100_002, RUNNABLE, 0),
        (50, 0, 0, 100_001), (60, 100_001, DEAD, 0),
    ]  # fmt: skip


SLEEPS = {"futex": ASLEEP, "server": UNINTERRUPTIBLE, "kernel": UNINTERRUPTIBLE, "stop": STOPPED, "time": ASLEEP}


@pytest.mark.parametrize("reason", SLEEPS)
def test_the_state_says_how_a_thread_sleeps(story, reason):
    number = getattr(states, f"SLEEP_{reason.upper()}")
    story.add(10, 0, "switch", 1).add(20, 0, "block", 1, b=number)
    assert switches(Parsed(story.trace()))[1][2] == SLEEPS[reason]


def test_what_is_lost_breaks_no_chain(story):
    story.add(10, 0, "switch", 1)  # its end is lost
    story.add(20, 0, "switch", 2).add(30, 0, "block", 2, b=1)
    story.add(40, 0, "block", 3, b=1)  # its beginning is lost
    story.add(50, 0, "switch", 4).add(60, 0, "block", 5, b=1)
    assert switches(chained(Parsed(story.trace()))) == [
        (10, 0, 0, 100_001), (20, 100_001, RUNNABLE, 100_002), (30, 100_002, ASLEEP, 0),
        (50, 0, 0, 100_004), (60, 100_004, RUNNABLE, 0),
    ]  # fmt: skip


def test_the_waker_is_the_thread_that_runs_on_the_cpu_that_wakes(story):
    story.add(5, SERVER, "spawn", 1, a=0).add(6, SERVER, "spawn", 2, a=1)
    story.add(10, 0, "switch", 1).add(11, 1, "switch", 2).add(20, 0, "block", 1, b=1).add(30, 1, "wake", 1, a=0)
    assert wakings(Parsed(story.trace())) == [
        (5, "emu-server", "1#0", 0), (6, "emu-server", "2#0", 1), (30, "2#0", "1#0", 0)
    ]  # fmt: skip


def test_a_waker_that_is_no_thread_has_a_name(story):
    story.add(10, 0, "switch", 1).add(20, 0, "block", 1, b=2).add(30, TIMEKEEPER, "wake", 1, a=1)
    story.add(40, 1, "switch", 1).add(50, 1, "block", 1, b=2).add(60, 1, "wake", 1, a=1)
    assert [w[1] for w in wakings(Parsed(story.trace()))] == ["emu-timekeeper", "emu-scheduler"]


def test_a_trace_of_version_1_knows_wakers_by_what_ran(story, monkeypatch):
    plain = {"placed": "queue", "woken": "old_queue", "spawned": "task", "sleeps": "reason", "moved": "queue",
             "came_from": "old_queue", "preempted": "slice_ns", "yielded": "queue"}  # fmt: skip

    def header(machine, config):
        made = make_header(machine, config)
        kinds = [[name, plain.get(a, a), plain.get(b, b), doc] for name, a, b, doc in made["kinds"]]
        values = {
            name: table for name, table in made["values"].items() if name in ("reason", "actor", "queue", "vector")
        }
        return {**made, "version": 1, "fields": {}, "kinds": kinds, "values": values}

    monkeypatch.setattr(traces, "make_header", header)
    story.add(5, SERVER, "spawn", 1, a=0, b=7).add(6, SERVER, "spawn", 2, a=1, b=7)
    story.add(10, 0, "switch", 1).add(11, 1, "switch", 2, b=1).add(20, 0, "block", 1, b=2).add(30, 1, "wake", 1, a=0)
    story.add(40, 1, "block", 2, b=1).add(50, 1, "wake", 2, a=1)
    story.add(60, 1, "switch", 2, b=1).add(70, 1, "wake", 2, a=1)  # its falling asleep was lost
    parsed = chained(Parsed(story.trace()))
    assert [w[1] for w in wakings(parsed)] == ["emu-server", "emu-server", "2#0", *["emu-scheduler"] * 2]
    assert parsed.processes[100_001] == "task-7"
    assert parsed.counters["CPU 1 queue"] == [(6_000, 1), (11_000, 0), (50_000, 1), (60_000, 0), (70_000, 1)]


@pytest.mark.parametrize("length", [1, 2, 7])
def test_it_does_not_matter_where_stretches_of_the_trace_end(story, monkeypatch, length):
    story.add(5, SERVER, "spawn", 1, a=0).add(6, SERVER, "spawn", 2, a=1)
    for k in range(10, 100, 10):
        story.add(k, 0, "switch", 1).add(k + 3, 0, "block", 1, b=1).add(k + 4, 1, "switch", 2)
        story.add(k + 5, 1, "wake", 1, PLACED.pack(queue=k % 20 // 10, cause=k // 10 % 8), WOKEN.pack(waker=3 + k % 3))
        story.add(k + 6, 1, "preempt", 2, b=PREEMPTED.pack(by=2)).add(k + 7, 1, "migrate", 2, 0, 1)
        story.add(k + 7, SERVER, "spawn", 4 + k % 3, a=1, generation=k)
        story.add(k + 8, 0, "claim", 1, PLACED.pack(queue=0, cause=1), WOKEN.pack(waker=3))
    whole = Parsed(story.trace())
    monkeypatch.setattr(export, "CHUNK_EVENTS", length)
    pieces = chained(Parsed(story.trace()))
    assert switches(pieces) == switches(whole) and switches(pieces, 1) == switches(whole, 1)
    assert wakings(pieces) == wakings(whole)
    assert sorted(map(repr, pieces.events)) == sorted(map(repr, whole.events))
    assert {n: sorted(v) for n, v in pieces.counters.items()} == {n: sorted(v) for n, v in whole.counters.items()}


def test_a_real_trace_is_there_whole(boot, tmp_path, seed):
    with boot(3, "random", seed=seed, trace=tmp_path / "trace") as machine:
        for name, arguments in {"locking": (4, 2_000), "sleepers": (6, 5), "spawn": (40,), "yield": (3, 300)}.items():
            machine.spawn(name, *arguments)
        machine.run()
    trace = read_trace(machine.trace)
    assert trace.complete and not any(trace.lost.values())
    parsed = chained(Parsed(trace))
    found = Counter(e.sched_switch.prev_state for events in parsed.switches.values() for e in events)
    assert found[RUNNABLE_AGAIN] == len(trace.of_kind("preempt")) and found[DEAD] == len(trace.of_kind("exit"))
    assert found[ASLEEP] + found[UNINTERRUPTIBLE] == len(trace.of_kind("block"))
    assert sum(map(len, parsed.switches.values())) == 2 * len(trace.of_kind("switch"))
    assert len(parsed.wakings) == len(trace.of_kind("wake", "spawn"))
    known = {name for name, _ in parsed.threads.values()}
    assert {waker for _, waker, _, _ in wakings(parsed)} <= known - {"emu"}
    assert "emu-timekeeper" in {waker for _, waker, _, _ in wakings(parsed)}, "the sleepers' time-outs"


def test_a_claimed_wake_up_is_its_claimers(tmp_path):
    story = Story(tmp_path / "story.trace")
    story.add(1, SERVER, "spawn", 1, PLACED.pack(queue=0)).add(
        2, SERVER, "spawn", 7, PLACED.pack(queue=1), generation=4
    )
    story.add(3, 0, "switch", 1, 2_000).add(5, 0, "block", 1, 2_000)
    story.add(10, 0, "wake", 1, PLACED.pack(cause=WAKE_CLAIMED), WOKEN.pack(call=3))
    story.add(11, 1, "claim", 1, PLACED.pack(queue=3, cause=WAKE_THREAD), WOKEN.pack(waker=7 + 1, call=99))
    trace = story.trace(ended=False)
    [waking] = [event for event in Parsed(trace).wakings if event.timestamp == 10_000]
    assert waking.pid == Identities(trace).tid_of_keys(np.array([4 << 24 | 7]))[0]
