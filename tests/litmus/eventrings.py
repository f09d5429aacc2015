"""Processes record events, each in its ring, and one takes them out."""

from emu.hot import entry, hot
from emu.limits import EVENT_RING
from emu.shm.atomics import load_relaxed, store_release
from emu.shm.events import LOST, NO_THREAD, POLICY, TRACING_WAITS, copy_events, emit_at
from emu.shm.layout import frame_address, machine_at
from emu.shm.memory import load_64
from emu.shm.spinlock import backoff
from emu.testing.crew import DONE, LINE, OWN, add_word, dawdle, get_word, meet, over, result, set_word, spin, violation

NEXT = OWN  # a line for each writer: the number that comes next
DROPPED = OWN + 64 * LINE  # and how many events its ring says were lost
BUFFER_FRAME = 1024  # beyond what the crew's machine uses
BURST = 64

_copy_hot = hot(copy_events.function)  # the entry's body, called from hot code


@hot
def _let_the_reader_catch_up(m, me):
    """On a busy host a writer could be done before the reader gets a core."""
    spins = 0
    while load_relaxed(m.cpus[me], "events_tail") < load_relaxed(m.cpus[me], "events_head") and not over(m):
        spins = spin(spins)


@entry(4)
def write_events(address, me, workers, count):
    """Numbers in `a`, their negatives in `b`, twice the number as time."""
    m = machine_at(address)
    m.tracing = 1
    meet(m, workers)
    for number in range(count):
        if over(m):
            break
        emit_at(m, me, 2 * number, POLICY, -1, number, -number)
        if number % BURST == 0:
            dawdle(BURST)  # the reader keeps up most of the time
        if number % (16 * EVENT_RING) == 0:
            _let_the_reader_catch_up(m, me)
    add_word(m, DONE, 1)
    return 0


@entry(4)
def write_events_and_wait(address, me, workers, count):
    """The same as fast as it goes, where a full ring has the writer wait for its reader."""
    m = machine_at(address)
    m.tracing = TRACING_WAITS
    meet(m, workers)
    for number in range(count):
        if over(m):
            break
        emit_at(m, me, 2 * number, POLICY, -1, number, -number)
    add_word(m, DONE, 1)
    return 0


@entry(4)
def write_events_badly(address, me, workers, count):
    """Control: a slot is published before it is written."""
    m = machine_at(address)
    meet(m, workers)
    c = m.cpus[me]
    for number in range(count):
        spins = 0
        while number - c.events_tail >= EVENT_RING // 2 and not over(m):
            spins = backoff(spins)
        if over(m):
            break
        store_release(c, "events_head", number + 1)
        dawdle(1)
        slot = c.events[number & (EVENT_RING - 1)]
        slot.time_ns = 2 * number
        slot.word = POLICY | (NO_THREAD << 8)
        slot.a = number
        slot.b = -number
    add_word(m, DONE, 1)
    return 0


@hot
def _look(m, writer, event):
    """Whether an event is the one that comes next from its writer, or says how many are missing."""
    time_ns, word = load_64(event), load_64(event + 8)
    a, b = load_64(event + 16), load_64(event + 24)
    expected = get_word(m, NEXT + writer * LINE)
    if word == LOST | (NO_THREAD << 8):
        set_word(m, NEXT + writer * LINE, expected + a)
        add_word(m, DROPPED + writer * LINE, a)
        return time_ns == 2 * (expected + a - 1) and b == 2 * (a - 1)  # from the first to the last lost one
    set_word(m, NEXT + writer * LINE, expected + 1)
    return a == expected and b == -expected and time_ns == 2 * expected and word == POLICY | (NO_THREAD << 8)


@entry(4)
def read_events(address, me, workers, count):
    """Worker 0 takes all that the others record: each event once, whole, in order, and every loss is told."""
    m = machine_at(address)
    meet(m, workers)
    buffer = frame_address(m, BUFFER_FRAME)
    read = 0
    finished = False
    while not finished and not over(m):
        finished = get_word(m, DONE) == workers - 1  # before the last look
        for writer in range(1, workers):
            taken = _copy_hot(address, writer, buffer)
            for k in range(taken):
                if not _look(m, writer, buffer + 32 * k):
                    violation(m)
                    m.tracing = 0  # nobody waits any more
                    return 0
            read += taken
    m.tracing = 0
    result(m, me, read)
    return 0
