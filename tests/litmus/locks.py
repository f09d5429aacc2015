"""A counter that is not atomic, under a lock that is one, or is not."""

from emu.hot import entry, hot
from emu.shm.layout import machine_at
from emu.shm.lockrank import FRAMES
from emu.shm.memory import load_64, store_64
from emu.shm.spinlock import acquire, backoff, field_address, release
from emu.testing.crew import LINE, OWN, dawdle, get_word, meet, over, result, set_word, violation

COUNTER, HOLDER = OWN, OWN + LINE


@hot
def _inside(m, me):
    """The critical section."""
    set_word(m, HOLDER, me + 1)
    count = get_word(m, COUNTER)
    dawdle(1)
    set_word(m, COUNTER, count + 1)
    if get_word(m, HOLDER) != me + 1:
        violation(m)


@entry(4)
def add_under_lock(address, me, workers, iterations):
    m = machine_at(address)
    lock = field_address(m, "frames_lock")
    meet(m, workers)
    done = 0
    while done < iterations and not over(m):
        acquire(m, me, lock, FRAMES)
        _inside(m, me)
        release(m, me, lock)
        done += 1
        result(m, me, done)
    return 0


@entry(4)
def add_under_test_then_set(address, me, workers, iterations):
    """Control: the lock word is looked at, and then set."""
    m = machine_at(address)
    lock = field_address(m, "frames_lock")
    meet(m, workers)
    done = 0
    while done < iterations and not over(m):
        spins = 0
        while load_64(lock) != 0:
            spins = backoff(spins)
            if over(m):
                return 0
        store_64(lock, me + 1)
        _inside(m, me)
        release(m, me, lock)
        done += 1
        result(m, me, done)
    return 0
