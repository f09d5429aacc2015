"""Run queues whose fast path takes no lock (QUEUES = "lock-free"; inko-1).

A CPU's queue has three parts: what its policy keeps for this CPU alone (inko's slot), a work-stealing queue
(shm/deque.py) of threads that may run on all CPUs that take from it (cpus.may_take), and a list under the queue's lock
for the rare cases: threads bound to some CPUs, and those that other actors put there.  The global queue has the list
only.

Who owns a thread, that is, may change its truth word (THREAD.where) without a lock:
* RUNNING on c: CPU c.  RUNNABLE: whoever took the thread out of where it waits.  Nobody else takes one out: that
  CPU moves on a thread that may not wait there any more (affinity, leaving), when told (`misplaced`) or at its turn.
* BLOCKED: whoever moves its sleep word from claimed (a waker has won it; sleep_word.py) to 0.  Sleeper and waker:

      sleeper: S1 where = BLOCKED (exchange)     waker: W1 sleep = claimed (compare-and-swap)
               S2 claimed? as W2                        W2 sleep claimed, where BLOCKED: claimed -> 0, the winner's

  All four are sequentially consistent, so S2 sees W1 or W2 sees S1, and the last step has one winner.
  W2 reads the sleep word first and swaps that very value: a claim names its sleep, so between the two the
  thread is in that one sleep and stays BLOCKED.  If all claims were one constant, this would break it: a waker is held
  up after it read BLOCKED; the thread wakes, runs and is claimed before its next S1; the waker's swap succeeds, and the
  thread is on a queue while it runs.

`stamp` returns a time later than any that this actor, or any owner of the thread, has recorded.  nr_runnable counts
the list alone.  nr_threads is atomic, raised before a truth word names the queue, lowered after: at 0, none names it.
"""

from ...hot import hot, never_inline
from ...limits import GLOBAL_QUEUE
from ...shm.atomics import compare_exchange, fetch_add, load_acquire, load_relaxed, load_seq_cst
from ...shm.clock import now_ns
from ...shm.cpumask import (
    has_all_cpus,
    has_cpu,
    load_mask,
    mask_none,
    mask_or,
)
from ...shm.deque import NOTHING, put, take, waiting
from ...shm.events import EXIT, MIGRATE, SPAWN, STEAL, WAKE, emit_at
from ..critical import either, noncritical
from ..thread.affinity import is_confined
from ..thread.sleep_word import consume_claim, is_claimed
from ..thread.states import (
    BLOCKED,
    DEAD,
    NEW,
    RUNNABLE,
    RUNNING,
    exchange_where,
    pack_where,
    queue_of,
    set_where,
    state_of,
    where_state,
)
from .hooks import (
    ADD_THREAD,
    ENQUEUE,
    ENQUEUE_MOVE,
    STOP_BLOCK,
    STOP_EXIT,
    STOP_MOVE,
    call_hook,
    call_hook_3,
    call_pick,
    tell,
)
from .lists import append, first, remove
from .recording import record_block, record_move, record_spawn, record_wake
from .runqueue import (
    begin,
    charge,
    give_way,
    is_open,
    is_runnable,
    lock_queue,
    must_stay,
    tell_if_empty,
    tell_stopped,
    thieves,
    unlock_queue,
)

AWAKE, ASLEEP, CLAIMED = range(3)  # what became of a thread that wanted to sleep

# --- time, and the count of a scheduler's threads ---------------------------------------------------


@hot
def stamp(m, me, i, queue):
    """The time at which its owner now does something to thread i, on a queue that is this CPU's or locked.

    A yield has read the clock a moment before its switch, for its thread's system time: it is not read again.
    """
    c = m.cpus[me]
    now = c.just_now_ns
    c.just_now_ns = 0
    return mark(m, me, i, queue, now if now != 0 else now_ns(m))


@hot
def mark(m, me, i, queue, now):
    c = m.cpus[me]
    t = m.threads[i]
    now = max(now, max(max(c.marked_ns, m.queues[queue].now_ns), t.marked_ns) + 1)
    c.marked_ns = now
    t.marked_ns = now
    if queue == me:
        m.queues[me].now_ns = now
    return now


@hot
def become(m, me, i, state, queue):
    """Change state and queue of a thread that this actor owns; returns its former queue. A full fence."""
    t = m.threads[i]
    old = queue_of(t)
    counted = state_of(t) != NEW
    if old == queue and counted:
        exchange_where(m, t, state, queue)
        return old
    fetch_add(m.queues[queue], "nr_threads", 1)
    exchange_where(m, t, state, queue)
    if counted:
        fetch_add(m.queues[old], "nr_threads", -1)
        tell_if_empty(m, me, old)
    return old


# --- what waits -------------------------------------------------------------------------------------


@hot
def available(m, queue):
    """How many threads others might take from a queue (a hint)."""
    return load_relaxed(m.queues[queue], "nr_runnable") + waiting(m.deques[queue])


@hot
def put_local(m, me, i):
    """For hooks of CPU `me`: put a thread behind all others that wait there."""
    either(m, me)
    t = m.threads[i]
    if has_all_cpus(t, "affinity", m.nr_cpus) or (m.nr_blocking != 0 and is_confined(m, t, me)):
        put(m.deques[me], i)
    else:
        lock_queue(m, me, me)
        _list(m, me, i)
        unlock_queue(m, me, me)
    return 0


@hot
def take_local(m, me):
    """For hooks of CPU `me`: its oldest thread, or NOTHING. A round is all of the list, then all of the deque."""
    d = m.deques[me]
    listed = load_relaxed(m.queues[me], "nr_runnable")
    if listed > 0:
        if d.list_left <= 0 and (load_relaxed(d, "head") >= d.list_at or waiting(d) <= 0):
            d.list_left = listed
        if d.list_left > 0:
            d.list_left -= 1
            d.list_at = d.tail
            i = _take_listed(m, me, me)
            if i != NOTHING:
                return i
    i = take(d)
    return _take_listed(m, me, me) if i == NOTHING and listed > 0 else i


@hot
def _list(m, queue, i):
    append(m, m.queues[queue], i)
    m.queues[queue].nr_runnable += 1


@hot
def _take_listed(m, me, queue):
    """Take the first thread that may run on CPU `me` (of its own queue, any) out of a queue's list, or NOTHING."""
    never_inline()
    lock_queue(m, me, queue)
    q = m.queues[queue]
    i = first(q)
    while i >= 0 and queue != me and not has_cpu(m.threads[i], "affinity", me):
        i = m.threads[i].next
    if i >= 0:
        remove(m, q, i)
        q.nr_runnable -= 1
    unlock_queue(m, me, queue)
    return i if i >= 0 else NOTHING


@hot
def listed_for(m, me, queue):
    """The CPUs that take threads from other queues and may run one of those in this queue's list."""
    never_inline()
    noncritical(m, me)
    lock_queue(m, me, queue)
    found = mask_none()
    i = first(m.queues[queue])
    while i >= 0:
        found = mask_or(found, thieves(m, load_mask(m.threads[i], "affinity")))
        i = m.threads[i].next
    unlock_queue(m, me, queue)
    return found


@hot
def fetch(m, me, queue):
    """Take a thread out of another queue: this actor owns it then, still RUNNABLE. NOTHING when there is none."""
    i = take(m.deques[queue])
    if i == NOTHING and load_relaxed(m.queues[queue], "nr_runnable") > 0:
        i = _take_listed(m, me, queue)
    return i


# --- becoming runnable ------------------------------------------------------------------------------


@hot
def win_wake(t):
    """Step W2 of the header: whether this actor is the one that makes a claimed sleeper runnable."""
    word = load_acquire(t, "sleep")
    if not is_claimed(word) or where_state(load_seq_cst(t, "where")) != BLOCKED:  # pairs with S1
        return False
    return compare_exchange(t, "sleep", word, 0)


@hot
def place_on(m, me, i, queue, kind, reason):
    """Let a thread that this actor owns wait on a queue; False when that queue takes no threads.

    `kind` is the event, `reason` the ENQUEUE_* that the policy is told where the queue is this CPU's own.
    """
    never_inline()
    either(m, me)
    t = m.threads[i]
    if queue != me:
        lock_queue(m, me, queue)
    if not is_open(m, queue) and not must_stay(m, t):
        if queue != me:
            unlock_queue(m, me, queue)
        return False
    now = stamp(m, me, i, queue)
    if kind != MIGRATE:
        t.queued_ns = now
    old = become(m, me, i, RUNNABLE, queue)
    if kind == SPAWN:
        record_spawn(m, me, now, i, queue)
    elif kind == WAKE:
        record_wake(m, me, now, i, queue, old)
    elif old != queue:
        record_move(m, me, now, i, queue, old)
    if queue == me:
        call_hook_3(m, me, ENQUEUE, me, i, reason)
    else:
        _list(m, queue, i)
        unlock_queue(m, me, queue)
    return True


# --- leaving the CPU --------------------------------------------------------------------------------


@hot
def _stop(m, me, i, reason):
    """Book that the running thread leaves this CPU and joins no queue; returns when."""
    c = m.cpus[me]
    now = stamp(m, me, i, me)
    charge(m, me, i, now)
    tell_stopped(m, me, me, i, reason)
    m.threads[i].queued_ns = now
    c.current = -1
    return now


@hot
def block(m, me, i):
    """RUNNING to BLOCKED. CLAIMED: the thread was woken meanwhile, so the caller makes it runnable."""
    t = m.threads[i]
    if consume_claim(t):
        return AWAKE
    record_block(m, me, _stop(m, me, i, STOP_BLOCK), i)
    exchange_where(m, t, BLOCKED, me)  # S1; pairs with W2
    return CLAIMED if is_claimed(load_seq_cst(t, "sleep")) else ASLEEP  # S2; pairs with W1


@hot
def give_way_here(m, me, i, yielded, reason):
    """RUNNING to RUNNABLE on its own CPU's queue, and the next one to RUNNING; returns the next one, or -1."""
    now = stamp(m, me, i, me)
    give_way(m, me, i, now, yielded)
    set_where(m, m.threads[i], RUNNABLE, me)
    call_hook_3(m, me, ENQUEUE, me, i, reason)  # from here on it may run elsewhere
    return pick_own(m, me, now)


@hot
def give_way_running(m, me, i, yielded):
    """The running thread leaves its CPU, which owns it until it is placed."""
    give_way(m, me, i, stamp(m, me, i, me), yielded)
    tell_stopped(m, me, me, i, STOP_MOVE)


@hot
def leave(m, me, i):
    """RUNNING to DEAD."""
    now = _stop(m, me, i, STOP_EXIT)
    emit_at(m, me, now, EXIT, i, now - m.cpus[me].started_ns, m.threads[i].task)
    set_where(m, m.threads[i], DEAD, me)
    fetch_add(m.queues[me], "nr_threads", -1)


# --- getting the CPU --------------------------------------------------------------------------------


@hot
def pick_own(m, me, now):
    """The policy's next thread of this CPU's own queue becomes RUNNING, not before `now`; -1 when there is none."""
    i = call_pick(m, me, me)
    if i < 0 or not is_runnable(m, i, me):
        return -1
    now = mark(m, me, i, me, now)
    set_where(m, m.threads[i], RUNNING, me)
    begin(m, me, i, now)
    return i


@hot
def steal(m, me, queue):
    """Take a runnable thread from another queue and run it here; -1 when there is none."""
    never_inline()
    i = fetch(m, me, queue)
    if i == NOTHING or not is_runnable(m, i, queue):
        return -1
    now = stamp(m, me, i, me)
    if queue != GLOBAL_QUEUE:
        m.cpus[me].steals += 1
        emit_at(m, me, now, STEAL, i, queue, 0)
    begin(m, me, i, now)  # while its `where` still names the queue that it waited on
    become(m, me, i, RUNNING, me)  # before its affinity is looked at again; pairs with set_affinity
    tell(m, me, ADD_THREAD, me, i)
    return i


# --- asking and moving ------------------------------------------------------------------------------


@hot
def ask(m, me, hook, i):
    """Call a hook about the running thread, after its time so far has been booked."""
    charge(m, me, i, stamp(m, me, i, me))
    return call_hook(m, me, hook, me, i)


@hot
def keep(m, me, i):
    """Put a thread that this CPU took from its own queue back, behind the others."""
    call_hook_3(m, me, ENQUEUE, me, i, ENQUEUE_MOVE)


@hot
def own_sleeper(m, me, t):
    """Own a BLOCKED thread of this CPU that nobody has claimed: it is as before step S1, and its CPU acts for it."""
    if not compare_exchange(t, "where", pack_where(BLOCKED, me), pack_where(RUNNING, me)):
        return False
    word = load_seq_cst(t, "sleep")
    if word != 0 and not is_claimed(word) and load_seq_cst(t, "where") == pack_where(RUNNING, me):
        return True  # nobody has claimed this sleep, and whoever does from here on sees that it is not BLOCKED
    compare_exchange(t, "where", pack_where(RUNNING, me), pack_where(BLOCKED, me))  # unless its waker has changed that
    return False


@hot
def latest(m):
    """The latest time that any actor has recorded."""
    found = 0
    for actor in range(len(m.cpus)):
        found = max(found, m.cpus[actor].marked_ns)
    return found
