"""Random programs on the interpreter and on qemu-riscv64: full state compared, failures made small.

A batch is a page full of programs, each run with several inputs over the same data; what one leaves in memory is
the next one's input.  `Differential.batch(seed)` returns the instructions executed, or raises
Mismatch with the seed, the disassembly of the shrunk program, and what differs.
"""

import random
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from emu.isa.disassemble import disassemble
from emu.isa.encode import assemble, encode
from emu.isa.registers import F_NAMES, X_NAMES
from emu.shm.exits import CAUSE_BREAKPOINT, EXIT_TRAP
from tests.isa.harness import BASE, FRAMES, Bare
from tests.oracle import qemu
from tests.oracle.random_programs import inputs, make

PAGE = 4096
DATA = BASE + 8 * PAGE
DATA_PAGES = 3
POINTERS = (DATA + PAGE - 8, DATA + PAGE + 2040, DATA + 2 * PAGE - 16)
FIRST_PAGE, PROGRAMS, RUNS, INSTRUCTIONS = 12, 40, 10, 250
_POINTER_REGISTER = 2  # the driver's; programs never write it


class Mismatch(AssertionError):
    """The two sides differ."""


class Astray(AssertionError):
    """A jump left the program: a program made smaller may do that."""


@dataclass
class Case:
    program: object
    runs: list  # of Inputs


def cases(seed, runs=RUNS, turns=False, programs=PROGRAMS):
    """Programs that do not overlap, and their inputs."""
    rng = random.Random(seed)
    at = BASE + FIRST_PAGE * PAGE + 2 * rng.randrange(PAGE // 2)
    made = []
    for n in range(programs):
        program = make(f"{seed}/{n}", at, POINTERS, INSTRUCTIONS, exact=True, turns=turns)
        if program.end + 4 > BASE + FRAMES * PAGE:
            break
        made.append(Case(program, [inputs(rng, at, POINTERS, True, turns) for _ in range(runs)]))
        at = program.end + 4
    return made, rng.randbytes(DATA_PAGES * PAGE)


def image_of(made, data):
    """The bytes at BASE of all programs, as qemu.run takes them, and of their data."""
    image = bytearray(FRAMES * PAGE)
    image[DATA - BASE : DATA - BASE + len(data)] = data
    for case in made:
        code = assemble(*case.program.bits, qemu.leave(case.program.end))
        image[case.program.base - BASE : case.program.base - BASE + len(code)] = code
    return bytes(image)


class Differential:
    def __init__(self, directory):
        self.bare = Bare()
        self.path = Path(directory) / "programs"

    def close(self):
        self.bare.destroy()

    def theirs(self, made, data):
        records = [qemu.record(run) for case in made for run in case.runs]
        registers, memory = qemu.run(self.path, BASE, image_of(made, data), records, DATA, len(data))
        return registers, memory

    def ours(self, made, data):
        """The same, and the instructions executed."""
        bare = self.bare
        bare.reset()
        bare.memory[DATA - BASE : DATA - BASE + len(data)] = np.frombuffer(data, dtype=np.uint8)
        for case in made:
            bare.load(case.program.base, assemble(*case.program.bits, encode("ebreak")))
        results = np.zeros((sum(len(c.runs) for c in made), 66), dtype=np.uint64)
        executed = n = 0
        for case in made:
            for number, run in enumerate(case.runs):
                self.before(case, number)
                outcome = self.run(case.program, run)
                if (outcome.reason, outcome.cause, outcome.pc) != (EXIT_TRAP, CAUSE_BREAKPOINT, case.program.end):
                    if outcome.reason != EXIT_TRAP or outcome.pc not in case.program.addresses:
                        raise Astray(f"{outcome}, from seed {case.program.seed}")
                    at = case.program.addresses.index(outcome.pc)
                    raise Mismatch(f"{outcome} at {disassemble(case.program.bits[at])}")
                results[n, :32], results[n, 32:64] = bare.x[:32].view(np.uint64), bare.f.view(np.uint64)
                results[n, 64] = outcome.fcsr
                executed += outcome.retired
                n += 1
        return results, bytes(bare.memory[DATA - BASE : DATA - BASE + len(data)]), executed

    def run(self, program, run):
        bare = self.bare
        bare.x[:32], bare.f[:], bare.thread["fcsr"] = run.x, run.f, run.fcsr
        return bare.run(budget=1_000_000, pc=program.base)

    def before(self, case, number):
        """Called before each run of a program."""

    def compare(self, made, data):
        """(what differs or "", instructions executed)."""
        ours, our_memory, executed = self.ours(made, data)
        theirs, their_memory = self.theirs(made, data)
        theirs = theirs.copy()
        theirs[:, (0, _POINTER_REGISTER, 65)] = ours[:, (0, _POINTER_REGISTER, 65)]
        for n, column in zip(*np.nonzero(ours != theirs), strict=True):
            name = (*X_NAMES, *F_NAMES, "fcsr")[column]
            return f"run {n}, {name}: ours {ours[n, column]:#x}, theirs {theirs[n, column]:#x}", executed
        if our_memory != their_memory:
            at = next(i for i, (a, b) in enumerate(zip(our_memory, their_memory, strict=True)) if a != b)
            return f"memory at {DATA + at:#x}: ours {our_memory[at]:#x}, theirs {their_memory[at]:#x}", executed
        return "", executed

    def batch(self, seed, **options):
        made, data = cases(seed, **options)
        difference, executed = self.compare(made, data)
        if difference:
            raise Mismatch(f"seed {seed}: {difference}\n{self.shrink(made, data)}")
        return executed

    # --- shrinking -------------------------------------------------------------------------

    def differs(self, case, data):
        try:
            return self.compare([case], data)[0]
        except Mismatch as error:
            return str(error)
        except (Astray, qemu.QemuError):
            return ""

    def shrink(self, made, data):
        """The listing of a small program that still differs, run alone."""
        for case in made:
            for run in case.runs:
                alone = Case(case.program, [run])
                if self.differs(alone, data):
                    return self.shrink_one(alone, data)
        return "(no single run differs: it depends on what earlier runs left in memory)"

    def shrink_one(self, case, data):
        bits = list(case.program.bits)
        keep = list(range(len(bits)))
        size = len(bits) // 2
        while size:
            for first in range(0, len(keep), size):
                fewer = [k for n, k in enumerate(keep) if not first <= n < first + size]
                if len(fewer) < len(keep) and self.differs(self.only(case, bits, fewer), data):
                    keep = fewer
                    break
            else:
                size //= 2
        small = self.only(case, bits, keep)
        lines = [f"{case.program.addresses[k]:#x}: {disassemble(bits[k], case.program.addresses[k])}" for k in keep]
        x = [f"{n}={v:#x}" for n, v in zip(X_NAMES, case.runs[0].x, strict=True)]
        f = [f"{n}={v & (1 << 64) - 1:#x}" for n, v in zip(F_NAMES, case.runs[0].f, strict=True)]
        start = f"fcsr={case.runs[0].fcsr:#x}\n{' '.join(x)}\n{' '.join(f)}"
        return "\n".join([*lines, self.differs(small, data), "from", start])

    def only(self, case, bits, keep):
        """The program with c.nop in place of what is not kept."""
        kept = set(keep)
        program, filled = case.program, []
        for k, word in enumerate(bits):
            size = program.addresses[k + 1] - program.addresses[k]
            filled += [word] if k in kept else [1] * (size // 2)
        return replace(case, program=replace(program, bits=filled))
