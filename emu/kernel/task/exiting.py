"""How a thread leaves: it clears and wakes its tid word, is unregistered and reaped (rust-2; thread/reaping.py)."""

from ...abi.errno import ESRCH
from ...abi.futex import OWNER_DIED, TID_MASK, WAITERS
from ...hot import hot, never_inline
from ...limits import IPI_CALL, SERVER
from ...shm.atomics import compare_exchange, exchange, load_seq_cst
from ..critical import noncritical
from ..files.descriptions import forget_closed, let_go
from ..groups.records import give_up_upcall
from ..ipc.ending import end_endpoint
from ..ipc.mailbox import close_mailbox
from ..ipc.utcb import drop_utcb
from ..ipi import send_ipi
from ..sched.core import leave
from ..sched.exclusive import end_exclusive
from ..sched.regrouping import quit_group
from ..sched.upcall import before_exit
from ..sleep.endings import interrupt_sleep
from ..sleep.futex import MATCH_ANY, clear_and_wake, wake_on
from ..sleep.mutex import release_mutexes
from ..sleep.pi_futex import release_pi
from ..thread.handles import tid_of
from ..thread.reaping import no_references_held, reap_thread
from ..thread.records import give_thread_back, lock_task, quit_task, unlock_task
from ..thread.references import kill_references, release_task
from ..vm.usercopy import exchange_int32, get_word, load_int32
from .booking import book
from .helpers import leave_to_helpers
from .kill_reasons import KILL_EXITED
from .reaping import give_all_up, tell_end
from .records import end_task, exit_code, nudge
from .signals import leave_signals
from .suspend import NO_MORE, tell_suspender

PI_BIT = 1  # of a link of the robust list: the mutex inherits priorities
ROBUST_LIMIT = 2048  # Linux's limit too, since a guest's list may be a circle


@hot
def exit_thread(m, me, i, status):
    """The running thread leaves. Its scheduler has the record afterwards; the caller holds no reference (alux-10)."""
    never_inline()
    t = m.threads[i]
    k = t.task
    noncritical(m, me)
    no_references_held(m, me)
    if t.kse != 0:
        before_exit(m, me, i)
        if give_up_upcall(m, me, i):
            shut_group_down(m, me, i)
    end_exclusive(m, me, i)
    tell_suspender(m, me, i, -ESRCH, NO_MORE)
    let_go(m, me, i)
    if t.mutexes != 0:
        release_mutexes(m, me, i)
    give_thread_back(m, me, i)  # before anybody is told that it has left, who may then make another
    close_mailbox(m, me, i)
    leave_memory(m, me, i)
    if t.utcb != 0:
        drop_utcb(m, me, i)
    if m.tasks[k].nr_helpers != 0 and t.helps == 0:
        leave_to_helpers(m, me, i, status)
    left = quit_task(m, me, i)
    end_endpoint(m, me, i, status & 0xFF)
    if left > 0 and m.tasks[k].nr_helpers == left:  # it was the last, and there was no helper when it began to leave
        end_task(m, me, k, exit_code(status), KILL_EXITED)
    forget_closed(m, me, i)
    leave_signals(m, me, i)
    if load_seq_cst(m.tasks[k], "survivor") != 0:
        send_ipi(m, me, SERVER, IPI_CALL)  # it counts who is left; pairs with the lock in execute.py
    if left == 0:  # where nobody ended the task, the last thread's status is its status
        if compare_exchange(m.tasks[k], "exiting", 0, exit_code(status) + 1):
            m.tasks[k].kill_reason = KILL_EXITED
        kill_references(m, me, k)
        give_all_up(m, me, k)
    leave(m, me, i)
    if t.kse != 0:
        quit_group(m, me, i)  # after its last hook
    book(m, i, m.tasks[k].job)
    m.cpus[me].exited += 1
    reap_thread(m, me, i)
    release_task(m, me, k)  # the last reference sends the task to the garbage thread
    if left == 0:
        tell_end(m, me, k)


@hot
def shut_group_down(m, me, i):
    """The group of thread i has no upcall any more: its threads are told to end (kse-4)."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    lock_task(m, me, t.task)
    n = m.tasks[t.task].first_thread
    while n >= 0:
        if n != i and m.threads[n].kse_group == t.kse_group:
            exchange(m.threads[n], "told_to_end", 1)  # before its sleep is looked at; pairs with prepare_sleep
            interrupt_sleep(m, me, n)
            nudge(m, me, n)
        n = m.threads[n].sibling_next
    unlock_task(m, me, t.task)


@hot
def leave_memory(m, me, i):
    """Do what a thread has promised for the moment when it leaves its memory: its mutexes, its cleared tid."""
    t = m.threads[i]
    if t.robust_list != 0:
        _release_robust(m, me, i)
    release_pi(m, me, i)
    if t.clear_child_tid != 0:
        clear_and_wake(m, me, t.task, t.clear_child_tid)
    t.robust_list = 0
    t.clear_child_tid = 0


@hot
def _release_robust(m, me, i):
    """Mark the robust mutexes that a dying thread holds, and wake one waiter of each."""
    t = m.threads[i]
    head = t.robust_list
    error, offset = get_word(m, me, t.task, head + 8)
    if error == 0:
        error, pending = get_word(m, me, t.task, head + 16)
    if error < 0 or head & 7:
        return
    node = head
    for _ in range(ROBUST_LIMIT):
        error, node = get_word(m, me, t.task, node)
        is_pi = node & PI_BIT
        node &= ~PI_BIT
        if error < 0 or node == head or node & 7:
            break
        if node != pending & ~PI_BIT:
            _release_one(m, me, i, node + offset, is_pi, False)
    if pending != 0:
        _release_one(m, me, i, (pending & ~PI_BIT) + offset, pending & PI_BIT, True)


@hot
def _release_one(m, me, i, va, is_pi, pending):
    """Mark one robust mutex as its dead owner's. Who waits for a PI mutex is told by release_pi afterwards.

    One that the thread was just unlocking (`pending`) may be free already, and nobody woken yet.
    """
    never_inline()
    task = m.threads[i].task
    changed = 0
    while changed == 0:  # a waiter may have announced itself meanwhile: try again
        error, word = load_int32(m, me, task, va)
        if error < 0 or word & TID_MASK != tid_of(m, i):
            if error == 0 and word == 0 and pending and not is_pi:
                wake_on(m, me, task, va, 1, MATCH_ANY, 0)
            return
        changed = exchange_int32(m, me, task, va, word, (word & WAITERS) | OWNER_DIED)
    if changed > 0 and word & WAITERS and not is_pi:
        wake_on(m, me, task, va, 1, MATCH_ANY, 0)
