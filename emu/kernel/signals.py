"""Signals: posting them, and whether one waits. Delivery is the system server's.

Pending signals are bits of two words, the thread's and its task's.  Poster: sets
the bit (full fence), then looks whether a thread sleeps.  Sleeper: declares its
sleep (full fence), then looks for signals and wakes itself (cz-4).  One sees the other.
"""

from ..hot import entry, hot, never_inline
from ..limits import NUM_SIGNALS
from ..shm.atomics import fetch_and, fetch_or, load_relaxed, load_seq_cst
from ..shm.layout import machine_at
from .sleeping import interrupt_sleep
from .task import nudge
from .thread import lock_task, unlock_task

SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL = range(1, 10)
SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM = range(10, 16)
SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG = range(17, 24)
SIGWINCH = 28


def bit(number):
    """A signal's bit in a mask."""
    value = 1 << (number - 1)
    return value - (1 << 64) if value >> 63 else value


UNBLOCKABLE = bit(SIGKILL) | bit(SIGSTOP)
# Ignored unless handled.  Stopping a task is not supported, so the stop signals are here too.
IGNORED_BY_DEFAULT = (
    bit(SIGCHLD) | bit(SIGCONT) | bit(SIGURG) | bit(SIGWINCH)
    | bit(SIGSTOP) | bit(SIGTSTP) | bit(SIGTTIN) | bit(SIGTTOU)
)  # fmt: skip


@hot
def is_ignored(m, task, number):
    t = m.tasks[task]
    bit_ = 1 << (number - 1)
    if load_relaxed(t, "ignored") & bit_:
        return True
    return IGNORED_BY_DEFAULT & bit_ != 0 and load_relaxed(t, "handled") & bit_ == 0


@hot
def signal_waits(m, t):
    """True when a signal that the thread does not block is pending."""
    pending = load_seq_cst(t, "signals") | load_seq_cst(m.tasks[t.task], "signals")
    return pending & ~t.signal_mask != 0


@hot
def signal_thread(m, me, i, number):
    """Post a signal to one thread."""
    never_inline()
    t = m.threads[i]
    if is_ignored(m, t.task, number):
        return
    fetch_or(t, "signals", 1 << (number - 1))  # pairs with prepare_sleep
    if t.signal_mask & (1 << (number - 1)) == 0:
        interrupt_sleep(m, me, i, False)
        nudge(m, me, i)


@hot
def signal_task(m, me, k, number):
    """Post a signal to a task: the first thread that does not block it will take it."""
    never_inline()
    if is_ignored(m, k, number):
        return
    fetch_or(m.tasks[k], "signals", 1 << (number - 1))
    lock_task(m, me, k)
    i = m.tasks[k].first_thread
    while i >= 0:
        t = m.threads[i]
        if t.signal_mask & (1 << (number - 1)) == 0:
            interrupt_sleep(m, me, i, False)
            nudge(m, me, i)
            break
        i = t.sibling_next
    unlock_task(m, me, k)


@entry(2)
def waits_for_thread(address, i):
    """Cold form of signal_waits, also 1 when the task is ending or the thread shall stop."""
    m = machine_at(address)
    t = m.threads[i]
    if signal_waits(m, t) or load_seq_cst(m.tasks[t.task], "exiting") != 0 or load_seq_cst(t, "suspend") != 0:
        return 1
    return 0


@entry(4)
def post_signal(address, me, i, number):
    """Cold form of signal_thread."""
    signal_thread(machine_at(address), me, i, number)
    return 0


@entry(3)
def take_signal(address, me, i):
    """Take one signal that thread i does not block, the thread's own first; its number or 0."""
    m = machine_at(address)
    t = m.threads[i]
    k = m.tasks[t.task]
    pending = load_seq_cst(t, "signals") & ~t.signal_mask
    for number in range(1, NUM_SIGNALS + 1):
        if (pending >> (number - 1)) & 1:
            fetch_and(t, "signals", ~(1 << (number - 1)))
            return number
    pending = load_seq_cst(k, "signals") & ~t.signal_mask
    for number in range(1, NUM_SIGNALS + 1):
        mine = 1 << (number - 1)
        if pending & mine and fetch_and(k, "signals", ~mine) & mine:
            return number
    return 0
