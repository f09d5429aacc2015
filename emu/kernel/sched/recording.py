"""What the scheduler records of a thread, with the cause: who wakes it and why there, why it stops, on what it sleeps.

    record_wake    a sleeper becomes runnable       record_preempt   the running thread gives way, not by its own wish
    record_spawn   a new thread becomes runnable    record_yield     it gives way by its own wish
    record_move    a thread changes queues          record_block     it falls asleep
    record_claim   see below                        record_call      its system call has ended without sleep

Who causes something is mostly plain from where it happens: the thread that runs on this CPU, the thread whose call the
server executes (CPU.on_behalf), the timekeeper.  What that does not tell is noted by the code that knows it, in fields
of its own CPU: `wake_cause` (a time-out, a signal), `place_why` (runqueue.place), `preempt_why`, and beside the mark
`resched` of another CPU `resched_why`.

A sleeper that finds its sleep claimed just after it fell asleep is made runnable by its own CPU (local_queue.py S2),
which does not know its waker.  That wake says `claimed` and names the sleep by the low bits of its sequence; the
waker, who finds that it lost step W2, records a `claim` with the same number.  trace/wakers.py joins the two.

With tracing off each of these is one load and one branch.
"""

from ...abi.registers import A0, A7
from ...hot import hot, never_inline
from ...limits import GLOBAL_QUEUE, SERVER, SUPERVISOR, TIMEKEEPER
from ...shm.cpumask import has_cpu
from ...shm.events import (
    BLOCK,
    CALL,
    CLAIM,
    MIGRATE,
    PREEMPT,
    SPAWN,
    WAKE,
    YIELD,
    emit_at,
    pack_called,
    pack_came_from,
    pack_moved,
    pack_placed,
    pack_preempted,
    pack_sleeps,
    pack_spawned,
    pack_woken,
    pack_yielded,
)
from ..server_ring import REQUEST_SYSCALL
from ..thread.states import (
    LIFE_RUNNING,
    SLEEP_FUTEX,
    SLEEP_JOIN,
    SLEEP_KERNEL,
    SLEEP_RECEIVE_FROM,
    SLEEP_SEND,
    SLEEP_STOP,
    SLEEP_SUSPEND,
)

# Why a thread is awake.  KERNEL: the CPU itself, between threads.
WAKE_THREAD, WAKE_TIMER, WAKE_SIGNAL, WAKE_SERVER, WAKE_SUPERVISOR, WAKE_KERNEL = range(1, 7)
WAKE_RESUME, WAKE_HANDED, WAKE_CLAIMED = 7, 8, 9
# Why it waits where it does.  FORCED: the policy's choice may not run it.  CALMEST: likewise, and there are pools.
PLACE_CHOSEN, PLACE_STAYS, PLACE_FORCED, PLACE_CALMEST, PLACE_GLOBAL = range(1, 6)
# Why the running thread has to give way.  WOKEN and IMPORTANT: the policy prefers another one, which is named.
PREEMPT_SLICE, PREEMPT_TICK, PREEMPT_WOKEN, PREEMPT_IMPORTANCE, PREEMPT_MAY_NOT_STAY = range(1, 6)
# Why a thread changes queues.
MOVE_BALANCE, MOVE_AFFINITY, MOVE_CPU_LEAVES, MOVE_EXCLUSIVE, MOVE_GLOBAL = range(1, 6)
NO_CALL, UNKNOWN_CALL = 0, 0x2000  # the field `call` is a number + 1: kernel/native/numbers.py has the greatest
TARGETED = 1 << SLEEP_SEND | 1 << SLEEP_RECEIVE_FROM | 1 << SLEEP_JOIN
WITHOUT_CALL = 1 << SLEEP_SUSPEND | 1 << SLEEP_STOP


@hot
def record_wake(m, me, now, i, queue, old):
    if m.tracing != 0:
        _wake(m, me, now, i, queue, old)


@hot
def record_handed(m, me, now, heir, i):
    """The running thread i hands this CPU over to a thread that it has woken."""
    if m.tracing != 0:
        call = _call_of(m.threads[i])
        emit_at(m, me, now, WAKE, heir, pack_placed(me, PLACE_STAYS, WAKE_HANDED), pack_woken(me, i + 1, call))


@hot
def record_spawn(m, me, now, i, queue):
    if m.tracing != 0:
        _spawn(m, me, now, i, queue)


@hot
def record_claim(m, me, now, i, sequence):
    """This actor has claimed a sleep, and the thread's own CPU makes it runnable, or it stays awake (header)."""
    if m.tracing != 0:
        _claim(m, me, now, i, sequence)


@hot
def record_move(m, me, now, i, queue, old):
    if m.tracing != 0:
        _move(m, me, now, i, queue, old)


@hot
def record_preempt(m, me, now, i):
    if m.tracing != 0:
        _preempt(m, me, now, i)


@hot
def record_yield(m, me, now, i):
    if m.tracing != 0:
        ran_ns = now - m.cpus[me].started_ns
        emit_at(m, me, now, YIELD, i, ran_ns, pack_yielded(me, _call_of(m.threads[i])))


@hot
def record_block(m, me, now, i):
    if m.tracing != 0:
        _block(m, me, now, i)


@hot
def record_call(m, me, i, number, since_ns, ended_ns):
    if m.tracing != 0:
        _call(m, me, i, number, since_ns, ended_ns)


# --- what the words say -----------------------------------------------------------------------------


@hot
def _call_of(t):
    """The field `call` of the system call that a thread is in."""
    return named_call(t.x[A7])


@hot
def named_call(number):
    """The field `call` of a guest's word."""
    return number + 1 if 0 <= number < UNKNOWN_CALL - 1 else UNKNOWN_CALL


@hot
def _acting(m, me):
    """For which thread this actor acts: its index + 1, 0 for none."""
    c = m.cpus[me]
    return c.current + 1 if me < m.nr_cpus else c.on_behalf


@hot
def _cause(m, me, i):
    """Why thread i is woken, where nobody has noted it."""
    if me == TIMEKEEPER:
        return WAKE_TIMER
    if me == SUPERVISOR:
        return WAKE_SUPERVISOR
    acting = _acting(m, me)
    if me == SERVER and (acting == 0 or acting == i + 1):
        return WAKE_SERVER
    return WAKE_THREAD if acting != 0 else WAKE_KERNEL


@hot
def _wake(m, me, now, i, queue, old):
    never_inline()
    c = m.cpus[me]
    cause = c.wake_cause if c.wake_cause != 0 else _cause(m, me, i)
    if cause == WAKE_CLAIMED:
        woken = pack_woken(old, 0, m.threads[i].sleep_sequence & 0xFFFF)
    else:
        woken = _woken(m, me, i, old)
    emit_at(m, me, now, WAKE, i, pack_placed(queue, c.place_why, cause), woken)


@hot
def _woken(m, me, i, old):
    waker = _acting(m, me)
    if waker == 0 or waker == i + 1:
        return pack_woken(old, 0, NO_CALL)
    return pack_woken(old, waker, _call_of(m.threads[waker - 1]))


@hot
def _spawn(m, me, now, i, queue):
    never_inline()
    placed = pack_placed(queue, m.cpus[me].place_why, _cause(m, me, i))
    emit_at(m, me, now, SPAWN, i, placed, pack_spawned(m.threads[i].task, _acting(m, me)))


@hot
def _claim(m, me, now, i, sequence):
    never_inline()
    c = m.cpus[me]
    cause = c.wake_cause if c.wake_cause != 0 else _cause(m, me, i)
    emit_at(m, me, now, CLAIM, i, pack_placed(sequence & 0xFFFF, 0, cause), _woken(m, me, i, 0))


@hot
def _move(m, me, now, i, queue, old):
    never_inline()
    if queue == GLOBAL_QUEUE:
        why = MOVE_GLOBAL
    elif queue == me and old != me:
        why = MOVE_BALANCE
    elif old < m.nr_cpus and m.queues[old].life != LIFE_RUNNING:
        why = MOVE_CPU_LEAVES
    else:
        why = MOVE_EXCLUSIVE if old < m.nr_cpus and has_cpu(m, "exclusive", old) else MOVE_AFFINITY
    emit_at(m, me, now, MIGRATE, i, pack_moved(queue, why), pack_came_from(old, _acting(m, me)))


@hot
def _preempt(m, me, now, i):
    never_inline()
    c = m.cpus[me]
    slice_ns = min(c.slice_ns, (1 << 36) - 1) if c.slice_end_ns != 0 else 0
    why, by = c.preempt_why, 0
    if c.resched != 0:
        why, by = c.resched_why & 0xFF, c.resched_why >> 8
    emit_at(m, me, now, PREEMPT, i, now - c.slice_start_ns, pack_preempted(slice_ns, why, by))


@hot
def _block(m, me, now, i):
    never_inline()
    t = m.threads[i]
    reason, call = t.sleep_reason, _call_of(t)
    if reason == SLEEP_FUTEX:
        on = t.futex_address
    elif (TARGETED >> reason) & 1:
        on = t.partner
    else:
        on = t.restart_a0
    if (WITHOUT_CALL >> reason) & 1 or (reason == SLEEP_KERNEL and t.request != REQUEST_SYSCALL):
        call, on = NO_CALL, t.trap_value
    emit_at(m, me, now, BLOCK, i, now - m.cpus[me].started_ns, pack_sleeps(reason, call, on & 0xFFFFFFFFFF))


@hot
def _call(m, me, i, number, since_ns, ended_ns):
    never_inline()
    result = m.threads[i].x[A0]
    failed = -result if -4096 < result < 0 else 0
    emit_at(m, me, ended_ns, CALL, i, pack_called(named_call(number), failed), ended_ns - since_ns)
