"""Work-stealing queues: one CPU puts threads in, that CPU and all others take them out. No lock.

`put(d, i)` by the owner alone, `take(d)` by anybody, `waiting(d)` for a look.  Positions count up for
ever and a slot is position modulo capacity.  Invariant: 0 <= tail - head <= MAX_THREADS; the items
at positions head … tail - 1 are in their slots; the one taker that moves head from h to h + 1 has
the item of position h, and nobody else has it.  It cannot overflow: a thread is in one queue at most.

Orders (names of Lê, Pop, Cohen, Zappa Nardelli 2013, section 4: bottom is our tail, top our head).
put: the slot, then tail with release.  take: head with acquire, then tail with acquire, so the
slots below tail have been written, then the slot, then a compare-and-swap of head.

What would break it.  Tail before the slot: a thief sees the new tail and takes what the slot held a
lap ago.  Head moved by a store: owner and thief read the same h, and the thread runs twice.  Tail
read before head: a taker is held up between the two, head passes the old tail, and tail - head is
negative.  A slot that is overwritten between its load and the swap is no danger: put overwrites
position h only after head left h, so the swap fails.

Why not Chase and Lev's own form, where the owner also takes at the bottom: it runs the newest thread
first.  In Inko's runtime a local queue is first in, first out for its owner as for thieves, and where the end
of a turn puts a thread at the bottom, an owner that took there would run it for ever.  With one end
for all takers tail never falls, so the algorithm's sequentially consistent fence, which decides between
owner and thief on the last item, has nothing to decide.  Rejected too: a ring with a sequence number in
each slot (for many producers): other CPUs rarely hand this one a thread, and use a lock for it.
"""

from ..hot import hot
from ..limits import MAX_THREADS
from .atomics import compare_exchange, load_acquire, load_relaxed, store_release
from .memory import load_64, store_64
from .spinlock import field_address

NOTHING = -1


@hot
def slot_address(d, position):
    return field_address(d, "slots") + (position & (MAX_THREADS - 1)) * 8


@hot
def put(d, i):
    """The owner puts item i last."""
    tail = load_relaxed(d, "tail")
    store_64(slot_address(d, tail), i)
    store_release(d, "tail", tail + 1)  # publishes the slot, and what the owner wrote before; pairs with take


@hot
def take(d):
    """Take the first item out; NOTHING when there is none."""
    while True:
        head = load_acquire(d, "head")  # a tail as new as what its taker saw; pairs with the swap below
        if load_acquire(d, "tail") - head <= 0:  # else slot `head` is whole; pairs with put
            return NOTHING
        i = load_64(slot_address(d, head))
        if compare_exchange(d, "head", head, head + 1):  # release too: the slot was read before it is free
            return i


@hot
def waiting(d):
    """How many items are in the queue: exact when the owner asks and nobody takes meanwhile, else a hint."""
    head = load_relaxed(d, "head")
    return load_relaxed(d, "tail") - head
