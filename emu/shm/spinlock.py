"""Spinlocks in shared memory: one word, 0 when free, else the holder's actor number + 1.

`acquire(m, me, field_address(q, "lock"), rank)` … `release(m, me, address)`.
Invariant: while one actor is between its acquire and its release of a word, no other is between its
own; what was written before the release is seen after the next acquire.

Nothing blocks and nothing calls cold code under a spinlock.  Many CPUs share few
host cores, so a holder may be descheduled: waiters pause, then yield the host
core, then sleep shortly.  When the machine has failed (a CPU died, perhaps while
holding the lock) waiters go on without it, so that everybody can leave: nothing that
follows can be worse than the failure that is already reported.
"""

from llvmlite import ir

from ..hot import CHECK, hot, intrinsic, never_inline, types
from .atomics import fetch_add, load_relaxed, pause
from .memory import compare_exchange_64, host_sleep_us, host_yield, load_64

PAUSES = 200  # about 5 µs: a holder that has its host core is done by then
YIELDS = 64
NAP_US = 50  # the first nap; each is longer than the one before, up to 32 times

FAIL_LOCK_ORDER = 1
FAIL_NOT_HOLDER = 2


@intrinsic(prefer_literal=True)
def field_address(typingctx, record, field):
    """Address of a field of a record."""
    if not isinstance(field, types.StringLiteral):
        return None
    name = field.literal_value

    def codegen(context, builder, signature, args):
        i64 = ir.IntType(64)
        base = builder.ptrtoint(args[0], i64)
        return builder.add(base, i64(record.offset(name)))

    return types.int64(record, field), codegen


@intrinsic
def store_release_at(typingctx, address, value):
    """Set the word at an address; earlier accesses stay before it."""

    def codegen(context, builder, signature, args):
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        builder.store_atomic(args[1], pointer, "release", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@hot
def fail(m, code, value):
    """Record a kernel failure; the first one is kept. The supervisor stops the machine."""
    if load_relaxed(m, "failed") == 0:
        m.failed_value = value
        fetch_add(m, "failed", code)


@hot
def backoff(spins):
    """Wait a little, and longer at each call of a wait; returns what to pass to the next call."""
    if spins < PAUSES:
        pause()
    elif spins < PAUSES + YIELDS:
        host_yield()
    else:  # many that nap briefly would keep the cores so busy that the one they wait for gets none
        host_sleep_us(NAP_US << min(spins - PAUSES - YIELDS, 5))
    return spins + 1


@hot
def acquire(m, me, address, rank):
    """Take the lock at an address; actor `me` must hold only lower ranks."""
    if CHECK:
        _check_order(m, me, rank)
    if compare_exchange_64(address, 0, me + 1) == 0:  # acquire; pairs with release
        _contend(m, me, address)
    if CHECK:
        c = m.cpus[me]
        c.held[c.nr_held] = rank
        c.nr_held += 1


@hot
def _contend(m, me, address):
    never_inline()
    spins = 0
    while True:
        while load_64(address) != 0:
            spins = backoff(spins)
            if load_relaxed(m, "failed") != 0:
                return
        if compare_exchange_64(address, 0, me + 1):
            return


@hot
def take_over(m, me, address, rank):
    """The holder of a lock is dead: actor `me` has it from now on, and nobody had it in between."""
    if CHECK:
        _check_order(m, me, rank)
        c = m.cpus[me]
        c.held[c.nr_held] = rank
        c.nr_held += 1
    store_release_at(address, me + 1)


@hot
def release(m, me, address):
    """Give the lock back; pairs with the compare-and-swap in acquire."""
    if CHECK:
        c = m.cpus[me]
        if load_64(address) != me + 1:
            fail(m, FAIL_NOT_HOLDER, me)
        c.nr_held -= 1
    store_release_at(address, 0)


@hot
def _check_order(m, me, rank):
    c = m.cpus[me]
    if c.nr_held > 0 and c.held[c.nr_held - 1] >= rank:
        fail(m, FAIL_LOCK_ORDER, c.held[c.nr_held - 1] * 10000 + rank)
