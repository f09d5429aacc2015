"""Threads of programs in Python: started with stacks of their own, waited for, put to sleep; locks and futexes.

A thread is started by clone(2) as pthreads start theirs.  Each has a slot: a word that is its tid while it lives, which
the kernel clears when it ends (CLONE_CHILD_CLEARTID), and its stack.  Invariant: a slot whose word is 0 has no thread
on its stack, because the kernel clears the word after the thread's last instruction; so the next one may have it.  Who
starts a thread claims a slot by a compare-and-swap from 0; the kernel stores the tid before the new thread runs.

A lock is Drepper's second mutex ("Futexes are tricky", 2011): 0 free, 1 taken, 2 taken and perhaps waited for.
"""

from ..abi.clone import (
    CLONE_CHILD_CLEARTID,
    CLONE_FILES,
    CLONE_FS,
    CLONE_PARENT_SETTID,
    CLONE_SIGHAND,
    CLONE_SYSVSEM,
    CLONE_THREAD,
    CLONE_VM,
)
from ..abi.errno import EAGAIN
from .calls import call, clone
from .memory import (
    address,
    body,
    compare_exchange_half,
    exchange_half,
    load,
    load_half,
    peek,
    poke,
    room,
    store,
    words,
)

MAX_LIVING = 4096  # threads of a program that live at once
STACK_BYTES, GUARD_BYTES = 256 << 10, 4096
_FLAGS = (
    CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID
    | CLONE_CHILD_CLEARTID
)  # fmt: skip
_FUTEX, _GETTID, _MMAP, _MPROTECT, _NANOSLEEP, _CLOCK_GETTIME, _YIELD, _EXIT_GROUP = (
    98,
    178,
    222,
    226,
    101,
    113,
    124,
    94,
)
_WAIT, _WAKE = 128, 129  # FUTEX_WAIT, FUTEX_WAKE of this program's own memory
_CLAIMED = -1
_SECOND = 1_000_000_000

_tids = words(MAX_LIVING)
_stacks = words(MAX_LIVING)
_used = words(1)  # slots from this one on have never had a thread


def exit(status):
    """End the program, with all its threads."""
    call(_EXIT_GROUP, status)


def gettid():
    """The number of the thread that asks: what `spawn` returned to the one that started it."""
    return call(_GETTID)


def yield_():
    """Let others run first."""
    call(_YIELD)


def now_ns():
    """The machine's time in ns (CLOCK_MONOTONIC)."""
    at = room()
    call(_CLOCK_GETTIME, 1, at)
    return peek(at) * _SECOND + peek(at + 8)


def sleep(time_ns):
    """Sleep for so many ns."""
    at = room()
    poke(at, time_ns // _SECOND)
    poke(at + 8, time_ns % _SECOND)
    call(_NANOSLEEP, at, 0)


def spawn(function, argument):
    """Start a thread that calls a function of one integer and ends with it; its tid, negative: an error."""
    slot = _claim()
    if slot < 0:
        return slot
    stack = load(_stacks, slot)
    if stack == 0:
        stack = _new_stack()
        if stack < 0:
            exchange_half(address(_tids, slot), 0)
            return stack
        store(_stacks, slot, stack)
    word = address(_tids, slot)
    tid = clone(_FLAGS, stack + STACK_BYTES, word, body(function), argument)
    if tid < 0:
        exchange_half(word, 0)
    return tid


def _claim():
    """A slot without a thread, now the caller's; -EAGAIN when there is none."""
    for slot in range(MAX_LIVING):
        if compare_exchange_half(address(_tids, slot), 0, _CLAIMED) == 0:
            if slot >= load(_used, 0):
                _raise_used(slot + 1)
            return slot
    return -EAGAIN


def _raise_used(count):
    """All slots below `count` are looked at by `join` from now on."""
    word = address(_used, 0)
    old = load_half(word)
    while old < count:
        found = compare_exchange_half(word, old, count)
        old = count if found == old else found


def _new_stack():
    """The lowest address of memory for a stack; below it nothing is mapped, so one that grows too long is a trap."""
    lowest = call(_MMAP, 0, STACK_BYTES + GUARD_BYTES, 3, 0x22, -1, 0)
    if lowest < 0:
        return lowest
    call(_MPROTECT, lowest, GUARD_BYTES, 0)
    return lowest + GUARD_BYTES


def join(tid):
    """Wait until a thread has ended, which `spawn` returned; at once when it has."""
    for slot in range(load(_used, 0) if tid > 0 else 0):
        word = address(_tids, slot)
        while load_half(word) == tid:
            call(_FUTEX, word, 0, tid)  # not that of private memory: the kernel wakes all kinds when it clears the word
    return 0


def lock(array, index=0):
    """Take the lock that a word of an array is (0 at first), or sleep until it is free."""
    word = address(array, index)
    state = compare_exchange_half(word, 0, 1)
    if state != 0:
        if state != 2:
            state = exchange_half(word, 2)
        while state != 0:
            call(_FUTEX, word, _WAIT, 2)
            state = exchange_half(word, 2)


def unlock(array, index=0):
    """Give a lock back."""
    word = address(array, index)
    if exchange_half(word, 0) == 2:
        call(_FUTEX, word, _WAKE, 1)


def wait(array, index, value):
    """Sleep until `wake` is called for a word, or not at all if its lower 32 bits are not `value`: look at it again."""
    return call(_FUTEX, address(array, index), _WAIT, value)


def wake(array, index, count):
    """Wake so many threads that wait at a word; how many there were."""
    return call(_FUTEX, address(array, index), _WAKE, count)
