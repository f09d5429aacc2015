"""Whose threads a CPU may take, on whole machines: not those pinned elsewhere, none while it is exclusive."""

import pytest

from tests.systems.guests import build_guest
from tests.systems.test_rust import finish

PINNED = """
static void *work(void *argument) {
    for (int k = 0; k < 400; k++) {
        for (volatile int n = 0; n < 500; n++)
            ;
        if (k % 4 == 0)
            nap(20); /* each wake-up is announced to the CPU that idles */
        else
            sched_yield();
    }
    return argument;
}
int main(void) {
    pthread_t threads[6];
    pin(0);
    sched_yield();
    for (int k = 0; k < 6; k++) /* they inherit the pin */
        if (pthread_create(&threads[k], NULL, work, NULL) != 0)
            return 2;
    for (int k = 0; k < 6; k++)
        pthread_join(threads[k], NULL);
    return 0;
}
"""


@pytest.mark.system("inko-5")
@pytest.mark.parametrize("policy", ["inko", "codezero", "eevdf"])  # those that steal
def test_a_pinned_thread_is_never_taken_by_another_cpu(boot, seed, tmp_path, policy):
    with boot(2, policy, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, PINNED))
        report = finish(machine)
        assert job.exit_status == 0
        assert report.cpus[1].steals <= 1 and report.migrations <= 2, "but for the first thread, before it was pinned"


EXCLUSIVE = """
static atomic_int stop, seen;
static void *wander(void *argument) {
    while (!atomic_load(&stop)) {
        for (volatile int n = 0; n < 300; n++)
            ;
        nap(20);
        if (sched_getcpu() == 0)
            atomic_fetch_add(&seen, 1);
    }
    return argument;
}
int main(void) {
    pthread_t threads[6];
    for (int k = 0; k < 6; k++)
        if (pthread_create(&threads[k], NULL, wander, NULL) != 0)
            return 2;
    pin(0);
    sched_yield();
    if (emu_exclusive(1) != 0)
        return 3;
    nap(20000); /* those that were here have left */
    atomic_store(&seen, 0);
    for (int k = 0; k < 100; k++) {
        for (volatile int n = 0; n < 3000; n++)
            ;
        nap(500); /* idle, beside CPUs with more work than they can do */
    }
    int others = atomic_load(&seen);
    atomic_store(&stop, 1);
    for (int k = 0; k < 6; k++)
        pthread_join(threads[k], NULL);
    return others ? 4 : 0;
}
"""


@pytest.mark.system("inko-5")
@pytest.mark.parametrize("policy", ["inko", "codezero"])
def test_an_exclusive_cpu_takes_nobody_elses_thread(boot, seed, tmp_path, policy):
    with boot(3, policy, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, EXCLUSIVE))
        finish(machine)
        assert job.exit_status == 0, "2, 3: not set up; 4: others ran there"


RESERVED = """
static _Alignas(64) long word;
static atomic_int stage;
static void *reserve(void *argument) {
    long value;
    for (int k = 0; k < 200; k++) {
        __asm__ volatile("lr.d %0, (%1)" : "=r"(value) : "r"(&word) : "memory");
        atomic_store_explicit(&stage, 2 * k + 1, memory_order_relaxed);
        while (atomic_load_explicit(&stage, memory_order_relaxed) != 2 * k + 2)
            sched_yield(); /* the other thread gets this CPU */
    }
    return argument;
}
int main(void) {
    pthread_t thread;
    int taken = 0;
    if (pthread_create(&thread, NULL, reserve, NULL) != 0)
        return 2;
    for (int k = 0; k < 200; k++) {
        long failed;
        while (atomic_load_explicit(&stage, memory_order_relaxed) != 2 * k + 1)
            sched_yield();
        __asm__ volatile("sc.d %0, %2, (%1)" : "=&r"(failed) : "r"(&word), "r"(1L) : "memory");
        taken += !failed;
        atomic_store_explicit(&stage, 2 * k + 2, memory_order_relaxed);
    }
    pthread_join(thread, NULL);
    return taken ? 3 : 0;
}
"""


def test_a_reservation_does_not_outlive_a_switch(boot, seed, tmp_path):
    """A store-conditional must not succeed by another thread's load-reserved on the same CPU."""
    with boot(1, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, RESERVED))
        finish(machine)
        assert job.exit_status == 0
