"""Helpers: threads of the kernel's making that carry out a task's asynchronous reads and writes (inko-6).

A helper is a thread of the task like any other, but executes code of the kernel's alone: HELPER_CODE, behind the
code that returns from signals.  It makes the call (read, write, pread, pwrite), then tells the outcome, and leaves
(native/aio.py).  It runs in the blocking pool, if the machine has one, blocks all signals, and waits as a thread waits:
so a pipe that is empty, a socket that is full and a file of the system server's hold up nobody.

    the call               is what the helper's registers say       descriptor   is THREAD.held_file where a CPU reads
    memory                 is that of its task: what is unmapped    whose it is  is THREAD.helps, a tid: who has left
                           meanwhile is EFAULT                                   is told nothing
    which message          tells of it: OPERATION, DESCRIPTOR and USER_DATA are in its save area (thread/save_area.py)

A task that ends, or executes a program, ends its helpers as it does its other threads.  A guest can do to a helper what
it can do to its other threads; but neither what it was asked for nor THREAD.helps is a register, so nobody passes for a
helper, and a helper tells of its own operation.

Always, while the task's lock is free: TASK.nr_helpers counts its threads that are helpers, and those that are about to
leave; it is at most nr_threads.  The task ends with its last thread that is no helper: whoever raises the count
to nr_threads, under the lock, ends it; or who leaves, and finds that it had not counted itself among them.

Rejected: a list of pending operations in each kind of file, whose completion would copy into the memory of a task
that does not run, from every place that makes a file ready; and a queue of operations for one helper, which the first
one that waits would hold up.
"""

from ...abi.errno import EAGAIN, ENOSYS
from ...abi.registers import A0
from ...hot import hot, never_inline
from ..critical import noncritical
from ..sched.pools import begin_blocking
from ..sched.waking import start_thread
from ..thread.handles import tid_of
from ..thread.inherit import inherit
from ..thread.records import LEAVES, free_thread, join_task, lock_task, unlock_task
from ..thread.save_area import free_save_area, make_save_area
from ..thread.spares import attach_spare, take_spare
from ..vm.usercopy import get_word
from .kill_reasons import KILL_EXITED
from .records import end_task, exit_code

HELPER_AT = 8  # where its code begins, behind that of the trampoline
HELPER_CODE = (
    0x00000073, 0x00050A93,  # ecall; mv s5, a0
    0x000018B7, 0x04B88893,  # li a7, AIO_END
    0x00000073, 0xFF5FF06F,  # ecall; j back to the li
)  # fmt: skip
FIRST_WORD = HELPER_CODE[0] | HELPER_CODE[1] << 32
A7 = A0 + 7
RESULT = 21  # the register s5 of a helper
OPERATION, DESCRIPTOR, USER_DATA = range(3)  # words of its save area
SAVED_BYTES = 8 * 3
ALL_SIGNALS = -1


@hot
def new_helper(m, me, i):
    """A helper for the running thread i, not started, with registers of no meaning; its index, -EAGAIN, -ENOSYS."""
    never_inline()
    noncritical(m, me)
    k = m.threads[i].task
    trampoline = m.tasks[k].trampoline
    error, word = get_word(m, me, k, trampoline + HELPER_AT)
    m.cpus[me].missing = 0
    if error < 0 or word != FIRST_WORD:
        return -ENOSYS
    n = take_spare(m, me, i)
    if n < 0:
        return -EAGAIN
    inherit(m, i, n)
    new = m.threads[n]
    new.helps = tid_of(m, i)
    new.pc = trampoline + HELPER_AT
    new.signal_mask = ALL_SIGNALS
    begin_blocking(m, n)
    if make_save_area(m, me, n, SAVED_BYTES) < 0:
        free_thread(m, me, n)
        return -EAGAIN
    if not join_task(m, me, n):
        free_save_area(m, me, n)
        free_thread(m, me, n)
        return -EAGAIN
    return n


@hot
def start_helper(m, me, i, n):
    """Let a helper begin; it may be gone when this returns."""
    noncritical(m, me)
    m.cpus[me].spawned += 1
    start_thread(m, me, n)
    attach_spare(m, me, i)


@hot
def leave_to_helpers(m, me, i, status):
    """The running thread, which is no helper, is about to leave: where all others are helpers, the task ends."""
    never_inline()
    noncritical(m, me)
    k = m.threads[i].task
    task = m.tasks[k]
    lock_task(m, me, k)
    m.threads[i].helps = LEAVES
    task.nr_helpers += 1
    is_last = task.nr_helpers == task.nr_threads and task.nr_threads > 1
    unlock_task(m, me, k)
    if is_last:
        end_task(m, me, k, exit_code(status), KILL_EXITED)
