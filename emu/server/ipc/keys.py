"""Objects of System V IPC by key and by id: semaphore sets, message queues, segments of shared memory (sysvipc(7)).

An id holds a slot and a sequence that grows with each object, so an id kept too long is EINVAL and no other object.
An object has an owner and permission bits; it lives until somebody removes it.  A call that sleeps on an object keeps
it, and finds `removed` when it is made again (EIDRM); `changes` counts what such calls wait for.
"""

import struct
import time

from ...abi.errno import EACCES, EEXIST, EINVAL, ENOENT, ENOSPC, EPERM
from ...abi.ipc import IPC_CREAT, IPC_EXCL, IPC_PRIVATE
from ..errors import LinuxError

SLOT_BITS = 15
SEQUENCES = 1 << 16
READ, WRITE = 0o4, 0o2
PERMISSIONS = struct.Struct("<iIIIIIHH4xQQ")  # struct ipc64_perm
OBJECT_BYTES = 512


class IpcObject:
    """Base of what has a key, an owner and permission bits."""

    def __init__(self, mode, who, charge):
        self.key, self.id = IPC_PRIVATE, -1
        self.mode = mode & 0o777
        self.uid = self.creator_uid = who.euid
        self.gid = self.creator_gid = who.egid
        self.changed_s = int(time.time())
        self.charge = charge  # for what it makes the server hold
        self.changes = 0
        self.removed = False

    def check(self, who, wanted):
        """EACCES unless the caller may read (READ) or alter (WRITE) it."""
        if who.privileged:
            return
        if who.euid in (self.uid, self.creator_uid):
            bits = self.mode >> 6
        elif {self.gid, self.creator_gid} & {who.egid, *who.groups}:
            bits = self.mode >> 3
        else:
            bits = self.mode
        if wanted & ~bits:
            raise LinuxError(EACCES)

    def check_owner(self, who):
        """EPERM unless the caller owns or made it, or is privileged."""
        if not who.privileged and who.euid not in (self.uid, self.creator_uid):
            raise LinuxError(EPERM)

    def permissions(self):
        """Its struct ipc64_perm."""
        ids = self.uid, self.gid, self.creator_uid, self.creator_gid
        return PERMISSIONS.pack(self.key, *ids, self.mode, self.id >> SLOT_BITS, 0, 0, 0)

    def set_permissions(self, data):
        """IPC_SET: owner and permission bits from a struct ipc64_perm."""
        _, self.uid, self.gid, _, _, mode, *_ = PERMISSIONS.unpack(data)
        self.mode = mode & 0o777
        self.changed_s = int(time.time())


class IpcKeys:
    """The objects of one kind, at most `most`."""

    def __init__(self, most):
        self._most = most
        self._slots = {}  # slot -> object
        self._keys = {}  # key -> object
        self._sequence = 0
        self.highest = 0  # slot in use, 0 where there is none

    def __iter__(self):
        return iter(list(self._slots.values()))

    def __len__(self):
        return len(self._slots)

    def get(self, key, flags, who, make):
        """The object of a key, which `make()` makes where there is none: ENOENT, EEXIST, EACCES, ENOSPC.

        The permission bits in `flags` are asked of one that exists.
        """
        found = self._keys.get(key) if key != IPC_PRIVATE else None
        if found is None:
            if key != IPC_PRIVATE and not flags & IPC_CREAT:
                raise LinuxError(ENOENT)
            return self._add(key, make)
        if flags & IPC_CREAT and flags & IPC_EXCL:
            raise LinuxError(EEXIST)
        found.check(who, (flags | flags >> 3 | flags >> 6) & 0o7)
        return found

    def _add(self, key, make):
        if len(self._slots) >= self._most:
            raise LinuxError(ENOSPC)
        new = make()
        slot = next(k for k in range(self._most) if k not in self._slots)
        new.key = key
        new.id = self._sequence << SLOT_BITS | slot
        self._sequence = (self._sequence + 1) % SEQUENCES
        self._slots[slot] = new
        self.highest = max(self._slots)
        if key != IPC_PRIVATE:
            self._keys[key] = new
        return new

    def find(self, number):
        """The object with this id; EINVAL."""
        found = self._slots.get(number & (1 << SLOT_BITS) - 1) if number >= 0 else None
        if found is None or found.id != number:
            raise LinuxError(EINVAL)
        return found

    def at(self, slot):
        """The object in a slot (SEM_STAT and its like); EINVAL."""
        if slot not in self._slots:
            raise LinuxError(EINVAL)
        return self._slots[slot]

    def remove(self, found):
        """Nobody finds it any more; who sleeps on it is told."""
        del self._slots[found.id & (1 << SLOT_BITS) - 1]
        if found.key != IPC_PRIVATE:
            del self._keys[found.key]
        self.highest = max(self._slots, default=0)
        found.removed = True
        found.changes += 1
