"""Served Linux calls about who runs when: policies, priorities, nice values, affinity (sched(7)).

What they set reaches the machine's scheduler at once (kernel/sched/importance.py).  Whatever Linux policy a guest asks
for, the person who started the machine has chosen the policy that runs, and that decides what it makes of nice values
and real-time priorities.  SCHED_IDLE counts as nice 19, SCHED_BATCH as SCHED_OTHER.
"""

import struct

from ...abi.clocks import SECOND_NS
from ...abi.errno import E2BIG, EACCES, EINVAL, EPERM, ESRCH
from ...kernel.thread.inherit import RESET_ON_FORK
from ...limits import PAGE_SIZE
from ..errors import LinuxError
from ..resource_limits import RLIMIT_NICE, RLIMIT_RTPRIO, limit_of
from .registry import Int32, Pointer, UInt32, served

SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE = 0, 1, 2, 3, 5
PRIORITIES = {SCHED_OTHER: (0, 0), SCHED_FIFO: (1, 99), SCHED_RR: (1, 99), SCHED_BATCH: (0, 0), SCHED_IDLE: (0, 0)}
ATTR_BYTES, ATTR_BYTES_NOW = 48, 56  # of struct sched_attr: its first version, and that with utilization bounds
ATTR_RESET_ON_FORK, ATTR_KEEP_POLICY, ATTR_KEEP_PARAMETERS = 1, 8, 16
ATTR_KNOWN = ATTR_RESET_ON_FORK | ATTR_KEEP_POLICY | ATTR_KEEP_PARAMETERS
PRIO_PROCESS, PRIO_PGRP, PRIO_USER = range(3)


def _thread(call, tid):
    """The tid of an existing thread, 0 meaning the caller; ESRCH, EINVAL."""
    if tid < 0:
        raise LinuxError(EINVAL)
    if tid in (0, call.tid):
        return call.tid
    if call.machine.affinity(tid) is None:
        raise LinuxError(ESRCH)
    return tid


def may_change(call, tid):
    """Whether the caller may change a thread: root may, and its own user."""
    mine, theirs = call.credentials, call.machine.credentials(tid)
    return mine.privileged or mine.euid in (theirs.uid, theirs.euid)


def _parameters_of(call, tid):
    """(SCHED_*, RESET_ON_FORK or 0, real-time priority)."""
    policy, priority = call.machine.scheduling(_thread(call, tid))
    return policy & ~RESET_ON_FORK, policy & RESET_ON_FORK, priority


def _set_parameters(call, tid, policy, reset, priority, nice=None):
    tid = _thread(call, tid)
    if policy not in PRIORITIES:
        raise LinuxError(EINVAL)
    lowest, highest = PRIORITIES[policy]
    if not lowest <= priority <= highest:
        raise LinuxError(EINVAL)
    if not call.credentials.privileged:
        old_policy, old_reset, old_priority = _parameters_of(call, tid)
        allowed = limit_of(call.task, RLIMIT_RTPRIO)[0]
        if not may_change(call, tid) or (old_reset and not reset):
            raise LinuxError(EPERM)
        if priority and ((policy != old_policy and not allowed) or (priority > old_priority and priority > allowed)):
            raise LinuxError(EPERM)
        if old_policy == SCHED_IDLE != policy and not _may_have_nice(call, call.machine.nice(tid)):
            raise LinuxError(EPERM)
        if nice is not None and nice < call.machine.nice(tid) and not _may_have_nice(call, nice):
            raise LinuxError(EPERM)
    call.machine.set_scheduling(tid, policy | reset, priority, nice)
    return 0


def _may_have_nice(call, nice):
    """RLIMIT_NICE counts from 1 for nice 19 to 40 for nice -20."""
    return 20 - nice <= limit_of(call.task, RLIMIT_NICE)[0]


@served("sched_getaffinity")
def sched_getaffinity(call, tid: Int32, size: UInt32, address: Pointer):
    if size * 8 < call.machine.nr_cpus or size % 8:
        raise LinuxError(EINVAL)
    mask = call.machine.affinity(_thread(call, tid))
    if mask is None:
        raise LinuxError(ESRCH)
    known = mask.to_bytes(-(-call.machine.nr_cpus // 64) * 8, "little")
    call.write(address, known)
    return len(known)


@served("sched_setaffinity")
def sched_setaffinity(call, tid: Int32, size: UInt32, address: Pointer):
    mask = int.from_bytes(call.read(address, min(size, 1024)), "little") & call.machine.cpu_mask
    tid = _thread(call, tid)
    if not mask:
        raise LinuxError(EINVAL)
    return -call.machine.set_affinity(tid, mask)


@served("sched_getscheduler")
def sched_getscheduler(call, tid: Int32):
    policy, reset, _ = _parameters_of(call, tid)
    return policy | reset


def _priority_at(call, address):
    if not address:
        raise LinuxError(EINVAL)
    return struct.unpack("<i", call.read(address, 4))[0]


@served("sched_setscheduler")
def sched_setscheduler(call, tid: Int32, policy: Int32, address: Pointer):
    if policy < 0:
        raise LinuxError(EINVAL)
    return _set_parameters(call, tid, policy & ~RESET_ON_FORK, policy & RESET_ON_FORK, _priority_at(call, address))


@served("sched_getparam")
def sched_getparam(call, tid: Int32, address: Pointer):
    if not address:
        raise LinuxError(EINVAL)
    call.write(address, struct.pack("<i", _parameters_of(call, tid)[2]))
    return 0


@served("sched_setparam")
def sched_setparam(call, tid: Int32, address: Pointer):
    priority = _priority_at(call, address)
    policy, reset, _ = _parameters_of(call, tid)
    return _set_parameters(call, tid, policy, reset, priority)


@served("sched_setattr")
def sched_setattr(call, tid: Int32, address: Pointer, flags: UInt32):
    """SCHED_DEADLINE is not offered (EINVAL, as for a policy that there is not)."""
    if not address or flags or tid < 0:
        raise LinuxError(EINVAL)
    size = struct.unpack("<I", call.read(address, 4))[0] or ATTR_BYTES
    if size < ATTR_BYTES or size > PAGE_SIZE:
        call.write(address, struct.pack("<I", ATTR_BYTES))
        raise LinuxError(E2BIG)
    data = call.read(address, size)
    if any(data[ATTR_BYTES_NOW:]):
        call.write(address, struct.pack("<I", ATTR_BYTES))
        raise LinuxError(E2BIG)
    _, policy, wanted, nice, priority = struct.unpack_from("<IIQiI", data)
    if wanted & ~ATTR_KNOWN:
        raise LinuxError(EINVAL)
    old_policy, _, old_priority = _parameters_of(call, tid)
    if wanted & ATTR_KEEP_POLICY:
        policy = old_policy
    if wanted & ATTR_KEEP_PARAMETERS:
        nice, priority = None, old_priority
    elif policy in (SCHED_OTHER, SCHED_BATCH):
        nice = max(-20, min(19, nice))
    else:
        nice = None
    return _set_parameters(call, tid, policy, RESET_ON_FORK if wanted & ATTR_RESET_ON_FORK else 0, priority, nice)


@served("sched_getattr")
def sched_getattr(call, tid: Int32, address: Pointer, size: UInt32, flags: UInt32):
    if not address or flags or not ATTR_BYTES <= size <= PAGE_SIZE or tid < 0:
        raise LinuxError(EINVAL)
    policy, reset, priority = _parameters_of(call, tid)
    nice = call.machine.nice(_thread(call, tid)) if policy in (SCHED_OTHER, SCHED_BATCH, SCHED_IDLE) else 0
    size = min(size, ATTR_BYTES_NOW)
    known = struct.pack("<IIQiI", size, policy, ATTR_RESET_ON_FORK if reset else 0, nice, priority)
    call.write(address, known.ljust(size, b"\0"))
    return 0


def _priorities(policy):
    if policy not in PRIORITIES:
        raise LinuxError(EINVAL)
    return PRIORITIES[policy]


@served("sched_get_priority_min")
def sched_get_priority_min(call, policy: Int32):
    return _priorities(policy)[0]


@served("sched_get_priority_max")
def sched_get_priority_max(call, policy: Int32):
    return _priorities(policy)[1]


@served("sched_rr_get_interval")
def sched_rr_get_interval(call, tid: Int32, address: Pointer):
    """The machine's time slice, 0 for SCHED_FIFO."""
    policy, _, _ = _parameters_of(call, tid)
    seconds, ns = divmod(0 if policy == SCHED_FIFO else call.machine.slice_ns, SECOND_NS)
    call.write(address, struct.pack("<qq", seconds, ns))
    return 0


@served("getpriority")
def getpriority(call, which: Int32, who: Int32):
    """20 - nice, of several the most important one's, as the kernel gives it (the C library turns it round)."""
    return 20 - min(call.machine.nice(tid) for tid in _threads_of_priority(call, which, who))


@served("setpriority")
def setpriority(call, which: Int32, who: Int32, value: Int32):
    """All that may be changed are; the error is that of the last one that may not."""
    value, error = max(-20, min(19, value)), 0
    for tid in _threads_of_priority(call, which, who):
        if not may_change(call, tid):
            error = EPERM
        elif value < call.machine.nice(tid) and not call.credentials.privileged and not _may_have_nice(call, value):
            error = EACCES
        else:
            call.machine.set_nice(tid, value)
    if error:
        raise LinuxError(error)
    return 0


def _threads_of_priority(call, which, who):
    """The tids of one thread, of all threads of a process group, or of a user, 0 meaning the caller's; ESRCH."""
    machine = call.machine
    if which == PRIO_PROCESS:
        if who < 0:
            raise LinuxError(ESRCH)
        return [_thread(call, who)]
    if which not in (PRIO_PGRP, PRIO_USER):
        raise LinuxError(EINVAL)
    who = who or (call.task.group if which == PRIO_PGRP else call.credentials.uid)
    tasks = [task for task in machine.tasks() if which == PRIO_USER or task.group == who]
    found = [tid for task in tasks for tid in machine.threads_of(task)]
    if which == PRIO_USER:
        found = [tid for tid in found if machine.credentials(tid).uid == who]
    if not found:
        raise LinuxError(ESRCH)
    return found
