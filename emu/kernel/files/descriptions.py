"""Open file descriptions: what descriptors refer to, shared by dup and fork (open(2)).

kind      what it is                                          who knows the rest
SERVED    a file, directory, host stream … of the server      server/vfs/table.py, by the description's index
PIPE      one end of a pipe, or both (O_RDWR)                 PIPE, `object`
SOCKET    a socket                                            PIPE, `object` to read, `output` to write (socket_ends.py)
COUNTER   a counter of events (eventfd)                       EVENT_COUNTER, `object`
EPOLL     a set of files that are watched                     EPOLL_SET, `object`
FOREIGN   a file of a file server of the guest's own          that server, by its handle, `object`; its tid is `output`

`references` counts the descriptors of all tables, and the calls under way in tasks with several threads, also while
they sleep.  Whoever drops the last one ends what watches it (watches.py), closes what is the kernel's, and frees the
record.  A SERVED one, and a socket of which the server keeps something, becomes an orphan: it is put in a list from
which the system server takes it before it serves the next request.  So a thread's close reaches the server before
whatever that thread asks for next, and no CPU waits for it.

A FOREIGN one is left to its server in the same way: in the list of files that are closed (THREAD.closed_files), from
which that thread takes them before it looks at a message that it has received (`take_closed`).  Who closed has put it
there before it could send the next message, so the server sees them in this order.  Nobody is woken: whether a file is
closed can be told by a message to its server only.  A server that leaves is unlisted from its task first, and then
empties its list; whoever puts a file there looks, under the lock, whether it is still listed.  So nothing is left in
the list of a record that is used again.
"""

from ...abi.errno import ENFILE
from ...abi.files import O_ACCMODE, O_RDONLY, O_WRONLY
from ...hot import hot, never_inline
from ...limits import IPI_CALL, MAX_DESCRIPTIONS, MAX_THREADS, SERVER
from ...shm import lockrank
from ...shm.atomics import exchange, fetch_add, load_relaxed, load_seq_cst, store_relaxed
from ...shm.layout.files import DESCRIPTION
from ...shm.spinlock import acquire, fail, field_address, release
from ...shm.tags import TAG_FILE, count_freed, count_made
from ..critical import either, noncritical
from ..failures import FAIL_DROPPED_FILE
from ..ipi import send_ipi
from ..thread.handles import tid_of
from .event_counter import free_counter
from .pipe import close_end, new_pipe, open_end
from .socket_ends import LISTENING, close_socket_ends
from .watch_sets import close_set, end_watches
from .watches import pass_on

FILE_FREE, FILE_SERVED, FILE_PIPE, FILE_SOCKET, FILE_COUNTER, FILE_EPOLL, FILE_FOREIGN = range(7)
NO_HANDLE = -1  # of a FOREIGN one that its server has not opened
KEPT, IN_FLIGHT = 1, 2  # DESCRIPTION.kept
DESCRIPTION_BYTES = DESCRIPTION.size


@hot
def _lock_descriptions(m, me):
    acquire(m, me, field_address(m, "descriptions_lock"), lockrank.DESCRIPTIONS)


@hot
def _unlock_descriptions(m, me):
    release(m, me, field_address(m, "descriptions_lock"))


@hot
def new_description(m, me, kind, flags, object):
    """A description with one reference; its index, or -ENFILE."""
    never_inline()
    either(m, me)
    _lock_descriptions(m, me)
    d = m.free_description - 1
    if d >= 0:
        m.free_description = m.descriptions[d].next_free
    elif m.fresh_description < MAX_DESCRIPTIONS:
        d = m.fresh_description
        m.fresh_description += 1
    _unlock_descriptions(m, me)
    if d < 0:
        return -ENFILE
    count_made(m, me, TAG_FILE, DESCRIPTION_BYTES)
    f = m.descriptions[d]
    f.kind = kind
    f.object = object
    f.output = object
    f.role = 0
    f.served = 0
    f.framed = 0
    f.kept = 0
    f.peer = -1
    f.ready = 0
    exchange(f, "flags", flags)
    exchange(f, "references", 1)
    return d


@hot
def reads(flags):
    """1 when a description with these flags may read."""
    return 0 if flags & O_ACCMODE == O_WRONLY else 1


@hot
def writes(flags):
    """1 when a description with these flags may write."""
    return 0 if flags & O_ACCMODE == O_RDONLY else 1


@hot
def new_pipe_end(m, me, pipe, flags):
    """A description that reads or writes a pipe, as its flags say; its index, or -ENFILE."""
    d = new_description(m, me, FILE_PIPE, flags, pipe)
    if d >= 0:
        open_end(m, me, pipe, reads(flags), writes(flags))
    return d


@hot
def new_pipe_ends(m, me, flags):
    """(the reading, the writing description) of a new pipe; (-ENFILE, -1)."""
    never_inline()
    noncritical(m, me)
    pipe = new_pipe(m, me)
    if pipe < 0:
        return pipe, -1
    open_end(m, me, pipe, 1, 1)  # it stays until both have been made, or the second failed
    reader = new_pipe_end(m, me, pipe, flags | O_RDONLY)
    writer = new_pipe_end(m, me, pipe, flags | O_WRONLY) if reader >= 0 else reader
    if reader >= 0 and writer < 0:
        drop_description(m, me, reader)
    close_end(m, me, pipe, 1, 1)
    return (reader, writer) if writer >= 0 else (writer, -1)


@hot
def hold_description(m, d):
    """One more reference. The caller knows that there is one: a table's lock keeps the descriptor, or it has one."""
    fetch_add(m.descriptions[d], "references", 1)


@hot
def drop_description(m, me, d):
    """Drop a reference; the last one closes the file. No lock may be held: sleepers are woken."""
    never_inline()
    noncritical(m, me)
    f = m.descriptions[d]
    left = fetch_add(f, "references", -1) - 1
    if left > 0:
        if load_relaxed(f, "kept") == IN_FLIGHT:  # only messages may refer to it now: the server finds it out
            store_relaxed(m, "sockets_dropped", 1)
            send_ipi(m, me, SERVER, IPI_CALL)
        return
    if left < 0:
        fail(m, FAIL_DROPPED_FILE, d)
        return
    end_watches(m, me, d)
    if f.kind == FILE_PIPE:
        flags = load_relaxed(f, "flags")
        close_end(m, me, f.object, reads(flags), writes(flags))
    elif f.kind == FILE_SOCKET and load_relaxed(f, "role") != LISTENING:
        close_socket_ends(m, me, f)
    elif f.kind == FILE_COUNTER:
        free_counter(m, me, f.object)
    elif f.kind == FILE_EPOLL:
        close_set(m, me, f.object)
    elif f.kind == FILE_FOREIGN and f.object != NO_HANDLE and _leave_to_server(m, me, d):
        return
    if f.kind == FILE_SERVED or load_relaxed(f, "kept") != 0:  # so is each socket that listens
        _orphan(m, me, d)
    else:
        free_description(m, me, d)


@hot
def let_go(m, me, i):
    """Thread i's call, which slept with a file or with a set of its own, is not made again."""
    t = m.threads[i]
    d = t.held_file - 1
    if d >= 0:
        t.held_file = 0
        if m.descriptions[d].kind == FILE_EPOLL:
            pass_on(m, me, m.descriptions[d].object)
        drop_description(m, me, d)
    if t.poll_set != 0:
        end_poll_set(m, me, i)


@hot
def end_poll_set(m, me, i):
    """Thread i does not sleep in poll or select any more: its set goes."""
    t = m.threads[i]
    s = t.poll_set - 1
    t.poll_set = 0
    close_set(m, me, s)


@hot
def free_description(m, me, d):
    """Give back a record that nobody refers to."""
    never_inline()
    either(m, me)
    count_freed(m, me, TAG_FILE, DESCRIPTION_BYTES)
    _lock_descriptions(m, me)
    f = m.descriptions[d]
    f.kind = FILE_FREE
    f.serial += 1
    f.next_free = m.free_description
    m.free_description = d + 1
    _unlock_descriptions(m, me)


@hot
def _orphan(m, me, d):
    """Leave a description of which the server keeps something to it."""
    _lock_descriptions(m, me)
    m.descriptions[d].next_free = 0
    if m.last_orphan != 0:
        m.descriptions[m.last_orphan - 1].next_free = d + 1
    else:
        m.first_orphan = d + 1
    m.last_orphan = d + 1
    _unlock_descriptions(m, me)
    if me != SERVER:
        send_ipi(m, me, SERVER, IPI_CALL)


@hot
def _leave_to_server(m, me, d):
    """Put a FOREIGN description that nobody refers to into its server's list; False: that has left."""
    never_inline()
    f = m.descriptions[d]
    tid = load_relaxed(f, "output")
    n = (tid - 1) & (MAX_THREADS - 1)
    server = m.threads[n]
    _lock_descriptions(m, me)
    there = load_seq_cst(server, "is_listed") != 0 and tid_of(m, n) == tid  # pairs with take_closed in exit_thread
    if there:
        f.next_free = server.closed_files
        server.closed_files = d + 1
    _unlock_descriptions(m, me)
    return there


@hot
def take_closed(m, me, i):
    """The server's handle of a file that nobody has open any more, and that thread i served; -1 when there is none."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    handle = NO_HANDLE
    _lock_descriptions(m, me)
    d = t.closed_files - 1
    if d >= 0:
        t.closed_files = m.descriptions[d].next_free
        handle = m.descriptions[d].object
    _unlock_descriptions(m, me)
    if d >= 0:
        free_description(m, me, d)
    return handle


@hot
def forget_closed(m, me, i):
    """Thread i leaves, and is in its task's list no more: files that it served are closed without it."""
    while take_closed(m, me, i) != NO_HANDLE:
        pass


@hot
def take_orphan(m, me):
    """The description that has been an orphan longest, -1 when there is none. The server closes and frees it."""
    either(m, me)
    if load_relaxed(m, "first_orphan") == 0:
        return -1
    _lock_descriptions(m, me)
    d = m.first_orphan - 1
    if d >= 0:
        m.first_orphan = m.descriptions[d].next_free
        if m.first_orphan == 0:
            m.last_orphan = 0
    _unlock_descriptions(m, me)
    return d
