"""The supervisor's questions to the system server and to CPUs, over ZeroMQ, and how it waits for the answers."""

import time

import msgpack
import zmq

from .arguments import packed
from .errors import MachineError

REPLY_TIMEOUT_MS = 60_000


class Asking:
    """The part of Machine that asks. A question has a number: no answer is taken for that to another."""

    def __init__(self):
        super().__init__()
        self._requests = 0  # to the system server, so far
        self._answers = {}  # number of one that is being waited for -> its answer, or None

    def _ask(self, name, *arguments):
        """A request to the system server and its answer. It may be asked again meanwhile (in `_check`)."""
        self._requests += 1
        number = self._requests
        self._answers[number] = None
        try:
            self._control.send(packed([number, name, *arguments]))
            while self._answers[number] is None:
                reply = self._receive(self._control, "the system server", lambda: True)
                if reply["number"] in self._answers:  # else whoever asked was interrupted
                    self._answers[reply["number"]] = reply
            return self._result(self._answers[number])
        finally:
            del self._answers[number]

    def _receive(self, socket, who, is_there):
        """The next message; a signal, a failure and the end of `who` are noticed meanwhile."""
        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        poller.register(self._signals.descriptor, zmq.POLLIN)
        end = time.monotonic() + REPLY_TIMEOUT_MS / 1000
        while socket not in dict(poller.poll(200)):
            self._at_safe_point()
            self._check()  # says why
            if not is_there():
                raise MachineError(f"{who} has left")
            if time.monotonic() > end:
                raise MachineError(f"{who} did not answer within {REPLY_TIMEOUT_MS // 1000} s")
        return msgpack.unpackb(socket.recv(), strict_map_key=False)

    @staticmethod
    def _result(reply):
        if "error" in reply:
            raise MachineError(reply["error"])
        return reply["result"]
