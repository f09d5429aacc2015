"""A task under a debugger, without gdb (debug/gdb/target.py)."""

import pytest

from emu.debug.gdb.target import Action, Target
from emu.kernel.task.debugging import STOP_STEP, STOP_WATCH


def test_a_task_whose_record_is_anothers_has_ended(boot):
    with boot(1) as machine:
        machine.pause()
        job = machine.spawn("hello")
        target = Target(machine, job)
        machine.go_on()
        record = machine.window.machine["tasks"][target.index : target.index + 1]
        assert not target.ended
        record["generation"] += 1
        assert target.ended
        record["generation"] -= 1
        target.leave()
        machine.run(limit_s=60)
    assert job.exit_status == 0


@pytest.mark.parametrize("why", [STOP_STEP, STOP_WATCH])
def test_nothing_goes_on_before_what_cannot_happen_twice_is_told(boot, why):
    with boot(1) as machine:
        machine.pause()
        job = machine.spawn("hello")
        target = Target(machine, job)
        machine.go_on()
        [thread] = target.threads()
        target.record(thread)["debug_stop"] = why
        assert not target.go_on({thread: Action()}) and target.held
        assert [stop.tid for stop in target.stops()] == [thread]
        target.take_told(thread)
        assert target.go_on({thread: Action()}) and not target.held
        target.leave()
        machine.run(limit_s=60)
    assert job.exit_status == 0
