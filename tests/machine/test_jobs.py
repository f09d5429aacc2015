"""Jobs without limit: records are used again, and whoever keeps a Job knows what became of it."""

import time
from collections import deque

import pytest

from emu import MachineError
from emu.guests import build
from emu.limits import MAX_JOBS, MAX_TASKS
from emu.machine import jobs as jobs_module
from emu.shm.tags import alive
from tests.systems.test_rust import finish, wait_for

SPAWNS = 600


def test_more_jobs_than_there_are_records(boot, seed, monkeypatch):
    monkeypatch.setattr(jobs_module, "HISTORY", 50)
    with boot(2, seed=seed) as machine:
        running, kept = deque(), []
        for number in range(SPAWNS):
            job = machine.spawn("exitcode", number % 100)
            assert job.number == number
            kept.append(job)
            running.append(job)
            if len(running) == 8:
                wait_for(running.popleft())
        report = finish(machine)
        assert [job.exit_status for job in kept] == [number % 100 for number in range(SPAWNS)]
        assert [job.report.job for job in kept] == list(range(SPAWNS))
        assert int(machine.window.machine["fresh_job"]) <= 20 < SPAWNS
        assert report.earlier_jobs + len(report.jobs) == SPAWNS and len(report.jobs) == 50
        every = [*report.jobs, report.earlier]
        slices = sum(job.report.slices for job in kept)
        assert sum(j.threads for j in every) == SPAWNS == report.threads_created
        assert sum(j.slices for j in every) == slices == sum(c.switches for c in report.cpus)
        assert alive(machine.window.machine) == {}


def test_a_stale_handle_names_no_job(boot, seed):
    with boot(1, seed=seed) as machine:
        first = machine.spawn("exitcode", 1)
        wait_for(first)
        second = machine.spawn("sleepers", 1, 60_000)
        assert first._handle != second._handle and first._handle & 0xFFFFFFFF == second._handle & 0xFFFFFFFF
        machine.kill(first)
        assert machine._ask("kill", 9, first._handle) == 0 and not second.done
        assert machine.threads(first) == [] and {t.job for t in machine.threads(second)} == {1}
        machine.kill(second)
        finish(machine)
        assert (first.exit_status, second.exit_status) == (1, 137)


def test_records_of_programs_that_cannot_be_placed_are_used_again(boot, seed):
    with boot(1, seed=seed, memory="16M") as machine:
        wide = ["x" * 1000] * 20_000
        for _ in range(3):
            with pytest.raises(MachineError):
                machine.spawn("hello", *wide)
        job = machine.spawn("exitcode", 0)
        finish(machine)
        assert job.exit_status == 0 and int(machine.window.machine["fresh_job"]) == 1


def test_a_spawn_that_is_interrupted_leaves_no_job(boot, seed, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with boot(1, seed=seed) as machine:
        for _ in range(20):
            with monkeypatch.context() as patch:
                patch.setattr(machine, "_receive", interrupted)
                with pytest.raises(KeyboardInterrupt):
                    machine.spawn("sleepers", 1, 60_000)
            machine.report()  # its answer is found, and what it tells of ends
            end = time.monotonic() + 20
            while machine.threads():
                assert time.monotonic() < end, "the job goes on"
        job = machine.spawn("exitcode", 3)
        finish(machine)
        assert job.exit_status == 3 and int(machine.window.machine["fresh_job"]) <= 2


POLLS_NOTHING = "li a7, 73\\n li a0, 0\\n li a1, 0\\n li a2, 0\\n ecall"  # ppoll, for ever
SLEEPS = f'void _start(void) {{ for (;;) __asm__ volatile("{POLLS_NOTHING}"); }}\n'


def test_so_many_jobs_at_a_time_as_there_are_tasks_and_no_more(boot, seed, tmp_path):
    (tmp_path / "sleeps.c").write_text(SLEEPS)
    build.compile_c(tmp_path / "sleeps.c", tmp_path / "sleeps", "-nostdlib")
    with boot(1, seed=seed) as machine:
        with pytest.raises(MachineError, match="no room for another task"):
            for _ in range(MAX_TASKS + 1):
                machine.spawn(tmp_path / "sleeps")
        assert int(machine.window.machine["fresh_job"]) <= MAX_TASKS < MAX_JOBS


def test_a_root_program_counts_after_its_record_was_used_again(boot, seed):
    with boot(1, seed=seed) as machine:
        root = machine.spawn("faults", "null", root=True)
        while root._status is None:
            machine._collect()
        with pytest.raises(MachineError, match="the root program faults was killed by signal 11"):
            machine.run()
