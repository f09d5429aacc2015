"""Rows of the inko scheduler, on whole machines (the order of queues: tests/kernel/sched/test_core.py)."""

import pytest

from tests.systems.test_rust import finish


@pytest.mark.system("inko-1")
def test_cpus_without_work_sleep_and_are_woken_for_work(boot, seed):
    with boot(3, "inko", seed=seed) as machine:
        job = machine.spawn("sleepers", 6, 150)
        report = finish(machine)
        assert job.exit_status == 0 and machine.output.read_bytes() == b"6 woke\n"
        assert all(c.parks > 0 for c in report.cpus)
        assert sum(c.busy_share for c in report.cpus) < 2.0, "they waited awake"


@pytest.mark.system("inko-1")
def test_a_lock_between_threads_on_several_cpus_loses_no_wake_up(boot, seed):
    with boot(3, "inko", seed=seed) as machine:
        job = machine.spawn("locking", 6, 3000, 20)
        finish(machine)
        assert job.exit_status == 0 and machine.output.read_bytes() == b"total 18000\n"


@pytest.mark.system("inko-2")
@pytest.mark.parametrize("policy", ["inko", "random"])
def test_two_threads_that_wake_each_other_never_both_sleep(boot, seed, policy):
    with boot(2, policy, seed=seed) as machine:
        job = machine.spawn("pingpong", 2000)
        finish(machine)
        assert job.exit_status == 0 and machine.output.read_bytes() == b"2000 round trips\n"
