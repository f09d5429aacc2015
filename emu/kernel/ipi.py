"""Inter-processor interrupts: a bit in shared memory, and a message only to an actor that is parked (asleep).

Sender: sets the bit (full fence), then looks whether the target is parked; if so
it moves `parked` from 1 to 2 and owes one ZeroMQ message (a kick), which its cold
code sends as soon as hot code returns.
Target: sets `parked` to 1 (full fence), then looks for bits and work; if it finds
some it must move `parked` from 1 back to 0, and where that fails a message is on
its way and has to be consumed.

Invariant: a bit that was set is seen without another interrupt, and as many messages
are consumed as are sent.  The two fences make it impossible that the sender
misses the 1 and the target misses the bit.  A running or polling actor is never
sent a message.
"""

from ..hot import entry, hot, never_inline
from ..shm.atomics import compare_exchange, exchange, fetch_or, load_seq_cst
from ..shm.clock import now_ns
from ..shm.events import IPI_BIT, IPI_MESSAGE, emit_at
from ..shm.layout import machine_at

AWAKE, PARKED, MESSAGE_COMING = range(3)
ASLEEP, INTERRUPTED, MUST_CONSUME = range(3)  # results of begin_park


@hot
def send_ipi(m, me, target, vector):
    """Interrupt an actor. A message that is owed is noted in this actor's `kicked`."""
    never_inline()
    c = m.cpus[me]
    t = m.cpus[target]
    now = now_ns(m) if m.tracing != 0 else 0  # before the target can see it
    fetch_or(t, "pending", vector)  # pairs with the exchange of `parked` in begin_park
    if load_seq_cst(t, "parked") == PARKED and compare_exchange(t, "parked", PARKED, MESSAGE_COMING):
        c.kicked[c.kicks] = target
        c.kicks += 1
        c.ipis_message += 1
        emit_at(m, me, now, IPI_MESSAGE, -1, target, vector)
    else:
        c.ipis_bit += 1
        emit_at(m, me, now, IPI_BIT, -1, target, vector)


@entry(4)
def post(address, me, target, vector):
    """Cold form of send_ipi; returns how many actors are owed a message by `me` (CPU.kicked says which)."""
    m = machine_at(address)
    send_ipi(m, me, target, vector)
    return take_kicks(m, me)


@hot
def take_kicks(m, me):
    """How many actors are owed a message; they are the first ones of `kicked` until the next interrupt is sent."""
    kicks = m.cpus[me].kicks
    m.cpus[me].kicks = 0
    return kicks


@entry(2)
def owed(address, me):
    """How many actors this one owes a message. These count as sent from here on: actor/mail.py sends them."""
    return take_kicks(machine_at(address), me)


@hot
def mark_parked(m, me):
    """First half of parking: from now on interrupts come as messages."""
    exchange(m.cpus[me], "parked", PARKED)  # pairs with fetch_or in send_ipi


@hot
def cancel_park(m, me):
    """Work was found after all. True when no message has to be consumed."""
    return compare_exchange(m.cpus[me], "parked", PARKED, AWAKE)


@entry(2)
def begin_park(address, me):
    """Park an actor that has no run queue.

    ASLEEP: it may sleep, then calls end_park.  INTERRUPTED: it is awake, nothing to end.
    MUST_CONSUME: interrupted, but a message is on its way: consume it, then end_park.
    """
    m = machine_at(address)
    mark_parked(m, me)
    if load_seq_cst(m.cpus[me], "pending") == 0:
        return ASLEEP
    return INTERRUPTED if cancel_park(m, me) else MUST_CONSUME


@entry(3)
def end_park(address, me, consumed):
    """After the sleep. Returns 1 when a message is on its way and must be consumed."""
    m = machine_at(address)
    if consumed == 0 and not cancel_park(m, me):
        return 1
    exchange(m.cpus[me], "parked", AWAKE)
    return 0


@entry(2)
def take_pending(address, me):
    """Take the interrupts that have come in: returns their bits and clears them."""
    return exchange(machine_at(address).cpus[me], "pending", 0)
