"""All that a machine has of System V IPC; kinds are added here."""

from .messages import MessageQueues
from .segments import Segments
from .semaphores import Semaphores


class IpcTable:
    def __init__(self, allowance, store):
        self.semaphores = Semaphores(allowance)
        self.messages = MessageQueues(allowance)
        self.segments = Segments(allowance, store)

    def release(self, task):
        """A task has ended."""
        self.semaphores.undo_for(task)
        self.segments.sweep()

    def close(self):
        """The machine ends: segments that nobody has attached give their memory back."""
        for segment in self.segments:
            if not segment.doomed:
                self.segments.doom(segment)
