"""What a trace amounts to: how many events of each kind on each CPU, switches a second, run delays, CPU time."""

import numpy as np

PERCENTILES = (50, 90, 99, 100)
STOPS = ("preempt", "yield", "block", "exit")


def summarize(trace):
    """Plain data, for JSON or a table. Times run count only where both ends are in the trace."""
    events = trace.events
    names = trace.names()
    actors = [int(actor) for actor in np.unique(events["actor"])]
    counts = {
        name: {actor: n for actor in actors if (n := int(((events["kind"] == k) & (events["actor"] == actor)).sum()))}
        for k, name in enumerate(names)
    }
    duration_s = float(np.ptp(events["time_ns"])) / 1e9 if len(events) else 0.0
    switches = trace.of_kind("switch")
    delays = switches["a"]
    return {
        "machine": trace.header["machine"],
        "duration_s": duration_s,
        "events": len(events),
        "counts": {name: by_actor for name, by_actor in counts.items() if by_actor},
        "lost": {actor: n for actor, n in sorted(trace.lost.items()) if n},
        "switches_per_s": len(switches) / duration_s if duration_s else 0.0,
        "run_delay_ns": {f"p{p}": int(np.percentile(delays, p)) for p in PERCENTILES} if len(delays) else {},
        "threads": _threads(trace, switches),
        "notes": trace.notes(),
    }


def _threads(trace, switches):
    """[{thread, task, cpu_ns, run_delay_ns, runs, cpus}] in order of appearance."""
    cpu_ns = {}
    for actor in np.unique(switches["actor"]):
        mine = trace.of_kind("switch", *STOPS)
        mine = mine[mine["actor"] == actor]
        begins = np.flatnonzero(mine["kind"][:-1] == trace.kind_number("switch"))
        same = (mine["thread"][begins] == mine["thread"][begins + 1]) & (
            mine["kind"][begins + 1] != trace.kind_number("switch")
        )
        begins = begins[same]
        spans = mine["time_ns"][begins + 1] - mine["time_ns"][begins]
        for key, span in zip(_keys(mine[begins]), spans.tolist()):
            cpu_ns[key] = cpu_ns.get(key, 0) + span
    tasks = {key: int(b) for key, b in zip(_keys(trace.of_kind("spawn")), trace.of_kind("spawn")["b"])}
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
