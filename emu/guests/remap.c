/* remap: one thread takes a page's permission away and gives it back, while others run or sleep on other CPUs.
 * Arguments: OTHERS COUNT SPIN (default 3 100 1): how many other threads, how often, and whether the others run guest
 * code all the time (1) or sleep (0). Each other thread is bound to a CPU of its own, from CPU 1 on. Prints the ns that
 * each mprotect took, a line for each. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "arguments.h"

enum { MOST = 255, PAGE = 4096, SHORT_NS = 1000000 };

static atomic_long ready, stop;
static long spins;

static long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

static void *other(void *argument) {
    long cpu = (long)argument;
    unsigned long mask[4] = {0};
    mask[cpu / 64] = 1UL << cpu % 64;
    sched_setaffinity(0, sizeof mask, (cpu_set_t *)mask);
    atomic_fetch_add(&ready, 1);
    struct timespec nap = {0, SHORT_NS};
    while (!atomic_load_explicit(&stop, memory_order_relaxed))
        if (!spins)
            nanosleep(&nap, NULL);
    return NULL;
}

int main(int argc, char **argv) {
    static pthread_t threads[MOST];
    long others = argument(argc, argv, 1, 3, 0, MOST);
    long count = argument(argc, argv, 2, 100, 1, 1000000);
    spins = argument(argc, argv, 3, 1, 0, 1);
    unsigned long mask[4] = {1, 0, 0, 0};
    sched_setaffinity(0, sizeof mask, (cpu_set_t *)mask);
    char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long *took_ns = malloc(count * sizeof *took_ns);
    if (page == MAP_FAILED || took_ns == NULL) {
        perror("remap");
        return 2;
    }
    for (long k = 0; k < others; k++)
        if (pthread_create(&threads[k], NULL, other, (void *)(k + 1)) != 0) {
            perror("remap: pthread_create");
            return 2;
        }
    while (atomic_load(&ready) < others)
        sched_yield();
    for (long k = 0; k < count; k++) {
        page[k % PAGE] = 1;
        long start_ns = now_ns();
        mprotect(page, PAGE, PROT_READ);
        took_ns[k] = now_ns() - start_ns;
        mprotect(page, PAGE, PROT_READ | PROT_WRITE);
    }
    atomic_store(&stop, 1);
    for (long k = 0; k < others; k++)
        pthread_join(threads[k], NULL);
    for (long k = 0; k < count; k++)
        printf("%ld\n", took_ns[k]);
    return 0;
}
