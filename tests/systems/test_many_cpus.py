"""Machines of more CPUs than a word has bits: all policies, affinity to high CPUs, hot-plug, shoot-downs."""

import pytest

from emu.limits import MAX_CPUS
from tests.systems.guests import build_guest
from tests.systems.test_rust import finish

FAR = """
#include <string.h>
#include <sys/mman.h>
#define SIZE (MAX_CPUS / 8)
static int far;
static void *there(void *argument) {
    unsigned char mask[SIZE] = {0};
    mask[far / 8] = 1 << far % 8;
    if (sched_setaffinity(0, SIZE, (cpu_set_t *)mask) != 0)
        exit(2);
    for (int k = 0; k < 20; k++) {
        nap(100);
        if (sched_getcpu() != far)
            exit(3);
        char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        *page = 1;
        munmap(page, 4096); /* the other threads' CPUs are shot at */
    }
    unsigned char known[SIZE] = {0};
    if (sched_getaffinity(0, SIZE, (cpu_set_t *)known) != 0 || memcmp(known, mask, SIZE) != 0)
        exit(4);
    return argument;
}
int main(int argc, char **argv) {
    far = argc > 1 ? atoi(argv[1]) : 0;
    pthread_t threads[4];
    for (int k = 0; k < 4; k++)
        pthread_create(&threads[k], NULL, there, NULL);
    for (int k = 0; k < 4; k++)
        pthread_join(threads[k], NULL);
    puts("was there");
    return 0;
}
""".replace("MAX_CPUS", str(MAX_CPUS))


@pytest.mark.system("rust-1")
@pytest.mark.system("rust-4")
@pytest.mark.parametrize(
    ("policy", "cpus"),
    [("inko", 256), ("random", 80), ("codezero", 80), ("bsd4", 80), ("alux", 128), ("eevdf", 80)],
)
def test_a_machine_of_many_cpus_runs_threads_on_high_ones_and_changes_them(boot, seed, tmp_path, policy, cpus):
    far = build_guest(tmp_path, FAR)
    with boot(cpus, policy, seed=seed) as machine:
        jobs = [machine.spawn("primes", 50_000, 8), machine.spawn(far, str(cpus - 1)), machine.spawn(far, "64")]
        machine.remove_cpu(cpus - 2)
        machine.remove_cpu(65)
        assert machine.add_cpu() == 65 and machine.add_cpu() == cpus - 2
        report = finish(machine)
        assert [job.exit_status for job in jobs] == [0, 0, 0] and report.leaks == {}
        assert machine.output.read_text().count("was there") == 2
