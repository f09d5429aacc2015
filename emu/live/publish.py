"""Telemetry: a machine's samples over ZeroMQ publish/subscribe, as msgpack maps, for programs here or on other hosts.

    with Publisher("tcp://127.0.0.1:7000") as publisher:
        publish(inspector, publisher, period_s, count=None)

Whoever watches publishes, and not the machine, which is asked nothing (watch.py).  While nobody subscribes no sample is
taken.  A message is one map, that of figures.sample_figures; the last one says {"pid", "ended": True}.  A subscriber
that does not keep up misses samples, and holds nobody up.
"""

import contextlib
import os

import msgpack
import zmq

from ..debug.text import CommandError
from .figures import sample_figures
from .sample import Rates, take
from .watch import Lifetime, pause

BEHIND = 16  # samples that wait for a slow subscriber
MOST_TOPICS, MAX_TOPIC_BYTES = 1000, 256  # of what a stranger may subscribe to
AT_ONCE = 10_000  # changes that one look takes in: a stranger may send them without end
LINGER_MS = 500  # for the last message


class Publisher:
    """A socket for subscribers; `endpoint` is its address, with the port that a `*` stood for."""

    def __init__(self, endpoint):
        self._context, self._topics, self.endpoint = zmq.Context(), set(), ""
        self._socket = self._context.socket(zmq.XPUB)
        for option, value in ((zmq.SNDHWM, BEHIND), (zmq.MAXMSGSIZE, MAX_TOPIC_BYTES), (zmq.LINGER, LINGER_MS)):
            self._socket.setsockopt(option, value)
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self.close()
            why = f"{error.strerror}: expected an address such as tcp://127.0.0.1:7000 or ipc:///tmp/emu"
            raise CommandError(f"--publish {endpoint!r}: {why}") from None
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def is_heard(self):
        """Whether anybody subscribes now."""
        with contextlib.suppress(zmq.Again):
            for _ in range(AT_ONCE):
                message = self._socket.recv(zmq.NOBLOCK)
                if message[:1] == b"\0":
                    self._topics.discard(message[1:])
                elif message[:1] == b"\1" and len(self._topics) < MOST_TOPICS:
                    self._topics.add(message[1:])
        return bool(self._topics)

    def send(self, figures):
        self._socket.send(msgpack.packb(figures))

    def close(self):
        self._socket.close()
        self._context.term()
        self.remove_file()

    def remove_file(self):
        """Remove what an ipc: address is called by: for who ends at once, on a signal."""
        kind, _, path = self.endpoint.partition("://")
        if kind == "ipc" and not path.startswith("@"):  # ZeroMQ leaves the file
            with contextlib.suppress(OSError):
                os.unlink(path)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def publish(inspector, publisher, period_s, count=None):
    """Until the machine has ended, which it says, or so many samples are published; whether it has ended."""
    lifetime, before, published = Lifetime(inspector), None, 0
    while not lifetime.is_over():
        if published == count:
            return False
        if publisher.is_heard():
            after = take(inspector)
            if before is not None:
                publisher.send(sample_figures(inspector, Rates(before, after)))
                published += 1
            before = after
        else:
            before = None
        pause(lifetime, period_s)
    publisher.send({"pid": inspector.pid, "ended": True})
    return True
