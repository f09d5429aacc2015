"""How much memory does an idle CPU process have for itself alone?

Unique memory (USS: pages that no other process shares) of every process of a booted machine
on which nothing runs, by role.  A CPU is a whole Python; what it shares with its siblings, because
all are forked from one warm server, is not counted again.  Beside it: a Python
that does nothing and one that imported what emu depends on.

python benchmarks/memory.py [--cpus N] [--rounds N] [--quick]
"""

import contextlib
import subprocess
import sys

import click
import psutil
from common import benchmark, spread, with_range

from emu import Machine
from emu.limits import SERVER, TIMEKEEPER

MIB = 1 << 20
BARE = "print(flush=True); input()"
IMPORTED = f"import numpy, llvmlite.binding, zmq, msgpack, psutil; {BARE}"


def unique_bytes(process):
    return psutil.Process(process).memory_full_info().uss


def resident_bytes(process):
    return psutil.Process(process).memory_info().rss


@contextlib.contextmanager
def waiting_python(code):
    """The id of a Python that has executed code and waits."""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield process.pid
        process.communicate(b"\n")


def processes_of(machine):
    """{role: [process id]} of a booted machine."""
    cpus = [machine.call(k, "where")["process"] for k in range(machine.config.cpus)]
    forkserver = psutil.Process(cpus[0]).parent()
    actors = machine.window.machine["cpus"]["process"]
    return {
        "CPU": cpus, "system server": [int(actors[SERVER])], "timekeeper": [int(actors[TIMEKEEPER])],
        "forkserver": [forkserver.pid], "supervisor": [psutil.Process().pid],
    }  # fmt: skip


@benchmark("memory", rounds=3)
@click.option("--cpus", default=8, show_default=True, metavar="N", help="Size of the machine.")
def main(bench, cpus):
    """How much memory does an idle CPU process have for itself alone?"""
    found = {}
    for _ in range(bench.rounds):
        with Machine(cpus, quiet=True) as machine:
            for role, processes in processes_of(machine).items():
                found.setdefault(role, []).extend((unique_bytes(p), resident_bytes(p)) for p in processes)
        for role, code in (("python, nothing", BARE), ("python, emu's imports", IMPORTED)):
            with waiting_python(code) as process:
                found.setdefault(role, []).append((unique_bytes(process), resident_bytes(process)))
    rows = []
    for role, sizes in found.items():
        unique, resident = spread([u for u, _ in sizes]), spread([r for _, r in sizes])
        bench.row(process=role, unique_bytes=unique, resident_bytes=resident)
        rows.append((role, with_range(unique, 1 / MIB), with_range(resident, 1 / MIB)))
    bench.table(f"{cpus} CPUs", ("process", "unique MiB", "resident MiB"), rows)


if __name__ == "__main__":
    main()
