"""What the watchdog takes for a mistake of the policy. Whole machines: tests/systems/test_misbehaving_policies.py."""

import pytest

from emu.kernel.failures import FAIL_POLICY_HANGS, FAIL_POLICY_STARVES
from emu.kernel.states import RUNNABLE, RUNNING
from emu.machine.watchdog import IDLE_PERIOD_S, Watchdog


@pytest.fixture
def look(window):
    """Look at once again, whatever the time."""
    dog = Watchdog(window.machine, patience_s=0.0, hang_s=0.0)

    def again():
        dog._next_s = 0.0
        return dog.look()

    again()
    return again


def test_a_holder_that_does_not_let_go_hangs(look, window):
    window.machine["queues"]["lock"][1] = 2
    assert look() is None, "seen for the first time"
    assert look() == (FAIL_POLICY_HANGS, 1)


def test_a_cpu_that_takes_the_lock_again_and_again_does_not(look, window):
    window.machine["queues"]["lock"][1] = 2
    for now_ns in range(5):
        window.machine["queues"]["now_ns"][1] = now_ns
        assert look() is None


def test_a_thread_that_is_never_picked_starves_and_one_that_runs_now_and_then_does_not(look, window):
    m = window.machine
    m["fresh_thread"] = max(int(m["fresh_thread"]), 3)
    for state in (RUNNABLE, RUNNING, RUNNABLE):
        m["threads"]["where"][2] = state
        m["threads"]["slices"][2] += state == RUNNING
        assert look() is None
    assert look() == (FAIL_POLICY_STARVES, 2)


def test_a_supervisor_that_sleeps_on_an_idle_machine_looks_again(boot, seed):
    with boot(1, seed=seed) as machine:
        assert machine._patience(None) == IDLE_PERIOD_S
