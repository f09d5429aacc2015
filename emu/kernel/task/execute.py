"""execve's half of a task: one thread goes on alone, in an address space that is empty.

`keep_one` makes a thread the survivor: all others leave at their next safe point, as if the task ended, and those that
sleep are woken for it.  A thread that another is just making finds the word before it executes its first
instruction.  The last of the others to leave interrupts the system server, which then goes on with the call.
The task does not end meanwhile, since the survivor is in its list; a kill that comes first, or meanwhile, ends all.
"""

from ...abi.signals import SIG_IGN
from ...hot import entry
from ...shm.atomics import compare_exchange, exchange
from ...shm.layout import machine_at
from ..critical import noncritical
from ..sleep.endings import interrupt_sleep
from ..thread.handles import thread_handle
from ..thread.records import lock_task, reset_signal_stack, unlock_task
from ..vm.address_space import create_space
from ..vm.lending import give_up_space
from .records import nudge


@entry(3)
def keep_one(address, me, i):
    """Thread i, which is served, goes on alone; how many others are still there, -1: another is the survivor."""
    m = machine_at(address)
    k = m.threads[i].task
    t = m.tasks[k]
    noncritical(m, me)
    if not compare_exchange(t, "survivor", 0, i + 1) and t.survivor != i + 1:
        return -1
    lock_task(m, me, k)
    others = t.nr_threads - 1
    n = t.first_thread
    while n >= 0:
        if n != i:
            interrupt_sleep(m, me, n)
            nudge(m, me, n)
        n = m.threads[n].sibling_next
    unlock_task(m, me, k)
    return others


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
    give_up_space(m, me, k)
    error = create_space(m, me, k)
    if error < 0:
        return error
    for n in range(33):
        t.x[n] = 0
    for n in range(32):
        t.f[n] = 0
    t.fcsr = 0
    t.clear_child_tid = 0
    t.robust_list = 0
    reset_signal_stack(t)
    exchange(task, "handled", 0)
    for n in range(len(task.handler)):
        if task.handler[n] != SIG_IGN:
            task.handler[n] = 0
        task.handler_flags[n] = 0
        task.handler_mask[n] = 0
    task.leader = thread_handle(m, i)
    exchange(task, "survivor", 0)
    return 0
