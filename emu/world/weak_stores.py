"""Store buffers: stores that wait, and reach memory one by one (weak.py)."""

from ..hot import hot, never_inline
from ..shm.memory import address_of, load_64, load_u8, lowest_bit, store_8
from .candidates import take_out
from .layout import DRAINS, MAX_WAITING, NOTHING
from .weak import note_version, weak_of, word_at
from .weak_records import BUFFERED, DEPTH, MAX_DRAINS, MAX_WEAK_WORDS, SCRATCH, TSO

DATA = BUFFERED.offset("data")


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
        note_version(k, word, load_64(b.host))
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


@hot
def as_seen(k, i, at, value):
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
def has_own(k, i, at):
    t = k.threads[i]
    found = False
    for n in range(DEPTH):
        found = found or (t.buffer[n].used != 0 and t.buffer[n].at == at)
    return found
