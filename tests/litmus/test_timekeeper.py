"""Time-outs between processes: no sleeper is missed, one end for each sleep, no earlier deadline is slept over."""

import pytest

from emu.testing.checks import check_queues
from emu.testing.crew import CONTROL_S, TIMED_S
from tests.litmus.timekeeper import CLEARED, EXPIRED

MODULE = "tests.litmus.timekeeper"
ENDLESS = 1_000_000_000


def jobs(count, *names):
    return [(name, (count,)) for name in names]


@pytest.mark.system("alux-3")
def test_clear_timeout_never_misses_a_sleeper_whose_note_it_found(crew, workers):
    run = crew(workers, policy="random")
    many = jobs(200_000, "sleeper", *["waker_under_lock"] * (workers - 1))
    run.run(MODULE, many, enough=lambda: run.results()[0] > 100)
    assert run.violations == 0
    check_queues(run.machine)


@pytest.mark.system("alux-3")
@pytest.mark.system("inko-3")
def test_nor_when_the_sleep_has_a_deadline_and_its_message_comes_late(crew):
    run = crew(4, policy="random")
    many = jobs(200_000, "timed_sleeper", "keeper", "waker_under_lock", "waker_under_lock")
    run.run(MODULE, many, enough=lambda: run.results()[0] > 100)
    assert run.violations == 0
    heap = int(run.machine["nr_timeouts"])
    waiting = int((run.machine["timeout_rings"]["head"] - run.machine["timeout_rings"]["tail"]).sum())
    assert run.machine["stale_timeouts"] - heap - waiting in (0, -1), "one count for each (the last may be valid)"
    check_queues(run.machine)


@pytest.mark.system("alux-3")
def test_control_a_lock_released_before_the_sleep_is_recorded_loses_the_sleeper(crew):
    run = crew(2, policy="random")
    run.run(MODULE, jobs(ENDLESS, "bad_sleeper", "waker_under_lock"), bound_s=CONTROL_S)
    assert run.violations > 0


@pytest.mark.system("inko-3")
@pytest.mark.system("alux-3")
@pytest.mark.parametrize("wakers", [1, 2])
def test_a_time_out_and_a_wake_up_at_the_same_time_have_one_winner(crew, wakers):
    """ "take into account multiple threads trying to reschedule the same process" (inko)"""
    run = crew(2 + wakers, policy="random")
    many = jobs(ENDLESS, "short_sleeper", "keeper", *["waker"] * wakers)  # by time: a waker may lack a core

    def enough():
        return run.results()[0] > 100 and min(run.words[CLEARED], run.words[EXPIRED]) > 10

    run.run(MODULE, many, bound_s=TIMED_S, enough=enough)
    assert run.violations == 0
    rounds, expired, *cleared = run.results()
    assert run.words[CLEARED] + run.words[EXPIRED] == rounds
    assert expired + sum(cleared) - rounds in (0, 1), "one end for each sleep (the last may be cut short)"
    check_queues(run.machine)


@pytest.mark.system("inko-3")
def test_control_a_time_out_that_looks_and_then_stores_wins_beside_the_waker(crew):
    run = crew(3, policy="random")
    run.run(MODULE, jobs(ENDLESS, "short_sleeper", "bad_keeper", "waker"), bound_s=CONTROL_S)
    assert run.violations > 0


@pytest.mark.system("inko-3")
def test_no_deadline_is_missed_that_is_sent_while_the_timekeeper_goes_to_sleep(crew, workers):
    run = crew(workers)
    many = jobs(100_000, "sleeping_keeper", *["sender"] * (workers - 1))
    run.run(MODULE, many, enough=lambda: min(run.results()) > 100)
    assert run.violations == 0


@pytest.mark.system("inko-3")
def test_nor_is_a_message_read_before_it_is_written_whoever_is_held_up(crew):
    run = crew(2, held_up=True)
    run.run(MODULE, jobs(100_000, "sleeping_keeper", "sender"), enough=lambda: min(run.results()) > 100)
    assert run.violations == 0


@pytest.mark.system("inko-3")
def test_control_a_timekeeper_that_does_not_look_again_sleeps_over_a_deadline(crew):
    run = crew(2)
    run.run(MODULE, jobs(ENDLESS, "bad_sleeping_keeper", "impatient_sender"), bound_s=CONTROL_S)
    assert run.violations > 0


@pytest.mark.system("inko-3")
def test_control_a_sender_without_a_fence_does_not_see_that_the_timekeeper_sleeps(crew):
    run = crew(2)
    run.run(MODULE, jobs(ENDLESS, "sleeping_keeper", "unfenced_sender"), bound_s=CONTROL_S)
    assert run.violations > 0
