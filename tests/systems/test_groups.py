"""Groups on whole machines: their threads run on all CPUs, however few upcalls they have (kse-4, kse-12)."""

import pytest

from tests.systems.guests import build_guest
from tests.systems.test_rust import finish
from tests.systems.test_timekeeper import wait_until

LIBRARY = """
#include <string.h>
#include <sys/syscall.h>
enum { MOST = 8, STACK = 16384 };
static char stacks[MOST + 1][STACK] __attribute__((aligned(16)));
static struct kse_mailbox boxes[MOST];
static int pinned_to(int cpu) {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    CPU_SET(cpu, &mask);
    return sched_setaffinity(0, sizeof mask, &mask) == 0;
}
static long create(int k, void (*func)(struct kse_mailbox *)) {
    boxes[k] = (struct kse_mailbox){.func = func, .stack = stacks[k], .stack_bytes = STACK};
    __asm__("mv %0, tp" : "=r"(boxes[k].thread_pointer));
    return kse_create(&boxes[k], 0);
}
"""

# User thread k is bound to CPU k when it blocks. The upcall then spins on CPU 0, and enters the kernel no more until
# each of them has completed its call: which therefore needs a KSE on its own CPU.
ONE_UPCALL = """
static struct kse_thr_mailbox threads[MOST];
static int count, next = 1, finished, pipes[MOST][2];
static volatile char bytes[MOST];
static atomic_int all_block;
static struct kse_thr_mailbox *ready;
static void library(struct kse_mailbox *box);
static void body(long k) {
    threads[k].flags = TMF_NOUPCALL; /* a call that sleeps is no reason for another kernel thread */
    for (int tries = 0; !pinned_to(k); tries++) {
        if (tries == 0)
            emu_print("waits\\n");
        nap(1000);
    }
    threads[k].flags = 0;
    if (read(pipes[k][0], (char *)&bytes[k], 1) != 1)
        exit(20);
    finished++; /* on the upcall again */
    boxes[0].current = NULL;
    library(&boxes[0]);
}
static void library(struct kse_mailbox *box) {
    int completed = 0;
    for (struct kse_thr_mailbox *t = box->completed; t != NULL; t = t->next)
        completed++;
    if (box->completed != NULL)
        ready = box->completed;
    box->completed = NULL;
    if (next <= count) {
        long k = next++;
        threads[k].x[2] = (long)stacks[k] + STACK;
        threads[k].x[4] = (long)box->thread_pointer;
        threads[k].x[10] = k;
        threads[k].pc = (long)body;
        kse_switchin(&threads[k]);
        exit(21);
    }
    if (next == count + 1) {
        next++;
        if (completed != 0 || !pinned_to(0))
            exit(22);
        atomic_store(&all_block, 1);
        for (int k = 1; k <= count; k++)
            while (bytes[k] == 0)
                ;
        kse_release(NULL);
        exit(23);
    }
    if (ready != NULL) {
        struct kse_thr_mailbox *t = ready;
        ready = t->next;
        kse_switchin(t);
        exit(24);
    }
    if (finished == count)
        exit(0);
    kse_release(NULL); /* some have the byte, and are about to leave the kernel */
    exit(25);
}
static void *writer(void *argument) { /* of no group */
    while (!atomic_load(&all_block))
        nap(1000);
    for (int k = 1; k <= count; k++)
        if (write(pipes[k][1], "x", 1) != 1)
            exit(26);
    for (;;)
        nap(1000000);
    return argument;
}
int main(int argc, char **argv) {
    pthread_t thread;
    count = atoi(argv[argc - 1]);
    for (int k = 1; k <= count; k++)
        pipe(pipes[k]);
    pthread_create(&thread, NULL, writer, NULL);
    if (create(0, library) != 0)
        return 1;
    library(&boxes[0]);
}
"""


@pytest.mark.system("kse-4")
@pytest.mark.parametrize("policy", ["inko", "bsd4", "eevdf", "alux"])
def test_with_one_upcall_threads_complete_their_calls_on_all_cpus_also_on_one_that_comes_later(
    boot, seed, tmp_path, policy
):
    with boot(3, policy, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, LIBRARY + ONE_UPCALL), 3)
        wait_until(lambda: machine.output.read_bytes() == b"waits\n")
        machine.add_cpu()
        finish(machine)
        assert job.exit_status == 0
        cpus = machine.window.machine["cpus"]
        assert cpus["exports"][:4].tolist() == [0, 1, 1, 1], "each CPU has completed the call of its own thread"
        assert int(machine.window.machine["groups"]["nr_upcalls"][0]) == 0


# Two upcalls of one group on one CPU, whose user threads count; a thread of no group changes their importance.
PRIORITIES = """
#include <errno.h>
static volatile long counts[2];
static volatile int tids[2];
static void spin(struct kse_mailbox *box) {
    int k = box - boxes;
    tids[k] = syscall(SYS_gettid);
    for (;;)
        counts[k]++;
}
static void importance(int k, int realtime) {
    struct sched_param parameters = {.sched_priority = realtime};
    if (syscall(SYS_sched_setscheduler, tids[k], realtime ? SCHED_FIFO : SCHED_OTHER, &parameters) != 0)
        exit(20 + errno);
}
/* Thread k counts on from here, and as it does, the other one does not. */
static void has_the_kse(int k) {
    long mine = counts[k];
    while (counts[k] == mine)
        ;
    long others = counts[!k];
    for (mine = counts[k]; counts[k] < mine + 1000000;)
        ;
    if (counts[!k] != others)
        exit(5);
}
static void *controller(void *argument) {
    pin(0);
    while (tids[0] == 0 || tids[1] == 0)
        nap(1000);
    for (int round = 1; round <= 20; round++) { /* 1 and 99 are buckets apart; equals would take turns */
        importance(round & 1, 99);
        importance(!(round & 1), 1);
        has_the_kse(round & 1);
    }
    importance(0, 0);
    has_the_kse(1);
    exit(0);
    return argument;
}
int main(void) {
    pthread_t thread;
    pin(1);
    if (create(0, spin) != 0)
        return 1;
    if (create(1, spin) != 0)
        return 2;
    pthread_create(&thread, NULL, controller, NULL);
    spin(&boxes[0]);
}
"""


@pytest.mark.system("kse-12")
def test_the_kse_of_a_group_goes_to_the_thread_whose_priority_becomes_the_better_one(boot, seed, tmp_path):
    with boot(2, "bsd4", seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, LIBRARY + PRIORITIES))
        finish(machine)
        assert job.exit_status == 0
