"""Everything the system server can do for a guest: importing this registers the served calls."""

from ..kernel.syscalls import native  # noqa: F401
from ..kernel.syscalls.linux import cpu_sleep, files, identity, info, mapping, signals  # noqa: F401
from ..kernel.vfs.initial import initial_tree
from ..kernel.vfs.mounts import Mount


def make_tree(view, store, mounts):
    """The machine's file system with the user's mounts (tuples of mounts.Mount)."""
    return initial_tree(view, store, [Mount(*mount) for mount in mounts])
