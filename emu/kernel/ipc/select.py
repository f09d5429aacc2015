"""Waiting for several ports at once (rust-11): the first that has a message, or never will have one again.

    selector                                            sender
    1  reads TASK.select_news                           1  under the port's lock: puts the message in, takes `selected`
    2  looks at each port under its lock; where there   2  it was set: under the owner's select_lock, news += 1
       is nothing, sets its `selected`                  3  wakes the task's select_queue
    3  under select_lock: if select_news is as before,
       joins the queue; else it makes the call again

No lost wake-up: if the sender's 1 comes before the look at that port, the selector sees the message.  If it comes
after, the sender finds `selected`, and its news come before the selector's 3, which then looks again, or after, when
the selector is in the queue.  All who are in it are woken; whose ports have nothing sleep on.

Rejected: epoll's watches (files/watches.py), whose members are open files.
"""

from ...abi.errno import EAGAIN, EFAULT, EINVAL, ETIMEDOUT
from ...hot import hot, never_inline
from ...limits import PORTS_AT_ONCE
from ...shm import lockrank
from ...shm.atomics import load_acquire, load_relaxed
from ...shm.exits import ACCESS_READ
from ...shm.memory import load_64
from ...shm.spinlock import acquire, field_address, release
from ..critical import noncritical
from ..files.pipe import SLEEPS
from ..sleep.timeout_ring import post_timeout
from ..sleep.until import native_deadline
from ..sleep.waitqueue import join_natively
from ..vm.usercopy import copy_user
from .channel import LOOKS_AGAIN
from .handles import find_port, is_dead, unlock_port


@hot
def select(m, me, i, va, count, timeout_ns):
    """The number of the first of `count` ports, whose handles lie at va, that has a message or never will again.

    It waits so long for one.  -EINVAL: none, or too many; -EFAULT; -EBADF; -EAGAIN, -ETIMEDOUT, -EINTR; SLEEPS,
    LOOKS_AGAIN.
    """
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    result = _select(m, me, i, va, count, timeout_ns)
    if result != SLEEPS and result != LOOKS_AGAIN:
        t.resume_deadline_ns = 0
    return result


@hot
def _select(m, me, i, va, count, timeout_ns):
    noncritical(m, me)
    t = m.threads[i]
    k = m.tasks[t.task]
    if count < 1 or count > PORTS_AT_ONCE:
        return -EINVAL
    handles = field_address(m.cpus[me], "message")
    if copy_user(m, me, t.task, va, handles, 8 * count, ACCESS_READ) < 8 * count:
        return -EFAULT
    news = load_acquire(k, "select_news")  # before the looks at the ports; pairs with select_lock in handles.tell
    for number in range(count):
        n = find_port(m, me, load_64(handles + 8 * number), t.task)
        if n < 0:
            return n
        p = m.ports[n]
        ready = p.waiting != 0 or is_dead(p)
        if not ready:
            p.selected = 1
        unlock_port(m, me, p)
        if ready:
            return number
    deadline_ns = native_deadline(m, t, timeout_ns)
    if deadline_ns < 0:
        return -EAGAIN if timeout_ns == 0 else -ETIMEDOUT
    lock = field_address(k, "select_lock")
    acquire(m, me, lock, lockrank.SELECT)
    word = 0
    if load_relaxed(k, "select_news") == news:
        word = join_natively(m, me, i, k.select_queue, deadline_ns)
    release(m, me, lock)
    if word == 0:
        t.resume_deadline_ns = deadline_ns
        return LOOKS_AGAIN
    if deadline_ns != 0:
        post_timeout(m, me, deadline_ns, False, i, word)
    return SLEEPS
