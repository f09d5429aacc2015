"""What emu says to a person: exceptions whose text is one line, and the exit status that each stands for.

By itself, so that what starts first need not import a configuration.
"""

import contextlib
import errno
import os
import sys

BAD_INPUT, FAILED = 2, 70  # exit statuses; 70 is EX_SOFTWARE of sysexits.h


class MachineError(Exception):
    """Something the user can mend; the message is one line: what, which value, what to do."""

    exit_status = BAD_INPUT


class MachineFailed(MachineError):
    """A machine that ran failed: a policy broke a rule, a process died, the host refused something."""

    exit_status = FAILED

    def __init__(self, reason: str) -> None:
        super().__init__(f"the machine failed: {reason}")


class PolicyError(MachineError):
    """A policy that cannot be loaded."""


class WorkloadError(MachineError):
    """A workload that cannot be read: file, line, what was found, what was expected."""


class TraceError(MachineError):
    """A trace that cannot be written or read."""


@contextlib.contextmanager
def refusals_of_the_host():
    """What the host refuses to a machine in this block is a MachineFailed; other errors pass through."""
    try:
        yield
    except (OSError, MemoryError) as error:
        raise MachineFailed(refused(error)) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "zmq":  # not imported: what starts first needs no ZeroMQ
            raise
        raise MachineFailed(refused(error)) from error


def refused(error):
    """What the host refuses, in one line."""
    number = getattr(error, "errno", None)
    if isinstance(error, MemoryError) or number == errno.ENOMEM:
        return "the host has no memory for it (free some, or see ulimit -v)"
    if number in (errno.EMFILE, errno.ENFILE):
        return f"{os.strerror(number)}: raise the limit (ulimit -n)"
    what = getattr(error, "strerror", None) or str(error).partition("\n")[0]
    return f"{error.filename}: {what}" if getattr(error, "filename", None) else what


def say(*lines):
    """Print lines on standard error, whether or not somebody reads them."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            print(*lines, sep="\n", file=sys.stderr, flush=True)
