"""futex(2): WAIT, WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP, WAIT_BITSET, WAKE_BITSET."""

from ...abi.clocks import CLOCK_MONOTONIC, CLOCK_REALTIME
from ...abi.errno import ENOSYS
from ...abi.futex import CMP_REQUEUE, PRIVATE, REALTIME, REQUEUE, WAIT, WAIT_BITSET, WAKE, WAKE_BITSET, WAKE_OP
from ...abi.registers import A0
from ...abi.words import int32
from ...hot import hot
from ..actions import BLOCK, RESUME
from ..sleep.futex import MATCH_ANY, requeue, wait_on, wake_on, wake_op
from .time import deadline_of, get_time


@hot
def sys_futex(m, me, i):
    t = m.threads[i]
    task = t.task
    va, operation, value = t.x[A0], t.x[A0 + 1], t.x[A0 + 2]
    private = operation & PRIVATE
    clock = CLOCK_REALTIME if operation & REALTIME else CLOCK_MONOTONIC
    command = operation & ~(PRIVATE | REALTIME)
    if command == WAIT or command == WAIT_BITSET:
        deadline_ns = 0
        if t.x[A0 + 3] != 0:
            ns = get_time(m, me, i, t.x[A0 + 3])
            if ns < 0:
                t.x[A0] = ns
                return RESUME
            deadline_ns = deadline_of(m, me, i, clock, 1 if command == WAIT_BITSET else 0, ns)
            if t.resume_deadline_ns != 0:  # the call goes on after a suspend
                deadline_ns = t.resume_deadline_ns
                t.resume_deadline_ns = 0
        bits = t.x[A0 + 5] & MATCH_ANY if command == WAIT_BITSET else MATCH_ANY
        error = wait_on(m, me, i, va, int32(value), deadline_ns, bits, private)
        if error == 0:
            return BLOCK
        t.x[A0] = error
    elif command == WAKE:
        t.x[A0] = wake_on(m, me, task, va, max(int32(value), 1), MATCH_ANY, private)
    elif command == WAKE_BITSET:
        bits = t.x[A0 + 5] & MATCH_ANY
        t.x[A0] = wake_on(m, me, task, va, max(int32(value), 1), bits, private)
    elif command == REQUEUE or command == CMP_REQUEUE:
        t.x[A0] = requeue(
            m, me, task, va, t.x[A0 + 4], int32(value), int32(t.x[A0 + 3]),
            command == CMP_REQUEUE, int32(t.x[A0 + 5]), private,
        )  # fmt: skip
    elif command == WAKE_OP:
        t.x[A0] = wake_op(m, me, task, va, t.x[A0 + 4], int32(value), int32(t.x[A0 + 3]), t.x[A0 + 5], private)
    else:
        t.x[A0] = -ENOSYS
    return RESUME
