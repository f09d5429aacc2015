"""How long does `emu run hello` take, from the command to the prompt?

Each run is a fresh process: imports, the forkserver, the CPUs, the guest, the end of everything.
Beside it, in turns: a Python that does nothing, one that imports what emu depends on,
and qemu-riscv64 on the same guest.  `--cold` adds one run with an empty
compile cache, which compiles the kernel.

python benchmarks/startup.py [--rounds N] [--cpus 2,8,32] [--cold] [--quick]
"""

import os
import subprocess
import sys
import tempfile
import time

import click
from common import NOT_INSTALLED, QEMU, benchmark, installed, interleave, spread, with_range

from emu.machine.loader import find_program

COMMAND = [sys.executable, "-c", "from emu.commands.cli import main; main()", "run", "--quiet"]
IMPORTS = "import numpy, llvmlite.binding, zmq, msgpack, psutil, click"
EXPECTED = "hello from emu\n"


def seconds(command, expected="", **environment):
    """Wall time of a command that has to print what is expected."""
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})
    wall_s = time.perf_counter() - start
    if done.returncode or done.stdout != expected:
        raise click.ClickException(f"{' '.join(command)} failed: status {done.returncode}: {done.stderr.strip()}")
    return wall_s


@benchmark("startup", rounds=7)
@click.option("--cpus", default="2,8,32", show_default=True, metavar="N,N…", help="Sizes of machines.")
@click.option("--cold", is_flag=True, help="Also compile everything once.")
def main(bench, cpus, cold):
    """How long does `emu run hello` take, from the command to the prompt?"""
    sizes = [2] if bench.quick else [int(n) for n in cpus.split(",")]
    contenders = {f"emu, {n} CPUs": lambda n=n: seconds([*COMMAND, "--cpus", str(n), "hello"], EXPECTED) for n in sizes}
    contenders["python, nothing"] = lambda: seconds([sys.executable, "-c", "pass"])
    contenders["python, emu's imports"] = lambda: seconds([sys.executable, "-c", IMPORTS])
    if installed(QEMU):
        contenders[QEMU] = lambda: seconds([QEMU, find_program("hello")], EXPECTED)
    rows = []
    for name, values in interleave(bench.rounds, contenders).items():
        row = bench.row(what=name, wall_s=spread(values))
        rows.append((name, with_range(row["wall_s"], digits=3)))
    if not installed(QEMU):
        bench.row(what=QEMU, status=NOT_INSTALLED)
        rows.append((QEMU, NOT_INSTALLED))
    if cold:
        with tempfile.TemporaryDirectory() as directory:
            cold_s = seconds([*COMMAND, "--cpus", "2", "hello"], EXPECTED, EMU_CACHE_DIR=directory)
        bench.row(what="emu, 2 CPUs, cold", wall_s=spread([cold_s]))
        rows.append(("emu, 2 CPUs, cold cache, once", f"{cold_s:.1f}"))
    bench.table("", ("command", "seconds"), rows)


if __name__ == "__main__":
    main()
