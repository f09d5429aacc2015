"""Copying between kernel and guest memory: errors instead of faults (alux-8).

Each page is resolved and copied under the task's mm_lock, so it cannot be unmapped
meanwhile.  Lock: mm_lock inside.
"""

from ...hot import entry, hot, never_inline
from ...limits import PAGE_SIZE
from ...shm.decoded import invalidate
from ...shm.exits import ACCESS_READ, ACCESS_WRITE
from ...shm.layout import frame_address, machine_at
from ...shm.memory import copy_bytes, fill_bytes, load_u8, store_any_64
from ..errno import EFAULT
from .address_space import lock_mm, resolve, unlock_mm
from .pagetable import frame_in

FILL = -1  # as the host address: store zeroes


@hot
def copy_user(m, me, task, va, host, count, access):
    """Copy between guest memory at va and host memory; bytes copied before any fault."""
    never_inline()
    done = 0
    while done < count:
        at = va + done
        offset = at & (PAGE_SIZE - 1)
        step = min(count - done, PAGE_SIZE - offset)
        lock_mm(m, me, task)
        entry_word = resolve(m, me, task, at, access)
        if entry_word > 0:
            guest = frame_address(m, frame_in(entry_word)) + offset
            if access == ACCESS_READ:
                copy_bytes(host + done, guest, step)
            else:
                if host == FILL:
                    fill_bytes(guest, 0, step)
                else:
                    copy_bytes(guest, host + done, step)
                invalidate(m, guest, step)
        unlock_mm(m, me, task)
        if entry_word <= 0:
            break
        done += step
    return done


@hot
def put_word(m, me, task, va, scratch, value):
    """Store a 64-bit word at any guest address; 0 or -EFAULT. `scratch` is 8 host bytes."""
    store_any_64(scratch, value)
    return 0 if copy_user(m, me, task, va, scratch, 8, ACCESS_WRITE) == 8 else -EFAULT


@entry(6)
def read_user(address, me, task, va, host, count):
    """Cold form: bytes copied from the guest to host memory before any fault."""
    return copy_user(machine_at(address), me, task, va, host, count, ACCESS_READ)


@entry(6)
def write_user(address, me, task, va, host, count):
    """Cold form: bytes copied from host memory (or zeroes: FILL) to the guest."""
    return copy_user(machine_at(address), me, task, va, host, count, ACCESS_WRITE)


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
