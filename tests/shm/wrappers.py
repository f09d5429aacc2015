"""Cold entries to atomics, memory and locks, for tests only."""

from emu.hot import entry
from emu.shm import atomics, decoded, events, memory, spinlock
from emu.shm.layout import machine_at

LOAD_RELAXED, LOAD_ACQUIRE, LOAD_SEQ_CST, STORE_RELAXED, STORE_RELEASE = range(5)
EXCHANGE, FETCH_ADD, FETCH_OR, FETCH_AND = range(5, 9)

amo_add_32, amo_add_64 = memory.AMO_32["add"], memory.AMO_64["add"]
amo_min_32, amo_umin_32 = memory.AMO_32["min"], memory.AMO_32["umin"]
amo_max_64, amo_umax_64 = memory.AMO_64["max"], memory.AMO_64["umax"]
amo_xchg_32, amo_xor_64 = memory.AMO_32["xchg"], memory.AMO_64["xor"]


@entry(3)
def atomic(address, operation, value):
    """One operation on MACHINE.thread_limit_hits; its result, 0 for stores."""
    m = machine_at(address)
    if operation == LOAD_RELAXED:
        return atomics.load_relaxed(m, "thread_limit_hits")
    if operation == LOAD_ACQUIRE:
        return atomics.load_acquire(m, "thread_limit_hits")
    if operation == LOAD_SEQ_CST:
        return atomics.load_seq_cst(m, "thread_limit_hits")
    if operation == EXCHANGE:
        return atomics.exchange(m, "thread_limit_hits", value)
    if operation == FETCH_ADD:
        return atomics.fetch_add(m, "thread_limit_hits", value)
    if operation == FETCH_OR:
        return atomics.fetch_or(m, "thread_limit_hits", value)
    if operation == FETCH_AND:
        return atomics.fetch_and(m, "thread_limit_hits", value)
    if operation == STORE_RELAXED:
        atomics.store_relaxed(m, "thread_limit_hits", value)
    elif operation == STORE_RELEASE:
        atomics.store_release(m, "thread_limit_hits", value)
    atomics.fence()
    atomics.pause()
    return 0


@entry(3)
def compare_exchange(address, expected, value):
    return 1 if atomics.compare_exchange(machine_at(address), "thread_limit_hits", expected, value) else 0


LOADS = ("s8", "u8", "s16", "u16", "s32", "u32", "64", "any_64")


@entry(2)
def load(host, kind):
    """A load by its place in LOADS."""
    if kind == 0:
        return memory.load_s8(host)
    if kind == 1:
        return memory.load_u8(host)
    if kind == 2:
        return memory.load_s16(host)
    if kind == 3:
        return memory.load_u16(host)
    if kind == 4:
        return memory.load_s32(host)
    if kind == 5:
        return memory.load_u32(host)
    if kind == 6:
        return memory.load_64(host)
    return memory.load_any_64(host)


@entry(3)
def store(host, bits, value):
    """A store of 8, 16, 32 or 64 bits; 0: of 64 bits at any address."""
    if bits == 8:
        memory.store_8(host, value)
    elif bits == 16:
        memory.store_16(host, value)
    elif bits == 32:
        memory.store_32(host, value)
    elif bits == 64:
        memory.store_64(host, value)
    else:
        memory.store_any_64(host, value)
    return 0


AMOS = ("add_32", "add_64", "min_32", "umin_32", "max_64", "umax_64", "xchg_32", "xor_64")


@entry(3)
def amo(host, kind, value):
    """A read-modify-write by its place in AMOS."""
    if kind == 0:
        return amo_add_32(host, value)
    if kind == 1:
        return amo_add_64(host, value)
    if kind == 2:
        return amo_min_32(host, value)
    if kind == 3:
        return amo_umin_32(host, value)
    if kind == 4:
        return amo_max_64(host, value)
    if kind == 5:
        return amo_umax_64(host, value)
    if kind == 6:
        return amo_xchg_32(host, value)
    return amo_xor_64(host, value)


@entry(4)
def compare_exchange_at(host, bits, expected, value):
    if bits == 32:
        return memory.compare_exchange_32(host, expected, value)
    return memory.compare_exchange_64(host, expected, value)


@entry(3)
def copy(destination, source, count):
    memory.copy_bytes(destination, source, count)
    return 0


@entry(3)
def fill(destination, byte, count):
    memory.fill_bytes(destination, byte, count)
    return 0


@entry(2)
def unsigned_less(a, b):
    return 1 if memory.unsigned_less(a, b) else 0


@entry(1)
def clock(_):
    return memory.monotonic_ns()


# --- locks ------------------------------------------------------------------------


@entry(1)
def lock_address(address):
    return spinlock.field_address(machine_at(address), "frames_lock")


@entry(3)
def acquire(address, me, rank):
    m = machine_at(address)
    spinlock.acquire(m, me, spinlock.field_address(m, "frames_lock"), rank)
    return 0


@entry(2)
def release(address, me):
    m = machine_at(address)
    spinlock.release(m, me, spinlock.field_address(m, "frames_lock"))
    return 0


@entry(3)
def fail(address, code, value):
    spinlock.fail(machine_at(address), code, value)
    return 0


@entry(3)
def invalidate(address, host, size_bytes):
    decoded.invalidate(machine_at(address), host, size_bytes)
    return 0


@entry(2)
def forget_frame(address, frame):
    decoded.forget_frame(machine_at(address), frame)
    return 0


@entry(4)
def emit_many(address, me, first, count):
    """Numbered events; the time is twice the number."""
    m = machine_at(address)
    for number in range(first, first + count):
        events.emit_at(m, me, 2 * number, events.POLICY, -1, number, -number)
    return 0


@entry(3)
def emit_one(address, me, i):
    events.emit(machine_at(address), me, events.POLICY, i, 0, 0)
    return 0
