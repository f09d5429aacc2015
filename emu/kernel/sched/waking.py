"""How threads become runnable: new ones, and sleepers whose sleep somebody has claimed.

The policy says where they wait, the verbs of queues.py put them there, and announcing.py tells an idle CPU.
"""

from ...hot import entry, hot, never_inline
from ...limits import MAX_CPUS
from ...shm.cpumask import load_mask, mask_count
from ...shm.events import emit_affinity, emit_name
from ...shm.layout import machine_at
from ..critical import either, noncritical
from ..thread.reaping import begin_references
from . import queues
from .announcing import announce


@hot
def start_thread(m, me, i):
    """NEW to RUNNABLE."""
    never_inline()
    noncritical(m, me)
    begin_references(m.threads[i])
    if m.tracing != 0:
        emit_name(m, me, i)
        if mask_count(load_mask(m.threads[i], "affinity")) < MAX_CPUS:
            emit_affinity(m, me, i, load_mask(m.threads[i], "affinity"))
    announce(m, me, queues.put_new(m, me, i), i)


@hot
def make_runnable(m, me, i):
    """BLOCKED to RUNNABLE for a thread whose sleep this actor claimed.

    A sleeper that is still on its way to sleep finds the claim itself, and stays awake.  Callers may hold a lock
    (kill_task a task's, clear_timeout's caller its own): only run queues are locked here, and their locks rank above
    all of those.
    """
    never_inline()
    either(m, me)
    queue = queues.wake(m, me, i)
    m.cpus[me].wake_cause = 0
    if queue >= 0:
        announce(m, me, queue, i)


@entry(3)
def start(address, me, i):
    """Cold form of start_thread; the loader counts as the spawner."""
    m = machine_at(address)
    m.cpus[me].spawned += 1
    start_thread(m, me, i)
    return 0
