"""clock_nanosleep by a task's processor time, its own or another's: the rest of the call is hot (kernel/linux/time.py).

Nothing tells the server when a task has used so much time, so it looks again and again: sooner, the less time is left,
but never sooner than LOOK_NS.  Unlike Linux it does not store the remainder of a relative sleep that a signal ends.
"""

from ...abi.clocks import TIMER_ABSTIME
from ...abi.errno import EINVAL
from ..errors import Blocked, LinuxError
from .registry import Int32, Pointer, Timeout, served

LOOK_NS = 2_000_000


class _Nothing:
    """What this wait depends on: nothing that other calls change."""

    changes = 0


@served("clock_nanosleep")
def clock_nanosleep(call, clock: Int32, flags: Int32, request: Timeout, remainder: Pointer):
    used_ns = call.clock_ns(clock)
    if used_ns < 0:
        raise LinuxError(EINVAL)
    if call.memo is None:
        call.memo = request if flags & TIMER_ABSTIME else used_ns + request
    left_ns = call.memo - used_ns
    if left_ns <= 0:
        return 0
    wait_ns = max(left_ns // (2 * call.machine.nr_cpus), LOOK_NS)
    raise Blocked(None, deadline_ns=call.machine.monotonic_ns() + wait_ns, on=_Nothing, restarts=False)
