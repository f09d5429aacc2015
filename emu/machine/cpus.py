"""Hot-plug, the supervisor's side (rust-4): a CPU's process, and its records before it starts.

The scheduler's own part is in kernel/sched/hotplug.py.
"""

import time

from ..errors import MachineError
from ..kernel.thread.states import LIFE_CREATED
from ..limits import MAX_CPUS
from ..shm.cpumask import to_int
from .children import end_all
from .ownership import in_use

LOOK_S = 0.1  # between two looks for signals and failures, while it waits for a process
DELIVERY_S = 60.0  # how long a CPU that has left may take to deliver what it has sent


def free_slot(machine):
    """The lowest CPU number that is free."""
    for cpu in range(MAX_CPUS):
        if cpu not in machine._processes:
            return cpu
    raise MachineError(f"the machine has {MAX_CPUS} CPUs already, which is the most it can have")


def prepare_slot(machine, cpu):
    """Records of a CPU that is about to start. Its figures go on from those of an earlier one."""
    m = machine.window.machine
    queue, record = m["queues"][cpu], m["cpus"][cpu]
    queue["policy"] = 0
    queue["head"] = queue["tail"] = 0
    queue["life"] = LIFE_CREATED
    record["process"] = 0
    record["pending"] = record["parked"] = record["kicks"] = 0
    record["current"] = -1
    m["nr_cpus"] = max(int(m["nr_cpus"]), cpu + 1)
    machine._ask("activate", cpu)


def tell_to_leave(machine, cpu):
    """Begin the removal of a CPU; MachineError when it is none, or the last."""
    if isinstance(cpu, int) and 0 <= cpu < MAX_CPUS and machine._ask("offline", cpu):
        return
    online = to_int(machine.window.machine["online"])  # after the server's answer: it brings CPUs up at boot
    known = [k for k in range(MAX_CPUS) if online >> k & 1]
    if known == [cpu]:
        raise MachineError(f"CPU {cpu} cannot be removed: it is the last one")
    if cpu in known:
        pool = "blocking" if to_int(machine.window.machine["blocking_pool"]) >> cpu & 1 else "primary"
        raise MachineError(f"CPU {cpu} cannot be removed: it is the last {pool} one")
    raise MachineError(f"CPU {cpu!r} cannot be removed: the machine's CPUs are {', '.join(map(str, known))}")


class HotPlug:
    """The part of Machine that adds and removes CPUs."""

    @in_use
    def add_cpu(self) -> int:
        """Start one more CPU on the running machine; its number (rust-4)."""
        self._need_active()
        self._reap_cpus()
        cpu = free_slot(self)
        prepare_slot(self, cpu)
        self._start_cpu(cpu)
        self.call(cpu, "ping", 0)
        return cpu

    @in_use
    def remove_cpu(self, cpu: int, wait: bool = True) -> None:
        """Take a CPU from the running machine: its threads move; it waits for those pinned to it (rust-4)."""
        self._need_active()
        self._need_running("remove_cpu")
        tell_to_leave(self, cpu)
        if wait:
            self._wait_until(lambda: not to_int(self.window.machine["active"]) >> cpu & 1)
        self._reap_cpus(wait)

    def _need_active(self):
        if not self._is_active():
            raise MachineError("the machine has stopped: its last scheduler has exited")

    def _reap_cpus(self, wait=True):
        """Forget the processes of CPUs that have left, where they have ended, and `wait` until they have."""
        for cpu in [a for a in self._processes if a < MAX_CPUS and not self._needed(a)]:
            if wait:
                self._await_end(self._processes[cpu])
            if not self._processes[cpu].is_alive():
                del self._processes[cpu]

    def _await_end(self, process):
        """A CPU that has left ends when what it has sent is delivered (actor/mail.py), or is killed after all."""
        end = time.monotonic() + DELIVERY_S
        while process.is_alive() and time.monotonic() < end:
            self._at_safe_point()
            self._check()
            process.join(LOOK_S)
        end_all({0: process})
