"""Open files as the system server sees them: entries for descriptor tables, SERVED descriptions, and pipes.

The server is one actor, and serves a call of a thread that sleeps meanwhile; other threads of the task may open and
close descriptors under it.  So it takes a reference of a pipe's description for as long as it uses it
(server/vfs/table.py gives it back after the call), and closes what was SERVED only between two calls.
Errors are negative Linux numbers.
"""

from ...abi.errno import EBADF, ENXIO
from ...hot import entry
from ...limits import MAX_DESCRIPTORS
from ...shm.atomics import exchange, load_relaxed, store_relaxed
from ...shm.layout import machine_at
from .descriptions import (
    FILE_PIPE,
    FILE_SERVED,
    drop_description,
    free_description,
    new_description,
    reads,
    take_orphan,
    writes,
)
from .epoll import ALWAYS, add_to_set
from .pipe import close_end, open_end_again
from .pipe_io import THE_SERVER, read_pipe, write_pipe
from .readiness import poll_file
from .table import (
    change_close_on_exec,
    close_descriptor,
    descriptor_limit,
    drop_table,
    duplicate_at,
    find_and_hold,
    install,
    install_at,
    is_open,
    lock_table,
    lowest_free,
    new_table,
    table_after_exec,
    table_of,
    unlock_table,
)
from .watch_sets import end_watches, tell_served


@entry(3)
def create_table(address, me, task):
    """Give a task without one an empty table; 0 or -ENFILE."""
    m = machine_at(address)
    n = new_table(m, me)
    if n >= 0:
        m.tasks[task].table = n + 1
    return min(n, 0)


@entry(3)
def close_table(address, me, task):
    """A task that has no thread in a call gives its table up."""
    drop_table(machine_at(address), me, task)
    return 0


@entry(3)
def exec_table(address, me, task):
    """Cold form of table_after_exec."""
    return table_after_exec(machine_at(address), me, task)


@entry(2)
def open_served(address, me):
    """A SERVED description with one reference; its index, or -ENFILE."""
    return new_description(machine_at(address), me, FILE_SERVED, 0, 0)


@entry(2)
def next_orphan(address, me):
    """Cold form of take_orphan."""
    return take_orphan(machine_at(address), me)


@entry(3)
def free_served(address, me, d):
    """The server has closed an orphan: its record may be used again."""
    m = machine_at(address)
    end_watches(m, me, d)  # the server may have added one after the last close
    free_description(m, me, d)
    return 0


@entry(5)
def open_pipe_again(address, me, pipe, number, flags):
    """A further description of the pipe with this number; its index, -ENFILE, or -ENXIO: it is gone."""
    m = machine_at(address)
    if not open_end_again(m, me, pipe, number, reads(flags), writes(flags)):
        return -ENXIO
    d = new_description(m, me, FILE_PIPE, flags, pipe)
    if d < 0:
        close_end(m, me, pipe, reads(flags), writes(flags))
    return d


@entry(3)
def drop_file(address, me, d):
    """Cold form of drop_description."""
    drop_description(machine_at(address), me, d)
    return 0


@entry(5)
def put_file(address, me, task, d, close_on_exec):
    """Let a task's lowest free descriptor refer to a description; the descriptor, -EMFILE or -ENOMEM."""
    m = machine_at(address)
    return install(m, me, table_of(m, task), d, 0, descriptor_limit(m, task), close_on_exec)


@entry(5)
def put_file_at(address, me, task, d, fd):
    """Let a descriptor refer to a description, and close what it referred to; the descriptor or -ENOMEM."""
    m = machine_at(address)
    return install_at(m, me, table_of(m, task), d, fd, 0)


@entry(3)
def find_free(address, me, task):
    """The lowest free descriptor, or -EMFILE. It may be another one when it is used."""
    m = machine_at(address)
    f = table_of(m, task)
    lock_table(m, me, f)
    fd = lowest_free(m, f, 0, descriptor_limit(m, task))
    unlock_table(m, me, f)
    return fd


@entry(4)
def find_fd(address, me, task, fd):
    """The description of a descriptor << 1, plus 1 if the caller has a reference now; or -EBADF."""
    m = machine_at(address)
    if m.tasks[task].table == 0:
        return -EBADF
    d, held = find_and_hold(m, me, table_of(m, task), fd)
    return (d << 1) | held if d >= 0 else d


@entry(4)
def close_fd(address, me, task, fd):
    """Cold form of close_descriptor."""
    m = machine_at(address)
    return close_descriptor(m, me, table_of(m, task), fd)


@entry(6)
def replace_fd(address, me, task, fd, new, close_on_exec):
    """Let a descriptor refer to what another does, and close what it referred to; `new`, -EBADF or -ENOMEM."""
    m = machine_at(address)
    return duplicate_at(m, me, table_of(m, task), fd, new, close_on_exec)


@entry(2)
def serve_closes(address, task):
    """From now on the server is asked to close what it keeps and this table refers to."""
    m = machine_at(address)
    exchange(table_of(m, task), "closes_are_served", 1)
    return 0


@entry(5)
def close_on_exec(address, me, task, fd, value):
    """Cold form of change_close_on_exec."""
    m = machine_at(address)
    return change_close_on_exec(m, me, table_of(m, task), fd, value)


@entry(4)
def next_fd(address, me, task, fd):
    """The first open descriptor from fd on, -1 when there is none."""
    m = machine_at(address)
    if m.tasks[task].table == 0 or fd >= MAX_DESCRIPTORS:
        return -1
    f = table_of(m, task)
    lock_table(m, me, f)
    while fd < f.size and not is_open(m, me, f, fd):
        fd += 1
    found = fd if fd < f.size else -1
    unlock_table(m, me, f)
    return found


# --- pipes ------------------------------------------------------------------------------------------------------------


@entry(5)
def read_end(address, me, d, host, count):
    """Read from a pipe into the server's memory: bytes, 0 at the end, -EAGAIN: it is told of the next change."""
    m = machine_at(address)
    p = m.pipes[m.descriptions[d].object]
    return read_pipe(m, me, THE_SERVER, p, THE_SERVER, host, 0, count, False)


@entry(6)
def write_end(address, me, d, host, count, whole):
    """Write to a pipe from the server's memory: bytes, -EPIPE, -ENOMEM, -EAGAIN: it is told of the next change."""
    m = machine_at(address)
    p = m.pipes[m.descriptions[d].output]
    n, error = write_pipe(m, me, THE_SERVER, p, THE_SERVER, host, 0, count, 0, whole != 0, False)
    return n if n > 0 else error


@entry(3)
def poll_end(address, me, d):
    """POLL* bits of a description that is not SERVED; the server is told of the next change."""
    return poll_file(machine_at(address), me, d)


@entry(2)
def waiting_bytes(address, d):
    """How many bytes can be read from a pipe without waiting, at this moment."""
    m = machine_at(address)
    p = m.pipes[m.descriptions[d].object]
    tail = load_relaxed(p, "tail")
    return max(tail - load_relaxed(p, "head"), 0)


@entry(3)
def set_flags(address, d, flags):
    """The flags of a description that is not SERVED."""
    store_relaxed(machine_at(address).descriptions[d], "flags", flags)
    return 0


# --- files that are watched -------------------------------------------------------------------------------------------


@entry(7)
def watch_served(address, me, outer, d, fd, events, data):
    """Let the set behind description `outer` watch a SERVED description; as add_to_set."""
    m = machine_at(address)
    return add_to_set(m, me, m.descriptions[outer].object, d, fd, events | ALWAYS, data)


@entry(5)
def publish(address, me, d, ready, fresh):
    """Cold form of tell_served."""
    tell_served(machine_at(address), me, d, ready, fresh)
    return 0
