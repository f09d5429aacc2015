"""Suspend and resume (cz-4, cz-5): a thread is stopped at a safe point, never in the middle.

THREAD.suspend is 0, SUSPEND_ASKED, or SUSPENDED.  The suspender only marks (fetch or full fence),
then acts by situation: a sleeping thread's sleep is ended so that it comes to its safe
point; a running one is interrupted; one in a system call finds the mark when the call ends;
one about to sleep looks for the mark after it has declared its sleep, and wakes itself.
The safe point is the main loop before it enters the guest: no lock is held there, no tick
or interrupt is being handled, and what the thread does next is in its record.

Invariant: a thread is SUSPENDED exactly while its sleep word says SLEEP_SUSPEND or that
sleep was claimed by the one who resumes it.  Resume against "about to be suspended": the
thread declares the sleep, then moves SUSPEND_ASKED to SUSPENDED; a resumer takes the word to 0, and
where it found SUSPENDED the sleep is there to be claimed.

A timed sleep that a suspend interrupts goes on afterwards until its old deadline.
"""

from ..hot import entry, hot, never_inline
from ..limits import IPI_RESCHEDULE
from ..shm.atomics import compare_exchange, exchange, load_seq_cst, store_relaxed
from ..shm.clock import now_ns
from ..shm.events import RESUME, SUSPEND, emit, emit_at
from ..shm.layout import machine_at
from .critical import noncritical
from .handles import thread_index
from .ipi import send_ipi
from .sched import block, make_runnable
from .sleeping import interrupt_sleep
from .states import BLOCKED, SLEEP_SUSPEND, SUSPEND_ASKED, SUSPENDED, state_of
from .task import is_ending, nudge
from .wait import claim, consume_claim, prepare_sleep, reason_of, sleep_word

GONE = -1


@hot
def suspend_async(m, me, i):
    """Ask a thread to stop at its next safe point; False when that was asked already."""
    never_inline()
    if not compare_exchange(m.threads[i], "suspend", 0, SUSPEND_ASKED):  # pairs with prepare_sleep in the sleeper
        return False
    interrupt_sleep(m, me, i, True)
    nudge(m, me, i)
    return True


@hot
def resume_async(m, me, i):
    """Let a thread go on; False when it was neither suspended nor about to be."""
    never_inline()
    t = m.threads[i]
    old = exchange(t, "suspend", 0)
    if old == SUSPENDED:
        word = sleep_word(t)
        if reason_of(word) == SLEEP_SUSPEND and claim(t, word):
            emit(m, me, RESUME, i, 0, 0)
            make_runnable(m, me, i)
    return old != 0


@hot
def stop_here(m, me, i):
    """The running thread is at its safe point and finds that it shall be suspended."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    now = now_ns(m)  # before anybody can resume it: that is later
    word = prepare_sleep(t, SLEEP_SUSPEND)
    if not is_ending(m, t.task) and compare_exchange(t, "suspend", SUSPEND_ASKED, SUSPENDED):
        emit_at(m, me, now, SUSPEND, i, 0, 0)
    elif claim(t, word):
        consume_claim(t)
        return
    suspender = exchange(t, "suspender", 0)
    block(m, me, i)
    if suspender != 0:
        send_ipi(m, me, suspender - 1, IPI_RESCHEDULE)


@hot
def is_suspended(m, t):
    return load_seq_cst(t, "suspend") == SUSPENDED and state_of(t) == BLOCKED


# --- by handle, for cold code ---------------------------------------------------------------------


@entry(4)
def ask_suspend(address, me, handle, tell):
    """suspend_async by handle; actor `tell` - 1 is interrupted on completion, 0: none. GONE for a stale handle."""
    m = machine_at(address)
    i = thread_index(m, handle)
    if i < 0:
        return GONE
    if tell != 0:
        store_relaxed(m.threads[i], "suspender", tell)  # before the mark
    return 1 if suspend_async(m, me, i) else 0


@entry(2)
def suspended(address, handle):
    """1 when the thread is suspended and off its CPU, 0 when not yet, GONE when it has left."""
    m = machine_at(address)
    i = thread_index(m, handle)
    if i < 0 or is_ending(m, m.threads[i].task):
        return GONE
    return 1 if is_suspended(m, m.threads[i]) else 0


@entry(3)
def ask_resume(address, me, handle):
    """resume_async by handle; GONE for a stale handle."""
    m = machine_at(address)
    i = thread_index(m, handle)
    if i < 0:
        return GONE
    return 1 if resume_async(m, me, i) else 0
