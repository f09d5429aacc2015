"""What does a CPU's queue cost while others take from it: the deque without a lock, and a list under one?

One process owns a queue: it puts threads in and takes the oldest out, so that about 32 wait; thieves
in other processes take what they find.  Beside the deque of shm/deque.py the list of kernel/sched/lists.py under the
queue's spinlock.  The figure is the owner's time for a thread put in and, unless a thief has it, taken out.

python benchmarks/steal.py [--rounds N] [--quick]
"""

import multiprocessing
import os

import psutil
from bare_machine import BareMachine
from common import benchmark, interleave, spread, with_range

from emu.hot import entry, hot
from emu.kernel.sched import lists as queue
from emu.kernel.sched.runqueue import lock_queue, unlock_queue
from emu.limits import MAX_THREADS
from emu.shm import deque
from emu.shm.atomics import load_relaxed, pause
from emu.shm.layout import machine_at
from emu.shm.memory import monotonic_ns

LOCKED, LOCK_FREE = range(2)
FORMS = {"list under a lock": LOCKED, "deque without": LOCK_FREE}
THIEVES = (0, 1, 2, 4)
AHEAD = 32  # threads that wait


@hot
def put(m, me, form, i):
    if form == LOCK_FREE:
        deque.put(m.deques[0], i)
    else:
        lock_queue(m, me, 0)
        queue.append(m, m.queues[0], i)
        m.queues[0].nr_runnable += 1
        unlock_queue(m, me, 0)


@hot
def take(m, me, form):
    if form == LOCK_FREE:
        return deque.take(m.deques[0])
    if load_relaxed(m.queues[0], "nr_runnable") == 0:
        return -1
    lock_queue(m, me, 0)
    i = queue.pop(m, m.queues[0])
    if i >= 0:
        m.queues[0].nr_runnable -= 1
    unlock_queue(m, me, 0)
    return i


@hot
def length(m, form):
    return deque.waiting(m.deques[0]) if form == LOCK_FREE else load_relaxed(m.queues[0], "nr_runnable")


@entry(3)
def own(address, form, count):
    """Put `count` threads in, take what is too many; the ns of it."""
    m = machine_at(address)
    start = monotonic_ns()
    for k in range(count):
        put(m, 0, form, k & (MAX_THREADS - 1))
        if length(m, form) > AHEAD:
            take(m, 0, form)
    return monotonic_ns() - start


@entry(3)
def rob(address, me, form):
    """Take until the machine drains; how many."""
    m = machine_at(address)
    taken = 0
    while load_relaxed(m, "draining") == 0:
        if take(m, me, form) >= 0:
            taken += 1
        else:
            pause()
    return taken


def thief(address, me, form, core, ready, taken):
    psutil.Process().cpu_affinity([core])
    ready.wait()
    taken.put(rob(address, me, form))


def owners_ns(thieves, form, count):
    """ns a thread for the owner, and the share of threads that was stolen."""
    context = multiprocessing.get_context("fork")  # the window stays where it is
    cores = psutil.Process().cpu_affinity()
    with BareMachine("inko") as bare:
        ready, taken = context.Barrier(thieves + 1), context.Queue()
        processes = [
            context.Process(target=thief, args=(bare.address, 1 + k, form, cores[(1 + k) % len(cores)], ready, taken))
            for k in range(thieves)
        ]
        for process in processes:
            process.start()
        os.sched_setaffinity(0, cores[:1])
        ready.wait()
        ns = own(bare.address, form, count) / count
        os.sched_setaffinity(0, cores)
        bare.machine["draining"] = 1
        stolen = sum(taken.get() for _ in processes)
        for process in processes:
            process.join()
    return ns, stolen / count


@benchmark("steal", rounds=7)
def main(bench):
    """What does a CPU's queue cost while others take from it?"""
    count = 20_000 if bench.quick else 1_000_000
    with BareMachine("inko") as bare:  # compiled before any process is forked
        bare.machine["draining"] = 1
        own(bare.address, LOCK_FREE, 1), rob(bare.address, 1, LOCK_FREE)
    rows = []
    for thieves in THIEVES:
        contenders = {name: lambda f=form, n=thieves: owners_ns(n, f, count) for name, form in FORMS.items()}
        for name, results in interleave(bench.rounds, contenders).items():
            ns, stolen = spread([r[0] for r in results]), spread([r[1] for r in results])
            bench.row(thieves=thieves, form=name, ns=ns, stolen=stolen)
            rows.append((f"{thieves} thieves, {name}", with_range(ns), f"{stolen['median']:.0%}"))
    bench.table("One owner", ("queue", "ns a thread", "stolen"), rows)
    bench.note("More thieves than cores take turns on them: then a holder of the lock may lose its core.")


if __name__ == "__main__":
    main()
