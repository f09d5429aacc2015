"""A picture of a trace for notebooks and pages (matplotlib): who ran where, who waited, who slept, who woke whom.

    from emu import draw_timeline
    draw_timeline("run.trace", stop_us=400)            # a Figure, which a notebook shows
    draw_timeline("run.trace", by="cpu", path="run.svg")

By thread, each row is a thread: a filled bar is a run, with the CPU's number where it fits; a hatched one is the time
in which the thread was runnable and another had its CPU; a thin line is a sleep; nothing: it is not there.  By CPU,
each row is a CPU, and its bars are the threads that ran.  A dark bar below a CPU's row is time in which the host did
not run its process.  An arrow leads from who wakes a thread to the thread.

Colours are Okabe and Ito's, which people tell apart whatever their colour vision (Color Universal Design, 2008).
For more than MOST_ROWS rows or MOST_BARS bars ask for a shorter time, or for the page that `emu report` makes.
"""

import os
from typing import Any

import numpy as np

from ..errors import TraceError
from .file import Trace, read_trace
from .history import read_history
from .wakers import wakers

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
DARK = {"#0072B2", "#D55E00", "#009E73"}  # with white text
MOST_ROWS, MOST_BARS, MOST_ARROWS = 64, 20_000, 300
BAR, BELOW = 0.6, 0.08  # of a row's height
LETTER = 0.006  # of the width
SLEEPS = {"height": BELOW, "color": "#999999"}
WAITS = {"height": BAR, "facecolor": "none", "edgecolor": "#777777", "hatch": "////", "linewidth": 0.4}
LONG_US = 20_000  # shown in ms


def draw_timeline(
    trace: str | os.PathLike[str] | Trace,
    start_us: float | None = None,
    stop_us: float | None = None,
    by: str = "thread",
    title: str = "",
    path: str | os.PathLike[str] | None = None,
) -> Any:
    """A matplotlib Figure of a Trace or of one in a file; with `path` it is written there, too.

    Times are µs from the trace's first run on.  TraceError: no trace, no matplotlib (extra `plot`), too much to draw.
    """
    if by not in ("thread", "cpu"):
        raise TraceError(f"draw_timeline: by={by!r}: expected 'thread' or 'cpu'")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise TraceError("draw_timeline needs matplotlib: pip install 'emu[plot]'") from None
    drawing = _Drawing(trace if isinstance(trace, Trace) else read_trace(trace), start_us, stop_us, by)
    figure = Figure(figsize=(9, 1.1 + 0.38 * len(drawing.rows)), layout="constrained")
    drawing.draw(figure.subplots(), title)
    if path is not None:
        try:
            figure.savefig(path, metadata={"Date": None} if os.fspath(path).endswith(".svg") else None)
        except OSError as error:
            raise TraceError(f"{path}: cannot be written: {error.strerror}") from None
    return figure


class _Drawing:
    def __init__(self, trace, start_us, stop_us, by):
        self.trace, self.by = trace, by
        self.history = read_history(trace)
        slices = self.history.slices
        first_ns = int(slices.start_ns.min()) if len(slices.cpu) else self.history.start_ns
        self.zero_ns = first_ns
        self.start_ns = first_ns + round((start_us or 0) * 1000)
        self.stop_ns = self.history.end_ns if stop_us is None else first_ns + round(stop_us * 1000)
        self.stop_ns = max(self.stop_ns, self.start_ns + 1)
        is_long = self.stop_ns - self.start_ns > LONG_US * 1000
        self.unit, self.unit_ns = ("ms", 1_000_000) if is_long else ("µs", 1000)
        here = self._within(slices)
        count = int(here.sum()) + int(self._within(self.history.waits).sum())
        threads = sorted({*zip(slices.thread[here].tolist(), slices.generation[here].tolist())})
        self.colours = {key: COLOURS[k % len(COLOURS)] for k, key in enumerate(threads)}
        self.rows = threads if by == "thread" else list(range(trace.header["machine"]["cpus"]))
        if len(self.rows) > MOST_ROWS or count > MOST_BARS:
            what = f"{len(self.rows):,} rows of {count:,} runs and waits"
            raise TraceError(f"draw_timeline: {what} are too many: choose start_us and stop_us, or use emu report")

    def _within(self, table):
        return (table.end_ns > self.start_ns) & (table.start_ns < self.stop_ns)

    def _x(self, ns):
        return (np.clip(ns, self.start_ns, self.stop_ns) - self.zero_ns) / self.unit_ns

    def draw(self, axes, title):
        if self.by == "thread":
            self._threads(axes)
        else:
            self._cpus(axes)
        self._arrows(axes)
        labels = [self.trace.label(*row) if self.by == "thread" else f"CPU {row}" for row in self.rows]
        axes.set_yticks(range(len(labels)), labels)
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.set_xlim(self._x(self.start_ns), self._x(self.stop_ns))
        axes.set_xlabel(self.unit)
        axes.set_title(title)
        axes.grid(axis="x", alpha=0.3)
        axes.set_axisbelow(True)

    def _threads(self, axes):
        slices, waits, sleeps = self.history.slices, self.history.waits, self.history.sleeps
        for row, key in enumerate(self.rows):
            for table, style in (
                (sleeps, {"height": BELOW, "color": "#999999"}),
                (
                    waits,
                    {"height": BAR, "facecolor": "none", "edgecolor": "#777777", "hatch": "////", "linewidth": 0.4},
                ),
            ):
                mine = np.flatnonzero(self._within(table) & (table.thread == key[0]) & (table.generation == key[1]))
                starts, ends = self._x(table.start_ns[mine]), self._x(table.end_ns[mine])
                axes.barh([row] * len(mine), ends - starts, left=starts, **style)
            mine = np.flatnonzero(self._within(slices) & (slices.thread == key[0]) & (slices.generation == key[1]))
            cpus = slices.cpu[mine].tolist()
            self._bars(axes, row, mine, [COLOURS[cpu % len(COLOURS)] for cpu in cpus], [str(cpu) for cpu in cpus])

    def _cpus(self, axes):
        slices, stalls = self.history.slices, self.history.stalls
        for row in self.rows:
            mine = np.flatnonzero(self._within(slices) & (slices.cpu == row))
            keys = list(zip(slices.thread[mine].tolist(), slices.generation[mine].tolist()))
            self._bars(axes, row, mine, [self.colours[key] for key in keys], [self.trace.label(*key) for key in keys])
            held = np.flatnonzero(self._within(stalls) & (stalls.cpu == row))
            starts, ends = self._x(stalls.start_ns[held]), self._x(stalls.end_ns[held])
            axes.barh([row + BAR / 2 + BELOW] * len(held), ends - starts, left=starts, height=BELOW, color="black")

    def _bars(self, axes, row, mine, colours, labels):
        slices = self.history.slices
        starts, ends = self._x(slices.start_ns[mine]), self._x(slices.end_ns[mine])
        axes.barh([row] * len(mine), ends - starts, left=starts, height=BAR, color=colours)
        width = self._x(self.stop_ns) - self._x(self.start_ns)
        for start, end, colour, label in zip(starts.tolist(), ends.tolist(), colours, labels):
            if end - start > (len(label) + 1) * LETTER * width * 1.6:
                text = {"color": "white" if colour in DARK else "black", "fontsize": 7}
                axes.text((start + end) / 2, row, label, ha="center", va="center", clip_on=True, **text)

    def _arrows(self, axes):
        """From who wakes a thread to that thread, where there are not too many."""
        found, events = wakers(self.trace), self.trace.events
        times = events["time_ns"][found.position]
        here = np.flatnonzero((times >= self.start_ns) & (times < self.stop_ns) & (found.thread >= 0))
        rows = {row: k for k, row in enumerate(self.rows)}
        if self.by == "cpu" or len(here) > MOST_ARROWS:
            return
        for k in here.tolist():
            event = events[found.position[k]]
            source = rows.get((int(found.thread[k]), int(found.generation[k])))
            target = rows.get((int(event["thread"]), int(event["generation"])))
            if source is not None and target is not None:
                at = self._x(event["time_ns"])
                arrow = {"arrowstyle": "->", "color": "#444444", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0}
                axes.annotate("", (at, target), (at, source), arrowprops=arrow)
