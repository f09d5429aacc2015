"""Locks on files against an oracle of one owner a byte, and what becomes of the locks of who is gone."""

import random

import pytest

from emu.abi.errno import EAGAIN, ENOLCK
from emu.abi.files import O_RDWR, OFFSET_MAX
from emu.server.errors import Blocked, LinuxError
from emu.server.vfs import locks as vfs_locks
from emu.server.vfs.allowance import FREE
from emu.server.vfs.locks import EXCLUSIVE, NONE, OPEN_FILE, SHARED, SWEPT, FileLocks, Lock
from emu.server.vfs.open_file import OpenFile

MOST = 30  # locks of a file
BYTES = 40  # told apart; what lies beyond is one more


class Node:
    def __init__(self, number=1):
        self.filesystem, self.inode = "a file system", number

    def stat(self):
        return self

    def hold(self):
        pass

    release = hold


class Process:
    """Stands for a table of descriptors."""

    locks = None


@pytest.mark.parametrize("seed", range(5))
def test_record_locks_are_what_a_list_of_bytes_would_say(seed):
    chance, locks, file = random.Random(seed), FileLocks(FREE), OpenFile(Node(), O_RDWR)
    owners = [Process() for _ in range(3)]
    held = [dict.fromkeys(range(BYTES + 1), NONE) for _ in owners]  # byte -> kind, for each owner
    for _ in range(600):
        who, start = chance.randrange(3), chance.randrange(BYTES)
        last = OFFSET_MAX if chance.random() < 0.1 else chance.randrange(start, BYTES)
        kind = chance.choice((SHARED, EXCLUSIVE, NONE, NONE))
        touched = range(start, min(last, BYTES) + 1)
        others = [other for k, other in enumerate(held) if k != who]
        there = {other[byte] for other in others for byte in touched}
        hindered = kind != NONE and (EXCLUSIVE in there or SHARED in there and kind == EXCLUSIVE)
        lock = Lock(kind, start, last, owners[who], who)
        assert (locks.hindrance(file, lock) is not None) == hindered or kind == NONE
        try:
            locks.lock_record(file, lock)
            assert not hindered
            held[who].update(dict.fromkeys(touched, kind))
        except LinuxError as error:
            assert error.errno == EAGAIN and hindered
        if chance.random() < 0.02:
            locks.drop(owners[who])
            held[who] = dict.fromkeys(range(BYTES + 1), NONE)
    found = next(iter(locks._files.values())).of_records if locks._files else []
    for k, owner in enumerate(owners):
        mine = sorted((each.start, each.last, each.kind) for each in found if each.owner is owner)
        for byte in range(BYTES + 1):
            kinds = [kind for start, last, kind in mine if start <= byte <= last]
            assert kinds == ([held[k][byte]] if held[k][byte] != NONE else [])
        for (_, last, kind), (start, _, next_kind) in zip(mine, mine[1:]):
            assert start > last + 1 or kind != next_kind, "neighbours of one kind are one lock"


def test_a_file_has_no_more_locks_than_fit(monkeypatch):
    monkeypatch.setattr(vfs_locks, "MOST_LOCKS", MOST)
    locks, file, owner = FileLocks(FREE), OpenFile(Node(), O_RDWR), Process()
    for k in range(MOST):
        locks.lock_record(file, Lock(EXCLUSIVE, 2 * k, 2 * k, owner, 1))
    with pytest.raises(LinuxError) as caught:
        locks.lock_record(file, Lock(EXCLUSIVE, 2 * MOST, 2 * MOST, owner, 1))
    assert caught.value.errno == ENOLCK
    locks.lock_record(file, Lock(NONE, 0, OFFSET_MAX, owner, 1))
    assert not locks._files


def test_who_is_closed_without_a_word_hinders_nobody_and_is_forgotten():
    locks, node = FileLocks(FREE), Node()
    gone, other = OpenFile(node, O_RDWR), OpenFile(node, O_RDWR)
    locks.lock_file(gone, EXCLUSIVE, waits=False)
    with pytest.raises(Blocked):
        locks.lock_file(other, SHARED, waits=True)
    gone.references = 0
    locks.lock_file(other, EXCLUSIVE, waits=False)
    assert list(locks._owned) == [other]
    for k in range(3 * SWEPT):
        file = OpenFile(Node(2 + k), O_RDWR)
        locks.lock_record(file, Lock(EXCLUSIVE, 0, 0, file, OPEN_FILE))
        file.references = 0
    assert len(locks._owned) <= SWEPT + 2 and len(locks._files) <= SWEPT + 2
