"""`emu stats [PID]`: the counters of a machine's CPUs and threads, once since boot, or as rates every few seconds.

With --json one object a line, for scripts; with --publish messages, for programs elsewhere.  A machine that ends while
it is watched ends the command, with status 0.
"""

import json
import sys

import click

from emu.tables import print_table

from . import ending

MOST_THREADS = 20  # rows of the table
CPU_COLUMNS = (
    ("CPU", "cpu", "{}"), ("busy", "busy", "{:.0%}"), ("MIPS", "mips", "{:,.0f}"), ("queue", "queued", "{}"),
    ("switches/s", "switches_per_s", "{:,.0f}"), ("preempted/s", "involuntary_per_s", "{:,.0f}"),
    ("steals/s", "steals_per_s", "{:,.0f}"), ("migrations/s", "migrations_in_per_s", "{:,.0f}"),
    ("IPIs by bit/s", "ipis_bit_per_s", "{:,.0f}"), ("by ZeroMQ/s", "ipis_message_per_s", "{:,.0f}"),
    ("calls/s", "syscalls_per_s", "{:,.0f}"), ("page faults/s", "page_faults_per_s", "{:,.0f}"),
)  # fmt: skip
THREAD_COLUMNS = (
    ("tid", "tid", "{}"), ("task", "task", "{}"), ("name", "name", "{}"), ("state", "state", "{}"),
    ("CPU", "cpu", "{}"),
    ("CPU %", "share", "{:.1%}"), ("time s", "runtime_s", "{:.3f}"), ("run delay s", "run_delay_s", "{:.3f}"),
    ("switches/s", "slices_per_s", "{:,.0f}"), ("migrations", "migrations", "{:,}"), ("in call", "call", "{}"),
)  # fmt: skip


@click.command()
@click.argument("pid", required=False, type=click.IntRange(1))
@click.option("--watch", is_flag=False, flag_value="1", metavar="[SECONDS]", help="Every second, or so often: rates.")
@click.option("--count", type=click.IntRange(1), metavar="N", help="With --watch: end after so many.")
@click.option("--json", "as_json", is_flag=True, help="JSON: an object a line.")
@click.option("--publish", "endpoint", metavar="ADDRESS", help="To subscribers, by ZeroMQ and msgpack, not printed.")
def stats(pid, watch, count, as_json, endpoint):
    """Print the counters of the machine of process PID, or of the only one that runs."""
    from emu import MachineError
    from emu.debug.attach import attach
    from emu.live.figures import sample_figures
    from emu.live.sample import since_boot, take
    from emu.live.watch import intervals

    from .run import errors_in_one_line

    with errors_in_one_line():
        if endpoint and as_json:
            raise MachineError("--publish and --json together, expected one of them: messages are msgpack")
        if endpoint and watch is None:
            watch = "1"
        period_s = None if watch is None else _seconds(watch)
        inspector = attach(pid)
        if endpoint:
            _publish(inspector, endpoint, period_s, count)
            return
    show = _print_json if as_json else _print_tables
    if period_s is None:
        show(sample_figures(inspector, since_boot(inspector, take(inspector))))
        return
    for number, rates in enumerate(intervals(inspector, period_s), 1):
        show(sample_figures(inspector, rates))
        sys.stdout.flush()
        if number == count:
            return
    _say_that_it_ended(inspector)


def _publish(inspector, endpoint, period_s, count):
    from emu.live.publish import Publisher, publish

    with Publisher(endpoint) as publisher, ending.at_last(publisher.remove_file):
        print(f"emu: publishing on {publisher.endpoint}", file=sys.stderr, flush=True)
        ended = publish(inspector, publisher, period_s, count)
    if ended:
        _say_that_it_ended(inspector)


def _say_that_it_ended(inspector):
    print(f"emu: the machine of process {inspector.pid} has ended", file=sys.stderr)


def _seconds(text):
    from emu.debug.text import CommandError

    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0.01 <= found <= 3600:
        raise CommandError(f"--watch {text!r}: expected seconds, from 0.01 to 3600")
    return found


def _print_json(figures):
    print(json.dumps(figures))


def _print_tables(figures):
    now = figures["threads_now"]
    print(
        f"process {figures['pid']}, over {figures['interval_s']:.2f} s: {now['running']} threads run, "
        f"{now['runnable']} wait for a CPU, {now['blocked']} sleep"
    )
    print_table([name for name, _, _ in CPU_COLUMNS], [_row(CPU_COLUMNS, each) for each in figures["cpus"]])
    threads = [
        {**each, "runtime_s": each["runtime_ns"] / 1e9, "run_delay_s": each["run_delay_ns"] / 1e9}
        for each in figures["threads"][:MOST_THREADS]
    ]
    print_table([name for name, _, _ in THREAD_COLUMNS], [_row(THREAD_COLUMNS, each) for each in threads])
    left = len(figures["threads"]) - len(threads) + figures["threads_left_out"]
    print(f"and {left:,} more threads\n" if left > 0 else "")


def _row(columns, each):
    return tuple(text.format(each[name]) for _, name, text in columns)
