/* yield: threads that do nothing but give up their CPU; it measures the system call and the context switch.
 * Arguments: THREADS ITERATIONS (default 8 10000 each). Prints the total number of yields. */
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "arguments.h"
#include "threads.h"

static long iterations;
static atomic_long total;

static long sched_yield_now(void) {
    register long number __asm__("a7") = SYS_sched_yield;
    register long result __asm__("a0");
    __asm__ volatile("ecall" : "=r"(result) : "r"(number) : "memory");
    return result;
}

static void *yield(void *self) {
    (void)self;
    for (long i = 0; i < iterations; i++)
        if (sched_yield_now() != 0)
            exit(1);
    atomic_fetch_add(&total, iterations);
    return NULL;
}

int main(int argc, char **argv) {
    long threads = argument(argc, argv, 1, 8, 1, MAX_THREADS);
    iterations = argument(argc, argv, 2, 10000, 0, 1L << 40);
    run_threads(threads, yield);
    printf("total %ld\n", total);
    return 0;
}
