"""The list of a run queue: threads linked both ways, first in first out.

The building block that policies use inside their hooks.  All of it runs with the
run queue's lock held; a thread is in at most one list.
"""

from ..hot import hot


@hot
def append(m, q, i):
    """Put thread i last in queue record q."""
    t = m.threads[i]
    t.next = -1
    t.previous = q.tail
    if q.tail >= 0:
        m.threads[q.tail].next = i
    else:
        q.head = i
    q.tail = i


@hot
def remove(m, q, i):
    """Take thread i out of queue record q, wherever it is."""
    t = m.threads[i]
    if t.previous >= 0:
        m.threads[t.previous].next = t.next
    else:
        q.head = t.next
    if t.next >= 0:
        m.threads[t.next].previous = t.previous
    else:
        q.tail = t.previous
    t.next = -1
    t.previous = -1


@hot
def pop(m, q):
    """Take the first thread out and return it, -1 when empty."""
    i = q.head
    if i >= 0:
        remove(m, q, i)
    return i
