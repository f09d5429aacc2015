"""Pages of files in an address space, for the system server: frames that others map too, and pages past a file's end.

Locks: mm_lock, and map_lock where what is mapped changes (address_space.py), taken and released inside.
"""

from ...abi.errno import EAGAIN
from ...hot import entry
from ...limits import USER_TOP
from ...shm.layout import machine_at
from .address_space import edit_pages, lock_mm, map_pages, permissions, unlock_mm
from .faults import put_frame, put_page, wanted
from .maplock import lock_map, unlock_map
from .pagetable import EDIT_CUT_OFF, NUMBER_SHIFT, PAST_END, RWX, SHARED, is_past_end, leaf, lookup


@entry(6)
def map_frame(address, me, task, va, frame, prot):
    """Cold form of put_frame, for a page that others map too."""
    return put_frame(machine_at(address), me, task, va, frame, permissions(prot) | SHARED)


@entry(5)
def allows(address, me, task, va, access):
    """1 when an access (ACCESS_*) would be allowed now."""
    m = machine_at(address)
    lock_mm(m, me, task)
    word = lookup(m, m.tasks[task].root, va) if va >= 0 and va < USER_TOP else 0
    unlock_mm(m, me, task)
    return 1 if word & wanted(access) and not is_past_end(word) else 0


@entry(8)
def map_past_end(address, me, task, start, length, prot, shared, number):
    """Map pages that lie past the end of a file, where accesses are bus errors; 0 or -ENOMEM.

    `number` is the one that the server has given the file mapping (server/calls/mapping.py), 0 none.
    """
    flags = permissions(prot) | PAST_END | (number << NUMBER_SHIFT)
    return map_pages(machine_at(address), me, task, start, length, flags | SHARED if shared else flags)


@entry(4)
def past_end_number(address, me, task, va):
    """The number that map_past_end gave the page of va; 0 when it has none or is no such page."""
    m = machine_at(address)
    lock_mm(m, me, task)
    word = lookup(m, m.tasks[task].root, va) if va >= 0 and va < USER_TOP else 0
    unlock_mm(m, me, task)
    return word >> NUMBER_SHIFT if is_past_end(word) else 0


@entry(5)
def fill_past_end(address, me, task, va, frame):
    """Give a page past its file's end a frame, since the file has grown; as put_frame."""
    m = machine_at(address)
    lock_mm(m, me, task)
    word = lookup(m, m.tasks[task].root, va)
    result = -EAGAIN
    if is_past_end(word):
        result = put_page(m, me, task, va, leaf(frame, word & (RWX | SHARED)))
    unlock_mm(m, me, task)
    return result


@entry(3)
def cut_off_pages(address, me, task):
    """Take the frames that are marked FRAME_CUT_OFF out of a task's pages; accesses there are bus errors then."""
    m = machine_at(address)
    lock_map(m, me, task)
    if m.tasks[task].root >= 0:
        edit_pages(m, me, task, 0, USER_TOP, EDIT_CUT_OFF, 0)
    unlock_map(m, me, task)
    return 0
