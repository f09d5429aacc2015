"""Events: what a scheduler did and when, declared once, recorded by hot code.

Each actor has a ring in its record (one writer: itself; one reader: the supervisor,
trace/recorder.py).  `emit` writes a slot, then publishes it by raising `events_head`;
`copy_events` copies slots and then raises `events_tail`, which the writer reads only
when it has filled all slots that it knows to be free.  A full ring drops the event: recording does not wait, unless
the user has asked for that (TRACING_WAITS; then whoever wants a lock that the waiting actor holds waits too).  The next
event that finds room is preceded by a `lost` event that says how many were dropped and between which times.  With
tracing off: one load and one branch.

What happens to a thread or a queue is recorded under the queue's lock, with the time of
kernel/sched/runqueue.py mark_time, so sorted by time it is in the order in which it happened.

An event is four words: time (ns, shm/clock.py), kind | thread << 8 | generation << 32,
and two arguments that the list below names.  What becomes of threads is recorded with its cause by
kernel/sched/recording.py.
"""

from dataclasses import dataclass

from ..hot import entry, hot, never_inline
from ..limits import EVENT_RING
from .atomics import load_acquire, load_relaxed, store_release
from .bits import bits
from .clock import now_ns
from .cpumask import mask_word
from .layout import EVENT, machine_at
from .memory import copy_bytes, host_yield, load_64
from .spinlock import field_address

WORD = bits("kind:8 thread:24 generation:*")  # EVENT.word
pack_event = WORD.packer()
NO_THREAD = WORD.mask("thread")
EVENT_BYTES = EVENT.size
TRACING_DROPS, TRACING_WAITS = 1, 2  # MACHINE.tracing: what an actor does whose ring is full


@dataclass(frozen=True)
class EventKind:
    number: int
    name: str
    a: str  # what the first argument is, "" unused; one of FIELDS: several numbers
    b: str
    doc: str


# Arguments that hold several numbers.  The first field of each is what the argument was before it had others.
PLACED = bits("queue:16 place:8 cause:8")
WOKEN = bits("old_queue:16 waker:20 call:16")  # waker, by: a thread's index + 1, 0 nobody
SPAWNED = bits("task:16 waker:20")
MOVED = bits("queue:16 why:8")
CAME_FROM = bits("old_queue:16 by:20")
PREEMPTED = bits("slice_ns:36 why:8 by:20")
YIELDED = bits("queue:16 call:16")
SLEEPS = bits("reason:8 call:16 object:40")
CALLED = bits("call:16 failed:16")
FIELDS = {
    "placed": PLACED, "woken": WOKEN, "spawned": SPAWNED, "moved": MOVED, "came_from": CAME_FROM,
    "preempted": PREEMPTED, "yielded": YIELDED, "sleeps": SLEEPS, "called": CALLED,
}  # fmt: skip
pack_placed, pack_woken, pack_spawned, pack_moved = PLACED.packer(), WOKEN.packer(), SPAWNED.packer(), MOVED.packer()
pack_came_from, pack_preempted, pack_yielded = CAME_FROM.packer(), PREEMPTED.packer(), YIELDED.packer()
pack_sleeps, pack_called = SLEEPS.packer(), CALLED.packer()

EVENTS = []


def _event(name, a="", b="", doc=""):
    EVENTS.append(EventKind(len(EVENTS), name, a, b, doc))
    return len(EVENTS) - 1


SWITCH = _event("switch", "run_delay_ns", "queue", "the thread begins to run on this CPU; queue: where it waited")
PREEMPT = _event(
    "preempt", "ran_ns", "preempted", "it goes back to a queue, not by its own wish; slice_ns 0: not timed"
)
YIELD = _event("yield", "ran_ns", "yielded", "the running thread goes back to a queue by its own wish")
BLOCK = _event(
    "block", "ran_ns", "sleeps", "the running thread falls asleep; object: by the reason, kernel/sched/recording.py"
)
EXIT = _event("exit", "ran_ns", "task", "the running thread leaves for good")
WAKE = _event("wake", "placed", "woken", "a sleeping thread becomes runnable; recorded by the waker")
SPAWN = _event("spawn", "placed", "spawned", "a new thread becomes runnable")
MIGRATE = _event("migrate", "moved", "came_from", "a thread that does not run changes queues")
STEAL = _event("steal", "queue", "", "this CPU takes a thread from another CPU's queue; its switch follows")
IPI_BIT = _event("ipi-bit", "target", "vector", "an interrupt sent by a bit alone")
IPI_MESSAGE = _event("ipi-message", "target", "vector", "an interrupt sent with a ZeroMQ message")
INTERRUPT = _event("interrupt", "vectors", "", "interrupts taken")
TIMER = _event("timer", "late_ns", "", "a time-out ends the thread's sleep")
REAP = _event("reap", "task", "job", "a task is taken apart")
SUSPEND = _event("suspend", "", "", "the thread is suspended at a safe point")
RESUME = _event("resume", "", "", "a suspended thread is let go on")
CPU_UP = _event("cpu-up", "cpu", "", "a scheduler begins to take threads")
CPU_DOWN = _event("cpu-down", "cpu", "", "a scheduler has exited")
PARK = _event("park", "", "", "this CPU has nothing to run and sleeps")
UNPARK = _event("unpark", "", "", "this CPU is awake again: the host has run its process after the message for it")
POLICY = _event("policy", "a", "b", "recorded by a policy's own hooks")
NAME = _event("name", "first", "second", "the thread's name from here on: 16 bytes as two words")
AFFINITY = _event(
    "affinity", "mask", "word", "the CPUs that may run the thread from here on: 64 of them, from 64 * word on"
)
EXCLUSIVE = _event("exclusive", "cpu", "on", "a CPU begins or ends to run pinned threads only")
HOST_STALL = _event(
    "host-stall",
    "ns",
    "within_ns",
    "the host did not run this CPU's process for ns of the last within_ns, though it wanted",
)
SEND = _event("send", "to", "bytes", "the thread sends a message to a thread (its index), or to a port (~ its number)")
RECEIVE = _event("receive", "from", "bytes", "the thread gets a message of a thread's (its index), or of a port (~)")
POOL = _event(
    "pool", "blocking", "enters", "the thread enters a pool of CPUs: 1 the blocking one; enters 0: it may not run there"
)
MOVE = _event("move", "address", "bytes", "pages leave the thread's memory in a message, whose send follows")
PAUSED = _event(
    "paused", "ns", "", "the machine was paused until now: this CPU stood still, and its thread used no time"
)
PROGRESS = _event("progress", "instructions", "translated", "what this CPU has retired so far, about every ms")
UPCALL = _event("upcall", "mailbox", "completed", "the thread enters user space as an upcall")
EXPORT = _event("export", "user_thread", "", "a user thread's call is completed: its context is handed out")
CALL = _event("call", "called", "ns", "a system call that did not sleep has ended; failed: its error number")
CLAIM = _event(
    "claim", "placed", "woken", "queue: low bits of the sleep that is claimed, whose thread its own CPU makes runnable"
)
LOST = _event("lost", "count", "span_ns", "events dropped until this time, the first span_ns before it")


@hot
def emit_at(m, me, time_ns, kind, i, a, b):
    """Record an event of actor `me` at a time read already; i is a thread's index or -1."""
    if m.tracing != 0:
        _record(m, me, time_ns, kind, i, a, b)


@hot
def emit(m, me, kind, i, a, b):
    """Record an event of actor `me` now."""
    if m.tracing != 0:
        _record(m, me, now_ns(m), kind, i, a, b)


@hot
def emit_name(m, me, i):
    """Record the name of a thread."""
    if m.tracing != 0:
        at = field_address(m.threads[i], "name")
        _record(m, me, now_ns(m), NAME, i, load_64(at), load_64(at + 8))


@hot
def emit_affinity(m, me, i, mask):
    """Record the CPUs that may run thread i, as many words as the machine needs."""
    for k in range((m.nr_cpus + 63) >> 6):
        emit(m, me, AFFINITY, i, mask_word(mask, k), k)


@entry(3)
def record_name(address, me, i):
    """Cold form of emit_name."""
    emit_name(machine_at(address), me, i)
    return 0


@hot
def _record(m, me, time_ns, kind, i, a, b):
    never_inline()
    c = m.cpus[me]
    if c.events_head >= c.events_limit and not _find_room(m, me, time_ns):
        return
    word = pack_event(kind, NO_THREAD, 0)
    if i >= 0:
        word = pack_event(kind, i, m.threads[i].generation)
    _publish(c, time_ns, word, a, b)


@hot
def _publish(c, time_ns, word, a, b):
    head = c.events_head
    slot = c.events[head & (EVENT_RING - 1)]
    slot.time_ns = time_ns
    slot.word = word
    slot.a = a
    slot.b = b
    store_release(c, "events_head", head + 1)  # publishes the slot; pairs with copy_events


@hot
def _find_room(m, me, time_ns):
    """Read how far the reader has come. False: the ring is full, and the event of this time is counted as lost."""
    never_inline()
    c = m.cpus[me]
    c.events_limit = load_acquire(c, "events_tail") + EVENT_RING  # its slots were copied; pairs with copy_events
    while c.events_limit == c.events_head and load_relaxed(m, "tracing") == TRACING_WAITS:
        host_yield()
        c.events_limit = load_acquire(c, "events_tail") + EVENT_RING
    room = c.events_limit - c.events_head
    if room <= (1 if c.losing > 0 else 0):  # the loss takes a slot too
        c.events_limit = c.events_head  # so that the next event comes here as well
        if c.losing == 0:
            c.losing_from_ns = time_ns
        c.losing_to_ns = time_ns
        c.losing += 1
        c.events_lost += 1
        return False
    if c.losing > 0:
        _publish(c, c.losing_to_ns, pack_event(LOST, NO_THREAD, 0), c.losing, c.losing_to_ns - c.losing_from_ns)
        c.losing = 0
    return True


@entry(3)
def copy_events(address, actor, destination):
    """Move an actor's events to memory that has room for EVENT_RING of them; returns how many there were."""
    c = machine_at(address).cpus[actor]
    head = load_acquire(c, "events_head")  # the slots below are whole; pairs with _publish
    tail = c.events_tail
    first = tail & (EVENT_RING - 1)
    count = head - tail
    until_end = min(count, EVENT_RING - first)
    ring = field_address(c, "events")
    copy_bytes(destination, ring + first * EVENT_BYTES, until_end * EVENT_BYTES)
    copy_bytes(destination + until_end * EVENT_BYTES, ring, (count - until_end) * EVENT_BYTES)
    store_release(c, "events_tail", head)  # the slots may be written again; pairs with _find_room
    return count


def unpack(name, value):
    """{field: number} of an argument, or {name: value} where it holds one number. Cold."""
    packed = FIELDS.get(name)
    return {field: packed.get(value, field) for field in packed.fields} if packed else {name: value}


def recent_events(cpu, count):
    """The last events in an actor's ring as text, oldest first. Cold; it takes no lock, so they are a hint."""
    head, found = int(cpu["events_head"]), []
    for k in range(max(0, head - count), head):
        _, word, a, b = (int(v) for v in cpu["events"][k & (EVENT_RING - 1)])
        kind, thread = EVENTS[WORD.get(word, "kind")], WORD.get(word, "thread")
        words = [kind.name] + ([f"thread {thread}"] if thread != NO_THREAD else [])
        for name, value in ((kind.a, a), (kind.b, b)):
            if name:
                words += [f"{field} {number}" for field, number in unpack(name, value).items()]
        found.append(" ".join(words))
    return found
