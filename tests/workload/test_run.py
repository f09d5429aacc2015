"""Workloads on machines: every kind of phase, work that is the same whoever schedules, leaders, limits."""

import json
import os

import pytest

from emu import MachineError
from emu.machine import watching
from emu.workload.read import parse_workload
from emu.workload.run import run_workload

pytestmark = pytest.mark.usefixtures("warm")
POLICIES = ("inko", "random")

EVERY_KIND = {
    "threads": [
        {"name": "main", "phases": [
            {"fork": "child"},
            {"loop": 5, "phases": [
                {"run": 100}, {"fork": "grand"}, {"join": "grand"},
                {"lock": "m"}, {"signal": "c"}, {"unlock": "m"}]},
            {"barrier": "b"}, {"join": "child"}, {"sleep": 1000}]},
        {"name": "child", "instances": 2, "priority": -5, "phases": [{"barrier": "b"}, {"yield": 3}, {"run": 10}]},
        {"name": "grand", "instances": 3, "affinity": [0], "phases": [{"run": 50}]},
        {"name": "waiter", "phases": [
            {"loop": 5, "phases": [{"lock": "m"}, {"wait": "c", "mutex": "m"}, {"run": 1}, {"unlock": "m"}]}]},
    ]
}  # fmt: skip
PULSE = {"loop": -1, "phases": [{"sleep": 500}, {"lock": "w"}, {"broadcast": "d"}, {"unlock": "w"}]}
BROADCAST = {
    "threads": [
        {"name": "sleeper", "instances": 3, "leader": True, "phases": [
            {"lock": "w"}, {"wait": "d", "mutex": "w"}, {"unlock": "w"}]},
        {"name": "pulse", "phases": [PULSE]},
    ]
}  # fmt: skip


def run(content, cpus=2, policy="inko", **options):
    result, report = run_workload(
        parse_workload(json.dumps(content)), cpus, policy, quiet=True, **{"seed": 1, "limit_s": 60, **options}
    )
    return result, report


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("cpus", [1, 2])
def test_every_kind_of_phase(cpus, policy):
    result, report = run(EVERY_KIND, cpus, policy)
    main, child, grand, waiter = result.groups
    assert [g.total("iterations") for g in result.groups] == [5, 2, 15, 5]
    assert [len(g.threads) for g in result.groups] == [1, 2, 3, 1]  # joined threads' places are taken again
    assert grand.total("lives") == 15
    assert [g.total("instructions") for g in result.groups] == [5 * 50_000, 2 * 5_000, 15 * 25_000, 5 * 500]
    assert not any(t.running for g in result.groups for t in g.threads)
    (one,) = main.threads
    assert one.latency["sleep"].count == 1 and result.makespan_ns > 1_000_000
    assert sum(h.count for g in (main, child) for t in g.threads for k, h in t.latency.items() if k == "barrier") == 2
    assert main.latency(("join",)).count <= 17 and waiter.latency(("wait",)).count <= 5
    assert report.threads_created == report.threads_exited == 1 + 1 + 2 + 15 + 1
    assert report.failure == ""


@pytest.mark.parametrize("cpus", [1, 2])
def test_broadcast_wakes_all_that_wait(cpus):
    result, _ = run(BROADCAST, cpus)
    sleepers, pulse = result.groups
    assert sleepers.total("iterations") == 3 and sleepers.latency(("wait",)).count == 3
    assert pulse.threads[0].running  # no leader: it did not hold up the end


def test_a_signal_that_finds_nobody_is_kept():
    signal = {"name": "early", "phases": [{"loop": 3, "phases": [{"signal": "c"}]}]}
    wait = {"loop": 3, "phases": [{"wait": "c", "mutex": "m"}]}
    late = {"name": "late", "phases": [{"sleep": 3000}, {"lock": "m"}, wait, {"unlock": "m"}]}
    result, _ = run({"threads": [signal, late]})
    assert result.groups[1].total("waits") == 1  # its sleep; no wait had to wait


def test_work_is_the_same_whoever_schedules():
    """Run phases with jitter: as many instructions under every policy on any number of CPUs, to the last."""
    content = {"jitter": 0.5, "threads": [
        {"name": "a", "instances": 3, "phases": [{"loop": 20, "phases": [{"run": 300}]}]},
        {"name": "b", "phases": [{"loop": 3, "phases": [{"fork": "c"}, {"run": 100}, {"join": "c"}]}]},
        {"name": "c", "instances": 2, "phases": [{"run": 200}]},
    ]}  # fmt: skip
    done = []
    for policy in POLICIES:
        for cpus in (1, 2):
            result, _ = run(content, cpus, policy)
            a, b, c = result.groups
            done.append(([t.instructions for t in a.threads], b.total("instructions"), c.total("instructions")))
            for t in a.threads:  # the loop is as long as it says: all else is a few hundred instructions a phase
                assert 0 <= t.cpu_ns / 2 - t.instructions < 20 * 1000
    assert all(each == done[0] for each in done)
    assert len(set(done[0][0])) == 3  # each thread has chances of its own
    other, _ = run(content, 1, seed=2)
    assert [t.instructions for t in other.groups[0].threads] != done[0][0]


def test_cpu_time_of_a_thread_does_not_depend_on_who_else_runs():
    content = {"threads": [{"name": "a", "instances": 4, "phases": [{"run": 20_000}]}]}
    times = [t.cpu_ns for policy in POLICIES for t in run(content, 2, policy)[0].groups[0].threads]
    assert max(times) - min(times) <= 200, times  # 100 instructions of 10 million


def test_it_ends_with_its_leaders_and_counts_what_the_others_did():
    content = {"threads": [
        {"name": "endless", "instances": 3, "phases": [{"loop": -1, "phases": [{"run": 100}]}]},
        {"name": "stuck", "phases": [{"lock": "m"}, {"wait": "never", "mutex": "m"}, {"unlock": "m"}]},
        {"name": "boss", "leader": True, "phases": [{"loop": 3, "phases": [{"run": 1000}, {"sleep": 2000}]}]},
    ]}  # fmt: skip
    result, report = run(content)
    endless, stuck, boss = result.groups
    assert boss.total("iterations") == 3 and not boss.threads[0].running
    assert all(t.running for t in endless.threads + stuck.threads)
    assert endless.total("instructions") > 0 and stuck.total("iterations") == 0
    assert report.threads_created == report.threads_exited


def test_priorities_and_affinities_are_asked_for():
    content = {"threads": [
        {"name": "first", "priority": "realtime", "affinity": [1], "phases": [{"fork": "second"}, {"join": "second"}]},
        {"name": "second", "phases": [{"run": 100}]},
        {"name": "third", "priority": "low", "phases": [{"run": 100}]},
    ]}  # fmt: skip
    result, report = run(content)
    assert [g.total("iterations") for g in result.groups] == [1, 1, 1]
    assert all("refuses" in warning for warning in result.warnings)
    assert report.unknown_calls == {}


def test_an_affinity_is_kept():
    """All on CPU 1: the other one has nothing but the first thread's start."""
    content = {"threads": [{"name": "a", "instances": 3, "affinity": [1], "phases": [{"run": 20_000}]}]}
    _, report = run(content)
    assert report.cpus[1].instructions > 3 * 10_000_000 > 10 * report.cpus[0].instructions


def test_an_affinity_beyond_the_first_64_cpus_is_kept():
    content = {"threads": [{"name": "a", "instances": 2, "affinity": [65], "phases": [{"run": 20_000}]}]}
    _, report = run(content, 66)
    assert report.cpus[65].instructions > 2 * 10_000_000


def test_latency_of_a_sleep_is_what_comes_on_top():
    content = {"threads": [{"name": "a", "phases": [{"loop": 20, "phases": [{"sleep": 1000}]}]}]}
    result, _ = run(content, 1)
    slept = result.groups[0].latency(("sleep",))
    assert slept.count == 20 and result.makespan_ns >= 20 * 1_000_000 + slept.sum_ns


def test_a_workload_that_takes_too_long_is_ended():
    stuck = {"threads": [{"name": "a", "phases": [{"lock": "m"}, {"wait": "c", "mutex": "m"}, {"unlock": "m"}]}]}
    before = sorted(os.listdir("/proc/self/fd"))
    with pytest.raises(MachineError, match=r"the guests did not end within 0\.5 s"):
        run(stuck, limit_s=0.5)
    assert len(os.listdir("/proc/self/fd")) <= len(before) + 3  # the forkserver's, if this was the first start


def test_too_many_threads_is_an_error_of_the_workload():
    """Nobody joins them: the guest has no place for more, and says so."""
    forks = {"loop": 50, "phases": [{"fork": "b"}]}
    content = {"threads": [
        {"name": "a", "phases": [forks]}, {"name": "b", "instances": 100, "phases": [{"run": 0}]},
    ]}  # fmt: skip
    with pytest.raises(MachineError, match="the workload ended with status 1"), open(os.devnull, "w") as nothing:
        run(content, stderr=nothing.fileno())


def test_a_deadlock_ends_the_run_and_says_who_waits_for_what_and_who_holds_it(monkeypatch):
    def embrace(first, second):
        return [{"lock": first}, {"barrier": "both"}, {"lock": second}, {"unlock": second}, {"unlock": first}]

    monkeypatch.setattr(watching, "DEADLOCK_S", 0.2)
    content = {"threads": [
        {"name": "one", "phases": embrace("a", "b")},
        {"name": "two", "phases": embrace("b", "a")},
        {"name": "late", "phases": [{"lock": "z"}, {"wait": "never", "mutex": "z"}, {"unlock": "z"}]},
    ]}  # fmt: skip
    with pytest.raises(MachineError, match="deadlock: every thread waits for another one: ") as caught:
        run(content)
    said = str(caught.value).split("another one: ")[1].split("; ")
    assert sorted(said) == [
        "'late' 0 waits for a signal of condition 'never'",
        "'one' 0 waits for lock 'b', held by 'two' 0",
        "'two' 0 waits for lock 'a', held by 'one' 0",
    ]
