"""Accounts of single threads: they add up to those of their jobs and of the CPUs, exactly."""

import time

import pytest

from emu import MachineError
from emu.limits import MAX_LEFT_THREADS
from emu.machine.report_tables import MOST_THREADS, thread_rows, thread_sentences
from emu.trace.file import read_trace
from tests.traces import checked_trace

SUMS = ("runtime_ns", "run_delay_ns", "slices", "involuntary", "migrations", "instructions")


@pytest.mark.parametrize("policy", ["inko", "random"])
def test_threads_add_up_to_jobs_and_to_cpus(boot, seed, policy):
    with boot(2, policy, seed=seed) as machine:
        jobs = [machine.spawn("primes", 20_000, 5), machine.spawn("yield", 3, 300), machine.spawn("spawn", 5)]
        report = machine.run()
    assert [job.exit_status for job in jobs] == [0, 0, 0]
    assert len(report.threads) == report.threads_created and report.threads_left_out == 0
    assert {t.state for t in report.threads} == {"left"}
    for job in report.jobs:
        mine = [t for t in report.threads if t.job == job.job]
        assert len(mine) == job.threads
        assert {name: sum(getattr(t, name) for t in mine) for name in SUMS} == {n: getattr(job, n) for n in SUMS}
    assert sum(t.slices for t in report.threads) >= sum(c.switches for c in report.cpus), "or it is picked again"
    assert sum(t.instructions for t in report.threads) == report.instructions
    assert sum(t.run_delay_ns for t in report.threads) == sum(c.run_delay_ns for c in report.cpus)
    assert all(t.user_ns + t.system_ns - t.served_ns == t.runtime_ns for t in report.threads)
    assert all(t.voluntary + t.involuntary == t.slices for t in report.threads)


def test_threads_that_are_there_are_told_beside_those_that_have_left(boot, seed):
    with boot(2, seed=seed) as machine:
        hello = machine.spawn("hello")
        while not hello.done:
            time.sleep(0.002)
        machine.spawn("independent", 1, 1 << 40)
        states = [t.state for t in machine.report().threads]
    assert states[0] == "left" and states[-1] in ("running", "runnable")


def test_figures_of_a_thread_are_those_of_its_trace(boot, tmp_path, seed):
    with boot(2, "eevdf", seed=seed, trace=tmp_path / "trace") as machine:
        machine.spawn("pingpong", 300)
        report = machine.run()
    trace = checked_trace(machine)
    switches, preempts = trace.of_kind("switch"), trace.of_kind("preempt")
    for t in report.threads:
        index, generation = map(int, t.thread.split("#"))
        mine = switches[(switches["thread"] == index) & (switches["generation"] == generation)]
        assert (len(mine), int(mine["a"].sum())) == (t.slices, t.run_delay_ns)
        assert ((preempts["thread"] == index) & (preempts["generation"] == generation)).sum() == t.involuntary
    assert read_trace(machine.trace).header["command"], "what made this trace"


def test_more_threads_than_are_kept_are_counted(boot, seed):
    with boot(1, seed=seed) as machine:
        machine.window.machine["nr_left_threads"] = MAX_LEFT_THREADS - 1  # as after so many
        machine.spawn("primes", 1000, 3)
        report = machine.run()
    assert report.threads_left_out == report.threads_created - 1
    assert len(report.threads) == 1 and "have left of which only the sums are known" in thread_sentences(report)[-1]


def test_the_table_shows_those_that_ran_longest(boot, seed):
    with boot(2, seed=seed) as machine:
        machine.spawn("spawn", MOST_THREADS + 20)
        report = machine.run()
    rows = thread_rows(report)
    assert len(rows) == MOST_THREADS
    times = [float(row[4].replace(",", "")) for row in rows]
    assert times == sorted(times, reverse=True)
    assert thread_sentences(report) == [f"and {len(report.threads) - MOST_THREADS:,} more threads, which ran for less"]


def test_a_report_becomes_data_frames(boot, seed):
    with boot(2, seed=seed) as machine:
        machine.spawn("primes", 10_000, 3)
        report = machine.run()
    threads = report.to_dataframe()
    assert len(threads) == report.threads_created and threads["runtime_ns"].sum() == report.jobs[0].runtime_ns
    assert list(report.to_dataframe("cpus")["cpu"]) == [0, 1] and len(report.to_dataframe("processes")) >= 4
    assert len(report.to_dataframe("jobs")) == 1
    with pytest.raises(MachineError, match="expected one of threads, cpus, jobs, processes"):
        report.to_dataframe("locks")
