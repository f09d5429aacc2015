"""clone of threads, exit, exit_group, getcpu (clone(2); processes are made in processes.py)."""

from ...abi.clone import (
    CLONE_CHILD_CLEARTID,
    CLONE_CHILD_SETTID,
    CLONE_PARENT_SETTID,
    CLONE_SETTLS,
    CLONE_SIGHAND,
    CLONE_THREAD,
    CLONE_VM,
)
from ...abi.errno import EAGAIN, EFAULT, EINVAL, ESRCH
from ...abi.registers import A0, SP, TP
from ...hot import hot, never_inline
from ..actions import END_TASK, LEFT, RESUME
from ..sched.confining import start_new
from ..task.exiting import exit_thread
from ..task.kill_reasons import KILL_EXITED
from ..task.records import end_task, exit_code
from ..thread.handles import thread_of_tid, tid_of
from ..thread.inherit import inherit
from ..thread.records import free_thread, join_task
from ..thread.spares import attach_spare, take_spare
from ..vm.usercopy import put_int32, put_word

THREAD_FLAGS = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD
ROBUST_HEAD_BYTES = 24


@hot
def clone_thread(m, me, i, flags, stack, parent_tid, tls, child_tid):
    """A new thread of the caller's task; the caller's a0 gets its tid, or an error."""
    never_inline()
    t = m.threads[i]
    if flags & THREAD_FLAGS != THREAD_FLAGS:
        t.x[A0] = -EINVAL
        return RESUME
    n = take_spare(m, me, i)
    if n < 0:
        t.x[A0] = -EAGAIN
        return RESUME
    new = m.threads[n]
    inherit(m, i, n)
    new.x[A0] = 0
    if stack != 0:
        new.x[SP] = stack
    if flags & CLONE_SETTLS:
        new.x[TP] = tls
    if flags & CLONE_CHILD_CLEARTID:
        new.clear_child_tid = child_tid
    tid = tid_of(m, n)
    if flags & CLONE_PARENT_SETTID:
        put_int32(m, me, t.task, parent_tid, tid)
    if flags & CLONE_CHILD_SETTID:
        put_int32(m, me, t.task, child_tid, tid)
    if not join_task(m, me, n):
        free_thread(m, me, n)
        t.x[A0] = -EAGAIN
        return RESUME
    m.cpus[me].spawned += 1
    t.x[A0] = tid
    start_new(m, me, n)
    attach_spare(m, me, i)
    return RESUME


@hot
def sys_exit(m, me, i):
    exit_thread(m, me, i, m.threads[i].x[A0])
    return LEFT


@hot
def sys_exit_group(m, me, i):
    t = m.threads[i]
    end_task(m, me, t.task, exit_code(t.x[A0]), KILL_EXITED)
    return END_TASK


@hot
def sys_set_robust_list(m, me, i):
    t = m.threads[i]
    if t.x[A0 + 1] != ROBUST_HEAD_BYTES:
        return -EINVAL
    t.robust_list = t.x[A0]
    return 0


@hot
def sys_get_robust_list(m, me, i):
    """get_robust_list(tid, head, length) for a thread of the caller's own task."""
    t = m.threads[i]
    k = i if t.x[A0] == 0 else thread_of_tid(m, t.x[A0])
    if k < 0 or m.threads[k].task != t.task:
        return -ESRCH
    error = put_word(m, me, t.task, t.x[A0 + 1], m.threads[k].robust_list)
    return error if error < 0 else put_word(m, me, t.task, t.x[A0 + 2], ROBUST_HEAD_BYTES)


@hot
def sys_getcpu(m, me, i):
    t = m.threads[i]
    for k in range(2):  # the CPU, and the node, which is always 0
        va = t.x[A0 + k]
        if va != 0 and put_int32(m, me, t.task, va, me if k == 0 else 0) < 0:
            return -EFAULT
    return 0
