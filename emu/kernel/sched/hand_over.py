"""Handing a CPU over: the running thread stops, and the thread that it has woken by a message runs in its place.

    hand_over(m, me, i, heir, sleeps)     i is BLOCKED, or RUNNABLE behind the others; heir, BLOCKED before, is RUNNING

The heir passes the run queue by, and runs on what is left of the slice, as L4's IPC does: a server's work counts as its
client's turn, and no queue is searched.  The policy is told (`hand_over`) and may refuse.  Two that hand the CPU to
each other for ever hold up nobody: their common slice ends at a tick, which puts the one that runs behind the others,
and a policy with shares refuses an heir that has used up its own.

The caller has claimed the heir's sleep (thread/sleep_word.py), so nobody else makes it runnable.  Nothing is handed
over where the heir did not sleep on this CPU, may not run here any more, or is less important than the thread that
stops: then a thread between the two in importance may be waiting.  Nor where the thread that stops would have to wait
here and may not run here any more.  The caller makes the heir runnable in the ordinary way instead.

As for every switch: under the locks of the queues that change, or, where queues take none, by who owns each thread
(local_queue.py); both truth words change before the CPU looks at either thread again.
"""

from ...hot import hot
from ...limits import GLOBAL_QUEUE
from ...shm.atomics import load_relaxed, load_seq_cst
from ..critical import noncritical
from ..groups.records import count_inside
from ..thread.sleep_word import consume_claim, is_claimed
from ..thread.states import BLOCKED, LIFE_RUNNING, RUNNABLE, RUNNING, exchange_where, pack_where, set_where
from .hooks import (
    DEQUEUE,
    ENQUEUE,
    ENQUEUE_MOVE,
    ENQUEUE_YIELD,
    HAND_OVER,
    STOP_BLOCK,
    STOP_MOVE,
    call_hook,
    call_hook_3,
    has_hook,
)
from .local_queue import ASLEEP, CLAIMED, mark, stamp, win_wake
from .recording import record_block, record_handed, record_move
from .runqueue import (
    QUEUES_GLOBAL,
    QUEUES_LOCK_FREE,
    begin,
    charge,
    enqueue,
    give_way,
    lock_two,
    mark_two,
    may_not_stay,
    move,
    tell_stopped,
    unlock_two,
)

REFUSED = -1  # a result beside ASLEEP and CLAIMED: nothing has changed


@hot
def hand_over(m, me, i, heir, sleeps):
    """See the header. ASLEEP, or CLAIMED where i was woken meanwhile and the caller makes it runnable; REFUSED."""
    noncritical(m, me)
    c = m.cpus[me]
    t, h = m.threads[i], m.threads[heir]
    if load_relaxed(h, "where") != pack_where(BLOCKED, me) or h.realtime < t.realtime or c.resched != 0:
        return REFUSED
    if not has_hook(m, me, HAND_OVER) or m.queues[me].life != LIFE_RUNNING or may_not_stay(m, me, h):
        return REFUSED
    if not sleeps and may_not_stay(m, me, t):
        return REFUSED  # it would wait on the queue of a CPU that it may not run on
    slice_start_ns = c.slice_start_ns
    if m.queue_kind == QUEUES_LOCK_FREE:
        became = _without_lock(m, me, i, heir, sleeps)
    else:
        became = _locked(m, me, i, heir, sleeps)
    if became != REFUSED:
        c.slice_start_ns = slice_start_ns
    return became


@hot
def _locked(m, me, i, heir, sleeps):
    t, h = m.threads[i], m.threads[heir]
    order = GLOBAL_QUEUE if m.queue_kind == QUEUES_GLOBAL else me
    lock_two(m, me, me, order)
    if load_relaxed(h, "where") != pack_where(BLOCKED, me) or (sleeps and is_claimed(load_relaxed(t, "sleep"))):
        unlock_two(m, me, me, order)
        return REFUSED
    now = mark_two(m, me, me, order)
    if call_hook(m, me, HAND_OVER, order, heir) != 1:
        unlock_two(m, me, me, order)
        return REFUSED
    consume_claim(h)
    count_inside(m, h, 1)
    h.queued_ns = now
    record_handed(m, me, now, heir, i)
    if sleeps:
        _sleep(m, me, i, now)
        set_where(m, t, BLOCKED, me)
    else:
        give_way(m, me, i, now, True)
        if order != me:
            tell_stopped(m, me, me, i, STOP_MOVE)
            record_move(m, me, now, i, order, me)
        move(m, me, i, RUNNABLE, me, order)
        enqueue(m, me, order, i, ENQUEUE_YIELD)
    set_where(m, h, RUNNING, me)
    begin(m, me, heir, now)
    unlock_two(m, me, me, order)
    return ASLEEP


@hot
def _sleep(m, me, i, now):
    """Book and record that the running thread falls asleep."""
    charge(m, me, i, now)
    tell_stopped(m, me, me, i, STOP_BLOCK)
    m.threads[i].queued_ns = now
    record_block(m, me, now, i)


@hot
def _without_lock(m, me, i, heir, sleeps):
    t, h = m.threads[i], m.threads[heir]
    if sleeps and is_claimed(load_seq_cst(t, "sleep")):
        return REFUSED
    if call_hook(m, me, HAND_OVER, me, heir) != 1 or not win_wake(h):
        return REFUSED
    count_inside(m, h, 1)
    now = stamp(m, me, i, me)  # the heir is this CPU's from here on
    woken_ns = mark(m, me, heir, me, now)
    h.queued_ns = woken_ns
    record_handed(m, me, woken_ns, heir, i)
    if sleeps:
        _sleep(m, me, i, now)
    else:
        give_way(m, me, i, now, True)
    exchange_where(m, h, RUNNING, me)
    begin(m, me, heir, woken_ns)
    if not sleeps:
        set_where(m, t, RUNNABLE, me)
        call_hook_3(m, me, ENQUEUE, me, i, ENQUEUE_YIELD)  # from here on it may run elsewhere
        return ASLEEP
    exchange_where(m, t, BLOCKED, me)  # S1 of local_queue.py
    return CLAIMED if is_claimed(load_seq_cst(t, "sleep")) else ASLEEP  # S2


@hot
def let_run(m, me, i, j):
    """The running thread i waits behind the others, and j, which waits on the same queue, runs on: j, or REFUSED.

    What L4's thread_switch does.  Queues without a lock are in no order from which a thread could be taken.
    """
    noncritical(m, me)
    t, h = m.threads[i], m.threads[j]
    if m.queue_kind == QUEUES_LOCK_FREE or not has_hook(m, me, HAND_OVER) or h.realtime < t.realtime:
        return REFUSED
    order = GLOBAL_QUEUE if m.queue_kind == QUEUES_GLOBAL else me
    c = m.cpus[me]
    slice_start_ns = c.slice_start_ns
    lock_two(m, me, me, order)
    if load_relaxed(h, "where") != pack_where(RUNNABLE, order) or c.resched != 0 or may_not_stay(m, me, h):
        unlock_two(m, me, me, order)
        return REFUSED
    now = mark_two(m, me, me, order)
    call_hook(m, me, DEQUEUE, order, j)
    m.queues[order].nr_runnable -= 1
    if call_hook(m, me, HAND_OVER, order, j) != 1:
        enqueue(m, me, order, j, ENQUEUE_MOVE)
        unlock_two(m, me, me, order)
        return REFUSED
    give_way(m, me, i, now, True)
    if order != me:
        tell_stopped(m, me, me, i, STOP_MOVE)
        record_move(m, me, now, i, order, me)
    move(m, me, i, RUNNABLE, me, order)
    enqueue(m, me, order, i, ENQUEUE_YIELD)
    begin(m, me, j, now)  # while its `where` still names the queue that it waited on
    move(m, me, j, RUNNING, order, me)
    unlock_two(m, me, me, order)
    c.slice_start_ns = slice_start_ns
    return j
