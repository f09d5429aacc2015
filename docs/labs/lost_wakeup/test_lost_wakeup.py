"""Grades a mailbox: 500 numbers pass, each once, and nobody is left asleep."""

from pathlib import Path

from docs.labs.grading import require, run_c

HERE = Path(__file__).resolve().parent
FRAME, WIDE = HERE / "frame.h", HERE / "wide.h"
SUM = sum(range(1, 501))


def grade(answer):
    found = int(run_c(answer, FRAME, "inko", 2, WIDE))
    require(found == SUM, f"the numbers that arrived add up to {found}; those that were sent, to {SUM}")


def test_every_number_arrives_once_and_nobody_sleeps_for_ever(answer):
    grade(answer)
