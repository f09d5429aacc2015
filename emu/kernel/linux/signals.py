"""Signal calls that programs make often: rt_sigprocmask, kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo.

A task signals itself and its threads; it does not see other tasks.
"""

from ...abi.errno import EFAULT, EINVAL, EPERM, ESRCH
from ...abi.registers import A0
from ...abi.words import int32
from ...hot import hot, never_inline
from ...limits import NUM_SIGNALS
from ...shm.exits import ACCESS_READ
from ...shm.spinlock import field_address
from ..actions import RESUME, SERVE
from ..task.siginfo import INFO_BYTES, SI_TKILL, SI_USER, code_of, sent_by_running, siginfo
from ..task.signals import set_mask, signal_task, signal_thread
from ..thread.handles import thread_of_tid
from ..thread.records import lock_task, unlock_task
from ..vm.usercopy import copy_user, get_word, put_word

SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK = 0, 1, 2
ANY = -1  # as a pid: tkill's


@hot
def sys_rt_sigprocmask(m, me, i):
    never_inline()
    t = m.threads[i]
    how, new, old = t.x[A0] & 0xFFFFFFFF, t.x[A0 + 1], t.x[A0 + 2]
    if t.x[A0 + 3] != 8:
        return -EINVAL
    before = t.signal_mask
    if new != 0:
        error, bits = get_word(m, me, t.task, new)
        if error < 0:
            return error
        if how == SIG_BLOCK:
            bits |= before
        elif how == SIG_UNBLOCK:
            bits = before & ~bits
        elif how != SIG_SETMASK:
            return -EINVAL
        set_mask(m, me, i, bits)
    if old != 0 and put_word(m, me, t.task, old, before) < 0:
        return -EFAULT
    return 0


@hot
def _sender(m, i):
    """si_pid and si_uid of a signal that thread i sends."""
    t = m.threads[i]
    return m.tasks[t.task].pid | (t.uid << 32)


@hot
def sys_kill(m, me, i):
    """kill(pid, number). The server handles process groups; -1, all tasks, means the only one that a task sees."""
    never_inline()
    t = m.threads[i]
    pid, number = int32(t.x[A0]), int32(t.x[A0 + 1])
    if pid < -1:
        return SERVE
    if pid != m.tasks[t.task].pid and pid != 0 and pid != -1:
        t.x[A0] = -ESRCH
    elif number < 0 or number > NUM_SIGNALS:
        t.x[A0] = -EINVAL
    else:
        t.x[A0] = 0
        if number != 0:
            siginfo(m, me, number, SI_USER, _sender(m, i), 0)
            t.x[A0] = signal_task(m, me, t.task, number)
    return RESUME


@hot
def _signal_tid(m, me, i, pid, tid, number):
    """Post `me`'s words to a thread of the caller's task by its tid; 0 or an error."""
    never_inline()
    t = m.threads[i]
    if pid != ANY and pid != m.tasks[t.task].pid:
        return -ESRCH
    result = -ESRCH
    lock_task(m, me, t.task)  # a thread in the list cannot leave meanwhile
    k = thread_of_tid(m, tid)
    if k >= 0 and m.threads[k].task == t.task and m.threads[k].is_listed != 0:
        result = 0
        if number < 0 or number > NUM_SIGNALS:
            result = -EINVAL
        elif number != 0:
            result = signal_thread(m, me, k, number)
    unlock_task(m, me, t.task)
    return result


@hot
def sys_tkill(m, me, i):
    """tkill(tid, number)"""
    t = m.threads[i]
    return _kill_tid(m, me, i, ANY, int32(t.x[A0]), int32(t.x[A0 + 1]))


@hot
def sys_tgkill(m, me, i):
    """tgkill(pid, tid, number)"""
    t = m.threads[i]
    pid = int32(t.x[A0])
    if pid <= 0:
        return -EINVAL
    return _kill_tid(m, me, i, pid, int32(t.x[A0 + 1]), int32(t.x[A0 + 2]))


@hot
def _kill_tid(m, me, i, pid, tid, number):
    never_inline()
    if tid <= 0:
        return -EINVAL
    siginfo(m, me, number, SI_TKILL, _sender(m, i), 0)
    return _signal_tid(m, me, i, pid, tid, number)


@hot
def _take_info(m, me, i, pid, number, va):
    """The guest's siginfo becomes `me`'s words; 0, -EFAULT, or -EPERM: only to itself may a task say that the kernel
    or tgkill had sent it."""
    never_inline()
    t = m.threads[i]
    words = m.cpus[me].siginfo
    if copy_user(m, me, t.task, va, field_address(m.cpus[me], "siginfo"), INFO_BYTES, ACCESS_READ) < INFO_BYTES:
        return -EFAULT
    sent_by_running(m, me)
    words[0] = (words[0] & ~0xFFFFFFFF) | (number & 0xFFFFFFFF)
    code = code_of(m, me)
    if (code >= 0 or code == SI_TKILL) and pid != m.tasks[t.task].pid:
        return -EPERM
    return 0


@hot
def sys_rt_sigqueueinfo(m, me, i):
    """rt_sigqueueinfo(pid, number, siginfo)"""
    never_inline()
    t = m.threads[i]
    pid, number = int32(t.x[A0]), int32(t.x[A0 + 1])
    error = _take_info(m, me, i, pid, number, t.x[A0 + 2])
    if error < 0:
        return error
    if pid != m.tasks[t.task].pid:
        return -ESRCH
    if number < 0 or number > NUM_SIGNALS:
        return -EINVAL
    return 0 if number == 0 else signal_task(m, me, t.task, number)


@hot
def sys_rt_tgsigqueueinfo(m, me, i):
    """rt_tgsigqueueinfo(pid, tid, number, siginfo)"""
    never_inline()
    t = m.threads[i]
    pid, tid, number = int32(t.x[A0]), int32(t.x[A0 + 1]), int32(t.x[A0 + 2])
    if pid <= 0 or tid <= 0:
        return -EINVAL
    error = _take_info(m, me, i, pid, number, t.x[A0 + 3])
    return error if error < 0 else _signal_tid(m, me, i, pid, tid, number)
