"""Native calls that sleep, hammered by guests on CPU processes: mutexes, wait queues (cz-6), time-outs (alux-3)."""

import time

import pytest

from tests.guests.programs import SOURCES
from tests.systems.guests import build_guest
from tests.systems.test_rust import finish

SLEEPERS = """
static void *wait_for_mutex(void *argument) { emu_mutex_lock(3); return argument; }
static void *wait_in_queue(void *argument) { emu_queue_sleep(2, -1); return argument; }
static void *wait_for_time(void *argument) { emu_set_infinite_timeout(NULL); return argument; }
int main(void) {
    pthread_t t;
    emu_mutex_lock(3);
    for (int k = 0; k < 9; k++)
        pthread_create(&t, NULL, k % 3 == 0 ? wait_for_mutex : k % 3 == 1 ? wait_in_queue : wait_for_time, NULL);
    emu_set_infinite_timeout(NULL);
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The path of a program of tests/programs."""
    from emu.guests import build

    folder = tmp_path_factory.mktemp("programs")

    def built(name):
        path = folder / name
        if not path.exists():
            build.compile_c(SOURCES / f"{name}.c", path)
        return str(path)

    return built


def output_of(boot, seed, *command, cpus=2):
    with boot(cpus, seed=seed) as machine:
        job = machine.spawn(*command)
        finish(machine)
        assert job.exit_status == 0, machine.output.read_text()
        return machine.output.read_text()


@pytest.mark.system("cz-6")
def test_a_mutex_goes_from_hand_to_hand_and_no_wake_up_is_lost_while_sleepers_are_signalled_and_suspended(
    boot, seed, program
):
    assert output_of(boot, seed, program("kmutex")).endswith("ok kmutex\n")


@pytest.mark.system("cz-6")
def test_control_wake_ups_are_lost_when_the_mutex_is_unlocked_before_the_sleeper_is_in_the_queue(boot, seed, program):
    [line] = output_of(boot, seed, program("kmutex"), "bad").splitlines()
    assert line.startswith("lost ") and int(line.split()[1]) > 0


@pytest.mark.system("alux-3")
def test_who_has_the_lock_and_finds_the_note_clears_the_sleeper(boot, seed, program):
    assert output_of(boot, seed, program("timeouts")).endswith("ok timeouts\n")


@pytest.mark.system("alux-3")
def test_control_the_originals_race_misses_sleepers(boot, seed, program):
    [line] = output_of(boot, seed, program("timeouts"), "bad").splitlines()
    assert line.startswith("missed ") and int(line.split()[1]) > 0


@pytest.mark.system("cz-4")
@pytest.mark.system("cz-18")
def test_a_suspender_is_woken_whether_the_thread_stops_resumes_itself_or_leaves(boot, seed, program):
    assert output_of(boot, seed, program("suspend"), cpus=3).endswith("ok suspend\n")


@pytest.mark.system("cz-6")
def test_killed_sleepers_leave_no_trace(boot, seed, tmp_path):
    with boot(2, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, SLEEPERS))
        end = time.monotonic() + 60
        while sum(t.state == "blocked" for t in machine.threads(job)) < 10:
            assert time.monotonic() < end
            time.sleep(0.005)
        m = machine.window.machine
        task = m["tasks"][int(m["jobs"][0]["task"]) & 0xFFFFFFFF]
        assert task["mutexes"][3]["owner"] != 0 != task["mutexes"][3]["head"] and task["wait_queues"][2]["head"] != 0
        machine.kill(job)
        assert finish(machine).leaks == {} and job.exit_status == 137
        for queue in (*task["mutexes"], *task["wait_queues"]):
            assert [int(queue[name]) for name in ("lock", "head", "tail", "owner")] == [0, 0, 0, 0]
