"""Threads that get save areas and give them back in several processes at once: an area has one owner (kse-9)."""

from emu.hot import entry, hot
from emu.kernel.sched.randomness import random_below
from emu.kernel.thread.save_area import free_save_area, make_save_area, save, saved
from emu.shm.layout import machine_at
from emu.testing.crew import dawdle, over, result, violation

THREADS = 4  # of a worker
SIZE_BYTES = 24


@hot
def _make_badly(m, i):
    """Control: the list is read and changed without its lock."""
    at = m.free_save_areas[0] - 1
    if at < 0:
        at = m.fresh_save_word
        m.save_arena[at] = 1
        m.fresh_save_word = at + 8
    else:
        following = m.save_arena[at + 1]
        dawdle(1)
        m.free_save_areas[0] = following
    m.threads[i].save_area = at + 1
    m.threads[i].save_bytes = SIZE_BYTES


@hot
def _take_and_give(m, me, count, bad):
    done = 0
    while done < count and not over(m):
        i = me * THREADS + random_below(m, me, THREADS)
        t = m.threads[i]
        if t.save_area == 0:
            if bad:
                _make_badly(m, i)
            else:
                make_save_area(m, me, i, SIZE_BYTES)
            for k in range(3):
                save(m, t, k, i + 1)
            dawdle(random_below(m, me, 8))
        else:
            for k in range(3):
                if saved(m, t, k) != i + 1:
                    violation(m)
            free_save_area(m, me, i)
        done += 1
        result(m, me, done)
    for i in range(me * THREADS, me * THREADS + THREADS):
        if m.threads[i].save_area != 0:
            free_save_area(m, me, i)


@entry(5)
def take_and_give(address, me, workers, count, bad):
    _take_and_give(machine_at(address), me, count, bad)
    return 0
