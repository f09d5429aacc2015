"""The gdb server: a socket on which one client is served, by the supervisor while it waits for its guests.

    with GdbServer(machine, listen("1234")) as gdb:
        machine.pause()
        gdb.debug(machine.spawn("guest"))
        machine.run()

`debug` takes over the pause: the program stands at its entry until gdb lets it go on.  The first client that comes is
the only one.  Whatever it sends, or when it goes away in the middle, its session ends with one line for the person,
and the program goes on by itself; a client that lets go (detach) or kills says so.
"""

import socket

from ...errors import MachineError, MachineFailed, say
from .packets import INTERRUPT, Packets, ProtocolError, packet
from .stub import NOTHING, Stub
from .target import Target

HOST = "127.0.0.1"
READ_BYTES = 1 << 16
MOST_WAITING = 64  # packets that a client may send before it has read the answers
GOES_ON = "the program goes on without it"


def listen(text):
    """A socket that waits for a client at PORT or HOST:PORT; port 0: a free one. MachineError where that cannot be."""
    host, _, port = text.rpartition(":")
    try:
        number = int(port)
        if not 0 <= number <= 0xFFFF or port.strip() != port:
            raise ValueError
    except ValueError:
        raise MachineError(f"--gdb {text}: expected PORT or HOST:PORT, such as 1234 or 127.0.0.1:1234") from None
    waiting = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        waiting.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        waiting.bind((host.strip("[]") or HOST, number))
        waiting.listen(1)
        waiting.setblocking(False)
    except (OSError, UnicodeError) as error:
        waiting.close()
        raise MachineError(f"--gdb {text}: {getattr(error, 'strerror', None) or error}: choose another port") from None
    return waiting


class _Ended(Exception):
    """The session is over; the message, if there is one, is for the person."""


class GdbServer:
    """An attendant of a machine (machine/watching.py)."""

    def __init__(self, machine, waiting):
        self._machine, self._waiting = machine, waiting
        self._client = self._target = self._stub = None
        self._packets, self._queue = Packets(), []

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self._machine._leave_alone(self)
        self._say_goodbye(error)
        self._close()

    def debug(self, job):
        """Serve a client for this job, which has just been spawned. The machine is paused once, by the caller."""
        self._target = Target(self._machine, job)
        self._machine.go_on()  # the target has a pause of its own
        self._machine._attend_to(self)
        host, port = self._waiting.getsockname()[:2]
        say(f"emu: gdb: waiting on {host}:{port}")

    # --- an attendant -------------------------------------------------------------------------

    def descriptors(self):
        return [s.fileno() for s in (self._waiting, self._client) if s is not None]

    def look(self):
        if self._target is None:
            return False
        try:
            return self._look()
        except _Ended as end:
            if str(end):
                say(f"emu: gdb: {end}")
        except MachineFailed:
            raise
        except MachineError as error:
            say(f"emu: gdb: {error}: {GOES_ON}")
        except OSError as error:
            say(f"emu: gdb: {error.strerror}: {GOES_ON}")
        except Exception as error:  # a mistake of emu's own, perhaps provoked by what the client has sent
            say(f"emu: gdb: {type(error).__name__} inside emu: {error}: {GOES_ON}")
        self._leave()
        return True

    def _look(self):
        if self._client is None:
            return self._accept()
        received = self._receive()
        if self._stub.goes_on:
            self._look_at_task()
        while self._queue:
            if not self._stub.goes_on:
                self._take(self._queue.pop(0))
            elif INTERRUPT in self._queue:
                self._queue.remove(INTERRUPT)
                self._target.stop()
                self._send(self._stub.tell_interrupt())
            else:
                break  # packets wait until the task has stopped
        return received

    def _accept(self):
        try:
            self._client, _ = self._waiting.accept()
        except BlockingIOError:
            return False
        self._waiting.close()  # any other client is refused
        self._waiting = None
        self._client.setblocking(False)
        self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stub = Stub(self._target)
        return True

    def _receive(self):
        try:
            data = self._client.recv(READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            raise _Ended(f"the client has gone: {GOES_ON}")
        try:
            found = self._packets.feed(data)
        except ProtocolError as error:
            raise _Ended(f"{error}: {GOES_ON}") from None
        if self._packets.answers:
            self._send_bytes(self._packets.answers)
            self._packets.answers = b""
        self._queue += found
        if len(self._queue) > MOST_WAITING:
            raise _Ended(f"more than {MOST_WAITING} packets at once: {GOES_ON}")
        return True

    def _take(self, data):
        """Answer a packet. Ctrl-C says nothing while the task stands."""
        if data is INTERRUPT:
            return
        answer = self._stub.execute(data)
        if answer is not NOTHING:
            self._send(answer)
        self._packets.acknowledges = self._stub.acknowledges
        if self._stub.leaves:
            raise _Ended

    def _look_at_task(self):
        """Tell what has happened to the task that goes on."""
        if self._target.has_stopped and not self._target.ended:
            self._target.stop()
            stops = self._target.stops()
            if stops:
                self._send(self._stub.tell(stops[0]))
            elif not self._target.ended:
                self._target.resume_after_nothing()
        if self._target.ended:
            self._send(self._stub.tell_end())
            raise _Ended

    # --- the client -----------------------------------------------------------------------------

    def _send(self, answer):
        self._packets.last = packet(answer)
        self._send_bytes(self._packets.last)

    def _send_bytes(self, data):
        try:
            sent = self._client.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            raise _Ended(f"the client does not read what it is sent: {GOES_ON}")

    def _leave(self):
        """The session is over: the program is nobody's."""
        self._close()
        target, self._target = self._target, None
        self._machine._leave_alone(self)
        target.leave()

    def _say_goodbye(self, error):
        """The machine ends, or has failed: so the client hears of it, where it waits for the task."""
        if self._client is None or self._stub is None or not self._stub.goes_on:
            return
        try:
            if error is not None:
                self._send(b"O" + f"emu: {error}\n".encode(errors="replace").hex().encode())
            self._send(self._stub.tell_end() if error is None else b"X09")
        except (OSError, _Ended):
            pass

    def _close(self):
        for each in (self._client, self._waiting):
            if each is not None:
                each.close()
        self._client = self._waiting = None
