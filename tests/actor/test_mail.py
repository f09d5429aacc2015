"""Wake-ups arrive, also those of a sender who leaves before their target can take them."""

import threading

import numpy as np
import pytest

from emu.actor import mail as mail_module
from emu.actor.mail import DELIVERED, Mail, address


@pytest.fixture
def machine():
    return {"cpus": np.zeros(2, [("process", "i8"), ("kicked", "i8", 2)])}


def send_and_leave(tmp_path, machine, linger_ms):
    """Actor 0 sends actor 1 a message, for whom nobody listens yet, and leaves: its closing thread."""
    sender = Mail(tmp_path, 0, machine)
    machine["cpus"][1]["process"] = mail_module.os.getpid()
    machine["cpus"][0]["kicked"][0] = 1
    sender.wake(1)
    leaving = threading.Thread(target=sender.close, args=(linger_ms,))
    leaving.start()
    return leaving


def test_a_sender_leaves_when_its_message_has_arrived(tmp_path, machine):
    leaving = send_and_leave(tmp_path, machine, DELIVERED)
    leaving.join(1.2)
    assert leaving.is_alive()
    target = Mail(tmp_path, 1, machine)
    leaving.join(30)
    assert target.sleep() and not leaving.is_alive()
    target.close()


def test_control_a_sender_who_waits_for_a_time_only_takes_the_message_along(tmp_path, machine):
    leaving = send_and_leave(tmp_path, machine, 50)
    leaving.join(30)
    target = Mail(tmp_path, 1, machine)
    assert not target.take() and address(tmp_path, "wake-1") in target.inbox.LAST_ENDPOINT.decode()
    target.close()
