"""Hot-plug, the supervisor's side (rust-4): a CPU's process, and its records before it starts.

What the scheduler itself does is kernel/sched/hotplug.py.
"""

from ..errors import MachineError
from ..kernel.thread.states import LIFE_CREATED
from ..limits import MAX_CPUS
from ..shm.cpumask import to_int


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
    raise MachineError(f"CPU {cpu!r} cannot be removed: the machine's CPUs are {', '.join(map(str, known))}")
