"""membarrier(2) between CPU processes: the barrier of one thread orders the plain accesses of another.

One thread stores to X and loads Y, with a membarrier between the two; the other stores to Y and loads X, with nothing.
Both count up, so what each saw tells which pairs of turns form the shape of Dekker's algorithm.  Without the barrier
both may miss the other's store, and the control sees it happen.
"""

import pytest

from emu import Machine
from tests.litmus.guest_crew import ACCESSIBLE
from tests.systems.guests import build_guest

PROGRAM = """
#include <sys/syscall.h>
enum { MOST = 1500000 };
static volatile int x __attribute__((aligned(4096))), y __attribute__((aligned(4096)));
static atomic_int arrived;
static int seen_by_a[MOST + 1], seen_by_b[MOST + 1];
static void meet(void) {
    atomic_fetch_add(&arrived, 1);
    while (atomic_load(&arrived) < 2)
        ;
}
static void *b(void *argument) {
    pin(1);
    meet();
    for (int n = 1; n <= MOST; n++) {
        y = n;
        seen_by_b[n] = x;
    }
    return argument;
}
int main(int argc, char **argv) {
    (void)argc;
    int with = atoi(argv[1]), rounds = atoi(argv[2]);
    long failed = 0;
    if (syscall(SYS_membarrier, 16, 0, 0) != 0)
        return 3;
    pin(0);
    for (int round = 0; round < rounds && failed == 0; round++) {
        pthread_t thread;
        x = y = 0;
        atomic_store(&arrived, 0);
        pthread_create(&thread, NULL, b, NULL);
        meet();
        int last = with ? 3000 : MOST, n;
        for (n = 1; n <= last && seen_by_a[n - 1] < MOST; n++) {
            x = n;
            if (with && syscall(SYS_membarrier, 8, 0, 0) != 0)
                return 4;
            seen_by_a[n] = y;
        }
        pthread_join(thread, NULL);
        for (int k = 1; k < n; k++)
            if (seen_by_a[k] < MOST && seen_by_b[seen_by_a[k] + 1] < k)
                failed++;
    }
    return failed != 0;
}
"""

pytestmark = pytest.mark.skipif(ACCESSIBLE < 2, reason="a race needs two host cores")


def violated(tmp_path, with_barrier, rounds):
    with Machine(2, "eevdf", seed=1, quiet=True) as machine:
        job = machine.spawn(build_guest(tmp_path, PROGRAM), int(with_barrier), rounds)
        machine.run()
    assert job.exit_status in (0, 1)
    return job.exit_status == 1


def test_a_membarrier_orders_another_threads_store_and_load(tmp_path):
    assert not violated(tmp_path, True, 4)


def test_control_without_it_both_threads_miss_the_others_store(tmp_path):
    assert violated(tmp_path, False, 400)
