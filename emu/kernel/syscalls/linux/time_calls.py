"""clock_gettime, clock_getres, nanosleep, clock_nanosleep.

Processor-time clocks count retired instructions at a nominal 500 million a second:
what a program used, whatever else the host was doing.
"""

from ....hot import hot, never_inline
from ....shm.atomics import load_relaxed
from ....shm.memory import monotonic_ns, realtime_ns
from ...critical import noncritical
from ...errno import EINVAL
from ...sleep_until import sleep_until
from ...states import SLEEP_TIME
from ...thread import lock_task, unlock_task
from ...timeouts import NEVER
from ...vm.usercopy import get_word, put_word
from ...wait import A0
from ..actions import BLOCK, RESUME

CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS, CLOCK_THREAD = 0, 1, 2, 3
TIMER_ABSTIME = 1
SECOND_NS = 1_000_000_000
INSTRUCTION_NS = 2


@hot
def clock_ns(m, me, i, clock):
    """The time of a clock in ns, -EINVAL when there is no such clock."""
    never_inline()
    noncritical(m, me)
    if clock == CLOCK_REALTIME or clock == 5 or clock == 11:  # coarse and TAI: the same
        return realtime_ns()
    if clock == CLOCK_MONOTONIC or clock == 4 or clock == 6 or clock == 7:
        return monotonic_ns()
    t = m.threads[i]
    if clock == CLOCK_THREAD:
        return t.instructions * INSTRUCTION_NS
    if clock == CLOCK_PROCESS:
        total = load_relaxed(m.tasks[t.task], "past_instructions")
        lock_task(m, me, t.task)
        k = m.tasks[t.task].first_thread
        while k >= 0:
            total += load_relaxed(m.threads[k], "instructions")
            k = m.threads[k].sibling_next
        unlock_task(m, me, t.task)
        return total * INSTRUCTION_NS
    return -EINVAL


@hot
def put_time(m, me, i, va, ns):
    """Store a timespec; 0 or -EFAULT."""
    never_inline()
    task = m.threads[i].task
    error = put_word(m, me, task, va, ns // SECOND_NS)
    return error if error < 0 else put_word(m, me, task, va + 8, ns % SECOND_NS)


@hot
def get_time(m, me, i, va):
    """Read a timespec in ns, or a negative error."""
    never_inline()
    task = m.threads[i].task
    error, seconds = get_word(m, me, task, va)
    if error == 0:
        error, fraction = get_word(m, me, task, va + 8)
    if error < 0:
        return error
    if seconds < 0 or fraction < 0 or fraction >= SECOND_NS:
        return -EINVAL
    return NEVER if seconds > NEVER // SECOND_NS else seconds * SECOND_NS + fraction


@hot
def sys_clock_gettime(m, me, i):
    t = m.threads[i]
    ns = clock_ns(m, me, i, t.x[A0])
    return ns if ns < 0 else put_time(m, me, i, t.x[A0 + 1], ns)


@hot
def sys_clock_getres(m, me, i):
    t = m.threads[i]
    ns = clock_ns(m, me, i, t.x[A0])
    if ns < 0 or t.x[A0 + 1] == 0:
        return min(ns, 0)
    return put_time(m, me, i, t.x[A0 + 1], 1)


@hot
def deadline_of(m, me, i, clock, absolute, ns):
    """The monotonic deadline, never 0, for a time on a clock."""
    now = monotonic_ns()
    if absolute == 0:
        return min(now + ns, NEVER)
    if clock == CLOCK_MONOTONIC:
        return max(ns, 1)
    return max(now + ns - realtime_ns(), 1)


@hot
def sys_clock_nanosleep(m, me, i, clock, flags, request, remainder):
    never_inline()
    t = m.threads[i]
    ns = get_time(m, me, i, request)
    if clock != CLOCK_REALTIME and clock != CLOCK_MONOTONIC:
        ns = -EINVAL
    if ns < 0:
        t.x[A0] = ns
        return RESUME
    absolute = flags & TIMER_ABSTIME
    deadline_ns = deadline_of(m, me, i, clock, absolute, ns)
    if t.resume_deadline_ns != 0:  # the call goes on after a suspend
        deadline_ns = t.resume_deadline_ns
        t.resume_deadline_ns = 0
    t.sleep_remainder = remainder if absolute == 0 else 0
    t.x[A0] = 0
    sleep_until(m, me, i, SLEEP_TIME, deadline_ns, False, 0)
    return BLOCK
