"""The virtual timer of a thread: how many periods have passed since it was told last (cz-17).

It begins when it is registered, and its periods end at multiples from then on: late news does not delay what follows,
and what was missed is counted.  A wait that finds a period over returns at once; else the thread sleeps until the next
one ends, and the timekeeper, who has taken the sleep, counts once more what has passed until then.  A signal, a suspend
or a kill ends the sleep with -EINTR and takes nothing: the next wait is told of those periods too.
"""

from ...hot import hot, never_inline
from ...limits import LEAST_PERIOD_NS, MOST_PERIOD_NS
from ...shm.clock import steady_ns
from ..critical import noncritical
from ..thread.sleep_word import prepare_sleep
from ..thread.states import SLEEP_PERIOD, SLEEP_TIMED
from .timeout_ring import post_timeout


@hot
def begin_periods(m, t, period_ns):
    """Thread t, which runs, has a virtual timer from now on; False: no such period."""
    if period_ns < LEAST_PERIOD_NS or period_ns > MOST_PERIOD_NS:
        return False
    t.period_ns = period_ns
    t.periods_from_ns = steady_ns(m)
    t.periods_taken = 0
    return True


@hot
def end_periods(t):
    """Thread t has no virtual timer any more."""
    t.period_ns = 0


@hot
def take_periods(m, t):
    """How many periods have passed since this was asked last, by the thread or by who has taken its sleep."""
    over = (steady_ns(m) - t.periods_from_ns) // t.period_ns
    count = over - t.periods_taken
    t.periods_taken = over
    return count


@hot
def wait_period(m, me, i):
    """How many periods have passed (1 or more), or 0: thread i sleeps until one has, and the caller returns BLOCK."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    count = take_periods(m, t)
    if count == 0:
        end_ns = t.periods_from_ns + (t.periods_taken + 1) * t.period_ns
        t.deadline_ns = end_ns
        word = prepare_sleep(t, SLEEP_PERIOD | SLEEP_TIMED)
        post_timeout(m, me, end_ns, True, i, word)
    return count
