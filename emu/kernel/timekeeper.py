"""The timekeeper's turns: messages, due time-outs, compaction, sleep (inko-3).

One actor keeps all time-outs of the machine, so CPUs never look at a clock for them and park without a timer.
A turn takes at most MESSAGES_PER_TURN messages, then ends at most EXPIRIES_PER_TURN sleeps whose time has come,
then compacts the heap if too much of it is invalid.  With nothing to do it polls when the next deadline is
less than `keeper_spin_ns` away, which is about what waking up costs the host, and is blocked otherwise.

A message to a parked CPU takes about 50 µs too.  So when the first deadline is that near and its sleeper's CPU is
parked, that CPU is woken at once: it finds nothing, polls as any idle CPU does, and sees the thread become
runnable without a message.  If the sleep ends in another way meanwhile, the CPU has polled once for nothing.

Ending a sleep: the entry leaves the heap, then the timekeeper competes for the sleep word like any waker
(kernel/thread/sleep_word.py): of a time-out and a wake-up exactly one wins, so they never both end a sleep.
The entry was valid when it was looked at, and the word names one sleep for ever, so a time-out never ends a later
sleep.

Timers of tasks (task/timers.py) have entries of their own in the heap, and signal instead of ending a sleep.

Locks: no lock is held from one step to the next; `expire` takes a bucket's or a queue's.  timeout_ring.py says why
`go_to_sleep` misses no earlier deadline.
"""

from ..hot import entry, hot, never_inline
from ..limits import EXPIRIES_PER_TURN, IPI_RESCHEDULE, IPI_STOP, MAX_TIMEOUTS, MESSAGES_PER_TURN
from ..shm.atomics import exchange, fence, fetch_add, load_relaxed, load_seq_cst, pause, store_relaxed
from ..shm.clock import steady_ns
from ..shm.layout import machine_at
from ..shm.memory import compare_exchange_64, load_64
from .ipi import PARKED, cancel_park, mark_parked, send_ipi
from .sleep.endings import expire
from .sleep.heap import add_entry, compact, is_fragmented, next_deadline, remove_first
from .sleep.timeout_ring import anything_waits, message_taken, message_word, nr_waiting, nth_actor, stay_awake
from .task.timers import fire
from .thread.sleep_word import SLEEP_CLAIMED
from .thread.states import queue_of

KICK, PARK, STOPPED = range(1, 4)  # what cold code has to do


@entry(2)
def keep(address, me):
    """Turns until cold code is needed: messages to send (KICK), sleep until MACHINE.sleeps_until_ns (PARK), the end."""
    m = machine_at(address)
    c = m.cpus[me]
    stay_awake(m)
    while load_relaxed(m, "failed") == 0:
        if load_relaxed(c, "pending") != 0:
            if exchange(c, "pending", 0) & IPI_STOP:
                return STOPPED
        done = take_messages(m) + expire_due(m, me)
        if is_fragmented(m):
            compact(m)
        if c.kicks != 0:
            return KICK
        if done == 0:
            deadline_ns = next_deadline(m)
            if deadline_ns - steady_ns(m) > m.keeper_spin_ns:
                if go_to_sleep(m, me, deadline_ns):
                    return PARK
            elif not rouse(m, me, deadline_ns):
                pause()
    return STOPPED


@hot
def take_messages(m):
    """Move messages into the heap, a turn's worth at most; how many were taken."""
    never_inline()
    taken = 0
    first = m.next_ring
    k = first
    while taken < MESSAGES_PER_TURN:
        actor = nth_actor(m, k)
        waiting = min(nr_waiting(m, actor), MESSAGES_PER_TURN - taken)
        for _ in range(waiting):
            if not _take_message(m, actor):
                m.timeout_messages += taken
                return taken
            taken += 1
        k = k + 1 if nth_actor(m, k + 1) >= 0 else 0
        if k == first:
            break
    m.next_ring = k
    m.timeout_messages += taken
    return taken


@hot
def _take_message(m, actor):
    """Take an actor's oldest message; False, and it stays, while the heap is full of valid entries."""
    address, word = message_word(m, actor, 1), message_word(m, actor, 2)
    if load_64(address) != word:
        fetch_add(m, "stale_timeouts", -1)  # the sleep ended before its time-out got here
    else:
        if m.nr_timeouts == MAX_TIMEOUTS and (load_relaxed(m, "stale_timeouts") <= 0 or compact(m) == 0):
            return False
        add_entry(m, message_word(m, actor, 0), address, word, message_word(m, actor, 3))
    message_taken(m, actor)
    return True


@hot
def expire_due(m, me):
    """End the sleeps whose time has come, a turn's worth at most; how many entries were due."""
    never_inline()
    now_ns = steady_ns(m)
    due = 0
    while due < EXPIRIES_PER_TURN and next_deadline(m) <= now_ns:
        e = m.timeouts[0]
        address, word, i = e.address, e.word, e.thread
        remove_first(m)
        if i >= 0:
            won = expire(m, me, i, word)
        elif i < -1:
            won = fire(m, me, -2 - i, word)
        else:
            won = compare_exchange_64(address, word, SLEEP_CLAIMED) != 0
        if won:
            m.timeouts_expired += 1
        else:
            fetch_add(m, "stale_timeouts", -1)  # its waker counted it
        due += 1
    return due


@hot
def rouse(m, me, deadline_ns):
    """Wake the parked CPU on whose queue the first entry's thread sleeps; False when there is none to wake."""
    i = m.timeouts[0].thread
    if i < 0 or m.roused_ns == deadline_ns:
        return False
    m.roused_ns = deadline_ns
    cpu = queue_of(m.threads[i])
    if cpu >= m.nr_cpus or load_relaxed(m.cpus[cpu], "parked") != PARKED:
        return False
    send_ipi(m, me, cpu, IPI_RESCHEDULE)
    return True


@hot
def go_to_sleep(m, me, deadline_ns):
    """Say what the timekeeper sleeps for, and look once more; True when it may sleep (it is marked parked)."""
    store_relaxed(m, "sleeps_until_ns", deadline_ns)
    fence()  # before the rings are read; pairs with the fence in post
    if not anything_waits(m):
        mark_parked(m, me)
        if load_seq_cst(m.cpus[me], "pending") == 0 or not cancel_park(m, me):
            return True
    stay_awake(m)
    return False
