"""Interrupts against parking: none is lost, and every message that was sent is consumed."""

from emu.testing.crew import CONTROL_S, LINE
from tests.litmus.parking import ROUNDS

MODULE = "tests.litmus.parking"


def jobs(workers, target, sender, rounds):
    return [(target, (rounds,))] + [(sender, (rounds,))] * (workers - 1)


def test_no_interrupt_is_lost_and_messages_sent_are_messages_consumed(crew, workers):
    run = crew(workers, pinned=False)

    def enough():
        return min(run.words[ROUNDS + me * LINE] for me in range(1, workers)) > 50 and sum(run.results()[1:]) > 5

    run.run(MODULE, jobs(workers, "target", "sender", 3000), enough=enough)
    assert run.violations == 0
    consumed, *sent = run.results()
    pending = run.machine["cpus"][0]["parked"] == 2  # the last one came when the target had gone already
    assert sum(sent) - consumed == pending
    cpus = run.machine["cpus"][1:workers]
    assert cpus["ipis_message"].sum() == sum(sent)


def test_control_a_target_that_parks_after_it_looked_misses_an_interrupt(crew):
    run = crew(2, pinned=False)  # a second sender would wake it after all
    run.run(MODULE, jobs(2, "bad_target", "impatient_sender", 1_000_000), bound_s=CONTROL_S)
    assert run.violations > 0


def test_control_a_sender_that_looks_before_it_sets_the_bit_is_not_heard(crew):
    run = crew(2, pinned=False)
    run.run(MODULE, jobs(2, "target", "bad_sender", 1_000_000), bound_s=CONTROL_S)
    assert run.violations > 0
