"""Served calls on timers: setitimer, getitimer, timer_create and its family, timerfd_create and its family.

Arming is served, expiring is not: that is the timekeeper's (kernel/task/timers.py).
The flag TFD_TIMER_CANCEL_ON_SET is taken, but nobody sets the clock.
"""

import struct
from typing import NamedTuple

from ...abi.clocks import (
    CLOCK_BOOTTIME,
    CLOCK_BOOTTIME_ALARM,
    CLOCK_MONOTONIC,
    CLOCK_PROCESS,
    CLOCK_REALTIME,
    CLOCK_REALTIME_ALARM,
    CLOCK_TAI,
    CLOCK_THREAD,
    SECOND_NS,
    TIMER_ABSTIME,
)
from ...abi.errno import EINVAL
from ...abi.files import O_CLOEXEC, O_NONBLOCK, O_RDONLY
from ...abi.signals import SIGALRM, SIGPROF, SIGVTALRM
from ...abi.words import signed
from ...kernel.task.timers import TIMER_FD, TIMER_ITIMER, TIMER_NOTHING, TIMER_SIGNAL, TIMER_SIGNAL_THREAD
from ...kernel.thread.handles import HANDLE, thread_by_tid
from ...limits import NUM_SIGNALS
from ..errors import LinuxError
from ..vfs.timer_file import TimerFile, TimerNode
from .events import place_new
from .registry import FAR_NS, Int32, Pointer, only, served

ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF = range(3)
MAKE_USER_CLOCK = -8 | 1  # of the calling process: user time alone (linux/posix-timers.h)
TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET = 1, 2
SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SIGEV_THREAD_ID = 0, 1, 2, 4
SPECIFICATION = struct.Struct("<4q")  # struct itimerspec, or itimerval with µs


class Clock(NamedTuple):
    is_realtime: bool
    measured: int | None = None  # a processor-time clock's id


REALTIME, MONOTONIC = Clock(True), Clock(False)
CLOCKS = {
    CLOCK_REALTIME: REALTIME, CLOCK_REALTIME_ALARM: REALTIME, CLOCK_TAI: REALTIME,
    CLOCK_MONOTONIC: MONOTONIC, CLOCK_BOOTTIME: MONOTONIC, CLOCK_BOOTTIME_ALARM: MONOTONIC,
}  # fmt: skip


INTERVAL_TIMERS = {
    ITIMER_REAL: (MONOTONIC, SIGALRM),
    ITIMER_VIRTUAL: (Clock(False, MAKE_USER_CLOCK), SIGVTALRM),
    ITIMER_PROF: (Clock(False, CLOCK_PROCESS), SIGPROF),
}  # (clock, signal)


def _clock(number):
    """EINVAL."""
    if number in (CLOCK_PROCESS, CLOCK_THREAD) or number < 0:
        return Clock(False, number)
    if number not in CLOCKS:
        raise LinuxError(EINVAL)
    return CLOCKS[number]


def _read(call, address, units):
    """(first, interval) in ns of a structure whose fractions are so many to a second; EINVAL."""
    words = SPECIFICATION.unpack(call.read(address, SPECIFICATION.size))
    times = []
    for seconds, fraction in (words[2:], words[:2]):
        if seconds < 0 or not 0 <= fraction < units:
            raise LinuxError(EINVAL)
        times.append(min(seconds * SECOND_NS + fraction * (SECOND_NS // units), FAR_NS))
    return times


def _write(call, address, setting, units):
    first, interval = (divmod(-(-ns * units // SECOND_NS), units) for ns in setting)
    call.write(address, SPECIFICATION.pack(*interval, *first))


# --- the interval timer -----------------------------------------------------------------------------------------------


@served("getitimer")
def getitimer(call, which: Int32, address: Pointer):
    if which not in INTERVAL_TIMERS:
        raise LinuxError(EINVAL)
    timer = call.task.timers.interval_timers.get(which)
    _write(call, address, timer.setting() if timer else (0, 0), 1_000_000)
    return 0


@served("setitimer")
def setitimer(call, which: Int32, new_at: Pointer, old_at: Pointer):
    if which not in INTERVAL_TIMERS:
        raise LinuxError(EINVAL)
    first, interval = _read(call, new_at, 1_000_000) if new_at else (0, 0)
    timers = call.task.timers.interval_timers
    old = timers[which].setting() if which in timers else (0, 0)
    if old_at:
        _write(call, old_at, old, 1_000_000)
    if which not in timers:
        if not first:
            return 0
        clock, signal = INTERVAL_TIMERS[which]
        timers[which] = _make(call, TIMER_ITIMER, clock, signal=signal)
    timers[which].arm(first, interval, False)
    return 0


def _make(call, kind, clock, **told):
    """A timer for the caller's task. EAGAIN, EINVAL."""
    timer = call.timer_pool.make(call.task.index, kind, clock, **told)
    if clock.measured is not None:
        timer.measure(call.thread_index)
    return timer


# --- POSIX timers -----------------------------------------------------------------------------------------------------


def _timer(call, number):
    timer = call.task.timers.by_id.get(number)
    if timer is None:
        raise LinuxError(EINVAL)
    return timer


@served("timer_create")
def timer_create(call, clock: Int32, event_at: Pointer, id_at: Pointer):
    timers = call.task.timers
    clock, number = _clock(clock), timers.lowest_id()
    value, signal, how, tid = number, SIGALRM, SIGEV_SIGNAL, 0
    if event_at:
        value, signal, how, tid = struct.unpack("<QiiI", call.read(event_at, 20))
    kinds = {SIGEV_SIGNAL: TIMER_SIGNAL, SIGEV_NONE: TIMER_NOTHING, SIGEV_THREAD: TIMER_SIGNAL,
             SIGEV_THREAD_ID: TIMER_SIGNAL_THREAD}  # fmt: skip
    if how not in kinds or (how != SIGEV_NONE and not 1 <= signal <= NUM_SIGNALS):
        raise LinuxError(EINVAL)
    thread = _member(call, tid) if how == SIGEV_THREAD_ID else -1
    call.write(id_at, struct.pack("<i", number))
    told = signal if how != SIGEV_NONE else SIGALRM
    timer = _make(call, kinds[how], clock, thread=thread, signal=told)
    timers.by_id[number] = timer
    timer.describe(number, signed(value))
    return 0


def _member(call, tid):
    """The handle of a thread of the caller's task; EINVAL."""
    base, machine = call.server.base, call.server.machine
    i = thread_by_tid(base, tid)
    if i < 0 or int(machine["threads"][i]["task"]) != call.task.index:
        raise LinuxError(EINVAL)
    return HANDLE.pack(index=i, generation=int(machine["threads"][i]["generation"]))


@served("timer_settime")
def timer_settime(call, number: Int32, flags: Int32, new_at: Pointer, old_at: Pointer):
    return _arm(call, _timer(call, number), bool(flags & TIMER_ABSTIME), new_at, old_at)


def _arm(call, timer, absolute, new_at, old_at):
    """Arm a timer by a struct itimerspec, and store what was set before."""
    first, interval = _read(call, new_at, SECOND_NS)
    old = timer.setting()
    timer.arm(first, interval, absolute)
    if old_at:
        _write(call, old_at, old, SECOND_NS)
    return 0


@served("timer_gettime")
def timer_gettime(call, number: Int32, address: Pointer):
    _write(call, address, _timer(call, number).setting(), SECOND_NS)
    return 0


@served("timer_getoverrun")
def timer_getoverrun(call, number: Int32):
    return min(int(_timer(call, number).record["overrun"]), 0x7FFFFFFF)


@served("timer_delete")
def timer_delete(call, number: Int32):
    _timer(call, number).close()
    del call.task.timers.by_id[number]
    return 0


# --- timers behind descriptors ----------------------------------------------------------------------------------------


@served("timerfd_create")
def timerfd_create(call, clock: Int32, flags: Int32):
    only(flags, O_CLOEXEC | O_NONBLOCK)
    if clock not in CLOCKS:
        raise LinuxError(EINVAL)
    clock = CLOCKS[clock]

    def make():
        timer = call.timer_pool.make(call.task.index, TIMER_FD, clock)
        return TimerFile(TimerNode(call.tree.filesystem, timer), O_RDONLY | flags & O_NONBLOCK)

    return place_new(call, flags, make)


def _timer_of(call, fd):
    file = call.task.files.usable(fd)
    if not isinstance(file, TimerFile):
        raise LinuxError(EINVAL)
    return file.node.timer


@served("timerfd_settime")
def timerfd_settime(call, fd: Int32, flags: Int32, new_at: Pointer, old_at: Pointer):
    only(flags, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)
    return _arm(call, _timer_of(call, fd), bool(flags & TFD_TIMER_ABSTIME), new_at, old_at)


@served("timerfd_gettime")
def timerfd_gettime(call, fd: Int32, address: Pointer):
    _write(call, address, _timer_of(call, fd).setting(), SECOND_NS)
    return 0
