"""mlock and its family. RLIMIT_MEMLOCK binds those that are not privileged."""

from ...abi.errno import EAGAIN, EINVAL, ENOMEM, EPERM
from ...abi.mman import MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT, MLOCK_ONFAULT
from ...kernel.vm.locking import lock_all, lock_region, touch
from ...limits import PAGE_SIZE, USER_TOP
from ..errors import LinuxError
from ..resource_limits import RLIMIT_MEMLOCK
from .registry import Int32, Pointer, Size, served


def _range(address, length):
    """(start, end) of the pages that a range touches. EINVAL."""
    start, end = address // PAGE_SIZE * PAGE_SIZE, -(-(address + length) // PAGE_SIZE) * PAGE_SIZE
    if end > USER_TOP:
        raise LinuxError(ENOMEM if address < USER_TOP else EINVAL)
    return start, end


def _check_limit(call, added):
    """EPERM where nothing may be locked, ENOMEM where this would be too much."""
    most, _ = call.machine.limit(call.task, RLIMIT_MEMLOCK)
    if call.credentials.privileged:
        return
    if most == 0:
        raise LinuxError(EPERM)
    if int(call.task_record["locked"]) * PAGE_SIZE + added > most:
        raise LinuxError(ENOMEM)


def _mlock(call, address, length, touches):
    start, end = _range(address, length)
    _check_limit(call, end - start)
    where = call.server.base, call.server.me, call.task_index
    result = lock_region(*where, start, end, 1)
    if result == 0 and touches and touch(*where, start, end) < end:
        raise LinuxError(EAGAIN)
    return result


@served("mlock")
def mlock(call, address: Pointer, length: Size):
    return _mlock(call, address, length, True)


@served("mlock2")
def mlock2(call, address: Pointer, length: Size, flags: Int32):
    if flags & ~MLOCK_ONFAULT:
        raise LinuxError(EINVAL)
    return _mlock(call, address, length, not flags)


@served("munlock")
def munlock(call, address: Pointer, length: Size):
    return lock_region(call.server.base, call.server.me, call.task_index, *_range(address, length), 0)


@served("mlockall")
def mlockall(call, flags: Int32):
    """Pages that nobody has touched yet get their frames when they are touched, as with MCL_ONFAULT."""
    if not flags & (MCL_CURRENT | MCL_FUTURE) or flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT):
        raise LinuxError(EINVAL)
    mapped = sum(region.pages for region in call.machine.regions(call.task)) * PAGE_SIZE
    _check_limit(call, mapped if flags & MCL_CURRENT else 0)
    return lock_all(call.server.base, call.server.me, call.task_index, flags & (MCL_CURRENT | MCL_FUTURE))


@served("munlockall")
def munlockall(call):
    return lock_all(call.server.base, call.server.me, call.task_index, 0)
