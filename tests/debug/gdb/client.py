"""A client of gdb's protocol that is not gdb: it may send what gdb never would."""

import contextlib
import socket

PATIENCE_S = 60


class Client:
    """A connection. A context manager."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._kept = b""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.socket.close()

    def send(self, data):
        """A packet, whose answer is not waited for."""
        data = data if isinstance(data, bytes) else data.encode()
        self.socket.sendall(b"$%b#%02x" % (data, sum(data) & 0xFF))

    def raw(self, data):
        with contextlib.suppress(ConnectionError):  # the server may have had enough
            self.socket.sendall(data)

    def receive(self):
        """The next packet, acknowledged; None at the end of the connection."""
        while True:
            start = self._kept.find(b"$")
            end = self._kept.find(b"#", start)
            if 0 <= start < end and len(self._kept) >= end + 3:
                data, self._kept = self._kept[start + 1 : end], self._kept[end + 3 :]
                self.raw(b"+")
                return data.decode("latin-1")
            try:
                more = self.socket.recv(1 << 16)
            except ConnectionError:
                return None
            if not more:
                return None
            self._kept += more

    def ask(self, data):
        """The answer to a packet."""
        self.send(data)
        return self.receive()

    def is_closed(self):
        """Wait for the end of the connection."""
        while (answer := self.receive()) is not None:
            assert answer
        return True
