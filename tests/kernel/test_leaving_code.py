"""When no CPU is in translated code (kernel/leaving_code.py)."""

import pytest

from emu.hot import entry
from emu.kernel.ipi import owed
from emu.kernel.leaving_code import ask_to_leave, has_left, leave_code
from emu.limits import IPI_CODE, SUPERVISOR
from emu.shm.layout import machine_at

CPU = 1


@entry(2)
def leave(address, cpu):
    leave_code(machine_at(address), cpu)
    return 0


@pytest.fixture
def cpu(window):
    return window.machine["cpus"][CPU]


def test_a_cpu_that_runs_guests_is_told_and_has_left_when_it_says_so(window, cpu):
    cpu["tlb_active"] = 1
    request = ask_to_leave(window.address, SUPERVISOR, CPU)
    assert cpu["pending"] & IPI_CODE and not has_left(window.address, CPU, request)
    leave(window.address, CPU)
    assert has_left(window.address, CPU, request)
    again = ask_to_leave(window.address, SUPERVISOR, CPU)
    assert again > request and not has_left(window.address, CPU, again), "the answer is to the older request"
    cpu["tlb_active"] = 0
    owed(window.address, SUPERVISOR)


def test_a_cpu_that_runs_no_guest_is_outside_and_is_not_told(window, cpu):
    cpu["tlb_active"] = 0
    request = ask_to_leave(window.address, SUPERVISOR, CPU)
    assert has_left(window.address, CPU, request) and cpu["pending"] & IPI_CODE == 0
