"""Descriptors of this process: standard ones that are closed (`emu run hello >&-`), and whether there are enough.

The host gives a new descriptor the lowest free number.  If 0, 1 or 2 is free, a segment of the machine could get it,
and whatever the guest or this process prints would be written into that.  So before a machine or a child process opens
anything, free ones of the three are taken by /dev/null, as a place only (O_PATH): every read and write of them still
fails with EBADF, and a guest finds them closed.
"""

import contextlib
import fcntl
import os

STANDARD = (0, 1, 2)


def take_closed_standard_descriptors():
    """Call before anything is opened; cheap when they are open."""
    while True:
        descriptor = os.open(os.devnull, os.O_PATH)
        if descriptor not in STANDARD:
            os.close(descriptor)
            return
        os.set_inheritable(descriptor, True)


def need_descriptors(count):
    """OSError when so many more cannot be opened. ZeroMQ, where it gets none, aborts the process."""
    with contextlib.ExitStack() as opened:
        for _ in range(count):
            opened.callback(os.close, os.open(os.devnull, os.O_PATH | os.O_CLOEXEC))


def is_closed(descriptor):
    """True for a descriptor that cannot be used: closed, or taken by the function above."""
    try:
        return bool(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_PATH)
    except OSError:
        return True


def above_standard(descriptor):
    """The same open file under a number that is none of the three; the one given is closed if it was."""
    if descriptor not in STANDARD:
        return descriptor
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, STANDARD[-1] + 1)
    finally:
        with contextlib.suppress(OSError):
            os.close(descriptor)
        take_closed_standard_descriptors()
