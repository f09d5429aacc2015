"""`emu report`: one HTML file that shows what one or two traces say, and needs nothing else.

    write_report([read_trace("run.trace")], "report.html")

The file has the skeleton, style and scripts of emu/trace/page/, the figures as JSON, and chunks of columns (pack.py) that
the scripts open when they show them.  What the first picture needs stands before the scripts, the runs behind them, so
the page is drawn before the browser has read all of it.

All of a trace is in the page: from afar the timeline is drawn from bins (levels.py), from near from the runs (tiles.py);
figures over time are means of series.BINS equal bins.  Names come from guests: in JSON every "<" is written \\u003c, and
the scripts put text into nodes, never markup.

It is written to a file beside the one asked for, which takes its place when it is whole.
"""

import contextlib
import html
import json
import os
import shlex
import stat
from pathlib import Path

import numpy as np

from ...actor.policies import BUILTIN, load_policy
from ..history import ENDINGS
from . import figures, levels, locks, series
from .pack import pack
from .subject import ACTS, Subject
from .tiles import Tiles

PAGE = Path(__file__).resolve().parents[1] / "page"
SCRIPTS = ("chunks", "words", "palette", "view", "runs", "timeline", "overtime", "charts", "tables", "main")
TABLES = ("actor", "queue", "reason", "call", "place", "wake_cause", "preempt_why", "migrate_why")


def write_report(traces, path, step=lambda what: None):
    """Make the page at `path`. `step` is told what is done next, steps(traces) times. OSError where it cannot be written."""
    target = Path(path)
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        return _write(traces, target, step)  # a device takes no other file's name
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        _write(traces, beside, step)
        beside.replace(target)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def steps(traces):
    return sum(2 + trace.header["machine"]["cpus"] for trace in traces)


def _write(traces, path, step):
    with open(path, "w", encoding="utf-8") as file:
        parts = []
        for number, trace in enumerate(traces):
            step("history")
            parts.append(_Part(trace, number, step))
        report = {"traces": [part.data() for part in parts], "per_octave": figures.PER_OCTAVE}
        title = " and ".join(Path(trace.path).name for trace in traces)
        values = {
            "title": html.escape(f"emu report: {title}"),
            "style": (PAGE / "page.css").read_text(),
            "script": "\n".join((PAGE / f"{name}.js").read_text() for name in SCRIPTS),
            "report": json.dumps(report, separators=(",", ":")).replace("<", "\\u003c"),
        }
        text = (PAGE / "page.html").read_text()
        for number, piece in enumerate(text.replace("}}", "{{").split("{{")):
            if number % 2 == 0:
                file.write(piece)
            elif piece in values:
                file.write(values[piece])
            else:
                for part in parts:
                    for name, columns in getattr(part, piece)():
                        file.write(f'<script type="text/plain" id="{name}">{pack(columns)}</script>\n')


class _Part:
    """What the page has of one trace."""

    def __init__(self, trace, number, step):
        self._trace, self._number, self._step = trace, number, step
        self._subject = Subject(trace)
        self._tiles = Tiles(self._subject)
        self._bins = levels.bin_counts(self._subject)

    def data(self):
        self._step("figures")
        trace, s = self._trace, self._subject
        h, header = s.history, trace.header
        return {
            "file": Path(trace.path).name, "label": f"{Path(trace.path).name}: {header['machine']['policy']}",
            "date": header.get("date", ""),
            "machine": {**header["machine"], "parameters": _parameters(header["machine"])}, "replay": replay_command(header), "notes": trace.notes(),
            "events": len(trace.events), "duration": h.end_ns - h.start_ns,
            "figures": {
                "switches": int((trace.events["kind"] == trace.kind_number("switch")).sum()),
                "busy_ns": int((h.slices.end_ns - h.slices.start_ns).sum()),
                "stall_ns": int((h.stalls.end_ns - h.stalls.start_ns)[h.stalls.cpu < s.cpus].sum()),
            },
            "threads": figures.threads(s), "latencies": figures.latencies(s), "worst": figures.worst_wakes(s),
            "calls": figures.calls(s), "messages": figures.messages(s),
            "locks": locks.contention(s), "chains": locks.chains(s),
            "states": {name: _short(values) for name, values in series.states(s).items()},
            "queues": {queue: _short(values) for queue, values in series.queue_depth(s).items()},
            "levels": self._bins, "stalls": [int((h.stalls.cpu == cpu).sum()) for cpu in range(s.cpus)],
            "tiles": [[[*self._tiles.span(*rows), rows[1] - rows[0]] for rows in self._tiles.of(cpu)]
                      for cpu in range(s.cpus)],
            "tables": {name: header["values"].get(name, {}) for name in TABLES}, "endings": ENDINGS, "acts": ACTS,
        }  # fmt: skip

    def first(self):
        """(name, columns) of the chunks that the first picture needs."""
        for cpu in range(self._subject.cpus):
            yield from self._level(0, cpu)

    def rest(self):
        for cpu in range(self._subject.cpus):
            self._step(f"CPU {cpu}")
            yield from self._stalls(cpu)
            for number in range(1, len(self._bins)):
                yield from self._level(number, cpu)
            for k, rows in enumerate(self._tiles.of(cpu)):
                yield f"{self._number}.run.{cpu}.{k}", self._tiles.columns(*rows)

    def _level(self, number, cpu):
        columns = levels.level(self._subject, cpu, self._bins[number])
        for piece, at in enumerate(range(0, self._bins[number], levels.PIECE)):
            part = {name: values[at : at + levels.PIECE] for name, values in columns.items()}
            yield f"{self._number}.bin.{number}.{cpu}.{piece}", part

    def _stalls(self, cpu):
        h = self._subject.history
        mine = h.stalls.cpu == cpu
        start, end = h.stalls.start_ns[mine], h.stalls.end_ns[mine]
        if len(start):
            gap = start - np.concatenate([[h.start_ns], end[:-1]])
            yield f"{self._number}.stall.{cpu}", {"gap": gap, "ns": end - start}


def _short(values):
    return [float(f"{value:.4g}") for value in values]


def replay_command(header):
    """What makes such a run again, as a shell takes it: the command that recorded it, with its seed and CPUs."""
    machine, command = header["machine"], [str(word) for word in header.get("command") or ()]
    fixed = {"--cpus": machine["cpus"], "--seed": machine["seed"]}
    if command[:2] == ["emu", "run"] or command[:1] == ["run.py"]:
        given = command[2 if command[0] == "emu" else 1 :]
        missing = [
            [name, value] for name, value in fixed.items() if not any(w == name or w.startswith(name + "=") for w in given)
        ]
        return shlex.join(["emu", "run", *(str(word) for pair in missing for word in pair), *given])
    if command:  # somebody's own program
        return f"EMU_SEED={machine['seed']} python {shlex.join(command)}"
    words = ["emu", "run", *(word for pair in fixed.items() for word in pair), "--policy", machine["policy"]]
    words += [word for name, value in _parameters(machine) for word in ("--param", f"{name}={value}")]
    return shlex.join(str(word) for word in [*words, "PROGRAM"])


def _parameters(machine):
    """[(name, value)]: names are known of emu's own policies. Others are files, which reading a trace does not execute."""
    values = machine["parameters"]
    names = list(getattr(load_policy(machine["policy"]), "PARAMETERS", ())) if machine["policy"] in BUILTIN else []
    return list(zip(names, values)) if len(names) == len(values) else []
