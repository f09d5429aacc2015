"""Critical sections are checked in checking builds (alux-6)."""

import pytest

from emu.kernel.failures import FAIL_CRITICAL, FAIL_NOT_CRITICAL
from tests.processes import checking_build

PROGRAM = """
import sys
from emu.hot import entry
from emu.kernel.runqueue import lock_queue, mark_time, unlock_queue
from emu.kernel.vm.shootdown import shoot_down
from emu.shm.layout import machine_at
from tests.kernel.bare import bare_window

@entry(2)
def mark(address, locked):
    m = machine_at(address)
    if locked:
        lock_queue(m, 0, 0)
    mark_time(m, 0, 0)
    if locked:
        unlock_queue(m, 0, 0)
    return m.failed

@entry(2)
def shoot(address, locked):
    m = machine_at(address)
    if locked:
        lock_queue(m, 0, 0)
    shoot_down(m, 0, 0)
    if locked:
        unlock_queue(m, 0, 0)
    return m.failed

with bare_window() as window:
    print({"mark": mark, "shoot": shoot}[sys.argv[1]](window.address, int(sys.argv[2])))
"""


def failed(tmp_path, what, locked):
    return int(checking_build(tmp_path / "program.py", PROGRAM, what, int(locked)))


@pytest.mark.system("alux-6")
def test_what_needs_a_lock_is_caught_without_one_and_what_may_wait_with_one(tmp_path):
    assert failed(tmp_path, "mark", locked=True) == 0
    assert failed(tmp_path, "mark", locked=False) == FAIL_NOT_CRITICAL
    assert failed(tmp_path, "shoot", locked=False) == 0
    assert failed(tmp_path, "shoot", locked=True) == FAIL_CRITICAL
