"""Interrupts and parking on one process: every state of the two words, and the supervisor's use of them."""

from types import SimpleNamespace

import pytest

from emu.kernel.ipi import AWAKE, MESSAGE_COMING, PARKED, begin_park, end_park, owed, post, take_pending
from emu.limits import IPI_CALL, IPI_RESCHEDULE, IPI_STOP, IPI_TIMER, MAX_ACTORS, SERVER, SUPERVISOR, TIMEKEEPER
from emu.machine import watching
from tests.kernel import wrappers

SENDER, OTHER = 0, 1


def parked(window, actor=SUPERVISOR):
    return int(window.machine["cpus"][actor]["parked"])


def test_an_actor_that_is_awake_gets_a_bit_and_no_message(window):
    assert post(window.address, SENDER, SUPERVISOR, IPI_CALL) == 0
    assert post(window.address, SENDER, SUPERVISOR, IPI_STOP) == 0
    assert take_pending(window.address, SUPERVISOR) == IPI_CALL | IPI_STOP
    assert take_pending(window.address, SUPERVISOR) == 0
    assert window.machine["cpus"][SENDER]["ipis_bit"] == 2


def test_a_parked_actor_gets_one_message_from_the_first_sender_only(window):
    assert begin_park(window.address, SUPERVISOR) == 0 and parked(window) == PARKED
    assert post(window.address, SENDER, SUPERVISOR, IPI_CALL) == 1 and parked(window) == MESSAGE_COMING
    assert window.machine["cpus"][SENDER]["kicked"][0] == SUPERVISOR
    assert post(window.address, OTHER, SUPERVISOR, IPI_CALL) == 0
    assert owed(window.address, SENDER) == 0, "it is handed over once"
    assert end_park(window.address, SUPERVISOR, 1) == 0 and parked(window) == AWAKE


def test_an_actor_that_is_no_cpu_may_owe_messages_to_all_others_at_once(window):
    others = [actor for actor in range(MAX_ACTORS) if actor != TIMEKEEPER]
    for actor in others:
        begin_park(window.address, actor)
    counts = [wrappers.send(window.address, TIMEKEEPER, actor, IPI_TIMER) for actor in others]
    assert counts == list(range(1, MAX_ACTORS)) and owed(window.address, TIMEKEEPER) == len(others)
    assert window.machine["cpus"][TIMEKEEPER]["kicked"][: len(others)].tolist() == others


def test_who_finds_an_interrupt_does_not_sleep(window):
    post(window.address, SENDER, SUPERVISOR, IPI_CALL)
    assert begin_park(window.address, SUPERVISOR) == 1 and parked(window) == AWAKE


def test_who_wakes_by_itself_has_to_take_a_message_that_is_on_its_way(window):
    begin_park(window.address, SUPERVISOR)
    assert end_park(window.address, SUPERVISOR, 0) == 0 and parked(window) == AWAKE
    begin_park(window.address, SUPERVISOR)
    post(window.address, SENDER, SUPERVISOR, IPI_RESCHEDULE)
    assert end_park(window.address, SUPERVISOR, 0) == 1
    assert end_park(window.address, SUPERVISOR, 1) == 0 and parked(window) == AWAKE


@pytest.mark.system("rust-3")
def test_the_supervisor_does_not_wait_for_a_message_that_nobody_sends(window, monkeypatch):
    """An interrupt between "no interrupt is pending" and "parked" comes as a bit only."""

    class Waited(Exception):
        pass

    class NoMail:
        def take(self):
            return False

        def pending(self):
            return False

        def sleep(self, until_ns=0):
            raise Waited("the supervisor would sleep for ever")

    def take_and_be_interrupted(base, me):
        pending = take_pending(base, me)
        post(base, SERVER, SUPERVISOR, IPI_RESCHEDULE)
        return pending

    monkeypatch.setattr(watching, "take_pending", take_and_be_interrupted)
    machine = SimpleNamespace(
        window=window, _mail=NoMail(), _patience=lambda deadline: None, _poll=lambda timeout: None
    )
    watching.Watching._sleep(machine, lambda: False, None)
    assert parked(window) == AWAKE
