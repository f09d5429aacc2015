"""blocking_begin, blocking_end (inko-6): a thread declares that it is about to block its CPU, and that this is over."""

from ...abi.errno import EINVAL
from ...abi.registers import A0
from ...hot import hot, never_inline
from ..actions import RESUME, YIELD
from ..sched.pools import enter_pool, must_move
from .numbers import BLOCKING_BEGIN


@hot
def blocking_call(m, me, i, number):
    """0 where the caller may run in the pool that it enters, 1 where it stays; -EINVAL where it is there already."""
    never_inline()
    t = m.threads[i]
    blocking = 1 if number == BLOCKING_BEGIN else 0
    if t.blocking == blocking:
        t.x[A0] = -EINVAL
        return RESUME
    t.x[A0] = enter_pool(m, me, i, blocking)
    return YIELD if must_move(m, me, i) else RESUME
