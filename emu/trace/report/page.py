"""`emu report`: one HTML file that shows what one or two traces say, and needs nothing else.

    write_report(["run.trace"], "report.html")

The file has the skeleton, style and scripts of emu/trace/page/, the figures as JSON, and chunks of columns (pack.py)
that the scripts open when they show them.  What the first picture needs stands before the scripts, the runs behind
them, so the page is drawn before the browser has read all of it.

All of a trace is in the page: from afar the timeline is drawn from bins (levels.py), from near from the runs
(tiles.py); figures over time are means of series.BINS equal bins.  Names come from guests: in JSON each "<" is
escaped, and the scripts put text into nodes, never markup.

The file is there whole or not at all.
"""

import contextlib
import ctypes
import dataclasses
import html
import json
import os
import shlex
from pathlib import Path

import numpy as np

from ...actor.policies import BUILTIN, load_policy
from ...errors import TraceError
from ..file import read_trace
from ..history import ENDINGS
from ..output import whole_file
from . import figures, levels, locks, series
from .pack import pack
from .subject import ACTS, Subject, lean
from .tiles import Tiles

MMAP_THRESHOLD, LARGE_BYTES = -3, 1 << 20  # mallopt(3)
PAGE = Path(__file__).resolve().parents[1] / "page"
SCRIPTS = ("chunks", "words", "palette", "view", "runs", "timeline", "overtime", "charts", "tables", "main")
FLAGS = ("--profile", "--quiet", "--threads", "--trace-wait", "--track-allocations")  # of emu run, without a value
TABLES = ("actor", "queue", "reason", "call", "place", "wake_cause", "preempt_why", "migrate_why")


def write_report(files, path, step=lambda what, steps: None):
    """Make the page at `path` of some trace files; returns the Traces, without their events.

    TraceError where one of them cannot be read, or the page cannot be written.

    `step` is told what is done next, and how many more steps are known of since the last one.
    """
    target = Path(path)
    if target.exists() and any(os.path.samefile(file, target) for file in files if os.path.exists(file)):
        raise TraceError(f"report {path}: that is the trace itself, name another file for the page")
    _return_what_is_freed()
    parts = []
    for number, file in enumerate(files):
        step(f"reading {Path(file).name}", 3)
        parts.append(_Part(lean(read_trace(file)), number, step))
    with whole_file(path) as file:
        _write(parts, file)
    return [dataclasses.replace(part.trace, events=part.trace.events[:0]) for part in parts]


def _write(parts, file):
    report = {"traces": [part.data() for part in parts], "per_octave": figures.PER_OCTAVE}
    title = " and ".join(Path(part.trace.path).name for part in parts)
    values = {
        "title": html.escape(f"emu report: {title}"),
        "style": (PAGE / "page.css").read_text(),
        "script": "\n".join((PAGE / f"{name}.js").read_text() for name in SCRIPTS),
        "report": json.dumps(report, separators=(",", ":"), default=str).replace("<", "\\u003c"),
    }
    text = (PAGE / "page.html").read_text()
    for number, piece in enumerate(text.replace("}}", "{{").split("{{")):
        if number % 2 == 0:
            file.write(piece.encode())
        elif piece in values:
            file.write(values[piece].encode(errors="replace"))
        else:
            for part in parts:
                for name, columns in getattr(part, piece)():
                    file.write(f'<script type="text/plain" id="{name}">{pack(columns)}</script>\n'.encode())


class _Part:
    """What the page has of one trace."""

    def __init__(self, trace, number, step):
        step("history", trace.header["machine"]["cpus"])
        self._number, self._step = number, step
        self._subject = Subject(trace)
        self.trace = self._subject.trace
        self._tiles = Tiles(self._subject)
        self._bins = levels.bin_counts(self._subject)

    def data(self):
        self._step("figures", 0)
        trace, s = self.trace, self._subject
        h, header = s.history, trace.header
        return {
            "file": Path(trace.path).name, "label": f"{Path(trace.path).name}: {header['machine']['policy']}",
            "date": header.get("date", ""), "replay": replay_command(header), "notes": trace.notes(),
            "machine": {**header["machine"], "parameters": _parameters(header["machine"])},
            "events": len(trace.events), "duration": h.end_ns - h.start_ns,
            "figures": {
                "switches": int((trace.events["kind"] == trace.kind_number("switch")).sum()),
                "busy_ns": int((h.slices.end_ns - h.slices.start_ns).sum()),
                "stall_ns": int((h.stalls.end_ns - h.stalls.start_ns)[h.stalls.cpu < s.cpus].sum()),
            },
            "threads": figures.threads(s), "latencies": figures.latencies(s), "worst": figures.worst_wakes(s),
            "calls": figures.calls(s), "messages": figures.messages(s),
            **self._locks(),
            "states": {name: _short(values) for name, values in series.states(s).items()},
            "queues": {queue: _short(values) for queue, values in series.queue_depth(s).items()},
            "levels": self._bins, "stalls": [int((h.stalls.cpu == cpu).sum()) for cpu in range(s.cpus)],
            "tiles": [[[*self._tiles.span(*rows), rows[1] - rows[0]] for rows in self._tiles.of(cpu)]
                      for cpu in range(s.cpus)],
            "tables": {name: header["values"].get(name, {}) for name in TABLES}, "endings": ENDINGS, "acts": ACTS,
        }  # fmt: skip

    def _locks(self):
        sleeps = locks.FutexSleeps(self._subject)
        return {"locks": locks.contention(sleeps), "chains": locks.chains(sleeps)}

    def first(self):
        """(name, columns) of the chunks that the first picture needs."""
        for cpu in range(self._subject.cpus):
            yield from self._level(0, cpu)

    def rest(self):
        for cpu in range(self._subject.cpus):
            self._step(f"CPU {cpu}", 0)
            yield from self._stalls(cpu)
            for number in range(1, len(self._bins)):
                yield from self._level(number, cpu)
            for k, columns in enumerate(self._tiles.columns(cpu)):
                yield f"{self._number}.run.{cpu}.{k}", columns

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


def _return_what_is_freed():
    """The host gets large arrays back as soon as they are freed, where its C library can do that."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(MMAP_THRESHOLD, LARGE_BYTES)


def _short(values):
    return [float(f"{value:.4g}") for value in values]


def replay_command(header):
    """What makes such a run again, as a shell takes it: the command that recorded it, with its seed and CPUs."""
    machine, command = header["machine"], [str(word) for word in header.get("command") or ()]
    fixed = {"--cpus": machine["cpus"], "--seed": machine["seed"]}
    if command[:2] == ["emu", "run"] or command[:1] == ["run.py"]:
        given = command[2 if command[0] == "emu" else 1 :]
        options, program = _options(given)
        names = [option[0].split("=")[0] for option in options]
        missing = [[name, str(value)] for name, value in fixed.items() if name not in names]
        kept = [option for name, option in zip(names, options) if name != "--trace"]  # it would replace the trace
        return shlex.join(["emu", "run", *(word for option in missing + kept for word in option), *program])
    if command:  # somebody's own program
        return f"EMU_SEED={machine['seed']} python {shlex.join(command)}"
    words = ["emu", "run", *(word for pair in fixed.items() for word in pair), "--policy", machine["policy"]]
    words += [word for name, value in _parameters(machine) for word in ("--param", f"{name}={value}")]
    return shlex.join(str(word) for word in [*words, "PROGRAM"])


def _options(words):
    """([[option, its value], …], the program with its arguments)."""
    options, at = [], 0
    while at < len(words) and words[at].startswith("-"):
        alone = words[at] in FLAGS or "=" in words[at]
        options.append(words[at : at + (1 if alone else 2)])
        at += len(options[-1])
    return options, words[at:]


def _parameters(machine):
    """[(name, value)]: names are known of emu's own policies; others are files, which must not run to read a trace."""
    values = machine["parameters"]
    names = list(getattr(load_policy(machine["policy"]), "PARAMETERS", ())) if machine["policy"] in BUILTIN else []
    return list(zip(names, values)) if len(names) == len(values) else []
