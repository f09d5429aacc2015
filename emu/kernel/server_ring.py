"""The ring through which CPUs ask the system server: many writers, one reader.

A writer reserves a position, then stores its request there; the reader takes
positions in order and waits for one that is reserved but not yet written.
Invariant: every request is read once.  The ring has room for all requests that can wait at one time (one a thread; for
each task, that it was forked, and that it is to be reaped), so a position is free when it is reserved.
"""

from ..hot import entry, hot
from ..limits import IPI_CALL, SERVER, SERVER_RING
from ..shm.atomics import fetch_add, load_acquire, load_relaxed
from ..shm.layout import machine_at
from ..shm.memory import load_64, store_64
from ..shm.spinlock import field_address, store_release_at
from .ipi import send_ipi

# THREAD.request: what a thread asks of the server.
# REQUEST_PROGRAM: it stays while its task executes a program for which another thread has asked.
REQUEST_SYSCALL, REQUEST_SIGNAL, REQUEST_TRAP, REQUEST_PROGRAM = 1, 2, 3, 4
NOTHING = 0
FORKED = 1 << 32


@hot
def _push(m, me, request):
    position = fetch_add(m, "server_head", 1) & (SERVER_RING - 1)
    slot = field_address(m, "server_ring") + position * 8
    store_release_at(slot, request)  # publishes the request; pairs with the load in take_request
    send_ipi(m, me, SERVER, IPI_CALL)


@hot
def ask_for_thread(m, me, i):
    """Ask the server to serve thread i, which has declared its sleep."""
    _push(m, me, i + 1)


@hot
def ask_to_reap(m, me, k):
    """Ask the server to reap task k."""
    _push(m, me, -(k + 1))


@hot
def nr_requests(m):
    """How many requests wait for the server."""
    return load_relaxed(m, "server_head") - load_relaxed(m, "server_tail")


@hot
def tell_of_fork(m, me, k):
    """Tell the server of task k, which has been forked and does not run yet."""
    _push(m, me, FORKED + k)


@entry(1)
def take_request(address):
    """Take the next request: a thread's index + 1, -(a task's index + 1), FORKED + a task's index, or NOTHING."""
    m = machine_at(address)
    if m.server_tail == load_acquire(m, "server_head"):
        return NOTHING
    slot = field_address(m, "server_ring") + (m.server_tail & (SERVER_RING - 1)) * 8
    request = load_64(slot)
    if request != NOTHING:
        store_64(slot, NOTHING)
        m.server_tail += 1
    return request
