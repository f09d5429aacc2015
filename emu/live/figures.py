"""Samples as plain data, for JSON and for tables: what `emu ps` and `emu stats` print."""

import numpy as np

from ..debug.text import call_name
from ..kernel.thread.states import BLOCKED, STATE_NAMES
from ..limits import GLOBAL_QUEUE
from ..machine.waits import tid_of
from .sample import CPU_COUNTERS, THREAD_COUNTERS, counts, since_boot, take

MOST_THREADS = 1000  # in one sample's figures
CALL_REGISTER = 17


def machine_figures(found, inspector):
    """One machine, for `emu ps`."""
    sample = take(inspector)
    rates = since_boot(inspector, sample)
    tasks = inspector.tasks()
    programs = sorted({inspector.program_path(k) for k in tasks} - {""})
    return {
        "pid": found.pid,
        "programs": programs,
        "cpus": inspector.nr_cpus(),
        "policy": inspector.header["policy"],
        "seed": inspector.header["seed"],
        "tasks": len(tasks),
        "threads": sample.nr_threads,
        "up_s": rates.span_s,
        "busy": float(rates.busy().mean()) if inspector.nr_cpus() else 0.0,
    }


def sample_figures(inspector, rates):
    """The counters of all CPUs and threads, and their rates over the interval."""
    sample = rates.after
    return {
        "pid": inspector.pid,
        "time_ns": sample.time_ns,
        "interval_s": rates.span_s,
        "threads_now": counts(sample),
        "cpus": cpu_rows(inspector, rates),
        "threads": [thread_row(inspector, rates, at) for at in busiest(rates)[:MOST_THREADS]],
        "threads_left_out": max(sample.nr_threads - MOST_THREADS, 0),
    }


def busiest(rates):
    """Positions of the threads, those that had most time first."""
    return np.lexsort((rates.after.threads["index"], -rates.thread("runtime_ns"))).tolist()


def cpu_rows(inspector, rates):
    """A dictionary for each CPU: rates by the second, and the counters since boot."""
    cpus, span_s = rates.after.cpus, rates.span_s
    grown = {name: rates.cpu(name) for name in CPU_COUNTERS}
    busy, mips = rates.busy(), rates.mips()
    return [
        {
            "cpu": k,
            "process": int(cpus["process"][k]),
            "busy": float(busy[k]),
            "mips": float(mips[k]),
            "thread": inspector.title(int(cpus["current"][k])) if cpus["current"][k] >= 0 else "",
            "queued": int(cpus["queued"][k]),
            **{f"{name}_per_s": float(grown[name][k] / span_s) for name in CPU_COUNTERS},
            **{name: int(cpus[name][k]) for name in CPU_COUNTERS},
        }
        for k in range(len(busy))
    ]


def thread_row(inspector, rates, at):
    """A dictionary for the thread at a position of the later sample."""
    threads, span_s = rates.after.threads, rates.span_s
    i, state, queue = (int(threads[name][at]) for name in ("index", "state", "queue"))
    return {
        "tid": tid_of({"generation": threads["generation"][at]}, i),
        "index": i,
        "task": int(threads["pid"][at]),
        "name": inspector.name(i),
        "state": STATE_NAMES[state],
        "cpu": -1 if queue == GLOBAL_QUEUE else queue,
        "call": call_name(int(inspector.thread(i)["x"][CALL_REGISTER])) if state == BLOCKED else "",
        "share": float(rates.share()[at]),
        **{f"{name}_per_s": float(rates.thread(name)[at] / span_s) for name in THREAD_COUNTERS},
        **{name: int(threads[name][at]) for name in THREAD_COUNTERS},
    }
