"""A task under a debugger, without gdb (debug/gdb/target.py)."""

from emu.debug.gdb.target import Target


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
