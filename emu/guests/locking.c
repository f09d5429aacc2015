/* locking: threads that add to one counter under one mutex, with some work of their own in between.
 * Arguments: THREADS ITERATIONS WORK (default 8 10000 100: WORK is the private steps, 3 instructions each, between
 * two lockings). Prints the total; exit status 1 if an addition was lost. */
#include <stdint.h>
#include <stdio.h>

#include "arguments.h"
#include "threads.h"

static long iterations, work;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long total; /* guarded by lock */

static void *add(void *self) {
    (void)self;
    for (long i = 0; i < iterations; i++) {
        for (long step = 0; step < work; step++)
            __asm__ volatile("" : "+r"(step));
        pthread_mutex_lock(&lock);
        total++;
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

int main(int argc, char **argv) {
    long threads = argument(argc, argv, 1, 8, 1, MAX_THREADS);
    iterations = argument(argc, argv, 2, 10000, 0, 1L << 40);
    work = argument(argc, argv, 3, 100, 0, 1L << 40);
    run_threads(threads, add);
    printf("total %ld\n", total);
    return total != threads * iterations;
}
