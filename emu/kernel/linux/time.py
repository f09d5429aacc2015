"""clock_gettime, clock_getres, nanosleep, clock_nanosleep.

User time is retired instructions at a nominal 500 million a second, so it tells what a program used, whatever else the
host was doing.  Processor-time clocks are user and system time together (kernel/task/usage.py), those of the kind
CPUCLOCK_VIRT user time alone.
"""

from ...abi.clocks import (
    CLOCK_BOOTTIME,
    CLOCK_BOOTTIME_ALARM,
    CLOCK_MONOTONIC,
    CLOCK_MONOTONIC_COARSE,
    CLOCK_MONOTONIC_RAW,
    CLOCK_PROCESS,
    CLOCK_REALTIME,
    CLOCK_REALTIME_ALARM,
    CLOCK_REALTIME_COARSE,
    CLOCK_TAI,
    CLOCK_THREAD,
    SECOND_NS,
    TIMER_ABSTIME,
)
from ...abi.errno import EINVAL, EOPNOTSUPP
from ...abi.registers import A0
from ...abi.words import int32
from ...hot import entry, hot, never_inline
from ...limits import MAX_THREADS
from ...shm.clock import steady_ns, wall_ns
from ...shm.layout import machine_at
from ..actions import BLOCK, RESUME, SERVE
from ..critical import noncritical
from ..sleep.heap import NEVER
from ..sleep.timespec import get_time
from ..sleep.until import sleep_until
from ..task.timers import MEASURES_TASK, MEASURES_THREAD, set_measure
from ..task.usage import INSTRUCTION_NS, task_cpu_ns
from ..thread.handles import task_handle, thread_handle, thread_of_tid
from ..thread.states import SLEEP_TIME
from ..thread.usage import USED_INSTRUCTIONS, USED_SYSTEM_NS, used_by_thread
from ..vm.usercopy import put_word

PER_THREAD = 4  # a bit of a processor-time clock's id
TASK_CLOCK = CLOCK_THREAD + MAX_THREADS
USER_TIME = 1  # the kind of such a clock that counts user time only
COARSE_NS = 4_000_000


@hot
def thread_cpu_ns(m, i, user_only):
    """Processor time of a thread."""
    user_ns = used_by_thread(m, i, USED_INSTRUCTIONS) * INSTRUCTION_NS
    return user_ns + (0 if user_only else used_by_thread(m, i, USED_SYSTEM_NS))


@hot
def cpu_clock_of(m, me, i, clock):
    """Which processor-time clock an id means, for thread i (clock_getcpuclockid(3)).

    TASK_CLOCK + a task's index, CLOCK_THREAD + a thread's index, or -EINVAL.  Negative ids are ~number << 3 with the
    kind in bits 0 and 1 (profiling, user, all: the first and the last are one here) and bit 2 for threads of the
    caller's task, whose number is a tid; else it is the pid of any task whose leader has not left; number 0 is the
    caller.
    """
    own = m.threads[i].task
    if clock == CLOCK_PROCESS:
        return TASK_CLOCK + own
    if clock == CLOCK_THREAD:
        return CLOCK_THREAD + i
    number = ~(clock >> 3)
    if clock >= 0 or clock & 3 == 3:
        return -EINVAL
    if clock & PER_THREAD == 0 and (number == 0 or number == m.tasks[own].pid):
        return TASK_CLOCK + own
    k = i if number == 0 else thread_of_tid(m, number)
    if k < 0:
        return -EINVAL
    task = m.threads[k].task
    if clock & PER_THREAD:
        return CLOCK_THREAD + k if task == own else -EINVAL
    return TASK_CLOCK + task if k == i or number == m.tasks[task].pid else -EINVAL


@hot
def clock_ns(m, me, i, clock):
    """The time of a clock in ns, -EINVAL when there is no such clock."""
    never_inline()
    noncritical(m, me)
    if clock == CLOCK_REALTIME or clock == CLOCK_REALTIME_COARSE or clock == CLOCK_REALTIME_ALARM or clock == CLOCK_TAI:
        return wall_ns(m)
    if clock == CLOCK_MONOTONIC or (CLOCK_MONOTONIC_RAW <= clock <= CLOCK_BOOTTIME) or clock == CLOCK_BOOTTIME_ALARM:
        return steady_ns(m)
    which = cpu_clock_of(m, me, i, clock)
    user_only = clock < 0 and clock & 3 == USER_TIME
    if which >= TASK_CLOCK:
        return task_cpu_ns(m, me, which - TASK_CLOCK, user_only)
    if which >= CLOCK_THREAD:
        return thread_cpu_ns(m, which - CLOCK_THREAD, user_only)
    return -EINVAL


@hot
def put_time(m, me, i, va, ns):
    """Store a timespec; 0 or -EFAULT."""
    never_inline()
    task = m.threads[i].task
    error = put_word(m, me, task, va, ns // SECOND_NS)
    return error if error < 0 else put_word(m, me, task, va + 8, ns % SECOND_NS)


@hot
def sys_clock_gettime(m, me, i):
    t = m.threads[i]
    ns = clock_ns(m, me, i, int32(t.x[A0]))
    return ns if ns < 0 else put_time(m, me, i, t.x[A0 + 1], ns)


@hot
def sys_clock_getres(m, me, i):
    t = m.threads[i]
    clock = int32(t.x[A0])
    ns = clock_ns(m, me, i, clock)
    if ns < 0 or t.x[A0 + 1] == 0:
        return min(ns, 0)
    is_coarse = clock == CLOCK_REALTIME_COARSE or clock == CLOCK_MONOTONIC_COARSE
    return put_time(m, me, i, t.x[A0 + 1], COARSE_NS if is_coarse else 1)


@hot
def deadline_of(m, me, i, clock, absolute, ns):
    """The monotonic deadline, never 0, for a time on a clock."""
    now = steady_ns(m)
    if absolute == 0:
        return min(now + ns, NEVER)
    if clock == CLOCK_MONOTONIC or clock == CLOCK_BOOTTIME or clock == CLOCK_BOOTTIME_ALARM:
        return max(ns, 1)
    return max(now + ns - wall_ns(m), 1)


@hot
def _may_sleep_by(m, me, i, clock):
    """0; -EINVAL: no such clock; -EOPNOTSUPP: Linux has no sleep by it, or it is a thread's processor time."""
    if clock_ns(m, me, i, clock) < 0:
        return -EINVAL
    if clock == CLOCK_MONOTONIC_RAW or clock == CLOCK_REALTIME_COARSE or clock == CLOCK_MONOTONIC_COARSE:
        return -EOPNOTSUPP
    if CLOCK_THREAD <= cpu_clock_of(m, me, i, clock) < TASK_CLOCK:
        return -EOPNOTSUPP if clock == CLOCK_THREAD else -EINVAL
    return 0


@hot
def sys_clock_nanosleep(m, me, i, clock, flags, request, remainder):
    """The clock is an int32. Sleeps by a whole task's processor time are the system server's."""
    never_inline()
    t = m.threads[i]
    ns = _may_sleep_by(m, me, i, clock)
    if ns == 0:
        ns = get_time(m, me, i, request)
        if ns >= 0 and cpu_clock_of(m, me, i, clock) >= TASK_CLOCK:
            return SERVE
    if ns < 0:
        t.x[A0] = ns
        return RESUME
    absolute = flags & TIMER_ABSTIME
    deadline_ns = deadline_of(m, me, i, clock, absolute, ns)
    if t.resume_deadline_ns != 0:  # the call goes on after an interruption
        deadline_ns = t.resume_deadline_ns
        t.resume_deadline_ns = 0
    t.sleep_remainder = remainder if absolute == 0 else 0
    t.x[A0] = 0
    sleep_until(m, me, i, SLEEP_TIME, deadline_ns, False, 0)
    return BLOCK


@entry(4)
def cold_clock_ns(address, me, i, clock):
    """Cold form of clock_ns."""
    return clock_ns(machine_at(address), me, i, clock)


@entry(5)
def measure_timer(address, me, n, i, clock):
    """Let timer n, which is not armed, expire by a processor-time clock as thread i names it: 0 or -EINVAL."""
    m = machine_at(address)
    which = cpu_clock_of(m, me, i, clock)
    if which < 0:
        return which
    user_only = clock < 0 and clock & 3 == USER_TIME
    if which >= TASK_CLOCK:
        set_measure(m, me, n, MEASURES_TASK, task_handle(m, which - TASK_CLOCK), user_only)
    else:
        set_measure(m, me, n, MEASURES_THREAD, thread_handle(m, which - CLOCK_THREAD), user_only)
    return 0
