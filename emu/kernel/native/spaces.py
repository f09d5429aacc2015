"""map, unmap, copy, cache_control, mutex_control, thread_switch (cz-12, cz-14, cz-17): a task for its clients, and
itself.

A task whose memory is changed or copied is held, so that it is not taken apart meanwhile; it is named by the tid of
one of its threads, which the caller may steer (task/control.py).
"""

from ...abi.errno import EFAULT, EINVAL, EPERM, ESRCH
from ...abi.registers import A0
from ...hot import hot, never_inline
from ...limits import EXTENDED_BYTES, PAGE_SHIFT, USER_TOP
from ...shm.exits import ACCESS_READ, ACCESS_WRITE
from ...shm.spinlock import field_address
from ..actions import BLOCK, RESUME, YIELD_TO
from ..sleep.futex import MATCH_ANY, wait_on, wake_on
from ..task.control import may_steer
from ..thread.handles import exists, thread_of_tid
from ..thread.reaping import drop_thread, retain_tid
from ..thread.references import hold_task, unhold_task
from ..vm.address_space import MAP_BOTTOM, bad_range, is_mapped, permissions
from ..vm.granting import grant_pages, take_pages
from ..vm.usercopy import copy_user

LOCK, UNLOCK = 0, 1  # of mutex_control
CONTENDED = 2  # a mutex word that somebody waits for


@hot
def hold_steered(m, me, i, tid):
    """The task of the thread that a tid names, held; -ESRCH, -EPERM."""
    never_inline()
    n = retain_tid(m, me, -1, tid)
    if n < 0:
        return -ESRCH
    task = m.threads[n].task
    error = 0
    if not may_steer(m, i, n):
        error = -EPERM
    elif not hold_task(m, task):
        error = -ESRCH
    elif not exists(m.threads[n]):  # it had left, so the task may have been another one by then
        unhold_task(m, me, task)
        error = -ESRCH
    drop_thread(m, me, n)
    return task if error == 0 else error


@hot
def map_for(m, me, i):
    """a0: address in the caller's memory; a1: in the other's; a2: pages; a3: PROT_* rights; a4: tid. 0 or an error."""
    never_inline()
    x = m.threads[i].x
    source, va, pages, prot, tid = x[A0], x[A0 + 1], x[A0 + 2], x[A0 + 3], x[A0 + 4]
    if pages <= 0 or pages > USER_TOP >> PAGE_SHIFT or prot & ~7 or va < MAP_BOTTOM:
        return -EINVAL
    length = pages << PAGE_SHIFT
    if bad_range(source, length) < 0 or bad_range(va, length) < 0:
        return -EINVAL
    task = hold_steered(m, me, i, tid)
    if task < 0:
        return task
    result = grant_pages(m, me, m.threads[i].task, source, task, va, length, permissions(prot))
    unhold_task(m, me, task)
    return result


@hot
def unmap_for(m, me, i):
    """a0: address; a1: pages; a2: tid. 0, -1 where not all of it was mapped, or an error."""
    never_inline()
    x = m.threads[i].x
    va, pages, tid = x[A0], x[A0 + 1], x[A0 + 2]
    if pages <= 0 or pages > USER_TOP >> PAGE_SHIFT or bad_range(va, pages << PAGE_SHIFT) < 0:
        return -EINVAL
    task = hold_steered(m, me, i, tid)
    if task < 0:
        return task
    result = take_pages(m, me, task, va, pages << PAGE_SHIFT)
    unhold_task(m, me, task)
    return result


@hot
def copy_for(m, me, i):
    """a0: address in the caller's memory; a1: in the other's; a2: bytes; a3: 1 to, 0 from the other; a4: tid.

    How many bytes were copied; -EFAULT where none could be.
    """
    never_inline()
    t = m.threads[i]
    x = t.x
    mine, its, size, gives, tid = x[A0], x[A0 + 1], x[A0 + 2], x[A0 + 3], x[A0 + 4]
    if size < 0 or size > USER_TOP or mine < 0 or its < 0 or mine > USER_TOP or its > USER_TOP or gives & ~1:
        return -EINVAL
    task = hold_steered(m, me, i, tid)
    if task < 0:
        return task
    source, target = (t.task, task) if gives else (task, t.task)
    source_va, target_va = (mine, its) if gives else (its, mine)
    buffer = field_address(m.cpus[me], "message")
    done = 0
    while done < size:
        step = min(size - done, EXTENDED_BYTES)
        step = copy_user(m, me, source, source_va + done, buffer, step, ACCESS_READ)
        copied = copy_user(m, me, target, target_va + done, buffer, step, ACCESS_WRITE)
        done += copied
        if copied < step or step == 0:
            break
    unhold_task(m, me, task)
    m.cpus[me].missing = 0
    return done if done > 0 or size == 0 else -EFAULT


@hot
def cache_control(m, me, i):
    """a0: address; a1: bytes. Decoded instructions follow each store, so there is nothing to flush: 0, or -EFAULT."""
    t = m.threads[i]
    start, size = t.x[A0], t.x[A0 + 1]
    if size <= 0 or start < 0 or size > USER_TOP or start > USER_TOP - size:
        return -EINVAL
    return 0 if is_mapped(m, me, t.task, start, size) else -EFAULT


@hot
def mutex_control(m, me, i):
    """a0: address of a mutex word; a1: LOCK: sleep while it is CONTENDED; UNLOCK: wake one that sleeps so."""
    never_inline()
    t = m.threads[i]
    va, operation = t.x[A0], t.x[A0 + 1]
    if operation == LOCK:
        error = wait_on(m, me, i, va, CONTENDED, 0, MATCH_ANY, 0)
        if error == 0:
            return BLOCK
        t.x[A0] = error
    elif operation == UNLOCK:
        t.x[A0] = wake_on(m, me, t.task, va, 1, MATCH_ANY, 0)
    else:
        t.x[A0] = -EINVAL
    return RESUME


@hot
def thread_switch(m, me, i):
    """a0: tid of a thread that gets this CPU, if it waits for it; 0: whoever is next."""
    t = m.threads[i]
    n = thread_of_tid(m, t.x[A0])
    if n < 0 and t.x[A0] != 0:
        t.x[A0] = -ESRCH
        return RESUME
    m.cpus[me].heir = n if n >= 0 else i  # which does not wait: the next one runs
    t.x[A0] = 0
    return YIELD_TO
