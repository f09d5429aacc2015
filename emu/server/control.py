"""What the supervisor asks of the system server, over ZeroMQ: spawn, kill, suspend, CPUs that come and go, figures.

A request is a msgpack list [number, name, argument …], answered by {number, result} or {number, error}.  An exception
in a request is its answer, and is counted; the machine goes on.
"""

import msgpack
import zmq

from ..kernel.sched import hotplug
from ..kernel.task import records as tasks
from ..kernel.task.kill_reasons import KILL_ASKED
from ..kernel.task.reaping import close_machine, drain_if_done
from ..kernel.task.suspend import ask_resume, ask_suspend
from ..kernel.thread.handles import HANDLE
from ..limits import SERVER
from .exec import PlacingError


class Control:
    """The part of the server that answers requests: do_NAME for each. It uses the server's other parts."""

    def _answer_control(self):
        while True:
            try:
                sender, payload = self.control.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            number, name = 0, "request"
            try:
                number, name, *arguments = msgpack.unpackb(payload, strict_map_key=False)
                reply = msgpack.packb({"number": number, "result": getattr(self, f"do_{name}")(*arguments)})
            except PlacingError as error:
                reply = msgpack.packb({"number": number, "error": str(error)})
            except Exception as error:
                self.mishaps.note(f"the supervisor's {name}", error)
                line = f"{name} failed inside emu: {type(error).__name__}: {error}"
                reply = msgpack.packb({"number": number, "error": line})
            self._send_kicks()
            self.control.send_multipart([sender, reply])

    def do_spawn(self, program, argv, environment, given_up, file_server, is_servant):
        """`given_up` are jobs that the supervisor has done with; `file_server`: a job's handle, or -1."""
        for job in given_up:
            tasks.recycle_job(self.base, SERVER, job)
        return self.spawn(program, [bytes(a) for a in argv], environment, file_server, is_servant)

    def do_pid(self, job):
        """The pid of a job's first task. LookupError: it has ended."""
        return self.pid_of(job)

    def do_close(self):
        """The machine ends when its last task does."""
        close_machine(self.base, SERVER)
        self.closing = True
        self.end_servants()
        return self._end_if_done()

    def _end_if_done(self):
        """1 once the machine's last task is gone: what it has left in files is no leak, all else is (rust-12).

        A CPU may free the last record after the server has reaped the task, and interrupts the server then.
        """
        if not self.ended and drain_if_done(self.base, SERVER):
            self.ended = 1
            self._close_orphans()
            self.files_left = self.tree.contents()
            self.tree.close()
        return self.ended

    def do_kill(self, wait_status, job, reason=KILL_ASKED):
        """End the tasks of the job that a handle names, or with job -1 every task."""
        killed = 0
        for index in range(int(self.machine["fresh_job"])):
            record = self.machine["jobs"][index]
            if job in (-1, HANDLE.pack(index=index, generation=int(record["generation"]))) and not record["done"]:
                killed += tasks.kill_job(self.base, SERVER, index, wait_status, reason)
        return killed

    def do_activate(self, cpu):
        return hotplug.activate(self.base, SERVER, cpu)

    def do_offline(self, cpu):
        return hotplug.take_offline(self.base, SERVER, cpu)

    def do_suspend(self, handle, tell):
        return ask_suspend(self.base, SERVER, handle, tell)

    def do_resume(self, handle):
        return ask_resume(self.base, SERVER, handle)

    def do_figures(self):
        """What only the server counts."""
        return {
            "unknown_calls": self.unknown_calls, "failed_calls": self.mishaps.counts, "files_left": self.files_left,
            "programs": self.executed.programs(),
        }  # fmt: skip

    def do_stop(self):
        self.stopped = True
        return self.do_figures()
