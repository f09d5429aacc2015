"""kse_create, kse_exit, kse_release, kse_wakeup, kse_thr_interrupt, kse_switchin (kse-1; kernel/upcalls/).

Differs from FreeBSD: an upcall may be made where the group has more upcalls than the machine has CPUs; a signal that
runs a handler ends kse_release with -EINTR, so that the library's loop goes on; kse_wakeup of no mailbox in
particular lets the next owner that is released make its upcall, where none is.
"""

from ...abi.errno import EAGAIN, EDEADLK, EFAULT, EINVAL, ESRCH
from ...abi.registers import A0
from ...hot import hot, never_inline
from ...limits import NUM_SIGNALS
from ...shm.atomics import exchange, load_relaxed
from ...shm.exits import ACCESS_READ
from ...shm.memory import load_64
from ...shm.spinlock import field_address
from ..actions import BLOCK, END_TASK, LEFT, RESUME
from ..critical import noncritical
from ..groups.mailbox import (
    CURRENT,
    FLAGS,
    FUNCTION,
    KMF_DONE,
    MAILBOX_BYTES,
    QUANTUM,
    STACK,
    STACK_BYTES,
    THREAD_POINTER,
    load_context,
    read_mailbox,
)
from ..groups.records import (
    INTR_INTERRUPT,
    INTR_SENDSIG,
    INTR_SIGEXIT,
    KSE_INSIDE,
    KSE_OWNER,
    KSE_RISING,
    give_up_upcall,
    join_group,
    new_upcall,
)
from ..sched.confining import start_new
from ..sched.regrouping import begin_group, end_group, quit_group, regroup
from ..sleep.endings import interrupt_sleep
from ..sleep.timespec import get_time
from ..sleep.until import native_deadline
from ..task.exiting import exit_thread, shut_group_down
from ..task.kill_reasons import KILL_SIGNAL
from ..task.records import end_task, nudge
from ..task.siginfo import SI_USER, siginfo
from ..task.signals import signal_thread
from ..thread.inherit import inherit
from ..thread.records import free_thread, join_task, lock_task, unlock_task
from ..thread.spares import attach_spare, take_spare
from ..upcalls.boundary import begin_rising
from ..upcalls.releasing import release_owner, wake_any, wake_owner
from ..vm.usercopy import copy_user, put_word
from .numbers import KSE_CREATE, KSE_EXIT, KSE_RELEASE, KSE_SWITCHIN, KSE_THR_INTERRUPT

FOR_EVER = -1
MOST_QUANTUM_NS = 1 << 60


@hot
def upcall_call(m, me, i, number):
    """Execute one of these calls of the running thread i; what the CPU does next (actions.py)."""
    never_inline()
    t = m.threads[i]
    if number == KSE_CREATE:
        t.x[A0] = kse_create(m, me, i, t.x[A0], t.x[A0 + 1])
    elif number == KSE_EXIT:
        return kse_exit(m, me, i)
    elif number == KSE_RELEASE:
        return kse_release(m, me, i, t.x[A0])
    elif number == KSE_THR_INTERRUPT:
        return kse_thr_interrupt(m, me, i, t.x[A0], t.x[A0 + 1], t.x[A0 + 2])
    elif number == KSE_SWITCHIN:
        return kse_switchin(m, me, i, t.x[A0])
    else:
        t.x[A0] = kse_wakeup(m, me, i, t.x[A0])
    return RESUME


@hot
def _library_mailbox(m, me, t):
    """The mailbox of the running thread's upcall, if the library itself runs on it; -EINVAL, -EFAULT."""
    if t.kse & KSE_OWNER == 0:
        return -EINVAL
    u = m.upcalls[t.upcall - 1]
    error, current = read_mailbox(m, me, t, u)
    if error < 0:
        return error
    return -EINVAL if current != 0 else u.mailbox


# --- create -----------------------------------------------------------------------------------------------------------


@hot
def kse_create(m, me, i, mailbox, newgroup):
    """An upcall for a mailbox: the caller's, where it has none; else a new thread's, which makes it at once.

    0; -EAGAIN: too many groups, upcalls or threads; -EFAULT; -EINVAL: a mailbox must be aligned to 8 bytes.
    """
    noncritical(m, me)
    t = m.threads[i]
    if mailbox & 7:
        return -EINVAL
    at = field_address(m.cpus[me], "message")
    if copy_user(m, me, t.task, mailbox, at, MAILBOX_BYTES, ACCESS_READ) < MAILBOX_BYTES:
        return -EFAULT
    function, stack, thread_pointer = load_64(at + FUNCTION), load_64(at + STACK), load_64(at + THREAD_POINTER)
    stack += load_64(at + STACK_BYTES)
    quantum_ns = min(max(load_64(at + QUANTUM), 0), MOST_QUANTUM_NS)
    g = t.kse_group - 1
    own = g < 0
    fresh = own or newgroup != 0
    if fresh:
        g = begin_group(m, me, t.task)
        if g < 0:
            return g
    n = i if own else take_spare(m, me, i)
    u = new_upcall(m, me, g, n) if n >= 0 else -EAGAIN
    if u >= 0:
        upcall = m.upcalls[u]
        upcall.function = function
        upcall.stack = stack
        upcall.thread_pointer = thread_pointer
        upcall.quantum_ns = quantum_ns
        upcall.flags = load_64(at + FLAGS)
        upcall.mailbox = mailbox
        if own:
            regroup(m, me, i, g)
            join_group(m, t, g, u, KSE_OWNER)
            attach_spare(m, me, i)
            return 0
        join_group(m, m.threads[n], g, u, KSE_OWNER | KSE_RISING)
        inherit(m, i, n)
        if join_task(m, me, n):
            m.threads[n].patience = -1
            m.cpus[me].spawned += 1
            start_new(m, me, n)
            attach_spare(m, me, i)
            return 0
        quit_group(m, me, n)
        fresh = False  # it went with its only thread
    if not own and n >= 0:
        free_thread(m, me, n)
    if fresh:
        end_group(m, me, g)
    return -EAGAIN


# --- exit -------------------------------------------------------------------------------------------------------------


@hot
def kse_exit(m, me, i):
    """Remove the caller's upcall, and the caller with it; the last thread of a task becomes an ordinary one: 0.

    -EINVAL: it owns none, or a user thread runs on it.  -EDEADLK: it is the group's last one, and others would wait for
    it, inside the kernel or completed.
    """
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    mailbox = _library_mailbox(m, me, t)
    if mailbox < 0:
        t.x[A0] = mailbox
        return RESUME
    g = m.groups[t.kse_group - 1]
    spares = load_relaxed(g, "nr_spares")
    if g.nr_upcalls == 1 and (load_relaxed(g, "nr_threads") - spares > 1 or load_relaxed(g, "completed") != 0):
        t.x[A0] = -EDEADLK
        return RESUME
    error = put_word(m, me, t.task, mailbox + FLAGS, m.upcalls[t.upcall - 1].flags | KMF_DONE)
    if error < 0:
        t.x[A0] = error
        return RESUME
    if g.nr_upcalls == 1 and m.tasks[t.task].nr_threads - spares == 1:
        give_up_upcall(m, me, i)
        shut_group_down(m, me, i)  # spares exit
        quit_group(m, me, i)
        t.x[A0] = 0
        return RESUME
    exit_thread(m, me, i, 0)
    return LEFT


# --- release and wake-up ----------------------------------------------------------------------------------------------


@hot
def kse_release(m, me, i, timeout):
    """Wait for a reason to make an upcall, and make it. It returns errors only. timeout: where a timespec is, or 0.

    -EINVAL: as kse_exit, or no time; -EFAULT; -EINTR: a signal's handler has run.
    """
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    error = min(_library_mailbox(m, me, t), 0)
    ns = FOR_EVER
    if error == 0 and timeout != 0:
        ns = get_time(m, me, i, timeout)
        error = min(ns, 0)
    if error < 0:
        t.resume_deadline_ns = 0
        t.x[A0] = error
        return RESUME
    deadline_ns = native_deadline(m, t, ns)
    if deadline_ns >= 0 and release_owner(m, me, i, deadline_ns):
        return BLOCK
    t.resume_deadline_ns = 0
    t.x[A0] = 0
    begin_rising(m, i)
    return RESUME


@hot
def kse_wakeup(m, me, i, mailbox):
    """Have the owner of an upcall of the caller's task make it; 0: any of the caller's group. 0, -ESRCH."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    if mailbox == 0:
        if t.kse_group == 0:
            return -ESRCH
        wake_any(m, me, t.kse_group - 1)
        return 0
    owner = wake_owner(m, me, t.task, mailbox)
    if owner < 0:
        return -ESRCH
    nudge(m, me, owner)
    return 0


# --- user threads -----------------------------------------------------------------------------------------------------


@hot
def kse_thr_interrupt(m, me, i, user_thread, command, data):
    """Act on the thread that is inside the kernel for a user thread.

    INTR_INTERRUPT ends its call with -EINTR, INTR_RESTART lets it begin anew, both where it sleeps, now or later in
    this call; INTR_SENDSIG sends it signal `data`; INTR_SIGEXIT, of no user thread, ends the task by that signal.
    0; -ESRCH: nobody is inside for it; -EINVAL.
    """
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    t.x[A0] = 0
    takes_signal = command == INTR_SENDSIG or command == INTR_SIGEXIT
    if command < INTR_INTERRUPT or command > INTR_SIGEXIT or takes_signal and (data <= 0 or data > NUM_SIGNALS):
        t.x[A0] = -EINVAL
        return RESUME
    if command == INTR_SIGEXIT:
        if user_thread != 0:
            t.x[A0] = -EINVAL
            return RESUME
        end_task(m, me, t.task, data, KILL_SIGNAL)
        return END_TASK
    lock_task(m, me, t.task)
    k = m.tasks[t.task]
    n = k.first_thread
    while n >= 0 and (m.threads[n].kse & KSE_INSIDE == 0 or m.threads[n].user_thread != user_thread):
        n = m.threads[n].sibling_next
    if n < 0:
        t.x[A0] = -ESRCH
    elif command == INTR_SENDSIG:
        siginfo(m, me, data, SI_USER, k.pid | (k.uid << 32), 0)
        signal_thread(m, me, n, data)
    else:
        exchange(m.threads[n], "kse_interrupt", command)  # before its sleep is looked at; pairs with prepare_sleep
        interrupt_sleep(m, me, n)
        nudge(m, me, n)
    unlock_task(m, me, t.task)  # until here it is inside for that user thread (groups/spares.py)
    return RESUME


@hot
def kse_switchin(m, me, i, user_thread):
    """Go on as a user thread, whose whole context is in its mailbox, and which is the current one from here on.

    It does not return but with an error: -EINVAL as kse_exit, -EFAULT.
    """
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    mailbox = _library_mailbox(m, me, t)
    error = min(mailbox, 0)
    if error == 0 and user_thread == 0:
        error = -EINVAL
    if error == 0:
        error = put_word(m, me, t.task, mailbox + CURRENT, user_thread)
    if error == 0:
        error = load_context(m, me, t, user_thread)
        if error < 0:
            put_word(m, me, t.task, mailbox + CURRENT, 0)
    if error < 0:
        t.x[A0] = error
    return RESUME
