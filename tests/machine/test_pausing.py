"""Pause and go on (machine/pausing.py): what stands still, what does not, and who may ask for it."""

import os
import signal
import threading
import time

import pytest

from emu import MachineError
from emu.kernel import pausing
from emu.limits import SUPERVISOR
from tests.traces import checked_trace

ENDLESS = ("spinwait", 6, 1 << 40, 1000)


def retired(machine):
    return int(machine.window.machine["cpus"]["instructions"].sum())


def test_guests_execute_nothing_in_a_pause_and_go_on_after_it(boot):
    with boot(4) as machine:
        machine.spawn(*ENDLESS)
        for _ in range(200):
            with machine.paused():
                before = retired(machine)
                assert machine.call(1, "ping", 5) == 5, "interrupts are answered"
                assert retired(machine) == before
            while retired(machine) == before:
                machine.threads()


def test_the_machine_goes_on_with_the_end_of_the_last_pause(boot):
    with boot(2) as machine:
        machine.spawn(*ENDLESS)
        machine.pause()
        with machine.paused():
            before = retired(machine)
        machine.call(0, "ping", 1)
        assert retired(machine) == before
        machine.go_on()
        with pytest.raises(MachineError, match="is not paused"):
            machine.go_on()
        while retired(machine) == before:
            machine.threads()


def test_a_pause_that_is_interrupted_is_none(boot, monkeypatch):
    def interrupted(condition):
        raise KeyboardInterrupt

    with boot(2) as machine:
        machine.spawn(*ENDLESS)
        with monkeypatch.context() as patch:
            patch.setattr(machine, "_wait_until", interrupted)
            with pytest.raises(KeyboardInterrupt):
                machine.pause()
        with pytest.raises(MachineError, match="is not paused"):
            machine.go_on()
        before = retired(machine)
        while retired(machine) == before:
            machine.threads()


def test_a_program_that_is_started_in_a_pause_begins_after_it(boot):
    with boot(2) as machine:
        machine.pause()
        job = machine.spawn("hello")
        machine.call(0, "ping", 1)
        assert retired(machine) == 0 and len(machine.threads(job)) == 1
        machine.go_on()
        machine.run(limit_s=60)
        assert job.exit_status == 0


def test_a_cpu_that_is_added_in_a_pause_waits_for_its_end(boot):
    with boot(1) as machine:
        machine.spawn(*ENDLESS)
        with machine.paused():
            before = retired(machine)
            cpu = machine.add_cpu()
            assert retired(machine) == before
        while machine.window.machine["cpus"]["instructions"][cpu] == 0:
            machine.threads()


def test_what_would_wait_for_guests_is_refused_in_a_pause(boot):
    with boot(2) as machine:
        machine.spawn(*ENDLESS)
        machine.pause()
        for call in (machine.run, lambda: machine.remove_cpu(0), lambda: machine.suspend(machine.threads()[0])):
            with pytest.raises(MachineError, match="the machine is paused"):
                call()


def test_a_paused_machine_ends(boot):
    with boot(3) as machine:
        machine.spawn(*ENDLESS)
        machine.pause()
    assert machine.window is None


def test_a_machine_in_which_a_thread_has_stopped_for_its_debugger_ends(boot):
    with boot(2) as machine:
        machine.spawn(*ENDLESS)
        machine._mail.wake(pausing.ask_to_pause(machine.window.address, SUPERVISOR, pausing.PAUSE_STOPPED))
        machine.leaks = None
    assert machine.leaks == {}, "they are counted where all has ended by the ordinary path"


class PausedAtFirst:
    """What a supervisor that waits is asked from outside: to pause."""

    def __init__(self, machine):
        self.machine, self.descriptor, self.calls = machine, os.eventfd(0), 0

    def descriptors(self):
        return [self.descriptor]

    def look(self):
        if not self.machine._pauses:
            self.machine._pause()
            self.calls += 1
        return False


def test_the_deadline_of_a_run_stands_still_in_a_pause(boot):
    with boot(2) as machine:
        machine.spawn(*ENDLESS)
        outside = PausedAtFirst(machine)
        machine._attend_to(outside)

        def end():
            time.sleep(1.0)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=end).start()
        with pytest.raises(KeyboardInterrupt):
            machine.run(limit_s=0.3)
        os.close(outside.descriptor)
        assert outside.calls


def test_threads_are_not_charged_with_a_pause(boot):
    with boot(2) as machine:
        machine.spawn(*ENDLESS)
        with machine.paused():
            pass
        with machine.paused():
            begin_ns = time.monotonic_ns()
            used = sum(t.runtime_ns for t in machine.threads())
            while time.monotonic_ns() - begin_ns < 2_000_000_000:
                machine.call(0, "ping", 1)
        time_ns = machine.window.machine["cpus"]["accounted_ns"][:2]
        assert sum(t.runtime_ns for t in machine.threads()) - used < 2_000_000_000, time_ns


def test_a_slice_is_as_long_as_without_a_pause(boot, tmp_path, seed):
    with boot(1, "random", seed=seed, trace=tmp_path / "trace", slice_ns=100_000_000) as machine:
        job = machine.spawn("independent", 3, 1 << 40)
        for _ in range(5):
            before = retired(machine)
            while retired(machine) == before:
                machine.threads()
            with machine.paused():
                begin_ns = time.monotonic_ns()
                while time.monotonic_ns() - begin_ns < 100_000_000:
                    machine.call(0, "ping", 1)
        while machine.window.machine["cpus"]["involuntary"][0] < 8:
            machine.threads()
        machine.kill(job)
        machine.run(limit_s=60)
    trace = checked_trace(machine)
    assert trace.of_kind("paused")["a"].sum() >= 200_000_000, "of 500 ms: the calls took the rest"
    preempts = trace.of_kind("preempt")
    assert len(preempts) >= 8 and preempts["a"].min() >= 100_000_000
