"""The timelines of the teaching labs: for each lab what the naive answer did, and what the solution does.

    python -m docs.generate.labs             # draws docs/labs/*/timeline-*.png anew

Each picture is of a real run, so it is another one each time; it is drawn anew when a lab changes.
"""

import contextlib
import tempfile
from pathlib import Path

import numpy as np

from docs.labs.grading import run_c
from emu import MachineError, draw_timeline, read_trace, run_workload

LABS = Path(__file__).resolve().parents[1] / "labs"
ANSWERS = {"naive": "the naive answer", "solution": "the solution"}
SPAN_US = 400  # of the mailbox: the moment in which a wake-up is lost


def policy_lab(lab, cpus):
    """Of a policy's lab: its workload under an answer."""
    from importlib import import_module

    mix = import_module(f"docs.labs.{lab}.test_{lab}").MIX

    def run(answer, trace):
        run_workload(mix, cpus=cpus, policy=str(answer), seed=1, limit_s=60, patience_s=5, quiet=True, trace=trace)

    return run


def program_lab(lab, policy, cpus, before=None):
    """Of a lab in C: the answer in its frame."""

    def run(answer, trace):
        run_c(answer, LABS / lab / "frame.h", policy, cpus, before and LABS / lab / before, trace)

    return run


# lab: (how an answer is run, suffix of answers, rows of the picture, the µs that it shows or None: all)
PICTURES = {
    "round_robin": (policy_lab("round_robin", 1), ".py", "thread", None),
    "stealing": (policy_lab("stealing", 3), ".py", "cpu", None),
    "lost_wakeup": (program_lab("lost_wakeup", "inko", 2, "wide.h"), ".c", "thread", SPAN_US),
    "priority_inversion": (
        program_lab("priority_inversion", str(LABS / "priority_inversion" / "strict.py"), 1), ".c", "thread", None,
    ),
}  # fmt: skip


def draw(lab, answer, picture):
    """Run a lab's answer and draw what its threads did."""
    run, suffix, by, span_us = PICTURES[lab]
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace"
        with contextlib.suppress(AssertionError, MachineError):  # the naive answer goes wrong, as it should
            run(LABS / lab / f"{answer}{suffix}", str(trace))
        found = read_trace(trace)
    start_us, stop_us = _window(found, span_us) if span_us else (None, None)
    title = f"{lab.replace('_', ' ')}: {ANSWERS[answer]}"
    draw_timeline(found, start_us, stop_us, by=by, title=title, path=picture)


def _window(trace, span_us):
    """(start, stop), µs from the first run on: where the threads ran last before they got stuck, else in the middle."""
    times = trace.of_kind("switch", "block")["time_ns"]
    gaps = np.diff(times)
    stuck = gaps.max() > (times[-1] - times[0]) / 2
    at_us = int(times[gaps.argmax()] - times[0]) / 1000 if stuck else int(times[len(times) // 2] - times[0]) / 1000
    return max(at_us - span_us, 0), at_us + span_us / 3


if __name__ == "__main__":
    for lab in PICTURES:
        for answer in ANSWERS:
            draw(lab, answer, LABS / lab / f"timeline-{answer}.png")
