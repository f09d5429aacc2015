"""Each lab's grader lets the solution pass and refuses the naive answer, for the reason that the lab is about."""

from importlib import import_module
from pathlib import Path

import pytest

LABS = Path(__file__).resolve().parents[2] / "docs" / "labs"
REASONS = {
    "round_robin": "did not take turns",
    "lost_wakeup": "every thread sleeps",
    "priority_inversion": "order middle, high",
    "stealing": "CPU 1 executed 0%",
}


def grader(lab):
    return import_module(f"docs.labs.{lab}.test_{lab}").grade


def answer(lab, kind):
    [found] = (LABS / lab).glob(f"{kind}.*")
    return str(found)


def hurry(monkeypatch):
    """Answers that fail are refused soon: all sleep for good, and a second run would show what the first one did."""
    monkeypatch.setattr("emu.machine.watching.DEADLOCK_S", 0.2)
    monkeypatch.setattr("docs.labs.stealing.test_stealing.ATTEMPTS", 1)


def test_every_lab_is_tested_here():
    assert {path.parent.name for path in LABS.glob("*/task.md")} == REASONS.keys()


@pytest.mark.parametrize("lab", REASONS)
def test_the_solution_passes(lab, warm):
    grader(lab)(answer(lab, "solution"))


@pytest.mark.parametrize("lab", REASONS)
def test_the_naive_answer_fails_for_the_reason_of_the_lab(lab, warm, monkeypatch):
    hurry(monkeypatch)
    with pytest.raises(AssertionError, match=REASONS[lab]):
        grader(lab)(answer(lab, "naive"))


@pytest.mark.parametrize("lab", REASONS)
def test_the_starting_file_does_not_pass(lab, warm, monkeypatch):
    hurry(monkeypatch)
    monkeypatch.setattr("docs.labs.round_robin.test_round_robin.PATIENCE_S", 0.5)  # its pick finds nothing, ever
    with pytest.raises(AssertionError):
        grader(lab)(answer(lab, "start"))


@pytest.mark.parametrize("lab", REASONS)
def test_the_starting_file_has_holes(lab):
    assert "HOLE" in Path(answer(lab, "start")).read_text()
    assert "HOLE" not in Path(answer(lab, "solution")).read_text() + Path(answer(lab, "naive")).read_text()
