"""Grades a lock: the most important thread does not wait until one that needs no lock has ended."""

from pathlib import Path

from docs.labs.grading import require, run_c

HERE = Path(__file__).resolve().parent


def grade(answer):
    order = run_c(answer, HERE / "frame.h", str(HERE / "strict.py"), 1).split()
    require(order == ["high", "middle"],
            f"the threads ended in the order {', '.join(order)}: high waited for middle")  # fmt: skip


def test_the_most_important_thread_waits_for_the_lock_only(answer):
    grade(answer)
