"""A workload: threads and the phases they go through, read from JSON and checked.

    {"jitter": 0.1,
     "threads": [
       {"name": "worker", "instances": 4, "priority": "low", "affinity": [0, 1], "phases": [
         {"loop": 100, "phases": [{"run": 500}, {"lock": "m"}, {"run": 20}, {"unlock": "m"}, {"sleep": 200}]}]},
       {"name": "ticker", "leader": true, "phases": [{"loop": 50, "phases": [{"run": 50}, {"sleep": 2000}]}]}]}

What can be known before anything runs is refused here with file, line and what was
expected: names of threads that do not exist, mutexes that are not held where they are
released, threads that start each other in a circle, workloads that never end.
What the phases mean: docs/workloads.md, and emu/guests/workload.c, which executes them.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import WorkloadError
from ..limits import MAX_CPUS
from .located_json import Located, parse_located

MAX_INSTANCES = 1000
MAX_DEPTH = 8  # of loops, as in emu/guests/workload.c
MAX_US = 1_000_000_000
MAX_COUNT = 1_000_000_000
FOREVER = -1
PRIORITIES = {"realtime": 0, "normal": 0, "low": 10}  # nice value
NICE = range(-20, 20)


@dataclass(frozen=True)
class Phase:
    kind: str
    value: object  # µs, a count, or a name
    line: int
    mutex: str = ""  # of a wait
    phases: tuple = ()  # of a loop


@dataclass
class Thread:
    name: str
    line: int
    instances: int = 1
    nice: int = 0
    realtime: bool = False
    affinity: tuple = ()  # () is every CPU
    leader: bool = False
    jitter: float = 0.0
    phases: tuple = ()
    started: bool = True  # at the beginning, by no fork

    def every_phase(self):
        """All phases, those in loops too, in order."""
        return _flat(self.phases)


@dataclass
class Workload:
    file: str
    threads: list[Thread] = field(default_factory=list)

    def refuse(self, line, what):
        raise WorkloadError(f"{self.file}:{line}: {what}")

    def check_cpus(self, cpus):
        """WorkloadError unless a machine of so many CPUs has all that the affinities name."""
        for thread in self.threads:
            missing = [cpu for cpu in thread.affinity if cpu >= cpus]
            if missing:
                there = "CPU 0 only" if cpus == 1 else f"CPUs 0 to {cpus - 1}"
                named = f"'affinity' of {thread.name!r} names CPU {missing[0]}"
                self.refuse(thread.line, f"{named}, expected what the machine has: {there}")


def read_workload(path):
    """The Workload in a JSON file; WorkloadError when it is none."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise WorkloadError(f"{path}: cannot be read: {os.strerror(error.errno)}, expected a workload (JSON)") from None
    except UnicodeDecodeError as error:
        line = Path(path).read_bytes()[: error.start].count(b"\n") + 1
        raise WorkloadError(f"{path}:{line}: not UTF-8 text, expected a workload (JSON)") from None
    return parse_workload(text, str(path))


def parse_workload(text, file="workload"):
    """As read_workload, of a text; `file` is for messages."""
    workload = Workload(file)
    _Reader(workload).read(parse_located(text, workload.refuse))
    _check_forks(workload)
    for thread in workload.threads:
        _check_locks(workload, thread)
    _check_end(workload)
    return workload


def _flat(phases):
    for phase in phases:
        yield phase
        yield from _flat(phase.phases)


def _said(value):
    """A value as the person wrote it, or about so."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return {True: "true", False: "false", None: "null"}[value]
    return repr(value)


class _Reader:
    """From JSON values to a Workload: the shape of each, one field after another."""

    def __init__(self, workload):
        self.workload = workload
        self.refuse = workload.refuse

    def read(self, top):
        top = self.object(top, 1, "the workload", ("about", "jitter", "threads"))
        jitter = self.share(top, top.get("jitter", 0))
        self.text(top, top.get("about", "-"), "'about'")
        threads = self.list(top, top.get("threads"), "'threads'")
        for each in threads:
            self.workload.threads.append(self.thread(top, each, jitter))
        if sum(t.instances for t in self.workload.threads) > MAX_INSTANCES:
            self.refuse(top.line, f"more than {MAX_INSTANCES} threads together, expected fewer 'instances'")

    def object(self, value, line, what, keys):
        if not isinstance(value, Located):
            self.refuse(line, f"{what} is {_said(value)}, expected an object {{…}}")
        for key in value:
            if key not in keys:
                self.refuse(value.line, f"unknown key {key!r} in {what}, expected {', '.join(keys)}")
        return value

    def list(self, within, value, what):
        if not isinstance(value, list) or not value:
            found = "missing" if value is None else "empty" if value == [] else _said(value)
            self.refuse(within.line, f"{what} is {found}, expected a list that is not empty")
        return value

    def text(self, within, value, what):
        if not isinstance(value, str) or not value:
            found = "missing" if value is None else _said(value)
            self.refuse(within.line, f"{what} is {found}, expected a name (a text that is not empty)")
        return value

    def number(self, within, value, what, least, most, whole=True):
        kinds = int if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
            kind = "a whole number" if whole else "a number"
            self.refuse(within.line, f"{what} is {_said(value)}, expected {kind} from {least} to {most}")
        return value

    def share(self, within, value):
        return self.number(within, value, "'jitter'", 0, 1, whole=False)

    def thread(self, top, value, jitter):
        keys = ("name", "instances", "priority", "affinity", "leader", "jitter", "phases")
        value = self.object(value, top.line, "a thread", keys)
        name = self.text(value, value.get("name"), "the thread's 'name'")
        if any(t.name == name for t in self.workload.threads):
            self.refuse(value.line, f"a second thread is called {name!r}, expected another name (or 'instances')")
        leader = value.get("leader", False)
        if not isinstance(leader, bool):
            self.refuse(value.line, f"'leader' of {name!r} is {_said(leader)}, expected true or false")
        nice, realtime = self.priority(value, name)
        thread = Thread(
            name=name, line=value.line, nice=nice, realtime=realtime, leader=leader,
            instances=self.number(value, value.get("instances", 1), f"'instances' of {name!r}", 1, MAX_INSTANCES),
            affinity=self.affinity(value, name), jitter=self.share(value, value.get("jitter", jitter)),
        )  # fmt: skip
        thread.phases = self.phases(value, value.get("phases"), f"'phases' of {name!r}", 0)
        return thread

    def priority(self, within, name):
        value = within.get("priority", "normal")
        if isinstance(value, str) and value in PRIORITIES:
            return PRIORITIES[value], value == "realtime"
        if isinstance(value, int) and not isinstance(value, bool) and value in NICE:
            return value, False
        expected = f"{', '.join(PRIORITIES)} or a nice value from {NICE[0]} to {NICE[-1]}"
        self.refuse(within.line, f"'priority' of {name!r} is {_said(value)}, expected {expected}")

    def affinity(self, within, name):
        if "affinity" not in within:
            return ()
        cpus = self.list(within, within["affinity"], f"'affinity' of {name!r}")
        return tuple(sorted({self.number(within, c, f"a CPU of {name!r}", 0, MAX_CPUS - 1) for c in cpus}))

    def phases(self, within, values, what, depth):
        return tuple(self.phase(within, value, depth) for value in self.list(within, values, what))

    def phase(self, within, value, depth):
        further = {"wait": "mutex", "loop": "phases"}
        value = self.object(value, within.line, "a phase", (*_PHASES, *further.values()))
        kinds = [key for key in value if key in _PHASES]
        if len(kinds) != 1:
            found = " and ".join(map(repr, kinds)) or "none"
            self.refuse(value.line, f"a phase with {found} of its kinds, expected one of {', '.join(_PHASES)}")
        kind, line = kinds[0], value.line
        for key in value:
            if key not in (kind, further.get(kind)):
                self.refuse(line, f"unknown key {key!r} beside {kind!r}, expected {further.get(kind, 'nothing')}")
        checked = _PHASES[kind](self, value, value[kind], repr(kind))
        if kind == "wait":
            return Phase(kind, checked, line, mutex=self.text(value, value.get("mutex"), "'mutex' of 'wait'"))
        if kind == "loop":
            if depth == MAX_DEPTH:
                self.refuse(line, f"loops nested {MAX_DEPTH + 1} deep, expected at most {MAX_DEPTH}")
            inner = self.phases(value, value.get("phases"), "'phases' of 'loop'", depth + 1)
            return Phase(kind, checked, line, phases=inner)
        return Phase(kind, checked, line)

    def time(self, within, value, what):
        return self.number(within, value, f"{what} (µs)", 0, MAX_US, whole=False)

    def count(self, within, value, what):
        return self.number(within, value, what, 1, MAX_COUNT)

    def turns(self, within, value, what):
        if value == FOREVER and not isinstance(value, bool):
            return value
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_COUNT:
            expected = f"a count from 1 to {MAX_COUNT}, or -1 for ever"
            self.refuse(within.line, f"{what} is {_said(value)}, expected {expected}")
        return value


_PHASES = {
    "run": _Reader.time, "sleep": _Reader.time, "lock": _Reader.text, "unlock": _Reader.text, "wait": _Reader.text,
    "signal": _Reader.text, "broadcast": _Reader.text, "barrier": _Reader.text, "fork": _Reader.text,
    "join": _Reader.text, "yield": _Reader.count, "loop": _Reader.turns,
}  # fmt: skip


# --- what goes beyond one field -----------------------------------------------------------------------------------


def _check_forks(workload):
    """Forks and joins name threads that exist, and nobody starts itself."""
    by_name = {t.name: t for t in workload.threads}
    starts = {t.name: {} for t in workload.threads}  # name -> {started name: line}
    for thread in workload.threads:
        for phase in thread.every_phase():
            if phase.kind in ("fork", "join") and phase.value not in by_name:
                there = ", ".join(by_name)
                workload.refuse(phase.line, f"{phase.kind!r} names the thread {phase.value!r}, expected one of {there}")
            if phase.kind == "fork":
                starts[thread.name].setdefault(phase.value, phase.line)
                by_name[phase.value].started = False
            if phase.kind == "join" and phase.value not in starts[thread.name]:
                before = "a 'fork' of it before, in the same thread"
                workload.refuse(phase.line, f"'join' of {phase.value!r}, expected {before}")
    for name in starts:
        _walk_forks(workload, starts, name, [])


def _walk_forks(workload, starts, name, path):
    for started, line in starts[name].items():
        if started in (*path, name):
            circle = " → ".join([*path, name, started])
            workload.refuse(line, f"threads start each other in a circle: {circle}, expected an end")
        _walk_forks(workload, starts, started, [*path, name])


def _check_locks(workload, thread):
    """Mutexes are released by their holder and are as before after a loop and at the end."""

    def follow(phases, held):
        for phase in phases:
            if phase.kind == "lock":
                if phase.value in held:
                    found = f"'lock' of {phase.value!r}, which this thread holds already"
                    workload.refuse(phase.line, f"{found}, expected an 'unlock' between")
                held = {**held, phase.value: phase.line}
            elif phase.kind in ("unlock", "wait"):
                mutex = phase.mutex or phase.value
                if mutex not in held:
                    found = f"{phase.kind!r} with mutex {mutex!r} not held"
                    workload.refuse(phase.line, f"{found}, expected a 'lock' of it before")
                if phase.kind == "unlock":
                    held = {name: line for name, line in held.items() if name != mutex}
            elif phase.kind == "loop":
                after = follow(phase.phases, held)
                changed = sorted(held.keys() ^ after.keys())
                if changed:
                    expected = f"{changed[0]!r} held at its end as at its start"
                    workload.refuse(phase.line, f"the loop locks or unlocks, expected {expected}")
        return held

    for name, line in follow(thread.phases, {}).items():
        workload.refuse(line, f"'lock' of {name!r} in {thread.name!r}, expected an 'unlock' before the thread's end")


def _check_end(workload):
    """Some leader starts at the beginning, and no leader loops for ever; without leaders all are."""
    if not any(t.leader for t in workload.threads):
        for thread in workload.threads:
            thread.leader = True
    if not any(t.leader and t.started for t in workload.threads):
        leader = next(t for t in workload.threads if t.leader)
        found = f"leader {leader.name!r} is started by a 'fork' only"
        workload.refuse(leader.line, f"{found}, expected a leader from the beginning")
    for thread in workload.threads:
        for phases in (thread.phases, *(p.phases for p in thread.every_phase())):
            endless = next((n for n, p in enumerate(phases) if p.kind == "loop" and p.value == FOREVER), None)
            if endless is None:
                continue
            if thread.leader:
                hint = "a count (or mark other threads as leaders)"
                workload.refuse(phases[endless].line, f"leader {thread.name!r} loops for ever, expected {hint}")
            if endless + 1 < len(phases):
                workload.refuse(phases[endless + 1].line, "a phase after a loop for ever, expected it to be the last")
