"""A CPU as a host process: set-up, and the cold half of its main loop.

The hot half (loop.py) returns when a message has to be sent, a CALL payload has
to be executed, there is nothing to run, or the scheduler has exited.
"""

import gc
import os
import traceback

import msgpack
import psutil
import zmq

from ..actor.mail import DELIVERED, LINGER_MS, Mail, call_address
from ..actor.prepare import pin, prepare_actor
from ..isa.interpreter.interpret import interpret
from ..kernel.failures import FAIL_CRASH
from ..kernel.ipi import MESSAGE_COMING, end_park, owed, post
from ..kernel.linux.calls import linux_call
from ..limits import IPI_STOP, SUPERVISOR
from ..shm.segment import Window
from . import loop
from .host_faults import install
from .mmu import fault, show

PAYLOAD_MS = 20  # this CPU waits so long for a payload after its interrupt; its threads wait meanwhile


def main(config, cpu, descriptors):
    """Entry of a CPU process. `config` is machine/config.py's, `descriptors` the segments'."""
    descriptors = [d.detach() for d in descriptors]
    window = Window(config["address"], config["memory_bytes"], descriptors)
    mail = None
    try:
        pin(cpu, config["pin"])
        record = prepare_actor(window, cpu, config["policy"])
        record["interpret"] = interpret.address
        record["fault"] = fault.address
        if window.machine["translating"]:
            record["show"] = show.address
            record["space"] = record["space_task"] = record["space_used"] = 0
            record["ram_descriptor"] = window.descriptors[1] + 1
            install(cpu)
        record["linux_call"] = linux_call.address
        mail = Mail(config["directory"], cpu, window.machine)
        calls = Calls(mail, cpu)
        loop.start(window.address, cpu)
        gc.freeze()
        _serve(window, cpu, mail, calls)
    except Exception:
        traceback.print_exc()
        window.machine["failed_value"] = cpu
        window.machine["failed"] = FAIL_CRASH
        if mail:
            mail.wake(post(window.address, cpu, SUPERVISOR, IPI_STOP))
    finally:
        if mail:
            mail.close(LINGER_MS if window.machine["failed"] else DELIVERED)


def _serve(window, cpu, mail, calls):
    base = window.address
    while True:
        doing = loop.run(base, cpu)
        mail.wake(owed(base, cpu))
        if doing == loop.PARK:
            consumed = mail.sleep()
            if end_park(base, cpu, int(consumed)):
                mail.sleep()
                end_park(base, cpu, 1)
        elif doing == loop.CALL:
            calls.execute()
        elif doing == loop.EXITED:
            if window.machine["cpus"][cpu]["parked"] == MESSAGE_COMING:  # its sender waits until that is taken
                mail.sleep()
            return
        elif doing == loop.FAILED:
            return


class Calls:
    """CALL interrupts: functions executed on this CPU for somebody else, with a reply.

    Interrupts go through shared memory and payloads through ZeroMQ, so a payload may be late, or never come when its
    sender has given up.  An interrupt is a hint: this CPU executes what is there, and the sender, who holds the
    payload until it has the reply, interrupts again (machine/asking.py).
    """

    def __init__(self, mail, cpu):
        self._cpu = cpu
        self._socket = mail.context.socket(zmq.ROUTER)
        self._socket.bind(call_address(mail.directory, cpu, os.getpid()))
        self.functions = {"ping": lambda value: value, "where": self._where}

    def _where(self):
        return {
            "cpu": self._cpu,
            "process": os.getpid(),
            "cores": psutil.Process().cpu_affinity(),
            "unique_bytes": psutil.Process().memory_full_info().uss,
        }

    def execute(self):
        """Execute every payload that has come, after a short wait for the first."""
        more = self._socket.poll(PAYLOAD_MS)
        while more:
            sender, payload = self._socket.recv_multipart()
            try:
                name, *arguments = msgpack.unpackb(payload)
                reply = msgpack.packb({"result": self.functions[name](*arguments)})
            except Exception as error:
                reply = msgpack.packb({"error": f"{type(error).__name__}: {error}"})
            self._socket.send_multipart([sender, reply])
            more = self._socket.poll(0)
