"""Linux system calls executed on the CPU, in hot code; all others are served.

`linux_call` reads the number from a7 and the arguments from a0…a5, writes the
result to a0 and returns what the CPU does next (actions.py).  pc is past the ecall
already.  Numbers: asm-generic/unistd.h.
"""

from ....hot import hot, never_inline
from ...errno import ENOSYS
from ...handles import tid_of
from ...wait import A0
from ..actions import RESUME, SERVE, YIELD
from .memory_calls import sys_brk, sys_madvise, sys_mmap, sys_mprotect, sys_mremap, sys_munmap
from .signal_calls import sys_kill, sys_rt_sigprocmask, sys_tgkill
from .sync_calls import sys_futex
from .thread_calls import sys_clone, sys_exit, sys_exit_group, sys_getcpu
from .time_calls import sys_clock_getres, sys_clock_gettime, sys_clock_nanosleep

MAP_ANONYMOUS = 0x20

HOT_NUMBERS = {
    "set_tid_address": 96, "futex": 98, "set_robust_list": 99, "nanosleep": 101,
    "clock_gettime": 113, "clock_getres": 114, "clock_nanosleep": 115, "sched_yield": 124,
    "kill": 129, "tkill": 130, "tgkill": 131, "rt_sigprocmask": 135, "getcpu": 168,
    "getpid": 172, "getppid": 173, "gettid": 178, "exit": 93, "exit_group": 94, "brk": 214,
    "munmap": 215, "mremap": 216, "clone": 220, "mmap": 222, "mprotect": 226, "madvise": 233,
}  # fmt: skip


@hot
def linux_call(m, me, i):
    """Execute one system call of the running thread i."""
    t = m.threads[i]
    number = t.x[A0 + 7]
    if number == 124:
        t.x[A0] = 0
        return YIELD
    if number == 98:
        return sys_futex(m, me, i)
    if number == 113:
        t.x[A0] = sys_clock_gettime(m, me, i)
    elif number == 178:
        t.x[A0] = tid_of(m, i)
    elif number == 172:
        t.x[A0] = m.tasks[t.task].pid
    elif number == 173:
        t.x[A0] = 0
    elif number == 135:
        t.x[A0] = sys_rt_sigprocmask(m, me, i)
    elif number == 101:
        return sys_clock_nanosleep(m, me, i, 1, 0, t.x[A0], t.x[A0 + 1])
    elif number == 115:
        return sys_clock_nanosleep(m, me, i, t.x[A0], t.x[A0 + 1], t.x[A0 + 2], t.x[A0 + 3])
    elif number == 114:
        t.x[A0] = sys_clock_getres(m, me, i)
    elif number == 93:
        return sys_exit(m, me, i)
    elif number == 94:
        return sys_exit_group(m, me, i)
    else:
        return _less_frequent(m, me, i, number)
    return RESUME


@hot
def _less_frequent(m, me, i, number):
    never_inline()
    t = m.threads[i]
    if number == 220:
        return sys_clone(m, me, i)
    if number == 222 and t.x[A0 + 3] & MAP_ANONYMOUS:
        t.x[A0] = sys_mmap(m, me, i)
    elif number == 215:
        t.x[A0] = sys_munmap(m, me, i)
    elif number == 226:
        t.x[A0] = sys_mprotect(m, me, i)
    elif number == 233:
        t.x[A0] = sys_madvise(m, me, i)
    elif number == 214:
        t.x[A0] = sys_brk(m, me, i)
    elif number == 216:
        t.x[A0] = sys_mremap(m, me, i)
    elif number == 96:
        t.clear_child_tid = t.x[A0]
        t.x[A0] = tid_of(m, i)
    elif number == 99:
        t.robust_list = t.x[A0]
        t.robust_bytes = t.x[A0 + 1]
        t.x[A0] = 0
    elif number == 168:
        t.x[A0] = sys_getcpu(m, me, i)
    elif number == 129:
        t.x[A0] = sys_kill(m, me, i)
    elif number == 130:
        t.x[A0] = sys_tgkill(m, me, i, -1, t.x[A0], t.x[A0 + 1])
    elif number == 131:
        t.x[A0] = sys_tgkill(m, me, i, t.x[A0], t.x[A0 + 1], t.x[A0 + 2])
    elif number < 0 or number >= 0x1000:
        t.x[A0] = -ENOSYS
    else:
        return SERVE
    return RESUME
