"""Signals: posting them, who takes them, whether one waits. Delivery is the server's (server/signal_frames.py).

What is pending is kept by siginfo.py: bits, and queues of what is known of each signal.

No signal is missed.  Poster: sets the bit (full fence), then looks whether a thread sleeps that takes it.  Sleeper:
declares its sleep (full fence), then looks for signals and wakes itself (cz-4).  One sees the other.

Any thread that does not block a task's signal may take it, and the poster interrupts one: the first thread if that
takes it (Linux prefers it too), else another.  This thread may begin to block the signal, or leave.  So a thread that
does either stores its mask (leaves the list), then (full fence, the task's lock) looks at the task's bits, and
interrupts another thread.  The poster sets the bit, then looks at masks and list.  One sees the other.

SIGKILL is no signal that a thread takes: it ends the task at once, as the supervisor does, since it also ends what no
signal interrupts: a thread that is suspended, that waits for a vforked child, or for its file server.

A flood of signals does not stop a program: what a handler interrupted executes a block of instructions before it
takes the next signal (THREAD.undisturbed; server/signal_frames.py).
"""

from ...abi.signals import SIGCHLD, SIGCONT, SIGKILL, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH, bit
from ...hot import entry, hot, never_inline
from ...shm.atomics import fence, load_relaxed, load_seq_cst, store_relaxed
from ...shm.layout import machine_at
from ..critical import either
from ..sleep.endings import interrupt_sleep
from ..thread.handles import thread_handle, thread_index
from ..thread.leaving import must_come
from ..thread.pending import signal_waits, taken_by
from ..thread.records import lock_task, unlock_task
from ..thread.states import TASK_STOPPED
from .kill_reasons import KILL_SIGNAL
from .records import end_task, nudge
from .siginfo import SI_MESGQ, discard, lock_signals, post, sent_by, siginfo, take, unlock_signals
from .stopping import continue_task

UNBLOCKABLE = bit(SIGKILL) | bit(SIGSTOP)
IGNORED_BY_DEFAULT = bit(SIGCHLD) | bit(SIGCONT) | bit(SIGURG) | bit(SIGWINCH)  # unless handled
GOES_ON = bit(SIGCONT)
STOPS_BY_DEFAULT = bit(SIGSTOP) | bit(SIGTSTP) | bit(SIGTTIN) | bit(SIGTTOU)


@hot
def is_ignored(m, task, number):
    t = m.tasks[task]
    bit_ = 1 << (number - 1)
    if load_relaxed(t, "ignored") & bit_:
        return True
    return IGNORED_BY_DEFAULT & bit_ != 0 and load_relaxed(t, "handled") & bit_ == 0


@hot
def _undone_by(number):
    """The signals that a signal takes back where they are pending."""
    if number == SIGCONT:
        return STOPS_BY_DEFAULT
    return GOES_ON if STOPS_BY_DEFAULT & (1 << (number - 1)) else 0


@hot
def begin_signal(m, me, k, number):
    """What a signal does to a task at once, even where it is blocked or ignored. No lock of the task is held.

    SIGCONT lets a stopped task go on, and takes back signals that stop; those take it back.
    """
    undone = _undone_by(number)
    if undone != 0 and load_relaxed(m.tasks[k], "signals") & undone:
        discard(m, me, k, m.tasks[k], undone)
    if number == SIGCONT and load_relaxed(m.tasks[k], "stopped") & TASK_STOPPED:
        continue_task(m, me, k)


@hot
def signal_thread(m, me, i, number):
    """Post the signal that `me`'s words describe to a thread that cannot leave meanwhile; 0 or -EAGAIN.

    It is not SIGKILL.  The caller has called `begin_signal`, or sends none that lets tasks stop or go on.
    """
    never_inline()
    either(m, me)
    t = m.threads[i]
    mine = 1 << (number - 1)
    if load_relaxed(t, "signals") & _undone_by(number):
        discard(m, me, t.task, t, _undone_by(number))
    if is_ignored(m, t.task, number) and load_relaxed(t, "signal_mask") & mine == 0:
        return 0  # a blocked signal stays pending, since its action may change
    error = post(m, me, t.task, t, number)
    if error == 0:
        _interrupt(m, me, i, mine)
    return error


@hot
def signal_task(m, me, k, number):
    """Post the signal that `me`'s words describe to a task that cannot end meanwhile; 0 or -EAGAIN."""
    never_inline()
    either(m, me)
    if number == SIGKILL:
        end_task(m, me, k, SIGKILL, KILL_SIGNAL)
        return 0
    mine = 1 << (number - 1)
    begin_signal(m, me, k, number)
    leader = thread_index(m, m.tasks[k].leader)
    is_blocked = leader >= 0 and load_relaxed(m.threads[leader], "signal_mask") & mine != 0
    if is_ignored(m, k, number) and not is_blocked:
        return 0
    error = post(m, me, k, m.tasks[k], number)
    if error == 0:
        interrupt_takers(m, me, k, mine, -1)
    return error


@hot
def _interrupt(m, me, i, numbers):
    """Interrupt a thread if it takes any of these signals; returns those that it does not take."""
    taken = numbers & taken_by(m.threads[i])
    if taken != 0:
        interrupt_sleep(m, me, i)
        nudge(m, me, i)
    return numbers & ~taken


@hot
def interrupt_takers(m, me, k, numbers, but):
    """For each of these signals of a task, interrupt a thread that takes it; not thread `but`."""
    never_inline()
    either(m, me)
    lock_task(m, me, k)
    left = numbers
    i = thread_index(m, m.tasks[k].leader)
    if i >= 0 and i != but and m.threads[i].is_listed != 0:
        left = _interrupt(m, me, i, left)
    i = m.tasks[k].first_thread
    while i >= 0 and left != 0:
        if i != but:
            left = _interrupt(m, me, i, left)
        i = m.threads[i].sibling_next
    unlock_task(m, me, k)


@hot
def set_mask(m, me, i, mask):
    """Have a thread block these signals from now on: the caller's own, or one that does not run meanwhile."""
    never_inline()
    t = m.threads[i]
    mask &= ~UNBLOCKABLE
    newly_blocked = mask & ~t.signal_mask
    store_relaxed(t, "signal_mask", mask)
    if newly_blocked != 0:
        fence()  # the mask before the task's bits; pairs with fetch_or in post
        _hand_on(m, me, i, newly_blocked)


@hot
def _hand_on(m, me, i, numbers):
    """Thread i will not take these signals: where one waits for the task, interrupt another thread."""
    k = m.threads[i].task
    left = load_seq_cst(m.tasks[k], "signals") & numbers
    if left != 0:
        interrupt_takers(m, me, k, left, i)


@hot
def leave_signals(m, me, i):
    """Thread i has left its task's list: forget its own signals, and let others take those of the task."""
    never_inline()
    t = m.threads[i]
    discard(m, me, t.task, t, -1)
    _hand_on(m, me, i, taken_by(t))


# --- for the system server --------------------------------------------------------------------------


@entry(2)
def waits_for_thread(address, i):
    """Cold form of signal_waits, also 1 when the task is ending, the thread shall stop, or its call be interrupted."""
    m = machine_at(address)
    t = m.threads[i]
    if signal_waits(m, t) or must_come(m, i) or (load_seq_cst(t, "suspend") | load_seq_cst(t, "kse_interrupt")) != 0:
        return 1
    return 0


@entry(6)
def post_signal(address, me, i, number, code, sender):
    """Cold form of signal_thread, for a thread that the server serves."""
    m = machine_at(address)
    siginfo(m, me, number, code, sender, 0)
    return signal_thread(m, me, i, number)


@entry(6)
def post_to_task(address, me, k, number, code, sender):
    """Cold form of signal_task."""
    m = machine_at(address)
    siginfo(m, me, number, code, sender, 0)
    return signal_task(m, me, k, number)


@entry(6)
def post_message_signal(address, me, k, number, sender, value):
    """Tell a task of a message that has come (mq_notify)."""
    m = machine_at(address)
    siginfo(m, me, number, SI_MESGQ, sender, value)
    return signal_task(m, me, k, number)


@entry(4)
def take_signal(address, me, i, numbers):
    """Take one of these signals (a mask), thread i's own first, into `me`'s words; its number or 0."""
    m = machine_at(address)
    t = m.threads[i]
    lock_signals(m, me, t.task)
    number = take(m, me, t.task, t, numbers)
    if number == 0:
        number = take(m, me, t.task, m.tasks[t.task], numbers)
    unlock_signals(m, me, t.task)
    return number


@entry(3)
def own_signals(address, me, i):
    """The signals that thread i has sent to itself or its task, and that are pending."""
    m = machine_at(address)
    t = m.threads[i]
    handle = thread_handle(m, i)
    lock_signals(m, me, t.task)
    numbers = sent_by(m, t, handle) | sent_by(m, m.tasks[t.task], handle)
    unlock_signals(m, me, t.task)
    return numbers


@entry(4)
def set_thread_mask(address, me, i, mask):
    """Cold form of set_mask, for a thread that the server serves."""
    set_mask(machine_at(address), me, i, mask)
    return 0


@entry(4)
def discard_from_all(address, me, k, numbers):
    """Forget these signals wherever they wait in a task: they are ignored from now on."""
    m = machine_at(address)
    discard(m, me, k, m.tasks[k], numbers)
    lock_task(m, me, k)
    i = m.tasks[k].first_thread
    while i >= 0:
        discard(m, me, k, m.threads[i], numbers)
        i = m.threads[i].sibling_next
    unlock_task(m, me, k)
    return 0
