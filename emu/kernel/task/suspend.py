"""Suspend and resume (cz-4, cz-5): a thread is stopped at a safe point, never in the middle.

THREAD.suspend is 0, SUSPEND_ASKED, SUSPENDED, or SUSPEND_HELD.  The suspender only sets the mark (full fence), then
acts on what the thread does: a sleeping thread's sleep is ended so that it comes to its safe
point; a running one is interrupted; one in a system call finds the mark when the call ends;
one about to sleep looks for the mark after it has declared its sleep, and wakes itself.
The safe point is the main loop before it enters the guest: no lock is held there, no tick
or interrupt is being handled, and what the thread does next is in its record.  A thread that was woken to look again at
what it waits for (RESTART_WOKEN) looks first: nothing of a call is left then but that it may begin anew.

Invariant: a thread is SUSPENDED exactly while its sleep word says SLEEP_SUSPEND or that
sleep was claimed by the one who resumes it.  Resume against "about to be suspended": the
thread declares the sleep, then moves SUSPEND_ASKED to SUSPENDED; a resumer takes the word to 0, and
where it found SUSPENDED the sleep is there to be claimed.

Who changes the context of a suspended thread holds it: `hold_suspended` moves SUSPENDED to SUSPEND_HELD, which one
actor can (cz-8), and `let_suspended_go` moves it back.  A resumer that comes between leaves 0 behind and wakes
nobody; the holder finds that, and does what the resumer would have done.

A timed sleep that a suspend interrupts goes on afterwards until its old deadline, unless a handler runs in between.

Whoever waits for the suspension is entered in THREAD.suspender of the thread to be suspended, before the mark is set:
an actor (the supervisor, which is then interrupted) or a sleep of another thread (which is then ended).  Whatever ends
the wait takes this word by exchange and tells whom it found there, so exactly one does: the thread itself once it is
suspended; a resumer that undoes the mark, be it another thread or the thread itself on its way (cz-18); the thread's
exit, which closes the word (NO_MORE).  Whoever has the reason changes the state: no call asks a scheduler to.
"""

from ...abi.errno import EAGAIN, EINVAL, ESRCH
from ...abi.registers import A0
from ...hot import entry, hot, never_inline
from ...limits import IPI_RESCHEDULE, THREAD_BITS
from ...shm.atomics import compare_exchange, exchange, load_seq_cst
from ...shm.clock import now_ns
from ...shm.events import RESUME, SUSPEND, emit, emit_at
from ...shm.layout import machine_at
from ..critical import noncritical
from ..ipi import send_ipi
from ..sched.core import block
from ..sched.recording import WAKE_RESUME
from ..sched.waking import make_runnable
from ..sleep.endings import finish, interrupt_sleep
from ..thread.leaving import must_come
from ..thread.reaping import drop_thread, retain_thread
from ..thread.sleep_word import (
    claim,
    consume_claim,
    pack_sleep,
    prepare_sleep,
    reason_of,
    sleep_sequence,
    sleep_word,
    take,
)
from ..thread.states import BLOCKED, SLEEP_SUSPEND, SLEEP_WAITS, SUSPEND_ASKED, SUSPEND_HELD, SUSPENDED, state_of
from .records import is_ending, nudge

GONE = -1
WITHDRAWN = 2
NOBODY, NO_MORE = 0, -1  # THREAD.suspender; else actor + 1, or a sleep (below NO_MORE)
WAITS = 1
_THREAD_MASK = (1 << THREAD_BITS) - 1


@hot
def suspend_async(m, me, i):
    """Ask a thread to stop at its next safe point; False when that was asked already."""
    never_inline()
    if not compare_exchange(m.threads[i], "suspend", 0, SUSPEND_ASKED):  # pairs with prepare_sleep in the sleeper
        return False
    interrupt_sleep(m, me, i)
    nudge(m, me, i)
    return True


@hot
def resume_async(m, me, i):
    """Let a thread go on; False when it was neither suspended nor about to be. No queue's lock is held."""
    never_inline()
    t = m.threads[i]
    old = exchange(t, "suspend", 0)
    if old != 0:
        tell_suspender(m, me, i, -EAGAIN if old == SUSPEND_ASKED else 0, NOBODY)
    if old == SUSPENDED:
        _wake(m, me, i)
    return old != 0


@hot
def _wake(m, me, i):
    """Thread i is suspended no more, and the caller is the one that ends its sleep."""
    t = m.threads[i]
    word = sleep_word(t)
    if reason_of(word) == SLEEP_SUSPEND and claim(t, word):
        emit(m, me, RESUME, i, 0, 0)
        m.cpus[me].wake_cause = WAKE_RESUME
        make_runnable(m, me, i)


@hot
def hold_suspended(m, me, i):
    """Keep thread i suspended while its context is read or changed; False: it is not. Its record is held."""
    never_inline()
    t = m.threads[i]
    if not compare_exchange(t, "suspend", SUSPENDED, SUSPEND_HELD):
        return False
    if state_of(t) == BLOCKED:
        return True
    let_suspended_go(m, me, i)  # it is still on its way off its CPU
    return False


@hot
def may_soon_be_held(m, i):
    """Where hold_suspended has failed: whether it is worth another try, since i is held by another or almost asleep."""
    return load_seq_cst(m.threads[i], "suspend") >= SUSPENDED


@hot
def let_suspended_go(m, me, i):
    """The end of hold_suspended; the thread goes on if it was resumed meanwhile."""
    never_inline()
    if not compare_exchange(m.threads[i], "suspend", SUSPEND_HELD, SUSPENDED):
        _wake(m, me, i)


@hot
def stop_here(m, me, i):
    """Suspend the running thread, which is at its safe point and has found the mark."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    now = now_ns(m)  # taken before anybody can resume the thread, which is a later event
    asker = load_seq_cst(t, "suspender")  # the one that set the mark, which was entered before
    word = prepare_sleep(t, SLEEP_SUSPEND)
    if not must_come(m, i) and compare_exchange(t, "suspend", SUSPEND_ASKED, SUSPENDED):
        emit_at(m, me, now, SUSPEND, i, 0, 0)
    elif claim(t, word):
        consume_claim(t)
        return
    suspender = exchange(t, "suspender", NOBODY)
    slept = block(m, me, i)
    # Where the thread was resumed before it slept, another suspender may have come after the first: that one
    # waits on for the next stop.  Nobody else is told before the thread is off its CPU.
    if slept or suspender == asker or not compare_exchange(t, "suspender", NOBODY, suspender):
        _tell(m, me, suspender, 0)


@hot
def suspend_sync(m, me, i, j, joins):
    """The running thread i suspends thread j, which it holds, and waits for that: WAITS or an error.

    WAITS: the caller returns BLOCK; its result will be 0, -EAGAIN when j was resumed before it stopped, -ESRCH when it
    left, or -EINTR.  -EINVAL: j is suspended already, or somebody waits for that.  -ESRCH: it is leaving.
    `joins`: where j was asked before and has not stopped yet, wait for that; else that is -EINVAL too.
    """
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    t.x[A0] = 0
    word = prepare_sleep(t, SLEEP_WAITS)  # first, because it may be told as soon as j knows whom to tell
    mine = -((sleep_sequence(word) << THREAD_BITS | i) + 2)
    asked = compare_exchange(m.threads[j], "suspender", NOBODY, mine)
    if asked and (suspend_async(m, me, j) or (joins and load_seq_cst(m.threads[j], "suspend") == SUSPEND_ASKED)):
        return WAITS  # it has not stopped yet, and looks at `suspender` after it has
    error = -ESRCH if load_seq_cst(m.threads[j], "suspender") == NO_MORE else -EINVAL
    if asked:
        compare_exchange(m.threads[j], "suspender", mine, NOBODY)
    if claim(t, word):
        consume_claim(t)
        return error
    return WAITS  # it was told meanwhile, or interrupted


@hot
def tell_suspender(m, me, i, result, then):
    """Give thread i's suspender the result that it waits for; THREAD.suspender is `then` from here on."""
    _tell(m, me, exchange(m.threads[i], "suspender", then), result)


@hot
def _tell(m, me, suspender, result):
    never_inline()
    if suspender > 0:
        send_ipi(m, me, suspender - 1, IPI_RESCHEDULE)
    elif suspender < NO_MORE:
        packed = -suspender - 2
        i = packed & _THREAD_MASK
        word = pack_sleep(SLEEP_WAITS, packed >> THREAD_BITS)
        if take(m.threads[i], word):  # the sleep named there, not one of a later owner of the record
            finish(m, me, i, result)


@hot
def is_suspended(m, t):
    return load_seq_cst(t, "suspend") == SUSPENDED and state_of(t) == BLOCKED


# --- by handle, for cold code ---------------------------------------------------------------------


@entry(4)
def ask_suspend(address, me, handle, tell):
    """suspend_async by handle; actor `tell` - 1 is interrupted on completion, 0: none. GONE: it has left."""
    m = machine_at(address)
    i = retain_thread(m, me, handle)
    if i < 0:
        return GONE
    if tell != 0:
        compare_exchange(m.threads[i], "suspender", NOBODY, tell)  # before the mark
    asked = suspend_async(m, me, i)
    if not asked and load_seq_cst(m.threads[i], "suspend") != SUSPEND_ASKED:
        compare_exchange(m.threads[i], "suspender", tell, NOBODY)  # there is nothing to be told
    drop_thread(m, me, i)
    return 1 if asked else 0


@entry(3)
def suspended(address, me, handle):
    """1: the thread is suspended and off its CPU; 0: not yet; WITHDRAWN: it was resumed; GONE: it has left."""
    m = machine_at(address)
    i = retain_thread(m, me, handle)
    if i < 0:
        return GONE
    t = m.threads[i]
    state = 0
    if is_ending(m, t.task):
        state = GONE
    elif load_seq_cst(t, "suspend") == 0:
        state = WITHDRAWN
    elif is_suspended(m, t):
        state = 1
    drop_thread(m, me, i)
    return state


@entry(3)
def ask_resume(address, me, handle):
    """resume_async by handle; GONE for a thread that has left."""
    m = machine_at(address)
    i = retain_thread(m, me, handle)
    if i < 0:
        return GONE
    resumed = resume_async(m, me, i)
    drop_thread(m, me, i)
    return 1 if resumed else 0
