"""`emu compare --workload FILE`: the same workload, with the same seed, under several policies.

Rounds are interleaved (A B C A B C …), so that a host that speeds up or slows down
does so for all, and figures are medians of rounds.  Every run has a machine of its
own.  A policy that fails, or that does not end in time, is a row that says why, and the
others go on; the status is 1 then.
"""

import sys
from pathlib import Path

import click

from .options import check_writable, policy_and_parameters
from .run import errors_in_one_line, start_early, write_json
from .workload import duration, print_table, share

FAILED = 1
COLUMNS = (
    "policy", "makespan", "work ms/s", "latency p50", "p99", "fairness", "switches", "migrations", "steals",
)  # fmt: skip


@click.command()
@click.option("--workload", required=True, metavar="FILE", help="The workload, a JSON file.")
@click.option("--policies", "names", metavar="A[:K=N…],B,…", help="Built-in or files, with parameters (default: all).")
@click.option("--cpus", metavar="N", help="CPU processes (EMU_CPUS, else the host's cores).")
@click.option("--seed", metavar="S", help="Seed of every random choice (EMU_SEED, else a fresh one).")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Runs of each policy.")
@click.option("--limit", type=click.FloatRange(0.1), default=120, show_default=True, help="Seconds for one run.")
@click.option("--json", "json_file", metavar="FILE", help="Write all figures of all rounds there, as JSON.")
def compare(workload, names, cpus, seed, rounds, limit, json_file):
    """Run a workload under several policies and compare what its threads saw.

    Makespan: from the first thread's creation to the last leader's end. Work: milliseconds of nominal CPU time
    (500,000 instructions each) in completed run phases. Latency: from the moment at which a thread could go on
    (its sleep over, signalled, its barrier complete, the thread it joins at its end) to the moment at which it did.
    Fairness: Jain's index (Σx)²/(n·Σx²) over the threads of a same name, x being the CPU time received per wall
    time alive: 1 when all got the same, 1/n when one got all; of several names, the worst. Switches, migrations
    and steals are the whole machine's. All figures are medians of the rounds.
    """
    with errors_in_one_line():
        if json_file:
            check_writable("--json", json_file)
        start_early()
        rows = _compare(workload, _policies(names), cpus, seed, rounds, limit)
        if json_file:
            write_json(json_file, {"workload": workload, "rounds": rounds, "policies": rows})
    print_table(COLUMNS, [_cells(row) for row in rows])
    failures = [row for row in rows if row["failure"]]
    for row in failures:
        print(f"emu: {row['policy']}: {row['failure']}", file=sys.stderr)
    sys.exit(FAILED if failures else 0)


def _policies(names):
    from emu import MachineError
    from emu.actor.policies import BUILTIN

    chosen = [name.strip() for name in names.split(",")] if names else list(BUILTIN)
    for text in chosen:
        if chosen.count(text) > 1:
            raise MachineError(f"policy {text!r} is given twice, expected once")
        name, _ = policy_and_parameters("--policies", text)
        if name not in BUILTIN and not (name.endswith(".py") and Path(name).is_file()):
            raise MachineError(f"unknown policy {name!r}, expected {', '.join(BUILTIN)} or the path of a .py file")
    return chosen


def _compare(file, names, cpus, seed, rounds, limit):
    """A row for each policy: its rounds, their medians, why it failed."""
    from emu.machine.config import Config
    from emu.workload.code import compile_workload
    from emu.workload.read import read_workload
    from emu.workload.run import medians

    workload = read_workload(file)
    config = Config.make(cpus, seed=seed)  # the same number of CPUs and the same seed for all
    compile_workload(workload, config.cpus, config.seed)
    rows = [{"policy": name, "failure": "", "rounds": [], "results": []} for name in names]
    for _ in range(rounds):
        for row in rows:
            if not row["failure"]:
                _one_round(row, workload, config, limit)
    for row in rows:
        row["medians"] = {} if row["failure"] else medians(row["rounds"])
    return rows


def _one_round(row, workload, config, limit):
    from emu import MachineError
    from emu.workload.run import figures, run_workload

    try:
        name, parameters = policy_and_parameters("--policies", row["policy"])
        options = {"seed": config.seed, "parameters": parameters, "limit_s": limit}
        result, report = run_workload(workload, config.cpus, name, **options)
    except MachineError as error:
        row["failure"] = str(error)
        return
    row["rounds"].append(figures(result, report))
    row["results"].append(result.as_dict())


def _cells(row):
    m = row["medians"]
    if not m:
        return (row["policy"], "failed", *[""] * (len(COLUMNS) - 2))
    return (
        row["policy"], duration(m["makespan_ns"]), f"{m['throughput_ms_per_s']:,.0f}", duration(m["p50_ns"]),
        duration(m["p99_ns"]), share(m["fairness"]), *(f"{m[k]:,.0f}" for k in ("switches", "migrations", "steals")),
    )  # fmt: skip
