"""The descriptors of a task as the system server sees them, and the open files that it keeps itself.

Descriptor tables and open file descriptions are records in shared memory, which the CPUs change without the server
(kernel/files/).  Of a SERVED description the rest is an OpenFile here, found by the description's index.  Several
descriptors, of several tasks, may refer to it; it has one reference, and is closed when the kernel has made the
description an orphan.  `close_orphans` has to be called before each request is served, and `give_back` after it.
"""

import ctypes
import weakref

from ...abi.errno import EBADF, EIO, ENFILE
from ...abi.files import O_PATH
from ...abi.sockets import SOCK_STREAM
from ...kernel.files import for_server, sockets
from ...kernel.files.descriptions import FILE_COUNTER, FILE_EPOLL, FILE_FOREIGN, FILE_SOCKET, IN_FLIGHT, KEPT
from ...kernel.files.pipe import RING_BYTES
from ..errors import LinuxError
from .allowance import DESCRIPTOR_BYTES, FREE
from .event_files import EventEnd, event_node
from .inode import Filesystem
from .pipe import PipeEnd, PipeNode, RecordEnd
from .socket import Socket, SocketNode
from .socket_names import SocketNames
from .stream import HostStream
from .travel import forgotten
from .watched import WatchedFiles

INCLUDED = 16  # so many open files are not charged, so that a guest without memory can open a directory and clean up
PIPEFS_DEVICE, PIPEFS_MAGIC = 0xE, 0x50495045


class OpenFiles:
    """All open files of a machine that the server knows of."""

    def __init__(self, window, me, clock, allowance=FREE):
        self.window, self.base, self.me = window, window.address, me
        self.pipes = Filesystem(PIPEFS_DEVICE, PIPEFS_MAGIC, clock)
        self.allowance, self._charge = allowance, allowance.charge(0)
        self._files = {}  # description -> OpenFile, of SERVED ones and of sockets that are kept
        self._nodes = {}  # pipe -> PipeNode, at most one of each record
        self._ends = weakref.WeakValueDictionary()  # description -> RecordEnd, as long as somebody has it
        self._borrowed = []  # descriptions of which the present call has a reference
        self.names = SocketNames()
        self.nr_in_flight = self._last_travel = 0
        self.buffer = ctypes.create_string_buffer(RING_BYTES)  # for what one call moves at once
        self.watched = WatchedFiles(self)
        self.caller = None  # the thread whose call is being made

    def describe(self, file):
        """A description of an open file, whose reference goes over to it. LinuxError: the file is closed."""
        if isinstance(file, RecordEnd):
            return file.description
        description = -ENFILE
        try:
            self._pay(len(self._files) + 1)
            description = for_server.open_served(self.base, self.me)
            if description < 0:
                raise LinuxError(-description)
        except LinuxError:
            self._pay(len(self._files))
            file.close()
            raise
        self._files[description] = file
        return description

    def _pay(self, count):
        self._charge.resize(DESCRIPTOR_BYTES * max(count - INCLUDED, 0))

    def file(self, description, is_held):
        """The OpenFile of a description; of a pipe's, the reference that was taken is given back after the call."""
        if not is_held:
            return self._files[description]
        self._borrowed.append(description)
        end = self._files.get(description) or self._ends.get(description)
        if end is None or not end.is_open():
            record = self.window.machine["descriptions"][description]
            if record["kind"] == FILE_FOREIGN:
                raise LinuxError(EIO)  # a file server's, for a call or a task that it does not serve
            if record["kind"] in (FILE_COUNTER, FILE_EPOLL):
                end = EventEnd(self, description, event_node(self, record))
            else:
                kind = Socket if record["kind"] == FILE_SOCKET else PipeEnd
                end = kind(self, description, self._node(record))
            self._ends[description] = end
        return end

    def _node(self, record):
        """The inode of a pipe, or of a socket, whose description's record this is."""
        pipe = int(record["object"])
        number = int(self.window.machine["pipes"][pipe]["number"])
        node = self._nodes.get(pipe)
        if node is None or node.number != number:
            is_socket = record["kind"] == FILE_SOCKET
            node = SocketNode(self, pipe, number, record) if is_socket else PipeNode(self, pipe, number)
            self._nodes[pipe] = node
        return node

    def open_pipe(self, pipe, node, flags):
        """Another open file of a pipe that is open. LinuxError."""
        description = for_server.open_pipe_again(self.base, self.me, pipe, node.number, flags)
        if description < 0:
            raise LinuxError(-description)
        return PipeEnd(self, description, node)

    # --- sockets ------------------------------------------------------------------------------------------------------

    def new_socket(self, role, flags, family, type, protocol):
        """A Socket with one reference, which the caller gives to a table, or closes. LinuxError."""
        description = _checked(sockets.open_socket(self.base, self.me, flags, role, int(type != SOCK_STREAM)))
        record = self.window.machine["descriptions"][description]
        socket = Socket(self, description, self._node(record), family, type, protocol)
        try:
            self.keep(socket)
        except LinuxError:
            socket.close()
            raise
        return socket

    def keep(self, socket):
        """Remember a socket until the description is an orphan. ENOMEM."""
        if socket.description not in self._files:
            self._pay(len(self._files) + 1)
            self._files[socket.description] = socket
            sockets.keep(self.base, socket.description, KEPT)

    def kept_socket(self, description):
        """The Socket of a description that is kept, or None."""
        found = self._files.get(description)
        return found if isinstance(found, Socket) else None

    def sockets_with_travels(self):
        return [each for each in self._files.values() if isinstance(each, Socket)]

    def borrow(self, socket):
        """Take a reference of a socket until the call is over; False: it is closed."""
        if not socket.is_open() or not sockets.try_hold(self.base, socket.description):
            return False
        self._borrowed.append(socket.description)
        return True

    def send_off(self, descriptions):
        """Open files go on their way in a message. ENOMEM."""
        for description in descriptions:
            if self.window.machine["descriptions"][description]["kind"] == FILE_SOCKET:
                sockets.try_hold(self.base, description)
                self.keep(self.file(description, True))
                sockets.keep(self.base, description, IN_FLIGHT)
        self.window.machine["sockets_dropped"] = 1  # another thread may have closed one before it was noted

    def next_travel(self):
        """A number for what travels with a message."""
        self._last_travel += 1
        return self._last_travel

    def _drop_forgotten(self):
        """What is on its way to sockets that nobody can read any more is dropped. Whether there was any."""
        found = forgotten(self)
        for socket in found:
            socket.drop_travels()
        return bool(found)

    # --- the ends of calls, and of files ------------------------------------------------------------------------------

    def give_back(self):
        """The call is over, or waits: what it has used may be closed."""
        while self._borrowed:
            for_server.drop_file(self.base, self.me, self._borrowed.pop())

    def close_orphans(self):
        """Close the files that no descriptor refers to any more."""
        machine = self.window.machine
        found = int(machine["sockets_dropped"])
        if found:
            machine["sockets_dropped"] = 0
        while (description := for_server.next_orphan(self.base, self.me)) >= 0:
            found = 1
            file = self._files.pop(description)
            if isinstance(file, Socket):
                file.end()
            for_server.free_served(self.base, self.me, description)
            self._pay(len(self._files))
            if not isinstance(file, Socket):
                file.close()
        if found and self.nr_in_flight and self._drop_forgotten():
            self.close_orphans()


class FileTable:
    """The descriptors of a task, by its index."""

    def __init__(self, files, task):
        self._files, self._base, self._me, self._task = files, files.base, files.me, task
        self._locks = None

    def place_standard(self, nodes):
        """Open descriptors 0, 1, 2 for these StreamNodes; None leaves one closed."""
        for fd, node in enumerate(nodes):
            if node is not None:
                description = self._files.describe(HostStream(node))
                _checked(for_server.put_file_at(self._base, self._me, self._task, description, fd))

    def get(self, fd):
        """The open file of a descriptor; EBADF."""
        found = _checked(for_server.find_fd(self._base, self._me, self._task, fd))
        return self._files.file(found >> 1, found & 1)

    def watch(self, outer, fd, file, events, data):
        """Let an epoll set (its EventEnd) watch a SERVED file, which has a descriptor; 0 or a negative error. EBADF."""
        found = _checked(for_server.find_fd(self._base, self._me, self._task, fd))
        if found & 1 or self._files.file(found >> 1, 0) is not file:
            if found & 1:
                for_server.drop_file(self._base, self._me, found >> 1)
            raise LinuxError(EBADF)  # another thread has just let the descriptor refer to something else
        return self._files.watched.add(outer.description, found >> 1, fd, file, events, data)

    def usable(self, fd):
        """The open file of a descriptor that is more than a place (O_PATH); EBADF."""
        file = self.get(fd)
        if file.flags & O_PATH:
            raise LinuxError(EBADF)
        return file

    @property
    def limit(self):
        """The first descriptor number that the task may not use (RLIMIT_NOFILE)."""
        return int(self._files.window.machine["tasks"][self._task]["max_descriptors"])

    def check_room(self):
        """EMFILE when no descriptor is free."""
        _checked(for_server.find_free(self._base, self._me, self._task))

    @property
    def machine_files(self):
        """The OpenFiles that all tables share."""
        return self._files

    def hold(self, fd):
        """The description of a descriptor, with a reference for the caller; EBADF."""
        found = _checked(for_server.find_fd(self._base, self._me, self._task, fd))
        if not found & 1:  # a SERVED one, which nobody but the server closes
            sockets.try_hold(self._base, found >> 1)
        return found >> 1

    def put(self, description, close_on_exec):
        """The lowest free descriptor, which refers to a description now, whose reference goes over. LinuxError."""
        return _checked(for_server.put_file(self._base, self._me, self._task, description, int(close_on_exec)))

    def add(self, file, close_on_exec=False):
        """Let the lowest free descriptor refer to an open file (the caller's reference goes over); the descriptor.

        LinuxError, the file is closed then: EMFILE, ENFILE, ENOMEM.
        """
        description = self._files.describe(file)
        fd = for_server.put_file(self._base, self._me, self._task, description, int(close_on_exec))
        if fd < 0:
            for_server.drop_file(self._base, self._me, description)
            self._files.close_orphans()
        return _checked(fd)

    def close(self, fd):
        """EBADF when it is not open."""
        file = self.get(fd)
        if self._locks:
            self._locks.closed(self, file)
        _checked(for_server.close_fd(self._base, self._me, self._task, fd))

    def replace(self, fd, new, close_on_exec):
        """dup3: let the descriptor `new` refer to the file of another, and close what it referred to. LinuxError."""
        self.get(fd)
        if self._locks and for_server.close_on_exec(self._base, self._me, self._task, new, -1) >= 0:
            self._locks.closed(self, self.get(new))
        _checked(for_server.replace_fd(self._base, self._me, self._task, fd, new, int(close_on_exec)))
        return new

    @property
    def locks(self):
        """The machine's FileLocks once this process has owned a record lock: from then on its closes are served."""
        return self._locks

    @locks.setter
    def locks(self, locks):
        self._locks = locks
        for_server.serve_closes(self._base, self._task)

    def release(self):
        """The process ends: its record locks go."""
        if self._locks:
            self._locks.drop(self)

    def close_on_exec(self, fd):
        return bool(_checked(for_server.close_on_exec(self._base, self._me, self._task, fd, -1)))

    def set_close_on_exec(self, fd, value):
        """EBADF."""
        _checked(for_server.close_on_exec(self._base, self._me, self._task, fd, int(bool(value))))

    def open_descriptors(self):
        """All that are in use, in order."""
        found, fd = [], -1
        while (fd := for_server.next_fd(self._base, self._me, self._task, fd + 1)) >= 0:
            found.append(fd)
        return found

    def exec(self):
        """After execve: the table is the task's own, without the close-on-exec descriptors. LinuxError: no memory."""
        if self._locks:
            for fd in filter(self.close_on_exec, self.open_descriptors()):
                self._locks.closed(self, self.get(fd))
        _checked(for_server.exec_table(self._base, self._me, self._task))


def _checked(result):
    """A result that is no error. LinuxError."""
    if result < 0:
        raise LinuxError(-result)
    return result
