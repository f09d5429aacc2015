"""A queue's waiting threads as a treap: a tree ordered by deadline, and heap-ordered by a hash of the thread's number.

For policies that look for the earliest deadline among threads whose v is small enough (eevdf.py): each node knows the
least v below it, so a search leaves out whole branches.  Inserting and deleting take O(log n) steps on average.
Invariants: a left child's deadline is earlier than its parent's, a right one's is not; a parent's rank is above its
children's; MIN_V of a node is the least V of its subtree; ROOT is the root thread + 1, 0 when no thread waits.
All of it runs with the queue's lock held.  The links are THREAD.next (left child) and THREAD.previous (right child).
"""

from emu.policy import hot, wrapping_multiply

(ROOT,) = range(1)  # word of a queue
V, DEADLINE, MIN_V, PARENT = range(4)  # words of a thread


@hot
def _rank(i):
    """The thread's place in the heap order: a hash of its number."""
    return wrapping_multiply(i + 1, -7046029254386353131)


@hot
def _min_v(m, i):
    """Set a node's least v from its own and its children's."""
    t = m.threads[i]
    least = t.policy[V]
    if t.next >= 0:
        least = min(least, m.threads[t.next].policy[MIN_V])
    if t.previous >= 0:
        least = min(least, m.threads[t.previous].policy[MIN_V])
    t.policy[MIN_V] = least


@hot
def _hang(m, q, parent, old, new):
    """Where `old` hung below `parent` (-1: the root), `new` hangs now."""
    if parent < 0:
        q.policy[ROOT] = new + 1
    elif m.threads[parent].next == old:
        m.threads[parent].next = new
    else:
        m.threads[parent].previous = new
    if new >= 0:
        m.threads[new].policy[PARENT] = parent


@hot
def _lift(m, q, i):
    """Rotate a node above its parent; least values of both are right afterwards."""
    t = m.threads[i]
    up = t.policy[PARENT]
    p = m.threads[up]
    _hang(m, q, p.policy[PARENT], up, i)
    if p.next == i:
        inner = t.previous
        p.next = inner
        t.previous = up
    else:
        inner = t.next
        p.previous = inner
        t.next = up
    if inner >= 0:
        m.threads[inner].policy[PARENT] = up
    p.policy[PARENT] = i
    t.policy[MIN_V] = p.policy[MIN_V]
    _min_v(m, up)


@hot
def insert(m, q, i):
    """Hang a thread into the treap by its deadline, after those with the same."""
    t = m.threads[i]
    t.next = -1
    t.previous = -1
    v = t.policy[V]
    t.policy[MIN_V] = v
    parent = -1
    at = q.policy[ROOT] - 1
    left = False
    while at >= 0:
        p = m.threads[at]
        if v < p.policy[MIN_V]:
            p.policy[MIN_V] = v
        parent = at
        left = t.policy[DEADLINE] < p.policy[DEADLINE]
        at = p.next if left else p.previous
    t.policy[PARENT] = parent
    if parent < 0:
        q.policy[ROOT] = i + 1
    elif left:
        m.threads[parent].next = i
    else:
        m.threads[parent].previous = i
    rank = _rank(i)
    while t.policy[PARENT] >= 0 and _rank(t.policy[PARENT]) < rank:
        _lift(m, q, i)


@hot
def delete(m, q, i):
    """Take a thread out of the treap."""
    t = m.threads[i]
    while t.next >= 0 and t.previous >= 0:
        _lift(m, q, t.next if _rank(t.next) > _rank(t.previous) else t.previous)
    child = t.next if t.next >= 0 else t.previous
    at = t.policy[PARENT]
    _hang(m, q, at, i, child)
    while at >= 0:
        _min_v(m, at)
        at = m.threads[at].policy[PARENT]
    t.next = -1
    t.previous = -1
