"""A profile: which functions of which programs retired how many instructions, from the samples of all CPUs.

What a sample is: cpu_worker/profiling.py.  Shares are of retired instructions, not of time: what waits, or is in a
system call, retires none.  Samples belong to the program that the task executed then.

A caller is told only where it is certain: x1 lies behind a call in another function, and that call goes to the function
of the sample, or wherever a register said.  So a function that has called others meanwhile has none, and there is one
level.  A place without a symbol (a stripped program, a library of a dynamic one) counts for its page.

The file (`Profile.write`) is what flamegraph.pl, inferno and speedscope read, folded stacks: a line
`program;caller;function instructions` each.  They skip the lines at the end that begin with `#emu`, one for each
program: JSON with its path and the instructions of each address, for `emu disasm --heat`.
"""

import json
import os
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from ..cpu_worker.profiling import PLACE
from ..errors import MachineError
from ..limits import PAGE_SIZE
from ..server.elf import ElfError
from .symbols import MAX_FILE_BYTES, printable

HEAT = "#emu "
UNKNOWN = "unknown"  # the name of a program without a number


@dataclass(frozen=True)
class ProfiledFunction:
    program: str  # its file's name
    function: str  # its name, or the address of its page
    share: float  # of all instructions that samples stand for
    instructions: int  # that its samples stand for
    samples: int


@dataclass(frozen=True)
class ProfiledStack:
    program: str
    caller: str  # "" where it is not certain
    function: str
    instructions: int


@dataclass(frozen=True)
class ProfiledProgram:
    path: str  # in the guest's tree
    addresses: dict[int, int] = field(default_factory=dict)  # of an instruction: instructions that samples stand for


@dataclass(frozen=True)
class Profile:
    instructions: int  # retired on all CPUs; samples stand for those up to each CPU's last one
    samples: int
    lost_samples: int  # for which a CPU's table had no room
    lost_instructions: int
    functions: list[ProfiledFunction]  # most first
    stacks: list[ProfiledStack]
    programs: list[ProfiledProgram]

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the profile to a file, for viewers and `emu disasm --heat`. MachineError when that is not possible."""
        try:
            with open(path, "w") as file:
                for stack in self.stacks:
                    frames = (stack.program, stack.caller, stack.function)
                    frames = [" ".join(each.replace(";", ",").split()) for each in frames if each]  # nothing separates
                    print(";".join(frames), stack.instructions, file=file)
                for program in self.programs:
                    addresses = {f"{address:#x}": count for address, count in program.addresses.items()}
                    print(HEAT + json.dumps({"program": program.path, "instructions": addresses}), file=file)
        except OSError as error:
            raise MachineError(f"profile {os.fspath(path)}: cannot be written: {error.strerror}") from None


def read_heat(path: str | os.PathLike[str]) -> list[ProfiledProgram]:
    """The programs of a profile's file. MachineError when it is none."""
    found = []
    try:
        with open(path, opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK | os.O_NOCTTY)) as file:
            for line in file:
                if line.startswith(HEAT):
                    entry = json.loads(line.removeprefix(HEAT))
                    addresses = {int(address, 16): int(count) for address, count in entry["instructions"].items()}
                    found.append(ProfiledProgram(str(entry["program"]), addresses))
    except OSError as error:
        raise MachineError(f"profile {os.fspath(path)}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise MachineError(
            f"profile {os.fspath(path)}: damaged, expected what `emu run --profile-file` wrote"
        ) from None
    if not found:
        raise MachineError(f"profile {os.fspath(path)}: has no sample, expected what `emu run --profile-file` wrote")
    return found


class Profiler:
    """Makes the Profile of a machine; the code of programs is read once."""

    def __init__(self):
        self._codes = {}  # number -> Code, or None

    def profile(self, machine, programs):
        """`programs`: what the system server says of each number (server/executed.py)."""
        counts, samples, stacks, addresses = Counter(), Counter(), Counter(), defaultdict(Counter)
        records = machine["profiles"][: int(machine["nr_cpus"])]
        for number, block, skipped, x1, count, instructions in _rows(records):
            code = self._code(number, programs)
            pc = code.forward(block, skipped) if code else block
            function = _function(code, pc)
            counts[number, function] += instructions
            samples[number, function] += count
            stacks[number, _caller(code, function, x1), function] += instructions
            addresses[number][pc] += instructions
        lost = int(records["lost_instructions"].sum())
        whole = sum(counts.values()) + lost

        def name(number):
            return os.path.basename(_path(number, programs))

        return Profile(
            instructions=int(machine["cpus"]["instructions"].sum()),
            samples=sum(samples.values()),
            lost_samples=int(records["lost_samples"].sum()),
            lost_instructions=lost,
            functions=[
                ProfiledFunction(name(key[0]), key[1][1], n / whole, n, samples[key])
                for key, n in _most_first(counts)
            ],
            stacks=[ProfiledStack(name(k), caller, f[1], n) for (k, caller, f), n in _most_first(stacks)],
            programs=[ProfiledProgram(_path(k, programs), dict(sorted(found.items())))
                      for k, found in sorted(addresses.items())],
        )  # fmt: skip

    def _code(self, number, programs):
        if number not in self._codes and 0 < number <= len(programs):
            self._codes[number] = _read(programs[number - 1][1])
        return self._codes.get(number)


def _rows(records):
    """(program, block, instructions into it, x1, samples, instructions) of each place that is taken."""
    for record in records:
        places = record["places"]
        for place in places[places["samples"] > 0].tolist():
            count, instructions, block, where, x1 = place
            yield PLACE.get(where, "program"), block, PLACE.get(where, "skipped"), x1, count, instructions


def _read(file):
    """The Code of a file; None where it cannot be read any more."""
    from .code import Code  # late: the table of instructions, which runs without a profile need not wait for

    try:
        with open(file, "rb") as image:
            return Code(image.read(MAX_FILE_BYTES))
    except (OSError, ElfError):
        return None


def _function(code, pc):
    """(start, name) of a function, or of the page of a place that is in none."""
    function = code.symbols.function_at(pc) if code else None
    page = pc & -PAGE_SIZE
    return (function.start, function.name) if function else (page, f"{page:#x}")


def _caller(code, function, x1):
    """The name of the function that has called another one, where it is certain, else ""."""
    caller = code.symbols.function_at(x1) if code else None
    certain = caller and caller.start != function[0] and code.may_be_called_before(x1, function[0])
    return caller.name if certain else ""


def _path(number, programs):
    return printable(os.fsdecode(programs[number - 1][0])) if 0 < number <= len(programs) else UNKNOWN


def _most_first(counts):
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
