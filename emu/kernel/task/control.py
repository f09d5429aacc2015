"""Threads and address spaces made and steered by guests: what L4's thread_control does (cz-8).

`create` makes a thread in the caller's address space, in a copy of it, or in an empty one.  It begins suspended: it
stops at its first safe point, before its first instruction, so its context can be changed before it is let go.
`destroy` tells one thread to leave at its next safe point.  `recycle` gives a suspended thread the context of one
that has done nothing yet, under the same tid; who waits for a message of its, or to send to it, is told that it is
gone.

Who may steer a thread: those of its task, of the task that made its task, of its pager's and of its file server's.

Each holds the thread's record (thread/reaping.py), and what reads or changes a context holds the thread suspended
(task/suspend.py), so such operations on one thread come one after the other.
"""

from ...abi.errno import EAGAIN, EPERM
from ...abi.registers import A0
from ...abi.signals import SIGCHLD
from ...hot import hot, never_inline
from ...shm.atomics import exchange, load_relaxed, store_relaxed
from ..critical import noncritical
from ..ipc.accepting import ACCEPT_ANYBODY
from ..ipc.ending import refuse_all
from ..sched.confining import start_new
from ..sleep.endings import begin_anew, interrupt_sleep
from ..sleep.periods import end_periods
from ..thread.handles import thread_of_tid, tid_of
from ..thread.inherit import inherit
from ..thread.records import free_thread, join_task
from ..thread.spares import attach_spare, take_spare
from ..thread.states import SUSPEND_ASKED
from .fork import EMPTY_SPACE, fork_task, release_child
from .records import nudge

SHARE_SPACE, COPY_SPACE, NEW_SPACE = 0, 1, 2


@hot
def create(m, me, i, space, suggested):
    """A thread that thread i makes, with its registers but 0 in a0, not started; its index, or -EAGAIN, -ENOMEM.

    `suggested`: the group that it shall be of (_join_group).  `begin_suspended` has to follow.
    """
    never_inline()
    noncritical(m, me)
    if space != SHARE_SPACE:
        n = fork_task(m, me, i, SIGCHLD, False, EMPTY_SPACE if space == NEW_SPACE else 0)
        if n < 0:
            return n
    else:
        n = take_spare(m, me, i)
        if n < 0:
            return -EAGAIN
        inherit(m, i, n)
        if not join_task(m, me, n):
            free_thread(m, me, n)
            return -EAGAIN
    m.threads[n].x[A0] = 0
    _join_group(m, i, n, suggested)
    return n


@hot
def begin_suspended(m, me, i, n):
    """Start the thread that thread i has made; it may be gone when this returns."""
    noncritical(m, me)
    new = m.threads[n]
    task = new.task
    store_relaxed(new, "suspend", SUSPEND_ASKED)  # published with the thread
    m.cpus[me].spawned += 1
    start_new(m, me, n)
    if task != m.threads[i].task:
        release_child(m, me, task)
    attach_spare(m, me, i)


@hot
def may_steer(m, i, n):
    """Whether thread i may steer thread n, whose record is held."""
    never_inline()
    mine, its = m.threads[i].task, m.threads[n].task
    if mine == its or load_relaxed(m.tasks[its], "parent") == mine + 1:
        return True
    pager = thread_of_tid(m, load_relaxed(m.tasks[its], "pager"))
    if pager >= 0 and m.threads[pager].task == mine:
        return True
    file_server = thread_of_tid(m, load_relaxed(m.tasks[its], "file_server"))
    return file_server >= 0 and m.threads[file_server].task == mine


@hot
def destroy(m, me, n):
    """Tell thread n, whose record is held, to leave; the last one of a task ends it."""
    never_inline()
    exchange(m.threads[n], "told_to_end", 1)  # before its sleep is looked at; pairs with prepare_sleep
    interrupt_sleep(m, me, n)
    nudge(m, me, n)


@hot
def recycle(m, me, n):
    """Thread n, which is held suspended, is as one that has done nothing; 0, or -EPERM where it waits for its pager."""
    never_inline()
    noncritical(m, me)
    t = m.threads[n]
    if t.faulting != 0:
        return -EPERM
    refuse_all(m, me, n)
    settle_call(t)
    for k in range(33):
        t.x[k] = 0
    for k in range(32):
        t.f[k] = 0
    t.fcsr = 0
    t.pc = 0
    t.sleep_done = 0
    t.sleep_restart = 0
    t.resume_deadline_ns = 0
    t.robust_list = 0
    t.clear_child_tid = 0
    t.accepts = ACCEPT_ANYBODY
    end_periods(t)
    return 0


@hot
def settle_call(t):
    """A thread that is held suspended in a call which begins anew is about to make it: so its registers say now."""
    if t.restart != 0:
        begin_anew(t)


@hot
def group_of(m, i):
    """The tid of a thread's group: what thread_control gave it, else its task's pid."""
    t = m.threads[i]
    return t.group if t.group != 0 else m.tasks[t.task].pid


@hot
def _join_group(m, i, n, suggested):
    """A thread in its creator's space gets that one's group if it is suggested; others have groups of their own."""
    in_space = m.threads[i].task == m.threads[n].task
    group = group_of(m, i)
    m.threads[n].group = group if in_space and suggested == group else tid_of(m, n)
