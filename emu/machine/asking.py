"""The supervisor's questions to the system server and to CPUs, over ZeroMQ, and how it waits for the answers.

A CPU is asked by a CALL interrupt (cpu_worker/process.py).  The interrupt may overtake the payload, so it is repeated
until the reply has come: a request is answered once, or fails alone.
"""

import time

import msgpack
import zmq

from ..actor.mail import RECONNECT_MS, call_address
from ..errors import MachineError
from ..kernel.ipi import post
from ..limits import IPI_CALL, SUPERVISOR
from .arguments import packed

REPLY_TIMEOUT_MS = 60_000
ROUND_MS = 200  # while it waits for an answer: between two looks at the machine, and two interrupts


class Asking:
    """The part of Machine that asks. Questions are numbered, so no answer is taken for that to another question."""

    def __init__(self):
        super().__init__()
        self._requests = 0  # to the system server, so far
        self._answers = {}  # number of one that is being waited for -> its answer, or None
        self._abandoned = {}  # number of one that nobody waits for any more -> what to do with its result

    def _ask(self, name, *arguments, if_abandoned=None):
        """A request to the system server and its answer. It may be asked again meanwhile (in `_check`).

        Where an interrupt ends the waiting, `if_abandoned` gets the result when it has come: with a later request.
        """
        self._requests += 1
        number = self._requests
        self._answers[number] = None
        try:
            self._control.send(packed([number, name, *arguments]))
            while self._answers[number] is None:
                reply = self._receive(self._control, "the system server", lambda: True)
                self._take_answer(reply)
            return self._result(self._answers[number])
        finally:
            if self._answers.pop(number) is None and if_abandoned:
                self._abandoned[number] = if_abandoned

    def _take_answer(self, reply):
        number = reply["number"]
        if number in self._answers:
            self._answers[number] = reply
        elif number in self._abandoned:
            undo = self._abandoned.pop(number)
            if "result" in reply:
                undo(*reply["result"])

    def _call_cpu(self, cpu, request):
        """A request to a CPU and its answer."""
        with self._mail.context.socket(zmq.DEALER) as socket:
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
            socket.connect(call_address(self._directory, cpu, self._processes[cpu].pid))
            socket.send(request)
            self._interrupt_for_call(cpu)
            reply = self._receive(
                socket, f"CPU {cpu}", lambda: self._needed(cpu), lambda: self._interrupt_for_call(cpu)
            )
            return self._result(reply)

    def _interrupt_for_call(self, cpu):
        self._mail.wake(post(self.window.address, SUPERVISOR, cpu, IPI_CALL))

    def _receive(self, socket, who, is_there, remind=None):
        """The next message. While it waits it notices signals, failures and the end of `who`, and calls `remind`."""
        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        poller.register(self._signals.descriptor, zmq.POLLIN)
        end = time.monotonic() + REPLY_TIMEOUT_MS / 1000
        while socket not in dict(poller.poll(ROUND_MS)):
            self._at_safe_point()
            self._check()  # says why
            if not is_there():
                raise MachineError(f"{who} has left")
            if time.monotonic() > end:
                raise MachineError(f"{who} did not answer within {REPLY_TIMEOUT_MS // 1000} s")
            if remind:
                remind()
        return msgpack.unpackb(socket.recv(), strict_map_key=False)

    @staticmethod
    def _result(reply):
        if "error" in reply:
            raise MachineError(reply["error"])
        return reply["result"]
