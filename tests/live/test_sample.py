"""Samples and rates: sums agree with the records, and records that are used again begin anew."""

import time

import numpy as np

from emu.debug.inspector import Inspector
from emu.kernel.thread.states import BLOCKED, RUNNABLE, RUNNING, WHERE
from emu.live.sample import CPU_COUNTERS, Rates, counts, since_boot, take

S = 1_000_000_000


class Still(Inspector):
    """An Inspector of a bare machine at a time that the test says."""

    at_ns = 0

    def now_ns(self):
        return self.at_ns


def still(window):
    header = {"process": 1, "programs": {}, "address": window.address, "policy": "inko"}
    inspector = Still(window.machine, window.memory(0, 1), header, live=False)
    inspector.at_ns = time.monotonic_ns()
    return inspector


def add_thread(machine, i, state, name=b"worker", queue=0, **fields):
    machine["fresh_thread"] = max(int(machine["fresh_thread"]), i + 1)
    t = machine["threads"][i]
    t["where"], t["name"][: len(name)] = WHERE.pack(state=state, queue=queue), list(name)
    for field, value in fields.items():
        t[field] = value


def test_rates_are_what_grew_over_the_interval(window):
    m, inspector = window.machine, still(window)
    m["cpus"]["since_ns"][:2] = 0
    add_thread(m, 0, RUNNABLE, runtime_ns=5 * S, slices=10)
    before = take(inspector)
    inspector.at_ns += 2 * S
    m["cpus"]["instructions"][0] += 4_000_000
    m["cpus"]["busy_ns"][1] += S
    m["threads"]["runtime_ns"][0] += S // 2
    m["threads"]["slices"][0] += 6
    rates = Rates(before, take(inspector))
    assert rates.span_s == 2 and rates.mips().tolist() == [2, 0] and rates.busy().tolist() == [0, 0.5]
    assert rates.share().tolist() == [0.25] and rates.thread("slices").tolist() == [6]
    assert rates.after.cpus["queued"].tolist() == [1, 0]


def test_a_record_that_another_thread_has_now_counts_from_nothing(window):
    m, inspector = window.machine, still(window)
    add_thread(m, 0, BLOCKED, slices=1000, generation=4)
    add_thread(m, 1, BLOCKED, slices=50, generation=0)
    before = take(inspector)
    inspector.at_ns += S
    add_thread(m, 0, BLOCKED, slices=7, generation=5)
    add_thread(m, 2, RUNNABLE, slices=3)
    rates = Rates(before, take(inspector))
    assert rates.thread("slices").tolist() == [7, 0, 3]
    assert counts(rates.after) == {"running": 0, "runnable": 1, "blocked": 2}


def test_a_busy_stretch_and_a_running_thread_count_before_they_end(window):
    m, inspector = window.machine, still(window)
    m["cpus"]["since_ns"][0] = inspector.at_ns - S
    m["cpus"]["accounted_ns"][0] = inspector.at_ns - S // 4
    m["cpus"]["current"][0] = 0
    add_thread(m, 0, RUNNING, runtime_ns=100)
    sample = take(inspector)
    assert sample.cpus["busy_ns"][0] - int(m["cpus"]["busy_ns"][0]) == S
    assert sample.threads["runtime_ns"].tolist() == [100 + S // 4]


def test_counters_agree_with_the_report_of_the_machine(boot):
    import os

    from emu.debug.attach import attach

    with boot(2) as machine:
        inspector = attach(os.getpid())
        machine.spawn("yield", 4, 2000)
        report = machine.run()
        sample = take(inspector)
        rates = since_boot(inspector, sample)
        for name in ("instructions", "switches", "steals", "migrations_in", "parks", "involuntary"):
            assert sample.cpus[name].tolist() == [getattr(cpu, name) for cpu in report.cpus]
        assert rates.cpu("syscalls").tolist() == [cpu.system_calls for cpu in report.cpus]
        assert sample.nr_threads == 0 and np.all(rates.busy() <= 1)
        assert set(CPU_COUNTERS) <= sample.cpus.keys()
        del inspector
