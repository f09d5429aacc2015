"""The scheduler core: how threads get a CPU and leave it. How they become runnable is in waking.py.

The policy (hooks.py) says where and in which order.  What becomes of a thread and of its queues is done by the verbs
of queues.py; this file says who is told afterwards, and what the CPU does next.  A thread's registers are in its
record, so a switch moves nothing.

Who is told of a thread that becomes runnable, and why no wake-up is lost, is in announcing.py.
"""

from ...hot import hot, never_inline
from ...limits import GLOBAL_QUEUE, MAX_QUEUES
from ...shm.atomics import fetch_add, load_relaxed
from ...shm.cpumask import any_cpu, has_cpu, mask_above, mask_and
from ...shm.spinlock import fail
from ..critical import noncritical
from ..failures import FAIL_POLICY_QUEUE
from ..thread.states import LIFE_RUNNING
from . import locked_queue, queues
from .announcing import announce, pass_on, wake_idle
from .cpus import may_take, takers
from .hand_over import REFUSED, hand_over, let_run
from .hooks import (
    BALANCE,
    call_hook,
)
from .local_queue import AWAKE, CLAIMED, available
from .recording import WAKE_CLAIMED
from .runqueue import is_queue, may_pull
from .upcall import before_sleep, stayed_awake
from .waking import make_runnable

# --- leaving the CPU ------------------------------------------------------------------------------


@hot
def block(m, me, i):
    """RUNNING to BLOCKED; False when the thread was woken before it got there."""
    noncritical(m, me)
    if m.threads[i].kse != 0:
        before_sleep(m, me, i)
    return _block(m, me, i)


@hot
def _block(m, me, i):
    became = queues.stop(m, me, i)
    if became == CLAIMED:
        m.cpus[me].wake_cause = WAKE_CLAIMED
        make_runnable(m, me, i)
    elif became == AWAKE and m.threads[i].kse != 0:
        stayed_awake(m, i)
    return became != AWAKE


@hot
def switch_to(m, me, i, heir, sleeps):
    """Hand this CPU over to a thread whose sleep this actor has claimed; i falls asleep, or waits behind the others.

    Where that cannot be (hand_over.py), the heir becomes runnable as others do, and i falls asleep, or runs on.
    """
    noncritical(m, me)
    if sleeps and m.threads[i].kse != 0:
        before_sleep(m, me, i)
    became = hand_over(m, me, i, heir, sleeps)
    if became == REFUSED:
        make_runnable(m, me, heir)
        if sleeps:
            _block(m, me, i)
        return
    c = m.cpus[me]
    slice_end_ns = c.slice_end_ns
    _switched_in(m, me, heir)
    c.slice_end_ns = slice_end_ns
    if became == CLAIMED:
        c.wake_cause = WAKE_CLAIMED
        make_runnable(m, me, i)
    elif not sleeps:
        announce(m, me, GLOBAL_QUEUE if queues.are_global(m) else me, i)


@hot
def yield_to(m, me, i, j):
    """The running thread i gives its CPU to thread j if that waits for it, else to whoever is next."""
    noncritical(m, me)
    c = m.cpus[me]
    slice_end_ns = c.slice_end_ns
    if let_run(m, me, i, j) == REFUSED:
        switch(m, me, i, True)
        return
    _switched_in(m, me, j)
    c.slice_end_ns = slice_end_ns
    announce(m, me, GLOBAL_QUEUE if queues.are_global(m) else me, i)


@hot
def leave(m, me, i):
    """RUNNING to DEAD: the thread is unregistered from its scheduler."""
    noncritical(m, me)
    queues.leave(m, me, i)


@hot
def switch(m, me, i, yielded):
    """RUNNING to RUNNABLE for thread i, and the next one to RUNNING; returns that one."""
    noncritical(m, me)
    if queues.are_global(m):
        return _switch_global(m, me, i, yielded)
    if not has_cpu(m.threads[i], "affinity", me) or m.queues[me].life != LIFE_RUNNING:
        return _switch_away(m, me, i, yielded)
    chosen = queues.give_way_here(m, me, i, yielded)
    if any_cpu(m, "idle") and queues.waits_untold(m, me):
        wake_idle(m, me, takers(m, me))
    if chosen >= 0 and chosen != i:
        _switched_in(m, me, chosen)
    m.cpus[me].slice_end_ns = 0
    return chosen


@hot
def _switch_away(m, me, i, yielded):
    """`switch` for a thread that waits on another queue than this CPU's own."""
    never_inline()
    queue = queues.give_way_elsewhere(m, me, i, yielded)
    m.cpus[me].slice_end_ns = 0
    if queue >= 0:
        announce(m, me, queue, i)
    return pick_next(m, me)


@hot
def _switch_global(m, me, i, yielded):
    """`switch` where all that is runnable waits on the global queue."""
    never_inline()
    chosen = locked_queue.give_way_globally(m, me, i, yielded)
    m.cpus[me].slice_end_ns = 0
    if load_relaxed(m.queues[GLOBAL_QUEUE], "nr_runnable") > 0:
        announce(m, me, GLOBAL_QUEUE, i)
    if chosen >= 0:
        _switched_in(m, me, chosen)
    return chosen


# --- getting the CPU ------------------------------------------------------------------------------


@hot
def pick_next(m, me):
    """A thread to run on an idle CPU: from its own queue, else from where `balance` says."""
    noncritical(m, me)
    chosen = queues.pick_own(m, me)
    if chosen < 0 and queues.are_global(m):
        chosen = pull(m, me, GLOBAL_QUEUE)
    elif chosen < 0 and may_pull(m, me):
        attempt = 0
        while chosen < 0:
            queue = call_hook(m, me, BALANCE, me, attempt)
            if queue < 0 or not is_queue(m, queue):
                break
            if not may_take(m, me, queue):
                queue = _longest(m, me)
            if queue != me and available(m, queue) > 0:
                chosen = pull(m, me, queue)
            attempt += 1
            if attempt > 2 * MAX_QUEUES:
                fail(m, FAIL_POLICY_QUEUE, attempt)
                break
    if chosen >= 0:
        _switched_in(m, me, chosen)
    return chosen


@hot
def _longest(m, me):
    """Where `balance` knows nothing of pools: the queue of this CPU's pool where most threads wait, perhaps its own."""
    never_inline()
    best = me
    for queue in range(m.nr_cpus):
        if may_take(m, me, queue) and available(m, queue) > available(m, best):
            best = queue
    return best


@hot
def pull(m, me, queue):
    """Take a runnable thread from another queue and run it here; returns it, -1 when there is none."""
    never_inline()
    noncritical(m, me)
    i = queues.steal(m, me, queue)
    if any_cpu(m, "idle") and available(m, queue) > 0:  # there is work left: wake the next CPU to take it
        wake_idle(m, me, takers(m, queue) if i >= 0 else mask_and(mask_above(me), queues.passed_over(m, me, queue)))
    return i


@hot
def work_for(m, me):
    """True when this idle CPU would find a runnable thread. It takes no lock: the answer is a hint to look."""
    if available(m, me) > 0:
        return True
    if queues.are_global(m):
        return load_relaxed(m.queues[GLOBAL_QUEUE], "nr_runnable") > 0 and m.queues[me].life == LIFE_RUNNING
    if may_pull(m, me):
        for queue in range(m.nr_cpus):
            if available(m, queue) > 0 and may_take(m, me, queue):
                return True
        return load_relaxed(m.queues[GLOBAL_QUEUE], "nr_runnable") > 0
    return False


@hot
def others_wait(m, me):
    """Whether another thread could run here at once (a hint)."""
    queue = GLOBAL_QUEUE if queues.are_global(m) else me
    return available(m, queue) > 0


@hot
def _switched_in(m, me, i):
    c = m.cpus[me]
    t = m.threads[i]
    c.switches += 1
    c.reservation = 0
    c.slice_end_ns = 0
    if t.last_cpu != me:
        if t.last_cpu >= 0:
            t.migrations += 1
            c.migrations_in += 1
            fetch_add(m.cpus[t.last_cpu], "migrations_out", 1)
        t.last_cpu = me


@hot
def pay_look(m, me):
    """A waker took this CPU's idle bit, so the CPU owes a look at the queues (header). No lock held."""
    never_inline()
    if m.cpus[me].current < 0 and pick_next(m, me) < 0 and (queues.are_global(m) or may_pull(m, me)):
        return  # nothing that this CPU may run
    pass_on(m, me)
