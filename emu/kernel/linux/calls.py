"""Linux system calls that the CPU executes, in hot code; all others are served, by the system server.

`linux_call` reads the number from a7 and the arguments from a0…a5, writes the
result to a0 and returns what the CPU does next (actions.py).  The thread's pc is already
past the ecall.
"""

from ...abi.errno import ENOSYS
from ...abi.mman import MAP_ANONYMOUS
from ...abi.registers import A0
from ...abi.syscall_numbers import NUMBERS
from ...abi.words import int32
from ...hot import callback, hot, never_inline
from ...shm.layout import machine_at
from ..actions import RESUME, SERVE, YIELD
from ..native.calls import native_call
from ..native.numbers import END, FIRST
from ..thread.handles import tid_of
from .barriers import sys_membarrier
from .events import sys_epoll_create1, sys_epoll_ctl, sys_epoll_pwait, sys_eventfd2
from .files import sys_close, sys_dup, sys_dup3, sys_fcntl, sys_pipe2, sys_read, sys_write
from .memory import sys_brk, sys_madvise, sys_mmap, sys_mprotect, sys_mremap, sys_munmap
from .polling import sys_ppoll, sys_pselect6
from .processes import sys_clone, sys_clone3, sys_getppid, sys_wait4, sys_waitid
from .signals import sys_kill, sys_rt_sigprocmask, sys_rt_sigqueueinfo, sys_rt_tgsigqueueinfo, sys_tgkill, sys_tkill
from .sockets import sys_message, sys_socketpair, sys_transfer
from .sync import sys_futex, sys_futex_waitv
from .threads import sys_exit, sys_exit_group, sys_get_robust_list, sys_getcpu, sys_set_robust_list
from .time import sys_clock_getres, sys_clock_gettime, sys_clock_nanosleep
from .usage import sys_getrusage, sys_times

READ = NUMBERS["read"]
WRITE = NUMBERS["write"]
READV = NUMBERS["readv"]
WRITEV = NUMBERS["writev"]
CLOSE = NUMBERS["close"]
DUP = NUMBERS["dup"]
DUP3 = NUMBERS["dup3"]
FCNTL = NUMBERS["fcntl"]
PIPE2 = NUMBERS["pipe2"]
SOCKETPAIR = NUMBERS["socketpair"]
SENDTO = NUMBERS["sendto"]
RECVFROM = NUMBERS["recvfrom"]
SENDMSG = NUMBERS["sendmsg"]
RECVMSG = NUMBERS["recvmsg"]
EVENTFD2 = NUMBERS["eventfd2"]
EPOLL_CREATE1 = NUMBERS["epoll_create1"]
EPOLL_CTL = NUMBERS["epoll_ctl"]
EPOLL_PWAIT = NUMBERS["epoll_pwait"]
EPOLL_PWAIT2 = NUMBERS["epoll_pwait2"]
PPOLL = NUMBERS["ppoll"]
PSELECT6 = NUMBERS["pselect6"]
EXIT = NUMBERS["exit"]
EXIT_GROUP = NUMBERS["exit_group"]
SET_TID_ADDRESS = NUMBERS["set_tid_address"]
FUTEX = NUMBERS["futex"]
FUTEX_WAITV = NUMBERS["futex_waitv"]
MEMBARRIER = NUMBERS["membarrier"]
SET_ROBUST_LIST = NUMBERS["set_robust_list"]
GET_ROBUST_LIST = NUMBERS["get_robust_list"]
NANOSLEEP = NUMBERS["nanosleep"]
CLOCK_GETTIME = NUMBERS["clock_gettime"]
CLOCK_GETRES = NUMBERS["clock_getres"]
CLOCK_NANOSLEEP = NUMBERS["clock_nanosleep"]
SCHED_YIELD = NUMBERS["sched_yield"]
KILL = NUMBERS["kill"]
TKILL = NUMBERS["tkill"]
TGKILL = NUMBERS["tgkill"]
RT_SIGPROCMASK = NUMBERS["rt_sigprocmask"]
RT_SIGQUEUEINFO = NUMBERS["rt_sigqueueinfo"]
RT_TGSIGQUEUEINFO = NUMBERS["rt_tgsigqueueinfo"]
GETCPU = NUMBERS["getcpu"]
GETPID = NUMBERS["getpid"]
GETPPID = NUMBERS["getppid"]
GETTID = NUMBERS["gettid"]
BRK = NUMBERS["brk"]
MUNMAP = NUMBERS["munmap"]
MREMAP = NUMBERS["mremap"]
CLONE = NUMBERS["clone"]
CLONE3 = NUMBERS["clone3"]
WAIT4 = NUMBERS["wait4"]
WAITID = NUMBERS["waitid"]
MMAP = NUMBERS["mmap"]
MPROTECT = NUMBERS["mprotect"]
MADVISE = NUMBERS["madvise"]
GETRUSAGE = NUMBERS["getrusage"]
TIMES = NUMBERS["times"]


@callback(3)
def linux_call(address, me, i):
    """Execute one system call of the running thread i. Called by address: compiled beside the main loop."""
    m = machine_at(address)
    t = m.threads[i]
    number = t.x[A0 + 7]
    if number >= FIRST and number < END:
        return native_call(m, me, i, number)
    if number == SCHED_YIELD:
        t.x[A0] = 0
        return YIELD
    if number == FUTEX:
        return sys_futex(m, me, i)
    if number == READ or number == READV:
        return sys_read(m, me, i, number == READV, 0)
    if number == WRITE or number == WRITEV:
        return sys_write(m, me, i, number == WRITEV, 0)
    if number == CLOCK_GETTIME:
        t.x[A0] = sys_clock_gettime(m, me, i)
    elif number == GETTID:
        t.x[A0] = tid_of(m, i)
    elif number == GETPID:
        t.x[A0] = m.tasks[t.task].pid
    elif number == GETPPID:
        t.x[A0] = sys_getppid(m, i)
    elif number == RT_SIGPROCMASK:
        t.x[A0] = sys_rt_sigprocmask(m, me, i)
    elif number == NANOSLEEP:
        return sys_clock_nanosleep(m, me, i, 1, 0, t.x[A0], t.x[A0 + 1])
    elif number == CLOCK_NANOSLEEP:
        return sys_clock_nanosleep(m, me, i, int32(t.x[A0]), t.x[A0 + 1], t.x[A0 + 2], t.x[A0 + 3])
    elif number == CLOCK_GETRES:
        t.x[A0] = sys_clock_getres(m, me, i)
    elif number == EXIT:
        return sys_exit(m, me, i)
    elif number == EXIT_GROUP:
        return sys_exit_group(m, me, i)
    else:
        return _less_frequent(m, me, i, number)
    return RESUME


@hot
def _less_frequent(m, me, i, number):
    never_inline()
    t = m.threads[i]
    if number == CLOSE:
        return sys_close(m, me, i)
    if number == SENDTO or number == RECVFROM:
        return sys_transfer(m, me, i, number == SENDTO)
    if number == SENDMSG or number == RECVMSG:
        return sys_message(m, me, i, number == SENDMSG)
    if number == SOCKETPAIR:
        return sys_socketpair(m, me, i)
    if number == FCNTL:
        return sys_fcntl(m, me, i)
    if number == EPOLL_PWAIT or number == EPOLL_PWAIT2:
        return sys_epoll_pwait(m, me, i, number == EPOLL_PWAIT2)
    if number == PPOLL:
        return sys_ppoll(m, me, i)
    if number == PSELECT6:
        return sys_pselect6(m, me, i)
    if number == EPOLL_CTL:
        return sys_epoll_ctl(m, me, i)
    if number == FUTEX_WAITV:
        return sys_futex_waitv(m, me, i)
    if number == CLONE:
        return sys_clone(m, me, i)
    if number == WAIT4:
        return sys_wait4(m, me, i)
    if number == CLONE3:
        return sys_clone3(m, me, i)
    if number == WAITID:
        return sys_waitid(m, me, i)
    if m.tasks[t.task].limited_space != 0 and (number == MMAP or number == BRK or number == MREMAP):
        return SERVE  # server/calls/space_limits.py
    if number == MMAP and t.x[A0 + 3] & MAP_ANONYMOUS:
        t.x[A0] = sys_mmap(m, me, i)
    elif number == MUNMAP:
        t.x[A0] = sys_munmap(m, me, i)
    elif number == MPROTECT:
        t.x[A0] = sys_mprotect(m, me, i)
    elif number == MADVISE:
        t.x[A0] = sys_madvise(m, me, i)
    elif number == MEMBARRIER:
        t.x[A0] = sys_membarrier(m, me, i)
    elif number == BRK:
        t.x[A0] = sys_brk(m, me, i)
    elif number == MREMAP:
        t.x[A0] = sys_mremap(m, me, i)
    elif number == DUP:
        t.x[A0] = sys_dup(m, me, i)
    elif number == DUP3:
        return sys_dup3(m, me, i)
    elif number == PIPE2:
        t.x[A0] = sys_pipe2(m, me, i)
    elif number == EVENTFD2:
        t.x[A0] = sys_eventfd2(m, me, i)
    elif number == EPOLL_CREATE1:
        t.x[A0] = sys_epoll_create1(m, me, i)
    elif number == SET_TID_ADDRESS:
        t.clear_child_tid = t.x[A0]
        t.x[A0] = tid_of(m, i)
    elif number == SET_ROBUST_LIST:
        t.x[A0] = sys_set_robust_list(m, me, i)
    elif number == GET_ROBUST_LIST:
        t.x[A0] = sys_get_robust_list(m, me, i)
    elif number == GETCPU:
        t.x[A0] = sys_getcpu(m, me, i)
    elif number == GETRUSAGE:
        t.x[A0] = sys_getrusage(m, me, i)
    elif number == TIMES:
        t.x[A0] = sys_times(m, me, i)
    elif number == KILL:
        return sys_kill(m, me, i)
    elif number == TKILL:
        t.x[A0] = sys_tkill(m, me, i)
    elif number == TGKILL:
        t.x[A0] = sys_tgkill(m, me, i)
    elif number == RT_SIGQUEUEINFO:
        t.x[A0] = sys_rt_sigqueueinfo(m, me, i)
    elif number == RT_TGSIGQUEUEINFO:
        t.x[A0] = sys_rt_tgsigqueueinfo(m, me, i)
    elif number < 0 or number >= END:
        t.x[A0] = -ENOSYS
    else:
        return SERVE
    return RESUME
