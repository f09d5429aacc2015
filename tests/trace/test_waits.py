"""Waits beside idle CPUs, and starvation, are found in made-up traces and in a real one; the host's stalls are not."""

import dataclasses
import struct

import pytest

from emu import MachineError
from emu.limits import GLOBAL_QUEUE, SERVER
from emu.trace.check import check_trace
from emu.trace.file import read_trace
from tests.policies import APPENDS, FIFO
from tests.traces import Story

S = 1_000_000  # µs
NS = 1000
ALL_LIMITS = {"idle_limit_ns": 10**12, "starvation_limit_ns": 10**12}


@pytest.fixture
def story(tmp_path):
    return Story(tmp_path / "story.trace", policy="inko")


def busy(story, cpu=0, until=40 * S):
    """Thread 1 runs on a CPU until then."""
    story.add(10, SERVER, "spawn", 1, a=cpu)
    story.add(20, cpu, "switch", 1, a=10 * NS, b=cpu)
    return story.add(until, cpu, "block", 1, a=(until - 20) * NS, b=1)


def waits_beside(story, until=31 * S):
    """Thread 2 waits for CPU 0, which runs thread 1, while CPU 1 idles; CPU 1 takes it in the end."""
    busy(story)
    story.add(1 * S, 0, "spawn", 2, a=0)
    story.add(until, 1, "steal", 2, a=0)
    return story.add(until + 1, 1, "switch", 2, a=(until + 1 - 1 * S) * NS, b=0)


def test_thirty_seconds_beside_an_idle_cpu_are_a_violation(story):
    rules, text = waits_beside(story).broken(slack_ns=10**12, ended=False)
    assert rules == ["beside"]
    assert "thread 2#0 waited 30000.0 ms on the queue of CPU 0 beside CPU 1, which idled and may run it" in text


def test_also_when_nobody_ever_runs_it(story):
    busy(story).add(1 * S, 0, "spawn", 2, a=0)
    assert story.broken(slack_ns=10**12, ended=False)[0] == ["beside"]


def test_the_limit_can_be_set(story):
    assert waits_beside(story, 3 * S).broken(slack_ns=10**12, ended=False)[0] == ["beside"]
    assert story.broken(slack_ns=10**12, limits={"idle_limit_ns": 3 * 10**9}, ended=False)[0] == []


@pytest.mark.parametrize("why", ["affinity", "exclusive"])
def test_a_cpu_that_may_not_run_the_thread_is_not_blamed(story, why):
    if why == "affinity":
        story.add(5, SERVER, "affinity", 2, a=0b01)
    else:
        story.add(5, SERVER, "exclusive", a=1, b=1)
    busy(story).add(1 * S, 0, "spawn", 2, a=0)
    assert story.broken(slack_ns=10**12, limits=ALL_LIMITS | {"idle_limit_ns": 10**9}, ended=False)[0] == []


def test_a_policy_that_never_takes_from_others_is_not_blamed_for_it_but_for_its_own_queue(tmp_path):
    story = Story(tmp_path / "a.trace", policy="random")
    busy(story).add(1 * S, 0, "spawn", 2, a=0)
    assert story.broken(slack_ns=10**12, limits=ALL_LIMITS | {"idle_limit_ns": 10**9}, ended=False)[0] == []
    story.add(2 * S, 0, "spawn", 3, a=1)
    assert story.broken(slack_ns=10**12, limits=ALL_LIMITS | {"idle_limit_ns": 10**9}, ended=False)[0] == ["beside"]


def test_one_queue_for_all_is_everybodys(tmp_path):
    story = Story(tmp_path / "a.trace", policy="alux")
    busy(story).add(1 * S, 0, "spawn", 2, a=GLOBAL_QUEUE)
    assert story.broken(slack_ns=10**12, ended=False)[0] == ["beside"]


@pytest.mark.parametrize("what", ["host-stall", "paused"])
def test_what_the_host_withheld_or_a_pause_took_does_not_count(story, what):
    story.add(31 * S, 1, what, a=29 * S * NS + NS * S // 2)
    limits = ALL_LIMITS | {"idle_limit_ns": 10**9}
    assert waits_beside(story).broken(slack_ns=10**12, limits=limits, ended=False)[0] == []
    assert story.broken(slack_ns=10**12, limits=limits | {"idle_limit_ns": 10**8}, ended=False)[0] == ["beside"]


def test_a_thread_that_others_keep_from_running_starves(story):
    story.add(5, SERVER, "affinity", 2, a=0b01)
    busy(story).add(1 * S, 0, "spawn", 2, a=0)
    rules, text = story.broken(slack_ns=10**12, ended=False)
    assert rules == ["starves"] and "waited 39000.0 ms on the queue of CPU 0 while others ran on CPU 0" in text
    assert story.broken(slack_ns=10**12, limits={"starvation_limit_ns": 60 * 10**9}, ended=False)[0] == []


@pytest.mark.system("inko-6")
@pytest.mark.parametrize(("blocking", "enters", "rules"), [(1, 1, []), (0, 1, ["pool"]), (0, 0, [])])
def test_a_thread_that_runs_in_the_pool_that_it_has_not_entered(story, blocking, enters, rules):
    """CPU 1 is the blocking one, and runs thread 1; where the thread may not enter its pool, nothing is said of it."""
    story.config = dataclasses.replace(story.config, blocking_cpus=1)
    story.add(10, SERVER, "spawn", 1, a=0)
    story.add(20, 0, "switch", 1, a=10 * NS, b=0)
    story.add(30, 0, "pool", 1, a=blocking, b=enters)
    story.add(40, 0, "yield", 1, a=20 * NS, b=0)
    story.add(41, 0, "migrate", 1, a=1, b=0)
    story.add(50, 1, "switch", 1, a=10 * NS, b=1)
    story.add(60, 1, "block", 1, a=10 * NS, b=1)
    found, text = story.broken(ended=False)
    assert found == rules and ("in the primary pool" in text) == bool(rules)


def test_lines_have_the_threads_names(story):
    first, second = struct.unpack("<qq", b"a worker\0".ljust(16, b"\0"))
    story.add(4, SERVER, "name", 2, a=first, b=second)
    assert "thread 2#0:a_worker waited" in waits_beside(story).broken(slack_ns=10**12, ended=False)[1]


def test_an_older_trace_says_nothing_of_affinity_and_is_read(story, monkeypatch):
    monkeypatch.setattr("emu.shm.events.EVENTS", [kind for kind in story_kinds() if kind.name != "affinity"])
    found = check_trace(waits_beside(story).trace(ended=False), slack_ns=10**12)
    assert not found.violations and any("were not checked" in note for note in found.notes)


def story_kinds():
    from emu.shm import events

    return events.EVENTS


def test_a_thread_that_a_real_policy_loses_is_a_violation(boot, seed, tmp_path):
    policy, trace = tmp_path / "loses.py", tmp_path / "loses.trace"
    policy.write_text(FIFO.replace(APPENDS, f"    if thread != 2:\n    {APPENDS}"))
    with boot(2, str(policy), seed=seed, patience_s=2, trace=trace) as machine, pytest.raises(MachineError):
        machine.spawn("sleepers", 4, 50)
        machine.run(limit_s=60)
    found = check_trace(read_trace(trace), idle_limit_ns=500_000_000)
    assert "beside" in [v.rule for v in found.violations] and "thread 2#0:sleepers waited" in found.text()


def test_a_trace_that_reaches_its_limit_ends_with_one_line_and_the_run_goes_on(boot, seed, tmp_path, capfd):
    trace = tmp_path / "short.trace"
    with boot(2, seed=seed, trace=trace, trace_limit="40K") as machine:
        job = machine.spawn("yield", 4, 20_000)
        machine.run(limit_s=60)
        assert job.exit_status == 0
    assert "its limit of 40,960 bytes is reached: the trace ends here, the run goes on\n" in capfd.readouterr().err
    assert trace.stat().st_size < 45_000 and "ends early" in " ".join(read_trace(trace).notes())
