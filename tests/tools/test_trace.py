"""`emu trace` as a user types it: printing, filters, summary, check, and every kind of bad input."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from emu.kernel.thread.states import SLEEP_FUTEX
from emu.limits import IPI_RESCHEDULE, SERVER
from tests.traces import Story

ROOT = Path(__file__).resolve().parents[2]
TRACE = [sys.executable, str(ROOT / "tools" / "trace.py")]
RUN = [sys.executable, str(ROOT / "tools" / "run.py")]


def emu_trace(*arguments):
    return subprocess.run([*TRACE, *map(str, arguments)], capture_output=True, text=True, timeout=120, cwd=ROOT)


@pytest.fixture
def story(tmp_path):
    story = Story(tmp_path / "story.trace")
    story.add(10, SERVER, "spawn", 1, a=0, b=5)
    story.add(1500, 0, "switch", 1, a=1_490_000, b=0)
    story.add(1600, 0, "block", 1, a=100_000, b=SLEEP_FUTEX)
    story.add(1700, 1, "wake", 1, a=0, b=0)
    story.add(1701, 1, "ipi-message", a=0, b=IPI_RESCHEDULE)
    story.add(1800, 0, "switch", 1, a=100_000, b=0)
    story.add(2000, 0, "exit", 1, a=200_000, b=5)
    story.add(2100, 0, "spawn", 1, a=0, b=5, generation=1)
    story.add(2200, 0, "switch", 1, a=100_000, b=0, generation=1)
    story.add(2300, 0, "exit", 1, a=100_000, b=5, generation=1)
    return story.end(3000)


def lines(done):
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()[1:]]


def test_each_event_is_a_line_with_its_numbers_decoded(story):
    printed = lines(emu_trace(story.write()))
    assert len(printed) == 14
    assert printed[2] == ["10.000", "server", "1#0", "spawn", "queue=0", "task=5"]
    assert printed[4] == ["1600.000", "0", "1#0", "block", "ran_ns=100000", "reason=futex"]
    assert printed[6] == ["1701.000", "1", "-", "ipi-message", "target=0", "vector=reschedule"]


FILTERS = {
    "a CPU": (["--cpu", 1], 3),
    "two actors": (["--cpu", 1, "--cpu", "server"], 6),
    "a thread, all generations": (["--thread", 1], 9),
    "one generation": (["--thread", "1#1"], 3),
    "a kind": (["--event", "switch"], 3),
    "two kinds": (["--event", "switch", "--event", "exit"], 5),
    "from": (["--from", "1700"], 9),
    "to": (["--to", "1.6ms"], 5),
    "a stretch": (["--from", "1600us", "--to", "0.0018s"], 4),
    "all at once": (["--cpu", 0, "--thread", "1#0", "--event", "switch", "--to", "1.6ms"], 1),
    "nothing left": (["--from", "9s"], 0),
    "a limit": (["--limit", 4], 4),
}


@pytest.mark.parametrize("kind", FILTERS)
def test_filter(story, kind):
    options, expected = FILTERS[kind]
    assert len(lines(emu_trace(story.write(), *options))) == expected


def test_a_limit_says_what_it_left_out(story):
    assert emu_trace(story.write(), "--limit", 4).stderr == "emu: 10 more events\n"


def test_events_as_json(story):
    done = emu_trace(story.write(), "--json", "--event", "block")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"time_us": 1600.0, "actor": 0, "thread": "1#0", "event": "block", "ran_ns": 100_000, "reason": "futex"}
    ]


def test_summary(story):
    done = emu_trace(story.write(), "--summary")
    assert done.returncode == 0
    assert "1,000 switches/s" in done.stdout and "run delay µs: p50 100.0" in done.stdout
    summary = json.loads(emu_trace(story.write(), "--summary", "--json").stdout)
    assert summary["counts"]["switch"] == {"0": 3} and summary["switches_per_s"] == 1000
    assert [row["cpu_ns"] for row in summary["threads"]] == [300_000, 100_000]


def test_check_of_a_good_trace(story):
    done = emu_trace(story.write(), "--check")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "14 events, 2 threads, 3 switches: no violation\n"


def test_check_of_a_bad_trace_is_a_line_for_each_violation(story):
    del story.rings[1][0]  # the wake
    done = emu_trace(story.write(), "--check")
    assert done.returncode == 1
    first, *_, last = done.stdout.splitlines()
    assert first.startswith("order: thread 1#0 begins to run while it is asleep: [1800.000 µs CPU 0 switch 1#0")
    assert first.endswith("after [1600.000 µs CPU 0 block 1#0: ran_ns 100000, reason futex]")
    assert last == "14 events, 2 threads, 3 switches: 1 violation".replace("14", "13")
    found = json.loads(emu_trace(story.path, "--check", "--json").stdout)
    assert [v["rule"] for v in found["violations"]] == ["order"]


def test_slack_is_how_far_a_slice_may_be_exceeded(tmp_path):
    story = Story(tmp_path / "story.trace")
    story.add(1, SERVER, "spawn", 1, a=0).add(2, 0, "switch", 1, a=1_000)
    story.add(12_002, 0, "preempt", 1, a=12_000_000, b=10**7)
    path = story.write(ended=False)
    assert emu_trace(path, "--check").returncode == 0
    assert emu_trace(path, "--check", "--slack", "2ms").returncode == 0
    assert emu_trace(path, "--check", "--slack", "1.9ms").returncode == 1


BAD = {
    "missing file": (["/no/such/file"], "No such file"),
    "a folder": ([ROOT], "directory"),
    "no trace": ([ROOT / "README.md"], "not a trace of emu"),
    "unknown event": (["FILE", "--event", "swich"], "event 'swich': this trace has switch, preempt"),
    "no such CPU": (["FILE", "--cpu", "2"], "CPU '2': this trace has 0 to 1"),
    "no thread": (["FILE", "--thread", "main"], "thread 'main': write its index"),
    "no time": (["FILE", "--from", "noon"], "time 'noon': write for example"),
    "another digit": (["FILE", "--cpu", "²"], "CPU '²': this trace has 0 to 1"),
    "a CPU of many digits": (["FILE", "--cpu", "9" * 5000], "9…': this trace has 0 to 1"),
    "a thread of many digits": (["FILE", "--thread", "9" * 5000], "9…': no trace has so many"),
    "a generation of many digits": (["FILE", "--why", f"1#{'9' * 5000}@1"], "9…': no trace has so many"),
    "a time without end": (["FILE", "--from", "9" * 400], "9…': no trace is so long"),
    "nothing to explain": (["FILE", "--why", ""], "'': write THREAD@TIME"),
    "no slack": (["FILE", "--check", "--slack", "5 parsecs"], "time '5 parsecs'"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_refused_in_one_line(story, kind):
    arguments, words = BAD[kind]
    path = story.write()
    done = emu_trace(*(path if a == "FILE" else a for a in arguments))
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("emu: ") and words in done.stderr


def test_a_reader_that_stops_reading_is_no_error(story):
    for _ in range(5000):
        story.add(2500, 0, "interrupt", a=1)
    command = f"'{sys.executable}' tools/trace.py '{story.write()}' | head -n 2"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert len(done.stdout.splitlines()) == 2 and done.stderr == ""


def test_a_run_is_recorded_printed_and_checked(warm, tmp_path):
    path = tmp_path / "run.trace"
    done = subprocess.run(
        [*RUN, "--cpus", "2", "--trace", path, "primes", "10000", "3"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "runnable threads waited" in done.stderr and "running ones were preempted" in done.stderr
    checked = emu_trace(path, "--check")
    assert checked.returncode == 0 and checked.stdout.endswith(": no violation\n")
    assert len(lines(emu_trace(path, "--event", "spawn"))) == 4


def test_a_trace_file_that_cannot_be_written_is_refused_in_one_line(warm, tmp_path):
    done = subprocess.run(
        [*RUN, "--trace", tmp_path / "no" / "trace", "hello"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("emu: trace file ") and "cannot be written: No such file" in done.stderr
