"""Processes take, mark, check and drop frames of one machine."""

from emu.hot import entry, hot
from emu.kernel.sched.randomness import random_below
from emu.kernel.vm.frames import allocate_frame, drop_frame, share_frame
from emu.shm.layout import frame_address, machine_at
from emu.shm.memory import load_64, store_64
from emu.shm.tags import TAG_PAGE
from emu.testing.crew import OWN, dawdle, get_word, meet, over, result, set_word, violation

HELD = 32  # frames a worker holds at most


@hot
def _is_mine(m, frame, mark):
    at = frame_address(m, frame)
    return load_64(at) == mark and load_64(at + 4088) == mark


@hot
def _drop(m, me, frame):
    if not _is_mine(m, frame, me + 1):
        violation(m)
    drop_frame(m, me, frame)


@hot
def _marked(m, me, frame):
    """A frame just allocated: it must be zero, then carries this worker's mark."""
    at = frame_address(m, frame)
    if load_64(at) != 0 or load_64(at + 4088) != 0:
        violation(m)
    store_64(at, me + 1)
    store_64(at + 4088, me + 1)


@entry(4)
def take_and_drop(address, me, workers, count):
    m = machine_at(address)
    meet(m, workers)
    mine = OWN + me * 256
    held = 0
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        if held < HELD and random_below(m, me, 2) == 0:
            frame = allocate_frame(m, me, TAG_PAGE)
            _marked(m, me, frame)
            if random_below(m, me, 4) == 0:
                share_frame(m, frame)
                drop_frame(m, me, frame)
            set_word(m, mine + held, frame)
            held += 1
        elif held > 0:
            held -= 1
            _drop(m, me, get_word(m, mine + held))
    while held > 0:
        held -= 1
        _drop(m, me, get_word(m, mine + held))
    return 0


@entry(4)
def take_without_lock(address, me, workers, count):
    """Control: the free list is used without its lock."""
    m = machine_at(address)
    meet(m, workers)
    for _ in range(count):
        if over(m):
            break
        frame = m.free_frame
        if frame < 0:
            frame = m.fresh_frame
            m.fresh_frame += 1
        else:
            dawdle(1)
            m.free_frame = m.frames[frame].link
        at = frame_address(m, frame)
        store_64(at, me + 1)
        dawdle(2)
        if load_64(at) != me + 1:
            violation(m)
        m.frames[frame].link = m.free_frame
        m.free_frame = frame
    return 0
