"""Signal calls that programs make often: rt_sigprocmask, kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo.

Who is not root may signal only tasks with its own real user id (kill(2)); of those it may not, one that exists is
EPERM where nobody else was signalled.
"""

from ...abi.errno import EFAULT, EINVAL, EPERM, ESRCH
from ...abi.registers import A0
from ...abi.signals import SIGKILL
from ...abi.words import int32
from ...hot import hot, never_inline
from ...limits import NUM_SIGNALS
from ...shm.exits import ACCESS_READ
from ...shm.spinlock import field_address
from ..actions import RESUME
from ..task.family import ZOMBIE, lock_families, retain_pid, unlock_families
from ..task.siginfo import INFO_BYTES, SI_TKILL, SI_USER, code_of, sent_by_running, siginfo
from ..task.signals import begin_signal, set_mask, signal_task, signal_thread
from ..thread.handles import thread_of_tid
from ..thread.records import lock_task, unlock_task
from ..thread.references import release_task, retain_task
from ..thread.states import TASK_ALIVE, TASK_FREE
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
def _may_signal(m, i, k):
    """Whether thread i may signal task k."""
    t = m.threads[i]
    return t.uid == 0 or t.task == k or t.uid == m.tasks[k].uid


@hot
def sys_kill(m, me, i):
    """kill(pid, number): a task; 0, -group: a process group; -1: every task but the caller's own."""
    never_inline()
    t = m.threads[i]
    pid, number = int32(t.x[A0]), int32(t.x[A0 + 1])
    if number < 0 or number > NUM_SIGNALS:
        t.x[A0] = -EINVAL
    elif pid == m.tasks[t.task].pid:
        t.x[A0] = _send(m, me, i, t.task, number)
    elif pid > 0:
        t.x[A0] = _kill_pid(m, me, i, pid, number)
    else:
        t.x[A0] = _kill_many(m, me, i, m.tasks[t.task].group if pid == 0 else -pid, pid == -1, number)
    return RESUME


@hot
def _send(m, me, i, k, number):
    """Signal task k, which cannot end meanwhile, for thread i; 0 or an error."""
    if not _may_signal(m, i, k):
        return -EPERM
    if number == 0:
        return 0
    siginfo(m, me, number, SI_USER, _sender(m, i), 0)
    return signal_task(m, me, k, number)


@hot
def _kill_pid(m, me, i, pid, number):
    never_inline()
    k = retain_pid(m, me, pid)
    if k < 0:
        return 0 if k == ZOMBIE else -ESRCH
    result = _send(m, me, i, k, number)
    release_task(m, me, k)
    return result


@hot
def _kill_many(m, me, i, group, everyone, number):
    """Signal a process group, or everyone but the caller's task; 0 where one was signalled, else an error."""
    never_inline()
    mine = m.threads[i].task
    result = -ESRCH
    for k in range(m.fresh_task):
        t = m.tasks[k]
        wanted = k != mine if everyone else t.group == group
        if t.state != TASK_FREE and wanted:
            lock_families(m, me)  # the task in this record does not change meanwhile
            wanted = k != mine if everyone else t.group == group
            exists = wanted and t.state != TASK_FREE
            alive = exists and t.state == TASK_ALIVE and retain_task(m, k)
            unlock_families(m, me)
            sent = 0
            if alive:
                sent = _send(m, me, i, k, number)
                release_task(m, me, k)
            if exists and result != 0:
                result = sent
    return result


@hot
def _signal_tid(m, me, i, pid, tid, number):
    """Post `me`'s words to a thread by its tid; 0 or an error."""
    never_inline()
    k = thread_of_tid(m, tid)
    if k < 0:
        return -ESRCH
    task = m.threads[k].task
    result, is_killed = -ESRCH, False
    if number > 0 and number <= NUM_SIGNALS and _may_signal(m, i, task):
        begin_signal(m, me, task, number)
    lock_task(m, me, task)  # a thread in the list cannot leave meanwhile
    still = thread_of_tid(m, tid) == k and m.threads[k].task == task and m.threads[k].is_listed != 0
    if still and (pid == ANY or pid == m.tasks[task].pid):
        result = 0
        if number < 0 or number > NUM_SIGNALS:
            result = -EINVAL
        elif not _may_signal(m, i, task):
            result = -EPERM
        elif number == SIGKILL:
            result, is_killed = 0, retain_task(m, task)
        elif number != 0:
            result = signal_thread(m, me, k, number)
    unlock_task(m, me, task)
    if is_killed:
        signal_task(m, me, task, number)
        release_task(m, me, task)
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
    k = retain_pid(m, me, pid)
    if k < 0:
        return 0 if k == ZOMBIE else -ESRCH
    result = 0
    if number < 0 or number > NUM_SIGNALS:
        result = -EINVAL
    elif not _may_signal(m, i, k):
        result = -EPERM
    elif number != 0:
        result = signal_task(m, me, k, number)
    release_task(m, me, k)
    return result


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
