"""HoldScope: a stretch of kernel code during which the current task cannot die (alux-7).

It is a non-critical section (alux-10): it is entered without a lock, as a checking build verifies, and may wait.

    with HoldScope(base, me, i) as scope:      # ThreadEnds when the task was killed already
        text = copy_from(scope.task, address)
        if text is None:
            scope.exit(KILL_UNOWNED_MEMORY)    # TaskEnds: the task is killed and unheld
"""

from ..abi.signals import SIGKILL, SIGSEGV
from ..kernel.task.kill_reasons import KILL_UNOWNED_MEMORY
from ..kernel.task.records import kill_task
from ..kernel.thread import references
from ..kernel.thread.handles import HANDLE

_SIGNALS = {KILL_UNOWNED_MEMORY: SIGSEGV}  # what a parent sees of a kill reason


class ThreadEnds(Exception):
    """The task was killed and cannot be held any more: its threads leave."""


class TaskEnds(ThreadEnds):
    """The scope was left by `exit`: the task is killed."""


class HoldScope:
    """Holds the task of thread i for actor `me`. `task` is its index."""

    def __init__(self, window, me, i):
        self._window, self._me = window, me
        self.task = int(window.machine["threads"][i]["task"])

    def __enter__(self):
        if not references.hold(self._window.address, self._me, self.task):
            raise ThreadEnds
        return self

    def __exit__(self, *exception):
        references.unhold(self._window.address, self._me, self.task)

    def exit(self, reason):
        """Kill the current task with a KILL_* reason; it is unheld on the way out."""
        generation = int(self._window.machine["tasks"][self.task]["generation"])
        status = _SIGNALS.get(reason, SIGKILL)
        kill_task(self._window.address, self._me, HANDLE.pack(index=self.task, generation=generation), status, reason)
        raise TaskEnds
