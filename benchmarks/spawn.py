"""How many threads can a CPU create and end in a second, in the kernel alone and as a guest's pthread_create?

The kernel alone: the compiled functions that clone and exit call, in a loop on a machine without
processes: a record from the creator's spare, listed in its task, placed, picked, and the whole exit.  As a
guest: pthread_create and pthread_join of a thread that does nothing, stack and all, on one CPU, beside
the same program under qemu-riscv64, whose threads are the host's.

python benchmarks/spawn.py [--rounds N] [--quick]
"""

from bare_machine import BareMachine
from common import NOT_INSTALLED, QEMU, benchmark, installed, interleave, spread, with_range
from guest_runs import Booted, run_peer

from emu.hot import entry
from emu.kernel.sched.core import pick_next
from emu.kernel.sched.waking import start_thread
from emu.kernel.task.exiting import exit_thread
from emu.kernel.thread.records import create_thread, join_task
from emu.kernel.thread.spares import attach_spare, take_spare
from emu.shm.layout import machine_at
from emu.shm.memory import monotonic_ns

PROCESS_AIM, GUEST_AIM = 500_000, 30_000


@entry(3)
def time_spawns(address, owner, count):
    """Thread `owner` makes `count` threads, one after another, each of which runs and exits; ns for all."""
    m = machine_at(address)
    start = monotonic_ns()
    for _ in range(count):
        n = take_spare(m, 0, owner)
        join_task(m, 0, n)
        start_thread(m, 0, n)
        attach_spare(m, 0, owner)
        exit_thread(m, 0, pick_next(m, 0), 0)
    return monotonic_ns() - start


@benchmark("spawn", rounds=7)
def main(bench):
    """How many threads can a CPU create and end in a second, in the kernel alone and as a guest's pthread_create?"""
    scale = 0.01 if bench.quick else 1.0
    count, guests = int(1_000_000 * scale), max(200, int(20_000 * scale))
    with BareMachine() as bare, Booted(1) as emu:
        owner = create_thread(bare.address, 0, bare.task)
        contenders = {
            "kernel alone": lambda: time_spawns(bare.address, owner, count) / count,
            "guest": lambda: emu.run("spawn", guests).wall_s,
            "empty": lambda: emu.run("hello").wall_s,
        }
        if installed(QEMU):
            contenders[QEMU] = lambda: run_peer(QEMU, "spawn", guests).wall_s
            contenders["qemu, empty"] = lambda: run_peer(QEMU, "hello").wall_s
        results = interleave(bench.rounds, contenders)
    rows = []

    def add(what, ns, aim):
        a_second = spread([1e9 / each for each in ns])
        bench.row(what=what, ns=spread(ns), per_second=a_second, aim=aim)
        rows.append((what, with_range(spread(ns)), with_range(a_second, digits=0), f"{aim:,}" if aim else ""))

    add("created and exited, kernel alone", results["kernel alone"], PROCESS_AIM)
    for name, empty, what in (("guest", "empty", "pthread_create + join"), (QEMU, "qemu, empty", f"under {QEMU}")):
        if name not in results:
            bench.row(what=what, status=NOT_INSTALLED)
            rows.append((what, NOT_INSTALLED, "", ""))
            continue
        net = [max(a - b, 1e-9) * 1e9 / guests for a, b in zip(results[name], results[empty], strict=True)]
        add(what, net, GUEST_AIM if name == "guest" else None)
    bench.table("Threads on one CPU", ("what", "ns each", "a second", "aim"), rows)


if __name__ == "__main__":
    main()
