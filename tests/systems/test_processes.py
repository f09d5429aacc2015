"""Processes on whole machines: jobs of several tasks, their end, their kill, and what is left of them: nothing."""

import pytest

from tests.systems.guests import build_guest
from tests.systems.test_rust import finish, wait_for

HEAD = """
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
"""

TEST0 = (
    HEAD
    + """
static int global = 100;
int main(void) {
    int sum = 0, status;
    for (int k = 0; k < 16; k++) {
        if (fork() == 0) {
            global += k;
            sched_yield();
            _exit(global - 100);
        }
    }
    while (wait(&status) > 0)
        sum += WEXITSTATUS(status);
    return sum == 120 && global == 100 ? 0 : 1;
}
"""
)


@pytest.mark.system("cz-9")
@pytest.mark.parametrize(("cpus", "policy"), [(1, "codezero"), (4, "inko"), (16, "random"), (2, "eevdf")])
def test_sixteen_forked_tasks_modify_a_global_that_each_has_for_itself(boot, seed, tmp_path, cpus, policy):
    guest = build_guest(tmp_path, TEST0)
    with boot(cpus, policy, seed=seed) as machine:
        job = machine.spawn(guest)
        report = finish(machine)
        assert job.exit_status == 0
        assert (report.threads_created, report.threads_exited, report.leaks) == (17, 17, {})
        assert machine.window.machine["nr_tasks"] == 0 and not machine.window.machine["pids"].any()


OUTLIVES = (
    HEAD
    + """
int main(void) {
    if (fork() == 0) {
        nap(30000);
        printf("the child\\n");
        exit(5);
    }
    printf("the first\\n");
    exit(3);
}
"""
)


def test_a_job_has_the_status_of_its_first_task_and_is_done_when_the_last_is_gone(boot, seed, tmp_path):
    guest = build_guest(tmp_path, OUTLIVES)
    with boot(2, seed=seed) as machine:
        job = machine.spawn(guest)
        finish(machine)
        assert job.exit_status == 3 and job.report.threads == 2
        assert machine.output.read_text().split("\n") == ["the first", "the child", ""]


FORKS_FOR_EVER = (
    HEAD
    + """
int main(void) {
    puts("forks");
    fflush(stdout);
    for (;;)
        if (fork() > 0 && getpid() % 3 == 0)
            nap(50);
}
"""
)


@pytest.mark.system("cz-9")
def test_a_killed_job_loses_all_its_tasks_also_those_just_being_forked(boot, seed, tmp_path):
    guest = build_guest(tmp_path, FORKS_FOR_EVER)
    with boot(4, seed=seed) as machine:
        for _ in range(5):
            job = machine.spawn(guest)
            while machine.window.machine["nr_tasks"] < 20:
                assert not job.done
            machine.kill(job)
            wait_for(job)
            assert job.exit_status == 128 + 9
        report = finish(machine)
        assert report.leaks == {} and machine.window.machine["nr_tasks"] == 0


MANY = (
    HEAD
    + """
int main(void) {
    static char page[100000];
    for (int k = 0; k < 3000; k++) {
        page[k * 30] = 1;
        pid_t pid = k % 2 ? fork() : vfork();
        if (pid == 0)
            _exit(k & 127);
        int status;
        if (pid < 0 || waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != (k & 127))
            return 1;
    }
    return 0;
}
"""
)


def test_memory_and_records_after_many_forks_are_as_before(boot, seed, tmp_path):
    guest = build_guest(tmp_path, MANY)
    with boot(2, seed=seed) as machine:
        m = machine.window.machine
        used = []
        for _ in range(2):
            job = machine.spawn(guest)
            wait_for(job)
            assert job.exit_status == 0
            used.append([int(m[name]) for name in ("fresh_task", "fresh_thread", "fresh_frame")])
        assert all(b - a < 300 for a, b in zip(*used)), f"the second time takes up new records or frames: {used}"
        assert finish(machine).leaks == {}


ORPHANS = (
    HEAD
    + """
int main(void) {
    for (int k = 0; k < 40; k++) {
        if (fork() == 0) { /* leaves children behind, ended and living ones */
            if (fork() == 0)
                _exit(1);
            if (fork() == 0) {
                nap(k * 300);
                _exit(2);
            }
            nap(k * 100);
            _exit(0);
        }
    }
    return 0; /* and does not wait for its own */
}
"""
)


def test_nobody_is_left_of_those_for_whom_nobody_waits(boot, seed, tmp_path):
    guest = build_guest(tmp_path, ORPHANS)
    with boot(3, seed=seed) as machine:
        job = machine.spawn(guest)
        report = finish(machine)
        assert job.exit_status == 0 and report.threads_exited == 121 and report.leaks == {}
        assert machine.window.machine["nr_tasks"] == 0
