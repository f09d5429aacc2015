"""What does a message cost: by IPC, to a mailbox, through a channel, to a pager; and a word around a ring of threads?

Guests take the times themselves.  In the same rounds: pipes and futexes of emu, pipes under qemu-riscv64, and where
they are installed Go's channels and Erlang's messages, each on one core of the host.

python benchmarks/messages.py [--rounds N] [--quick] [--only WORD]
"""

import os
import re
import subprocess
import tempfile
from pathlib import Path

import click
from common import NOT_INSTALLED, QEMU, benchmark, installed, interleave, spread, with_range
from guest_runs import Booted

from emu.guests.build import GUESTS, compile_c
from emu.machine.loader import find_program

PEERS = Path(__file__).parent / "peers"
NS = re.compile(r"(\d+) ns")
# name: (what is measured, how often, the aim in ns, CPUs)
IPC = {
    "thread": ("short IPC, round trip within a task", 200_000, 250, 1),
    "task": ("short IPC, round trip between two tasks", 200_000, 400, 1),
    "cpus": ("short IPC, round trip across two CPUs", 100_000, 1500, 2),
    "full": ("full IPC of 256 bytes, round trip between two tasks", 100_000, None, 1),
    "extended": ("extended IPC of 2 KB, round trip between two tasks", 100_000, 1500, 1),
    "send": ("short IPC one way", 200_000, None, 1),
    "fault": ("page fault served by an outside pager", 1, 3000, 1),
}
CHANNELS = (
    ("mailbox: send to a running receiver, 4 senders", 80),
    ("mailbox: send, nobody else", None),
    ("channel: 16 bytes one way, 64 at once", 60),
    ("channel: 16 bytes one way, one by one", None),
    ("channel: 1 MB moved, untouched before", None),
    ("channel: 1 MB moved, stored to before", 5000),
    ("the bare call", None),
)
RINGS = {"ipc": (100, 5000, 10_000), "mailbox": (100, 5000, 10_000), "channel": (100, 1000)}  # ports of a task: 1,024


def _ns(output):
    return int(NS.search(output)[1])


def _process(*command, cores):
    cpus = ",".join(map(str, cores))
    run = subprocess.run(["taskset", "-c", cpus, *map(str, command)], capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(f"{command[0]}: {run.stderr.strip()}")
    return _ns(run.stdout)


def _peers(directory, rounds, cores):
    """{what: how to take its time} of the peers that are installed."""
    found = {}
    if installed(QEMU):
        program = find_program("processes")
        found[f"pipes, {QEMU}"] = lambda: _process(QEMU, program, "pipe", rounds // 20, cores=cores)
    if installed("go"):
        binary = directory / "channels"
        subprocess.run(["go", "build", "-o", binary, PEERS / "channels.go"], check=True, cwd=directory)
        found["Go's channels"] = lambda: _process(binary, rounds, cores=cores)
    if installed("erlc"):
        subprocess.run(["erlc", "-o", directory, PEERS / "pingpong.erl"], check=True)
        found["Erlang's messages"] = lambda: _process(
            "erl", "+S", 1, "-noshell", "-noinput", "-pa", directory, "-s", "pingpong", "main", rounds, cores=cores
        )
    return found


@benchmark("messages", rounds=7)
@click.option("--only", default="", help="What has this word in its name: thread, fault, mailbox, ring, pipes …")
def main(bench, only):
    """What does a message cost: by IPC, to a mailbox, through a channel, to a pager, around a ring of threads?"""
    share = 100 if bench.quick else 1
    cores = sorted(os.sched_getaffinity(0))[:1]
    with tempfile.TemporaryDirectory() as name, Booted(1) as one, Booted(2) as two:
        directory = Path(name)
        rows = [_ipc(bench, mode, share, one, two) for mode in IPC if only in mode]
        if only in "mailbox channel":
            rows += _channels(bench, directory, share, two)
        if rows:
            bench.table("Messages", ("", "ns", "at most"), rows)
        if only in "ring":
            bench.table("A word around a ring of threads on one CPU", *_rings(bench, share))
        if only in "pipes":
            bench.table("Round trips on one CPU or core", ("", "ns"), _others(bench, directory, share, one, cores))


def _ipc(bench, mode, share, one, two):
    what, count, aim, cpus = IPC[mode]
    booted = one if cpus == 1 else two
    results = interleave(
        bench.rounds, {"emu": lambda: _ns(booted.run("messages", mode, max(count // share, 1)).output)}
    )
    return _row(bench, what, results["emu"], aim)


def _channels(bench, directory, share, two):
    program = directory / "channels.elf"
    compile_c(Path(__file__).parent / "channels.c", program, f"-I{GUESTS}", "-Wno-unused-function")
    counts = (2, max(1_000_000 // share, 1000), max(2000 // share, 20))
    results = interleave(bench.rounds, {"emu": lambda: two.run(str(program), *counts).output})
    figures = zip(*(map(float, text.split()) for text in results["emu"]), strict=True)
    return [_row(bench, what, values, aim) for (what, aim), values in zip(CHANNELS, figures, strict=True)]


def _ring(carrier, size, hops):
    """Its time a hop, on a new machine: where others ran before, threads' pages lie far apart in the host's memory."""
    with Booted(1, memory="2G") as machine:
        return _ns(machine.run("actors", carrier, "ring", hops, size).output)


def _rings(bench, share):
    """(columns, rows): each carrier's time a hop by the number of threads, and how many times that of 100 threads."""
    rows = []
    rings = [(carrier, size) for carrier, sizes in RINGS.items() for size in (sizes[:1] if bench.quick else sizes)]
    contenders = {ring: lambda ring=ring: _ring(*ring, max(200_000 // share, ring[1])) for ring in rings}
    results = interleave(bench.rounds, contenders)
    for carrier, size in rings:
        times = results[carrier, size]
        ratio = spread([a / b for a, b in zip(times, results[carrier, 100])])
        bench.row(what=f"ring, {carrier}", threads=size, ns=spread(times), times_those_of_100=ratio)
        rows.append((carrier, f"{size:,}", with_range(spread(times), digits=0), with_range(ratio, digits=2)))
    return ("carrier", "threads", "ns a hop", "times those of 100"), rows


def _others(bench, directory, share, one, cores):
    rounds = 200_000 // share
    contenders = {
        "short IPC": lambda: _ns(one.run("messages", "thread", rounds).output),
        "pipes": lambda: _ns(one.run("processes", "pipe", max(rounds // 20, 2)).output),
        "futexes": lambda: _ns(one.run("processes", "futex", max(rounds // 10, 2)).output),
        **_peers(directory, rounds, cores),
    }
    results = interleave(bench.rounds, contenders)
    rows = [_row(bench, f"round trip, {what}", values, None)[:2] for what, values in results.items()]
    missing = [peer for peer, command in ((QEMU, QEMU), ("Go", "go"), ("Erlang", "erlc")) if not installed(command)]
    return rows + [(peer, NOT_INSTALLED) for peer in missing]


def _row(bench, what, values, aim):
    bench.row(what=what, ns=spread(values), aim_ns=aim)
    return what, with_range(spread(values), digits=0), f"{aim:,}" if aim else ""


if __name__ == "__main__":
    main()
