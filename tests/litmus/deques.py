"""An owner that puts items 0, 1, 2, … into a work-stealing queue, and thieves that take with it."""

from emu.hot import entry, hot
from emu.kernel.sched.randomness import random_below
from emu.limits import MAX_THREADS
from emu.shm.atomics import compare_exchange, load_acquire, load_relaxed, store_relaxed, store_release
from emu.shm.deque import NOTHING, put, slot_address, take, waiting
from emu.shm.layout import machine_at
from emu.shm.memory import AMO_64, load_64, store_64
from emu.testing.crew import (
    DONE,
    LINE,
    OWN,
    dawdle,
    get_word,
    meet,
    over,
    result,
    set_word,
    shown,
    spin,
    violation,
    word_at,
)

MOST = OWN  # the longest that the queue was
FILLING = OWN + 1  # the owner fills the queue, and the thieves let it
SEEN = OWN + LINE  # a bit for each item: taken
BITS = 32
MAX_ITEMS = 16384 * BITS
RIGHT, NO_SWAP, EARLY_TAIL = range(3)  # how to put and take; the latter two are controls
SHOWN = SEEN + MAX_ITEMS // BITS  # of the control's violations in `short_worker`
ENOUGH_SHOWN = 30
REAL, CONTROL = 0, 1  # the queues of `short_worker`

_or = AMO_64["or"]


@hot
def take_without_swap(d):
    """Control: two takers may leave with the same item."""
    head = load_acquire(d, "head")
    if load_acquire(d, "tail") - head <= 0:
        return NOTHING
    i = load_64(slot_address(d, head))
    store_relaxed(d, "head", head + 1)
    return i


@hot
def _put_early(d, i):
    """Control: the tail goes up before the slot is written."""
    tail = load_relaxed(d, "tail")
    store_relaxed(d, "tail", tail + 1)
    dawdle(1)
    store_64(slot_address(d, tail), i)


@hot
def _take_one(m, me, kind, last):
    """Take an item and tick it off; the item, or NOTHING."""
    d = m.deques[0]
    i = take_without_swap(d) if kind == NO_SWAP else take(d)
    if i != NOTHING:
        bit = 1 << (i % BITS)
        if i <= last:
            violation(m)  # against the order in which the owner put them
        if _or(word_at(m, SEEN + i // BITS), bit) & bit != 0:
            violation(m)  # somebody has it already
    return i


@hot
def _let_others_take(m, d):
    """On a busy host the owner could do all by itself before a thief gets a core."""
    head = load_relaxed(d, "head")
    spins = 0
    while waiting(d) > 0 and load_relaxed(d, "head") == head and not over(m):
        spins = spin(spins)


@hot
def _own(m, me, count, kind):
    d = m.deques[0]
    last = -1
    done = 0
    rounds = 0
    while done < count and not over(m):
        rounds += 1
        if rounds % 1024 == 0:
            _let_others_take(m, d)
        many = 1 + random_below(m, me, 8)
        if random_below(m, me, 1000) == 0:
            many = 2 * MAX_THREADS  # to the brim, also where a thief still takes one
            set_word(m, FILLING, random_below(m, me, 2))
        for _ in range(many):
            length = waiting(d)
            if length == MAX_THREADS or done == count:
                break
            if kind == EARLY_TAIL:
                _put_early(d, done)
            else:
                put(d, done)
            done += 1
            result(m, me, done)
            set_word(m, MOST, max(get_word(m, MOST), length + 1))
        set_word(m, FILLING, 0)
        for _ in range(random_below(m, me, 4)):
            last = max(last, _take_one(m, me, kind, last))
    set_word(m, DONE, 1)
    return last


@entry(5)
def worker(address, me, workers, count, kind):
    """Worker 0 owns the queue; each reports how many items it took, the owner how many it put."""
    m = machine_at(address)
    meet(m, workers)
    last = _own(m, me, count, kind) if me == 0 else -1
    taken = 0
    spins = 0
    while not over(m):
        while me != 0 and get_word(m, FILLING) != 0 and not over(m):
            spins = spin(spins)
        finished = get_word(m, DONE) != 0
        i = _take_one(m, me, kind, last)
        if i != NOTHING:
            last = i
            taken += 1
            spins = 0
            if me != 0:
                result(m, me, taken)
        elif finished:
            break
        else:
            spins = spin(spins)
    return 0


# --- a queue that is nearly always empty ------------------------------------------------------------------


@hot
def _take_tail_first(d):
    """Control: where head passes the tail that a taker saw before, it takes from an empty queue."""
    while True:
        tail = load_acquire(d, "tail")
        head = load_acquire(d, "head")
        if tail == head:
            return NOTHING
        i = load_64(slot_address(d, head))
        if compare_exchange(d, "head", head, head + 1):
            return i


@hot
def _own_short(m):
    """An item into each queue, and out again; head may never be beyond tail."""
    real, control = m.deques[REAL], m.deques[CONTROL]
    done = 0
    while not over(m):
        done += 1
        result(m, 0, done)
        put(real, done)
        take(real)
        if waiting(real) < 0:
            violation(m)
        put(control, done)
        _take_tail_first(control)
        if waiting(control) < 0:
            store_release(control, "tail", load_relaxed(control, "head") + 64)  # thieves run ahead meanwhile
            shown(m, SHOWN, ENOUGH_SHOWN)


@entry(3)
def short_worker(address, me, workers):
    """Worker 0 owns both queues; the others take from both, without a pause."""
    m = machine_at(address)
    meet(m, workers)
    if me == 0:
        _own_short(m)
    while not over(m):
        take(m.deques[REAL])
        _take_tail_first(m.deques[CONTROL])
    return 0
