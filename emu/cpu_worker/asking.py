"""What the running thread asks of others: the system server, its pager, its file server; and how it falls asleep.

Each of these functions ends the thread's turn on this CPU: it sleeps, or goes on in the next round of loop.py.
"""

from ..abi.registers import A0
from ..hot import hot, never_inline
from ..kernel.actions import HAND_OVER, RESUME
from ..kernel.files.descriptions import let_go
from ..kernel.ipc.pager import TRAPS, after_fault, ask_pager
from ..kernel.linux.forwarding import IS_SERVED, after_call
from ..kernel.sched.core import block, switch_to
from ..kernel.server_ring import REQUEST_SYSCALL, REQUEST_TRAP, ask_for_thread
from ..kernel.sleep.endings import stay_awake
from ..kernel.thread.leaving import must_come
from ..kernel.thread.pending import signal_waits
from ..kernel.thread.sleep_word import prepare_sleep
from ..kernel.thread.states import CALL_FORWARDED, FAULT_CALL, FAULT_TRAP, RESTART_WOKEN, SLEEP_KERNEL
from ..kernel.upcalls.boundary import GOES_ON, LACKS_PAGE, at_boundary
from ..shm.atomics import load_seq_cst
from ..shm.exits import ACCESS_WRITE, CAUSE_LOAD_PAGE, CAUSE_PAST_END, CAUSE_STORE_PAGE, NO_ACCESS


@hot
def take_answer(m, me, i):
    """The thread, for which the kernel has asked, has its answer; True when it sleeps again, for the system server."""
    never_inline()
    if m.threads[i].faulting >= CALL_FORWARDED:
        if after_call(m, me, i) != IS_SERVED:
            return False
        ask_server(m, me, i, REQUEST_SYSCALL)
        return True
    if after_fault(m, me, i) != TRAPS:
        return False
    ask_server(m, me, i, REQUEST_TRAP)
    return True


@hot
def bring_page(m, me, i, va, access):
    """A call did nothing since a page is missing: the server or the task's pager brings it; the call is made again."""
    never_inline()
    t = m.threads[i]
    t.x[A0] = t.restart_a0
    t.pc -= 4
    _fetch(m, me, i, va, access, FAULT_CALL)


@hot
def _fetch(m, me, i, va, access, kind):
    t = m.threads[i]
    t.trap_value = va
    if access == NO_ACCESS:
        t.cause = CAUSE_PAST_END
        ask_server(m, me, i, REQUEST_TRAP)
    else:
        t.cause = CAUSE_STORE_PAGE if access == ACCESS_WRITE else CAUSE_LOAD_PAGE
        send_fault(m, me, i, kind)


@hot
def enters_user_space(m, me, i):
    """Whether a thread of a group goes on to user code now: upcalls/boundary.py. A page of a mailbox is brought."""
    never_inline()
    result = at_boundary(m, me, i)
    if result == LACKS_PAGE:
        _fetch(m, me, i, m.cpus[me].missing, m.cpus[me].missing_access, FAULT_TRAP)
    return result == GOES_ON


@hot
def send_fault(m, me, i, kind):
    """The thread sends its fault to its task's pager, and sleeps until that answers."""
    never_inline()
    action = ask_pager(m, me, i, kind)
    if action != RESUME:
        stop(m, me, i, action)


@hot
def stop(m, me, i, action):
    """The thread has declared a sleep: it falls asleep, unless a reason to stay awake has come before (cz-4)."""
    c = m.cpus[me]
    t = m.threads[i]
    if t.faulting >= CALL_FORWARDED:
        if must_come(m, i):
            stay_awake(m, me, i)
    elif must_come(m, i) or signal_waits(m, t) or (load_seq_cst(t, "suspend") | load_seq_cst(t, "kse_interrupt")) != 0:
        stay_awake(m, me, i)
        if t.restart != RESTART_WOKEN:
            let_go(m, me, i)  # the call has ended, or begins anew
    if action == HAND_OVER:
        switch_to(m, me, i, c.heir, True)
        c.just_now_ns = 0
    else:
        block(m, me, i)


@hot
def ask_server(m, me, i, request):
    """The thread sleeps while the system server works for it."""
    never_inline()
    t = m.threads[i]
    t.request = request
    prepare_sleep(t, SLEEP_KERNEL)
    ask_for_thread(m, me, i)
    block(m, me, i)
