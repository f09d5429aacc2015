"""The pipes of a socket: which ends it has of them in each role, what is ready, and what the peer hears at the close.

role          object (it reads)           output (it writes)            what is written and read
CONNECTED     reader                      the peer's object: writer     bytes, or messages (server/vfs/socket.py)
TCP           likewise                    likewise                      bytes; each direction ends alone
UNCONNECTED   reader                      none                          nothing yet
LISTENING     reader and writer           none                          by the server: descriptions to accept, 8 bytes
DATAGRAM      reader and writer           another's object, or none     by the server: messages

A socket is a description with a reference of its own for each call, so its object stays as long as anybody uses it.
The server alone, which is one thread, changes roles and outputs: it has stored the output before it says that reads and
writes are the CPU's (DESCRIPTION.served), and an output is replaced only while writes are the server's.

Who closes a connected socket in which bytes are left unread resets the connection, as in Linux: the peer reads what it
was sent, then ECONNRESET once, then the end.
"""

from ...abi.errno import ECONNRESET
from ...abi.files import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP
from ...hot import hot, never_inline
from ...shm.atomics import load_acquire, load_relaxed
from ..critical import noncritical
from .pipe import close_end, finish_pipe
from .pipe_questions import poll_pipe

CONNECTED, UNCONNECTED, LISTENING, DATAGRAM, TCP = range(5)
READS_SERVED, WRITES_SERVED = 1, 2


@hot
def is_connected(role):
    return role == CONNECTED or role == TCP


@hot
def own_writers(role):
    """How often a socket counts as a writer of what it reads: nobody's close is the end of it then."""
    return 1 if role == LISTENING or role == DATAGRAM else 0


@hot
def close_socket_ends(m, me, f):
    """The last reference of a socket is gone."""
    never_inline()
    noncritical(m, me)
    role = load_acquire(f, "role")
    output = load_relaxed(f, "output")
    unread = close_end(m, me, f.object, 1, own_writers(role))  # no write begins any more: what is left stays unread
    if output >= 0:
        if unread and is_connected(role):
            finish_pipe(m, me, output, 0, ECONNRESET)
        close_end(m, me, output, 0, 1)


@hot
def socket_ready(m, me, f, tell):
    """POLL* bits that hold now for a socket; `tell`: the server hears of the next change."""
    never_inline()
    role = load_acquire(f, "role")
    output = load_relaxed(f, "output")
    p = m.pipes[f.object]
    ready = poll_pipe(m, me, p, 1, 0, tell)
    error = POLLERR | POLLIN if load_relaxed(p, "error") != 0 else 0
    if role == UNCONNECTED:
        return POLLOUT | POLLHUP | error
    if role == LISTENING:
        return ready
    if role == DATAGRAM:
        if output >= 0 and poll_pipe(m, me, m.pipes[output], 0, 1, tell) == 0:
            return ready & POLLIN | error
        return ready & POLLIN | POLLOUT | error
    room = poll_pipe(m, me, m.pipes[output], 0, 1, tell)
    if ready & POLLHUP:
        ready |= POLLIN | POLLRDHUP
    is_over = room & POLLERR if role == CONNECTED else load_relaxed(m.pipes[output], "finished")
    if is_over == 0:
        ready &= ~POLLHUP  # one direction is closed, not both
    return ready | error | (POLLOUT if room != 0 else 0)
