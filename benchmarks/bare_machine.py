"""A machine without processes: the shared records, and a task with threads, for timing the kernel's core alone.

What is timed runs in this process as actor 0 (and 1); nothing else looks at the records.
Functions that are timed are compiled with the kernel's own code inside, as it is in a CPU.
"""

from emu import Machine
from emu.actor.prepare import prepare_actor
from emu.kernel.sched import waking
from emu.kernel.sched.hotplug import bring_online
from emu.kernel.task import records as task
from emu.kernel.thread import records as thread
from emu.limits import MIB
from emu.machine.filling import fill
from emu.shm.cpumask import to_words
from emu.shm.segment import Window

CPUS = 2


class BareMachine:
    """`.address` for entries, `.machine` the records, `.task` a task's index."""

    def __init__(self, policy="inko"):
        machine = Machine(CPUS, policy=policy, memory=16 * MIB, seed=1)
        self.window = Window.create(machine.config.memory_bytes)
        fill(self.window.machine, machine.config)
        self.machine = self.window.machine
        self.address = self.window.address
        for cpu in range(CPUS):
            prepare_actor(self.window, cpu, policy)
            bring_online(self.address, cpu, cpu)
        self.task = task.create_task(self.address, 0)

    def add_threads(self, count):
        """Make RUNNABLE threads on CPU 0; their indices."""
        indices = [thread.create_thread(self.address, 0, self.task) for _ in range(count)]
        for i in indices:
            self.machine["threads"][i]["affinity"] = to_words(1)  # whatever the policy would choose
            waking.start(self.address, 0, i)
            self.machine["threads"][i]["affinity"] = to_words(-1)
        return indices

    def close(self):
        self.machine = None
        self.window.destroy()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
