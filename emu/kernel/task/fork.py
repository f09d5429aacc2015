"""Making a task from a running one: memory by copy on write, descriptors, signal actions, a place in the family (cz-9).

The child is complete before anybody can find it, in this order: memory, descriptors, the first thread, pid, family.
Then the system server is told (it copies what it knows of the parent: directory, limits), and the thread starts.  It
reads its ring in order, so it has the child before the child's first request, and copies the parent as it was when it
forked: what the parent asks for after that comes later in the ring.

A kill of the job while a task forks ends the child too: the killer writes JOB.killed before it looks for tasks; the
child is in the machine's task records before JOB.killed is read here (a full fence between).
"""

from ...abi.clone import CLONE_CLEAR_SIGHAND, CLONE_FILES, CLONE_FS, CLONE_VFORK, CLONE_VM
from ...abi.errno import EAGAIN
from ...abi.signals import SIG_IGN
from ...hot import entry, hot, never_inline
from ...shm.atomics import exchange, fence, load_relaxed, load_seq_cst
from ...shm.layout import machine_at
from ..containers.containers import enter_container
from ..critical import noncritical
from ..files.table import copy_table, drop_table, share_table
from ..sched.hooks import ADD_TASK, REMOVE_TASK, tell_task
from ..server_ring import tell_of_fork
from ..thread.handles import make_handle, tid_of
from ..thread.inherit import inherit
from ..thread.records import free_thread, join_task
from ..thread.references import release_task
from ..thread.spares import take_spare
from ..vm.forking import copy_space
from ..vm.lending import give_up_space, lend_space
from .family import join_family
from .kill_reasons import KILL_ASKED
from .records import begin_task, end_task, free_begun

EMPTY_SPACE = 1 << 40  # beside the CLONE_* flags


@hot
def fork_task(m, me, i, exit_signal, siblings, flags):
    """A copy of thread i's task with a copy of thread i, which does not run yet; the thread's index, or an error.

    `siblings`: the child's parent is that of the task, not the task itself (CLONE_PARENT).  `flags`: CLONE_FILES lets
    them share one table, CLONE_FS is for the system server, CLONE_CLEAR_SIGHAND lets the child begin without handlers,
    EMPTY_SPACE leaves its memory empty, CLONE_VM with CLONE_VFORK lends it the memory, if the caller then sleeps until
    `end_vfork`.
    The caller may change the new thread's registers and the child's memory, starts it, and calls `release_child`.
    """
    never_inline()
    noncritical(m, me)
    parent = m.threads[i].task
    p = m.tasks[parent]
    k = begin_task(m, me, p.job)
    if k < 0:
        return k
    if not enter_container(m, me, parent, k):
        give_up_space(m, me, k)
        free_begun(m, me, k)
        return -EAGAIN
    tell_task(m, me, ADD_TASK, k)
    n = take_spare(m, me, i)
    if n < 0:
        discard_task(m, me, k)
        return -EAGAIN
    m.threads[n].task = k
    inherit(m, i, n)
    error = share_table(m, parent, k) if flags & CLONE_FILES else copy_table(m, me, parent, k)
    if error == 0 and flags & CLONE_VM and flags & CLONE_VFORK and p.nr_threads == 1:
        lend_space(m, me, parent, k)
    elif error == 0 and flags & EMPTY_SPACE == 0:
        error = copy_space(m, me, parent, k)
    if error == 0 and not join_task(m, me, n):
        error = -EAGAIN
    if error < 0:
        free_thread(m, me, n)
        discard_task(m, me, k)
        return error
    t = m.tasks[k]
    t.leader = make_handle(n, m.threads[n].generation)
    t.pid = tid_of(m, n)
    t.exit_signal = exit_signal
    t.uid = p.uid
    t.program = p.program
    t.barriers = load_relaxed(p, "barriers")
    t.trampoline = p.trampoline
    t.max_siginfos = p.max_siginfos
    t.max_descriptors = p.max_descriptors
    t.max_processes = p.max_processes
    t.limited_space = p.limited_space
    t.pager = p.pager
    t.file_server = p.file_server
    t.cpu_hard_ns = p.cpu_hard_ns
    t.cpu_soft_ns = p.cpu_soft_ns
    t.cpu_limit_ns = p.cpu_soft_ns
    t.shares = flags & (CLONE_FILES | CLONE_FS)
    if flags & CLONE_CLEAR_SIGHAND == 0:
        exchange(t, "handled", load_relaxed(p, "handled"))
    for s in range(len(t.handler)):
        if flags & CLONE_CLEAR_SIGHAND == 0 or p.handler[s] == SIG_IGN:
            t.handler[s] = p.handler[s]
            t.handler_flags[s] = p.handler_flags[s]
            t.handler_mask[s] = p.handler_mask[s]
    exchange(t, "ignored", load_relaxed(p, "ignored"))
    join_family(m, me, k, parent, siblings)
    tell_of_fork(m, me, k)
    return n


@hot
def release_child(m, me, k):
    """The child's first thread has been started: the maker's reference is given back. Who kills the job gets it too."""
    fence()  # the child is in the records before the note is read; pairs with the exchange in kill_job
    killed = load_seq_cst(m.jobs[m.tasks[k].job], "killed")
    if killed != 0:
        end_task(m, me, k, killed - 1, KILL_ASKED)
    release_task(m, me, k)


@entry(3)
def abandon_task(address, me, k):
    """Cold form of discard_task."""
    discard_task(machine_at(address), me, k)
    return 0


@hot
def discard_task(m, me, k):
    """Give back a task that has no thread, no place in a family, and that the system server does not know."""
    never_inline()
    tell_task(m, me, REMOVE_TASK, k)
    drop_table(m, me, k)
    give_up_space(m, me, k)
    free_begun(m, me, k)
