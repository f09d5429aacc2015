"""Reasons to pause, on one process (kernel/pausing.py)."""

import pytest

from emu.kernel.pausing import PAUSE_ASKED, PAUSE_STOPPED, ask_to_pause, go_on
from emu.limits import SUPERVISOR


@pytest.mark.parametrize(("first", "last"), [(PAUSE_ASKED, PAUSE_STOPPED), (PAUSE_STOPPED, PAUSE_ASKED)])
def test_a_machine_goes_on_when_no_reason_to_pause_is_left(window, first, last):
    for why in (PAUSE_ASKED, PAUSE_STOPPED):
        ask_to_pause(window.address, SUPERVISOR, why)
    go_on(window.address, SUPERVISOR, first)
    assert window.machine["paused"] == last
    go_on(window.address, SUPERVISOR, last)
    assert window.machine["paused"] == 0
