"""A file that is there whole or not at all, however its writer ends.

It is written without a name (O_TMPFILE), of which a killed process leaves nothing, and gets its name when it is whole.
Where a file system has no such files, it is written as NAME.PID.part beside its place.
"""

import contextlib
import errno
import os
import stat
import tempfile

from ..errors import TraceError

DESCRIPTORS = "/proc/self/fd"
NO_NAMELESS_FILES = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL)


@contextlib.contextmanager
def whole_file(path):
    """A binary file to write. TraceError, and nothing new under its name, when the host takes no more.

    What is no regular file, such as a FIFO or /dev/stdout, is written as it comes.
    """
    with _errors_of(path):
        if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "wb") as file:
                yield file
            return
        target = os.path.realpath(path)
        part = f"{target}.{os.getpid()}.part"
        if os.path.exists(target):
            os.close(os.open(target, os.O_WRONLY))  # one that may not be written is not replaced either
        try:
            with _nameless(os.path.dirname(target)) or open(part, "xb") as file:
                yield file
                file.flush()
                if not os.path.exists(part):
                    _give_name(file.fileno(), part)
            os.replace(part, target)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(part)


@contextlib.contextmanager
def nameless_file():
    """A file in the host's folder for temporary ones, to write and to read, that ends with this process."""
    with _errors_of(tempfile.gettempdir()), tempfile.TemporaryFile() as file:
        yield file


@contextlib.contextmanager
def _errors_of(path):
    try:
        yield
    except OSError as error:
        raise TraceError(f"{path}: cannot be written: {error.strerror}") from None


def _nameless(folder):
    """An open file without a name; None where the file system has none, or where it could get none afterwards."""
    if not os.path.isdir(DESCRIPTORS):
        return None
    try:
        return open(os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o666), "wb")
    except OSError as error:
        if error.errno in NO_NAMELESS_FILES and os.path.isdir(folder):
            return None
        raise


def _give_name(descriptor, path):
    folder = os.open(DESCRIPTORS, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.link(str(descriptor), path, src_dir_fd=folder)  # with the folder's descriptor, links are followed
    finally:
        os.close(folder)
