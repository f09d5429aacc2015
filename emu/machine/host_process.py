"""What the host did with a process: ran it, or kept it from running. From /proc/PID/stat."""

import os
from dataclasses import dataclass

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
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
    """Why a process made no progress between two looks, "" where the host is not the reason."""
    if after.stopped:
        return "is stopped"
    if before.state == "R" and after.state == "R" and after.cpu_ns - before.cpu_ns < span_ns // 20:
        return "got no core"
    return ""
