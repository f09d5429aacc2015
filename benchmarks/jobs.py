"""What does a job cost, and does a machine grow with the number of those it has had?

One machine of two CPUs spawns `hello` N times, eight at a time at most.  Each job's status is looked at; memory of the
supervisor and the system server is that after a tenth of the jobs against that after all, because the first of
them fill what is used again from then on.

python benchmarks/jobs.py [--rounds N] [--cpus N] [--quick]
"""

import os
import time
from collections import deque

import click
import psutil
from common import benchmark
from tqdm import tqdm

from emu import Machine
from emu.limits import SERVER
from emu.shm.tags import alive

AT_A_TIME = 8


@benchmark("jobs", rounds=10_000, quick_rounds=20)
@click.option("--cpus", default=2, show_default=True, metavar="N", help="Size of the machine.")
def main(bench, cpus):
    """What does a job cost, and does a machine grow with the number of those it has had?"""
    output = os.open(os.devnull, os.O_WRONLY)
    running, wrong, early = deque(), 0, {}
    with Machine(cpus, stdout=output, quiet=True) as machine:
        held = {"supervisor": psutil.Process(), "server": psutil.Process(machine._processes[SERVER].pid)}
        start = time.perf_counter()
        for number in tqdm(range(bench.rounds), desc="jobs", disable=None):
            running.append(machine.spawn("hello"))
            while len(running) == AT_A_TIME or (number == bench.rounds - 1 and running):
                job = running.popleft()
                while not job.done:
                    time.sleep(0.0002)
                wrong += job.exit_status != 0
            if number == bench.rounds // 10:
                early = {name: process.memory_info().rss for name, process in held.items()}
        wall_s = time.perf_counter() - start
        late = {name: process.memory_info().rss for name, process in held.items()}
        records = int(machine.window.machine["fresh_job"])
        report = machine.run()
        leaks = alive(machine.window.machine)
    os.close(output)
    row = bench.row(
        cpus=cpus, jobs=bench.rounds, job_us=wall_s / bench.rounds * 1e6, wrong=wrong, records=records,
        lost_threads=report.threads_created - report.threads_exited, leaks=len(leaks),
        grown_bytes={name: late[name] - early[name] for name in late},
    )  # fmt: skip
    rows = [
        ("jobs", row["jobs"]),
        ("µs a job", f"{row['job_us']:,.0f}"),
        ("wrong statuses, lost threads, leaks", f"{wrong}, {row['lost_threads']}, {row['leaks']}"),
        ("records used", records),
        *((f"{name} grew by, KiB", f"{size / 1024:,.0f}") for name, size in row["grown_bytes"].items()),
    ]
    bench.table("", ("what", "figure"), rows)


if __name__ == "__main__":
    main()
