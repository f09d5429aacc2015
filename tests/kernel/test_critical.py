"""Critical sections are said in every function of the kernel, and checked in checking builds (alux-6)."""

import ast
from pathlib import Path

import pytest

import emu.kernel
from emu.kernel.failures import FAIL_CRITICAL, FAIL_NOT_CRITICAL
from tests.processes import checking_build

PROGRAM = """
from emu.hot import entry
from emu.kernel.sched.runqueue import lock_queue, mark_time, unlock_queue
from emu.kernel.vm.shootdown import shoot_down
from emu.shm.cpumask import mask_none
from emu.shm.layout import machine_at
from emu.testing.bare import bare_window

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
    shoot_down(m, 0, mask_none())
    if locked:
        unlock_queue(m, 0, 0)
    return m.failed

for function in (mark, shoot):
    for locked in (1, 0):
        with bare_window() as window:
            print(function(window.address, locked))
"""


KERNEL = Path(emu.kernel.__file__).parent
COLD_FOLDERS = {"vfs", "policies"}
WAITING = {"acquire", "shoot_down", "backoff", "post", "post_timeout", "block", "leave", "switch"}
SECTIONS = {"critical", "noncritical", "either"}


def functions_that_lock_or_wait():
    """(where, the names they call) of the kernel's public hot functions that take a lock, block or wait."""
    for path in sorted(KERNEL.rglob("*.py")):
        if COLD_FOLDERS & set(path.relative_to(KERNEL).parts):
            continue
        for node in ast.parse(path.read_text()).body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith(("_", "lock_")):
                continue
            if "hot" in map(ast.unparse, node.decorator_list):
                called = {c.func.id for c in ast.walk(node) if isinstance(c, ast.Call) and isinstance(c.func, ast.Name)}
                if called & WAITING or any(name.startswith("lock_") for name in called):
                    yield f"{path.relative_to(KERNEL)}: {node.name}", called


@pytest.mark.system("alux-6")
def test_every_function_that_locks_or_waits_says_for_which_section_it_is():
    found = dict(functions_that_lock_or_wait())
    assert len(found) > 40, "the scan finds too few"
    assert [where for where, called in found.items() if not called & SECTIONS] == []


@pytest.mark.system("alux-6")
def test_what_needs_a_lock_is_caught_without_one_and_what_may_wait_with_one(tmp_path):
    failed = [int(line) for line in checking_build(tmp_path / "program.py", PROGRAM).splitlines()]
    assert failed == [0, FAIL_NOT_CRITICAL, FAIL_CRITICAL, 0]  # `mark` with a lock and without, then `shoot`
