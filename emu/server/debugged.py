"""What a debugger asks of the system server, while the machine is paused: a task's memory, a thread's signals.

The server does it, because it can bring pages of mapped files, and takes and posts signals.
"""

from ..abi.signals import bit
from ..abi.words import signed
from ..kernel.task.siginfo import SI_KERNEL
from ..kernel.task.signals import post_signal, take_signal
from ..limits import PAGE_SIZE, SERVER
from .errors import LinuxError
from .guest_memory import UserMemory


class DebugRequests:
    """The part of the server that answers these requests (control.py says how)."""

    def _memory_of(self, task):
        return UserMemory(self.window, SERVER, task, self.bring_page)

    def do_peek(self, task, address, count):
        """So many bytes of a task's memory, fewer where not all may be read."""
        memory, parts = self._memory_of(task), []
        while count > 0:
            piece = min(count, PAGE_SIZE - address % PAGE_SIZE)
            try:
                parts.append(memory.read(address, piece))
            except LinuxError:
                break
            address, count = address + piece, count - piece
        return b"".join(parts)

    def do_poke(self, task, address, data):
        """Store into a task's memory, with its own rights; whether all was stored."""
        try:
            self._memory_of(task).write(address, data)
        except LinuxError:
            return False
        return True

    def do_take_signal(self, i, number):
        """A signal that is pending for a thread is forgotten."""
        return take_signal(self.base, SERVER, i, signed(bit(number)))

    def do_post_signal(self, i, number):
        return post_signal(self.base, SERVER, i, number, SI_KERNEL, 0)

    def do_at_rest(self):
        """Whether no thread waits for this server but those whose calls have to wait."""
        return bool(self.machine["server_head"] == self.machine["server_tail"])
