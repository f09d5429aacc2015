"""Slices, instants and arrows beside what CPUs run: what they are called, where they stand, what they say."""

import pytest

from emu.kernel.sched.recording import PLACE_STAYS, PREEMPT_WOKEN, WAKE_CLAIMED, WAKE_SIGNAL, WAKE_THREAD, WAKE_TIMER
from emu.kernel.thread.states import SLEEP_FUTEX
from emu.limits import IPI_CALL, IPI_RESCHEDULE, SERVER
from emu.shm.events import CALLED, PLACED, PREEMPTED, SLEEPS, WOKEN
from emu.trace.perfetto import tracks
from tests.trace.perfetto.parsed import BEGIN, END, INSTANT, Parsed
from tests.traces import Story

FUTEX = 98 + 1  # the field `call`
CPU_1 = tracks.CPU_TRACK + 1


@pytest.fixture
def story(tmp_path):
    return Story(tmp_path / "story.trace")


def test_a_sleep_is_a_slice_that_says_on_what_and_who_ended_it(story):
    story.add(5, 1, "switch", 2).add(10, 0, "switch", 1)
    story.add(20, 0, "block", 1, b=SLEEPS.pack(reason=SLEEP_FUTEX, call=FUTEX, object=0x1000))
    story.add(30, 1, "wake", 1, PLACED.pack(queue=1, place=PLACE_STAYS, cause=WAKE_THREAD),
              WOKEN.pack(waker=3, call=FUTEX))  # fmt: skip
    begin, end = (e for e in Parsed(story.trace()).events if e[2] == 100_001)
    assert begin == (20_000, BEGIN, 100_001, "futex", {"ran_ns": 0, "call": "futex", "object": 0x1000}, [])
    assert end[:3] == (30_000, END, 100_001)
    assert end[4] == {"queue": "1", "old_queue": "0", "place": "stays", "cause": "thread",
                      "call of the waker": "futex", "woken by tid": 100_002}  # fmt: skip


def test_a_claimed_wake_says_what_its_claimer_did(story):
    story.add(5, 1, "switch", 2).add(10, 0, "switch", 1).add(20, 0, "block", 1, b=SLEEP_FUTEX)
    story.add(21, 0, "wake", 1, PLACED.pack(cause=WAKE_CLAIMED), WOKEN.pack(call=77))
    story.add(22, 1, "claim", 1, PLACED.pack(queue=77, cause=WAKE_SIGNAL), WOKEN.pack(waker=3, call=FUTEX))
    parsed = Parsed(story.trace())
    [said] = [e[4] for e in parsed.events if e[1] == END]
    assert (said["cause"], said["call of the waker"], said["woken by tid"]) == ("signal", "futex", 100_002)
    assert [e.pid for e in parsed.wakings] == [100_002]


def test_a_time_out_is_not_the_doing_of_the_thread_that_ran_meanwhile(story):
    story.add(5, 1, "switch", 2).add(10, 0, "switch", 1).add(20, 0, "block", 1, b=SLEEP_FUTEX)
    story.add(30, 1, "wake", 1, PLACED.pack(cause=WAKE_TIMER), WOKEN.pack(waker=3))
    parsed = Parsed(story.trace())
    assert [parsed.threads[e.pid] for e in parsed.wakings] == [("emu-timer", 10)]


def test_a_call_that_did_not_sleep_is_a_slice_of_its_length(story):
    story.add(10, 0, "switch", 1).add(50, 0, "call", 1, CALLED.pack(call=FUTEX, failed=11), 7_000)
    first, second = (e for e in Parsed(story.trace()).events if e[2] == 100_001)
    assert first == (43_000, BEGIN, 100_001, "futex", {"failed": 11}, [])
    assert second[:3] == (50_000, END, 100_001)


def test_a_preemption_says_why_and_for_whom(story):
    story.add(1, SERVER, "spawn", 4, generation=2).add(10, 0, "switch", 1)
    story.add(20, 0, "preempt", 1, 10_000, PREEMPTED.pack(slice_ns=5, why=PREEMPT_WOKEN, by=5))
    [found] = Parsed(story.trace()).named("preempt")
    assert found[1:4] == (INSTANT, 100_001, "preempt")
    assert found[4] == {"ran_ns": 10_000, "slice_ns": 5, "why": "woken", "by": 300_004}


def test_interrupts_are_on_the_cpus_track_and_the_servers_on_its_own(story):
    story.add(10, 1, "ipi-message", a=0, b=IPI_RESCHEDULE | IPI_CALL).add(20, SERVER, "reap", a=7, b=3)
    parsed = Parsed(story.trace())
    [sent], [reaped] = parsed.named("IPI with a message"), parsed.named("reap")
    assert sent[2] == CPU_1 and sent[4]["target"] == "0"
    assert sorted(sent[4]["vector"].split("+")) == ["call", "reschedule"]
    assert parsed.threads[parsed.tracks[reaped[2]].thread.tid][0] == "emu-server"
    assert reaped[4] == {"task": 7, "job": 3}


def test_a_stall_of_the_host_is_a_slice_of_the_cpu(story):
    story.add(5_000, 1, "host-stall", a=4_000_000)
    begin, end = (e for e in Parsed(story.trace()).events if e[2] == CPU_1)
    assert (begin[0], end[0], begin[3]) == (1_000_000, 5_000_000, "the host did not run this CPU")


def test_stalls_that_overlap_are_shown_one_after_another(story):
    story.add(5_000, 1, "host-stall", a=4_000_000).add(5_500, 0, "host-stall", a=100_000)
    story.add(6_000, 1, "host-stall", a=3_000_000)
    found = sorted((e[0], e[1]) for e in Parsed(story.trace()).events if e[2] == CPU_1 and e[0])
    assert found == [(1_000_000, BEGIN), (5_000_000, END), (5_000_001, BEGIN), (6_000_000, END)]


@pytest.mark.parametrize("far", [1 << 62, -5])
def test_a_span_that_cannot_be_is_cut_at_boot(story, far):
    story.add(5_000, 1, "host-stall", a=far)
    begin, _ = (e for e in Parsed(story.trace()).events if e[2] == CPU_1)
    assert begin[0] in (0, 5_000_000)


def test_messages_have_arrows_in_the_order_of_each_pair(story):
    for k in range(3):
        story.add(10 + k, 0, "send", 1, a=2, b=8).add(20 + k, 1, "receive", 2, a=1, b=8)
    story.add(40, 0, "send", 3, a=2, b=8).add(41, 0, "send", 1, a=~5, b=8).add(42, 1, "receive", 2, a=~5, b=8)
    parsed = Parsed(story.trace())
    sends, receipts = ([e[5] for e in parsed.named(kind)] for kind in ("send", "receive"))
    assert sends[:3] == receipts[:3] and sends[4] == receipts[3]
    assert len({tuple(flow) for flow in sends}) == 5, "none is another's"
    assert parsed.named("send")[4][4] == {"to": "port 5", "bytes": 8}


def test_there_are_no_arrows_where_events_were_lost(story):
    story.add(10, 0, "send", 1, a=2).add(20, 1, "receive", 2, a=1)
    assert {tuple(e[5]) for e in Parsed(story.trace(lost={0: 3})).named("send")} == {()}


def test_an_unknown_kind_of_a_newer_trace_is_left_out(story):
    known = Parsed(story.add(10, 0, "timer", 1).trace())
    time_ns, word, a, b = story.rings[0][-1]
    story.rings[0].append((time_ns + 5, word & ~0xFF | 0xFE, a, b))
    found = Parsed(story.trace())
    assert found.events == known.events and len(found.named("timer")) == 1


def test_names_of_arguments_have_a_limit(story, monkeypatch):
    monkeypatch.setattr(tracks, "MOST_NAMED_VALUES", 5)
    for k in range(20):
        story.add(10 + k, 0, "send", 1, a=k, b=8)
    assert [e[4]["to"] for e in Parsed(story.trace()).named("send")] == list(range(20))


def test_the_clock_says_when_the_machine_was_made(story):
    clocks = {c.clock_id: c.timestamp for c in Parsed(story.trace()).packets[0].clock_snapshot.clocks}
    assert clocks[6] == 0 and clocks[3] == 1_000_000 and clocks[1] > 1.7e18
