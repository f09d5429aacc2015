/* spinwait: rounds in which one thread works and all others wait for it, spinning with sched_yield.
 * Arguments: THREADS ROUNDS STEPS (default 8 200 100000). STEPS: of two instructions each. Prints the rounds. */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "arguments.h"
#include "threads.h"

static long threads, rounds, steps;
static atomic_long done;

static void *take_turns(void *self) {
    for (long round = 0; round < rounds; round++) {
        if (round % threads == (long)self) {
            long left = steps;
            __asm__ volatile("1: addi %0, %0, -1\n   bnez %0, 1b" : "+r"(left));
            atomic_fetch_add(&done, 1);
        }
        while (atomic_load(&done) <= round)
            sched_yield();
    }
    return NULL;
}

int main(int argc, char **argv) {
    threads = argument(argc, argv, 1, 8, 1, MAX_THREADS);
    rounds = argument(argc, argv, 2, 200, 0, 1L << 40);
    steps = argument(argc, argv, 3, 100000, 1, 1L << 40);
    run_threads(threads, take_turns);
    printf("rounds %ld\n", (long)done);
    return 0;
}
