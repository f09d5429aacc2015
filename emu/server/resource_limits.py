"""What a task may use of each resource, until it sets another limit (getrlimit(2))."""

from ..abi.errno import EINVAL
from ..limits import MAX_SIGINFOS_PER_TASK, MAX_THREADS
from .errors import LinuxError

INFINITY = (1 << 64) - 1
RLIMIT_MEMLOCK = 8
NR_LIMITS = 16
RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_CORE = range(5)
RLIMIT_NPROC, RLIMIT_NOFILE, RLIMIT_AS, RLIMIT_SIGPENDING = 6, 7, 9, 11
RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_RTPRIO = 12, 13, 14
DEFAULT_LIMITS = {
    RLIMIT_STACK: (8 << 20, INFINITY), RLIMIT_CORE: (0, INFINITY), RLIMIT_NPROC: (MAX_THREADS, MAX_THREADS),
    RLIMIT_NOFILE: (1024, 4096), RLIMIT_SIGPENDING: (MAX_SIGINFOS_PER_TASK, MAX_SIGINFOS_PER_TASK),
    RLIMIT_MSGQUEUE: (819_200, 819_200), RLIMIT_NICE: (0, 0), RLIMIT_RTPRIO: (0, 0),
}  # fmt: skip


def limit_of(task, resource):
    """(soft, hard) of a RLIMIT_*; EINVAL for another number."""
    if not 0 <= resource < NR_LIMITS:
        raise LinuxError(EINVAL)
    return task.limits.get(resource) or DEFAULT_LIMITS.get(resource, (INFINITY, INFINITY))
