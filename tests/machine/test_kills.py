"""A sample of the campaigns of tests/kills: whatever is killed or signalled, nothing is left, the status is right."""

import fcntl
import os
import random
import shutil
import signal
import subprocess
import sys
import termios
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from emu import MachineError
from emu.kernel.ipi import MESSAGE_COMING
from emu.limits import SUPERVISOR
from tests.kills.campaign import VICTIMS, find_victim, kill_once, signal_at_step, signal_once
from tests.kills.steps import STEPS
from tests.kills.trial import ENTRY, ROOT, Trial, check_kill
from tests.processes import gone, wait_until
from tests.systems.exchanging import EXCHANGE
from tests.systems.guests import build_guest

SAMPLE = ("first import", "import zmq", "forkserver", "handing over", "sleep", "shut down", "print")


def seeds_of(seed, count):
    return range(seed, seed + count)


@pytest.mark.parametrize("trial, count", [(kill_once, 4), (signal_once, 4)])
def test_after_a_kill_or_a_signal_at_a_random_moment_nothing_is_left(warm, seed, trial, count):
    with ThreadPoolExecutor(2) as pool:
        assert not [result for result in pool.map(trial, seeds_of(seed, count)) if result.wrong]


def kill_while_messages_are_exchanged(guest, cpu, policy, moment_s):
    """What is wrong afterwards, "" when nothing is."""
    with Trial(["run", "--quiet", "--cpus", 2, "--policy", policy, guest]) as trial:
        assert trial.process.stdout.readline() == b"begins\n"
        time.sleep(moment_s)
        os.kill(find_victim(trial, f"emu-cpu-{cpu}"), signal.SIGKILL)
        wrong, _, status = check_kill(trial, f"emu-cpu-{cpu}")
        return wrong or ("" if status == 70 else f"status {status}")


def test_a_cpu_that_is_killed_while_messages_are_exchanged_ends_all_with_one_line(warm, seed, tmp_path):
    guest, rand = build_guest(tmp_path, EXCHANGE), random.Random(seed)
    trials = [(guest, cpu, policy, rand.uniform(0, 0.1)) for cpu, policy in ((0, "inko"), (1, "codezero"))]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda trial: kill_while_messages_are_exchanged(*trial), trials)) == ["", ""], trials


def _made(directory):
    directory.mkdir()
    return directory


@pytest.mark.parametrize("how", ["INT", "group:TERM,group:TERM"])
def test_a_signal_at_a_step_of_start_or_end_ends_the_command_with_its_status(warm, tmp_path, how):
    with ThreadPoolExecutor(2) as pool:
        for result in pool.map(lambda step: signal_at_step(step, how, _made(tmp_path / step)), SAMPLE):
            assert not result.wrong, f"{result.what}: {result.wrong}"


def test_the_campaigns_know_every_process_and_their_steps_are_met(warm, tmp_path):
    assert len(VICTIMS) == 6 and set(SAMPLE) <= set(STEPS)
    STEPS["nowhere"] = "machine:no_such_function"
    try:
        assert "never reached" in signal_at_step("nowhere", "TERM", tmp_path).wrong, "the check has no power"
    finally:
        del STEPS["nowhere"]


def test_a_stopped_group_goes_on(warm):
    """Ctrl-Z and fg."""
    with Trial(["run", "--quiet", "--cpus", 2, "primes", 3_000_000]) as trial:
        wait_until(trial.process, lambda: len(trial.living()) >= 6)
        os.killpg(trial.process.pid, signal.SIGSTOP)
        assert wait_until(trial.process, lambda: all(_state(pid) == "T" for pid in trial.living()))
        os.killpg(trial.process.pid, signal.SIGCONT)
        assert trial.wait()[0] == 0
        assert trial.process.stdout.read() == b"216816 primes below 3000000\n" and not trial.left(0)


def _state(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]


def test_signals_to_the_group_never_reach_a_child(warm):
    """A forkserver that is not ready yet would die of one, and the run with it."""
    script = """
import os, signal, sys
from emu import Machine
from emu.machine.children import start_forkserver
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda *_: None)
server = start_forkserver()
for _ in range(200):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.killpg(0, number)
with Machine(cpus=2, quiet=True) as machine:
    job = machine.spawn("naps", 2, 20)
    for _ in range(20):
        os.killpg(0, signal.SIGTERM)
    machine.run()
assert start_forkserver() is server
sys.exit(job.exit_status)
"""
    with Trial([], [sys.executable, "-c", script]) as trial:
        assert trial.wait()[0] == 0, trial.errors()


def test_an_ignored_signal_stays_ignored(warm):
    """nohup, and what a shell starts in the background."""
    lines = ("import os, sys", "from signal import *", "signal(1, SIG_IGN)", "signal(2, SIG_IGN)")
    code = "\n".join((*lines, "os.execv(sys.argv[1], sys.argv[1:])"))
    with Trial(["run", "--quiet", "--cpus", 1, "naps", 1000, 1000], [sys.executable, "-c", code, *ENTRY]) as trial:
        wait_until(trial.process, lambda: len(trial.living()) >= 5)
        trial.send(signal.SIGINT, group=True)
        trial.send(signal.SIGHUP, group=True)
        assert trial.wait()[0] == 0, trial.errors()


COMPARE = ["compare", "--workload", "benchmarks/mixes/interactive.json"]


def test_a_trace_that_nobody_reads_on_ends_alike(warm, tmp_path):
    with Trial(["run", "--quiet", "--trace", tmp_path / "trace", "--cpus", 2, "yield", 4, 3000]) as trial:
        assert trial.wait()[0] == 0
    with Trial(["trace", tmp_path / "trace"]) as trial:
        wait_until(trial.process, lambda: unread(trial.process.stdout) > 60_000)  # the pipe is full
        trial.send(signal.SIGTERM, group=True)
        assert trial.wait()[0] == 143 and not trial.left(0) and "Traceback" not in trial.errors()


def unread(pipe):
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


@pytest.mark.parametrize("command", [COMPARE, ["policies"], ["doctor"]])
def test_every_subcommand_ends_alike(warm, command):
    with Trial(command) as trial:
        if command[0] == "compare":
            wait_until(trial.process, lambda: len(trial.living()) >= 5)
        trial.send(signal.SIGSTOP)
        trial.send(signal.SIGTERM)
        trial.send(signal.SIGCONT)
        status, _ = trial.wait()
        assert status == 143 and not trial.left(0) and "Traceback" not in trial.errors()


def test_a_machine_whose_socket_directory_is_removed_ends_on_a_signal(warm):
    with Trial(["run", "--quiet", "--cpus", 2, "sleepers", 2, 60_000]) as trial:
        wait_until(trial.process, lambda: len(trial.living()) >= 6)
        while found := [path for path in trial.runtime.glob("emu-*/*") if path.is_dir()]:
            for path in found:
                shutil.rmtree(path, ignore_errors=True)  # perhaps not all, while a process makes its socket there
        trial.send(signal.SIGTERM)
        status, took_s = trial.wait()
        assert status in (143, 70) and not trial.left(0), trial.errors()


SCRIPT = """
import os, sys, time
from emu import Machine
with Machine(cpus=2, quiet=True) as machine:
    machine.spawn("sleepers", 4, 60_000)
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    print(child, *[p.pid for p in machine._processes.values()], flush=True)
    machine.run()
"""


@pytest.mark.parametrize("number, status", [(signal.SIGKILL, -9), (signal.SIGTERM, -15), (signal.SIGINT, -2)])
def test_a_scripts_end_leaves_nothing_even_while_a_process_that_it_forked_lives(warm, number, status):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    child, *machine = map(int, process.stdout.readline().split())
    try:
        there = [psutil.Process(pid) for pid in machine]
        process.send_signal(number)
        assert process.wait(30) == status
        assert gone(there)
        assert "memfd:emu" not in Path(f"/proc/{child}/maps").read_text(), "the machine's memory lives on in it"
        assert not any("memfd:emu" in os.readlink(f"/proc/{child}/fd/{n}") for n in os.listdir(f"/proc/{child}/fd"))
    finally:
        os.kill(child, signal.SIGKILL)
        process.stdout.close()
        process.stderr.close()


def test_a_cpu_that_is_killed_just_before_it_sends_its_message_is_not_waited_for(boot):
    with boot(2) as machine:
        machine.spawn("sleepers", 1, 60_000)
        record = machine.window.machine["cpus"][SUPERVISOR]

        def promise(_timeout_s):
            record["parked"] = MESSAGE_COMING  # as send_ipi does
            os.kill(machine._processes[1].pid, signal.SIGKILL)

        machine._poll = promise
        with pytest.raises(MachineError, match="the process of CPU 1"):
            machine.run()
