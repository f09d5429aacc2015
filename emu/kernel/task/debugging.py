"""A task whose threads a debugger steers (emu/debug): they stop, are held, go on one by one. At most one at a time.

TASK.stopped has the bit TASK_DEBUGGED.  So a task that is not debugged pays nothing: a thread looks at that word anyhow
before it enters the guest, and only where it is not 0 at THREAD.debug.

* A thread that has come to a breakpoint, to the end of its step, to a trap or to a signal writes down why
  (`stop_for_debugger`), and pauses the machine (kernel/pausing.py): it executes nothing more before its CPU looks at
  that.  The supervisor stops the other CPUs, and looks at everything at leisure.
* A thread that shall not go on when others do is held (DEBUG_HELD): it sleeps in TASK.stop_queue, like one of a stopped
  task, as soon as it would enter the guest.  A call that it is in ends before.
* The debugger changes THREAD.debug, breakpoints and watchpoints only while the machine is paused.

Rejected: to stop threads by suspend.py, whose word guests use themselves (cz-4).
"""

from ...hot import entry, hot, never_inline
from ...limits import IPI_RESCHEDULE, SUPERVISOR
from ...shm.atomics import fetch_or, load_relaxed, load_seq_cst, store_relaxed
from ...shm.layout import machine_at
from ..critical import noncritical
from ..ipi import send_ipi
from ..pausing import PAUSE_STOPPED
from ..sleep.waitqueue import wake_queue
from ..thread.states import DEBUG_HELD, DEBUG_PASS, TASK_ALIVE, TASK_DEBUGGED, TASK_STOPPED
from .family import lock_families, unlock_families
from .stopping import ALL, stop_with_task

# THREAD.debug_stop: a breakpoint, the end of a step, a trap, a signal, an access to what is watched.
STOP_BREAK, STOP_STEP, STOP_TRAP, STOP_SIGNAL, STOP_WATCH = 1, 2, 3, 4, 5
WATCH_READ, WATCH_WRITE = 1, 2


@hot
def passes_gate(m, me, i, gate):
    """Whether the running thread may enter the guest, though TASK.stopped is `gate`; else it sleeps now."""
    never_inline()
    if gate & TASK_STOPPED == 0 and m.threads[i].debug & DEBUG_HELD == 0:
        return True
    stop_with_task(m, me, i)
    return False


@hot
def stop_for_debugger(m, me, i, why, value):
    """The running thread stops: it enters no guest from here on, since its CPU finds the machine paused."""
    never_inline()
    t = m.threads[i]
    t.debug_value = value
    t.debug_stop = why
    fetch_or(m, "paused", PAUSE_STOPPED)
    send_ipi(m, me, SUPERVISOR, IPI_RESCHEDULE)  # which stops the other CPUs


@hot
def stops_for_signal(m, me, i, gate):
    """Whether the running thread, for which a signal is pending, stops for its debugger before it takes that."""
    never_inline()
    t = m.threads[i]
    pending = load_seq_cst(t, "signals") | load_seq_cst(m.tasks[t.task], "signals")
    pending &= ~(load_relaxed(t, "signal_mask") | m.passed_signals)
    if gate & TASK_DEBUGGED == 0 or t.fault_signal != 0 or pending == 0:
        return False
    if t.debug & DEBUG_PASS:
        t.debug &= ~DEBUG_PASS
        return False
    stop_for_debugger(m, me, i, STOP_SIGNAL, pending)
    return True


@hot
def stops_for_trap(m, me, i, cause, value):
    """Whether the running thread stops for its debugger at a trap that would be a signal."""
    never_inline()
    t = m.threads[i]
    if cause < 0:  # the system server may mend it, or ends the task
        return False
    if t.debug & DEBUG_PASS:
        t.debug &= ~DEBUG_PASS
        return False
    t.cause = cause
    t.trap_value = value
    stop_for_debugger(m, me, i, STOP_TRAP, cause)
    return True


@hot
def is_breakpoint(m, pc):
    found = False
    for n in range(m.nr_breakpoints):
        found |= m.breakpoints[n] == pc
    return found


@entry(4)
def mark_debugged(address, me, k, on):
    """A debugger takes over task k, or leaves it; 0 when the task has ended."""
    m = machine_at(address)
    noncritical(m, me)
    t = m.tasks[k]
    lock_families(m, me)
    lives = t.state == TASK_ALIVE
    if lives:
        store_relaxed(t, "stopped", t.stopped | TASK_DEBUGGED if on else t.stopped & ~TASK_DEBUGGED)
    unlock_families(m, me)
    return int(lives)


@entry(3)
def wake_held(address, me, k):
    """Threads of task k are held no longer: those that sleep look again. Messages may be owed afterwards."""
    m = machine_at(address)
    wake_queue(m, me, m.tasks[k].stop_queue, ALL)
    return 0
