"""Queued signals between processes: each is taken once, in its sender's order, and none is left behind."""

import pytest

from tests.litmus.crew import CONTROL_S
from tests.litmus.siginfo import GOOD, LAST, THREAD, UNLOCKED_POST, UNLOCKED_TAKE, make_taker

MODULE = "tests.litmus.siginfo"


def send(run, count, kind, **options):
    run.words[THREAD] = make_taker(run.window)
    jobs = [("taker", (count, kind))] + [("sender", (count, kind))] * (run.workers - 1)
    run.run(MODULE, jobs, **options)


def test_each_queued_signal_is_taken_once_and_in_its_senders_order(crew):
    count = 20_000
    run = crew(4)
    send(run, count, GOOD)
    assert run.violations == 0
    sent = run.results()[1:]
    assert [int(run.words[LAST + 8 * sender]) for sender in (1, 2, 3)] == sent and min(sent) > 200, "too few to mean it"
    task = run.machine["tasks"][int(run.machine["threads"][int(run.words[THREAD])]["task"])]
    if sent == [count] * 3:
        assert task["nr_siginfos"] == 0 and run.machine["threads"][int(run.words[THREAD])]["signals"] == 0
    assert run.machine["cpus"]["tag_count"][:, 4].sum() == task["nr_siginfos"]


@pytest.mark.parametrize("kind", [UNLOCKED_TAKE, UNLOCKED_POST], ids=["take", "post"])
def test_control_without_the_lock_signals_are_lost_or_come_twice(crew, kind):
    run = crew(4)
    send(run, 3_000_000, kind, bound_s=CONTROL_S, destroys=True)
    assert run.violations > 0
