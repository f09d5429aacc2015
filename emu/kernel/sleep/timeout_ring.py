"""How time-outs get to the timekeeper: a ring for each actor, one writer and one reader, no lock.

`post_timeout` writes a message into the actor's own ring; the timekeeper takes them in turns over the actors.
Messages of one actor are read in order, each once; between actors there is no order, and none is needed: a message
names the sleep it belongs to, so one that comes too late is stale (heap.py).

No earlier deadline is missed.  Two paths, each with a full fence in its middle:

    sender      1  writes the message, `head`             timekeeper  1  writes `sleeps_until_ns`
                2  fence                                               2  fence
                3  reads `sleeps_until_ns`                             3  reads all `head`s

If the sender reads a value from before the timekeeper's 1, its fence came first, so the timekeeper reads the new
`head` and does not sleep.  Otherwise it reads what the timekeeper sleeps for, and interrupts it when its own
deadline is earlier.  A later deadline stays in the ring until the timekeeper wakes for the earlier one, since it
reads the rings before it sleeps again.  Without the fence the sender's read may pass its write, and both miss
each other; without the second look at the rings the timekeeper sleeps over a message that came between (both are
controls in tests/litmus/test_timekeeper.py).

A message is never lost.  A ring that is half full interrupts the timekeeper too; the ZeroMQ message that may be
owed for it is sent before the actor's next thread runs (cpu_worker/loop.py), and no actor posts half a ring
without passing there.  So an actor that finds its ring full waits for a timekeeper that is awake.  The actor holds
no lock meanwhile (asserted in CHECK builds), since the timekeeper takes bucket and queue locks.

Rejected: the many-writers ring of server_ring.py (a read-modify-write on a line that all CPUs share for each message,
and a writer that is killed between its two stores would stop everybody); a lock on the heap.
"""

from ...hot import hot, never_inline
from ...limits import IPI_TIMER, SERVER, SUPERVISOR, TIMEKEEPER, TIMEOUT_RING_MESSAGES
from ...shm.atomics import fence, load_acquire, load_relaxed, store_relaxed, store_release
from ...shm.spinlock import backoff, field_address
from ..critical import noncritical
from ..ipi import send_ipi


@hot
def coalesced(m, i, deadline_ns):
    """Thread i's imprecise deadline: rounded up to a multiple of its slack, so that several share a wake-up (alux-3).

    As in Linux, threads may choose their slack (prctl), and those of a real-time priority have none.
    """
    t = m.threads[i]
    slack_ns = t.slack_ns if t.slack_ns != 0 else m.slack_ns
    if slack_ns <= 1 or t.realtime > 0:
        return deadline_ns
    return (deadline_ns + slack_ns - 1) // slack_ns * slack_ns


@hot
def post_timeout(m, me, deadline_ns, precise, i, word):
    """Ask the timekeeper to end thread i's sleep `word` at a time. No lock is held."""
    noncritical(m, me)
    t = m.threads[i]
    post(m, me, deadline_ns if precise else coalesced(m, i, deadline_ns), field_address(t, "sleep"), word, i)


@hot
def post(m, me, deadline_ns, address, word, i):
    """Send the timekeeper a message: end the sleep at that time, if the sleep word at `address` is still `word`."""
    never_inline()
    noncritical(m, me)
    ring = m.timeout_rings[me]
    head = ring.head
    if head - ring.seen_tail >= TIMEOUT_RING_MESSAGES // 2:
        _look_again(m, me)
    write_message(ring, head, deadline_ns, address, word, i)
    store_release(ring, "head", head + 1)  # publishes the message; pairs with load_acquire in take_from
    fence()  # before the read; pairs with the fence in go_to_sleep
    until_ns = load_relaxed(m, "sleeps_until_ns")
    if deadline_ns < until_ns or (until_ns != 0 and head - ring.seen_tail >= TIMEOUT_RING_MESSAGES // 2):
        send_ipi(m, me, TIMEKEEPER, IPI_TIMER)


@hot
def write_message(ring, head, deadline_ns, address, word, i):
    """Write a message at position `head`, which nobody reads yet."""
    at = 4 * (head & (TIMEOUT_RING_MESSAGES - 1))
    ring.messages[at] = deadline_ns
    ring.messages[at + 1] = address
    ring.messages[at + 2] = word
    ring.messages[at + 3] = i


@hot
def _look_again(m, me):
    """Read how far the timekeeper has come, and wait while the ring is full."""
    never_inline()
    ring = m.timeout_rings[me]
    spins = 0
    while True:
        ring.seen_tail = load_acquire(ring, "tail")  # pairs with store_release in take_from
        if ring.head - ring.seen_tail < TIMEOUT_RING_MESSAGES or load_relaxed(m, "failed") != 0:
            return
        noncritical(m, me)
        spins = backoff(spins)


# --- the timekeeper's side ------------------------------------------------------------------


@hot
def nr_waiting(m, actor):
    """How many messages of an actor have not been taken."""
    ring = m.timeout_rings[actor]
    return load_acquire(ring, "head") - load_relaxed(ring, "tail")  # pairs with store_release in post


@hot
def message_word(m, actor, k):
    """Word k of the oldest message of an actor."""
    ring = m.timeout_rings[actor]
    return ring.messages[4 * (ring.tail & (TIMEOUT_RING_MESSAGES - 1)) + k]


@hot
def message_taken(m, actor):
    """The oldest message of an actor is done with; its place is free."""
    ring = m.timeout_rings[actor]
    store_release(ring, "tail", ring.tail + 1)  # pairs with load_acquire in _look_again


@hot
def nth_actor(m, k):
    """The actors that may send, counted from 0: the CPUs, the supervisor, the server; -1 after the last."""
    if k < m.nr_cpus:
        return k
    if k == m.nr_cpus:
        return SUPERVISOR
    return SERVER if k == m.nr_cpus + 1 else -1


@hot
def anything_waits(m):
    """True when there is a message in any ring."""
    k = 0
    actor = nth_actor(m, 0)
    while actor >= 0:
        if nr_waiting(m, actor) > 0:
            return True
        k += 1
        actor = nth_actor(m, k)
    return False


@hot
def stay_awake(m):
    """The timekeeper is awake again, and nobody has to interrupt it."""
    store_relaxed(m, "sleeps_until_ns", 0)
