"""The one place where the kernel, hot or cold, reads and writes guest memory (alux-8).

No function here hands a host address out, and none elsewhere makes one from a guest's page
(tests/kernel/vm/test_guest_stores.py looks for it).  Why: each access looks its page up and is done before
mm_lock is released, and every edit of page tables takes mm_lock before it takes a frame
away.  So the frame cannot become another task's between the lookup and the store, no matter who
stores: a CPU, or the server or the timekeeper, which answer no shoot-downs.

A CPU may use its own TLB as its guest does: whoever takes a translation away waits until this CPU has looked at its
interrupts, which it does in no function here, and nothing that a store may go to through the TLB is decoded code
(cpu_worker/mmu.py).

A store goes page by page, with the permissions of each, and forgets what was decoded from
the bytes (shm/decoded.py).  A store that crosses into a page that refuses it has stored into
the first page only, like Linux's copy_to_user.  Aligned words are stored and read whole, since
guests poll them.  A bad address gives an error, no fault: only the call fails.

Lock: mm_lock inside.  The `_in` forms take an entry that `resolve` gave, mm_lock still held: for a
futex, whose word is compared with a bucket's lock held besides.
"""

from ...abi.errno import EFAULT
from ...hot import entry, hot, never_inline
from ...limits import MAX_CPUS, PAGE_SIZE
from ...shm.decoded import invalidate
from ...shm.exits import ACCESS_READ, ACCESS_WRITE
from ...shm.layout import frame_address, machine_at
from ...shm.memory import (
    AMO_32,
    compare_exchange_32,
    copy_bytes,
    fill_bytes,
    load_64,
    load_any_64,
    load_s32,
    load_u8,
    store_32,
    store_64,
    store_any_64,
)
from ...shm.spinlock import field_address
from ..critical import either
from .copy_on_write import ELSEWHERE, make_private
from .faults import resolve
from .maplock import lock_mm, unlock_mm
from .pagetable import frame_in
from .tlb import translated

FILL = -1  # as the host address: store zeroes

# Atomic changes of a word: FUTEX_OP_* of linux/futex.h.
SET, ADD, OR, ANDN, XOR = range(5)
_exchange, _add, _or, _and, _xor = (AMO_32[name] for name in ("xchg", "add", "or", "and", "xor"))


@hot
def _host(m, word, va):
    """Host address of a guest byte, by the entry that `resolve` gave; mm_lock is held as long as it is used."""
    return frame_address(m, frame_in(word)) + (va & (PAGE_SIZE - 1))


@hot
def copy_user(m, me, task, va, host, count, access):
    """Copy between guest memory at va and host memory; bytes copied before any fault."""
    never_inline()
    either(m, me)
    if me < MAX_CPUS and host != FILL:
        guest = translated(m.cpus[me], task, va, count, access)
        if guest != 0:
            if access == ACCESS_READ:
                _copy(host, guest, count)
            else:
                _copy(guest, host, count)
            return count
    done = 0
    while done < count:
        at = va + done
        step = min(count - done, PAGE_SIZE - (at & (PAGE_SIZE - 1)))
        lock_mm(m, me, task)
        word = resolve(m, me, task, at, access)
        if word > 0:
            guest = _host(m, word, at)
            if access == ACCESS_READ:
                _copy(host + done, guest, step)
            else:
                if host == FILL:
                    fill_bytes(guest, 0, step)
                else:
                    _copy(guest, host + done, step)
                invalidate(m, guest, step)
        unlock_mm(m, me, task)
        if word == ELSEWHERE and make_private(m, me, task, at):
            continue
        if word <= 0:
            break
        done += step
    return done


@hot
def _copy(destination, source, count):
    """Copy bytes; a guest's aligned word is copied whole, which the host's memmove does not promise."""
    if count == 8 and (destination | source) & 7 == 0:
        store_64(destination, load_64(source))
    elif count == 4 and (destination | source) & 3 == 0:
        store_32(destination, load_s32(source))
    else:
        copy_bytes(destination, source, count)


@hot
def _scratch(m, me):
    """Host memory of this actor's own for one word."""
    return field_address(m.cpus[me], "scratch")


@hot
def put_word(m, me, task, va, value):
    """Store a 64-bit word at any guest address; 0 or -EFAULT."""
    store_any_64(_scratch(m, me), value)
    return 0 if copy_user(m, me, task, va, _scratch(m, me), 8, ACCESS_WRITE) == 8 else -EFAULT


@hot
def may_store(m, me, task, va):
    """True when a store to this guest byte would succeed now."""
    never_inline()
    either(m, me)
    lock_mm(m, me, task)
    word = resolve(m, me, task, va, ACCESS_WRITE)
    unlock_mm(m, me, task)
    return word > 0 or (word == ELSEWHERE and make_private(m, me, task, va))


@hot
def may_load(m, me, task, va):
    """True when a load from this guest byte would succeed now."""
    never_inline()
    either(m, me)
    lock_mm(m, me, task)
    word = resolve(m, me, task, va, ACCESS_READ)
    unlock_mm(m, me, task)
    return word > 0


@hot
def put_int32(m, me, task, va, value):
    """Store a 32-bit word at any guest address; 0 or -EFAULT."""
    store_any_64(_scratch(m, me), value)
    return 0 if copy_user(m, me, task, va, _scratch(m, me), 4, ACCESS_WRITE) == 4 else -EFAULT


@hot
def get_word(m, me, task, va):
    """(0 or -EFAULT, the 64-bit word at any guest address)."""
    if copy_user(m, me, task, va, _scratch(m, me), 8, ACCESS_READ) < 8:
        return -EFAULT, 0
    return 0, load_any_64(_scratch(m, me))


@hot
def load_int32_in(m, word, va):
    """The 32-bit word at an aligned address, by the entry of its page; mm_lock held since `resolve`."""
    return load_s32(_host(m, word, va))


@hot
def load_int32(m, me, task, va):
    """(0 or -EFAULT, the 32-bit word at an aligned address)."""
    never_inline()
    either(m, me)
    error = -EFAULT
    value = 0
    lock_mm(m, me, task)
    word = resolve(m, me, task, va, ACCESS_READ) if va & 3 == 0 else 0
    if word > 0:
        error = 0
        value = load_int32_in(m, word, va)
    unlock_mm(m, me, task)
    return error, value


@hot
def lock_to_store(m, me, task, va):
    """Take mm_lock; the entry of the page of an aligned word that is stored to next, 0 or less where it may not be."""
    while True:
        lock_mm(m, me, task)
        word = resolve(m, me, task, va, ACCESS_WRITE) if va & 3 == 0 else 0
        if word != ELSEWHERE:
            return word
        unlock_mm(m, me, task)
        if not make_private(m, me, task, va):
            lock_mm(m, me, task)
            return 0


@hot
def exchange_int32_in(m, word, va, expected, value):
    """As exchange_int32, by the entry of the word's page, which lets it be stored to; mm_lock held since `resolve`."""
    host = _host(m, word, va)
    made = compare_exchange_32(host, expected, value)
    invalidate(m, host, 4)
    return made


@hot
def exchange_int32(m, me, task, va, expected, value):
    """Set an aligned 32-bit word if it holds `expected`: 1, 0 when it does not, -EFAULT. A full fence."""
    never_inline()
    either(m, me)
    result = -EFAULT
    word = lock_to_store(m, me, task, va)
    if word > 0:
        host = _host(m, word, va)
        result = compare_exchange_32(host, expected, value)
        invalidate(m, host, 4)
    unlock_mm(m, me, task)
    return result


@hot
def change_int32(m, me, task, va, operation, argument):
    """Change an aligned 32-bit word atomically (SET to XOR): (0 or -EFAULT, the old value). A full fence."""
    never_inline()
    either(m, me)
    error = -EFAULT
    old = 0
    word = lock_to_store(m, me, task, va)
    if word > 0:
        error = 0
        host = _host(m, word, va)
        if operation == SET:
            old = _exchange(host, argument)
        elif operation == ADD:
            old = _add(host, argument)
        elif operation == OR:
            old = _or(host, argument)
        elif operation == ANDN:
            old = _and(host, ~argument)
        else:
            old = _xor(host, argument)
        invalidate(m, host, 4)
    unlock_mm(m, me, task)
    return error, old


@entry(6)
def read_user(address, me, task, va, host, count):
    """Cold form: bytes copied from the guest to host memory before any fault."""
    return copy_user(machine_at(address), me, task, va, host, count, ACCESS_READ)


@entry(6)
def write_user(address, me, task, va, host, count):
    """Cold form: bytes copied from host memory (or zeroes: FILL) to the guest."""
    return copy_user(machine_at(address), me, task, va, host, count, ACCESS_WRITE)


@entry(5)
def reserve(address, me, task, va, count):
    """See that so many bytes may be stored, where the task has a pager that may have to bring them; 0, -EFAULT."""
    m = machine_at(address)
    if m.tasks[task].pager == 0 or count <= 0:
        return 0
    end = va + count
    while va < end:
        if not may_store(m, me, task, va):
            return -EFAULT
        va = (va & -PAGE_SIZE) + PAGE_SIZE
    return 0


@entry(4)
def wrote_frame(address, frame, offset, count):
    """Forget what was decoded from bytes that the server has stored into a file's frame: guests may have it mapped."""
    m = machine_at(address)
    invalidate(m, frame_address(m, frame) + offset, count)
    return 0


@entry(6)
def read_string(address, me, task, va, host, limit):
    """Copy up to and with the first NUL; its length, -1 at a fault, -2 when too long."""
    m = machine_at(address)
    done = 0
    while done < limit:
        step = min(limit - done, PAGE_SIZE - ((va + done) & (PAGE_SIZE - 1)))
        got = copy_user(m, me, task, va + done, host + done, step, ACCESS_READ)
        for k in range(done, done + got):
            if load_u8(host + k) == 0:
                return k
        if got < step:
            return -1
        done += step
    return -2
