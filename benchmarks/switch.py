"""What does a context switch cost, in the kernel's core alone and between two guests?

The core alone: the compiled functions of emu/kernel called in a loop on a machine without processes, as
a CPU calls them.  Beside it the host's own switch between two processes on one core, which call
sched_yield in compiled code.  Guest to guest: two threads of the guest `yield` on one CPU, with trap,
system call and interpreter; beside it qemu-riscv64, whose threads the host switches on one core.

python benchmarks/switch.py [--rounds N] [--policy NAME] [--quick]
"""

import multiprocessing
import resource

import click
import psutil
from bare_machine import BareMachine
from common import NOT_INSTALLED, QEMU, benchmark, installed, interleave, spread, with_range
from guest_runs import Booted, run_peer

from emu.hot import entry, hot
from emu.kernel.sched import local_queue
from emu.kernel.sched.core import block, pick_next, pull, switch
from emu.kernel.sched.hooks import ENQUEUE_MOVE, STOP_MOVE, TIMESLICE, call_hook, hook
from emu.kernel.sched.runqueue import (
    QUEUES_GLOBAL,
    QUEUES_LOCK_FREE,
    enqueue,
    lock_queue,
    lock_two,
    mark_two,
    move,
    tell_stopped,
    unlock_queue,
    unlock_two,
)
from emu.kernel.sched.waking import make_runnable
from emu.kernel.sleep.futex import MATCH_ANY, wait_on, wake_on
from emu.kernel.thread.sleep_word import claim, prepare_sleep
from emu.kernel.thread.states import RUNNABLE, SLEEP_FUTEX
from emu.kernel.vm.address_space import map_region
from emu.limits import GLOBAL_QUEUE, PAGE_SIZE
from emu.shm.events import MIGRATE
from emu.shm.layout import machine_at
from emu.shm.memory import host_yield, monotonic_ns

BATCH = 64  # threads migrated between two looks at the clock
WORD = 0x10000  # guest address of the futex
GUEST_THREADS = 2


# --- what is timed: each returns the ns of `count` operations ---------------------------------------


@hook
def nothing(m, queue, thread):
    return 0


@entry(2)
def time_lock(address, count):
    m = machine_at(address)
    start = monotonic_ns()
    for _ in range(count):
        lock_queue(m, 0, 0)
        unlock_queue(m, 0, 0)
    return monotonic_ns() - start


@entry(2)
def time_hook(address, count):
    m = machine_at(address)
    start = monotonic_ns()
    for k in range(count):
        call_hook(m, 0, TIMESLICE, 0, k)
    return monotonic_ns() - start


@entry(2)
def time_switch(address, count):
    m = machine_at(address)
    i = pick_next(m, 0)
    start = monotonic_ns()
    for _ in range(count):
        i = switch(m, 0, i, False)
    taken_ns = monotonic_ns() - start
    give_back(m, 0, i)
    return taken_ns


@entry(2)
def time_block(address, count):
    """The running thread blocks, the other one runs and wakes it."""
    m = machine_at(address)
    i = pick_next(m, 0)
    start = monotonic_ns()
    for _ in range(count):
        word = prepare_sleep(m.threads[i], SLEEP_FUTEX)
        block(m, 0, i)
        other = pick_next(m, 0)
        claim(m.threads[i], word)
        make_runnable(m, 0, i)
        i = other
    taken_ns = monotonic_ns() - start
    give_back(m, 0, i)
    return taken_ns


@entry(2)
def time_futex(address, count):
    """The same through a futex in guest memory: key, bucket and all."""
    m = machine_at(address)
    i = pick_next(m, 0)
    task = m.threads[i].task
    start = monotonic_ns()
    for _ in range(count):
        wait_on(m, 0, i, WORD, 0, 0, MATCH_ANY, 1)
        block(m, 0, i)
        i = pick_next(m, 0)
        wake_on(m, 0, task, WORD, 1, MATCH_ANY, 1)
    taken_ns = monotonic_ns() - start
    give_back(m, 0, i)
    return taken_ns


@entry(2)
def time_migration(address, count):
    """CPU 1 pulls threads from CPU 0's queue, both locks taken; only the pulls are timed."""
    m = machine_at(address)
    taken_ns = 0
    for _ in range(count // BATCH):
        start = monotonic_ns()
        for _ in range(BATCH):
            pull(m, 1, home(m))
        taken_ns += monotonic_ns() - start
        for i in range(BATCH):
            give_back(m, 1, i)
    return taken_ns


@hot
def home(m):
    """Where CPU 0's threads wait."""
    return GLOBAL_QUEUE if m.queue_kind == QUEUES_GLOBAL else 0


@hot
def give_back(m, cpu, i):
    """A thread that runs on a CPU waits with CPU 0's again."""
    if m.queue_kind == QUEUES_LOCK_FREE:
        m.cpus[cpu].current = -1
        local_queue.place_on(m, 0, i, 0, MIGRATE, ENQUEUE_MOVE)  # by CPU 0: into its deque
        return
    queue = home(m)
    lock_two(m, cpu, cpu, queue)
    mark_two(m, cpu, cpu, queue)
    tell_stopped(m, cpu, cpu, i, STOP_MOVE)
    m.cpus[cpu].current = -1
    move(m, cpu, i, RUNNABLE, cpu, queue)
    enqueue(m, cpu, queue, i, ENQUEUE_MOVE)
    unlock_two(m, cpu, cpu, queue)


@entry(2)
def yield_host(address, count):
    start = monotonic_ns()
    for _ in range(count):
        host_yield()
    return monotonic_ns() - start


# name: (entry, threads on the queue, operations, goal in ns)
CORE = {
    "lock and unlock": (time_lock, 0, 2_000_000, 5),
    "hook call": (time_hook, 0, 5_000_000, 1.5),
    "switch": (time_switch, 2, 1_000_000, 8),
    "block, wake, switch": (time_block, 2, 500_000, 19),
    "futex wait, switch, futex wake": (time_futex, 2, 200_000, None),
    "migration, both locks": (time_migration, BATCH, 500_000 // BATCH * BATCH, 12),
}


def core_alone(bench, policy, scale):
    machines, contenders = [], {}
    for name, (function, threads, count, _) in CORE.items():
        machine = BareMachine(policy)
        machines.append(machine)
        machine.add_threads(threads)
        machine.machine["cpus"][0]["hooks"][TIMESLICE] = nothing.address
        map_region(machine.address, 0, machine.task, WORD, PAGE_SIZE, 3)
        count = max(BATCH, int(count * scale) // BATCH * BATCH)
        contenders[name] = lambda f=function, a=machine.address, n=count: f(a, n) / n
    yields = max(1000, int(200_000 * scale))
    context = multiprocessing.get_context("spawn")
    with context.Pool(2, prepare_process, [context.Barrier(2)]) as pool:
        contenders["host: two processes on one core"] = lambda: host_switch_ns(pool, yields)
        results = interleave(bench.rounds, contenders)
    for machine in machines:
        if machine.machine["failed"]:
            raise click.ClickException(f"the kernel failed a check: {int(machine.machine['failed'])}")
        machine.close()
    rows = []
    for name, values in results.items():
        goal = CORE[name][3] if name in CORE else None
        row = bench.row(part="core alone", what=name, ns=spread(values), goal_ns=goal)
        rows.append((name, with_range(row["ns"]), goal or ""))
    bench.table(f"The core alone, policy {policy}", ("operation", "ns", "goal ns"), rows)


def host_switch_ns(pool, count):
    """Wall ns for each context switch of two processes that yield to one another."""
    pairs = pool.map(yield_in_process, [count, count], chunksize=1)
    return max(ns for ns, _ in pairs) / max(sum(switches for _, switches in pairs), 1)


def prepare_process(both):
    """In each process of the pool: on one core together, compiled, and `both` to start at once."""
    global start_together
    start_together = both
    process = psutil.Process()
    process.cpu_affinity(process.cpu_affinity()[-1:])
    yield_host(0, 1)


def yield_in_process(count):
    start_together.wait()
    before = resource.getrusage(resource.RUSAGE_SELF)
    taken_ns = yield_host(0, count)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return taken_ns, after.ru_nvcsw + after.ru_nivcsw - before.ru_nvcsw - before.ru_nivcsw


def guest_to_guest(bench, policy, scale):
    iterations = max(100, int(1_000_000 * scale))
    core = psutil.Process().cpu_affinity()[:1]
    with Booted(1, policy=policy) as emu:
        contenders = {"emu": lambda: emu.run("yield", GUEST_THREADS, iterations), "empty": lambda: emu.run("hello")}
        if installed(QEMU):
            contenders[QEMU] = lambda: run_peer(QEMU, "yield", GUEST_THREADS, iterations, cores=core)
            contenders["qemu, empty"] = lambda: run_peer(QEMU, "hello", cores=core)
        results = interleave(bench.rounds, contenders)
    rows = []
    for name, empty in (("emu", "empty"), (QEMU, "qemu, empty")):
        if name not in results:
            bench.row(part="guest to guest", what=name, status=NOT_INSTALLED)
            rows.append((name, NOT_INSTALLED, "", ""))
            continue
        empty_s = spread([run.wall_s for run in results[empty]])["median"]
        net_ns = [max(run.wall_s - empty_s, 0) * 1e9 for run in results[name]]
        yield_ns = spread([ns / (GUEST_THREADS * iterations) for ns in net_ns])
        row = bench.row(part="guest to guest", what=name, yield_ns=yield_ns)
        if name == "emu":
            runs = results[name]
            row["switch_ns"] = spread([ns / max(run.switches, 1) for ns, run in zip(net_ns, runs, strict=True)])
            row["instructions_per_yield"] = runs[0].instructions / (GUEST_THREADS * iterations)
        rows.append(
            (name, with_range(row["yield_ns"]), with_range(row["switch_ns"]) if "switch_ns" in row else "",
             f"{row['instructions_per_yield']:.1f}" if "switch_ns" in row else "")
        )  # fmt: skip
    columns = ("emulator", "ns a yield", "ns a switch", "guest instructions a yield")
    bench.table("Guest to guest, two threads on one CPU", columns, rows)


@benchmark("switch", rounds=7)
@click.option("--policy", default="inko", show_default=True)
def main(bench, policy):
    """What does a context switch cost, in the kernel's core alone and between two guests?"""
    scale = 0.01 if bench.quick else 1.0
    core_alone(bench, policy, scale)
    guest_to_guest(bench, policy, scale)
    bench.note("The host's switch counts those that its processes report; other load on the core is in its time.")


if __name__ == "__main__":
    main()
