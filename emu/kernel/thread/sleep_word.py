"""Falling asleep and being woken: each thread has one word for it, and each wake-up one winner.

THREAD.sleep is 0 while awake.  A thread about to sleep gives it a value that was
never used before (sequence and reason) *before* anybody can find it.  A waker,
a timer and a signal may all want to end the sleep.  The one that moves the word from that
value to CLAIMED wins (it has claimed the sleep) and makes the thread runnable; the others
do nothing (inko-2).

The sleeper may not have left its CPU yet.  Under its queue's lock it either
finds CLAIMED, and stays (cz-4: a thread about to sleep whose event is already
there wakes itself), or becomes BLOCKED, and then the winner, under the same lock,
finds it BLOCKED.  A claim is consumed once, so a stale one cannot end a later sleep.

The value CLAIMED names the sleep (it is minus the sequence), so that a waker can tell whether the claim it saw is
still the same one (local_queue.py).  SLEEP_CLAIMED is the claim of a word on which no thread sleeps.

A winner that has a result to write first moves the word to SERVED (`take`): the
thread goes on sleeping, and nobody else can claim it, while the winner (a timer, a
signal, the system server) writes; `hand_over` makes it CLAIMED.  After
`prepare_sleep` only the winner writes the thread's result register.
"""

from ...hot import hot
from ...shm.atomics import compare_exchange, exchange, load_acquire, load_seq_cst, store_relaxed
from ...shm.bits import bits
from .states import SLEEP_TIMED

SLEEP_CLAIMED = -1
SLEEP_SERVED = -2  # claims of threads' sleeps are the numbers below this
SLEEP = bits("reason:8 sequence:*")  # THREAD.sleep, where positive
sleep_reason, sleep_sequence = SLEEP.getters()
pack_sleep = SLEEP.packer()
ANY_REASON = SLEEP.mask("reason")


@hot
def prepare_sleep(t, reason):
    """Declare that the running thread will sleep; returns the word that names this sleep."""
    t.sleep_sequence += 1
    t.sleep_reason = reason_of(reason)
    word = pack_sleep(reason, t.sleep_sequence)
    exchange(t, "sleep", word)  # before the event is looked at again; pairs with the claim
    return word


@hot
def reason_of(word):
    """Why the thread sleeps that has this sleep word: SLEEP_*, without SLEEP_TIMED."""
    return sleep_reason(word) & ~SLEEP_TIMED


@hot
def claimed(word):
    """What a sleep's word becomes when it is claimed."""
    return -(word | ANY_REASON)


@hot
def is_claimed(word):
    return word < SLEEP_SERVED


@hot
def claim(t, word):
    """Try to be the one that ends this sleep; returns whether this actor is."""
    return compare_exchange(t, "sleep", word, claimed(word))


@hot
def take(t, word):
    """As `claim`, but the thread sleeps on, and nobody else can claim it, until `hand_over`."""
    return compare_exchange(t, "sleep", word, SLEEP_SERVED)


@hot
def hand_over(t):
    """The result is written; the sleep is claimed. The caller makes the thread runnable."""
    exchange(t, "sleep", claimed(pack_sleep(0, t.sleep_sequence)))


@hot
def consume_claim(t):
    """Under the queue's lock, or before it is BLOCKED: if the sleep was claimed, the thread is awake from here on."""
    if not is_claimed(load_acquire(t, "sleep")):
        return False
    store_relaxed(t, "sleep", 0)
    return True


@hot
def sleep_word(t):
    """The sleep a thread is in, 0 when it is awake, claimed or served."""
    word = load_seq_cst(t, "sleep")
    return word if word > 0 else 0
