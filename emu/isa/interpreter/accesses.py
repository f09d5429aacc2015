"""The interpreter's accesses to guest memory that miss the TLB, are misaligned, or conditional.

Accesses that hit the TLB are in arms.py.

An access that crosses a page translates both pages before it moves a byte, so
traps are precise.  An aligned access is one access; misaligned ones are not atomic (the
RISC-V manual asks for no more).  Functions that return a status return 0 after a
fault, when CPU.cause and CPU.trap_value are set.
"""

from ...hot import hot
from ...limits import PAGE_SIZE, TLB_ENTRIES
from ...shm.decoded import invalidate
from ...shm.exits import ACCESS_READ, ACCESS_SHIFT, ACCESS_WRITE, CAUSE_MISALIGNED_AMO, NO_ATOMIC
from ...shm.layout import CPU, machine_at
from ...shm.memory import (
    address_of,
    call_4,
    compare_exchange_32,
    compare_exchange_64,
    copy_bytes,
    get,
    load_64,
    load_s32,
    load_u8,
    load_u16,
    load_u32,
    put,
    store_8,
    store_16,
    store_32,
    store_64,
)
from ..arithmetic import word

READ_TLB = CPU.offset("read_tlb")
WRITE_TLB = CPU.offset("write_tlb")
FETCH_TLB = CPU.offset("fetch_tlb")
TLB_INDEX_SHIFT = 8  # shifts a guest address to the byte offset of its {tag, addend}
TLB_INDEX_MASK = (TLB_ENTRIES - 1) << 4

BLOCK_BYTES = 64  # of the cache-block operations

sign_extend = word.hot


@hot
def translate(machine, cpu, va, access):
    """Host address of a guest byte to be read or written, 0 after a fault."""
    c = machine_at(machine).cpus[cpu]
    slot = address_of(c) + ((va >> TLB_INDEX_SHIFT) & TLB_INDEX_MASK)
    slot += WRITE_TLB if access == ACCESS_WRITE else READ_TLB
    if get(slot) == va & -PAGE_SIZE:
        return va + get(slot + 8)
    return call_4(c.fault, machine, cpu, va, access)


@hot
def load_slowly(machine, cpu, va, size, destination):
    """Copy guest bytes to `destination` (the sink register); 1, or 0 after a fault."""
    host = translate(machine, cpu, va, ACCESS_READ)
    if host == 0:
        return 0
    if va & (size - 1) == 0:
        if size == 8:
            put(destination, load_64(host))
        elif size == 4:
            put(destination, load_u32(host))
        elif size == 2:
            put(destination, load_u16(host))
        else:
            put(destination, load_u8(host))
        return 1
    here = min(size, PAGE_SIZE - (va & (PAGE_SIZE - 1)))
    second = 0
    if here < size:
        second = translate(machine, cpu, va + here, ACCESS_READ)
        if second == 0:
            return 0
    copy_bytes(destination, host, here)
    if here < size:
        copy_bytes(destination + here, second, size - here)
    return 1


@hot
def store_slowly(machine, cpu, va, size, value, scratch):
    """Store the low bytes of a value; 1, or 0 after a fault. `scratch`: the sink register."""
    m = machine_at(machine)
    host = translate(machine, cpu, va, ACCESS_WRITE)
    if host == 0:
        return 0
    if va & (size - 1) == 0:
        if size == 8:
            store_64(host, value)
        elif size == 4:
            store_32(host, value)
        elif size == 2:
            store_16(host, value)
        else:
            store_8(host, value)
        invalidate(m, host, size)
        return 1
    here = min(size, PAGE_SIZE - (va & (PAGE_SIZE - 1)))
    second = 0
    if here < size:
        second = translate(machine, cpu, va + here, ACCESS_WRITE)
        if second == 0:
            return 0
    put(scratch, value)
    copy_bytes(host, scratch, here)
    invalidate(m, host, here)
    if here < size:
        copy_bytes(second, scratch + here, size - here)
        invalidate(m, second, size - here)
    return 1


@hot
def locate_atomic(machine, cpu, va, size, access):
    """Host address of an aligned word, 0 after a fault; misaligned atomics trap. `access`: with which atomic it is."""
    c = machine_at(machine).cpus[cpu]
    if va & (size - 1) != 0:
        c.cause = CAUSE_MISALIGNED_AMO
        c.trap_value = va
        return 0
    c.atomic = access >> ACCESS_SHIFT
    host = translate(machine, cpu, va, access & ((1 << ACCESS_SHIFT) - 1))
    c.atomic = NO_ATOMIC
    return host


@hot
def wrote(machine, host, size):
    """Called after an atomic that missed the TLB: forget what was decoded, since the frame may hold code."""
    invalidate(machine_at(machine), host, size)


@hot
def reserve(machine, cpu, host, size):
    """Load-reserved: the value, remembered with its address."""
    c = machine_at(machine).cpus[cpu]
    value = load_64(host) if size == 8 else load_s32(host)
    c.reservation = host
    c.reserved_value = value
    return value


@hot
def exchange_reserved(machine, cpu, host, size, value):
    """Store-conditional: 0 if the word still had the reserved value and was set, 1 if not."""
    c = machine_at(machine).cpus[cpu]
    mine = c.reservation == host
    c.reservation = 0
    if not mine:
        return 1
    if size == 8:
        return 1 - compare_exchange_64(host, c.reserved_value, value)
    if sign_extend(c.reserved_value) != c.reserved_value:  # reserved as 64 bits
        return 1
    return 1 - compare_exchange_32(host, c.reserved_value, value)


@hot
def check_block(machine, cpu, va):
    """1 if a guest address may be read or written, 0 after a fault."""
    if translate(machine, cpu, va, ACCESS_READ) != 0 or translate(machine, cpu, va, ACCESS_WRITE) != 0:
        return 1
    return 0


@hot
def clear_block(machine, cpu, va):
    """Zero BLOCK_BYTES at an aligned address; 1, or 0 after a fault."""
    host = translate(machine, cpu, va, ACCESS_WRITE)
    if host == 0:
        return 0
    for offset in range(0, BLOCK_BYTES, 8):
        store_64(host + offset, 0)
    invalidate(machine_at(machine), host, BLOCK_BYTES)
    return 1
