"""Programs of the host as files of the guest's tree: /bin/NAME, read from the host when somebody opens one.

Those that come with emu are there from the start, and each that the user runs.
A guest sees only the file that the user named, read-only, and nothing else of its directory.  /proc/PID/exe leads to
its inode, whatever has become of the name.
"""

import os
from pathlib import Path

from ...abi.files import S_IFREG
from .directory import MemoryDirectory
from .host import HostFile, HostMount
from .inode import Inode

DIRECTORY = "/bin"
GUEST_DIRECTORY = Path(__file__).resolve().parents[2] / "guests" / "bin"


class ProgramFile(HostFile):
    """A program of the host in a directory of the machine's own."""

    def linked(self):
        """Its names are not counted: a guest may move or remove them."""

    unlinked = linked

    def stat(self):
        """Since the user may run it whatever its mode on the host, so may a guest."""
        stat = super().stat()
        return stat._replace(mode=stat.mode & ~0o7222 | 0o555)

    def check_access(self, mode):
        Inode.check_access(self, mode)


class Programs:
    def __init__(self, tree):
        self._tree = tree
        self._folders = {}  # host directory -> HostMount
        for each in sorted(GUEST_DIRECTORY.glob("*.elf")):
            self.add(os.fsencode(each), each.stem)

    def add(self, path, name):
        """Show the program at an absolute host path (bytes) under a name; (its path in the guest's tree, its inode).

        Where the place is not the machine's own, or taken by a guest, the path is what it would have been.
        OSError when the host's directory cannot be opened.
        """
        folder, file = os.path.split(os.fsdecode(path))
        if folder not in self._folders:
            self._folders[folder] = HostMount(0, folder, False, self._tree.filesystem.clock)
            self._folders[folder].store = self._tree.filesystem.store
        node = ProgramFile(self._folders[folder], (file,), S_IFREG)
        directory = self._tree.find(None, self._tree.root, DIRECTORY)
        before = directory.lookup(name, None)
        if isinstance(directory, MemoryDirectory) and (before is None or isinstance(before, ProgramFile)):
            directory.show(name, node)
        return f"{DIRECTORY}/{name}", node

    def close(self):
        for mount in self._folders.values():
            mount.close()
        self._folders.clear()
