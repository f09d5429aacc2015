"""What a thread has from the thread that made it (clone(2))."""

from ...hot import hot, never_inline
from ...limits import NAME_BYTES
from ...shm.cpumask import load_mask
from .affinity import begin_affinity
from .states import DEBUG_ALONE, DEBUG_HELD

RESET_ON_FORK = 0x40000000  # a flag of THREAD.linux_policy: what it makes has no importance of its own (sched(7))
SCHED_OTHER, SCHED_FIFO, SCHED_RR = 0, 1, 2


@hot
def _begin_anew(t, new):
    """What a thread makes that has RESET_ON_FORK: no real-time priority, no negative nice value."""
    policy = t.linux_policy & ~RESET_ON_FORK
    is_realtime = policy == SCHED_FIFO or policy == SCHED_RR
    new.linux_policy = SCHED_OTHER if is_realtime else policy
    new.realtime = 0
    new.own_realtime = 0
    new.asked_nice = 0 if is_realtime else max(t.asked_nice, 0)
    new.nice = 0 if is_realtime else max(t.nice, 0)


@hot
def inherit(m, i, n):
    """Give new thread n the registers, signal mask, scheduling parameters, credentials and name of thread i."""
    never_inline()
    t, new = m.threads[i], m.threads[n]
    for k in range(33):
        new.x[k] = t.x[k]
    for k in range(32):
        new.f[k] = t.f[k]
    new.fcsr = t.fcsr
    new.pc = t.pc
    new.signal_mask = t.signal_mask
    begin_affinity(m, new, load_mask(t, "asked_affinity"))
    if t.linux_policy & RESET_ON_FORK:
        _begin_anew(t, new)
    else:
        new.nice = t.nice
        new.asked_nice = t.asked_nice
        new.realtime = t.own_realtime  # what it inherits through futexes is its own
        new.own_realtime = t.own_realtime
        new.linux_policy = t.linux_policy
    new.debug = DEBUG_HELD if t.debug & DEBUG_ALONE else 0
    new.slack_ns = t.slack_ns
    new.credentials = t.credentials
    new.uid = t.uid
    for k in range(NAME_BYTES):
        new.name[k] = t.name[k]


@hot
def has_inherited(m, i, n):
    """Whether thread n has all that it would inherit from thread i, but for registers and name."""
    t, w = m.threads[i], m.threads[n]
    differs = t.signal_mask ^ w.signal_mask | t.linux_policy ^ w.linux_policy | t.asked_nice ^ w.asked_nice
    differs |= t.own_realtime ^ w.own_realtime | t.slack_ns ^ w.slack_ns | t.credentials ^ w.credentials | t.uid ^ w.uid
    return differs == 0 and load_mask(t, "asked_affinity") == load_mask(w, "asked_affinity")
