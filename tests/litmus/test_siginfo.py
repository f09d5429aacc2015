"""Queued signals between processes: each is taken once, in its sender's order, and none is left behind."""

import pytest

from emu.testing.crew import CONTROL_S, LINE, TIMED_S
from tests.litmus.siginfo import GOOD, LAST, SENDERS, TAKERS, THREAD, UNLOCKED_POST, UNLOCKED_TAKE, make_taker

MODULE = "tests.litmus.siginfo"


def send(run, count, kind, takers=1, **options):
    run.words[TAKERS] = takers
    for taker in range(takers):
        run.words[THREAD + taker * LINE] = make_taker(run.window)
    jobs = [("taker", (count, kind))] * takers + [("sender", (count, kind))] * (run.workers - takers)
    run.run(MODULE, jobs, **options)


@pytest.mark.parametrize("takers", [1, 2], ids=["one-taker", "two-takers"])
def test_each_queued_signal_is_taken_once_and_in_its_senders_order(crew, takers):
    count = 20_000
    run = crew(4)
    send(run, count, GOOD, takers, bound_s=TIMED_S, enough=lambda: min(run.results()[takers:]) > 100)
    assert run.violations == 0
    sent = run.results()[takers:]
    left = 0
    for taker in range(takers):
        t = run.machine["threads"][int(run.words[THREAD + taker * LINE])]
        task = run.machine["tasks"][int(t["task"])]
        taken = [int(run.words[LAST + (taker * SENDERS + sender) * LINE]) for sender in range(takers, 4)]
        queued = sum(sent) - sum(taken)
        assert queued <= task["nr_siginfos"] <= queued + len(sent), "sent to the first and not yet to the second"
        if sent == [count] * len(sent):
            assert task["nr_siginfos"] == 0 and t["signals"] == 0 and taken == sent
        left += int(task["nr_siginfos"])
    assert run.machine["cpus"]["tag_count"][:, 4].sum() == left


@pytest.mark.parametrize("kind", [UNLOCKED_TAKE, UNLOCKED_POST], ids=["take", "post"])
def test_control_without_the_lock_signals_are_lost_or_come_twice(crew, kind):
    run = crew(4)
    send(run, 3_000_000, kind, bound_s=CONTROL_S, destroys=True)
    assert run.violations > 0
