"""ppoll and pselect6 of files that the CPU knows; where one is the server's, the server does it (vfs/polling.py).

A call looks at all files.  Where none is ready it makes a set of its own (files/watches.py), lets it watch them, and
sleeps in it: adding a watch looks at the file again, so a change after the first look is a mark in the set, under whose
lock the thread then goes to sleep or does not.  When it is woken it drops the set (THREAD.poll_set), and looks again.
"""

from ...abi.errno import EBADF, EFAULT, EINVAL, ELOOP, ENOMEM
from ...abi.files import (
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLNVAL,
    POLLOUT,
    POLLPRI,
    POLLRDNORM,
    POLLWRNORM,
)
from ...abi.registers import A0
from ...abi.words import int32
from ...hot import hot, never_inline
from ...limits import SELECT_WORDS
from ...shm.clock import steady_ns
from ...shm.exits import ACCESS_READ, ACCESS_WRITE
from ...shm.memory import store_any_64
from ...shm.spinlock import field_address
from ..actions import BLOCK, RESUME, SERVE
from ..files.descriptions import FILE_SERVED, drop_description, end_poll_set
from ..files.epoll import ALWAYS, add_to_set
from ..files.pipe import SLEEPS
from ..files.readiness import ready_file
from ..files.table import descriptor_limit, find_description
from ..files.watch_sets import new_set
from ..files.watches import lock_set
from ..sleep.endings import look_again
from ..sleep.timespec import get_time
from ..vm.usercopy import copy_user, get_word
from .events import FOR_EVER, LOOKS_AGAIN, SERVE_IT, deadline_after, sleep_in_set
from .masks import restore_mask, wait_with_mask
from .time import put_time

POLL, SELECT = range(2)
READING, WRITING, FAILING = range(3)
POLLFD_BYTES = 8
SHOWN_READING = POLLIN | POLLRDNORM | POLLHUP | POLLERR
SHOWN_WRITING = POLLOUT | POLLWRNORM | POLLERR


@hot
def sys_ppoll(m, me, i):
    """ppoll(struct pollfd[], count, timeout, mask, size)"""
    never_inline()
    t = m.threads[i]
    count, time_at = t.x[A0 + 1] & 0xFFFFFFFF, t.x[A0 + 2]
    if t.poll_set != 0:
        end_poll_set(m, me, i)
    patience_ns = get_time(m, me, i, time_at) if time_at != 0 else FOR_EVER
    error = min(patience_ns, 0) if time_at != 0 else 0
    if error == 0 and count > descriptor_limit(m, t.task):
        error = -EINVAL
    if error == 0:
        error = wait_with_mask(m, me, i, t.x[A0 + 3], t.x[A0 + 4])
    return _finish(m, me, i, time_at, _wait(m, me, i, POLL, count, patience_ns) if error == 0 else error)


@hot
def sys_pselect6(m, me, i):
    """pselect6(count, reading, writing, failing, timeout, {mask, size})"""
    never_inline()
    t = m.threads[i]
    count, time_at, mask_at = int32(t.x[A0]), t.x[A0 + 4], t.x[A0 + 5]
    if t.poll_set != 0:
        end_poll_set(m, me, i)
    if count > SELECT_WORDS * 64:
        return SERVE
    patience_ns = get_time(m, me, i, time_at) if time_at != 0 else FOR_EVER
    error = min(patience_ns, 0) if time_at != 0 else 0
    if error == 0 and mask_at != 0:
        error, at = get_word(m, me, t.task, mask_at)
        if error == 0:
            error, size = get_word(m, me, t.task, mask_at + 8)
            if error == 0:
                error = wait_with_mask(m, me, i, at, size)
    if error == 0 and count < 0:
        error = -EINVAL
    if error == 0:
        error = _take_sets(m, me, i, count)
    result = _wait(m, me, i, SELECT, count, patience_ns) if error == 0 else error
    if result >= 0:
        result = _give_sets(m, me, i, count, result)
    return _finish(m, me, i, time_at, result)


@hot
def _finish(m, me, i, time_at, result):
    """What the CPU does next; where the call has a result, what is left of its time is stored, as Linux does."""
    t = m.threads[i]
    if result == SLEEPS:
        return BLOCK
    if result == LOOKS_AGAIN:
        return look_again(t)
    if result == SERVE_IT:
        return SERVE
    if t.resume_deadline_ns != 0:
        put_time(m, me, i, time_at, max(t.resume_deadline_ns - steady_ns(m), 0))
        t.resume_deadline_ns = 0
    restore_mask(m, me, i)
    t.x[A0] = result
    return RESUME


@hot
def _wait(m, me, i, how, count, patience_ns):
    """How many files are ready, 0 when the time is over, an error, SERVE_IT, SLEEPS, or LOOKS_AGAIN."""
    never_inline()
    t = m.threads[i]
    result = _look(m, me, i, how, count)
    if result != 0:
        return result
    deadline_ns = deadline_after(m, i, patience_ns)
    if deadline_ns < 0:
        return 0
    t.resume_deadline_ns = deadline_ns
    if deadline_ns != 0 and steady_ns(m) >= deadline_ns:
        return 0
    return _sleep(m, me, i, how, count, deadline_ns)


@hot
def _item(m, me, i, how, k):
    """(0 or -EFAULT, descriptor or -1, POLL* bits asked for) of what a call names in place k."""
    t = m.threads[i]
    if how == POLL:
        error, word = get_word(m, me, t.task, t.x[A0] + k * POLLFD_BYTES)
        return error, int32(word), (word >> 32) & 0xFFFF
    c = m.cpus[me]
    word, bit = k >> 6, 1 << (k & 63)
    events = 0
    if c.selected[READING * SELECT_WORDS + word] & bit:
        events |= POLLIN
    if c.selected[WRITING * SELECT_WORDS + word] & bit:
        events |= POLLOUT
    if c.selected[FAILING * SELECT_WORDS + word] & bit:
        events |= POLLPRI
    return 0, (k if events != 0 else -1), events


@hot
def _look(m, me, i, how, count):
    """How many files, or members of sets, are ready, which is stored (POLL: in the guest); an error, or SERVE_IT."""
    never_inline()
    t = m.threads[i]
    found = 0
    for k in range(count):
        error, fd, events = _item(m, me, i, how, k)
        if error < 0:
            return error
        ready = 0
        if fd >= 0:
            d, held = find_description(m, me, t.task, fd)
            if d < 0:
                ready = POLLNVAL
            elif m.descriptions[d].kind == FILE_SERVED:
                return SERVE_IT
            else:
                ready = ready_file(m, me, d)
                if held:
                    drop_description(m, me, d)
        if how == POLL:
            ready &= events | ALWAYS | POLLNVAL
            found += 1 if ready != 0 else 0
            if not _put_ready(m, me, t.task, t.x[A0] + k * POLLFD_BYTES + 6, ready):
                return -EFAULT
        elif ready & POLLNVAL:
            return -EBADF
        elif fd >= 0:
            found += _select(m, me, READING, k, events & POLLIN and ready & SHOWN_READING)
            found += _select(m, me, WRITING, k, events & POLLOUT and ready & SHOWN_WRITING)
            found += _select(m, me, FAILING, k, events & POLLPRI and ready & POLLPRI)
    return found


@hot
def _put_ready(m, me, task, va, ready):
    """Store the `revents` of a struct pollfd; whether it could be."""
    scratch = field_address(m.cpus[me], "scratch")
    store_any_64(scratch, ready)
    return copy_user(m, me, task, va, scratch, 2, ACCESS_WRITE) == 2


@hot
def _select(m, me, which, k, is_ready):
    """Note a member of a set that select returns; how many that are."""
    at = which * SELECT_WORDS + (k >> 6)
    bit = 1 << (k & 63)
    if is_ready:
        m.cpus[me].found[at] |= bit
        return 1
    m.cpus[me].found[at] &= ~bit
    return 0


@hot
def _sleep(m, me, i, how, count, deadline_ns):
    """Sleep until one of the files may be ready: SLEEPS; LOOKS_AGAIN: one may be; an error, or SERVE_IT."""
    never_inline()
    t = m.threads[i]
    s = new_set(m, me)
    if s < 0:
        return s
    t.poll_set = s + 1
    error = 0
    for k in range(count):
        error, fd, events = _item(m, me, i, how, k)
        if error == 0 and fd >= 0:
            d, held = find_description(m, me, t.task, fd)
            if d < 0 or m.descriptions[d].kind == FILE_SERVED:
                error = SERVE_IT  # another thread has changed what the descriptor means
            else:
                error = add_to_set(m, me, s, d, k, _heard(how, events), 0)
            if held:
                drop_description(m, me, d)
        if error != 0:
            break
    e = m.epoll_sets[s]
    if error == 0:
        lock_set(m, me, e)
        if sleep_in_set(m, me, i, e, deadline_ns):
            return SLEEPS
    end_poll_set(m, me, i)
    if error == 0:
        return LOOKS_AGAIN
    if error == -ELOOP:  # in one more set than sets may lie in each other
        return SERVE_IT
    return error if error == SERVE_IT or error == -EFAULT else -ENOMEM


@hot
def _heard(how, events):
    """The POLL* bits that may end a sleep."""
    if how == POLL:
        return events | ALWAYS
    heard = SHOWN_READING if events & POLLIN else 0
    if events & POLLOUT:
        heard |= SHOWN_WRITING
    return heard | POLLPRI if events & POLLPRI else heard


@hot
def _set_bytes(count):
    return (count + 63) // 64 * 8


@hot
def _take_sets(m, me, i, count):
    """Read the three sets of a select (CPU.selected); 0 or -EFAULT."""
    never_inline()
    t = m.threads[i]
    c = m.cpus[me]
    size = _set_bytes(count)
    for which in range(3):
        at = t.x[A0 + 1 + which]
        for word in range(SELECT_WORDS):
            c.selected[which * SELECT_WORDS + word] = 0
            c.found[which * SELECT_WORDS + word] = 0
        host = field_address(c, "selected") + which * SELECT_WORDS * 8
        if at != 0 and copy_user(m, me, t.task, at, host, size, ACCESS_READ) < size:
            return -EFAULT
        if count & 63 and size > 0:
            c.selected[which * SELECT_WORDS + size // 8 - 1] &= (1 << (count & 63)) - 1
    return 0


@hot
def _give_sets(m, me, i, count, result):
    """Store what select has found in the guest's sets; `result` or -EFAULT."""
    never_inline()
    t = m.threads[i]
    size = _set_bytes(count)
    for which in range(3):
        at = t.x[A0 + 1 + which]
        host = field_address(m.cpus[me], "found") + which * SELECT_WORDS * 8
        if at != 0 and copy_user(m, me, t.task, at, host, size, ACCESS_WRITE) < size:
            return -EFAULT
    return result
