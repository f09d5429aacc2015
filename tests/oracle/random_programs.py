"""Random straight-line programs with forward jumps, for comparing implementations.

Every row of the table can occur except the ones in EXCLUDED.  x2, x8 and x9 point
into the data area and are never written, so that memory operands always hit it
(offsets are arbitrary: misaligned and page-crossing accesses occur).

`make(..., turns=True)` has loops and functions, too.  They end: a loop counts a register down that nothing else writes,
and is left at 0 or below; a function is called from behind it, is left by its return alone, and calls only functions
before it.  A jump may lead into a loop, or out of it, but not into a function.

`make(..., exact=False)` is for a peer that neither boxes singles nor has every rounding mode:
arithmetic rounds to nearest, and singles and doubles live in different registers.
"""

import random
import re
from dataclasses import dataclass, field

from emu.isa import decode  # noqa: F401 (declares the rows)
from emu.isa.disassemble import disassemble, length
from emu.isa.encode import EncodeError, encode
from emu.isa.table import BY_NAME, ROWS

EXCLUDED = {
    "ecall", "ebreak", "c.ebreak", "fence.i", "csrrw", "csrrs", "csrrc", "csrrwi", "csrrsi", "csrrci",
    "jalr", "c.jr", "c.jalr",  # made with a register that holds a target
}  # fmt: skip
YOUNG = {"czero.eqz", "czero.nez", "cbo.zero", "cbo.clean", "cbo.flush", "cbo.inval"}  # qemu 7 lacks them
WRONG = {"ctzw"}  # in qemu 7: counts into the upper half
INEXACT_EXCLUDED = {"fmin.s", "fmax.s", "fmin.d", "fmax.d"}  # Unicorn has those of F 2.0 for signalling NaNs
BIT_ROWS = {row.name for row in ROWS if row.names["__name__"].endswith("rows.b")}  # nor has it those
FLAG_ROWS = ("csrrw", "csrrs", "csrrc", "csrrwi", "csrrsi", "csrrci")  # on fflags
CSR_FFLAGS = 1
POINTERS = (2, 8, 9)
LINKS = (1, 5)  # with turns: of functions that call no other, and of those that do
COUNTERS = (3, 4, 6)  # with turns: of loops, of loops in them, and of loops in functions that call no other
SCRATCH = 31  # holds jump targets
INDIRECT = ("jalr", "c.jr", "c.jalr")
INTEGERS = (0, 1, -1, 2, -(1 << 63), (1 << 63) - 1, -(1 << 31), (1 << 31) - 1, 1 << 31, 1 << 32, 0xFFFFFFFF)
DOUBLES = (
    0, 1 << 63, 0x3FF0000000000000, 0xBFF0000000000000, 0x7FF0000000000000, 0xFFF0000000000000,
    0x7FF8000000000000, 0x7FF0000000000001, 0xFFF8000000000001, 1, 0x000FFFFFFFFFFFFF, 0x0010000000000000,
    0x7FEFFFFFFFFFFFFF, 0x43E0000000000000, 0xC3E0000000000000, 0x41DFFFFFFFC00000, 0x3FE0000000000000,
    0x4004000000000000, 0xBFE0000000000000, 0x43F0000000000000, 0x41F0000000000000,
)  # fmt: skip
SINGLES = (
    0, 1 << 31, 0x3F800000, 0xBF800000, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001, 0xFFC00001, 1,
    0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0x4F000000, 0xCF000000, 0x5F000000, 0x3F000000, 0x40200000,
)  # fmt: skip


@dataclass
class Inputs:
    """What a program starts with."""

    x: list
    f: list
    fcsr: int = 0


@dataclass
class Program:
    base: int
    bits: list
    x: list
    f: list
    seed: object = None
    addresses: list = field(default_factory=list)

    def __post_init__(self):
        self.addresses = [self.base]
        for bits in self.bits:
            self.addresses.append(self.addresses[-1] + length(bits))

    @property
    def end(self):
        return self.addresses[-1]

    def listing(self):
        pairs = zip(self.addresses, self.bits, strict=False)
        return "\n".join(f"{a:#x}: {disassemble(b, a)}" for a, b in pairs)


def integer(rng):
    kind = rng.random()
    if kind < 0.3:
        return rng.choice(INTEGERS)
    if kind < 0.6:
        return rng.randrange(-5000, 5000)
    return rng.randrange(-(1 << 63), 1 << 63)


def float_register(rng, double):
    """Contents of a register: a double, or a boxed single."""
    values, width, fraction, bias = (DOUBLES, 64, 52, 1023) if double else (SINGLES, 32, 23, 127)
    kind = rng.random()
    if kind < 0.4:
        bits = rng.choice(values)
    elif kind < 0.9:  # numbers of ordinary size
        bits = rng.getrandbits(fraction) | rng.randrange(bias - 40, bias + 70) << fraction
        bits |= rng.getrandbits(1) << (width - 1)
    else:
        bits = rng.getrandbits(width)
    if width == 32:
        bits |= 0xFFFFFFFF00000000
    return bits - (bits >> 63 << 64)


def is_memory(row):
    return any(mark in row.assembly for mark in ("(rs1", "(sp)"))


def float_numbers(row, name):
    """Registers for a floating-point operand: some always hold singles, the others doubles.

    Unicorn neither boxes singles nor checks that they are boxed; tests/isa covers that.
    """
    formats = re.findall(r"\.([sd])\b", row.name) or ["s" if row.name in ("flw", "fmv.w.x") else "d"]
    if row.name in ("fsw", "fmv.x.w"):
        formats = ["s", "d"]
    elif len(formats) == 2:  # fcvt.s.d, fcvt.d.s
        formats = formats[:1] if name == "fd" else formats[1:]
    return [n for n in range(32) if ("d" if n & 8 else "s") in formats]


def operand(rng, row, name, exact, kept=POINTERS):
    """A random value for a field that is no jump offset; registers that are `kept` are not written."""
    plain = name.rstrip("'")
    pieces = row.fields[name]
    if plain == "rs1" and is_memory(row):
        return rng.choice((8, 9) if name.endswith("'") else POINTERS)
    if plain in ("rd", "fd", "rs1", "rs2", "fs1", "fs2", "fs3"):
        numbers = list(range(8, 16) if name.endswith("'") else range(32))
        if plain.startswith("f") and not exact:
            numbers = [n for n in numbers if n in float_numbers(row, plain)]
        if plain == "rd":
            numbers = [n for n in numbers if n not in kept]
        return rng.choice(numbers)
    if plain == "csr":
        return CSR_FFLAGS
    if plain == "rm" and exact:
        return rng.choice((0, 1, 2, 3, 4, 7, 7, 7))
    if plain == "rm":
        to_integer = row.name.startswith("fcvt.") and row.name.split(".")[1] in ("w", "wu", "l", "lu")
        return rng.randrange(5) if to_integer else rng.choice((0, 7))
    low = pieces[0].target
    width = row.width(name)
    value = rng.getrandbits(width) >> low << low
    if row.signed(name) and value >> (width - 1):
        value -= 1 << width
    return value


def instruction(rng, row, exact, kept=POINTERS):
    """Random bits of a row without jumps; None for an excluded combination."""
    fields = {name: operand(rng, row, name, exact, kept) for name in row.fields if name not in ("aq", "rl")}
    if row.base and row.slots.get("rd") and row.slots["rd"].field == "rd'" and fields["rd'"] in kept:
        return None
    if row.slots.get("rd") and not row.slots["rd"].field and row.slots["rd"].constant in kept:
        return None  # c.addi16sp
    try:
        return encode(row.name, **fields)
    except EncodeError:
        return None


def _size(kind, what):
    """Bytes of a planned item."""
    if kind == "bits":
        return length(what)
    if kind in ("target", "far call"):
        return 8
    if kind in ("call", "back", "over"):
        return 4
    return what.length if kind == "jump" else BY_NAME[what].length


def inputs(rng, base, data, exact, turns=False):
    x = [0] + [integer(rng) for _ in range(31)]
    for pointer in POINTERS:
        x[pointer] = rng.choice(data)
    x[SCRATCH] = base
    for counter in COUNTERS if turns else ():
        x[counter] = 0  # a jump may lead into a loop
    if not exact:
        return Inputs(x, [float_register(rng, n & 8) for n in range(32)])
    f = [float_register(rng, n & 8 if rng.random() < 0.9 else ~n & 8) for n in range(32)]
    return Inputs(x, f, rng.choice((0, 1, 1, rng.getrandbits(5) | rng.randrange(5) << 5)))


def _function(rng, plan, inside, some, functions):
    """Put a function into the plan, behind a jump over it."""
    number = len(functions) + 1
    calls_others = functions and rng.random() < 0.4
    link = LINKS[1] if calls_others else LINKS[0]
    over = len(plan)
    plan.append(None)
    first = len(plan)
    while len(plan) < first + rng.randrange(3, 20):
        if calls_others and rng.random() < 0.2:
            _call(rng, plan, [f for f in functions if f[1] == LINKS[0]])
        elif not calls_others and rng.random() < 0.05:
            _loop(rng, plan, COUNTERS[2], some)
        else:
            plan.append(some())
    plan.append(("bits", encode("jalr", 0, 0, link)))
    plan[over] = ("over", len(plan))
    inside += [0] * (over + 1 - len(inside)) + [number] * (len(plan) - over - 1)
    functions.append((first, link))


def _call(rng, plan, functions):
    if functions:
        plan.append((rng.choice(("call", "call", "far call")), rng.choice(functions)))


def _loop(rng, plan, counter, some, functions=()):
    plan.append(("bits", encode("addi", counter, 0, rng.randrange(1, 7))))
    first = len(plan)
    while len(plan) < first + rng.randrange(1, 25):
        if counter == COUNTERS[0] and rng.random() < 0.05:
            _loop(rng, plan, COUNTERS[1], some, functions)
        elif rng.random() < 0.1:
            _call(rng, plan, functions)
        plan.append(some())
    plan += [("bits", encode("addi", counter, counter, -1)), ("back", (counter, first))]


def _turning(rng, plan, some, count):
    """Fill a plan with loops and functions; the number of the function that each item is in, 0 none."""
    inside, functions = [], []
    while len(plan) < count:
        kind = rng.random()
        if kind < 0.02:
            _function(rng, plan, inside, some, functions)
        elif kind < 0.05:
            _loop(rng, plan, COUNTERS[0], some, functions)
        elif kind < 0.08:
            _call(rng, plan, functions)
        else:
            plan.append(some())
    return inside + [0] * (len(plan) + 1 - len(inside))


def make(seed, base, data, count, exact=False, turns=False):
    """A program of about `count` instructions at `base`, pointers into `data` (addresses)."""
    rng = random.Random(seed)
    width, other = rng.sample("wd", 2)  # Unicorn stores and then denies it when they are mixed
    excluded = EXCLUDED | YOUNG | WRONG | {"lr." + other, "sc." + other}
    excluded = excluded - set(FLAG_ROWS) if exact else excluded | INEXACT_EXCLUDED | BIT_ROWS
    rows = [r for r in ROWS if r.name not in excluded]
    kept = POINTERS + COUNTERS + LINKS if turns else POINTERS

    def some():
        while True:
            row = rng.choice(rows)
            if row.name in FLAG_ROWS and turns and rng.random() < 0.9:
                continue  # regions end there
            if "offset" in row.fields:
                return "jump", row
            bits = instruction(rng, row, exact, kept)
            if bits is not None:
                return "bits", bits

    plan = [("bits", encode("lr." + width, 0, 8))]  # the same reservation on both sides
    if turns:
        inside = _turning(rng, plan, some, count)
    else:
        while len(plan) < count:
            if rng.random() < 0.02:
                plan += [("target", None), ("indirect", rng.choice(INDIRECT))]
            else:
                plan.append(some())
        inside = [0] * (len(plan) + 1)
    return Program(base, _laid_out(rng, plan, inside, base, exact, kept), *_start(rng, base, data, exact), seed)


def _start(rng, base, data, exact):
    start = inputs(rng, base, data, exact)
    return start.x, start.f


def _laid_out(rng, plan, inside, base, exact, kept):
    """The bits of a plan's instructions."""
    sizes = [_size(kind, what) for kind, what in plan]
    addresses = [base]
    for size in sizes:
        addresses.append(addresses[-1] + size)
    starts = [n for n, (kind, _) in enumerate(plan) if kind not in ("indirect", "back")] + [len(plan)]
    bits = []
    for n, (kind, what) in enumerate(plan):
        after = [s for s in starts if s > n and inside[s] == inside[n]][:5]
        if kind == "bits":
            bits.append(what)
        elif kind == "target":  # auipc and addi
            later = [s for s in starts if s > n][:6]
            distance = addresses[rng.choice(later)] - addresses[n]
            bits += [encode("auipc", SCRATCH, 0), encode("addi", SCRATCH, SCRATCH, distance)]
        elif kind == "indirect":
            rd = rng.choice([r for r in range(32) if r not in kept])
            bits.append(encode(what, rd, 0, SCRATCH) if what == "jalr" else encode(what, SCRATCH))
        elif kind == "over":
            bits.append(encode("jal", 0, addresses[what] - addresses[n]))
        elif kind == "back":
            bits.append(encode("blt", 0, what[0], addresses[what[1]] - addresses[n]))
        elif kind == "call":
            bits.append(encode("jal", what[1], addresses[what[0]] - addresses[n]))
        elif kind == "far call":
            distance = addresses[what[0]] - addresses[n]
            upper = (distance + 0x800) & -0x1000
            bits += [encode("auipc", what[1], upper), encode("jalr", what[1], distance - upper, what[1])]
        else:
            fields = {k: operand(rng, what, k, exact, kept) for k in what.fields if k != "offset"}
            bits.append(encode(what.name, offset=addresses[rng.choice(after)] - addresses[n], **fields))
    return bits
