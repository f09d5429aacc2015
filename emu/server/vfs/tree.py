"""The guest's tree of files: path resolution, and the operations on names.

`Tree(machine, store)` is the whole tree of a machine; `open`, `walk`, … take a start directory for relative paths
(`tree.directory(task)` for the working directory).  Paths are str as os.fsdecode makes them.

`walk` is the only place that follows paths, for the machine's own files and for mounts alike; ".." of a directory
is its parent in the guest's tree, so no path leads out of it.
The operations here check names, kinds and file systems; a directory itself checks the rest.
"""

import os
from typing import NamedTuple

from ...abi.errno import (
    EBUSY,
    EEXIST,
    EINVAL,
    EISDIR,
    ELOOP,
    ENAMETOOLONG,
    ENOENT,
    ENOTDIR,
    ENOTEMPTY,
    EOPNOTSUPP,
    EPERM,
    EXDEV,
)
from ...abi.files import (
    LINKS_MAX,
    NAME_MAX,
    O_ACCMODE,
    O_CLOEXEC,
    O_CREAT,
    O_DIRECTORY,
    O_EXCL,
    O_NOFOLLOW,
    O_PATH,
    O_RDONLY,
    O_RDWR,
    O_TMPFILE_BIT,
    O_TRUNC,
    O_WRONLY,
    R_OK,
    S_IFDIR,
    S_IFLNK,
    W_OK,
    X_OK,
)
from ...limits import PAGE_SHIFT, PAGE_SIZE
from ..errors import LinuxError
from ..ipc.table import IpcTable
from .access import check, check_removal
from .allowance import Allowance
from .directory import FixedDirectory, MemoryDirectory
from .host import HostDirectory, HostMount
from .inode import Filesystem, Inode, MemoryInode
from .locks import FileLocks
from .memory_file import RegularFile

TMPFS_MAGIC = 0x01021994
WALK_STEPS = 40_000  # of one path, so that none holds the server for long; the longest one without links needs so many
_ACCESS = {O_RDONLY: R_OK, O_WRONLY: W_OK, O_RDWR: R_OK | W_OK}
_SPECIAL = frozenset(("/", ".", ".."))


class Place(NamedTuple):
    """Where a path leads: a name in a directory, and what is there."""

    directory: Inode
    name: str  # "/", "." or ".." when the path ends so: node is then the directory itself
    node: Inode | None
    must_be_directory: bool  # the path ends with a slash


class MemoryFilesystem(Filesystem):
    """The machine's own file system: data in frames of guest memory, in half of it at most, as of a tmpfs."""

    def __init__(self, machine, store):
        super().__init__(device=1, magic=TMPFS_MAGIC, clock=machine.realtime_ns)
        self.machine = machine
        self.store = store
        self.nr_pages = 0  # of data in all files

    def max_pages(self):
        return self.machine.memory_bytes >> (PAGE_SHIFT + 1)

    def space(self):
        left = max(0, self.max_pages() - self.nr_pages)
        return PAGE_SIZE, self.max_pages(), min(left, self.machine.free_memory_bytes() >> PAGE_SHIFT)


def _components(path):
    """Names of a path, last first; "." only where it ends the path."""
    names = path.split("/")
    last = names[-1]
    names = [name for name in names if name and name != "."]
    if last == ".":
        names.append(".")
    names.reverse()
    return names


class Tree:
    def __init__(self, machine, store):
        self.filesystem = MemoryFilesystem(machine, store)
        self.allowance = Allowance(store, machine.memory_bytes // 2)
        self.locks = FileLocks(self.allowance)
        self.ipc = IpcTable(self.allowance, store)
        self.queues = None  # the directory of POSIX message queues (initial.py)
        self.root = MemoryDirectory(self.filesystem, 0o755)
        self.mounts = []

    def contents(self):
        """(files with data, pages of data) in the machine's own file system."""
        files, directories = set(), [self.root]
        while directories:
            for node, _ in directories.pop().entries.values():
                if isinstance(node, MemoryDirectory):
                    directories.append(node)
                elif isinstance(node, RegularFile) and node.pages:
                    files.add(node)
        return len(files), sum(len(file.pages) for file in files)

    # --- building -----------------------------------------------------------------------------------------------

    def make_directories(self, path, mode=0o755):
        """The directory of this path, made with its parents where it is missing."""
        directory = self.root
        for name in reversed(_components(path)):
            below = directory.lookup(name, None)
            if below is None:
                below = directory.make_directory(name, mode)
            elif below.kind != S_IFDIR:
                raise LinuxError(ENOTDIR)
            directory = below
        return directory

    def mount(self, mount):
        """Mount a host directory (a Mount); ValueError with one line for the person when its place is taken."""
        text = f"mount of {mount.source!r} at {mount.target!r}"
        parent_path, name = os.path.split(mount.target)
        try:
            parent = self.make_directories(parent_path)
        except LinuxError:
            raise ValueError(f"{text}: part of the guest's path is not a directory") from None
        if not isinstance(parent, MemoryDirectory):
            raise ValueError(f"{text}: it lies in another mount or a directory that the machine makes up")
        before = parent.lookup(name, None)
        if before is not None and not (isinstance(before, MemoryDirectory) and not before.entries):
            raise ValueError(f"{text}: the place is taken; choose a path that does not exist or is an empty directory")
        try:
            filesystem = HostMount(len(self.mounts) + 3, mount.source, mount.writable, self.filesystem.clock)
            filesystem.store = self.filesystem.store
        except OSError as error:
            raise ValueError(f"{text}: {error.strerror}") from None
        if before is not None:
            parent.remove_directory(name, before)
        filesystem.target = mount.target
        parent.put(name, HostDirectory(filesystem, (), parent, name))
        self.mounts.append(filesystem)

    def close(self):
        """Give back every frame and host descriptor: the end of the machine (open files keep theirs until closed)."""
        self.root.drop_everything()
        self.ipc.close()
        for mount in self.mounts:
            mount.close()
        self.mounts.clear()

    # --- resolution -----------------------------------------------------------------------------------------------

    def directory(self, task):
        """The working directory of a task: an inode, or at first the path of one."""
        return self.find(task, self.root, task.cwd + "/") if isinstance(task.cwd, str) else task.cwd

    def walk(self, task, start, path, follow=True):
        """The Place of a path.  Its node is None when only the last name is missing.

        follow   follow a symbolic link in the last place, too (always done when a slash comes after it)
        Raises ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG.
        """
        if not path:
            raise LinuxError(ENOENT)
        directory = self.root if path[0] == "/" else start
        pending = _components(path)
        must_be_directory = path[-1] == "/" or pending[:1] == ["."]
        links, steps = 0, WALK_STEPS
        while pending:
            name = pending.pop()
            if name == "..":
                directory = directory.parent
                if not pending:
                    return Place(directory, "..", directory, True)
                continue
            if name == ".":
                if not pending:
                    return Place(directory, ".", directory, True)
                continue
            steps -= directory.lookup_steps
            if steps < 0:
                raise LinuxError(ELOOP)
            if len(name) > NAME_MAX or not name.isascii() and len(os.fsencode(name)) > NAME_MAX:
                raise LinuxError(ENAMETOOLONG)
            check(directory, task, X_OK)
            node = directory.lookup(name, task)
            if node is None:
                if pending:
                    raise LinuxError(ENOENT)
                return Place(directory, name, None, must_be_directory)
            if node.kind == S_IFLNK and (pending or follow or must_be_directory):
                links += 1
                if links > LINKS_MAX:
                    raise LinuxError(ELOOP)
                there = node.jump(task)
                if there is None:
                    text = node.target(task)
                    if not text:
                        raise LinuxError(ENOENT)
                    if text[0] == "/":
                        directory = self.root
                    if not pending and text[-1] == "/":
                        must_be_directory = True
                    pending += _components(text)
                    continue
                node = there
            if not pending:
                if must_be_directory and node.kind != S_IFDIR:
                    raise LinuxError(ENOTDIR)
                return Place(directory, name, node, must_be_directory)
            if node.kind != S_IFDIR:
                raise LinuxError(ENOTDIR)
            directory = node
        return Place(directory, "/", directory, True)

    def find(self, task, start, path, follow=True):
        """The inode of a path; ENOENT when there is none."""
        node = self.walk(task, start, path, follow).node
        if node is None:
            raise LinuxError(ENOENT)
        return node

    # --- operations -------------------------------------------------------------------------------------------------

    def open(self, task, start, path, flags, mode=0):
        """An OpenFile as by openat(2)."""
        if flags & O_PATH:
            flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        if flags & O_TMPFILE_BIT:
            raise LinuxError(EOPNOTSUPP)
        create = flags & O_CREAT
        if create and flags & O_DIRECTORY or flags & O_ACCMODE == O_ACCMODE:
            raise LinuxError(EINVAL)
        exclusive = create and flags & O_EXCL
        directory, name, node, must_be_directory = self.walk(
            task, start, path, follow=not (flags & O_NOFOLLOW or exclusive)
        )
        if create and must_be_directory:
            raise LinuxError(EISDIR)
        if node is None:
            if not create:
                raise LinuxError(ENOENT)
            check(directory, task, W_OK | X_OK)
            file = directory.create(name, mode & ~task.umask & 0o7777, flags & ~O_TRUNC, task)
            _give(file.node, task)
        else:
            if exclusive:
                raise LinuxError(EEXIST)
            if node.kind == S_IFDIR:
                if create or flags & O_TRUNC:
                    raise LinuxError(EISDIR)
            elif flags & O_DIRECTORY:
                raise LinuxError(ENOTDIR)
            if not flags & O_PATH:
                check(node, task, _ACCESS[flags & O_ACCMODE] | (W_OK if flags & O_TRUNC else 0))
            file = node.open(flags, task)
        if isinstance(directory, FixedDirectory) and name not in _SPECIAL:  # made up for this walk: keep only its path
            directory, name = self.root, f"{directory.path()}/{name}"[1:]
        file.origin = (directory, name) if name not in _SPECIAL else (directory, "")
        return file

    def unlink(self, task, start, path):
        directory, name, node, _ = self.walk(task, start, path, follow=False)
        if node is None:
            raise LinuxError(ENOENT)
        if node.kind == S_IFDIR:
            raise LinuxError(EISDIR)
        check_removal(directory, node, task)
        directory.remove(name, node)

    def remove_directory(self, task, start, path):
        directory, name, node, _ = self.walk(task, start, path, follow=False)
        if name in _SPECIAL:
            raise LinuxError({".": EINVAL, "..": ENOTEMPTY, "/": EBUSY}[name])
        if node is None:
            raise LinuxError(ENOENT)
        if node.kind != S_IFDIR:
            raise LinuxError(ENOTDIR)
        if node.mount_point:
            raise LinuxError(EBUSY)
        check_removal(directory, node, task)
        directory.remove_directory(name, node)

    def make_directory(self, task, start, path, mode):
        directory, name, _ = self._free_place(task, start, path)
        directory.make_directory(name, mode & ~task.umask & 0o1777)
        _give(directory.lookup(name, task), task)

    def make_special(self, task, start, path, make):
        """The inode that `make(filesystem)` gives, at a free place. EPERM: the directory is not the machine's own."""
        directory, name, must_be_directory = self._free_place(task, start, path)
        if must_be_directory:
            raise LinuxError(ENOENT)
        if not isinstance(directory, MemoryDirectory):
            raise LinuxError(EPERM)
        node = make(self.filesystem)
        directory.add(name, node)
        _give(node, task)
        return node

    def make_link(self, task, start, path, target):
        directory, name, must_be_directory = self._free_place(task, start, path)
        if must_be_directory:
            raise LinuxError(ENOENT)
        directory.make_link(name, target)
        _give(directory.lookup(name, task), task)

    def add_name(self, task, node, start, path):
        """A hard link to an inode."""
        directory, name, must_be_directory = self._free_place(task, start, path)
        if must_be_directory:
            raise LinuxError(ENOENT)
        if node.filesystem is not directory.filesystem:
            raise LinuxError(EXDEV)
        if node.kind == S_IFDIR:
            raise LinuxError(EPERM)
        if isinstance(node, RegularFile) and node.links == 0:
            raise LinuxError(ENOENT)
        directory.add(name, node)

    def _free_place(self, task, start, path):
        directory, name, node, must_be_directory = self.walk(task, start, path, follow=False)
        if node is not None:
            raise LinuxError(EEXIST)
        check(directory, task, W_OK | X_OK)
        return directory, name, must_be_directory

    def rename(self, task, old_start, old_path, new_start, new_path, replace=True):
        old = self.walk(task, old_start, old_path, follow=False)
        new = self.walk(task, new_start, new_path, follow=False)
        if old.directory.filesystem is not new.directory.filesystem:
            raise LinuxError(EXDEV)
        if old.name in _SPECIAL or new.name in _SPECIAL:
            raise LinuxError(EBUSY)
        node, replaced = old.node, new.node
        if node is None:
            raise LinuxError(ENOENT)
        if replaced is not None and not replace:
            raise LinuxError(EEXIST)
        if node.kind == S_IFDIR:
            self._check_directory_move(node, new)
        elif new.must_be_directory:
            raise LinuxError(ENOTDIR)
        elif replaced is not None and replaced.kind == S_IFDIR:
            raise LinuxError(ENOTEMPTY if _is_above(replaced, old.directory) else EISDIR)
        check_removal(old.directory, node, task)
        check(new.directory, task, W_OK | X_OK)
        if replaced is not None:
            if _same(node, replaced):
                return
            check_removal(new.directory, replaced, task)
        old.directory.move(old.name, node, new.directory, new.name, replaced)

    def _check_directory_move(self, node, new):
        if node.mount_point or new.node is not None and new.node.kind == S_IFDIR and new.node.mount_point:
            raise LinuxError(EBUSY)
        if _is_above(node, new.directory):
            raise LinuxError(EINVAL)
        if new.node is not None and new.node.kind != S_IFDIR:
            raise LinuxError(ENOTDIR)


def _give(node, task):
    """A new inode belongs to whoever made it; in a mount to the user of the machine."""
    if isinstance(node, MemoryInode):
        node.uid, node.gid = task.credentials.fsuid, task.credentials.fsgid


def _same(a, b):
    return a.filesystem is b.filesystem and a.stat().inode == b.stat().inode


def _is_above(directory, other):
    """Whether other, which belongs to the same file system, is this directory or lies below it."""
    if isinstance(directory, HostDirectory) and isinstance(other, HostDirectory):
        return other.names[: len(directory.names)] == directory.names
    while other is not directory:
        if other.parent is other:
            return False
        other = other.parent
    return True
