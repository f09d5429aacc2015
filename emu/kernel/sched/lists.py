"""The lists of a run queue: threads linked both ways, first in first out.

The building block that policies use inside their hooks.  All of it runs with the run queue's lock held; a thread
is in at most one list.  Two words are a list, its first and its last thread, each as index + 1, so that words of
zeros are an empty list.  Every queue has one list of its own.  A policy can make further ones, each out of two of the
queue's policy words, `at` and `at + 1`: the functions whose names have _to, _from or _of work on these.
"""

from ...hot import hot
from ...shm.memory import get, put
from ...shm.spinlock import field_address

# --- a queue's own list -----------------------------------------------------------------------------


@hot
def append(m, q, i):
    """Put thread i last in queue record q."""
    _append(m, field_address(q, "head"), i)


@hot
def push(m, q, i):
    """Put thread i first in queue record q."""
    _push(m, field_address(q, "head"), i)


@hot
def remove(m, q, i):
    """Take thread i out of queue record q, wherever it is."""
    _remove(m, field_address(q, "head"), i)


@hot
def first(q):
    """The first thread, -1 when there is none; `next` of a thread leads on, to -1."""
    return q.head - 1


@hot
def pop(m, q):
    """Take the first thread out and return it, -1 when empty."""
    i = first(q)
    if i >= 0:
        remove(m, q, i)
    return i


# --- further lists ----------------------------------------------------------------------------------


@hot
def append_to(m, q, at, i):
    _append(m, field_address(q, "policy") + 8 * at, i)


@hot
def push_to(m, q, at, i):
    _push(m, field_address(q, "policy") + 8 * at, i)


@hot
def remove_from(m, q, at, i):
    _remove(m, field_address(q, "policy") + 8 * at, i)


@hot
def first_of(q, at):
    return q.policy[at] - 1


# --- any list, by the address of its two words ------------------------------------------------------


@hot
def _append(m, ends, i):
    t = m.threads[i]
    last = get(ends + 8) - 1
    t.next = -1
    t.previous = last
    if last >= 0:
        m.threads[last].next = i
    else:
        put(ends, i + 1)
    put(ends + 8, i + 1)


@hot
def _push(m, ends, i):
    t = m.threads[i]
    after = get(ends) - 1
    t.previous = -1
    t.next = after
    if after >= 0:
        m.threads[after].previous = i
    else:
        put(ends + 8, i + 1)
    put(ends, i + 1)


@hot
def _remove(m, ends, i):
    t = m.threads[i]
    if t.previous >= 0:
        m.threads[t.previous].next = t.next
    else:
        put(ends, t.next + 1)
    if t.next >= 0:
        m.threads[t.next].previous = t.previous
    else:
        put(ends + 8, t.previous + 1)
    t.next = -1
    t.previous = -1
