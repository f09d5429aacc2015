"""The kernel task (alux-10; the document's NewKernel): the task to which the kernel's own threads belong.

It is there from boot to the end of the machine: nothing kills it, it is not counted among the tasks whose end ends the
machine, and it has no address space.  Its threads are two actors that are not CPUs: the garbage thread, which is
the system server (it takes killed tasks apart, alux-5), and the timekeeper.  Each has a process of its own, so no
scheduler ever runs it: its truth word says RUNNING on that actor, which has no run queue.  Their records are the last
of the tables, out of the way of guests'; they appear in lists of threads, and stand for the kernel where something
needs an owner.
"""

from ...hot import entry, hot
from ...limits import GARBAGE_THREAD, KERNEL_TASK, SERVER, TIMEKEEPER, TIMEKEEPER_THREAD
from ...shm.layout import machine_at
from ..sleep.waitqueue import reset_queues
from ..thread.handles import thread_handle
from ..thread.reaping import begin_references as begin_thread_references
from ..thread.records import join_task, reset_thread
from ..thread.references import begin_references
from ..thread.states import NEW, RUNNABLE, RUNNING, TASK_ALIVE, set_where


@entry(2)
def make_kernel_task(address, me):
    """Make the kernel task and its threads. The system server does this at boot, before the first task."""
    m = machine_at(address)
    k = m.tasks[KERNEL_TASK]
    k.state = TASK_ALIVE
    k.job = -1
    k.root = -1
    k.first_thread = -1
    k.nr_threads = 0
    reset_queues(k)
    begin_references(m, KERNEL_TASK)
    _new_kernel_thread(m, me, GARBAGE_THREAD, SERVER)
    _new_kernel_thread(m, me, TIMEKEEPER_THREAD, TIMEKEEPER)
    k.leader = thread_handle(m, GARBAGE_THREAD)
    return 0


@hot
def _new_kernel_thread(m, me, i, actor):
    t = m.threads[i]
    set_where(m, t, NEW, actor)
    reset_thread(m, i, KERNEL_TASK)
    join_task(m, me, i)
    begin_thread_references(t)
    set_where(m, t, RUNNABLE, actor)
    set_where(m, t, RUNNING, actor)
