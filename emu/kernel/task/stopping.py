"""Stopped tasks: none of their threads goes on until SIGCONT or SIGKILL comes (signal(7), wait(2)).

TASK.stopped is looked at where a thread enters the guest, its safe point (cpu_worker/loop.py); a thread that finds it
set sleeps in TASK.stop_queue.  A thread that sleeps or is served meanwhile stops when it comes to that point.

No thread is left asleep: a thread looks at `stopped` again and joins the queue with families_lock held; who continues
the task clears the word under that lock, and wakes the queue after it.  A kill comes before the sleep is declared, and
is seen after that, or finds the sleeper and wakes it.

What a parent may be told of a child that lives is one word, TASK.news: the wait status of its last stop, CONTINUED,
or 0.  Each is told once.
"""

from ...hot import hot, never_inline
from ...shm.atomics import store_relaxed
from ..critical import either, noncritical
from ..sched.core import block
from ..sleep.endings import interrupt_sleep
from ..sleep.waitqueue import join_stopped, wake_queue
from ..thread.leaving import must_come
from ..thread.references import release_task, retain_task
from ..thread.states import DEBUG_HELD, TASK_ALIVE, TASK_STOPPED
from .family import lock_families, unlock_families

CONTINUED = 0xFFFF  # as a wait status
STOPPED_BITS = 0x7F  # the low byte of the wait status of a stop; the signal is above
ALL = 1 << 30


@hot
def stop_status(signal):
    """The wait status of a task that a signal has stopped."""
    return signal << 8 | STOPPED_BITS


@hot
def stop_with_task(m, me, i):
    """The running thread, at its safe point, has found its task stopped, or is held: it sleeps until it may go on."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    task = m.tasks[t.task]
    lock_families(m, me)
    still = task.stopped & TASK_STOPPED != 0 or t.debug & DEBUG_HELD != 0
    if still:
        join_stopped(m, me, i, task.stop_queue)
    unlock_families(m, me)
    if still:
        if must_come(m, i):
            interrupt_sleep(m, me, i)  # the kill came before the sleep
        block(m, me, i)


@hot
def mark_stopped(m, me, k, signal):
    """Let task k stop; its parent, retained, or -1. False in the second place: it was stopped already, or ends."""
    either(m, me)
    t = m.tasks[k]
    parent = -1
    lock_families(m, me)
    stops = t.state == TASK_ALIVE and t.stopped & TASK_STOPPED == 0
    if stops:
        store_relaxed(t, "stopped", t.stopped | TASK_STOPPED)
        t.news = stop_status(signal)
        parent = t.parent - 1
        if parent >= 0 and not retain_task(m, parent):
            parent = -1
    unlock_families(m, me)
    return parent, stops


@hot
def continue_task(m, me, k):
    """Let task k go on, if it is stopped; who waits for it is told."""
    never_inline()
    either(m, me)
    t = m.tasks[k]
    parent = -1
    lock_families(m, me)
    goes_on = t.stopped & TASK_STOPPED != 0
    if goes_on:
        store_relaxed(t, "stopped", t.stopped & ~TASK_STOPPED)
        t.news = CONTINUED
        parent = t.parent - 1
        if parent >= 0 and not retain_task(m, parent):
            parent = -1
    unlock_families(m, me)
    if goes_on:
        wake_queue(m, me, t.stop_queue, ALL)
    if parent >= 0:
        wake_queue(m, me, m.tasks[parent].waiters, ALL)
        release_task(m, me, parent)
