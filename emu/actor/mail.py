"""ZeroMQ between actors: wake-up messages, and payloads of CALL interrupts.

Each actor (a CPU, the system server, the timekeeper, the supervisor) binds a
PULL socket for wake-ups in the machine's private directory;
senders connect when they first have something to say.  A wake-up carries nothing:
it only ends a sleep, and kernel/ipi.py keeps sent and consumed equal.  CPUs also
bind a ROUTER for CALL payloads (msgpack).  The context is made after the fork and
never crosses one.

A wake-up that was sent and not delivered would leave its target asleep for good.  So a CPU that leaves waits until
what it sent has arrived, however busy the host is, and consumes the messages on their way to it: then nobody waits
for this CPU any more.

A CPU may leave and another process take its place (hot-plug), so the endpoint of an actor
has its process id in the name: a message never goes to the process that was there before.
"""

import os
import select
import time

import zmq

WAKE_UP = b""
LINGER_MS = 1000  # what was sent has this long to be delivered when its socket is closed
RECONNECT_MS = 2  # between two tries to connect, where ZeroMQ would wait 100: whoever is starting has no endpoint yet
DELIVERED = -1  # instead: as long as it takes
MAX_WAIT_MS = 1 << 30


def address(directory, name):
    """The endpoint of an actor in a machine's directory."""
    return f"ipc://{directory}/{name}"


def call_address(directory, cpu, process):
    """The endpoint at which a CPU's process takes payloads of CALL interrupts."""
    return address(directory, f"call-{cpu}-{process}")


class Mail:
    """One actor's sockets. Not for sharing between threads."""

    def __init__(self, directory, actor, machine):
        self.directory = directory
        self._actors = machine["cpus"]
        self.context = zmq.Context()
        self.inbox = self.context.socket(zmq.PULL)
        self._actors[actor]["process"] = os.getpid()
        self._kicked = self._actors[actor]["kicked"]
        self.inbox.bind(address(directory, f"wake-{actor}-{os.getpid()}"))
        self.descriptor = self.inbox.getsockopt(zmq.FD)
        self._outboxes = {}  # actor -> (its process, socket)

    def wake(self, count):
        """Send the wake-ups that this actor owes (ipi.owed, ipi.post): to the first `count` actors of its `kicked`."""
        for actor in self._kicked[:count].tolist():
            self._outbox(actor).send(WAKE_UP)

    def _outbox(self, actor):
        process = int(self._actors[actor]["process"])
        known, socket = self._outboxes.get(actor, (None, None))
        if known != process:
            if socket:
                socket.close()
            socket = self.context.socket(zmq.PUSH)
            socket.setsockopt(zmq.LINGER, LINGER_MS)
            socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
            socket.connect(address(self.directory, f"wake-{actor}-{process}"))
            self._outboxes[actor] = process, socket
        return socket

    def pending(self):
        """True when a wake-up has come. Whoever waits on `descriptor` has to ask this first."""
        return bool(self.inbox.getsockopt(zmq.EVENTS) & zmq.POLLIN)

    def take(self):
        """Consume one wake-up if there is one."""
        try:
            self.inbox.recv(zmq.NOBLOCK)
            return True
        except zmq.Again:
            return False

    def sleep(self, until_ns=0):
        """Sleep until a wake-up, which is consumed (True), or until a time (False; 0: no limit).

        A blocking receive wakes sooner than select and receive, but counts in milliseconds (of a C int):
        what is left below two of them is waited for with select.
        """
        while True:
            left_ns = until_ns - time.monotonic_ns() if until_ns else 0
            if until_ns and left_ns < 2_000_000:
                return self._sleep_shortly(until_ns)
            self.inbox.setsockopt(zmq.RCVTIMEO, min(left_ns // 1_000_000 - 1, MAX_WAIT_MS) if until_ns else -1)
            try:
                self.inbox.recv()
                return True
            except zmq.Again:
                pass

    def sleep_for(self, ns):
        """Sleep until a wake-up, which is consumed (True), or for a time."""
        return self.sleep(time.monotonic_ns() + ns)

    def _sleep_shortly(self, until_ns):
        while not self.take():
            left_ns = until_ns - time.monotonic_ns()
            if left_ns <= 0:
                return False
            select.select([self.descriptor], [], [], left_ns / 1e9)
        return True

    def close(self, linger_ms=LINGER_MS):
        """Close all sockets; what was sent has `linger_ms` to be delivered, or as long as that takes (DELIVERED)."""
        self.context.destroy(linger=linger_ms)
