"""Threads none of whose CPUs the machine has: they go on where they can."""

import pytest

from tests.systems.guests import build_guest
from tests.systems.test_rust import finish

# A container may use CPUs that are not there. Its thread runs, sleeps and wakes up, and so does one that it makes.
ABSENT = """
#include <sys/wait.h>
static void *sleeper(void *unused) {
    (void)unused;
    for (int k = 0; k < 50; k++) nap(100), sched_yield();
    return 0;
}
int main(void) {
    int status, child = fork();
    if (child == 0) {
        pthread_t thread;
        emu_sched_suspend_async(gettid());
        if (pthread_create(&thread, NULL, sleeper, NULL)) return 8;
        while (pthread_tryjoin_np(thread, NULL)) sched_yield();
        return 7;
    }
    struct emu_ids ids = {child, 0, 0};
    long container;
    while ((container = emu_container_control(EMU_CONTAINER_CREATE, child)) == -16) nap(1000);
    if (container <= 0) return 1;
    static const long sizes[] = {10, 10, 10, 1000, 1L << 40, 0};
    for (int kind = EMU_THREADS; kind <= EMU_IPCS; kind++)
        if (emu_capability_create(container, kind, sizes[kind - 1]) < 0) return 2;
    emu_thread_control(EMU_THREAD_RUN, &ids);
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 3;
    return WEXITSTATUS(status);
}
"""


@pytest.mark.system("cz-17")
@pytest.mark.parametrize(("cpus", "policy"), [(1, "inko"), (2, "codezero"), (2, "eevdf"), (3, "bsd4"), (3, "random")])
def test_a_container_whose_cpus_the_machine_has_not_runs_on_those_that_it_has(boot, seed, tmp_path, cpus, policy):
    with boot(cpus, policy, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, ABSENT))
        report = finish(machine)
    assert job.exit_status == 7 and report.leaks == {}
