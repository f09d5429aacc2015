"""Running a thread where memory is weak: instruction by instruction, with its registers' dependences.

What the accesses look like to others is in weak.py; here is what each instruction asks of it.  Everything but loads,
stores, atomics and fences is the interpreter's (`ONE`).
"""

from ..hot import hot, never_inline
from ..isa.interpreter.fetch import bits_at, find_code, word_at
from ..isa.words import OP_MASK, RD_MASK, RD_SHIFT, RS1_SHIFT, RS2_SHIFT, RS_MASK, immediate
from ..limits import PAGE_SIZE
from ..shm.atomics import load_relaxed
from ..shm.exits import ACCESS_READ, ACCESS_WRITE, EXIT_BUDGET, EXIT_INTERRUPT, ONE
from ..shm.memory import address_of, call_4, load_64
from .deciding import decide, do_it, give_way, stops_first, tell
from .instructions import (
    ATOMIC,
    FENCE,
    FIELD,
    FLOATS,
    IS_FLOAT_1,
    IS_FLOAT_2,
    IS_FLOAT_RD,
    KIND,
    LENGTH,
    LOAD,
    LOAD_RESERVED,
    NONE,
    OTHER_MEMORY,
    PLAIN,
    READS_1,
    READS_2,
    SIGNED,
    SIZE,
    STORE,
    STORE_CONDITIONAL,
    WRITES,
)
from .layout import GOES_ON, READ, TELL, WRITE
from .shared import hidden, is_shared, page_of
from .weak import note_atomic, weak_of
from .weak_loads import defer, foreseen, load_version, pending_load, satisfy
from .weak_records import MAX_WEAK_THREADS, PENDING, RVWMO
from .weak_stores import buffer_store, drain, is_full, oldest

ACQUIRE, RELEASE = 1 << 26, 1 << 25  # of an atomic instruction
PRED_R, PRED_W, SUCC_R, SUCC_W, IS_TSO = 0x20, 0x10, 2, 1, 0x800  # of a fence's immediate
ANY = 0  # of words, to drain_turns
ALL = -1  # of registers or words, to load_turns
DONE = EXIT_BUDGET


@hot
def run_weakly(m, w, me, i, budget):
    """As the interpreter; the thread gives way, or its instruction has to wait, by EXIT_INTERRUPT."""
    own = weak_of(w).threads[i]
    if own.in_call != 0:
        own.in_call = 0
        own.bound = weak_of(w).time
    for _ in range(max(budget, 1)):
        reason = _step(m, w, me, i)
        if reason != DONE:
            return reason
        if w.left != GOES_ON or load_relaxed(m.cpus[me], "pending") != 0:
            return EXIT_INTERRUPT
    return EXIT_BUDGET


@hot
def _interpret_one(m, w, me, i):
    return call_4(w.interpret, address_of(m), me, i, ONE)


@hot
def _register(declared, field, is_float):
    """The number of a register, 32 and more for floating-point ones; 0 for none and for x0."""
    number = field if declared == FIELD else declared
    return 0 if number == NONE else number + FLOATS * is_float


@hot
def _step(m, w, me, i):
    """One instruction, or a part of what has to be done before it."""
    t = m.threads[i]
    machine = address_of(m)
    code = find_code(machine, me, t.pc)
    word = word_at(machine, me, t.pc, code) if code != 0 else 0
    if word == 0:
        return _interpret_one(m, w, me, i)
    op = word & OP_MASK
    r1 = _register(READS_1[op], (word >> RS1_SHIFT) & RS_MASK, IS_FLOAT_1[op])
    r2 = _register(READS_2[op], (word >> RS2_SHIFT) & RS_MASK, IS_FLOAT_2[op])
    rd = _register(WRITES[op], (word >> RD_SHIFT) & RD_MASK, 0)
    rd = 0 if rd >= FLOATS else rd + FLOATS * IS_FLOAT_RD[op]
    own = weak_of(w).threads[i]
    if own.nr_pending > 0:
        for register in (r1, r2, rd):
            if register > 0 and not load_turns(m, w, me, i, register, ALL):
                return _passes(m, w, me, i)
    kind = KIND[op]
    if kind == FENCE:
        return _fence(m, w, me, i, immediate(word))
    if kind == PLAIN or kind == OTHER_MEMORY:
        reason = _interpret_one(m, w, me, i)
        if rd > 0:
            own.times[rd] = max(own.times[r1], own.times[r2])
        return reason
    offset = immediate(word) if kind == LOAD or kind == STORE else 0
    va, size = t.x[r1] + offset, SIZE[op] & ~SIGNED
    page = page_of(w, va)
    if page < 0 or not is_shared(w, page, va) or va & (size - 1) != 0:
        reason = _interpret_one(m, w, me, i)
        if rd > 0:
            own.times[rd] = own.newest  # through private memory, as if it depended on all that was loaded before
        return reason
    if kind == LOAD:
        return _load(m, w, me, i, op, va, rd, own.times[r1])
    if kind == STORE:
        return _store(m, w, me, i, op, va, r2)
    return _atomic(m, w, me, i, kind, va, rd, bits_at(machine, me, t.pc & -PAGE_SIZE, code, (t.pc & 4095) >> 1))


@hot
def _is_granted(m, w, me, i, kind, at):
    """Whether thread i may do this now; otherwise WORLD.chosen goes on."""
    if w.threads[i].granted == 0:
        w.chosen = decide(m, w, me, i, kind, at)
        if w.chosen != i or stops_first(m, me):  # in the latter case it gives way to itself
            return False
        w.chosen = -1
    return True


@hot
def _passes(m, w, me, i):
    """What a step returns when _is_granted has refused."""
    return give_way(m, w, me, w.chosen)


@hot
def drain_turns(m, w, me, i, at):
    """Let thread i's stores to a word (ANY: to all) reach memory; False: another thread goes on first."""
    never_inline()
    k = weak_of(w)
    while oldest(k, i, at) >= 0:
        if not _is_granted(m, w, me, i, WRITE, at):
            return False
        do_it(w.threads[i])
        next_one = oldest(k, i, at)
        if next_one >= 0:
            drain(w, next_one)
    return True


@hot
def load_turns(m, w, me, i, register, at):
    """Let thread i's pending loads of a register or word (ALL: any) have their values; False: another goes on first."""
    never_inline()
    while pending_load(w, i, register, at) >= 0:
        place = weak_of(w).threads[i].pending[pending_load(w, i, register, at)].va & ~7
        if not _is_granted(m, w, me, i, READ, place):
            return False
        do_it(w.threads[i])
        n = pending_load(w, i, register, at)
        if n >= 0:
            satisfy(m, w, i, n)
    return True


@hot
def _retire(m, me, i, op):
    """The instruction has been done here."""
    t = m.threads[i]
    t.pc += LENGTH[op]
    t.instructions += 1
    m.cpus[me].instructions += 1
    return DONE


@hot
def _load(m, w, me, i, op, va, rd, dependence):
    never_inline()
    host = hidden(m, me, va, ACCESS_READ)
    if host == 0:
        return _interpret_one(m, w, me, i)
    if not load_turns(m, w, me, i, ALL, va & ~7):
        return _passes(m, w, me, i)
    if not _is_granted(m, w, me, i, READ, va & ~7):
        return _passes(m, w, me, i)
    own = w.threads[i]
    if w.mode == TELL and own.told == 0:
        w.value = foreseen(w, i, va, host, dependence)
        tell(m, w, me, i, READ, va)
        return EXIT_INTERRUPT
    do_it(own)
    if defer(w, i, rd, va, host, SIZE[op], dependence):
        return _retire(m, me, i, op)
    k = weak_of(w)
    k.scratch = load_version(w, i, va, host, dependence)
    k.redirect = 1
    reason = _interpret_one(m, w, me, i)
    k.redirect = 0
    if rd > 0:
        k.threads[i].times[rd] = k.satisfied
    return reason


@hot
def _store(m, w, me, i, op, va, r2):
    never_inline()
    host = hidden(m, me, va, ACCESS_WRITE)
    if host == 0:
        return _interpret_one(m, w, me, i)
    if not load_turns(m, w, me, i, ALL, va & ~7):
        return _passes(m, w, me, i)
    if is_full(weak_of(w), i) and not drain_turns(m, w, me, i, ANY):
        return _passes(m, w, me, i)
    if not _is_granted(m, w, me, i, WRITE, va & ~7):
        return _passes(m, w, me, i)
    own = w.threads[i]
    if w.mode == TELL and own.told == 0:
        w.value = load_64(host & ~7)
        tell(m, w, me, i, WRITE, va)
        return EXIT_INTERRUPT
    do_it(own)
    t = m.threads[i]
    value = t.f[r2 - FLOATS] if r2 >= FLOATS else t.x[r2]
    size = SIZE[op] & ~SIGNED
    if size < 8:
        value &= (1 << (8 * size)) - 1
    buffer_store(w, i, va, host, size, value)
    return _retire(m, me, i, op)


@hot
def _atomic(m, w, me, i, kind, va, rd, bits):
    never_inline()
    k = weak_of(w)
    at = va & ~7
    host = hidden(m, me, va, ACCESS_READ if kind == LOAD_RESERVED else ACCESS_WRITE)
    if host == 0:
        return _interpret_one(m, w, me, i)
    if bits & RELEASE or kind == ATOMIC and k.model != RVWMO:
        if not load_turns(m, w, me, i, ALL, ALL) or not drain_turns(m, w, me, i, ANY):
            return _passes(m, w, me, i)
    if not load_turns(m, w, me, i, ALL, at) or not drain_turns(m, w, me, i, at):
        return _passes(m, w, me, i)
    is_same_event = kind == STORE_CONDITIONAL and m.cpus[me].reservation == host
    if not is_same_event and not _is_granted(m, w, me, i, WRITE, at):
        return _passes(m, w, me, i)
    own = w.threads[i]
    if w.mode == TELL and own.told == 0:
        w.value = load_64(host & ~7)
        tell(m, w, me, i, READ if kind == LOAD_RESERVED else WRITE, va)
        return EXIT_INTERRUPT
    do_it(own)
    k.redirect = host & ~7
    reason = _interpret_one(m, w, me, i)
    k.redirect = 0
    note_atomic(w, i, at, host & ~7)
    if bits & ACQUIRE or k.model != RVWMO:
        k.threads[i].bound = k.time
    if rd > 0:
        k.threads[i].times[rd] = k.time
    return reason


@hot
def _fence(m, w, me, i, imm):
    never_inline()
    k = weak_of(w)
    own = k.threads[i]
    tso = imm & IS_TSO != 0
    if imm & PRED_R and not load_turns(m, w, me, i, ALL, ALL):
        return _passes(m, w, me, i)
    if imm & PRED_W and imm & SUCC_R and not tso:
        if not drain_turns(m, w, me, i, ANY):
            return _passes(m, w, me, i)
        own.bound = max(own.bound, own.stored)
    elif imm & PRED_W and imm & SUCC_W:
        own.epoch += 1
    if imm & PRED_R and imm & SUCC_R:
        own.bound = max(own.bound, own.newest)
    return _interpret_one(m, w, me, i)


@hot
def fence_call(m, w, me, i):
    """Before a system call: whatever the thread has done has been done; False: another thread goes on first."""
    if not load_turns(m, w, me, i, ALL, ALL) or not drain_turns(m, w, me, i, ANY):
        return False
    weak_of(w).threads[i].in_call = 1
    return True


@hot
def settle(m, w):
    """All stores that wait reach memory and all pending loads have their values, those of every thread."""
    never_inline()
    k = weak_of(w)
    for i in range(MAX_WEAK_THREADS):
        t = k.threads[i]
        for n in range(PENDING):
            if t.pending[n].register > 0:
                satisfy(m, w, i, n)
        while t.nr_buffered > 0:
            drain(w, oldest(k, i, ANY))
    for i in range(MAX_WEAK_THREADS):
        k.threads[i].bound = k.time
