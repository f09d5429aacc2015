"""What the watchdog takes for a mistake of the policy. Whole machines: tests/systems/test_misbehaving_policies.py."""

import os
import signal
import subprocess

import pytest

from emu.kernel.failures import FAIL_POLICY_HANGS, FAIL_POLICY_STARVES
from emu.kernel.thread.states import RUNNABLE, RUNNING, WHERE
from emu.limits import GLOBAL_QUEUE, SERVER
from emu.machine.host_process import HostProcess, look_at
from emu.machine.watchdog import IDLE_PERIOD_S, Watchdog
from emu.shm.cpumask import to_words
from tests.processes import wait_until

SLEEPS = HostProcess("S", 0)


class Dog:
    """A watchdog that looks at once, whatever the time, at processes as the test says."""

    def __init__(self, window, patience_s=1e-9):
        self.machine, self.host = window.machine, SLEEPS
        self.dog = Watchdog(window.machine, patience_s=patience_s, look_at=lambda pid: self.host)
        self.look()

    def look(self):
        self.dog._next_s = 0.0
        return self.dog.look()

    def fault(self):
        found = self.look()
        return (found.code, found.value) if found else None

    def runnable(self, i, name=b"worker", queue=0):
        self.machine["fresh_thread"] = i + 1
        t = self.machine["threads"][i]
        t["where"], t["affinity"] = WHERE.pack(state=RUNNABLE, queue=queue), to_words(-1)
        t["name"][: len(name)] = list(name)


@pytest.fixture
def dog(window):
    return Dog(window)


def test_a_holder_that_does_not_let_go_hangs(dog):
    dog.machine["queues"]["lock"][1] = 2
    assert dog.look() is None, "seen for the first time"
    assert dog.fault() == (FAIL_POLICY_HANGS, 1)


def test_a_pause_is_no_fault_and_the_time_begins_anew_after_it(dog):
    dog.machine["queues"]["lock"][1] = 2
    dog.runnable(0)
    dog.look()
    dog.machine["paused"] = 1
    assert dog.look() is None
    dog.machine["paused"] = 0
    assert dog.look() is None, "seen for the first time"
    assert dog.fault() == (FAIL_POLICY_HANGS, 1)


def test_a_holder_that_is_no_cpu_is_named(dog):
    dog.machine["queues"]["lock"][1] = SERVER + 1
    dog.look()
    assert dog.look().detail.endswith(f"; {SERVER} is the system server, which runs hooks too")


def test_a_cpu_that_takes_the_lock_again_and_again_does_not(dog):
    dog.machine["queues"]["lock"][1] = 2
    for now_ns in range(5):
        dog.machine["queues"]["now_ns"][1] = now_ns
        assert dog.look() is None


def test_a_thread_that_is_never_picked_starves_and_one_that_runs_now_and_then_does_not(dog):
    dog.runnable(2)
    for state in (RUNNABLE, RUNNING, RUNNABLE):
        dog.machine["threads"]["where"][2] = state
        dog.machine["threads"]["slices"][2] += state == RUNNING
        assert dog.look() is None
    assert dog.fault() == (FAIL_POLICY_STARVES, 2)


def test_a_thread_that_starves_is_named_with_its_queue_its_wait_and_what_its_cpu_does(dog):
    dog.runnable(2, queue=1)
    dog.machine["cpus"]["current"][1] = 0
    dog.look()
    text = dog.look().detail
    assert text.startswith("'worker', tid 3 of task 0, waits on the queue of CPU 1 for 0.0 s; CPU 1 runs thread 0")
    dog.machine["cpus"]["current"][1] = -1
    assert "CPU 1 idles" in dog.look().detail


@pytest.mark.parametrize("host, reason", [(HostProcess("T", 0), "is stopped"), (HostProcess("R", 5), "got no core")])
def test_what_the_host_did_to_a_cpu_is_said_and_not_blamed_on_the_policy(dog, host, reason):
    dog.host = host
    dog.runnable(2)
    dog.look()
    assert dog.look() is None and dog.dog.host.endswith(f"(CPU 0) {reason}") and "'worker'" in dog.dog.host
    dog.host = SLEEPS
    dog.look()
    assert dog.fault() == (FAIL_POLICY_STARVES, 2), "the host did nothing from then on"


def test_patience_begins_anew_when_the_host_lets_a_cpu_run_again(window, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr("emu.machine.watchdog.time.monotonic", lambda: clock[0])
    dog = Dog(window, patience_s=30)
    dog.runnable(2)
    found = []
    for now, host in ((1001, SLEEPS), (1032, HostProcess("T", 0)), (1033, SLEEPS), (1061, SLEEPS), (1063, SLEEPS)):
        clock[0], dog.host = now, host
        found.append(dog.fault())
    assert found == [None] * 4 + [(FAIL_POLICY_STARVES, 2)]


def test_one_cpu_that_could_have_run_it_is_enough_to_blame_the_policy(dog):
    looks = iter([HostProcess("T", 0), SLEEPS] * 2)
    dog.dog._look_at = lambda pid: next(looks)
    dog.machine["online"] = to_words(0b11)
    dog.runnable(2, queue=GLOBAL_QUEUE)
    dog.look()
    assert dog.fault() == (FAIL_POLICY_STARVES, 2)


def test_a_stopped_process_is_seen_to_be_stopped():
    process = subprocess.Popen(["sleep", "60"])
    try:
        os.kill(process.pid, signal.SIGSTOP)
        wait_until(process, lambda: look_at(process.pid).stopped)
        os.kill(process.pid, signal.SIGCONT)
        wait_until(process, lambda: not look_at(process.pid).stopped)
    finally:
        process.kill()
        process.wait()
    assert look_at(process.pid) == HostProcess("", 0)


def test_a_supervisor_that_sleeps_on_an_idle_machine_looks_again(boot, seed):
    with boot(1, seed=seed) as machine:
        assert machine._patience(None) == IDLE_PERIOD_S
    with boot(1, seed=seed, patience_s=0.3) as machine:
        assert machine._patience(None) == pytest.approx(0.1)
