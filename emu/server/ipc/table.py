"""All that a machine has of System V IPC; kinds are added here."""

from .messages import MessageQueues
from .semaphores import Semaphores


class IpcTable:
    def __init__(self, allowance):
        self.semaphores = Semaphores(allowance)
        self.messages = MessageQueues(allowance)

    def release(self, task):
        """A task has ended."""
        self.semaphores.undo_for(task)
