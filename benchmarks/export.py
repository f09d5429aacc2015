"""How long does `emu trace export` take, and how much memory, for ten million events?

A machine runs guests that switch, wait, wake and call, with a trace. Its rounds are written again and again, later each
time and with the next generation of each thread, until the trace has the size. Then a process of its own reads it, and
exports it: the seconds of each, those of the host's CPU (the difference is the host's), and the most memory that the
process had until the end of each. Beside it, what a process takes that has imported all and read nothing.

python benchmarks/export.py [--rounds N] [--quick] [--events N]
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import msgpack
import numpy as np
from common import benchmark, interleave, spread, with_range

from emu import Machine
from emu.trace.file import RECORD
from emu.trace.writer import TraceWriter

ROOT = Path(__file__).resolve().parents[1]
GUESTS = {"locking": (6, 4_000), "sleepers": (6, 50), "yield": (3, 2_000), "pingpong": (3_000,), "spawn": (400,)}
EVENTS = 10_000_000
AIMS = {"export_s": 60, "peak_mib": 1024}
# In a process of its own: what is asked for is the memory of all that the command does.
CHILD = """
import json, resource, sys, time
from emu.trace.file import read_trace
from emu.trace.perfetto.export import export, need_perfetto
from emu.trace.output import whole_file

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

need_perfetto()
idle_mib, start, start_cpu = peak(), time.monotonic(), time.process_time()
trace = read_trace(sys.argv[1])
read_mib, read, read_cpu = peak(), time.monotonic(), time.process_time()
with whole_file(sys.argv[2]) as file:
    export(trace, file)
exported = time.monotonic()
print(json.dumps({"idle_mib": idle_mib, "read_s": read - start, "read_mib": read_mib, "export_s": exported - read,
                  "read_cpu_s": read_cpu - start_cpu, "export_cpu_s": time.process_time() - read_cpu,
                  "peak_mib": peak(), "events": len(trace.events)}))
"""


def record(path):
    """The trace of a real machine."""
    output = os.open(os.devnull, os.O_WRONLY)
    with Machine(2, "inko", seed=1, trace=path, stdout=output, quiet=True) as machine:
        for name, arguments in GUESTS.items():
            machine.spawn(name, *arguments)
        machine.run()
    os.close(output)


def repeat(source, target, events):
    """Write a trace's rounds until there are so many events."""
    with open(source, "rb") as file:
        header, *frames = msgpack.Unpacker(file, max_buffer_size=1 << 30, strict_map_key=False)
    rounds, end = frames[:-1], frames[-1]
    rings = [ring for frame in rounds for ring in frame["rings"]]
    records = [np.frombuffer(ring[3], dtype=RECORD) for ring in rings]
    length_ns = max(int(r["time_ns"].max()) for r in records) - min(int(r["time_ns"].min()) for r in records) + 1_000
    written, turn, next_of = 0, 0, dict.fromkeys((ring[0] for ring in rings), 0)
    file = TraceWriter(target)
    file.write(header)
    while written < events:
        for frame in rounds:
            again = []
            for actor, _, lost, raw in frame["rings"]:
                part = np.frombuffer(raw, dtype=RECORD).copy()
                part["time_ns"] += turn * length_ns
                part["word"] += turn << 40  # generations begin at bit 32; a record has few in one turn
                again.append((actor, next_of[actor], lost, part.tobytes()))
                next_of[actor] += len(part)
                written += len(part)
            file.write_round(frame["cut_ns"] + turn * length_ns, 0, again)
        turn += 1
    file.write({**end, "end_ns": end["end_ns"] + turn * length_ns, "recorded": next_of})
    file.close()


def measure(trace, output):
    done = subprocess.run([sys.executable, "-c", CHILD, trace, output], cwd=ROOT, capture_output=True, text=True,
                          check=False)  # fmt: skip
    if done.returncode:
        raise click.ClickException(done.stderr.strip().splitlines()[-1])
    return {**json.loads(done.stdout), "output_bytes": os.path.getsize(output)}


@benchmark("export", rounds=3)
@click.option("--events", type=click.IntRange(1), default=EVENTS, help=f"How many the trace has (default {EVENTS:,}).")
def main(bench, events):
    """How long does `emu trace export` take, and how much memory, for ten million events?"""
    with tempfile.TemporaryDirectory() as folder:
        small, trace, output = (os.path.join(folder, name) for name in ("small", "trace", "out.pftrace"))
        record(small)
        repeat(small, trace, 20_000 if bench.quick else events)
        found = interleave(bench.rounds, {"": lambda: measure(trace, output)}, warm_up=False)[""]
        size = os.path.getsize(trace)
    figures = {name: spread([run[name] for run in found]) for name in found[0]}
    count, written = found[0]["events"], found[0]["output_bytes"]
    bench.row(
        events=count, trace_bytes=size, output_bytes=written, read_s=figures["read_s"], export_s=figures["export_s"],
        events_per_s=spread([count / run["export_s"] for run in found]), idle_mib=figures["idle_mib"],
        read_mib=figures["read_mib"], peak_mib=figures["peak_mib"], read_cpu_s=figures["read_cpu_s"],
        export_cpu_s=figures["export_cpu_s"], aims=AIMS,
    )  # fmt: skip
    rows = [
        (
            what,
            with_range(figures[f"{what}_s"]),
            with_range(figures[f"{what}_cpu_s"]),
            with_range(figures[mib], digits=0),
            AIMS.get(f"{what}_s", ""),
        )
        for what, mib in (("read", "read_mib"), ("export", "peak_mib"))
    ]
    title = f"{count:,} events, {size / 1e6:,.0f} MB, exported to {written / 1e6:,.0f} MB"
    bench.table(title, ("", "s", "host CPU s", "most memory, MiB", "aim s"), rows)
    idle = f"{figures['idle_mib']['median']:,.0f} MiB"
    bench.note(
        f"A process that has imported all and read nothing takes {idle}; the aim for all is {AIMS['peak_mib']:,}."
    )


if __name__ == "__main__":
    main()
