"""The rendezvous of IPC: a thread that sends and one that receives meet, and the message goes from one to the other.

No message is kept by the kernel: whoever comes first sleeps, and who comes second moves the message (transfer.py).

    sleep                where it sleeps                     who may take the sleep
    SLEEP_SEND           in the receiver's `senders`         the receiver; time, signals
    SLEEP_RECEIVE        nowhere: it takes anybody's         any sender; time, signals
    SLEEP_RECEIVE_FROM   in `callers` of the one it names    that one when it sends; time, signals
    SLEEP_JOIN           in `callers` of the one it names    that one when it leaves; signals

Always true, while the queue's lock is free: a thread is in a queue exactly when its sleep has not been taken, as for
all wait queues (sleep/waitqueue.py).  Senders wait in the order in which they came, not by priority.

They never miss each other.  Receiver and sender both decide to sleep under the lock of the receiver's `senders`:

    receiver   1 locks, looks for a sender             sender   1 locks, looks whether the receiver waits for it
               2 declares its sleep, unlocks                    2 joins the queue, declares its sleep, unlocks

so the second one finds the first.  (The sender's look before it locks is for speed alone.)  A receiver that names its
sender holds the lock of that one's `callers` besides: nobody may end in between without telling it.

Both ends may leave at any time: who waits for a thread that leaves is told, with -ESRCH (ending.py).  A thread record
is used again under another generation, which a tid contains.

Who has taken a sleep is the only one that writes that thread's registers, until it hands the sleep over; that thread
can neither die nor be interrupted meanwhile.  So a message is given whole, or not at all.

A fault's message (pager.py) is no answer to anything: only who receives from anybody gets it.

A sender that also waits for the answer of the one it sends to is, in the very step in which its message is taken, moved
into that one's queue of callers (`_wait_for_answer`): a server may answer without waiting for it (`reply`).
"""

from ...abi.errno import EAGAIN, EDEADLK, EFAULT, EMSGSIZE, EPERM, ESRCH
from ...hot import hot, never_inline
from ...limits import KERNEL_THREADS, MAX_THREADS
from ...shm import lockrank
from ...shm.atomics import fence, load_relaxed, load_seq_cst
from ...shm.memory import address_of
from ...shm.spinlock import acquire, field_address, release
from ..critical import critical, noncritical
from ..sleep.endings import finish, interrupt_sleep
from ..sleep.heap import count_stale
from ..sleep.timeout_ring import post_timeout
from ..sleep.waitqueue import join_locked, lock_waiters, remove_waiter, unlock_waiters
from ..thread.handles import tid_of
from ..thread.leaving import must_come
from ..thread.pending import signal_waits
from ..thread.sleep_word import prepare_sleep, reason_of, take
from ..thread.states import (
    RESTART_WOKEN,
    SLEEP_RECEIVE,
    SLEEP_RECEIVE_FROM,
    SLEEP_SEND,
    SLEEP_TIMED,
)
from .accepting import may_send
from .transfer import accepts, gather, give_message, note_sent, scatter

ANYBODY, NOBODY = -1, 0  # in place of a tid
SENT, AGAIN = 1, 2  # THREAD.sleep_done: the message is sent; the call is made again, until THREAD.resume_deadline_ns
TAKEN, ASLEEP, NOT_THERE = 1, 2, 3  # results beside errors
FIRST_KERNEL_THREAD = MAX_THREADS - KERNEL_THREADS  # those from here on make no calls


@hot
def lock_senders(m, me, t):
    acquire(m, me, field_address(t.senders, "lock"), lockrank.SENDERS)


@hot
def unlock_senders(m, me, t):
    release(m, me, field_address(t.senders, "lock"))


@hot
def index_in(tid):
    """The index of the thread that a tid would name."""
    return (tid - 1) & (MAX_THREADS - 1)


@hot
def is_thread(m, n, tid):
    """Whether this is the tid of a guest's thread that has not left; it does not while one of its queues is locked."""
    return n < FIRST_KERNEL_THREAD and load_seq_cst(m.threads[n], "is_listed") != 0 and tid_of(m, n) == tid


# --- sending ----------------------------------------------------------------------------------------------------------


@hot
def send(m, me, i, to, waits, deadline_ns):
    """The running thread i sends to the thread with a tid: TAKEN, ASLEEP or an error.

    TAKEN: the receiver has the message, and CPU.heir is its index: its sleep is taken, and the caller hands it over.
    -EAGAIN: the receiver does not wait for it, and it does not wait either (waits 0).  deadline_ns 0: for ever.
    """
    noncritical(m, me)
    t = m.threads[i]
    flags = t.ipc_flags
    r = index_in(to)
    if to <= 0 or r == i:
        return -EDEADLK if to > 0 and tid_of(m, i) == to else -ESRCH
    size = gather(m, me, i)
    if size < 0:
        return size
    while True:
        found = _take_receiver(m, me, i, r, to, flags)
        if found < 0:
            return found
        if found == TAKEN:
            if scatter(m, me, r, flags, size):
                give_message(m, me, i, r, size)
                m.cpus[me].heir = r
                return TAKEN
            m.cpus[me].missing = 0  # it is for the receiver to fetch
            _make_again(m, me, r)
            continue
        found = _join_senders(m, me, i, r, to, waits, deadline_ns)
        if found != NOT_THERE:
            return found


@hot
def _waits_for(m, r, i):
    """The sleep of thread r if it waits for a message of thread i's, else 0."""
    t = m.threads[r]
    word = load_seq_cst(t, "sleep")
    if word <= 0:
        return 0
    reason = reason_of(word)
    if reason == SLEEP_RECEIVE_FROM and t.partner == i + 1 and m.threads[i].faulting == 0:
        return word
    return word if reason == SLEEP_RECEIVE else 0


@hot
def _take_receiver(m, me, i, r, to, flags):
    """Take thread r's sleep if it waits for a message of thread i's: TAKEN, NOT_THERE, -EMSGSIZE, -EPERM or -ESRCH."""
    t, receiver = m.threads[i], m.threads[r]
    word = _waits_for(m, r, i)
    if word == 0:
        return NOT_THERE
    if tid_of(m, r) != to:
        return -ESRCH
    error = 0 if accepts(receiver, flags) else -EMSGSIZE
    if not may_send(m, i, r):
        error = -EPERM
    if error < 0:
        fence()  # what was read belongs to this sleep if it is still the same
        return error if load_seq_cst(receiver, "sleep") == word else NOT_THERE
    if reason_of(word) == SLEEP_RECEIVE:
        won = take(receiver, word)
    else:
        lock_waiters(m, me, t.callers)
        won = load_relaxed(receiver, "wait_queue") == address_of(t.callers) and take(receiver, word)
        if won:
            remove_waiter(m, me, r, t.callers)
        unlock_waiters(m, me, t.callers)
    if not won:
        return NOT_THERE
    count_stale(m, word)
    return TAKEN


@hot
def _join_senders(m, me, i, r, to, waits, deadline_ns):
    """Sleep in the queue of senders of thread r: ASLEEP; NOT_THERE when it waits for i by now; an error."""
    never_inline()
    t, receiver = m.threads[i], m.threads[r]
    word = 0
    lock_senders(m, me, receiver)
    if not is_thread(m, r, to):
        found = -ESRCH
    elif not may_send(m, i, r):
        found = -EPERM
    elif _waits_for(m, r, i) != 0:
        found = NOT_THERE
    elif not waits:
        found = -EAGAIN
    else:
        found = ASLEEP
        t.partner = r + 1
        note_sent(t, 0)
        word = sleep_in(m, me, i, receiver.senders, SLEEP_SEND, deadline_ns)
    unlock_senders(m, me, receiver)
    if word != 0 and deadline_ns != 0:
        post_timeout(m, me, deadline_ns, False, i, word)
    return found


@hot
def sleep_in(m, me, i, q, reason, deadline_ns):
    """Thread i, which runs or whose sleep this actor has taken, sleeps in the locked queue q; the sleep's word."""
    critical(m, me)
    m.threads[i].deadline_ns = deadline_ns
    return join_locked(m, me, i, q, reason | (SLEEP_TIMED if deadline_ns != 0 else 0))


# --- receiving --------------------------------------------------------------------------------------------------------


@hot
def receive(m, me, i, source, waits, deadline_ns):
    """The running thread i receives from the thread with a tid, or from ANYBODY: TAKEN, ASLEEP or an error.

    TAKEN: its registers have the message.  -EAGAIN: nobody sends, and it does not wait (waits 0).
    """
    noncritical(m, me)
    t = m.threads[i]
    x = index_in(source)
    note_sent(t, t.sleep_done & SENT)
    if source != ANYBODY and (source <= 0 or x == i):
        return -EDEADLK if source > 0 and tid_of(m, i) == source else -ESRCH
    while True:
        lock_senders(m, me, t)
        s = t.senders.head - 1
        if source != ANYBODY and s >= 0:
            s = x if _sends_to(m, x, i, source) else -1
        if s >= 0:
            take_out(m, me, s, t.senders)
            unlock_senders(m, me, t)
            found = _take_message(m, me, i, s)
            if found != NOT_THERE:
                return found
            continue
        if not waits:
            unlock_senders(m, me, t)
            return -EAGAIN
        return _sleep_to_receive(m, me, i, source, x, deadline_ns)


@hot
def _sends_to(m, s, i, tid):
    """Whether the thread with this tid is in the locked queue of senders of thread i."""
    sender = m.threads[s]
    if load_relaxed(sender, "wait_queue") != address_of(m.threads[i].senders) or sender.faulting != 0:
        return False
    return tid_of(m, s) == tid


@hot
def _sleep_to_receive(m, me, i, source, x, deadline_ns):
    """Sleep until somebody sends; the queue of senders is locked on entry and not on return. ASLEEP or -ESRCH."""
    t = m.threads[i]
    critical(m, me)
    word = 0
    if source == ANYBODY:
        t.deadline_ns = deadline_ns
        word = prepare_sleep(t, SLEEP_RECEIVE | (SLEEP_TIMED if deadline_ns != 0 else 0))
    else:
        named = m.threads[x]
        lock_waiters(m, me, named.callers)
        if is_thread(m, x, source):
            t.partner = x + 1
            word = sleep_in(m, me, i, named.callers, SLEEP_RECEIVE_FROM, deadline_ns)
        unlock_waiters(m, me, named.callers)
    unlock_senders(m, me, t)
    if word == 0:
        return -ESRCH
    if deadline_ns != 0:
        post_timeout(m, me, deadline_ns, False, i, word)
    return ASLEEP


@hot
def take_out(m, me, s, q):
    """Take the sleep of a thread in the locked queue q, and the thread out of it."""
    critical(m, me)
    sleeper = m.threads[s]
    word = load_relaxed(sleeper, "sleep")
    remove_waiter(m, me, s, q)
    take(sleeper, word)  # nobody else can: it was in the list
    count_stale(m, word)


@hot
def _take_message(m, me, i, s):
    """Receive from thread s, whose sleep is taken: TAKEN; NOT_THERE where that cannot be; -EFAULT: i cannot."""
    never_inline()
    t, sender = m.threads[i], m.threads[s]
    flags = sender.ipc_flags
    if not accepts(t, flags):
        finish(m, me, s, -EMSGSIZE)
        return NOT_THERE
    size = gather(m, me, s)
    if size < 0:
        if m.cpus[me].missing != 0:
            _make_again(m, me, s)
        else:
            finish(m, me, s, size)
        m.cpus[me].missing = 0
        return NOT_THERE
    if not scatter(m, me, i, flags, size):
        _make_again(m, me, s)
        return -EFAULT
    give_message(m, me, s, i, size)
    sender.sleep_done |= SENT
    note_sent(sender, 1)
    wanted = sender.ipc_from
    if wanted == NOBODY:
        finish(m, me, s, 0)
    elif wanted == tid_of(m, i):
        _wait_for_answer(m, me, i, s, sender.deadline_ns)
    else:
        _make_again(m, me, s)  # its message is sent, and it receives
    return TAKEN


@hot
def _wait_for_answer(m, me, i, s, deadline_ns):
    """Thread s, whose message i has just taken, sleeps on until i answers."""
    t, sender = m.threads[i], m.threads[s]
    lock_waiters(m, me, t.callers)
    sender.partner = i + 1
    word = sleep_in(m, me, s, t.callers, SLEEP_RECEIVE_FROM, deadline_ns)
    unlock_waiters(m, me, t.callers)
    if deadline_ns != 0:
        post_timeout(m, me, deadline_ns, False, s, word)
    # Who wanted to interrupt it while its sleep was taken could not: pairs with the fetch_or in siginfo.post.
    if must_come(m, s) or signal_waits(m, sender) or load_seq_cst(sender, "suspend") != 0:
        interrupt_sleep(m, me, s)


@hot
def _make_again(m, me, i):
    """Thread i, whose sleep is taken, makes its call again: it goes on where it was, until the same deadline."""
    never_inline()
    t = m.threads[i]
    t.sleep_done |= AGAIN
    t.resume_deadline_ns = t.deadline_ns
    t.restart = RESTART_WOKEN
    finish(m, me, i, 0)
