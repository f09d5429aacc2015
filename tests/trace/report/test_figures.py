"""A report's figures are those of a walk over the events in plain Python."""

import numpy as np
import pytest

from emu.kernel.sched.recording import WAKE_CLAIMED
from emu.kernel.thread.states import SLEEP_FUTEX, SLEEP_TIMED
from emu.limits import IPI_RESCHEDULE, SERVER
from emu.shm.events import PLACED, SLEEPS, WOKEN
from emu.trace.report import figures, locks, series
from emu.trace.report.subject import ABSENT, Subject, lean
from tests.trace.random_runs import FUTEX_CALL, random_story
from tests.trace.report.oracle import Oracle
from tests.traces import Story

SEEDS = range(4)


@pytest.fixture(params=SEEDS)
def both(request, tmp_path):
    trace = random_story(tmp_path / "random.trace", request.param).trace()
    return Subject(lean(trace)), Oracle(trace)


def id_of(subject, thread):
    return next(k for k, (index, _) in enumerate(subject.threads) if index == thread)


def test_latencies_are_without_the_hosts_part(both):
    subject, oracle = both
    found = figures.latencies(subject)
    for name, kinds in (("wake-up to run", ["wake"]), ("preempted or yielded, to run", ["preempt", "yield"])):
        waits = [(cpu, start, end) for cpu, _, start, end, kind in oracle.waits if kind in kinds]
        check(found[name], waits, oracle)
    check(found["length of a run"], [(cpu, start, end) for cpu, _, start, end, _ in oracle.slices], oracle)


def check(found, spans, oracle):
    own = [end - start - oracle.stalled(cpu, start, end) for cpu, start, end in spans]
    host = [part for cpu, start, end in spans if (part := oracle.stalled(cpu, start, end))]
    assert found["count"] == len(own) and found["total_ns"] == sum(own) and found["host_total_ns"] == sum(host)
    assert found["percentiles"]["p50"] == int(np.percentile(own, 50)) and found["percentiles"]["p100"] == max(own)
    assert sum(count for _, count in found["counts"]) == len(own)
    for bin_, count in found["counts"]:
        low, high = 2 ** (bin_ / figures.PER_OCTAVE), 2 ** ((bin_ + 1) / figures.PER_OCTAVE)
        assert count == sum(low <= ns < high or (bin_ == 0 and ns == 0) for ns in own)


def test_worst_wake_ups_are_the_longest_without_the_host(both):
    subject, oracle = both
    waits = [
        (end - start - oracle.stalled(cpu, start, end)) for cpu, _, start, end, kind in oracle.waits if kind == "wake"
    ]
    found = figures.worst_wakes(subject, count=5)
    assert [row["end"] - row["start"] - row["host_ns"] for row in found] == sorted(waits, reverse=True)[:5]


def test_threads_have_their_times(both):
    subject, oracle = both
    found = figures.threads(subject)
    for index in range(6):
        k = id_of(subject, index)
        runs = [(cpu, start, end) for cpu, thread, start, end, _ in oracle.slices if thread == index]
        runs += [(cpu, since, oracle.end) for thread, (what, since, cpu) in oracle.open.items()
                 if what == "runs" and thread == index]  # fmt: skip
        assert found["cpu_ns"][k] == sum(e - s - oracle.stalled(cpu, s, e) for cpu, s, e in runs)
        assert found["runs"][k] == len(runs) and found["task"][k] == 1
        assert found["preempted"][k] == sum(s[4] == "preempt" for s in oracle.slices if s[1] == index)


def test_contention_is_counted_by_lock_and_waker(both):
    subject, oracle = both
    found = locks.contention(locks.FutexSleeps(subject))
    open_ = [(0, since, oracle.end, *extra) for what, since, extra in oracle.open.values() if what == "sleeps"]
    for row in found:
        mine = [end - start for _, start, end, object_, _ in [*oracle.sleeps, *open_] if object_ == row["object"]]
        assert row["task"] == 1 and row["sleeps"] == len(mine)
        assert row["total_ns"] == sum(mine) and row["max_ns"] == max(mine)
    assert sum(row["sleeps"] for row in found) == len(oracle.sleeps) + len(open_)


def test_calls_count_with_and_without_sleep(both):
    subject, oracle = both
    found = {row["call"]: row for row in figures.calls(subject)}
    calls = subject.trace.of_kind("call")
    for number in (1, 2, 3):
        mine = calls[subject.trace.values(calls, "call", "call") == number]
        assert found[number]["count"] == len(mine) and found[number]["ns"] == mine["b"].sum()
        assert found[number]["max_ns"] == mine["b"].max() and not found[number]["slept"]
    open_ = sum(what == "sleeps" for what, _, _ in oracle.open.values())
    assert found[FUTEX_CALL]["slept"] == len(oracle.sleeps) + open_ and not found[FUTEX_CALL]["count"]


def test_states_over_time_are_means_of_each_bin(both):
    subject, oracle = both
    bins = 13
    found, limits = series.states(subject, bins), series.edges(subject.history, bins)
    spans = {"runs": [(s, e) for _, _, s, e, _ in oracle.slices], "waits": [(s, e) for _, _, s, e, _ in oracle.waits],
             "sleeps": [(s, e) for _, s, e, *_ in oracle.sleeps]}  # fmt: skip
    for what, since, _ in oracle.open.values():
        spans[what].append((since, oracle.end))
    for k, (start, end) in enumerate(zip(limits[:-1].tolist(), limits[1:].tolist())):
        running = found["running"][k] + found["running, host away"][k]
        assert running == pytest.approx(oracle.mean(spans["runs"], start, end))
        waiting = found["waiting"][k] + found["waiting, host away"][k]
        assert waiting == pytest.approx(oracle.mean(spans["waits"], start, end))
        assert found["asleep"][k] == pytest.approx(oracle.mean(spans["sleeps"], start, end))
    depth = sum(series.queue_depth(subject, bins).values())
    assert depth == pytest.approx(found["waiting"] + found["waiting, host away"])
    width = np.diff(limits)
    stalled = (found["running, host away"] * width).sum()
    assert stalled == pytest.approx(subject.slice_stall_ns.sum())
    assert (found["waiting, host away"] * width).sum() == pytest.approx(subject.wait_stall_ns.sum())


def test_an_interrupt_is_taken_when_its_vector_is(tmp_path):
    story = Story(tmp_path / "story.trace")
    story.add(10, 0, "ipi-bit", a=1, b=IPI_RESCHEDULE).add(12, SERVER, "ipi-message", a=1, b=IPI_RESCHEDULE)
    story.add(13, 1, "interrupt", a=IPI_RESCHEDULE << 1).add(20, 1, "interrupt", a=IPI_RESCHEDULE)
    story.add(30, 0, "ipi-bit", a=1, b=IPI_RESCHEDULE).add(18, 1, "host-stall", a=3000)
    times, host = figures.interrupt_times(Subject(lean(story.trace())))
    assert sorted(zip(times.tolist(), host.tolist())) == [(8_000, 3_000), (10_000, 3_000)]


def test_messages_are_counted_between_threads_and_to_ports(tmp_path):
    story = Story(tmp_path / "story.trace")
    for thread in (1, 2):
        story.add(thread, SERVER, "spawn", thread, a=0, b=1).add(10 + thread, 0, "switch", thread, a=10_000)
        story.add(12.5 if thread == 2 else 11.5, 0, "yield", thread, a=500 if thread == 2 else 500)
    story.add(14, 0, "send", 1, a=2, b=100).add(15, 0, "send", 1, a=2, b=50).add(16, 0, "send", 1, a=~7, b=8)
    story.add(17, 1, "receive", 2, a=1, b=100)
    subject = Subject(lean(story.trace()))
    one, two = id_of(subject, 1), id_of(subject, 2)
    assert figures.messages(subject) == [
        {"from": one, "to": two, "count": 2, "bytes": 150, "received": 1},
        {"from": one, "to": ~7, "count": 1, "bytes": 8, "received": 0},
    ]


def test_chains_follow_the_wakers_own_sleeps(tmp_path):
    story = Story(tmp_path / "story.trace", cpus=1)
    for thread in (1, 2, 3):
        story.add(thread, SERVER, "spawn", thread, a=0, b=1)
    for thread, at, lock in ((1, 10, 0x10), (2, 20, 0x20)):
        story.add(at, 0, "switch", thread, a=(at - thread) * 1000)
        reason = SLEEP_FUTEX | (SLEEP_TIMED if thread == 2 else 0)
        story.add(at + 5, 0, "block", thread, a=5000, b=SLEEPS.pack(reason=reason, object=lock))
    story.add(40, 0, "switch", 3, a=37_000)
    story.add(50, 0, "wake", 2, a=0, b=WOKEN.pack(waker=4)).add(55, 0, "block", 3, a=15_000, b=SLEEP_FUTEX)
    story.add(60, 0, "switch", 2, a=10_000).add(70, 0, "wake", 1, a=0, b=WOKEN.pack(waker=3))
    subject = Subject(lean(story.trace()))
    chain = locks.chains(locks.FutexSleeps(subject))[0]
    assert [(subject.threads[link["thread"]][0], link["object"]) for link in chain] == [(1, 0x10), (2, 0x20)]
    assert [subject.threads[link["waker"]][0] for link in chain] == [2, 3]


def test_a_chain_ends_where_it_comes_back_to_its_beginning(tmp_path):
    story = Story(tmp_path / "story.trace", cpus=1)
    for thread in (1, 2):
        story.add(thread, SERVER, "spawn", thread, a=0, b=1)
    for thread in (1, 2):
        story.add(10 * thread, 0, "switch", thread, a=9000 * thread)
        story.add(10 * thread + 5, 0, "block", thread, a=5000, b=SLEEPS.pack(reason=SLEEP_FUTEX, object=thread))
    for thread in (1, 2):
        story.add(40 + thread, 0, "wake", thread, a=0, b=WOKEN.pack(waker=4 - thread))
    subject = Subject(lean(story.trace()))
    chain = locks.chains(locks.FutexSleeps(subject))[0]
    assert [subject.threads[link["thread"]][0] for link in chain] == [1, 2]


def test_an_old_traces_wakers_are_those_that_ran(tmp_path):
    """Version 1 does not name them."""
    trace = random_story(tmp_path / "random.trace", 1).trace()
    header = {**trace.header, "fields": {}, "kinds": [list(kind) for kind in trace.header["kinds"]]}
    for kind in header["kinds"]:
        if kind[0] == "wake":
            kind[1:3] = ["queue", "old_queue"]
    trace.header = header
    subject = Subject(lean(trace))
    wakes = np.flatnonzero(subject.events["kind"] == subject.trace.kind_number("wake"))
    who = subject.begun(wakes)["who"]
    runs = subject.running(subject.events["actor"][wakes], subject.events["time_ns"][wakes])
    assert who.tolist() == runs.tolist()


def test_a_claimed_sleep_is_woken_by_its_claimer(tmp_path):
    story = Story(tmp_path / "story.trace")
    story.add(1, SERVER, "spawn", 1, a=0, b=1).add(2, SERVER, "spawn", 2, a=0, b=1)
    story.add(3, 0, "switch", 1, a=2000).add(5, 0, "block", 1, a=2000, b=1)
    story.add(6, 0, "wake", 1, a=PLACED.pack(cause=WAKE_CLAIMED), b=WOKEN.pack(call=9))
    story.add(7, 1, "claim", 1, a=PLACED.pack(queue=9, cause=1), b=WOKEN.pack(waker=3))
    story.add(8, 0, "switch", 1, a=2000).add(9, 1, "switch", 2, a=7000, b=1)
    subject = Subject(lean(story.trace()))
    row = figures.worst_wakes(subject)[0]
    assert subject.threads[row["waker"]][0] == 2 and row["actor"] == 1 and row["waker"] != ABSENT
