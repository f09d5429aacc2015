"""fork and clone of processes, vfork, clone3, wait4, waitid, getppid (clone(2), wait(2)).

A process is a task.  CLONE_FILES and CLONE_FS are the system server's to see to, which learns of them by TASK.shares.

Differs from Linux: the child of CLONE_VM without CLONE_THREAD has a copy of the memory, not the memory itself, except
that of vfork and posix_spawn where the parent has one thread (vm/lending.py).  No namespaces, pidfd, CLONE_PTRACE.
"""

from ...abi.clone import (
    CLONE_CHILD_CLEARTID,
    CLONE_CHILD_SETTID,
    CLONE_CLEAR_SIGHAND,
    CLONE_DETACHED,
    CLONE_FILES,
    CLONE_FS,
    CLONE_IO,
    CLONE_PARENT,
    CLONE_PARENT_SETTID,
    CLONE_SETTLS,
    CLONE_SIGHAND,
    CLONE_SYSVSEM,
    CLONE_THREAD,
    CLONE_UNTRACED,
    CLONE_VFORK,
    CLONE_VM,
    EXIT_SIGNAL,
    NAMESPACES,
    P_ALL,
    P_PGID,
    P_PID,
    WALL,
    WCLONE,
    WCONTINUED,
    WEXITED,
    WNOHANG,
    WNOTHREAD,
    WNOWAIT,
    WUNTRACED,
)
from ...abi.errno import E2BIG, EAGAIN, EFAULT, EINVAL, EPERM
from ...abi.registers import A0, SP, TP
from ...abi.signals import SIGCHLD
from ...abi.words import int32
from ...hot import hot, never_inline
from ...limits import MAX_THREADS, NUM_SIGNALS, PAGE_SIZE
from ...shm.atomics import exchange, load_relaxed
from ...shm.exits import ACCESS_WRITE
from ..actions import BLOCK, RESUME, SERVE
from ..sched.confining import start_new
from ..server_ring import nr_requests
from ..task.fork import fork_task, release_child
from ..task.reaping import what_happened
from ..task.wait import ANY, IN_GROUP, SLEEPS, WITH_PID, wait_for_child
from ..thread.sleep_word import prepare_sleep
from ..thread.spares import attach_spare
from ..thread.states import DEAD, FREE, NEW, SLEEP_VFORK, where_state
from ..vm.usercopy import FILL, copy_user, get_word, put_int32
from .threads import clone_thread
from .usage import put_usage

KNOWN_FLAGS = (
    EXIT_SIGNAL | CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_VFORK | CLONE_PARENT | CLONE_THREAD
    | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_DETACHED | CLONE_UNTRACED
    | CLONE_CHILD_SETTID | CLONE_IO
)  # fmt: skip
MOST_REQUESTS = 200  # that wait for the server when a task is forked
CLONE_ARGS_BYTES = 64  # of struct clone_args, its first version
INFO_BYTES = 128  # of siginfo
KINDS = WEXITED | WUNTRACED | WCONTINUED
WAIT4_OPTIONS = WNOHANG | WUNTRACED | WCONTINUED | WNOTHREAD | WALL | WCLONE
WAITID_OPTIONS = WNOHANG | WNOWAIT | WEXITED | WUNTRACED | WCONTINUED | WNOTHREAD | WALL | WCLONE


# --- making -----------------------------------------------------------------------------------------------------------


@hot
def sys_clone(m, me, i):
    """clone(flags, stack, parent_tid, tls, child_tid)"""
    x = m.threads[i].x
    flags = x[A0] & 0xFFFFFFFF
    return _clone(m, me, i, flags & ~EXIT_SIGNAL, flags & EXIT_SIGNAL, x[A0 + 1], x[A0 + 2], x[A0 + 3], x[A0 + 4])


@hot
def sys_clone3(m, me, i):
    """clone3(args, size): the words are flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls."""
    never_inline()
    t = m.threads[i]
    at, size = t.x[A0], t.x[A0 + 1]
    t.x[A0] = -EINVAL
    if size < CLONE_ARGS_BYTES:
        return RESUME
    if size > PAGE_SIZE:
        t.x[A0] = -E2BIG
        return RESUME
    for k in range(CLONE_ARGS_BYTES // 8, (size + 7) // 8):  # what later versions have added must not be asked for
        error, word = get_word(m, me, t.task, at + 8 * k)
        if error < 0 or word != 0:
            t.x[A0] = error if error < 0 else -E2BIG
            return RESUME
    words = m.cpus[me].given_words
    for k in range(CLONE_ARGS_BYTES // 8):
        error, words[k] = get_word(m, me, t.task, at + 8 * k)
        if error < 0:
            t.x[A0] = error
            return RESUME
    flags, exit_signal, stack, stack_bytes = words[0], words[4], words[5], words[6]
    if flags & EXIT_SIGNAL or exit_signal & ~EXIT_SIGNAL or (stack == 0) != (stack_bytes == 0):
        return RESUME
    if flags & (CLONE_THREAD | CLONE_PARENT) and exit_signal != 0:
        return RESUME
    return _clone(m, me, i, flags, exit_signal, stack + stack_bytes, words[3], words[7], words[2])


@hot
def _clone(m, me, i, flags, exit_signal, stack, parent_tid, tls, child_tid):
    """What both clones do: flags without the exit signal."""
    never_inline()
    t = m.threads[i]
    t.x[A0] = -EINVAL
    if flags & NAMESPACES:
        t.x[A0] = -EPERM
        return RESUME
    if flags & ~(KNOWN_FLAGS | CLONE_CLEAR_SIGHAND):
        return RESUME
    if t.uid != 0 and m.tasks[t.task].max_processes < MAX_THREADS and has_all_threads(m, i):
        t.x[A0] = -EAGAIN
        return RESUME
    if flags & CLONE_SIGHAND and flags & (CLONE_VM | CLONE_CLEAR_SIGHAND) != CLONE_VM:
        return RESUME
    if flags & CLONE_THREAD:
        return clone_thread(m, me, i, flags, stack, parent_tid, tls, child_tid)
    if exit_signal > NUM_SIGNALS:
        return RESUME
    return _clone_task(m, me, i, flags, exit_signal, stack, parent_tid, tls, child_tid)


@hot
def has_all_threads(m, i):
    """Whether the user of thread i has as many threads as its RLIMIT_NPROC lets him; root has no such limit."""
    never_inline()
    t = m.threads[i]
    count = 0
    for other in range(load_relaxed(m, "fresh_thread")):
        state = where_state(load_relaxed(m.threads[other], "where"))
        if state != FREE and state != NEW and state != DEAD and m.threads[other].uid == t.uid:
            count += 1
    return count >= m.tasks[t.task].max_processes


@hot
def _clone_task(m, me, i, flags, exit_signal, stack, parent_tid, tls, child_tid):
    t = m.threads[i]
    if nr_requests(m) > MOST_REQUESTS:
        t.x[A0] = t.restart_a0
        return SERVE  # the call is made again when the server has caught up (server/calls/backlog.py)
    siblings = flags & CLONE_PARENT != 0
    n = fork_task(m, me, i, m.tasks[t.task].exit_signal if siblings else exit_signal, siblings, flags)
    if n < 0:
        t.x[A0] = n
        return RESUME
    new = m.threads[n]
    k = new.task
    pid = m.tasks[k].pid
    new.x[A0] = 0
    if stack != 0:
        new.x[SP] = stack
    if flags & CLONE_SETTLS:
        new.x[TP] = tls
    if flags & CLONE_CHILD_CLEARTID:
        new.clear_child_tid = child_tid
    if flags & CLONE_PARENT_SETTID:
        put_int32(m, me, t.task, parent_tid, pid)
    if flags & CLONE_CHILD_SETTID:
        put_int32(m, me, k, child_tid, pid)
    if flags & CLONE_VM == 0:
        new.alt_stack = t.alt_stack
        new.alt_stack_bytes = t.alt_stack_bytes
        new.alt_stack_flags = t.alt_stack_flags
    m.cpus[me].spawned += 1
    t.x[A0] = pid
    if flags & CLONE_VFORK:
        m.tasks[k].vfork_thread = i
        word = prepare_sleep(t, SLEEP_VFORK)
        exchange(m.tasks[k], "vfork_sleep", word)
    start_new(m, me, n)
    release_child(m, me, k)
    if flags & CLONE_VFORK:
        return BLOCK
    attach_spare(m, me, i)
    return RESUME


@hot
def sys_getppid(m, i):
    return m.tasks[m.threads[i].task].parent_pid


# --- waiting ----------------------------------------------------------------------------------------------------------


@hot
def sys_wait4(m, me, i):
    """wait4(pid, status, options, usage)"""
    never_inline()
    t = m.threads[i]
    pid, status_at, options, usage_at = int32(t.x[A0]), t.x[A0 + 1], t.x[A0 + 2] & 0xFFFFFFFF, t.x[A0 + 3]
    if options & ~WAIT4_OPTIONS:
        t.x[A0] = -EINVAL
        return RESUME
    which, number = ANY, 0
    if pid > 0:
        which, number = WITH_PID, pid
    elif pid == 0:
        which, number = IN_GROUP, m.tasks[t.task].group
    elif pid < -1:
        which, number = IN_GROUP, -pid
    kinds, may_sleep = options & KINDS | WEXITED, options & WNOHANG == 0
    found, status, _ = wait_for_child(m, me, i, which, number, kinds, may_sleep, False)
    if found == SLEEPS:
        return BLOCK
    t.x[A0] = found
    if found > 0:
        if usage_at != 0 and put_usage(m, me, t.task, usage_at) < 0:
            t.x[A0] = -EFAULT
        if status_at != 0 and put_int32(m, me, t.task, status_at, status) < 0:
            t.x[A0] = -EFAULT
    return RESUME


@hot
def sys_waitid(m, me, i):
    """waitid(kind, number, siginfo, options, usage)"""
    never_inline()
    t = m.threads[i]
    kind, number, info_at = int32(t.x[A0]), int32(t.x[A0 + 1]), t.x[A0 + 2]
    options, usage_at = t.x[A0 + 3] & 0xFFFFFFFF, t.x[A0 + 4]
    which = ANY
    error = 0
    if options & ~WAITID_OPTIONS or options & KINDS == 0:
        error = -EINVAL
    elif kind == P_PID and number > 0:
        which = WITH_PID
    elif kind == P_PGID and number >= 0:
        which = IN_GROUP
        if number == 0:
            number = m.tasks[t.task].group
    elif kind != P_ALL:
        error = -EINVAL
    if error < 0:
        t.x[A0] = error
        return RESUME
    may_sleep, keep = options & WNOHANG == 0, options & WNOWAIT != 0
    found, status, uid = wait_for_child(m, me, i, which, number, options & KINDS, may_sleep, keep)
    if found == SLEEPS:
        return BLOCK
    t.x[A0] = min(found, 0)
    if found >= 0 and info_at != 0:
        t.x[A0] = _put_info(m, me, t.task, info_at, found, status, uid)
    if found > 0 and usage_at != 0 and put_usage(m, me, t.task, usage_at) < 0:
        t.x[A0] = -EFAULT
    return RESUME


@hot
def _put_info(m, me, task, va, pid, status, uid):
    """Store waitid's siginfo, zeroes where there is no pid; 0 or -EFAULT."""
    if copy_user(m, me, task, va, FILL, INFO_BYTES, ACCESS_WRITE) < INFO_BYTES:
        return -EFAULT
    if pid == 0:
        return 0
    code, value = what_happened(status)
    put_int32(m, me, task, va, SIGCHLD)
    put_int32(m, me, task, va + 8, code)
    put_int32(m, me, task, va + 16, pid)
    put_int32(m, me, task, va + 20, uid)
    return put_int32(m, me, task, va + 24, value)
