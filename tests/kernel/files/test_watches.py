"""Watches as records: in all lists while they live, gone with their set or their file (emu/testing/watch_checks.py)."""

import pytest

from emu.abi.errno import EEXIST, ELOOP, ENOENT
from emu.abi.files import POLLIN
from emu.hot import entry
from emu.kernel.files import for_server
from emu.kernel.files.descriptions import FILE_COUNTER, FILE_EPOLL, new_description
from emu.kernel.files.epoll import add_to_set, remove_from_set, take_ready
from emu.kernel.files.event_counter import new_counter
from emu.kernel.files.watch_sets import new_set
from emu.kernel.task.records import create_task
from emu.shm.layout import machine_at
from emu.shm.tags import alive
from emu.testing.file_checks import check_files


@entry(3)
def open_counter(address, me, count):
    m = machine_at(address)
    return new_description(m, me, FILE_COUNTER, 0, new_counter(m, me, count, 0))


@entry(2)
def open_set(address, me):
    m = machine_at(address)
    return new_description(m, me, FILE_EPOLL, 0, new_set(m, me))


@entry(6)
def add(address, me, outer, d, fd, events):
    m = machine_at(address)
    return add_to_set(m, me, m.descriptions[outer].object, d, fd, events, 0)


@entry(5)
def remove(address, me, outer, d, fd):
    m = machine_at(address)
    return remove_from_set(m, me, m.descriptions[outer].object, d, fd)


@entry(3)
def count_ready(address, me, outer):
    m = machine_at(address)
    n, _ = take_ready(m, me, m.descriptions[outer].object, 32, 0)
    return n


class Files:
    """A task whose descriptor n refers to description n."""

    def __init__(self, window):
        self.window, self.base = window, window.address
        self.task = create_task(self.base, 0)
        window.machine["tasks"][self.task]["max_descriptors"] = 64
        assert for_server.create_table(self.base, 0, self.task) == 0

    def opened(self, d):
        assert for_server.put_file(self.base, 0, self.task, d, 0) == d
        return d

    def close(self, d):
        assert for_server.close_fd(self.base, 0, self.task, d) == 0
        check_files(self.window)


@pytest.fixture
def files(window):
    return Files(window)


def test_watches_are_in_all_lists_until_their_set_or_their_file_is_closed(files):
    base, machine = files.base, files.window.machine
    sets = [files.opened(open_set(base, 0)) for _ in range(3)]
    counters = [files.opened(open_counter(base, 0, k % 2)) for k in range(6)]
    for s in sets:
        for d in counters:
            assert add(base, 0, s, d, d, POLLIN) == 0
            assert add(base, 0, s, d, d, POLLIN) == -EEXIST
    assert add(base, 0, sets[0], sets[1], 90, POLLIN) == 0 and add(base, 0, sets[1], sets[2], 91, POLLIN) == 0
    assert add(base, 0, sets[2], sets[0], 92, POLLIN) == -ELOOP
    check_files(files.window)
    assert [count_ready(base, 0, s) for s in sets] == [4, 4, 3], "three counters, and the set in it"
    assert remove(base, 0, sets[0], counters[1], counters[1]) == 0
    assert remove(base, 0, sets[0], counters[1], counters[1]) == -ENOENT
    check_files(files.window)
    assert count_ready(base, 0, sets[0]) == 3
    files.close(counters[3])
    assert [count_ready(base, 0, s) for s in sets] == [2, 3, 2]
    files.close(sets[1])
    assert machine["descriptions"][sets[2]]["first_watch"] == 0
    for d in (sets[0], *counters[:3], sets[2], *counters[4:]):
        files.close(d)
    for_server.close_table(base, 0, files.task)
    left = alive(machine)
    assert not {"open file", "event counter", "epoll set", "watch"} & set(left), left


@pytest.mark.parametrize(("record", "field"), [("watches", "set"), ("watches", "is_ready"), ("epoll_sets", "members")])
def test_the_checker_finds_a_record_that_is_wrong(files, record, field):
    s, d = files.opened(open_set(files.base, 0)), files.opened(open_counter(files.base, 0, 1))
    assert add(files.base, 0, s, d, d, POLLIN) == 0
    check_files(files.window)
    before = int(files.window.machine[record][0][field])
    files.window.machine[record][0][field] = -1 if field == "set" else 0
    with pytest.raises(AssertionError):
        check_files(files.window)
    files.window.machine[record][0][field] = before
    files.close(s)
    files.close(d)
    for_server.close_table(files.base, 0, files.task)
