/* A thread that never calls anything does not keep the others from running, and a preempted thread finds all its
 * registers again, wherever it was. */
#include "kse_check.h"

enum { BUSY = 4, WORDS = 12 };

static atomic_int stop, rounds;

static void *never_call(void *argument) {
    while (!stop)
        ;
    return argument;
}

/* Integer and floating-point values in registers, through many preemptions: each step can be undone exactly. */
static void *compute(void *argument) {
    uint64_t x[WORDS];
    double d[WORDS];
    for (int n = 0; n < WORDS; n++)
        x[n] = (uint64_t)argument * 31 + n, d[n] = (double)(long)argument + n;
    while (!stop) {
        for (int step = 0; step < 1000; step++)
            for (int n = 0; n < WORDS; n++)
                x[n] = x[n] * 0x5DEECE66Dul + 11, d[n] += 1.5;
        for (int step = 0; step < 1000; step++)
            for (int n = 0; n < WORDS; n++)
                x[n] = (x[n] - 11) * 0xDFE05BCB1365ul, d[n] -= 1.5; /* the inverse modulo 2^48 */
        for (int n = 0; n < WORDS; n++)
            CHECK((x[n] & 0xFFFFFFFFFFFFul) == (uint64_t)argument * 31 + n && d[n] == (double)(long)argument + n);
        atomic_fetch_add(&rounds, 1);
    }
    return argument;
}

int main(int argc, char **argv) {
    start(argc, argv, 1 * MS);
    kse_t busy[BUSY], computing[BUSY];
    for (long n = 0; n < BUSY; n++) {
        busy[n] = create(never_call, n);
        computing[n] = create(compute, n + 1);
    }
    while (rounds < 20 * BUSY)
        kse_yield();
    for (int n = 0; n < 20; n++)
        kse_sleep_ns(MS); /* ends although nobody gives way */
    stop = 1;
    for (long n = 0; n < BUSY; n++)
        CHECK(join(busy[n]) == n && join(computing[n]) == n + 1);
    unsigned long upcalls = 0;
    for (int n = 0; n < kse.nr_vps; n++)
        upcalls += kse.vps[n].upcalls;
    CHECK(upcalls > 10);
    return ok("preemption");
}
