"""Sockets as the system server sees them: names, connections, and what it moves for them (kernel/files/sockets.py).

A Socket speaks for a description.  One of a pair that the CPU has made is told apart by nothing but its records, and
lives only as long as a call uses it; as soon as the server has to remember something (`keep`), the description becomes
an orphan at its end, and the Socket stays until `end`.

A message is laid out as in kernel/files/messages.py; its `travel` numbers what the reader's socket holds of it in
`_by_number`.  In a stream, `_marks` are the places where something travels, in order; PIPE.mark is the
first one's.
"""

import ctypes
import struct
from collections import deque
from typing import NamedTuple

from ...abi.errno import EAGAIN, ENOTCONN, ENXIO, EOPNOTSUPP, EPIPE
from ...abi.files import O_NONBLOCK, O_PATH, S_IFSOCK
from ...abi.sockets import AF_UNIX, SOCK_DGRAM, SOCK_STREAM
from ...kernel.files import for_server, sockets
from ...kernel.files.descriptions import FILE_SOCKET
from ...kernel.files.pipe import RING_BYTES, SERVES
from ...kernel.files.socket_ends import CONNECTED, DATAGRAM, LISTENING, TCP
from ..errors import Blocked, LinuxError, Watch
from . import socket_calls
from .pipe import PipeEnd, PipeNode

HEADER = struct.Struct("<QQQ")  # of kernel/files/messages.py
PIECE_BYTES = 1 << 16
DEFAULT_BUFFER = 212992  # net.core.rmem_default: what SO_SNDBUF says at first


class SocketNode(PipeNode):
    """The inode of a socket: the pipe that it reads gives the number."""

    kind = S_IFSOCK

    def __init__(self, files, pipe, number, record):
        super().__init__(files, pipe, number)
        self.mode = 0o777
        self._description = record
        self._pipes = files.window.machine["pipes"]

    @property
    def changes(self):
        output = int(self._description["output"])
        return int(self._record["changes"]) + (int(self._pipes[output]["changes"]) if output >= 0 else 0)

    def open(self, flags, task):
        """Sockets cannot be opened by a name."""
        if flags & O_PATH:
            return super().open(flags, task)
        raise LinuxError(ENXIO)


class Mark(NamedTuple):
    start: int  # position of the byte with which it travels
    end: int  # of the write: reads stop there
    travel: object


class Message(NamedTuple):
    data: bytes
    address: bytes
    travel: object  # a Travel or None; the reader's, except with MSG_PEEK


class Progress:
    """What a socket call that waits remembers: when it gives up, and how much it has moved."""

    def __init__(self, deadline_ns):
        self.deadline_ns, self.done = deadline_ns, 0


class Socket(PipeEnd):
    takes_calls = True  # reads and writes are whole calls (server/vfs/messages.py)

    def __init__(self, files, description, node, family=AF_UNIX, type=SOCK_STREAM, protocol=0):
        super().__init__(files, description, node)
        self.family, self.type, self.protocol = family, type, protocol
        self.name = self.peer_name = None  # a Unix, an Inet, or no name
        self.inode = None  # of a bound path
        self.owner = self.peer_owner = None  # (pid, uid, gid) of who listens or connects
        self.backlog = 0
        self.ends_accepting = False  # shutdown of a listening socket
        self.is_connecting = False  # connect(2) said EINPROGRESS, and is done
        self.receive_timeout_ns = self.send_timeout_ns = None
        self.send_bytes = self.receive_bytes = DEFAULT_BUFFER
        self.passes_credentials = self.reuses_address = self.reuses_port = self.v6_only = False
        self.options = {}
        self.shut = 0  # what shutdown has closed, of a socket that moves messages
        self.is_of_pair = False  # of datagram sockets: the CPU writes to the other one
        self._former_output = -1  # what it wrote to before, closed at the end
        self.connected_to = None  # of AF_UNIX datagrams: the Socket
        self._marks, self._by_number = deque(), {}

    files = property(lambda self: self._files)
    is_framed = property(lambda self: self.type != SOCK_STREAM)
    role = property(lambda self: int(self._record["role"]))
    listens = property(lambda self: self.role == LISTENING)
    is_connected = property(lambda self: self.role in (CONNECTED, TCP))
    input_pipe = property(lambda self: int(self._record["object"]))
    output_pipe = property(lambda self: int(self._record["output"]))

    def pending(self):
        """How many connections wait to be accepted."""
        return for_server.waiting_bytes(self._files.base, self.description) // 8

    def creator(self):
        """Process and user (<< 32) of who made the pair that this one is of; 0."""
        return int(self._record["creator"])

    def keep(self):
        """The server remembers what it knows of this socket from now on. ENOMEM."""
        self._files.keep(self)

    def peer(self):
        """The socket that reads what this one writes, with a reference until the call is over; None: it is closed."""
        output, d = self.output_pipe, int(self._record["peer"])
        if output < 0 or d < 0 or not sockets.try_hold(self._files.base, d):
            return None
        record = self._files.window.machine["descriptions"][d]
        if int(record["kind"]) != FILE_SOCKET or int(record["object"]) != output:  # its record is another file's now
            for_server.drop_file(self._files.base, self._files.me, d)
            return None
        return self._files.file(d, True)

    def leave_to_server(self):
        """Reads and writes are the server's where a CPU cannot make them as they have to be."""
        if self.family == AF_UNIX:
            sockets.serve_writes(self._files.base, self._files.me, self.description, int(self.passes_credentials))
        if self.is_connected or self.type == SOCK_DGRAM:
            reads = self.receive_timeout_ns is not None or self.passes_credentials
            writes = self.send_timeout_ns is not None or self.is_framed and not self._sends_plainly()
            sockets.leave_to_server(self._files.base, self.description, int(reads) | int(writes) << 1)

    def _sends_plainly(self):
        """Whether the CPU can send the messages of a socket: to one that stays, and without saying from whom."""
        stays = self.type != SOCK_DGRAM or self.is_of_pair
        return stays and not self.shut and self.name is None and self.send_bytes >= DEFAULT_BUFFER

    def shut_down(self, how):
        """1 what it reads, 2 what it writes, 3 both; 0: whoever waits for it looks again."""
        self.shut |= how
        self.leave_to_server()
        sockets.shut_down(self._files.base, self._files.me, self.description, how)

    def connect_datagrams(self, target):
        """What is sent without an address goes to another AF_UNIX socket from now on, or to none."""
        self.connected_to = target
        was_of_pair, self.is_of_pair = self.is_of_pair, False
        self.leave_to_server()
        at = target.description if target else -1
        before = sockets.redirect(self._files.base, self._files.me, self.description, at)
        if was_of_pair:
            self._former_output = before
        elif before >= 0:
            sockets.close_output(self._files.base, self._files.me, before)

    def disconnect(self):
        self.peer_name = None
        if self.connected_to or self.output_pipe >= 0:
            self.connect_datagrams(None)

    def join(self, other, role):
        """Two sockets without connection are connected with each other. Both are kept."""
        sockets.join(self._files.base, self._files.me, self.description, other.description, role)
        for each in (self, other):
            each.is_of_pair = role == DATAGRAM
            each.leave_to_server()

    def fail(self, error):
        """What the socket's next call gets."""
        sockets.fail(self._files.base, self._files.me, self.description, error)

    def take_error(self):
        return sockets.take_error(self._files.base, self._files.me, self.description)

    def end(self):
        """The description is an orphan: nobody uses the socket any more."""
        self._files.names.forget(self)
        if self.inode is not None:
            self.inode.socket = None
            self.inode.release()
        if self.listens:
            while (child := self.next_pending()) is not None:
                sockets.reset(self._files.base, self._files.me, child.description)
                child.close()
            sockets.close_ends(self._files.base, self._files.me, self.description)
        if self._former_output >= 0:
            sockets.close_output(self._files.base, self._files.me, self._former_output)
        self.drop_travels()

    # --- connections that wait to be accepted -------------------------------------------------------------------------

    def next_pending(self):
        """Take the connection that waits longest, with its reference; None."""
        n = self._read(8, 0)
        return self._files.kept_socket(int.from_bytes(self._files.buffer.raw[:8], "little")) if n == 8 else None

    def waiting_connections(self):
        """The connections that wait to be accepted, which stay where they are."""
        n = self._read(8 * self.pending(), sockets.PEEK) if self.listens and self.pending() else 0
        words = struct.unpack(f"<{n // 8}Q", self._files.buffer.raw[:n]) if n > 0 else ()
        return [child for word in words if (child := self._files.kept_socket(word))]

    def add_pending(self, child):
        """A connection waits, whose reference goes over. Its bytes fit: no more than SOMAXCONN wait. ENOMEM."""
        ctypes.memmove(self._files.buffer, child.description.to_bytes(8, "little"), 8)
        host = ctypes.addressof(self._files.buffer)
        n = sockets.put_word(self._files.base, self._files.me, self.description, host)
        if n < 0:
            raise LinuxError(-n)

    # --- bytes --------------------------------------------------------------------------------------------------------

    def _read(self, count, how):
        files = self._files
        return sockets.read_socket(
            files.base, files.me, self.description, ctypes.addressof(files.buffer), min(count, PIECE_BYTES), how
        )  # fmt: skip

    def read_bytes(self, count, peek):
        """(bytes, the Travel that the first of them came with or None, whether reading must stop there).

        The Travel stays the socket's where the bytes do.  No bytes: the end.  BlockingIOError: none yet. LinuxError.
        """
        how = sockets.PEEK if peek else 0
        n = self._read(count, how)
        if n != SERVES:
            return self._bytes(n), None, False
        mark = self._marks[0]
        n = self._read(min(count, mark.end - mark.start), how | sockets.TAKES_MARK)
        data = self._bytes(n)
        if not peek:
            self._marks.popleft()
            rest = mark.travel.rest() if mark.start + n < mark.end else None
            if rest:
                self._marks.appendleft(Mark(mark.start + n, mark.end, rest))
            at = self._marks[0].start + 1 if self._marks else 0
            sockets.set_mark(self._files.base, self._files.me, self.description, at)
        return data, mark.travel, True

    def _bytes(self, n):
        if n == -EAGAIN:
            raise BlockingIOError
        if n < 0:
            raise LinuxError(-n)
        return ctypes.string_at(self._files.buffer, n)

    def write_bytes(self, data, travel):
        """How many bytes were taken; a Travel goes over with the first of them. BlockingIOError, LinuxError."""
        files, data = self._files, bytes(data[:PIECE_BYTES])
        peer = self.peer() if travel else None
        if travel:
            if peer is None:
                raise LinuxError(EPIPE)
            peer.keep()
        ctypes.memmove(files.buffer, data, len(data))
        host = ctypes.addressof(files.buffer)
        n = sockets.write_socket(files.base, files.me, self.description, host, len(data), int(travel is not None))
        if n == -EAGAIN:
            raise BlockingIOError
        if n < 0:
            raise LinuxError(-n)
        if travel:
            start = int(files.window.machine["pipes"][self.output_pipe]["last_mark"]) - 1
            peer.expect(Mark(start, start + n, travel))
        return n

    def expect(self, mark):
        self._marks.append(mark)

    # --- messages -----------------------------------------------------------------------------------------------------

    def read_message(self, peek):
        """The next Message; None at the end. BlockingIOError, LinuxError."""
        files = self._files
        host = ctypes.addressof(files.buffer)
        n = sockets.read_message(files.base, files.me, self.description, host, sockets.PEEK if peek else 0)
        if n == -EAGAIN:
            raise BlockingIOError
        if n < 0:
            raise LinuxError(-n)
        if n == 0:
            return None
        data = ctypes.string_at(files.buffer, n)
        _, length, number = HEADER.unpack_from(data)
        travel = self._by_number.get(number) if peek else self._by_number.pop(number, None)
        start = HEADER.size + length
        return Message(data[start:], data[HEADER.size : start], travel)

    def put_message(self, pipe, target, data, address, travel):
        """Write a message into a pipe that `target`, or nobody any more (None), reads. BlockingIOError, LinuxError."""
        files, number = self._files, 0
        if travel and target:
            target.keep()
            number = files.next_travel()
        size = HEADER.size + len(address) + len(data)
        whole = HEADER.pack(size, len(address), number) + address + data
        ctypes.memmove(files.buffer, whole, size)
        error = sockets.write_message(files.base, files.me, pipe, ctypes.addressof(files.buffer))
        if error == -EAGAIN:
            raise BlockingIOError
        if error < 0:
            raise LinuxError(-error)
        if number:
            target._by_number[number] = travel

    # --- what travels -------------------------------------------------------------------------------------------------

    def travels(self):
        """All that is on its way to this socket."""
        return [mark.travel for mark in self._marks] + list(self._by_number.values())

    def drop_travels(self):
        found = self.travels()
        self._marks.clear()
        self._by_number.clear()
        for travel in found:
            travel.drop()

    # --- waiting ------------------------------------------------------------------------------------------------------

    def wait(self, call, watch, timeout_ns, nonblocking, done=0):
        """Blocked until what is watched changes; EAGAIN when the call may not wait, or has waited long enough."""
        if nonblocking or self.flags & O_NONBLOCK:
            raise LinuxError(EAGAIN)
        progress = self.progress(call, timeout_ns)
        progress.done, deadline = done, progress.deadline_ns
        if deadline is not None and call.machine.monotonic_ns() >= deadline:
            raise LinuxError(EAGAIN)
        raise Blocked(None, deadline_ns=deadline, on=watch, restarts=timeout_ns is None, done=done)

    def watch(self, other=None):
        """Changes of this socket, and of another."""
        return Watch(self.node, other.node) if other else Watch(self.node)

    def progress(self, call, timeout_ns=None):
        """A call's Progress, made when it waits first."""
        if call.memo is None:
            call.memo = Progress(None if timeout_ns is None else call.machine.monotonic_ns() + timeout_ns)
        return call.memo

    # --- as an open file ----------------------------------------------------------------------------------------------

    def receive(self, call, segments):
        """read(2), readv(2)."""
        received = socket_calls.receive(call, self, segments, 0)
        if received.travel and not received.is_peeked:
            received.travel.drop()
        return received.count

    def send(self, call, segments):
        """write(2), writev(2)."""
        return socket_calls.send(call, self, segments, socket_calls.Sending())

    def read(self, count):
        """Of a stream, for sendfile and the like."""
        self._check_stream()
        return super().read(count)

    def write(self, data):
        self._check_stream()
        return super().write(data)

    def _check_stream(self):
        if self.is_framed or not self.is_connected:
            raise LinuxError(ENOTCONN if not self.is_connected else EOPNOTSUPP)

    def available(self):
        """FIONREAD: bytes of a stream, of the next message."""
        if not self.is_framed:
            return 0 if self.listens else super().available()
        try:
            message = self.read_message(peek=True)
        except (BlockingIOError, LinuxError):
            return 0
        return len(message.data) if message else 0


assert 65507 + HEADER.size + 128 <= RING_BYTES, "the longest datagram of UDP fits"
