"""A time slice ends whatever a thread does with it."""

import pytest

from tests.systems.guests import build_guest

CALLS_ALL_THE_TIME = """
#include <sys/syscall.h>
static atomic_int stop;
static void *call(void *argument) {
    while (!atomic_load(&stop))
        syscall(SYS_gettid); /* so few instructions between two calls that no budget is ever used up at once */
    return argument;
}
int main(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, call, NULL);
    nap(1000); /* the other one has the CPU now, and has to give it back */
    atomic_store(&stop, 1);
    pthread_join(thread, NULL);
    puts("stopped");
    return 0;
}
"""


@pytest.mark.parametrize("policy", ["random", "inko", "eevdf"])
def test_a_thread_that_mostly_makes_system_calls_is_preempted(boot, seed, tmp_path, policy):
    with boot(1, policy, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, CALLS_ALL_THE_TIME))
        machine.run(limit_s=30)  # else it would hang where the thread keeps its CPU
        assert job.exit_status == 0 and machine.output.read_bytes() == b"stopped\n"
