"""Conditions with PI futexes: a wait that ends as the owner of one (futex(2), WAIT_REQUEUE_PI and CMP_REQUEUE_PI).

The waiter sleeps on one word (FUTEX_MOVABLE) and says to which PI futex it may be moved.  Who signals moves it under
the locks of both buckets: it gets that futex at once where nobody owns it, else it waits for the owner like any other
(FUTEX_MOVED), still in the same sleep, whose time-out holds.  So the whole herd is moved, one wakes, and none is lost.

Locks: the task's mm_lock, both buckets (lower index first), priority_lock.
"""

from ...abi.errno import EAGAIN, EFAULT, EINVAL, ERESTARTSYS
from ...abi.futex import TID_MASK
from ...hot import hot, never_inline
from ...shm.exits import ACCESS_READ
from ..critical import noncritical
from ..thread.sleep_word import prepare_sleep
from ..thread.states import SLEEP_FUTEX, SLEEP_TIMED
from ..vm.faults import resolve
from ..vm.maplock import lock_mm, unlock_mm
from ..vm.usercopy import load_int32_in, lock_to_store
from .futex import FUTEX_MOVABLE, FUTEX_MOVED, remove_waiter
from .futex_key import bucket_of, key_in, key_of, lock_bucket, unlock_bucket
from .inheritance import start_waiting
from .pi_futex import WAITS, claim_waiter, first_waiter, list_waiter, try_lock_word, waits_here, wake_heir
from .timeout_ring import post_timeout


@hot
def wait_to_move(m, me, i, va, expected, deadline_ns, target_va, private):
    """FUTEX_WAIT_REQUEUE_PI: WAITS, or an error. The thread sleeps on one word until it is moved to the PI futex."""
    never_inline()
    noncritical(m, me)
    t = m.threads[i]
    task = t.task
    if va & 3 or target_va & 3 or va == target_va:
        return -EINVAL
    error, to_space, to_address = key_of(m, me, task, target_va, private)
    if error < 0:
        return error
    lock_mm(m, me, task)
    entry = resolve(m, me, task, va, ACCESS_READ)
    if entry <= 0:
        unlock_mm(m, me, task)
        return -EFAULT
    space, address = key_in(m, task, entry, va, private)
    b = bucket_of(space, address)
    lock_bucket(m, me, b)
    word = 0
    result = -EAGAIN
    if space == to_space and address == to_address:
        result = -EINVAL
    elif load_int32_in(m, entry, va) == expected:
        result = WAITS
        t.futex_to_space = to_space
        t.futex_to_address = to_address
        t.deadline_ns = deadline_ns
        list_waiter(m, i, b, space, address, FUTEX_MOVABLE)
        word = prepare_sleep(t, SLEEP_FUTEX | (SLEEP_TIMED if deadline_ns != 0 else 0))
    unlock_bucket(m, me, b)
    unlock_mm(m, me, task)
    if word != 0 and deadline_ns != 0:
        post_timeout(m, me, deadline_ns, False, i, word)
    return result


@hot
def requeue_pi(m, me, task, va, target_va, wake_count, move_count, expected, private):
    """FUTEX_CMP_REQUEUE_PI: how many threads were moved or got the PI futex at once, or an error as of lock_pi."""
    never_inline()
    noncritical(m, me)
    if va & 3 or target_va & 3 or va == target_va or wake_count != 1 or move_count < 0:
        return -EINVAL
    result, woken, word = _requeue_once(m, me, task, va, target_va, move_count, expected, private)
    if word != 0:
        wake_heir(m, me, woken, word)
    return result


@hot
def _requeue_once(m, me, task, va, target_va, move_count, expected, private):
    """(count or error, who is woken, its sleep's word or 0)."""
    never_inline()
    entry = lock_to_store(m, me, task, target_va)
    source = resolve(m, me, task, va, ACCESS_READ) if entry > 0 else 0
    if source <= 0:
        unlock_mm(m, me, task)
        return -EFAULT, -1, 0
    space, address = key_in(m, task, source, va, private)
    to_space, to_address = key_in(m, task, entry, target_va, private)
    b, to = bucket_of(space, address), bucket_of(to_space, to_address)
    lock_bucket(m, me, min(b, to))
    if b != to:
        lock_bucket(m, me, max(b, to))
    if space == to_space and address == to_address:
        result, woken, word = -EINVAL, -1, 0
    elif load_int32_in(m, source, va) != expected:
        result, woken, word = -EAGAIN, -1, 0
    else:
        result, woken, word = _move(m, me, b, to, space, address, entry, target_va, to_space, to_address, move_count)
    if b != to:
        unlock_bucket(m, me, max(b, to))
    unlock_bucket(m, me, min(b, to))
    unlock_mm(m, me, task)
    return result, woken, word


@hot
def _may_move(t, to_space, to_address):
    return t.futex_kind == FUTEX_MOVABLE and t.futex_to_space == to_space and t.futex_to_address == to_address


@hot
def _move(m, me, b, to, space, address, entry, target_va, to_space, to_address, move_count):
    """Give the PI futex to the first waiter if it is free, and move the others to it. As _requeue_once."""
    never_inline()
    top = first_waiter(m, b, space, address)
    if top < 0:
        return 0, -1, 0
    if not _may_move(m.threads[top], to_space, to_address):
        return -EINVAL, -1, 0
    result, owner = try_lock_word(m, top, to, to_space, to_address, entry, target_va, move_count > 0)
    if result < 0:
        return -ERESTARTSYS if result == -EAGAIN else result, -1, 0
    word = 0
    done = 0
    if result == 0:
        remove_waiter(m, top)
        word = claim_waiter(m, top)
        owner = top
        done = 1
    tid = load_int32_in(m, entry, target_va) & TID_MASK
    i = m.buckets[b].head
    while i >= 0 and done < move_count + 1:
        t = m.threads[i]
        following = t.wait_next
        if waits_here(t, space, address):
            if not _may_move(t, to_space, to_address):
                return -EINVAL, top, word
            error = start_waiting(m, me, i, owner, tid)
            if error == -EAGAIN:
                return done if done > 0 else -ERESTARTSYS, top, word
            if error < 0:
                return error, top, word
            remove_waiter(m, i)
            t.futex_va = target_va
            list_waiter(m, i, to, to_space, to_address, FUTEX_MOVED)
            done += 1
        i = following
    return done, top, word
