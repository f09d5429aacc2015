"""Thread records: they are made, listed in their task, and freed.

THREAD.next links the free records; when that list is empty, one that was never used is taken.  Freeing
raises the generation first, so old handles and tids turn stale.
"""

from ...hot import entry, hot, never_inline
from ...limits import AIO_OPERATIONS, KERNEL_TASK, KERNEL_THREADS, MAX_THREADS, NAME_BYTES
from ...shm import lockrank
from ...shm.atomics import fetch_add, load_relaxed, store_relaxed, store_release
from ...shm.cpumask import mask_all
from ...shm.layout import THREAD, machine_at
from ...shm.memory import fill_bytes
from ...shm.spinlock import acquire, field_address, release
from ...shm.tags import TAG_THREAD, count_freed, count_made
from ..containers.pools import POOL_THREADS, charge, give_back
from ..critical import either
from .affinity import begin_affinity
from .handles import tid_of
from .references import retain_again
from .states import FREE, NEW, set_where
from .usage import book_usage

THREAD_BYTES = THREAD.size
SPARE_NONE, SPARE_CLOSED = -1, -2
SS_DISABLE = 2  # of sigaltstack
LEAVES = -1  # as THREAD.helps: kernel/task/helpers.py


@hot
def allocate_thread(m, me, task):
    """A NEW thread of a task with cleared registers; -1 when all records are taken."""
    never_inline()
    either(m, me)
    lock = field_address(m, "threads_lock")
    acquire(m, me, lock, lockrank.THREADS)
    i = m.free_thread
    if i >= 0:
        m.free_thread = m.threads[i].next
    elif m.fresh_thread < MAX_THREADS - KERNEL_THREADS:
        i = m.fresh_thread
        m.fresh_thread += 1
    if i >= 0:
        set_where(m, m.threads[i], NEW, 0)
    release(m, me, lock)
    if i < 0:
        return -1
    count_made(m, me, TAG_THREAD, THREAD_BYTES)
    reset_thread(m, i, task)
    return i


@hot
def reset_thread(m, i, task):
    """Make a NEW record's fields those of a thread that has done nothing yet."""
    never_inline()
    t = m.threads[i]
    for k in range(33):
        t.x[k] = 0
    for k in range(32):
        t.f[k] = 0
    t.fcsr = 0
    t.instructions = 0
    for k in range(len(t.policy)):
        t.policy[k] = 0
    t.task = task
    t.is_listed = 0
    t.next = -1
    t.previous = -1
    begin_affinity(m, t, mask_all())
    t.nice = 0
    t.asked_nice = 0
    t.realtime = 0
    t.own_realtime = 0
    store_relaxed(t, "may_own", 0)
    t.waits_for = 0
    t.first_heir = 0
    t.slack_ns = 0
    t.linux_policy = 0
    t.credentials = 0
    t.uid = 0
    t.last_cpu = -1
    store_relaxed(t, "sleep", 0)
    t.deadline_ns = 0
    t.bucket = -1
    t.futex_kind = 0
    t.first_vector = 0
    t.clear_child_tid = 0
    t.robust_list = 0
    fill_bytes(field_address(t, "name"), 0, NAME_BYTES)
    reset_signals(t)
    t.request = 0
    t.restart = 0
    t.sleep_restart = 0
    t.sleep_done = 0
    t.held_file = 0
    t.poll_set = 0
    t.runtime_ns = 0
    t.run_delay_ns = 0
    t.slices = 0
    t.involuntary = 0
    t.migrations = 0
    t.system_ns = 0
    t.served_ns = 0
    t.faults = 0
    t.creator = -1
    t.exclusive = 0
    t.save_area = 0
    t.save_bytes = 0
    store_relaxed(t, "spare", SPARE_NONE)
    store_relaxed(t, "suspend", 0)
    store_relaxed(t, "suspender", 0)
    t.resume_deadline_ns = 0
    store_relaxed(t, "wait_queue", 0)
    t.mutexes = 0
    t.partner = 0
    t.ipc_flags = 0
    t.ipc_from = 0
    t.faulting = 0
    t.fault_a0 = 0
    t.fault_answer = 0
    for n in range(len(t.forwarded)):
        t.forwarded[n] = 0
    t.closed_files = 0
    t.fault_tries = 0
    t.fault_mark = 0
    t.fault_at = 0
    t.utcb = 0
    t.group = 0
    t.helps = 0
    t.accepts = 0
    t.thread_pool = 0
    t.period_ns = 0
    t.periods_from_ns = 0
    t.periods_taken = 0
    t.kse = 0
    t.kse_group = 0
    t.upcall = 0
    t.user_thread = 0
    store_relaxed(t, "offer", 0)
    store_relaxed(t, "kse_interrupt", 0)
    t.told_instructions = 0
    t.told_system_ns = 0
    t.patience = 0
    store_relaxed(t, "told_to_end", 0)


@hot
def next_generation(t):
    """Make every handle to a record stale: its generation, which has 31 bits in a handle, goes up."""
    t.generation = (t.generation + 1) & 0x7FFFFFFF


@hot
def reset_signals(t):
    store_relaxed(t, "signals", 0)
    t.signal_first = 0
    t.signal_last = 0
    t.fault_signal = 0
    t.fault_code = 0
    t.fault_address = 0
    t.signal_mask = 0
    t.saved_mask = 0
    t.mask_is_saved = 0
    t.awaited = 0
    t.undisturbed = 0
    t.debug = 0
    t.debug_stop = 0
    t.debug_value = 0
    t.step_from = 0
    t.step_to = 0
    t.flood = 0
    reset_signal_stack(t)


@hot
def reset_signal_stack(t):
    """The thread has no alternate stack for signals."""
    t.alt_stack = 0
    t.alt_stack_bytes = 0
    t.alt_stack_flags = SS_DISABLE


@hot
def free_thread(m, me, i):
    """Return a NEW or DEAD record; every handle to it is stale from here on."""
    never_inline()
    either(m, me)
    count_freed(m, me, TAG_THREAD, THREAD_BYTES)
    t = m.threads[i]
    lock = field_address(m, "threads_lock")
    acquire(m, me, lock, lockrank.THREADS)
    next_generation(t)
    set_where(m, t, FREE, 0)
    t.next = m.free_thread
    m.free_thread = i
    release(m, me, lock)


@hot
def lock_task(m, me, task):
    acquire(m, me, field_address(m.tasks[task], "lock"), lockrank.TASK)


@hot
def unlock_task(m, me, task):
    release(m, me, field_address(m.tasks[task], "lock"))


@hot
def join_task(m, me, i):
    """List a new thread in its task, which it retains; False where that has too many threads or helpers (kse-5).

    Or where its container has: it is charged here.
    """
    either(m, me)
    t = m.threads[i]
    k = m.tasks[t.task]
    pool = charge(m, me, k.container, POOL_THREADS) if k.container != 0 else 0
    if pool == 0 and k.container != 0:
        return False
    lock_task(m, me, t.task)
    if not _has_room(m, k):
        unlock_task(m, me, t.task)
        if pool != 0:
            give_back(m, me, pool)
        return False
    if t.helps != 0 and k.nr_helpers >= AIO_OPERATIONS:
        unlock_task(m, me, t.task)
        if pool != 0:
            give_back(m, me, pool)
        return False
    t.thread_pool = pool
    retain_again(m, t.task)  # the creator or the loader retains it, and it may be killed just now
    t.sibling_previous = -1
    t.sibling_next = k.first_thread
    if k.first_thread >= 0:
        m.threads[k.first_thread].sibling_previous = i
    k.first_thread = i
    k.nr_threads += 1
    if t.helps != 0:
        k.nr_helpers += 1
    t.is_listed = 1
    if t.task != KERNEL_TASK:
        store_release(m.mailboxes[i], "tid", tid_of(m, i))  # it takes messages from here on (kernel/ipc/mailbox.py)
    store_release(t, "may_own", 1)  # its tid is fixed; pairs with load_acquire in inheritance.start_waiting
    unlock_task(m, me, t.task)
    return True


@hot
def _has_room(m, k):
    """Whether a task may have one thread more; counts where not."""
    if k.nr_threads >= load_relaxed(m, "max_threads_per_task"):
        fetch_add(m, "thread_limit_hits", 1)
        return False
    if k.nr_groups != 0 and k.nr_threads >= load_relaxed(m, "max_threads_per_proc"):
        fetch_add(m, "proc_limit_hits", 1)
        return False
    return True


@hot
def give_thread_back(m, me, i):
    """Thread i, which has no instruction left to execute, gives back what it is charged to."""
    t = m.threads[i]
    if t.thread_pool != 0:
        give_back(m, me, t.thread_pool)
        t.thread_pool = 0


@hot
def quit_task(m, me, i):
    """Take a thread out of its task's list; returns how many threads the task has left."""
    either(m, me)
    t = m.threads[i]
    k = m.tasks[t.task]
    lock_task(m, me, t.task)
    if t.sibling_previous >= 0:
        m.threads[t.sibling_previous].sibling_next = t.sibling_next
    else:
        k.first_thread = t.sibling_next
    if t.sibling_next >= 0:
        m.threads[t.sibling_next].sibling_previous = t.sibling_previous
    k.nr_threads -= 1
    if t.helps != 0:
        k.nr_helpers -= 1
    book_usage(m, me, i)
    t.is_listed = 0
    left = k.nr_threads
    unlock_task(m, me, t.task)
    return left


@entry(3)
def create_thread(address, me, task):
    """A NEW thread listed in a task, for the loader; its index or -1."""
    m = machine_at(address)
    i = allocate_thread(m, me, task)
    if i >= 0 and not join_task(m, me, i):
        free_thread(m, me, i)
        return -1
    return i
