"""CPUs that start, run, switch, block, wake, pull and end threads at random. No guest runs."""

from emu.hot import entry, hot
from emu.kernel.sched.core import pick_next
from emu.kernel.sched.hooks import call_pick
from emu.kernel.sched.local_queue import available, become, stamp
from emu.kernel.sched.randomness import random_below
from emu.kernel.sched.runqueue import QUEUES_LOCK_FREE, begin, lock_queue, unlock_queue
from emu.kernel.thread.states import RUNNING, set_where
from emu.shm.deque import NOTHING
from emu.shm.layout import machine_at
from emu.testing.churn import act, run_a_little, spawn, wake_one
from emu.testing.crew import (
    meet,
    over,
    result,
)
from tests.litmus.deques import take_without_swap


@hot
def _steal_badly(m, me, queue):
    i = take_without_swap(m.deques[queue])
    if i == NOTHING:
        return pick_next(m, me)
    begin(m, me, i, stamp(m, me, i, me))
    become(m, me, i, RUNNING, me)
    return i


@hot
def _pull_badly(m, me, queue):
    """Control: `pull` that locks its own queue only, or takes from a deque without the swap."""
    if m.queue_kind == QUEUES_LOCK_FREE:
        return _steal_badly(m, me, queue)
    lock_queue(m, me, me)
    i = call_pick(m, me, queue)
    if i >= 0:
        m.queues[queue].nr_runnable -= 1
        m.queues[queue].nr_threads -= 1
        m.queues[me].nr_threads += 1
        set_where(m, m.threads[i], RUNNING, me)
        m.cpus[me].current = i
    unlock_queue(m, me, me)
    return i


@entry(4)
def churn_with_bad_pull(address, me, workers, steps):
    m = machine_at(address)
    c = m.cpus[me]
    meet(m, workers)
    done = 0
    while done < steps and not over(m):
        done += 1
        result(m, me, done)
        if random_below(m, me, 8) == 0:
            spawn(m, me)
        wake_one(m, me)
        i = c.current
        if i < 0:
            victim = random_below(m, me, workers)
            if available(m, victim) > 0:
                i = _pull_badly(m, me, victim)
        if i >= 0:
            run_a_little(m, me, i)
            act(m, me, i)
    return 0
