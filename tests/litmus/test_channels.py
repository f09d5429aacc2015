"""Ports between processes: no message is slept over, lost, doubled or given to another port (rust-11)."""

import pytest

from emu.testing.crew import BOUND_S, CONTROL_S, TIMED_S
from emu.testing.message_checks import check_messages
from tests.litmus.channels import ENDED, GOT, RECEIVES, SELECTS, SENT, SHOWN, WOKEN, make_threads

MODULE = "tests.litmus.channels"
ROUNDS = 1_000_000_000  # until the time is over

pytestmark = pytest.mark.system("rust-11")


@pytest.mark.parametrize("how", [RECEIVES, SELECTS], ids=["one", "several"])
def test_nobody_sleeps_over_a_message_where_one_that_does_not_look_again_under_the_lock_does(crew, how):
    run = crew(2, policy="random", held_up=True)
    make_threads(run.window, run.words, 2)
    jobs = [("one_receiver", (ROUNDS, how)), ("one_sender", (ROUNDS, how))]
    # The gaps are of a few instructions; the real selector's, which takes a lock in its own, is the narrowest.
    run.run(MODULE, jobs, bound_s=BOUND_S if how == SELECTS else TIMED_S, enough=lambda: run.words[SHOWN] > 4)
    assert run.violations == 0


@pytest.mark.parametrize("policy", ["random", "inko"], ids=["locked", "lock-free"])
@pytest.mark.parametrize("receivers", [1, 2])
def test_each_message_is_received_once_whatever_ends_the_sleeps_and_in_order_by_one(crew, receivers, policy):
    run = crew(receivers + 3, policy=policy)
    make_threads(run.window, run.words, receivers + 3)
    jobs = [("receiver", (ROUNDS,))] * receivers + [("sender", (ROUNDS,))] * 2 + [("meddler", (0,))]

    def enough():
        return run.words[GOT] >= 40_000 and run.words[WOKEN] > 0 and run.words[ENDED] > 0

    run.run(MODULE, jobs, bound_s=TIMED_S, enough=enough)
    assert run.violations == 0
    assert run.words[SENT] == run.words[GOT] + run.machine["ports"][0]["waiting"]
    check_messages(run.window)


def recycle(crew, bad, **options):
    run = crew(3, policy="random", held_up=True)
    make_threads(run.window, run.words, 3)
    jobs = [("owner", (ROUNDS, bad)), ("old_friend", (ROUNDS, bad)), ("old_friend", (ROUNDS, bad))]
    run.run(MODULE, jobs, enough=lambda: bad or (run.results()[0] > 1000 and run.words[GOT] > 1000), **options)
    return run


def test_no_sender_reaches_the_port_that_has_the_record_next_and_no_record_or_page_is_left(crew):
    run = recycle(crew, 0, bound_s=TIMED_S)
    assert run.violations == 0
    check_messages(run.window)
    assert not run.machine["ports"]["references"].any() and not run.machine["channels"]["owner"].any()


def test_control_who_keeps_the_index_alone_reaches_the_next_port(crew):
    assert recycle(crew, 1, bound_s=CONTROL_S).violations > 0
