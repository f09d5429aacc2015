"""Sets of semaphores (semop(2)): an array of operations happens as a whole or not at all.

Undo: for each task and set, what has to be added to each semaphore when the task ends (SEM_UNDO).  A task that has
ended may be found by another call before the server has reaped it; its undo is then done first, since in Linux the
parent is told later than that.
"""

import time

from ...abi.errno import EAGAIN, EFBIG, EIDRM, EINVAL, ENOMEM, ERANGE
from ...abi.ipc import IPC_NOWAIT, SEM_UNDO, SEMMNI, SEMMSL, SEMVMX
from ...kernel.thread.states import TASK_ALIVE
from ..errors import LinuxError
from .keys import OBJECT_BYTES, READ, WRITE, IpcKeys, IpcObject

SEMAPHORE_BYTES = 128


class SemaphoreSet(IpcObject):
    def __init__(self, count, mode, who, allowance):
        super().__init__(mode, who, allowance.charge(OBJECT_BYTES + SEMAPHORE_BYTES * count, ENOMEM))
        self.values = [0] * count
        self.pids = [0] * count  # who has changed each last
        self.used_s = 0
        self.undo = {}  # TaskState -> {semaphore: what is added when the task ends}
        self.waits = {}  # Call -> (semaphore, whether it waits for zero)

    def set(self, number, value, pid):
        """SETVAL: EINVAL, ERANGE. What tasks would undo is forgotten."""
        if not 0 <= number < len(self.values):
            raise LinuxError(EINVAL)
        if not 0 <= value <= SEMVMX:
            raise LinuxError(ERANGE)
        self.values[number] = value
        for adjustments in self.undo.values():
            adjustments.pop(number, None)
        self._changed({number}, pid)

    def set_all(self, values, pid):
        if any(value > SEMVMX for value in values):
            raise LinuxError(ERANGE)
        self.values = list(values)
        self.undo.clear()
        self._changed(range(len(values)), pid)

    def _changed(self, numbers, pid):
        for number in numbers:
            self.pids[number] = pid
        self.changed_s = int(time.time())
        self.changes += 1

    def count_waiting(self, number, for_zero):
        """How many calls wait for this semaphore to become zero, or to grow."""
        self.waits = {call: wait for call, wait in self.waits.items() if call.waits()}
        return sum(wait == (number, for_zero) for wait in self.waits.values())

    def operate(self, call, operations):
        """Do [(semaphore, change, flags)]: None, or what the call has to wait for, as in `waits`.

        EFBIG, EACCES, EAGAIN, ERANGE, EIDRM.
        """
        if self.removed:
            raise LinuxError(EIDRM)
        if any(number >= len(self.values) for number, _, _ in operations):
            raise LinuxError(EFBIG)
        self.check(call.credentials, WRITE if any(change for _, change, _ in operations) else READ)
        values, mine = {}, self.undo.get(call.task, {})
        adjustments = dict(mine)
        for number, change, flags in operations:
            value = values.get(number, self.values[number])
            if (change == 0 and value != 0) or value + change < 0:
                if flags & IPC_NOWAIT:
                    raise LinuxError(EAGAIN)
                return number, change == 0
            if value + change > SEMVMX:
                raise LinuxError(ERANGE)
            values[number] = value + change
            if flags & SEM_UNDO and change:
                adjustments[number] = adjustments.get(number, 0) - change
                if abs(adjustments[number]) > SEMVMX:
                    raise LinuxError(ERANGE)
        for number, value in values.items():
            self.values[number] = value
        if adjustments != mine:
            self.charge.resize(self.charge.size + SEMAPHORE_BYTES * (len(adjustments) - len(mine)))
            self.undo[call.task] = adjustments
        for number in {number for number, _, _ in operations}:
            self.pids[number] = call.task.pid
        self.used_s = int(time.time())
        self.changes += any(change for _, change, _ in operations)
        return None

    def undo_for(self, task):
        """The task has ended: give back what it has taken, as far as that is possible."""
        adjustments = self.undo.pop(task, None)
        if adjustments is None:
            return
        self.charge.resize(self.charge.size - SEMAPHORE_BYTES * len(adjustments))
        for number, change in adjustments.items():
            self.values[number] = min(max(self.values[number] + change, 0), SEMVMX)
            self.pids[number] = task.pid
        self.used_s = int(time.time())
        self.changes += 1


class Semaphores(IpcKeys):
    """All sets of a machine."""

    def __init__(self, allowance):
        super().__init__(SEMMNI)
        self._allowance = allowance

    def get_set(self, key, count, flags, who):
        """semget: EINVAL beside the errors of IpcKeys.get."""
        if not 0 <= count <= SEMMSL:
            raise LinuxError(EINVAL)
        found = self.get(key, flags, who, lambda: self._make(count, flags, who))
        if count > len(found.values):
            raise LinuxError(EINVAL)
        return found

    def _make(self, count, flags, who):
        if count == 0:
            raise LinuxError(EINVAL)
        return SemaphoreSet(count, flags, who, self._allowance)

    def settle_ended(self):
        """Undo for the tasks that have ended and are not reaped yet."""
        for each in self:
            for task in [task for task in each.undo if task.state != TASK_ALIVE]:
                each.undo_for(task)

    def undo_for(self, task):
        for each in self:
            each.undo_for(task)
