"""RLIMIT_CPU: a task that has used so much processor time gets SIGXCPU, then one a second, at the hard limit SIGKILL.

TASK.cpu_limit_ns is the processor time at which something happens next, 0 for never.  CPUs that run the task look at
each tick; the one whose exchange moves the word on tells the task, so each limit tells once.  A child begins with the
same limits and no time used.
"""

from ...abi.clocks import SECOND_NS
from ...abi.signals import SIGKILL, SIGXCPU
from ...hot import entry, hot, never_inline
from ...shm.atomics import compare_exchange, load_relaxed, store_relaxed
from ...shm.layout import machine_at
from ..critical import noncritical
from .kill_reasons import KILL_SIGNAL
from .records import end_task
from .siginfo import SI_KERNEL, siginfo
from .signals import signal_task
from .usage import task_cpu_ns


@hot
def check_cpu_limit(m, me, k):
    """Tell task k, of which a thread runs here, if it has used up what it may."""
    never_inline()
    noncritical(m, me)
    t = m.tasks[k]
    limit_ns = load_relaxed(t, "cpu_limit_ns")
    used_ns = task_cpu_ns(m, me, k, False)
    if limit_ns == 0 or used_ns < limit_ns:
        return
    if used_ns >= load_relaxed(t, "cpu_hard_ns"):
        end_task(m, me, k, SIGKILL, KILL_SIGNAL)
    elif compare_exchange(t, "cpu_limit_ns", limit_ns, min(limit_ns + SECOND_NS, load_relaxed(t, "cpu_hard_ns"))):
        siginfo(m, me, SIGXCPU, SI_KERNEL, 0, 0)
        signal_task(m, me, k, SIGXCPU)


@entry(5)
def set_cpu_limit(address, me, k, soft_ns, hard_ns):
    """Set task k's limits; 0 for none of a kind."""
    t = machine_at(address).tasks[k]
    store_relaxed(t, "cpu_hard_ns", hard_ns if hard_ns != 0 else 1 << 62)
    store_relaxed(t, "cpu_soft_ns", soft_ns)
    store_relaxed(t, "cpu_limit_ns", min(soft_ns, hard_ns) if soft_ns != 0 and hard_ns != 0 else soft_ns + hard_ns)
    return 0
