"""Objects that hold pages of files, for the system server: it makes them, fills them, and takes pages back.

All mappings of a file share one object, whose pages are the file's own frames (an in-memory file) or were read from it
(a host file).  The server holds a reference as long as it knows the object.  A page that a guest stores to through a
shared mapping is marked MODIFIED, so that it can be written back.

When a file becomes shorter, its pages are taken out of the object first, and then out of the page tables of every task
that maps it (`cut_file`): a fault between the two finds that the page lies past the end.  Before a page is written
back, the mark is taken away first, then D from all page tables; whoever stores later faults and marks it anew, and what
was stored before the shoot-down is in the page when the server reads it (`clean_file`).

Locks: taken and released inside, as in mapping.py.
"""

from ...abi.errno import EAGAIN, ENOMEM
from ...hot import entry, hot, never_inline
from ...limits import MAX_TASKS, USER_TOP
from ...shm.layout import machine_at
from ..critical import noncritical
from .areas import area_at, first_above, page_of
from .frames import share_frame
from .maplock import lock_map, lock_mm, unlock_map, unlock_mm
from .mapping import edit_pages
from .objects import OBJECT_FILE, OBJECT_SEGMENT, drop_object, lock_object, lowest, new_object, unlock_object
from .pagetable import EDIT_CLEAN, EDIT_DROP
from .radix import MODIFIED, NO_PAGE, frame_of, free_pages, next_page, page_word, put_page, set_word
from .shootdown import shoot_down_task


@entry(3)
def create_file(address, me, limit):
    """An object for a file of so many pages; -ENOMEM. The server has the reference."""
    m = machine_at(address)
    o = new_object(m, me, OBJECT_FILE)
    if o < 0:
        return -ENOMEM
    m.objects[o].limit = limit
    m.objects[o].kept = 1
    return o


@entry(2)
def create_segment(address, me):
    """An object for a segment of shared memory; -ENOMEM. The server has the reference."""
    m = machine_at(address)
    o = new_object(m, me, OBJECT_SEGMENT)
    if o < 0:
        return -ENOMEM
    m.objects[o].kept = 1
    return o


@entry(3)
def release_file(address, me, o):
    """Give back the server's reference to an object."""
    m = machine_at(address)
    m.objects[o].kept = 0
    drop_object(m, me, o)
    return 0


@entry(4)
def set_limit(address, me, o, limit):
    """The file has so many pages now, more than before."""
    m = machine_at(address)
    lock_object(m, me, o)
    m.objects[o].limit = limit
    unlock_object(m, me, o)
    return 0


@entry(5)
def put_file_page(address, me, o, page, frame):
    """Give a file's object a page, with a reference of its own; -EAGAIN: it has one there; -ENOMEM."""
    m = machine_at(address)
    lock_object(m, me, o)
    result = -EAGAIN
    if page_word(m, m.objects[o], page) == 0:
        result = 0 if put_page(m, me, m.objects[o], page, frame) else -ENOMEM
    if result == 0:
        share_frame(m, frame)
    unlock_object(m, me, o)
    return result


@entry(4)
def file_page(address, me, o, page):
    """The frame of a page that a file's object has, or -1."""
    m = machine_at(address)
    lock_object(m, me, o)
    frame = frame_of(page_word(m, m.objects[o], page))
    unlock_object(m, me, o)
    return frame


@entry(4)
def next_modified(address, me, o, page):
    """The first page from `page` on that guests have stored to since it was cleaned, or -1."""
    m = machine_at(address)
    lock_object(m, me, o)
    r = m.objects[o]
    page = next_page(m, r, page)
    while page < NO_PAGE and page_word(m, r, page) & MODIFIED == 0:
        page = next_page(m, r, page + 1)
    unlock_object(m, me, o)
    return page if page < NO_PAGE else -1


@entry(5)
def clean_file(address, me, o, first, end):
    """Forget which of an object's pages were stored to, so that their content can be read and written to the file."""
    m = machine_at(address)
    lock_object(m, me, o)
    r = m.objects[o]
    page = next_page(m, r, first)
    while page < end:
        set_word(m, r, page, page_word(m, r, page) & ~MODIFIED)
        page = next_page(m, r, page + 1)
    unlock_object(m, me, o)
    _edit_mappings(m, me, o, first, end, EDIT_CLEAN)
    return 0


@entry(4)
def cut_file(address, me, o, limit):
    """The file has fewer pages now: those from `limit` on are gone, and accesses there are bus errors from now on."""
    m = machine_at(address)
    lock_object(m, me, o)
    m.objects[o].limit = limit
    free_pages(m, me, m.objects[o], limit, NO_PAGE, -1)
    unlock_object(m, me, o)
    _edit_mappings(m, me, o, limit, NO_PAGE, EDIT_DROP)
    return 0


@hot
def _edit_mappings(m, me, o, first, end, edit):
    """Edit the page tables of all tasks that map pages of a file."""
    never_inline()
    noncritical(m, me)
    for task in range(MAX_TASKS):
        t = m.tasks[task]
        if t.state == 0 or t.root < 0:
            continue
        lock_map(m, me, task)
        a = first_above(m, t, 0) if t.root >= 0 else -1
        while a >= 0:
            start, stop, from_page = m.areas[a].start, m.areas[a].end, m.areas[a].first
            if _maps(m, me, task, a, o) and first < page_of(m.areas[a], stop) and from_page < end:
                edit_pages(m, me, task, start, stop, edit, 0)
                if edit == EDIT_CLEAN:
                    shoot_down_task(m, me, task)
            a = first_above(m, t, stop)
        unlock_map(m, me, task)


@hot
def _maps(m, me, task, a, o):
    """True when the chain of an area's objects ends in this one."""
    lock_mm(m, me, task)
    object = m.areas[a].object - 1
    maps = object >= 0 and lowest(m, me, object) == o
    unlock_mm(m, me, task)
    return maps


@entry(4)
def find_file_page(address, me, task, va):
    """1 when a page of a file is mapped at va; `me`'s given_words are its object and which page of it."""
    m = machine_at(address)
    t = m.tasks[task]
    words = m.cpus[me].given_words
    found = 0
    lock_mm(m, me, task)
    a = area_at(m, t, va) if t.root >= 0 and va >= 0 and va < USER_TOP else -1
    if a >= 0 and m.areas[a].object != 0:
        bottom = lowest(m, me, m.areas[a].object - 1)
        if m.objects[bottom].kind == OBJECT_FILE:
            found = 1
            words[0] = bottom
            words[1] = page_of(m.areas[a], va)
    unlock_mm(m, me, task)
    return found
