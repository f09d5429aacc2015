"""Mailboxes: each thread has one; every thread of the machine that knows its tid may send, it alone receives (inko-4).

A message is four words and the sender's tid.  `head` and `tail` count messages taken out and put in; message n lies in
page n / 64 mod 32, a guest frame that the sender who comes to it takes, from the `spare` one or anew, and the receiver
gives back when it has left it behind, to be the spare one or free.  Senders take the lock, so messages have one order;
the receiver takes none.

MAILBOX.count is how many wait, and those that were taken since the receiver looked at it last (`taken`): it takes as
many as it saw then (`known`) before it counts them off, at the latest when it gives back a page.  So where messages
wait, its senders' word does not go to and fro between CPUs with each of them.

    sender, under the lock                              receiver
    1  writes the message                               1  declares its sleep: SLEEP_MAIL (full fence)
    2  count += 1 (full fence)                          2  reads count: 0, and it sleeps;
    3  reads the receiver's sleep word                     else it takes its own sleep back, and the message
    then, the lock given back: is it SLEEP_MAIL, claims it; who wins makes the thread runnable at once (inko-2)

No lost wake-up: the receiver's fence comes before the sender's, and the sender reads the sleep word that it may claim;
or after it, and the receiver reads the count.  Without either fence both may read what was before.  Of several senders,
the receiver itself, a time-out and a signal one wins the sleep (thread/sleep_word.py).  The message stays whoever wins.
A receiver that a sender has woken makes its call again, and may find nothing: it had taken that message before, and
slept again when the sender read its sleep word.  Then it sleeps on, until its old deadline.

Always true: messages head to head + known are whole, and the receiver's alone; only who holds the lock touches those
beyond; a page that the receiver frees is taken again only by a sender that has read a count from after that.
The sleep word is read under the lock, when the mailbox is known to be that thread's, and no sleep word comes twice: so
a sender that is late claims nothing of the thread that has the record next.  A thread that leaves closes its mailbox
under the lock; who comes later finds another tid, hence -ESRCH.  A program that a thread executes finds none of the old
messages.

Rejected: senders without a lock (two atomic operations on shared lines instead of one, and a receiver that has to wait
for a sender who stands between them); delivery into registers (the receiver may be ended by a signal meanwhile).
"""

from ...abi.errno import EAGAIN, ENOMEM, EPERM, ESRCH, ETIMEDOUT
from ...abi.registers import A0
from ...hot import hot, never_inline
from ...limits import MAILBOX_MESSAGES, MAILBOX_SLOTS, MAX_THREADS, PAGE_SIZE
from ...shm import lockrank
from ...shm.atomics import exchange, fetch_add, load_acquire, load_relaxed, load_seq_cst, store_relaxed
from ...shm.events import RECEIVE, SEND, emit
from ...shm.layout import frame_address
from ...shm.memory import load_64, prefetch_to_load, prefetch_to_store, store_64
from ...shm.spinlock import acquire, field_address, release
from ...shm.tags import TAG_MESSAGE_PAGE
from ..containers.capabilities import may_reach
from ..critical import noncritical
from ..files.pipe import SLEEPS
from ..sched.waking import make_runnable
from ..sleep.heap import count_stale
from ..sleep.timeout_ring import post_timeout
from ..sleep.until import native_deadline
from ..thread.handles import tid_of
from ..thread.sleep_word import claim, consume_claim, prepare_sleep, reason_of
from ..thread.states import RESTART_WOKEN, SLEEP_MAIL, SLEEP_TIMED
from ..vm.frames import allocate_frame, drop_frame

MESSAGE_BYTES = 64  # five words, and a cache line
PER_PAGE = PAGE_SIZE // MESSAGE_BYTES


@hot
def lock_mailbox(m, me, b):
    acquire(m, me, field_address(b, "lock"), lockrank.MAILBOX)


@hot
def unlock_mailbox(m, me, b):
    release(m, me, field_address(b, "lock"))


@hot
def _slot(n):
    return (n // PER_PAGE) & (MAILBOX_SLOTS - 1)


@hot
def _place(m, b, n):
    """Host address of message n, whose page is there."""
    return frame_address(m, b.slots[_slot(n)] - 1) + (n & (PER_PAGE - 1)) * MESSAGE_BYTES


# --- sending ----------------------------------------------------------------------------------------------------------


@hot
def send_message(m, me, i, tid):
    """Thread i sends the words in its a1 to a4 to a thread: 0, -ESRCH, -ENOMEM, -EAGAIN where too many wait.

    -EPERM: its container may not send there.
    """
    mine = m.tasks[m.threads[i].task].container
    if mine != 0 and not _may_reach(m, mine, tid):
        return -EPERM
    return send_as(m, me, i, tid, tid_of(m, i))


@hot
def _may_reach(m, mine, tid):
    """Whether a container's threads may send to a thread; True also of one that has left, or leaves just now.

    The thread's task is read after a first look at the tid, and `send_as` looks at that again: it is the same thread.
    """
    never_inline()
    n = (tid - 1) & (MAX_THREADS - 1)
    if tid <= 0 or load_acquire(m.mailboxes[n], "tid") != tid:
        return True
    return may_reach(m, mine, m.tasks[m.threads[n].task].container)


@hot
def send_as(m, me, i, tid, sender):
    """send_message in another thread's name."""
    never_inline()
    noncritical(m, me)
    n = (tid - 1) & (MAX_THREADS - 1)
    b = m.mailboxes[n]
    if tid <= 0 or load_relaxed(b, "tid") != tid:
        return -ESRCH
    lock_mailbox(m, me, b)
    error = _put(m, me, i, b, tid, sender)
    word = load_seq_cst(m.threads[n], "sleep")  # after the count; pairs with prepare_sleep in _sleep
    unlock_mailbox(m, me, b)
    if error < 0:
        return error
    emit(m, me, SEND, i, n, load_relaxed(b, "count"))
    if word > 0 and reason_of(word) == SLEEP_MAIL and claim(m.threads[n], word):
        count_stale(m, word)
        make_runnable(m, me, n)
    return 0


@hot
def _put(m, me, i, b, tid, sender):
    """Append a message to the locked mailbox."""
    if load_relaxed(b, "tid") != tid:
        return -ESRCH
    if b.room <= 0:
        b.room = MAILBOX_MESSAGES - _waiting(b)  # below 0 where that is a few too many
        if b.room <= 0:
            return -EAGAIN
    at = b.tail
    if b.slots[_slot(at)] == 0:
        page = exchange(b, "spare", 0) if load_relaxed(b, "spare") != 0 else 0
        if page == 0:
            page = allocate_frame(m, me, TAG_MESSAGE_PAGE) + 1
        if page == 0:
            return -ENOMEM
        b.slots[_slot(at)] = page
    place = _place(m, b, at)
    x = m.threads[i].x
    store_64(place, sender)
    for k in range(1, 5):
        store_64(place + 8 * k, x[A0 + k])
    b.tail = at + 1
    b.room -= 1
    if b.tail & (PER_PAGE - 1) != 0:
        prefetch_to_store(
            place + MESSAGE_BYTES
        )  # the receiver has read there, and the next message is not to wait for it
    fetch_add(b, "count", 1)  # publishes the message; pairs with the load_acquire and the load_seq_cst of the receiver
    return 0


@hot
def waiting_messages(m, tid):
    """How many messages a thread has not received yet, or -ESRCH. No lock is needed."""
    b = m.mailboxes[(tid - 1) & (MAX_THREADS - 1)]
    count = _waiting(b)  # before the look at the tid: it is that thread's
    return count if tid > 0 and load_acquire(b, "tid") == tid else -ESRCH


@hot
def _waiting(b):
    """How many messages wait; at a moment when the receiver counts some off, a few more, never fewer."""
    count = load_acquire(b, "count")  # before `taken`; what it leaves out may be overwritten: pairs with _look
    return count - load_acquire(b, "taken")


# --- receiving --------------------------------------------------------------------------------------------------------


@hot
def receive_message(m, me, i, timeout_ns):
    """Take the running thread's oldest message into its a0 (the sender's tid) and a1 to a4: 0; -EAGAIN; SLEEPS.

    It waits for one that long, for ever if that is negative; a sleep may end with -ETIMEDOUT or -EINTR.
    """
    never_inline()
    noncritical(m, me)
    t, b = m.threads[i], m.mailboxes[i]
    result = 0
    if b.known == 0:
        _look(b)
    if b.known == 0:
        deadline_ns = native_deadline(m, t, timeout_ns)
        if deadline_ns < 0:
            result = -EAGAIN if timeout_ns == 0 else -ETIMEDOUT
        elif not _sleep(m, me, i, b, deadline_ns):
            return SLEEPS
    if t.resume_deadline_ns != 0:  # the senders read this line
        t.resume_deadline_ns = 0
    if result == 0:
        _take(m, me, i, b)
    return result


@hot
def _look(b):
    """Count off what was taken, and see how many messages wait."""
    taken = b.taken
    if taken == 0:
        b.known = load_acquire(b, "count")  # pairs with fetch_add in _put
        return
    store_relaxed(b, "taken", 0)  # before the count, so that nobody counts them off twice; see _waiting
    b.known = fetch_add(b, "count", -taken) - taken  # pairs with fetch_add in _put, and with _waiting


@hot
def _sleep(m, me, i, b, deadline_ns):
    """Declare the sleep of a receiver; True: a message has come in between, and it is awake."""
    never_inline()
    t = m.threads[i]
    t.restart = RESTART_WOKEN
    t.deadline_ns = deadline_ns
    t.resume_deadline_ns = deadline_ns
    timed = SLEEP_TIMED if deadline_ns != 0 else 0
    word = prepare_sleep(t, SLEEP_MAIL | timed)  # before the count is read; pairs with fetch_add in _put
    if load_seq_cst(b, "count") != 0:  # nothing that was taken is in it: _look has been here
        if not claim(t, word):
            return False  # a sender has: this thread finds its claim when it gets to its sleep
        consume_claim(t)
        t.restart = 0
        _look(b)
        return True
    if timed:
        post_timeout(m, me, deadline_ns, False, i, word)
    return False


@hot
def _take(m, me, i, b):
    """Move the first message, which is there, to the registers of the mailbox's thread."""
    x = m.threads[i].x
    at = b.head
    place = _place(m, b, at)
    for k in range(5):
        x[A0 + k] = load_64(place + 8 * k)
    b.head = at + 1
    b.known -= 1
    if b.known != 0 and b.head & (PER_PAGE - 1) != 0:
        prefetch_to_load(place + MESSAGE_BYTES)  # its sender's cache has it
    store_relaxed(b, "taken", b.taken + 1)
    if b.head & (PER_PAGE - 1) == 0:
        page = b.slots[_slot(at)]
        b.slots[_slot(at)] = 0
        page = exchange(b, "spare", page)
        if page != 0:
            drop_frame(m, me, page - 1)
        _look(b)
    emit(m, me, RECEIVE, i, (x[A0] - 1) & (MAX_THREADS - 1), b.known)


# --- the ends of threads and programs ---------------------------------------------------------------------------------


@hot
def close_mailbox(m, me, i):
    """Thread i leaves: nobody sends to it any more, and what it has not received is gone."""
    noncritical(m, me)
    b = m.mailboxes[i]
    lock_mailbox(m, me, b)
    store_relaxed(b, "tid", 0)
    unlock_mailbox(m, me, b)
    if b.tail != 0:
        _empty(m, me, b)


@hot
def clear_mailbox(m, me, i):
    """Thread i, which does not run, begins another program: what it has not received is gone."""
    noncritical(m, me)
    b = m.mailboxes[i]
    lock_mailbox(m, me, b)
    _empty(m, me, b)
    unlock_mailbox(m, me, b)


@hot
def _empty(m, me, b):
    """Forget all messages of a mailbox, into which nobody puts any meanwhile."""
    never_inline()
    for s in range(MAILBOX_SLOTS):
        if b.slots[s] != 0:
            drop_frame(m, me, b.slots[s] - 1)
            b.slots[s] = 0
    if b.spare != 0:
        drop_frame(m, me, b.spare - 1)
        b.spare = 0
    b.head = 0
    b.known = 0
    b.taken = 0
    b.tail = 0
    b.room = 0
    store_relaxed(b, "count", 0)


assert MAILBOX_MESSAGES + PER_PAGE <= MAILBOX_SLOTS * PER_PAGE, "the last page is never the first one's"
