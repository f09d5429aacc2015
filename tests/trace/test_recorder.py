"""Recording real machines: nothing is lost, every rule holds, and whatever dies, the file can be read."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emu.errors import MachineError
from emu.limits import EVENT_RING
from emu.trace.check import check_trace
from emu.trace.file import read_trace
from emu.trace.recorder import Recorder
from tests.policies import APPENDS, FIFO
from tests.processes import children_of, cpus_of, gone, wait_until
from tests.traces import checked_trace

ROOT = Path(__file__).resolve().parents[2]
RUN = [sys.executable, str(ROOT / "tools" / "run.py")]
GUESTS = {
    "primes": (20_000, 6), "pingpong": (300,), "locking": (4, 2_000), "sleepers": (6, 5), "spawn": (40,),
    "yield": (3, 3_000), "independent": (4, 3_000_000),
}  # fmt: skip


def counts(trace):
    return {name: len(trace.of_kind(name)) for name in trace.names()}


@pytest.mark.parametrize("cpus", [1, 2, 4])
@pytest.mark.parametrize("policy", ["random", "inko"])
def test_ordinary_guests_lose_no_event_and_break_no_rule(boot, tmp_path, seed, policy, cpus):
    with boot(cpus, policy, seed=seed, trace=tmp_path / "trace") as machine:
        jobs = [machine.spawn(name, *arguments) for name, arguments in GUESTS.items()]
        report = machine.run()
    trace = checked_trace(machine)
    assert [job.exit_status for job in jobs] == [0] * len(jobs)
    seen = counts(trace)
    assert seen["spawn"] == seen["exit"] == report.threads_created
    assert seen["reap"] == len(jobs) and seen["cpu-up"] == seen["cpu-down"] == cpus
    assert seen["steal"] == sum(c.steals for c in report.cpus)
    assert seen["preempt"] == sum(j.involuntary for j in report.jobs) == sum(c.involuntary for c in report.cpus)
    assert seen["switch"] == sum(j.slices for j in report.jobs)
    assert trace.of_kind("switch")["a"].sum() == sum(c.run_delay_ns for c in report.cpus)
    assert seen["timer"] >= 6, "the sleepers' time-outs"
    assert seen["block"] > seen["wake"] > 0 or seen["block"] == seen["wake"]


def test_header_says_what_the_machine_was(boot, tmp_path, seed):
    with boot(2, "random", seed=seed, trace=tmp_path / "trace", slice_ns=3_000_000) as machine:
        machine.spawn("hello")
        machine.run()
    machine_was = checked_trace(machine).header["machine"]
    assert machine_was["cpus"] == 2 and machine_was["policy"] == "random" and machine_was["seed"] == seed
    assert machine_was["slice_ns"] == 3_000_000
    assert machine_was["hooks"] == ["enqueue", "pick", "dequeue", "select_cpu", "hand_over"]


def test_time_slices_are_in_the_trace(boot, tmp_path, seed):
    with boot(1, "random", seed=seed, trace=tmp_path / "trace", slice_ns=2_000_000) as machine:
        machine.spawn("independent", 3, 20_000_000)
        machine.run()
    trace = checked_trace(machine)
    preempts = trace.of_kind("preempt")
    assert len(preempts) > 5
    slices = trace.values(preempts, "preempt", "slice_ns")
    assert (slices == 2_000_000).all() and (preempts["a"] >= 2_000_000).all()


def test_without_trace_nothing_is_recorded(boot, seed):
    with boot(2, seed=seed) as machine:
        machine.spawn("primes", 10_000, 3)
        machine.run()
        m = machine.window.machine
        assert m["tracing"] == 0 and not m["cpus"]["events_head"].any()


PLACES = """
@hook
def select_cpu(m, thread, me, reason):
    emit(m, me, POLICY, thread, 1000 + reason, me)
    return thread % m.nr_cpus
"""
COUNTS = "    emit_policy(m, queue, thread, reason, m.queues[queue].nr_runnable)\n"
OWN_EVENTS = FIFO.replace(APPENDS, COUNTS + APPENDS) + PLACES


def test_a_policys_own_events_are_in_the_trace(boot, tmp_path, seed):
    (tmp_path / "mine.py").write_text(OWN_EVENTS)
    with boot(2, str(tmp_path / "mine.py"), seed=seed, trace=tmp_path / "trace") as machine:
        machine.spawn("primes", 10_000, 4)
        machine.run()
    trace = checked_trace(machine)
    own = trace.of_kind("policy")
    enqueued = own[own["a"] < 1000]
    assert len(enqueued) == sum(len(trace.of_kind(name)) for name in ("spawn", "wake", "preempt", "yield"))
    assert (own["a"] >= 1000).sum() >= len(trace.of_kind("spawn")) + len(trace.of_kind("wake"))


def test_one_queue_for_all_cpus_breaks_no_rule_either(boot, tmp_path, seed):
    (tmp_path / "global.py").write_text('QUEUES = "global"\n' + OWN_EVENTS.replace("thread % m.nr_cpus", "0"))
    with boot(3, str(tmp_path / "global.py"), seed=seed, trace=tmp_path / "trace", slice_ns=2_000_000) as machine:
        jobs = [machine.spawn("independent", 5, 6_000_000), machine.spawn("yield", 3, 500)]
        machine.run()
    trace = checked_trace(machine)
    assert [job.exit_status for job in jobs] == [0, 0]
    assert (trace.of_kind("switch")["b"] == trace.header["machine"]["global_queue"]).all()


def test_a_ring_that_overflows_drops_events_and_says_how_many_where_and_when(boot, tmp_path, seed, monkeypatch):
    drain = Recorder.drain
    monkeypatch.setattr("emu.trace.recorder.SHORTEST_S", 0.3)  # a reader far too slow
    monkeypatch.setattr("emu.trace.recorder.LONGEST_S", 0.3)
    with boot(2, seed=seed, trace=tmp_path / "trace") as machine:
        job = machine.spawn("yield", 4, 400_000)
        machine.run()
        recorded = machine.window.machine["cpus"]["events_head"].copy()
        dropped = machine.window.machine["cpus"]["events_lost"].copy()
    assert drain is Recorder.drain and job.exit_status == 0
    trace = read_trace(machine.trace)
    assert trace.complete and sum(trace.lost.values()) > 0
    for cpu in range(2):
        own = trace.events[trace.events["actor"] == cpu]
        said = own[own["kind"] == trace.kind_number("lost")]
        assert said["a"].sum() <= trace.lost[cpu], "what is lost at the very end is in the trailer alone"
        assert recorded[cpu] <= len(own) and dropped[cpu] <= trace.lost[cpu]
        assert (said["b"] >= 0).all()
    names = {actor for actor, count in trace.lost.items() if count}
    assert len([note for note in trace.notes() if "were lost: its ring was full" in note]) == len(names)
    found = check_trace(trace)
    assert not found.violations, found.text()
    assert any("stretches with lost events were not checked" in note for note in found.notes)


def test_cpus_wait_for_a_slow_recorder_where_that_is_asked_for(boot, tmp_path, seed, monkeypatch):
    monkeypatch.setattr("emu.trace.recorder.SHORTEST_S", 0.3)
    monkeypatch.setattr("emu.trace.recorder.LONGEST_S", 0.3)
    with boot(2, seed=seed, trace=tmp_path / "trace", trace_wait=True) as machine:
        job = machine.spawn("yield", 4, 100_000)
        machine.run()
        recorded = int(machine.window.machine["cpus"]["events_head"].max())
    assert job.exit_status == 0 and recorded > 2 * EVENT_RING, "a ring was full"
    trace = checked_trace(machine)
    assert not any(trace.lost.values())


def test_who_waits_for_a_recorder_that_gives_up_goes_on(boot, tmp_path, seed, monkeypatch):
    monkeypatch.setattr("emu.trace.recorder.SHORTEST_S", 0.3)
    monkeypatch.setattr("emu.trace.recorder.LONGEST_S", 0.3)
    with boot(1, seed=seed, trace=tmp_path / "trace", trace_wait=True, trace_limit="1M") as machine:
        job = machine.spawn("yield", 2, 200_000)
        machine.run()
    assert job.exit_status == 0 and not read_trace(machine.trace).complete


def test_a_file_that_cannot_be_made_is_refused_before_anything_starts(boot, tmp_path):
    with pytest.raises(MachineError, match="cannot be written"), boot(2, trace=tmp_path / "no" / "trace"):
        pass


def test_a_full_disk_ends_the_trace_and_not_the_run(boot, tmp_path, seed, capsys):
    was = resource.getrlimit(resource.RLIMIT_FSIZE)
    with boot(2, seed=seed, trace=tmp_path / "trace") as machine:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, was[1]))  # as a full disk: EFBIG instead of ENOSPC
        try:
            job = machine.spawn("yield", 2, 20_000)
            machine.run()
            end = time.monotonic() + 20  # the recorder comes by when it comes by
            while (tracing := int(machine.window.machine["tracing"])) and time.monotonic() < end:
                time.sleep(0.01)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, was)
    assert job.exit_status == 0 and tracing == 0
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and said[0].endswith("File too large: the trace ends here, the run goes on")
    trace = read_trace(machine.trace)
    assert trace.damaged_at is None and not trace.complete
    assert trace.notes() == ["the trace ends early: File too large"]
    assert not check_trace(trace).violations


def test_a_device_that_takes_nothing(boot, seed, capsys):
    with boot(1, seed=seed, trace="/dev/full") as machine:
        job = machine.spawn("hello")
        machine.run()
    assert job.exit_status == 0
    assert "No space left on device: the trace ends here" in capsys.readouterr().err


@pytest.fixture
def endless(warm, tmp_path):
    """`emu run --trace` of a guest that does not end, when its CPUs are at work."""
    trace = tmp_path / "trace"
    command = [*RUN, "--cpus", "3", "--trace", str(trace), "pingpong", "2000000000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(process, lambda: trace.exists() and trace.stat().st_size >= 200_000)
    yield process, trace
    process.kill()
    process.communicate()


def test_the_trace_is_readable_after_a_killed_supervisor(endless):
    process, path = endless
    children = children_of(process)
    process.kill()
    process.communicate(timeout=30)
    assert gone(children)
    trace = read_trace(path)
    assert trace.end is None and len(trace.of_kind("switch")) > 1000
    assert "the trace has no end: its machine was killed or still runs" in trace.notes()
    found = check_trace(trace)
    assert not found.violations, found.text()


def test_the_trace_is_readable_after_a_killed_cpu(endless):
    process, path = endless
    trace = read_trace(path)  # also while it is being written
    assert trace.end is None and trace.header["machine"]["cpus"] == 3
    cpus = cpus_of(process)
    assert sorted(c.name() for c in cpus) == ["emu-cpu-0", "emu-cpu-1", "emu-cpu-2"]
    os.kill(cpus[0].pid, signal.SIGKILL)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 70, errors
    trace = read_trace(path)
    assert trace.complete and "the process of CPU" in trace.end["failure"]
    assert any("the machine failed: the process of CPU" in note for note in trace.notes())
    found = check_trace(trace)
    assert not found.violations, found.text()
