"""Directories: the interface that path resolution uses, those in memory, and fixed ones that the guest can not change.

What always holds: a directory has one parent (the root is its own), and `name` is its name there; a directory of
the machine's own file system that was removed has no entries and takes none.
"""

from ...abi.errno import EISDIR, ENAMETOOLONG, ENOENT, ENOSPC, ENOTEMPTY, EPERM
from ...abi.files import O_ACCMODE, O_PATH, O_RDONLY, PATH_MAX, S_IFDIR
from ..errors import LinuxError
from .allowance import FREE, NAME_BYTES, text_bytes
from .inode import Inode, MemoryInode, MemoryLink, Stat
from .memory_file import RegularFile
from .open_file import OpenDirectory


class Directory(Inode):
    kind = S_IFDIR
    parent: "Directory"
    name = ""
    mount_point = False  # can be neither removed nor renamed
    version = 0  # counts changes of the entries, where `entries_after` gives them
    lookup_steps = 1  # how much work a lookup is

    def path(self):
        """Absolute path of this directory; ENOENT when it was removed, ENAMETOOLONG."""
        names, directory, length = [], self, 0
        while directory.parent is not directory:
            directory.check_exists()
            names.append(directory.name)
            length += len(directory.name) + 1
            if length >= PATH_MAX:
                raise LinuxError(ENAMETOOLONG)
            directory = directory.parent
        return "/" + "/".join(reversed(names))

    def check_exists(self):
        """ENOENT when the directory was removed."""

    def lookup(self, name, task):
        """The inode of this name, or None."""
        raise NotImplementedError

    def list(self, task):
        """[(name, inode number, kind)] without "." and ".."."""
        raise NotImplementedError

    def entries_after(self, position, task):
        """An iterator of (position, name, inode number, kind) behind a position (0: all); None: use `list`."""
        return None

    def open(self, flags, task):
        if flags & O_ACCMODE != O_RDONLY and not flags & O_PATH:
            raise LinuxError(EISDIR)
        return OpenDirectory(self, flags)

    def truncate(self, size):
        raise LinuxError(EISDIR)

    # Changes.  The caller (tree.py) has checked that names are free or taken, that kinds match, and that two
    # directories belong to one file system.

    def create(self, name, mode, flags, task):
        """Make a regular file and open it."""
        raise LinuxError(EPERM)

    def make_directory(self, name, mode):
        raise LinuxError(EPERM)

    def make_link(self, name, target):
        """Make a symbolic link."""
        raise LinuxError(EPERM)

    def add(self, name, node):
        """Give an inode one more name."""
        raise LinuxError(EPERM)

    def remove(self, name, node):
        """Remove a name of something that is no directory."""
        raise LinuxError(EPERM)

    def remove_directory(self, name, node):
        """Remove a directory; ENOTEMPTY."""
        raise LinuxError(EPERM)

    def move(self, name, node, directory, new_name, replaced):
        """Rename; `replaced` is what new_name led to, or None."""
        raise LinuxError(EPERM)


class MemoryDirectory(Directory, MemoryInode):
    """A directory of the machine's own file system.  `links` counts "." and the ".." of its directories.

    `entries` is name -> (inode, position): positions grow, so a reader of the directory can go on behind the last one
    that it got, whatever has come and gone since, and nothing has to be kept for it.
    """

    def __init__(self, filesystem, mode, parent=None, name=""):
        MemoryInode.__init__(self, filesystem, mode)
        self.parent = parent or self
        self.name = name
        self.entries = {}
        self.names = None  # the charge for guests' entries, once there are any
        self.last_position = 0
        self.most_entries = 0  # the most since the dict was made, which keeps the room for so many
        self.links = 2
        self.removed = False

    def check_exists(self):
        if self.removed:
            raise LinuxError(ENOENT)

    def lookup(self, name, task):
        entry = self.entries.get(name)
        return entry and entry[0]

    def entries_after(self, position, task):
        for name, (node, at) in self.entries.items():
            if at > position:
                yield at, name, node.stat().inode, node.kind

    def create(self, name, mode, flags, task):
        self.check_exists()
        node = RegularFile(self.filesystem, mode)
        self.add(name, node)
        return node.open(flags, task)

    def make_directory(self, name, mode):
        self.check_exists()
        node = MemoryDirectory(self.filesystem, mode, self, name)
        self.put(name, node)
        return node

    def make_link(self, name, target):
        self.add(name, MemoryLink(self.filesystem, target))

    def add(self, name, node):
        self.check_exists()
        self._pay(name)
        self._enter(name, node)
        node.linked()
        self.touch()

    def put(self, name, node):
        """Enter a directory (also one of another file system, mounted here) that names this one as its parent."""
        self._pay(name)
        self._enter(name, node)
        self.links += 1
        self.touch()

    def show(self, name, node):
        """Enter, or replace, something of the user's, for which no guest is charged."""
        self.entries.pop(name, None)
        self._enter(name, node)

    def _pay(self, name):
        """Charge for one more entry; ENOSPC."""
        allowance = self.filesystem.allowance
        if allowance is not FREE:
            if self.names is None:
                self.names = allowance.charge(0, ENOSPC)
            self.names.resize(self.names.size + NAME_BYTES + text_bytes(name))

    def _enter(self, name, node):
        self.version += 1
        self.last_position += 1
        self.entries[name] = node, self.last_position
        self.most_entries = max(self.most_entries, len(self.entries))

    def _leave(self, name):
        self.version += 1
        del self.entries[name]
        if self.names is not None:
            self.names.resize(max(self.names.size - NAME_BYTES - text_bytes(name), 0))  # some came with the machine
        if len(self.entries) * 4 < self.most_entries:
            self.entries = dict(self.entries)
            self.most_entries = len(self.entries)

    def remove(self, name, node):
        self._leave(name)
        node.unlinked()
        self.touch()

    def remove_directory(self, name, node):
        if node.entries:
            raise LinuxError(ENOTEMPTY)
        self._leave(name)
        node.removed = True
        self.links -= 1
        self.touch()
        node.links = 0
        node._drop_if_unused()

    def move(self, name, node, directory, new_name, replaced):
        directory.check_exists()
        directory._pay(new_name)  # first: nothing has changed when it fails
        if replaced is not None:
            if replaced.kind == S_IFDIR:
                directory.remove_directory(new_name, replaced)
            else:
                directory.remove(new_name, replaced)
        self._leave(name)
        directory._enter(new_name, node)
        if node.kind == S_IFDIR:
            self.links -= 1
            directory.links += 1
            node.parent, node.name = directory, new_name
        self.touch()
        directory.touch()

    def drop_everything(self):
        """Release all inodes below: the end of the machine."""
        directories = [self]
        while directories:
            directory = directories.pop()
            for node, _ in directory.entries.values():
                if isinstance(node, MemoryDirectory):
                    directories.append(node)
                elif isinstance(node, MemoryInode):
                    node.unlinked()
            directory.entries = {}
            directory.names = None


class FixedDirectory(Directory):
    """A directory that the machine makes up (/proc, /sys): a dict of inodes, which no guest can change."""

    def __init__(self, filesystem, parent, name, entries=None, number=None):
        self.filesystem = filesystem
        self.parent = parent
        self.name = name
        self.number = number or filesystem.next_number()
        self.entries = entries if entries is not None else {}

    def lookup(self, name, task):
        return self.entries.get(name)

    def list(self, task):
        return [(name, node.stat().inode, node.kind) for name, node in self.entries.items()]

    def subdirectory(self, name):
        child = self.entries[name] = FixedDirectory(self.filesystem, self, name)
        return child

    def stat(self):
        now = self.filesystem.clock()
        return Stat(self.filesystem.device, self.number, S_IFDIR | 0o555, 2, 0, 0, 0, 0, 4096, 0, now, now, now)
