"""Many processes ask through the server's ring, one reads."""

from emu.hot import entry, hot
from emu.kernel.server_ring import ask_for_thread, take_request
from emu.limits import SERVER_RING
from emu.shm.atomics import load_relaxed, store_relaxed
from emu.shm.layout import machine_at
from emu.shm.spinlock import backoff, field_address, store_release_at
from emu.testing.crew import DONE, LINE, OWN, add_word, dawdle, get_word, meet, over, result, set_word, violation

NEXT = OWN  # a line for each writer: how many of its requests were read
PER_WRITER = 1 << 24  # requests are writer * PER_WRITER + number
OUTSTANDING = SERVER_RING // 8
PATIENCE = 3000  # naps of 50 µs


@hot
def _has_room(m, me, number):
    """Wait until few enough of a writer's requests are unread."""
    spins = 0
    while number - get_word(m, NEXT + me * LINE) >= OUTSTANDING:
        spins = backoff(spins)
        if over(m):
            return False
        if spins > PATIENCE:
            violation(m)  # a request was lost
            return False
    return True


@entry(4)
def write_requests(address, me, workers, count):
    m = machine_at(address)
    meet(m, workers)
    for number in range(count):
        if not _has_room(m, me, number):
            break
        ask_for_thread(m, me, me * PER_WRITER + number)
    add_word(m, DONE, 1)
    return 0


@entry(4)
def write_requests_badly(address, me, workers, count):
    """Control: a position is reserved by a load and a store."""
    m = machine_at(address)
    meet(m, workers)
    for number in range(count):
        if not _has_room(m, me, number):
            break
        position = load_relaxed(m, "server_head")
        dawdle(1)
        store_relaxed(m, "server_head", position + 1)
        slot = field_address(m, "server_ring") + (position & (SERVER_RING - 1)) * 8
        store_release_at(slot, me * PER_WRITER + number + 1)
    add_word(m, DONE, 1)
    return 0


_take_hot = hot(take_request.function)  # the entry's body, called from hot code


@entry(4)
def read_requests(address, me, workers, count):
    """Worker 0 reads all that the others ask, and checks that each comes once and in its writer's order."""
    m = machine_at(address)
    meet(m, workers)
    expected = (workers - 1) * count
    read = 0
    spins = 0
    while read < expected and not over(m):
        request = _take_hot(address)
        if request == 0:
            spins = backoff(spins)
            if spins > PATIENCE and get_word(m, DONE) == workers - 1:
                violation(m)  # all have asked, and something never arrived
            continue
        spins = 0
        writer, number = (request - 1) // PER_WRITER, (request - 1) % PER_WRITER
        if writer < 1 or writer >= workers or get_word(m, NEXT + writer * LINE) != number:
            violation(m)
        set_word(m, NEXT + writer * LINE, number + 1)
        read += 1
        result(m, me, read)
    return 0
