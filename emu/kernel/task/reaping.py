"""The end of a task: what it held is freed, its parent is told, and its record is kept for the parent or freed (cz-9).

The last thread of a task gives back its descriptors and its memory, and then tells the parent.  The system server, the
machine's garbage thread (alux-5), reaps the task when nobody retains or holds it any more (thread/references.py): it
forgets what it knows of it.  In the usual order the server is asked before the parent is told, so what the parent asks
of the server comes later.  The record has two keepers, the server and whoever waits for the task; the later one frees
it.

From its last thread's exit on the task is a zombie until its parent has waited for it.  Where there is no parent to do
so, because the supervisor spawned the task, the parent has ended or does not care for its children (SIGCHLD ignored, or
SA_NOCLDWAIT), the record is free as soon as the server has done, as if a first process waited for all.

No lost wake-up: the task becomes a zombie under families_lock, and its parent's waiters are woken after that; who finds
no zombie joins the waiters before it gives the lock back (wait.py).

When the last task is gone and the machine is closing, the schedulers are told to drain (rust-1).
"""

from ...abi.signals import SIGCHLD, SIGCONT, SIGHUP
from ...hot import entry, hot, never_inline
from ...limits import IPI_CALL, IPI_RESCHEDULE, IPI_STOP, SERVER, SUPERVISOR
from ...shm.atomics import exchange, fetch_add, load_relaxed, load_seq_cst
from ...shm.events import REAP, emit
from ...shm.layout import machine_at
from ..containers.containers import leave_container
from ..critical import noncritical
from ..files.table import drop_table
from ..ipc.port import drop_ends
from ..ipi import send_ipi
from ..sched.hooks import REMOVE_TASK, tell_task
from ..sleep.endings import finish
from ..sleep.waitqueue import wake_queue
from ..thread.references import release_task, retain_task
from ..thread.sleep_word import take
from ..thread.usage import USED_INSTRUCTIONS, USED_SYSTEM_NS
from ..vm.kernel_pages import give_grant_back
from ..vm.lending import give_up_space
from .family import (
    become_zombie,
    leave_family,
    lock_families,
    orphan_children,
    orphan_stopped_child,
    unlock_families,
)
from .records import free_task, nudge_all
from .siginfo import SI_KERNEL, discard, siginfo
from .signals import signal_task
from .stopping import CONTINUED, STOPPED_BITS, mark_stopped
from .usage import note_peak

SA_NOCLDSTOP, SA_NOCLDWAIT = 1, 2
CLD_EXITED, CLD_KILLED, CLD_STOPPED, CLD_CONTINUED = 1, 2, 5, 6  # si_code of SIGCHLD
INSTRUCTIONS_PER_TICK = 5_000_000  # of si_utime: 100 ticks a second, at the nominal 500 million instructions a second
TICK_NS = 10_000_000  # of si_stime
ALL_WAITERS = 1 << 30


@hot
def what_happened(status):
    """(si_code, si_status) of a wait status."""
    if status == CONTINUED:
        return CLD_CONTINUED, SIGCONT
    if status & 0xFF == STOPPED_BITS:
        return CLD_STOPPED, status >> 8
    if status & 0x7F:
        return CLD_KILLED, status & 0x7F
    return CLD_EXITED, status >> 8


@entry(3)
def reap_task(address, me, k):
    """The system server frees what a task still holds whose threads are gone."""
    m = machine_at(address)
    t = m.tasks[k]
    noncritical(m, me)
    emit(m, me, REAP, -1, k, m.jobs[t.job].number)
    tell_task(m, me, REMOVE_TASK, k)
    discard(m, me, k, t, -1)
    told = t.has_told
    if told == 0:
        drop_ends(m, me, k)
        drop_table(m, me, k)
        give_grant_back(m, me, k)
        give_up_space(m, me, k)
    if t.forked_from == 0:
        job = m.jobs[t.job]
        job.status = load_relaxed(t, "exiting") - 1
        job.kill_reason = t.kill_reason
    _release_stopped(m, me, k)
    _free_zombies(m, me, k)
    if told == 0:
        tell_end(m, me, k)
    else:
        drop_keeper(m, me, k)
    return 0


@hot
def give_all_up(m, me, k):
    """The last thread of task k, which still runs, gives back what the task holds. `tell_end` follows."""
    never_inline()
    noncritical(m, me)
    t = m.tasks[k]
    exchange(t, "keepers", 2)
    t.has_told = 1
    note_peak(m, k)
    drop_ends(m, me, k)
    leave_container(m, me, k)
    drop_table(m, me, k)
    give_grant_back(m, me, k)
    give_up_space(m, me, k)


@hot
def tell_end(m, me, k):
    """Tell those who wait for the end of task k, whose last thread has left."""
    end_vfork(m, me, k)
    tell_parent(m, me, k)


@hot
def drop_keeper(m, me, k):
    """The system server has reaped task k, or its parent has done with it: the second of the two frees the record.

    A CPU that is second with the last task of a job tells the server, which closes the machine's files after the last
    task of all, and the supervisor, which waits for the job: when the server had its turn, neither was over yet.
    """
    if fetch_add(m.tasks[k], "keepers", -1) != 1:
        return
    job = m.tasks[k].job
    free_task(m, me, k)
    if me < m.nr_cpus and load_seq_cst(m.jobs[job], "nr_tasks") == 0:
        send_ipi(m, me, SERVER, IPI_CALL)
        send_ipi(m, me, SUPERVISOR, IPI_RESCHEDULE)


@hot
def _release_stopped(m, me, k):
    """Stopped children of a task that ends, of groups that nobody controls from then on, get SIGHUP and SIGCONT."""
    child = 0
    while child >= 0:
        lock_families(m, me)
        child = orphan_stopped_child(m, me, k)
        unlock_families(m, me)
        if child >= 0:
            siginfo(m, me, SIGHUP, SI_KERNEL, 0, 0)
            signal_task(m, me, child, SIGHUP)
            siginfo(m, me, SIGCONT, SI_KERNEL, 0, 0)
            signal_task(m, me, child, SIGCONT)
            release_task(m, me, child)


@hot
def _free_zombies(m, me, k):
    """Children of a task that ends are nobody's from now on."""
    zombie = 0
    while zombie >= 0:
        lock_families(m, me)
        zombie = orphan_children(m, me, k)
        unlock_families(m, me)
        if zombie >= 0:
            drop_keeper(m, me, zombie)


@hot
def tell_parent(m, me, k):
    """Task k, which holds nothing any more, becomes a zombie, or is nobody's."""
    never_inline()
    noncritical(m, me)
    t = m.tasks[k]
    status = load_relaxed(t, "exiting") - 1
    pid, uid, number = t.pid, t.uid, t.exit_signal
    user_ticks, system_ticks = t.past[USED_INSTRUCTIONS] // INSTRUCTIONS_PER_TICK, t.past[USED_SYSTEM_NS] // TICK_NS
    lock_families(m, me)
    parent = t.parent - 1
    if parent >= 0 and not retain_task(m, parent):
        parent = -1  # it ends too, and frees its zombies when it is reaped
    if t.parent != 0 and (parent < 0 or _cares(m, parent, number)):
        become_zombie(m, me, k)
        unlock_families(m, me)  # the parent may free the record from here on
    else:
        leave_family(m, me, k)
        unlock_families(m, me)
        drop_keeper(m, me, k)
    if parent >= 0:
        if number != 0:
            code, value = what_happened(status)
            siginfo(m, me, number, code, pid | (uid << 32), value)
            m.cpus[me].siginfo[4] = user_ticks
            m.cpus[me].siginfo[5] = system_ticks
            signal_task(m, me, parent, number)
        wake_queue(m, me, m.tasks[parent].waiters, ALL_WAITERS)
        release_task(m, me, parent)


@hot
def _cares(m, parent, number):
    """Whether a task waits for its children: it does not where it ignores their signal, or says so in its flags."""
    p = m.tasks[parent]
    if number != SIGCHLD:
        return True
    ignored = (load_relaxed(p, "ignored") >> (SIGCHLD - 1)) & 1
    return ignored == 0 and p.handler_flags[SIGCHLD - 1] & SA_NOCLDWAIT == 0


@entry(4)
def stop_task(address, me, k, number):
    """A signal stops task k: its threads stop at their next safe points, its parent is told. 0 where nothing changes.

    A task that the supervisor spawned is not stopped: nobody waits for it.
    """
    m = machine_at(address)
    t = m.tasks[k]
    noncritical(m, me)
    if t.forked_from == 0:
        return 0
    pid, uid = t.pid, t.uid
    parent, stops = mark_stopped(m, me, k, number)
    if not stops:
        return 0
    nudge_all(m, me, k)
    if parent >= 0:
        if m.tasks[parent].handler_flags[SIGCHLD - 1] & SA_NOCLDSTOP == 0:
            siginfo(m, me, SIGCHLD, CLD_STOPPED, pid | (uid << 32), number)
            signal_task(m, me, parent, SIGCHLD)
        wake_queue(m, me, m.tasks[parent].waiters, ALL_WAITERS)
        release_task(m, me, parent)
    return 1


@hot
def end_vfork(m, me, k):
    """Task k executes a program or ends: the thread that waits for that since vfork goes on, with k's pid as result."""
    t = m.tasks[k]
    word = exchange(t, "vfork_sleep", 0)
    if word != 0 and take(m.threads[t.vfork_thread], word):
        finish(m, me, t.vfork_thread, t.pid)


@entry(2)
def drain_if_done(address, me):
    """When the machine is closing and no task is left, schedulers are told to drain; 1 from then on."""
    m = machine_at(address)
    if load_seq_cst(m, "closing") == 0 or load_seq_cst(m, "nr_tasks") != 0:
        return 0
    if exchange(m, "draining", 1) == 0:
        for cpu in range(m.nr_cpus):
            send_ipi(m, me, cpu, IPI_STOP)
    return 1


@entry(2)
def close_machine(address, me):
    """From now on the machine ends when its last task ends; the system server sees to that (`drain_if_done`)."""
    exchange(machine_at(address), "closing", 1)
    return 0


@entry(3)
def end_vfork_of(address, me, k):
    """Cold form of end_vfork."""
    end_vfork(machine_at(address), me, k)
    return 0
