"""Cold entries to the handing over of a CPU, for tests."""

from emu.hot import entry
from emu.kernel.sched import core
from emu.kernel.sched.hand_over import hand_over
from emu.kernel.thread import sleep_word
from emu.shm.layout import machine_at


@entry(3)
def take_sleep(address, i, word):
    """Take a thread's sleep and give it over to who makes it runnable, as a sender does with its receiver's."""
    t = machine_at(address).threads[i]
    if not sleep_word.take(t, word):
        return 0
    sleep_word.hand_over(t)
    return 1


@entry(5)
def try_to_hand_over(address, me, i, heir, sleeps):
    return hand_over(machine_at(address), me, i, heir, sleeps != 0)


@entry(5)
def switch_to(address, me, i, heir, sleeps):
    core.switch_to(machine_at(address), me, i, heir, sleeps != 0)
    return 0
