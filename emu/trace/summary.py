"""What a trace amounts to: events of each kind on each CPU, switches a second, run delays, CPU time, the host's part.

Of each wait for a CPU it is known how long the host kept that CPU's process from running meanwhile (host stalls): that
is no policy's fault, so run delays are told with and without it.
"""

import numpy as np

from .history import read_history

PERCENTILES = (50, 90, 99, 100)


def summarize(trace):
    """Plain data, for JSON or a table. Times run count only where both ends are in the trace."""
    events, history = trace.events, read_history(trace)
    names = trace.names()
    actors = [int(actor) for actor in np.unique(events["actor"])]
    counts = {
        name: {actor: n for actor in actors if (n := int(((events["kind"] == k) & (events["actor"] == actor)).sum()))}
        for k, name in enumerate(names)
    }
    duration_s = float(np.ptp(events["time_ns"])) / 1e9 if len(events) else 0.0
    switches = trace.of_kind("switch")
    delays, by_host = _delays(trace, history)
    return {
        "machine": trace.header["machine"],
        "duration_s": duration_s,
        "events": len(events),
        "counts": {name: by_actor for name, by_actor in counts.items() if by_actor},
        "lost": {actor: n for actor, n in sorted(trace.lost.items()) if n},
        "switches_per_s": len(switches) / duration_s if duration_s else 0.0,
        "run_delay_ns": _percentiles(delays),
        "run_delay_without_host_ns": _percentiles(delays - by_host),
        "host_stall_ns": _host(history),
        "threads": _threads(trace, history, switches),
        "notes": trace.notes(),
    }


def _percentiles(values):
    return {f"p{p}": int(np.percentile(values, p)) for p in PERCENTILES} if len(values) else {}


def _delays(trace, history):
    """(how long each thread that got a CPU had waited for it, how much of that the host took), ns."""
    waits = history.waits
    ended = waits.end_event >= 0
    cpus = trace.events["actor"][waits.end_event[ended]].astype(np.int64)
    queues = waits.queue[ended]
    own = queues < trace.header["machine"]["cpus"]  # else it stood in the global queue, and the CPU that took it counts
    starts, ends = waits.start_ns[ended], waits.end_ns[ended]
    return ends - starts, history.stalls.within(np.where(own, queues, cpus), starts, ends)


def _host(history):
    """{CPU: ns in which the host did not run it}."""
    stalls = history.stalls
    spans = stalls.end_ns - stalls.start_ns
    return {int(cpu): int(spans[stalls.cpu == cpu].sum()) for cpu in np.unique(stalls.cpu)}


def _threads(trace, history, switches):
    """[{thread, task, cpu_ns, run_delay_ns, runs, cpus}] in order of appearance."""
    slices, cpu_ns = history.slices, {}
    whole = np.flatnonzero((slices.start_event >= 0) & (slices.end_event >= 0))
    spans = (slices.end_ns - slices.start_ns)[whole].tolist()
    for thread, generation, span in zip(slices.thread[whole].tolist(), slices.generation[whole].tolist(), spans):
        cpu_ns[thread, generation] = cpu_ns.get((thread, generation), 0) + span
    spawns = trace.of_kind("spawn")
    tasks = dict(zip(_keys(spawns), trace.values(spawns, "spawn", "task").tolist()))
    found = {}
    for key, actor, delay in zip(_keys(switches), switches["actor"].tolist(), switches["a"].tolist()):
        row = found.setdefault(key, {"runs": 0, "run_delay_ns": 0, "cpus": set()})
        row["runs"] += 1
        row["run_delay_ns"] += delay
        row["cpus"].add(actor)
    return [
        {"thread": trace.label(*key), "task": tasks.get(key), "cpu_ns": cpu_ns.get(key, 0), **row,
         "cpus": sorted(row["cpus"])}
        for key, row in found.items()
    ]  # fmt: skip


def _keys(events):
    return list(zip(events["thread"].tolist(), events["generation"].tolist()))
