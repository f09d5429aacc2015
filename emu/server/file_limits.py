"""RLIMIT_FSIZE: no regular file becomes longer by a task's doing; SIGXFSZ and EFBIG (getrlimit(2))."""

from ..abi.errno import EFBIG
from ..abi.files import S_IFREG
from .errors import LinuxError
from .resource_limits import RLIMIT_FSIZE, limit_of


def room_to_write(call, file, position, count):
    """How many of `count` bytes from a position on may be written; EFBIG, and SIGXFSZ later, where there is no room."""
    limit = limit_of(call.task, RLIMIT_FSIZE)[0]
    if position + count <= limit or not file.seekable or file.node.kind != S_IFREG:
        return count
    if position >= limit:
        _refuse(call)
    return limit - position


def check_size(call, size):
    """A file shall have this size: EFBIG, and SIGXFSZ later, where it is too large."""
    if size > limit_of(call.task, RLIMIT_FSIZE)[0]:
        _refuse(call)


def _refuse(call):
    call.exceeds_file_limit = True
    raise LinuxError(EFBIG)
