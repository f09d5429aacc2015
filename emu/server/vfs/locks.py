"""Locks on files: flock's on whole files, and record locks on ranges of bytes (flock(2), fcntl_locking(2)).

Who owns a lock decides when it goes:
    flock                     an OpenFile: with its last reference
    record lock, F_OFD_*      an OpenFile: likewise
    record lock, F_SETLK      a FileTable (the process): when that closes any descriptor of the file, or ends
The two kinds of record locks conflict with one another, and flock's with flock's only, as in Linux.

Always: the locks of one owner on one file do not overlap, and neighbours of the same kind are one lock.
A call that has to wait raises Blocked on the file's locks, whose `changes` counts, and is made again when they have
changed.  Processes that wait for one another in a circle are found before the last of them waits (EDEADLK); the circle
is looked for among calls that really wait still.  Locks pay for their memory (allowance.py), and a file has
MOST_LOCKS at most, so that no call holds the server for long (ENOLCK).
The ends of pipes are closed by the CPUs alone, and nobody tells: their locks go when they hinder, or in a sweep.
"""

from typing import NamedTuple

from ...abi.errno import EAGAIN, EDEADLK, ENOLCK
from ...abi.files import OFFSET_MAX
from ..errors import Blocked, LinuxError
from .open_file import OpenFile

SHARED, EXCLUSIVE, NONE = 0, 1, 2  # F_RDLCK, F_WRLCK, F_UNLCK
OPEN_FILE = -1
LOCK_BYTES = 384
MOST_LOCKS = 4096
SWEPT = 64  # owners, before their first sweep


class Lock(NamedTuple):
    kind: int  # SHARED, EXCLUSIVE
    start: int
    last: int  # its last byte; OFFSET_MAX: to the end, wherever that is
    owner: object
    pid: int  # what F_GETLK says of the owner: a process id, or OPEN_FILE

    def hinders(self, kind, start, last, owner):
        """Whether another's lock of this kind and range cannot be had."""
        if self.owner is owner or EXCLUSIVE not in (self.kind, kind):
            return False
        return self.start <= last and start <= self.last


class InodeLocks:
    """The locks of one file."""

    def __init__(self, allowance):
        self.of_files = []  # flock's
        self.of_records = []
        self.changes = 0
        self._charge = allowance.charge(0, ENOLCK)

    def put(self, locks, lock):
        """Give an owner this lock, or with kind NONE no lock, on a range; what it had there is gone. ENOLCK."""
        start, last, kept, mine = lock.start, lock.last, [], []
        for each in locks:
            if each.owner is not lock.owner:
                kept.append(each)
            elif each.kind == lock.kind and each.start <= last + 1 and start <= each.last + 1:
                start, last = min(start, each.start), max(last, each.last)
            else:
                mine.append(each)
        for each in mine:  # of other kinds, or apart
            if each.start < start:
                kept.append(each._replace(last=min(each.last, start - 1)))
            if each.last > last:
                kept.append(each._replace(start=max(each.start, last + 1)))
        if lock.kind != NONE:
            kept.append(lock._replace(start=start, last=last))
        total = len(kept) + len(self.of_files) + len(self.of_records) - len(locks)
        if len(kept) > max(len(locks), MOST_LOCKS):
            raise LinuxError(ENOLCK)
        self._charge.resize(LOCK_BYTES * total)
        locks[:] = kept
        self.changes += 1

    def drop(self, owner):
        """Give back all locks of an owner."""
        for locks in (self.of_files, self.of_records):
            kept = [each for each in locks if each.owner is not owner]
            if len(kept) < len(locks):
                locks[:] = kept
                self.changes += 1
        self._charge.resize(LOCK_BYTES * (len(self.of_files) + len(self.of_records)))

    def __bool__(self):
        return bool(self.of_files or self.of_records)


class FileLocks:
    """All locks of a machine, by file."""

    def __init__(self, allowance):
        self._allowance = allowance
        self._files = {}  # (file system, inode number) -> InodeLocks that are not empty
        self._owned = {}  # owner -> keys of files that it has locks on
        self._sweep_at = SWEPT
        self._waits = {}  # call -> (owner, owners of the locks that it waits for)

    def _find(self, file):
        key = _key(file)
        return key, self._files.get(key) or InodeLocks(self._allowance)

    def _put(self, key, found, locks, lock):
        found.put(locks, lock)
        if found:
            self._files[key] = found
        else:
            self._files.pop(key, None)
        if lock.kind != NONE:
            if len(self._owned) >= self._sweep_at:
                self._sweep()
            self._owned.setdefault(lock.owner, set()).add(key)
            lock.owner.locks = self  # it says when it closes files

    def _sweep(self):
        """Give back the locks of open files that are open no more."""
        for owner in [each for each in self._owned if _is_closed(each)]:
            self.drop(owner)
        self._sweep_at = 2 * len(self._owned) + SWEPT

    def _hinderers(self, locks, lock):
        """The locks of others because of which this one cannot be had."""
        hinder = [each for each in locks if each.hinders(*lock[:4])]
        for each in hinder:
            if _is_closed(each.owner):
                self.drop(each.owner)
        return [each for each in hinder if not _is_closed(each.owner)]

    def drop(self, owner, key=None):
        """Give back an owner's locks, all or those on one file."""
        keys = self._owned.get(owner)
        if keys is None:
            return
        for each in list(keys) if key is None else [key] if key in keys else ():
            keys.remove(each)
            found = self._files.get(each)
            if found:
                found.drop(owner)
                if not found:
                    del self._files[each]
        if not keys:
            del self._owned[owner]

    def closed(self, table, file):
        """A process has closed a descriptor of this file: its record locks on the file are gone."""
        if table in self._owned:
            self.drop(table, _key(file))

    # --- flock ------------------------------------------------------------------------------------------------

    def lock_file(self, file, kind, waits):
        """flock: the open file's lock becomes this one, NONE takes it away. EAGAIN, or Blocked where it `waits`."""
        key, found = self._find(file)
        mine = next((each for each in found.of_files if each.owner is file), None)
        if mine and mine.kind == kind:
            return
        if mine:  # as in Linux it is gone even if the other cannot be had
            self._put(key, found, found.of_files, Lock(NONE, 0, OFFSET_MAX, file, OPEN_FILE))
        if kind == NONE:
            return
        lock = Lock(kind, 0, OFFSET_MAX, file, OPEN_FILE)
        if self._hinderers(found.of_files, lock):
            raise Blocked(None, on=found) if waits else LinuxError(EAGAIN)
        self._put(key, found, found.of_files, lock)

    # --- records ----------------------------------------------------------------------------------------------

    def hindrance(self, file, lock):
        """A lock of somebody else because of which this one cannot be had, or None."""
        _, found = self._find(file)
        return next(iter(self._hinderers(found.of_records, lock)), None)

    def lock_record(self, file, lock, call=None):
        """Take a lock on a range, or with kind NONE give it back.

        Where others hinder: EAGAIN; with the `call` that then waits, Blocked, or EDEADLK where they wait for the owner.
        """
        key, found = self._find(file)
        self._waits.pop(call, None)
        if lock.kind != NONE:
            hinderers = [each.owner for each in self._hinderers(found.of_records, lock)]
            if hinderers:
                if call is None:
                    raise LinuxError(EAGAIN)
                if lock.pid != OPEN_FILE:
                    self._wait(lock.owner, hinderers, call)
                raise Blocked(None, on=found)
        self._put(key, found, found.of_records, lock)

    def _wait(self, owner, hinderers, call):
        """Note that a process waits for others; EDEADLK when one of these waits for it, directly or not."""
        self._waits = {each: wait for each, wait in self._waits.items() if each.waits()}
        pending, seen = list(hinderers), set()
        while pending:
            other = pending.pop()
            if other is owner:
                raise LinuxError(EDEADLK)
            if other not in seen:
                seen.add(other)
                for waiter, hindered_by in self._waits.values():
                    if waiter is other:
                        pending += hindered_by
        self._waits[call] = owner, hinderers


def _is_closed(owner):
    return isinstance(owner, OpenFile) and not owner.is_open()


def _key(file):
    return file.node.filesystem, file.stat().inode
