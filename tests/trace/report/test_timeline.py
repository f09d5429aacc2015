"""What the timeline is drawn from: every run with its reasons, and bins, each as an independent walk has them."""

import base64
import json
import zlib

import numpy as np
import pytest

from emu.limits import GLOBAL_QUEUE, SERVER
from emu.shm.events import SPAWNED
from emu.trace.history import ENDINGS
from emu.trace.report import levels, tiles
from emu.trace.report.pack import MOST, pack
from emu.trace.report.subject import ACTS, Subject, lean
from emu.trace.report.tiles import Tiles
from tests.trace.random_runs import FUTEX_CALL, random_story
from tests.trace.report.oracle import Oracle
from tests.traces import Story


def unpack(text):
    head, _, body = zlib.decompress(base64.b64decode(text)).partition(b"\n")
    head, found = json.loads(head), {}
    for name, planes in head["columns"]:
        found[name] = [0] * head["n"]
        for plane in range(planes):
            for row in range(head["n"]):
                found[name][row] += body[row] << 8 * plane
            body = body[head["n"] :]
    assert not body
    return found


@pytest.fixture(params=range(3))
def both(request, tmp_path):
    trace = random_story(tmp_path / "random.trace", request.param, steps=900).trace()
    return Subject(lean(trace)), Oracle(trace)


def test_packed_columns_are_what_went_in():
    columns = {"small": np.arange(5), "zeros": np.zeros(5, dtype=int), "large": np.array([0, 1, 1 << 40, MOST, 255])}
    assert unpack(pack(columns)) == {name: values.tolist() for name, values in columns.items()}
    assert unpack(pack({"none": np.empty(0, dtype=int)})) == {"none": []}
    beyond = np.array([-1, 1 << 62])  # of a hostile trace
    assert unpack(pack({"beyond": beyond})) == {"beyond": [0, MOST]}


def all_runs(subject, monkeypatch, size):
    """[{column: value, start, cpu}] of every run, by way of packed tiles."""
    monkeypatch.setattr(tiles, "RUNS", size)
    monkeypatch.setattr(tiles, "AT_ONCE", 3)
    made, found = Tiles(subject), []
    for cpu in range(subject.cpus):
        for rows, columns in zip(made.of(cpu), made.columns(cpu), strict=True):
            columns = unpack(pack(columns))
            time, end = made.span(*rows)
            for k in range(rows[1] - rows[0]):
                time += columns["gap"][k]
                found.append({"cpu": cpu, "start": time, **{name: values[k] for name, values in columns.items()}})
                time += columns["ns"][k]
            assert time == end
    return found


@pytest.mark.parametrize("size", [7, 4096])
def test_every_run_is_in_a_tile_with_its_reasons(both, monkeypatch, size):
    subject, oracle = both
    begin = subject.history.start_ns
    runs = all_runs(subject, monkeypatch, size)
    threads = [index for index, _ in subject.threads]
    closed = [run for run in runs if ENDINGS[run["how"]] != "open"]
    assert sorted(
        (
            run["cpu"],
            threads[run["thread"] - 1],
            run["start"] + begin,
            run["start"] + run["ns"] + begin,
            ENDINGS[run["how"]],
        )
        for run in closed
    ) == sorted(oracle.slices)
    waits = {(cpu, thread, end): (end - start, kind) for cpu, thread, start, end, kind in oracle.waits}
    sleeps = {(thread, end): (end - start, object_) for thread, start, end, object_, _ in oracle.sleeps}
    for run in runs:
        thread, start = threads[run["thread"] - 1], run["start"] + begin
        waited, kind = waits[run["cpu"], thread, start]
        assert (run["wait"], ACTS[run["act"]], run["queue"]) == (waited, kind, run["cpu"] + 1)
        assert run["wait_host"] == oracle.stalled(run["cpu"], start - waited, start)
        assert run["host"] == oracle.stalled(run["cpu"], start, start + run["ns"])
        if kind == "wake":
            assert (run["slept"], run["object"]) == sleeps[thread, start - waited]
            assert run["call"] == run["waker_call"] == FUTEX_CALL
        if ENDINGS[run["how"]] == "block":
            assert run["end_call"] == FUTEX_CALL and 0x1000 <= run["end_object"] < 0x1003
        if ENDINGS[run["how"]] == "preempt":
            assert run["slice"] == 5000 and run["why"] > 0


def test_the_last_migration_before_a_run_is_told(both, monkeypatch):
    subject, _ = both
    threads, last = [index for index, _ in subject.threads], {}
    expected = {}
    names = subject.trace.names()
    for event in subject.events:
        name, thread, now = names[event["kind"]], int(event["thread"]), int(event["time_ns"])
        if name == "migrate":
            last[thread] = (now, int(event["b"]))
        elif name == "switch":
            time, queue = last.pop(thread, (now, -1))
            expected[thread, now - subject.history.start_ns] = (now - time, queue + 1)
    for run in all_runs(subject, monkeypatch, 100):
        key = threads[run["thread"] - 1], run["start"]
        assert (run["moved_ago"], run["moved_from"]) == expected[key]


def test_a_run_from_another_cpus_queue_is_stolen_and_one_from_the_global_queue_is_not(tmp_path, monkeypatch):
    story = Story(tmp_path / "story.trace")
    for thread, queue in enumerate((0, 1, GLOBAL_QUEUE)):
        story.add(thread, SERVER, "spawn", thread, a=queue, b=SPAWNED.pack(task=1, waker=0))
        story.add(10 + 10 * thread, 0, "switch", thread, a=10_000 + 9000 * thread, b=queue)
        story.add(15 + 10 * thread, 0, "exit", thread, a=5000)
    runs = all_runs(Subject(lean(story.trace())), monkeypatch, 100)
    assert [run["stolen"] for run in runs] == [0, 1, 0]


@pytest.mark.parametrize("bins", [1, 10, 333])
def test_bins_say_how_busy_a_cpu_was_and_who_ran_longest(both, monkeypatch, bins):
    subject, oracle = both
    monkeypatch.setattr(levels, "CHUNK", 7)
    begin, width = subject.history.start_ns, levels.width_ns(subject.history, bins)
    slices = [*oracle.slices, *((cpu, thread, since, oracle.end, "open")
              for thread, (what, since, cpu) in oracle.open.items() if what == "runs")]  # fmt: skip
    for cpu in range(subject.cpus):
        found = levels.level(subject, cpu, bins)
        for k in range(bins):
            low, high = begin + k * width, begin + (k + 1) * width
            times = {}
            for at, thread, start, end, _ in slices:
                if at == cpu and min(end, high) > max(start, low):
                    times[thread] = times.get(thread, 0) + min(end, high) - max(start, low)
            assert found["busy"][k] == pytest.approx(sum(times.values()) / width * 255, abs=1.01)
            assert found["busy"][k] >= 1 or sum(times.values()) < 1e-6 * width, "a short run leaves something, too"
            if times and max(times.values()) > 1:
                longest = subject.threads[found["thread"][k] - 1][0]
                assert times[longest] == pytest.approx(max(times.values()), abs=1e-3 * width)


def test_levels_go_from_coarse_to_about_one_run_a_bin(both):
    subject, _ = both
    assert levels.bin_counts(subject) == [levels.FEWEST]
    subject.history.slices.cpu[:] = 0
    assert levels.bin_counts(subject)[-1] >= min(len(subject.history.slices.cpu), levels.MOST)
