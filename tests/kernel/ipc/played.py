"""Threads of a played machine that make IPC calls, as a CPU's loop makes them."""

from emu.abi.registers import A0
from emu.hot import entry, hot
from emu.kernel.actions import BLOCK, GIVE, HAND_OVER
from emu.kernel.native.calls import native_call
from emu.kernel.native.numbers import IPC
from emu.kernel.sched import waking
from emu.kernel.sched.core import block, switch_to
from emu.kernel.task.records import create_task
from emu.kernel.thread.handles import tid
from emu.kernel.thread.records import create_thread
from emu.kernel.thread.states import RESTART_WOKEN
from emu.shm.cpumask import to_words
from emu.shm.layout import machine_at
from tests.kernel.cpus import MS

BYTES, PHASE, T0, T3 = A0 + 1, A0 + 6, 5, 28
ANYBODY, NOBODY, FOR_EVER = -1, 0, -1


@hot
def _make(m, me, i):
    action = native_call(m, me, i, IPC)
    if action == BLOCK:
        block(m, me, i)
    elif action == HAND_OVER or action == GIVE:
        switch_to(m, me, i, m.cpus[me].heir, action == HAND_OVER)
    return action


@entry(3)
def make_call(address, me, i):
    m = machine_at(address)
    m.threads[i].restart_a0 = m.threads[i].x[A0]
    m.threads[i].sleep_done = 0
    return _make(m, me, i)


@entry(3)
def make_again(address, me, i):
    m = machine_at(address)
    m.threads[i].restart = 0
    m.threads[i].x[A0] = m.threads[i].restart_a0
    return _make(m, me, i)


class Threads:
    """Threads of one task, all bound to CPU 0, where the first one runs."""

    def __init__(self, cpus, count=3):
        self.cpus, self.base = cpus, cpus.base
        cpus.stop_clock()
        self.task = create_task(cpus.base, 0)
        self.indices = [create_thread(cpus.base, 0, self.task) for _ in range(count)]
        for i in self.indices:
            cpus.threads[i]["affinity"] = to_words(1)
        for i in self.indices:
            waking.start(cpus.base, 0, i)
        self.run(0)

    def tid(self, k):
        return tid(self.base, self.indices[k])

    def record(self, k):
        return self.cpus.threads[self.indices[k]]

    def run(self, k):
        """Let thread k have the CPU."""
        if self.cpus.current(0) < 0:
            self.cpus.pick(0)
        for _ in range(20):
            if self.cpus.current(0) == self.indices[k]:
                return
            self.cpus.advance(10 * MS)  # so that a fair policy chooses another one
            self.cpus.switch(0)
        raise AssertionError(f"thread {k} gets no CPU: {self.states()}")

    def call(self, k, to=NOBODY, source=NOBODY, flags=0, timeout_ns=FOR_EVER, number=0):
        """Thread k, which gets the CPU, makes a call."""
        self.run(k)
        x = self.record(k)["x"]
        x[A0], x[A0 + 1], x[A0 + 2], x[A0 + 3], x[PHASE] = to, source, flags, timeout_ns, 0
        x[T0 : T0 + 3] = x[T3 : T3 + 3] = number
        return make_call(self.base, 0, self.indices[k])

    def again(self, k):
        """It was woken to make its call again, and does."""
        assert self.record(k)["restart"] == RESTART_WOKEN
        self.run(k)
        return make_again(self.base, 0, self.indices[k])

    def got(self, k):
        """(result, whether it has sent, message register) of a call that is over."""
        x = self.record(k)["x"]
        return int(x[A0]), int(x[PHASE]), int(x[T0])

    def states(self):
        return [self.cpus.state(i)[0] for i in self.indices]
