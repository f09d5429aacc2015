"""Threads of a played machine that make upcalls, as a CPU's loop has them do it."""

import numpy as np

from emu.abi.registers import A0, SP, TP
from emu.hot import entry
from emu.kernel.actions import BLOCK
from emu.kernel.groups import mailbox, offers
from emu.kernel.native.calls import native_call
from emu.kernel.native.upcalls import kse_create
from emu.kernel.sched import waking
from emu.kernel.sched.core import block, switch_to
from emu.kernel.sleep import endings
from emu.kernel.task import exiting
from emu.kernel.task.records import create_task
from emu.kernel.thread.records import create_thread
from emu.kernel.thread.sleep_word import claim, prepare_sleep, sleep_word
from emu.kernel.thread.states import RESTART_WOKEN, SLEEP_TIME
from emu.kernel.upcalls import boundary, recovery
from emu.kernel.vm import address_space, usercopy
from emu.limits import PAGE_SIZE, RAM_OFFSET
from emu.shm.cpumask import to_words
from emu.shm.layout import machine_at
from emu.testing.checks import check_queues
from emu.testing.upcall_checks import check_upcalls

BASE = 1 << 32  # where the task has memory
PAGES = 16
RW = 3
FUNCTION, STACK, THREAD_POINTER = 0x11000, BASE + 0x8000, 0x7700
STACK_BYTES = 0x1000
MAILBOXES, USER_THREADS = BASE, BASE + 2 * PAGE_SIZE


@entry(4)
def call(address, me, i, number):
    """A native call, whose sleep follows."""
    m = machine_at(address)
    t = m.threads[i]
    t.restart_a0 = t.x[A0]
    action = native_call(m, me, i, number)
    if action == BLOCK:
        block(m, me, i)
    return action


@entry(4)
def create(address, me, i, box):
    """kse_create in the caller's group."""
    return kse_create(machine_at(address), me, i, box, 0)


@entry(4)
def call_again(address, me, i, number):
    m = machine_at(address)
    m.threads[i].restart = 0
    m.threads[i].x[A0] = m.threads[i].restart_a0
    action = native_call(m, me, i, number)
    if action == BLOCK:
        block(m, me, i)
    return action


@entry(4)
def fall_asleep(address, me, i, reason):
    """A call that waits; its sleep's word, 0 where the thread has not fallen asleep."""
    m = machine_at(address)
    word = prepare_sleep(m.threads[i], reason)
    return word if block(m, me, i) else 0


@entry(3)
def fall_asleep_late(address, me, i):
    """A call that waits for what has come already."""
    m = machine_at(address)
    claim(m.threads[i], prepare_sleep(m.threads[i], SLEEP_TIME))
    return 1 if block(m, me, i) else 0


@entry(4)
def give_cpu(address, me, i, heir):
    """A call that wakes the heir, and hands it this CPU."""
    m = machine_at(address)
    h = m.threads[heir]
    claim(h, sleep_word(h))
    prepare_sleep(m.threads[i], SLEEP_TIME)
    switch_to(m, me, i, heir, True)
    return 0


@entry(4)
def give(address, i, n, offer):
    return 1 if offers.give(machine_at(address), i, n, offer) else 0


@entry(3)
def wake(address, me, i):
    m = machine_at(address)
    t = m.threads[i]
    if claim(t, sleep_word(t)):
        waking.make_runnable(m, me, i)
        return 1
    return 0


@entry(3)
def at_boundary(address, me, i):
    return boundary.at_boundary(machine_at(address), me, i)


@entry(3)
def tick(address, me, i):
    boundary.tick_group(machine_at(address), me, i, boundary.now_ns(machine_at(address)))
    return 0


@entry(4)
def expire(address, me, i, word):
    return 1 if endings.expire(machine_at(address), me, i, word) else 0


@entry(3)
def exit_thread(address, me, i):
    exiting.exit_thread(machine_at(address), me, i, 0)
    return 0


@entry(1)
def rebuild_upcalls(address):
    recovery.rebuild_upcalls(machine_at(address), 0)
    return 0


def user_thread_of(va):
    """The number of the user thread whose mailbox is there."""
    return (va - USER_THREADS) // 1024


class World:
    """A task with memory, and threads that are bound to a CPU each."""

    def __init__(self, cpus, own_frame):
        """`own_frame`: the test's, from which and to which it copies."""
        self.cpus, self.base, self.machine, self.threads = cpus, cpus.base, cpus.machine, cpus.threads
        self.own_frame = own_frame
        self.task = create_task(self.base, 0)
        assert address_space.map_region(self.base, 0, self.task, BASE, PAGES * PAGE_SIZE, RW) == 0
        self.groups, self.upcalls = self.machine["groups"], self.machine["upcalls"]

    def waiting_thread(self, cpu):
        """A thread that waits for a CPU, the only one on which it may run."""
        i = create_thread(self.base, cpu, self.task)
        self.threads[i]["affinity"] = self.threads[i]["asked_affinity"] = to_words(1 << cpu)
        waking.start(self.base, cpu, i)
        return i

    def thread(self, cpu=0):
        """A thread that runs on a CPU, which has no other."""
        i = self.waiting_thread(cpu)
        assert self.cpus.pick(cpu) == i
        return i

    # --- memory ---

    def _host(self):
        return self.base + RAM_OFFSET + self.own_frame * PAGE_SIZE

    def write(self, va, *words):
        content = np.array(words, np.int64).view(np.uint8)
        self.cpus.window.memory(self.own_frame, 1)[: len(content)] = content
        host = self._host()
        assert usercopy.write_user(self.base, 0, self.task, va, host, len(content)) == len(content)

    def read(self, va, count=1):
        assert usercopy.read_user(self.base, 0, self.task, va, self._host(), 8 * count) == 8 * count
        words = self.cpus.window.memory(self.own_frame, 1)[: 8 * count].view(np.int64).tolist()
        return words[0] if count == 1 else words

    def mailbox_at(self, k):
        return MAILBOXES + 128 * k

    def mailbox(self, k):
        """The address of a mailbox, filled in as the library does."""
        va = self.mailbox_at(k)
        self.write(va, 0, 0, 0, 0, FUNCTION + k, STACK, STACK_BYTES, THREAD_POINTER + k, 0)
        return va

    def user_thread(self, k):
        return USER_THREADS + 1024 * k

    def run_user_thread(self, box, k):
        """The library lets a user thread go on."""
        self.write(box + mailbox.CURRENT, self.user_thread(k))

    def current(self, box):
        return self.read(box + mailbox.CURRENT)

    def completed(self, box):
        """The user threads in a mailbox's list, as the library takes them."""
        first = self.read(box + mailbox.COMPLETED)
        self.write(box + mailbox.COMPLETED, 0)
        return self.listed(first)

    def listed(self, va):
        """The user threads in a list that begins there."""
        found = []
        while va:
            found.append(user_thread_of(va))
            va = self.read(va + mailbox.NEXT)
        return found

    # --- threads ---

    def call(self, i, number, *arguments, again=False):
        """(what the CPU does next, a0)."""
        x = self.threads[i]["x"]
        if not again:
            x[A0 : A0 + 6] = [*arguments, *[0] * (6 - len(arguments))]
            self.threads[i]["restart"] = 0
        else:
            assert self.threads[i]["restart"] == RESTART_WOKEN
        action = (call_again if again else call)(self.base, self.cpu_of(i), i, number)
        return action, int(x[A0])

    def cpu_of(self, i):
        return self.cpus.state(i)[1]

    def running(self, cpu=0):
        i = self.cpus.current(cpu)
        return i if i >= 0 else self.cpus.pick(cpu)

    def block(self, i, reason=SLEEP_TIME):
        """Thread i waits for something; the thread that runs on its CPU then."""
        cpu = self.cpu_of(i)
        fall_asleep(self.base, cpu, i, reason)
        return self.running(cpu)

    def wake(self, i, me=0):
        assert wake(self.base, me, i) == 1

    def enter(self, i):
        """The thread, which runs, comes to the border: what becomes of it."""
        return at_boundary(self.base, self.cpu_of(i), i)

    def let_run(self, i, cpu=0):
        """Let thread i, which waits, have the CPU."""
        for _ in range(20):
            if self.running(cpu) == i:
                return i
            self.cpus.advance(10_000_000)
            self.cpus.switch(cpu)
        raise AssertionError(f"thread {i} gets no CPU: {self.cpus.state(i)}")

    def leave_spares(self):
        """Spares that were told to end do."""
        for i in np.flatnonzero(self.threads["told_to_end"]).tolist():
            exit_thread(self.base, self.cpu_of(i), self.let_run(i, self.cpu_of(i)))

    def entered(self, i):
        """(pc, a0, sp, tp) with which a thread goes on in user space."""
        t = self.threads[i]
        return int(t["pc"]), int(t["x"][A0]), int(t["x"][SP]), int(t["x"][TP])

    def kse(self, i):
        return int(self.threads[i]["kse"])

    def check(self):
        check_queues(self.machine, self.cpus.policy)
        check_upcalls(self.cpus.window)
        assert self.machine["failed"] == 0, f"failed {self.machine['failed']} ({self.machine['failed_value']})"
