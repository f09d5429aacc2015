"""Suspend and resume of running programs (cz-5; each situation, from inside: tests/programs/suspend.c)."""

import time

import pytest

from emu import MachineError
from tests.systems.guests import build_guest
from tests.systems.test_rust import finish
from tests.systems.test_timekeeper import wait_until
from tests.traces import checked_trace

COUNTER = "int main(void) { for (volatile long k = 0;; k++) {} }"


@pytest.mark.system("cz-4")
@pytest.mark.system("cz-5")
def test_a_running_program_is_suspended_makes_no_step_and_goes_on(boot, seed, tmp_path):
    with boot(2, seed=seed, trace=tmp_path / "trace") as machine:
        job = machine.spawn(build_guest(tmp_path, COUNTER))
        [thread] = machine.threads(job)
        for _ in range(20):
            assert machine.suspend(thread) is True
            [now] = machine.threads(job)
            assert now.suspended and now.state == "blocked"
            assert machine.suspend(thread) is False, "it is suspended already"
            time.sleep(0.002)
            assert machine.threads(job)[0].instructions == now.instructions
            assert machine.resume(thread) is True
            wait_until(lambda now=now: machine.threads(job)[0].instructions > now.instructions)
        assert machine.resume(thread) is False
        machine.kill(job)
        assert finish(machine).leaks == {}
        with pytest.raises(MachineError, match="has left"):
            machine.suspend(thread)
    trace = checked_trace(machine)
    assert len(trace.of_kind("suspend")) == len(trace.of_kind("resume")) == 20


@pytest.mark.system("cz-5")
def test_a_sleeping_program_is_suspended_and_a_suspended_one_can_be_killed(boot, seed, tmp_path):
    with boot(2, seed=seed, trace=tmp_path / "trace") as machine:
        job = machine.spawn("sleepers", 3, 3_600_000)
        end = time.monotonic() + 30
        while len(machine.threads(job)) < 4:
            assert time.monotonic() < end
            time.sleep(0.002)
        for thread in machine.threads(job):
            assert machine.suspend(thread) is True
        assert all(t.suspended for t in machine.threads(job))
        machine.kill(job)
        finish(machine)
        assert job.exit_status == 137 and job.kill_reason == "asked by the user"
    assert len(checked_trace(machine).of_kind("suspend")) == 4
