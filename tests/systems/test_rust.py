"""Rows of the 2011 Rust runtime, on whole machines."""

import os
import threading
import time

import pytest
import zmq

from emu.actor.mail import address
from emu.kernel.ipi import post
from emu.kernel.thread.states import LIFE_EXITED
from emu.limits import IPI_RESCHEDULE, SUPERVISOR
from emu.machine.config import Config
from emu.shm.cpumask import to_int
from emu.testing.checks import check_frames, check_queues

NOBODY = 40  # an actor without a process: what a living one owes is its own business


def wait_for(job, seconds=60):
    end = time.monotonic() + seconds
    while not job.done:
        assert time.monotonic() < end, "the job does not end"
        time.sleep(0.002)


def finish(machine, limit_s=None):
    """Run to the end, and look at what is left in shared memory."""
    report = machine.run(limit_s)
    m = machine.window.machine
    assert report.failure == "" and to_int(m["active"]) == 0 and m["nr_tasks"] == 0
    assert report.threads_created == report.threads_exited
    assert (m["queues"]["life"][: len(report.cpus)] == LIFE_EXITED).all()
    check_queues(m, machine.config.policy)
    return report


@pytest.mark.system("rust-3")
def test_the_last_scheduler_to_exit_ends_the_wait_and_wake_ups_before_do_not(boot, seed):
    with boot(4, seed=seed) as machine:
        job = machine.spawn("sleepers", 4, 300)
        stop = threading.Event()

        def disturb():
            """Interrupts for the supervisor that mean nothing."""
            with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
                socket.connect(address(machine._directory, f"wake-{SUPERVISOR}-{os.getpid()}"))
                while not stop.is_set():
                    if post(machine.window.address, NOBODY, SUPERVISOR, IPI_RESCHEDULE):
                        socket.send(b"")
                    stop.wait(0.01)

        thread = threading.Thread(target=disturb)
        thread.start()
        try:
            finish(machine)
        finally:
            stop.set()
            thread.join()
        assert job.exit_status == 0 and machine.output.read_bytes() == b"4 woke\n"


@pytest.mark.system("rust-3")
def test_a_scheduler_that_exits_early_does_not_end_the_machine(boot, seed):
    with boot(4, "random", seed=seed) as machine:
        job = machine.spawn("primes", 20000, 3)
        report = finish(machine)
        assert job.exit_status == 0 and machine.output.read_bytes() == b"2262 primes below 20000\n"
        assert sum(c.instructions > 0 for c in report.cpus) <= 4


@pytest.mark.system("rust-7")
def test_a_finished_jobs_handle_does_not_reach_the_job_that_has_its_record(boot, seed):
    with boot(2, seed=seed) as machine:
        first = machine.spawn("exitcode", 3)
        wait_for(first)
        second = machine.spawn("sleepers", 2, 200)
        assert first._handle & 0xFFFFFFFF == second._handle & 0xFFFFFFFF, "the record is used again"
        assert machine._ask("kill", 9, first._handle) == 0
        machine.kill(first)
        finish(machine)
        assert (first.exit_status, second.exit_status) == (3, 0)


@pytest.mark.system("rust-10")
@pytest.mark.parametrize("which", [1, 2, 3])
def test_under_random_placement_nothing_ever_moves(boot, which):
    with boot(3, "random", seed=which) as machine:
        job = machine.spawn("primes", 30000, 6)
        report = finish(machine)
        assert job.exit_status == 0
        assert report.migrations == 0 and sum(c.steals for c in report.cpus) == 0


@pytest.mark.system("rust-10")
@pytest.mark.system("inko-1")
def test_stealing_moves_work_from_the_cpu_that_spawns_it_to_those_that_have_none(boot, seed):
    with boot(3, "inko", seed=seed) as machine:
        job = machine.spawn("independent", 6, 4_000_000)
        report = finish(machine)
        assert job.exit_status == 0
        assert report.migrations > 0 and sum(c.steals for c in report.cpus) > 0
        assert sum(c.instructions > 100_000 for c in report.cpus) >= 2, "one CPU did all the work"


@pytest.mark.system("rust-13")
def test_seed_and_number_of_cpus_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("EMU_SEED", "77")
    monkeypatch.setenv("EMU_CPUS", "5")
    config = Config.make()
    assert (config.seed, config.cpus) == (77, 5)
    assert Config.make(3, seed=4).seed == 4, "what is said goes before the environment"
    monkeypatch.delenv("EMU_SEED")
    assert len({Config.make().seed for _ in range(4)}) == 4, "without one, each run has its own"


@pytest.mark.system("rust-13")
def test_the_same_seed_places_threads_on_the_same_cpus_and_another_seed_elsewhere(boot):
    def placement(seed):
        with boot(4, "random", seed=seed) as machine:
            machine.spawn("sleepers", 10, 150)  # all of them exist at once
            finish(machine)
            return machine.window.machine["threads"]["last_cpu"][:11].tolist()

    assert placement(5) == placement(5)
    assert placement(5) != placement(6)


def test_a_cpu_that_runs_a_task_in_a_used_record_is_in_its_shoot_down_mask(boot, seed):
    """Otherwise it keeps translations that another CPU of the task takes away."""
    with boot(1, seed=seed) as machine:
        wait_for(machine.spawn("exitcode", 0))
        machine.spawn("independent", 1, 20_000_000)
        m = machine.window.machine
        end = time.monotonic() + 60
        while m["cpus"][0]["current"] < 0 or m["tasks"][0]["resident"] < 10:
            assert time.monotonic() < end
            time.sleep(0.001)
        time.sleep(0.05)  # it has been in the guest meanwhile
        mask, cached = to_int(m["tasks"][0]["cpus"]), int(m["cpus"][0]["tlb_task"])
        assert cached == 0 and mask == 1, f"the TLB holds task {cached}, whose mask is {mask:#b}"


def test_nothing_is_left_in_guest_memory_when_all_tasks_have_ended(boot, seed):
    with boot(2, seed=seed) as machine:
        for _ in range(3):
            wait_for(machine.spawn("spawn", 20))
        finish(machine)
        check_frames(machine.window)
        m = machine.window.machine
        assert m["nr_free_frames"] == m["nr_frames"]
