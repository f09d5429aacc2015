"""struct timespec of a guest's, as calls of both personalities are given it."""

from ...abi.clocks import SECOND_NS
from ...abi.errno import EINVAL
from ...hot import hot, never_inline
from ..vm.usercopy import get_word
from .heap import NEVER


@hot
def get_time(m, me, i, va):
    """Read a timespec in ns, or a negative error."""
    never_inline()
    task = m.threads[i].task
    error, seconds = get_word(m, me, task, va)
    if error == 0:
        error, fraction = get_word(m, me, task, va + 8)
    if error < 0:
        return error
    if seconds < 0 or fraction < 0 or fraction >= SECOND_NS:
        return -EINVAL
    return NEVER if seconds > NEVER // SECOND_NS else seconds * SECOND_NS + fraction
