"""Waiting under another mask of signals: rt_sigsuspend, ppoll, pselect6.

THREAD.saved_mask keeps the mask from before.  It is restored when the call has a result or begins anew; where a
handler ends the call, its return restores the mask (server/signal_frames.py).
"""

import struct

from ...abi.errno import EINVAL
from ...kernel.task.signals import set_thread_mask
from ..errors import LinuxError


def wait_with_mask(call, address, size):
    """From now on the thread blocks the signals of the mask at `address`. EINVAL, EFAULT."""
    if size != 8:
        raise LinuxError(EINVAL)
    mask = struct.unpack("<q", call.read(address, 8))[0]
    thread = call.thread
    if not thread["mask_is_saved"]:  # it is saved already when the call is made again
        thread["saved_mask"] = thread["signal_mask"]
        thread["mask_is_saved"] = 1
        set_thread_mask(call.server.base, call.server.me, call.thread_index, mask)


def restore_mask(server, i, thread):
    """Restore the mask from before the call, which has a result."""
    if thread["mask_is_saved"]:
        thread["mask_is_saved"] = 0
        set_thread_mask(server.base, server.me, i, int(thread["saved_mask"]))
