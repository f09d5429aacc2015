"""Page faults that go to a thread of the guest's own: the pager of its task (cz-14).

A task with a pager (TASK.pager, a tid) asks the kernel first: what its areas and objects say is done as ever.  An
access that they refuse would be a fault of the thread's; here the thread sends a message instead, as if it had called
IPC to the pager and waited for the answer.  Its registers stay as they are.  The pager receives where, how and from
which pc, maps what it likes into the task (`map`, kernel/vm/granting.py), and answers 0: the access is made again; or
something else: it refuses, and the fault is the thread's after all.

    FAULT_TRAP     an instruction could not be executed           refused: the trap's signal
    FAULT_CALL     a system call needs a page, and is made again  refused: the call ends with -EFAULT

Nobody but its clients suffers from a bad pager: one that has left, that does not answer within PAGER_PATIENCE_NS, or
that says it has mapped where it has not (PAGER_TRIES times in a row, for the same access) ends the thread's task, with
the reason in words (CAUSE_PAGER_…, server/traps.py).  A fault can be interrupted as every IPC: a signal is taken
first, then the access is made again.

Faults reach a pager's thread that receives from anybody.  One that serves requests too, and in turn waits for the
answer of another server that faults, waits for ever: that server waits for the pager, and the pager for it.  So a
pager answers faults on a thread of its own.
"""

from ...abi.errno import EFAULT, EINTR, ESRCH
from ...abi.registers import A0
from ...hot import hot, never_inline
from ...limits import PAGER_PATIENCE_NS, PAGER_TRIES
from ...shm.exits import (
    CAUSE_FETCH_PAGE,
    CAUSE_LOAD_PAGE,
    CAUSE_PAGER_LEFT,
    CAUSE_PAGER_LIES,
    CAUSE_PAGER_SILENT,
    CAUSE_STORE_PAGE,
)
from ..critical import noncritical
from ..thread.states import FAULT_CALL, FAULT_TRAP
from .asking import ask

GOES_ON, TRAPS = 0, 1  # what becomes of a thread that has its answer


@hot
def has_pager(m, t):
    """Whether the trap of a thread that has just trapped is its pager's to see to."""
    if m.tasks[t.task].pager == 0:
        return False
    return t.cause == CAUSE_LOAD_PAGE or t.cause == CAUSE_STORE_PAGE or t.cause == CAUSE_FETCH_PAGE


@hot
def ask_pager(m, me, i, kind):
    """The running thread, whose cause and trap value say what it needs, asks its pager: BLOCK, HAND_OVER or RESUME.

    RESUME: the thread has its answer, or an error, as after a sleep.
    """
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    again = 1 if kind == FAULT_CALL else 0  # the instruction that makes the call has been executed each time
    if t.instructions - t.fault_mark > again or t.trap_value != t.fault_at:
        t.fault_tries = 0
    t.fault_mark = t.instructions
    t.fault_at = t.trap_value
    t.fault_a0 = t.x[A0]
    return ask(m, me, i, m.tasks[t.task].pager, kind, PAGER_PATIENCE_NS)


@hot
def after_fault(m, me, i):
    """The running thread has its pager's answer, or none: GOES_ON, or TRAPS: its trap is the server's."""
    never_inline()
    t = m.threads[i]
    kind, result = t.faulting, t.x[A0]
    t.faulting = 0
    t.x[A0] = t.fault_a0
    if result == -EINTR:
        return GOES_ON
    if result < 0:
        t.cause = CAUSE_PAGER_LEFT if result == -ESRCH else CAUSE_PAGER_SILENT
        return TRAPS
    if t.fault_answer == 0:
        t.fault_tries += 1
        if t.fault_tries < PAGER_TRIES:
            return GOES_ON
        t.cause = CAUSE_PAGER_LIES
        return TRAPS
    if kind == FAULT_TRAP:
        return TRAPS
    t.pc += 4  # behind the system call that could not be made again
    t.x[A0] = -EFAULT
    return GOES_ON
