"""Task records: made by the loader, told to end, reaped by the system server.

A task ends in two steps (rust-2).  `end_task` sets `exiting` once and gets every
thread on its way to its exit; when nobody retains or holds the task any more
(references.py) it goes to the system server, the machine's garbage thread (alux-5),
which frees what it held.  So nothing is taken apart under a running thread.  When the last task is gone and the
machine is closing, the schedulers are told to drain (rust-1).

A job outlives its task: its record (status, accounts) stays until the supervisor has taken it over and gives it back,
with a new generation, through the system server (machine/jobs.py).
"""

from ...abi.errno import EAGAIN
from ...hot import entry, hot, never_inline
from ...limits import IPI_RESCHEDULE, IPI_STOP, KERNEL_TASK, MAX_JOBS, MAX_SIGINFOS_PER_TASK, TASK_POLICY_WORDS
from ...shm import lockrank
from ...shm.atomics import compare_exchange, exchange, load_relaxed, load_seq_cst, store_release
from ...shm.events import REAP, emit
from ...shm.layout import TASK, machine_at
from ...shm.spinlock import acquire, field_address, release
from ...shm.tags import TAG_TASK, count_freed, count_made
from ..critical import either
from ..ipi import send_ipi
from ..sched.hooks import ADD_TASK, REMOVE_TASK, tell_task
from ..sleep.endings import interrupt_sleep
from ..sleep.waitqueue import reset_queues
from ..thread.handles import job_index, task_handle, task_index
from ..thread.records import lock_task, unlock_task
from ..thread.references import begin_references, kill_references
from ..thread.states import RUNNING, TASK_ALIVE, TASK_FREE, queue_of, state_of
from ..vm.address_space import create_space, destroy_space
from .siginfo import discard

TASK_BYTES = TASK.size


@hot
def exit_code(status):
    """A wait status for an exit with a code."""
    return (status & 0xFF) << 8


@entry(2)
def create_task(address, me):
    """A task with an empty address space; its index, or a negative error."""
    m = machine_at(address)
    lock = field_address(m, "tasks_lock")
    acquire(m, me, lock, lockrank.TASKS)
    k, job = m.free_task, m.free_job
    if k < 0 and m.fresh_task < KERNEL_TASK:
        k = m.fresh_task
    if job < 0 and m.fresh_job < MAX_JOBS:
        job = m.fresh_job
    if k < 0 or job < 0:
        release(m, me, lock)
        return -EAGAIN
    if k == m.free_task:
        m.free_task = m.tasks[k].next_free
    else:
        m.fresh_task += 1
    if job == m.free_job:
        m.free_job = m.jobs[job].next_free
    else:
        m.fresh_job += 1
    number = m.nr_jobs
    m.nr_tasks += 1
    m.nr_jobs += 1
    release(m, me, lock)
    t = m.tasks[k]
    t.state = TASK_ALIVE
    t.first_thread = -1
    t.nr_threads = 0
    t.leader = -1
    t.job = job
    # `cpus` stays: it belongs to the index.  A CPU that last ran this index's former task skips the
    # switch of address spaces, and only the CPU itself clears its bit.
    exchange(t, "exiting", 0)
    t.kill_reason = 0
    begin_references(m, k)
    count_made(m, me, TAG_TASK, TASK_BYTES)
    exchange(t, "past_instructions", 0)
    exchange(t, "signals", 0)
    t.signal_first = 0
    t.signal_last = 0
    t.nr_siginfos = 0
    t.max_siginfos = MAX_SIGINFOS_PER_TASK
    exchange(t, "handled", 0)
    exchange(t, "ignored", 0)
    for n in range(len(t.handler)):
        t.handler[n] = 0
        t.handler_flags[n] = 0
        t.handler_mask[n] = 0
    reset_queues(t)
    for n in range(TASK_POLICY_WORDS):
        t.policy[n] = 0
    _begin_job(m, job, number, task_handle(m, k))
    error = create_space(m, me, k)
    if error < 0:
        store_release(m.jobs[job], "done", 1)
        _free_job(m, me, job)
        _free_task(m, me, k)
        return error
    tell_task(m, me, ADD_TASK, k)
    return k


@hot
def _begin_job(m, job, number, task):
    j = m.jobs[job]
    j.number = number
    j.task = task
    j.status = 0
    j.kill_reason = 0
    exchange(j, "threads", 0)
    exchange(j, "runtime_ns", 0)
    exchange(j, "run_delay_ns", 0)
    exchange(j, "slices", 0)
    exchange(j, "involuntary", 0)
    exchange(j, "migrations", 0)
    exchange(j, "instructions", 0)
    store_release(j, "done", 0)


@entry(3)
def recycle_job(address, me, handle):
    """An ended job's record, about which nobody wants to know more, may be used again; 0 for any other."""
    m = machine_at(address)
    job = job_index(m, handle)
    if job < 0 or load_seq_cst(m.jobs[job], "done") == 0:
        return 0
    _free_job(m, me, job)
    return 1


@hot
def _free_job(m, me, job):
    lock = field_address(m, "tasks_lock")
    acquire(m, me, lock, lockrank.TASKS)
    j = m.jobs[job]
    j.generation += 1
    j.next_free = m.free_job
    m.free_job = job
    release(m, me, lock)


@hot
def _free_task(m, me, k):
    t = m.tasks[k]
    count_freed(m, me, TAG_TASK, TASK_BYTES)
    lock = field_address(m, "tasks_lock")
    acquire(m, me, lock, lockrank.TASKS)
    t.generation += 1
    t.state = TASK_FREE
    t.next_free = m.free_task
    m.free_task = k
    m.nr_tasks -= 1
    release(m, me, lock)


@hot
def is_ending(m, k):
    return load_seq_cst(m.tasks[k], "exiting") != 0


@hot
def end_task(m, me, k, wait_status, reason):
    """Tell a task to end. Of several calls, the first one's status and KILL_* reason count. Its threads then leave."""
    never_inline()
    either(m, me)
    if not compare_exchange(m.tasks[k], "exiting", 0, wait_status + 1):
        return
    m.tasks[k].kill_reason = reason
    kill_references(m, me, k)
    lock_task(m, me, k)
    i = m.tasks[k].first_thread
    while i >= 0:
        interrupt_sleep(m, me, i)
        nudge(m, me, i)
        i = m.threads[i].sibling_next
    unlock_task(m, me, k)


@hot
def nudge(m, me, i):
    """Make a running thread enter the kernel soon."""
    t = m.threads[i]
    if state_of(t) == RUNNING and queue_of(t) != me:
        send_ipi(m, me, queue_of(t), IPI_RESCHEDULE)


@entry(5)
def kill_task(address, me, handle, wait_status, reason):
    """End the task a handle names; 0 when the handle is stale."""
    m = machine_at(address)
    k = task_index(m, handle)
    if k < 0:
        return 0
    end_task(m, me, k, wait_status, reason)
    return 1


@entry(3)
def reap_task(address, me, k):
    """The system server frees a task whose threads are gone; 1 when it was the last one."""
    m = machine_at(address)
    t = m.tasks[k]
    emit(m, me, REAP, -1, k, m.jobs[t.job].number)
    tell_task(m, me, REMOVE_TASK, k)
    discard(m, me, k, t, -1)
    destroy_space(m, me, k)
    job = m.jobs[t.job]
    job.status = load_relaxed(t, "exiting") - 1
    job.kill_reason = t.kill_reason
    _free_task(m, me, k)
    store_release(job, "done", 1)
    return drain_if_done(m, me)


@hot
def drain_if_done(m, me):
    """When the machine is closing and no task is left, schedulers are told to drain."""
    if load_seq_cst(m, "closing") == 0 or load_seq_cst(m, "nr_tasks") != 0:
        return 0
    if exchange(m, "draining", 1) == 0:
        for cpu in range(m.nr_cpus):
            send_ipi(m, me, cpu, IPI_STOP)
    return 1


@entry(2)
def close_machine(address, me):
    """From now on the machine ends when its last task ends."""
    m = machine_at(address)
    exchange(m, "closing", 1)  # pairs with nr_tasks falling to 0 in reap_task
    return drain_if_done(m, me)
