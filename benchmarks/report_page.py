"""How long does `emu report` take for ten million events, with how much memory, and how soon does its page answer?

The trace is a real one of two threads that wake one another, repeated until it is long enough: each repetition is a
whole life of the machine, with threads of a new generation.  The page is opened in a headless Chromium, where there is
one: the first picture, from the start of loading, and each step of zoom, from all to 3 µs, until all in view is drawn.

python benchmarks/report_page.py [--rounds N] [--quick] [--keep FOLDER]
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import msgpack
import numpy as np
from common import NOT_INSTALLED, benchmark, spread, with_range
from guest_runs import Booted

from emu.trace.file import RECORD
from emu.trace.writer import TraceWriter

ROOT = Path(__file__).resolve().parents[1]
EVENTS, CPUS = 10_000_000, 4
AIMS = {"seconds": 60, "peak_mb": 1000, "first_picture_ms": 2000, "zoom_step_ms": 100}
SHORTEST_NS = 3000
PAINT = """
    const done = arguments[0];
    const look = (list) => list.getEntriesByName('first-contentful-paint').forEach((entry) => done(entry.startTime));
    new PerformanceObserver(look).observe({type: 'paint', buffered: true});
"""
STEP = """
const [from, to, done] = arguments;
const begun = performance.now();
page.view.show(from, to);
const look = () => requestAnimationFrame(() => setTimeout(() =>
  page.view.asked || page.timelines.some((t) => t.pending) ? look() : done(performance.now() - begun)));
look();
"""


def repeat(source, target, events):
    """Write the trace `source` so often, one life of its machine after another, that it has so many events."""
    frames = list(msgpack.Unpacker(source.open("rb"), strict_map_key=False))
    rings = {}
    for frame in frames[1:-1]:
        for actor, _, _, records in frame["rings"]:
            rings.setdefault(actor, []).append(np.frombuffer(records, dtype=RECORD))
    rings = {actor: np.concatenate(parts) for actor, parts in rings.items()}
    start_ns, end = min(int(ring["time_ns"][0]) for ring in rings.values()), frames[-1]
    life_ns = end["end_ns"] - start_ns + 1000
    file, first = TraceWriter(str(target)), dict.fromkeys(rings, 0)
    file.write(frames[0])
    for life in range(-(-events // sum(map(len, rings.values())))):
        parts = []
        for actor, ring in rings.items():
            ring = ring.copy()
            ring["time_ns"] += life * life_ns
            ring["word"] += life << 32  # the generation of its thread
            parts.append((actor, first[actor], 0, ring.tobytes()))
            first[actor] += len(ring)
        file.write_round(start_ns + (life + 1) * life_ns - 1, 0, parts)
    file.write({**end, "end_ns": start_ns + (life + 1) * life_ns, "recorded": first})
    file.close()
    return sum(first.values())


def make_page(trace, page):
    """(seconds, peak MB) of the command."""
    begun = time.monotonic()
    process = subprocess.Popen([sys.executable, ROOT / "tools" / "report.py", trace, "-o", page, "--quiet"])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"emu report ended with status {process.returncode}")
    return time.monotonic() - begun, usage.ru_maxrss * 1024 / 1e6


def look_at(driver, page):
    """(ms until the first picture, [ms of each step of zooming])."""
    driver.get(page.as_uri())
    paint = driver.execute_async_script(PAINT)
    span = driver.execute_script("return page.view.duration")
    middle, steps = span * 0.37, []
    while span > SHORTEST_NS:
        steps.append(driver.execute_async_script(STEP, middle - span / 2, middle + span / 2))
        span /= 2
    return paint, steps


@benchmark("report_page", rounds=3)
@click.option("--keep", metavar="FOLDER", help="Where the trace and the page stay.")
def main(bench, keep):
    """How long does `emu report` take for ten million events, and how soon does its page answer?"""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(keep or folder)
        with Booted(CPUS, policy="eevdf", seed=1, trace=folder / "one.trace") as emu:
            emu.run("pingpong", 2000)
        count = repeat(folder / "one.trace", folder / "large.trace", EVENTS // (500 if bench.quick else 1))
        page = folder / "report.html"
        made = [make_page(folder / "large.trace", page) for _ in range(bench.rounds)]
        seconds, peak_mb = (spread(list(values)) for values in zip(*made))
        size_mb = page.stat().st_size / 1e6
        bench.row(what="command", events=count, seconds=seconds, peak_mb=peak_mb, page_mb=size_mb, aims=AIMS)
        bench.table(
            f"A page of {count:,} events, {size_mb:.1f} MB", ("what", "measured", "aim"),
            [("seconds", with_range(seconds), AIMS["seconds"]),
             ("peak memory, MB", with_range(peak_mb, digits=0), AIMS["peak_mb"])],
        )  # fmt: skip
        in_browser(bench, page)


def in_browser(bench, page):
    sys.path.append(str(ROOT))
    from tests.browser import headless_browser, missing

    if missing():
        bench.row(what="browser", status=NOT_INSTALLED)
        bench.note(f"Not looked at in a browser: {missing()}.")
        return
    looks = []
    for _ in range(bench.rounds):
        with headless_browser(1280, 900) as driver:
            looks.append(look_at(driver, page))
    first, steps = spread([paint for paint, _ in looks]), [ms for _, some in looks for ms in some]
    step = spread(steps)
    over = sum(ms > AIMS["zoom_step_ms"] for ms in steps)
    bench.row(what="browser", first_picture_ms=first, zoom_step_ms=step, steps=len(steps), steps_over_aim=over)
    bench.table(
        "In a headless Chromium", ("what", "measured", "aim"),
        [("first picture, ms", with_range(first, digits=0), AIMS["first_picture_ms"]),
         ("a step of zoom, ms", with_range(step, digits=0), AIMS["zoom_step_ms"]),
         ("steps over the aim", f"{over} of {len(steps)}", 0)],
    )  # fmt: skip


if __name__ == "__main__":
    main()
