/* sleepers: threads that sleep at the same time, by nanosleep.
 * Arguments: THREADS MILLISECONDS (default 8 100). Prints how many woke; exit status 1 if one woke too early. */
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "arguments.h"
#include "threads.h"

static long milliseconds;
static atomic_long woke, early;

static long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

static void *sleep_once(void *self) {
    (void)self;
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    long start_ns = now_ns();
    nanosleep(&time, NULL);
    if (now_ns() - start_ns < milliseconds * 1000000)
        atomic_fetch_add(&early, 1);
    atomic_fetch_add(&woke, 1);
    return NULL;
}

int main(int argc, char **argv) {
    long threads = argument(argc, argv, 1, 8, 1, MAX_THREADS);
    milliseconds = argument(argc, argv, 2, 100, 0, 1L << 40);
    run_threads(threads, sleep_once);
    printf("%ld woke\n", woke);
    return early != 0;
}
