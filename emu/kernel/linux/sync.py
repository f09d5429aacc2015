"""futex(2), all its operations but FUTEX_FD, which Linux has no more, and futex_waitv."""

from ...abi.clocks import CLOCK_MONOTONIC, CLOCK_REALTIME
from ...abi.errno import EINVAL, ENOSYS, ERESTARTSYS
from ...abi.futex import (
    CMP_REQUEUE,
    CMP_REQUEUE_PI,
    LOCK_PI,
    LOCK_PI2,
    PRIVATE,
    REALTIME,
    REQUEUE,
    TRYLOCK_PI,
    UNLOCK_PI,
    WAIT,
    WAIT_BITSET,
    WAIT_REQUEUE_PI,
    WAKE,
    WAKE_BITSET,
    WAKE_OP,
)
from ...abi.registers import A0
from ...abi.words import int32
from ...hot import hot, never_inline
from ..actions import BLOCK, RESUME, YIELD
from ..critical import noncritical
from ..sleep.endings import ECALL_BYTES
from ..sleep.futex import MATCH_ANY, requeue, wait_on, wake_on, wake_op
from ..sleep.futex_vector import add_word, begin_vector, free_vectors, sleep_on_vector
from ..sleep.pi_futex import WAITS, lock_pi, unlock_pi
from ..sleep.pi_requeue import requeue_pi, wait_to_move
from ..sleep.timeout_ring import post_timeout
from ..sleep.timespec import get_time
from ..vm.usercopy import get_word
from .time import deadline_of


@hot
def sys_futex(m, me, i):
    t = m.threads[i]
    task = t.task
    va, operation, value = t.x[A0], t.x[A0 + 1], t.x[A0 + 2]
    private = operation & PRIVATE
    clock = CLOCK_REALTIME if operation & REALTIME else CLOCK_MONOTONIC
    command = int32(operation) & ~(PRIVATE | REALTIME)
    if operation & REALTIME and command != WAIT_BITSET and command != WAIT_REQUEUE_PI and command != LOCK_PI2:
        t.x[A0] = -ENOSYS
        return RESUME
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
        return _pi_command(m, me, i, command, CLOCK_REALTIME if command == LOCK_PI else clock, private)
    return RESUME


@hot
def _pi_command(m, me, i, command, clock, private):
    """The operations on PI futexes. Their time-outs are absolute, so a call that begins anew keeps its deadline."""
    never_inline()
    t = m.threads[i]
    va, target_va = t.x[A0], t.x[A0 + 4]
    result = -ENOSYS
    if command == UNLOCK_PI:
        result = unlock_pi(m, me, i, va, private)
    elif command == TRYLOCK_PI:
        result = lock_pi(m, me, i, va, 0, private, True)
    elif command == CMP_REQUEUE_PI:
        wake_count, move_count = int32(t.x[A0 + 2]), int32(t.x[A0 + 3])
        result = requeue_pi(m, me, t.task, va, target_va, wake_count, move_count, int32(t.x[A0 + 5]), private)
    elif command == LOCK_PI or command == LOCK_PI2 or command == WAIT_REQUEUE_PI:
        result = 0
        deadline_ns = 0
        if t.x[A0 + 3] != 0:
            result = get_time(m, me, i, t.x[A0 + 3])
            deadline_ns = deadline_of(m, me, i, clock, 1, result)
        if result >= 0:
            if command == WAIT_REQUEUE_PI:
                result = wait_to_move(m, me, i, va, int32(t.x[A0 + 2]), deadline_ns, target_va, private)
            else:
                result = lock_pi(m, me, i, va, deadline_ns, private, False)
            if result == WAITS:
                return BLOCK
    if result == -ERESTARTSYS:
        t.pc -= ECALL_BYTES
        t.x[A0] = t.restart_a0
        return YIELD
    t.x[A0] = result
    return RESUME


WAITV_MOST = 128
WAITER_BYTES = 24  # struct futex_waitv: value, address, flags and 32 bits that are 0
SIZE_32 = 2


@hot
def sys_futex_waitv(m, me, i):
    """futex_waitv(waiters, count, flags, until, clock): the position of a word that was woken."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    va, count, clock = t.x[A0], t.x[A0 + 1] & 0xFFFFFFFF, int32(t.x[A0 + 4])
    deadline_ns = 0
    result = 0
    if t.x[A0 + 2] & 0xFFFFFFFF != 0 or count == 0 or count > WAITV_MOST or va == 0:
        result = -EINVAL
    elif t.x[A0 + 3] != 0:
        result = get_time(m, me, i, t.x[A0 + 3])
        deadline_ns = deadline_of(m, me, i, clock, 1, result)
        if clock != CLOCK_REALTIME and clock != CLOCK_MONOTONIC:
            result = -EINVAL
    sleep = begin_vector(m, i, deadline_ns != 0)
    position = 0
    while result >= 0 and position < count:
        result = _add_waiter(m, me, i, sleep, position, va + position * WAITER_BYTES)
        position += 1
    if result < 0:
        free_vectors(m, me, i)
        t.x[A0] = result
        return RESUME
    t.x[A0] = 0
    woken = sleep_on_vector(m, me, i, deadline_ns)
    if woken >= 0:
        t.x[A0] = woken
        return RESUME
    if deadline_ns != 0:
        post_timeout(m, me, deadline_ns, False, i, sleep)
    return BLOCK


@hot
def _add_waiter(m, me, i, sleep, position, va):
    """Read one struct futex_waitv, and have the thread wait for its word; 0 or an error."""
    task = m.threads[i].task
    error, value = get_word(m, me, task, va)
    at = 0
    flags = 0
    if error == 0:
        error, at = get_word(m, me, task, va + 8)
    if error == 0:
        error, flags = get_word(m, me, task, va + 16)
    if error < 0:
        return error
    if flags & ~PRIVATE != SIZE_32:  # also where the upper half is not 0
        return -EINVAL
    return add_word(m, me, i, sleep, position, at, int32(value), flags & PRIVATE)
