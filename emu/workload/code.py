"""The compiled form of a workload: the text that emu/guests/workload.c reads on its standard input.

    SEED MUTEXES CONDITIONS BARRIERS THREADS     how many of each
    PARTIES …                                    of each barrier: how many threads it waits for
    INSTANCES STARTED LEADER NICE REALTIME MASK JITTER_PPM OPERATIONS       of each thread; then its operations:
    CODE A B

Times are instructions and nanoseconds, names are numbers, a loop is `[` and `]` around its operations.
"""

import itertools

from ..shm.cpumask import to_words

INSTRUCTIONS_PER_US = 500  # the nominal 500 million a second of the guests' CPU-time clocks
PPM = 1_000_000
SEED_BITS = (1 << 62) - 1

_CODES = {
    "run": "r", "sleep": "s", "lock": "l", "unlock": "u", "wait": "w", "signal": "n", "broadcast": "b",
    "barrier": "m", "fork": "f", "join": "j", "yield": "y",
}  # fmt: skip
_NAMED = {
    "lock": "mutex", "unlock": "mutex", "wait": "condition", "signal": "condition", "broadcast": "condition",
    "barrier": "barrier", "fork": "thread", "join": "thread",
}  # fmt: skip


def compile_workload(workload, cpus, seed):
    """The text for a machine of `cpus` CPUs; WorkloadError when an affinity does not fit it."""
    workload.check_cpus(cpus)
    names, parties = numbers_of(workload), {}
    for thread in workload.threads:
        for name in {p.value: None for p in thread.every_phase() if p.kind == "barrier"}:
            parties[name] = parties.get(name, 0) + thread.instances
    counts = [len(names[kind]) for kind in ("mutex", "condition", "barrier", "thread")]
    lines = [_words(seed & SEED_BITS, *counts), _words(*(parties[name] for name in names["barrier"]))]
    for thread in workload.threads:
        operations = []
        _operations(thread.phases, names, operations)
        lines.append(
            _words(
                thread.instances,
                int(thread.started),
                int(thread.leader),
                thread.nice,
                int(thread.realtime),
                *to_words(sum(1 << cpu for cpu in thread.affinity)),
                round(thread.jitter * PPM),
                len(operations),
            )  # fmt: skip
        )
        lines += itertools.starmap(_words, operations)
    return "\n".join(lines) + "\n"


def numbers_of(workload):
    """{"mutex", "condition", "barrier" or "thread": {name: number}}."""
    names = {kind: {} for kind in ("mutex", "condition", "barrier", "thread")}
    for thread in workload.threads:
        _number_of(names["thread"], thread.name)
    for thread in workload.threads:
        for phase in thread.every_phase():
            if phase.kind in _NAMED:
                _number_of(names[_NAMED[phase.kind]], phase.value)
            if phase.mutex:
                _number_of(names["mutex"], phase.mutex)
    return names


def _words(*values):
    return " ".join(map(str, values))


def _number_of(numbers, name):
    return numbers.setdefault(name, len(numbers))


def _operations(phases, names, out):
    for phase in phases:
        if phase.kind == "loop":
            start = len(out)
            out.append(("[", phase.value, 0))
            _operations(phase.phases, names, out)
            out.append(("]", start, 0))
            continue
        a, b = phase.value, 0
        if phase.kind == "run":
            a = round(phase.value * INSTRUCTIONS_PER_US)
        elif phase.kind == "sleep":
            a = round(phase.value * 1000)
        elif phase.kind in _NAMED:
            a = names[_NAMED[phase.kind]][phase.value]
        if phase.mutex:
            b = names["mutex"][phase.mutex]
        out.append((_CODES[phase.kind], a, b))
