"""Processes allocate, mark, check and free objects of kernel memory; some are killed in the middle, by real signals.

An object's address stands in a word of its holder's, from right after kmalloc until right before kfree.  So what a
killed process held is known, but for the one object that it had in its hands.
"""

import os
import random
import signal
import sys
import time

from emu.hot import entry, hot
from emu.kernel.sched.randomness import random_below
from emu.kernel.vm import slabs
from emu.kernel.vm.slabs import kfree, kmalloc
from emu.limits import OBJECT_CLASSES
from emu.shm.layout import machine_at, slab_at
from emu.shm.memory import load_64, store_64
from emu.shm.tags import TAG_PIPE, TAG_SIGINFO
from emu.testing.checks import check_slabs
from emu.testing.crew import (
    DONE,
    OWN,
    STOP,
    VIOLATIONS,
    add_word,
    dawdle,
    get_word,
    meet,
    over,
    result,
    set_word,
    violation,
    word_at,
)
from tests.kernel import wrappers

HELD = 200  # words of objects a worker holds at most
WORDS = 256
KILLS, LIMIT_S = 12, 60.0  # so many with the lock held, and how long they may take
LOST = DONE  # objects whose holder was killed with them in its hands, at most


@hot
def _allocate(m, me, at):
    size_class = random_below(m, me, OBJECT_CLASSES)
    size_bytes = slabs.OBJECT_BYTES[size_class]
    address = kmalloc(m, me, size_bytes, TAG_PIPE if random_below(m, me, 2) == 0 else TAG_SIGINFO)
    if address == 0:
        return
    set_word(m, at, address)
    set_word(m, at + 1, size_bytes)
    store_64(address, me + 1)
    store_64(address + size_bytes - 8, me + 1)


@hot
def _free(m, me, at):
    address = get_word(m, at)
    size_bytes = get_word(m, at + 1)
    if size_bytes >= 64 and (load_64(address) != me + 1 or load_64(address + size_bytes - 8) != me + 1):
        violation(m)
    set_word(m, at, 0)
    kfree(m, me, address)


@hot
def _step(m, me):
    at = OWN + me * WORDS + 2 * random_below(m, me, HELD // 2)
    if get_word(m, at) == 0:
        _allocate(m, me, at)
    else:
        _free(m, me, at)


@entry(4)
def allocate_and_free(address, me, workers, count):
    m = machine_at(address)
    done = 0
    while done < count and not over(m):
        _step(m, me)
        done += 1
        result(m, me, done)
    for at in range(OWN + me * WORDS, OWN + me * WORDS + HELD, 2):
        if get_word(m, at) != 0:
            _free(m, me, at)
    return 0


@entry(2)
def allocate_for_ever(address, me):
    m = machine_at(address)
    while not over(m):
        _step(m, me)
    return 0


@entry(2)
def free_what_it_held(address, me):
    """The objects of a killed process, whose marks it may not have written yet."""
    m = machine_at(address)
    for at in range(OWN + me * WORDS, OWN + me * WORDS + HELD, 2):
        if get_word(m, at) != 0:
            kfree(m, me, get_word(m, at))
            set_word(m, at, 0)
    return 0


@entry(2)
def add_lost(address, count):
    add_word(machine_at(address), LOST, count)
    return word_at(machine_at(address), LOST)


def _kill_often(window, me, after_kill, kills):
    """Processes that allocate for ever are killed at a random moment, until so many of them held the lock."""
    chance, machine = random.Random(me), window.machine
    for function in (allocate_for_ever, free_what_it_held, wrappers.recover_kernel_memory, add_lost):
        function.compile()
    held, end = 0, time.monotonic() + LIMIT_S
    begun, begins = os.pipe()
    while held < kills and time.monotonic() < end:
        child = os.fork()
        if child == 0:
            try:
                os.write(begins, b"!")
                allocate_for_ever(window.address, me)
            finally:
                os._exit(0)
        os.read(begun, 1)  # on a busy host it may be a while until the child runs
        time.sleep(chance.random() * 0.004)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        had_lock = machine["kmem_lock"] == me + 1
        held += had_lock
        if not after_kill(had_lock):
            return


def kill_and_recover(window, me, workers, directory):
    def after_kill(had_lock):
        if had_lock:
            wrappers.recover_kernel_memory(window.address, me)
        add_lost(window.address, 1)
        free_what_it_held(window.address, me)
        return True

    _kill_often(window, me, after_kill, KILLS)
    window.memory(0, 64).view("i8")[STOP] = 1


def kill_and_release(window, me, workers, directory):
    """Control: the lock is released, and nothing is rebuilt."""

    def after_kill(had_lock):
        if had_lock:
            window.machine["kmem_lock"] = 0
            try:
                check_slabs(window)
            except AssertionError:
                window.memory(0, 64).view("i8")[VIOLATIONS] += 1
                return False
        return True

    _kill_often(window, me, after_kill, sys.maxsize)  # the lists may well be whole


@entry(4)
def take_without_lock(address, me, workers, count):
    """Control: the mask of a slab is changed without the lock, so objects are given to two at once."""
    m = machine_at(address)
    if me == 0:
        set_word(m, OWN, kmalloc(m, me, 64, TAG_PIPE))
    meet(m, workers)
    s = slab_at(get_word(m, OWN) - slabs.HEADER_BYTES)
    for _ in range(count):
        if over(m):
            break
        k = 1 + random_below(m, me, 8)
        if (s.used >> k) & 1 == 0:
            dawdle(1)
            s.used = s.used | 1 << k
            at = get_word(m, OWN) + 64 * k
            store_64(at, me + 1)
            dawdle(2)
            if load_64(at) != me + 1:
                violation(m)
            s.used = s.used & ~(1 << k)
    return 0
