"""Is anything lost or left behind when a machine is booted again and again?

A machine of two CPUs boots, runs `hello` and ends, N times in one process.  Counted after each: threads
that did not exit, wrong output; and at the end: child processes, socket directories, shared
segments and descriptors that are still there.  Beside it, in turns, qemu-riscv64's `hello`.

python benchmarks/boots.py [--rounds N] [--cpus N] [--quick]
"""

import os
import time
from pathlib import Path

import click
import psutil
from common import NOT_INSTALLED, QEMU, benchmark, installed, spread, with_range
from guest_runs import run_peer
from tqdm import tqdm

from emu import Machine
from emu.machine import directory

EXPECTED = b"hello from emu\n"


def boot_once(cpus, output):
    """Boot, run, end; (seconds, lost threads, whether the guest did what it should)."""
    os.ftruncate(output, 0)
    os.lseek(output, 0, os.SEEK_SET)
    start = time.perf_counter()
    with Machine(cpus, stdout=output, quiet=True) as machine:
        job = machine.spawn("hello")
        report = machine.run()
    wall_s = time.perf_counter() - start
    good = job.exit_status == 0 and os.pread(output, 100, 0) == EXPECTED
    return wall_s, report.threads_created - report.threads_exited, good


def holdings():
    """What this process and its forkserver hold now."""
    helpers = psutil.Process().children()
    grandchildren = [g for p in helpers for g in p.children()]
    links = [os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    root = Path(directory._root())
    return {
        "machine_processes": len(grandchildren),
        "socket_directories": len(list(root.glob(f"{os.getpid()}-*"))) if root.is_dir() else 0,
        "segments": sum("memfd:emu-" in link for link in links),
        "descriptors": len(links),
        "forkserver_descriptors": sum(p.num_fds() for p in helpers),
        "resident_bytes": psutil.Process().memory_info().rss,
    }


@benchmark("boots", rounds=1000, quick_rounds=20)
@click.option("--cpus", default=2, show_default=True, metavar="N", help="Size of the machines.")
def main(bench, cpus):
    """Is anything lost or left behind when a machine is booted again and again?"""
    output = os.memfd_create("output")
    boots, peer_s = [boot_once(cpus, output)], []
    before = holdings()
    for _ in tqdm(range(bench.rounds), desc="boots", disable=None):
        boots.append(boot_once(cpus, output))
        if installed(QEMU):
            peer_s.append(run_peer(QEMU, "hello").wall_s)
    after = holdings()
    os.close(output)
    times = spread([wall_s for wall_s, _, _ in boots[1:]])
    left = {name: after[name] - before[name] for name in after}
    row = bench.row(
        cpus=cpus, boots=len(boots), boot_s=times, boots_per_second=1 / times["median"],
        lost_threads=sum(lost for _, lost, _ in boots), wrong_runs=sum(not good for _, _, good in boots),
        left_behind=left,
    )  # fmt: skip
    row[QEMU] = spread(peer_s) if peer_s else NOT_INSTALLED
    rows = [
        ("boots", row["boots"]),
        ("seconds a boot", with_range(times, digits=3)),
        ("boots a second", f"{row['boots_per_second']:.1f}"),
        (f"{QEMU}, seconds a run", with_range(row[QEMU], digits=3) if peer_s else NOT_INSTALLED),
        ("lost threads", row["lost_threads"]),
        ("wrong runs", row["wrong_runs"]),
        *((f"more at the end: {name.replace('_', ' ')}", f"{count:+,}") for name, count in left.items()),
    ]
    bench.table("", ("", f"{cpus} CPUs"), rows)


if __name__ == "__main__":
    main()
