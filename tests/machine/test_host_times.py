"""What the host gave a process: known while it runs, and afterwards, however it ended."""

import os
import time

import pytest

from emu.machine.children import start_function
from emu.machine.host_process import HostTimes, host_times

SPENT_S = 0.05


def spend(answer):
    """Run until so much CPU time is spent; then say so, and end as told."""
    while time.process_time() < SPENT_S:
        pass
    if answer == "stay":
        time.sleep(60)
    os._exit(answer)


@pytest.mark.parametrize("ends", ["by itself", "killed"])
def test_the_times_of_a_process_outlive_it(forkserver, ends):
    child = start_function("spender", spend, 3 if ends == "by itself" else "stay")
    while child.host_times().cpu_ns < SPENT_S * 1e9 and child.is_alive():
        time.sleep(0.002)
    if ends == "killed":
        child.kill()
    child.join()
    assert child.exitcode == (3 if ends == "by itself" else -9)
    assert SPENT_S * 1e9 <= child.host_times().cpu_ns < 60e9
    assert host_times(child.pid) == HostTimes(), "the host has forgotten it"


def test_times_are_told_from_a_moment_on():
    before, now = HostTimes(10**9, 5, 2), HostTimes(3 * 10**9, 5 + 10**8, 9)
    assert now.since(before) == (2.0, 0.1, 7) and now.since(None) == (3.0, 0.100000005, 9)
    assert HostTimes().since(before) == (0.0, 0.0, 0), "never less than nothing"
