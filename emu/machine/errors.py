"""What a machine says to a person. By itself, so that what starts first need not import a configuration."""

import contextlib
import errno
import os


class MachineError(Exception):
    """Something the user can mend; the message is one line: what, which value, what to do."""


@contextlib.contextmanager
def refusals_of_the_host():
    """What the host refuses to a machine in this block is a MachineError; other errors pass through."""
    try:
        yield
    except (OSError, MemoryError) as error:
        raise MachineError(f"the machine failed: {refused(error)}") from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "zmq":  # not imported: what starts first needs no ZeroMQ
            raise
        raise MachineError(f"the machine failed: {refused(error)}") from error


def refused(error):
    """What the host refuses, in one line."""
    number = getattr(error, "errno", None)
    if isinstance(error, MemoryError) or number == errno.ENOMEM:
        return "the host has no memory for it (free some, or see ulimit -v)"
    if number in (errno.EMFILE, errno.ENFILE):
        return f"{os.strerror(number)}: raise the limit (ulimit -n)"
    what = getattr(error, "strerror", None) or str(error).partition("\n")[0]
    return f"{error.filename}: {what}" if getattr(error, "filename", None) else what
