"""Control from outside: a socket in the machine's private directory on which other processes ask for a pause.

    Control(directory).ask("pause")      the client's half: the answer as a sentence, MachineError
    ControlServer(machine)               the supervisor's half, which serves while the machine waits

Requests and answers are msgpack: a name; {"answer": sentence} or {"error": sentence}.  The directory is its owner's
alone (mode 0700), so whoever can connect may.  What is no request is dropped, and said once.

The supervisor serves where it waits (watching.py), because there nothing is half done; in its user's own code, between
two calls of the machine, it does not, and the client says so after a while.  A machine that a client paused
stays paused until `continue`, whoever sends it.
"""

import contextlib
import weakref
from typing import Any

import msgpack
import zmq

from ..actor.mail import RECONNECT_MS, address
from ..errors import MachineError, say

NAME = "debug"
PATIENCE_MS = 5_000
LINGER_MS = 200  # for what takes a request back
AT_ONCE = 16  # requests, before the supervisor looks at anything else
MAX_REQUEST_BYTES = 1 << 12


class ControlServer:
    """An attendant of the machine: `descriptors()` and `look()` are called while it waits."""

    def __init__(self, machine: Any, context: zmq.Context, directory: Any) -> None:
        self._machine = weakref.proxy(machine)  # a machine that is dropped ends at once
        self.may_continue = False  # a client has paused the machine
        self._warned = False
        self._socket = context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_REQUEST_BYTES)
        self._socket.bind(address(directory, NAME))
        self.close = self._socket.close  # refers to no machine

    def descriptors(self) -> list[int]:
        return [self._socket.getsockopt(zmq.FD)]

    def look(self) -> bool:
        """Serve what has come in; whether anything had."""
        served = False
        for _ in range(AT_ONCE):
            try:
                client, *parts = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            served = True
            answer = self._answer(parts)
            if answer:
                with contextlib.suppress(zmq.ZMQError):  # it has left
                    self._socket.send_multipart([client, msgpack.packb(answer)], zmq.NOBLOCK)
        return served

    def _answer(self, parts):
        name = _unpacked(parts[0]) if len(parts) == 1 else None
        if name not in ("pause", "continue"):
            if not self._warned:
                say("emu: something that is no request came in on the machine's control socket; it is ignored")
            self._warned = True
            return None
        try:
            return {"answer": self._pause() if name == "pause" else self._continue()}
        except MachineError as error:
            return {"error": str(error)}

    def _pause(self):
        if self.may_continue:
            return "the machine is paused already"
        self._machine._pause()
        self.may_continue = True
        return "the machine is paused"

    def _continue(self):
        if not self.may_continue:
            return "the machine was not paused from outside"
        self.may_continue = False
        if self._machine._pauses:  # it may be about to end, which takes all pauses back
            self._machine._go_on()
        return "the machine goes on"


class Control:
    """The client's half."""

    def __init__(self, directory):
        self._directory = directory

    def ask(self, name, patience_ms=None):
        """Send a request; the answer's sentence. MachineError."""
        with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
            socket.connect(address(self._directory, NAME))
            socket.send(msgpack.packb(name))
            if not socket.poll(PATIENCE_MS if patience_ms is None else patience_ms):
                if name == "pause":  # it may still be read, when nobody is there who would let the machine go on
                    socket.setsockopt(zmq.LINGER, LINGER_MS)
                    socket.send(msgpack.packb("continue"))
                raise MachineError(
                    f"{name}: the supervisor does not answer within {PATIENCE_MS // 1000} s: it has ended, is stopped, "
                    "or is in its user's own code, and not in a call such as run()"
                )
            answer = _unpacked(socket.recv())
        if not isinstance(answer, dict) or not {"answer", "error"} & answer.keys():
            raise MachineError(f"{name}: the supervisor's answer is nonsense")
        if "error" in answer:
            raise MachineError(f"{name}: {answer['error']}")
        return answer["answer"]


def _unpacked(message):
    try:
        return msgpack.unpackb(message)
    except (ValueError, TypeError, msgpack.UnpackException):
        return None
