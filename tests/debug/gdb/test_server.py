"""The gdb server's socket: hostile clients, one client only, and what becomes of the program (debug/gdb/server.py)."""

import os
import random
import signal
import socket
import subprocess
import sys

import pytest

from emu.debug.gdb.packets import PACKET_BYTES
from emu.debug.gdb.server import GdbServer
from emu.limits import MAX_BREAKPOINTS, MAX_WATCHPOINTS

HELLO = "hello from emu\n"


def outcome(run):
    status, out, said = run.end()
    assert said.count("\n") <= 1, "one line at most"
    return status, out, said


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"\0\xff\xfe garbage", "outside of a packet"),
        (b"GET / HTTP/1.1\r\n\r\n", "outside of a packet"),
        (b"$" + b"m" * 100_000, "a packet of more than"),
        (b"$g#00" * 40, "wrong checksum"),
        (b"$g#67" * 200, "packets at once"),
    ],
    ids=["bytes", "http", "endless", "checksums", "flood"],
)
def test_what_is_no_protocol_ends_the_session_in_one_line_and_the_program_goes_on(debugged, sent, why):
    run = debugged("hello")
    with run.client() as client:
        client.raw(sent)
        client.is_closed()
        status, out, said = outcome(run)
    assert (status, out) == (0, HELLO)
    assert why in said and said.startswith("emu: gdb: ") and "goes on without it" in said


@pytest.mark.parametrize("sent", [b"", b"$", b"$m10", b"$vCont;c#", b"+$?#3"])
def test_a_client_that_goes_away_in_the_middle_leaves_the_program_to_itself(debugged, sent):
    run = debugged("hello")
    with run.client() as client:
        client.raw(sent)
    status, out, said = outcome(run)
    assert (status, out) == (0, HELLO) and "the client has gone" in said


def test_a_client_that_goes_away_while_the_program_runs_leaves_it_running(debugged):
    run = debugged("spinwait", 4, 300, 1000)
    with run.client() as client:
        client.send("vCont;c")
    status, out, said = outcome(run)
    assert status == 0 and out == "rounds 300\n" and ("the client has gone" in said or said == "")


def test_a_second_client_is_refused_and_the_first_one_goes_on(debugged):
    run = debugged("hello")
    with run.client() as client:
        assert client.ask("?").startswith("T05thread:")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", run.port), timeout=5)
        assert client.ask("vCont;c") == "W00"
    assert outcome(run)[:2] == (0, HELLO)


MALFORMED = [
    "m", "m0", "m,", "mzz,1", "m-1,1", "m1,-1", "M0,2:00", "X0,1", "G", "Gzz", "G00", "p", "pffff", "P", "P0", "P0=",
    "P0=00", "H", "Hx", "Hgzz", "Hg7777", "T", "Tffffffff", "Z", "Z0", "Z0,,", "Z9,0,1", "Z2,0,0", "Z0,5,4", "z",
    "vCont;", "vCont;x", "vCont;c:zz", "vCont;r1", "vCont;rzz,1", "vCont;C", "vCont;Cffff:1fff", "vCont;s:7777", "v",
    "vMustReplyEmpty", "qXfer", "qXfer:features:read", "qXfer:features:read:target.xml:zz,1",
    "qXfer:features:read:../../etc/passwd:0,10", "qXfer:threads:write::0,1", "qThreadExtraInfo,zz",
    "qThreadExtraInfo,7777",
    "QPassSignals:zz", "Q", "q", "C", "Czz", "!", "bc", "\x80", "", "m" + "f" * 5000 + ",1", "m0," + "f" * 5000,
]  # fmt: skip


def test_malformed_packets_get_an_error_or_an_empty_answer_and_change_nothing(debugged):
    run = debugged("hello")
    with run.client() as client:
        before = client.ask("g")
        for text in MALFORMED:
            answer = client.ask(text.encode("latin-1"))
            assert answer == "" or answer.startswith("E"), text
        assert client.ask("g") == before
        assert client.ask("vCont;c") == "W00"
    assert outcome(run)[:2] == (0, HELLO)


def test_no_answer_is_longer_than_a_packet(debugged):
    run = debugged("hello")
    with run.client() as client:
        words = client.ask("g")
        sp = int.from_bytes(bytes.fromhex(words[2 * 16 : 3 * 16]), "little")
        answer = client.ask(f"m{sp - PACKET_BYTES:x},{PACKET_BYTES:x}")
        assert PACKET_BYTES // 2 < len(answer) <= PACKET_BYTES
        client.ask("D")
    assert outcome(run)[:2] == (0, HELLO)


@pytest.mark.parametrize(("kind", "most"), [(0, MAX_BREAKPOINTS), (2, MAX_WATCHPOINTS)], ids=["break", "watch"])
def test_more_points_than_there_is_room_for_are_refused(debugged, kind, most):
    run = debugged("hello")
    with run.client() as client:
        words = client.ask("g")
        pc = int.from_bytes(bytes.fromhex(words[32 * 16 : 33 * 16]), "little") & -4096
        points = [f"{kind},{pc + 4 * n:x},4" for n in range(most + 1)]
        assert {client.ask(f"Z{point}") for point in points[:-1]} == {"OK"}
        assert client.ask(f"Z{points[-1]}") == "E0e"
        assert {client.ask(f"z{point}") for point in points[:-1]} == {"OK"}
        assert client.ask("vCont;c") == "W00"
    assert outcome(run)[:2] == (0, HELLO)


def test_a_step_leaves_the_breakpoint_on_which_it_begins(debugged):
    run = debugged("hello")
    with run.client() as client:
        words = client.ask("g")[32 * 16 : 33 * 16]
        pc = int.from_bytes(bytes.fromhex(words), "little")
        assert client.ask(f"Z0,{pc:x},4") == "OK"
        stop = client.ask("vCont;s")
        assert stop.startswith("T05") and "20:" in stop and f"20:{words}" not in stop
        assert client.ask("D") == "OK"
    assert outcome(run)[:2] == (0, HELLO)


def test_packets_made_by_chance_end_no_machine(debugged, seed):
    chance = random.Random(seed)
    run = debugged("hello")
    letters = b"gGpPmMXzZHTvqQ?c0123456789abcdef,:;=-ContXferread" + bytes([0, 125, 128, 255])
    with run.client() as client:
        for _ in range(1500):
            data = bytes(chance.choice(letters) for _ in range(chance.randrange(1, 30)))
            if data[:1] in b"csCSkD" or data.startswith((b"vCont;", b"vKill")):
                continue
            assert client.ask(data.replace(b"#", b"").replace(b"$", b"")) is not None
        assert client.ask("vCont;c")[0] in "WXTE"
    run.end()


def test_the_program_stands_at_its_entry_until_it_may_go_on(debugged):
    run = debugged("hello")
    with run.client() as client:
        words = client.ask("g")
        entry = int.from_bytes(bytes.fromhex(words[32 * 16 : 33 * 16]), "little")
        assert client.ask(f"m{entry:x},2") != "E0e" and client.ask("qC") == "QC1"
        assert os.waitid(os.P_PID, run.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        assert client.ask("D") == "OK"
        client.is_closed()
    assert outcome(run) == (0, HELLO, "")


def test_a_program_that_was_let_go_stops_at_no_signal(debugged, guest):
    run = debugged(guest("events"), "raise")
    with run.client() as client:
        assert client.ask("D") == "OK"
        client.is_closed()
    assert outcome(run) == (signal.SIGUSR1, "", "")


class Leaver:
    """A target of which a thread has stopped by itself, and has been killed since."""

    has_stopped, ended, goes_on = True, False, 0

    def stop(self):
        pass

    def stops(self):
        return []

    def resume_after_nothing(self):
        self.goes_on += 1


def test_the_program_goes_on_when_whoever_stopped_has_left():
    server = GdbServer(None, None)
    server._target = Leaver()
    server._look_at_task()
    assert server._target.goes_on == 1


def test_kill_ends_the_program(debugged):
    run = debugged("sleepers", 2, 60_000)
    with run.client() as client:
        client.send("k")
        client.is_closed()
    status, _, _ = run.end()
    assert status == 128 + signal.SIGKILL


@pytest.mark.parametrize("last", ["?", "vCont;s"], ids=["entry", "stopped"])
def test_ctrl_c_at_the_terminal_ends_all_while_the_program_stands(debugged, last):
    run = debugged("spinwait", 4, 1 << 40)
    with run.client() as client:
        assert client.ask(last).startswith("T05")
        run.process.send_signal(signal.SIGINT)
        client.is_closed()
    assert run.end()[0] == 130


def test_ctrl_c_of_the_client_stops_the_program(debugged):
    run = debugged("spinwait", 4, 1 << 40)
    with run.client() as client:
        for _ in range(20):
            client.send("vCont;c")
            client.raw(b"\x03")
            assert client.receive().startswith("T02thread:")
        client.ask("k")
    run.end()


def test_a_machine_that_fails_tells_its_client(debugged):
    run = debugged("spinwait", 4, 1 << 40)
    with run.client() as client:
        assert client.ask("?")
        client.send("vCont;c")
        children = subprocess.run(["pgrep", "-P", str(run.process.pid)], capture_output=True, text=True).stdout.split()
        victims = [pid for pid in _descendants(run.process.pid) if _name(pid).startswith("emu-cpu")]
        assert children and victims
        os.kill(victims[0], signal.SIGKILL)
        last = [client.receive(), client.receive()]
        assert last[0].startswith("O") and b"failed" in bytes.fromhex(last[0][1:]) and last[1] == "X09"
    assert run.end()[0] == 70


def _descendants(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children") as file:
            for child in map(int, file.read().split()):
                found += [child, *_descendants(child)]
    return found


def _name(pid):
    with open(f"/proc/{pid}/comm") as file:
        return file.read()


@pytest.mark.parametrize("text", ["", "x", "-1", "65536", "1.2.3.4.5:1", "host:port", "127.0.0.1:", " 12", "1\n"])
def test_an_address_that_is_none_is_refused_in_one_line(text):
    command = [sys.executable, "-c", "from emu.commands.cli import main; main()", "run", "--gdb", text, "hello"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 2 and run.stderr.startswith("emu: --gdb") and run.stderr.strip().count("\n") <= 1


def test_a_port_that_is_taken_is_refused_in_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-c", "from emu.commands.cli import main; main()", "run", "--gdb", port, "hello"]
        run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 2 and "choose another port" in run.stderr and run.stderr.count("\n") == 1


def test_options_that_do_not_go_together_are_refused():
    command = [sys.executable, "-c", "from emu.commands.cli import main; main()", "run", "--gdb", "0"]
    run = subprocess.run([*command, "--translator", "sync", "hello"], capture_output=True, text=True)
    assert run.returncode == 2 and "breakpoints need --translator off" in run.stderr
