"""The system server's part of a world: what a thread asks of it is done in this process, or in a fork of it.

Its Python objects (open files, what it knows of tasks) would not come back with the machine's memory when a schedule
ends.  A request that changes none of them is served here.  Of one that ends the program it is known beforehand how.
For all others this process forks: the copy serves the request, plays the schedule to its end, and says what became of
it; the world's own records are common to both.
"""

import os
import traceback

import msgpack

from ..abi.registers import A7
from ..abi.signals import SIG_DFL
from ..abi.syscall_numbers import NUMBERS
from ..kernel.ipi import owed
from ..kernel.server_ring import FORKED, REQUEST_SYSCALL, REQUEST_TRAP
from ..limits import SERVER, SERVER_RING
from ..server.traps import report_trap
from ..world.layout import BOOT
from .outcome import BROKEN, KILLED, how_it_ended

# Served calls that change none of the server's objects, only the machine's memory.
HARMLESS = {
    NUMBERS[name] for name in (
        "fstat", "newfstatat", "ioctl", "readlinkat", "faccessat", "getcwd", "uname", "sysinfo", "sched_getaffinity",
        "getuid", "geteuid", "getgid", "getegid", "sched_getscheduler", "sched_getparam", "sched_get_priority_max",
        "sched_get_priority_min", "sched_setscheduler", "sched_setparam", "sched_setattr", "setpriority",
        "rt_sigaction",
    )
}  # fmt: skip


class Serving:
    """The part of World that serves."""

    def _serve(self):
        """Let the system server work, in a fork of this process where that would change its objects."""
        position = int(self.machine["server_tail"]) & (SERVER_RING - 1)
        request = int(self.machine["server_ring"][position])
        if self.record["mode"] == BOOT or self._is_fork:
            return self._serve_here()
        if request < 0:  # the last thread has left
            return how_it_ended(int(self.machine["tasks"][-request - 1]["exiting"]) - 1)
        if request < FORKED:
            thread = self.machine["threads"][request - 1]
            if thread["request"] == REQUEST_SYSCALL and int(thread["x"][A7]) in HARMLESS:
                return self._serve_here()
            if thread["request"] == REQUEST_TRAP and (ended := self._crash(request - 1, thread)):
                return ended
        return self._go_on_in_a_fork()

    def _crash(self, i, thread):
        """(kind, value, detail) of a trap that ends the program, None of another one."""
        if thread["cause"] < 0:
            return None
        number, _, _, line = report_trap(self.server, i, thread)
        handler = self.machine["tasks"][int(thread["task"])]["handler"][number - 1]
        if handler != SIG_DFL:
            return None
        self.record["left_thread"] = i
        return KILLED, number, line

    def _serve_here(self):
        self._servant["parked"] = self._servant["pending"] = 0
        self.server._serve_all()
        self.server._retry_changed()
        owed(self.base, SERVER)
        self._park(self._servant)
        if self.server.tasks:
            return None
        return how_it_ended(int(self.machine["jobs"][0]["status"]))

    def _go_on_in_a_fork(self):
        """The rest of the schedule, in a process that ends with it. The world's record is common to both."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            self._end_as_a_fork(writer)
        os.close(writer)
        with open(reader, "rb") as pipe:
            said = pipe.read()
        _, status = os.waitpid(child, 0)
        if not said:
            return BROKEN, status, "the process that played the schedule has died"
        return tuple(msgpack.unpackb(said))

    def _end_as_a_fork(self, writer):
        status = 1
        try:
            self._is_fork = True
            ended = self._serve_here() or self._play()
            if ended is None:
                ended = self._ended_by_itself()
            os.write(writer, msgpack.packb(ended))
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
