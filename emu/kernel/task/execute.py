"""execve's half of a task: one thread goes on alone, in an address space that is empty.

TASK.survivor names the thread that goes on (index + 1).  It is the leader, whose thread id is the task's pid; where the
leader has left, it is the thread that asked.  From the moment that the word is set every other thread leaves at its
next safe point, as if the task ended, and those that sleep are woken for it.  A thread that another is just making
finds the word before it executes its first instruction.  The survivor, unless it is the asker itself, asks the system
server at its safe point (REQUEST_PROGRAM).  The asker waits in the server until the survivor has come there, and only
then leaves: a leader that leaves on its own meanwhile is replaced by the asker.  The server goes on once the survivor
is alone.  The task does not end meanwhile, since asker or survivor are in its list; a kill that comes first, or
meanwhile, ends all.

No lost wake-up: the word is set, and the threads are counted, under the task's lock.  A thread that leaves takes itself
out of the list under that lock and looks at the word afterwards: it was counted as gone, or it tells the server.  A
thread about to sleep declares its sleep (full fence), then looks at the word; who sets the word looks at sleeps then.
"""

from ...abi.signals import SIG_IGN, SIGCHLD
from ...hot import entry, hot
from ...shm.atomics import exchange, load_relaxed, store_release
from ...shm.layout import machine_at
from ..critical import noncritical
from ..ipc.mailbox import clear_mailbox
from ..ipc.port import drop_ends
from ..sched.exclusive import end_exclusive
from ..sched.pools import forget_blocking
from ..sched.regrouping import quit_group
from ..sleep.endings import interrupt_sleep
from ..sleep.mutex import release_mutexes
from ..thread.handles import thread_handle, thread_index
from ..thread.records import lock_task, reset_signal_stack, unlock_task
from ..thread.states import SUSPENDED
from ..vm.address_space import create_space
from ..vm.lending import give_up_space
from .exiting import leave_memory
from .records import nudge
from .siginfo import discard, lock_signals, unlock_signals
from .suspend import resume_async

ANOTHER = -1


@hot
def _is_member(m, k, i):
    return i >= 0 and m.threads[i].task == k and m.threads[i].is_listed != 0


@entry(3)
def keep_one(address, me, i):
    """Thread i, which is served, asks for a program: how many others are there still, or ANOTHER: i has to leave."""
    m = machine_at(address)
    k = m.threads[i].task
    t = m.tasks[k]
    noncritical(m, me)
    lock_task(m, me, k)
    survivor = t.survivor - 1
    begins = survivor < 0
    if begins:
        survivor = thread_index(m, t.leader)
    if not _is_member(m, k, survivor):
        survivor = i
    exchange(t, "survivor", survivor + 1)  # before the looks at sleeps; pairs with prepare_sleep in each sleeper
    if begins:
        n = t.first_thread
        while n >= 0:
            if n != i:
                interrupt_sleep(m, me, n)
                nudge(m, me, n)
            n = m.threads[n].sibling_next
    others = t.nr_threads - 1
    unlock_task(m, me, k)
    return others if survivor == i else ANOTHER


@entry(4)
def hand_over_signals(address, me, i, heir):
    """What is pending for thread i, which leaves, is pending for the survivor; what was for that one is forgotten."""
    m = machine_at(address)
    t, h = m.threads[i], m.threads[heir]
    noncritical(m, me)
    discard(m, me, t.task, h, -1)
    lock_signals(m, me, t.task)
    h.signal_first = t.signal_first
    h.signal_last = t.signal_last
    t.signal_first = 0
    t.signal_last = 0
    exchange(h, "signals", exchange(t, "signals", 0))
    unlock_signals(m, me, t.task)
    return 0


@entry(3)
def begin_anew(address, me, i):
    """Thread i, alone in its task, gets an empty memory and loses what it has in registers and signal handlers.

    0, or -ENOMEM: the task has no memory then, and has to end.
    """
    m = machine_at(address)
    t = m.threads[i]
    k = t.task
    task = m.tasks[k]
    noncritical(m, me)
    if t.kse != 0:
        quit_group(m, me, i)
    end_exclusive(m, me, i)
    forget_blocking(m, me, i)
    if t.mutexes != 0:
        release_mutexes(m, me, i)
    leave_memory(m, me, i)
    clear_mailbox(m, me, i)
    drop_ends(m, me, k)
    give_up_space(m, me, k)
    error = create_space(m, me, k)
    if error < 0:
        return error
    _forget(t)
    exchange(task, "handled", 0)
    for n in range(len(task.handler)):
        if task.handler[n] != SIG_IGN:
            task.handler[n] = 0
        task.handler_flags[n] = 0
        task.handler_mask[n] = 0
    task.leader = thread_handle(m, i)
    task.exit_signal = SIGCHLD
    if load_relaxed(t, "suspend") == SUSPENDED:
        resume_async(m, me, i)  # it has left that sleep to come here
    exchange(task, "barriers", 0)
    exchange(task, "survivor", 0)
    store_release(t, "may_own", 1)
    return 0


@hot
def _forget(t):
    """Cleared registers, and no trace of interrupted calls, traps or an alternate stack."""
    for n in range(33):
        t.x[n] = 0
    for n in range(32):
        t.f[n] = 0
    t.fcsr = 0
    reset_signal_stack(t)
    t.fault_signal = 0
    t.mask_is_saved = 0
    t.awaited = 0
    t.undisturbed = 0
    t.flood = 0
    t.restart = 0
    t.sleep_restart = 0
    t.sleep_done = 0
    t.sleep_remainder = 0
    t.resume_deadline_ns = 0
    t.utcb = 0
