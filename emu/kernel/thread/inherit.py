"""What a thread has from the thread that made it (clone(2))."""

from ...hot import hot, never_inline
from ...limits import NAME_BYTES
from ...shm.cpumask import load_mask, store_mask


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
    store_mask(new, "affinity", load_mask(t, "affinity"))
    new.nice = t.nice
    new.realtime = t.own_realtime  # what it inherits through futexes is its own
    new.own_realtime = t.own_realtime
    new.slack_ns = t.slack_ns
    new.linux_policy = t.linux_policy
    new.credentials = t.credentials
    new.uid = t.uid
    for k in range(NAME_BYTES):
        new.name[k] = t.name[k]
