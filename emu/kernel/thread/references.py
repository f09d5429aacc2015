"""Retain and hold: when a killed task may be taken apart (alux-4).

TASK.references is one word: retain count, hold count, killed bit.

* `hold` fails once the task was killed; `retain` fails once it was killed and is not held.  Who retains it already may
  always add to that (`retain_again`), as a thread that makes another in a task that is just being killed.
* A kill is final, and the task goes to the garbage thread exactly once: the actor whose change
  leaves the bit set and both counts at 0 sends it there.

A thread retains its task from creation to exit, which includes the time that it runs, so
nothing is taken apart under a running thread (the original retains at each switch, which
would cost two atomic operations there).  The system server holds a task while it executes a call for
one of its threads.  Callers may hold a lock, since nothing is freed here: the garbage thread
does that (alux-5, server/process.py).
"""

from ...hot import entry, hot
from ...shm.atomics import compare_exchange, fetch_add, load_seq_cst, store_release
from ...shm.layout import machine_at
from ..critical import noncritical
from ..server_ring import ask_to_reap
from .handles import task_index

ONE_RETAIN = 1
ONE_HOLD = 1 << 24
KILLED = 1 << 60
HOLDS = KILLED - ONE_HOLD


@hot
def begin_references(m, k):
    """A new task is retained by its maker, who releases it when it has a thread (alux-9)."""
    store_release(m.tasks[k], "references", ONE_RETAIN)


@hot
def retain_task(m, k):
    """Add a reference that keeps the task's record; False when the task was killed and nobody holds it."""
    t = m.tasks[k]
    while True:
        word = load_seq_cst(t, "references")
        if word & KILLED and word & HOLDS == 0:
            return False
        if compare_exchange(t, "references", word, word + ONE_RETAIN):
            return True


@hot
def retain_again(m, k):
    """Add a reference to a task that the caller retains already, whether it was killed meanwhile or not."""
    fetch_add(m.tasks[k], "references", ONE_RETAIN)


@hot
def is_mine_alone(m, k):
    """Whether the caller, who retains a killed task, is the only one who does."""
    return load_seq_cst(m.tasks[k], "references") == KILLED | ONE_RETAIN


@hot
def hold_task(m, k):
    """Keep a task from dying while the caller works for it; False once it was killed."""
    t = m.tasks[k]
    while True:
        word = load_seq_cst(t, "references")
        if word & KILLED:
            return False
        if compare_exchange(t, "references", word, word + ONE_HOLD):
            return True


@hot
def release_task(m, me, k):
    _change(m, me, k, -ONE_RETAIN)


@hot
def unhold_task(m, me, k):
    _change(m, me, k, -ONE_HOLD)


@hot
def kill_references(m, me, k):
    """Set the killed bit: nobody can hold the task any more. False when it was killed already."""
    t = m.tasks[k]
    while True:
        word = load_seq_cst(t, "references")
        if word & KILLED:
            return False
        if compare_exchange(t, "references", word, word | KILLED):
            if word == 0:
                ask_to_reap(m, me, k)
            return True


@hot
def _change(m, me, k, by):
    t = m.tasks[k]
    while True:
        word = load_seq_cst(t, "references")
        if compare_exchange(t, "references", word, word + by):
            if word + by == KILLED:  # this happens once, since nothing can be added from here on
                ask_to_reap(m, me, k)
            return


@entry(3)
def hold(address, me, k):
    """Cold form of hold_task. What follows is a non-critical section (alux-7, alux-10): the holder may wait."""
    m = machine_at(address)
    noncritical(m, me)
    return 1 if hold_task(m, k) else 0


@entry(3)
def unhold(address, me, k):
    """Cold form of unhold_task."""
    unhold_task(machine_at(address), me, k)
    return 0


@entry(2)
def retain(address, k):
    """Cold form of retain_task."""
    return 1 if retain_task(machine_at(address), k) else 0


@entry(3)
def release(address, me, k):
    """Cold form of release_task."""
    release_task(machine_at(address), me, k)
    return 0


@entry(3)
def hold_handle(address, me, handle):
    """Hold the task that a handle names; its index, -1 when it is gone or killed."""
    m = machine_at(address)
    k = task_index(m, handle)
    if k < 0 or not hold_task(m, k):
        return -1
    if task_index(m, handle) != k:  # its record was used again in between
        unhold_task(m, me, k)
        return -1
    return k
