"""A process that is held up at any instruction, as the host does it to everybody, only more often.

Two steps of a protocol that are a few nanoseconds apart are as good as one to all tests that rely on the host's
scheduler: it takes a core away at that moment once in a million rounds.  Here a timer interrupts the process some
thousand times a second, and the handler of its signal, compiled code, lets time go by.
"""

import ctypes
import signal

from ..hot import callback
from ..shm.atomics import pause

PERIOD_US = 100
PAUSES = 500  # in the handler, 5 to 20 µs


class _Timer(ctypes.Structure):
    _fields_ = [(name, ctypes.c_long) for name in ("again_s", "again_us", "first_s", "first_us")]


@callback(1)
def hold_up(number):
    """The handler of the timer's signal."""
    for _ in range(PAUSES):
        pause()
    return 0


def begin_hold_ups(period_us=PERIOD_US):
    """From here on this process is held up now and then, until it ends."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.signal.argtypes, libc.signal.restype = (ctypes.c_int, ctypes.c_void_p), ctypes.c_void_p
    libc.signal(signal.SIGALRM, hold_up.address)
    if libc.setitimer(signal.ITIMER_REAL, ctypes.byref(_Timer(0, period_us, 0, period_us)), None) != 0:
        raise OSError(ctypes.get_errno(), "setitimer")
