"""Weak memory: what a thread's loads and stores of shared words may look like to others under TSO or RVWMO.

Stores wait in a buffer for each thread and reach memory one by one, when the strategy says so: each that may is among
the threads that wait, as number DRAINS + thread * DEPTH + place.  Under TSO the oldest comes first; under RVWMO any may
that has no older one to the same word or behind a fence before it.  A thread reads its own stores out of the buffer.

Under RVWMO a load may also be satisfied early: it reads what was in the word at an earlier time, no earlier than the
thread's last fence or acquire, than its last access to the same word, and than the loads on which its address depends.
And a load may be satisfied late: its register is pending, and the thread goes on until an instruction needs the value
(or a fence that loads come before).  So loads pass stores that come after them, unless these depend on them.

Stronger than RVWMO: an atomic or store-conditional is neither early nor late; floating-point loads are not late; words
beyond MAX_WEAK_WORDS, threads beyond MAX_WEAK_THREADS and those of other processes are as in SC.  Only shared words are
weak (shared.py): of the others nobody could tell.  Memory is multi-copy atomic: all others see a store when it has
reached memory.  Before a call that may take pages away, all that is under way takes effect (`settle` in weak_run.py):
the page under a waiting store may belong to others afterwards, or hold page tables.

RVWMO: The RISC-V Instruction Set Manual, volume I, chapter 17 and appendix A.  Why views and buffers suffice: Pulte,
Pichon-Pharabod, Kang, Lee, Hur: Promising-ARM/RISC-V (PLDI 2019), of which this is a simple cousin.
"""

from ..hot import entry, hot
from ..kernel.sched.randomness import scrambled
from ..shm.memory import load_64, wrapping_add, wrapping_multiply
from .layout import EXPLORE, world_at
from .weak_records import (
    DEPTH,
    MAX_WEAK_THREADS,
    MAX_WEAK_WORDS,
    PENDING,
    REGISTERS,
    VERSIONS,
    WORD_SLOTS,
    weak_at,
)

_ODD = -7046029254386353131


@hot
def weak_of(w):
    return weak_at(w.weak)


@hot
def is_weak(m, w, i):
    """Whether thread i's memory is weak now."""
    if w.weak == 0 or w.mode < EXPLORE or i >= MAX_WEAK_THREADS:
        return False
    return m.threads[i].task == weak_of(w).task


@hot
def chance(k, i, events, salt):
    """A number of 31 bits that follows from the schedule, the thread, its event and a salt."""
    z = wrapping_add(k.choices, wrapping_multiply((i << 40) ^ (events << 8) ^ salt, _ODD))
    return (scrambled(z) >> 20) & 0x7FFFFFFF


# --- words and their versions -------------------------------------------------------------------------


@hot
def word_at(k, at, host):
    """The place of a shared word among WEAK.words, with its present value as the newest version; -1: no room."""
    n = ((at >> 3) ^ (at >> 13) ^ (at >> 30)) & (WORD_SLOTS - 1)
    while k.words[n].at != at + 1:
        if k.words[n].at == 0:
            if k.nr_words == MAX_WEAK_WORDS:
                return -1
            k.words[n].at = at + 1
            k.words[n].number = k.nr_words
            k.nr_words += 1
            k.words[n].nr = 1
            k.words[n].versions[0].time = k.time
            k.words[n].versions[0].value = load_64(host)
            return n
        n = (n + 1) & (WORD_SLOTS - 1)
    word = k.words[n]
    if word.versions[(word.nr - 1) % VERSIONS].value != load_64(host):
        note_version(k, n, load_64(host))  # an atomic, or a system call
    return n


@hot
def note_version(k, n, value):
    word = k.words[n]
    k.time += 1
    word.versions[word.nr % VERSIONS].time = k.time
    word.versions[word.nr % VERSIONS].value = value
    word.nr += 1


@hot
def note_atomic(w, i, at, host):
    """Thread i has changed a word by an atomic: no thread's later load of it is older, for this thread."""
    k = weak_of(w)
    n = word_at(k, at, host)
    if n >= 0:
        k.views[i * MAX_WEAK_WORDS + k.words[n].number] = k.time
        k.threads[i].newest = max(k.threads[i].newest, k.time)


# --- a schedule ---------------------------------------------------------------------------------------------


@entry(4)
def begin_weak(world, model, choices, task):
    """A schedule begins: nothing waits in any buffer."""
    w = world_at(world)
    k = weak_of(w)
    k.model = model
    k.choices = choices
    k.task = task
    k.time = 0
    k.nr_words = 0
    k.redirect = 0
    k.nr_drains = 0
    for n in range(WORD_SLOTS):
        k.words[n].at = 0
    for i in range(MAX_WEAK_THREADS):
        _begin_thread(k, i)
    return 0


@hot
def _begin_thread(k, i):
    t = k.threads[i]
    t.nr_buffered = 0
    t.order = 0
    t.epoch = 0
    t.nr_pending = 0
    t.bound = 0
    t.newest = 0
    t.stored = 0
    t.in_call = 0
    for n in range(DEPTH):
        t.buffer[n].used = 0
    for n in range(PENDING):
        t.pending[n].register = 0
    for n in range(REGISTERS):
        t.times[n] = 0
    for n in range(MAX_WEAK_WORDS):
        k.views[i * MAX_WEAK_WORDS + n] = 0


@hot
def begin_thread(w, i):
    """A new thread sees all that its maker has done: it has no view older than now."""
    if w.weak != 0 and i < MAX_WEAK_THREADS:
        k = weak_of(w)
        _begin_thread(k, i)
        k.threads[i].bound = k.time
