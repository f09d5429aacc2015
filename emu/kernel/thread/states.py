"""Thread and scheduler states, and the one function that changes a thread's.

A thread's truth is one word, THREAD.where: its state and its queue.  It changes by one
store, under the lock of the queue that it names (both locks when the queue changes).  Where
queues take no lock, only the actor that owns the thread changes it (local_queue.py).

state     owner of the record         listed in
FREE      threads_lock                free list
NEW       its creator                 nothing
RUNNABLE  the run queue               that queue, through the policy
RUNNING   the CPU that runs it        that CPU's `current`
BLOCKED   whoever claims its sleep    a futex bucket, the server's ring or nothing, by sleep reason
DEAD      the CPU it exited on        that CPU's dead list, once nobody holds it (reaping.py)
"""

from ...hot import CHECK, hot
from ...shm.atomics import exchange, load_relaxed, store_relaxed
from ...shm.bits import bits
from ...shm.spinlock import fail
from ..failures import FAIL_TRANSITION

WHERE = bits("state:8 queue:16")  # THREAD.where
where_state, where_queue = WHERE.getters()
pack_where = WHERE.packer()

FREE, NEW, RUNNABLE, RUNNING, BLOCKED, DEAD = range(6)
STATE_NAMES = ("free", "new", "runnable", "running", "blocked", "dead")

_LEADS_TO = {
    FREE: (NEW,),
    NEW: (RUNNABLE, FREE),
    RUNNABLE: (RUNNING, RUNNABLE),  # to itself: migration
    RUNNING: (RUNNABLE, BLOCKED, DEAD),
    BLOCKED: (RUNNABLE, BLOCKED, RUNNING),  # to itself: its CPU leaves (rust-4); RUNNING: a CPU is handed over to it
    DEAD: (FREE,),
}
_ALLOWED = sum(1 << (old * 8 + new) for old, news in _LEADS_TO.items() for new in news)

# A scheduler's life (RUNQUEUE.life; rust-1).
LIFE_CREATED, LIFE_RUNNING, LIFE_DRAINING, LIFE_EXITED = range(4)

# A task's life (TASK.state).  A zombie has ended and holds nothing any more; its parent has not waited for it yet.
TASK_FREE, TASK_ALIVE, TASK_ZOMBIE = range(3)

# TASK.stopped: by a signal (kernel/task/stopping.py); its threads are steered by a debugger (kernel/task/debugging.py).
TASK_STOPPED, TASK_DEBUGGED = 1, 2

# THREAD.debug: it waits; it executes one instruction; and has, by a system call; its next trap or signal goes through;
# threads that it makes wait.
DEBUG_HELD, DEBUG_STEP, DEBUG_STEPPED, DEBUG_PASS, DEBUG_ALONE = 1, 2, 4, 8, 16

# THREAD.suspend (kernel/task/suspend.py).
SUSPEND_ASKED, SUSPENDED, SUSPEND_HELD = 1, 2, 3

# Why a thread sleeps (low byte of THREAD.sleep; kernel/thread/sleep_word.py reason_of).
# SLEEP_KERNEL: the server works on a call, trap or signal.  Nothing interrupts that, so a call that does not wait never
# returns EINTR.  SLEEP_SERVER: a served call has to wait.
# SLEEP_QUEUE: the thread is in a wait queue.  SLEEP_WAITS: it waits for another thread's suspension.
# SLEEP_RETRY: it is in a wait queue, and makes its call again when it is woken.
# SLEEP_STOP: its task is stopped.
# SLEEP_VECTOR: it waits for several futexes.
# SLEEP_SEND: it waits in its receiver's queue.  SLEEP_RECEIVE: for a message of anybody's.  SLEEP_RECEIVE_FROM: for
# one of THREAD.partner's, in that one's queue of callers.  SLEEP_JOIN: for the end of THREAD.partner.
# SLEEP_MAIL: it waits for a message in its mailbox, and makes its call again when a sender wakes it.
# SLEEP_PERIOD: it waits for its virtual timer.
# SLEEP_PORT: likewise in a wait queue, for a message in one of its task's ports.
# SLEEP_RELEASED: it owns an upcall, and waits for a reason to make it, in a wait queue.
# SLEEP_SPARE: it is its group's spare, and waits for an upcall, in the group's list.
# SLEEP_VFORK: its child has to execute a program or end first, and only its own end ends that sleep sooner.
SLEEP_FUTEX, SLEEP_TIME, SLEEP_SERVER, SLEEP_EVENT, SLEEP_KERNEL = range(1, 6)
SLEEP_SUSPEND, SLEEP_QUEUE, SLEEP_WAITS, SLEEP_RETRY, SLEEP_VFORK, SLEEP_STOP, SLEEP_VECTOR = range(6, 13)
SLEEP_SEND, SLEEP_RECEIVE, SLEEP_RECEIVE_FROM, SLEEP_JOIN = range(13, 17)
SLEEP_MAIL, SLEEP_PORT, SLEEP_PERIOD, SLEEP_RELEASED, SLEEP_SPARE = 17, 18, 19, 20, 21
IPC_SLEEPS = 1 << SLEEP_SEND | 1 << SLEEP_RECEIVE | 1 << SLEEP_RECEIVE_FROM | 1 << SLEEP_JOIN
# Of native calls: never begun anew.
NATIVE_SLEEPS = (
    1 << SLEEP_EVENT | 1 << SLEEP_QUEUE | 1 << SLEEP_WAITS | IPC_SLEEPS
    | 1 << SLEEP_MAIL | 1 << SLEEP_PORT | 1 << SLEEP_PERIOD | 1 << SLEEP_RELEASED
)  # fmt: skip
# How an interrupted call goes on (THREAD.restart), as in Linux.  Where no handler runs, it begins anew, a timed one
# until its old deadline.  Where one runs, RESTART_CALL begins anew if the handler has SA_RESTART, else it returns EINTR
# (read, futex); RESTART_UNHANDLED returns EINTR (sleeps, poll, sigsuspend: signal(7) lists the calls never restarted).
# RESTART_WOKEN: the thread was woken from SLEEP_RETRY, and makes its call again before it takes any signal.
# RESTART_ALWAYS begins anew after any handler (to lock a PI futex).
# RESTART_PAGED: the system server has met a page that the task's pager may bring; the thread asks it, and begins anew.
RESTART_CALL, RESTART_UNHANDLED, RESTART_WOKEN, RESTART_ALWAYS, RESTART_PAGED = 1, 2, 3, 4, 5
# Why the kernel sends a message for a thread and waits for the answer in its place (THREAD.faulting): an instruction or
# a system call has faulted (kernel/ipc/pager.py); a system call is its file server's (kernel/linux/forwarding.py), and
# opens a file.  Signals and suspends let the last two be: a call on files is not interrupted.
FAULT_TRAP, FAULT_CALL, CALL_FORWARDED, CALL_OPENS = 1, 2, 3, 4
SLEEP_TIMED = 0x80  # with each of them: the timekeeper is told to end it


@hot
def state_of(t):
    return where_state(load_relaxed(t, "where"))


@hot
def queue_of(t):
    return where_queue(load_relaxed(t, "where"))


@hot
def set_where(m, t, state, queue):
    """Change a thread's truth word; the lock of its queue (of both queues) is held, or this actor owns the thread."""
    _check(m, t, state)
    store_relaxed(t, "where", pack_where(state, queue))


@hot
def exchange_where(m, t, state, queue):
    """`set_where` for an owner that holds no lock; a full fence."""
    _check(m, t, state)
    exchange(t, "where", pack_where(state, queue))


@hot
def _check(m, t, state):
    if CHECK:
        old = state_of(t)
        if (_ALLOWED >> (old * 8 + state)) & 1 == 0:
            fail(m, FAIL_TRANSITION, old * 100 + state)
