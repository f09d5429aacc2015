"""Grades a `balance` hook: work that is born on one CPU is executed by all of three."""

from docs.labs.grading import require
from emu import MachineError, run_workload

MIX = {"threads": [{"name": "work", "instances": 6, "phases": [{"run": 60_000}]}]}
SHARE = 0.05  # of all instructions: far less than a third
ATTEMPTS = 5  # a busy host may give a CPU no core until the work is done


def grade(answer):
    for seed in range(ATTEMPTS):
        try:
            _, report = run_workload(MIX, cpus=3, policy=answer, seed=seed, limit_s=60, patience_s=5, quiet=True)
        except MachineError as error:
            raise AssertionError(f"the threads did not get to their end: {error}") from None
        idlest = min(report.cpus, key=lambda each: each.instructions)
        share = idlest.instructions / report.instructions
        if share >= SHARE:
            return
    require(False, f"CPU {idlest.cpu} executed {share:.0%} of the work while threads waited, in all of {ATTEMPTS} runs")


def test_every_cpu_gets_a_share_of_the_work(answer):
    grade(answer)
