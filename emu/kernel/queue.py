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


@hot
def push(m, q, i):
    """Put thread i first in queue record q."""
    t = m.threads[i]
    t.previous = -1
    t.next = q.head
    if q.head >= 0:
        m.threads[q.head].previous = i
    else:
        q.tail = i
    q.head = i


# --- further lists: their ends are two words of the queue's own, `at` and `at + 1`, as index + 1 ----


@hot
def append_to(m, q, at, i):
    """Put thread i last in the list at a policy word."""
    t = m.threads[i]
    last = q.policy[at + 1] - 1
    t.next = -1
    t.previous = last
    if last >= 0:
        m.threads[last].next = i
    else:
        q.policy[at] = i + 1
    q.policy[at + 1] = i + 1


@hot
def push_to(m, q, at, i):
    """Put thread i first in the list at a policy word."""
    t = m.threads[i]
    first = q.policy[at] - 1
    t.previous = -1
    t.next = first
    if first >= 0:
        m.threads[first].previous = i
    else:
        q.policy[at + 1] = i + 1
    q.policy[at] = i + 1


@hot
def remove_from(m, q, at, i):
    """Take thread i out of the list at a policy word, wherever it is."""
    t = m.threads[i]
    if t.previous >= 0:
        m.threads[t.previous].next = t.next
    else:
        q.policy[at] = t.next + 1
    if t.next >= 0:
        m.threads[t.next].previous = t.previous
    else:
        q.policy[at + 1] = t.previous + 1
    t.next = -1
    t.previous = -1
