"""Waiting under another mask of signals, for calls that the CPU executes: epoll_pwait, ppoll, pselect6.

The rules are those of server/calls/signal_masks.py: THREAD.saved_mask keeps the mask from before, which is restored
when the call has a result or begins anew; where a handler ends the call, its return restores it.
"""

from ...abi.errno import EINVAL
from ...hot import hot
from ..task.signals import set_mask
from ..vm.usercopy import get_word


@hot
def wait_with_mask(m, me, i, at, size):
    """From now on thread i blocks the signals of the mask at a guest address (0: as it does); 0, -EINVAL, -EFAULT."""
    t = m.threads[i]
    if at == 0 or t.mask_is_saved != 0:  # it is saved already when the call is made again
        return 0
    if size != 8:
        return -EINVAL
    error, mask = get_word(m, me, t.task, at)
    if error == 0:
        t.saved_mask = t.signal_mask
        t.mask_is_saved = 1
        set_mask(m, me, i, mask)
    return error


@hot
def restore_mask(m, me, i):
    """Thread i's call has a result: the mask from before it."""
    t = m.threads[i]
    if t.mask_is_saved != 0:
        t.mask_is_saved = 0
        set_mask(m, me, i, t.saved_mask)
