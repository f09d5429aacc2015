"""Weak memory: what a thread's loads and stores of shared words may look like to others under TSO or RVWMO.

Stores wait in a buffer for each thread and reach memory one by one, when the strategy says so: each that may is among
the threads that wait, as number DRAINS + thread * DEPTH + place.  Under TSO the oldest comes first; under RVWMO any may
that has no older one to the same word or behind a fence before it.  A thread reads its own stores out of the buffer.

Under RVWMO a load may also be satisfied early: it reads what was in the word at an earlier time, no earlier than the
thread's last fence or acquire, than its last access to the same word, and than the loads on which its address depends.
And a load may be satisfied late: its register is pending, and the thread goes on until an instruction needs the value
(or a fence that loads come before).  So loads pass stores that come after them, unless these depend on them.

Stronger than RVWMO: an atomic or store-conditional is neither early nor late; floating-point loads are not late; words
beyond MAX_WEAK_WORDS and threads beyond MAX_WEAK_THREADS are as in SC.  Only shared words are weak (shared.py): of the
others nobody could tell.  Memory is multi-copy atomic: all others see a store when it has reached memory.

RVWMO: The RISC-V Instruction Set Manual, volume I, chapter 17 and appendix A.  Why views and buffers suffice: Pulte,
Pichon-Pharabod, Kang, Lee, Hur: Promising-ARM/RISC-V (PLDI 2019), of which this is a simple cousin.
"""

from ..hot import entry, hot, never_inline
from ..kernel.sched.randomness import scrambled
from ..shm.memory import address_of, load_64, load_u8, lowest_bit, store_8, wrapping_add, wrapping_multiply
from .candidates import take_out
from .instructions import SIGNED
from .layout import DRAINS, MAX_WAITING, NOTHING, world_at
from .weak_records import (
    BUFFERED,
    DEPTH,
    MAX_DRAINS,
    MAX_WEAK_THREADS,
    MAX_WEAK_WORDS,
    PENDING,
    REGISTERS,
    RVWMO,
    TSO,
    VERSIONS,
    WEAK,
    WORD_SLOTS,
    weak_at,
)

DATA, SCRATCH = BUFFERED.offset("data"), WEAK.offset("scratch")
EARLY, LATE = 1, 2  # salts
_ODD = -7046029254386353131


@hot
def weak_of(w):
    return weak_at(w.weak)


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
        _note_version(k, n, load_64(host))  # an atomic, or a system call
    return n


@hot
def _note_version(k, n, value):
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


# --- store buffers --------------------------------------------------------------------------------------


@hot
def _may_drain(k, t, b):
    """Whether the store b of a thread's buffer may be the next to reach memory."""
    for n in range(DEPTH):
        o = t.buffer[n]
        if o.used != 0 and o.order < b.order and (k.model == TSO or o.at == b.at or o.epoch < b.epoch):
            return False
    return True


@hot
def list_drains(w, k, i):
    """Put the stores of thread i that may reach memory among those that wait."""
    t = k.threads[i]
    for n in range(DEPTH):
        b = t.buffer[n]
        if b.used != 0 and b.in_waiting == 0 and w.nr_waiting < MAX_WAITING and _may_drain(k, t, b):
            b.in_waiting = 1
            pseudo = DRAINS + i * DEPTH + n
            w.threads[pseudo].kind = NOTHING
            w.threads[pseudo].at = b.at
            w.threads[pseudo].priority = 0
            w.threads[pseudo].yielded = 0
            w.threads[pseudo].events = b.order
            w.waiting[w.nr_waiting] = pseudo
            w.nr_waiting += 1


@hot
def drain(w, pseudo):
    """A store reaches memory."""
    never_inline()
    k = weak_of(w)
    i, n = (pseudo - DRAINS) // DEPTH, (pseudo - DRAINS) % DEPTH
    t = k.threads[i]
    b = t.buffer[n]
    word = word_at(k, b.at, b.host)
    source = address_of(b) + DATA
    for byte in range(8):
        if (b.bytes >> byte) & 1 != 0:
            store_8(b.host + byte, load_u8(source + byte))
    if word >= 0:
        _note_version(k, word, load_64(b.host))
        k.views[i * MAX_WEAK_WORDS + k.words[word].number] = k.time
    t.stored = k.time
    b.used = 0
    if b.in_waiting != 0:
        take_out(w, pseudo)
    b.in_waiting = 0
    t.nr_buffered -= 1
    if k.nr_drains < MAX_DRAINS:
        d = k.drains[k.nr_drains]
        d.step = w.step
        d.thread = i
        d.at = b.at + lowest_bit(b.bytes)
        d.value = load_64(b.host)
    k.nr_drains += 1
    list_drains(w, k, i)


@hot
def oldest(k, i, at):
    """A store of thread i that may reach memory, to a word (0: any): as one that waits, -1 where there is none."""
    t = k.threads[i]
    best = -1
    for n in range(DEPTH):
        b = t.buffer[n]
        if b.used != 0 and _may_drain(k, t, b) and (best < 0 or b.order < t.buffer[best].order):
            best = n
    found = False
    for n in range(DEPTH):
        found = found or (t.buffer[n].used != 0 and (at == 0 or t.buffer[n].at == at))
    return DRAINS + i * DEPTH + best if found else -1


@hot
def is_full(k, i):
    return k.threads[i].nr_buffered == DEPTH


@hot
def buffer_store(w, i, va, host, size, value):
    """Thread i's store waits in its buffer, which is not full."""
    never_inline()
    k = weak_of(w)
    t = k.threads[i]
    n = 0
    while t.buffer[n].used != 0:
        n += 1
    b = t.buffer[n]
    b.used = 1
    b.order = t.order
    t.order += 1
    b.epoch = t.epoch
    b.at = va & ~7
    b.host = host & ~7
    b.bytes = ((1 << size) - 1) << (va & 7)
    b.data = value << (8 * (va & 7))
    b.in_waiting = 0
    t.nr_buffered += 1
    list_drains(w, k, i)


# --- loads ------------------------------------------------------------------------------------------------


@hot
def _seen(k, i, at, value):
    """A word's value as thread i sees it, with its own stores that have not reached memory yet."""
    k.scratch = value
    t = k.threads[i]
    for order in range(t.order - DEPTH if t.order > DEPTH else 0, t.order):
        for n in range(DEPTH):
            b = t.buffer[n]
            if b.used != 0 and b.order == order and b.at == at:
                for byte in range(8):
                    if (b.bytes >> byte) & 1 != 0:
                        store_8(address_of(k) + SCRATCH + byte, load_u8(address_of(b) + DATA + byte))
    return k.scratch


@hot
def _has_own(k, i, at):
    t = k.threads[i]
    found = False
    for n in range(DEPTH):
        found = found or (t.buffer[n].used != 0 and t.buffer[n].at == at)
    return found


@hot
def _choose_version(k, events, i, n, dependence):
    """The version of the word at place n that thread i's load reads."""
    word = k.words[n]
    newest = word.nr - 1
    if k.model != RVWMO or _has_own(k, i, word.at - 1):
        return newest
    t = k.threads[i]
    bound = max(max(t.bound, k.views[i * MAX_WEAK_WORDS + word.number]), dependence)
    first = newest
    while first > 0 and first > word.nr - VERSIONS and word.versions[first % VERSIONS].time > bound:
        first -= 1
    draw = chance(k, i, events, EARLY)
    if first == newest or draw & 1 != 0:
        return newest
    return first + (draw >> 1) % (newest - first)


@hot
def foreseen(w, i, va, host, dependence):
    """What `load_version` will read; nothing is changed."""
    k = weak_of(w)
    n = word_at(k, va & ~7, host & ~7)
    value = load_64(host & ~7)
    if n >= 0:
        value = k.words[n].versions[_choose_version(k, w.threads[i].events, i, n, dependence) % VERSIONS].value
    return _seen(k, i, va & ~7, value)


@hot
def load_version(w, i, va, host, dependence):
    """What thread i's load of a shared word reads: the whole word. `dependence`: the time of what its address needs."""
    never_inline()
    k = weak_of(w)
    t = k.threads[i]
    at = va & ~7
    n = word_at(k, at, host & ~7)
    k.satisfied = k.time
    if n < 0:
        return _seen(k, i, at, load_64(host & ~7))
    word = k.words[n]
    chosen = _choose_version(k, w.threads[i].events, i, n, dependence)
    version = word.versions[chosen % VERSIONS]
    if chosen < word.nr - 1:  # it was satisfied at the last moment at which the word had this value
        k.satisfied = word.versions[(chosen + 1) % VERSIONS].time - 1
    place = i * MAX_WEAK_WORDS + word.number
    k.views[place] = max(k.views[place], version.time)
    t.newest = max(t.newest, k.satisfied)
    return _seen(k, i, at, version.value)


@hot
def resolve(m, w, i, n):
    """A pending load gets its value."""
    never_inline()
    k = weak_of(w)
    p = k.threads[i].pending[n]
    value = load_version(w, i, p.va, p.host, p.bound)
    value = value >> (8 * (p.va & 7))
    bits = 8 * (p.size & ~SIGNED)
    if bits < 64:
        value &= (1 << bits) - 1
        if p.size & SIGNED != 0 and (value >> (bits - 1)) & 1 != 0:
            value -= 1 << bits
    m.threads[i].x[p.register] = value
    k.threads[i].times[p.register] = k.satisfied
    p.register = 0
    k.threads[i].nr_pending -= 1


@hot
def pending_load(w, i, register, at):
    """A pending load of thread i, of a register or of a word (-1: of any); its place, -1 where there is none."""
    t = weak_of(w).threads[i]
    for n in range(PENDING):
        p = t.pending[n]
        if p.register != 0 and (register < 0 or p.register == register) and (at < 0 or p.va & ~7 == at):
            return n
    return -1


@hot
def defer(w, i, register, va, host, size, dependence):
    """Whether thread i's load of this register is done later; then it is pending."""
    k = weak_of(w)
    t = k.threads[i]
    if k.model != RVWMO or t.nr_pending == PENDING or register <= 0 or register >= 32:
        return False
    if chance(k, i, w.threads[i].events, LATE) & 3 != 0:
        return False
    for n in range(PENDING):
        p = t.pending[n]
        if p.register == 0:
            p.register = register
            p.va = va
            p.host = host
            p.size = size
            p.bound = max(t.bound, dependence)
            t.nr_pending += 1
            return True
    return False


@hot
def redirected(w, va):
    """Where the interpreter's next access to a shared word goes instead: WEAK.redirect, or (1) what was made for it."""
    k = weak_of(w)
    return (address_of(k) + SCRATCH if k.redirect == 1 else k.redirect) + (va & 7)


# --- a schedule ---------------------------------------------------------------------------------------------


@entry(3)
def begin_weak(world, model, choices):
    """A schedule begins: nothing waits in any buffer."""
    w = world_at(world)
    k = weak_of(w)
    k.model = model
    k.choices = choices
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
