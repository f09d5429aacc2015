"""rt_sigprocmask, kill, tkill, tgkill: the signal calls that programs make often."""

from ....hot import hot, never_inline
from ....limits import NUM_SIGNALS
from ....shm.exits import ACCESS_READ
from ....shm.memory import load_any_64
from ....shm.spinlock import field_address
from ...errno import EFAULT, EINVAL, ESRCH
from ...handles import thread_of_tid
from ...signals import UNBLOCKABLE, signal_task, signal_thread
from ...thread import lock_task, unlock_task
from ...vm.usercopy import copy_user, put_word
from ...wait import A0

SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK = 0, 1, 2


@hot
def sys_rt_sigprocmask(m, me, i):
    never_inline()
    t = m.threads[i]
    how, new, old = t.x[A0] & 0xFFFFFFFF, t.x[A0 + 1], t.x[A0 + 2]
    if t.x[A0 + 3] != 8:
        return -EINVAL
    scratch = field_address(m.cpus[me], "scratch")
    mask = t.signal_mask
    if new != 0:
        if copy_user(m, me, t.task, new, scratch, 8, ACCESS_READ) < 8:
            return -EFAULT
        bits = load_any_64(scratch)
        if how == SIG_BLOCK:
            mask |= bits
        elif how == SIG_UNBLOCK:
            mask &= ~bits
        elif how == SIG_SETMASK:
            mask = bits
        else:
            return -EINVAL
    if old != 0 and put_word(m, me, t.task, old, scratch, t.signal_mask) < 0:
        return -EFAULT
    t.signal_mask = mask & ~UNBLOCKABLE
    return 0


@hot
def sys_kill(m, me, i):
    """Only a task's own pid can be named: tasks do not see each other."""
    t = m.threads[i]
    pid, number = t.x[A0], t.x[A0 + 1]
    if number < 0 or number > NUM_SIGNALS:
        return -EINVAL
    if pid != m.tasks[t.task].pid and pid != 0 and pid != -1:
        return -ESRCH
    if number != 0:
        signal_task(m, me, t.task, number)
    return 0


@hot
def sys_tgkill(m, me, i, pid, tid, number):
    never_inline()
    t = m.threads[i]
    if number < 0 or number > NUM_SIGNALS or tid <= 0:
        return -EINVAL
    if pid != -1 and pid != m.tasks[t.task].pid:
        return -ESRCH
    result = -ESRCH
    lock_task(m, me, t.task)  # a thread of this task cannot leave meanwhile
    k = thread_of_tid(m, tid)
    if k >= 0 and m.threads[k].task == t.task:
        result = 0
        if number != 0:
            signal_thread(m, me, k, number)
    unlock_task(m, me, t.task)
    return result
