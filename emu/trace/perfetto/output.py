"""A file that is there whole or not at all: written beside its place, and put there when it is complete."""

import contextlib
import os
import stat

from emu.errors import TraceError


@contextlib.contextmanager
def whole_file(path):
    """A binary file to write. TraceError, and nothing new under its name, when the host takes no more.

    What is no regular file, such as a FIFO or /dev/stdout, is written as it comes.
    """
    path = os.path.realpath(path)
    try:
        if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "wb") as file:
                yield file
            return
        if os.path.exists(path):
            os.close(os.open(path, os.O_WRONLY))  # a file that may not be written is not replaced
        part = f"{path}.{os.getpid()}.part"
        try:
            with open(part, "xb") as file:
                yield file
            os.replace(part, path)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(part)
    except OSError as error:
        raise TraceError(f"{path}: cannot be written: {error.strerror}") from None
