"""A machine's configuration: every value checked, with errors for the person who typed it."""

import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..actor.policies import BUILTIN, compile_policy, hooks_of, load_policy, parameters_of
from ..errors import MachineError
from ..hot.cache import not_written
from ..limits import (
    DEFAULT_MEMORY_BYTES,
    DEFAULT_PROC_GROUPS,
    DEFAULT_PROC_THREADS,
    GIB,
    KIB,
    MAX_CPUS,
    MAX_GROUPS,
    MAX_MEMORY_BYTES,
    MAX_THREADS,
    MIB,
    MIN_MEMORY_BYTES,
    PAGE_SIZE,
    POLL_NS,
    SLICE_NS,
)
from ..server.vfs.initial import check_mounts
from ..server.vfs.mounts import parse_mount
from .topology import Topology, parse_topology
from .watchdog import PATIENCE_S

_UNITS = {"": 1, "K": KIB, "M": MIB, "G": GIB}


Parameters = Mapping[str, int | str] | Iterable[tuple[str, int | str]]  # of a policy, by name


def parse_size(text, what="memory size"):
    """Bytes of a size such as 512M; MachineError when it is none."""
    match = re.fullmatch(r"([0-9]{1,20})\s*([KMG]?)(?:i?B)?", str(text).strip(), re.IGNORECASE)
    if not match:
        raise MachineError(f"{what} {text!r} is not a size: write for example 512M or 2G")
    return int(match[1]) * _UNITS[match[2].upper()]


def default_cpus():
    """EMU_CPUS, else the number of the host's cores (rust-13), at most what a machine can have."""
    if os.environ.get("EMU_CPUS"):
        return _number(os.environ["EMU_CPUS"], "number of CPUs in EMU_CPUS")
    return min(len(usable_cores()), MAX_CPUS)


def default_seed():
    """EMU_SEED, else a fresh one, which the report names (rust-13)."""
    if os.environ.get("EMU_SEED"):
        return _number(os.environ["EMU_SEED"], "seed in EMU_SEED")
    return int.from_bytes(os.urandom(4))


def usable_cores():
    """The host's cores that this process may use; all, where the host does not tell."""
    try:
        return sorted(os.sched_getaffinity(0))
    except OSError:
        return list(range(os.cpu_count() or 1))


def may_pin():
    """Whether the host lets a process choose its cores. It asks for those that it has, so nothing changes."""
    try:
        os.sched_setaffinity(0, os.sched_getaffinity(0))
    except OSError:
        return False
    return True


def _number(value, what):
    """An integer of 64 bits, as the machine's records hold them."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise MachineError(f"{what} {_shortened(value)} is not a number") from None
    if not -1 << 63 <= number < 1 << 63:
        raise MachineError(f"{what} {_shortened(value)} has more than 64 bits")
    return number


def _shortened(value):
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:50]}… ({len(text)} characters)"


def _parameters(policy, module, given):
    """The values of a policy's parameters, in order; `given` is a mapping or (name, value) pairs."""
    named = {name for name, entry in getattr(module, "PARAMETERS", {}).items() if len(entry) > 2}
    what = f"of policy {policy!r}:"
    pairs = given.items() if isinstance(given, Mapping) else given
    given = [(k, value if k in named else _number(value, f"parameter {k} {what}")) for k, value in pairs]
    return tuple(parameters_of(policy, module, given))


def _mounts(texts):
    """The mounts, each of which has a place in a machine's files."""
    parsed = tuple(parse_mount(text) for text in texts)
    if parsed:
        check_mounts(parsed)
    return parsed


def _compile_policy(policy, module, quiet):
    """Compile a user's policy into the cache, and say so: it takes a few seconds."""
    missing = [each for each in hooks_of(module) if not each.is_stored]
    if missing and not quiet:
        print(f"emu: compiling policy {policy} (once)…", file=sys.stderr, flush=True)
    compile_policy(policy, module)
    errors = [each.not_stored for each in missing if each.not_stored]
    if errors and not quiet:
        print(f"emu: {not_written(errors[0])}; each process compiles the policy for itself", file=sys.stderr)


def _seconds(value, what):
    """A time above 0 and below 12 days."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        raise MachineError(f"{what} {value!r} is not a number of seconds") from None
    if not 0 < seconds <= 1_000_000:  # not a number either
        raise MachineError(f"{what} of {value} s: expected more than 0, and 1000000 at most")
    return seconds


def _topology(text, cpus):
    """A topology, which must agree with the number of CPUs where that is given too."""
    try:
        topology = parse_topology(text)
    except ValueError as error:
        raise MachineError(str(error)) from None
    if cpus is not None and _number(cpus, "number of CPUs") != topology.cpus:
        raise MachineError(f"topology {topology} has {topology.cpus} CPUs, not {cpus}: leave one of the two out")
    return topology


TRANSLATORS = ("off", "on", "sync")  # the modes of MACHINE.translating, in order (shm/regions.py)

# Limits that may change while guests run: what they are at first, and at most (kse-5).
LIMITS = {
    "max_threads_per_task": (MAX_THREADS, MAX_THREADS),
    "max_threads_per_proc": (DEFAULT_PROC_THREADS, MAX_THREADS),  # of a task that has groups of threads
    "max_groups_per_proc": (DEFAULT_PROC_GROUPS, MAX_GROUPS),
}


def check_limit(name, value):
    """A limit's value, as a number."""
    if not isinstance(name, str) or name not in LIMITS:
        raise MachineError(f"limit {name}={value!r}: there is no such limit, only {', '.join(LIMITS)}")
    most = LIMITS[name][1]
    number = value if isinstance(value, int) else _number(value, f"limit {name}")
    if not 1 <= number <= most:
        raise MachineError(f"limit {name}={value!r}: expected {name}=1 to {most}")
    return number


@dataclass(frozen=True)
class Config:
    cpus: int
    topology: Topology
    policy: str
    seed: int
    memory_bytes: int
    mounts: tuple
    pin: bool
    poll_ns: int
    slice_ns: int
    limits: dict
    patience_s: float
    parameters: tuple = ()
    queues: str = "per-cpu"  # the policy's QUEUES
    blocking_cpus: int = 0
    translator: str = "on"

    @property
    def blocking_pool(self):
        """The mask of the blocking pool, as an integer: the last CPUs of those that a machine boots with (inko-6)."""
        return (1 << self.cpus) - (1 << self.cpus - self.blocking_cpus)

    @classmethod
    def make(
        cls,
        cpus=None,
        policy="inko",
        seed=None,
        topology=None,
        memory=DEFAULT_MEMORY_BYTES,
        mounts=(),
        pin=True,
        poll_ns=POLL_NS,
        slice_ns=SLICE_NS,
        max_threads=MAX_THREADS,
        patience_s=PATIENCE_S,
        parameters=(),
        quiet=False,
        blocking_cpus=0,
        limits=(),
        translator="on",
    ):
        """Check everything; MachineError names the first thing that is wrong."""
        if topology is not None:
            topology = _topology(topology, cpus)
            cpus = topology.cpus
        cpus = default_cpus() if cpus is None else _number(cpus, "number of CPUs")
        if not 1 <= cpus <= MAX_CPUS:
            raise MachineError(f"{cpus} CPUs: a machine has 1 to {MAX_CPUS}")
        blocking_cpus = _number(blocking_cpus, "number of blocking CPUs")
        if not 0 <= blocking_cpus < cpus:
            raise MachineError(f"{blocking_cpus} blocking CPUs of {cpus}: expected 0 to {cpus - 1}, one must be left")
        seed = default_seed() if seed is None else _number(seed, "seed")
        if seed < 0:
            raise MachineError(f"seed {seed}: expected 0 to {(1 << 63) - 1}")
        limit = _number(max_threads, "limit of threads per task")
        if not 1 <= limit <= MAX_THREADS:
            raise MachineError(f"at most {limit} threads per task: expected 1 to {MAX_THREADS}")
        limits = {name: check_limit(name, value) for name, value in dict(limits).items()}
        limits = {name: at_first for name, (at_first, _) in LIMITS.items()} | {"max_threads_per_task": limit} | limits
        if translator not in TRANSLATORS:
            raise MachineError(f"translator {translator!r}: expected {', '.join(TRANSLATORS)}")
        patience_s = _seconds(patience_s, "patience")
        memory_bytes = parse_size(memory)
        if not MIN_MEMORY_BYTES <= memory_bytes <= MAX_MEMORY_BYTES:
            raise MachineError(
                f"memory of {memory_bytes} bytes: a machine has "
                f"{MIN_MEMORY_BYTES // MIB}M to {MAX_MEMORY_BYTES // GIB}G"
            )
        if "\0" in policy:
            raise MachineError(f"policy {policy!r}: no file can have this name")
        try:
            module = load_policy(policy)
            if policy not in BUILTIN:  # here, once: CPUs would all fail, each with a traceback
                _compile_policy(policy, module, quiet)
            values = _parameters(policy, module, parameters)
            parsed = _mounts(mounts)
        except ValueError as error:
            raise MachineError(str(error)) from None
        except OSError as error:
            raise MachineError(f"{error.filename}: {error.strerror}") from None
        if pin and not may_pin():
            pin = False
            if not quiet:
                print("emu: this host does not let processes choose their cores: CPUs run unpinned", file=sys.stderr)
        memory_bytes -= memory_bytes % PAGE_SIZE
        queues = getattr(module, "QUEUES", "per-cpu")
        topology = topology or Topology(1, cpus, 1)
        return cls(
            cpus, topology, policy, seed, memory_bytes, parsed, pin, poll_ns, slice_ns, limits, patience_s, values,
            queues, blocking_cpus, translator,
        )  # fmt: skip
