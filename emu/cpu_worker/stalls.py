"""Host stalls: time in which the host kept a CPU's process from running though it wanted to.

While events are recorded, a CPU that runs guests compares, every LOOK_NS or so, the wall time that has passed with the
time that the host spent on its thread.  A difference of more than STALL_NS is recorded as an event, so that nobody
blames the policy for it.  An idle CPU that polls sees the gap between two looks at the clock.  A parked CPU sees
nothing, but records when it is awake again: from the message that woke it until then it waited for the host.
"""

from ..hot import hot, never_inline
from ..shm.events import HOST_STALL, emit
from ..shm.memory import monotonic_ns, thread_cpu_ns

LOOK_NS = 1_000_000
STALL_NS = 200_000


@hot
def look_for_stall(m, me):
    """Called at a tick: record how much time the host has withheld since the last look."""
    never_inline()
    c = m.cpus[me]
    now = monotonic_ns()
    if c.stall_from_ns != 0 and now - c.stall_from_ns < LOOK_NS:
        return
    cpu_ns = thread_cpu_ns()
    missing = (now - c.stall_from_ns) - (cpu_ns - c.stall_cpu_ns)
    if c.stall_from_ns != 0 and missing > STALL_NS:
        emit(m, me, HOST_STALL, -1, missing, now - c.stall_from_ns)
    c.stall_from_ns = now
    c.stall_cpu_ns = cpu_ns
