"""What the host did with a process: ran it, or kept it from running. From /proc/PID/stat and
schedstat."""

import os
import time
from dataclasses import dataclass

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
CPU_CLOCK = 2  # CPUCLOCK_SCHED of linux/posix-timers.h: ns of CPU time of a process, in a clock id
STOPPED = ("T", "t")


@dataclass(frozen=True)
class HostProcess:
    """A process at one moment. State as in proc(5): R wants to run, S sleeps, T is stopped, "" is gone."""

    state: str
    cpu_ns: int

    @property
    def stopped(self):
        return self.state in STOPPED


def look_at(pid):
    """The HostProcess of a process id."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            words = file.read().rpartition(")")[2].split()
        return HostProcess(words[0], (int(words[11]) + int(words[12])) * TICK_NS)
    except (OSError, IndexError, ValueError):
        return HostProcess("", 0)


def held_up(before, after, span_ns):
    """How the host kept a process from making progress between two looks; "" where it did not."""
    if after.stopped:
        return "is stopped"
    if before.state == "R" and after.state == "R" and after.cpu_ns - before.cpu_ns < span_ns // 20:
        return "got no core"
    return ""


@dataclass(frozen=True)
class HostTimes:
    """What the host has given a process so far."""

    cpu_ns: int = 0  # of all its threads
    waited_ns: int = 0  # of its first thread: it wanted to run, and there was no core
    involuntary: int = 0  # times a core was taken from that thread

    def since(self, before):
        """(CPU seconds, seconds waited, involuntary switches) after `before`, or None: all."""
        before = before or HostTimes()
        cpu_ns, waited_ns = self.cpu_ns - before.cpu_ns, self.waited_ns - before.waited_ns
        return max(cpu_ns, 0) / 1e9, max(waited_ns, 0) / 1e9, max(self.involuntary - before.involuntary, 0)


def host_times(pid):
    """The HostTimes of a process; zeros for what the host does not tell, or when it is gone."""
    return HostTimes(_cpu_ns(pid), _waited_ns(pid), _involuntary(pid))


def _cpu_ns(pid):
    try:
        return time.clock_gettime_ns((~pid << 3) | CPU_CLOCK)
    except OSError:
        return look_at(pid).cpu_ns


def _waited_ns(pid):
    try:
        with open(f"/proc/{pid}/schedstat") as file:
            return int(file.read().split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def _involuntary(pid):
    try:
        with open(f"/proc/{pid}/status") as file:
            return int(file.read().rpartition("nonvoluntary_ctxt_switches:")[2].split()[0])
    except (OSError, IndexError, ValueError):
        return 0
