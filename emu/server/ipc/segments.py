"""Segments of shared memory by key and id (shmget(2)).

A segment is a memory object that tasks map.  The server has a reference to it until it was removed and nobody maps it
any more: then its pages are free.  A fork, and a change of rights in its middle, count as attachments of their own.
"""

import time

from ...abi.errno import ENOMEM
from ...abi.ipc import IPC_PRIVATE, SHMMNI
from ...limits import PAGE_SIZE
from .keys import OBJECT_BYTES, IpcKeys, IpcObject


class Segment(IpcObject):
    def __init__(self, mode, who, allowance, store, size, pid):
        super().__init__(mode, who, allowance.charge(OBJECT_BYTES, ENOMEM))
        self.store = store
        self.size = size
        self.object = store.new_segment()
        self.attached_s = self.detached_s = 0
        self.creator, self.last = pid, 0
        self.locked = False
        self.doomed = False  # removed as soon as nobody has it attached

    @property
    def pages(self):
        return -(-self.size // PAGE_SIZE)

    def attachments(self):
        return self.store.references(self.object) - 1

    def note_attach(self, pid):
        self.attached_s, self.last = int(time.time()), pid

    def note_detach(self, pid):
        self.detached_s, self.last = int(time.time()), pid


class Segments(IpcKeys):
    def __init__(self, allowance, store):
        super().__init__(SHMMNI)
        self._allowance, self._store = allowance, store

    def make(self, mode, who, size, pid):
        """A new segment. ENOMEM."""
        return Segment(mode, who, self._allowance, self._store, size, pid)

    def doom(self, segment):
        """IPC_RMID: nobody finds it by its key any more."""
        if segment.key != IPC_PRIVATE:
            del self._keys[segment.key]
            segment.key = IPC_PRIVATE
        segment.doomed = True
        self.sweep()

    def sweep(self):
        """Give back the segments that were removed and that nobody has attached any more."""
        for segment in self:
            if segment.doomed and segment.attachments() == 0:
                self.remove(segment)
                self._store.release_object(segment.object)

    def by_object(self, found):
        """The segment that has this object, or None."""
        return next((each for each in self if each.object == found), None)
