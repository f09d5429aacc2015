"""A CPU's process, with a main loop that says what the test wants."""

import os
import threading

from emu.actor.mail import Mail
from emu.cpu_worker import loop, process
from emu.kernel.ipi import AWAKE, MESSAGE_COMING


def serve(window, cpu, parked, tmp_path, monkeypatch):
    """(the mail of a CPU that has exited, the thread in which its process comes to its end)."""
    monkeypatch.setattr(loop, "run", lambda *_: loop.EXITED)
    record = window.machine["cpus"][cpu]
    record["process"], record["parked"] = os.getpid(), parked
    mail = Mail(tmp_path, cpu, window.machine)
    leaving = threading.Thread(target=process._serve, args=(window, cpu, mail, None))
    leaving.start()
    return mail, leaving


def test_a_cpu_that_leaves_takes_the_message_that_is_on_its_way(window, tmp_path, monkeypatch):
    """Its sender may be about to leave, too, and would wait for ever for somebody to take it."""
    mail, leaving = serve(window, 1, MESSAGE_COMING, tmp_path, monkeypatch)
    leaving.join(0.3)
    assert leaving.is_alive()
    sender = Mail(tmp_path, 0, window.machine)
    window.machine["cpus"]["kicked"][0][0] = 1
    sender.wake(1)
    leaving.join(30)
    assert not leaving.is_alive() and not mail.take()
    sender.close()
    mail.close()


def test_a_cpu_that_leaves_waits_for_no_message_where_none_was_promised(window, tmp_path, monkeypatch):
    mail, leaving = serve(window, 1, AWAKE, tmp_path, monkeypatch)
    leaving.join(30)
    assert not leaving.is_alive()
    mail.close()
