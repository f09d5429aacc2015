"""Trace files: whole, torn, of another version, no trace at all; decoding; the summary."""

import io
import os

import msgpack
import numpy as np
import pytest

from emu.errors import TraceError
from emu.kernel.thread.states import SLEEP_TIME
from emu.limits import GLOBAL_QUEUE, IPI_RESCHEDULE, IPI_STOP, SERVER, SUPERVISOR
from emu.shm.events import PLACED, SLEEPS, SPAWNED, WOKEN
from emu.trace.check import check_trace
from emu.trace.file import RECORD, _Rounds, read_trace
from emu.trace.summary import summarize
from emu.trace.text import arguments, brief, one_line
from emu.trace.writer import TraceWriter
from tests.traces import Story


@pytest.fixture
def story(tmp_path):
    story = Story(tmp_path / "story.trace")
    story.add(10, SERVER, "spawn", 1, a=GLOBAL_QUEUE, b=5)
    story.add(20.5, 0, "switch", 1, a=10_500, b=GLOBAL_QUEUE)
    story.add(50.5, 0, "block", 1, a=30_000, b=SLEEP_TIME)
    story.add(15, 1, "ipi-bit", a=SUPERVISOR, b=IPI_RESCHEDULE | IPI_STOP)
    return story


def test_what_was_written_is_read_in_order_of_time(story):
    trace = story.trace()
    assert trace.complete and trace.ended and trace.notes() == []
    assert (np.diff(trace.events["time_ns"]) >= 0).all()
    assert [trace.names()[k] for k in trace.events["kind"]] == [
        "cpu-up", "cpu-up", "spawn", "ipi-bit", "switch", "block",
    ]  # fmt: skip
    assert trace.of_kind("block")["sequence"].tolist() == [1]


def test_numbers_that_have_names_are_named(story):
    trace = story.trace()
    ipi, switch, block = (trace.of_kind(name)[0] for name in ("ipi-bit", "switch", "block"))
    assert arguments(trace, ipi) == {"target": "supervisor", "vector": "reschedule+stop"}
    assert arguments(trace, switch) == {"run_delay_ns": 10_500, "queue": "global"}
    assert arguments(trace, block) == {"ran_ns": 30_000, "reason": "time"}
    assert one_line(trace, block).split() == ["50.500", "0", "1#0", "block", "ran_ns=30000", "reason=time"]
    assert brief(trace, block) == "[50.500 µs CPU 0 block 1#0: ran_ns 30000, reason time]"


def test_an_old_trace_is_read_by_its_own_list_of_events(story):
    frames = list(msgpack.Unpacker(io.BytesIO(story.write().read_bytes()), strict_map_key=False))
    kinds = frames[0]["kinds"]
    kinds[0], kinds[3] = ["begins", "waited_ns", "from", ""], kinds[0]  # another numbering, another name
    file = TraceWriter(str(story.path))
    for frame in frames:
        file.write(frame)
    file.close()
    trace = read_trace(story.path)
    switch = trace.events[trace.events["kind"] == 0][0]
    assert arguments(trace, switch) == {"waited_ns": 10_500, "from": GLOBAL_QUEUE}
    assert len(trace.of_kind("switch")) == 1, "by its name, whatever its number"


@pytest.mark.parametrize("cut", [1, 40, 100])
def test_a_torn_file_is_read_up_to_the_tear(story, cut):
    whole = story.write(frame_only=True).read_bytes()
    for frame in (whole, story.write().read_bytes()):
        story.path.write_bytes(frame[:-cut])
        trace = read_trace(story.path)
        assert trace.end is None and not trace.complete
        if frame is whole:
            assert len(trace.events) == 0 and trace.damaged_at is not None
            assert f"torn at byte {trace.damaged_at}" in trace.notes()[0]
    assert "the trace has no end: its machine was killed or still runs" in trace.notes()


def test_a_file_whose_tail_is_garbage_is_read_up_to_there(story):
    whole = story.write(frame_only=True).read_bytes()
    story.path.write_bytes(whole + b"\xc1\xc1 garbage")
    trace = read_trace(story.path)
    assert len(trace.events) == 6 and trace.damaged_at == len(whole)


BAD = {
    "empty": (b"", "not a trace of emu"),
    "text": (b"hello\n" * 100, "not a trace of emu"),
    "another map": (msgpack.packb({"format": "perf"}), "not a trace of emu"),
    "cut header": (msgpack.packb({"format": "emu-trace", "version": 1})[:9], "not a trace of emu"),
    "other records": (
        msgpack.packb({"format": "emu-trace", "version": 9, "record": ["time_ns", "word"]}),
        "format version 9, this emu reads versions 1 to 2",
    ),
    "no version": (msgpack.packb({"format": "emu-trace"}), "format version None"),
    "no list of events": (msgpack.packb({"format": "emu-trace", "version": 1}), "damaged: its header does not say"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_trace_is_refused_in_one_line(tmp_path, kind):
    content, words = BAD[kind]
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(TraceError, match=words) as caught:
        read_trace(tmp_path / "file")
    assert "\n" not in str(caught.value)


def rewritten(story, change):
    """The story's trace after `change` of its frames."""
    frames = list(msgpack.Unpacker(io.BytesIO(story.write().read_bytes()), strict_map_key=False))
    change(frames)
    file = TraceWriter(str(story.path))
    for frame in frames:
        file.write(frame)
    file.close()
    return read_trace(story.path)


@pytest.mark.parametrize(
    "ring",
    [
        [0, 0, 0, b"xyz"],
        [0, 7, 0, bytes(32)],
        [0, 0, "none", b""],
        [0],
        ["x", 0, 0, b""],
        {},
        [1 << 40, 0, 0, bytes(32)],
    ],
    ids=str,
)
def test_what_follows_a_round_that_is_nonsense_is_ignored(story, ring):
    bad = {"cut_ns": 1, "failed": 0, "rings": [ring]}
    trace = rewritten(story, lambda frames: frames.insert(1, bad))
    assert len(trace.events) == 0 and trace.end is None
    assert trace.is_damaged and f"torn at byte {trace.damaged_at}" in trace.notes()[0]
    trace = rewritten(story, lambda frames: frames.insert(2, bad))
    assert len(trace.events) == 6 and trace.is_damaged


NONSENSE = (None, -1, 1 << 63, "", "x", b"x", [], [1], {}, {"a": 1}, 1.5, [[None, 9]])


def places(found):
    """The maps and lists in a frame, each with a key of it: wherever something else may stand in a damaged file."""
    for key in found if isinstance(found, dict) else range(len(found)):
        yield found, key
        if isinstance(found[key], (dict, list)):
            yield from places(found[key])


@pytest.mark.parametrize("number", [0, -1], ids=["the header", "the end"])
def test_whatever_a_frame_holds_it_is_understood_or_refused(story, number):
    story.write()
    frames = list(msgpack.Unpacker(io.BytesIO(story.path.read_bytes()), strict_map_key=False))
    chosen = [
        (found, key) for found, key in places(frames[number]) if key in ("lost", "end_ns", "reason") or number == 0
    ]
    for at, (found, key) in enumerate(chosen):
        kept, found[key] = found[key], NONSENSE[at % len(NONSENSE)]
        story.path.write_bytes(b"".join(map(msgpack.packb, frames)))
        found[key] = kept
        try:
            trace = read_trace(story.path)
        except TraceError:
            continue
        trace.notes()
        summarize(trace)
        check_trace(trace)
        lines = [one_line(trace, event) for event in trace.events]
        assert len(lines) == (6 if trace.end or number else 0)


@pytest.mark.parametrize("time_ns", [-1, 1 << 62])
def test_times_that_no_clock_shows_are_damage(story, time_ns):
    story.rings[0].append((time_ns, 0, 0, 0))
    trace = story.trace()
    assert len(trace.events) == 0 and trace.is_damaged


def test_a_file_that_claims_to_be_huge_needs_no_memory_for_it(story):
    with open(story.write(), "r+b") as file:
        file.truncate(1 << 42)
    trace = read_trace(story.path)
    assert len(trace.events) == 6 and trace.damaged_at


def test_a_trace_from_a_pipe_is_refused(story):
    content = story.write().read_bytes()
    assert len(content) < 1 << 16, "fits into a pipe"
    reader, writer = os.pipe()
    os.write(writer, content)
    os.close(writer)
    try:
        with pytest.raises(TraceError, match="no regular file: copy what it gives into one"):
            read_trace(f"/dev/fd/{reader}")
    finally:
        os.close(reader)


def test_a_newer_file_with_the_same_records_is_read_as_far_as_it_is_known(story):
    def make_newer(frames):
        frames[0]["version"] = 3
        frames[0]["kinds"].append(["unheard-of", "x", "", ""])

    trace = rewritten(story, make_newer)
    assert len(trace.events) == 6 and trace.is_damaged
    assert trace.notes()[0].startswith("the file has format version 3, this emu knows versions up to 2")


def test_whole_traces_are_not_damaged(story):
    assert not story.trace().is_damaged


def test_arguments_that_hold_several_numbers_are_taken_apart(story):
    story.add(60, 1, "wake", 1, a=PLACED.pack(queue=1, place=2, cause=1), b=WOKEN.pack(old_queue=0, waker=8, call=65))
    trace = story.trace()
    wake = trace.of_kind("wake")
    assert arguments(trace, wake[0]) == {
        "queue": 1, "place": "stays", "cause": "thread", "old_queue": 0, "waker": 7, "call": "write",
    }  # fmt: skip
    assert trace.values(wake, "wake", "waker").tolist() == [8] and trace.values(wake, "wake", "queue").tolist() == [1]
    assert trace.values(trace.of_kind("block"), "block", "ran_ns").tolist() == [30_000]
    assert trace.values(wake, "wake", "no such").tolist() == [0]
    a, b = trace.plain(trace.events)
    assert a[-1] == 1 and b[-1] == 0, "the first field: the queues"


def test_a_summary_tells_run_delays_with_and_without_the_hosts_part(tmp_path):
    story = Story(tmp_path / "story.trace")
    story.add(10, SERVER, "spawn", 1, PLACED.pack(queue=0), SPAWNED.pack(task=5, waker=3))
    story.add(90, 0, "host-stall", a=60_000).add(110, 0, "switch", 1, a=100_000, b=0)
    story.add(120, 0, "exit", 1, 10_000)
    found = summarize(story.trace())
    assert found["run_delay_ns"]["p50"] == 100_000 and found["run_delay_without_host_ns"]["p50"] == 40_000
    assert found["host_stall_ns"] == {0: 60_000}
    assert found["threads"][0]["task"] == 5 and found["threads"][0]["cpu_ns"] == 10_000


def test_an_address_of_a_sleep_keeps_all_its_bits(story):
    address = (1 << 40) - 8
    story.add(60, 0, "block", 2, a=5, b=SLEEPS.pack(reason=SLEEP_TIME, call=99, object=address) - (1 << 64))
    trace = story.trace()
    assert trace.values(trace.of_kind("block"), "block", "object").tolist() == [0, address]
    assert arguments(trace, trace.of_kind("block")[1])["object"] == address


def test_rounds_that_overlap_in_time_are_put_in_order(tmp_path):
    story = Story(tmp_path / "story.trace")
    frames = list(msgpack.Unpacker(io.BytesIO(story.write().read_bytes()), strict_map_key=False))
    file = TraceWriter(str(story.path))
    file.write(frames[0])
    times = {0: [[10, 40], [50, 51]], 1: [[20, 45], [46, 60]], 2: [[41], [30, 70]]}  # 30 comes after a cut of 42
    for k, cut in enumerate((42, 65)):
        rings = [(actor, sum(map(len, rounds[:k])), 0, bytes_of(rounds[k])) for actor, rounds in times.items()]
        file.write_round(cut, 0, rings)
    file.close()
    trace = read_trace(story.path)
    assert trace.events["time_ns"].tolist() == sorted(sum((sum(rounds, []) for rounds in times.values()), []))
    for actor, rounds in times.items():
        mine = trace.events[trace.events["actor"] == actor]
        assert mine["time_ns"].tolist() == sorted(sum(rounds, []))
    assert trace.horizon_ns == 65


def test_a_round_in_which_the_machine_had_failed_has_no_causes_for_later_ones(tmp_path):
    story = Story(tmp_path / "story.trace")
    [header, *_] = msgpack.Unpacker(io.BytesIO(story.write().read_bytes()), strict_map_key=False)
    file = TraceWriter(str(story.path))
    file.write(header)
    file.write_round(42, 0, [(0, 0, 0, bytes_of([10]))])
    file.write_round(65, 1, [(0, 1, 0, bytes_of([50]))])
    file.close()
    assert read_trace(story.path).horizon_ns == 42


def test_events_that_are_written_while_a_file_is_read_have_room():
    rounds = _Rounds(1)  # as many as the file had room for
    for k in range(3):
        times = [10 * k + 1, 10 * k + 2]
        assert rounds.add({"cut_ns": 10 * k + 5, "failed": 0, "rings": [(0, 2 * k, 0, bytes_of(times))]})
    assert rounds.finish()["time_ns"].tolist() == [1, 2, 11, 12, 21, 22]


def bytes_of(times):
    records = np.zeros(len(times), dtype=RECORD)
    records["time_ns"] = times
    return records.tobytes()


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(TraceError, match="No such file"):
        read_trace(tmp_path / "nothing")
    with pytest.raises(TraceError, match="directory"):
        read_trace(tmp_path)
    with pytest.raises(TraceError, match="cannot be written: No such file"):
        TraceWriter(str(tmp_path / "no" / "file"))
    with pytest.raises(TraceError, match="not a regular file"):
        TraceWriter(str(tmp_path))


def test_lost_events_are_named(story):
    assert story.trace(lost={1: 1234}).notes() == ["1,234 events of CPU 1 were lost: its ring was full"]


def test_the_summary_counts_and_adds_up(story):
    story.add(60, 1, "wake", 1, a=0, b=0).add(64, 0, "switch", 1, a=4_000, b=0).add(74, 0, "exit", 1, a=10_000, b=5)
    summary = summarize(story.end(1000).trace())
    assert summary["counts"]["switch"] == {0: 2} and summary["counts"]["cpu-down"] == {0: 1, 1: 1}
    assert summary["events"] == 11 and summary["duration_s"] == pytest.approx(1e-3)
    assert summary["switches_per_s"] == pytest.approx(2000)
    assert summary["run_delay_ns"] == {"p50": 7250, "p90": 9850, "p99": 10435, "p100": 10500}
    assert summary["threads"] == [
        {"thread": "1#0", "task": 5, "cpu_ns": 40_000, "run_delay_ns": 14_500, "runs": 2, "cpus": [0]}
    ]
