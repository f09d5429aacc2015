"""What is asked of a pipe beside its bytes: what it is ready for, and how many it may hold (poll(2), fcntl(2))."""

from ...abi.errno import EBUSY, EINVAL, EPERM
from ...abi.files import PIPE_BUF, POLLERR, POLLHUP, POLLIN, POLLOUT
from ...hot import hot, never_inline
from ...limits import PAGE_SIZE
from ...shm.atomics import load_relaxed
from ..critical import either
from .pipe import CAPACITY, MAX_CAPACITY, lock_pipe, sleepers, tell_of_change, unlock_pipe, wake_ends
from .watches import tell


@hot
def poll_pipe(m, me, p, reads, writes, tells):
    """POLL* bits that hold now for a description that reads or writes; `tells`: the server hears of the next change.

    Without that, no lock is taken: each word is one that was so at a moment since the call began.
    """
    if tells:
        either(m, me)
        lock_pipe(m, me, p)
        p.polled = 1
        unlock_pipe(m, me, p)
    ready = 0
    head = load_relaxed(p, "head")
    tail = load_relaxed(p, "tail")
    finished = load_relaxed(p, "finished")
    if reads:
        ready |= POLLIN if tail != head else 0
        ready |= POLLHUP if load_relaxed(p, "writers") == 0 or finished != 0 else 0
    if writes:
        ready |= POLLOUT if head + load_relaxed(p, "capacity") - tail >= PIPE_BUF else 0
        ready |= POLLERR if load_relaxed(p, "readers") == 0 or finished != 0 else 0
    return ready


@hot
def set_capacity(m, me, p, wanted):
    """F_SETPIPE_SZ: at least `wanted` bytes; the capacity, or -EINVAL, -EBUSY, -EPERM.

    Differs from Linux: more than CAPACITY is never given, as where pipe-max-size says so.
    """
    never_inline()
    either(m, me)
    if wanted < 0 or wanted > 1 << 31:
        return -EINVAL
    if wanted > MAX_CAPACITY:
        return -EPERM
    capacity = PAGE_SIZE
    while capacity < wanted and capacity < CAPACITY:
        capacity *= 2
    lock_pipe(m, me, p)
    if p.write_end - p.head > capacity:
        capacity = -EBUSY
    else:
        p.capacity = capacity
    wakes = tell_of_change(p) | sleepers(p, False, True)
    if p.write_watches != 0:
        tell(m, me, p.write_watches, 1, POLLOUT)
    unlock_pipe(m, me, p)
    wake_ends(m, me, p, wakes)
    return capacity
