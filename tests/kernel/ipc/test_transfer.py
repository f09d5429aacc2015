"""What moves beside the message registers: which messages are accepted, buffers, UTCBs (cz-7, cz-13)."""

import pytest

from emu.abi.errno import EFAULT, ENXIO
from emu.abi.registers import A0
from emu.hot import entry
from emu.kernel.ipc import transfer, utcb
from emu.kernel.task.records import create_task
from emu.kernel.thread.records import create_thread
from emu.kernel.vm import address_space
from emu.limits import PAGE_SIZE
from emu.shm.layout import machine_at
from emu.testing.bare import bare_window

OUT, IN = A0 + 4, A0 + 5
RW = 3
VA = 0x10000
FULL, EXTENDED = 1, 2
ACCEPTS_FULL, ACCEPTS_EXTENDED = FULL << 2, EXTENDED << 2

pytestmark = pytest.mark.system("cz-7")


@entry(3)
def accepts(address, i, flags):
    m = machine_at(address)
    return 1 if transfer.accepts(m.threads[i], flags) else 0


@entry(2)
def gather(address, i):
    return transfer.gather(machine_at(address), 0, i)


@entry(2)
def has_room(address, i):
    return 1 if transfer.has_room(machine_at(address), 0, i) else 0


@entry(2)
def get_utcb(address, i):
    return utcb.get_utcb(machine_at(address), 0, i)


def sends(size):
    return EXTENDED | size << 16


def receives(room):
    return ACCEPTS_EXTENDED | room << 32


class World:
    """A task with two threads and two pages of memory at VA, and none behind them."""

    def __init__(self, window):
        self.base, self.threads = window.address, window.machine["threads"]
        task = create_task(self.base, 0)
        self.indices = [create_thread(self.base, 0, task) for _ in range(2)]
        assert address_space.map_region(self.base, 0, task, VA, 2 * PAGE_SIZE, RW) == 0

    def record(self, flags, **registers):
        """The first thread's record, as if it had made a call with these flags and buffers."""
        t = self.threads[self.indices[0]]
        t["ipc_flags"] = flags
        for register, value in registers.items():
            t["x"][{"out": OUT, "into": IN}[register]] = value
        return t

    def accepts(self, flags):
        return accepts(self.base, self.indices[0], flags)

    def gather(self, flags, out):
        self.record(flags, out=out)
        return gather(self.base, self.indices[0])

    def has_room(self, room, at):
        self.record(receives(room), into=at)
        return has_room(self.base, self.indices[0])


@pytest.fixture
def world():
    with bare_window() as window:
        yield World(window)


def test_a_full_message_needs_the_receivers_utcb_and_an_extended_one_its_room(world):
    t = world.record(ACCEPTS_FULL)
    assert (world.accepts(0), world.accepts(FULL), world.accepts(sends(0))) == (1, 0, 0)
    t["utcb"] = VA
    assert (world.accepts(0), world.accepts(FULL), world.accepts(sends(0))) == (1, 1, 0)
    world.record(receives(100))
    assert (world.accepts(FULL), world.accepts(sends(100)), world.accepts(sends(101))) == (1, 1, 0)
    t["utcb"] = 0
    assert (world.accepts(FULL), world.accepts(sends(100)), world.accepts(sends(101))) == (0, 1, 0)


def test_a_buffer_is_looked_at_up_to_its_last_byte_and_not_where_it_has_none(world):
    end = VA + 2 * PAGE_SIZE
    assert world.has_room(PAGE_SIZE, VA + 1) == world.has_room(8, end - 8) == 1, "across a page's end, up to the last"
    assert world.has_room(9, end - 8) == world.has_room(1, end) == world.has_room(1, -1) == 0
    assert world.has_room(0, -1) == 1
    assert world.gather(sends(9), end - 8) == world.gather(sends(1), -1) == -EFAULT
    assert world.gather(sends(8), end - 8) == 8 and world.gather(sends(0), -1) == 0


@pytest.mark.system("cz-13")
def test_each_thread_has_a_utcb_of_its_own_once_it_has_asked_for_it(world):
    assert world.gather(FULL, 0) == -ENXIO
    first, second = (get_utcb(world.base, i) for i in world.indices)
    assert 0 < first != second > 0 and first % PAGE_SIZE == second % PAGE_SIZE == 0
    assert get_utcb(world.base, world.indices[0]) == first and world.gather(FULL, 0) == 256
