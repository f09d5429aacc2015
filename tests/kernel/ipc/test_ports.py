"""Ports and channels on played CPUs (rust-11); between processes: tests/litmus/test_channels.py."""

import numpy as np
import pytest

from emu.abi.errno import (
    EAGAIN,
    EBADF,
    EEXIST,
    EFAULT,
    EINTR,
    EINVAL,
    EMFILE,
    EMSGSIZE,
    ENOMEM,
    EPERM,
    EPIPE,
    ETIMEDOUT,
)
from emu.abi.registers import A0
from emu.hot import entry
from emu.kernel.actions import BLOCK, RESUME
from emu.kernel.ipc import port, port_recovery
from emu.kernel.ipc.ring import RING_BYTES
from emu.kernel.native import numbers
from emu.kernel.native.calls import native_call
from emu.kernel.sched import waking
from emu.kernel.sleep import endings
from emu.kernel.task.records import create_task
from emu.kernel.thread.records import create_thread
from emu.kernel.thread.sleep_word import SLEEP
from emu.kernel.thread.states import RESTART_WOKEN, SLEEP_PORT, SLEEP_TIMED
from emu.kernel.vm import address_space, frames, usercopy
from emu.limits import CHANNELS_PER_TASK, MESSAGE_BYTES, PAGE_SIZE, PORTS_AT_ONCE, PORTS_PER_TASK, RAM_OFFSET
from emu.shm.cpumask import to_words
from emu.shm.layout import machine_at
from emu.testing.checks import check_areas, check_frames, check_machine
from emu.testing.message_checks import check_messages
from tests.kernel import wrappers as hot
from tests.kernel.cpus import played

FOR_EVER = -1
BASE = 1 << 32  # where each task has memory
PAGES = 64
RW = 3
OWN_MEMORY = RAM_OFFSET + 2 * PAGE_SIZE  # the test's, in the frames that it keeps for itself

pytestmark = pytest.mark.system("rust-11")


@entry(4)
def call(address, me, i, number):
    return native_call(machine_at(address), me, i, number)


@entry(4)
def expire(address, me, i, word):
    return 1 if endings.expire(machine_at(address), me, i, word) else 0


@entry(3)
def drop_ends(address, me, task):
    port.drop_ends(machine_at(address), me, task)
    return 0


@entry(2)
def rebuild_ports(address, me):
    port_recovery.rebuild_ports(machine_at(address), me)
    return 0


class Two:
    """Two tasks with a thread each, which runs on a CPU of its own."""

    def __init__(self, cpus):
        self.cpus, self.base, self.machine, self.threads = cpus, cpus.base, cpus.machine, cpus.threads
        self.tasks, self.indices = [], []
        for cpu in range(2):
            self.tasks.append(create_task(self.base, cpu))
            assert address_space.map_region(self.base, cpu, self.tasks[cpu], BASE, PAGES * PAGE_SIZE, RW) == 0
            self.indices.append(self.thread(cpu, self.tasks[cpu]))
        self.ports = cpus.machine["ports"]

    def thread(self, cpu, task):
        i = create_thread(self.base, cpu, task)
        self.threads[i]["affinity"] = to_words(1 << cpu)
        waking.start(self.base, cpu, i)
        assert self.cpus.pick(cpu) == i
        return i

    def call(self, which, number, *arguments):
        """(what the CPU does next, a0, a1)."""
        i = self.indices[which]
        self.threads[i]["x"][A0 : A0 + 6] = 0
        for k, value in enumerate(arguments):
            self.threads[i]["x"][A0 + k] = value
        self.threads[i]["restart"] = 0
        action = call(self.base, which, i, number)
        return action, int(self.threads[i]["x"][A0]), int(self.threads[i]["x"][A0 + 1])

    def answer(self, which, number, *arguments):
        action, result, _ = self.call(which, number, *arguments)
        assert action == RESUME
        return result

    def port(self, unit=0, limit=0, which=1):
        return self.answer(which, numbers.PORT_CREATE, unit, limit)

    def channel(self, handle, which=1):
        return self.answer(which, numbers.CHANNEL_MAKE, handle)

    def close(self, handle, which=1):
        return self.answer(which, numbers.PORT_CLOSE, handle)

    def drop(self, handle, which=1):
        return self.answer(which, numbers.CHANNEL_DROP, handle)

    def ends(self, unit=0, limit=0):
        """A port of task 1 and a channel of task 0 to it."""
        handle = self.port(unit, limit)
        chan = self.channel(handle)
        other = self.channel(chan, which=0)
        assert self.drop(chan) == 0
        return handle, other

    def write(self, which, content, va=BASE):
        self.cpus.window.memory(2, 9)[: len(content)] = np.frombuffer(content, np.uint8)
        host = self.cpus.window.address + OWN_MEMORY
        assert usercopy.write_user(self.base, which, self.tasks[which], va, host, len(content)) == len(content)

    def read(self, which, size, va=BASE):
        host = self.cpus.window.address + OWN_MEMORY
        if usercopy.read_user(self.base, which, self.tasks[which], va, host, size) < size:
            return None
        return bytes(self.cpus.window.memory(2, 9)[:size])

    def send(self, chan, content, which=0, va=BASE + 8):
        self.write(which, content, va)
        return self.answer(which, numbers.CHANNEL_SEND, chan, va, len(content))

    def receive(self, handle, size=MESSAGE_BYTES, timeout_ns=0, which=1, wanted=0):
        return self.call(which, numbers.PORT_RECEIVE, handle, BASE, size, timeout_ns, wanted)

    def received(self, handle, size=MESSAGE_BYTES):
        action, size, at = self.receive(handle, size)
        assert action == RESUME and size >= 0, size
        return self.read(1, size, at)

    def check(self):
        check_messages(self.cpus.window)
        check_areas(self.cpus.window)
        check_frames(self.cpus.window, range(16))
        assert self.machine["failed"] == 0


@pytest.fixture
def two():
    with played(2, "codezero") as cpus:
        assert [frames.allocate(cpus.base, 0) for _ in range(16)] == list(range(16))  # the test's own
        yield Two(cpus)


# --- handles ----------------------------------------------------------------------------------------------------------


def test_messages_of_any_size_come_in_order(two):
    handle, chan = two.ends()
    contents = [b"", b"x", b"12345678", bytes(range(256)) * 5, b"y" * MESSAGE_BYTES]
    for content in contents:
        assert two.send(chan, content) == 0
    two.check()
    assert [two.received(handle) for _ in contents] == contents
    assert two.receive(handle)[:2] == (RESUME, -EAGAIN)
    two.check()


def test_a_port_of_a_unit_takes_messages_of_that_size_alone_and_several_at_once(two):
    handle, chan = two.ends(unit=12)
    assert two.send(chan, b"short") == two.send(chan, b"0123456789abc") == -EMSGSIZE
    words = b"".join(b"message %04d" % k for k in range(300))
    two.write(0, words)
    assert two.answer(0, numbers.CHANNEL_SEND_MANY, chan, BASE, 300) == 300
    assert two.call(1, numbers.PORT_RECEIVE_MANY, handle, BASE, 200, 0) == (RESUME, 200, BASE)
    assert two.read(1, 2400) == words[:2400]
    assert two.call(1, numbers.PORT_RECEIVE_MANY, handle, BASE, 1 << 40, 0) == (RESUME, 100, BASE)
    assert two.read(1, 1200) == words[2400:]
    two.check()


def test_sends_never_wait_and_say_when_the_port_is_full(two):
    handle, chan = two.ends(unit=1000, limit=3)
    two.write(0, b"z" * 5000)
    assert two.answer(0, numbers.CHANNEL_SEND_MANY, chan, BASE, 5) == 3
    assert two.answer(0, numbers.CHANNEL_SEND, chan, BASE, 1000) == -EAGAIN
    assert two.received(handle) == b"z" * 1000 and two.send(chan, b"w" * 1000) == 0
    handle, chan = two.ends()
    two.write(0, b"z" * MESSAGE_BYTES)
    sent = 0
    while (error := two.answer(0, numbers.CHANNEL_SEND, chan, BASE + 8, MESSAGE_BYTES - 8)) == 0:
        sent += 1
    assert error == -EAGAIN and sent == RING_BYTES // MESSAGE_BYTES
    two.check()


def test_a_ring_turns_over_its_pages_again_and_again(two):
    handle, chan = two.ends()
    free = []
    for turn in range(400):
        content = bytes([turn % 256]) * (turn * 97 % 9000)
        assert two.send(chan, content) == 0 and two.received(handle) == content
        free.append(int(two.machine["nr_free_frames"]))
    assert free[-1] == free[100]
    two.check()


def test_handles_are_of_one_kind_one_generation_and_ports_of_one_task(two):
    handle, chan = two.ends()
    for wrong in (0, -1, chan, handle + 1, handle ^ (1 << 32), 1 << 62, (1 << 63) - 1):
        assert two.receive(wrong)[1] == two.close(wrong) == -EBADF
    for wrong in (0, -1, handle, chan + 1, chan ^ (1 << 32), (2 << 24) | 0xFFFFFF):
        assert two.send(wrong, b"x") == two.drop(wrong, which=0) == -EBADF
    assert two.receive(handle, which=0)[1] == two.close(handle, which=0) == -EBADF
    assert two.channel(handle, which=0) == -EBADF, "who does not have the port makes no channel"
    assert two.drop(chan, which=1) == -EPERM, "another's"
    assert two.close(handle) == 0 and two.close(handle) == -EBADF
    new = two.port()
    assert new != handle
    two.check()


@pytest.mark.parametrize(
    "unit, limit", [(-1, 0), (0, -1), (MESSAGE_BYTES + 8, 0), ((256 << 20) + PAGE_SIZE, 0), (1 << 63, 0)]
)
def test_impossible_ports_are_refused(two, unit, limit):
    assert two.port(unit if unit < 1 << 63 else -(1 << 63), limit) == -EINVAL


def test_a_task_has_so_many_ports_and_channels_and_drops_them_all_when_it_ends(two):
    handles = [two.port() for _ in range(PORTS_PER_TASK)]
    assert two.port() == -EMFILE and len(set(handles)) == PORTS_PER_TASK
    channels = [two.channel(handles[k % 3]) for k in range(CHANNELS_PER_TASK)]
    assert two.channel(handles[0]) == -EMFILE
    assert two.drop(channels[17]) == 0 and two.close(handles[1]) == 0
    assert two.channel(handles[2]) > 0 and two.port() > 0
    assert two.channel(channels[1]) == -EMFILE
    hot.exit_thread(two.base, 1, two.indices[1], 0)
    assert not two.machine["ports"]["references"].any() and not two.machine["channels"]["owner"].any()
    check_messages(two.cpus.window)


# --- the ends of both ends --------------------------------------------------------------------------------------------


def test_what_was_sent_before_the_last_channel_went_is_received_then_the_port_says_so(two):
    handle = two.port()
    assert two.receive(handle)[1] == -EAGAIN, "there may be a channel one day"
    chan = two.channel(handle)
    other = two.channel(chan, which=0)
    assert two.send(other, b"last words") == 0 and two.drop(chan) == 0
    drop_ends(two.base, 0, two.tasks[0])
    assert two.received(handle) == b"last words"
    assert two.receive(handle, timeout_ns=FOR_EVER)[:2] == (RESUME, -EPIPE)
    assert two.channel(handle) > 0 and two.receive(handle)[1] == -EAGAIN, "its owner may make another"
    two.check()


def test_who_sends_to_a_closed_port_is_told_and_the_port_goes_with_its_last_channel(two):
    handle, chan = two.ends()
    assert two.send(chan, b"unread") == 0
    drop_ends(two.base, 1, two.tasks[1])
    two.check()
    assert two.send(chan, b"x") == -EPIPE and two.channel(chan, which=0) == -EPIPE
    assert two.ports["references"].sum() == 1
    assert two.drop(chan, which=0) == 0 and two.ports["references"].sum() == 0
    two.check()


# --- sleeping ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["message", "last channel", "closed"])
def test_a_receiver_sleeps_until_something_becomes_of_its_port(two, how):
    handle, chan = two.ends()
    i = two.indices[1]
    assert two.receive(handle, timeout_ns=FOR_EVER)[0] == BLOCK
    assert SLEEP.get(hot.sleep_of(two.base, i), "reason") == SLEEP_PORT
    hot.block(two.base, 1, i)
    if how == "message":
        two.send(chan, b"wake")
    elif how == "last channel":
        two.drop(chan, which=0)
    else:
        second = two.thread(1, two.tasks[1])
        two.indices[1], i = second, i
        assert two.close(handle) == 0
        two.indices[1] = i
        hot.leave(two.base, 1, second)
    assert two.cpus.state(i)[0] == "runnable" and two.threads[i]["restart"] == RESTART_WOKEN
    assert two.cpus.pick(1) == i
    result = two.receive(handle, timeout_ns=FOR_EVER)[:2]
    assert result == (RESUME, {"message": 4, "last channel": -EPIPE, "closed": -EBADF}[how])


@pytest.mark.parametrize("how", ["time", "signal"])
@pytest.mark.parametrize("selects", [False, True])
def test_time_and_signals_end_the_sleep_and_the_message_stays(two, how, selects):
    handle, chan = two.ends()
    i = two.indices[1]
    two.write(1, handle.to_bytes(8, "little"), BASE + PAGE_SIZE)
    if selects:
        assert two.call(1, numbers.PORT_SELECT, BASE + PAGE_SIZE, 1, 10**9)[0] == BLOCK
    else:
        assert two.receive(handle, timeout_ns=10**9)[0] == BLOCK
    word = hot.sleep_of(two.base, i)
    assert word & SLEEP_TIMED
    hot.block(two.base, 1, i)
    assert (expire(two.base, 0, i, word) if how == "time" else endings.interrupt(two.base, 0, i)) == 1
    assert two.send(chan, b"late") == 0
    assert two.threads[i]["x"][A0] == (-ETIMEDOUT if how == "time" else -EINTR)
    assert two.threads[i]["restart"] == two.threads[i]["resume_deadline_ns"] == 0
    assert two.cpus.pick(1) == i and two.received(handle) == b"late"


def test_select_names_the_first_port_that_has_a_message_or_never_will(two):
    ends = [two.ends() for _ in range(3)]
    two.write(1, b"".join(handle.to_bytes(8, "little") for handle, _ in ends), BASE + PAGE_SIZE)

    def select(count=3, timeout_ns=0):
        return two.call(1, numbers.PORT_SELECT, BASE + PAGE_SIZE, count, timeout_ns)[:2]

    assert select() == (RESUME, -EAGAIN)
    two.send(ends[2][1], b"third")
    assert select() == (RESUME, 2)
    two.drop(ends[1][1], which=0)
    assert select() == (RESUME, 1)
    two.send(ends[0][1], b"first")
    assert select() == (RESUME, 0) and two.received(ends[0][0]) == b"first"
    two.received(ends[2][0])
    two.close(ends[1][0])
    assert select() == (RESUME, -EBADF) and select(0) == select(PORTS_AT_ONCE + 1) == (RESUME, -EINVAL)
    assert select(1, FOR_EVER)[0] == BLOCK
    i = two.indices[1]
    hot.block(two.base, 1, i)
    two.send(ends[2][1], b"not asked for")
    assert two.cpus.state(i)[0] == "blocked"
    two.send(ends[0][1], b"asked for")
    assert two.cpus.state(i)[0] == "runnable"
    two.cpus.pick(1)
    assert select(1, FOR_EVER) == (RESUME, 0)
    assert two.call(1, numbers.PORT_SELECT, 1 << 40, 1, 0)[:2] == (RESUME, -EFAULT)


# --- bad memory -------------------------------------------------------------------------------------------------------


def test_memory_that_may_not_be_used_is_an_error_and_no_message_is_lost(two):
    handle, chan = two.ends(unit=64)
    hole = BASE + PAGES * PAGE_SIZE
    for va in (hole, 0, -64, (1 << 63) - 64, hole - 8):
        assert two.answer(0, numbers.CHANNEL_SEND, chan, va, 64) == -EFAULT
    assert two.answer(0, numbers.CHANNEL_SEND_MANY, chan, hole - 128, 5) == 2, "those that could be read"
    for va in (hole, 0, -64, hole - 8):
        assert two.call(1, numbers.PORT_RECEIVE, handle, va, 64, 0)[1] == -EFAULT
        assert two.call(1, numbers.PORT_RECEIVE_MANY, handle, va, 2, 0)[1] == -EFAULT
    assert two.receive(handle, size=63)[1] == -EMSGSIZE
    assert two.receive(handle, size=-1)[1] == two.call(1, numbers.PORT_RECEIVE_MANY, handle, BASE, 0, 0)[1] == -EINVAL
    assert two.answer(0, numbers.CHANNEL_SEND, chan, BASE, -1) == -EINVAL
    assert two.call(1, numbers.PORT_RECEIVE_MANY, handle, BASE, 5, 0) == (RESUME, 2, BASE)


# --- pages that move --------------------------------------------------------------------------------------------------


def move(two, chan, pages=4, va=BASE + PAGE_SIZE):
    return two.answer(0, numbers.CHANNEL_SEND, chan, va, pages * PAGE_SIZE)


def test_whole_pages_leave_their_sender_and_come_with_all_that_they_hold(two):
    handle, chan = two.ends()
    two.write(0, b"moved", BASE + 2 * PAGE_SIZE)
    assert move(two, chan) == 0
    two.check()
    assert two.read(0, 1, BASE) and two.read(0, 1, BASE + 5 * PAGE_SIZE) is not None
    assert two.read(0, 1, BASE + PAGE_SIZE) is two.read(0, 1, BASE + 5 * PAGE_SIZE - 1) is None
    action, size, at = two.receive(handle, size=0)
    assert (action, size) == (RESUME, 4 * PAGE_SIZE) and at % PAGE_SIZE == 0
    assert two.read(1, 5, at + PAGE_SIZE) == b"moved" and two.read(1, 1, at) == b"\0"
    two.check()
    two.write(1, b"own", at)
    assert two.read(1, 3, at) == b"own"
    two.check()


def test_a_message_of_several_areas_moves_as_one_or_stays(two):
    """Parts of the buffer that were protected for a while may have another object than the rest."""
    handle, chan = two.ends()
    task = two.tasks[0]
    for k in (1, 3, 4):
        two.write(0, b"%d" % k, BASE + k * PAGE_SIZE)
    child = create_task(two.base, 0)
    assert hot.copy_space(two.base, 0, task, child) == 0
    for rights in (1, RW):
        address_space.protect_region(two.base, 0, task, BASE + 2 * PAGE_SIZE, 2 * PAGE_SIZE, rights)
        if rights == 1:
            two.write(0, b"own", BASE + 4 * PAGE_SIZE)
    address_space.map_region(two.base, 0, task, BASE + 2 * PAGE_SIZE, PAGE_SIZE, RW)
    places = [area for area in two.machine["areas"] if area["owner"] == two.machine["tasks"][task]["root"] + 1]
    assert len(places) >= 3
    two.check()
    assert two.answer(1, numbers.PORT_CLOSE, handle) == 0 and move(two, chan) == -EPIPE
    two.check()
    assert two.read(0, 3, BASE + 4 * PAGE_SIZE) == b"own"
    handle, chan = two.ends()
    assert move(two, chan) == 0
    two.check()
    _, size, at = two.receive(handle)
    assert size == 4 * PAGE_SIZE
    found = [two.read(1, 3, at + k * PAGE_SIZE).rstrip(b"\0") for k in range(4)]
    assert found == [b"1", b"", b"3", b"own"]
    two.check()


def test_a_whole_mapping_moves_with_its_object_and_back(two):
    handle, chan = two.ends()
    area = 1 << 33
    assert address_space.map_region(two.base, 0, two.tasks[0], area, 8 * PAGE_SIZE, RW) == 0
    two.write(0, b"a", area + 7 * PAGE_SIZE)
    objects = int(two.machine["fresh_object"])
    assert move(two, chan, 8, area) == 0
    _, size, at = two.receive(handle)
    assert size == 8 * PAGE_SIZE and two.read(1, 1, at + 7 * PAGE_SIZE) == b"a"
    assert int(two.machine["fresh_object"]) == objects
    two.check()


def test_a_wanted_place_is_taken_if_it_is_free(two):
    handle, chan = two.ends()
    assert move(two, chan) == 0
    for wanted, error in ((BASE, -EEXIST), (BASE + 1, -EINVAL), (1 << 38, -EINVAL), (4096, -EINVAL), (-4096, -EINVAL)):
        assert two.receive(handle, wanted=wanted)[1] == error
    two.check()
    assert two.receive(handle, wanted=1 << 34) == (RESUME, 4 * PAGE_SIZE, 1 << 34)
    two.check()


def test_what_may_not_move_is_refused_or_copied(two):
    handle, chan = two.ends()
    for va in (1 << 35, BASE + (PAGES - 2) * PAGE_SIZE, -PAGE_SIZE, 0):
        assert move(two, chan, 4, va) == -EINVAL
    address_space.protect_region(two.base, 0, two.tasks[0], BASE + PAGE_SIZE, PAGE_SIZE, 1)
    assert move(two, chan, 1) == -EINVAL, "it may not be stored to"
    assert two.read(0, 1, BASE + PAGE_SIZE) is not None
    assert two.answer(0, numbers.CHANNEL_SEND, chan, BASE + 8, PAGE_SIZE) == 0, "not aligned: copied"
    assert two.answer(0, numbers.CHANNEL_SEND, chan, BASE + 8, 32 * PAGE_SIZE) == -EMSGSIZE
    assert two.read(0, 1, BASE + 8) is not None
    two.check()


def test_pages_that_no_port_takes_stay_where_they_are(two):
    handle, chan = two.ends(limit=1)
    two.write(0, b"stay", BASE + PAGE_SIZE)
    assert two.send(chan, b"first") == 0 and move(two, chan) == -EAGAIN
    assert two.read(0, 4, BASE + PAGE_SIZE) == b"stay"
    two.close(handle)
    assert move(two, chan) == -EPIPE and two.read(0, 4, BASE + PAGE_SIZE) == b"stay"
    two.check()


def test_pages_that_nobody_receives_are_freed(two):
    handle, chan = two.ends()
    free = int(two.machine["nr_free_frames"])
    two.write(0, b"x" * 3 * PAGE_SIZE, BASE + PAGE_SIZE)
    assert move(two, chan) == 0 and two.send(chan, b"between") == 0 and move(two, chan, 2, BASE + 6 * PAGE_SIZE) == 0
    assert two.close(handle) == 0
    two.check()
    assert int(two.machine["nr_free_frames"]) >= free - 6


def test_a_port_of_pages_takes_several_at_once_and_gives_them_one_by_one(two):
    handle, chan = two.ends(unit=2 * PAGE_SIZE)
    for k in range(3):
        two.write(0, b"%d" % k, BASE + 2 * k * PAGE_SIZE)
    assert two.answer(0, numbers.CHANNEL_SEND_MANY, chan, BASE, 3) == 3
    for k in range(3):
        action, count, at = two.call(1, numbers.PORT_RECEIVE_MANY, handle, BASE, 3, 0)
        assert (action, count) == (RESUME, 1) and two.read(1, 1, at) == b"%d" % k
    two.check()


def test_pages_for_which_the_port_has_become_full_meanwhile_are_put_back(two):
    handle, chan = two.ends(unit=2 * PAGE_SIZE, limit=2)
    for k in range(4):
        two.write(0, b"%d" % k, BASE + 2 * k * PAGE_SIZE)
    assert two.answer(0, numbers.CHANNEL_SEND_MANY, chan, BASE, 4) == 2
    assert [two.read(0, 1, BASE + 2 * k * PAGE_SIZE) for k in range(4)] == [None, None, b"2", b"3"]
    two.check()


def test_where_memory_for_a_message_is_used_up_the_pages_stay(two):
    handle, chan = two.ends()
    two.write(0, b"x", BASE)  # or a page table would be free in time
    two.write(0, b"stay", BASE + PAGE_SIZE)
    free, fresh, nr = (int(two.machine[name]) for name in ("free_frame", "fresh_frame", "nr_free_frames"))
    two.machine["free_frame"], two.machine["fresh_frame"] = -1, two.machine["nr_frames"]
    assert move(two, chan) == -ENOMEM
    assert two.answer(0, numbers.CHANNEL_SEND, chan, BASE + PAGE_SIZE + 1, 3) == -ENOMEM
    two.machine["free_frame"], two.machine["fresh_frame"], two.machine["nr_free_frames"] = free, fresh, nr
    assert two.read(0, 4, BASE + PAGE_SIZE) == b"stay"
    two.check()
    assert move(two, chan) == 0 and two.receive(handle)[1] == 4 * PAGE_SIZE


def test_where_half_the_memory_for_a_message_is_there_it_is_given_back(two):
    handle, chan = two.ends()
    two.write(0, b"x" * 8000)
    last = int(two.machine["nr_frames"]) - 1
    two.machine["free_frame"], two.machine["fresh_frame"] = -1, last
    assert two.answer(0, numbers.CHANNEL_SEND, chan, BASE, 8000) == -ENOMEM
    assert two.machine["free_frame"] == last and not two.ports["slots"].any()


@pytest.mark.parametrize("sends", ["parent", "child"])
@pytest.mark.parametrize("stored", [False, True], ids=["shared", "shadowed"])
def test_pages_that_a_forked_task_has_too_come_as_they_were_and_stay_with_the_other(two, sends, stored):
    """The sender forks; then a part of its memory moves, and all three store to it."""
    handle, chan = two.ends()
    part = BASE + PAGE_SIZE
    two.write(0, b"before", part)
    child = create_task(two.base, 0)
    assert hot.copy_space(two.base, 0, two.tasks[0], child) == 0
    others = [two.tasks[0], child]
    if sends == "child":
        two.tasks[0], others = child, [child, two.tasks[0]]
        two.threads[two.indices[0]]["task"] = child
    if stored:
        two.write(0, b"stored", part)
    assert move(two, chan) == 0
    two.check()
    _, _, at = two.receive(handle)
    two.check()
    assert two.read(1, 6, at) == (b"stored" if stored else b"before")
    two.tasks[0] = others[1]
    assert two.read(0, 6, part) == b"before" and two.read(0, 6, BASE) is not None
    two.write(1, b"receiv", at)
    two.write(0, b"other!", part)
    assert two.read(1, 6, at) == b"receiv" and two.read(0, 6, part) == b"other!"
    two.check()
    assert hot.unmap_pages(two.base, 1, two.tasks[1], at, 2 * PAGE_SIZE) == 0
    assert hot.unmap_pages(two.base, 0, others[0], BASE, PAGES * PAGE_SIZE) == 0
    two.check()
    assert two.read(0, 6, part) == b"other!"
    two.check()


def test_memory_that_grows_beside_what_has_moved_has_nothing_of_what_the_sender_has_left_behind(two):
    """The part above the moved one is unmapped in a way that leaves its pages in the object (it was shared by fork)."""
    handle, chan = two.ends()
    secret = BASE + 5 * PAGE_SIZE
    two.write(0, b"secret", secret)
    two.write(0, b"mine", BASE + PAGE_SIZE)
    assert move(two, chan) == 0
    child = create_task(two.base, 0)
    assert hot.copy_space(two.base, 0, two.tasks[0], child) == 0
    for task in (child, two.tasks[0]):
        assert hot.unmap_pages(two.base, 0, task, BASE, PAGES * PAGE_SIZE) == 0
    place = 1 << 34
    assert two.receive(handle, wanted=place)[1] == 4 * PAGE_SIZE
    end = place + 4 * PAGE_SIZE
    assert address_space.map_region(two.base, 1, two.tasks[1], end, 4 * PAGE_SIZE, RW) == 0
    two.write(1, b"x", place)
    assert two.read(1, 6, end) == b"\0" * 6 and two.read(1, 4, place) == b"xine"
    two.check()


def test_everything_is_gone_when_the_tasks_are(two):
    handle, chan = two.ends()
    two.send(chan, b"x" * 5000)
    move(two, chan)
    for which in (0, 1):
        hot.exit_thread(two.base, which, two.indices[which], 0)
    check_messages(two.cpus.window)
    check_machine(two.cpus.window, "codezero", range(16))


# --- recovery ---------------------------------------------------------------------------------------------------------

SPOILT = (
    ("ports", "references"), ("ports", "channels"), ("ports", "waiting"), ("ports", "next"), ("ports", "previous"),
    ("channels", "next"), ("tasks", "first_port"), ("tasks", "nr_channels"), ("machine", "free_port"),
)  # fmt: skip


@pytest.mark.parametrize(("records", "field"), SPOILT)
def test_ports_are_listed_and_counted_anew_from_their_truth_words(two, records, field):
    handle, chan = two.ends()
    others = [two.port() for _ in range(3)]
    kept = [two.channel(two.port(which=0), which=0), two.channel(others[0])]
    assert two.close(others[0]) == two.close(others[1]) == 0  # one of them has a channel
    two.write(0, bytes(range(200)) * 21, BASE)
    assert two.answer(0, numbers.CHANNEL_SEND, chan, BASE, PAGE_SIZE) == 0  # moves
    assert two.send(chan, b"first", va=BASE + PAGE_SIZE) == two.send(chan, b"second", va=BASE + PAGE_SIZE) == 0
    two.check()
    if records == "machine":
        two.machine[field] = 1
    else:
        two.machine[records][field][:8] = 3
    with pytest.raises(AssertionError):
        check_messages(two.cpus.window)
    rebuild_ports(two.base, 0)
    two.check()
    assert two.receive(handle)[1] == PAGE_SIZE and [two.received(handle) for _ in range(2)] == [b"first", b"second"]
    assert two.drop(kept[0], which=0) == two.drop(kept[1]) == two.drop(chan, which=0) == 0
    assert two.port() > 0
    two.check()


def test_a_closed_port_that_was_being_emptied_is_emptied_by_the_recovery(two):
    handle, chan = two.ends()
    assert two.send(chan, b"lost") == 0
    two.ports[0]["owner"] = 0
    rebuild_ports(two.base, 0)
    two.check()
    assert two.receive(handle)[1] == -EBADF and two.answer(0, numbers.CHANNEL_SEND, chan, BASE, 4) == -EPIPE
