"""Objects by key and id: who finds what, and who may."""

import pytest

from emu.abi.errno import EACCES, EEXIST, EINVAL, ENOENT, ENOSPC, EPERM
from emu.abi.ipc import IPC_CREAT, IPC_EXCL, IPC_PRIVATE
from emu.server.credentials import ROOT, Credentials
from emu.server.errors import LinuxError
from emu.server.ipc.keys import READ, WRITE, IpcKeys, IpcObject
from emu.server.ipc.messages import MessageQueue
from emu.server.ipc.semaphores import SemaphoreSet
from emu.server.vfs.allowance import FREE

USER, FRIEND, STRANGER = (Credentials(uid=n, euid=n, egid=g) for n, g in ((7, 70), (8, 70), (9, 90)))


def refused(error, call, *arguments):
    with pytest.raises(LinuxError) as caught:
        call(*arguments)
    return caught.value.errno == error


def make(who=USER, mode=0o640):
    return lambda: IpcObject(mode, who, None)


def test_a_key_leads_to_one_object_until_that_is_removed():
    keys = IpcKeys(8)
    assert refused(ENOENT, keys.get, 5, 0, USER, make())
    one = keys.get(5, IPC_CREAT, USER, make())
    assert keys.get(5, 0, USER, make()) is one and keys.find(one.id) is one
    assert refused(EEXIST, keys.get, 5, IPC_CREAT | IPC_EXCL, USER, make())
    before = one.changes
    keys.remove(one)
    assert one.removed and one.changes > before
    assert refused(ENOENT, keys.get, 5, 0, USER, make()) and refused(EINVAL, keys.find, one.id)


def test_an_id_is_never_that_of_a_later_object():
    keys = IpcKeys(8)
    first = keys.get(IPC_PRIVATE, 0, USER, make())
    keys.remove(first)
    second = keys.get(IPC_PRIVATE, 0, USER, make())
    assert second.id != first.id and refused(EINVAL, keys.find, first.id)
    assert keys.at(0) is second and refused(EINVAL, keys.at, 1) and refused(EINVAL, keys.find, -1)


def test_private_objects_have_no_key_and_only_so_many_fit():
    keys = IpcKeys(2)
    made = [keys.get(IPC_PRIVATE, 0, USER, make()) for _ in range(2)]
    assert made[0] is not made[1] and keys.highest == 1
    assert refused(ENOSPC, keys.get, IPC_PRIVATE, 0, USER, make())


def test_owner_group_and_others_have_their_own_bits():
    one = make()()
    one.check(USER, READ | WRITE)
    one.check(FRIEND, READ)
    one.check(ROOT, READ | WRITE)
    assert refused(EACCES, one.check, FRIEND, WRITE) and refused(EACCES, one.check, STRANGER, READ)
    one.check_owner(USER)
    one.check_owner(ROOT)
    assert refused(EPERM, one.check_owner, FRIEND)


@pytest.mark.parametrize(
    ("kind", "flags", "expected"),
    [(0, 0, 0), (1, 0, 1), (9, 0, None), (-1, 0, 1), (-2, 0, 1), (-9, 0, 1), (3, 0o20000, 1), (1, 0o20000, 0)],
)
def test_which_message_a_receiver_gets(kind, flags, expected):
    queue = MessageQueue(0o600, USER, FREE)
    for each in (3, 1, 2, 1):
        queue.put(each, b"", 1)
    assert queue.choose(kind, flags) == expected


class Task:
    def __init__(self, pid):
        self.pid = pid


class Call:
    credentials = ROOT

    def __init__(self, task):
        self.task = task


def test_undo_gives_back_what_a_task_has_taken_and_never_goes_below_zero():
    semaphores, task = SemaphoreSet(2, 0o600, USER, FREE), Task(5)
    semaphores.set_all([4, 0], 1)
    call = Call(task)
    assert semaphores.operate(call, [(0, -3, 0x1000), (1, 2, 0x1000)]) is None
    assert semaphores.operate(Call(Task(6)), [(1, -1, 0)]) is None
    semaphores.undo_for(task)
    assert semaphores.values == [4, 0] and semaphores.pids == [5, 5]
    semaphores.undo_for(task)
    assert semaphores.values == [4, 0]


def test_operations_happen_as_a_whole_or_not_at_all():
    semaphores, call = SemaphoreSet(2, 0o600, USER, FREE), Call(Task(5))
    semaphores.set_all([1, 0], 1)
    assert semaphores.operate(call, [(0, -1, 0), (1, -1, 0)]) == (1, False)
    assert semaphores.operate(call, [(0, 0, 0)]) == (0, True)
    assert semaphores.values == [1, 0] and not semaphores.undo
