"""thread_control, exchange_registers, getid, thread_switch, schedule (cz-8, cz-9, cz-17): decoding, and context
records.

struct ids       int tid, spid, tgid: the thread, its address space (its task's pid), its group
struct context   64-bit words: x0…x31, pc, f0…f31, fcsr, the task's pager, the UTCB's address
"""

from ...abi.errno import EBUSY, EDEADLK, EFAULT, EINVAL, EPERM, ESRCH
from ...abi.registers import A0
from ...abi.words import int32
from ...hot import hot, never_inline
from ...shm.atomics import store_relaxed
from ...shm.exits import ACCESS_READ, ACCESS_WRITE
from ...shm.memory import load_64, store_64
from ...shm.spinlock import field_address
from ..actions import BLOCK, RESUME
from ..ipc.ending import wait_for_end
from ..sched.importance import change_importance
from ..sleep.endings import look_again
from ..sleep.mutex import WAITS
from ..task.control import (
    NEW_SPACE,
    SHARE_SPACE,
    begin_suspended,
    create,
    destroy,
    group_of,
    may_steer,
    recycle,
    settle_call,
)
from ..task.suspend import hold_suspended, let_suspended_go, may_soon_be_held, resume_async, suspend_sync
from ..thread.handles import thread_of_tid, tid_of
from ..thread.reaping import drop_thread, retain_tid
from ..vm.usercopy import copy_user, load_int32, put_int32

CREATE, RUN, SUSPEND, DESTROY, RECYCLE, WAIT = range(6)
ACTION, SPACE, KNOWN = 0xF, 0x30, 0x3F
READ_CONTEXT, WRITE_X, WRITE_PC, WRITE_F, WRITE_PAGER = 1, 2, 4, 8, 16
PC, F, FCSR, PAGER, UTCB, CONTEXT_WORDS = 32, 33, 65, 66, 67, 68
CONTEXT_BYTES = 8 * CONTEXT_WORDS
AGAIN = 1  # a result beside 0 and errors: the call is made again


@hot
def thread_control(m, me, i):
    """a0: an action, and for CREATE the kind of space; a1: address of struct ids, whose tid names the thread."""
    never_inline()
    t = m.threads[i]
    flags, ids = t.x[A0], t.x[A0 + 1]
    action, space = flags & ACTION, (flags & SPACE) >> 4
    t.x[A0] = -EINVAL
    if flags & ~KNOWN or action > WAIT or space > NEW_SPACE or (space != SHARE_SPACE and action != CREATE):
        return RESUME
    if action == CREATE:
        t.x[A0] = _create(m, me, i, space, ids)
        return RESUME
    error, tid = load_int32(m, me, t.task, ids)
    if error < 0:
        t.x[A0] = error
        return RESUME
    n = retain_tid(m, me, -1, tid)
    if n < 0:
        t.x[A0] = -ESRCH
        return RESUME
    next_action = RESUME
    if not may_steer(m, i, n):
        t.x[A0] = -EPERM
    else:
        next_action = _steer(m, me, i, n, action, tid)
    drop_thread(m, me, n)
    return next_action


@hot
def _create(m, me, i, space, ids):
    """Make a thread and store its ids: 0 or an error, then there is no thread."""
    t = m.threads[i]
    error, suggested = load_int32(m, me, t.task, ids + 8)
    if error == 0:
        error = _put_ids(m, me, i, ids, 0, 0, 0)  # so that storing them cannot fail when there is a thread
    if error < 0:
        return error
    n = create(m, me, i, space, suggested)
    if n < 0:
        return n
    error = _put_ids(m, me, i, ids, tid_of(m, n), m.tasks[m.threads[n].task].pid, group_of(m, n))
    begin_suspended(m, me, i, n)
    return error


@hot
def _put_ids(m, me, i, ids, tid, space, group):
    task = m.threads[i].task
    error = put_int32(m, me, task, ids, tid)
    if error == 0:
        error = put_int32(m, me, task, ids + 4, space)
    return put_int32(m, me, task, ids + 8, group) if error == 0 else error


@hot
def _steer(m, me, i, n, action, tid):
    """An action on thread n, whose record is held; what the CPU does next."""
    never_inline()
    t = m.threads[i]
    result = 0
    if action == RUN:
        result = 0 if resume_async(m, me, n) else -EINVAL
    elif action == DESTROY:
        destroy(m, me, n)
    elif n == i:
        result = -EDEADLK
    elif action == SUSPEND:
        result = suspend_sync(m, me, i, n, True)
        if result == WAITS:
            return BLOCK
    elif action == WAIT:
        result = wait_for_end(m, me, i, n, tid)
        if result == 0:
            return BLOCK
    elif not hold_suspended(m, me, n):
        if may_soon_be_held(m, n):
            return look_again(t)
        result = -EBUSY
    else:
        result = recycle(m, me, n)
        let_suspended_go(m, me, n)
    t.x[A0] = result
    return RESUME


@hot
def exchange_registers(m, me, i):
    """a0: tid; a1: address of a struct context; a2: what is read and written. 0 or an error."""
    never_inline()
    t = m.threads[i]
    tid, va, flags = t.x[A0], t.x[A0 + 1], t.x[A0 + 2]
    if flags <= 0 or flags > READ_CONTEXT | WRITE_X | WRITE_PC | WRITE_F | WRITE_PAGER:
        return _end(t, -EINVAL)
    given = field_address(m.cpus[me], "message")
    if copy_user(m, me, t.task, va, given, CONTEXT_BYTES, ACCESS_READ) < CONTEXT_BYTES:
        return _end(t, -EFAULT)
    if flags & WRITE_PC and load_64(given + 8 * PC) & 1:
        return _end(t, -EINVAL)
    if flags & WRITE_PAGER and load_64(given + 8 * PAGER) != 0 and thread_of_tid(m, load_64(given + 8 * PAGER)) < 0:
        return _end(t, -ESRCH)
    n = retain_tid(m, me, -1, tid)
    if n < 0:
        return _end(t, -ESRCH)
    result = 0
    if not may_steer(m, i, n):
        result = -EPERM
    elif hold_suspended(m, me, n):
        _exchange(m, n, given, flags)
        let_suspended_go(m, me, n)
    else:
        result = AGAIN if may_soon_be_held(m, n) else -EBUSY
    drop_thread(m, me, n)
    if result == AGAIN:
        return look_again(t)
    if result == 0 and flags & READ_CONTEXT:
        if copy_user(m, me, t.task, va, given + CONTEXT_BYTES, CONTEXT_BYTES, ACCESS_WRITE) < CONTEXT_BYTES:
            result = -EFAULT
    return _end(t, result)


@hot
def _end(t, result):
    t.x[A0] = result
    return RESUME


@hot
def _exchange(m, n, given, flags):
    """Write to thread n, which is held suspended, what is asked for; what it had before is stored behind `given`."""
    t = m.threads[n]
    settle_call(t)
    if flags & (WRITE_X | WRITE_PC):
        t.resume_deadline_ns = 0  # of a call that it may not make any more
    old = given + CONTEXT_BYTES
    for k in range(32):
        store_64(old + 8 * k, t.x[k])
        store_64(old + 8 * (F + k), t.f[k])
        if flags & WRITE_X and k != 0:
            t.x[k] = load_64(given + 8 * k)
        if flags & WRITE_F:
            t.f[k] = load_64(given + 8 * (F + k))
    store_64(old + 8 * PC, t.pc)
    store_64(old + 8 * FCSR, t.fcsr)
    store_64(old + 8 * PAGER, m.tasks[t.task].pager)
    store_64(old + 8 * UTCB, t.utcb)
    if flags & WRITE_PC:
        t.pc = load_64(given + 8 * PC)
    if flags & WRITE_F:
        t.fcsr = load_64(given + 8 * FCSR) & 0xFF
    if flags & WRITE_PAGER:
        store_relaxed(m.tasks[t.task], "pager", load_64(given + 8 * PAGER))


@hot
def getid(m, me, i):
    """a0: address of a struct ids for the caller's. 0 or -EFAULT."""
    t = m.threads[i]
    return _put_ids(m, me, i, t.x[A0], tid_of(m, i), m.tasks[t.task].pid, group_of(m, i))


@hot
def schedule(m, me, i):
    """a0: tid; a1: its importance from now on, -20 (most important) to 19, as nice values. 0 or an error."""
    never_inline()
    t = m.threads[i]
    tid, nice = t.x[A0], int32(t.x[A0 + 1])
    if nice < -20 or nice > 19:
        return -EINVAL
    n = retain_tid(m, me, -1, tid)
    if n < 0:
        return -ESRCH
    result = -EPERM
    if may_steer(m, i, n) and (t.credentials == 0 or nice >= m.threads[n].nice):
        change_importance(m, me, n, nice, m.threads[n].realtime)
        m.threads[n].asked_nice = nice
        result = 0
    drop_thread(m, me, n)
    return result
