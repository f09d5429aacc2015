"""An upcall for a thread that is inside the kernel and awake: it leaves its context and goes on as the upcall (kse-12).

An owner that is about to sleep needs another thread for its upcall.  A thread of its group that has been woken inside,
and would leave its context and exit, is the cheapest: it waits for a CPU already.  THREAD.offer says whether it takes
one:

    0        it does not
    below 0  it does: minus the number of the sleep from which it was woken, so that no two stays have the same word
    above 0  it was given upcall `offer` - 1

    owner, about to sleep (give)                       thread inside
                                                       0  whoever has ended its sleep opens the word (open_offer)
    1  reads the word: it is open                      3  at the border, before it sleeps again and before it exits, it
    2  the word: open to upcall, by compare-and-swap      closes the word: open to 0, by compare-and-swap (close_offer)
    4  names the other as the upcall's owner           5  where that fails it was given an upcall: it waits until it is
                                                          named, notes that it owns it, and stores 0

No upcall is given to a thread that does not notice: 2 and 3 change one word, and one of them comes first.  What the
owner has found of the other thread between 1 and 2 (its group, its importance) holds for the whole stay, and the word
of another stay is another one.  Whoever is named as the owner has the upcall in `upcall` or in `offer`, since 2 is
before 4, and 5 stores the former before it clears the latter; the owner before it forgets the upcall after 4.
"""

from ...hot import hot, never_inline
from ...shm.atomics import compare_exchange, load_relaxed, load_seq_cst, pause, store_relaxed, store_release
from .records import KSE_ENDOWED, KSE_INSIDE, KSE_MEMBER, count_inside


@hot
def open_offer(m, i):
    """Thread i, whose sleep the caller has ended, is about to wait for a CPU."""
    t = m.threads[i]
    count_inside(m, t, 1)
    if t.kse == KSE_MEMBER | KSE_INSIDE:
        store_release(t, "offer", -t.sleep_sequence)
        store_relaxed(m.groups[t.kse_group - 1], "woken", i + 1)


@hot
def read_offer(t):
    """The word, for `give`; 0 or above where the thread takes no upcall."""
    return load_seq_cst(t, "offer")


@hot
def give(m, i, n, offer):
    """Give the upcall of thread i, which runs, to thread n, whose word was `offer`; False where that has changed."""
    u = m.threads[i].upcall - 1
    if not compare_exchange(m.threads[n], "offer", offer, u + 1):
        return False
    store_release(m.upcalls[u], "owner", n + 1)
    return True


@hot
def close_offer(m, i):
    """Thread i, which runs, takes no more upcalls, and owns the one that it was given."""
    t = m.threads[i]
    offer = load_seq_cst(t, "offer")
    if offer != 0 and (offer > 0 or not compare_exchange(t, "offer", offer, 0)):
        _accept(m, i)


@hot
def _accept(m, i):
    never_inline()
    t = m.threads[i]
    u = load_seq_cst(t, "offer") - 1
    while load_seq_cst(m.upcalls[u], "owner") != i + 1 and load_relaxed(m, "failed") == 0:
        pause()  # who gives it is about to
    t.upcall = u + 1
    t.patience = -1
    t.kse = KSE_ENDOWED
    store_release(t, "offer", 0)
