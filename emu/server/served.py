"""Everything the system server can do for a guest: importing this registers the served calls."""

from .calls import (  # noqa: F401
    advice,
    backlog,
    connections,
    cpu_sleep,
    events,
    exec,
    files,
    identity,
    info,
    locks,
    mapping,
    memfd,
    memory_locks,
    message_queues,
    messages,
    mqueues,
    native,
    scheduling,
    segments,
    semaphores,
    signals,
    socket_options,
    sockets,
    space_limits,
    timers,
)
from .vfs.initial import initial_tree
from .vfs.mounts import Mount


def make_tree(view, store, mounts):
    """The machine's file system with the user's mounts (tuples of mounts.Mount)."""
    return initial_tree(view, store, [Mount(*mount) for mount in mounts])
