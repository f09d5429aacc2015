"""`emu ps` and `emu stats`: machines of other processes, as a table and as JSON."""

import json
import signal
import subprocess

import msgpack
import pytest
import zmq

from tests.kills.trial import ENTRY, ROOT
from tests.tools.test_top import emu, running  # noqa: F401 (a fixture)


@pytest.fixture
def machine(running, monkeypatch):  # noqa: F811
    """The Trial of a machine that the commands of this test see."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(running.runtime))
    return running


def test_a_machine_is_a_line_with_its_program_and_figures(machine):
    rows = [json.loads(line) for line in emu("ps", "--json").stdout.splitlines()]
    mine = next(row for row in rows if row["pid"] == machine.process.pid)
    assert (mine["cpus"], mine["policy"], mine["threads"], mine["tasks"]) == (2, "inko", 4, 1)
    assert [name.rpartition("/")[2] for name in mine["programs"]] == ["deadlocks"] and 0 < mine["busy"] <= 1
    head, *lines = emu("ps").stdout.splitlines()
    assert head.split() == ["pid", "program", "CPUs", "policy", "tasks", "threads", "up", "busy"]
    line = next(line.split() for line in lines if line.split()[0] == str(machine.process.pid))
    assert line[1:6] == ["deadlocks", "2", "inko", "1", "4"]


def test_a_machine_that_is_stopped_is_shown_all_the_same(machine):
    machine.send(signal.SIGSTOP)
    try:
        assert str(machine.process.pid) in emu("ps").stdout
        assert "left" in emu("debug", machine.process.pid, "-c", "show all threads").stdout
    finally:
        machine.send(signal.SIGCONT)


def test_counters_are_printed_once_or_as_rates(machine):
    pid = machine.process.pid
    once = json.loads(emu("stats", pid, "--json").stdout)
    assert {row["name"] for row in once["threads"]} == {"deadlocks", "busy", "left", "right"}
    assert once["threads"][0]["name"] == "busy" and once["threads_now"]["blocked"] == 3
    done = emu("stats", pid, "--json", "--watch", "0.1", "--count", 3)
    samples = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and len(samples) == 3
    instructions = [sum(cpu["instructions"] for cpu in sample["cpus"]) for sample in [once, *samples]]
    assert instructions == sorted(instructions) and instructions[0] < instructions[-1]
    text = emu("stats", pid).stdout
    assert text.startswith(f"process {pid}, over ") and " busy " in text and "mutex_lock" in text


def test_watching_ends_with_the_machine(machine):
    command = [*ENTRY, "stats", str(machine.process.pid), "--watch", "0.1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stdout.readline().startswith("process ")
        machine.send(signal.SIGKILL)
        _, errors = watching.communicate(timeout=60)
    assert (watching.returncode, errors) == (0, f"emu: the machine of process {machine.process.pid} has ended\n")


def test_samples_are_published_to_subscribers_until_the_machine_has_ended(machine, tmp_path):
    pid, address = machine.process.pid, f"ipc://{tmp_path}/telemetry"
    command = [*ENTRY, "stats", str(pid), "--watch", "0.05", "--publish", address]
    with (
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as publishing,
        zmq.Context() as context,
        context.socket(zmq.SUB) as subscriber,
    ):
        assert publishing.stderr.readline() == f"emu: publishing on {address}\n"
        subscriber.setsockopt(zmq.SUBSCRIBE, b"")
        subscriber.setsockopt(zmq.RCVTIMEO, 60_000)
        subscriber.connect(address)
        first, second = (msgpack.unpackb(subscriber.recv()) for _ in range(2))
        assert first["pid"] == second["pid"] == pid and 0.04 < second["interval_s"] < 60
        assert {row["name"] for row in second["threads"]} == {"deadlocks", "busy", "left", "right"}
        assert sum(cpu["instructions"] for cpu in second["cpus"]) > sum(cpu["instructions"] for cpu in first["cpus"])
        machine.send(signal.SIGKILL)
        while "ended" not in (last := msgpack.unpackb(subscriber.recv())):
            pass
        output, errors = publishing.communicate(timeout=60)
    assert last == {"pid": pid, "ended": True} and publishing.returncode == 0
    assert (output, errors) == ("", f"emu: the machine of process {pid} has ended\n")
    assert not (tmp_path / "telemetry").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_publisher_that_is_ended_by_a_signal_leaves_no_file(machine, tmp_path, number):
    command = [*ENTRY, "stats", str(machine.process.pid), "--publish", f"ipc://{tmp_path}/telemetry"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as publishing:
        assert publishing.stderr.readline().startswith("emu: publishing on ")
        assert (tmp_path / "telemetry").exists()
        publishing.send_signal(number)
        assert publishing.wait(60) == 128 + number and publishing.stderr.read() == ""
    assert not (tmp_path / "telemetry").exists()


@pytest.mark.parametrize(
    "options", [["nonsense"], ["tcp://127.0.0.1:x"], ["ipc:///nowhere/at/all"], ["ipc://x", "--json"]]
)
def test_an_address_at_which_nothing_can_be_published_is_refused(machine, options):
    done = emu("stats", machine.process.pid, "--publish", *options)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1) and "--publish" in done.stderr


@pytest.mark.parametrize("seconds", ["x", "0", "-1", "1e9", "nan"])
def test_an_interval_that_is_none_is_refused(seconds):
    done = emu("stats", "--watch", seconds)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1) and repr(seconds) in done.stderr


def test_without_a_machine_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    done = emu("ps")
    assert done.returncode == 0 and (done.stdout == "no machine is running\n" or "CPUs" in done.stdout)
