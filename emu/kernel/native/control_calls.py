"""ipc_control, irq_control, capability_control, container_control (cz-17): decoding, and who may call what.

    ipc_control         a0 ACCEPT: a1 who may send to the caller; WAITING: how many threads wait to send to it
    irq_control         a0 REGISTER: a1 a period in ns; WAIT, RELEASE: the caller's virtual timer
    capability_control  a0 operation; a1, a2, a3 as guests/emu_capabilities.h has them for each
    container_control   a0 CREATE, OF; a1 tid of a thread, 0 the caller's

A container is made around a task in which nobody acts: its one thread makes the call, or is suspended and held, so it
is in no call, and no other task makes threads there.
"""

from ...abi.errno import EBUSY, EINVAL, EPERM, ESRCH
from ...abi.registers import A0
from ...hot import hot, never_inline
from ..actions import BLOCK, RESUME, YIELD
from ..containers import capabilities
from ..containers.containers import handle_of, make_container
from ..ipc.accepting import ACCEPT_ANYBODY, ACCEPT_NOBODY
from ..ipc.refusing import count_senders, set_accepted
from ..sched.confining import confine_all
from ..sleep.endings import look_again
from ..sleep.periods import begin_periods, end_periods, wait_period
from ..task.control import may_steer
from ..task.suspend import hold_suspended, let_suspended_go, may_soon_be_held
from ..thread.reaping import drop_thread, retain_tid
from ..vm.usercopy import put_word
from .numbers import CAPABILITY_CONTROL, CONTAINER_CONTROL, IPC_CONTROL

ACCEPT, WAITING = range(2)
REGISTER, WAIT, RELEASE = range(3)
CREATE, READ, GRANT, SHARE, REPLICATE, SPLIT, DEDUCE, DESTROY = range(8)  # of capability_control
CONTAINER_CREATE, CONTAINER_OF = range(2)
AGAIN = 0  # a result of _create beside handles and errors: the call is made again
WORDS_READ = 4


@hot
def control_call(m, me, i, number):
    """Execute one of these calls of the running thread i; what the CPU does next (actions.py)."""
    never_inline()
    t = m.threads[i]
    operation, argument = t.x[A0], t.x[A0 + 1]
    if number == IPC_CONTROL:
        t.x[A0] = _ipc_control(m, me, i, operation, argument)
        return RESUME
    if number == CAPABILITY_CONTROL:
        return _capability_control(m, me, i, operation, argument, t.x[A0 + 2], t.x[A0 + 3])
    if number == CONTAINER_CONTROL:
        return _container_control(m, me, i, operation, argument)
    return _irq_control(m, me, i, operation, argument)


@hot
def _ipc_control(m, me, i, operation, accepted):
    if operation == WAITING:
        return count_senders(m, me, i)
    if operation != ACCEPT or accepted < ACCEPT_ANYBODY or accepted > ACCEPT_NOBODY:
        return -EINVAL
    set_accepted(m, me, i, accepted)
    return 0


@hot
def _irq_control(m, me, i, operation, period_ns):
    t = m.threads[i]
    result = -EINVAL
    if operation == REGISTER:
        if t.period_ns != 0:
            result = -EBUSY
        elif begin_periods(m, t, period_ns):
            result = 0
    elif operation == RELEASE and t.period_ns != 0:
        end_periods(t)
        result = 0
    elif operation == WAIT and t.period_ns != 0:
        result = wait_period(m, me, i)
        if result == 0:
            return BLOCK
    t.x[A0] = result
    return RESUME


@hot
def _capability_control(m, me, i, operation, first, second, third):
    """Who is in no container may do all this; others as containers/capabilities.py says."""
    never_inline()
    t = m.threads[i]
    by = m.tasks[t.task].container
    if operation < CREATE or operation > DESTROY:
        t.x[A0] = -EINVAL
        return RESUME
    if operation == READ:
        t.x[A0] = _read(m, me, t.task, by, first, second)
        return RESUME
    if operation == CREATE:
        result = capabilities.make(m, me, first, second, third) if by == 0 else -EPERM
    elif operation == GRANT or operation == SHARE:
        result = capabilities.give(m, me, by, first, second, operation == SHARE)
    elif operation == REPLICATE:
        result = capabilities.replicate(m, me, by, first, second, third)
    elif operation == SPLIT:
        result = capabilities.split(m, me, by, first, second)
    elif operation == DEDUCE:
        result = capabilities.deduce(m, me, by, first, second)
    else:
        result = capabilities.remove(m, me, by, first)
    t.x[A0] = result
    if result >= 0 and capabilities.refresh_cpus(m, me):
        confine_all(m, me)
        return YIELD  # the caller may have to move, too
    return RESUME


@hot
def _read(m, me, task, by, capability, va):
    """Store what a capability is: container, kind, size, used."""
    error = capabilities.read(m, me, by, capability)
    for n in range(WORDS_READ):
        if error == 0:
            error = put_word(m, me, task, va + 8 * n, m.cpus[me].given_words[n])
    return error


@hot
def _container_control(m, me, i, operation, tid):
    never_inline()
    t = m.threads[i]
    if operation != CONTAINER_CREATE and operation != CONTAINER_OF:
        t.x[A0] = -EINVAL
        return RESUME
    n = i
    if tid != 0:
        n = retain_tid(m, me, -1, tid)
        if n < 0:
            t.x[A0] = -ESRCH
            return RESUME
    if operation == CONTAINER_OF:
        result = handle_of(m, m.tasks[m.threads[n].task].container)
    else:
        result = _create(m, me, i, n)
    if tid != 0:
        drop_thread(m, me, n)
    if operation == CONTAINER_CREATE and result == AGAIN:
        return look_again(t)
    t.x[A0] = result
    return RESUME


@hot
def _create(m, me, i, n):
    """A container around the task of thread n, whose record is held: its handle, an error, or AGAIN."""
    if m.tasks[m.threads[i].task].container != 0 or not may_steer(m, i, n):
        return -EPERM
    if n == i:
        return _around(m, me, n)
    if not hold_suspended(m, me, n):
        return AGAIN if may_soon_be_held(m, n) else -EBUSY
    result = _around(m, me, n)
    let_suspended_go(m, me, n)
    return result


@hot
def _around(m, me, n):
    task = m.threads[n].task
    return make_container(m, me, task) if m.tasks[task].nr_threads == 1 else -EBUSY
