"""Loads of shared words under weak memory: early, late, or as they stand (weak.py)."""

from ..hot import hot, never_inline
from ..shm.memory import address_of, load_64
from .instructions import SIGNED
from .weak import chance, weak_of, word_at
from .weak_records import MAX_WEAK_WORDS, PENDING, RVWMO, SCRATCH, VERSIONS
from .weak_stores import as_seen, has_own

EARLY, LATE = 1, 2  # salts


@hot
def _choose_version(k, events, i, n, dependence):
    """The version of the word at place n that thread i's load reads."""
    word = k.words[n]
    newest = word.nr - 1
    if k.model != RVWMO or has_own(k, i, word.at - 1):
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
    return as_seen(k, i, va & ~7, value)


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
        return as_seen(k, i, at, load_64(host & ~7))
    word = k.words[n]
    chosen = _choose_version(k, w.threads[i].events, i, n, dependence)
    version = word.versions[chosen % VERSIONS]
    if chosen < word.nr - 1:  # it was satisfied at the last moment at which the word had this value
        k.satisfied = word.versions[(chosen + 1) % VERSIONS].time - 1
    place = i * MAX_WEAK_WORDS + word.number
    k.views[place] = max(k.views[place], version.time)
    t.newest = max(t.newest, k.satisfied)
    return as_seen(k, i, at, version.value)


@hot
def satisfy(m, w, i, n):
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
