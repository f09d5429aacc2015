"""`emu trace FILE`: prints, summarizes or checks what `emu run --trace FILE` recorded. Also: export, open (trace_*.py).

Without --summary or --check it prints events, one a line.  --check holds the whole trace
against the rules of emu/trace/check.py: status 0 when it keeps them, 1 when not,
with a line and the two events for each violation.  Of a file that is torn, has no end, or is newer than this emu, what
could be read is shown, and the status is 1.  Status 2 is bad input, in one line.
"""

import json
import os
import re
import sys

import click

from emu.errors import BAD_INPUT
from emu.tables import print_table

from .options import WithSubcommands
from .trace_export import export_trace
from .trace_open import open_trace
from .trace_words import BadInput, parse_index, parse_time, print_why, shorten

VIOLATIONS = DAMAGED = 1  # what could be read is shown, and what is wrong is said
MOST_THREADS = 20  # rows of the summary's table


@click.command(cls=WithSubcommands, subcommands=(export_trace, open_trace))
@click.argument("file")
@click.option("--cpu", "cpus", multiple=True, metavar="N", help="Only this CPU's events (or server's, supervisor's).")
@click.option("--thread", "threads", multiple=True, metavar="I[#G]", help="Only events about this thread.")
@click.option("--event", "kinds", multiple=True, metavar="NAME", help="Only events of this kind.")
@click.option("--from", "start", metavar="TIME", help="From this time since boot: 1500, 1500us, 1.5ms, 2s.")
@click.option("--to", "stop", metavar="TIME", help="Up to this time since boot.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="No more lines than this.")
@click.option("--summary", is_flag=True, help="Counts, switches a second, run delays, CPU time of threads.")
@click.option("--check", is_flag=True, help="Does the whole trace keep the rules of a scheduler?")
@click.option("--slack", metavar="TIME", help="With --check: how far a time slice may be exceeded (251ms).")
@click.option("--idle-limit", metavar="MS", help="With --check: how long a thread may wait beside an idle CPU (1000).")
@click.option("--starvation-limit", metavar="MS", help="With --check: and while others run (10000).")
@click.option("--why", metavar="THREAD@TIME", help="What this thread did at a time, and the chain of causes, in words.")
@click.option("--json", "as_json", is_flag=True, help="JSON: an object a line, one object with --summary or --check.")
def trace(
    file, cpus, threads, kinds, start, stop, limit, summary, check, slack, idle_limit, starvation_limit, why, as_json
):
    """Print, summarize or check a trace FILE."""
    from emu.errors import TraceError
    from emu.trace.file import read_trace

    try:
        read = read_trace(file)
        if why is not None:
            status = print_why(read, why)
        elif check:
            limits = {"slack_ns": slack, "idle_limit_ns": idle_limit, "starvation_limit_ns": starvation_limit}
            status = _check(read, limits, limit, as_json)
        elif summary:
            status = _summarize(read, as_json)
        else:
            status = _print(read, _chosen(read, cpus, threads, kinds, start, stop), limit, as_json)
        sys.stdout.flush()
    except (TraceError, BadInput) as error:
        print(f"emu: {error}", file=sys.stderr)
        sys.exit(BAD_INPUT)
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    sys.exit(status)


def _chosen(read, cpus, threads, kinds, start, stop):
    """The events that the filters leave."""
    import numpy as np

    events = read.events
    keep = np.ones(len(events), dtype=bool)
    boot_ns = read.header["clock"]["boot_ns"]
    if cpus:
        keep &= np.isin(events["actor"], [_actor(read, text) for text in cpus])
    if threads:
        keep &= np.any([_about(events, text) for text in threads], axis=0)
    if kinds:
        unknown = [name for name in kinds if name not in read.names()]
        if unknown:
            raise BadInput(f"event {shorten(unknown[0])}: this trace has {', '.join(read.names())}")
        keep &= np.isin(events["kind"], [read.kind_number(name) for name in kinds])
    if start:
        keep &= events["time_ns"] >= boot_ns + parse_time(start)
    if stop:
        keep &= events["time_ns"] <= boot_ns + parse_time(stop)
    return events[keep]


def _actor(read, text):
    names = {name: actor for actor, name in read.header["values"]["actor"].items()}
    if text in names:
        return names[text]
    if not re.fullmatch("[0-9]{1,9}", text) or int(text) >= read.header["machine"]["cpus"]:
        raise BadInput(
            f"CPU {shorten(text)}: this trace has 0 to {read.header['machine']['cpus'] - 1}, {', '.join(names)}"
        )
    return int(text)


def _about(events, text):
    match = re.fullmatch(r"(\d+)(?:#(\d+))?", text)
    if not match:
        raise BadInput(f"thread {shorten(text)}: write its index, or index#generation")
    found = events["thread"] == parse_index(match[1])
    return found & (events["generation"] == parse_index(match[2])) if match[2] else found


def _print(read, events, limit, as_json):
    from emu.trace.text import as_dict, one_line

    if not as_json:
        print(f"{'time µs':>14} {'CPU':>10} {'thread':>8} {'event':<11} arguments")
    for event in events[:limit]:
        print(json.dumps(as_dict(read, event)) if as_json else one_line(read, event))
    left = len(events) - limit if limit else 0
    for note in read.notes() + ([f"{left:,} more events"] if left > 0 else []):
        print(f"emu: {note}", file=sys.stderr)
    return DAMAGED if read.is_damaged else 0


def _check(read, limits, limit, as_json):
    from emu.trace.check import check_trace

    units = {"slack_ns": ""}  # the others are milliseconds
    given = {name: parse_time(text, units.get(name, "ms")) for name, text in limits.items() if text}
    found = check_trace(read, **given)
    lines = [found.line(violation) for violation in found.violations]
    if as_json:
        rows = [{"rule": v.rule, "text": v.text, "line": line} for v, line in zip(found.violations, lines)]
        figures = {"events": found.events, "threads": found.threads, "switches": found.switches}
        print(json.dumps({**figures, "notes": found.notes, "violations": rows}))
    else:
        for line in lines[:limit]:
            print(line)
        for note in found.notes:
            print(f"note: {note}")
        count = f"{len(lines):,} violation{'s' if len(lines) > 1 else ''}" if lines else "no violation"
        print(f"{found.events:,} events, {found.threads:,} threads, {found.switches:,} switches: {count}")
    return VIOLATIONS if lines else 0


def _summarize(read, as_json):
    from emu.trace.summary import summarize

    summary = summarize(read)
    if as_json:
        print(json.dumps(summary))
        return DAMAGED if read.is_damaged else 0
    actors = sorted({actor for by_actor in summary["counts"].values() for actor in by_actor})
    rows = [
        (name, *(f"{by_actor.get(actor, 0):,}" for actor in actors), f"{sum(by_actor.values()):,}")
        for name, by_actor in summary["counts"].items()
    ]
    print_table(("event", *(read.actor_name(actor) for actor in actors), "all"), rows)
    by_time = sorted(summary["threads"], key=lambda row: -row["cpu_ns"])
    rows = [
        (str(row["thread"]), str(row["task"]), f"{row['cpu_ns'] / 1e6:,.3f}", f"{row['run_delay_ns'] / 1e6:,.3f}",
         f"{row['runs']:,}", " ".join(map(str, row["cpus"])))
        for row in by_time[:MOST_THREADS]
    ]  # fmt: skip
    print_table(("thread", "task", "CPU ms", "run delay ms", "runs", "on CPUs"), rows)
    if len(by_time) > MOST_THREADS:
        print(f"and {len(by_time) - MOST_THREADS:,} more threads")
    delays, without = (
        " ".join(f"{name} {value / 1000:,.1f}" for name, value in summary[key].items())
        for key in ("run_delay_ns", "run_delay_without_host_ns")
    )
    print(
        f"\n{summary['events']:,} events in {summary['duration_s']:.3f} s, "
        f"{summary['switches_per_s']:,.0f} switches/s; run delay µs: {delays or 'none'}"
    )
    if summary["host_stall_ns"]:
        held = ", ".join(f"CPU {cpu} for {ns / 1e6:,.1f} ms" for cpu, ns in summary["host_stall_ns"].items())
        print(f"the host did not run {held}; run delay µs without its part: {without}")
    for note in summary["notes"]:
        print(f"note: {note}")
    return DAMAGED if read.is_damaged else 0
