"""Runs the same work under several policies and numbers of CPUs, and tells how much of a difference is the host's.

    found = compare("primes", 200000, policies=["inko", "eevdf:slice_ns=1000000"], cpus=[1, 2], rounds=5)
    print(found.rows[0].makespan.median, found.rows[1].speedup)

Rounds are interleaved (A B C A B C …), so that a host that speeds up or slows down does so for all; with several seeds
a round has each seed once.  Every run has a machine of its own.  A run that fails, or does not end in time, is a
failure of its row, whose other runs count; a row with more failures than figures is given up.

Speed-up compares a row with the same policy's row of the fewest CPUs.  A row with more CPUs than the host has cores has
no speed-up: its CPUs share cores, so the host would be measured.  Its throughput still says what the machine gets done.
"""

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil
from tqdm import tqdm

from ..actor.policies import BUILTIN
from ..errors import MachineError
from ..machine.arguments import integer, seconds
from ..machine.config import Config, usable_cores
from ..machine.policy_text import policy_and_parameters
from ..tables import as_json, html_lines, html_table
from .code import compile_workload
from .compare_tables import columns, notes, row_of
from .run import Work as WorkGiven
from .run import as_workload
from .spread import Spread, spread
from .trial import Trial, Work, run_trial

VERSIONS = ("emu", "numpy", "numba", "llvmlite", "pyzmq")
MOST_RUNS = 100_000


@dataclass
class Row:
    """A policy, with its parameters, on a number of CPUs."""

    policy: str
    cpus: int
    trials: list[Trial] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    speedup: float | None = None
    efficiency: float | None = None  # the speed-up per added CPU: 1 is the most that more CPUs can give

    @property
    def machine(self) -> str:
        return "1 CPU" if self.cpus == 1 else f"{self.cpus} CPUs"

    @property
    def given_up(self) -> bool:
        return len(self.failures) > len(self.trials)

    def spread(self, figure: str) -> Spread | None:
        """The Spread of a figure over the runs; None when no run has it."""
        values = [t.figures.get(figure) for t in self.trials]
        return spread([value for value in values if value is not None])

    def median(self, figure: str) -> float | None:
        found = self.spread(figure)
        return found.median if found else None

    @property
    def makespan(self) -> Spread | None:
        """The Spread of the runs' makespans, in ns."""
        return self.spread("makespan_ns")

    def to_dict(self) -> dict[str, Any]:
        names = list(self.trials[0].figures) if self.trials else []
        spreads = {name: vars(found) for name in names if (found := self.spread(name))}
        return {
            "policy": self.policy, "cpus": self.cpus, "speedup": self.speedup, "efficiency": self.efficiency,
            "medians": {name: self.median(name) for name in names}, "spreads": spreads, "failures": self.failures,
            "rounds": [{"seed": t.seed, **t.figures} for t in self.trials], "results": [t.result for t in self.trials],
        }  # fmt: skip


@dataclass
class Comparison:
    """What `compare` found."""

    work: str
    rows: list[Row]
    seeds: list[int]
    rounds: int
    host: dict[str, Any]
    versions: dict[str, str]

    @property
    def failures(self) -> list[str]:
        """A line for each run that failed."""
        several = len({row.cpus for row in self.rows}) > 1
        return [
            f"{row.policy}{f' on {row.machine}' if several else ''}: {text}"
            for row in self.rows for text in row.failures
        ]  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """All figures of all runs, as what JSON knows."""
        rows = [row.to_dict() for row in self.rows]
        given = {"work": self.work, "seeds": self.seeds, "rounds": self.rounds}
        return as_json({**given, "host": self.host, "versions": self.versions, "rows": rows})

    def table(self) -> tuple[Sequence[str], list[tuple[str, ...]]]:
        """(columns, rows) for people."""
        names = columns(self)
        return names, [row_of(self, row, names) for row in self.rows]

    def notes(self) -> list[str]:
        """What has to be known to read the table, a sentence a line."""
        return notes(self)

    def _repr_html_(self) -> str:
        return html_table(*self.table()) + html_lines([*self.notes(), *self.failures])


def compare(
    program: str | os.PathLike[str] | None = None,
    *arguments: object,
    workload: WorkGiven | None = None,
    policies: Iterable[str] | None = None,
    cpus: int | str | Iterable[int | str] | None = None,
    seed: int | str | None = None,
    seeds: int = 1,
    rounds: int = 3,
    limit_s: float = 120.0,
    quiet: bool = False,
    progress: bool = False,
) -> Comparison:
    """Run a program, or a workload, under each policy (default: all built-in ones) on each number of CPUs.

    A policy is POLICY[:NAME=VALUE…].  `seeds` counts up from `seed`.  `limit_s` is for one run.  MachineError for what
    cannot be meant, before anything runs; what fails later is in `failures`.  Nothing of the program's
    output is shown.
    """
    work = _work(program, arguments, workload)
    integer(seeds, "seeds", 1, MOST_RUNS)
    integer(rounds, "rounds", 1, MOST_RUNS)
    seconds(limit_s)
    names = _policies(policies)
    given = [cpus] if cpus is None or isinstance(cpus, (int, str)) else list(cpus)
    first = Config.make(given[0] if given else None, seed=seed, quiet=True)
    numbers = [Config.make(n, seed=first.seed, quiet=True).cpus for n in given]
    _once("number of CPUs", numbers)
    if not numbers:
        raise MachineError("no number of CPUs is given, expected one at least")
    if work.workload:
        for n in numbers:
            compile_workload(work.workload, n, first.seed)  # what does not fit is refused now
    rows = [Row(name, n) for name in names for n in numbers]
    found = Comparison(work.name, rows, [first.seed + k for k in range(seeds)], rounds, _host(), _versions())
    before = psutil.cpu_times()
    _run_all(found, work, limit_s, quiet, progress)
    found.host.update(_host_meanwhile(before))
    _scale(rows, found.host["cores"])
    return found


def _work(program, arguments, workload):
    if (program is None) == (workload is None):
        raise MachineError("expected a PROGRAM or a workload, and not both")
    if workload is not None:
        return Work(workload=as_workload(workload))
    work = Work(program=(os.fspath(program), *map(str, arguments)))
    work.check()
    return work


def _policies(given):
    if isinstance(given, str):
        given = given.split(",")
    names = list(BUILTIN) if given is None else [str(name).strip() for name in given]
    _once("policy", names)
    for text in names:
        name, _ = policy_and_parameters("policies", text)
        if name not in BUILTIN and not (name.endswith(".py") and Path(name).is_file()):
            raise MachineError(f"unknown policy {name!r}, expected {', '.join(BUILTIN)} or the path of a .py file")
    return names


def _once(what, values):
    for value in values:
        if values.count(value) > 1:
            raise MachineError(f"{what} {value!r} is given twice, expected once")


def _run_all(found: Comparison, work: Work, limit_s: float, quiet: bool, progress: bool) -> None:
    total = found.rounds * len(found.seeds) * len(found.rows)
    with tqdm(total=total, unit="run", leave=False, disable=None if progress else True) as bar:
        for _ in range(found.rounds):
            for seed in found.seeds:
                for row in found.rows:
                    bar.set_postfix_str(f"{row.policy}, {row.machine}", refresh=False)
                    if not row.given_up:
                        _run_once(row, work, seed, limit_s, quiet)
                    bar.update()


def _run_once(row: Row, work: Work, seed: int, limit_s: float, quiet: bool) -> None:
    name, parameters = policy_and_parameters("policies", row.policy)
    try:
        row.trials.append(run_trial(work, row.cpus, name, parameters, seed, limit_s, quiet))
    except MachineError as error:
        row.failures.append(f"{error} (seed {seed})")


def _scale(rows: list[Row], cores: int) -> None:
    """Speed-up and efficiency of the rows that have them."""
    for row in rows:
        same = [other for other in rows if other.policy == row.policy and other.makespan]
        base = min(same, key=lambda other: other.cpus, default=None)
        if base and base.makespan and row.makespan and base.cpus <= cores and row.cpus <= cores:
            row.speedup = base.makespan.median / row.makespan.median
            row.efficiency = row.speedup * base.cpus / row.cpus


def _host() -> dict[str, Any]:
    return {
        "cores": len(usable_cores()), "system": platform.platform(), "processor": platform.machine(),
        "python": platform.python_version(), "load_before": os.getloadavg()[0],
    }  # fmt: skip


def _host_meanwhile(before: Any) -> dict[str, Any]:
    """The host's load now, and the share of its cores' time that its own host (a hypervisor) took meanwhile."""
    spent = [now - then for now, then in zip(psutil.cpu_times(), before)]
    stolen = getattr(psutil.cpu_times(), "steal", 0.0) - getattr(before, "steal", 0.0)
    return {"load_after": os.getloadavg()[0], "stolen_share": max(stolen, 0.0) / max(sum(spent), 1e-9)}


def _versions() -> dict[str, str]:
    found = {}
    for name in VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a checkout that is not installed
            found[name] = _own_version() if name == "emu" else "unknown"
    return found


def _own_version() -> str:
    from .. import __version__

    return __version__
