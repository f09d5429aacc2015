"""Task records and jobs: made by the loader or by fork, told to end, freed.

A task ends in two steps (rust-2).  `end_task` sets `exiting` once and gets every
thread on its way to its exit; when nobody retains or holds the task any more
(references.py) it goes to the system server, which frees what it held (reaping.py).  So nothing is taken apart under a
running thread.

A job is what the supervisor spawned: a task, and all that were forked from it.  It is done when the last of them is
gone; its status is the first one's.  Its record (status, accounts) stays until the supervisor has taken it over and
gives it back, with a new generation, through the system server (machine/jobs.py).

No task escapes when a job is killed: the killer notes it (JOB.killed), then ends each task that it finds; who forks
makes the child known first, then looks at the note (fork.py).

A record is known from the moment when its state is TASK_ALIVE, which is stored last (`begin_task`).  Who finds a task
by looking through the records retains it, and then looks again whose it is (`end_job`, linux/signals.py).  Who makes a
task and gives it up waits until nobody else retains it (`free_begun`).
"""

from ...abi.errno import EAGAIN
from ...hot import entry, hot, never_inline
from ...limits import (
    DEFAULT_DESCRIPTORS,
    IPI_RESCHEDULE,
    KERNEL_TASK,
    MAX_JOBS,
    MAX_SIGINFOS_PER_TASK,
    MAX_THREADS,
    TASK_POLICY_WORDS,
    WAIT_QUEUES,
)
from ...shm import lockrank
from ...shm.atomics import (
    compare_exchange,
    exchange,
    fetch_add,
    load_acquire,
    load_relaxed,
    load_seq_cst,
    store_relaxed,
    store_release,
)
from ...shm.layout import TASK, machine_at
from ...shm.spinlock import acquire, backoff, field_address, release
from ...shm.tags import TAG_TASK, count_freed, count_made
from ..containers.containers import leave_container
from ..critical import either, noncritical
from ..ipc.port import reset_ends
from ..ipi import send_ipi
from ..sched.hooks import ADD_TASK, tell_task
from ..sleep.endings import interrupt_sleep
from ..sleep.waitqueue import reset_queues
from ..thread.handles import job_index, task_handle, task_index
from ..thread.records import lock_task, unlock_task
from ..thread.references import begin_references, is_mine_alone, kill_references, release_task, retain_task
from ..thread.states import RUNNING, TASK_ALIVE, TASK_FREE, queue_of, state_of
from ..vm.address_space import create_space
from .usage import begin_usage

TASK_BYTES = TASK.size


@hot
def exit_code(status):
    """A wait status for an exit with a code."""
    return (status & 0xFF) << 8


@hot
def _take_task(m, me):
    """A free task record, or -1."""
    k = m.free_task
    if k >= 0:
        m.free_task = m.tasks[k].next_free
    elif m.fresh_task < KERNEL_TASK:
        k = m.fresh_task
        m.fresh_task += 1
    return k


@entry(2)
def create_task(address, me):
    """A task with an empty address space, and a job of its own; its index, or a negative error."""
    m = machine_at(address)
    lock = field_address(m, "tasks_lock")
    acquire(m, me, lock, lockrank.TASKS)
    job = m.free_job
    if job >= 0:
        m.free_job = m.jobs[job].next_free
    elif m.fresh_job < MAX_JOBS:
        job = m.fresh_job
        m.fresh_job += 1
    number = m.nr_jobs
    m.nr_jobs += 1
    release(m, me, lock)
    if job < 0:
        return -EAGAIN
    _begin_job(m, job, number)
    k = begin_task(m, me, job)
    if k < 0:
        _free_job(m, me, job)
        return k
    m.jobs[job].task = task_handle(m, k)
    store_release(m.jobs[job], "done", 0)
    tell_task(m, me, ADD_TASK, k)
    return k


@hot
def begin_task(m, me, job):
    """A task of a job with an empty address space, retained by the caller; its index, or a negative error.

    Its place in a family, its first thread and what the policy is told (ADD_TASK) are the caller's to see to.
    """
    never_inline()
    either(m, me)
    lock = field_address(m, "tasks_lock")
    acquire(m, me, lock, lockrank.TASKS)
    k = _take_task(m, me)
    if k >= 0:
        m.nr_tasks += 1
    release(m, me, lock)
    if k < 0:
        return -EAGAIN
    fetch_add(m.jobs[job], "nr_tasks", 1)
    t = m.tasks[k]
    t.first_thread = -1
    t.nr_threads = 0
    t.nr_helpers = 0
    t.leader = -1
    t.job = job
    # `cpus` stays: it belongs to the index.  A CPU that last ran this index's former task skips the
    # switch of address spaces, and only the CPU itself clears its bit.
    exchange(t, "exiting", 0)
    exchange(t, "survivor", 0)
    t.barriers = 0
    t.kill_reason = 0
    count_made(m, me, TAG_TASK, TASK_BYTES)
    begin_usage(t)
    exchange(t, "vfork_sleep", 0)
    t.parent = 0
    t.parent_pid = 0
    t.forked_from = 0
    t.program = 0
    t.living_children = 0
    t.zombie_children = 0
    exchange(t, "keepers", 1)
    t.has_told = 0
    t.stopped = 0
    t.pager = 0
    t.file_server = 0
    t.container = 0
    t.first_group = 0
    t.nr_groups = 0
    t.space_pool = 0
    for n in range(WAIT_QUEUES):
        t.mutex_pools[n] = 0
    t.news = 0
    t.exit_signal = 0
    t.uid = 0
    t.shares = 0
    t.table = 0
    t.max_descriptors = DEFAULT_DESCRIPTORS
    t.max_processes = MAX_THREADS
    t.limited_space = 0
    t.cpu_limit_ns = 0
    t.cpu_soft_ns = 0
    t.cpu_hard_ns = 0
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
    reset_ends(t)
    for n in range(TASK_POLICY_WORDS):
        t.policy[n] = 0
    error = create_space(m, me, k)
    if error < 0:
        free_task(m, me, k)
        return error
    begin_references(m, k)
    store_release(t, "state", TASK_ALIVE)  # from here on it can be killed; pairs with load_acquire in end_job
    return k


@hot
def _begin_job(m, job, number):
    j = m.jobs[job]
    j.number = number
    exchange(j, "nr_tasks", 0)
    exchange(j, "killed", 0)
    j.status = 0
    j.kill_reason = 0
    exchange(j, "threads", 0)
    exchange(j, "runtime_ns", 0)
    exchange(j, "run_delay_ns", 0)
    exchange(j, "slices", 0)
    exchange(j, "involuntary", 0)
    exchange(j, "migrations", 0)
    exchange(j, "instructions", 0)


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
def free_task(m, me, k):
    """Give back the record of a task that holds nothing any more and is in no list; its job may be done with that."""
    never_inline()
    either(m, me)
    t = m.tasks[k]
    job = m.jobs[t.job]
    leave_container(m, me, k)
    count_freed(m, me, TAG_TASK, TASK_BYTES)
    lock = field_address(m, "tasks_lock")
    acquire(m, me, lock, lockrank.TASKS)
    t.generation += 1
    store_relaxed(t, "state", TASK_FREE)
    t.next_free = m.free_task
    m.free_task = k
    m.nr_tasks -= 1
    release(m, me, lock)
    if fetch_add(job, "nr_tasks", -1) == 1:
        store_release(job, "done", 1)


@hot
def free_begun(m, me, k):
    """Give back the record of a task that its maker, who retains it, gives up; it holds nothing any more.

    Who has just found it retains it for a moment.  From the kill on nobody new does.
    """
    never_inline()
    noncritical(m, me)
    kill_references(m, me, k)
    spins = 0
    while not is_mine_alone(m, k) and load_relaxed(m, "failed") == 0:
        spins = backoff(spins)
    free_task(m, me, k)


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
def nudge_all(m, me, k):
    """Make the running threads of a task enter the kernel soon."""
    never_inline()
    either(m, me)
    lock_task(m, me, k)
    i = m.tasks[k].first_thread
    while i >= 0:
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


@hot
def end_job(m, me, job, wait_status, reason):
    """End all tasks of a job (its record), also those that are just being forked; how many there were."""
    either(m, me)
    exchange(m.jobs[job], "killed", wait_status + 1)  # before the look at the tasks; pairs with the fence in fork
    ended = 0
    for k in range(m.fresh_task):
        t = m.tasks[k]
        if load_acquire(t, "state") == TASK_ALIVE and t.job == job and retain_task(m, k):
            if load_acquire(t, "state") == TASK_ALIVE and t.job == job:  # until it was retained, it may have been freed
                end_task(m, me, k, wait_status, reason)
                ended += 1
            release_task(m, me, k)
    return ended


@entry(5)
def kill_job(address, me, job, wait_status, reason):
    """Cold form of end_job."""
    return end_job(machine_at(address), me, job, wait_status, reason)
