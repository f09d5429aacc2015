"""The system server's side of timers: which records belong to which task, and arming them by a clock."""

import time

from ..abi.errno import EAGAIN, EINVAL
from ..abi.signals import SIGALRM
from ..kernel.linux.time import measure_timer
from ..kernel.sleep.heap import NEVER
from ..kernel.task import timers as hot
from ..kernel.thread.handles import HANDLE
from ..limits import MAX_TIMERS, TIMERS_PER_TASK
from .errors import LinuxError


class Timer:
    """One timer: a record, which `close` gives back."""

    def __init__(self, pool, n, clock):
        self._pool, self._n, self.clock = pool, n, clock
        self.record = pool.server.machine["timers"][n]

    def arm(self, first_ns, interval_ns, absolute):
        """Expire after, or with `absolute` at, a time of the timer's clock; 0 disarms it."""
        server = self._pool.server
        now, realtime = time.monotonic_ns(), time.time_ns()
        if self.clock.measured is not None:
            now = realtime = max(self._measured_ns(), 0)
        deadline = 0
        if first_ns:
            behind = 0 if not self.clock.is_realtime else realtime - now
            deadline = max(first_ns - behind, 1) if absolute else now + first_ns
        hot.arm_timer(server.base, server.me, self._n, min(deadline, NEVER), min(interval_ns, NEVER))

    def describe(self, number, value):
        """What its signal says: its id, and a word."""
        server = self._pool.server
        hot.name_timer(server.base, server.me, self._n, number, value)

    def setting(self):
        """(ns until it expires next, its interval); (0, interval) when it is not armed."""
        if not self.record["armed"]:
            return 0, int(self.record["interval_ns"])
        if self.clock.measured is not None:
            left = int(self.record["target_ns"]) - self._measured_ns()
        else:
            left = int(self.record["deadline_ns"]) - time.monotonic_ns()
        return max(left, 1), int(self.record["interval_ns"])

    def measure(self, i):
        """Expire by the processor-time clock as thread i names it; EINVAL, and the timer is given back."""
        server = self._pool.server
        if measure_timer(server.base, server.me, self._n, i, self.clock.measured) < 0:
            self.close()
            raise LinuxError(EINVAL)

    def _measured_ns(self):
        server = self._pool.server
        return hot.measured_ns(server.base, server.me, self._n)

    def take_expirations(self):
        server = self._pool.server
        return hot.take_expirations(server.base, server.me, self._n)

    def close(self):
        self._pool.give_back(self._n)


class TimerPool:
    """Which records are in use. The server alone makes and frees timers."""

    def __init__(self, server):
        self.server = server
        self._free = []
        self._fresh = 0

    def make(self, task, kind, clock, thread=-1, signal=SIGALRM):
        """A Timer that tells the task with this index, or one of its threads (a handle); EAGAIN."""
        if self._free:
            n = self._free.pop()
        elif self._fresh < MAX_TIMERS:
            n = self._fresh
            self._fresh += 1
        else:
            raise LinuxError(EAGAIN)
        server = self.server
        handle = HANDLE.pack(index=task, generation=int(server.machine["tasks"][task]["generation"]))
        hot.make_timer(server.base, server.me, n, kind, handle, thread, signal)
        return Timer(self, n, clock)

    def give_back(self, n):
        hot.free_timer(self.server.base, self.server.me, n)
        self._free.append(n)


class TaskTimers:
    """The POSIX timers of a task, by id, and its interval timers, by ITIMER_*."""

    def __init__(self):
        self.by_id = {}
        self.interval_timers = {}

    def lowest_id(self):
        """A free id; EAGAIN."""
        if len(self.by_id) >= TIMERS_PER_TASK:
            raise LinuxError(EAGAIN)
        return next(k for k in range(TIMERS_PER_TASK) if k not in self.by_id)

    def close(self, keep_interval_timers=False):
        """Give all timers back; a new program keeps the interval timers."""
        for timer in self.by_id.values():
            timer.close()
        self.by_id.clear()
        if not keep_interval_timers:
            for timer in self.interval_timers.values():
                timer.close()
            self.interval_timers.clear()
