"""Sockets as records: made, connected, shut down; and what the system server asks of them.

A connected pair of stream sockets moves its bytes in hot code, as pipes do (linux/files.py).  The server names sockets,
listens, connects and accepts, and moves messages: those of datagram and sequenced-packet sockets, and bytes with which
descriptors or credentials travel (server/vfs/socket.py).

A message is one whole write, so it is never interleaved with another: a word with the number of all its bytes, then
what the server makes of the rest.  In a stream, PIPE.mark is where something travels with a byte: CPUs read up to there
and leave the rest to the server, and the server alone sets and moves marks, so it may look at them between two calls.

The entries are those of the server, which has a reference of each description that it names, except in try_hold.
"""

from ...abi.errno import ECONNRESET, EINVAL, ENFILE
from ...abi.files import O_RDWR
from ...hot import entry, hot, never_inline
from ...shm.atomics import compare_exchange, exchange, load_relaxed, store_release
from ...shm.layout import machine_at
from ...shm.memory import load_64
from ..critical import noncritical
from .descriptions import FILE_SOCKET, free_description, new_description
from .pipe import (
    AT_MARK,
    RING_BYTES,
    begin_reading,
    close_end,
    end_reading,
    finish_pipe,
    lock_pipe,
    new_pipe,
    open_end,
    unlock_pipe,
)
from .pipe_io import THE_SERVER, copy_out, read_pipe, write_marked, write_pipe
from .readiness import watch_output_anew
from .socket_ends import (
    CONNECTED,
    READS_SERVED,
    UNCONNECTED,
    WRITES_SERVED,
    close_socket_ends,
    is_connected,
    own_writers,
)

PEEK, TAKES_MARK = 1, 2  # how the server reads
SERVED = READS_SERVED | WRITES_SERVED


@hot
def new_socket(m, me, flags, role, framed):
    """A description of a socket without an output, whose reads and writes are the server's; its index, or -ENFILE."""
    never_inline()
    noncritical(m, me)
    pipe = new_pipe(m, me)
    if pipe < 0:
        return pipe
    m.pipes[pipe].capacity = RING_BYTES
    open_end(m, me, pipe, 1, own_writers(role))
    d = new_description(m, me, FILE_SOCKET, flags | O_RDWR, pipe)
    if d < 0:
        close_end(m, me, pipe, 1, own_writers(role))
        return d
    f = m.descriptions[d]
    f.output = -1
    f.role = role
    f.served = SERVED
    f.framed = framed
    f.creator = 0
    return d


@hot
def join_sockets(m, me, one, other, role):
    """Two sockets without outputs write to each other from now on. Their reads and writes stay the server's."""
    never_inline()
    a, b = m.descriptions[one], m.descriptions[other]
    open_end(m, me, a.object, 0, 1)
    open_end(m, me, b.object, 0, 1)
    a.peer = other
    b.peer = one
    a.output = b.object
    b.output = a.object
    watch_output_anew(m, me, one)
    watch_output_anew(m, me, other)
    store_release(a, "role", role)
    store_release(b, "role", role)
    finish_pipe(m, me, a.object, 0, 0)  # whoever polls it looks again
    finish_pipe(m, me, b.object, 0, 0)


@hot
def new_socket_pair(m, me, flags, creator):
    """Two descriptions of stream sockets each of which reads what is written to the other; (-ENFILE, -1)."""
    never_inline()
    noncritical(m, me)
    one = new_socket(m, me, flags, UNCONNECTED, 0)
    other = new_socket(m, me, flags, UNCONNECTED, 0) if one >= 0 else one
    if other < 0:
        if one >= 0:
            close_socket_ends(m, me, m.descriptions[one])
            free_description(m, me, one)
        return -ENFILE, -1
    join_sockets(m, me, one, other, CONNECTED)
    m.descriptions[one].creator = creator
    m.descriptions[other].creator = creator
    exchange(m.descriptions[one], "served", 0)
    exchange(m.descriptions[other], "served", 0)
    return one, other


@hot
def hold_if_open(f):
    """One more reference of a description, unless the last one has been dropped; whether it was taken."""
    references = load_relaxed(f, "references")
    while references > 0:
        if compare_exchange(f, "references", references, references + 1):
            return True
        references = load_relaxed(f, "references")
    return False


# --- entries ----------------------------------------------------------------------------------------------------------


@entry(5)
def open_socket(address, me, flags, role, framed):
    """Cold form of new_socket."""
    return new_socket(machine_at(address), me, flags, role, framed)


@entry(5)
def join(address, me, one, other, role):
    """Cold form of join_sockets."""
    join_sockets(machine_at(address), me, one, other, role)
    return 0


@entry(4)
def listen(address, me, d, role):
    """An unconnected socket listens from now on (LISTENING)."""
    m = machine_at(address)
    f = m.descriptions[d]
    open_end(m, me, f.object, 0, own_writers(role))
    store_release(f, "role", role)
    finish_pipe(m, me, f.object, 0, 0)
    return 0


@entry(3)
def leave_to_server(address, d, which):
    """Which of a socket's reads (1) and writes (2) are the server's from now on."""
    exchange(machine_at(address).descriptions[d], "served", which)
    return 0


@entry(4)
def redirect(address, me, d, target):
    """A datagram socket, whose writes are the server's, writes to another from now on, or to none (-1).

    The pipe that it wrote to, or -1: that end is the caller's to close, once no call can write to it any more.
    """
    m = machine_at(address)
    f = m.descriptions[d]
    before = f.output
    if target >= 0:
        open_end(m, me, m.descriptions[target].object, 0, 1)
    f.peer = target
    f.output = m.descriptions[target].object if target >= 0 else -1
    watch_output_anew(m, me, d)
    return before


@entry(3)
def close_output(address, me, pipe):
    """Close a writing end that redirect has left."""
    close_end(machine_at(address), me, pipe, 0, 1)
    return 0


@entry(3)
def keep(address, d, how):
    """The server keeps something about a socket from now on: it becomes an orphan at its end.

    With IN_FLIGHT the server is told of each reference that is dropped.
    """
    exchange(machine_at(address).descriptions[d], "kept", how)
    return 0


@entry(2)
def try_hold(address, d):
    """One more reference of a description of which the caller has none; 0 when it has no reference any more."""
    return 1 if hold_if_open(machine_at(address).descriptions[d]) else 0


@entry(3)
def close_ends(address, me, d):
    """Cold form of close_socket_ends: of an orphan that has listened."""
    m = machine_at(address)
    close_socket_ends(m, me, m.descriptions[d])
    return 0


@entry(4)
def shut_down(address, me, d, how):
    """shutdown of a socket: 1 what it reads, 2 what it writes, 3 both; 0: whoever waits for it looks again."""
    m = machine_at(address)
    f = m.descriptions[d]
    finish_pipe(m, me, f.object, how & 1, 0)
    if is_connected(f.role) and how & 2:  # others may write to the output of a datagram socket
        finish_pipe(m, me, f.output, 1, 0)
    return 0


@entry(4)
def fail(address, me, d, error):
    """Who reads from a socket next, with nothing to read, gets this error."""
    m = machine_at(address)
    finish_pipe(m, me, m.descriptions[d].object, 0, error)
    return 0


@entry(3)
def reset(address, me, d):
    """Who is connected with a socket reads ECONNRESET once nothing is left to read."""
    m = machine_at(address)
    finish_pipe(m, me, m.descriptions[d].output, 0, ECONNRESET)
    return 0


@entry(3)
def take_error(address, me, d):
    """The error that a socket's next reader would get, who gets it no more; 0 none."""
    m = machine_at(address)
    p = m.pipes[m.descriptions[d].object]
    lock_pipe(m, me, p)
    error = p.error
    p.error = 0
    unlock_pipe(m, me, p)
    return error


@entry(6)
def read_socket(address, me, d, host, count, how):
    """As read_end. With PEEK the bytes stay; SERVES: something travels with the next byte, unless TAKES_MARK."""
    m = machine_at(address)
    p = m.pipes[m.descriptions[d].object]
    who = AT_MARK if how & TAKES_MARK else THE_SERVER
    if how & PEEK == 0:
        return read_pipe(m, me, who, p, THE_SERVER, host, 0, count, False)
    n = begin_reading(m, me, who, p, count, False)
    if n > 0:
        copy_out(m, me, p, host, n)
        end_reading(m, me, p, 0)
    return n


@entry(5)
def read_message(address, me, d, host, how):
    """The next message, with its leading word, to `host`, where there is room for RING_BYTES; its bytes.

    0 at the end, -EAGAIN, or an error.  With PEEK it stays.
    """
    m = machine_at(address)
    p = m.pipes[m.descriptions[d].object]
    n = begin_reading(m, me, THE_SERVER, p, RING_BYTES, False)
    if n <= 0:
        return n
    size = -EINVAL
    copy_out(m, me, p, host, 8)
    if load_64(host) >= 8 and load_64(host) <= n:
        size = load_64(host)
        copy_out(m, me, p, host, size)
    end_reading(m, me, p, 0 if how & PEEK else max(size, 0))
    return size


@entry(6)
def write_socket(address, me, d, host, count, marked):
    """Write to the output what there is room for; `marked`: something travels with the first byte (PIPE.last_mark)."""
    m = machine_at(address)
    p = m.pipes[m.descriptions[d].output]
    if marked:
        n, error = write_marked(m, me, p, host, count)
    else:
        n, error = write_pipe(m, me, THE_SERVER, p, THE_SERVER, host, 0, count, 0, False, False)
    return n if n > 0 else error


@entry(4)
def set_mark(address, me, d, mark):
    """Where something travels next with what a socket reads: position + 1, 0 nowhere."""
    m = machine_at(address)
    p = m.pipes[m.descriptions[d].object]
    lock_pipe(m, me, p)
    p.mark = mark
    unlock_pipe(m, me, p)
    return 0


@entry(4)
def write_message(address, me, pipe, host):
    """Put a message, whose first word is its bytes, into a pipe: 0, -EPIPE, -ENOMEM, -EAGAIN.

    The caller has a reference of a socket that reads or writes the pipe.
    """
    m = machine_at(address)
    p = m.pipes[pipe]
    size = load_64(host)
    n, error = write_pipe(m, me, THE_SERVER, p, THE_SERVER, host, 0, size, 0, True, False)
    return 0 if n == size else error


@entry(4)
def put_word(address, me, d, host):
    """Put 8 bytes into what a socket that listens reads: 0 or an error."""
    m = machine_at(address)
    p = m.pipes[m.descriptions[d].object]
    return write_pipe(m, me, THE_SERVER, p, THE_SERVER, host, 0, 8, 0, True, False)[1]


@entry(4)
def serve_writes(address, me, d, whether):
    """Whether all that is written to a socket is the server's to write."""
    m = machine_at(address)
    p = m.pipes[m.descriptions[d].object]
    lock_pipe(m, me, p)
    p.served = whether
    unlock_pipe(m, me, p)
    return 0
