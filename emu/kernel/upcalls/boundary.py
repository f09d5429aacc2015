"""The border between kernel and user space, for threads of groups: contexts leave, upcalls enter (kse-2, kse-3).

A thread that is INSIDE leaves its context in its user thread's mailbox, puts that on the group's list of completed
ones, and exits, or is its group's spare for another upcall (groups/spares.py).  A thread that is RISING enters user
space as an upcall: it takes the whole list along.  A thread that is ENDOWED does both.  An owner that comes back with
its user thread enters as an upcall too where there is something to tell: completed contexts that nobody is about to
fetch, a wake-up, or the end of its quantum; its user thread is then the first of those completed.

Each context once: who leaves one stores the list's head in it, and makes it the head by compare-and-swap; who fetches
the list stores its head in the mailbox, and empties the list by compare-and-swap.  A context that comes in between
makes either begin anew.  An address that has come back as the head meanwhile is no mistake: what it leads to is then
what its last exporter stored there.

No completed context waits for ever.  Who leaves one looks for a released owner afterwards; an owner that is to be
released looks at the list under the lock under which others look for it (releasing.py).  Where no owner is released,
each of them looks here, at each return to user space, a tick at the latest.

What is completed gets out of the kernel before an upcall is made: one that rises lets threads inside, as many as there
were when it came, have this CPU first.
"""

from ...abi.errno import EFAULT
from ...abi.registers import A0, SP, TP
from ...hot import hot, never_inline
from ...limits import MOST_PATIENCE
from ...shm.atomics import compare_exchange, exchange, fetch_add, fetch_and, fetch_or, load_relaxed, load_seq_cst
from ...shm.clock import now_ns
from ...shm.events import EXPORT, UPCALL, emit
from ..critical import noncritical
from ..groups.mailbox import KMF_NOCOMPLETED, add_times, read_mailbox, store_context, tell_upcall, thread_to_export
from ..groups.offers import close_offer
from ..groups.records import KSE_ENDOWED, KSE_INSIDE, KSE_MEMBER, KSE_OWNER, KSE_RISING, WANTED_QUANTUM
from ..groups.spares import get_out, keep, may_keep
from ..sched.core import block, others_wait, switch
from ..sched.waking import make_runnable
from ..sleep.endings import interrupt_sleep
from ..sleep.waitqueue import claim_first, lock_waiters, unlock_waiters
from ..task.exiting import exit_thread
from ..task.kill_reasons import KILL_MAILBOX
from ..task.records import end_task
from ..task.usage import INSTRUCTION_NS
from ..thread.leaving import must_come
from ..thread.spares import attach_spare

GOES_ON, TURNED_AWAY, LACKS_PAGE = 0, 1, 2  # what becomes of a thread at the border
STACK_ALIGNMENT = 16
BAD_MAILBOX_STATUS = 11  # SIGSEGV


@hot
def at_boundary(m, me, i):
    """Thread i, which runs and is in a group, is about to execute user code: GOES_ON, or it does not.

    LACKS_PAGE: CPU.missing says which page of a mailbox has to be brought first.
    """
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    m.cpus[me].missing = 0
    if t.kse & KSE_INSIDE:
        close_offer(m, i)
    if t.kse == KSE_ENDOWED:
        result = _export(m, me, i, t.user_thread)
        if result != GOES_ON:
            return result
        get_out(m, me, i, KSE_MEMBER | KSE_OWNER | KSE_RISING)
    elif t.kse & KSE_INSIDE:
        return _leave(m, me, i)
    if t.kse & KSE_OWNER == 0:
        return GOES_ON
    if t.kse & KSE_RISING == 0:
        result = _look_for_news(m, me, i)
        if result != GOES_ON or t.kse & KSE_RISING == 0:
            return result
    return _rise(m, me, i)


@hot
def _look_for_news(m, me, i):
    """Let a returning owner rise where there is something to tell, its user thread's context left behind."""
    t = m.threads[i]
    u = m.upcalls[t.upcall - 1]
    g = m.groups[t.kse_group - 1]
    wanted = load_relaxed(u, "wanted")
    unclaimed = load_relaxed(g, "completed") != 0 and load_relaxed(g, "rising") == 0
    if wanted == 0 and not unclaimed:
        return GOES_ON
    current = thread_to_export(m, me, t, u, True)
    if current == 0:  # the library looks for news itself, and where it is released
        if wanted & WANTED_QUANTUM:
            fetch_and(u, "wanted", ~WANTED_QUANTUM)  # and no wake-up that comes just now
        return GOES_ON
    result = _export(m, me, i, current)
    if result == GOES_ON:
        begin_rising(m, i)
    return result


@hot
def begin_rising(m, i):
    """Owner i makes an upcall at its return to user space."""
    t = m.threads[i]
    fetch_add(m.groups[t.kse_group - 1], "rising", 1)
    t.kse |= KSE_RISING
    t.patience = -1


# --- contexts leave ---------------------------------------------------------------------------------------------------


@hot
def _leave(m, me, i):
    """The context of a thread without an upcall is handed out, and the thread exits."""
    t = m.threads[i]
    g = m.groups[t.kse_group - 1]
    if load_relaxed(g, "nr_upcalls") != 0:
        result = _export(m, me, i, t.user_thread)
        if result != GOES_ON:
            return result
        wake_released(m, me, g)
        if may_keep(t, g):
            keep(m, me, i)
            if must_come(m, i):
                interrupt_sleep(m, me, i)  # a kill came before the sleep
            block(m, me, i)
            return TURNED_AWAY
    exit_thread(m, me, i, 0)
    return TURNED_AWAY


@hot
def _export(m, me, i, user_thread):
    """Put a thread's context on its group's list of completed ones."""
    t = m.threads[i]
    g = m.groups[t.kse_group - 1]
    user_ns, system_ns = _untold_times(t)
    head = load_seq_cst(g, "completed")
    if store_context(m, me, t, user_thread, head, user_ns, system_ns) < 0:
        return _without(m, me, t)
    _all_told(t)
    while not compare_exchange(g, "completed", head, user_thread):
        head = load_seq_cst(g, "completed")
        if store_context(m, me, t, user_thread, head, 0, 0) < 0:
            return _without(m, me, t)
    m.cpus[me].exports += 1
    emit(m, me, EXPORT, i, user_thread, 0)
    return GOES_ON


@hot
def _without(m, me, t):
    """A mailbox cannot be used: its page is brought, or the task ends."""
    if m.cpus[me].missing != 0:
        return LACKS_PAGE
    end_task(m, me, t.task, BAD_MAILBOX_STATUS, KILL_MAILBOX)
    return TURNED_AWAY


@hot
def wake_released(m, me, g):
    """Something was completed: an owner that waits for that makes its upcall."""
    noncritical(m, me)
    q = g.released
    lock_waiters(m, me, q)
    i = claim_first(m, me, q)
    unlock_waiters(m, me, q)
    if i >= 0:
        make_runnable(m, me, i)


# --- upcalls enter ----------------------------------------------------------------------------------------------------


@hot
def _rise(m, me, i):
    """Enter user space as an upcall, with all that was completed."""
    t = m.threads[i]
    u = m.upcalls[t.upcall - 1]
    g = m.groups[t.kse_group - 1]
    if t.patience < 0:
        t.patience = min(load_seq_cst(g, "inside"), MOST_PATIENCE)
    if t.patience > 0 and load_seq_cst(g, "inside") > 0 and others_wait(m, me):
        t.patience -= 1
        switch(m, me, i, True)
        return TURNED_AWAY
    head = _fetch_completed(m, me, t, u, g)
    if head < 0:
        return _without(m, me, t)
    exchange(u, "wanted", 0)
    t.kse &= ~KSE_RISING
    fetch_add(g, "rising", -1)
    _all_told(t)
    t.pc = u.function
    t.x[A0] = u.mailbox
    t.x[SP] = u.stack & -STACK_ALIGNMENT
    t.x[TP] = u.thread_pointer
    t.fcsr = 0
    if u.quantum_ns != 0:
        u.until_ns = now_ns(m) + u.quantum_ns
    m.cpus[me].upcalls += 1
    emit(m, me, UPCALL, i, u.mailbox, head)
    attach_spare(m, me, i)
    return GOES_ON


@hot
def _fetch_completed(m, me, t, u, g):
    """Move the list of completed contexts to an upcall's mailbox; its head, 0 for none, or -EFAULT."""
    while True:
        head = load_seq_cst(g, "completed") if u.flags & KMF_NOCOMPLETED == 0 else 0
        if tell_upcall(m, me, t, u.mailbox, head) < 0:
            return -EFAULT
        if head == 0 or compare_exchange(g, "completed", head, 0):
            return head


# --- time -------------------------------------------------------------------------------------------------------------


@hot
def _untold_times(t):
    """(user time, system time) of a thread that no thread mailbox tells of yet (kse-6)."""
    return (t.instructions - t.told_instructions) * INSTRUCTION_NS, t.system_ns - t.told_system_ns


@hot
def _all_told(t):
    """What the thread has used so far is in a thread mailbox, or was the library's."""
    t.told_instructions = t.instructions
    t.told_system_ns = t.system_ns


@hot
def tick_group(m, me, i, now):
    """A tick of thread i, which is in a group: its user thread's times are told, and its quantum may be over."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    if t.upcall == 0:
        return
    u = m.upcalls[t.upcall - 1]
    _, current = read_mailbox(m, me, t, u)
    if current != 0:
        user_ns, system_ns = _untold_times(t)
        add_times(m, me, t, current, user_ns, system_ns)
    _all_told(t)
    if u.quantum_ns != 0 and now >= u.until_ns:
        u.until_ns = now + u.quantum_ns
        if current != 0:
            fetch_or(u, "wanted", WANTED_QUANTUM)
