"""CPUs that come and go on a running machine (rust-1, rust-4), and schedulers' lives."""

import contextlib
import os
import random
import signal
import threading
import time

import pytest

from emu import MachineError
from emu.kernel.thread.states import LIFE_EXITED, LIFE_RUNNING
from emu.limits import GLOBAL_QUEUE, MAX_CPUS
from emu.shm.cpumask import to_int
from tests.systems.exchanging import EXCHANGE
from tests.systems.guests import build_guest
from tests.systems.test_rust import finish
from tests.systems.test_timekeeper import wait_until

PINNED = """
static void *spin(void *argument) {
    pin(1);
    for (int k = 0; k < 200; k++) {
        nap(2000);
        if (sched_getcpu() != 1)
            exit(3);
    }
    return argument;
}
int main(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, spin, NULL);
    pthread_join(thread, NULL);
    puts("stayed");
    return 0;
}
"""


def change_cpus(machine, rand, rounds, most):
    """Add and remove CPUs at random, while guests run; how many were added and removed."""
    added = removed = 0
    for _ in range(rounds):
        online = [k for k in range(most) if to_int(machine.window.machine["online"]) >> k & 1]
        if len(online) < most and (len(online) == 1 or rand.random() < 0.5):
            machine.add_cpu()
            added += 1
        else:
            machine.remove_cpu(rand.choice(online))
            removed += 1
    return added, removed


@pytest.mark.system("rust-4")
@pytest.mark.parametrize("policy", ["inko", "random", "alux"])
def test_cpus_come_and_go_under_load_and_nothing_is_lost(boot, seed, policy):
    rand = random.Random(seed)
    with boot(3, policy, seed=seed) as machine:
        jobs = [
            machine.spawn("primes", 400_000, 6),
            machine.spawn("locking", 6, 40_000, 20),
            machine.spawn("sleepers", 20, 300),
        ]
        added, removed = change_cpus(machine, rand, 16, 4)
        report = finish(machine)
        assert [job.exit_status for job in jobs] == [0, 0, 0] and added and removed
        output = machine.output.read_bytes()
        assert b"33860 primes below 400000\n" in output and b"total 240000\n" in output and b"20 woke\n" in output
        assert report.leaks == {}


@pytest.mark.system("rust-4")
@pytest.mark.parametrize("policy", ["inko", "codezero"])  # queues without locks, and with
def test_cpus_come_and_go_while_tasks_exchange_messages_and_each_arrives_once(boot, seed, tmp_path, policy):
    host = tmp_path / "host"
    host.mkdir()
    with boot(3, policy, seed=seed, mounts=[f"{host}:/host"]) as machine:
        job = machine.spawn(build_guest(tmp_path, EXCHANGE))
        wait_until(lambda: machine.output.read_bytes() == b"begins\n")
        added, removed = change_cpus(machine, random.Random(seed), 10, 4)
        (host / "over").touch()
        report = finish(machine)
        assert job.exit_status == 0 and machine.output.read_bytes() == b"begins\nwhole\n"
        assert added and removed and report.leaks == {}


@pytest.mark.system("rust-4")
def test_a_new_cpu_takes_work_that_waits(boot, seed):
    with boot(1, seed=seed) as machine:
        job = machine.spawn("independent", 4, 20_000_000)
        assert machine.add_cpu() == 1
        report = finish(machine)
        assert job.exit_status == 0 and len(report.cpus) == 2
        assert report.cpus[1].instructions > 1_000_000


@pytest.mark.system("rust-1")
@pytest.mark.system("rust-4")
@pytest.mark.parametrize("policy", ["inko", "random", "alux"])  # queues without locks, with, one for all
def test_a_cpu_that_leaves_waits_for_the_thread_that_is_pinned_to_it(boot, seed, tmp_path, policy):
    with boot(2, policy, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, PINNED))
        end = time.monotonic() + 30
        while not any(to_int(t["affinity"]) == 2 for t in machine.window.machine["threads"][:8]):
            assert time.monotonic() < end
            time.sleep(0.002)
        machine.remove_cpu(1)  # returns when the thread has left
        assert machine.window.machine["queues"][1]["life"] == LIFE_EXITED
        assert machine.window.machine["queues"][0]["life"] == LIFE_RUNNING
        report = finish(machine)
        assert job.exit_status == 0 and machine.output.read_bytes() == b"stayed\n"
        assert report.cpus[1].instructions > 0


COMPUTING = """
int main(void) {
    puts("begins");
    fflush(stdout);
    clock_t end = clock() + CLOCKS_PER_SEC;
    while (clock() < end) {}
    return 0;
}
"""


@contextlib.contextmanager
def undelivered(machine, program):
    """A CPU has left, and its last wake-up stays on the way: meanwhile the target's process is stopped. The job."""
    cpus = machine.window.machine["cpus"]
    job = machine.spawn(program)
    wait_until(lambda: machine.output.read_bytes() and sorted(cpus["parked"][:2]) == [0, 1])
    wait_until(lambda: max(cpus["current"][:2]) >= 0)
    leaver = int(cpus["current"][:2].argmax())
    target = machine._processes[1 - leaver].pid
    os.kill(target, signal.SIGSTOP)
    try:
        machine.remove_cpu(leaver, wait=False)
        wait_until(
            lambda: cpus[1 - leaver]["parked"] == 2 and to_int(machine.window.machine["active"]) == 1 << 1 - leaver
        )
        yield job
    finally:
        os.kill(target, signal.SIGCONT)


@pytest.mark.system("rust-4")
def test_a_wake_up_of_a_cpu_that_leaves_arrives_however_late(boot, seed, tmp_path):
    guest = build_guest(tmp_path, COMPUTING)
    assert any(arrives_late(boot(2, "bsd4", seed=seed + k), guest) for k in range(10)), "nobody waited"


def arrives_late(booting, guest):
    """Whether the CPU waited; False where it left at once, since it had sent a message there before."""
    with booting as machine:
        with undelivered(machine, guest) as job:
            machine._reap_cpus(wait=False)
            waits = len([actor for actor in machine._processes if actor < MAX_CPUS]) == 2
            time.sleep(1.5 if waits else 0)  # longer than closed sockets linger
        finish(machine)
        assert job.exit_status == 0
        return waits


def test_ctrl_c_is_heeded_while_a_cpu_that_has_left_waits_for_its_wake_up_to_arrive(boot, seed, tmp_path):
    guest = build_guest(tmp_path, COMPUTING)
    assert any(interrupted_while_it_waits(boot(2, "bsd4", seed=seed + k), guest) for k in range(10)), "nobody waited"


def interrupted_while_it_waits(booting, guest):
    """Whether Ctrl-C ended the wait; False where the CPU left at once, since it had sent a message there before."""
    with booting as machine:
        with undelivered(machine, guest) as job:
            [leaver] = [p for cpu, p in machine._processes.items() if cpu < MAX_CPUS and not machine._needed(cpu)]
            leaver.join(0.3)
            if waits := leaver.is_alive():
                timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
                timer.start()
                begin = time.monotonic()
                with pytest.raises(KeyboardInterrupt):
                    machine.add_cpu()  # waits for the number of the one that has left
                timer.join()
                assert time.monotonic() - begin < 30
        finish(machine)
        assert job.exit_status == 0
        return waits


SLEEPERS = """
static atomic_int go;
static void *sleep_on(void *argument) {
    while (!atomic_load(&go))
        nap(50000);
    return argument;
}
int main(void) {
    pthread_t threads[8];
    for (int k = 0; k < 8; k++)
        if (pthread_create(&threads[k], NULL, sleep_on, NULL) != 0)
            return 2;
    while (access("/host/go", F_OK) != 0)
        nap(20000);
    atomic_store(&go, 1);
    for (int k = 0; k < 8; k++)
        pthread_join(threads[k], NULL);
    puts("8 woke");
    return 0;
}
"""


@pytest.mark.system("rust-1")
def test_no_scheduler_exits_while_a_thread_is_registered_with_it(boot, seed, tmp_path):
    host = tmp_path / "host"
    host.mkdir()
    with boot(2, "random", seed=seed, mounts=[f"{host}:/host"]) as machine:
        job = machine.spawn(build_guest(tmp_path, SLEEPERS))  # asleep most of the time, registered with both
        wait_until(lambda: machine.window.machine["queues"]["nr_threads"][:2].sum() == 9)
        machine.remove_cpu(1)
        m = machine.window.machine
        assert m["queues"][1]["life"] == LIFE_EXITED and m["queues"][1]["nr_threads"] == 0
        assert m["queues"][0]["nr_threads"] + m["queues"][GLOBAL_QUEUE]["nr_threads"] == 9, "they were registered anew"
        (host / "go").touch()
        finish(machine)
        assert job.exit_status == 0 and machine.output.read_bytes() == b"8 woke\n"


def test_what_cannot_be_removed_or_added_is_said_in_one_line(boot, seed):
    with boot(1, seed=seed) as machine:
        with pytest.raises(MachineError, match="CPU 5 cannot be removed: the machine's CPUs are 0"):
            machine.remove_cpu(5)
        with pytest.raises(MachineError, match="CPU 0 cannot be removed: it is the last one"):
            machine.remove_cpu(0)
        job = machine.spawn("hello")
        finish(machine)
        assert job.exit_status == 0
        with pytest.raises(MachineError, match="the machine has stopped"):
            machine.add_cpu()
