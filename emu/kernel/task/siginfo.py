"""Pending signals: two words of bits, and beside each a queue with what is known of each signal.

A thread and a task have each a word `signals` and a queue of SIGINFO records (signal(7): a task's signals may be
taken by any of its threads).  A standard signal is queued once, with the information of the first; real-time signals
(32 to 64) are all queued, and taken in order, lowest number first.

The bit is the truth for "something waits": it is set whenever the queue has a record of that number, and may be
set without one (no record was free: then it stands for one signal of which nothing is known).  Bit and queue change
together under the task's signal_lock, which guards the queues of the task and of all its threads:

    post                                              take
    lock; append a record; set the bit; unlock        lock; take the first record of the number; clear the bit
    (full fence) look whether somebody sleeps         if no other record has it; unlock

Without the lock around take, a signal that comes between its look for another record and its clearing of the bit stays
in the queue without a bit, and nobody looks there.  A thread about to sleep declares its sleep (full fence), then looks
at the bits without the lock: the poster sees the sleep, or the sleeper the bit (signals.py).
tests/litmus/test_siginfo.py hammers all three, beside controls.

Records come from one pool, and are counted for leaks (rust-12).  A task holds at most its max_siginfos of them
(RLIMIT_SIGPENDING), and the pool has room for that many of every task, so no task can take another's.  A thread's queue
is emptied when it has left its task's list, a task's when it is reaped: nobody can post to them any more.

Each actor has words of its own (CPU.siginfo, "`me`'s words") for the signal that it posts, and for the one that it
took last: the first 48 bytes of Linux's siginfo, which a guest sees, and the thread that sent it.
"""

from ...abi.errno import EAGAIN
from ...abi.signals import SIGRTMIN
from ...hot import hot, never_inline
from ...limits import MAX_CPUS, MAX_SIGINFOS
from ...shm import lockrank
from ...shm.atomics import fetch_and, fetch_or, load_relaxed
from ...shm.layout.signals import SIGINFO
from ...shm.memory import copy_bytes, lowest_bit
from ...shm.spinlock import acquire, field_address, release
from ...shm.tags import TAG_SIGINFO, count_freed, count_made
from ..critical import either
from ..thread.handles import thread_handle

SI_USER, SI_KERNEL, SI_QUEUE, SI_MESGQ, SI_TKILL = 0, 0x80, -1, -3, -6
INFO_BYTES = 48  # of siginfo that mean something; the rest of its 128 is 0
WORDS_BYTES = 56
SIGINFO_BYTES = SIGINFO.size
_SYNCHRONOUS = sum(1 << n - 1 for n in (4, 5, 7, 8, 11, 31))  # SIGILL, TRAP, BUS, FPE, SEGV, SYS: taken first


@hot
def siginfo(m, me, number, code, sender, value):
    """Write what `me` posts next. `sender` is pid | uid << 32."""
    words = m.cpus[me].siginfo
    words[0] = number
    words[1] = code & 0xFFFFFFFF
    words[2] = sender
    words[3] = value
    words[4] = 0
    words[5] = 0
    sent_by_running(m, me)


@hot
def sent_by_running(m, me):
    """Note in `me`'s words that the thread that it runs is the sender; an actor that runs none has no sender."""
    current = m.cpus[me].current if me < MAX_CPUS else -1
    m.cpus[me].siginfo[6] = thread_handle(m, current) if current >= 0 else -1


@hot
def code_of(m, me):
    """si_code of `me`'s words."""
    return ((m.cpus[me].siginfo[1] & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000


@hot
def lock_signals(m, me, k):
    acquire(m, me, field_address(m.tasks[k], "signal_lock"), lockrank.SIGNALS)


@hot
def unlock_signals(m, me, k):
    release(m, me, field_address(m.tasks[k], "signal_lock"))


@hot
def post(m, me, k, pending, number):
    """Add a signal, described by `me`'s words, to a thread or task (`pending`) of task k.

    0, or -EAGAIN for a real-time signal, not sent by kill, where the task's share of records is used up.
    """
    never_inline()
    either(m, me)
    mine = 1 << (number - 1)
    code = code_of(m, me)
    lock_signals(m, me, k)
    if number < SIGRTMIN and load_relaxed(pending, "signals") & mine:
        unlock_signals(m, me, k)
        return 0
    record = _allocate(m, me, k, number < SIGRTMIN and code >= 0)
    if record == 0 and number >= SIGRTMIN and code != SI_USER:
        unlock_signals(m, me, k)
        return -EAGAIN
    if record != 0:
        r = m.siginfos[record - 1]
        copy_bytes(field_address(r, "words"), field_address(m.cpus[me], "siginfo"), WORDS_BYTES)
        _append(m, pending, record)
    fetch_or(pending, "signals", mine)  # after the record, before the sleep is looked at; pairs with prepare_sleep
    unlock_signals(m, me, k)
    return 0


@hot
def take(m, me, k, pending, wanted):
    """Take a signal of `wanted` (a mask) into `me`'s words; its number, 0 when none waits. signal_lock is held."""
    never_inline()
    waiting = load_relaxed(pending, "signals") & wanted
    if waiting == 0:
        return 0
    if waiting & _SYNCHRONOUS:
        waiting &= _SYNCHRONOUS
    number = lowest_bit(waiting) + 1
    siginfo(m, me, number, SI_USER, 0, 0)
    found = False
    more = False
    previous = 0
    record = pending.signal_first
    while record != 0 and not more:
        r = m.siginfos[record - 1]
        following = r.next
        if r.words[0] & 0xFFFFFFFF != number:
            previous = record
        elif found:
            more = True
        else:
            found = True
            copy_bytes(field_address(m.cpus[me], "siginfo"), field_address(r, "words"), WORDS_BYTES)
            _remove(m, me, k, pending, previous, record)
        record = following
    if not more:
        fetch_and(pending, "signals", ~(1 << (number - 1)))
    return number


@hot
def discard(m, me, k, pending, numbers):
    """Forget the signals of a mask that wait for a thread or task of task k."""
    never_inline()
    either(m, me)
    lock_signals(m, me, k)
    previous = 0
    record = pending.signal_first
    while record != 0:
        r = m.siginfos[record - 1]
        following = r.next
        if (numbers >> ((r.words[0] & 0xFFFFFFFF) - 1)) & 1:
            _remove(m, me, k, pending, previous, record)
        else:
            previous = record
        record = following
    fetch_and(pending, "signals", ~numbers)
    unlock_signals(m, me, k)


@hot
def sent_by(m, pending, handle):
    """The numbers of the queued signals that the thread of a handle has sent. signal_lock is held."""
    numbers = 0
    record = pending.signal_first
    while record != 0:
        r = m.siginfos[record - 1]
        if r.words[6] == handle:
            numbers |= 1 << ((r.words[0] & 0xFFFFFFFF) - 1)
        record = r.next
    return numbers


# --- records ----------------------------------------------------------------------------------------


@hot
def _allocate(m, me, k, beyond_limit):
    """A record of the pool, plus 1; 0 when the task's share or the pool is used up. signal_lock is held."""
    task = m.tasks[k]
    if task.nr_siginfos >= task.max_siginfos and not beyond_limit:
        return 0
    lock = field_address(m, "siginfos_lock")
    acquire(m, me, lock, lockrank.SIGINFOS)
    record = m.free_siginfo
    if record != 0:
        m.free_siginfo = m.siginfos[record - 1].next
    elif m.fresh_siginfo < MAX_SIGINFOS:
        m.fresh_siginfo += 1
        record = m.fresh_siginfo
    release(m, me, lock)
    if record != 0:
        task.nr_siginfos += 1
        count_made(m, me, TAG_SIGINFO, SIGINFO_BYTES)
    return record


@hot
def _append(m, pending, record):
    m.siginfos[record - 1].next = 0
    if pending.signal_last != 0:
        m.siginfos[pending.signal_last - 1].next = record
    else:
        pending.signal_first = record
    pending.signal_last = record


@hot
def _remove(m, me, k, pending, previous, record):
    """Unlink the record after `previous` (0: the first) and free it."""
    never_inline()
    following = m.siginfos[record - 1].next
    if previous != 0:
        m.siginfos[previous - 1].next = following
    else:
        pending.signal_first = following
    if pending.signal_last == record:
        pending.signal_last = previous
    m.tasks[k].nr_siginfos -= 1
    count_freed(m, me, TAG_SIGINFO, SIGINFO_BYTES)
    lock = field_address(m, "siginfos_lock")
    acquire(m, me, lock, lockrank.SIGINFOS)
    m.siginfos[record - 1].next = m.free_siginfo
    m.free_siginfo = record
    release(m, me, lock)
