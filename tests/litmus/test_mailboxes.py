"""Mailboxes between processes: no message is slept over, lost, mixed or given to another thread (inko-4, inko-2)."""

import pytest

from emu.testing.crew import CONTROL_S, TIMED_S
from emu.testing.message_checks import check_messages
from tests.litmus.mailboxes import EARLY, ENDED, GOT, SENT, SHOWN, WOKEN
from tests.litmus.mutexes import make_threads

MODULE = "tests.litmus.mailboxes"
ROUNDS = 1_000_000_000  # until the time is over

pytestmark = pytest.mark.system("inko-4")


@pytest.mark.system("inko-2")
def test_no_receiver_sleeps_over_a_message_where_one_that_does_not_look_again_or_whose_sender_looks_early_does(crew):
    run = crew(2, policy="random", held_up=True)
    make_threads(run.window, run.words, 2)
    jobs = [("one_receiver", (ROUNDS,)), ("one_sender", (ROUNDS,))]
    run.run(MODULE, jobs, bound_s=TIMED_S, enough=lambda: min(run.words[SHOWN], run.words[EARLY]) > 20)
    assert run.violations == 0


@pytest.mark.system("inko-2")
@pytest.mark.parametrize("policy", ["random", "inko"], ids=["locked", "lock-free"])
def test_each_senders_messages_come_whole_once_and_in_order_whatever_ends_the_receivers_sleeps(crew, policy):
    run = crew(4, policy=policy)
    make_threads(run.window, run.words, 4)
    jobs = [("receiver", (ROUNDS,)), ("sender", (ROUNDS,)), ("sender", (ROUNDS,)), ("meddler", (0,))]

    def enough():
        return run.results()[0] >= 40_000 and run.words[WOKEN] > 0 and run.words[ENDED] > 0

    run.run(MODULE, jobs, bound_s=TIMED_S, enough=enough)
    assert run.violations == 0
    boxes = run.machine["mailboxes"]
    assert run.words[SENT] == run.results()[0] + (boxes["count"] - boxes["taken"]).sum()
    check_messages(run.window)


def recycle(crew, bad, **options):
    run = crew(3, policy="random", held_up=True)
    make_threads(run.window, run.words, 3)
    jobs = [("owner", (ROUNDS, bad)), ("old_friend", (ROUNDS, bad)), ("old_friend", (ROUNDS, bad))]
    run.run(MODULE, jobs, enough=lambda: bad or (run.results()[0] > 1000 and run.words[GOT] > 1000), **options)
    return run


def test_no_sender_reaches_the_thread_that_has_the_record_next_and_no_page_is_left(crew):
    run = recycle(crew, 0, bound_s=TIMED_S)
    assert run.violations == 0
    check_messages(run.window)
    assert not run.machine["mailboxes"]["slots"][: run.machine["fresh_thread"]].any()


def test_control_who_does_not_look_under_the_lock_whose_mailbox_it_is_reaches_the_next_owner(crew):
    assert recycle(crew, 1, bound_s=CONTROL_S).violations > 0
