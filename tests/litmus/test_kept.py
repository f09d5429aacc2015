"""What a CPU keeps of an address space that it does not use at the moment is of no use once a page was taken away."""

from emu.testing.crew import CONTROL_S
from tests.litmus.kept import GOOD, KEPT, TAKEN, WITHOUT_GENERATIONS, make_tasks

MODULE = "tests.litmus.kept"


def test_no_kept_translation_is_used_after_its_page_was_taken_away(crew, workers):
    run = crew(workers, held_up=True)
    make_tasks(run.window, run.words)
    enough = lambda: min(run.words[TAKEN], run.words[KEPT]) > 300  # noqa: E731
    run.run_all(MODULE, "turn_and_take", 1_000_000, GOOD, enough=enough)
    assert run.violations == 0


def test_control_without_generations_an_old_translation_is_put_back(crew, workers):
    run = crew(workers)
    make_tasks(run.window, run.words)
    run.run_all(MODULE, "turn_and_take", 100_000_000, WITHOUT_GENERATIONS, bound_s=CONTROL_S)
    assert run.violations > 0
