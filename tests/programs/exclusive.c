/* Exclusive mode: while a thread has its CPU to itself, no other thread is seen there. With one CPU it is refused. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../../emu/guests/emu.h"
#include "check.h"

enum { OTHERS = 6, CPU = 0 };
static atomic_int exclusive, stop;
static atomic_long seen, laps;

static void *wander(void *argument) {
    while (!atomic_load(&stop)) {
        int before = atomic_load(&exclusive);
        int cpu = sched_getcpu();
        if (before && cpu == CPU && atomic_load(&exclusive))
            atomic_fetch_add(&seen, 1);
        atomic_fetch_add(&laps, 1);
        for (volatile int k = 0; k < 2000; k++)
            ;
        sched_yield();
    }
    return argument;
}

static void nap(long us) {
    struct timespec time = {0, us * 1000};
    nanosleep(&time, NULL);
}

int main(void) {
    CHECK(emu_exclusive(1) == -22); /* not pinned to one CPU */
    cpu_set_t all, mine;
    CHECK(sched_getaffinity(0, sizeof all, &all) == 0);
    int cpus = CPU_COUNT(&all);
    CPU_ZERO(&mine);
    CPU_SET(CPU, &mine);
    if (cpus == 1) {
        CHECK(sched_setaffinity(0, sizeof mine, &mine) == 0);
        CHECK(emu_exclusive(1) == -16);
        puts("ok exclusive");
        return 0;
    }
    pthread_t others[OTHERS];
    for (int k = 0; k < OTHERS; k++)
        CHECK(pthread_create(&others[k], NULL, wander, NULL) == 0);
    CHECK(sched_setaffinity(0, sizeof mine, &mine) == 0);
    sched_yield();
    CHECK(emu_exclusive(1) == 0);
    CHECK(emu_exclusive(1) == -16);
    nap(3000); /* those that were running there have moved */
    atomic_store(&exclusive, 1);
    for (int k = 0; k < 20; k++) {
        CHECK(sched_getcpu() == CPU);
        nap(500);
    }
    atomic_store(&exclusive, 0);
    long before = atomic_load(&laps);
    CHECK(emu_exclusive(0) == 0);
    CHECK(atomic_load(&seen) == 0);
    while (atomic_load(&laps) == before)
        nap(200);
    atomic_store(&stop, 1);
    for (int k = 0; k < OTHERS; k++)
        CHECK(pthread_join(others[k], NULL) == 0);
    puts("ok exclusive");
    return 0;
}
