"""The timekeeper on whole machines: sleeps end, an idle machine is idle, and its death is the machine's."""

import os
import signal
import time

import psutil
import pytest

from emu import MachineError
from emu.limits import SERVER, SLACK_NS, TIMEKEEPER
from tests.systems.guests import build_guest
from tests.systems.test_rust import finish

IDLE_S = 1.0


def wait_until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not get there"
        time.sleep(0.001)


def process_of(machine, actor):
    """The host process of an actor, once it has started."""
    record = machine.window.machine["cpus"]
    wait_until(lambda: record[actor]["process"])
    return int(record[actor]["process"])


def nr_pending(m):
    """Time-outs in the heap and, while the timekeeper sleeps for an earlier one, in the rings."""
    return int(m["nr_timeouts"]) + int((m["timeout_rings"]["head"] - m["timeout_rings"]["tail"]).sum())


@pytest.mark.system("inko-3")
@pytest.mark.parametrize("policy", ["inko", "random"])
def test_every_sleep_ends_by_a_message_to_the_timekeeper_and_never_early(boot, seed, policy):
    with boot(2, policy, seed=seed) as machine:
        naps, sleepers = machine.spawn("naps", 50, 300), machine.spawn("sleepers", 20, 30)
        finish(machine)
        assert naps.exit_status == 0 and sleepers.exit_status == 0, "somebody woke too early"
        m = machine.window.machine
        assert m["timeouts_expired"] == 70 and m["timeout_messages"] >= 70
        assert m["stale_timeouts"] == m["nr_timeouts"] == 0


@pytest.mark.system("alux-3")
def test_a_programs_timer_slack_is_asked_for_by_prctl_and_its_threads_inherit_it(boot, seed, tmp_path):
    text = """
    #include <sys/prctl.h>
    static void *ask(void *unused) { (void)unused; return (void *)(long)prctl(PR_GET_TIMERSLACK); }
    int main(void) {
        pthread_t thread;
        void *inherited;
        long first = prctl(PR_GET_TIMERSLACK), set = prctl(PR_SET_TIMERSLACK, 777);
        pthread_create(&thread, NULL, ask, NULL);
        pthread_join(thread, &inherited);
        printf("%ld %ld %ld", first, set, (long)inherited);
        return 0;
    }
    """
    with boot(1, seed=seed) as machine:
        machine.spawn(build_guest(tmp_path, text))
        finish(machine)
        assert machine.output.read_bytes() == f"{SLACK_NS} 0 777".encode()


@pytest.mark.system("inko-3")
def test_nobody_looks_at_a_clock_while_all_threads_sleep(boot, seed):
    with boot(2, seed=seed) as machine:
        job = machine.spawn("sleepers", 4, 60_000)
        m = machine.window.machine
        wait_until(lambda: nr_pending(m) == 4 and (m["cpus"]["parked"][[0, 1, TIMEKEEPER]] == 1).all())
        processes = [psutil.Process(process_of(machine, actor)) for actor in (0, 1, TIMEKEEPER)]
        before = [p.cpu_times() for p in processes], m["cpus"]["parks"].copy()
        time.sleep(IDLE_S)
        used_s = [sum(p.cpu_times()[:2]) - sum(b[:2]) for p, b in zip(processes, before[0], strict=True)]
        assert max(used_s) <= 0.02, f"processor time in {IDLE_S} s of idleness: {used_s}"
        assert (m["cpus"]["parks"] == before[1]).all(), "a parked CPU woke by itself"
        machine.kill(job)
        finish(machine)


@pytest.mark.parametrize("actor, name", [(TIMEKEEPER, "the timekeeper died"), (SERVER, "the system server died")])
def test_a_killed_servant_fails_the_machine_by_name(boot, seed, actor, name):
    with boot(2, seed=seed) as machine:
        machine.spawn("sleepers", 4, 60_000)
        machine.spawn("primes", 10_000_000)
        victim = process_of(machine, actor)
        os.kill(victim, signal.SIGKILL)
        with pytest.raises(MachineError, match=name if actor == TIMEKEEPER else "does not answer|died"):
            machine.run()
        if actor == TIMEKEEPER:
            assert machine.report().failure == name
    assert not psutil.pid_exists(victim)


def test_a_machine_that_is_left_while_threads_sleep_leaves_nothing(boot, seed):
    with boot(2, seed=seed) as machine:
        machine.spawn("sleepers", 8, 60_000)
        keeper = process_of(machine, TIMEKEEPER)
    assert not psutil.pid_exists(keeper)
