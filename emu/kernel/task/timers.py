"""Timers of tasks on the timekeeper's heap: at a time, and again after each interval, a signal or a count.

A timer may measure the processor time of a task or a thread instead.  Nobody is told when that has used so much, so
the timekeeper looks, the sooner the less is left, LOOK_NS apart at the least: such a timer is that much late, as in
Linux, which looks at each tick.

The system server makes timers and arms them (server/calls/timers.py); the timekeeper fires them.  An arming has a
number that no other arming of the record had, in TIMER.armed and in the heap's entry, so an entry is valid while both
agree (sleep/heap.py), as with sleeps.  Disarming or arming anew changes the number and leaves the entry stale.

Invariant: of an expiry and a change of the timer, one comes first: both hold timers_lock.  An expiry copies what it
needs under the lock and retains the task; then it tells, without the lock.  So a signal may still come just after its
timer was deleted, as in Linux, but never to another task that has the record by then.

A periodic timer is due again at the next multiple of its interval that lies in the future, and LEAST_GAP_NS later at
the earliest, because delivering a signal takes a while and the timekeeper has other sleepers; what it missed is counted
(timer_getoverrun).  Nothing is posted while an earlier signal of the number is pending; that is counted too.
Lock: timers_lock, before all locks of tasks.
"""

from ...abi.signals import SIGKILL
from ...hot import entry, hot, never_inline
from ...limits import IPI_CALL, SERVER
from ...shm import lockrank
from ...shm.atomics import load_relaxed
from ...shm.clock import steady_ns
from ...shm.layout import machine_at
from ...shm.spinlock import acquire, field_address, release
from ..critical import noncritical
from ..ipi import send_ipi
from ..sleep.heap import NEVER, add_entry, count_stale
from ..sleep.timeout_ring import post
from ..thread.handles import task_index, thread_index
from ..thread.records import lock_task, unlock_task
from ..thread.references import release_task, retain_task
from ..thread.states import SLEEP_TIMED
from ..thread.usage import USED_INSTRUCTIONS, USED_SYSTEM_NS, used_by_thread
from .siginfo import SI_KERNEL, siginfo
from .signals import begin_signal, signal_task, signal_thread
from .usage import INSTRUCTION_NS, used_by_task

SI_TIMER = -2
LEAST_GAP_NS = 500_000
# What a timer does when it expires (TIMER.kind; 0: the record is free).
TIMER_ITIMER, TIMER_SIGNAL, TIMER_SIGNAL_THREAD, TIMER_NOTHING, TIMER_FD = range(1, 6)
MEASURES_TASK, MEASURES_THREAD = 1, 2  # TIMER.measures
LOOK_NS = 2_000_000


@hot
def entry_of(n):
    """What stands for timer n in the timekeeper's heap, where a thread's index may stand, or -1."""
    return -2 - n


@hot
def lock_timers(m, me):
    acquire(m, me, field_address(m, "timers_lock"), lockrank.TIMERS)


@hot
def unlock_timers(m, me):
    release(m, me, field_address(m, "timers_lock"))


@hot
def fire(m, me, n, word):
    """Timer n's entry of arming `word` is due: tell its task. False where it has been changed meanwhile.

    For the timekeeper, which has taken the entry out of the heap, so that there is room for the next one.
    """
    never_inline()
    noncritical(m, me)
    t = m.timers[n]
    lock_timers(m, me)
    if t.armed != word:
        unlock_timers(m, me)
        return False
    missed = 0
    used_ns = _used_ns(m, me, t) if t.measures != 0 else 0
    if t.measures != 0 and used_ns < t.target_ns:
        if used_ns < 0:
            t.armed = 0  # nobody is left whose time would grow
        else:
            add_entry(m, _next_look_ns(m, t, used_ns), field_address(t, "armed"), word, entry_of(n))
        unlock_timers(m, me)
        return True
    if t.interval_ns > 0 and t.measures != 0:
        missed = (used_ns - t.target_ns) // t.interval_ns
        t.target_ns += (missed + 1) * t.interval_ns
        _rearm(t)
        add_entry(m, _next_look_ns(m, t, used_ns), field_address(t, "armed"), t.armed, entry_of(n))
    elif t.interval_ns > 0:
        now_ns = steady_ns(m)
        missed = max(now_ns - t.deadline_ns, 0) // t.interval_ns
        t.deadline_ns += (missed + 1) * t.interval_ns
        _rearm(t)
        next_ns = max(t.deadline_ns, now_ns + LEAST_GAP_NS)
        add_entry(m, next_ns, field_address(t, "armed"), t.armed, entry_of(n))
    else:
        t.armed = 0
    kind, number, value, signal, thread = t.kind, t.number, t.value, t.signal, t.thread
    t.expirations += missed + 1
    t.changes += 1
    k = task_index(m, t.task)
    if k >= 0 and not retain_task(m, k):
        k = -1
    is_pending = k >= 0 and _is_pending(m, k, kind, thread, signal)
    t.overrun = t.overrun + missed + 1 if is_pending else missed
    overrun = min(t.overrun, 0x7FFFFFFF)
    unlock_timers(m, me)
    if kind == TIMER_FD:
        send_ipi(m, me, SERVER, IPI_CALL)  # some call may wait for it
    if k >= 0:
        if is_pending:
            pass
        elif kind == TIMER_ITIMER:
            siginfo(m, me, signal, SI_KERNEL, 0, 0)
            signal_task(m, me, k, signal)
        elif kind == TIMER_SIGNAL or kind == TIMER_SIGNAL_THREAD:
            siginfo(m, me, signal, SI_TIMER, number | (overrun << 32), value)
            if kind == TIMER_SIGNAL:
                signal_task(m, me, k, signal)
            else:
                _signal_member(m, me, k, thread, signal)
        release_task(m, me, k)
    return True


@hot
def _used_ns(m, me, t):
    """What whoever a timer measures has used; -1 when it has left. timers_lock is held."""
    if t.measures == MEASURES_THREAD:
        i = thread_index(m, t.measured)
        if i < 0:
            return -1
        used_ns = used_by_thread(m, i, USED_INSTRUCTIONS) * INSTRUCTION_NS
        return used_ns + (0 if t.user_only else used_by_thread(m, i, USED_SYSTEM_NS))
    k = task_index(m, t.measured)
    if k < 0:
        return -1
    used_by_task(m, me, k)
    words = m.cpus[me].given_words
    return words[USED_INSTRUCTIONS] * INSTRUCTION_NS + (0 if t.user_only else words[USED_SYSTEM_NS])


@hot
def _next_look_ns(m, t, used_ns):
    """When to look again: a task uses nr_cpus ns of processor time each ns at most."""
    return min(steady_ns(m) + max((t.target_ns - used_ns) // m.nr_cpus, LOOK_NS), NEVER)


@hot
def _is_pending(m, k, kind, handle, signal):
    """Whether a signal of the number waits for the task, or for the thread that the timer tells."""
    bit = 1 << (signal - 1)
    if kind != TIMER_SIGNAL_THREAD:
        return load_relaxed(m.tasks[k], "signals") & bit != 0
    i = thread_index(m, handle)
    return i >= 0 and load_relaxed(m.threads[i], "signals") & bit != 0


@hot
def _rearm(t):
    t.sequence += 1
    t.armed = t.sequence << 8 | SLEEP_TIMED


@hot
def _signal_member(m, me, k, handle, signal):
    """Post `me`'s words to a thread of task k, if it has not left."""
    begin_signal(m, me, k, signal)
    lock_task(m, me, k)  # a thread in the list cannot leave meanwhile
    i = thread_index(m, handle)
    is_there = i >= 0 and m.threads[i].task == k and m.threads[i].is_listed != 0
    if is_there and signal != SIGKILL:
        signal_thread(m, me, i, signal)
    unlock_task(m, me, k)
    if is_there and signal == SIGKILL:
        signal_task(m, me, k, signal)


# --- for the system server --------------------------------------------------------------------------


@hot
def _disarm(m, t):
    if t.armed != 0:
        count_stale(m, t.armed)
    t.armed = 0


@entry(7)
def make_timer(address, me, n, kind, task, thread, signal):
    """Make timer n, a free record: TIMER_* kind, handles of task and thread, signal. It is not armed."""
    m = machine_at(address)
    t = m.timers[n]
    lock_timers(m, me)
    t.kind = kind
    t.task = task
    t.thread = thread
    t.signal = signal
    t.interval_ns = 0
    t.deadline_ns = 0
    t.measures = 0
    t.overrun = 0
    t.expirations = 0
    unlock_timers(m, me)
    return 0


@hot
def set_measure(m, me, n, measures, measured, user_only):
    """Let timer n, which is not armed, expire by the processor time of a task or thread (a handle)."""
    noncritical(m, me)
    t = m.timers[n]
    lock_timers(m, me)
    t.measures = measures
    t.measured = measured
    t.user_only = 1 if user_only else 0
    unlock_timers(m, me)


@entry(3)
def measured_ns(address, me, n):
    """The processor time that timer n measures, -1 when nobody has it any more."""
    m = machine_at(address)
    lock_timers(m, me)
    used_ns = _used_ns(m, me, m.timers[n])
    unlock_timers(m, me)
    return used_ns


@entry(5)
def name_timer(address, me, n, number, value):
    """What the signal of timer n says: the timer's id, and sigev_value."""
    m = machine_at(address)
    lock_timers(m, me)
    m.timers[n].number = number
    m.timers[n].value = value
    unlock_timers(m, me)
    return 0


@entry(3)
def free_timer(address, me, n):
    """Timer n is no more."""
    m = machine_at(address)
    lock_timers(m, me)
    _disarm(m, m.timers[n])
    m.timers[n].kind = 0
    unlock_timers(m, me)
    return 0


@entry(5)
def arm_timer(address, me, n, deadline_ns, interval_ns):
    """Let timer n expire at a time of the monotonic clock, and after each interval again (0: once); 0 disarms it.

    Of a timer that measures processor time the times are that.
    """
    m = machine_at(address)
    t = m.timers[n]
    noncritical(m, me)
    deadline_ns = min(deadline_ns, NEVER)
    lock_timers(m, me)
    _disarm(m, t)
    t.interval_ns = interval_ns
    t.expirations = 0
    t.changes += 1
    t.overrun = 0
    word = 0
    if deadline_ns != 0:
        if t.measures != 0:
            t.target_ns = deadline_ns
            deadline_ns = steady_ns(m) + LEAST_GAP_NS
        t.deadline_ns = deadline_ns
        _rearm(t)
        word = t.armed
    unlock_timers(m, me)
    if word != 0:
        post(m, me, deadline_ns, field_address(t, "armed"), word, entry_of(n))
    return 0


@entry(3)
def take_expirations(address, me, n):
    """How often timer n has expired since this was asked last, or since it was armed."""
    m = machine_at(address)
    t = m.timers[n]
    lock_timers(m, me)
    count = t.expirations
    if count != 0:  # who finds nothing, and waits for a change, has not made one
        t.expirations = 0
        t.changes += 1
    unlock_timers(m, me)
    return count
