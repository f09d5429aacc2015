"""A machine's shared memory without its processes: the test's own process plays its CPUs."""

import contextlib

from ..actor.prepare import prepare_actor
from ..kernel.sched.hotplug import bring_online
from ..limits import MIB, SERVER, SUPERVISOR, TIMEKEEPER
from ..machine.config import Config
from ..machine.filling import fill as fill_record
from ..shm.segment import Window


def fill(window, cpus=2, policy="inko", seed=1, blocking_cpus=0):
    """The machine record as at boot, and every actor's record as its process would fill it."""
    config = Config.make(
        cpus, policy, seed=seed, memory=window.memory_bytes, blocking_cpus=blocking_cpus, translator="off"
    )
    fill_record(window.machine, config)
    for actor in (*range(cpus), SUPERVISOR, SERVER, TIMEKEEPER):
        prepare_actor(window, actor, policy)
    for cpu in range(cpus):
        bring_online(window.address, SERVER, cpu)


@contextlib.contextmanager
def bare_window(cpus=2, policy="inko", seed=1, memory_bytes=16 * MIB, blocking_cpus=0):
    """A fresh filled window, destroyed at the end."""
    window = Window.create(memory_bytes)
    try:
        fill(window, cpus, policy, seed, blocking_cpus)
        yield window
    finally:
        window.destroy()
