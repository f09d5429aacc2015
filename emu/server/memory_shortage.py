"""Guest memory is used up: the task that holds most of it ends, and who found none tries again.

Whoever asks for one frame too many may be any task: a small one that has just begun, beside one that took all.  So no
task is killed for asking.  While one that ends still holds memory nobody else is killed; who asks meanwhile asks again.

Nobody asks for ever.  Each request waits for a task that ends or begins, or finds free frames (more than before, when
a thread asks for the same page again without a success in between: a page may need several), or ends one more task, in
the end the asker's own.
"""

import numpy as np

from ..abi.signals import SIGKILL
from ..kernel.task.kill_reasons import KILL_FAULT
from ..kernel.thread.states import TASK_ALIVE
from .traps import NO_MEMORY_LEFT


class MemoryShortage:
    def __init__(self, server):
        self._server = server
        self._asked = {}  # thread -> the address that it tries again, the pages it had got by then, the frames free

    def passes(self, i, task, va):
        """Let thread i's access begin anew; False when it is its own task that has to end."""
        machine = self._server.machine
        tasks = machine["tasks"][: int(machine["fresh_task"])]
        has_memory = (tasks["state"] == TASK_ALIVE) & (tasks["root"] >= 0)
        if (has_memory & (tasks["exiting"] != 0)).any():
            return True
        asks, free = (va, int(machine["threads"][i]["faults"])), int(machine["nr_free_frames"])
        asked, too_few = self._asked.get(i, (None, 0))
        if free > (too_few if asked == asks else 0):
            self._asked[i] = asks, free
            return True
        holds = np.where(has_memory, tasks["resident"], 0)
        largest = int(holds.argmax())
        if holds[largest] == holds[task]:
            return False
        if largest not in self._server.tasks:  # it has been forked, and the server has not come to that yet
            return True
        self._asked.clear()
        self._server.tell_person(largest, f"SIGKILL: {NO_MEMORY_LEFT} (it held most: {int(holds[largest]):,} pages)")
        self._server.end_task(largest, SIGKILL, KILL_FAULT)
        return True
