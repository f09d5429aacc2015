"""Served calls whose answer changes nothing that a guest sees: I/O priorities, and the kernel's log, which is empty."""

from ...abi.errno import EINVAL, EPERM, ESRCH
from ..errors import LinuxError
from .registry import Int32, Pointer, served

IOPRIO_WHO_PROCESS, IOPRIO_WHO_PGRP, IOPRIO_WHO_USER = 1, 2, 3
CLASS_NONE, CLASS_REALTIME, CLASS_BEST_EFFORT, CLASS_IDLE = range(4)
CLASS_SHIFT, LEVELS = 13, 8
LOG_BYTES = 1 << 14
LOG_READ, LOG_READ_ALL, LOG_READ_CLEAR, LOG_CONSOLE_LEVEL, LOG_SIZE = 2, 3, 4, 8, 10


def _meant(call, which, who):
    """Tasks that which and who mean. EINVAL, ESRCH."""
    tasks = call.machine.tasks()
    if which == IOPRIO_WHO_PROCESS:
        found = [call.task] if who in (0, call.tid) else [task for task in tasks if task.pid == who]
    elif which == IOPRIO_WHO_PGRP:
        found = [task for task in tasks if task.group == (who or call.task.group)]
    elif which == IOPRIO_WHO_USER:
        found = tasks
    else:
        raise LinuxError(EINVAL)
    if not found:
        raise LinuxError(ESRCH)
    return found


@served("ioprio_get")
def ioprio_get(call, which: Int32, who: Int32):
    """What follows from nice: nobody reads disks here, so what is set is not kept."""
    task = _meant(call, which, who)[0]
    return CLASS_BEST_EFFORT << CLASS_SHIFT | (call.machine.nice(task.pid) + 20) // 5


@served("ioprio_set")
def ioprio_set(call, which: Int32, who: Int32, priority: Int32):
    kind, level = priority >> CLASS_SHIFT, priority & (1 << CLASS_SHIFT) - 1
    if kind not in (CLASS_NONE, CLASS_REALTIME, CLASS_BEST_EFFORT, CLASS_IDLE) or level & 7 and kind == CLASS_NONE:
        raise LinuxError(EINVAL)
    if kind == CLASS_REALTIME and not call.credentials.privileged:
        raise LinuxError(EPERM)
    _meant(call, which, who)
    return 0


@served("syslog")
def syslog(call, kind: Int32, address: Pointer, size: Int32):
    """klogctl(3)"""
    if kind in (LOG_READ, LOG_READ_ALL, LOG_READ_CLEAR) and (not address or size < 0):
        raise LinuxError(EINVAL)
    if not 0 <= kind <= LOG_SIZE or kind == LOG_CONSOLE_LEVEL and not 1 <= size <= LEVELS:
        raise LinuxError(EINVAL)
    if kind not in (LOG_READ_ALL, LOG_SIZE) and not call.credentials.privileged:
        raise LinuxError(EPERM)
    return LOG_BYTES if kind == LOG_SIZE else 0
