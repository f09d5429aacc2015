"""CPUs that come and go (rust-1, rust-4): a scheduler is created, runs, drains and exits.

A scheduler decides by itself when to exit: when it was told to drain, no thread is
registered with it, and nobody holds the record of one that died here (reaping.py).
Told to leave (`take_offline`), its CPU is gone from the online mask, so `place` avoids it; its queue's
life is DRAINING, so whoever had chosen it for a thread sees that under its lock and chooses anew; and the CPU
itself gives its threads to others: runnable ones move, sleeping ones are registered elsewhere, the
running one moves at its next switch.  Threads pinned to it stay, and it waits for them.

Invariants: when a scheduler has exited, no thread's `where` names its queue, and its bit in the idle mask is
clear for good; a wake-up that was sent to it before that has gone on to another CPU (announcing.py).
"""

from ...hot import entry, hot, never_inline
from ...limits import GLOBAL_QUEUE, IPI_RESCHEDULE, IPI_STOP, SUPERVISOR
from ...shm.atomics import fetch_add, load_relaxed, load_seq_cst
from ...shm.cpumask import clear_cpu, load_mask, mask_and, mask_count, mask_is_empty, mask_minus, mask_of, set_cpu
from ...shm.events import CPU_DOWN, CPU_UP, emit_at
from ...shm.layout import machine_at
from ..critical import noncritical
from ..ipi import send_ipi
from ..thread.states import (
    BLOCKED,
    LIFE_CREATED,
    LIFE_DRAINING,
    LIFE_EXITED,
    LIFE_RUNNING,
    RUNNABLE,
    pack_where,
    where_queue,
    where_state,
)
from . import queues
from .announcing import announce, pass_on
from .cpus import takers
from .hooks import CPU_OFFLINE, CPU_ONLINE, tell_queue
from .migration import move_blocked, move_misplaced, move_runnable
from .runqueue import allowed_cpus, lock_queue, lock_two, mark_time, unlock_queue, unlock_two


@hot
def begin_life(m, me, cpu):
    """A CPU's scheduler takes threads from now on. Does nothing where it takes them already."""
    noncritical(m, me)
    q = m.queues[cpu]
    lock_queue(m, me, cpu)
    if q.life == LIFE_CREATED:
        now = mark_time(m, me, cpu)
        q.life = LIFE_RUNNING
        emit_at(m, me, now, CPU_UP, -1, cpu, 0)
        tell_queue(m, me, CPU_ONLINE, cpu)
        set_cpu(m, "online", cpu)
    unlock_queue(m, me, cpu)


@entry(3)
def bring_online(address, me, cpu):
    """Cold form of begin_life: at boot the system server opens all queues before the first thread is placed."""
    begin_life(machine_at(address), me, cpu)
    return 0


@entry(3)
def activate(address, me, cpu):
    """Count a CPU that is about to be started as an active scheduler (rust-3)."""
    m = machine_at(address)
    fetch_add(m, "nr_active", 1)
    set_cpu(m, "active", cpu)
    return 0


@entry(3)
def take_offline(address, me, cpu):
    """Tell a CPU to leave; returns 0 when it is the last one of its pool that takes threads, or takes none.

    Only the system server may call it: two callers, one for each of two CPUs, would both find the other CPU there.
    """
    m = machine_at(address)
    if mask_count(mask_and(load_mask(m, "online"), takers(m, cpu))) <= 1 or not clear_cpu(m, "online", cpu):
        return 0
    lock_queue(m, me, cpu)
    m.queues[cpu].life = LIFE_DRAINING
    unlock_queue(m, me, cpu)
    send_ipi(m, me, cpu, IPI_RESCHEDULE)
    return 1


@hot
def evacuate(m, me):
    """Give away the threads that this CPU, which leaves or has become exclusive, need not keep."""
    never_inline()
    leaving = m.queues[me].life == LIFE_DRAINING
    if queues.are_lock_free(m):
        move_misplaced(m, me)
    for i in range(m.fresh_thread):
        where = load_relaxed(m.threads[i], "where")
        if where == pack_where(RUNNABLE, GLOBAL_QUEUE):
            announce(m, me, GLOBAL_QUEUE, i)  # from now on other CPUs may have it
        elif where_queue(where) == me:
            if where_state(where) == RUNNABLE and not queues.are_lock_free(m):
                move_runnable(m, me, i, me)
            elif leaving and where_state(where) == BLOCKED:
                move_blocked(m, me, i, me)


@hot
def _is_waited_for(m, me):
    """Whether a thread on the locked global queue, where one-queue policies keep pinned ones too, can run here only."""
    if m.queues[GLOBAL_QUEUE].nr_runnable > 0:
        for i in range(m.fresh_thread):
            t = m.threads[i]
            if load_relaxed(t, "where") == pack_where(RUNNABLE, GLOBAL_QUEUE) and mask_is_empty(
                mask_minus(allowed_cpus(m, t), mask_of(me))
            ):
                return True
    return False


@hot
def retire(m, me):
    """A draining scheduler without threads exits; the last one signals the supervisor (rust-3)."""
    never_inline()
    noncritical(m, me)
    lock_two(m, me, me, GLOBAL_QUEUE)  # no thread joins either queue meanwhile
    q = m.queues[me]
    exited = load_seq_cst(q, "nr_threads") == 0 and q.nr_dead == 0 and not _is_waited_for(m, me)
    q.life = LIFE_EXITED if exited else LIFE_DRAINING
    if exited:
        clear_cpu(m, "idle", me)  # a waker finds no bit to take from here on, and tells another CPU
        pass_on(m, me)  # who took it before told this CPU only
        tell_queue(m, me, CPU_OFFLINE, me)
        emit_at(m, me, queues.time_of_exit(m, mark_time(m, me, me)), CPU_DOWN, -1, me, 0)
        clear_cpu(m, "online", me)
        clear_cpu(m, "active", me)  # whoever finds this queue closed places its thread anew: must_stay, allowed_cpus
    unlock_two(m, me, me, GLOBAL_QUEUE)
    if not exited:
        return False
    if fetch_add(m, "nr_active", -1) == 1:  # after its bit, so that at 0 no bit is set
        send_ipi(m, me, SUPERVISOR, IPI_STOP)
    elif load_relaxed(m, "draining") == 0:
        send_ipi(m, me, SUPERVISOR, IPI_RESCHEDULE)  # the supervisor waits for this CPU to be gone
    return True
