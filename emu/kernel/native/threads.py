"""Native calls about threads, kernel mutexes and wait queues, time-outs, time and kernel memory (cz-4 to cz-6, alux-3).

All of it is about the caller's own task: threads by their gettid(), mutexes and wait queues by numbers below
WAIT_QUEUES, lock words by their address.
"""

from ...abi.errno import EFAULT, EINVAL, EPERM, ESRCH
from ...abi.registers import A0
from ...hot import hot, never_inline
from ...limits import WAIT_QUEUES
from ..actions import BLOCK, RESUME, YIELD
from ..sleep.heap import NEVER
from ..sleep.mutex import WAITS, mutex_lock, mutex_trylock, mutex_unlock
from ..sleep.timeout_ring import post_timeout
from ..sleep.until import clear_timeout
from ..sleep.waitqueue import join_queue, wake_queue
from ..task.suspend import resume_async, suspend_async, suspend_sync
from ..thread.reaping import drop_thread, retain_tid
from ..thread.sleep_word import prepare_sleep
from ..thread.states import SLEEP_EVENT, SLEEP_TIMED
from ..ticks import count_ticks, days_of, hours_of, minutes_of, seconds_of, ticks_of
from ..vm.kernel_pages import kmem_control
from ..vm.usercopy import may_store, put_word
from .numbers import (
    CLEAR_TIMEOUT,
    MUTEX_LOCK,
    MUTEX_TRYLOCK,
    MUTEX_UNLOCK,
    QUEUE_WAKE,
    RESUME_ASYNC,
    RESUME_SYNC,
    SET_INFINITE_TIMEOUT,
    SET_TIMEOUT,
    SUSPEND_SYNC,
    TIME,
)

NO_MUTEX = -1


@hot
def thread_call(m, me, i, number):
    """Execute one of these calls of the running thread i; what the CPU does next (actions.py)."""
    never_inline()
    t = m.threads[i]
    if number <= RESUME_SYNC:
        return _about_thread(m, me, i, number, t.x[A0])
    if number <= QUEUE_WAKE:
        return _about_object(m, me, i, number, t.x[A0], t.x[A0 + 1])
    if number == SET_TIMEOUT:
        return _set_timeout(m, me, i, min(max(t.x[A0], 1), NEVER), t.x[A0 + 1], t.x[A0 + 2])
    if number == SET_INFINITE_TIMEOUT:
        return _set_timeout(m, me, i, 0, 0, t.x[A0])
    if number == CLEAR_TIMEOUT:
        return _about_thread(m, me, i, number, t.x[A0])
    if number == TIME:
        t.x[A0] = _time(m, me, t.task, t.x[A0])
    elif t.credentials != 0:
        t.x[A0] = -EPERM
    else:
        t.x[A0] = kmem_control(m, me, t.task, t.x[A0], t.x[A0 + 1])
    return RESUME


@hot
def _about_thread(m, me, i, number, tid):
    """Calls about a thread of the caller's task. It is held, so its record stays that thread's (rust-7)."""
    t = m.threads[i]
    other = retain_tid(m, me, t.task, tid)
    if other < 0:
        t.x[A0] = -ESRCH
        return RESUME
    action = RESUME
    if number == CLEAR_TIMEOUT:
        t.x[A0] = 1 if clear_timeout(m, me, other) else 0
    elif number == RESUME_ASYNC:
        t.x[A0] = 0 if resume_async(m, me, other) else -EINVAL
    elif number == RESUME_SYNC:
        t.x[A0] = 0 if resume_async(m, me, other) else -EINVAL
        action = YIELD if t.x[A0] == 0 else RESUME
    elif number == SUSPEND_SYNC and other != i:
        answer = suspend_sync(m, me, i, other, False)
        if answer == WAITS:
            action = BLOCK
        else:
            t.x[A0] = answer
    else:
        t.x[A0] = 0 if suspend_async(m, me, other) else -EINVAL
    drop_thread(m, me, other)
    return action


@hot
def _about_object(m, me, i, number, n, argument):
    """Calls about a mutex or wait queue of the caller's task."""
    t = m.threads[i]
    if n < 0 or n >= WAIT_QUEUES:
        t.x[A0] = -EINVAL
        return RESUME
    if number == MUTEX_LOCK:
        answer = mutex_lock(m, me, i, n)
        if answer == WAITS:
            return BLOCK
        t.x[A0] = answer
    elif number == MUTEX_TRYLOCK:
        t.x[A0] = mutex_trylock(m, me, i, n)
    elif number == MUTEX_UNLOCK:
        t.x[A0] = mutex_unlock(m, me, i, n)
    elif number == QUEUE_WAKE:
        t.x[A0] = wake_queue(m, me, m.tasks[t.task].wait_queues[n], argument)
    else:
        return _queue_sleep(m, me, i, n, argument)
    return RESUME


@hot
def _queue_sleep(m, me, i, n, mutex):
    """Sleep in a wait queue; the mutex that guards the condition is unlocked once the thread is in the list."""
    t = m.threads[i]
    if mutex != NO_MUTEX and (mutex < 0 or mutex >= WAIT_QUEUES or (t.mutexes >> mutex) & 1 == 0):
        t.x[A0] = -EINVAL
        return RESUME
    join_queue(m, me, i, m.tasks[t.task].wait_queues[n])
    if mutex != NO_MUTEX:
        mutex_unlock(m, me, i, mutex)
    return BLOCK


@hot
def _time(m, me, task, va):
    """Store the machine's uptime, from days to ticks (cz-16); 0 or -EFAULT."""
    word = count_ticks(m)
    error = put_word(m, me, task, va, days_of(word))
    if error == 0:
        error = put_word(m, me, task, va + 8, hours_of(word))
    if error == 0:
        error = put_word(m, me, task, va + 16, minutes_of(word))
    if error == 0:
        error = put_word(m, me, task, va + 24, seconds_of(word))
    return put_word(m, me, task, va + 32, ticks_of(word)) if error == 0 else error


@hot
def _set_timeout(m, me, i, deadline_ns, precise, unlock):
    """alux-3, with a lock word of the guest's: see kernel/sleep/until.py."""
    t = m.threads[i]
    if unlock != 0 and (unlock & 7 != 0 or not may_store(m, me, t.task, unlock)):
        t.x[A0] = -EINVAL if unlock & 7 != 0 else -EFAULT
        return RESUME
    t.x[A0] = 0
    t.deadline_ns = deadline_ns
    word = prepare_sleep(t, SLEEP_EVENT | (SLEEP_TIMED if deadline_ns != 0 else 0))
    if unlock != 0:  # after the full fence that records the sleep; pairs with the guest's own locking
        put_word(m, me, t.task, unlock, 0)
    if deadline_ns != 0:
        post_timeout(m, me, deadline_ns, precise != 0, i, word)
    return BLOCK
