"""Pipes: a ring of bytes in guest frames between those who write and those who read (pipe(7)).

`head` and `tail` count bytes taken out and put in, and never wrap; byte n lies in slot n / 4096 mod 32, whose frame is
allocated when the writer comes to it, and freed when the reader leaves it behind.

    writer                                              reader
    begin_writing: lock; room? take `writing`; unlock   begin_reading: lock; bytes? take `reading`; unlock
    copy from the guest into the slots                  copy from the slots to the guest
    end_writing: lock; tail += n; give it back; unlock  end_reading: lock; head += n; give it back; unlock
    wake the readers                                    wake the writers

Nothing is copied with the lock held, because a guest's page may have to be waited for (kernel/vm/usercopy.py).  The two
words keep others out instead.  A thread that has one is inside a system call and cannot die or sleep before it gives it
back; who finds it taken joins the queue and is woken then.

Always, while the lock is free: head <= tail <= write_end <= head + 32 slots; only the holder of `writing` touches bytes
from tail to write_end, only the holder of `reading` moves head; each byte from head to tail is in a slot with a frame.

No lost wake-up: who finds nothing to do joins its queue before it gives the pipe's lock back.  Who makes something to
do takes that lock afterwards, finds the queue not empty, and wakes it after it has given the lock back.  All sleepers
are woken, because one alone might be killed before it looks, and would take the wake-up with it.

A write of up to PIPE_BUF bytes is one begin_writing, which waits for room for all of it: it is never interleaved.
Sleeping writers are woken once there is room for that much, as in Linux, where a whole page has to be free.

Epoll sets, and poll and select, hear of changes through `read_watches` and `write_watches` (watches.py).
The system server polls pipes beside its own files, and writes for sendfile: `polled` asks for an interrupt at the next
change.
"""

from ...abi.errno import EAGAIN, ENFILE, EPIPE
from ...abi.files import PIPE_BUF, POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP
from ...hot import hot, never_inline
from ...limits import IPI_CALL, MAX_PIPES, PAGE_SHIFT, PAGE_SIZE, PIPE_PAGES, PIPE_SLOTS, SERVER
from ...shm import lockrank
from ...shm.atomics import store_relaxed
from ...shm.layout.files import PIPE
from ...shm.spinlock import acquire, field_address, release
from ...shm.tags import TAG_PIPE, TAG_PIPE_PAGE, count_freed, count_made
from ..critical import critical, either, noncritical
from ..ipi import send_ipi
from ..sleep.waitqueue import join_to_retry, wake_queue
from ..vm.frames import allocate_frame, drop_frame
from .watches import tell

PIPE_BYTES = PIPE.size
MAX_CAPACITY = 1 << 20  # of Linux: what is asked for beyond that is refused with EPERM
RING_BYTES = PIPE_SLOTS * PAGE_SIZE
CAPACITY = PIPE_PAGES * PAGE_SIZE
SLEEPS = -1000  # a result beside counts and errors: the thread sleeps, and makes its call again
SERVES = -1002  # likewise: the server does it
AT_MARK = -2  # as the reader: the server, which takes what travels with the next byte
ALL = 1 << 30
WAKE_READERS, WAKE_WRITERS, TELL_SERVER = 1, 2, 4


@hot
def lock_pipe(m, me, p):
    acquire(m, me, field_address(p, "lock"), lockrank.PIPE)


@hot
def unlock_pipe(m, me, p):
    release(m, me, field_address(p, "lock"))


# --- life -------------------------------------------------------------------------------------------------------------


@hot
def new_pipe(m, me):
    """An empty pipe that nobody reads or writes yet; its index, or -ENFILE."""
    never_inline()
    either(m, me)
    lock = field_address(m, "pipes_lock")
    acquire(m, me, lock, lockrank.PIPES)
    n = m.free_pipe - 1
    if n >= 0:
        m.free_pipe = m.pipes[n].next_free
    elif m.fresh_pipe < MAX_PIPES:
        n = m.fresh_pipe
        m.fresh_pipe += 1
    m.nr_pipes_made += 1
    number = m.nr_pipes_made
    release(m, me, lock)
    if n < 0:
        return -ENFILE
    count_made(m, me, TAG_PIPE, PIPE_BYTES)
    p = m.pipes[n]
    p.head = 0
    p.tail = 0
    p.write_end = 0
    p.capacity = CAPACITY
    p.readers = 0
    p.writers = 0
    p.finished = 0
    p.reading = 0
    p.writing = 0
    p.turns = 0
    p.served = 0
    p.mark = 0
    p.error = 0
    p.polled = 0
    p.read_watches = 0
    p.write_watches = 0
    p.number = number
    for s in range(PIPE_SLOTS):
        p.slots[s] = 0
    return n  # the queues are empty; a signal may still look at them for a thread that has slept there


@hot
def open_end(m, me, n, reads, writes):
    """One more description reads or writes the pipe, or both (0 or 1 each)."""
    never_inline()
    either(m, me)
    p = m.pipes[n]
    lock_pipe(m, me, p)
    p.readers += reads
    p.writers += writes
    wakes = tell_of_change(p)
    unlock_pipe(m, me, p)
    wake_ends(m, me, p, wakes)


@hot
def open_end_again(m, me, n, number, reads, writes):
    """open_end where the caller holds no description of the pipe; False when it is gone: `number` names it."""
    never_inline()
    either(m, me)
    p = m.pipes[n]
    lock_pipe(m, me, p)
    is_open = p.number == number and p.readers + p.writers > 0
    if is_open:
        p.readers += reads
        p.writers += writes
    wakes = tell_of_change(p) if is_open else 0
    unlock_pipe(m, me, p)
    wake_ends(m, me, p, wakes)
    return is_open


@hot
def close_end(m, me, n, reads, writes):
    """A description that read or wrote the pipe is gone; the last one of all frees it. 1: bytes stay in it."""
    never_inline()
    noncritical(m, me)
    p = m.pipes[n]
    lock_pipe(m, me, p)
    p.readers -= reads
    p.writers -= writes
    unread = 1 if p.tail != p.head or p.writing != 0 else 0  # who copies in at this moment has begun before
    is_last = p.readers == 0 and p.writers == 0
    wakes = tell_of_change(p) | WAKE_READERS | WAKE_WRITERS
    _tell_of_end(m, me, p)
    unlock_pipe(m, me, p)
    wake_ends(m, me, p, wakes)  # also at the end: threads whose descriptor another has closed sleep here
    if is_last:  # and nobody is in a call on it, since that would hold a description
        _free_pipe(m, me, n)
    return unread


@hot
def finish_pipe(m, me, n, finished, error):
    """Wake all who wait. `finished` 1: it is from now on as if nobody wrote the pipe (shutdown(2)).

    `error`: what the next reader gets who finds nothing to read; 0 leaves it.
    """
    never_inline()
    noncritical(m, me)
    p = m.pipes[n]
    lock_pipe(m, me, p)
    p.finished |= finished
    if error != 0:
        p.error = error
    wakes = WAKE_READERS | WAKE_WRITERS | tell_of_change(p)
    _tell_of_end(m, me, p)
    unlock_pipe(m, me, p)
    wake_ends(m, me, p, wakes)


@hot
def _free_pipe(m, me, n):
    p = m.pipes[n]
    for s in range(PIPE_SLOTS):
        if p.slots[s] != 0:
            drop_frame(m, me, p.slots[s] - 1)
            p.slots[s] = 0
    p.number = 0
    count_freed(m, me, TAG_PIPE, PIPE_BYTES)
    lock = field_address(m, "pipes_lock")
    acquire(m, me, lock, lockrank.PIPES)
    p.next_free = m.free_pipe
    m.free_pipe = n + 1
    release(m, me, lock)


# --- telling others ---------------------------------------------------------------------------------------------------


@hot
def tell_of_change(p):
    """Count a change of the locked pipe; TELL_SERVER if the server wants to know."""
    store_relaxed(p, "changes", p.changes + 1)
    if p.polled != 0:
        p.polled = 0
        return TELL_SERVER
    return 0


@hot
def _tell_of_end(m, me, p):
    """One side of the locked pipe may have nobody any more, or an error: who watches it looks."""
    if p.read_watches != 0:
        tell(m, me, p.read_watches, 0, POLLIN | POLLHUP | POLLRDHUP | POLLERR)
    if p.write_watches != 0:
        tell(m, me, p.write_watches, 1, POLLOUT | POLLERR | POLLHUP)


@hot
def sleepers(p, readers, writers):
    """Which of the two to wake: those of whom somebody sleeps. The pipe is locked, so nobody joins meanwhile."""
    wakes = 0
    if readers and p.read_queue.head != 0:
        wakes |= WAKE_READERS
    if writers and p.write_queue.head != 0:
        wakes |= WAKE_WRITERS
    return wakes


@hot
def wake_ends(m, me, p, wakes):
    """What a change has to tell others, once the pipe's lock is free."""
    noncritical(m, me)
    if wakes & WAKE_READERS:
        wake_queue(m, me, p.read_queue, ALL)
    if wakes & WAKE_WRITERS:
        wake_queue(m, me, p.write_queue, ALL)
    if wakes & TELL_SERVER:
        send_ipi(m, me, SERVER, IPI_CALL)


@hot
def _wait(m, me, i, p, q, done):
    """What a call does that has to wait: thread i sleeps in q; the server (i < 0) is told later. The pipe is locked."""
    critical(m, me)
    if i < 0:
        p.polled = 1
        return -EAGAIN
    join_to_retry(m, me, i, q, done)
    return SLEEPS


# --- reading ----------------------------------------------------------------------------------------------------------


@hot
def begin_reading(m, me, i, p, want, nonblocking):
    """Take `reading`: how many of the bytes from head on may be copied out, at most `want`, at least 1.

    0: there are none, and nobody writes; -EAGAIN; SLEEPS; SERVES: something travels with the next byte.
    Thread i calls, or the server (-1, AT_MARK).
    """
    noncritical(m, me)
    lock_pipe(m, me, p)
    n = p.tail - p.head
    if n > 0 and p.reading == 0:
        n = min(n, want)
        if p.mark != 0 and i != AT_MARK:
            n = min(n, p.mark - 1 - p.head)
        if n > 0:
            p.reading = me + 1
        else:
            n = SERVES
    elif n > 0:
        p.turns = 1
        n = _wait(m, me, i, p, p.read_queue, 0)
    elif p.error != 0:
        n = -p.error
        p.error = 0
    elif p.writers != 0 and p.finished == 0:
        n = -EAGAIN if nonblocking and i >= 0 else _wait(m, me, i, p, p.read_queue, 0)
    unlock_pipe(m, me, p)
    return n


@hot
def end_reading(m, me, p, n):
    """Give `reading` back: n bytes have been copied out, perhaps none."""
    noncritical(m, me)
    lock_pipe(m, me, p)
    head = p.head + n
    slot_end = (p.head & ~(PAGE_SIZE - 1)) + PAGE_SIZE
    while slot_end <= head:
        if p.write_end <= slot_end - PAGE_SIZE + RING_BYTES:  # else the writer is in this slot again
            s = slot_of(slot_end - PAGE_SIZE)
            frame = p.slots[s] - 1
            p.slots[s] = 0
            drop_frame(m, me, frame)
        slot_end += PAGE_SIZE
    was_full = p.head + p.capacity - p.write_end < PIPE_BUF
    p.head = head
    p.reading = 0
    turns = p.turns
    p.turns = 0
    wakes = tell_of_change(p) if n > 0 or turns != 0 else 0
    has_room = head + p.capacity - p.write_end >= PIPE_BUF
    wakes |= sleepers(p, turns != 0 or p.tail != head, turns != 0 or has_room)
    if was_full and has_room and p.write_watches != 0:
        tell(m, me, p.write_watches, 1, POLLOUT)
    unlock_pipe(m, me, p)
    wake_ends(m, me, p, wakes)


# --- writing ----------------------------------------------------------------------------------------------------------


@hot
def begin_writing(m, me, i, p, want, whole, nonblocking, done):
    """Take `writing`: how many bytes may be copied in from tail on, at most `want`, all of them if `whole`.

    -EPIPE: nobody reads; -EAGAIN; SERVES; SLEEPS: `done` is what the call has written before.
    """
    noncritical(m, me)
    lock_pipe(m, me, p)
    room = p.head + p.capacity - p.tail
    n = min(room, want)
    if p.readers == 0 or p.finished != 0:
        n = -EPIPE
    elif p.served != 0 and i >= 0:
        n = SERVES
    elif p.writing != 0:
        p.turns = 1
        n = _wait(m, me, i, p, p.write_queue, done)
    elif n < (want if whole else 1):
        n = -EAGAIN if nonblocking and i >= 0 else _wait(m, me, i, p, p.write_queue, done)
    else:
        p.writing = me + 1
        p.write_end = p.tail + n
    unlock_pipe(m, me, p)
    return n


@hot
def end_writing(m, me, p, n):
    """Give `writing` back: n bytes have been copied in, perhaps none."""
    noncritical(m, me)
    lock_pipe(m, me, p)
    p.tail += n
    p.write_end = p.tail
    p.writing = 0
    turns = p.turns
    p.turns = 0
    wakes = tell_of_change(p) if n > 0 or turns != 0 else 0
    room = p.head + p.capacity - p.tail
    wakes |= sleepers(p, n > 0 or turns != 0, turns != 0 or room >= PIPE_BUF)
    if n > 0 and p.read_watches != 0:
        tell(m, me, p.read_watches, 0, POLLIN)
    unlock_pipe(m, me, p)
    wake_ends(m, me, p, wakes)


@hot
def slot_of(position):
    return (position >> PAGE_SHIFT) & (PIPE_SLOTS - 1)


@hot
def frame_to_write(m, me, p, position):
    """The frame of a byte that the holder of `writing` puts in; -1: no memory."""
    s = slot_of(position)
    if p.slots[s] == 0:
        p.slots[s] = allocate_frame(m, me, TAG_PIPE_PAGE) + 1
    return p.slots[s] - 1
