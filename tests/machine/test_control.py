"""The control socket: pause and continue from another process, and what comes in that is no request."""

import subprocess
import sys
import threading

import msgpack
import pytest
import zmq

from emu import MachineError
from emu.actor.mail import address
from emu.machine import control
from emu.machine.control import NAME, Control, ControlServer

ASK = """
import sys
from emu.machine.control import Control
for name in sys.argv[2:]:
    print(Control(sys.argv[1]).ask(name), flush=True)
"""


class Asker(threading.Thread):
    """Talks to a machine while its supervisor waits in `run`, then has the job end."""

    def __init__(self, machine, job, talk):
        super().__init__()
        self.machine, self.job, self.talk, self.error = machine, job, talk, None
        self.start()

    def run(self):
        from emu.machine.directory import living_directories

        try:
            directory = self.machine._directory
            assert directory in [path for _, path in living_directories()]
            self.result = self.talk(directory)
        except BaseException as error:
            self.error = error
        finally:
            self.machine.ask_end.set()


def run_while(boot, talk):
    """What `talk(machine, directory)` returns, called in a thread while a machine with two busy tasks runs."""
    with boot(2) as machine:
        machine.ask_end = threading.Event()
        machine.spawn("bench_int", 1 << 40)
        asker = Asker(machine, None, lambda directory: talk(machine, directory))
        with pytest.raises(MachineError, match="did not end within"):
            while not machine.ask_end.is_set():
                machine._wait_until(machine.ask_end.is_set)
            machine.run(limit_s=0.01)
        asker.join()
    if asker.error:
        raise asker.error
    return asker.result


def retired(machine):
    return int(machine.window.machine["cpus"]["instructions"][:2].sum())


def test_another_process_pauses_a_machine_and_lets_it_go_on(boot):
    def talk(machine, directory):
        command = [sys.executable, "-c", ASK, str(directory)]
        said = subprocess.run([*command, "pause", "pause"], capture_output=True, text=True, check=True).stdout
        paused, first = int(machine.window.machine["paused"]), retired(machine)
        later = retired(machine)
        rest = subprocess.run([*command, "continue", "continue"], capture_output=True, text=True, check=True).stdout
        while retired(machine) == later:  # it goes on
            pass
        return said + rest, paused, later - first, int(machine.window.machine["paused"])

    said, paused, went_on, after = run_while(boot, talk)
    assert said.splitlines() == [
        "the machine is paused", "the machine is paused already",
        "the machine goes on", "the machine was not paused from outside",
    ]  # fmt: skip
    assert paused and went_on == 0 and not after


def test_what_is_no_request_is_dropped_and_said_once(boot, capfd):
    def talk(machine, directory):
        with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(address(directory, NAME))
            for message in (b"", b"\xc1", b"pause", msgpack.packb(["pause"]), msgpack.packb({1: 2}), bytes(3000)):
                socket.send(message)
            socket.send_multipart([msgpack.packb("pause"), b"more"])
            socket.send(msgpack.packb("continue"))
            assert socket.poll(30_000)
            return msgpack.unpackb(socket.recv())

    assert run_while(boot, talk) == {"answer": "the machine was not paused from outside"}
    errors = capfd.readouterr().err
    assert errors.count("something that is no request came in") == 1


def test_a_request_that_is_too_long_ends_the_connection_only(boot, capfd):
    def talk(machine, directory):
        with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(address(directory, NAME))
            socket.send(bytes(1 << 20))
            return Control(directory).ask("continue")

    assert run_while(boot, talk) == "the machine was not paused from outside"
    assert "no request" not in capfd.readouterr().err, "it was not even read"


class Endless:
    """A socket on which requests come as fast as they are answered."""

    answered = 0

    def recv_multipart(self, flags):
        return [b"client", msgpack.packb("continue")]

    def send_multipart(self, parts, flags):
        self.answered += 1
        assert self.answered < 1000, "it answers this client for ever"


def test_a_client_that_asks_without_end_does_not_keep_the_supervisor(boot, tmp_path):
    with boot(1) as machine, zmq.Context() as context:
        server = ControlServer(machine, context, tmp_path)
        server.close()
        server._socket = Endless()
        assert server.look() and server._socket.answered == control.AT_ONCE


def test_nobody_who_answers_is_one_line(boot, monkeypatch, tmp_path):
    monkeypatch.setattr(control, "PATIENCE_MS", 50)
    with pytest.raises(MachineError, match="^pause: the supervisor does not answer") as raised:
        Control(tmp_path).ask("pause")
    assert "\n" not in str(raised.value)
    with boot(1) as machine, pytest.raises(MachineError, match="its user's own code"):
        Control(machine._directory).ask("pause")


def test_a_pause_that_nobody_waited_for_is_taken_back(boot, monkeypatch):
    monkeypatch.setattr(control, "PATIENCE_MS", 50)
    with boot(1) as machine:
        with pytest.raises(MachineError, match="its user's own code"):
            Control(machine._directory).ask("pause")
        job = machine.spawn("hello")
        machine.run(limit_s=60)
        assert job.exit_status == 0 and not machine.window.machine["paused"]


def test_a_machine_that_is_paused_from_outside_ends_all_the_same(boot):
    with boot(2) as machine:
        machine.spawn("bench_int", 1 << 40)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(Control(machine._directory).ask("pause")))
        thread.start()
        machine._wait_until(lambda: answers)
        thread.join()
        assert machine.window.machine["paused"]
        machine.leaks = None  # what is said of them when it has ended by the ordinary path
    assert answers == ["the machine is paused"] and machine.leaks == {}
