/* independent: threads that share nothing: each stirs a word of its own, in a cache line of its own. What a
 * machine cannot scale here, it cannot scale at all.
 * Arguments: THREADS ITERATIONS (default 8 1000000 each; one iteration is 11 instructions). Prints a checksum. */
#include <stdint.h>
#include <stdio.h>

#include "arguments.h"
#include "threads.h"

static long iterations;
static struct {
    _Alignas(64) volatile uint64_t word;
} own[MAX_THREADS];

static void *stir(void *argument) {
    long self = (long)argument;
    uint64_t word = (uint64_t)self + 1;
    for (long i = 0; i < iterations; i++) {
        word ^= word << 13, word ^= word >> 7, word ^= word << 17;
        own[self].word += word;
    }
    return NULL;
}

int main(int argc, char **argv) {
    long threads = argument(argc, argv, 1, 8, 1, MAX_THREADS);
    iterations = argument(argc, argv, 2, 1000000, 0, 1L << 40);
    run_threads(threads, stir);
    uint64_t checksum = 0;
    for (long i = 0; i < threads; i++)
        checksum = checksum * 31 + own[i].word;
    printf("checksum %016llx\n", (unsigned long long)checksum);
    return 0;
}
