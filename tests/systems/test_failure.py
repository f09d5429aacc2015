"""The kernel fails (rust-6), and tasks are killed for a reason (alux-8)."""

import pytest

from emu import MachineError
from emu.shm.cpumask import to_int
from emu.shm.tags import alive
from emu.testing.checks import check_frames, check_queues
from tests.systems.guests import build_guest
from tests.systems.test_rust import finish, wait_for


@pytest.mark.system("rust-6")
@pytest.mark.parametrize("cpus", [1, 3])
def test_when_the_kernel_fails_every_task_is_killed_and_every_scheduler_stops_by_the_ordinary_path(boot, seed, cpus):
    with boot(cpus, seed=seed) as machine:
        jobs = [machine.spawn("sleepers", 5, 3_600_000), machine.spawn("independent", 4, 1 << 40)]
        machine.fail("the reactor is on fire")
        with pytest.raises(MachineError, match="^the machine failed: the reactor is on fire$"):
            machine.run()
        m = machine.window.machine
        assert to_int(m["active"]) == 0 and m["nr_tasks"] == 0 and m["failed"] == 0
        assert [job.exit_status for job in jobs] == [137, 137]
        assert {job.kill_reason for job in jobs} == {"machine failed"}
        check_queues(m)
        check_frames(machine.window)
        assert alive(m) == {}


@pytest.mark.system("rust-6")
def test_a_root_program_that_dies_fails_the_machine(boot, seed):
    with boot(2, seed=seed) as machine:
        other = machine.spawn("sleepers", 2, 3_600_000)
        root = machine.spawn("faults", "null", root=True)
        with pytest.raises(MachineError, match="the machine failed: the root program faults was killed by signal 11"):
            machine.run()
        assert root.kill_reason == "unhandled fault" and other.kill_reason == "machine failed"


@pytest.mark.system("alux-8")
def test_the_print_call_prints_and_kills_the_task_whose_memory_it_is_not(boot, seed, tmp_path):
    text = 'int main(void) { emu_print("from the kernel\\n"); emu_print((const char *)16); puts("alive"); return 0; }'
    with boot(2, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, text))
        report = finish(machine)
        assert machine.output.read_bytes() == b"from the kernel\n"
        assert job.exit_status == 139 and job.kill_reason == "unowned memory" and report.leaks == {}


@pytest.mark.system("alux-8")
def test_kill_reasons_have_names(boot, seed):
    with boot(2, seed=seed) as machine:
        good, bad = machine.spawn("exitcode", 3), machine.spawn("faults", "illegal")
        wait_for(good)
        wait_for(bad)
        endless = machine.spawn("sleepers", 1, 3_600_000)
        machine.kill(endless)
        finish(machine)
        assert [j.kill_reason for j in (good, bad, endless)] == ["exited", "unhandled fault", "asked by the user"]


@pytest.mark.system("kse-5")
def test_threads_beyond_the_limit_are_refused_counted_and_the_limit_can_be_raised(boot, seed, tmp_path):
    text = """
    static atomic_int stop;
    static void *stay(void *argument) { while (!atomic_load(&stop)) nap(1000); return argument; }
    int main(void) {
        pthread_t threads[12];
        int made = 0, refused = 0;
        while (made < 10) {
            if (pthread_create(&threads[made], NULL, stay, NULL) == 0) made++;
            else { refused = 1; nap(1000); }
        }
        atomic_store(&stop, 1);
        for (int k = 0; k < made; k++) pthread_join(threads[k], NULL);
        return refused;
    }
    """
    with boot(2, seed=seed, max_threads=6) as machine:
        job = machine.spawn(build_guest(tmp_path, text))
        while machine.window.machine["thread_limit_hits"] == 0:
            assert not job.done
        assert len(machine.threads(job)) == 6
        machine.set_limit("max_threads_per_task", 20)
        report = finish(machine)
        assert job.exit_status == 1 and report.thread_limit_hits > 0
        with pytest.raises(MachineError, match="expected max_threads_per_task=1 to"):
            machine.set_limit("max_threads_per_task", 0)


@pytest.mark.system("kse-5")
def test_the_originals_limit_is_kept_when_asked_for(boot, seed):
    """150 threads; a Linux program that asks for nothing has Linux's own limit (test_signals.py)."""
    with boot(1, seed=seed, max_threads=150) as machine:
        job = machine.spawn("sleepers", 149, 20)
        report = finish(machine)
        assert job.exit_status == 0 and report.max_threads == 150 and report.thread_limit_hits == 0


@pytest.mark.system("kse-9")
def test_save_areas_come_from_a_pool_are_used_again_and_never_given_back(boot, seed):
    """A thread's registers are saved in its record: here no thread ever needs more than is there from the start."""
    with boot(1, seed=seed) as machine:
        m, made = machine.window.machine, []
        for threads in (20, 2000):
            job = machine.spawn("spawn", threads)
            wait_for(job)
            assert job.exit_status == 0
            made.append(int(m["fresh_thread"]))
        report = finish(machine)
        assert report.threads_created == 2 + 20 + 2000 and made[0] == made[1] <= 4, f"records in use once: {made}"
