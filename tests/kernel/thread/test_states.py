"""Which changes of a thread's state a checking build lets pass: these, and no others."""

import json

from emu.kernel.failures import FAIL_TRANSITION
from emu.kernel.thread.states import BLOCKED, DEAD, FREE, NEW, RUNNABLE, RUNNING
from tests.processes import checking_build

LEGAL = {
    (FREE, NEW), (NEW, FREE), (NEW, RUNNABLE), (RUNNABLE, RUNNING), (RUNNING, RUNNABLE), (RUNNING, BLOCKED),
    (BLOCKED, RUNNABLE), (RUNNING, DEAD), (DEAD, FREE),
    (BLOCKED, RUNNING),  # a CPU is handed over to it
    (RUNNABLE, RUNNABLE), (BLOCKED, BLOCKED),  # to another queue: the latter when its CPU leaves (rust-4)
}  # fmt: skip
PROGRAM = """
import json
from emu.hot import entry
from emu.kernel.thread.states import STATE_NAMES, set_where
from emu.shm.layout import machine_at
from emu.testing.bare import bare_window

@entry(3)
def change(address, old, new):
    m = machine_at(address)
    m.failed = 0
    m.threads[0].where = old
    set_where(m, m.threads[0], new, 1)
    return m.failed

states = range(len(STATE_NAMES))
with bare_window() as window:
    print(json.dumps([(old, new, change(window.address, old, new)) for old in states for new in states]))
    window.machine["failed"] = 0
"""


def test_a_state_leads_to_those_that_it_may_lead_to_and_to_no_other(tmp_path):
    tried = json.loads(checking_build(tmp_path / "program.py", PROGRAM))
    assert len(tried) == 36
    assert {(old, new) for old, new, failed in tried if failed == 0} == LEGAL
    assert {failed for *_, failed in tried} == {0, FAIL_TRANSITION}
