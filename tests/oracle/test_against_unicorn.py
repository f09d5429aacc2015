"""The interpreter and Unicorn's RISC-V agree on random programs: registers and memory."""

import random
from dataclasses import replace

import pytest

from emu.isa.disassemble import disassemble
from emu.isa.encode import assemble, encode
from emu.shm.exits import CAUSE_BREAKPOINT, EXIT_TRAP
from tests.isa.harness import BASE, FRAMES, Bare
from tests.oracle.random_programs import make

unicorn = pytest.importorskip("unicorn")
from unicorn import riscv_const as uc_const  # noqa: E402

PAGE = 4096
DATA = BASE + 8 * PAGE
DATA_PAGES = 3
POINTERS = (DATA + PAGE - 8, DATA + PAGE + 2040, DATA + 2 * PAGE - 16)
X = [getattr(uc_const, f"UC_RISCV_REG_X{n}") for n in range(32)]
F = [getattr(uc_const, f"UC_RISCV_REG_F{n}") for n in range(32)]
PROGRAMS_PER_TEST, INSTRUCTIONS = 50, 260
MASK = (1 << 64) - 1


def make_unicorn():
    uc = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
    uc.mem_map(BASE, FRAMES * PAGE)
    status = uc.reg_read(uc_const.UC_RISCV_REG_MSTATUS)
    uc.reg_write(uc_const.UC_RISCV_REG_MSTATUS, status | 0x6000)  # FS: floating point on
    return uc


def run_unicorn(uc, program, code, data):
    uc.mem_write(program.base, code)
    uc.mem_write(DATA, data)
    uc.ctl_remove_cache(program.base, program.end + 4)
    for n in range(32):
        uc.reg_write(X[n], program.x[n] & MASK)
        uc.reg_write(F[n], program.f[n] & MASK)
    uc.reg_write(uc_const.UC_RISCV_REG_FCSR, 0)
    uc.emu_start(program.base, program.end)
    x = [uc.reg_read(n) for n in X]
    f = [v if n & 8 else v | 0xFFFFFFFF00000000 for n, v in enumerate(map(uc.reg_read, F))]
    return x, f, bytes(uc.mem_read(DATA, DATA_PAGES * PAGE)), uc.reg_read(uc_const.UC_RISCV_REG_PC)


def run_ours(bare, program, code, data):
    bare.load(program.base, code + assemble(encode("ebreak")))
    bare.load(DATA, data)
    bare.forget()
    bare.x[:32] = program.x
    bare.f[:] = program.f
    bare.thread["fcsr"] = 0
    outcome = bare.run(pc=program.base)
    assert (outcome.reason, outcome.cause) == (EXIT_TRAP, CAUSE_BREAKPOINT), (
        f"seed {program.seed}: {outcome}, at {disassemble(program.bits[program.addresses.index(outcome.pc)])}"
    )
    memory = bytes(bare.memory[DATA - BASE : DATA - BASE + DATA_PAGES * PAGE])
    return [v & MASK for v in outcome.x], [v & MASK for v in outcome.f], memory, outcome.pc


def first_difference(bare, uc, program, data):
    """Instruction after which the two differ first, found by running ever longer beginnings."""
    for count in range(1, len(program.bits) + 1):
        short = make_prefix(program, count)
        code = assemble(*short.bits)
        ours, theirs = run_ours(bare, short, code, data), run_unicorn(uc, short, code, data)
        if ours != theirs:
            parts = [f"instruction {count - 1}: {disassemble(program.bits[count - 1])}"]
            for name, a, b in zip("xf", ours, theirs, strict=False):
                parts += [
                    f"{name}{n}: ours {p:#x}, theirs {q:#x}"
                    for n, (p, q) in enumerate(zip(a, b, strict=True))
                    if p != q
                ]
            if ours[2] != theirs[2]:
                parts.append("memory differs")
            return "\n".join(parts)
    return "only as a whole"


def make_prefix(program, count):
    """The first instructions; what follows is c.nop, so that jumps still land."""
    rest = (program.end - program.addresses[count]) // 2
    return replace(program, bits=program.bits[:count] + [1] * rest)


@pytest.fixture(scope="module")
def machines():
    bare = Bare()
    yield bare, make_unicorn()
    bare.destroy()


@pytest.mark.parametrize("chunk", range(10))
def test_random_programs_end_in_the_same_state(machines, chunk):
    bare, uc = machines
    for n in range(PROGRAMS_PER_TEST):
        seed = chunk * PROGRAMS_PER_TEST + n
        rng = random.Random(seed)
        base = BASE + PAGE - 2 * rng.randrange(1, 400)  # most cross a page's end
        program = make(seed, base, POINTERS, INSTRUCTIONS)
        code, data = assemble(*program.bits), rng.randbytes(DATA_PAGES * PAGE)
        ours, theirs = run_ours(bare, program, code, data), run_unicorn(uc, program, code, data)
        if ours != theirs:
            pytest.fail(f"seed {seed}\n{first_difference(bare, uc, program, data)}\n")
