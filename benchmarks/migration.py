"""How many threads can two CPUs take from each other in a second, and what does a migrated thread pay?

In the core: two processes, each pinned to a core of its own and playing a CPU, take threads from each
other's run queue, both queues locked, and put them on their own.  In a guest: one thread that asks for the
other CPU again and again (sched_setaffinity), so each turn is a system call, a switch away, an interrupt for
an idle CPU and a cold TLB; beside the same program under qemu-riscv64, where the host migrates.

python benchmarks/migration.py [--rounds N] [--policy NAME] [--quick]
"""

import multiprocessing

import click
import psutil
from bare_machine import BareMachine
from common import NOT_INSTALLED, QEMU, benchmark, installed, interleave, spread, with_range
from guest_runs import Booted, run_peer

from emu.actor.prepare import prepare_actor
from emu.hot import entry
from emu.kernel.sched.core import pull
from emu.kernel.sched.hooks import ENQUEUE_BACK
from emu.kernel.sched.runqueue import enqueue, lock_queue, unlock_queue
from emu.kernel.thread.states import RUNNABLE, set_where
from emu.shm.atomics import load_relaxed, pause
from emu.shm.layout import machine_at
from emu.shm.memory import monotonic_ns

THREADS = 8
AIM = 1_000_000


@entry(3)
def take_turns(address, me, span_ns):
    """Take threads from the other CPU for a time; how many."""
    m = machine_at(address)
    end = monotonic_ns() + span_ns
    taken = 0
    while taken % 64 != 0 or monotonic_ns() < end:
        if load_relaxed(m.queues[1 - me], "nr_runnable") == 0:
            pause()
            if monotonic_ns() >= end:
                break
            continue
        i = pull(m, me, 1 - me)
        if i >= 0:
            taken += 1
            lock_queue(m, me, me)
            m.cpus[me].current = -1
            set_where(m, m.threads[i], RUNNABLE, me)
            enqueue(m, me, me, i, ENQUEUE_BACK)
            unlock_queue(m, me, me)
    return taken


def play_cpu(window, policy, me, barrier, span_ns, results):
    """A forked process that plays CPU `me`: the window stays where it is."""
    cores = psutil.Process().cpu_affinity()
    psutil.Process().cpu_affinity([cores[me % len(cores)]])
    prepare_actor(window, me, policy)
    barrier.wait()
    results.put(take_turns(window.address, me, span_ns))


def migrations_a_second(policy, span_s):
    context = multiprocessing.get_context("fork")
    with BareMachine(policy) as bare:
        bare.add_threads(THREADS)
        barrier, results = context.Barrier(2), context.Queue()
        arguments = (barrier, int(span_s * 1e9), results)
        crew = [context.Process(target=play_cpu, args=(bare.window, policy, me, *arguments)) for me in (0, 1)]
        for process in crew:
            process.start()
        total = sum(results.get(timeout=60) for _ in crew)
        for process in crew:
            process.join()
        queued = int(bare.machine["queues"]["nr_runnable"][:2].sum())
        if bare.machine["failed"] or queued != THREADS:
            raise click.ClickException(f"the core lost threads: {queued} of {THREADS} are queued")
    return total / span_s


@benchmark("migration", rounds=5)
@click.option("--policy", default="random", show_default=True)
def main(bench, policy):
    """How many threads can two CPUs take from each other in a second, and what does a migrated thread pay?"""
    span_s, hops = (0.05, 200) if bench.quick else (1.0, 20_000)
    take_turns.compile()
    cores = psutil.Process().cpu_affinity()[:2]
    with Booted(2, policy=policy) as emu:
        contenders = {
            "core": lambda: migrations_a_second(policy, span_s),
            "guest": lambda: emu.run("hop", hops).wall_s,
            "empty": lambda: emu.run("hello").wall_s,
        }
        if installed(QEMU):
            contenders[QEMU] = lambda: run_peer(QEMU, "hop", hops, cores=cores).wall_s
            contenders["qemu, empty"] = lambda: run_peer(QEMU, "hello", cores=cores).wall_s
        results = interleave(bench.rounds, contenders)
    core = spread(results["core"])
    bench.row(what="core, two CPUs", per_second=core, aim=AIM)
    rows = [("in the core, two CPUs, a second", with_range(core, digits=0), f"{AIM:,}")]
    for name, empty, what in (("guest", "empty", "guest: µs a hop"), (QEMU, "qemu, empty", f"{QEMU}: µs a hop")):
        if name not in results:
            bench.row(what=what, status=NOT_INSTALLED)
            rows.append((what, NOT_INSTALLED, ""))
            continue
        us = spread([max(a - b, 0) * 1e6 / hops for a, b in zip(results[name], results[empty], strict=True)])
        bench.row(what=what, us=us)
        rows.append((what, with_range(us), ""))
    bench.table(f"Migrations, policy {policy}", ("what", "measured", "aim"), rows)


if __name__ == "__main__":
    main()
