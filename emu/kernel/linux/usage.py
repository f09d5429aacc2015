"""getrusage and times; struct rusage for those who wait for children."""

from ...abi.clocks import CLOCK_TICKS, SECOND_NS
from ...abi.errno import EFAULT, EINVAL
from ...abi.registers import A0
from ...abi.words import int32
from ...hot import hot, never_inline
from ...limits import PAGE_SIZE, USAGE_WORDS
from ...shm.clock import steady_ns
from ...shm.exits import ACCESS_WRITE
from ..critical import noncritical
from ..task.usage import INSTRUCTION_NS, used_by_children, used_by_task
from ..thread.usage import (
    USED_FAULTS,
    USED_INSTRUCTIONS,
    USED_INVOLUNTARY,
    USED_PEAK,
    USED_SYSTEM_NS,
    USED_VOLUNTARY,
    used_by_thread,
)
from ..vm.usercopy import FILL, copy_user, put_word

RUSAGE_SELF, RUSAGE_CHILDREN, RUSAGE_THREAD = 0, -1, 1
USAGE_BYTES = 144  # of struct rusage
TICK_NS = SECOND_NS // CLOCK_TICKS


@hot
def put_usage(m, me, task, va):
    """Store a struct rusage with what `me`'s given_words say; 0 or -EFAULT."""
    never_inline()
    noncritical(m, me)
    words = m.cpus[me].given_words
    if copy_user(m, me, task, va, FILL, USAGE_BYTES, ACCESS_WRITE) < USAGE_BYTES:
        return -EFAULT
    user_us = words[USED_INSTRUCTIONS] * INSTRUCTION_NS // 1000
    system_us = words[USED_SYSTEM_NS] // 1000
    put_word(m, me, task, va, user_us // 1_000_000)
    put_word(m, me, task, va + 8, user_us % 1_000_000)
    put_word(m, me, task, va + 16, system_us // 1_000_000)
    put_word(m, me, task, va + 24, system_us % 1_000_000)
    put_word(m, me, task, va + 32, words[USED_PEAK] * PAGE_SIZE // 1024)
    put_word(m, me, task, va + 64, words[USED_FAULTS])
    put_word(m, me, task, va + 128, words[USED_VOLUNTARY])
    return put_word(m, me, task, va + 136, words[USED_INVOLUNTARY])


@hot
def sys_getrusage(m, me, i):
    """getrusage(who, usage)"""
    never_inline()
    t = m.threads[i]
    who = int32(t.x[A0])
    if who == RUSAGE_CHILDREN:
        used_by_children(m, me, t.task)
    elif who == RUSAGE_SELF or who == RUSAGE_THREAD:
        used_by_task(m, me, t.task)
    else:
        return -EINVAL
    if who == RUSAGE_THREAD:
        words = m.cpus[me].given_words
        for n in range(USAGE_WORDS - 1):  # the peak is the task's
            words[n] = used_by_thread(m, i, n)
    return put_usage(m, me, t.task, t.x[A0 + 1])


@hot
def sys_times(m, me, i):
    """times(ticks): the ticks since the host's start"""
    never_inline()
    t = m.threads[i]
    va = t.x[A0]
    words = m.cpus[me].given_words
    if va != 0:
        for at in range(0, 32, 16):
            if at == 0:
                used_by_task(m, me, t.task)
            else:
                used_by_children(m, me, t.task)
            user, system = words[USED_INSTRUCTIONS] * INSTRUCTION_NS // TICK_NS, words[USED_SYSTEM_NS] // TICK_NS
            if put_word(m, me, t.task, va + at, user) < 0 or put_word(m, me, t.task, va + at + 8, system) < 0:
                return -EFAULT
    return steady_ns(m) // TICK_NS
