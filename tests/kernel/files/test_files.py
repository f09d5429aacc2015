"""Descriptor tables, open files and pipes as records: what is opened is counted, and what is closed comes back."""

import pytest

from emu.abi.errno import EBADF, EMFILE
from emu.hot import entry
from emu.kernel.files import for_server
from emu.kernel.files.descriptions import FILE_FOREIGN, drop_description, new_description, new_pipe_ends
from emu.kernel.files.table import copy_table, share_table
from emu.kernel.sched import waking
from emu.kernel.task.records import create_task
from emu.kernel.thread.handles import tid
from emu.kernel.thread.records import create_thread
from emu.shm.layout import machine_at
from emu.shm.tags import alive
from emu.testing.checks import check_machine
from emu.testing.file_checks import check_files
from tests.kernel import wrappers as hot

MANY = 1500  # more than one page of descriptors


@entry(3)
def open_pipe(address, me, flags):
    """(reading description << 32) | writing description."""
    first, second = new_pipe_ends(machine_at(address), me, flags)
    return (first << 32) | second


@entry(4)
def copy(address, me, parent, child):
    return copy_table(machine_at(address), me, parent, child)


@entry(3)
def share(address, parent, child):
    return share_table(machine_at(address), parent, child)


@entry(2)
def close_foreign(address, server):
    """A file of the file server with this tid is opened, and closed by the last that had it open; its description."""
    m = machine_at(address)
    d = new_description(m, 0, FILE_FOREIGN, 0, 7)
    m.descriptions[d].output = server
    drop_description(m, 0, d)
    return d


class Files:
    def __init__(self, window):
        self.window, self.base, self.machine = window, window.address, window.machine

    def task(self):
        k = create_task(self.base, 0)
        self.machine["tasks"][k]["max_descriptors"] = MANY
        return k

    def task_with_pipe(self):
        """A task with descriptors 0 and 1, the ends of a pipe in which are some bytes."""
        k = self.task()
        assert for_server.create_table(self.base, 0, k) == 0
        ends = open_pipe(self.base, 0, 0)
        for d in (ends >> 32, ends & 0xFFFFFFFF):
            for_server.put_file(self.base, 0, k, d, 0)
        assert for_server.write_end(self.base, 0, ends & 0xFFFFFFFF, self.base, 5000, 0) == 5000
        return k

    def left(self):
        return {name for name in alive(self.machine) if name not in ("task record", "page table")}


@pytest.fixture
def files(window):
    return Files(window)


def test_many_descriptors_are_found_copied_and_given_back(files):
    k, child, sharer = files.task_with_pipe(), files.task(), files.task()
    d = int(files.machine["fresh_description"]) - 1
    for fd in range(2, MANY):
        assert for_server.find_fd(files.base, 0, k, 1) == d << 1 | 1  # a reference, for the new descriptor
        assert for_server.put_file(files.base, 0, k, d, fd & 1) == fd
    assert for_server.put_file(files.base, 0, k, d, 0) == -EMFILE
    assert copy(files.base, 0, k, child) == 0 and share(files.base, k, sharer) == 0
    check_machine(files.window)
    for fd in (700, 3, 1200):
        assert for_server.close_fd(files.base, 0, k, fd) == 0
        assert for_server.close_fd(files.base, 0, sharer, fd) == -EBADF, "they share the table"
    assert for_server.find_free(files.base, 0, k) == 3
    assert for_server.find_free(files.base, 0, child) == -EMFILE, "a copy is its own"
    assert for_server.exec_table(files.base, 0, sharer) == 0
    assert for_server.next_fd(files.base, 0, sharer, 5) == 6, "what was marked is closed"
    assert for_server.next_fd(files.base, 0, k, 5) == 5, "in the table of the one that executes"
    check_machine(files.window)
    for task in (k, child, sharer):
        for_server.close_table(files.base, 0, task)
    check_machine(files.window)
    assert files.left() == set()


TAMPERED = {
    "an open file": ("descriptions", "references"), "an end of a pipe": ("pipes", "readers"),
    "a table": ("file_tables", "references"), "the lowest free descriptor": ("file_tables", "taken"),
    "a pipe's positions": ("pipes", "write_end"),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERED)
def test_control_a_wrong_count_is_found(files, what):
    files.task_with_pipe()
    check_files(files.window)
    records, field = TAMPERED[what]
    files.machine[records][0][field] += 3
    with pytest.raises(AssertionError):
        check_files(files.window)


def test_what_the_server_keeps_is_an_orphan_when_its_last_descriptor_is_closed(files):
    k = files.task()
    assert for_server.create_table(files.base, 0, k) == 0
    served = [for_server.open_served(files.base, 0) for _ in range(3)]
    for d in served:
        for_server.put_file(files.base, 0, k, d, 0)
    for fd in (1, 0):
        assert for_server.next_orphan(files.base, 0) == -1
        assert for_server.close_fd(files.base, 0, k, fd) == 0
        assert for_server.next_orphan(files.base, 0) == served[fd]
        for_server.free_served(files.base, 0, served[fd])
    for_server.close_table(files.base, 0, k)
    check_files(files.window)
    assert for_server.next_orphan(files.base, 0) == served[2] and files.left() == {"open file"}


def test_a_file_server_that_leaves_takes_nothing_of_its_files_along(files):
    i = create_thread(files.base, 0, files.task())
    waking.start(files.base, 0, i)
    assert hot.pick_next(files.base, 0) == i
    server = tid(files.base, i)
    d = close_foreign(files.base, server)
    assert files.machine["threads"][i]["closed_files"] == d + 1, "it is told when it asks"
    hot.exit_thread(files.base, 0, i, 0)
    assert files.machine["threads"][i]["closed_files"] == 0 and "open file" not in files.left()
    close_foreign(files.base, server)
    assert "open file" not in files.left(), "nobody is left to be told"
    check_files(files.window)
