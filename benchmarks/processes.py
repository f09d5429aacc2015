"""What do processes cost: fork, exec, page faults, pipes, futexes, epoll, and groups of senders and receivers?

Each is one run of the guest `processes`, which takes its own time, beside the same program under qemu-riscv64 in the
same rounds: the small ones on one CPU and one host core, the groups (after hackbench) on as many as the host has, at
most two.  Frames are warm: the first touch of a page of the host's own is left out of the faults.  Under a user-mode
emulator vfork is fork.

python benchmarks/processes.py [--rounds N] [--quick] [--only WORD]
"""

import os
import re
import subprocess

import click
from common import NOT_INSTALLED, QEMU, benchmark, installed, interleave, spread, with_range
from guest_runs import Booted

from emu.machine.loader import find_program

# name: (what is measured, how often, the aim in ns, whether the peer can do it)
SMALL = {
    "fork": ("fork + exit + wait, 1 MB", 2000, 125_000, True),
    "vfork": ("vfork + exit + wait", 2000, None, True),
    "exec": ("vfork + exec + exit + wait", 200, None, False),
    "fault": ("minor fault", 40, 700, True),
    "copy": ("copy-on-write fault", 40, 1200, True),
    "map": ("mmap, a touch, munmap", 20_000, None, True),
    "pipe": ("round trip through two pipes", 5_000, 2000, True),
    "futex": ("round trip through a futex", 20_000, None, True),
    "epoll": ("epoll_wait, 1 of 1,001 ready", 500, 2000, True),
}
LARGE = {
    "hackp": "hackbench, processes, pipes", "hackt": "hackbench, threads, pipes",
    "socketp": "hackbench, processes, pairs of sockets", "sockett": "hackbench, threads, pairs of sockets",
}  # fmt: skip
GROUPS, MESSAGES = 10, 20
NS = re.compile(r"(\d+) ns")


def _ns(output):
    return int(NS.search(output)[1])


def _peer(cores, *arguments):
    program = find_program("processes")
    cpus = ",".join(map(str, cores))
    run = subprocess.run(["taskset", "-c", cpus, QEMU, program, *map(str, arguments)], capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(f"{QEMU} processes {arguments}: {run.stderr.strip()}")
    return _ns(run.stdout)


@benchmark("processes", rounds=5)
@click.option("--only", default="", help="What has this word in its name: fork, pipe, hack …")
def main(bench, only):
    """What do processes cost: fork, exec, faults, pipes, futexes, epoll, hackbench?"""
    cores = sorted(os.sched_getaffinity(0))[:2]
    share = 20 if bench.quick else 1
    rows, large = [], []
    with Booted(1, memory="1G") as one, Booted(len(cores), memory="1G") as all_cores:
        for name, (what, count, aim, has_peer) in SMALL.items():
            if only not in name:
                continue
            count = max(count // share, 2)
            contenders = {"emu": lambda name=name, count=count: _ns(one.run("processes", name, count).output)}
            if has_peer and installed(QEMU):
                contenders[QEMU] = lambda name=name, count=count: _peer(cores[:1], name, count)
            rows.append(_row(bench, what, aim, interleave(bench.rounds, contenders)))
        for name, what in LARGE.items():
            if only not in name:
                continue
            arguments = (name, max(MESSAGES // share, 1), 1 if bench.quick else GROUPS)
            contenders = {"emu": lambda arguments=arguments: _ns(all_cores.run("processes", *arguments).output)}
            if installed(QEMU):
                contenders[QEMU] = lambda arguments=arguments: _peer(cores, *arguments)
            large.append(_row(bench, what, None, interleave(bench.rounds, contenders)))
    columns = ["", "ns", "aim", f"{QEMU}, ns", "emu ÷ qemu"]
    if rows:
        bench.table("One CPU on one core", columns, rows)
    if large:
        title = f"{GROUPS} groups of 20 senders and 20 receivers, {MESSAGES} messages to each, {len(cores)} CPUs"
        bench.table(title, columns, large)


def _row(bench, what, aim, results):
    ours, peers = spread(results["emu"]), results.get(QEMU)
    ratio = spread([a / b for a, b in zip(results["emu"], peers)]) if peers else None
    bench.row(what=what, ns=ours, aim_ns=aim, peer_ns=spread(peers) if peers else None, ratio=ratio)
    return (
        what, with_range(ours, digits=0), aim or "", with_range(spread(peers), digits=0) if peers else NOT_INSTALLED,
        with_range(ratio, digits=2) if peers else "",
    )  # fmt: skip


if __name__ == "__main__":
    main()
