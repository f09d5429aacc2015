"""Host directories that the user mounted into the guest's tree.

The guest reaches nothing of the host but what lies in a mounted directory.  This is ensured as follows.  A place in a
mount is a tuple of names; every use walks from the mount's own descriptor, one openat with O_NOFOLLOW per name, and no
name is ever ".." or ".", or contains a slash.  A symbolic link is never followed by the host: its text is read and goes
through the guest's path resolution, where "/" is the guest's root.  A link that the host puts in the place of a
directory between two looks makes the walk fail (ENOTDIR, ELOOP).  A directory that the host moves out of the mount
during a walk is still only what the mount held at that moment, for nothing here ever goes up. (Rejected: comparing real
paths, which races; keeping a descriptor for each directory, which nobody would know to close.)

Devices, sockets and FIFOs in a mount can be seen but not opened (EACCES): opening one may have an effect.
Files of the user who runs the machine belong to the guest's root; the modes that a guest sets lose setuid bits.
RENAME_NOREPLACE is checked before the rename, so a host process that races with it can lose a file of that name.
"""

import os
from contextlib import contextmanager

from ...abi.errno import EACCES, EINVAL, EIO, ENOENT, EROFS
from ...abi.files import O_ACCMODE, O_PATH, O_RDONLY, O_TRUNC, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG
from ..errors import LinuxError
from .directory import Directory
from .host_descriptors import held_by_guests
from .host_file import OpenHostFile, host_errors
from .host_pages import EAGER_SHARE
from .inode import Filesystem, Inode, Link, Stat
from .open_file import OpenDirectory, OpenFile

_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_PERMISSIONS = 0o777


class HostMount(Filesystem):
    """One mounted directory.  `close` gives its descriptor back."""

    target = ""  # where guests see it

    def __init__(self, device, source, writable, clock):
        super().__init__(device, 0x01021997, clock)  # V9FS: how Linux guests see directories of their host
        self.read_only = not writable
        self.pages = {}  # inode number -> HostPages, of the files that guests have mapped
        self.store = None  # the PageStore for them
        self.descriptor = os.open(source, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self):
        os.close(self.descriptor)
        self.descriptor = -1

    @contextmanager
    def directory(self, names):
        """Descriptor of the directory at this place; host errors inside become guest errors."""
        descriptor = self.descriptor
        try:
            for name in names:
                assert name not in ("", ".", "..") and "/" not in name
                below = os.open(name, _STEP, dir_fd=descriptor)
                if descriptor != self.descriptor:
                    os.close(descriptor)
                descriptor = below
            yield descriptor
        except OSError as error:
            raise LinuxError(error.errno or EIO) from None
        finally:
            if descriptor != self.descriptor:
                os.close(descriptor)

    def eager_bytes(self):
        """How much of a mapping is read when it is made."""
        return self.store.memory_bytes // EAGER_SHARE

    def check_writable(self):
        if self.read_only:
            raise LinuxError(EROFS)

    def space(self):
        with host_errors():
            space = os.statvfs(self.descriptor)
        return space.f_frsize, space.f_blocks, space.f_bavail

    def stat_from(self, host):
        uid = 0 if host.st_uid == os.getuid() else host.st_uid
        gid = 0 if host.st_gid == os.getgid() else host.st_gid
        return Stat(
            self.device, host.st_ino, host.st_mode, host.st_nlink, uid, gid, host.st_rdev, host.st_size,
            4096, host.st_blocks, host.st_atime_ns, host.st_mtime_ns, host.st_ctime_ns,
        )  # fmt: skip


class HostNode(Inode):
    """Something in a mount, named by its place.  Every use looks at the host anew."""

    def __init__(self, mount, names, kind):
        self.filesystem = mount
        self.names = names
        self.kind = kind

    @property
    def name(self):
        return self.names[-1]

    def holder(self):
        """Descriptor (in a with statement) of the directory that holds this."""
        return self.filesystem.directory(self.names[:-1])

    def stat(self):
        with self.holder() as directory:
            return self.filesystem.stat_from(os.stat(self.name, dir_fd=directory, follow_symlinks=False))

    def open(self, flags, task):
        if flags & O_PATH:
            return OpenFile(self, flags)
        raise LinuxError(EACCES)

    def check_access(self, mode):
        super().check_access(mode)
        with self.holder() as directory:
            if not os.access(self.name, mode, dir_fd=directory, follow_symlinks=False):
                raise LinuxError(EACCES)

    def set_mode(self, mode):
        self.filesystem.check_writable()
        with self.holder() as directory:
            self._chmod(os.open(self.name, os.O_PATH | _FILE, dir_fd=directory), mode)

    def _chmod(self, descriptor, mode):
        try:
            if os.fstat(descriptor).st_mode & S_IFMT == S_IFLNK:
                raise LinuxError(EACCES)
            os.chmod(f"/proc/self/fd/{descriptor}", mode & _PERMISSIONS)  # the inode of the descriptor, no other
        finally:
            os.close(descriptor)

    def set_owner(self, uid, gid):
        """Accepted and ignored: the owner on the host stays the user who runs the machine."""
        self.filesystem.check_writable()

    def set_times(self, accessed_ns, modified_ns):
        self.filesystem.check_writable()
        with self.holder() as directory:
            self._utime(self.name, directory, accessed_ns, modified_ns)

    def _utime(self, name, directory, accessed_ns, modified_ns):
        now = os.stat(name, dir_fd=directory, follow_symlinks=False)
        times = (
            now.st_atime_ns if accessed_ns is None else accessed_ns,
            now.st_mtime_ns if modified_ns is None else modified_ns,
        )
        os.utime(name, ns=times, dir_fd=directory, follow_symlinks=False)


class HostLink(Link, HostNode):
    def target(self, task):
        """The text of the link; ENOENT when the host has put something else in its place since the lookup."""
        with self.holder() as directory:
            try:
                return os.readlink(self.name, dir_fd=directory)
            except OSError as error:
                if error.errno == EINVAL:  # no link any more
                    raise LinuxError(ENOENT) from None
                raise

    def set_mode(self, mode):
        raise LinuxError(EACCES)


class HostFile(HostNode):
    """A regular file in a mount."""

    def open(self, flags, task):
        if flags & O_PATH:
            return OpenFile(self, flags)
        if flags & (O_ACCMODE | O_TRUNC) != O_RDONLY:
            self.filesystem.check_writable()
        with self.holder() as directory:
            return self._opened(directory, flags, _FILE | (os.O_TRUNC if flags & O_TRUNC else 0), 0)

    def created(self, directory, flags, mode):
        """Make the file in the directory of this host descriptor, and open it."""
        return self._opened(directory, flags, _FILE | os.O_CREAT | os.O_EXCL, mode & _PERMISSIONS)

    def _opened(self, directory, flags, host_flags, mode):
        held_by_guests.take()
        descriptor = -1
        try:
            descriptor = os.open(self.name, host_flags | flags & O_ACCMODE, mode, dir_fd=directory)
            if os.fstat(descriptor).st_mode & S_IFMT != S_IFREG:  # the host put something else in its place
                raise LinuxError(EACCES)
            file = OpenHostFile(self, flags, descriptor)
            if flags & O_TRUNC:
                file.look_at_pages()
            return file
        except (OSError, LinuxError):
            held_by_guests.give_back()
            if descriptor >= 0:
                os.close(descriptor)
            raise

    def truncate(self, size):
        self.filesystem.check_writable()
        with self.holder() as directory:
            file = self._opened(directory, os.O_WRONLY, _FILE, 0)
        file.truncate(size)
        file.close()


class HostDirectory(HostNode, Directory):
    """A directory in a mount, or the mounted one itself (no names)."""

    def __init__(self, mount, names, parent, name):
        super().__init__(mount, names, S_IFDIR)
        self.parent = parent
        self._name = name
        self.mount_point = not names
        self.lookup_steps = len(names) + 1

    @property
    def name(self):
        return self._name

    def here(self):
        """Descriptor (in a with statement) of this directory."""
        return self.filesystem.directory(self.names)

    def stat(self):
        with self.here() as descriptor:
            return self.filesystem.stat_from(os.fstat(descriptor))

    def lookup(self, name, task):
        with self.here() as descriptor:
            try:
                mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
            except FileNotFoundError:
                return None
        kind = mode & S_IFMT
        names = (*self.names, name)
        if kind == S_IFDIR:
            return HostDirectory(self.filesystem, names, self, name)
        return _NODES.get(kind, HostNode)(self.filesystem, names, kind)

    def list(self, task):
        with self.here() as path_descriptor:
            descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=path_descriptor)
            try:
                with os.scandir(descriptor) as found:
                    return [(each.name, each.inode(), _kind_of(each)) for each in found]
            finally:
                os.close(descriptor)

    def open(self, flags, task):
        file = Directory.open(self, flags, task)
        assert isinstance(file, OpenDirectory)
        return file

    def truncate(self, size):
        Directory.truncate(self, size)

    def check_access(self, mode):
        Inode.check_access(self, mode)
        with self.here() as descriptor:
            if not os.access(".", mode, dir_fd=descriptor):
                raise LinuxError(EACCES)

    def set_mode(self, mode):
        self.filesystem.check_writable()
        with self.here() as descriptor:
            self._chmod(os.dup(descriptor), mode)

    def set_times(self, accessed_ns, modified_ns):
        self.filesystem.check_writable()
        with self.here() as descriptor:
            self._utime(".", descriptor, accessed_ns, modified_ns)

    def create(self, name, mode, flags, task):
        self.filesystem.check_writable()
        with self.here() as descriptor:
            return HostFile(self.filesystem, (*self.names, name), S_IFREG).created(descriptor, flags, mode)

    def make_directory(self, name, mode):
        self.filesystem.check_writable()
        with self.here() as descriptor:
            os.mkdir(name, mode & _PERMISSIONS, dir_fd=descriptor)

    def make_link(self, name, target):
        self.filesystem.check_writable()
        with self.here() as descriptor:
            os.symlink(target, name, dir_fd=descriptor)

    def add(self, name, node):
        self.filesystem.check_writable()
        with node.holder() as source, self.here() as descriptor:
            os.link(node.name, name, src_dir_fd=source, dst_dir_fd=descriptor, follow_symlinks=False)

    def remove(self, name, node):
        self.filesystem.check_writable()
        with self.here() as descriptor:
            os.unlink(name, dir_fd=descriptor)

    def remove_directory(self, name, node):
        self.filesystem.check_writable()
        with self.here() as descriptor:
            os.rmdir(name, dir_fd=descriptor)

    def move(self, name, node, directory, new_name, replaced):
        self.filesystem.check_writable()
        with self.here() as source, directory.here() as target:
            os.rename(name, new_name, src_dir_fd=source, dst_dir_fd=target)


_NODES = {S_IFREG: HostFile, S_IFLNK: HostLink}


def _kind_of(entry):
    """The kind of a directory entry, from what the host's listing says or else from its inode."""
    if entry.is_symlink():
        return S_IFLNK
    if entry.is_dir(follow_symlinks=False):
        return S_IFDIR
    if entry.is_file(follow_symlinks=False):
        return S_IFREG
    return entry.stat(follow_symlinks=False).st_mode & S_IFMT
