"""Grades a round robin policy: four equal threads on one CPU get equal shares, and all of them end."""

from docs.labs.grading import require
from emu import MachineError, run_workload

MIX = {"threads": [{"name": "equal", "instances": 4, "phases": [{"barrier": "start"}, {"run": 400_000}]}]}
ENOUGH = 0.9  # Jain's index; one thread after the other gives 0.76
PATIENCE_S = 5  # a thread that is not picked for so long is lost


def grade(answer):
    try:
        result, _ = run_workload(MIX, cpus=1, policy=answer, seed=1, limit_s=60, patience_s=PATIENCE_S, quiet=True)
    except MachineError as error:
        raise AssertionError(f"the threads did not get to their end: {error}") from None
    require(result.fairness >= ENOUGH,
            f"the threads did not take turns: fairness {result.fairness:.2f}, {ENOUGH} is asked for")  # fmt: skip


def test_every_thread_gets_its_turn(answer):
    grade(answer)
