"""The ring of a port: whole messages, one behind the other, in guest frames that the kernel has for itself.

`head` and `tail` count bytes taken out and put in; byte n lies in page n / 4096 mod 64.  A message is a word (HEADER)
and what it holds, in whole words: its bytes, or the number of the first area that has left its
sender's memory (moved.py).

Always, while the port's lock is free: from head to tail are `waiting` whole messages; a page has a frame where one of
its bytes lies between them, or head lies within it; no other has.  The last page but one is never used, so that the
first page of what waits is never the last one too.

Lock: the port's, held by all callers; or the port is closed and its owner empties it.
"""

from ...hot import hot, never_inline
from ...limits import PAGE_SHIFT, PAGE_SIZE, PORT_SLOTS
from ...shm.atomics import store_relaxed
from ...shm.bits import bits
from ...shm.layout import frame_address
from ...shm.memory import copy_bytes, load_64, store_64
from ...shm.tags import TAG_MESSAGE_PAGE
from ..critical import either
from ..vm.frames import allocate_frame, drop_frame

HEADER = bits("moved:1 size:*")
is_moved, message_size = HEADER.getters()
make_header = HEADER.packer()
HEADER_BYTES = 8
RING_BYTES = (PORT_SLOTS - 1) * PAGE_SIZE


@hot
def _slot(at):
    return (at >> PAGE_SHIFT) & (PORT_SLOTS - 1)


@hot
def space_of(size):
    """How many bytes of the ring a message of so many bytes takes."""
    return HEADER_BYTES + ((size + 7) & ~7)


@hot
def room_of(p):
    return RING_BYTES - (p.tail - p.head)


@hot
def _first_page(at):
    """The first page that begins at a position or behind it."""
    return (at + PAGE_SIZE - 1) >> PAGE_SHIFT


@hot
def make_room(m, me, p, n):
    """See that the next n bytes have frames; False: no memory, and nothing has changed."""
    first, end = _first_page(p.tail), _first_page(p.tail + n)
    for page in range(first, end):
        frame = allocate_frame(m, me, TAG_MESSAGE_PAGE)
        if frame < 0:
            _drop_pages(m, me, p, first, page)
            return False
        p.slots[page & (PORT_SLOTS - 1)] = frame + 1
    return True


@hot
def _drop_pages(m, me, p, first, end):
    for page in range(first, end):
        s = page & (PORT_SLOTS - 1)
        drop_frame(m, me, p.slots[s] - 1)
        p.slots[s] = 0


@hot
def _place(m, p, at):
    """Host address of a byte whose page has a frame."""
    return frame_address(m, p.slots[_slot(at)] - 1) + (at & (PAGE_SIZE - 1))


@hot
def load_word(m, p, at):
    """A word of the ring; words begin at multiples of 8."""
    return load_64(_place(m, p, at))


@hot
def append_message(m, p, host, size):
    """Put a message in, for which room was made."""
    store_64(_place(m, p, p.tail), make_header(0, size))
    at = p.tail + HEADER_BYTES
    done = 0
    while done < size:
        step = min(size - done, PAGE_SIZE - ((at + done) & (PAGE_SIZE - 1)))
        copy_bytes(_place(m, p, at + done), host + done, step)
        done += step
    p.tail += space_of(size)
    store_relaxed(p, "waiting", p.waiting + 1)


@hot
def append_areas(m, p, a, size):
    """Put a moved message in, for which room was made."""
    store_64(_place(m, p, p.tail), make_header(1, size))
    store_64(_place(m, p, p.tail + HEADER_BYTES), a + 1)
    p.tail += space_of(8)
    store_relaxed(p, "waiting", p.waiting + 1)


@hot
def copy_message(m, p, at, host, size):
    """Copy the bytes of the message at a position."""
    at += HEADER_BYTES
    done = 0
    while done < size:
        step = min(size - done, PAGE_SIZE - ((at + done) & (PAGE_SIZE - 1)))
        copy_bytes(host + done, _place(m, p, at + done), step)
        done += step


@hot
def take_out(m, me, p, head, count):
    """The messages below a position, so many, are gone, and the pages that head has left."""
    either(m, me)
    _drop_pages(m, me, p, p.head >> PAGE_SHIFT, head >> PAGE_SHIFT)
    p.head = head
    store_relaxed(p, "waiting", p.waiting - count)


@hot
def forget_pages(m, me, p):
    """The ring is empty and has no page, whatever was in it."""
    never_inline()
    for s in range(PORT_SLOTS):
        if p.slots[s] != 0:
            drop_frame(m, me, p.slots[s] - 1)
            p.slots[s] = 0
    p.head = 0
    p.tail = 0
    store_relaxed(p, "waiting", 0)
